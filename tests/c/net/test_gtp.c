/* GTP-U with all its options, version 0, and messages that carry no packet. */
#include "net/gtp.h"

#include "support/tunnel_help.h"

/* A GTP header, `optional` after it, and the inner packet. `bytes` gets them as a whole frame. */
static void wrap_gtp(struct bytes *bytes, unsigned flags, const char *optional, uint32_t size)
{
    static struct bytes inner;
    inner = *bytes;
    bytes->size = 0;
    add8(bytes, flags);
    add8(bytes, 255);
    add16(bytes, (flags >> 5 == 0 ? 0 : size) + inner.size);
    if (flags >> 5 != 0)
        add32(bytes, 0x01020304);
    add(bytes, optional, size);
    add(bytes, inner.at, inner.size);
    wrap_udp(bytes, 2152);
    wrap_ipv4(bytes, 17);
}

static void carried(unsigned flags, const char *optional, uint32_t size)
{
    static struct bytes bytes;
    bytes.size = 0;
    put_inner_ipv4(&bytes);
    wrap_gtp(&bytes, flags, optional, size);
    carries(LINK_ETHERNET, &bytes, "GTP-U");
    bytes.size = 0;
    put_inner_ipv6(&bytes);
    wrap_gtp(&bytes, flags, optional, size);
    carries(LINK_ETHERNET, &bytes, "GTP-U");
    bytes.size = 0;
    put_inner_frame(&bytes);
    wrap_gtp(&bytes, flags, optional, size);
    carries(LINK_ETHERNET, &bytes, "GTP-U");
}
#define CARRIED(flags, text) carried(flags, text, sizeof(text) - 1)

static void test_headers(void)
{
    CARRIED(0x30, "");
    CARRIED(0x32, "\0\1\0\0");                                   /* a sequence number */
    CARRIED(0x31, "\0\0\7\0");                                   /* an N-PDU number */
    CARRIED(0x32, "\0\1\0\x85");                                 /* a type that no flag announces */
    CARRIED(0x34, "\0\0\0\0");                                   /* no extension header */
    CARRIED(0x34, "\0\0\0\x85\1\x10\5\0");                       /* one, of 5G sessions */
    CARRIED(0x37, "\0\1\7\xc0\1\x12\x34\x85\1\x10\5\0");         /* two */
    CARRIED(0x34, "\0\0\0\x20\2\1\2\3\4\5\6\0");                 /* one of eight bytes */
    CARRIED(0x1e, "\0\1\0\2\xff\xff\xff\xff\1\2\3\4\5\6\7\x08"); /* version 0 */
}

static void skipped(const char *message, uint32_t size)
{
    static struct bytes bytes;
    bytes.size = 0;
    add(&bytes, message, size);
    wrap_udp(&bytes, 2152);
    wrap_ipv4(&bytes, 17);
    skips(LINK_ETHERNET, &bytes, "IP protocol 17 (UDP)");
}
#define SKIPPED(text) skipped(text, sizeof(text) - 1)

static void test_no_packets(void)
{
    SKIPPED("\x32\1\0\4\0\0\0\0\0\1\0\0");                          /* an echo */
    SKIPPED("\x20\xff\0\x18\0\0\0\7 something else 24 bytes");      /* GTP' */
    SKIPPED("\x50\xff\0\x18\0\0\0\7 something else 24 bytes");      /* version 2 */
    SKIPPED("\x30\xff\0\x10\0\0\0\7\xff\3 not IP nor Ethernet..."); /* PPP, say */
    SKIPPED("\x30\xff\xff\xff\0\0\0\7\x45 a length that is not that of the message");
}

static void test_bad_extensions(void)
{
    static struct bytes bytes;
    bytes.size = 0;
    put_inner_ipv4(&bytes);
    wrap_gtp(&bytes, 0x34, "\0\0\0\x85\0\x10\5\0", 8); /* of length 0 */
    check_bad(read_at(LINK_ETHERNET, bytes.at, bytes.size, bytes.size),
              "GTP extension header cut or of length 0");
    bytes.size = 0;
    put_inner_ipv4(&bytes);
    wrap_gtp(&bytes, 0x34, "\0\0\0\x85\xff\x10\5\0", 8); /* longer than the packet */
    check_bad(read_at(LINK_ETHERNET, bytes.at, bytes.size, bytes.size),
              "GTP extension header cut or of length 0");
}

int main(void)
{
    open_net(0);
    test_headers();
    test_no_packets();
    test_bad_extensions();
    mt_net_close(net);
    free(kept);
    FINISH("gtp");
}
