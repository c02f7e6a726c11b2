/* Link types: what a packet of each begins with, and their names. Knows nothing of the headers that
 * follow. Used by decapsulation.c and the core. */
#ifndef MT_NET_LINK_H
#define MT_NET_LINK_H

#include "net/layers.h"
#include "net/packet.h"

#include <stddef.h>
#include <stdint.h>

/* 1 if packets of that LINKTYPE_ number (the value stored in files, not libpcap's DLT_) are read.
 */
int mt_link_known(uint32_t link);

/* libpcap's name of a LINKTYPE_ ("EN10MB", "LINUX_SLL2", …), or "LINKTYPE_n" for one that libpcap
 * does not name, cut to `room` bytes at `text`. Returns `text`. */
const char *mt_link_name(uint32_t link, char *text, size_t room);

/* Reads the header of a link type at layers->rest, which holds the whole packet. Result as in
 * layers.h; MT_END for a link type that is not known. */
int mt_begin_link(struct mt_layers *layers, uint32_t link);

/* The same for the link type (DLT_) that a pseudo-header names, which must not have such a header
 * itself. */
int mt_begin_inner_link(struct mt_layers *layers, uint32_t dlt);

#endif
