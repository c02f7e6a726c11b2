#include "net/payload_digest.h"

#include "base/bytes.h"
#include "base/hash.h"

#include <string.h>

/* The digest is NH (Black and others, UMAC, 1999) over words of 32 bits: each stretch is the sum of
 * products of two words, to each of which a secret is added. The sums of the stretches are hashed
 * one after the other. The same function is written for vectors of 32 bytes and for words. */
#if defined(__x86_64__) && !defined(MT_PORTABLE)
#define VECTORS 1
#include <immintrin.h>
#endif

void mt_payload_key_init(struct mt_payload_key *key)
{
    mt_random_fill(key, sizeof *key);
}

static inline uint64_t sum_of_block(const uint64_t *words, const uint8_t *block)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < MT_PAYLOAD_BLOCK / 8; i++) {
        uint64_t word = mt_le64(block + 8 * i);
        uint32_t low = (uint32_t)word + (uint32_t)words[i],
                 high = (uint32_t)(word >> 32) + (uint32_t)(words[i] >> 32);
        sum += (uint64_t)low * high;
    }
    return sum;
}

/* The sum of one stretch: whole blocks at `bytes` and, unless NULL, one more at `last`. */
static inline uint64_t sum_of(const uint64_t *words, const uint8_t *bytes, size_t blocks,
                              const uint8_t *last)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < blocks; i++, words += MT_PAYLOAD_BLOCK / 8)
        sum += sum_of_block(words, bytes + i * MT_PAYLOAD_BLOCK);
    return last != NULL ? sum + sum_of_block(words, last) : sum;
}

#ifdef VECTORS
/* The products of a block, added to the sums. */
static inline __attribute__((always_inline, target("avx2"))) __m256i
add_products(__m256i sums, const uint64_t *words, const uint8_t *block)
{
    __m256i secret, value;
    memcpy(&secret, words, sizeof secret);
    memcpy(&value, block, sizeof value);
    value = _mm256_add_epi32(value, secret);
    return _mm256_add_epi64(sums, _mm256_mul_epu32(value, _mm256_srli_epi64(value, 32)));
}

__attribute__((target("avx2"))) static uint64_t
sum_of_vectors(const uint64_t *words, const uint8_t *bytes, size_t blocks, const uint8_t *last)
{
    enum { STEP = MT_PAYLOAD_BLOCK };
    __m256i even = _mm256_setzero_si256(), odd = _mm256_setzero_si256();
    for (; blocks >= 4; blocks -= 4, bytes += 4 * STEP, words += 4 * STEP / 8) {
        even = add_products(even, words, bytes);
        odd = add_products(odd, words + 4, bytes + STEP);
        even = add_products(even, words + 8, bytes + 2 * STEP);
        odd = add_products(odd, words + 12, bytes + 3 * STEP);
    }
    for (; blocks > 0; blocks--, bytes += STEP, words += STEP / 8)
        even = add_products(even, words, bytes);
    if (last != NULL)
        odd = add_products(odd, words, last);
    uint64_t sums[4];
    even = _mm256_add_epi64(even, odd);
    memcpy(sums, &even, sizeof sums);
    return sums[0] + sums[1] + sums[2] + sums[3];
}
#endif

static inline uint64_t stretch(const uint64_t *words, const uint8_t *bytes, size_t blocks,
                               const uint8_t *last)
{
#ifdef VECTORS
    if (__builtin_cpu_supports("avx2"))
        return sum_of_vectors(words, bytes, blocks, last);
#endif
    return sum_of(words, bytes, blocks, last);
}

/* Bytes that do not fill a block are hashed with those before them; fewer than a block with zeros
 * after them. */
uint64_t mt_payload_digest(const struct mt_payload_key *key, const uint8_t *bytes, size_t size)
{
    uint8_t only[MT_PAYLOAD_BLOCK] = {0};
    uint64_t digest = mt_hash_mix(key->joint, size);
    size_t left = size;
    for (; left > MT_PAYLOAD_STRETCH; left -= MT_PAYLOAD_STRETCH, bytes += MT_PAYLOAD_STRETCH)
        digest =
            mt_hash_more(digest, key->joint,
                         stretch(key->words, bytes, MT_PAYLOAD_STRETCH / MT_PAYLOAD_BLOCK, NULL));
    size_t blocks = left / MT_PAYLOAD_BLOCK;
    const uint8_t *last = left % MT_PAYLOAD_BLOCK != 0 ? bytes + left - MT_PAYLOAD_BLOCK : NULL;
    if (size < MT_PAYLOAD_BLOCK) {
        if (size != 0)
            memcpy(only, bytes, size);
        last = only;
    }
    return mt_hash_more(digest, key->joint, stretch(key->words, bytes, blocks, last));
}
