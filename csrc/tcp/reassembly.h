/* One direction of a TCP connection: segments in, bytes in order out. It knows neither the
 * connection nor what its bytes mean; used by connection.c.
 *
 * Offsets are 64-bit: 0 is the byte after the SYN, or the first byte seen. Orderly segments are
 * handed down where they lie; only what is ahead of a hole is copied. The first copy of a byte
 * wins. Bytes that the snap length cut are a hole, which a copy that has them closes; where none
 * can be expected (snap_lengths.h), they are lost at once. */
#ifndef MT_TCP_REASSEMBLY_H
#define MT_TCP_REASSEMBLY_H

#include "base/budget.h"
#include "base/limits.h"
#include "base/stream_data.h"
#include "net/packet.h"
#include "tcp/delivered.h"
#include "tcp/snap_lengths.h"
#include "tcp/waiting.h"

#include <stdint.h>

struct mt_lost_range {
    int64_t begin, end;
};

struct mt_reassembly {
    int64_t next;         /* offset of the next byte to hand down */
    int64_t highest;      /* end of the furthest byte seen */
    int64_t lowest;       /* 0, or below it where a stream begun in the middle showed earlier bytes
                             late */
    int64_t sent;         /* furthest offset that an accepted segment reached, FIN included */
    int64_t acknowledged; /* furthest offset that the receiver acknowledged */
    int64_t claimed;      /* offset beyond `sent` that it seemed to acknowledge last; 0: none */
    int64_t doubted;      /* bytes before this offset were read before the receiver was seen, and
                             its first acknowledgement does not cover them, or is beyond a hole
                             after them; 0: none */
    int64_t edge;         /* right edge of the receiver's window, INT64_MIN: unknown */
    int64_t fin;          /* offset of the FIN, -1 if none was seen */
    struct mt_waiting_ring waiting; /* all beyond `next` */
    int64_t stuck_since;            /* time at which the present hole was first seen */
    int64_t acked_since; /* time at which the receiver was first seen to have it, MT_NO_TIME: not
                            yet */
    uint32_t acked_segments; /* packets of the connection since then */
    uint32_t base;           /* sequence number of offset 0 */
    uint8_t started;         /* base is known */
    uint8_t from_syn;        /* ... from a SYN */
    uint8_t hole_acked;
    uint8_t unfilled;                  /* holes of cut bytes given up since a copy closed one */
    uint32_t delivered_count;          /* segments that were put there */
    struct mt_delivered *delivered;    /* owned; NULL: repeated bytes are not compared */
    struct mt_lost_range *lost_ranges; /* the last few holes given up, to know late bytes from
                                          repeated ones */
    uint32_t lost_count;
    int64_t bytes, retransmitted, out_of_order, lost; /* see connections in rows.h */
};

/* Where a stream's bytes go, and what bounds them. Each callback returns MT_OK or MT_NOMEM. */
struct mt_reassembly_callbacks {
    const struct mt_limits *limits;
    uint64_t *limit_hits; /* mt_limit_hits */
    struct mt_budget *buffered;
    const struct mt_payload_key *key;           /* of digests */
    const struct mt_snap_lengths *snap_lengths; /* NULL: cut bytes are lost at once */
    void *context;
    /* The next bytes in order. */
    int (*data)(void *context, const struct mt_stream_data *data);
    /* `size` bytes from `offset` on are missing. */
    int (*hole)(void *context, int64_t offset, int64_t size, enum mt_hole why,
                const struct mt_packet_ref *ref);
    /* Bytes that were handed down before came again; the reader may still hold the first copy to
     * compare with. MT_END if it reported that they differ. */
    int (*repeated)(void *context, const uint8_t *bytes, int64_t offset, int64_t size,
                    const struct mt_packet_ref *ref);
    /* Repeated bytes that differ from the first copy; bytes that can no longer be handed down:
     * late, or before the beginning, or far out of the window. */
    int (*problem)(void *context, const struct mt_problem *problem);
};

/* Offset 0 is the byte with this sequence number. */
void mt_reassembly_start(struct mt_reassembly *stream, uint32_t sequence, int from_syn);

/* Stream offset of a sequence number near the end of what was seen. The stream must be started. */
int64_t mt_reassembly_offset(const struct mt_reassembly *stream, uint32_t sequence);

/* One segment with payload, its first byte at `offset`. `acknowledged` as in mt_stream_data. MT_OK
 * or MT_NOMEM. */
int mt_reassembly_segment(struct mt_reassembly *stream,
                          const struct mt_reassembly_callbacks *callbacks,
                          const struct mt_segment *segment, int64_t offset, int64_t acknowledged,
                          const struct mt_packet_ref *ref);

/* The same in the usual case: the segment at `next`, captured whole, while nothing waits. Its bytes
 * are not handed down: the caller does that with mt_reassembly_data. */
void mt_reassembly_next(struct mt_reassembly *stream, const struct mt_payload_key *key,
                        const struct mt_segment *segment);

/* The bytes of a whole segment; the parameters are those of mt_reassembly_segment. */
static inline struct mt_stream_data mt_reassembly_data(const struct mt_segment *segment,
                                                       int64_t offset, int64_t acknowledged,
                                                       const struct mt_packet_ref *ref)
{
    return (struct mt_stream_data){.bytes = segment->payload,
                                   .size = segment->captured,
                                   .offset = offset,
                                   .segment_begin = offset,
                                   .segment_end = offset + segment->length,
                                   .prior_end = INT64_MIN,
                                   .acknowledged = acknowledged,
                                   .ref = *ref};
}

/* 1 if an acknowledgement number is of this stream: of its SYN, and perhaps of data that was seen.
 */
int mt_reassembly_is_acknowledged(const struct mt_reassembly *stream, uint32_t acknowledgement);

/* Where the bytes end that follow `next` unbroken on the wire: beyond `next` while bytes that the
 * snap length cut are waited for. */
static inline int64_t mt_reassembly_seen_to(const struct mt_reassembly *stream)
{
    return mt_waiting_reach(&stream->waiting, stream->next);
}

/* 1 if some byte of [begin, end) was handed down, given up, or waits. */
int mt_reassembly_has(const struct mt_reassembly *stream, int64_t begin, int64_t end);

/* 1 if every byte of [begin, end) was handed down, given up, or waits. */
int mt_reassembly_has_all(const struct mt_reassembly *stream, int64_t begin, int64_t end);

/* Called around every packet of the connection while something waits. Before it (`ref` is NULL):
 * gives up cut bytes of which no copy is expected any more. After it: gives the hole up if its time
 * has come. MT_OK or MT_NOMEM. */
int mt_reassembly_tick(struct mt_reassembly *stream,
                       const struct mt_reassembly_callbacks *callbacks,
                       const struct mt_packet_ref *ref);

/* Bytes after the last one seen that are known to have existed, by the FIN or the receiver's
 * acknowledgement. */
int64_t mt_reassembly_tail(const struct mt_reassembly *stream);

/* Gives up every hole, one after the other, and the tail that is known to have existed (FIN,
 * acknowledgement) and was not seen. MT_OK or MT_NOMEM. */
int mt_reassembly_end(struct mt_reassembly *stream, const struct mt_reassembly_callbacks *callbacks,
                      const struct mt_packet_ref *ref);

/* Frees what waits, without handing it down. */
void mt_reassembly_free(struct mt_reassembly *stream, struct mt_budget *buffered);

#endif
