/* From a captured packet to the TCP segment in it, through all headers and tunnels. Owns the
 * fragments that wait for their datagrams. Knows nothing of connections. Used by the core. */
#ifndef MT_NET_DECAPSULATION_H
#define MT_NET_DECAPSULATION_H

#include "base/limits.h"
#include "net/ip.h"
#include "net/packet.h"
#include "net/skip.h"

#include <stdint.h>

struct mt_net;

struct mt_net_options {
    const struct mt_limits *limits;
    uint64_t *limit_hits;  /* mt_limit_hits */
    int outer;             /* 1: only the outermost IP packet is read, no tunnel within it */
    const uint16_t *ports; /* UDP ports of tunnels in addition to the standard ones; copied */
    uint32_t ports_count;
    struct mt_ip_callbacks callbacks;
};

/* NULL if memory is out. The caller owns it: mt_net_close. */
struct mt_net *mt_net_open(const struct mt_net_options *options);

enum mt_net_result {
    MT_NET_SEGMENT = 0,  /* *segment is filled */
    MT_NET_SKIPPED = 1,  /* something else than TCP: report->skip says what */
    MT_NET_FRAGMENT = 2, /* an IP fragment that is kept, or a duplicate, or was reported through
                            a callback; report->skip is set */
    MT_NET_BAD = 3,      /* damaged or cut: report->why is the reason */
    MT_NET_NOMEM = -1
};

struct mt_net_report {
    struct mt_skip skip;
    const char *why; /* static text */
};

/* Reads a packet up to the innermost TCP header: of each header the next one, at most 64 of them,
 * and at most 8 tunnels. *segment is undefined unless MT_NET_SEGMENT is returned; its payload and
 * tunnel are valid until the next call. Never reads past packet->captured. */
enum mt_net_result mt_net_segment(struct mt_net *net, const struct mt_packet *packet,
                                  struct mt_segment *segment, struct mt_net_report *report);

/* Reads a packet that is TCP in IP in Ethernet, without tags, tunnels, extensions or fragments, as
 * mt_net_segment does. 1, or 0 if it is another one, or damaged: *segment is then undefined. */
int mt_net_plain_segment(const struct mt_packet *packet, struct mt_segment *segment);

/* The end of the capture: gives up every waiting datagram and reports each. */
void mt_net_finish(struct mt_net *net);

/* NULL is fine. Datagrams that still wait are freed without a report. */
void mt_net_close(struct mt_net *net);

/* 0 if a packet of its link type, Ethernet, never holds further ones. */
static inline int mt_net_may_aggregate(const struct mt_packet *packet)
{
    return packet->link != 1;
}

/* After mt_net_segment: the next of the further packets that an 802.11 frame holds (A-MSDU), as an
 * Ethernet packet with the same reference. 0 without one. */
int mt_net_further_packet(struct mt_net *net, const struct mt_packet *packet,
                          struct mt_packet *further);

#endif
