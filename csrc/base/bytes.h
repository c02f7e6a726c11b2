/* Integers from bytes at any alignment, without casts; compilers turn each into one load. Knows
 * nothing of formats. Used by every layer that parses. */
#ifndef MT_BASE_BYTES_H
#define MT_BASE_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "monerotraffic's core is written for little-endian machines"
#endif

/* The integer of 2, 4 or 8 bytes at `p`, little-endian (le) or big-endian (be). */
static inline uint16_t mt_le16(const uint8_t *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return v;
}
static inline uint32_t mt_le32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}
static inline uint64_t mt_le64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}
static inline uint16_t mt_be16(const uint8_t *p)
{
    return __builtin_bswap16(mt_le16(p));
}
static inline uint32_t mt_be32(const uint8_t *p)
{
    return __builtin_bswap32(mt_le32(p));
}
static inline uint64_t mt_be64(const uint8_t *p)
{
    return __builtin_bswap64(mt_le64(p));
}

/* 1 if all of `size` bytes are 0, also without any bytes. */
static inline int mt_all_zero(const uint8_t *p, size_t size)
{
    uint8_t bits = 0;
    for (size_t i = 0; i < size; i++)
        bits |= p[i];
    return bits == 0;
}

/* Less than, equal to or greater than 0 as a is to b bytewise; of two of which one begins with the
 * other the shorter is less. Neither may be NULL. */
static inline int mt_compare(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size)
{
    int order = memcmp(a, b, a_size < b_size ? a_size : b_size);
    return order != 0 ? order : (a_size > b_size) - (a_size < b_size);
}

/* How many of `size` bytes differ; *first is the index of the first one, if any does. */
static inline int64_t mt_count_differences(const uint8_t *a, const uint8_t *b, int64_t size,
                                           int64_t *first)
{
    int64_t count = 0;
    if (size <= 0 || memcmp(a, b, (size_t)size) == 0)
        return 0;
    for (int64_t i = 0; i < size; i++) {
        if (a[i] != b[i] && count++ == 0)
            *first = i;
    }
    return count;
}

#endif
