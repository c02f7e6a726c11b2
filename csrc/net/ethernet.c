#include "net/ethernet.h"

#include "base/bytes.h"
#include "net/fabric.h"

#include <string.h>

enum {
    TYPE_LEAST = 0x0600, /* below: not a type; on Ethernet up to LENGTH_MOST the length of LLC */
    LENGTH_MOST = 1500,
    TYPE_AT = 12,
    VLAN_SIZE = 4,
    PBB_TAG = 4, /* flags and service id; an Ethernet frame follows */
    VN_TAG = 6,  /* with the EtherType that follows */
    E_TAG = 8,   /* with the EtherType that follows */
    METADATA_HEADER = 2,
    METADATA_OPTION = 4,
    MACSEC_TAG = 6, /* without the EtherType that follows */
    MACSEC_IDENTIFIER = 8,
    MACSEC_HAS_IDENTIFIER = 0x20,
    MACSEC_CHANGED = 0x0c, /* the text is encrypted, or changed otherwise */
    HSR_TAG = 6,           /* with the EtherType that follows */
    ISL_HEADER = 26
};

/* What follows a header of `size` bytes, the last two of which are an EtherType or a length. */
static int by_type(struct mt_layers *layers, uint32_t size)
{
    if (layers->rest.captured < size)
        return mt_layers_refuse(layers, "cut before its IP header");
    uint32_t type = mt_be16(layers->rest.at + size - 2);
    if (type >= TYPE_LEAST)
        return mt_layers_skip(layers, size, MT_NEXT_ETHERTYPE, type);
    if (type > LENGTH_MOST)
        return mt_layers_stop(layers, MT_SKIP_ETHERTYPE, type);
    return mt_layers_skip(layers, size, MT_NEXT_LLC, 0);
}

/* Cisco's ISL, a frame with its VLAN before another frame: a group address, a length, SNAP. */
static int is_isl(const struct mt_span *rest)
{
    static const uint8_t group[4] = {0x01, 0x00, 0x0c, 0x00}, snap[3] = {0xaa, 0xaa, 3};
    return rest->captured > ISL_HEADER && memcmp(rest->at, group, sizeof group) == 0 &&
           rest->at[4] == 0 && mt_be16(rest->at + TYPE_AT) < TYPE_LEAST &&
           memcmp(rest->at + MT_ETHERNET_HEADER, snap, sizeof snap) == 0;
}

int mt_read_ethernet(struct mt_layers *layers)
{
    return is_isl(&layers->rest) ? mt_layers_skip(layers, ISL_HEADER, MT_NEXT_ETHERNET, 0)
                                 : by_type(layers, MT_ETHERNET_HEADER);
}

int mt_read_switch_tag(struct mt_layers *layers, uint32_t size)
{
    return by_type(layers, MT_ETHERNET_HEADER + size);
}

/* Cisco metadata (security group tags): version, number of options, options of 4 bytes. */
static int read_cisco_metadata(struct mt_layers *layers)
{
    if (layers->rest.captured < METADATA_HEADER)
        return mt_layers_refuse(layers, "cut before its IP header");
    return by_type(layers, METADATA_HEADER + layers->rest.at[1] * (uint32_t)METADATA_OPTION + 2);
}

/* MACsec that protects the frame but leaves it in the clear. Its check value at the end of the
 * frame is padding for the IP packet. */
static int read_macsec(struct mt_layers *layers)
{
    if (layers->rest.captured == 0)
        return mt_layers_refuse(layers, "cut before its IP header");
    uint8_t flags = layers->rest.at[0];
    if ((flags & MACSEC_CHANGED) != 0)
        return mt_layers_stop(layers, MT_SKIP_ETHERTYPE, MT_TYPE_MACSEC);
    uint32_t identifier = (flags & MACSEC_HAS_IDENTIFIER) != 0 ? MACSEC_IDENTIFIER : 0;
    return by_type(layers, MACSEC_TAG + identifier + 2);
}

/* EtherTypes of tags and of fabrics. */
static int read_rarer_type(struct mt_layers *layers)
{
    switch (layers->type) {
    case MT_TYPE_VN_TAG:
        return by_type(layers, VN_TAG);
    case MT_TYPE_E_TAG:
        return by_type(layers, E_TAG);
    case MT_TYPE_CISCO_METADATA:
        return read_cisco_metadata(layers);
    case MT_TYPE_MACSEC:
        return read_macsec(layers);
    case MT_TYPE_HSR:
        return by_type(layers, HSR_TAG);
    case MT_TYPE_NSH:
        return mt_read_nsh(layers);
    case MT_TYPE_TRILL:
        return mt_read_trill(layers);
    case MT_TYPE_FABRIC_PATH:
        return mt_read_fabric_path(layers);
    case MT_TYPE_BATMAN:
        return mt_read_batman(layers);
    default:
        return mt_layers_stop(layers, MT_SKIP_ETHERTYPE, layers->type);
    }
}

int mt_read_ethertype(struct mt_layers *layers)
{
    switch (layers->type) {
    case MT_TYPE_IPV4:
    case MT_TYPE_IPV6:
        return mt_layers_skip(layers, 0, MT_NEXT_IP, 0);
    case MT_TYPE_VLAN:
    case MT_TYPE_QINQ:
    case MT_TYPE_QINQ_OLD:
    case MT_TYPE_QINQ_OLDER:
        return by_type(layers, VLAN_SIZE);
    case MT_TYPE_MPLS:
    case MT_TYPE_MPLS_MULTICAST:
        return mt_layers_skip(layers, 0, MT_NEXT_MPLS, 0);
    case MT_TYPE_PPPOE:
        return mt_layers_skip(layers, 0, MT_NEXT_PPPOE, 0);
    case MT_TYPE_PPP:
        return mt_layers_skip(layers, 0, MT_NEXT_PPP, 0);
    case MT_TYPE_PBB:
        return mt_layers_tunnel(layers, MT_TUNNEL_PBB, PBB_TAG, MT_NEXT_ETHERNET, 0);
    default:
        return read_rarer_type(layers);
    }
}

int mt_read_llc(struct mt_layers *layers)
{
    static const uint8_t snap[6] = {0xaa, 0xaa, 3, 0, 0, 0}, ip[3] = {6, 6, 3};
    static const uint8_t bridged[7] = {0xaa, 0xaa, 3, 0, 0x80, 0xc2, 0};
    const uint8_t *header = layers->rest.at;
    if (layers->rest.captured < 3)
        return mt_layers_refuse(layers, "cut before its IP header");
    if (memcmp(header, ip, sizeof ip) == 0)
        return mt_layers_skip(layers, sizeof ip, MT_NEXT_IP, 0);
    if (memcmp(header, snap, 3) != 0)
        return mt_layers_stop(layers, MT_SKIP_LLC, mt_be16(header));
    if (layers->rest.captured < 8)
        return mt_layers_refuse(layers, "cut before its IP header");
    if (memcmp(header, snap, sizeof snap) == 0)
        return mt_layers_skip(layers, 8, MT_NEXT_ETHERTYPE, mt_be16(header + 6));
    if (memcmp(header, bridged, sizeof bridged) == 0 && (header[7] == 1 || header[7] == 7))
        return mt_layers_skip(layers, 8 + 2, MT_NEXT_ETHERNET, 0); /* 2 bytes of padding */
    return mt_layers_stop(layers, MT_SKIP_LLC, mt_be16(header));
}

int mt_looks_like_ethernet(const struct mt_span *span, uint32_t at)
{
    if (span->captured < at + MT_ETHERNET_HEADER + 1)
        return 0;
    uint8_t version = span->at[at + MT_ETHERNET_HEADER] >> 4;
    switch (mt_be16(span->at + at + TYPE_AT)) {
    case MT_TYPE_IPV4:
        return version == 4;
    case MT_TYPE_IPV6:
        return version == 6;
    case MT_TYPE_ARP:
    case MT_TYPE_VLAN:
    case MT_TYPE_QINQ:
    case MT_TYPE_MPLS:
    case MT_TYPE_PPPOE:
    case MT_TYPE_PBB:
    case MT_TYPE_CISCO_METADATA:
        return 1;
    default:
        return 0;
    }
}
