/* Keyed digests of the segments that were handed on last, to notice repeated bytes that differ.
 * Used by reassembly; holds no bytes. */
#ifndef MT_TCP_DELIVERED_H
#define MT_TCP_DELIVERED_H

#include "net/payload_digest.h"

#include <stdint.h>

enum { MT_DELIVERED = 16 }; /* segments remembered for a direction */

struct mt_delivered_segment {
    int64_t begin, end; /* stream offsets */
    uint64_t digest;    /* mt_payload_digest of its bytes */
};

/* The last segments, in a ring. Zeroed: none. */
struct mt_delivered {
    struct mt_delivered_segment segments[MT_DELIVERED];
};

/* Where the segment with this number goes, from 0, in order. The number is the caller's, so that no
 * more of the ring is touched. */
static inline struct mt_delivered_segment *mt_delivered_at(struct mt_delivered *delivered,
                                                           uint32_t number)
{
    return &delivered->segments[number % MT_DELIVERED];
}

/* A remembered segment within [begin, end) whose bytes differ from the ones at `bytes`, which begin
 * at `begin`; or NULL. */
const struct mt_delivered_segment *
mt_delivered_find_difference(const struct mt_delivered *delivered, const struct mt_payload_key *key,
                             const uint8_t *bytes, int64_t begin, int64_t end);

#endif
