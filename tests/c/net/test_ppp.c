/* PPPoE, Frame Relay, HDLC and the link types with a direction. test_link.c has the framing of PPP.
 */
#include "net/ppp.h"

#include "support/tunnel_help.h"

static void framed(uint32_t link, const char *header, size_t size, const char *chain)
{
    struct bytes bytes = {.size = 0};
    add(&bytes, header, size);
    put_inner_ipv4(&bytes);
    carries(link, &bytes, chain);
}
#define FRAMED(link, text, chain) framed(link, text, sizeof(text) - 1, chain)

static void test_pppoe(void)
{
    FRAMED(1, MACS "\x88\x64\x11\0\0\5\0\x48\0\x21", "PPPoE"); /* 2 + 70 bytes */
    FRAMED(1, MACS "\x81\0\0\7\x88\x64\x11\0\0\5\0\x48\0\x21", "PPPoE");
    FRAMED(51, "\x11\0\0\5\0\x48\0\x21", "PPPoE");
    FRAMED(50, "\xff\3\0\x3d\xc0\0\0\1\0\x21", ""); /* multilink, in one fragment */
    struct bytes bytes = {.size = 0};               /* what the length leaves out is padding */
    PUT(&bytes, MACS "\x88\x64\x11\0\0\5\0\x40\0\x21");
    put_inner_ipv4(&bytes);
    CHECK_EQUAL(read_at(1, bytes.at, bytes.size, bytes.size), MT_NET_SEGMENT);
    CHECK_EQUAL(segment.length, INNER_PAYLOAD - 8);
    bytes.size = 0;
    PUT(&bytes, MACS "\x88\x64\x11\0\0\5\0\x10\xc0\x21\1\1\0\4");
    skips(1, &bytes, "PPP protocol 0xc021 (LCP) in PPPoE");
    bytes.size = 0;
    PUT(&bytes, "\xff\3\0\x3d\x80\0\0\1\0\x21\x45\0\0\x28"); /* the first of several */
    skips(50, &bytes, "PPP protocol 0x003d (multilink)");
}

static void test_frame_relay(void)
{
    FRAMED(107, "\x18\x41\3\xcc", "");
    FRAMED(107, "\x18\x41\3\0\xcc", "");                             /* padded */
    FRAMED(107, "\x18\x40\x40\x41\3\xcc", "");                       /* an address of 4 bytes */
    FRAMED(107, "\x18\x41\3\0\x80\0\0\0\x08\0", "");                 /* SNAP */
    FRAMED(107, "\x18\x41\3\0\x80\0\x80\xc2\0\7" MACS "\x08\0", ""); /* bridged */
    FRAMED(107, "\x18\x41\x08\0", "");                               /* Cisco's framing */
    FRAMED(107, "\x18\x41\3\xcf\0\x21", "");                         /* PPP */
    FRAMED(206, "\1\x18\x41\3\xcc", "");
    struct bytes bytes = {.size = 0};
    PUT(&bytes, "\x18\x41\3\x08\0\x75\1\1\1");
    skips(107, &bytes, "Frame Relay NLPID 0x08");
}

static void test_directions(void)
{
    FRAMED(104, "\x0f\0\x08\0", "");
    FRAMED(205, "\1\x0f\0\x08\0", "");
    FRAMED(9, "\x0f\0\x08\0", ""); /* HDLC of Cisco in a capture of PPP */
    FRAMED(204, "\1\x0f\0\x08\0", "");
    FRAMED(204, "\0\xff\3\0\x21", "");
    FRAMED(204, "\1\0\x21", "");
    FRAMED(204, "\1\x21", "");
    FRAMED(166, "\1\3\0\x21", "");
    FRAMED(166, "\0\xff\3\0\x21", "");
    FRAMED(9, "\xff\3\0\x31\0\1" MACS "\x08\0", ""); /* bridged */
    struct bytes bytes = {.size = 0};
    PUT(&bytes, "\x8f\0\x80\x35\0\0\0\2");
    skips(104, &bytes, "EtherType 0x8035 (RARP or SLARP)");
}

int main(void)
{
    open_net(0);
    test_pppoe();
    test_frame_relay();
    test_directions();
    mt_net_close(net);
    free(kept);
    FINISH("ppp");
}
