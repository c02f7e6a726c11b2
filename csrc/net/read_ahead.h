/* What can be computed of a packet without those before it: its segment, if no tunnel, fragment or
 * rare header is on the way, with its checksum and digest. Used by the thread of pipeline.c. */
#ifndef MT_NET_READ_AHEAD_H
#define MT_NET_READ_AHEAD_H

#include "net/packet.h"
#include "net/payload_digest.h"

/* Fills *segment as mt_net_segment does, and its sums. 1, or 0 if mt_net_segment has to read the
 * packet: *segment is then undefined. */
int mt_net_read_ahead(const struct mt_packet *packet, const struct mt_payload_key *key,
                      struct mt_segment *segment);

#endif
