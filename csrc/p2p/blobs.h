/* Transaction and block blobs into rows. */
#ifndef MT_P2P_BLOBS_H
#define MT_P2P_BLOBS_H

#include "p2p/decoding.h"

/* A whole transaction: appends its row. `block_position` is the place of the block that it came
 * with, or -1. MT_OK or MT_NOMEM. */
int mt_p2p_transaction(struct mt_decoding *decoding, struct mt_text blob, int64_t block_position);

/* One that was sent in pruned form: without its prunable part, the hash of which stands in its
 * place (NULL if it is missing). */
int mt_p2p_pruned_transaction(struct mt_decoding *decoding, struct mt_text blob,
                              const uint8_t *prunable_hash, int64_t block_position);

/* The block at place decoding->block of the message. MT_OK or MT_NOMEM. */
int mt_p2p_block(struct mt_decoding *decoding, struct mt_text blob);

#endif
