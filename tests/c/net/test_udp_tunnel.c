/* Tunnels in UDP, on their own ports and on others. */
#include "net/udp_tunnel.h"

#include "support/tunnel_help.h"

static void vxlan(struct bytes *bytes)
{
    bytes->size = 0;
    PUT(bytes, "\x08\0\0\0\x12\x34\x56\0");
    put_inner_frame(bytes);
}

static void geneve(struct bytes *bytes, unsigned words, unsigned type)
{
    bytes->size = 0;
    add8(bytes, words);
    add8(bytes, 0);
    add16(bytes, type);
    PUT(bytes, "\x12\x34\x56\0");
    for (unsigned i = 0; i < words; i++)
        PUT(bytes, "\1\2\1\0");
}

static void in_udp(struct bytes *bytes, unsigned port)
{
    wrap_udp(bytes, port);
    wrap_ipv4(bytes, 17);
}

static void test_vxlan(void)
{
    static struct bytes bytes;
    static const unsigned ports[] = {4789, 8472, 4790, 7777, 8888};
    for (size_t i = 0; i < sizeof ports / sizeof ports[0]; i++) {
        vxlan(&bytes);
        in_udp(&bytes, ports[i]);
        carries(LINK_ETHERNET, &bytes, "VXLAN");
        vxlan(&bytes);
        wrap_udp(&bytes, ports[i]);
        wrap_ipv6(&bytes, 17);
        carries(LINK_ETHERNET, &bytes, "VXLAN");
    }
    vxlan(&bytes); /* a port that nobody named */
    in_udp(&bytes, 7778);
    skips(LINK_ETHERNET, &bytes, "IP protocol 17 (UDP)");
    vxlan(&bytes); /* a group policy */
    bytes.at[0] = 0x88;
    in_udp(&bytes, 4789);
    carries(LINK_ETHERNET, &bytes, "VXLAN");
    vxlan(&bytes);
    bytes.at[0] = 0;
    in_udp(&bytes, 4789);
    skips(LINK_ETHERNET, &bytes, "IP protocol 17 (UDP)");
    bytes.size = 0; /* GPE with IP and with MPLS */
    PUT(&bytes, "\x0c\0\0\1\x12\x34\x56\0");
    put_inner_ipv4(&bytes);
    in_udp(&bytes, 4790);
    carries(LINK_ETHERNET, &bytes, "VXLAN");
    bytes.size = 0;
    PUT(&bytes, "\x0c\0\0\5\x12\x34\x56\0\0\x3e\x81\x40");
    put_inner_ipv4(&bytes);
    in_udp(&bytes, 4790);
    carries(LINK_ETHERNET, &bytes, "VXLAN/MPLS");
}

static void test_geneve(void)
{
    static struct bytes bytes;
    for (unsigned words = 0; words < 64; words += 9) {
        geneve(&bytes, words, 0x6558);
        put_inner_frame(&bytes);
        in_udp(&bytes, 6081);
        carries(LINK_ETHERNET, &bytes, "GENEVE");
    }
    geneve(&bytes, 2, 0x0800);
    put_inner_ipv4(&bytes);
    in_udp(&bytes, 6081);
    carries(LINK_ETHERNET, &bytes, "GENEVE");
    geneve(&bytes, 0, 0x86dd);
    put_inner_ipv6(&bytes);
    in_udp(&bytes, 6081);
    carries(LINK_ETHERNET, &bytes, "GENEVE");
    geneve(&bytes, 0, 0x1234);
    in_udp(&bytes, 6081);
    skips(LINK_ETHERNET, &bytes, "IP protocol 17 (UDP)");
}

static void test_ip(void)
{
    static struct bytes bytes;
    for (unsigned version = 4; version <= 6; version += 2) {
        bytes.size = 0;
        if (version == 4)
            put_inner_ipv4(&bytes);
        else
            put_inner_ipv6(&bytes);
        in_udp(&bytes, 7777);
        CHECK_EQUAL(read_at(1, bytes.at, bytes.size, bytes.size), MT_NET_SEGMENT);
        check_tcp(INNER_PAYLOAD, INNER_PAYLOAD);
        CHECK_TEXT(chain_of(segment.tunnel), "IP-in-UDP");
        bytes.at[37] ^= 1; /* any other port */
        CHECK_EQUAL(read_at(1, bytes.at, bytes.size, bytes.size), MT_NET_SEGMENT);
        check_tcp(INNER_PAYLOAD, INNER_PAYLOAD);
        bytes.at[version == 4 ? 45 : 47] ^= 1; /* an IP length that is not that of the datagram */
        skips(LINK_ETHERNET, &bytes, "IP protocol 17 (UDP)");
    }
    bytes.size = 0; /* IP without TCP, on a port that was named */
    add_ipv4(&bytes, 1, 0, 20, 0, 0);
    PUT(&bytes, "\10\0\0\0\0\1\0\1 payload1234");
    in_udp(&bytes, 7777);
    skips(LINK_ETHERNET, &bytes, "IP protocol 1 (ICMP) in IP-in-UDP");
}

static void test_lisp(void)
{
    static struct bytes bytes;
    bytes.size = 0;
    PUT(&bytes, "\x80\x12\x34\x56\0\0\0\1");
    put_inner_ipv6(&bytes);
    in_udp(&bytes, 4341);
    carries(LINK_ETHERNET, &bytes, "LISP");
    bytes.size = 0;
    PUT(&bytes, "\x80\x12\x34\x56\0\0\0\1 no IP");
    in_udp(&bytes, 4341);
    skips(LINK_ETHERNET, &bytes, "IP protocol 17 (UDP)");
}

static void test_teredo(void)
{
    static struct bytes bytes;
    static const struct {
        const char *header;
        uint32_t size;
    } indications[] = {{"", 0},
                       {"\0\0\x12\x34\1\2\3\4", 8},
                       {"\0\1\0\0\1\2\3\4\5\6\7\x08\0", 13},
                       {"\0\1\1\2iau\1\2\3\4\5\6\7\x08\0\0\0\x12\x34\1\2\3\4", 24}};
    for (size_t i = 0; i < sizeof indications / sizeof indications[0]; i++) {
        bytes.size = 0;
        add(&bytes, indications[i].header, indications[i].size);
        put_inner_ipv6(&bytes);
        in_udp(&bytes, 3544);
        carries(LINK_ETHERNET, &bytes, "Teredo");
    }
    bytes.size = 0;
    PUT(&bytes, "\0\1\xff\xff cut");
    in_udp(&bytes, 3544);
    skips(LINK_ETHERNET, &bytes, "IP protocol 17 (UDP)");
}

/* Ports at which tunnels are encrypted; IP is read there all the same. */
static void test_encrypted(void)
{
    static struct bytes bytes;
    static const struct {
        unsigned port;
        const char *reason;
    } ports[] = {{1194, "IP protocol 17 (UDP), port 1194 (OpenVPN)"},
                 {4500, "IP protocol 17 (UDP), port 4500 (IPsec)"},
                 {51820, "IP protocol 17 (UDP), port 51820 (WireGuard)"}};
    for (size_t i = 0; i < sizeof ports / sizeof ports[0]; i++) {
        bytes.size = 0;
        PUT(&bytes, "\4\0\0\0 and what nobody can read");
        in_udp(&bytes, ports[i].port);
        skips(LINK_ETHERNET, &bytes, ports[i].reason);
        bytes.size = 0;
        put_inner_ipv4(&bytes);
        in_udp(&bytes, ports[i].port);
        CHECK_EQUAL(read_at(1, bytes.at, bytes.size, bytes.size), MT_NET_SEGMENT);
        CHECK_TEXT(chain_of(segment.tunnel), "IP-in-UDP");
    }
}

/* The reader of a port that is only the sender's by chance leaves the datagram to the others. */
static void test_port_by_chance(void)
{
    static struct bytes bytes;
    vxlan(&bytes);
    in_udp(&bytes, 4789);
    set16(&bytes, 34, 2152);
    carries(LINK_ETHERNET, &bytes, "VXLAN");
    bytes.size = 0;
    put_inner_ipv4(&bytes);
    in_udp(&bytes, 1701);
    CHECK_EQUAL(read_at(1, bytes.at, bytes.size, bytes.size), MT_NET_SEGMENT);
    CHECK_TEXT(chain_of(segment.tunnel), "IP-in-UDP");
}

static void test_others(void)
{
    static struct bytes bytes;
    bytes.size = 0;
    PUT(&bytes, "\0\0\x08\0");
    put_inner_ipv4(&bytes);
    in_udp(&bytes, 4754);
    carries(LINK_ETHERNET, &bytes, "GRE");
    bytes.size = 0;
    PUT(&bytes, "\0\x3e\x81\x40");
    put_inner_ipv4(&bytes);
    in_udp(&bytes, 6635);
    carries(LINK_ETHERNET, &bytes, "MPLS-in-IP/MPLS");
    bytes.size = 0;
    PUT(&bytes, "a DNS answer, say");
    in_udp(&bytes, 53);
    skips(LINK_ETHERNET, &bytes, "IP protocol 17 (UDP)");
}

int main(void)
{
    open_net(0);
    test_vxlan();
    test_geneve();
    test_ip();
    test_lisp();
    test_teredo();
    test_encrypted();
    test_port_by_chance();
    test_others();
    mt_net_close(net);
    free(kept);
    FINISH("udp_tunnel");
}
