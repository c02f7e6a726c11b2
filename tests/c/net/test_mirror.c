/* TZSP, jmirror and CAPWAP: frames that devices send to a collector. */
#include "net/mirror.h"

#include "support/tunnel_help.h"

#define WIFI_ADDRESSES "\2\0\0\0\0\1\2\0\0\0\0\2\2\0\0\0\0\3\0\0"
#define SNAP "\xaa\xaa\3\0\0\0\x08\0"

enum contents { IP_PACKET, FRAME };

static void carried(unsigned port, const char *header, uint32_t size, enum contents contents,
                    const char *chain)
{
    static struct bytes bytes;
    bytes.size = 0;
    add(&bytes, header, size);
    if (contents == FRAME)
        put_inner_frame(&bytes);
    else
        put_inner_ipv4(&bytes);
    wrap_udp(&bytes, port);
    wrap_ipv4(&bytes, 17);
    carries(LINK_ETHERNET, &bytes, chain);
}
#define CARRIED(port, text, contents, chain) carried(port, text, sizeof(text) - 1, contents, chain)

static void skipped(unsigned port, const char *message, uint32_t size)
{
    static struct bytes bytes;
    bytes.size = 0;
    add(&bytes, message, size);
    wrap_udp(&bytes, port);
    wrap_ipv4(&bytes, 17);
    skips(LINK_ETHERNET, &bytes, "IP protocol 17 (UDP)");
}
#define SKIPPED(port, text) skipped(port, text, sizeof(text) - 1)

static void test_tzsp(void)
{
    CARRIED(37008, "\1\0\0\1\1", FRAME, "TZSP");
    CARRIED(37008, "\1\1\0\1\1", FRAME, "TZSP");                         /* for transmission */
    CARRIED(37008, "\1\0\0\1\x0a\1\xd6\0\x0b\2\1\2\0\1", FRAME, "TZSP"); /* tags and padding */
    CARRIED(37008, "\1\0\0\x12\1\x08\0\0\0" WIFI_ADDRESSES SNAP, IP_PACKET, "TZSP");
    SKIPPED(37008, "\1\4\0\0\1 a keepalive");
    SKIPPED(37008, "\2\0\0\1\1 another version");
    SKIPPED(37008, "\1\0\0\2\1 another medium");
    SKIPPED(37008, "\1\0\0\1\x0a\xff tags without an end");
}

static void test_jmirror(void)
{
    CARRIED(30030, "\0\0\0\1\0\0\0\2", IP_PACKET, "jmirror");
    SKIPPED(30030, "\0\0\0\1\0\0\0\2 no IP");
    SKIPPED(30030, "\0\0\0\1\0\0\0\2");
}

static void test_capwap(void)
{
    CARRIED(5247, "\0\x10\2\0\0\0\0\0", FRAME, "CAPWAP");
    CARRIED(5247, "\0\x20\2\x10\0\0\0\0\6\1\2\3\4\5\6\0", FRAME, "CAPWAP"); /* a radio's address */
    CARRIED(5247, "\0\x10\3\0\0\0\0\0\x08\1\0\0" WIFI_ADDRESSES SNAP, IP_PACKET, "CAPWAP");
    CARRIED(5247, "\0\x10\3\0\0\0\0\0\1\x08\0\0" WIFI_ADDRESSES SNAP, IP_PACKET, "CAPWAP");
    SKIPPED(5247, "\0\x10\2\x80\0\1\0\0 a fragment");
    SKIPPED(5247, "\0\x08\2\0\0\0\0\0 too short a header");
    SKIPPED(5247, "\1\0\0\0\0\0\0\0 encrypted");
    SKIPPED(5247, "\0\x10");
}

int main(void)
{
    open_net(0);
    test_tzsp();
    test_jmirror();
    test_capwap();
    mt_net_close(net);
    free(kept);
    FINISH("mirror");
}
