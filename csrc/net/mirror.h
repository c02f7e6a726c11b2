/* Frames that a router or an access point sends in UDP to a collector: TZSP, jmirror, CAPWAP. Knows
 * nothing of the UDP datagram around. Used by udp_tunnel.c. */
#ifndef MT_NET_MIRROR_H
#define MT_NET_MIRROR_H

#include "net/layers.h"

/* Each reads the header of its format up to the frame or packet that it carries. Anything else is
 * no tunnel: MT_END with MT_SKIP_PROTOCOL. Result as in layers.h. */
int mt_read_tzsp(struct mt_layers *layers);
int mt_read_jmirror(struct mt_layers *layers);
int mt_read_capwap(struct mt_layers *layers);

#endif
