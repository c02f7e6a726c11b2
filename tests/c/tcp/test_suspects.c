/* Segments that wait for their receiver's acknowledgement. */
#include "base/error.h"
#include "base/mem.h"
#include "support/check.h"
#include "tcp/suspects.h"

static struct mt_suspects suspects;
static struct mt_budget budget;
static int64_t limit = 1 << 20;
static uint64_t limit_hits;

static int add(int64_t offset, const char *text)
{
    struct mt_suspect suspect = {.offset = offset,
                                 .segment = {.payload = (const uint8_t *)text,
                                             .captured = (uint32_t)strlen(text),
                                             .length = (uint32_t)strlen(text)}};
    return mt_suspects_add(&suspects, &budget, &suspect);
}

static void begin(void)
{
    suspects = (struct mt_suspects){.count = 0};
    budget = (struct mt_budget){.limit = &limit, .limit_hits = &limit_hits};
}

static void test_order(void)
{
    begin();
    CHECK_EQUAL(add(10, "abc"), MT_OK);
    CHECK_EQUAL(add(5, "de"), MT_OK);
    CHECK_EQUAL(add(20, ""), MT_OK);
    CHECK_EQUAL(suspects.count, 3);
    CHECK_EQUAL(suspects.bytes, 5);
    CHECK(budget.used > 5);
    struct mt_suspect *second =
        mt_suspects_remove(&suspects, &budget, &suspects.first->next); /* from the middle */
    CHECK_EQUAL(second->offset, 5);
    CHECK(memcmp(second->segment.payload, "de", 2) == 0); /* a copy */
    mt_free(second);
    CHECK_EQUAL(suspects.first->next->offset, 20);
    mt_free(mt_suspects_remove(&suspects, &budget, &suspects.first->next)); /* the last one */
    CHECK_EQUAL(add(30, "f"), MT_OK);
    CHECK_EQUAL(suspects.first->next->offset, 30);
    CHECK_EQUAL(suspects.count, 2);
    mt_suspects_free(&suspects, &budget);
    CHECK_EQUAL(budget.used, 0);
    CHECK_EQUAL(suspects.count, 0);
    CHECK_EQUAL(add(1, "g"), MT_OK); /* it can be used again */
    CHECK_EQUAL(suspects.first->offset, 1);
    mt_suspects_free(&suspects, &budget);
}

static void test_no_memory(void)
{
    begin();
    mt_fail_after(1);
    CHECK_EQUAL(add(1, "abc"), MT_NOMEM);
    mt_fail_after(0);
    CHECK_EQUAL(suspects.count, 0);
    CHECK_EQUAL(budget.used, 0);
    mt_suspects_free(&suspects, &budget);
}

int main(void)
{
    test_order();
    test_no_memory();
    FINISH("test_suspects");
}
