/* Tunnels within each other, their keys, fragments around and within them, and the limits. */
#include "net/decapsulation.h"

#include "base/mem.h"
#include "support/tunnel_help.h"

static void vxlan(struct bytes *bytes)
{
    static struct bytes inner;
    inner = *bytes;
    bytes->size = 0;
    PUT(bytes, "\x08\0\0\0\x12\x34\x56\0");
    add(bytes, inner.at, inner.size);
    wrap_udp(bytes, 4789);
    wrap_ipv4(bytes, 17);
}

/* From an Ethernet frame with an IP packet to that packet. */
static void strip_ethernet(struct bytes *bytes)
{
    bytes->size -= 14;
    memmove(bytes->at, bytes->at + 14, bytes->size);
}

static void test_nested(void)
{
    static struct bytes bytes;
    bytes.size = 0;
    put_inner_ipv4(&bytes);
    wrap_ipv4(&bytes, 4);
    carries(LINK_ETHERNET, &bytes, "IPIP");
    vxlan(&bytes);
    carries(LINK_ETHERNET, &bytes, "VXLAN/IPIP");
    bytes.size = 0;
    put_inner_ipv6(&bytes);
    wrap_ipv4(&bytes, 41);
    carries(LINK_ETHERNET, &bytes, "6in4");
    bytes.size = 0;
    put_inner_ipv4(&bytes);
    wrap_ipv6(&bytes, 4);
    carries(LINK_ETHERNET, &bytes, "4in6");
    bytes.size = 0;
    put_inner_ipv6(&bytes);
    wrap_ipv6(&bytes, 41);
    carries(LINK_ETHERNET, &bytes, "6in6");
    bytes.size = 0;
    PUT(&bytes, "\x30\0");
    put_inner_frame(&bytes);
    wrap_ipv4(&bytes, 97);
    carries(LINK_ETHERNET, &bytes, "EtherIP");
    bytes.size = 0;
    PUT(&bytes, "\0\x3e\x81\x40");
    put_inner_ipv4(&bytes);
    wrap_ipv4(&bytes, 137);
    carries(LINK_ETHERNET, &bytes, "MPLS-in-IP/MPLS");
    bytes.size = 0; /* an authentication header of IPv4 */
    PUT(&bytes, "\6\1\0\0\0\0\0\1\0\0\0\1");
    add_tcp(&bytes, MT_TCP_ACK, "", 0, INNER_PAYLOAD);
    wrap_ipv4(&bytes, 51);
    carries(LINK_ETHERNET, &bytes, "");
}

/* As many tunnels as are followed, and one more. */
static void test_depth(void)
{
    static struct bytes bytes;
    for (int tunnels = 8; tunnels <= 9; tunnels++) {
        bytes.size = 0;
        put_inner_ipv4(&bytes);
        for (int i = 0; i < tunnels; i++) {
            wrap_ipv4(&bytes, 4);
            if (i + 1 < tunnels)
                strip_ethernet(&bytes);
        }
        if (tunnels == 8)
            carries(LINK_ETHERNET, &bytes, "IPIP/IPIP/IPIP/IPIP/IPIP/IPIP/IPIP/IPIP");
        else
            check_bad(read_at(LINK_ETHERNET, bytes.at, bytes.size, bytes.size),
                      "more than 8 tunnels within each other");
    }
    for (int tags = 62; tags <= 63; tags++) { /* Ethernet, tags, the type of IP, IP */
        bytes.size = 0;
        PUT(&bytes, MACS);
        for (int i = 0; i < tags - 1; i++)
            PUT(&bytes, "\x81\0\0\1");
        PUT(&bytes, "\x08\0");
        put_inner_ipv4(&bytes);
        if (tags == 62)
            carries(LINK_ETHERNET, &bytes, "");
        else
            check_bad(read_at(LINK_ETHERNET, bytes.at, bytes.size, bytes.size),
                      "more than 64 headers");
    }
}

static struct mt_tunnel read_tunnel(const struct bytes *bytes)
{
    CHECK_EQUAL(read_at(LINK_ETHERNET, bytes->at, bytes->size, bytes->size), MT_NET_SEGMENT);
    CHECK(segment.tunnel != NULL);
    return *segment.tunnel;
}

/* The key depends on the ends of the tunnel, not on their order or on its identifier. */
static void test_keys(void)
{
    static struct bytes bytes;
    bytes.size = 0;
    put_inner_frame(&bytes);
    vxlan(&bytes);
    struct mt_tunnel first = read_tunnel(&bytes);
    CHECK(first.key != 0);
    CHECK(memcmp(first.source.bytes, "\12\0\0\1", 4) == 0 && first.source.version == 4);
    CHECK(memcmp(first.destination.bytes, "\12\0\0\2", 4) == 0);
    CHECK_EQUAL(segment.source.bytes[0], 198);
    bytes.at[46] ^= 1; /* the network identifier */
    CHECK(read_tunnel(&bytes).key == first.key);
    memcpy(bytes.at + 26, "\12\0\0\2\12\0\0\1", 8);
    struct mt_tunnel back = read_tunnel(&bytes);
    CHECK(back.key == first.key);
    CHECK(memcmp(back.source.bytes, "\12\0\0\2", 4) == 0);
    memcpy(bytes.at + 26, "\12\0\0\3\12\0\0\1", 8);
    CHECK(read_tunnel(&bytes).key != first.key);
    bytes.size = 0; /* below IP there are no ends */
    PUT(&bytes, MACS "\x88\x47\0\x3e\x81\x40");
    put_inner_ipv4(&bytes);
    struct mt_tunnel mpls = read_tunnel(&bytes);
    CHECK(mpls.key == 0 && mpls.source.version == 0);
    bytes.size = 0;
    put_inner_frame(&bytes);
    CHECK_EQUAL(read_at(LINK_ETHERNET, bytes.at, bytes.size, bytes.size), MT_NET_SEGMENT);
    CHECK(segment.tunnel == NULL);
}

/* With tunnels="outer" only the outermost IP packet counts. */
static void test_outer(void)
{
    static struct bytes bytes;
    mt_net_close(net);
    open_net(1);
    bytes.size = 0;
    put_inner_ipv4(&bytes);
    wrap_ipv4(&bytes, 4);
    skips(LINK_ETHERNET, &bytes, "IP protocol 4 (IPv4)");
    bytes.size = 0;
    put_inner_frame(&bytes);
    vxlan(&bytes);
    skips(LINK_ETHERNET, &bytes, "IP protocol 17 (UDP)");
    bytes.size = 0;
    PUT(&bytes, "\0\0\x08\0");
    put_inner_ipv4(&bytes);
    wrap_ipv4(&bytes, 47);
    skips(LINK_ETHERNET, &bytes, "IP protocol 47 (GRE)");
    bytes.size = 0; /* below IP nothing changes */
    PUT(&bytes, MACS "\x88\x47\0\x3e\x81\x40");
    put_inner_ipv4(&bytes);
    carries(LINK_ETHERNET, &bytes, "MPLS");
}

/* Fragment `index` of two of the IP packet in an Ethernet frame. */
static void fragment(const struct bytes *whole, unsigned index, struct bytes *part)
{
    uint32_t header = 34, half = (whole->size - header) / 16 * 8;
    uint32_t begin = index == 0 ? header : header + half;
    uint32_t end = index == 0 ? header + half : whole->size;
    part->size = 0;
    add(part, whole->at, header);
    add(part, whole->at + begin, end - begin);
    set16(part, 16, 20 + end - begin);
    set16(part, 20, index == 0 ? 0x2000 : half / 8);
}

static void put_parts(const struct bytes *whole, enum mt_net_result first,
                      enum mt_net_result second)
{
    static struct bytes part;
    for (unsigned order = 0; order < 2; order++) {
        fragment(whole, order, &part);
        CHECK_EQUAL(read_at(LINK_ETHERNET, part.at, part.size, part.size), first);
        fragment(whole, !order, &part);
        CHECK_EQUAL(read_at(LINK_ETHERNET, part.at, part.size, part.size), second);
        if (second == MT_NET_SEGMENT)
            check_tcp(INNER_PAYLOAD, INNER_PAYLOAD);
        mt_net_finish(net);
    }
}

static void test_outer_fragments(void)
{
    static struct bytes bytes;
    bytes.size = 0;
    put_inner_frame(&bytes);
    vxlan(&bytes);
    put_parts(&bytes, MT_NET_FRAGMENT, MT_NET_SEGMENT);
    bytes.size = 0;
    put_inner_ipv4(&bytes);
    wrap_ipv4(&bytes, 4);
    put_parts(&bytes, MT_NET_FRAGMENT, MT_NET_SEGMENT);
    bytes.size = 0; /* UDP that is no tunnel has a call of its own */
    PUT(&bytes, "a long answer of some other protocol");
    wrap_udp(&bytes, 53);
    wrap_ipv4(&bytes, 17);
    static struct bytes part;
    fragment(&bytes, 0, &part);
    CHECK_EQUAL(read_at(LINK_ETHERNET, part.at, part.size, part.size), MT_NET_FRAGMENT);
    char text[128];
    CHECK_TEXT(mt_skip_text(&report.skip, text, sizeof text), "IP fragment, IP protocol 17 (UDP)");
    CHECK_EQUAL(lost_udp_calls, 0);
    mt_net_finish(net);
    CHECK_EQUAL(lost_calls, 0);
    CHECK_EQUAL(lost_udp_calls, 1);
}

/* A fragment of the inner packet, in a tunnel whose own packet is whole or comes in fragments. */
static void test_inner_fragments(void)
{
    static struct bytes inner[2], whole, part;
    whole.size = 0;
    put_inner_frame(&whole);
    for (unsigned i = 0; i < 2; i++) {
        fragment(&whole, i, &inner[i]);
        vxlan(&inner[i]);
    }
    for (unsigned i = 0; i < 2; i++)
        CHECK_EQUAL(read_at(LINK_ETHERNET, inner[i].at, inner[i].size, inner[i].size),
                    i == 0 ? MT_NET_FRAGMENT : MT_NET_SEGMENT);
    check_tcp(INNER_PAYLOAD, INNER_PAYLOAD);
    mt_net_finish(net);
    for (unsigned i = 0; i < 4; i++) {
        fragment(&inner[i / 2], i % 2, &part);
        CHECK_EQUAL(read_at(LINK_ETHERNET, part.at, part.size, part.size),
                    i < 3 ? MT_NET_FRAGMENT : MT_NET_SEGMENT);
    }
    check_tcp(INNER_PAYLOAD, INNER_PAYLOAD);
    mt_net_finish(net);
    CHECK_EQUAL(read_at(LINK_ETHERNET, inner[0].at, inner[0].size, inner[0].size),
                MT_NET_FRAGMENT); /* the halves come through two tunnels */
    inner[1].at[29] ^= 1;
    CHECK_EQUAL(read_at(LINK_ETHERNET, inner[1].at, inner[1].size, inner[1].size), MT_NET_FRAGMENT);
    mt_net_finish(net);
    CHECK_EQUAL(lost_calls, 2);
}

/* Fragments within fragments within a tunnel are not kept: each would have to outlive the other. */
static void test_nested_fragments(void)
{
    static struct bytes whole, half[2], part;
    whole.size = 0;
    put_inner_frame(&whole);
    fragment(&whole, 0, &part);
    strip_ethernet(&part);
    wrap_ipv4(&part, 4);
    whole = part;
    for (unsigned i = 0; i < 2; i++) {
        fragment(&whole, i, &half[i]);
        vxlan(&half[i]);
    }
    CHECK_EQUAL(read_at(LINK_ETHERNET, half[0].at, half[0].size, half[0].size), MT_NET_FRAGMENT);
    skips(LINK_ETHERNET, &half[1], "IP fragment, IP protocol 6 in VXLAN/IPIP");
}

static uint64_t random_state = 0x853c49e6748fea9bu;

static uint32_t random_below(uint32_t bound)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 32) % bound;
}

/* Changed tunnels of every link type: nothing is read beyond the packet (the sanitizers check). */
static void test_noise(void)
{
    static const uint16_t links[] = {1,   1,   1,   1,   6,   9,   50,  51,  104, 105, 107,
                                     117, 127, 149, 166, 192, 197, 206, 219, 228, 239, 258};
    static struct bytes bytes, changed;
    bytes.size = 0;
    put_inner_ipv4(&bytes);
    wrap_ipv4(&bytes, 4);
    vxlan(&bytes);
    unsigned segments = 0;
    for (int round = 0; round < 40000; round++) {
        changed = bytes;
        for (uint32_t changes = random_below(5); changes > 0; changes--)
            changed.at[random_below(100)] = (uint8_t)random_below(256);
        uint32_t captured = random_below(4) == 0 ? random_below(bytes.size + 1) : bytes.size;
        uint32_t link = links[random_below(sizeof links / sizeof links[0])];
        if (read_at(link, changed.at, captured, bytes.size) != MT_NET_SEGMENT)
            continue;
        segments++;
        CHECK(segment.captured <= segment.length && segment.length <= bytes.size);
        CHECK(segment.payload >= kept && segment.payload + segment.captured <= kept + captured);
    }
    CHECK(segments > 1000);
}

static void test_no_memory(void)
{
    static const uint16_t ports[] = {1};
    for (int calls = 1; calls <= 2; calls++) {
        mt_fail_after(calls);
        CHECK(mt_net_open(&(struct mt_net_options){.limits = &mt_default_limits,
                                                   .limit_hits = limit_hits,
                                                   .ports = ports,
                                                   .ports_count = 1}) == NULL);
    }
    mt_fail_after(0);
}

int main(void)
{
    static void (*const tests[])(void) = {
        test_nested,    test_depth,           test_keys,
        test_outer,     test_noise,           test_outer_fragments,
        test_no_memory, test_inner_fragments, test_nested_fragments};
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) {
        open_net(0);
        tests[i]();
        mt_net_close(net);
    }
    free(kept);
    FINISH("decapsulation");
}
