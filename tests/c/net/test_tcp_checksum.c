/* The checksum of a TCP segment against a slow sum of 16-bit words. */
#include "net/tcp_checksum.h"
#include "support/check.h"

#include <string.h>

/* The way of processors without wide vectors, which the one that runs this may never take. */
#define MT_PORTABLE
#define mt_tcp_checksum portable_tcp_checksum
enum mt_checksum portable_tcp_checksum(const struct mt_segment *segment);
#include "net/tcp_checksum.c"
#undef mt_tcp_checksum

enum { SIZE = 600000 };

static uint8_t bytes[SIZE];

/* The checksum of the first `size` bytes, in which it is 0. */
static uint16_t slow(const struct mt_segment *segment, uint32_t size)
{
    uint64_t sum = 6 + size % 65536 + size / 65536;
    for (uint32_t i = 0; i < 16; i++)
        sum += (uint64_t)(segment->source.bytes[i] + segment->destination.bytes[i])
               << (i % 2 == 0 ? 8 : 0);
    for (uint32_t i = 0; i < size; i++)
        sum += (uint64_t)bytes[i] << (i % 2 == 0 ? 8 : 0);
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

static struct mt_segment segment_of(uint8_t version, uint8_t header_size, uint32_t size)
{
    struct mt_segment segment = {.source = {.version = version},
                                 .destination = {.version = version},
                                 .payload = bytes + header_size,
                                 .header_size = header_size,
                                 .captured = size,
                                 .length = size};
    for (uint8_t i = 0; i < (version == 4 ? 4 : 16); i++) {
        segment.source.bytes[i] = (uint8_t)(200 + i * 7);
        segment.destination.bytes[i] = (uint8_t)(3 + i * 91);
    }
    for (size_t i = 0; i < header_size + size; i++)
        bytes[i] = (uint8_t)(i * 37 + size);
    bytes[16] = bytes[17] = 0;
    uint16_t checksum = slow(&segment, header_size + size);
    bytes[16] = (uint8_t)(checksum >> 8);
    bytes[17] = (uint8_t)checksum;
    return segment;
}

static void check_both(const struct mt_segment *segment, enum mt_checksum expected)
{
    CHECK_EQUAL(mt_tcp_checksum(segment), expected);
    CHECK_EQUAL(portable_tcp_checksum(segment), expected);
}

static void test_every_size(void)
{
    for (uint32_t size = 0; size < 1600; size++) {
        struct mt_segment segment =
            segment_of(size % 2 != 0 ? 4 : 6, (uint8_t)(20 + size % 11 * 4), size);
        check_both(&segment, MT_CHECKSUM_RIGHT);
        bytes[(size * 13) % (segment.header_size + size)] ^= 0x20;
        check_both(&segment, MT_CHECKSUM_WRONG);
    }
}

static void test_words_of_ones(void)
{
    struct mt_segment segment = segment_of(4, 20, 1000);
    memset(bytes, 0xff, 1020);
    bytes[16] = bytes[17] = 0;
    uint16_t checksum = slow(&segment, 1020);
    bytes[16] = (uint8_t)(checksum >> 8);
    bytes[17] = (uint8_t)checksum;
    check_both(&segment, MT_CHECKSUM_RIGHT);
}

/* More words than a sum of 32 bits holds. */
static void test_long_segment(void)
{
    struct mt_segment segment = segment_of(4, 20, SIZE - 20);
    check_both(&segment, MT_CHECKSUM_RIGHT);
    bytes[SIZE - 1] ^= 1;
    check_both(&segment, MT_CHECKSUM_WRONG);
    memset(bytes, 0xff, SIZE);
    bytes[16] = bytes[17] = 0;
    uint16_t checksum = slow(&segment, SIZE);
    bytes[16] = (uint8_t)(checksum >> 8);
    bytes[17] = (uint8_t)checksum;
    check_both(&segment, MT_CHECKSUM_RIGHT);
}

static void test_not_whole(void)
{
    struct mt_segment segment = segment_of(4, 20, 100);
    segment.captured = 99;
    CHECK_EQUAL(mt_tcp_checksum(&segment), MT_CHECKSUM_UNKNOWN);
    segment = segment_of(4, 20, 100);
    segment.header_size = 0;
    CHECK_EQUAL(mt_tcp_checksum(&segment), MT_CHECKSUM_UNKNOWN);
}

int main(void)
{
    test_every_size();
    test_words_of_ones();
    test_long_segment();
    test_not_whole();
    FINISH("test_tcp_checksum");
}
