/* What the layers pass on: a packet as the capture holds it, and the TCP segment found in it.
 * Knows neither files nor connections. Used by capture, net and tcp. */
#ifndef MT_NET_PACKET_H
#define MT_NET_PACKET_H

#include "base/ip.h"
#include "base/packet_ref.h"

#include <stdint.h>

/* One captured packet. `data` belongs to the source and is valid until its next packet is asked
 * for. */
struct mt_packet {
    const uint8_t *data;
    uint32_t captured; /* bytes at data */
    uint32_t length;   /* bytes that were on the wire, >= captured */
    uint8_t copy;      /* another file of the set has it too, and is read in its place */
    uint32_t link;     /* LINKTYPE_ number, see link.h */
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
    const uint8_t *payload;
    uint32_t captured; /* payload bytes at `payload` */
    uint32_t length; /* payload bytes that were on the wire, >= captured; what lacks was cut by the
                        snap length */
};

#endif
