/* 802.11 data frames, and the headers that capture programs put before them. */
#include "net/wifi.h"

#include "support/tunnel_help.h"

#define ADDRESSES "\2\0\0\0\0\1\2\0\0\0\0\2\2\0\0\0\0\3"
#define SNAP "\xaa\xaa\3\0\0\0\x08\0"

static void framed(uint32_t link, const char *header, size_t size)
{
    struct bytes bytes = {.size = 0};
    add(&bytes, header, size);
    put_inner_ipv4(&bytes);
    carries(link, &bytes, "");
}
#define FRAMED(link, text) framed(link, text, sizeof(text) - 1)

static void test_frames(void)
{
    FRAMED(105, "\x08\0\0\0" ADDRESSES "\0\0" SNAP);
    FRAMED(105, "\x08\1\0\0" ADDRESSES "\x50\0" SNAP);             /* to the access point */
    FRAMED(105, "\x08\2\0\0" ADDRESSES "\0\0" SNAP);               /* from it */
    FRAMED(105, "\x08\3\0\0" ADDRESSES "\0\0\2\0\0\0\0\4" SNAP);   /* four addresses */
    FRAMED(105, "\x88\1\0\0" ADDRESSES "\0\0\0\0" SNAP);           /* quality of service */
    FRAMED(105, "\x88\x81\0\0" ADDRESSES "\0\0\0\0\0\0\0\0" SNAP); /* high throughput */
    FRAMED(105, "\x88\3\0\0" ADDRESSES "\0\0\2\0\0\0\0\4\0\0" SNAP);
    FRAMED(105, "\x88\1\0\0" ADDRESSES "\0\0\x80\0\2\0\0\0\0\1\2\0\0\0\0\2\0\x4e" SNAP);
}

static void refused(const char *header, size_t size, const char *reason)
{
    struct bytes bytes = {.size = 0};
    add(&bytes, header, size);
    put_inner_ipv4(&bytes);
    skips(105, &bytes, reason);
}
#define REFUSED(text, reason) refused(text, sizeof(text) - 1, reason)

static void test_skips(void)
{
    REFUSED("\x80\0\0\0" ADDRESSES "\0\0" SNAP, "802.11 frame without data"); /* a beacon */
    REFUSED("\xd4\0\0\0\2\0\0\0\0\1", "802.11 frame without data");           /* acknowledgement */
    REFUSED("\x48\1\0\0" ADDRESSES "\0\0" SNAP, "802.11 frame without data"); /* null */
    REFUSED("\xc8\1\0\0" ADDRESSES "\0\0\0\0" SNAP, "802.11 frame without data");
    REFUSED("\x08\x41\0\0" ADDRESSES "\0\0" SNAP, "802.11 frame that is encrypted");
    REFUSED("\x08\5\0\0" ADDRESSES "\0\0" SNAP, "802.11 fragment");
    REFUSED("\x08\1\0\0" ADDRESSES "\1\0" SNAP, "802.11 fragment");
}

/* An aggregate of `count` packets and a checksum: each is read, whatever the snap length. */
static void test_aggregates(uint32_t count)
{
    struct bytes bytes = {.size = 0};
    PUT(&bytes, "\x88\1\0\0" ADDRESSES "\0\0\x80\0");
    for (uint32_t i = 0; i < count; i++) {
        PUT(&bytes, MACS "\0\x50" SNAP);
        put_inner_ipv4(&bytes);
        PUT(&bytes, "\1\1\0\0"); /* two bytes after the IP packet, and padding to 4 */
    }
    PUT(&bytes, "sum.");
    struct mt_packet packet = {.data = bytes.at, .length = bytes.size, .link = 105}, further;
    for (packet.captured = 0; packet.captured <= bytes.size; packet.captured++) {
        uint32_t payload = 0, parts = 1;
        if (mt_net_segment(net, &packet, &segment, &report) == MT_NET_SEGMENT)
            payload += segment.captured;
        for (; mt_net_further_packet(net, &packet, &further); parts++)
            if (mt_net_segment(net, &further, &segment, &report) == MT_NET_SEGMENT)
                payload += segment.captured;
        CHECK(parts <= count && payload <= count * INNER_PAYLOAD);
        CHECK(packet.captured < bytes.size || payload == count * INNER_PAYLOAD);
    }
    CHECK_EQUAL(mt_net_further_packet(net, &packet, &further), 0);
}

/* Lengths that are not those of the packets. */
static void test_aggregates_that_are_not(void)
{
    static const char *const lengths[] = {"\0\0", "\xff\xff", "\0\1", "\0\x4f"};
    for (size_t i = 0; i < 4; i++) {
        struct bytes bytes = {.size = 0};
        PUT(&bytes, "\x88\1\0\0" ADDRESSES "\0\0\x80\0" MACS);
        add(&bytes, lengths[i], 2);
        PUT(&bytes, SNAP);
        put_inner_ipv4(&bytes);
        struct mt_packet packet = {
            .data = bytes.at, .captured = bytes.size, .length = bytes.size, .link = 105};
        struct mt_packet further;
        (void)mt_net_segment(net, &packet, &segment, &report);
        for (uint32_t parts = 0; mt_net_further_packet(net, &packet, &further); parts++) {
            CHECK(parts < bytes.size);
            CHECK(further.data + further.captured <= bytes.at + bytes.size);
            (void)mt_net_segment(net, &further, &segment, &report);
        }
    }
}

static void test_headers(void)
{
    FRAMED(127, "\0\0\x08\0\0\0\0\0\x08\1\0\0" ADDRESSES "\0\0" SNAP);
    FRAMED(127,
           "\0\0\x12\0\x2e\x40\0\0\0\2\x6c\x09\xa0\0\xc0\1\0\0\x08\1\0\0" ADDRESSES "\0\0" SNAP);
    /* flags after a second bitmap and the time: a header of 26 is padded to 28 bytes */
    FRAMED(127, "\0\0\x1a\0\3\0\0\x80\0\0\0\0\0\0\0\0\1\2\3\4\5\6\7\x08\x20\0\x88\1\0\0" ADDRESSES
                "\0\0\0\0\0\0" SNAP);
    FRAMED(192, "\0\0\x08\0\x69\0\0\0\x08\1\0\0" ADDRESSES "\0\0" SNAP); /* PPI */
    struct bytes bytes = {.size = 0};
    PUT(&bytes, "\x80\x21\x10\1\0\0\0\x40");
    for (int i = 8; i < 64; i++)
        add8(&bytes, 0);
    PUT(&bytes, "\x08\1\0\0" ADDRESSES "\0\0" SNAP);
    put_inner_ipv4(&bytes);
    carries(163, &bytes, "");
    carries(119, &bytes, "");
    bytes.size = 0;
    PUT(&bytes, "\x44\0\0\0\x90\0\0\0");
    for (int i = 8; i < 144; i++)
        add8(&bytes, 0);
    PUT(&bytes, "\x08\1\0\0" ADDRESSES "\0\0" SNAP);
    put_inner_ipv4(&bytes);
    carries(119, &bytes, "");
    check_bad(read_at(127, (const uint8_t *)"\1\0\x08\0\0\0\0\0\0\0", 10, 10),
              "radiotap header that is not one");
}

int main(void)
{
    open_net(0);
    test_frames();
    test_skips();
    for (uint32_t count = 1; count <= 3; count++)
        test_aggregates(count);
    test_aggregates_that_are_not();
    test_headers();
    mt_net_close(net);
    free(kept);
    FINISH("wifi");
}
