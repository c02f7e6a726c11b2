/* Transactions whose hashes are not computed yet, because several are hashed faster at once than
 * one after the other. Until then their rows, and the values in the blob cache, have provisional
 * codes below MT_NO_CODE. Used by blobs.c and p2p.c. */
#ifndef MT_P2P_PENDING_HASHES_H
#define MT_P2P_PENDING_HASHES_H

#include "chain/transaction.h"
#include "p2p/decoding.h"

enum {
    MT_PENDING_BLOBS = 32,     /* hashed at once */
    MT_PENDING_BYTES = 1 << 17 /* of their copies; a longer blob is hashed by itself */
};

/* A transaction of which hashes are wanted. */
struct mt_hashed_blob {
    int64_t message;
    struct mt_text blob;
    const struct mt_transaction *transaction; /* NULL: it does not parse, and has no id */
    const uint8_t *prunable_hash;             /* of a pruned one; NULL: unknown */
};

/* Sets the codes `tx` (MT_NO_CODE without an id) and `blob_hash` of a row, which is appended next,
 * or copied to the blob cache. MT_OK; MT_MALFORMED: pruned, and its id is unknown; or MT_NOMEM. */
int mt_pending_add(struct mt_p2p *p2p, const struct mt_hashed_blob *blob,
                   struct mt_transaction_row *row);

/* Computes all hashes and replaces the provisional codes. Memory for that was reserved before. */
void mt_pending_resolve(struct mt_p2p *p2p);

/* The first message whose rows have provisional codes, `next_message` without such rows. */
int64_t mt_pending_settled(const struct mt_p2p *p2p, int64_t next_message);

/* Frees the memory; rows keep their codes. */
void mt_pending_free(struct mt_p2p *p2p);

#endif
