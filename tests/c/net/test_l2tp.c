/* L2TP in UDP and in IP, of both versions. */
#include "net/l2tp.h"

#include "support/tunnel_help.h"

static void carried(const char *header, uint32_t size)
{
    static struct bytes bytes;
    bytes.size = 0;
    add(&bytes, header, size);
    put_inner_ipv4(&bytes);
    wrap_udp(&bytes, 1701);
    wrap_ipv4(&bytes, 17);
    carries(LINK_ETHERNET, &bytes, "L2TP");
}
#define CARRIED(text) carried(text, sizeof(text) - 1)

static void skipped(const char *message, uint32_t size)
{
    static struct bytes bytes;
    bytes.size = 0;
    add(&bytes, message, size);
    wrap_udp(&bytes, 1701);
    wrap_ipv4(&bytes, 17);
    skips(LINK_ETHERNET, &bytes, "IP protocol 17 (UDP)");
}
#define SKIPPED(text) skipped(text, sizeof(text) - 1)

static void test_version_2(void)
{
    CARRIED("\0\2\0\1\0\2\xff\3\0\x21");
    CARRIED("\0\2\0\1\0\2\x21");                           /* compressed PPP */
    CARRIED("\x40\2\0\x52\0\1\0\2\xff\3\0\x21");           /* with its length */
    CARRIED("\x08\2\0\1\0\2\0\3\0\4\xff\3\0\x21");         /* with sequence numbers */
    CARRIED("\2\2\0\1\0\2\0\3\1\2\3\xff\3\0\x21");         /* with an offset */
    CARRIED("\1\2\0\1\0\2\xff\3\0\x21");                   /* with priority */
    SKIPPED("\xc8\2\0\x0c\0\1\0\0\0\1\0\1");               /* control */
    SKIPPED("\x40\2\xff\xff\0\1\0\2\xff\3\0\x21\x45\0\0"); /* an impossible length */
    SKIPPED("\0\1\0\1\0\2\xff\3\0\x21\x45\0\0");           /* version 1 */
    SKIPPED("\x10\2\0\1\0\2\xff\3\0\x21\x45\0\0");         /* a reserved bit */
    SKIPPED("\0\2\0");
    static struct bytes bytes;
    bytes.size = 0;
    PUT(&bytes, "\0\2\0\1\0\2\xff\3\xc0\x21\1\1\0\4");
    wrap_udp(&bytes, 1701);
    wrap_ipv4(&bytes, 17);
    skips(LINK_ETHERNET, &bytes, "PPP protocol 0xc021 (LCP) in L2TP");
}

/* Cookies of up to 8 bytes and a sublayer of 4, in UDP and in IP. */
static void test_version_3(void)
{
    static struct bytes bytes;
    for (unsigned more = 0; more <= 12; more += 4)
        for (unsigned kind = 0; kind < 6; kind++) {
            bytes.size = 0;
            if (kind % 2 == 0)
                PUT(&bytes, "\0\3\0\0");
            PUT(&bytes, "\0\0\0\7");
            add(&bytes, "\x11\x22\x33\x44\x55\x66\x77\x88\0\0\0\0", more);
            if (kind < 2)
                put_inner_frame(&bytes);
            else if (kind < 4)
                put_inner_ipv6(&bytes);
            else {
                PUT(&bytes, MACS "\x81\0\0\5\x08\0");
                put_inner_ipv4(&bytes);
            }
            if (kind % 2 == 0)
                wrap_udp(&bytes, 1701);
            wrap_ipv4(&bytes, kind % 2 == 0 ? 17 : 115);
            CHECK_EQUAL(read_at(1, bytes.at, bytes.size, bytes.size), MT_NET_SEGMENT);
            check_tcp(INNER_PAYLOAD, INNER_PAYLOAD);
            CHECK_TEXT(chain_of(segment.tunnel), "L2TP");
        }
    SKIPPED("\0\3\0\0\0\0\0\7 nothing that is known, forty bytes long ......");
    SKIPPED("\0\3\0\1\0\0\0\7\x45\0\0\x14"); /* reserved bytes that are in use */
    bytes.size = 0;
    PUT(&bytes, "\0\0\0\0\xc8\3\0\x0c\0\0\0\0\0\0\0\0"); /* control */
    wrap_ipv4(&bytes, 115);
    skips(LINK_ETHERNET, &bytes, "IP protocol 115 (L2TP)");
}

int main(void)
{
    open_net(0);
    test_version_2();
    test_version_3();
    mt_net_close(net);
    free(kept);
    FINISH("l2tp");
}
