/* Ethernet frames, EtherTypes and LLC, with the tags between them: VLAN, 802.1ad, PBB, VN-tag,
 * E-tag, Cisco metadata, MACsec that is not encrypted, HSR, ISL, and the tags of switch chips.
 * Knows nothing of what the payload means. Used by decapsulation.c and the link types. */
#ifndef MT_NET_ETHERNET_H
#define MT_NET_ETHERNET_H

#include "net/layers.h"

enum mt_ethertype {
    MT_TYPE_IPV4 = 0x0800,
    MT_TYPE_ARP = 0x0806,
    MT_TYPE_TRILL = 0x22f3,
    MT_TYPE_BATMAN = 0x4305,
    MT_TYPE_TRANSPARENT_ETHERNET = 0x6558,
    MT_TYPE_VLAN = 0x8100,
    MT_TYPE_IPV6 = 0x86dd,
    MT_TYPE_PPP = 0x880b,
    MT_TYPE_MPLS = 0x8847,
    MT_TYPE_MPLS_MULTICAST = 0x8848,
    MT_TYPE_PPPOE = 0x8864,
    MT_TYPE_QINQ = 0x88a8,
    MT_TYPE_MACSEC = 0x88e5,
    MT_TYPE_PBB = 0x88e7,
    MT_TYPE_FABRIC_PATH = 0x8903,
    MT_TYPE_CISCO_METADATA = 0x8909,
    MT_TYPE_VN_TAG = 0x8926,
    MT_TYPE_HSR = 0x892f,
    MT_TYPE_E_TAG = 0x893f,
    MT_TYPE_NSH = 0x894f,
    MT_TYPE_QINQ_OLD = 0x9100,
    MT_TYPE_QINQ_OLDER = 0x9200
};

enum { MT_ETHERNET_HEADER = 14 };

/* A frame that begins with the destination address. Result as in layers.h. */
int mt_read_ethernet(struct mt_layers *layers);

/* The same with a tag of `size` bytes between the addresses and the EtherType, as the switch chips
 * of routers insert it. Result as in layers.h. */
int mt_read_switch_tag(struct mt_layers *layers, uint32_t size);

/* The header that `type`, an EtherType, stands for: one tag, or the layer that it announces. Result
 * as in layers.h. */
int mt_read_ethertype(struct mt_layers *layers);

/* LLC with IP by SNAP (RFC 1042), bridged Ethernet (RFC 2684) or IP's own service access point.
 * Result as in layers.h. */
int mt_read_llc(struct mt_layers *layers);

/* 1 if an Ethernet header that can lead to IP is at `at` of the span: for formats that do not
 * announce what they carry. */
int mt_looks_like_ethernet(const struct mt_span *span, uint32_t at);

#endif
