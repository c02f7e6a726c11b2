/* Headers that capture programs and devices put before the packet. */
#include "net/pseudo_header.h"

#include "support/tunnel_help.h"

static void before_ip(uint32_t link, const char *header, size_t size)
{
    struct bytes bytes = {.size = 0};
    add(&bytes, header, size);
    put_inner_ipv4(&bytes);
    carries(link, &bytes, "");
    bytes.size = 0;
    add(&bytes, header, size);
    put_inner_ipv6(&bytes);
    CHECK_EQUAL(read_at(link, bytes.at, bytes.size, bytes.size), MT_NET_SEGMENT);
}
#define BEFORE_IP(link, text) before_ip(link, text, sizeof(text) - 1)

static void before_frame(uint32_t link, const char *header, size_t size)
{
    struct bytes bytes = {.size = 0};
    add(&bytes, header, size);
    put_inner_frame(&bytes);
    carries(link, &bytes, "");
}
#define BEFORE_FRAME(link, text) before_frame(link, text, sizeof(text) - 1)

static void test_nflog(void)
{
    BEFORE_IP(239, "\2\0\0\5\x60\0\x09\0");
    BEFORE_IP(239, "\2\0\0\5\x08\0\1\0\x08\0\3\0\x0b\0\x0a\0monero\0\0\x60\0\x09\0");
    BEFORE_IP(239, "\2\0\0\5\0\x08\0\1\x08\0\3\0\0\x60\0\x09"); /* big-endian */
    struct bytes bytes = {.size = 0};
    PUT(&bytes, "\2\0\0\5\x08\0\1\0\x08\0\3\0\x03\0\x0a\0monero");
    check_bad(read_at(239, bytes.at, bytes.size, bytes.size),
              "NFLOG attribute shorter than its header");
    bytes.size = 0; /* no payload at all */
    PUT(&bytes, "\2\0\0\5\x08\0\1\0\x08\0\3\0");
    check_bad(read_at(239, bytes.at, bytes.size, bytes.size), "cut before its IP header");
    bytes.size = 0; /* an empty payload */
    PUT(&bytes, "\2\0\0\5\4\0\x09\0\x08\0\3\0");
    check_bad(read_at(239, bytes.at, bytes.size, bytes.size), "cut before its IP header");
}

static void put_pktap(struct bytes *bytes, uint32_t type, uint32_t dlt)
{
    bytes->size = 0;
    PUT(bytes, "\x6c\0\0\0");
    add8(bytes, type);
    PUT(bytes, "\0\0\0");
    add8(bytes, dlt);
    PUT(bytes, "\0\0\0en0");
    while (bytes->size < 0x6c)
        add8(bytes, 0);
}

static void test_pktap(void)
{
    static struct bytes bytes;
    for (uint32_t link = 149; link <= 258; link += 109) {
        put_pktap(&bytes, 1, 1);
        put_inner_frame(&bytes);
        carries(link, &bytes, "");
        put_pktap(&bytes, 1, 0); /* loopback */
        PUT(&bytes, "\2\0\0\0");
        put_inner_ipv4(&bytes);
        carries(link, &bytes, "");
        put_pktap(&bytes, 1, 12); /* a tunnel device */
        put_inner_ipv4(&bytes);
        carries(link, &bytes, "");
        put_pktap(&bytes, 0, 1); /* no packet follows */
        put_inner_frame(&bytes);
        CHECK_EQUAL(read_at(link, bytes.at, bytes.size, bytes.size), MT_NET_SKIPPED);
    }
    put_pktap(&bytes, 1, 192); /* a pseudo-header within another is not read */
    put_inner_frame(&bytes);
    skips(258, &bytes, "link header that announces neither IP nor a known link type: 192");
    bytes.size = 0;
    put_inner_frame(&bytes);
    skips(149, &bytes, "link header that announces neither IP nor a known link type: 149");
    check_bad(read_at(258, bytes.at, bytes.size, bytes.size), "PKTAP header that is not one");
}

static void test_pflog(void)
{
    char header[65] = {61, 2, 1, 0, 'e', 'm', '0'};
    before_ip(117, header, 64);
    header[0] = 64;
    before_ip(117, header, 64);
    header[0] = 45; /* older */
    before_ip(117, header, 48);
    header[1] = 30;
    before_ip(117, header, 48);
    header[1] = 7;
    struct bytes bytes = {.size = 0};
    add(&bytes, header, 48);
    put_inner_ipv4(&bytes);
    skips(117, &bytes, "link header that announces neither IP nor a known link type: 7");
}

static void test_ppi(void)
{
    BEFORE_FRAME(192, "\0\0\x08\0\1\0\0\0");
    BEFORE_FRAME(192, "\0\0\x10\0\1\0\0\0\2\0\4\0\1\2\3\4");
    BEFORE_IP(192, "\0\0\x08\0\x65\0\0\0");
    struct bytes bytes = {.size = 0};
    PUT(&bytes, "\0\0\7\0\1\0\0\0");
    put_inner_frame(&bytes);
    check_bad(read_at(192, bytes.at, bytes.size, bytes.size), "PPI header shorter than 8 bytes");
}

#define ERF(type) "\1\2\3\4\5\6\7\x08" type "\4\0\x60\0\0\0\x50"

static void test_erf(void)
{
    BEFORE_FRAME(197, ERF("\2") "\0\0");
    BEFORE_FRAME(197, ERF("\x10") "\0\0");
    BEFORE_FRAME(197, ERF("\x82") "\3\1\2\3\4\5\6\7\0\0");                   /* an extension */
    BEFORE_FRAME(197, ERF("\x8b") "\x83\1\2\3\4\5\6\7\3\1\2\3\4\5\6\7\0\0"); /* two of them */
    BEFORE_IP(197, ERF("\x16"));
    BEFORE_IP(197, ERF("\1") "\xff\3\0\x21");
    struct bytes bytes = {.size = 0};
    PUT(&bytes, ERF("\1") "\x0f\0\x08\0");
    put_inner_ipv4(&bytes);
    carries(197, &bytes, "");
    bytes.size = 0;
    PUT(&bytes, ERF("\3") "\0\0");
    put_inner_ipv4(&bytes);
    skips(197, &bytes, "link header that announces neither IP nor a known link type: 3");
    bytes.size = 0;
    PUT(&bytes, ERF("\x82"));
    for (int i = 0; i < 17; i++)
        PUT(&bytes, "\x83\1\2\3\4\5\6\7");
    check_bad(read_at(197, bytes.at, bytes.size, bytes.size), "cut before its IP header");
}

#define TAGS "\0\x14\0\4\1\2\3\4"

static void test_exported(void)
{
    BEFORE_IP(252, TAGS "\0\x0c\0\4ip\0\0\0\0\0\0");
    BEFORE_IP(252, "\0\x0c\0\2ip\0\0\0\0");
    BEFORE_FRAME(252, "\0\x0c\0\x10"
                      "eth_withoutfcs\0\0" TAGS "\0\0\0\0");
    struct bytes bytes = {.size = 0};
    PUT(&bytes, "\0\x0c\0\4"
                "data\0\0\0\0");
    put_inner_ipv4(&bytes);
    skips(252, &bytes, "link header that announces neither IP nor a known link type: 252");
    bytes.size = 0;
    PUT(&bytes, TAGS "\0\0\0\0");
    put_inner_ipv4(&bytes);
    skips(252, &bytes, "link header that announces neither IP nor a known link type: 252");
    bytes.size = 0;
    PUT(&bytes, "\0\x0c\xff\xff"
                "ip");
    check_bad(read_at(252, bytes.at, bytes.size, bytes.size), "cut before its IP header");
}

static void test_others(void)
{
    char slip[16] = {1, 0x40};
    before_ip(8, slip, 16);
    BEFORE_IP(109, "\2\0\0\0\0\0\0\1\0\0\0\0");
    BEFORE_FRAME(240, "\0\0\0\0");
    BEFORE_IP(100, "\xaa\xaa\3\0\0\0\x08\0");
    BEFORE_FRAME(100, "\xaa\xaa\3\0\x80\xc2\0\7\0\0");
    BEFORE_IP(10, "\x50" MACS "\xaa\xaa\3\0\0\0\x08\0");
    BEFORE_IP(6, "\x10\x40" MACS "\xaa\xaa\3\0\0\0\x08\0");
    BEFORE_IP(6, "\x10\x40\2\0\0\0\0\1\x82\0\0\0\0\2\6\0\0\0\0\0\xaa\xaa\3\0\0\0\x08\0");
}

int main(void)
{
    open_net(0);
    test_nflog();
    test_pktap();
    test_pflog();
    test_ppi();
    test_erf();
    test_exported();
    test_others();
    mt_net_close(net);
    free(kept);
    FINISH("pseudo_header");
}
