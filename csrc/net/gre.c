#include "net/gre.h"

#include "base/bytes.h"
#include "net/ethernet.h"

enum {
    CHECKSUM = 0x8000,
    ROUTING = 0x4000,
    KEY = 0x2000,
    SEQUENCE = 0x1000,
    ACKNOWLEDGEMENT = 0x0080, /* version 1 only */
    VERSION = 7,
    GRE_HEADER = 4,
    GRE_FIELD = 4,
    TYPE_ERSPAN = 0x88be, /* I and II */
    TYPE_ERSPAN_3 = 0x22eb,
    TYPE_WCCP = 0x883e,
    ERSPAN_2_HEADER = 8,
    ERSPAN_3_HEADER = 12,
    ERSPAN_3_PLATFORM = 8,
    ERSPAN_FRAME_ETHERNET = 0,
    ERSPAN_FRAME_IP = 2
};

/* ERSPAN II, which begins after the GRE header of `size` bytes. */
static int read_erspan_2(struct mt_layers *layers, uint32_t size)
{
    if (layers->rest.captured < size + ERSPAN_2_HEADER)
        return mt_layers_refuse(layers, "cut before its IP header");
    uint32_t version = (uint32_t)layers->rest.at[size] >> 4;
    if (version != 1)
        return mt_layers_stop(layers, MT_SKIP_ERSPAN, version);
    return mt_layers_tunnel(layers, MT_TUNNEL_ERSPAN, size + ERSPAN_2_HEADER, MT_NEXT_ETHERNET, 0);
}

/* ERSPAN III: frame type and a flag for a further 8 bytes are in the last two bytes of its
 * header. */
static int read_erspan_3(struct mt_layers *layers, uint32_t size)
{
    if (layers->rest.captured < size + ERSPAN_3_HEADER)
        return mt_layers_refuse(layers, "cut before its IP header");
    uint32_t last = mt_be16(layers->rest.at + size + ERSPAN_3_HEADER - 2);
    uint32_t frame = last >> 10 & 31;
    if (frame != ERSPAN_FRAME_ETHERNET && frame != ERSPAN_FRAME_IP)
        return mt_layers_stop(layers, MT_SKIP_ERSPAN, frame);
    size += (last & 1) != 0 ? ERSPAN_3_HEADER + ERSPAN_3_PLATFORM : ERSPAN_3_HEADER;
    return mt_layers_tunnel(layers, MT_TUNNEL_ERSPAN, size,
                            frame == ERSPAN_FRAME_IP ? MT_NEXT_IP : MT_NEXT_ETHERNET, 0);
}

/* What follows the GRE header of `size` bytes. */
static int by_type(struct mt_layers *layers, uint32_t type, uint32_t size, int has_sequence)
{
    switch (type) {
    case TYPE_ERSPAN:
        return has_sequence ? read_erspan_2(layers, size)
                            : mt_layers_tunnel(layers, MT_TUNNEL_ERSPAN, size, MT_NEXT_ETHERNET, 0);
    case TYPE_ERSPAN_3:
        return read_erspan_3(layers, size);
    case MT_TYPE_TRANSPARENT_ETHERNET:
        return mt_layers_tunnel(layers, MT_TUNNEL_GRE_ETHERNET, size, MT_NEXT_ETHERNET, 0);
    case MT_TYPE_PPP:
        return mt_layers_tunnel(layers, MT_TUNNEL_GRE_PPP, size, MT_NEXT_PPP, 0);
    case TYPE_WCCP: /* version 2 has a redirect header before the IP packet */
        if (layers->rest.captured > size && layers->rest.at[size] >> 4 != 4)
            size += 4;
        return mt_layers_tunnel(layers, MT_TUNNEL_GRE, size, MT_NEXT_IP, 0);
    case MT_TYPE_IPV4:
    case MT_TYPE_IPV6:
    case MT_TYPE_MPLS:
    case MT_TYPE_MPLS_MULTICAST:
    case MT_TYPE_NSH:
    case MT_TYPE_VLAN:
    case MT_TYPE_CISCO_METADATA:
        return mt_layers_tunnel(layers, MT_TUNNEL_GRE, size, MT_NEXT_ETHERTYPE, type);
    default:
        return mt_layers_stop(layers, MT_SKIP_GRE, type);
    }
}

int mt_read_gre(struct mt_layers *layers)
{
    if (layers->rest.captured < GRE_HEADER)
        return mt_layers_refuse(layers, "cut before its IP header");
    uint32_t flags = mt_be16(layers->rest.at), type = mt_be16(layers->rest.at + 2);
    uint32_t size = GRE_HEADER;
    if ((flags & VERSION) > 1 || (flags & ROUTING) != 0)
        return mt_layers_stop(layers, MT_SKIP_GRE, type);
    size += (flags & CHECKSUM) != 0 ? GRE_FIELD : 0;
    size += (flags & KEY) != 0 ? GRE_FIELD : 0;
    size += (flags & SEQUENCE) != 0 ? GRE_FIELD : 0;
    size += (flags & VERSION) == 1 && (flags & ACKNOWLEDGEMENT) != 0 ? GRE_FIELD : 0;
    return by_type(layers, type, size, (flags & SEQUENCE) != 0);
}
