/* The results for blobs that were seen before: a node receives the same transaction from dozens of
 * peers and hashes it once. Knows nothing of rows: the values are the caller's. Used by p2p.
 *
 * A blob is recognised by its digest (digest.h); its bytes are not kept. */
#ifndef MT_CHAIN_BLOB_CACHE_H
#define MT_CHAIN_BLOB_CACHE_H

#include "chain/digest.h"

#include <stddef.h>
#include <stdint.h>

/* How a blob is read. Equal bytes of different kinds have a value each. */
enum mt_blob_kind { MT_BLOB_TRANSACTION, MT_BLOB_BLOCK };

struct mt_blob_key {
    struct mt_digest digest;
    enum mt_blob_kind kind;
};

struct mt_blob_cache {
    struct mt_digest_key key;
    struct mt_blob_key *blobs; /* in order of first appearance */
    size_t count, capacity;
    void *values; /* of `value_size` bytes each, by index of `blobs` */
    size_t value_size, values_capacity;
    uint32_t *slots;    /* index in `blobs` + 1, 0 = free; open addressing, at most half full */
    size_t slots_count; /* a power of two */
    size_t limit;       /* most blobs remembered; further ones are counted */
    uint64_t refused;
};

/* An empty cache of at most `limit` blobs with values of `value_size` bytes. Allocates nothing. */
void mt_blob_cache_init(struct mt_blob_cache *cache, size_t value_size, size_t limit);

/* Frees all. Only mt_blob_cache_init may follow. */
void mt_blob_cache_free(struct mt_blob_cache *cache);

/* The value of a blob, NULL if it was not seen before. Valid until the next mt_blob_cache_add. */
const void *mt_blob_cache_find(const struct mt_blob_cache *cache, const struct mt_blob_key *blob);

/* Stores a copy of the value of a blob that mt_blob_cache_find does not know; past the limit it
 * stores nothing. MT_OK or MT_NOMEM (nothing stored). */
int mt_blob_cache_add(struct mt_blob_cache *cache, const struct mt_blob_key *blob,
                      const void *value);

/* The value of the blob with an index in `blobs`, to be changed. Valid as above. */
void *mt_blob_cache_value(struct mt_blob_cache *cache, size_t index);

#endif
