#include "p2p/blobs.h"

#include "base/bytes.h"
#include "chain/block.h"
#include "p2p/pending_hashes.h"

/* A hash as a code. */
static int intern(struct mt_decoding *decoding, const uint8_t hash[MT_HASH_SIZE], int32_t *code)
{
    return mt_intern_put(decoding->p2p->strings, hash, MT_HASH_SIZE, code);
}

/* The Keccak of a blob as a code. */
static int intern_blob_hash(struct mt_decoding *decoding, struct mt_text blob, int32_t *code)
{
    uint8_t hash[MT_HASH_SIZE];
    mt_keccak256(blob.at, blob.size, hash);
    return intern(decoding, hash, code);
}

/* ---- from a blob to a row ---- */

static uint16_t transaction_presence(const struct mt_transaction *transaction)
{
    unsigned present = MT_TRANSACTION_VERSION | MT_TRANSACTION_INPUTS | MT_TRANSACTION_OUTPUTS;
    present |= transaction->present & MT_TX_RCT_TYPE ? MT_TRANSACTION_RCT_TYPE : 0;
    present |= transaction->present & MT_TX_RING_SIZE ? MT_TRANSACTION_RING_SIZE : 0;
    present |= transaction->present & MT_TX_FEE ? MT_TRANSACTION_FEE : 0;
    present |= transaction->present & MT_TX_WEIGHT ? MT_TRANSACTION_WEIGHT : 0;
    return (uint16_t)present;
}

/* How a transaction was sent: with its prunable part, or with the hash of that part (NULL if it is
 * missing). */
struct pruning {
    int pruned;
    const uint8_t *prunable_hash;
};

static const struct pruning whole = {0, NULL};

/* Fills the row of a transaction, without what depends on its message; sets *why if it does not
 * parse or has no id. MT_OK or MT_NOMEM. */
static int read_transaction(struct mt_decoding *decoding, struct mt_text blob,
                            const struct pruning *pruning, struct mt_transaction_row *row,
                            const char **why)
{
    struct mt_transaction transaction;
    struct mt_hashed_blob hashed = {decoding->message, blob, &transaction, pruning->prunable_hash};
    *row = (struct mt_transaction_row){
        .tx = MT_NO_CODE, .blob_size = (uint32_t)blob.size, .pruned = pruning->pruned != 0};
    if (mt_transaction_parse(&transaction, blob.at, blob.size, pruning->pruned, why) != MT_OK) {
        hashed.transaction = NULL;
        return mt_pending_add(decoding->p2p, &hashed, row);
    }
    row->version = transaction.version;
    row->rct_type = transaction.rct_type;
    row->inputs = transaction.inputs;
    row->outputs = transaction.outputs;
    row->ring_size = transaction.ring_size;
    row->fee = transaction.fee;
    row->weight = transaction.weight;
    row->pruned = transaction.pruned;
    row->present = transaction_presence(&transaction);
    int result = mt_pending_add(decoding->p2p, &hashed, row);
    if (result == MT_MALFORMED)
        *why = "pruned, and without the hash of what is missing: no id";
    return result == MT_NOMEM ? MT_NOMEM : MT_OK;
}

/* The same for a block. */
static int read_block(struct mt_decoding *decoding, struct mt_text blob, struct mt_block_row *row,
                      const char **why)
{
    struct mt_block block;
    uint8_t id[MT_HASH_SIZE], miner_tx[MT_HASH_SIZE];
    *row = (struct mt_block_row){.block = MT_NO_CODE,
                                 .previous = MT_NO_CODE,
                                 .miner_tx = MT_NO_CODE,
                                 .blob_size = (uint32_t)blob.size};
    if (intern_blob_hash(decoding, blob, &row->blob_hash) != MT_OK)
        return MT_NOMEM;
    if (mt_block_parse(&block, blob.at, blob.size, why) != MT_OK)
        return MT_OK;
    row->major_version = block.major_version;
    row->minor_version = block.minor_version;
    row->timestamp = block.timestamp;
    row->height = block.height;
    row->transactions = block.transaction_count;
    row->present = (uint16_t)(MT_BLOCK_MAJOR_VERSION | MT_BLOCK_MINOR_VERSION | MT_BLOCK_TIMESTAMP |
                              MT_BLOCK_TRANSACTIONS | (block.has_height ? MT_BLOCK_HEIGHT : 0));
    mt_block_ids(&block, id, miner_tx);
    if (intern(decoding, id, &row->block) != MT_OK ||
        intern(decoding, block.previous, &row->previous) != MT_OK)
        return MT_NOMEM;
    return intern(decoding, miner_tx, &row->miner_tx);
}

/* What is remembered of a blob; *fresh is memory for one that is new. NULL if memory is out. */
static const struct mt_seen_blob *look_up(struct mt_decoding *decoding, struct mt_text blob,
                                          enum mt_blob_kind kind, struct mt_seen_blob *fresh)
{
    struct mt_blob_cache *cache = &decoding->p2p->blob_cache;
    struct mt_blob_key key = {mt_digest(&cache->key, blob.at, blob.size), kind};
    const struct mt_seen_blob *seen = mt_blob_cache_find(cache, &key);
    if (seen != NULL)
        return seen;
    memset(fresh, 0, sizeof *fresh);
    int result =
        kind == MT_BLOB_TRANSACTION
            ? read_transaction(decoding, blob, &whole, &fresh->row.transaction, &fresh->why)
            : read_block(decoding, blob, &fresh->row.block, &fresh->why);
    return result == MT_OK && mt_blob_cache_add(cache, &key, fresh) == MT_OK ? fresh : NULL;
}

/* ---- rows ---- */

static int append_transaction(struct mt_decoding *decoding, const struct mt_transaction_row *seen,
                              const char *why, int64_t block_position)
{
    struct mt_transaction_row *row =
        mt_table_append(mt_decoding_table(decoding, MT_TABLE_transactions));
    if (row == NULL)
        return MT_NOMEM;
    *row = *seen;
    row->message = decoding->message;
    row->position = decoding->transactions++;
    if (block_position >= 0) {
        row->block_position = (uint32_t)block_position;
        row->present |= MT_TRANSACTION_BLOCK_POSITION;
    }
    return why != NULL ? mt_defects_add(&decoding->p2p->defects, "transaction", why) : MT_OK;
}

int mt_append_transaction(struct mt_decoding *decoding, struct mt_text blob, int64_t block_position)
{
    struct mt_seen_blob fresh;
    const struct mt_seen_blob *seen = look_up(decoding, blob, MT_BLOB_TRANSACTION, &fresh);
    return seen != NULL
               ? append_transaction(decoding, &seen->row.transaction, seen->why, block_position)
               : MT_NOMEM;
}

/* Pruned transactions are sent once, to a node that synchronises, and their ids depend on more than
 * their bytes: they are not cached. Without a hash, or with one of zeros, monerod reads the blob as
 * a whole transaction; a blob that is not one is read as a pruned transaction. */
int mt_append_pruned_transaction(struct mt_decoding *decoding, struct mt_text blob,
                                 const uint8_t *prunable_hash, int64_t block_position)
{
    struct mt_transaction_row row;
    const char *why = NULL;
    struct pruning pruning = {prunable_hash != NULL && !mt_all_zero(prunable_hash, MT_HASH_SIZE),
                              prunable_hash};
    if (read_transaction(decoding, blob, &pruning, &row, &why) != MT_OK)
        return MT_NOMEM;
    if (!pruning.pruned && why != NULL) {
        why = NULL;
        if (read_transaction(decoding, blob, &(struct pruning){1, NULL}, &row, &why) != MT_OK)
            return MT_NOMEM;
    }
    return append_transaction(decoding, &row, why, block_position);
}

int mt_append_block(struct mt_decoding *decoding, struct mt_text blob)
{
    struct mt_seen_blob fresh;
    const struct mt_seen_blob *seen = look_up(decoding, blob, MT_BLOB_BLOCK, &fresh);
    struct mt_block_row *row =
        seen != NULL ? mt_table_append(mt_decoding_table(decoding, MT_TABLE_blocks)) : NULL;
    if (row == NULL)
        return MT_NOMEM;
    *row = seen->row.block;
    row->message = decoding->message;
    row->position = decoding->block;
    return seen->why != NULL ? mt_defects_add(&decoding->p2p->defects, "block", seen->why) : MT_OK;
}
