/* The checksum of a TCP segment against a slow sum of 16-bit words. */
#include "net/tcp_checksum.h"
#include "support/check.h"

#include <string.h>

enum { MOST = 3000 };

static uint8_t bytes[MOST];

/* The checksum of the first `size` bytes, in which it is 0. */
static uint16_t slow(const struct mt_segment *segment, uint32_t size)
{
    uint32_t sum = 6 + size % 65536 + size / 65536;
    for (uint32_t i = 0; i < 16; i++)
        sum += (uint32_t)(segment->source.bytes[i] + segment->destination.bytes[i])
               << (i % 2 == 0 ? 8 : 0);
    for (uint32_t i = 0; i < size; i++)
        sum += (uint32_t)bytes[i] << (i % 2 == 0 ? 8 : 0);
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
    for (size_t i = 0; i < MOST; i++)
        bytes[i] = (uint8_t)(i * 37 + size);
    bytes[16] = bytes[17] = 0;
    uint16_t checksum = slow(&segment, header_size + size);
    bytes[16] = (uint8_t)(checksum >> 8);
    bytes[17] = (uint8_t)checksum;
    return segment;
}

static void test_every_size(void)
{
    for (uint32_t size = 0; size < 1600; size++) {
        struct mt_segment segment =
            segment_of(size % 2 != 0 ? 4 : 6, (uint8_t)(20 + size % 11 * 4), size);
        CHECK_EQUAL(mt_tcp_checksum(&segment), MT_CHECKSUM_RIGHT);
        bytes[(size * 13) % (segment.header_size + size)] ^= 0x20;
        CHECK_EQUAL(mt_tcp_checksum(&segment), MT_CHECKSUM_WRONG);
    }
}

static void test_words_of_ones(void)
{
    struct mt_segment segment = segment_of(4, 20, 1000);
    memset(bytes, 0xff, MOST);
    bytes[16] = bytes[17] = 0;
    uint16_t checksum = slow(&segment, 1020);
    bytes[16] = (uint8_t)(checksum >> 8);
    bytes[17] = (uint8_t)checksum;
    CHECK_EQUAL(mt_tcp_checksum(&segment), MT_CHECKSUM_RIGHT);
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
    test_not_whole();
    FINISH("test_tcp_checksum");
}
