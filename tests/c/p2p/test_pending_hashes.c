/* Hashes of transactions that are computed together: every row gets its own ones. */
#include "p2p/pending_hashes.h"

#include "base/mem.h"
#include "p2p/blobs.h"
#include "support/check.h"
#include "support/decoding.h"
#include "support/transactions.h"

enum { ROWS = 3 * MT_PENDING_BLOBS + 5 };

static struct world world;
static struct mt_decoding decoding;
static uint8_t ids[ROWS][32], blob_hashes[ROWS][32];

static void start(void)
{
    world_open(&world, ALL_TABLES);
    memset(&decoding, 0, offsetof(struct mt_decoding, reader));
    decoding.p2p = &world.p2p;
}

/* A transaction that differs from all with another number, and its hashes. */
static struct mt_text transaction(size_t number, uint16_t extra)
{
    struct shape shape = {.version = (uint8_t)(number % 5 == 0 ? 1 : 2),
                          .type = (uint8_t)(number % 5 == 0 ? 0 : 6),
                          .tagged = number % 5 != 0,
                          .inputs = (uint8_t)(1 + number % 3),
                          .ring = 16,
                          .other_rings = 16,
                          .outputs = 2,
                          .proofs = 1,
                          .rounds = 7,
                          .extra = extra};
    struct mt_transaction parsed;
    const char *why;
    build(&shape);
    written.bytes[written.prefix_end - 1] = (uint8_t)number; /* within `extra` */
    CHECK_EQUAL(mt_transaction_parse(&parsed, written.bytes, written.size, 0, &why), MT_OK);
    CHECK_EQUAL(mt_transaction_id(written.bytes, &parsed, NULL, ids[number]), MT_OK);
    mt_keccak256(written.bytes, written.size, blob_hashes[number]);
    return (struct mt_text){written.bytes, written.size};
}

static void check_row(size_t row, size_t number)
{
    const struct mt_transaction_row *got = transaction_row(&world, row);
    CHECK(world_interned(&world, got->tx, ids[number], 32));
    CHECK(world_interned(&world, got->blob_hash, blob_hashes[number], 32));
    CHECK((got->tx == got->blob_hash) == (got->version == 1));
}

static void test_more_than_one_batch(void)
{
    start();
    for (size_t i = 0; i < ROWS; i++)
        CHECK_EQUAL(mt_append_transaction(&decoding, transaction(i, 44), -1), MT_OK);
    mt_p2p_resolve(&world.p2p);
    for (size_t i = 0; i < ROWS; i++)
        check_row(i, i);
    mt_p2p_resolve(&world.p2p); /* nothing is left */
    for (size_t i = 0; i < ROWS; i++)
        check_row(i, i);
    world_close(&world);
}

/* Before its hashes are there, and after. */
static void test_repeated(void)
{
    start();
    for (size_t i = 0; i < 6; i++)
        CHECK_EQUAL(mt_append_transaction(&decoding, transaction(i % 3, 44), -1), MT_OK);
    mt_p2p_resolve(&world.p2p);
    for (size_t i = 6; i < 9; i++)
        CHECK_EQUAL(mt_append_transaction(&decoding, transaction(i % 3, 44), -1), MT_OK);
    for (size_t i = 0; i < 9; i++)
        check_row(i, i % 3);
    CHECK_EQUAL(world.strings.count, 5); /* one is of version 1 */
    world_close(&world);
}

/* A hash that something else named before or meanwhile has one code. */
static void test_known_hash(void)
{
    int32_t before, meanwhile;
    start();
    struct mt_text blob = transaction(1, 44);
    CHECK_EQUAL(mt_intern_put(&world.strings, ids[1], 32, &before), MT_OK);
    CHECK_EQUAL(mt_append_transaction(&decoding, blob, -1), MT_OK);
    CHECK_EQUAL(mt_intern_put(&world.strings, blob_hashes[1], 32, &meanwhile), MT_OK);
    mt_p2p_resolve(&world.p2p);
    CHECK_EQUAL(transaction_row(&world, 0)->tx, before);
    CHECK_EQUAL(transaction_row(&world, 0)->blob_hash, meanwhile);
    world_close(&world);
}

/* Rows that were taken back with their message, as when memory is out. */
static void test_rows_that_went(void)
{
    start();
    CHECK_EQUAL(mt_append_transaction(&decoding, transaction(1, 44), -1), MT_OK);
    decoding.message = 1;
    CHECK_EQUAL(mt_append_transaction(&decoding, transaction(2, 44), -1), MT_OK);
    mt_tables_take_back(world.tables, 1);
    CHECK_EQUAL(mt_p2p_settled(&world.p2p, 9), 0);
    mt_p2p_resolve(&world.p2p);
    CHECK_EQUAL(mt_p2p_settled(&world.p2p, 9), 9);
    CHECK_EQUAL(world.tables[MT_TABLE_transactions].count, 1);
    check_row(0, 1);
    CHECK_EQUAL(mt_append_transaction(&decoding, transaction(2, 44), -1), MT_OK);
    check_row(1, 2);
    world_close(&world);
}

/* Longer than what is copied, alone and between others. */
static void test_long_blob(void)
{
    static uint8_t bytes[MT_PENDING_BYTES + 1];
    struct mt_hashed_blob blob = {0, {bytes, sizeof bytes}, NULL, NULL};
    struct mt_transaction_row row = {.tx = 7};
    uint8_t hash[32];
    start();
    CHECK_EQUAL(mt_append_transaction(&decoding, transaction(1, 44), -1), MT_OK);
    CHECK_EQUAL(mt_pending_add(&world.p2p, &blob, &row), MT_OK);
    mt_keccak256(bytes, sizeof bytes, hash);
    CHECK(world_interned(&world, row.blob_hash, hash, 32));
    CHECK_EQUAL(row.tx, MT_NO_CODE);
    blob.blob.size = MT_PENDING_BYTES; /* fits, if nothing else is there */
    CHECK_EQUAL(mt_pending_add(&world.p2p, &blob, &row), MT_OK);
    CHECK(row.blob_hash < MT_NO_CODE);
    mt_p2p_resolve(&world.p2p);
    check_row(0, 1);
    CHECK_EQUAL(world.strings.count, 4);
    world_close(&world);
}

/* Once the row was made, its hashes need no memory. */
static void test_without_memory(void)
{
    start();
    for (size_t i = 0; i < 20; i++)
        CHECK_EQUAL(mt_append_transaction(&decoding, transaction(i, 44), -1), MT_OK);
    mt_fail_after(1);
    mt_p2p_resolve(&world.p2p);
    mt_fail_after(0);
    for (size_t i = 0; i < 20; i++)
        check_row(i, i);
    world_close(&world);
}

int main(void)
{
    test_more_than_one_batch();
    test_repeated();
    test_known_hash();
    test_rows_that_went();
    test_long_blob();
    test_without_memory();
    FINISH("test_pending_hashes");
}
