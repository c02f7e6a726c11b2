/* Blobs that were seen before. */
#include "chain/blob_cache.h"

#include "base/error.h"
#include "base/mem.h"
#include "support/check.h"

static struct mt_known known;

static struct mt_digest digest_of(uint64_t number)
{
    return mt_digest(&known.key, &number, sizeof number);
}

static struct mt_known_blob blob_of(uint64_t number, enum mt_blob_kind kind)
{
    struct mt_known_blob blob = {.digest = digest_of(number), .kind = kind};
    if (kind == MT_BLOB_TRANSACTION)
        blob.row.transaction.fee = number;
    else
        blob.row.block.height = number;
    return blob;
}

static int add(uint64_t number, enum mt_blob_kind kind)
{
    struct mt_known_blob blob = blob_of(number, kind);
    return mt_known_add(&known, &blob);
}

static void check_known(uint64_t number, enum mt_blob_kind kind)
{
    const struct mt_known_blob *found = mt_known_find(&known, digest_of(number), kind);
    CHECK(found != NULL);
    if (found != NULL)
        CHECK_EQUAL(kind == MT_BLOB_TRANSACTION ? found->row.transaction.fee
                                                : found->row.block.height,
                    number);
}

static void test_many(void)
{
    mt_known_init(&known, 100000);
    CHECK(mt_known_find(&known, digest_of(1), MT_BLOB_BLOCK) == NULL); /* empty */
    for (uint64_t number = 0; number < 20000; number++) {
        enum mt_blob_kind kind = number % 3 == 0 ? MT_BLOB_BLOCK : MT_BLOB_TRANSACTION;
        CHECK(mt_known_find(&known, digest_of(number), kind) == NULL);
        CHECK_EQUAL(add(number, kind), MT_OK);
    }
    CHECK_EQUAL(known.count, 20000);
    for (uint64_t number = 0; number < 20000; number++) {
        enum mt_blob_kind kind = number % 3 == 0 ? MT_BLOB_BLOCK : MT_BLOB_TRANSACTION;
        check_known(number, kind);
        CHECK(mt_known_find(&known, digest_of(number),
                            kind == MT_BLOB_BLOCK ? MT_BLOB_TRANSACTION : MT_BLOB_BLOCK) == NULL);
    }
    mt_known_free(&known);
}

/* The same bytes as a transaction and as a block are two things. */
static void test_kinds(void)
{
    mt_known_init(&known, 10);
    CHECK_EQUAL(add(7, MT_BLOB_TRANSACTION), MT_OK);
    CHECK_EQUAL(add(7, MT_BLOB_BLOCK), MT_OK);
    check_known(7, MT_BLOB_TRANSACTION);
    check_known(7, MT_BLOB_BLOCK);
    mt_known_free(&known);
}

static void test_limit(void)
{
    for (size_t limit = 0; limit < 3; limit++) {
        mt_known_init(&known, limit);
        for (uint64_t number = 0; number < 5; number++)
            CHECK_EQUAL(add(number, MT_BLOB_TRANSACTION), MT_OK);
        CHECK_EQUAL(known.count, limit);
        for (uint64_t number = 0; number < 5; number++)
            CHECK_EQUAL(mt_known_find(&known, digest_of(number), MT_BLOB_TRANSACTION) != NULL,
                        number < limit);
        mt_known_free(&known);
    }
}

static void test_out_of_memory(void)
{
    int failures = 0;
    mt_known_init(&known, 1000);
    for (uint64_t number = 0; number < 300; number++) {
        mt_fail_after(1);
        int result = add(number, MT_BLOB_BLOCK);
        mt_fail_after(0);
        if (result == MT_NOMEM) {
            failures++;
            CHECK(mt_known_find(&known, digest_of(number), MT_BLOB_BLOCK) == NULL);
            CHECK_EQUAL(add(number, MT_BLOB_BLOCK), MT_OK); /* and it goes on */
        }
        check_known(number, MT_BLOB_BLOCK);
        check_known(0, MT_BLOB_BLOCK);
    }
    CHECK(failures > 5);
    mt_known_free(&known);
}

int main(void)
{
    test_many();
    test_kinds();
    test_limit();
    test_out_of_memory();
    FINISH("known");
}
