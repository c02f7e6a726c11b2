/* A piece: bytes of one TCP segment that are next in their stream. What reassembly hands down to
 * whoever reads the stream. */
#ifndef MT_TCP_STREAM_DATA_H
#define MT_TCP_STREAM_DATA_H

#include "net/packet.h"

#include <stdint.h>

struct mt_piece {
    const uint8_t *data; /* valid during the call only */
    uint32_t size;
    int64_t offset;        /* stream offset of data[0] */
    int64_t segment_begin; /* stream offsets of the whole segment on the wire, of which this may be
                              a part */
    int64_t segment_end;
    int64_t prior_end; /* where an earlier piece of the same segment ended, INT64_MIN if this is the
                          first */
    int64_t acknowledged; /* offset in the opposite stream that the segment acknowledges, INT64_MIN
                             if unknown */
    struct mt_packet_ref ref;
};

enum mt_hole {
    MT_HOLE_SNAPPED, /* cut by the snap length */
    MT_HOLE_LIMIT,   /* too much waits behind it, or for too long */
    MT_HOLE_ACKED,   /* the receiver has the bytes: the capture missed them */
    MT_HOLE_END      /* the connection or the capture ended */
};

/* A reader of one stream. Both return MT_OK or MT_NOMEM. */
struct mt_reader {
    int (*data)(void *context, const struct mt_piece *piece);
    int (*hole)(void *context, int64_t offset, int64_t size, enum mt_hole why,
                const struct mt_packet_ref *place);
    void *context;
};

#endif
