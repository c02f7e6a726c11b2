/* A packet by itself: the same segment as in its place, with the sums of its bytes. */
#include "net/read_ahead.h"

#include "net/tcp_checksum.h"
#include "support/check.h"

#include <string.h>

enum { HEADERS = 14 + 20 + 20, PAYLOAD = 100 };

static struct mt_payload_key key;
static uint8_t bytes[HEADERS + PAYLOAD];

/* A TCP segment with `size` bytes of payload in IPv4 in Ethernet, without a right checksum. */
static struct mt_packet packet_of(uint32_t size)
{
    memset(bytes, 0, sizeof bytes);
    bytes[12] = 8;
    bytes[14] = 0x45;
    bytes[17] = (uint8_t)(40 + size);
    bytes[22] = 64;
    bytes[23] = 6;
    bytes[34 + 12] = 0x50;
    for (uint32_t i = 0; i < size; i++)
        bytes[HEADERS + i] = (uint8_t)(i * 7);
    return (struct mt_packet){
        .data = bytes, .captured = HEADERS + size, .length = HEADERS + size, .link = 1};
}

static void test_sums(void)
{
    struct mt_segment segment;
    struct mt_packet packet = packet_of(PAYLOAD);
    CHECK_EQUAL(mt_net_read_ahead(&packet, &key, &segment), 1);
    CHECK_EQUAL(segment.has_sums, 1);
    CHECK_EQUAL(segment.checksum, MT_CHECKSUM_WRONG);
    CHECK(segment.digest == mt_payload_digest(&key, bytes + HEADERS, PAYLOAD));
    uint32_t sum = 6 + 20 + PAYLOAD; /* addresses, ports and numbers are 0 */
    for (uint32_t i = 34; i < HEADERS + PAYLOAD; i += 2)
        sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
    sum = (sum & 0xffff) + (sum >> 16);
    sum = ~((sum & 0xffff) + (sum >> 16));
    bytes[34 + 16] = (uint8_t)(sum >> 8);
    bytes[34 + 17] = (uint8_t)sum;
    CHECK_EQUAL(mt_net_read_ahead(&packet, &key, &segment), 1);
    CHECK_EQUAL(mt_tcp_checksum(&segment), MT_CHECKSUM_RIGHT);
}

/* Bytes that the snap length cut have no checksum, but those that are there have a digest. */
static void test_cut(void)
{
    struct mt_segment segment;
    struct mt_packet packet = packet_of(PAYLOAD);
    packet.captured -= 10;
    CHECK_EQUAL(mt_net_read_ahead(&packet, &key, &segment), 1);
    CHECK_EQUAL(mt_tcp_checksum(&segment), MT_CHECKSUM_UNKNOWN);
    CHECK(segment.digest == mt_payload_digest(&key, bytes + HEADERS, PAYLOAD - 10));
}

static void test_no_payload(void)
{
    struct mt_segment segment;
    struct mt_packet packet = packet_of(0);
    CHECK_EQUAL(mt_net_read_ahead(&packet, &key, &segment), 1);
    CHECK_EQUAL(segment.has_sums, 0);
    CHECK_EQUAL(segment.length, 0);
}

static void test_other_packets(void)
{
    struct mt_segment segment;
    struct mt_packet packet = packet_of(PAYLOAD);
    bytes[23] = 17;
    CHECK_EQUAL(mt_net_read_ahead(&packet, &key, &segment), 0);
    packet = packet_of(PAYLOAD);
    bytes[20] = 0x20; /* more fragments */
    CHECK_EQUAL(mt_net_read_ahead(&packet, &key, &segment), 0);
    packet = packet_of(PAYLOAD);
    packet.link = 113;
    CHECK_EQUAL(mt_net_read_ahead(&packet, &key, &segment), 0);
    packet = packet_of(PAYLOAD);
    bytes[12] = 0x81; /* a VLAN tag */
    CHECK_EQUAL(mt_net_read_ahead(&packet, &key, &segment), 0);
    packet = packet_of(PAYLOAD);
    for (packet.captured = 0; packet.captured < HEADERS; packet.captured++)
        CHECK_EQUAL(mt_net_read_ahead(&packet, &key, &segment), 0);
}

int main(void)
{
    mt_payload_key_init(&key);
    test_sums();
    test_cut();
    test_no_payload();
    test_other_packets();
    FINISH("test_read_ahead");
}
