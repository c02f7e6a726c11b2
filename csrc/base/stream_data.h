/* What a TCP stream hands on: bytes in order, holes, problems. Written by tcp, read by levin; it
 * knows neither. */
#ifndef MT_BASE_STREAM_DATA_H
#define MT_BASE_STREAM_DATA_H

#include "base/packet_ref.h"
#include "base/vocabulary.h"

#include <stdint.h>

/* Bytes of one TCP segment that are next in their stream. */
struct mt_stream_data {
    const uint8_t *bytes; /* valid during the call only */
    uint32_t size;
    int64_t offset;        /* stream offset of bytes[0] */
    int64_t segment_begin; /* stream offsets of the whole segment on the wire, of which this may be
                              a part */
    int64_t segment_end;
    int64_t prior_end; /* where an earlier part of the same segment ended, INT64_MIN if this is the
                          first */
    int64_t acknowledged; /* offset in the opposite stream that the segment acknowledges, INT64_MIN
                             if unknown */
    struct mt_packet_ref ref;
};

/* Why the bytes of a hole are missing. */
enum mt_hole {
    MT_HOLE_SNAPPED, /* cut by the snap length */
    MT_HOLE_LIMIT,   /* too much waits after it, or for too long */
    MT_HOLE_ACKED,   /* the receiver has the bytes: the capture missed them */
    MT_HOLE_END      /* the connection or the capture ended */
};

/* Why of a conflict: the same sentence wherever repeated bytes are compared. */
#define MT_CONFLICT_TEXT "repeated with other bytes; the first copy was taken"

/* A row of problems in the making, of a stream or of a connection. */
struct mt_problem {
    enum mt_problem_kind kind;
    int64_t offset; /* stream offset, -1 if none */
    int64_t bytes;
    const char *why; /* copied by who receives it */
    const struct mt_packet_ref *ref;
};

#endif
