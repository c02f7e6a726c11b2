/* Buffers within their budget, and the spare ones. */
#include "base/buffer_pool.h"
#include "base/error.h"
#include "base/mem.h"
#include "support/check.h"

static struct mt_buffer_pool pool;
static struct mt_budget budget;
static int64_t limit;
static uint64_t limit_hits;

static void open_pool(void)
{
    limit = 1 << 28;
    limit_hits = 0;
    budget = (struct mt_budget){.limit = &limit, .limit_hits = &limit_hits};
    pool = (struct mt_buffer_pool){.spare_count = 0};
}

static void test_append(void)
{
    struct mt_buffer buffer = {0};
    uint8_t bytes[1000];
    for (int i = 0; i < 1000; i++)
        bytes[i] = (uint8_t)(i * 7);
    open_pool();
    for (size_t at = 0; at < 1000; at += 100) {
        CHECK_EQUAL(mt_buffer_append(&pool, &budget, &buffer, bytes + at, 100, 1000), MT_OK);
        CHECK_EQUAL(budget.used, 1000); /* no more than it will hold */
    }
    CHECK_EQUAL(buffer.count, 1000);
    CHECK(memcmp(buffer.bytes, bytes, 1000) == 0);
    mt_buffer_release(&pool, &budget, &buffer);
    CHECK_EQUAL(budget.used, 0);
    CHECK_EQUAL(pool.spare_count, 1);
    CHECK(buffer.bytes == NULL && buffer.count == 0 && buffer.capacity == 0);
    mt_buffer_release(&pool, &budget, &buffer); /* nothing to give */
    CHECK_EQUAL(pool.spare_count, 1);
    CHECK_EQUAL(mt_buffer_append(&pool, &budget, &buffer, bytes, 10, 20),
                MT_OK); /* borrows the spare fixture */
    CHECK_EQUAL(pool.spare_count, 0);
    CHECK_EQUAL(budget.used, 1000);
    CHECK_EQUAL(buffer.count, 10);
    CHECK_EQUAL(mt_buffer_append(&pool, &budget, &buffer, bytes, 1000, 5),
                MT_OK); /* more than was expected */
    CHECK_EQUAL(buffer.count, 1010);
    CHECK(memcmp(buffer.bytes + 10, bytes, 1000) == 0);
    mt_buffer_release(&pool, &budget, &buffer);
    mt_buffer_pool_free(&pool);
}

/* A declared length reserves nothing until bytes are there. */
static void test_append_little(void)
{
    struct mt_buffer buffer = {0};
    open_pool();
    CHECK_EQUAL(mt_buffer_append(&pool, &budget, &buffer, (const uint8_t *)"x", 1, 100000000),
                MT_OK);
    CHECK(budget.used <= 65536);
    mt_buffer_release(&pool, &budget, &buffer);
    mt_buffer_pool_free(&pool);
}

static void test_append_limit(void)
{
    static uint8_t bytes[70000];
    struct mt_buffer first = {0}, second = {0};
    open_pool();
    limit = 100000;
    CHECK_EQUAL(mt_buffer_append(&pool, &budget, &first, bytes, 60000, 60000), MT_OK);
    CHECK_EQUAL(mt_buffer_append(&pool, &budget, &second, bytes, 40000, 40000),
                MT_OK); /* at the limit */
    CHECK_EQUAL(budget.used, 100000);
    CHECK_EQUAL(mt_buffer_append(&pool, &budget, &second, bytes, 1, 40001), MT_MALFORMED);
    CHECK(second.bytes == NULL);
    CHECK_EQUAL(budget.used, 60000);
    CHECK_EQUAL(mt_buffer_append(&pool, &budget, &first, bytes, 1, 60001),
                MT_OK); /* now there is fixture */
    mt_buffer_release(&pool, &budget, &first);
    CHECK_EQUAL(budget.used, 0);
    mt_buffer_pool_free(&pool);
}

static void test_spares(void)
{
    static uint8_t bytes[2000000];
    struct mt_buffer buffers[MT_SPARE_BUFFERS + 3] = {{0}};
    open_pool();
    for (int i = 0; i < MT_SPARE_BUFFERS + 3; i++)
        CHECK_EQUAL(mt_buffer_append(&pool, &budget, &buffers[i], bytes, 100, 100), MT_OK);
    CHECK_EQUAL(mt_buffer_append(&pool, &budget, &buffers[0], bytes, 1999900, 2000000), MT_OK);
    for (int i = 0; i < MT_SPARE_BUFFERS + 3; i++)
        mt_buffer_release(&pool, &budget, &buffers[i]);
    CHECK_EQUAL(pool.spare_count, MT_SPARE_BUFFERS);
    for (int i = 0; i < pool.spare_count; i++)
        CHECK(pool.spare[i].capacity <= 1048576); /* the large one is not kept */
    CHECK_EQUAL(budget.used, 0);
    mt_buffer_pool_free(&pool);
}

static void test_no_memory(void)
{
    struct mt_buffer buffer = {0};
    open_pool();
    mt_fail_after(1);
    CHECK_EQUAL(mt_buffer_append(&pool, &budget, &buffer, (const uint8_t *)"abc", 3, 3), MT_NOMEM);
    mt_fail_after(0);
    CHECK_EQUAL(budget.used, 0);
    mt_buffer_release(&pool, &budget, &buffer);
    mt_buffer_pool_free(&pool);
}

int main(void)
{
    test_append();
    test_append_little();
    test_append_limit();
    test_spares();
    test_no_memory();
    FINISH("test_buffer_pool");
}
