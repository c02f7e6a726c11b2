/* TCP: which connection a segment belongs to, when one begins and ends, and whose packets are
 * Monero's. Segments in; the callbacks receive connections, bytes, holes and problems. Used by the
 * core. */
#ifndef MT_TCP_TCP_H
#define MT_TCP_TCP_H

#include "net/packet.h"
#include "tcp/callbacks.h"

#include <stddef.h>
#include <stdint.h>

struct mt_tcp;

struct mt_tcp_options {
    struct mt_tcp_shared shared; /* copied; what it points to must live as long */
    const uint16_t *ports;       /* make a connection Monero's; copied */
    size_t ports_count;
    int64_t *monero_packets; /* a counter per file, to which each packet of a Monero connection adds
                                one; for one recognised late, all its earlier packets too */
};

/* NULL if memory is out. The caller owns it: mt_tcp_close. */
struct mt_tcp *mt_tcp_open(const struct mt_tcp_options *options);

/* One segment. MT_OK or MT_NOMEM. */
int mt_tcp_segment(struct mt_tcp *tcp, const struct mt_segment *segment,
                   const struct mt_packet_ref *ref);

/* The conversation of which the segment continues the bytes of its direction exactly where they
 * stopped, or NULL. To be called before mt_tcp_segment. */
const void *mt_tcp_continued(const struct mt_tcp *tcp, const struct mt_segment *segment,
                             int *from_client);

/* The end of the capture: every connection is ended, in order of id. MT_OK or MT_NOMEM. */
int mt_tcp_finish(struct mt_tcp *tcp);

/* Frees all, without ending what is still open. NULL is fine. */
void mt_tcp_close(struct mt_tcp *tcp);

#endif
