/* Transaction and block blobs into rows: each distinct one is looked into once. What their bytes
 * mean is tested with transaction.c and block.c. */
#include "p2p/blobs.h"

#include "base/mem.h"
#include "chain/block.h"
#include "support/check.h"
#include "support/decoding.h"
#include "support/transactions.h"

static struct world world;
static struct mt_decoding decoding;

static const struct shape usual = {.version = 2,
                                   .type = 6,
                                   .tagged = 1,
                                   .inputs = 2,
                                   .ring = 16,
                                   .other_rings = 16,
                                   .outputs = 2,
                                   .proofs = 1,
                                   .rounds = 7,
                                   .extra = 44};
static const struct shape old = {
    .version = 1, .inputs = 2, .ring = 3, .other_rings = 5, .outputs = 3, .extra = 33};
static const struct shape coinbase = {
    .version = 2, .type = 0, .tagged = 1, .gen = 1, .inputs = 1, .outputs = 1, .extra = 50};

static void start(int64_t message)
{
    memset(&decoding, 0, offsetof(struct mt_decoding, reader));
    decoding.p2p = &world.p2p;
    decoding.message = message;
    world.p2p.defects.count = 0;
}

static struct mt_text text_of(const uint8_t *bytes, size_t size)
{
    return (struct mt_text){bytes, size};
}

static struct mt_text blob(void)
{
    return text_of(written.bytes, written.size);
}

static const struct mt_transaction_row *last_transaction(void)
{
    mt_p2p_resolve(&world.p2p);
    return transaction_row(&world, world.tables[MT_TABLE_transactions].count - 1);
}

static int has_id(int32_t code, const uint8_t id[32])
{
    return world_interned(&world, code, id, 32);
}

static void id_of_written(const uint8_t *prunable_hash, int pruned, uint8_t id[32])
{
    struct mt_transaction transaction;
    const char *why;
    CHECK_EQUAL(mt_transaction_parse(&transaction, written.bytes, written.size, pruned, &why),
                MT_OK);
    CHECK_EQUAL(mt_transaction_id(written.bytes, &transaction, prunable_hash, id), MT_OK);
}

static void test_transactions(void)
{
    uint8_t id[32];
    start(5);
    build(&usual);
    id_of_written(NULL, 0, id);
    CHECK_EQUAL(mt_append_transaction(&decoding, blob(), -1), MT_OK);
    const struct mt_transaction_row *row = last_transaction();
    uint8_t blob_hash[32];
    mt_keccak256(written.bytes, written.size, blob_hash);
    CHECK(has_id(row->blob_hash, blob_hash) && row->blob_hash != row->tx);
    CHECK_EQUAL(row->message, 5);
    CHECK_EQUAL(row->position, 0);
    CHECK(has_id(row->tx, id));
    CHECK_EQUAL(row->blob_size, written.size);
    CHECK_EQUAL(row->weight, written.size);
    CHECK_EQUAL(row->fee, 30720000);
    CHECK_EQUAL(row->version * 100 + row->rct_type, 206);
    CHECK_EQUAL(row->inputs * 10000 + row->outputs * 100 + row->ring_size, 20216);
    CHECK_EQUAL(row->present, MT_TRANSACTION_VERSION | MT_TRANSACTION_RCT_TYPE |
                                  MT_TRANSACTION_INPUTS | MT_TRANSACTION_OUTPUTS |
                                  MT_TRANSACTION_RING_SIZE | MT_TRANSACTION_FEE |
                                  MT_TRANSACTION_WEIGHT);
    CHECK_EQUAL(row->pruned, 0);
    build(&old);
    id_of_written(NULL, 0, id);
    CHECK_EQUAL(mt_append_transaction(&decoding, blob(), 3), MT_OK);
    row = last_transaction();
    CHECK_EQUAL(row->position, 1);
    CHECK_EQUAL(row->block_position, 3);
    CHECK(has_id(row->tx, id));
    CHECK_EQUAL(row->fee, 3000000 - 600000);
    CHECK_EQUAL(row->present, MT_TRANSACTION_VERSION | MT_TRANSACTION_INPUTS |
                                  MT_TRANSACTION_OUTPUTS | MT_TRANSACTION_RING_SIZE |
                                  MT_TRANSACTION_FEE | MT_TRANSACTION_WEIGHT |
                                  MT_TRANSACTION_BLOCK_POSITION);
    build(&coinbase);
    CHECK_EQUAL(mt_append_transaction(&decoding, blob(), -1), MT_OK);
    CHECK_EQUAL(last_transaction()->present, MT_TRANSACTION_VERSION | MT_TRANSACTION_RCT_TYPE |
                                                 MT_TRANSACTION_INPUTS | MT_TRANSACTION_OUTPUTS |
                                                 MT_TRANSACTION_WEIGHT);
    CHECK_EQUAL(world.p2p.defects.count, 0);
}

/* The second time nothing is parsed or hashed; the row says the same but for its place. */
static void test_known(void)
{
    build(&usual);
    start(6);
    size_t known = world.p2p.blob_cache.count;
    CHECK_EQUAL(mt_append_transaction(&decoding, blob(), -1), MT_OK);
    struct mt_transaction_row first = *last_transaction();
    CHECK_EQUAL(world.p2p.blob_cache.count, known); /* since test_transactions */
    start(7);
    decoding.transactions = 9;
    CHECK_EQUAL(mt_append_transaction(&decoding, blob(), 2), MT_OK);
    struct mt_transaction_row again = *last_transaction();
    CHECK_EQUAL(again.message * 100 + again.position, 709);
    first.message = again.message;
    first.position = again.position;
    first.block_position = 2;
    first.present |= MT_TRANSACTION_BLOCK_POSITION;
    CHECK(memcmp(&first, &again, sizeof first) == 0);
    written.bytes[written.size - 1] ^= 1; /* another transaction */
    CHECK_EQUAL(mt_append_transaction(&decoding, blob(), -1), MT_OK);
    CHECK(last_transaction()->tx != again.tx);
    CHECK_EQUAL(world.p2p.blob_cache.count, known + 1);
    CHECK_EQUAL(mt_append_transaction(&decoding, text_of(written.bytes, written.size - 1), -1),
                MT_OK); /* none: told each time it comes */
    CHECK_EQUAL(mt_append_transaction(&decoding, text_of(written.bytes, written.size - 1), -1),
                MT_OK);
    CHECK_EQUAL(last_transaction()->tx, MT_NO_CODE);
    CHECK_EQUAL(last_transaction()->present, 0);
    CHECK_EQUAL(last_transaction()->blob_size, written.size - 1);
    uint8_t blob_hash[32];
    mt_keccak256(written.bytes, written.size - 1, blob_hash);
    CHECK(has_id(last_transaction()->blob_hash, blob_hash));
    CHECK_EQUAL(world.p2p.defects.count, 2);
    CHECK_TEXT(world.p2p.defects.list[0].part, "transaction");
    CHECK_TEXT(world.p2p.defects.list[1].why, world.p2p.defects.list[0].why);
    CHECK_EQUAL(world.p2p.blob_cache.count, known + 2);
}

static void test_pruned(void)
{
    uint8_t whole[32], id[32], hash[32], zeros[32] = {0};
    build(&usual);
    id_of_written(NULL, 0, whole);
    mt_keccak256(written.bytes + written.base_end, written.size - written.base_end, hash);
    start(8);
    struct mt_text kept = text_of(written.bytes, written.base_end);
    CHECK_EQUAL(mt_append_pruned_transaction(&decoding, kept, hash, 0), MT_OK);
    CHECK(has_id(last_transaction()->tx, whole));
    CHECK_EQUAL(last_transaction()->pruned, 1);
    CHECK_EQUAL(last_transaction()->present & MT_TRANSACTION_WEIGHT, 0);
    hash[0] ^= 1; /* the id hangs on it, so nothing may be remembered by the blob alone */
    CHECK_EQUAL(mt_append_pruned_transaction(&decoding, kept, hash, 0), MT_OK);
    CHECK(last_transaction()->tx != MT_NO_CODE && !has_id(last_transaction()->tx, whole));
    CHECK_EQUAL(world.p2p.defects.count, 0);
    const uint8_t *const none[] = {NULL, zeros};
    for (size_t i = 0; i < 2; i++) { /* what it says is there, its id is not known */
        CHECK_EQUAL(mt_append_pruned_transaction(&decoding, kept, none[i], 0), MT_OK);
        CHECK_EQUAL(last_transaction()->tx, MT_NO_CODE);
        CHECK_EQUAL(last_transaction()->pruned, 1);
        CHECK_EQUAL(last_transaction()->outputs, 2);
        CHECK_EQUAL(world.p2p.defects.count, i + 1);
        CHECK_EQUAL(mt_append_pruned_transaction(&decoding, blob(), none[i], 0),
                    MT_OK); /* without a hash it may be whole */
        CHECK(has_id(last_transaction()->tx, whole));
        CHECK_EQUAL(last_transaction()->pruned, 0);
        CHECK_EQUAL(world.p2p.defects.count, i + 1);
    }
    CHECK_EQUAL(mt_append_pruned_transaction(&decoding, blob(), hash, 0),
                MT_OK); /* with a hash it may not */
    CHECK_EQUAL(last_transaction()->present & MT_TRANSACTION_VERSION, 0);
    CHECK_EQUAL(last_transaction()->pruned, 1);
    build(&old);
    id_of_written(NULL, 0, id);
    CHECK_EQUAL(mt_append_pruned_transaction(&decoding, blob(), zeros, 0),
                MT_OK); /* version 1 has no pruned form */
    CHECK(has_id(last_transaction()->tx, id));
    CHECK_EQUAL(last_transaction()->pruned, 0);
}

/* A block with `count` transaction ids. */
static void build_block(uint64_t count)
{
    written.size = 0;
    varint(16);
    varint(15);
    varint(1700000000);
    fill(32);
    fill(4);
    append(&coinbase);
    varint(count);
    fill(32 * count);
}

static void test_blocks(void)
{
    uint8_t id[32], miner_tx[32];
    struct mt_block block;
    const char *why;
    build_block(5);
    CHECK_EQUAL(mt_block_parse(&block, written.bytes, written.size, &why), MT_OK);
    mt_block_ids(&block, id, miner_tx);
    start(9);
    decoding.block = 4;
    for (int round = 0; round < 2; round++) { /* parsed, then known */
        CHECK_EQUAL(mt_append_block(&decoding, blob()), MT_OK);
        const struct mt_block_row *row = block_row(&world, (size_t)round);
        CHECK_EQUAL(row->message * 10 + row->position, 94);
        CHECK(has_id(row->block, id) && has_id(row->miner_tx, miner_tx) &&
              has_id(row->previous, block.previous));
        mt_keccak256(written.bytes, written.size, id);
        CHECK(has_id(row->blob_hash, id));
        mt_block_ids(&block, id, miner_tx);
        CHECK_EQUAL(row->height, 2000000);
        CHECK_EQUAL(row->timestamp, 1700000000);
        CHECK_EQUAL(row->major_version * 100 + row->minor_version, 1615);
        CHECK_EQUAL(row->transactions, 5);
        CHECK_EQUAL(row->blob_size, written.size);
        CHECK_EQUAL(row->present, MT_BLOCK_HEIGHT | MT_BLOCK_TIMESTAMP | MT_BLOCK_TRANSACTIONS |
                                      MT_BLOCK_MAJOR_VERSION | MT_BLOCK_MINOR_VERSION);
    }
    CHECK_EQUAL(world.p2p.defects.count, 0);
    CHECK_EQUAL(mt_append_block(&decoding, text_of(NULL, 0)), MT_OK);
    CHECK_EQUAL(block_row(&world, 2)->block, MT_NO_CODE);
    CHECK_EQUAL(block_row(&world, 2)->present, 0);
    CHECK_EQUAL(world.p2p.defects.count, 1);
    CHECK_TEXT(world.p2p.defects.list[0].part, "block");
}

static int everything(void)
{
    uint8_t hash[32] = {1};
    start(1);
    build(&usual);
    int result = mt_append_transaction(&decoding, blob(), -1);
    if (result == MT_OK)
        result = mt_append_transaction(&decoding, text_of(written.bytes, 3), -1);
    if (result == MT_OK)
        result = mt_append_pruned_transaction(&decoding, text_of(written.bytes, written.base_end),
                                              hash, 0);
    build_block(3);
    return result == MT_OK ? mt_append_block(&decoding, blob()) : result;
}

static void test_out_of_memory(void)
{
    int failures = 0;
    for (long calls = 1;; calls++) {
        world_close(&world);
        world_open(&world, ALL_TABLES);
        mt_fail_after(calls);
        int result = everything();
        mt_fail_after(0);
        if (result == MT_OK)
            break;
        failures++;
        CHECK_EQUAL(result, MT_NOMEM);
        world_clear(&world);
        CHECK_EQUAL(everything(), MT_OK); /* and it goes on */
        CHECK_EQUAL(world.tables[MT_TABLE_transactions].count, 3);
        CHECK_EQUAL(world.tables[MT_TABLE_blocks].count, 1);
        CHECK(last_transaction()->tx != MT_NO_CODE);
    }
    CHECK(failures > 5);
}

int main(void)
{
    world_open(&world, ALL_TABLES);
    test_transactions();
    test_known();
    test_pruned();
    test_blocks();
    test_out_of_memory();
    world_close(&world);
    FINISH("p2p_blobs");
}
