/* GRE with all its fields, and ERSPAN. */
#include "net/gre.h"

#include "support/tunnel_help.h"

static void header(struct bytes *bytes, unsigned flags, unsigned type)
{
    bytes->size = 0;
    add16(bytes, flags);
    add16(bytes, type);
    static const unsigned fields[] = {0x8000, 0x2000, 0x1000, 0x80};
    for (size_t i = 0; i < 4; i++)
        if ((flags & fields[i]) != 0 && (fields[i] != 0x80 || (flags & 7) == 1))
            add32(bytes, 0x01020304);
}

static void test_fields(void)
{
    static struct bytes bytes;
    for (unsigned flags = 0; flags < 16; flags++) {
        header(&bytes, (flags & 11) << 12, 0x0800);
        put_inner_ipv4(&bytes);
        wrap_ipv4(&bytes, 47);
        carries(LINK_ETHERNET, &bytes, "GRE");
        header(&bytes, (flags & 11) << 12, 0x6558);
        put_inner_frame(&bytes);
        wrap_ipv6(&bytes, 47);
        carries(LINK_ETHERNET, &bytes, "GRE/Ethernet");
    }
    for (unsigned flags = 0; flags < 4; flags++) { /* PPTP */
        header(&bytes, 0x2001 | (flags & 1 ? 0x1000 : 0) | (flags & 2 ? 0x80 : 0), 0x880b);
        PUT(&bytes, "\xff\3\0\x21");
        put_inner_ipv4(&bytes);
        wrap_ipv4(&bytes, 47);
        carries(LINK_ETHERNET, &bytes, "GRE/PPP");
    }
}

static void test_payloads(void)
{
    static struct bytes bytes;
    header(&bytes, 0, 0x86dd);
    put_inner_ipv6(&bytes);
    wrap_ipv4(&bytes, 47);
    carries(LINK_ETHERNET, &bytes, "GRE");
    header(&bytes, 0, 0x8847);
    PUT(&bytes, "\0\x3e\x81\x40");
    put_inner_ipv4(&bytes);
    wrap_ipv4(&bytes, 47);
    carries(LINK_ETHERNET, &bytes, "GRE/MPLS");
    header(&bytes, 0, 0x883e); /* WCCP version 2 */
    PUT(&bytes, "\0\0\0\1");
    put_inner_ipv4(&bytes);
    wrap_ipv4(&bytes, 47);
    carries(LINK_ETHERNET, &bytes, "GRE");
    header(&bytes, 0, 0x1234);
    wrap_ipv4(&bytes, 47);
    skips(LINK_ETHERNET, &bytes, "GRE protocol 0x1234");
    header(&bytes, 0x4000, 0x0800); /* routing, which nobody uses */
    put_inner_ipv4(&bytes);
    wrap_ipv4(&bytes, 47);
    skips(LINK_ETHERNET, &bytes, "GRE protocol 0x0800");
    header(&bytes, 2, 0x0800); /* an unknown version */
    put_inner_ipv4(&bytes);
    wrap_ipv4(&bytes, 47);
    skips(LINK_ETHERNET, &bytes, "GRE protocol 0x0800");
    header(&bytes, 0, 0x6558);
    PUT(&bytes, MACS "\x08\6\0\1\x08\0\6\4\0\1");
    wrap_ipv4(&bytes, 47);
    skips(LINK_ETHERNET, &bytes, "EtherType 0x0806 (ARP) in GRE/Ethernet");
}

static void test_erspan(void)
{
    static struct bytes bytes;
    header(&bytes, 0, 0x88be); /* type I */
    put_inner_frame(&bytes);
    wrap_ipv4(&bytes, 47);
    carries(LINK_ETHERNET, &bytes, "ERSPAN");
    header(&bytes, 0x1000, 0x88be); /* type II */
    PUT(&bytes, "\x10\1\0\x64\0\0\0\1");
    put_inner_frame(&bytes);
    wrap_ipv4(&bytes, 47);
    carries(LINK_ETHERNET, &bytes, "ERSPAN");
    for (unsigned platform = 0; platform < 2; platform++) { /* type III */
        header(&bytes, 0x1000, 0x22eb);
        PUT(&bytes, "\x20\1\0\x64\0\0\0\1\0\0\x80");
        add8(&bytes, platform);
        for (unsigned i = 0; i < 8 * platform; i++)
            add8(&bytes, 0);
        put_inner_frame(&bytes);
        wrap_ipv4(&bytes, 47);
        carries(LINK_ETHERNET, &bytes, "ERSPAN");
    }
    header(&bytes, 0x1000, 0x22eb); /* IP without Ethernet */
    PUT(&bytes, "\x20\1\0\x64\0\0\0\1\0\0\x88\0");
    put_inner_ipv4(&bytes);
    wrap_ipv4(&bytes, 47);
    carries(LINK_ETHERNET, &bytes, "ERSPAN");
    header(&bytes, 0x1000, 0x22eb);
    PUT(&bytes, "\x20\1\0\x64\0\0\0\1\0\0\x84\0");
    put_inner_frame(&bytes);
    wrap_ipv4(&bytes, 47);
    skips(LINK_ETHERNET, &bytes, "ERSPAN version or frame type 1");
    header(&bytes, 0x1000, 0x88be);
    PUT(&bytes, "\x20\1\0\x64\0\0\0\1");
    put_inner_frame(&bytes);
    wrap_ipv4(&bytes, 47);
    skips(LINK_ETHERNET, &bytes, "ERSPAN version or frame type 2");
}

int main(void)
{
    open_net(0);
    test_fields();
    test_payloads();
    test_erspan();
    mt_net_close(net);
    free(kept);
    FINISH("gre");
}
