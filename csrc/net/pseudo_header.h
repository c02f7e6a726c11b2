/* Headers that capture programs and devices put before the packet itself: NFLOG, PKTAP, PFLOG, PPI,
 * ERF, exported PDUs of Wireshark, Linux cooked, loopback, enc. Knows nothing of what follows. Used
 * by link.c. */
#ifndef MT_NET_PSEUDO_HEADER_H
#define MT_NET_PSEUDO_HEADER_H

#include "net/layers.h"

/* Each reads the header at the beginning of a packet. Result as in layers.h; where the header names
 * a link type (PKTAP, PPI), `next` and `type` are set by mt_begin_link of link.h. */
int mt_read_nflog(struct mt_layers *layers);
int mt_read_pktap(struct mt_layers *layers);
int mt_read_pflog(struct mt_layers *layers);
int mt_read_ppi(struct mt_layers *layers);
int mt_read_erf(struct mt_layers *layers);
int mt_read_exported_pdu(struct mt_layers *layers); /* with the name of what follows */

/* Linux cooked capture of `size` bytes: the protocol at `protocol_at` is an EtherType, or below one
 * a number of Linux's own. */
int mt_read_cooked(struct mt_layers *layers, uint32_t protocol_at, uint32_t size);

/* An address family of 4 bytes, in either byte order, in a header of `size` bytes. */
int mt_read_family(struct mt_layers *layers, uint32_t size);

/* 1 if a PKTAP header is at `rest`: DLT_USER2 is used for it, and for anything else. */
int mt_looks_like_pktap(const struct mt_span *rest);

#endif
