/* L2TP, versions 2 (RFC 2661) and 3 (RFC 3931). Knows nothing of the control messages that set a
 * session up. Used by udp_tunnel.c and ip.c. */
#ifndef MT_NET_L2TP_H
#define MT_NET_L2TP_H

#include "net/layers.h"

/* A data message in UDP, of either version. Anything else is no tunnel: MT_END with
 * MT_SKIP_PROTOCOL. Result as in layers.h. */
int mt_read_l2tp(struct mt_layers *layers);

/* A data message of version 3, which begins with its session number, directly in IP. The lengths of
 * cookie and sublayer are not in the packet: an Ethernet frame or IP packet is read where it fits
 * the length of the message. Anything else is MT_END with MT_SKIP_PROTOCOL and `protocol`. Result
 * as in layers.h. */
int mt_read_l2tp_session(struct mt_layers *layers, uint32_t protocol);

#endif
