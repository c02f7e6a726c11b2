/* Link layers: where in a packet the IP header begins. */
#ifndef MT_NET_LINK_H
#define MT_NET_LINK_H

#include "net/packet.h"

#include <stddef.h>
#include <stdint.h>

/* LINKTYPE_ numbers (the values stored in files, not libpcap's DLT_): NULL 0, ETHERNET 1, PPP 9,
 * RAW (12 and 14 as some systems write it, 101), PPP_HDLC 50, PPP_ETHER 51, LOOP 108, LINUX_SLL
 * 113, IPV4 228, IPV6 229, LINUX_SLL2 276. 1 if mt_link_ip knows it. */
int mt_link_known(uint32_t link);

/* libpcap's name of a LINKTYPE_ ("EN10MB", "LINUX_SLL2", …), or "LINKTYPE_n" for one that libpcap
 * does not name. `room` bytes at `text`. Returns `text`. */
const char *mt_link_name(uint32_t link, char *text, size_t room);

/* Finds the IP header: *offset in packet->data. Up to 8 VLAN and QinQ tags (0x8100, 0x88a8,
 * 0x9100), PPPoE session frames and LLC/SNAP with IP inside are stepped over. MT_OK, and at least
 * one byte is at *offset; MT_END if it carries something else (ARP, …) or is of a link type we do
 * not know; MT_MALFORMED if it is cut before the IP header or has more tags. Never reads past
 * packet->captured. */
int mt_link_ip(const struct mt_packet *packet, uint32_t *offset);

#endif
