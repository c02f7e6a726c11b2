/* IP: from a packet to the TCP segment in it, fragments reassembled within limits. Checksums are
 * not verified (offload makes them wrong). */
#ifndef MT_NET_IP_H
#define MT_NET_IP_H

#include "base/error.h"
#include "base/limits.h"
#include "net/packet.h"

#include <stdint.h>

struct mt_ip_reader;

/* Called for every discarded datagram: incomplete after its time, evicted by a limit,
 * contradictory, or still incomplete at the end. `bytes` is the number of its fragment payload
 * bytes; `why` is static text. */
typedef void mt_ip_lost(void *context, const struct mt_packet_ref *first, uint32_t bytes,
                        const char *why);

/* `limit_hits` is an mt_limit_hits. NULL if memory is out. The caller owns it: mt_ip_close. `lost`
 * may be NULL. */
struct mt_ip_reader *mt_ip_open(const struct mt_limits *limits, uint64_t *limit_hits,
                                mt_ip_lost *lost, void *context);

enum mt_ip_result {
    MT_IP_SEGMENT = 0,  /* *segment is filled */
    MT_IP_OTHER = 1,    /* not TCP: nothing to report */
    MT_IP_FRAGMENT = 2, /* a fragment, kept until its datagram is complete (or a duplicate, or
                           discarded and reported through `lost`) */
    MT_IP_BAD = 3,      /* damaged or cut: *why (static text) says what */
    MT_IP_NOMEM = -1
};

/* Reads the IP packet that begins at packet->data + offset. IPv4 with options; IPv6 with
 * hop-by-hop, routing, fragment, destination and authentication headers. Total length 0 (TSO) means
 * the rest of the packet; as do payload length 0 (IPv6 jumbo or GRO) and a length
 * beyond the end of the packet on the wire. Trailing bytes beyond the IP length (Ethernet padding)
 * are not payload. segment->captured < segment->length where the snap length cut; it may have cut
 * the TCP options, not the 20 bytes before them. TCP data offset below 5 or beyond the packet:
 * MT_IP_BAD; neither IPv4 nor IPv6: MT_IP_BAD. Of a reassembled datagram, ttl is that of the packet
 * that completed it, and the payload is valid until the next call. *segment is undefined unless
 * MT_IP_SEGMENT is returned, *why unless MT_IP_BAD is. */
enum mt_ip_result mt_ip_segment(struct mt_ip_reader *reader, const struct mt_packet *packet,
                                uint32_t offset, struct mt_segment *segment, const char **why);

/* Discards every waiting datagram at the end of the capture, and reports each through `lost`. */
void mt_ip_finish(struct mt_ip_reader *reader);

/* Frees the reader, which may be NULL. Waiting datagrams are not reported. */
void mt_ip_close(struct mt_ip_reader *reader);

#endif
