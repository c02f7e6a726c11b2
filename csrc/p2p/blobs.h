/* Transaction and block blobs into rows. Knows nothing of the payload around them. Used by
 * notifications.c; p2p.c owns the cache of mt_seen_blob. */
#ifndef MT_P2P_BLOBS_H
#define MT_P2P_BLOBS_H

#include "p2p/decoding.h"

/* What is remembered of a blob: the value in the blob cache. */
struct mt_seen_blob {
    const char *why; /* why it does not parse (static text), NULL if it does */
    union {
        struct mt_transaction_row transaction; /* without what depends on the message */
        struct mt_block_row block;
    } row;
};

/* Appends the row of a whole transaction. `block_position` is the position of the block that
 * contains it, or -1. MT_OK or MT_NOMEM. */
int mt_append_transaction(struct mt_decoding *decoding, struct mt_text blob,
                          int64_t block_position);

/* Appends the row of a transaction without its prunable part. `prunable_hash` is the hash of that
 * part, NULL if it is missing. MT_OK or MT_NOMEM. */
int mt_append_pruned_transaction(struct mt_decoding *decoding, struct mt_text blob,
                                 const uint8_t *prunable_hash, int64_t block_position);

/* Appends the row of the block at position decoding->block of the message. MT_OK or MT_NOMEM. */
int mt_append_block(struct mt_decoding *decoding, struct mt_text blob);

#endif
