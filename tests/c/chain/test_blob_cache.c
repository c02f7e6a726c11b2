/* Blobs that were seen before. */
#include "chain/blob_cache.h"

#include "base/error.h"
#include "base/mem.h"
#include "support/check.h"

static struct mt_blob_cache cache;

static struct mt_blob_key blob_of(uint64_t number, enum mt_blob_kind kind)
{
    return (struct mt_blob_key){mt_digest(&cache.key, &number, sizeof number), kind};
}

static int add(uint64_t number, enum mt_blob_kind kind)
{
    struct mt_blob_key blob = blob_of(number, kind);
    return mt_blob_cache_add(&cache, &blob, &number);
}

static const uint64_t *find(uint64_t number, enum mt_blob_kind kind)
{
    struct mt_blob_key blob = blob_of(number, kind);
    return mt_blob_cache_find(&cache, &blob);
}

static void check_seen(uint64_t number, enum mt_blob_kind kind)
{
    const uint64_t *value = find(number, kind);
    CHECK(value != NULL);
    if (value != NULL)
        CHECK_EQUAL(*value, number);
}

static void test_many(void)
{
    mt_blob_cache_init(&cache, sizeof(uint64_t), 100000);
    CHECK(find(1, MT_BLOB_BLOCK) == NULL); /* empty */
    for (uint64_t number = 0; number < 20000; number++) {
        enum mt_blob_kind kind = number % 3 == 0 ? MT_BLOB_BLOCK : MT_BLOB_TRANSACTION;
        CHECK(find(number, kind) == NULL);
        CHECK_EQUAL(add(number, kind), MT_OK);
    }
    CHECK_EQUAL(cache.count, 20000);
    for (uint64_t number = 0; number < 20000; number++) {
        enum mt_blob_kind kind = number % 3 == 0 ? MT_BLOB_BLOCK : MT_BLOB_TRANSACTION;
        check_seen(number, kind);
        CHECK(find(number, kind == MT_BLOB_BLOCK ? MT_BLOB_TRANSACTION : MT_BLOB_BLOCK) == NULL);
    }
    mt_blob_cache_free(&cache);
}

/* The same bytes as a transaction and as a block have a value each. */
static void test_kinds(void)
{
    mt_blob_cache_init(&cache, sizeof(uint64_t), 10);
    CHECK_EQUAL(add(7, MT_BLOB_TRANSACTION), MT_OK);
    CHECK_EQUAL(add(7, MT_BLOB_BLOCK), MT_OK);
    check_seen(7, MT_BLOB_TRANSACTION);
    check_seen(7, MT_BLOB_BLOCK);
    mt_blob_cache_free(&cache);
}

static void test_limit(void)
{
    for (size_t limit = 0; limit < 3; limit++) {
        mt_blob_cache_init(&cache, sizeof(uint64_t), limit);
        for (uint64_t number = 0; number < 5; number++)
            CHECK_EQUAL(add(number, MT_BLOB_TRANSACTION), MT_OK);
        CHECK_EQUAL(cache.count, limit);
        for (uint64_t number = 0; number < 5; number++)
            CHECK_EQUAL(find(number, MT_BLOB_TRANSACTION) != NULL, number < limit);
        mt_blob_cache_free(&cache);
    }
}

static void test_out_of_memory(void)
{
    int failures = 0;
    mt_blob_cache_init(&cache, sizeof(uint64_t), 1000);
    for (uint64_t number = 0; number < 300; number++) {
        mt_fail_after(1);
        int result = add(number, MT_BLOB_BLOCK);
        mt_fail_after(0);
        if (result == MT_NOMEM) {
            failures++;
            CHECK(find(number, MT_BLOB_BLOCK) == NULL);
            CHECK_EQUAL(add(number, MT_BLOB_BLOCK), MT_OK); /* and it goes on */
        }
        check_seen(number, MT_BLOB_BLOCK);
        check_seen(0, MT_BLOB_BLOCK);
    }
    CHECK(failures > 5);
    mt_blob_cache_free(&cache);
}

int main(void)
{
    test_many();
    test_kinds();
    test_limit();
    test_out_of_memory();
    FINISH("blob_cache");
}
