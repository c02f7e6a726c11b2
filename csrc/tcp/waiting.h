/* Segments that wait after a hole of one direction: a ring sorted by offset, never overlapping.
 * Used by reassembly.
 *
 * Segments come in order, in reverse order, or anywhere: the shorter side of the ring makes room,
 * so that the usual cases move nothing, and the worst half of what the limit on waiting segments
 * allows. */
#ifndef MT_TCP_WAITING_H
#define MT_TCP_WAITING_H

#include "base/budget.h"
#include "base/stream_data.h"

#include <stdint.h>

/* A segment's bytes. */
struct mt_waiting {
    struct mt_stream_data data; /* data.bytes points to bytes[] */
    int64_t end; /* stream offset of its end on the wire: beyond data.size where the snap length
                    cut. Nothing but cut bytes: data.size is 0 */
    uint32_t packet_captured; /* as of mt_segment */
    uint8_t bytes[];
};

/* Zeroed: an empty ring. */
struct mt_waiting_ring {
    struct mt_waiting **items;
    uint32_t first, count, capacity; /* the capacity is a power of two */
    int64_t bytes;                   /* payload bytes of all */
};

/* The segment at `index`, which must be less than the count. */
static inline struct mt_waiting *mt_waiting_at(const struct mt_waiting_ring *ring, uint32_t index)
{
    return ring->items[(ring->first + index) & (ring->capacity - 1)];
}

/* The segment with the lowest offset; the ring must not be empty. */
static inline struct mt_waiting *mt_waiting_first(const struct mt_waiting_ring *ring)
{
    return mt_waiting_at(ring, 0);
}

/* Returns the index of the first segment that ends beyond `offset`, or the count. */
uint32_t mt_waiting_find(const struct mt_waiting_ring *ring, int64_t offset);

/* Returns where the segments end that follow `offset` without a gap: `offset` if none does. Looks
 * at the first 64 only. */
int64_t mt_waiting_reach(const struct mt_waiting_ring *ring, int64_t offset);

/* 1 if every byte of [begin, end) is in a segment. */
int mt_waiting_covers(const struct mt_waiting_ring *ring, int64_t begin, int64_t end);

/* Copies `data` into the ring at `index`; on the wire it ends at `end`. Its packet had
 * `packet_captured` bytes. MT_OK or MT_NOMEM. */
int mt_waiting_insert(struct mt_waiting_ring *ring, struct mt_budget *budget, uint32_t index,
                      const struct mt_stream_data *data, int64_t end, uint32_t packet_captured);

/* Removes and returns the first segment; the caller owns it: mt_free. */
struct mt_waiting *mt_waiting_remove_first(struct mt_waiting_ring *ring, struct mt_budget *budget);

/* Removes [begin, end) from the bytes that the snap length cut from the segment at `index`, which
 * must contain them; what is left after them is a segment of its own. Returns MT_NOMEM, or MT_OK
 * with the index of the first segment after the gap in *index. */
int mt_waiting_open(struct mt_waiting_ring *ring, struct mt_budget *budget, uint32_t *index,
                    int64_t begin, int64_t end);

/* A ring that had to grow large is not kept while nothing waits: there may be very many streams. */
void mt_waiting_shrink(struct mt_waiting_ring *ring);

/* Frees all that waits. */
void mt_waiting_free(struct mt_waiting_ring *ring, struct mt_budget *budget);

#endif
