#include "net/tcp_checksum.h"

#include "base/bytes.h"

#include <string.h>

enum { PROTOCOL_TCP = 6 };

/* The one's complement sum does not depend on byte order (RFC 1071): words are little-endian. */
/* Sums of the lower and upper halves of words: no carry is lost within any packet. */
struct sums {
    uint64_t low, high;
};

static inline struct sums add_word(struct sums sums, uint64_t word)
{
    return (struct sums){sums.low + (word & 0xffffffff), sums.high + (word >> 32)};
}

static inline struct sums add_bytes(struct sums sums, const uint8_t *bytes, uint32_t size)
{
    uint8_t tail[8] = {0};
    uint64_t low = 0, high = 0;
    uint32_t words = size / 8;
    for (uint32_t i = 0; i < words; i++) {
        uint64_t word = mt_le64(bytes + (size_t)i * 8);
        low += word & 0xffffffff;
        high += word >> 32;
    }
    memcpy(tail, bytes + (size_t)words * 8, size % 8);
    return add_word((struct sums){sums.low + low, sums.high + high}, mt_le64(tail));
}

/* The sum of all 16-bit words modulo 65535. */
static inline uint32_t fold(struct sums sums)
{
    uint64_t sum = sums.low + sums.high;
    sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint32_t)((sum & 0xffff) + (sum >> 16));
}

static uint64_t swapped(uint64_t word)
{
    return (word & 0xff) << 8 | (word >> 8 & 0xff);
}

enum mt_checksum mt_tcp_checksum(const struct mt_segment *segment)
{
    if (segment->header_size == 0 || segment->captured != segment->length)
        return MT_CHECKSUM_UNKNOWN;
    uint32_t size = segment->header_size + segment->length;
    struct sums sum = {swapped(PROTOCOL_TCP) + swapped(size & 0xffff) + swapped(size >> 16), 0};
    const uint8_t *source = segment->source.bytes, *destination = segment->destination.bytes;
    sum = add_word(sum, mt_le64(source));
    sum = add_word(sum, mt_le64(source + 8));
    sum = add_word(sum, mt_le64(destination));
    sum = add_word(sum, mt_le64(destination + 8));
    sum = add_bytes(sum, segment->payload - segment->header_size, size);
    return fold(sum) == 0xffff ? MT_CHECKSUM_RIGHT : MT_CHECKSUM_WRONG;
}
