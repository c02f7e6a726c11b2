/* NSH, TRILL, FabricPath and batman-adv, after Ethernet, in GRE and in VXLAN-GPE. */
#include "net/fabric.h"

#include "support/tunnel_help.h"

enum contents { IP_PACKET, FRAME };

static void carried(const char *header, uint32_t size, enum contents contents, const char *chain)
{
    static struct bytes bytes;
    bytes.size = 0;
    PUT(&bytes, MACS);
    add(&bytes, header, size);
    if (contents == FRAME)
        put_inner_frame(&bytes);
    else
        put_inner_ipv4(&bytes);
    carries(LINK_ETHERNET, &bytes, chain);
}
#define CARRIED(text, contents, chain) carried(text, sizeof(text) - 1, contents, chain)

static void skipped(const char *message, uint32_t size, const char *reason)
{
    static struct bytes bytes;
    bytes.size = 0;
    PUT(&bytes, MACS);
    add(&bytes, message, size);
    skips(LINK_ETHERNET, &bytes, reason);
}
#define SKIPPED(text, reason) skipped(text, sizeof(text) - 1, reason)

#define CONTEXT "\1\2\3\4\5\6\7\x08\1\2\3\4\5\6\7\x08"

static void test_nsh(void)
{
    static struct bytes bytes;
    CARRIED("\x89\x4f\x0f\xc6\1\1\0\0\x0a\xff" CONTEXT, IP_PACKET, "NSH");
    CARRIED("\x89\x4f\x0f\xc2\2\1\0\0\x0a\xff", IP_PACKET, "NSH"); /* without context */
    CARRIED("\x89\x4f\x0f\xc6\1\3\0\0\x0a\xff" CONTEXT, FRAME, "NSH");
    CARRIED("\x89\x4f\x0f\xc2\2\5\0\0\x0a\xff\0\x3e\x81\x40", IP_PACKET, "NSH/MPLS");
    CARRIED("\x89\x4f\x0f\xc2\2\4\0\0\x0a\xff\x0f\xc2\2\1\0\0\x0a\xff", IP_PACKET, "NSH/NSH");
    SKIPPED("\x89\x4f\x0f\xc2\2\6\0\0\x0a\xff\1\2\3", "EtherType 0x894f (NSH)");
    SKIPPED("\x89\x4f\x4f\xc2\2\1\0\0\x0a\xff\x45\2\3", "EtherType 0x894f (NSH)"); /* version */
    SKIPPED("\x89\x4f\x0f\xc0\2\1\0\0\x0a\xff\x45\2\3", "EtherType 0x894f (NSH)"); /* length 0 */
    bytes.size = 0;
    PUT(&bytes, "\0\0\x89\x4f\x0f\xc2\2\3\0\0\x0a\xff");
    put_inner_frame(&bytes);
    wrap_ipv4(&bytes, 47);
    carries(LINK_ETHERNET, &bytes, "GRE/NSH");
    bytes.size = 0;
    PUT(&bytes, "\x0c\0\0\4\0\0\7\0\x0f\xc2\2\3\0\0\x0a\xff");
    put_inner_frame(&bytes);
    wrap_udp(&bytes, 4790);
    wrap_ipv4(&bytes, 17);
    carries(LINK_ETHERNET, &bytes, "VXLAN/NSH");
}

static void test_fabrics(void)
{
    CARRIED("\x22\xf3\0\3\0\1\0\2", FRAME, "TRILL");
    CARRIED("\x22\xf3\0\x83\0\1\0\2\1\2\3\4\5\6\7\x08", FRAME, "TRILL"); /* options */
    SKIPPED("\x22\xf3\x40\3\0\1\0\2\1\2\3\4\5\6\7\x08", "EtherType 0x22f3 (TRILL)");
    CARRIED("\x89\3\0\1", FRAME, "FabricPath");
    CARRIED("\x43\5\x40\x0f\x32\1\2\0\0\0\0\1", FRAME, "batman-adv");
    CARRIED("\x43\5\x42\x0f\x32\1\2\0\0\0\0\1\2\0\0\0\0\3\1\0", FRAME, "batman-adv");
    SKIPPED("\x43\5\0\x0f\x32\0\0\0\0\1\2\3\4\5\6\7", "EtherType 0x4305 (batman-adv)");
    SKIPPED("\x43\5\x40\x10\x32\1\2\0\0\0\0\1\2\3", "EtherType 0x4305 (batman-adv)");
}

int main(void)
{
    open_net(0);
    test_nsh();
    test_fabrics();
    mt_net_close(net);
    free(kept);
    FINISH("fabric");
}
