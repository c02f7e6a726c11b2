#include "tcp/delivered.h"

#include <stddef.h>

const struct mt_delivered_segment *
mt_delivered_find_difference(const struct mt_delivered *delivered, const struct mt_payload_key *key,
                             const uint8_t *bytes, int64_t begin, int64_t end)
{
    for (uint32_t i = 0; i < MT_DELIVERED; i++) {
        const struct mt_delivered_segment *segment = &delivered->segments[i];
        if (segment->begin == segment->end || segment->begin < begin || segment->end > end)
            continue;
        if (mt_payload_digest(key, bytes + (segment->begin - begin),
                              (size_t)(segment->end - segment->begin)) != segment->digest)
            return segment;
    }
    return NULL;
}
