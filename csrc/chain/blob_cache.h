/* What is known of blobs that were seen before: a node hears of the same transaction from dozens of
 * peers, and hashes it once.
 *
 * A blob is recognised by its digest (digest.h), not by its bytes, which are not kept. */
#ifndef MT_CHAIN_BLOB_CACHE_H
#define MT_CHAIN_BLOB_CACHE_H

#include "chain/digest.h"
#include "tables/rows.h"

#include <stddef.h>
#include <stdint.h>

/* What to do with a blob of that kind. Whole transactions and blocks have the same bytes only if
 * somebody means them to. */
enum mt_blob_kind { MT_BLOB_TRANSACTION, MT_BLOB_BLOCK };

struct mt_known_blob {
    struct mt_digest digest;
    const char *why; /* why it does not parse (static text), NULL if it does */
    enum mt_blob_kind kind;
    union {
        struct mt_transaction_row transaction; /* the row, but for what depends on the message */
        struct mt_block_row block;
    } row;
};

struct mt_known {
    struct mt_digest_key key;
    struct mt_known_blob *blobs; /* in order of first appearance */
    size_t count, capacity;
    uint32_t *slots;    /* place in `blobs` + 1, 0 = free; open addressing, at most half full */
    size_t slots_count; /* a power of two */
    size_t limit;       /* most blobs remembered; further ones are counted */
    uint64_t refused;
};

/* `limit` blobs at most are remembered. */
void mt_known_init(struct mt_known *known, size_t limit);
void mt_known_free(struct mt_known *known);

/* The blob of that digest and kind, NULL if it was not seen before. Valid until the next
 * mt_known_add. */
const struct mt_known_blob *mt_known_find(const struct mt_known *known, struct mt_digest digest,
                                          enum mt_blob_kind kind);

/* Remembers a blob that mt_known_find does not know; past the limit does nothing. MT_OK or
 * MT_NOMEM. */
int mt_known_add(struct mt_known *known, const struct mt_known_blob *blob);

#endif
