/* MPLS label stacks, and what they carry: IP, or Ethernet of a pseudo-wire with or without control
 * word. Knows nothing of what the labels mean. Used by decapsulation.c. */
#ifndef MT_NET_MPLS_H
#define MT_NET_MPLS_H

#include "net/layers.h"

/* A whole label stack. Nothing announces what follows it, so its bytes decide: the first four bits
 * of IP with a plausible header, else an Ethernet header after a control word or at once. Result as
 * in layers.h. */
int mt_read_mpls(struct mt_layers *layers);

#endif
