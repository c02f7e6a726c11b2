/* IP and TCP headers. test_ip_reassembly.c has fragments. */
#include "net/ip.h"

#include "support/net_help.h"

/* ---- IPv4 ---- */

static void test_ipv4(void)
{
    static const uint8_t source[16] = {198, 51, 100, 1}, destination[16] = {203, 0, 113, 2};
    struct bytes bytes = {.size = 0};
    add_ipv4(&bytes, 6, 0, 20 + 100, 0, 0x4000); /* do not fragment */
    add_tcp(&bytes, MT_TCP_ACK | MT_TCP_PSH, "", 0, 100);
    CHECK_EQUAL(read_whole(&bytes), MT_NET_SEGMENT);
    check_tcp(100, 100);
    CHECK(segment.payload == kept + 40);
    CHECK_EQUAL(segment.flags, MT_TCP_ACK | MT_TCP_PSH);
    CHECK_EQUAL(segment.ttl, 57);
    CHECK_EQUAL(segment.mss, 0);
    CHECK_EQUAL(segment.source.version, 4);
    CHECK_EQUAL(segment.destination.version, 4);
    CHECK(memcmp(segment.source.bytes, source, 16) == 0);
    CHECK(memcmp(segment.destination.bytes, destination, 16) == 0);

    for (uint32_t options = 4; options <= 40;
         options += 4) { /* IPv4 and TCP options of every size */
        bytes.size = 0;
        add_ipv4(&bytes, 6, options, 20 + options + 7, 0, 0);
        add_tcp(&bytes, MT_TCP_ACK,
                "\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1",
                options, 7);
        CHECK_EQUAL(read_whole(&bytes), MT_NET_SEGMENT);
        check_tcp(7, 7);
    }

    for (unsigned flags = 0; flags < 256; flags++) {
        bytes.size = 0;
        add_ipv4(&bytes, 6, 0, 20, 0, 0);
        add_tcp(&bytes, (uint8_t)flags, "", 0, 0);
        CHECK_EQUAL(read_whole(&bytes), MT_NET_SEGMENT);
        check_tcp(0, 0);
        CHECK_EQUAL(segment.flags, flags & 0x3f);
    }
}

static void test_ipv4_lengths(void)
{
    struct bytes bytes = {.size = 0};
    add_ipv4(&bytes, 6, 0, 20 + 2, 0, 0);
    add_tcp(&bytes, MT_TCP_ACK, "", 0, 2);
    add32(&bytes, 0xdeadbeefu); /* Ethernet padding */
    CHECK_EQUAL(read_whole(&bytes), MT_NET_SEGMENT);
    check_tcp(2, 2);
    CHECK_EQUAL(read_cut(&bytes, bytes.size - 5, bytes.size),
                MT_NET_SEGMENT); /* the snap length cuts padding and a byte of payload */
    check_tcp(1, 2);
    CHECK_EQUAL(read_cut(&bytes, bytes.size - 4, bytes.size), MT_NET_SEGMENT);
    check_tcp(2, 2);

    bytes.size = 0;
    add_ipv4(&bytes, 6, 0, 20, 0, 0);
    add_tcp(&bytes, MT_TCP_ACK, "", 0, 69000); /* more than fits in a total length */
    set16(&bytes, 2, 0);
    CHECK_EQUAL(read_whole(&bytes), MT_NET_SEGMENT);
    check_tcp(69000, 69000);
    CHECK_EQUAL(read_cut(&bytes, 96, bytes.size), MT_NET_SEGMENT);
    check_tcp(56, 69000);

    bytes.size = 0;
    add_ipv4(&bytes, 6, 0, 20 + 500, 0, 0);
    add_tcp(&bytes, MT_TCP_ACK, "", 0, 100); /* the wire held less than the total length tells */
    CHECK_EQUAL(read_whole(&bytes), MT_NET_SEGMENT);
    check_tcp(100, 100);
    CHECK_EQUAL(read_cut(&bytes, 60, bytes.size), MT_NET_SEGMENT);
    check_tcp(20, 100);

    for (unsigned total = 1; total < 60; total++) {
        bytes.size = 0;
        add_ipv4(&bytes, 6, 4, 20, 0, 0);
        add_tcp(&bytes, MT_TCP_ACK, "", 0, 16);
        set16(&bytes, 2, total);
        enum mt_net_result result = read_whole(&bytes);
        if (total < 24)
            check_bad(result, "IPv4 total length below the header's");
        else if (total < 44)
            check_bad(result, "IP packet ends inside the TCP header");
        else
            check_tcp(total - 44, total - 44);
    }
}

static void test_ipv4_bad(void)
{
    struct bytes bytes = {.size = 0};
    add_ipv4(&bytes, 6, 0, 20 + 8, 0, 0);
    add_tcp(&bytes, MT_TCP_ACK, "", 0, 8);
    for (unsigned words = 0; words < 5; words++) {
        bytes.at[0] = (uint8_t)(0x40 | words);
        check_bad(read_whole(&bytes), "IPv4 header length below 20");
    }
    for (unsigned version = 0; version < 16; version++) {
        bytes.at[0] = (uint8_t)(version << 4 | 5);
        if (version != 4 && version != 6)
            check_bad(read_whole(&bytes), "neither IPv4 nor IPv6");
    }
    bytes.at[0] = 0x45;
    for (unsigned protocol = 0; protocol < 256; protocol++) {
        bytes.at[9] = (uint8_t)protocol;
        enum mt_net_result result = read_whole(&bytes);
        if (protocol == 51) /* AH that is longer than the packet */
            CHECK_EQUAL(result, MT_NET_BAD);
        else
            CHECK_EQUAL(result, protocol == 6 ? MT_NET_SEGMENT : MT_NET_SKIPPED);
    }
}

/* ---- TCP ---- */

static void test_data_offset(void)
{
    struct bytes bytes = {.size = 0};
    add_ipv4(&bytes, 6, 0, 20 + 16, 0, 0);
    add_tcp(&bytes, MT_TCP_ACK, "", 0, 16);
    for (unsigned words = 0; words < 16; words++) {
        bytes.at[32] = (uint8_t)(words << 4 | 15); /* the lower half is reserved */
        enum mt_net_result result = read_whole(&bytes);
        if (words < 5)
            check_bad(result, "TCP data offset below 5");
        else if (words > 9)
            check_bad(result, "TCP data offset beyond the packet");
        else {
            CHECK_EQUAL(result, MT_NET_SEGMENT);
            CHECK_EQUAL(segment.length, 36 - 4 * words);
            CHECK_EQUAL(segment.captured, 36 - 4 * words);
            CHECK(segment.payload == kept + 20 + 4 * words);
        }
    }
    add32(&bytes, 0); /* padding behind the IP length is no part of the header */
    bytes.at[32] = 10 << 4;
    check_bad(read_whole(&bytes), "TCP data offset beyond the packet");
}

static uint16_t mss_of(uint8_t flags, const char *options, uint32_t size)
{
    struct bytes bytes = {.size = 0};
    add_ipv4(&bytes, 6, 0, 20 + size, 0, 0);
    add_tcp(&bytes, flags, options, size, 0);
    CHECK_EQUAL(read_whole(&bytes), MT_NET_SEGMENT);
    CHECK_EQUAL(segment.length, 0);
    return segment.mss;
}

static uint8_t scale_of(uint8_t flags, const char *options, uint32_t size)
{
    (void)mss_of(flags, options, size);
    return segment.window_scale;
}

static void test_window_scale(void)
{
    CHECK_EQUAL(scale_of(MT_TCP_SYN, "\2\4\5\264\1\3\3\7", 8), 7);
    CHECK_EQUAL(scale_of(MT_TCP_SYN, "\3\3\377\0", 4), MT_WIDEST_SCALE);
    CHECK_EQUAL(scale_of(MT_TCP_SYN, "\2\4\5\264", 4), MT_NO_SCALE);
    CHECK_EQUAL(scale_of(MT_TCP_ACK, "\3\3\7\0", 4), MT_NO_SCALE);
    CHECK_EQUAL(scale_of(MT_TCP_SYN, "\3\4\7\0", 4), MT_NO_SCALE); /* malformed */
}

static void test_mss(void)
{
    CHECK_EQUAL(mss_of(MT_TCP_SYN, mss_options, 16), 1460);
    CHECK_EQUAL(mss_of(MT_TCP_SYN | MT_TCP_ACK, mss_options, 16), 1460);
    CHECK_EQUAL(mss_of(MT_TCP_ACK, mss_options, 16), 0);
    CHECK_EQUAL(mss_of(MT_TCP_SYN, "", 0), 0);
    CHECK_EQUAL(mss_of(MT_TCP_SYN, "\2\4\xff\xff", 4), 65535);
    CHECK_EQUAL(mss_of(MT_TCP_SYN, "\0\0\0\0\2\4\5\xb4", 8), 0);    /* behind the end of options */
    CHECK_EQUAL(mss_of(MT_TCP_SYN, "\3\0\1\1\2\4\5\xb4", 8), 0);    /* an option of length 0 */
    CHECK_EQUAL(mss_of(MT_TCP_SYN, "\3\1\1\1\2\4\5\xb4", 8), 0);    /* of length 1 */
    CHECK_EQUAL(mss_of(MT_TCP_SYN, "\3\2\1\1\2\4\5\xb4", 8), 1460); /* of length 2 */
    CHECK_EQUAL(mss_of(MT_TCP_SYN, "\3\x09\1\1\2\4\5\xb4", 8), 0);  /* overrun by one */
    CHECK_EQUAL(mss_of(MT_TCP_SYN, "\3\x08\1\1\2\4\5\xb4", 8), 0);  /* reaches the end */
    CHECK_EQUAL(mss_of(MT_TCP_SYN, "\1\1\1\2", 4), 0);              /* kind without length */
    CHECK_EQUAL(mss_of(MT_TCP_SYN, "\1\2\4\5", 4), 0);              /* MSS cut */
    CHECK_EQUAL(mss_of(MT_TCP_SYN, "\2\3\5\1\2\4\5\xb4", 8),
                1460); /* an MSS option of the wrong size is none */
    CHECK_EQUAL(mss_of(MT_TCP_SYN, "\2\6\5\1\1\1\1\1", 8), 0);
}

/* ---- cuts ---- */

/* Every cut of a packet whose headers take `ip` and `tcp` bytes, by the snap length. */
static void check_snapped(const struct bytes *bytes, uint32_t ip, uint32_t tcp)
{
    uint32_t payload = bytes->size - ip - tcp;
    for (uint32_t captured = 0; captured <= bytes->size; captured++) {
        enum mt_net_result result = read_cut(bytes, captured, bytes->size);
        if (captured < ip + 20) {
            CHECK_EQUAL(result, MT_NET_BAD);
            CHECK(report.why != NULL);
            continue;
        }
        CHECK_EQUAL(result, MT_NET_SEGMENT);
        check_tcp(captured > ip + tcp ? captured - ip - tcp : 0, payload);
        CHECK_EQUAL(segment.mss, captured >= ip + tcp ? 1460 : 0);
        CHECK(segment.payload + segment.captured == kept + captured);
    }
}

/* Every cut of a packet on the wire itself. */
static void check_shortened(const struct bytes *bytes, uint32_t ip, uint32_t tcp)
{
    for (uint32_t length = 0; length <= bytes->size; length++) {
        enum mt_net_result result = read_cut(bytes, length, length);
        if (length < ip + tcp)
            CHECK_EQUAL(result, MT_NET_BAD);
        else
            check_tcp(length - ip - tcp, length - ip - tcp);
    }
}

static void test_cuts(void)
{
    struct bytes bytes = {.size = 0};
    add_ipv4(&bytes, 6, 8, 36 + 10, 0, 0);
    add_tcp(&bytes, MT_TCP_SYN, mss_options, 16, 10);
    check_snapped(&bytes, 28, 36);
    check_shortened(&bytes, 28, 36);

    bytes.size = 0;
    add_ipv6(&bytes, 6, 36 + 10);
    add_tcp(&bytes, MT_TCP_SYN, mss_options, 16, 10);
    check_snapped(&bytes, 40, 36);
    check_shortened(&bytes, 40, 36);

    bytes.size = 0;
    add_ipv6(&bytes, 0, 8 + 16 + 8 + 24 + 12 + 36 + 10);
    add(&bytes, "\x2b\0\1\4\0\0\0\0", 8);                                  /* hop by hop */
    add(&bytes, "\x2c\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);                 /* routing */
    add_ipv6_fragment(&bytes, 60, 0, 0, 7);                                /* atomic */
    add(&bytes, "\x33\2\1\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 24); /* destination options */
    add(&bytes, "\6\1\0\0\0\0\0\0\0\0\0\0", 12);                           /* authentication */
    add_tcp(&bytes, MT_TCP_SYN, mss_options, 16, 10);
    check_snapped(&bytes, 40 + 68, 36);
    check_shortened(&bytes, 40 + 68, 36);
    CHECK_EQUAL(lost_calls, 0);
}

/* ---- IPv6 ---- */

static void test_ipv6(void)
{
    struct bytes bytes = {.size = 0};
    add_ipv6(&bytes, 6, 20 + 5);
    add_tcp(&bytes, MT_TCP_ACK | MT_TCP_FIN, "", 0, 5);
    add16(&bytes, 0); /* padding */
    CHECK_EQUAL(read_whole(&bytes), MT_NET_SEGMENT);
    check_tcp(5, 5);
    CHECK_EQUAL(segment.flags, MT_TCP_ACK | MT_TCP_FIN);
    CHECK_EQUAL(segment.ttl, 99);
    CHECK_EQUAL(segment.source.version, 6);
    CHECK_EQUAL(segment.destination.version, 6);
    CHECK(memcmp(segment.source.bytes, bytes.at + 8, 16) == 0);
    CHECK(memcmp(segment.destination.bytes, bytes.at + 24, 16) == 0);

    set16(&bytes, 4, 20 + 5 + 3); /* one byte more than the wire held */
    CHECK_EQUAL(read_whole(&bytes), MT_NET_SEGMENT);
    CHECK_EQUAL(segment.length, 7);
    set16(&bytes, 4, 19);
    check_bad(read_whole(&bytes), "IP packet ends inside the TCP header");

    for (unsigned next = 0; next < 256; next++) {
        bytes.size = 0;
        add_ipv6(&bytes, next, 24);
        for (unsigned i = 0; i < 24; i++)
            add8(&bytes, 59);
        enum mt_net_result expected = next == 6 || next == 0 || next == 43 || next == 60 ||
                                              next == 51 || next == 4 || next == 41
                                          ? MT_NET_BAD
                                          : MT_NET_SKIPPED;
        CHECK_EQUAL(read_whole(&bytes), expected);
    }
}

static void test_ipv6_without_length(void)
{
    struct bytes bytes = {.size = 0};
    add_ipv6(&bytes, 0, 0); /* jumbogram */
    add(&bytes, "\6\0\xc2\4\0\1\x0d\xa4", 8);
    add_tcp(&bytes, MT_TCP_ACK, "", 0, 69000);
    CHECK_EQUAL(read_whole(&bytes), MT_NET_SEGMENT);
    check_tcp(69000, 69000);
    CHECK_EQUAL(read_cut(&bytes, 100, bytes.size), MT_NET_SEGMENT);
    check_tcp(32, 69000);
    bytes.size = 0;
    add_ipv6(&bytes, 6, 0); /* joined by receive offload */
    add_tcp(&bytes, MT_TCP_ACK, "", 0, 69000);
    CHECK_EQUAL(read_whole(&bytes), MT_NET_SEGMENT);
    check_tcp(69000, 69000);
}

static void test_ipv6_chains(void)
{
    struct bytes bytes = {.size = 0};
    for (unsigned headers = 1; headers <= 40; headers++) {
        bytes.size = 0;
        add_ipv6(&bytes, 60, headers * 8 + 20 + 3);
        for (unsigned i = 1; i <= headers; i++)
            add(&bytes, i < headers ? "\x3c\0\1\4\0\0\0\0" : "\6\0\1\4\0\0\0\0", 8);
        add_tcp(&bytes, MT_TCP_ACK, "", 0, 3);
        enum mt_net_result result = read_whole(&bytes);
        if (headers <= 32)
            check_tcp(3, 3);
        else
            check_bad(result, "too many IPv6 extension headers");
    }
    static const uint8_t kinds[] = {0, 43, 60, 51};
    for (unsigned kind = 0; kind < sizeof kinds;
         kind++) { /* a header that reaches beyond the packet, just so and by far */
        bytes.size = 0;
        add_ipv6(&bytes, kinds[kind], 16);
        add8(&bytes, 6);
        add8(&bytes, kinds[kind] == 51 ? 3 : 2);
        for (unsigned i = 0; i < 14; i++)
            add8(&bytes, 0);
        check_bad(read_whole(&bytes), "IPv6 extension header cut");
        bytes.at[41] = 255;
        check_bad(read_whole(&bytes), "IPv6 extension header cut");
        bytes.at[41] = kinds[kind] == 51 ? 2 : 1; /* and one that ends with it */
        check_bad(read_whole(&bytes), "IP packet ends inside the TCP header");
        bytes.at[40] = 59;
        CHECK_EQUAL(read_whole(&bytes), MT_NET_SKIPPED);
    }
}

int main(void)
{
    static void (*const tests[])(void) = {
        test_ipv4,        test_ipv4_lengths, test_ipv4_bad,
        test_data_offset, test_mss,          test_window_scale,
        test_cuts,        test_ipv6,         test_ipv6_without_length,
        test_ipv6_chains};
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) {
        open_net(0);
        tests[i]();
        mt_net_close(net);
    }
    mt_net_close(NULL);
    free(kept);
    FINISH("ip");
}
