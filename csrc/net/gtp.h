/* GTP-U, the tunnel of mobile networks (3GPP TS 29.281), and its version 0. Knows nothing of the
 * UDP datagram around. Used by udp_tunnel.c. */
#ifndef MT_NET_GTP_H
#define MT_NET_GTP_H

#include "net/layers.h"

/* A packet of a user, IP or Ethernet, after its GTP header with all extension headers. Any other
 * message is no tunnel: MT_END with MT_SKIP_PROTOCOL. Result as in layers.h. */
int mt_read_gtp(struct mt_layers *layers);

#endif
