/* PPP and other point-to-point framings: HDLC of PPP and of Cisco, PPPoE, Frame Relay.
 * Knows nothing of link types. Used by decapsulation.c. */
#ifndef MT_NET_PPP_H
#define MT_NET_PPP_H

#include "net/layers.h"

/* PPP from its protocol field on, which may be compressed to one byte; HDLC's address and control
 * may come before it. Result as in layers.h, as of all functions here. */
int mt_read_ppp(struct mt_layers *layers);

/* A frame of HDLC: Cisco's (address 0x0f or 0x8f) or that of PPP. */
int mt_read_hdlc(struct mt_layers *layers);

/* A PPPoE session frame, from its version on. */
int mt_read_pppoe(struct mt_layers *layers);

/* Frame Relay: an address of 2 to 4 bytes, then RFC 2427 (NLPID) or Cisco's EtherType. */
int mt_read_frame_relay(struct mt_layers *layers);

#endif
