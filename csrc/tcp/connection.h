/* One TCP connection: its two sides, what was seen of its beginning and end. It knows the packets
 * and the callbacks; tcp.c keeps the table of connections and calls it. */
#ifndef MT_TCP_CONNECTION_H
#define MT_TCP_CONNECTION_H

#include "base/budget.h"
#include "base/ip.h"
#include "net/packet.h"
#include "tcp/callbacks.h"
#include "tcp/reassembly.h"
#include "tcp/suspects.h"

#include <stdint.h>

/* Where a refused segment stood: its end in its own stream, its acknowledgement in the other. */
struct mt_claim {
    int64_t end, acknowledged;
    uint8_t present;
};

/* A SYN inside a live connection: another incarnation if the other side answers it. */
struct mt_candidate {
    struct mt_segment segment; /* its payload points to bytes[], its tunnel to `tunnel` */
    struct mt_packet_ref ref;
    struct mt_tunnel tunnel;
    int64_t repeats; /* further packets with the same SYN */
    int64_t last;    /* time of the last one */
    int from_client;
    uint8_t bytes[];
};

struct mt_side {
    struct mt_ip ip;
    uint16_t port;
    int32_t address; /* code, see mt_tcp_callbacks */
    int64_t packets;
    uint64_t last_arrival;  /* arrival number of its last accepted packet */
    int64_t largest_window; /* that it advertised, in bytes */
    struct mt_reassembly stream;
    struct mt_suspects suspects; /* segments that the other side may have dropped */
    struct mt_claim claim;       /* the last one */
    uint16_t mss;                /* 0: not seen */
    uint8_t ttl;
    uint8_t window_scale; /* option of its SYN, MT_NO_SCALE if it has none */
    uint8_t window_shift; /* the scale in effect; the widest if that is unknown */
    uint8_t syn;          /* its SYN was seen */
    uint8_t acknowledges; /* last_acknowledgement is there */
    uint32_t last_acknowledgement;
    uint8_t fin;   /* its FIN was seen */
    uint8_t spoke; /* it sent payload */
};

/* Packets of a file that may yet turn out to be Monero's. */
struct mt_unclaimed {
    struct mt_unclaimed *next;
    int64_t packets;
    int32_t file;
};

/* The first members are those that every packet needs: they share cache lines. */
struct mt_connection {
    struct mt_connection *chain; /* next in its bucket */
    uint64_t hash;
    struct mt_candidate *candidate; /* owned; NULL: none */
    void *conversation;             /* NULL until there is payload */
    const struct mt_tcp_shared *shared;
    int64_t last, aged;      /* times: last packet, moved in the list by age */
    struct mt_tunnel tunnel; /* of its first packet */
    struct mt_packet_ref last_ref;
    uint8_t start; /* mt_start */
    uint8_t monero;
    uint8_t syn_seen, syn_ack_seen, handshake_acked;
    uint8_t syn_changed;     /* a side's SYN came again with another sequence number */
    uint8_t established;     /* both sides took part in the handshake, and its last ACK is right */
    uint8_t rst;             /* 0, or 1 + side that sent it */
    uint8_t one_sided;       /* begun in the middle, and the other side was not seen yet */
    uint8_t closing;         /* in the closing list */
    uint8_t dormant;         /* idle, in the list of those that may go on */
    uint8_t ended;           /* its streams were ended */
    uint8_t settled;         /* both sides go on, nothing waits: what most segments need no more is
                                decided (see connection.c) */
    struct mt_side sides[2]; /* 0: server, 1: client */
    struct mt_connection *older, *newer;                 /* by last packet */
    struct mt_connection *closing_older, *closing_newer; /* by the time it was seen to close */
    int64_t id;
    int64_t opened, closed; /* times: first packet, seen to close */
    int64_t syn_time, rtt;
    struct mt_budget buffered; /* bytes held for this connection */
    struct mt_unclaimed *unclaimed;
};

/* A connection without sides, times or a place in any table; NULL if memory is out. The caller owns
 * it: mt_connection_free. `shared` must live as long. */
struct mt_connection *mt_connection_new(const struct mt_tcp_shared *shared);

/* 1 if it was closed by both FINs (by the one that is there, if one direction was captured), or by
 * an RST. */
int mt_connection_closed(const struct mt_connection *connection);

/* Reads a segment: counts, sequence numbers, payload to the streams. MT_OK or MT_NOMEM. */
int mt_connection_segment(struct mt_connection *connection, const struct mt_segment *segment,
                          int from_client, const struct mt_packet_ref *ref);

/* Ends its streams: holes are given up, unfinished messages reported. Once. MT_OK or MT_NOMEM. */
int mt_connection_end(struct mt_connection *connection);

/* How it ended: `end` unless it closed itself. */
enum mt_end mt_connection_how_ended(const struct mt_connection *connection, enum mt_end end);

/* Frees what it owns and itself. */
void mt_connection_free(struct mt_connection *connection);

#endif
