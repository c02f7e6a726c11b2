/* Peer lists, the bulk of Monero's traffic: local_peerlist_new of 1001 and 1002. Knows nothing of
 * the rest of the payload. Used by p2p.c. */
#ifndef MT_P2P_PEER_LISTS_H
#define MT_P2P_PEER_LISTS_H

#include "p2p/decoding.h"

/* Reads local_peerlist_new, an array of objects that mt_epee_next just returned, and appends a row
 * for each element if peer_lists is wanted. MT_OK; MT_MALFORMED or MT_NOMEM: rows may have been
 * appended, and the caller removes them. */
int mt_append_peers(struct mt_decoding *decoding, const struct mt_epee_entry *list);

#endif
