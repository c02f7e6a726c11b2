/* MPLS: label stacks, IP, pseudo-wires with and without control word. */
#include "net/mpls.h"

#include "support/tunnel_help.h"

static void begin(struct bytes *bytes, int labels)
{
    bytes->size = 0;
    PUT(bytes, MACS "\x88\x47");
    for (int i = 1; i <= labels; i++) {
        PUT(bytes, "\0\x3e");
        add16(bytes, 0x8040u | (i == labels ? 0x100u : 0));
    }
}

static void test_stacks(void)
{
    static struct bytes bytes;
    for (int labels = 1; labels <= 32; labels += 5) {
        begin(&bytes, labels);
        put_inner_ipv4(&bytes);
        carries(LINK_ETHERNET, &bytes, "MPLS");
        begin(&bytes, labels);
        put_inner_ipv6(&bytes);
        carries(LINK_ETHERNET, &bytes, "MPLS");
    }
    begin(&bytes, 33);
    put_inner_ipv4(&bytes);
    check_bad(read_at(LINK_ETHERNET, bytes.at, bytes.size, bytes.size), "more than 32 MPLS labels");
}

static void test_wires(void)
{
    static struct bytes bytes;
    begin(&bytes, 2);
    PUT(&bytes, "\0\0\0\1"); /* control word with a sequence number */
    put_inner_frame(&bytes);
    carries(LINK_ETHERNET, &bytes, "MPLS/Ethernet");
    begin(&bytes, 1);
    put_inner_frame(&bytes);
    carries(LINK_ETHERNET, &bytes, "MPLS/Ethernet");
    static const char first[] = {0x00, 0x1a, 0x40, 0x62, (char)0xf4}; /* of the destination */
    for (size_t i = 0; i < sizeof first; i++) {
        begin(&bytes, 1);
        put_inner_frame(&bytes);
        bytes.at[18] = (uint8_t)first[i];
        carries(LINK_ETHERNET, &bytes, "MPLS/Ethernet");
    }
    begin(&bytes, 1); /* a VLAN in the pseudo-wire */
    PUT(&bytes, "\0\0\0\0" MACS "\x81\0\0\5\x08\0");
    put_inner_ipv4(&bytes);
    carries(LINK_ETHERNET, &bytes, "MPLS/Ethernet");
    begin(&bytes, 1); /* IP after a control word */
    PUT(&bytes, "\0\0\0\0");
    put_inner_ipv4(&bytes);
    carries(LINK_ETHERNET, &bytes, "MPLS");
}

static void test_others(void)
{
    static struct bytes bytes;
    begin(&bytes, 1);
    PUT(&bytes, "\x10\0\0\7 an associated channel");
    skips(LINK_ETHERNET, &bytes, "MPLS with neither IP nor Ethernet, first byte 0x10");
    bytes.size = 0; /* without Ethernet */
    PUT(&bytes, "\0\x3e\x81\x40");
    put_inner_ipv4(&bytes);
    carries(219, &bytes, "MPLS");
    bytes.size = 0; /* in PPP */
    PUT(&bytes, "\xff\3\2\x81\0\x3e\x81\x40");
    put_inner_ipv4(&bytes);
    carries(9, &bytes, "MPLS");
}

int main(void)
{
    open_net(0);
    test_stacks();
    test_wires();
    test_others();
    mt_net_close(net);
    free(kept);
    FINISH("mpls");
}
