/* What the layers pass on: a packet as the capture holds it, and the TCP segment found in it.
 * Knows neither files nor connections. Used by capture, net and tcp. */
#ifndef MT_NET_PACKET_H
#define MT_NET_PACKET_H

#include "base/ip.h"
#include "base/packet_ref.h"

#include <stddef.h>
#include <stdint.h>

/* One captured packet. `data` belongs to the source and is valid until its next packet is asked
 * for. */
struct mt_packet {
    const uint8_t *data;
    uint32_t captured; /* bytes at data */
    uint32_t length;   /* bytes that were on the wire, >= captured */
    uint8_t copy;      /* another file of the set has it too, and is read in its place */
    uint32_t link;     /* LINKTYPE_ number, see link.h */
    uint32_t greatest_snap_length; /* of the interfaces of its file, if they differ; else 0 */
    struct mt_packet_ref ref;
};

enum {
    MT_TCP_FIN = 1,
    MT_TCP_SYN = 2,
    MT_TCP_RST = 4,
    MT_TCP_PSH = 8,
    MT_TCP_ACK = 16,
    MT_TCP_URG = 32
};

enum { MT_NO_SCALE = 255, MT_WIDEST_SCALE = 14 };

/* What carries a TCP segment in addition to its own IP header, in the words of connections.tunnel.
 * Tags (VLAN, 802.1ad, VN-tag, Cisco metadata, MACsec, HSR) are not tunnels. */
enum mt_tunnel_kind {
    MT_TUNNEL_MPLS,
    MT_TUNNEL_MPLS_ETHERNET,
    MT_TUNNEL_PPPOE,
    MT_TUNNEL_PBB,
    MT_TUNNEL_NSH,
    MT_TUNNEL_TRILL,
    MT_TUNNEL_FABRIC_PATH,
    MT_TUNNEL_BATMAN,
    MT_TUNNEL_GRE, /* from here on: within an IP packet */
    MT_TUNNEL_GRE_ETHERNET,
    MT_TUNNEL_GRE_PPP,
    MT_TUNNEL_ERSPAN,
    MT_TUNNEL_VXLAN,
    MT_TUNNEL_GENEVE,
    MT_TUNNEL_IP_IN_UDP,
    MT_TUNNEL_GTP,
    MT_TUNNEL_L2TP,
    MT_TUNNEL_LISP,
    MT_TUNNEL_TEREDO,
    MT_TUNNEL_TZSP,
    MT_TUNNEL_JMIRROR,
    MT_TUNNEL_CAPWAP,
    MT_TUNNEL_IPIP,
    MT_TUNNEL_6IN4,
    MT_TUNNEL_4IN6,
    MT_TUNNEL_6IN6,
    MT_TUNNEL_ETHERIP,
    MT_TUNNEL_ETHERNET_IN_IP,
    MT_TUNNEL_MPLS_IN_IP,
    MT_TUNNEL_COUNT
};

enum { MT_TUNNEL_CHAIN = 8 }; /* most tunnels within each other */

/* The tunnels around a segment, the outermost first. */
struct mt_tunnel {
    uint64_t key; /* a hash of the IP addresses of all tunnels, equal in both directions; 0 if none
                     has any. Random per run: never in any output */
    struct mt_ip source, destination; /* of the outermost IP header; version 0 if `key` is 0 */
    uint8_t chain[MT_TUNNEL_CHAIN];   /* mt_tunnel_kind */
    uint8_t count;
};

/* One TCP segment. `payload` points into the packet (or into the reassembled IP datagram) and is
 * valid as long as that. */
struct mt_segment {
    struct mt_ip source, destination;
    uint16_t source_port, destination_port;
    uint32_t sequence, acknowledgement;
    uint8_t flags;        /* MT_TCP_ */
    uint8_t ttl;          /* IPv4 TTL or IPv6 hop limit */
    uint16_t mss;         /* option of a SYN; 0 without it */
    uint8_t window_scale; /* option of a SYN, at most 14; MT_NO_SCALE without it */
    uint16_t window;
    const struct mt_tunnel *tunnel; /* NULL: not in a tunnel. Valid until the next packet is read */
    const uint8_t *payload;
    uint8_t
        header_size; /* of the TCP header, which is before `payload`; 0 if the snap length cut it */
    uint32_t captured; /* payload bytes at `payload` */
    uint32_t length; /* payload bytes that were on the wire, >= captured; what lacks was cut by the
                        snap length */
    uint32_t packet_captured;      /* captured bytes of the whole packet */
    uint32_t greatest_snap_length; /* as of mt_packet */
    uint8_t has_sums; /* the next two are there already; 0: they are computed where needed */
    uint8_t checksum; /* enum mt_checksum */
    uint64_t digest;  /* mt_payload_digest of the captured payload */
};

/* The key of a segment's tunnel, 0 without one. Segments of different tunnels belong to different
 * connections, whatever their endpoints: anyone can send a packet within a packet. */
static inline uint64_t mt_tunnel_key(const struct mt_segment *segment)
{
    return segment->tunnel != NULL ? segment->tunnel->key : 0;
}

#endif
