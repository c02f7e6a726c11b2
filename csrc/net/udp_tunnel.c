#include "net/udp_tunnel.h"

#include "base/bytes.h"
#include "net/ethernet.h"
#include "net/gtp.h"
#include "net/ip.h"
#include "net/l2tp.h"
#include "net/mirror.h"

#include <stddef.h>

enum {
    UDP_HEADER = 8,
    UDP = 17,
    VXLAN_HEADER = 8,
    VXLAN_VALID = 0x08, /* the network identifier is set */
    GPE_NEXT = 0x04,    /* the next protocol is set */
    GENEVE_HEADER = 8,
    LISP_HEADER = 8,
    TEREDO_ORIGIN_HEADER = 8,
    TEREDO_LENGTHS = 4, /* before the two fields whose lengths they are */
    TEREDO_NONCE = 9    /* after them, with a byte of confirmation */
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
    case 4:
        return mt_layers_tunnel(layers, MT_TUNNEL_VXLAN, VXLAN_HEADER, MT_NEXT_ETHERTYPE,
                                MT_TYPE_NSH);
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

static int read_lisp(struct mt_layers *layers)
{
    const struct mt_span *rest = &layers->rest;
    uint8_t version = rest->captured > LISP_HEADER ? rest->at[LISP_HEADER] >> 4 : 0;
    return version == 4 || version == 6
               ? mt_layers_tunnel(layers, MT_TUNNEL_LISP, LISP_HEADER, MT_NEXT_IP, 0)
               : not_a_tunnel(layers);
}

/* IPv6 after an authentication and an origin indication, each of which may be there (RFC 4380). */
static int read_teredo(struct mt_layers *layers)
{
    const struct mt_span *rest = &layers->rest;
    uint32_t at = 0;
    if (rest->captured >= TEREDO_LENGTHS && mt_be16(rest->at) == 1)
        at = (uint32_t)TEREDO_LENGTHS + rest->at[2] + rest->at[3] + (uint32_t)TEREDO_NONCE;
    if (rest->captured >= at + 2 && mt_be16(rest->at + at) == 0)
        at += TEREDO_ORIGIN_HEADER;
    return at < rest->captured && rest->at[at] >> 4 == 6
               ? mt_layers_tunnel(layers, MT_TUNNEL_TEREDO, at, MT_NEXT_IP, 0)
               : not_a_tunnel(layers);
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

static int read_gre(struct mt_layers *layers)
{
    return mt_layers_skip(layers, 0, MT_NEXT_PROTOCOL, MT_PROTOCOL_GRE);
}

static int read_mpls(struct mt_layers *layers)
{
    return mt_layers_tunnel(layers, MT_TUNNEL_MPLS_IN_IP, 0, MT_NEXT_MPLS, 0);
}

/* Readers by destination port, or by either port where both ends use it. A reader that finds no
 * tunnel of its kind leaves `rest` as it is. */
static const struct {
    uint16_t port;
    uint8_t either;
    int (*read)(struct mt_layers *);
} tunnels[] = {
    {1701, 1, mt_read_l2tp},     {2152, 1, mt_read_gtp},    {3386, 1, mt_read_gtp},
    {3544, 1, read_teredo},      {4341, 0, read_lisp},      {4754, 0, read_gre},
    {4789, 0, read_vxlan},       {4790, 0, read_vxlan_gpe}, {5247, 1, mt_read_capwap},
    {6081, 0, read_geneve},      {6635, 0, read_mpls},      {8472, 0, read_vxlan},
    {30030, 0, mt_read_jmirror}, {37008, 0, mt_read_tzsp},
};

/* No tunnel that can be read: UDP, or a port of tunnels that are encrypted. */
static int stop_at(struct mt_layers *layers, uint32_t source, uint32_t destination)
{
    static const uint16_t encrypted[] = {1194, 4500, 9993, 41641, 51820};
    for (size_t i = 0; i < sizeof encrypted / sizeof encrypted[0]; i++)
        if (encrypted[i] == source || encrypted[i] == destination)
            return mt_layers_stop(layers, MT_SKIP_UDP, encrypted[i]);
    return not_a_tunnel(layers);
}

static int by_port(struct mt_layers *layers, uint32_t source, uint32_t destination)
{
    for (size_t i = 0; i < sizeof tunnels / sizeof tunnels[0]; i++) {
        if (tunnels[i].port != destination && !(tunnels[i].either && tunnels[i].port == source))
            continue;
        int result = tunnels[i].read(layers);
        if (result != MT_END)
            return result;
    }
    if (is_named(layers, source, destination))
        return read_named(layers);
    return mt_is_tcp_packet(&layers->rest)
               ? mt_layers_tunnel(layers, MT_TUNNEL_IP_IN_UDP, 0, MT_NEXT_IP, 0)
               : stop_at(layers, source, destination);
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
