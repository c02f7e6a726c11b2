/* 802.11 frames in the clear, and the headers that capture programs put before them. Knows nothing
 * of keys: encrypted frames are skipped. Used by decapsulation.c and link.c. */
#ifndef MT_NET_WIFI_H
#define MT_NET_WIFI_H

#include "net/layers.h"

enum mt_wifi_kind {
    MT_WIFI_PADDED = 4, /* the body begins at a multiple of 4 bytes */
    MT_WIFI_SWAPPED = 8 /* an access point may have swapped the first two bytes */
};

/* An 802.11 frame: data frames lead to LLC. layers->type is made of
 * enum mt_wifi_kind. Result as in layers.h, as of all functions here. */
int mt_read_wifi(struct mt_layers *layers);

/* Moves the first packet of an aggregate to `first`: an Ethernet frame with its length in place of
 * an EtherType. 0 if there is no more. */
int mt_wifi_split(struct mt_span *aggregate, struct mt_span *first);

/* A radiotap header, an AVS header, a Prism header. */
int mt_read_radiotap(struct mt_layers *layers);
int mt_read_avs(struct mt_layers *layers);
int mt_read_prism(struct mt_layers *layers);

#endif
