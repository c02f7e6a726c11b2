/* TCP segments within tunnels: each test puts headers before an inner packet and checks that it is
 * found, whatever the snap length. Used by the tests of net. */
#ifndef MT_TEST_TUNNEL_HELP_H
#define MT_TEST_TUNNEL_HELP_H

#include "support/net_help.h"

enum { INNER_PAYLOAD = 30, LINK_ETHERNET = 1 };

#define PUT(bytes, text) add((bytes), (text), sizeof(text) - 1)
#define MACS "\2\0\0\0\0\1\2\0\0\0\0\2"

/* An IPv4 packet with TCP, from 198.51.100.1 to 203.0.113.2. */
static inline void put_inner_ipv4(struct bytes *bytes)
{
    add_ipv4(bytes, 6, 0, 20 + INNER_PAYLOAD, 7, 0);
    add_tcp(bytes, MT_TCP_ACK, "", 0, INNER_PAYLOAD);
}

static inline void put_inner_ipv6(struct bytes *bytes)
{
    add_ipv6(bytes, 6, 20 + INNER_PAYLOAD);
    add_tcp(bytes, MT_TCP_ACK, "", 0, INNER_PAYLOAD);
}

/* An Ethernet frame with put_inner_ipv4. */
static inline void put_inner_frame(struct bytes *bytes)
{
    PUT(bytes, MACS "\x08\0");
    put_inner_ipv4(bytes);
}

/* `bytes` becomes the payload of an IPv4 packet in an Ethernet frame, from 10.0.0.1 to 10.0.0.2. */
static inline void wrap_ipv4(struct bytes *bytes, unsigned protocol)
{
    static struct bytes outer;
    outer.size = 0;
    PUT(&outer, MACS "\x08\0");
    add_ipv4(&outer, protocol, 0, bytes->size, 9, 0);
    memcpy(outer.at + 26, "\12\0\0\1\12\0\0\2", 8);
    add(&outer, bytes->at, bytes->size);
    *bytes = outer;
}

static inline void wrap_ipv6(struct bytes *bytes, unsigned protocol)
{
    static struct bytes outer;
    outer.size = 0;
    PUT(&outer, MACS "\x86\xdd");
    add_ipv6(&outer, protocol, bytes->size);
    add(&outer, bytes->at, bytes->size);
    *bytes = outer;
}

/* `bytes` becomes the payload of a UDP datagram. */
static inline void wrap_udp(struct bytes *bytes, unsigned port)
{
    static struct bytes outer;
    outer.size = 0;
    add16(&outer, 50000);
    add16(&outer, port);
    add16(&outer, 8 + bytes->size);
    add16(&outer, 0);
    add(&outer, bytes->at, bytes->size);
    *bytes = outer;
}

static inline const char *chain_of(const struct mt_tunnel *tunnel)
{
    static char text[128];
    return tunnel != NULL ? mt_tunnel_text(tunnel->chain, tunnel->count, text, sizeof text) : "";
}

/* The segment is found, in tunnels of that chain; and each shorter capture of the packet yields the
 * same segment with less payload, or none. */
static inline void carries(uint32_t link, const struct bytes *bytes, const char *chain)
{
    CHECK_EQUAL(read_at(link, bytes->at, bytes->size, bytes->size), MT_NET_SEGMENT);
    check_tcp(INNER_PAYLOAD, INNER_PAYLOAD);
    CHECK_TEXT(chain_of(segment.tunnel), chain);
    CHECK(segment.payload == kept + bytes->size - INNER_PAYLOAD);
    for (uint32_t captured = 0; captured < bytes->size; captured++) {
        enum mt_net_result result = read_at(link, bytes->at, captured, bytes->size);
        if (result == MT_NET_SEGMENT) {
            CHECK(captured + INNER_PAYLOAD >= bytes->size);
            check_tcp(captured + INNER_PAYLOAD - bytes->size, INNER_PAYLOAD);
        }
        CHECK(result == MT_NET_SEGMENT || captured + INNER_PAYLOAD < bytes->size);
    }
}

/* The packet yields no segment, for that reason. */
static inline void skips(uint32_t link, const struct bytes *bytes, const char *reason)
{
    char text[160];
    CHECK_EQUAL(read_at(link, bytes->at, bytes->size, bytes->size), MT_NET_SKIPPED);
    CHECK_TEXT(mt_skip_text(&report.skip, text, sizeof text), reason);
}

#endif
