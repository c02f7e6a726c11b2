#include "p2p/blobs.h"

#include "base/bytes.h"
#include "chain/block.h"
#include "chain/transaction.h"

/* A hash as a code. */
static int intern(struct mt_decoding *decoding, const uint8_t hash[MT_HASH_SIZE], int32_t *code)
{
    return mt_intern_put(decoding->p2p->strings, hash, MT_HASH_SIZE, code);
}

/* ---- what a blob says ---- */

static uint16_t transaction_presence(const struct mt_transaction *transaction)
{
    unsigned present = MT_TRANSACTION_VERSION | MT_TRANSACTION_INPUTS | MT_TRANSACTION_OUTPUTS;
    present |= transaction->present & MT_TX_RCT_TYPE ? MT_TRANSACTION_RCT_TYPE : 0;
    present |= transaction->present & MT_TX_RING_SIZE ? MT_TRANSACTION_RING_SIZE : 0;
    present |= transaction->present & MT_TX_FEE ? MT_TRANSACTION_FEE : 0;
    present |= transaction->present & MT_TX_WEIGHT ? MT_TRANSACTION_WEIGHT : 0;
    return (uint16_t)present;
}

/* The row of a transaction, but for what depends on its message; *why if something in it cannot be
 * told. MT_OK or MT_NOMEM. */
static int read_transaction(struct mt_decoding *decoding, struct mt_text blob, int pruned,
                            const uint8_t *prunable_hash, struct mt_transaction_row *row,
                            const char **why)
{
    struct mt_transaction transaction;
    uint8_t id[MT_HASH_SIZE];
    *row = (struct mt_transaction_row){
        .tx = MT_NO_CODE, .size = (uint32_t)blob.size, .pruned = pruned != 0};
    if (mt_transaction_parse(&transaction, blob.at, blob.size, pruned, why) != MT_OK)
        return MT_OK;
    row->version = transaction.version;
    row->rct_type = transaction.rct_type;
    row->inputs = transaction.inputs;
    row->outputs = transaction.outputs;
    row->ring_size = transaction.ring_size;
    row->fee = transaction.fee;
    row->weight = transaction.weight;
    row->pruned = transaction.pruned;
    row->present = transaction_presence(&transaction);
    if (mt_transaction_id(blob.at, &transaction, prunable_hash, id) == MT_OK)
        return intern(decoding, id, &row->tx);
    *why = "pruned, and without the hash of what is missing: no id";
    return MT_OK;
}

/* Likewise of a block. */
static int read_block(struct mt_decoding *decoding, struct mt_text blob, struct mt_block_row *row,
                      const char **why)
{
    struct mt_block block;
    uint8_t id[MT_HASH_SIZE], miner_tx[MT_HASH_SIZE];
    *row = (struct mt_block_row){.block = MT_NO_CODE,
                                 .previous = MT_NO_CODE,
                                 .miner_tx = MT_NO_CODE,
                                 .size = (uint32_t)blob.size};
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

/* What is known of a blob; *fresh is room for one that is new. NULL if memory is out. */
static const struct mt_known_blob *know(struct mt_decoding *decoding, struct mt_text blob,
                                        enum mt_blob_kind kind, struct mt_known_blob *fresh)
{
    struct mt_known *known = &decoding->p2p->known;
    struct mt_digest digest = mt_digest(&known->key, blob.at, blob.size);
    const struct mt_known_blob *found = mt_known_find(known, digest, kind);
    if (found != NULL)
        return found;
    *fresh = (struct mt_known_blob){.digest = digest, .kind = kind};
    int result =
        kind == MT_BLOB_TRANSACTION
            ? read_transaction(decoding, blob, 0, NULL, &fresh->row.transaction, &fresh->why)
            : read_block(decoding, blob, &fresh->row.block, &fresh->why);
    return result == MT_OK && mt_known_add(known, fresh) == MT_OK ? fresh : NULL;
}

/* ---- rows ---- */

static int append_transaction(struct mt_decoding *decoding, const struct mt_transaction_row *known,
                              const char *why, int64_t block_position)
{
    struct mt_transaction_row *row =
        mt_table_append(mt_decoding_table(decoding, MT_TABLE_transactions));
    if (row == NULL)
        return MT_NOMEM;
    *row = *known;
    row->message = decoding->message;
    row->position = decoding->transactions++;
    if (block_position >= 0) {
        row->block_position = (uint32_t)block_position;
        row->present |= MT_TRANSACTION_BLOCK_POSITION;
    }
    return why != NULL ? mt_complaints_add(&decoding->p2p->complaints, "transaction", why) : MT_OK;
}

int mt_p2p_transaction(struct mt_decoding *decoding, struct mt_text blob, int64_t block_position)
{
    struct mt_known_blob fresh;
    const struct mt_known_blob *known = know(decoding, blob, MT_BLOB_TRANSACTION, &fresh);
    return known != NULL
               ? append_transaction(decoding, &known->row.transaction, known->why, block_position)
               : MT_NOMEM;
}

/* These come once, when somebody synchronises, and their ids hang on more than their bytes: nothing
 * is remembered. Without a hash, or with one of zeros, monerod takes the blob for a whole
 * transaction; what is none then is told as the pruned one that it may be. */
int mt_p2p_pruned_transaction(struct mt_decoding *decoding, struct mt_text blob,
                              const uint8_t *prunable_hash, int64_t block_position)
{
    struct mt_transaction_row row;
    const char *why = NULL;
    int pruned = prunable_hash != NULL && !mt_all_zero(prunable_hash, MT_HASH_SIZE);
    if (read_transaction(decoding, blob, pruned, prunable_hash, &row, &why) != MT_OK)
        return MT_NOMEM;
    if (!pruned && why != NULL) {
        why = NULL;
        if (read_transaction(decoding, blob, 1, NULL, &row, &why) != MT_OK)
            return MT_NOMEM;
    }
    return append_transaction(decoding, &row, why, block_position);
}

int mt_p2p_block(struct mt_decoding *decoding, struct mt_text blob)
{
    struct mt_known_blob fresh;
    const struct mt_known_blob *known = know(decoding, blob, MT_BLOB_BLOCK, &fresh);
    struct mt_block_row *row =
        known != NULL ? mt_table_append(mt_decoding_table(decoding, MT_TABLE_blocks)) : NULL;
    if (row == NULL)
        return MT_NOMEM;
    *row = known->row.block;
    row->message = decoding->message;
    row->position = decoding->block;
    return known->why != NULL ? mt_complaints_add(&decoding->p2p->complaints, "block", known->why)
                              : MT_OK;
}
