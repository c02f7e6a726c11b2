#include "net/tcp_checksum.h"

#include "base/bytes.h"

enum { PROTOCOL_TCP = 6 };

/* The one's complement sum does not depend on byte order (RFC 1071), nor on the width of the words:
 * they are little-endian and have 64 bits. */
static inline uint64_t add(uint64_t sum, uint64_t word)
{
    sum += word;
    return sum + (sum < word); /* the carry */
}

/* Adds at least 8 bytes. */
static inline uint64_t add_bytes(uint64_t sum, const uint8_t *bytes, uint32_t size)
{
    const uint8_t *end = bytes + size;
    for (uint32_t blocks = size / 32; blocks != 0; blocks--, bytes += 32) {
        sum = add(sum, mt_le64(bytes));
        sum = add(sum, mt_le64(bytes + 8));
        sum = add(sum, mt_le64(bytes + 16));
        sum = add(sum, mt_le64(bytes + 24));
    }
    for (uint32_t words = size % 32 / 8; words != 0; words--, bytes += 8)
        sum = add(sum, mt_le64(bytes));
    uint32_t rest = size % 8;
    return rest != 0 ? add(sum, mt_le64(end - 8) >> (64 - 8 * rest)) : sum;
}

/* The sum of all 16-bit words modulo 65535. */
static inline uint32_t fold(uint64_t sum)
{
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint32_t)((sum & 0xffff) + (sum >> 16));
}

enum mt_checksum mt_tcp_checksum(const struct mt_segment *segment)
{
    if (segment->header_size == 0 || segment->captured != segment->length)
        return MT_CHECKSUM_UNKNOWN;
    uint32_t size = segment->header_size + segment->length;
    uint64_t sum = (uint32_t)__builtin_bswap16(PROTOCOL_TCP) +
                   (uint32_t)__builtin_bswap16((uint16_t)size) +
                   (uint32_t)__builtin_bswap16((uint16_t)(size >> 16));
    const uint8_t *source = segment->source.bytes, *destination = segment->destination.bytes;
    sum = add(sum, mt_le64(source));
    sum = add(sum, mt_le64(source + 8));
    sum = add(sum, mt_le64(destination));
    sum = add(sum, mt_le64(destination + 8));
    sum = add_bytes(sum, segment->payload - segment->header_size, size);
    return fold(sum) == 0xffff ? MT_CHECKSUM_RIGHT : MT_CHECKSUM_WRONG;
}
