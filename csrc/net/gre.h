/* GRE (RFC 2784, 2890, 2637) and ERSPAN I to III within it. Knows nothing of the IP packet around.
 * Used by decapsulation.c. */
#ifndef MT_NET_GRE_H
#define MT_NET_GRE_H

#include "net/layers.h"

/* A GRE header with any of checksum, key, sequence and acknowledgement number; with ERSPAN, its
 * header too. Result as in layers.h. */
int mt_read_gre(struct mt_layers *layers);

#endif
