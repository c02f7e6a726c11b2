/* The bulk of Monero's traffic: peer lists. */
#ifndef MT_P2P_PEER_LISTS_H
#define MT_P2P_PEER_LISTS_H

#include "p2p/decoding.h"

/* Reads local_peerlist_new, an array of objects that mt_epee_next just gave, and appends a row for
 * each element if peer_lists is wanted. MT_OK; MT_MALFORMED or MT_NOMEM, then rows may have been
 * appended and the caller takes them back. */
int mt_p2p_peers(struct mt_decoding *decoding, const struct mt_epee_entry *list);

#endif
