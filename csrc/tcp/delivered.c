#include "tcp/delivered.h"

#include "base/bytes.h"

#include <stddef.h>

/* Of a long segment both ends are looked at, so that the cost of one is bounded. */
enum { LOOKED_AT = 128 };

static uint64_t mix(uint64_t digest, uint64_t key, const uint8_t *bytes, uint32_t size)
{
    uint32_t at = 0;
    for (; at + 8 <= size; at += 8)
        digest = ((digest << 23 | digest >> 41) ^ mt_le64(bytes + at)) * key;
    for (; at < size; at++)
        digest = ((digest << 23 | digest >> 41) ^ bytes[at]) * key;
    return digest;
}

static uint64_t digest_of(uint64_t key, const uint8_t *bytes, uint32_t size)
{
    uint64_t odd = key | 1;
    if (size <= 2 * LOOKED_AT)
        return mix(key ^ size, odd, bytes, size);
    uint64_t digest = mix(key ^ size, odd, bytes, LOOKED_AT);
    return mix(digest, odd, bytes + (size - LOOKED_AT), LOOKED_AT);
}

void mt_delivered_add(struct mt_delivered *delivered, uint64_t key, const uint8_t *bytes,
                      int64_t begin, uint32_t size)
{
    delivered->segments[delivered->next] =
        (struct mt_delivered_segment){begin, begin + size, digest_of(key, bytes, size)};
    delivered->next = (delivered->next + 1) % MT_DELIVERED;
}

const struct mt_delivered_segment *
mt_delivered_find_difference(const struct mt_delivered *delivered, uint64_t key,
                             const uint8_t *bytes, int64_t begin, int64_t end)
{
    for (uint32_t i = 0; i < MT_DELIVERED; i++) {
        const struct mt_delivered_segment *segment = &delivered->segments[i];
        if (segment->begin == segment->end || segment->begin < begin || segment->end > end)
            continue;
        if (digest_of(key, bytes + (segment->begin - begin),
                      (uint32_t)(segment->end - segment->begin)) != segment->digest)
            return segment;
    }
    return NULL;
}
