#include "net/ppp.h"

#include "base/bytes.h"
#include "net/ethernet.h"

enum {
    PPP_IPV4 = 0x21,
    PPP_BRIDGED = 0x31,
    PPP_MULTILINK = 0x3d,
    MULTILINK_HEADER = 4,
    MULTILINK_WHOLE = 0xc0, /* the first fragment and the last one */
    PPP_IPV6 = 0x57,
    PPP_MPLS = 0x281,
    PPP_MPLS_MULTICAST = 0x283,
    BRIDGED_ETHERNET = 1,
    PPPOE_HEADER = 6,
    NLPID_SNAP = 0x80,
    NLPID_IPV6 = 0x8e,
    NLPID_IPV4 = 0xcc,
    NLPID_PPP = 0xcf,
    UNNUMBERED = 3 /* control byte of unnumbered information */
};

static int cut(struct mt_layers *layers)
{
    return mt_layers_refuse(layers, "cut before its IP header");
}

/* The next two bytes as a number. */
static int read_type(struct mt_layers *layers, uint32_t at, enum mt_next next)
{
    if (layers->rest.captured < at + 2)
        return cut(layers);
    return mt_layers_skip(layers, at + 2, next, mt_be16(layers->rest.at + at));
}

static int by_protocol(struct mt_layers *layers, uint32_t protocol, uint32_t size)
{
    switch (protocol) {
    case PPP_IPV4:
    case PPP_IPV6:
        return mt_layers_skip(layers, size, MT_NEXT_IP, 0);
    case PPP_MPLS:
    case PPP_MPLS_MULTICAST:
        return mt_layers_skip(layers, size, MT_NEXT_MPLS, 0);
    case PPP_BRIDGED: /* flags and MAC type come first (RFC 3518) */
        if (layers->rest.captured >= size + 2 && layers->rest.at[size + 1] == BRIDGED_ETHERNET)
            return mt_layers_skip(layers, size + 2, MT_NEXT_ETHERNET, 0);
        return mt_layers_stop(layers, MT_SKIP_PPP, protocol);
    case PPP_MULTILINK: /* a packet that is one fragment, with a sequence number of 24 bits */
        if (layers->rest.captured > size &&
            (layers->rest.at[size] & MULTILINK_WHOLE) == MULTILINK_WHOLE)
            return mt_layers_skip(layers, size + MULTILINK_HEADER, MT_NEXT_PPP, 0);
        return mt_layers_stop(layers, MT_SKIP_PPP, protocol);
    default:
        return mt_layers_stop(layers, MT_SKIP_PPP, protocol);
    }
}

int mt_read_ppp(struct mt_layers *layers)
{
    const struct mt_span *rest = &layers->rest;
    uint32_t at = 0;
    if (rest->captured != 0 && rest->at[0] == 0xff)
        at = 2; /* address and control */
    if (at >= rest->captured)
        return cut(layers);
    uint32_t protocol = rest->at[at++];
    if (protocol % 2 == 0) { /* the last byte of the field is odd, the one before it even */
        if (at >= rest->captured)
            return cut(layers);
        protocol = protocol << 8 | rest->at[at++];
    }
    return by_protocol(layers, protocol, at);
}

int mt_read_hdlc(struct mt_layers *layers)
{
    if (layers->rest.captured != 0 && (layers->rest.at[0] == 0x0f || layers->rest.at[0] == 0x8f))
        return read_type(layers, 2, MT_NEXT_ETHERTYPE);
    return mt_read_ppp(layers);
}

int mt_read_pppoe(struct mt_layers *layers)
{
    const uint8_t *header = layers->rest.at;
    if (layers->rest.captured < 2)
        return cut(layers);
    if (header[0] != 0x11 || header[1] != 0) /* version and type 1; a code is of the discovery */
        return mt_layers_stop(layers, MT_SKIP_ETHERTYPE, MT_TYPE_PPPOE);
    if (layers->rest.captured < PPPOE_HEADER)
        return cut(layers);
    uint32_t length = mt_be16(header + 4);
    if (length != 0)
        mt_span_limit(&layers->rest, PPPOE_HEADER + length);
    return mt_layers_tunnel(layers, MT_TUNNEL_PPPOE, PPPOE_HEADER, MT_NEXT_PPP, 0);
}

static int by_nlpid(struct mt_layers *layers, uint32_t at)
{
    const struct mt_span *rest = &layers->rest;
    if (rest->captured <= at)
        return cut(layers);
    switch (rest->at[at]) {
    case NLPID_IPV4:
    case NLPID_IPV6:
        return mt_layers_skip(layers, at + 1, MT_NEXT_IP, 0);
    case NLPID_PPP:
        return mt_layers_skip(layers, at + 1, MT_NEXT_PPP, 0);
    case NLPID_SNAP:
        if (rest->captured < at + 6)
            return cut(layers);
        if (mt_be16(rest->at + at + 1) == 0 && rest->at[at + 3] == 0)
            return read_type(layers, at + 4, MT_NEXT_ETHERTYPE);
        if (mt_be16(rest->at + at + 1) == 0x0080 && rest->at[at + 3] == 0xc2)
            return mt_layers_skip(layers, at + 6, MT_NEXT_ETHERNET, 0);
        return mt_layers_stop(layers, MT_SKIP_NLPID, NLPID_SNAP);
    default:
        return mt_layers_stop(layers, MT_SKIP_NLPID, rest->at[at]);
    }
}

int mt_read_frame_relay(struct mt_layers *layers)
{
    const struct mt_span *rest = &layers->rest;
    uint32_t at = 1;
    while (at < 4 && at < rest->captured && (rest->at[at] & 1) == 0)
        at++; /* the lowest bit marks the last byte of the address */
    at++;
    if (at >= rest->captured)
        return cut(layers);
    if (rest->at[at] != UNNUMBERED)
        return read_type(layers, at, MT_NEXT_ETHERTYPE);
    at++;
    if (at < rest->captured && rest->at[at] == 0)
        at++; /* padding */
    return by_nlpid(layers, at);
}
