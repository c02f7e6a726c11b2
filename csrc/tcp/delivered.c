#include "tcp/delivered.h"

#include "base/bytes.h"

#include <stddef.h>

/* The halves of the product of two words. A word that a sender chooses is combined with a secret
 * first, since a factor of 0 would hide the other one. */
static inline uint64_t fold(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Up to 16 bytes as two words, which overlap if there are fewer. */
static inline uint64_t first_word(const uint8_t *bytes, uint32_t size)
{
    if (size >= 8)
        return mt_le64(bytes);
    if (size >= 4)
        return mt_le32(bytes);
    return size != 0 ? bytes[0] | (uint64_t)bytes[size / 2] << 8 : 0;
}

static inline uint64_t last_word(const uint8_t *bytes, uint32_t size)
{
    if (size >= 8)
        return mt_le64(bytes + size - 8);
    if (size >= 4)
        return mt_le32(bytes + size - 4);
    return size != 0 ? bytes[size - 1] : 0;
}

/* `digest` extended by `size` bytes: one multiplication for 16 bytes. The last 16 of more than 16
 * bytes may overlap the ones before. */
static inline uint64_t extend(uint64_t digest, uint64_t key, const uint8_t *bytes, uint32_t size)
{
    if (size <= 16)
        return fold(first_word(bytes, size) ^ key, last_word(bytes, size) ^ digest);
    const uint8_t *last = bytes + size - 16;
    for (; bytes + 16 < last; bytes += 32) {
        digest = fold(mt_le64(bytes) ^ key, mt_le64(bytes + 8) ^ digest);
        digest = fold(mt_le64(bytes + 16) ^ key, mt_le64(bytes + 24) ^ digest);
    }
    if (bytes < last)
        digest = fold(mt_le64(bytes) ^ key, mt_le64(bytes + 8) ^ digest);
    return fold(mt_le64(last) ^ key, mt_le64(last + 8) ^ digest);
}

static uint64_t digest_of(uint64_t key, const uint8_t *bytes, uint32_t size)
{
    uint64_t digest = fold(key, key ^ (UINT64_C(0x9E3779B97F4A7C15) + size));
    return extend(digest, key, bytes, size);
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
