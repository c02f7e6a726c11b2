#include "net/l2tp.h"

#include "base/bytes.h"
#include "net/ethernet.h"
#include "net/ip.h"

enum {
    UDP = 17,
    CONTROL = 0x8000,
    HAS_LENGTH = 0x4000,
    HAS_SEQUENCE = 0x0800,
    HAS_OFFSET = 0x0200,
    RESERVED = 0x34f0,
    VERSION = 15,
    FLAGS = 2,
    FIELD = 2,   /* length, offset */
    NUMBERS = 4, /* tunnel and session; sent and expected sequence number */
    SESSION = 4,
    COOKIE_AND_SUBLAYER_MOST = 12
};

static int no_data(struct mt_layers *layers)
{
    return mt_layers_stop(layers, MT_SKIP_PROTOCOL, UDP);
}

/* Version 2: PPP after the header. */
static int read_version_2(struct mt_layers *layers, uint32_t flags)
{
    const struct mt_span *rest = &layers->rest;
    uint32_t size = FLAGS;
    if ((flags & HAS_LENGTH) != 0) {
        if (rest->captured < size + FIELD || mt_be16(rest->at + size) > rest->length)
            return no_data(layers);
        mt_span_limit(&layers->rest, mt_be16(rest->at + size));
        size += FIELD;
    }
    size += (flags & HAS_SEQUENCE) != 0 ? NUMBERS + NUMBERS : NUMBERS;
    if ((flags & HAS_OFFSET) != 0) {
        if (rest->captured < size + FIELD)
            return mt_layers_refuse(layers, "cut before its IP header");
        size += FIELD + mt_be16(rest->at + size);
    }
    return mt_layers_tunnel(layers, MT_TUNNEL_L2TP, size, MT_NEXT_PPP, 0);
}

/* 1 if the rest of the message is an Ethernet frame with an IP packet. */
static int is_frame(const struct mt_span *rest, uint32_t at)
{
    return mt_looks_like_ethernet(rest, at) && (mt_looks_like_ip(rest, at + MT_ETHERNET_HEADER) ||
                                                mt_be16(rest->at + at + 12) == MT_TYPE_VLAN);
}

int mt_read_l2tp_session(struct mt_layers *layers, uint32_t protocol)
{
    const struct mt_span *rest = &layers->rest;
    if (rest->captured < SESSION || mt_be32(rest->at) == 0) /* session 0: a control message */
        return mt_layers_stop(layers, MT_SKIP_PROTOCOL, protocol);
    for (uint32_t at = SESSION; at <= SESSION + COOKIE_AND_SUBLAYER_MOST; at += 4) {
        if (is_frame(rest, at))
            return mt_layers_tunnel(layers, MT_TUNNEL_L2TP, at, MT_NEXT_ETHERNET, 0);
        if (mt_looks_like_ip(rest, at))
            return mt_layers_tunnel(layers, MT_TUNNEL_L2TP, at, MT_NEXT_IP, 0);
    }
    return mt_layers_stop(layers, MT_SKIP_PROTOCOL, protocol);
}

int mt_read_l2tp(struct mt_layers *layers)
{
    if (layers->rest.captured < FLAGS + NUMBERS)
        return no_data(layers);
    uint32_t flags = mt_be16(layers->rest.at);
    if ((flags & (CONTROL | RESERVED)) != 0)
        return no_data(layers);
    if ((flags & VERSION) == 2)
        return read_version_2(layers, flags);
    if (flags != 3 || mt_be16(layers->rest.at + FLAGS) != 0)
        return no_data(layers);
    mt_span_skip(&layers->rest, FLAGS + FIELD);
    return mt_read_l2tp_session(layers, UDP);
}
