#include "net/ethernet.h"

#include "base/bytes.h"

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
    METADATA_OPTION = 4
};

int mt_read_ethernet(struct mt_layers *layers)
{
    if (layers->rest.captured < MT_ETHERNET_HEADER)
        return mt_layers_refuse(layers, "cut before its IP header");
    uint32_t type = mt_be16(layers->rest.at + TYPE_AT);
    if (type >= TYPE_LEAST)
        return mt_layers_skip(layers, MT_ETHERNET_HEADER, MT_NEXT_ETHERTYPE, type);
    if (type > LENGTH_MOST)
        return mt_layers_stop(layers, MT_SKIP_ETHERTYPE, type);
    return mt_layers_skip(layers, MT_ETHERNET_HEADER, MT_NEXT_LLC, 0);
}

/* A tag of `size` bytes whose last two are the next EtherType. */
static int read_tag(struct mt_layers *layers, uint32_t size)
{
    if (layers->rest.captured < size)
        return mt_layers_refuse(layers, "cut before its IP header");
    return mt_layers_skip(layers, size, MT_NEXT_ETHERTYPE, mt_be16(layers->rest.at + size - 2));
}

/* Cisco metadata (security group tags): version, number of options, options of 4 bytes. */
static int read_cisco_metadata(struct mt_layers *layers)
{
    if (layers->rest.captured < METADATA_HEADER)
        return mt_layers_refuse(layers, "cut before its IP header");
    return read_tag(layers, METADATA_HEADER + layers->rest.at[1] * (uint32_t)METADATA_OPTION + 2);
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
        return read_tag(layers, VLAN_SIZE);
    case MT_TYPE_MPLS:
    case MT_TYPE_MPLS_MULTICAST:
        return mt_layers_skip(layers, 0, MT_NEXT_MPLS, 0);
    case MT_TYPE_PPPOE:
        return mt_layers_skip(layers, 0, MT_NEXT_PPPOE, 0);
    case MT_TYPE_PPP:
        return mt_layers_skip(layers, 0, MT_NEXT_PPP, 0);
    case MT_TYPE_PBB:
        return mt_layers_tunnel(layers, MT_TUNNEL_PBB, PBB_TAG, MT_NEXT_ETHERNET, 0);
    case MT_TYPE_VN_TAG:
        return read_tag(layers, VN_TAG);
    case MT_TYPE_E_TAG:
        return read_tag(layers, E_TAG);
    case MT_TYPE_CISCO_METADATA:
        return read_cisco_metadata(layers);
    default:
        return mt_layers_stop(layers, MT_SKIP_ETHERTYPE, layers->type);
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
