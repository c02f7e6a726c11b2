#include "p2p/pending_hashes.h"

#include "base/mem.h"
#include "chain/keccak_many.h"
#include "p2p/blobs.h"

#include <string.h>

enum { FIRST_CODE = MT_NO_CODE - 1, CODES = 2 /* of a transaction */ };

/* The hashes of one transaction: of all its bytes, and of the parts that its id is made of. */
struct hashes {
    uint8_t blob[MT_HASH_SIZE], id[MT_HASH_SIZE];
    uint8_t parts[MT_ID_PARTS][MT_HASH_SIZE];
    struct mt_keccak_job jobs[1 + MT_ID_PARTS];
    size_t jobs_count;
    enum { NO_ID, ID_OF_BLOB, ID_OF_PARTS } id_of;
};

struct mt_pending_hashes {
    struct hashes hashes[MT_PENDING_BLOBS];
    struct mt_keccak_job jobs[MT_PENDING_BLOBS * (1 + MT_ID_PARTS)];
    size_t count;
    /* Rows of messages and values of the cache from there on may have provisional codes. */
    int64_t first_message;
    size_t first_cached;
    size_t bytes_count;
    uint8_t bytes[MT_PENDING_BYTES];
};

/* Lists what is to be hashed of a blob with these bytes. */
static int prepare(struct hashes *hashes, const struct mt_hashed_blob *blob, const uint8_t *bytes)
{
    size_t count = 0;
    hashes->jobs[0] = (struct mt_keccak_job){bytes, blob->blob.size, hashes->blob};
    hashes->jobs_count = 1;
    hashes->id_of = NO_ID;
    if (blob->transaction == NULL)
        return MT_OK;
    hashes->id_of = blob->transaction->version == 1 ? ID_OF_BLOB : ID_OF_PARTS;
    if (hashes->id_of == ID_OF_BLOB)
        return MT_OK;
    int result = mt_transaction_id_parts(bytes, blob->transaction, blob->prunable_hash,
                                         hashes->parts, hashes->jobs + 1, &count);
    hashes->jobs_count += count;
    if (result != MT_OK)
        hashes->id_of = NO_ID;
    return result;
}

/* Hashes blobs with their parts, then the ids from those. */
static void compute(struct hashes *hashes, size_t count, struct mt_keccak_job *jobs)
{
    size_t all = 0, ids = 0;
    for (size_t kind = 0; kind < 1 + MT_ID_PARTS; kind++) {
        for (size_t i = 0; i < count; i++) {
            if (kind < hashes[i].jobs_count)
                jobs[all++] = hashes[i].jobs[kind];
        }
    }
    mt_keccak256_many(jobs, all);
    for (size_t i = 0; i < count; i++) {
        struct hashes *one = &hashes[i];
        if (one->id_of == ID_OF_PARTS)
            jobs[ids++] = (struct mt_keccak_job){one->parts[0], sizeof one->parts, one->id};
        else
            memcpy(one->id, one->blob, MT_HASH_SIZE);
    }
    mt_keccak256_many(jobs, ids);
}

/* The codes of the hashes. MT_OK or MT_NOMEM. */
static int intern(struct mt_intern *strings, const struct hashes *hashes,
                  struct mt_transaction_row *row)
{
    row->tx = MT_NO_CODE;
    if (mt_intern_put(strings, hashes->blob, MT_HASH_SIZE, &row->blob_hash) != MT_OK)
        return MT_NOMEM;
    return hashes->id_of != NO_ID ? mt_intern_put(strings, hashes->id, MT_HASH_SIZE, &row->tx)
                                  : MT_OK;
}

/* A blob that is too long to be copied. */
static int hash_now(struct mt_p2p *p2p, const struct mt_hashed_blob *blob,
                    struct mt_transaction_row *row)
{
    struct hashes hashes;
    struct mt_keccak_job jobs[1 + MT_ID_PARTS];
    int result = prepare(&hashes, blob, blob->blob.at);
    compute(&hashes, 1, jobs);
    return intern(p2p->strings, &hashes, row) == MT_OK ? result : MT_NOMEM;
}

/* Memory for one more. MT_OK or MT_NOMEM. */
static int make_room(struct mt_p2p *p2p, int64_t message, size_t size)
{
    struct mt_pending_hashes *pending = p2p->pending;
    if (pending != NULL &&
        (pending->count == MT_PENDING_BLOBS || size > MT_PENDING_BYTES - pending->bytes_count))
        mt_pending_resolve(p2p);
    if (pending == NULL && (pending = p2p->pending = mt_alloc(1, sizeof *pending)) == NULL)
        return MT_NOMEM;
    if (mt_intern_hold(p2p->strings, CODES, MT_HASH_SIZE) != MT_OK)
        return MT_NOMEM;
    if (pending->count == 0) {
        pending->first_message = message;
        pending->first_cached = p2p->blob_cache.count;
    }
    return MT_OK;
}

int mt_pending_add(struct mt_p2p *p2p, const struct mt_hashed_blob *blob,
                   struct mt_transaction_row *row)
{
    size_t size = blob->blob.size;
    if (size > MT_PENDING_BYTES)
        return hash_now(p2p, blob, row);
    if (make_room(p2p, blob->message, size) != MT_OK)
        return MT_NOMEM;
    struct mt_pending_hashes *pending = p2p->pending;
    struct hashes *hashes = &pending->hashes[pending->count];
    uint8_t *bytes = pending->bytes + pending->bytes_count;
    if (size != 0)
        memcpy(bytes, blob->blob.at, size);
    int result = prepare(hashes, blob, bytes);
    row->blob_hash = FIRST_CODE - (int32_t)pending->count;
    row->tx = hashes->id_of != NO_ID ? row->blob_hash : MT_NO_CODE;
    pending->count++;
    pending->bytes_count += size;
    return result;
}

static void replace_codes(struct mt_transaction_row *row,
                          const struct mt_transaction_row codes[MT_PENDING_BLOBS])
{
    if (row->blob_hash > FIRST_CODE)
        return;
    const struct mt_transaction_row *final = &codes[FIRST_CODE - row->blob_hash];
    row->blob_hash = final->blob_hash;
    row->tx = final->tx;
}

void mt_pending_resolve(struct mt_p2p *p2p)
{
    struct mt_pending_hashes *pending = p2p->pending;
    struct mt_transaction_row codes[MT_PENDING_BLOBS];
    struct mt_table *table = &p2p->tables[MT_TABLE_transactions];
    struct mt_blob_cache *cache = &p2p->blob_cache;
    if (pending == NULL || pending->count == 0)
        return;
    compute(pending->hashes, pending->count, pending->jobs);
    mt_intern_release(p2p->strings, pending->count * CODES, MT_HASH_SIZE);
    for (size_t i = 0; i < pending->count; i++)
        (void)intern(p2p->strings, &pending->hashes[i], &codes[i]); /* there is room */
    for (struct mt_transaction_row *rows = table->rows, *row = rows + table->count;
         row > rows && row[-1].message >= pending->first_message; row--)
        replace_codes(row - 1, codes);
    for (size_t i = pending->first_cached; i < cache->count; i++) {
        struct mt_seen_blob *seen = mt_blob_cache_value(cache, i);
        if (cache->blobs[i].kind == MT_BLOB_TRANSACTION)
            replace_codes(&seen->row.transaction, codes);
    }
    pending->count = pending->bytes_count = 0;
}

int64_t mt_pending_settled(const struct mt_p2p *p2p, int64_t next_message)
{
    const struct mt_pending_hashes *pending = p2p->pending;
    return pending != NULL && pending->count != 0 ? pending->first_message : next_message;
}

void mt_pending_free(struct mt_p2p *p2p)
{
    mt_free(p2p->pending);
    p2p->pending = NULL;
}
