/* A packet while its headers are removed one after the other: where the next one begins and what it
 * is. Each reader of a header knows its own format only. Used inside net. */
#ifndef MT_NET_LAYERS_H
#define MT_NET_LAYERS_H

#include "base/error.h"
#include "net/packet.h"
#include "net/skip.h"
#include "net/span.h"

#include <stdint.h>

/* What begins at `rest`. */
enum mt_next {
    MT_NEXT_ETHERNET,
    MT_NEXT_ETHERTYPE, /* what the EtherType `type` stands for */
    MT_NEXT_LLC,
    MT_NEXT_MPLS,
    MT_NEXT_PPP,  /* the protocol field of PPP */
    MT_NEXT_HDLC, /* PPP with or without HDLC's address and control, or Cisco's HDLC */
    MT_NEXT_PPPOE,
    MT_NEXT_FRAME_RELAY,
    MT_NEXT_WIFI,     /* an 802.11 frame; `type` is enum mt_wifi_kind */
    MT_NEXT_IP,       /* IPv4 or IPv6, by its first four bits */
    MT_NEXT_PROTOCOL, /* what the IP protocol `type` stands for */
    MT_NEXT_TCP
};

struct mt_layers {
    struct mt_span rest;
    enum mt_next next;
    uint32_t type;
    int outer;             /* 1: no IP packet within another is read */
    const uint16_t *ports; /* UDP ports of tunnels, in addition to the standard ones */
    uint32_t ports_count;
    uint32_t ip_headers;        /* read so far */
    int joined_inner;           /* fragments within a tunnel were joined to what is read now */
    uint64_t key;               /* of the hash of tunnels' addresses */
    struct mt_segment *segment; /* gets the addresses of the innermost IP header */
    struct mt_tunnel tunnel;
    struct mt_span aggregate; /* the further packets of an 802.11 aggregate, each with its header */
    struct mt_skip skip;      /* set with MT_END */
    const char *why;          /* static text, set with MT_MALFORMED */
};

/* All readers of headers return one of these results: MT_OK, `rest`, `next` and `type` describe the
 * next header; MT_END, the packet carries something else than TCP and `skip` says what;
 * MT_MALFORMED, the packet is damaged or cut and `why` is the reason. None reads past
 * rest.captured. */

/* MT_MALFORMED for that reason (static text). */
static inline int mt_layers_refuse(struct mt_layers *layers, const char *why)
{
    layers->why = why;
    return MT_MALFORMED;
}

/* MT_END: what follows is not read. `number` is the value of the field that `kind` names. */
static inline int mt_layers_stop(struct mt_layers *layers, enum mt_skip_kind kind, uint32_t number)
{
    layers->skip.kind = (uint16_t)kind;
    layers->skip.number = number;
    return MT_END;
}

/* Skips a header of `size` bytes; `next` and `type` follow it. MT_OK, or MT_MALFORMED if the packet
 * ends before the next header begins. */
static inline int mt_layers_skip(struct mt_layers *layers, uint32_t size, enum mt_next next,
                                 uint32_t type)
{
    if (size >= layers->rest.captured)
        return mt_layers_refuse(layers, "cut before its IP header");
    mt_span_skip(&layers->rest, size);
    layers->next = next;
    layers->type = type;
    return MT_OK;
}

/* Skips the header of a tunnel and appends its kind to the chain. Parameters and result as of
 * mt_layers_skip; MT_MALFORMED too if there are too many tunnels. */
int mt_layers_tunnel(struct mt_layers *layers, enum mt_tunnel_kind kind, uint32_t size,
                     enum mt_next next, uint32_t type);

#endif
