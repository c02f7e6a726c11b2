/* What the rooms hand down: a packet as the capture holds it, and the TCP segment found in it. */
#ifndef MT_NET_PACKET_H
#define MT_NET_PACKET_H

#include <stdint.h>

#define MT_NO_TIME \
    INT64_MIN /* a capture that tells no time (Simple Packet Blocks); numpy reads it as NaT */

/* Nanoseconds from `since` to `now`: 0 where one is unknown or time runs backwards; never
 * overflows, however wild the times. */
static inline int64_t mt_elapsed(int64_t since, int64_t now)
{
    if (since == MT_NO_TIME || now == MT_NO_TIME || now < since)
        return 0;
    uint64_t span = (uint64_t)now - (uint64_t)since;
    return span > INT64_MAX ? INT64_MAX : (int64_t)span;
}

/* Where something was seen. */
struct mt_place {
    int64_t time;     /* nanoseconds since 1970, UTC, or MT_NO_TIME */
    int64_t frame;    /* number of the packet in its file, from 1, as Wireshark counts */
    uint64_t arrival; /* number of the packet in the whole stream of files, from 0: the order in
                         which we saw things */
    int32_t file;     /* row in the files table */
};

/* One captured packet. `data` belongs to the source and is valid until its next packet is asked
 * for. */
struct mt_packet {
    const uint8_t *data;
    uint32_t captured; /* bytes at data */
    uint32_t length;   /* bytes that were on the wire, >= captured */
    uint32_t link;     /* LINKTYPE_ number, see link.h */
    struct mt_place place;
};

/* An IP address as on the wire. IPv4 uses the first 4 bytes and leaves the rest zero. */
struct mt_ip {
    uint8_t bytes[16];
    uint8_t version; /* 4 or 6 */
};

enum {
    MT_TCP_FIN = 1,
    MT_TCP_SYN = 2,
    MT_TCP_RST = 4,
    MT_TCP_PSH = 8,
    MT_TCP_ACK = 16,
    MT_TCP_URG = 32
};

/* One TCP segment. `payload` points into the packet (or into the reassembled IP datagram) and is
 * valid as long as that. */
struct mt_segment {
    struct mt_ip source, destination;
    uint16_t source_port, destination_port;
    uint32_t sequence, acknowledgement;
    uint8_t flags; /* MT_TCP_ */
    uint8_t ttl;   /* IPv4 TTL or IPv6 hop limit */
    uint16_t mss;  /* option of a SYN; 0 where there is none */
    uint16_t window;
    const uint8_t *payload;
    uint32_t captured; /* payload bytes at `payload` */
    uint32_t length; /* payload bytes that were on the wire, >= captured; what lacks was cut by the
                        snap length */
};

#endif
