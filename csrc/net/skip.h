/* Why a packet yields no TCP segment, and in which words. Knows nothing of counts or files. Filled
 * by the readers of net; the core counts the reasons and turns them into problem rows. */
#ifndef MT_NET_SKIP_H
#define MT_NET_SKIP_H

#include "net/packet.h"

#include <stddef.h>
#include <stdint.h>

enum mt_skip_kind {
    MT_SKIP_ETHERTYPE,
    MT_SKIP_LLC,
    MT_SKIP_PPP,
    MT_SKIP_NLPID, /* Frame Relay */
    MT_SKIP_PROTOCOL,
    MT_SKIP_UDP, /* a port of tunnels that are encrypted */
    MT_SKIP_GRE,
    MT_SKIP_ERSPAN,
    MT_SKIP_MPLS,
    MT_SKIP_WIFI,
    MT_SKIP_LINK, /* a pseudo-header of the link type announces something else than IP */
    MT_SKIP_FRAGMENT
};

/* Values of `number` with MT_SKIP_WIFI. */
enum mt_skip_wifi { MT_WIFI_NO_DATA, MT_WIFI_PROTECTED, MT_WIFI_FRAGMENT };

/* Two reasons are the same if all members are equal. */
struct mt_skip {
    uint16_t kind; /* mt_skip_kind */
    uint8_t tunnels;
    uint8_t chain[MT_TUNNEL_CHAIN]; /* mt_tunnel_kind of the tunnels that it was in */
    uint32_t number;                /* EtherType, IP protocol, … as `kind` says */
};

/* 1 if both are the same reason. */
int mt_skip_equal(const struct mt_skip *a, const struct mt_skip *b);

/* The reason as text ("EtherType 0x0806 (ARP)", "IP protocol 17 (UDP) in VXLAN"), cut to `room`
 * bytes at `text`. Returns `text`. */
const char *mt_skip_text(const struct mt_skip *skip, char *text, size_t room);

/* The chain of a tunnel as text ("GRE/Ethernet", "MPLS", "VXLAN/IPIP"), cut to `room` bytes at
 * `text`. Returns `text`. */
const char *mt_tunnel_text(const uint8_t *chain, uint8_t count, char *text, size_t room);

#endif
