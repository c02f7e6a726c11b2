/* TCP: which connection a segment belongs to, when one begins and ends, and its two streams. */
#ifndef MT_TCP_TCP_H
#define MT_TCP_TCP_H

#include "net/packet.h"
#include "tables/output.h"

#include <stddef.h>
#include <stdint.h>

struct mt_tcp;

/* `ports` make a connection Monero's; copied. `monero_packets` has a counter per file, to which
 * each packet of a Monero connection adds one; for one recognised late, all its earlier packets
 * too. NULL if memory is out. The caller owns it: mt_tcp_close. */
struct mt_tcp *mt_tcp_open(struct mt_output *output, const uint16_t *ports, size_t ports_count,
                           int64_t *monero_packets);

/* One segment. MT_OK or MT_NOMEM. */
int mt_tcp_segment(struct mt_tcp *tcp, const struct mt_segment *segment,
                   const struct mt_packet_ref *place);

/* The end of the capture: every connection is ended, in order of id, and its row made. MT_OK or
 * MT_NOMEM. */
int mt_tcp_finish(struct mt_tcp *tcp);

void mt_tcp_close(struct mt_tcp *tcp);

#endif
