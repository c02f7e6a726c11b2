/* IP headers: from an IP packet to what it carries, fragments reassembled within limits. Checksums
 * are not verified here (offload makes them wrong). Knows nothing of link types. Used by
 * decapsulation.c. */
#ifndef MT_NET_IP_H
#define MT_NET_IP_H

#include "base/limits.h"
#include "net/ip_fragments.h"
#include "net/layers.h"
#include "net/packet.h"

#include <stdint.h>

enum mt_ip_protocol {
    MT_PROTOCOL_HOP_BY_HOP = 0,
    MT_PROTOCOL_IPV4 = 4,
    MT_PROTOCOL_TCP = 6,
    MT_PROTOCOL_UDP = 17,
    MT_PROTOCOL_IPV6 = 41,
    MT_PROTOCOL_ROUTING = 43,
    MT_PROTOCOL_FRAGMENT = 44,
    MT_PROTOCOL_GRE = 47,
    MT_PROTOCOL_AUTHENTICATION = 51,
    MT_PROTOCOL_DESTINATION_OPTIONS = 60,
    MT_PROTOCOL_ETHERIP = 97,
    MT_PROTOCOL_L2TP = 115,
    MT_PROTOCOL_MPLS = 137,
    MT_PROTOCOL_ETHERNET = 143
};

/* Fragments that wait, by how they came: outside of tunnels, UDP and others; inside of one. */
struct mt_ip_reader {
    struct mt_ip_fragments fragments, udp, inner;
    uint64_t ignored_hits[MT_LIMIT_COUNT]; /* limits that fragments of UDP reached: not counted, as
                                              most UDP is not a tunnel's */
};

/* Results in addition to those of layers.h. */
enum { MT_IP_FRAGMENT = 3 }; /* a fragment: kept, or a duplicate, or reported through `lost` */

/* What is called for datagrams that are given up; each may be NULL. Most UDP is not a tunnel's, so
 * it has a call of its own. */
struct mt_ip_callbacks {
    mt_ip_lost *lost, *lost_udp;
    void *context;
};

/* Allocates nothing. `limit_hits` is an mt_limit_hits. */
void mt_ip_reader_init(struct mt_ip_reader *reader, const struct mt_limits *limits,
                       uint64_t *limit_hits, const struct mt_ip_callbacks *callbacks);

/* Gives up every waiting datagram (the end of the capture) and reports each through `lost`. */
void mt_ip_reader_finish(struct mt_ip_reader *reader);

/* Frees what waits, without a report. */
void mt_ip_reader_free(struct mt_ip_reader *reader);

/* Reads the IP header at layers->rest: IPv4 with options; IPv6 with hop-by-hop, routing, fragment,
 * destination and authentication headers. Sets the addresses and the TTL of layers->segment.
 *
 * A total length of 0 (TSO) means the rest of the packet, and so does the payload length 0 of an
 * IPv6 jumbo or GRO packet, and a length beyond the end of the packet on the wire. Trailing bytes
 * beyond the IP length (Ethernet padding) are not payload. Of a reassembled datagram, the TTL is
 * that of the packet that completed it, and the payload is valid until the next call.
 *
 * Result as in layers.h, MT_IP_FRAGMENT or MT_NOMEM. */
int mt_read_ip(struct mt_ip_reader *reader, struct mt_layers *layers,
               const struct mt_packet_ref *ref);

/* Reads what follows an IP header by its protocol number, layers->type. Result as in layers.h. */
int mt_read_protocol(struct mt_layers *layers);

/* Reads an unfragmented IP packet that begins at `rest` and carries TCP, without any tunnel: nearly
 * all packets. 1 if the segment is filled; 0 if it is something else or damaged (*segment is then
 * undefined). */
int mt_read_plain_tcp(struct mt_span rest, struct mt_segment *segment);

/* Reads the TCP header at `rest`. NULL, or why it is refused (static text). The snap length may
 * have cut the options, but not the 20 bytes before them. */
const char *mt_read_tcp(struct mt_span rest, struct mt_segment *segment);

/* 1 if a sound IP header is at `at` of the span: for formats that do not announce what they carry.
 */
int mt_looks_like_ip(const struct mt_span *span, uint32_t at);

/* 1 if an IP packet that is exactly as long as the span and holds an unfragmented TCP segment
 * begins there. */
int mt_is_tcp_packet(const struct mt_span *span);

#endif
