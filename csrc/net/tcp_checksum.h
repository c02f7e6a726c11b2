/* The checksum of a TCP segment (RFC 9293 section 3.1). Used by tcp. */
#ifndef MT_NET_TCP_CHECKSUM_H
#define MT_NET_TCP_CHECKSUM_H

#include "net/packet.h"

enum mt_checksum { MT_CHECKSUM_UNKNOWN, MT_CHECKSUM_RIGHT, MT_CHECKSUM_WRONG };

/* Computes the checksum from the header before `payload`. Unknown where the segment is not whole.
 */
enum mt_checksum mt_tcp_checksum(const struct mt_segment *segment);

#endif
