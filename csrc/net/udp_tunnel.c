#include "net/udp_tunnel.h"

#include "base/bytes.h"
#include "net/ethernet.h"
#include "net/ip.h"

enum {
    PORT_VXLAN = 4789,
    PORT_VXLAN_GPE = 4790,
    PORT_VXLAN_LINUX = 8472,
    PORT_GENEVE = 6081,
    PORT_GRE = 4754,
    PORT_MPLS = 6635,
    UDP_HEADER = 8,
    UDP = 17,
    VXLAN_HEADER = 8,
    VXLAN_VALID = 0x08, /* the network identifier is set */
    GPE_NEXT = 0x04,    /* the next protocol is set */
    GENEVE_HEADER = 8
};

static int not_a_tunnel(struct mt_layers *layers)
{
    return mt_layers_stop(layers, MT_SKIP_PROTOCOL, UDP);
}

/* ---- each tunnel, from the end of the UDP header ---- */

/* 1 if the first bytes are those of VXLAN: a valid network identifier. Other flags and the reserved
 * bytes are used by extensions. */
static int is_vxlan(const struct mt_span *rest)
{
    return rest->captured >= VXLAN_HEADER && (rest->at[0] & VXLAN_VALID) != 0 &&
           rest->at[0] >> 4 != 4 && rest->at[0] >> 4 != 6;
}

static int read_vxlan(struct mt_layers *layers)
{
    return is_vxlan(&layers->rest)
               ? mt_layers_tunnel(layers, MT_TUNNEL_VXLAN, VXLAN_HEADER, MT_NEXT_ETHERNET, 0)
               : not_a_tunnel(layers);
}

static int read_vxlan_gpe(struct mt_layers *layers)
{
    if (!is_vxlan(&layers->rest) || (layers->rest.at[0] & GPE_NEXT) == 0)
        return read_vxlan(layers);
    switch (layers->rest.at[3]) {
    case 1:
    case 2:
        return mt_layers_tunnel(layers, MT_TUNNEL_VXLAN, VXLAN_HEADER, MT_NEXT_IP, 0);
    case 3:
        return mt_layers_tunnel(layers, MT_TUNNEL_VXLAN, VXLAN_HEADER, MT_NEXT_ETHERNET, 0);
    case 5:
        return mt_layers_tunnel(layers, MT_TUNNEL_VXLAN, VXLAN_HEADER, MT_NEXT_MPLS, 0);
    default:
        return not_a_tunnel(layers);
    }
}

static int read_geneve(struct mt_layers *layers)
{
    const struct mt_span *rest = &layers->rest;
    if (rest->captured < GENEVE_HEADER || rest->at[0] >> 6 != 0) /* version 0 */
        return not_a_tunnel(layers);
    uint32_t size = GENEVE_HEADER + (rest->at[0] & 63) * 4u, type = mt_be16(rest->at + 2);
    if (type == MT_TYPE_TRANSPARENT_ETHERNET)
        return mt_layers_tunnel(layers, MT_TUNNEL_GENEVE, size, MT_NEXT_ETHERNET, 0);
    if (type == MT_TYPE_IPV4 || type == MT_TYPE_IPV6 || type == MT_TYPE_MPLS)
        return mt_layers_tunnel(layers, MT_TUNNEL_GENEVE, size, MT_NEXT_ETHERTYPE, type);
    return not_a_tunnel(layers);
}

/* A port that the caller named: VXLAN, or IP. */
static int read_named(struct mt_layers *layers)
{
    if (mt_looks_like_ip(&layers->rest, 0))
        return mt_layers_tunnel(layers, MT_TUNNEL_IP_IN_UDP, 0, MT_NEXT_IP, 0);
    return read_vxlan(layers);
}

/* ---- UDP ---- */

static int is_named(const struct mt_layers *layers, uint32_t source, uint32_t destination)
{
    for (uint32_t i = 0; i < layers->ports_count; i++)
        if (layers->ports[i] == source || layers->ports[i] == destination)
            return 1;
    return 0;
}

static int by_port(struct mt_layers *layers, uint32_t source, uint32_t destination)
{
    switch (destination) {
    case PORT_VXLAN:
    case PORT_VXLAN_LINUX:
        return read_vxlan(layers);
    case PORT_VXLAN_GPE:
        return read_vxlan_gpe(layers);
    case PORT_GENEVE:
        return read_geneve(layers);
    case PORT_GRE:
        return mt_layers_skip(layers, 0, MT_NEXT_PROTOCOL, MT_PROTOCOL_GRE);
    case PORT_MPLS:
        return mt_layers_tunnel(layers, MT_TUNNEL_MPLS_IN_IP, 0, MT_NEXT_MPLS, 0);
    default:
        break;
    }
    if (is_named(layers, source, destination))
        return read_named(layers);
    return mt_is_tcp_packet(&layers->rest)
               ? mt_layers_tunnel(layers, MT_TUNNEL_IP_IN_UDP, 0, MT_NEXT_IP, 0)
               : not_a_tunnel(layers);
}

int mt_read_udp(struct mt_layers *layers)
{
    if (layers->rest.captured <= UDP_HEADER)
        return not_a_tunnel(layers);
    const uint8_t *header = layers->rest.at;
    uint32_t source = mt_be16(header), destination = mt_be16(header + 2);
    uint32_t length = mt_be16(header + 4);
    if (length > UDP_HEADER)
        mt_span_limit(&layers->rest, length);
    if (layers->rest.captured <= UDP_HEADER)
        return not_a_tunnel(layers);
    mt_span_skip(&layers->rest, UDP_HEADER);
    return by_port(layers, source, destination);
}
