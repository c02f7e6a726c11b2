#include "net/tcp_checksum.h"

#include "base/bytes.h"

enum { PROTOCOL_TCP = 6 };

#if defined(__x86_64__) && !defined(MT_PORTABLE)
#define VECTORS 1
#include <immintrin.h>
#endif

/* The one's complement sum does not depend on byte order (RFC 1071), nor on the width of the words:
 * they are little-endian and have 64 bits. The sum is below 2^128: no carry is lost. */
typedef unsigned __int128 wide;

static inline wide add_words(wide sum, const uint8_t *bytes, uint32_t size)
{
    const uint8_t *end = bytes + size;
    for (uint32_t blocks = size / 32; blocks != 0; blocks--, bytes += 32) {
        sum += mt_le64(bytes);
        sum += mt_le64(bytes + 8);
        sum += mt_le64(bytes + 16);
        sum += mt_le64(bytes + 24);
    }
    for (uint32_t words = size % 32 / 8; words != 0; words--, bytes += 8)
        sum += mt_le64(bytes);
    uint32_t rest = size % 8;
    return rest != 0 ? sum + (mt_le64(end - 8) >> (64 - 8 * rest)) : sum;
}

#ifdef VECTORS
enum {
    BLOCK = 32,     /* bytes of a vector */
    WORDS = 16,     /* of 16 bits in it */
    MOST = 1 << 13, /* blocks after which no sum of 32 bits overflows */
    MIDDLE = 0x8000 /* words are signed here: this less than they are */
};

/* The sum of the 16-bit words of blocks. */
__attribute__((target("avx2"))) static uint64_t sum_blocks(const uint8_t *bytes, uint32_t blocks)
{
    const __m256i middle = _mm256_set1_epi16((short)MIDDLE), ones = _mm256_set1_epi16(1);
    __m256i even = _mm256_setzero_si256(), odd = even, first, second;
    uint32_t pairs = blocks / 2;
    for (; pairs != 0; pairs--, bytes += 2 * BLOCK) {
        memcpy(&first, bytes, sizeof first);
        memcpy(&second, bytes + BLOCK, sizeof second);
        first = _mm256_madd_epi16(_mm256_xor_si256(first, middle), ones);
        second = _mm256_madd_epi16(_mm256_xor_si256(second, middle), ones);
        even = _mm256_add_epi32(even, first);
        odd = _mm256_add_epi32(odd, second);
    }
    if (blocks % 2 != 0) {
        memcpy(&first, bytes, sizeof first);
        even = _mm256_add_epi32(even, _mm256_madd_epi16(_mm256_xor_si256(first, middle), ones));
    }
    int32_t sums[8];
    int64_t sum = (int64_t)MIDDLE * WORDS * blocks;
    even = _mm256_add_epi32(even, odd);
    memcpy(sums, &even, sizeof sums);
    for (int i = 0; i < 8; i++)
        sum += sums[i];
    return (uint64_t)sum;
}
#endif

/* Adds at least 8 bytes. */
static inline wide add_bytes(wide sum, const uint8_t *bytes, uint32_t size)
{
#ifdef VECTORS
    if (size >= 4 * BLOCK && __builtin_cpu_supports("avx2")) {
        for (uint32_t blocks; size >= 4 * BLOCK; size -= blocks * BLOCK, bytes += blocks * BLOCK) {
            blocks = size / BLOCK < MOST ? size / BLOCK : MOST;
            sum += sum_blocks(bytes, blocks);
        }
    }
#endif
    return add_words(sum, bytes, size);
}

/* 1 if the one's complement sum of all 16-bit words is 0. The sum itself must not be 0. */
static inline int is_zero(wide sum)
{
    uint64_t low = (uint64_t)sum & 0xffffffff, middle = (uint64_t)sum >> 32;
    return (low + middle + (uint64_t)(sum >> 64)) % 0xffff == 0; /* 2^32 and 2^64 are 1 */
}

enum mt_checksum mt_tcp_checksum(const struct mt_segment *segment)
{
    if (segment->header_size == 0 || segment->captured != segment->length)
        return MT_CHECKSUM_UNKNOWN;
    if (segment->has_sums)
        return (enum mt_checksum)segment->checksum;
    uint32_t size = segment->header_size + segment->length;
    wide sum = (uint32_t)__builtin_bswap16(PROTOCOL_TCP) +
               (uint32_t)__builtin_bswap16((uint16_t)size) +
               (uint32_t)__builtin_bswap16((uint16_t)(size >> 16));
    const uint8_t *source = segment->source.bytes, *destination = segment->destination.bytes;
    sum += mt_le64(source);
    sum += mt_le64(source + 8);
    sum += mt_le64(destination);
    sum += mt_le64(destination + 8);
    sum = add_bytes(sum, segment->payload - segment->header_size, size);
    return is_zero(sum) ? MT_CHECKSUM_RIGHT : MT_CHECKSUM_WRONG;
}
