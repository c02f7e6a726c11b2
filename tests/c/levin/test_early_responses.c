/* Responses that wait for their requests, within their limit. */
#include "base/error.h"
#include "base/mem.h"
#include "levin/early_responses.h"
#include "support/check.h"

static struct mt_early_responses early;
static struct mt_limits limits;
static mt_limit_hits limit_hits;
static int64_t next_message;

static void open_early(void)
{
    limits = mt_default_limits;
    next_message = 0;
    mt_early_responses_init(&early, &limits, limit_hits);
}

static void test_early(void)
{
    uint32_t waiting = 0;
    open_early();
    next_message = 7;
    CHECK_EQUAL(mt_early_responses_settled(&early, next_message), 7);
    for (int i = 0; i < 4; i++) {
        struct mt_early_response response = {
            .waiting = &waiting, .message = 10 * i + 3, .command = 1003};
        CHECK_EQUAL(mt_early_responses_add(&early, &response), MT_OK);
    }
    next_message = 40;
    CHECK_EQUAL(early.count, 4);
    CHECK_EQUAL(waiting, 4);
    CHECK_EQUAL(mt_early_responses_settled(&early, next_message), 3);
    mt_early_responses_forget(&early, 0);
    CHECK_EQUAL(mt_early_responses_settled(&early, next_message), 13);
    mt_early_responses_forget(&early, 1);
    CHECK_EQUAL(mt_early_responses_settled(&early, next_message), 13);
    CHECK_EQUAL(early.items[1].message, 33);
    next_message = 13 + MT_HELD_BACK;
    CHECK_EQUAL(mt_early_responses_settled(&early, next_message), 13);
    next_message++; /* too many rows wait for it */
    CHECK_EQUAL(mt_early_responses_settled(&early, next_message), 33);
    for (int i = 0; i < (int)limits.early_responses + 5; i++) {
        struct mt_early_response response = {
            .waiting = &waiting, .message = next_message++, .command = 1003};
        CHECK_EQUAL(mt_early_responses_add(&early, &response), MT_OK);
    }
    CHECK_EQUAL(early.count,
                (int)limits.early_responses - (int)limits.early_responses / 4 +
                    6); /* one was there: full after all but six, then the oldest quarter went */
    CHECK_EQUAL(early.items[early.count - 1].message, next_message - 1);
    CHECK_EQUAL(early.items[0].message, next_message - (int64_t)early.count);
    CHECK_EQUAL(waiting, early.count);
    mt_early_responses_free(&early);
}

/* ---- worst cases: each must be over in an instant ---- */

static void test_many_early(void)
{
    uint32_t waiting = 0;
    open_early();
    for (int i = 0; i < 50000; i++) {
        struct mt_early_response response = {.waiting = &waiting, .message = next_message++};
        CHECK(mt_early_responses_add(&early, &response) == MT_OK);
    }
    mt_early_responses_free(&early);
}

static void test_no_memory(void)
{
    uint32_t waiting = 0;
    struct mt_early_response response = {.waiting = &waiting, .message = 1};
    open_early();
    mt_fail_after(1);
    CHECK_EQUAL(mt_early_responses_add(&early, &response), MT_NOMEM);
    mt_fail_after(0);
    CHECK_EQUAL(early.count, 0);
    CHECK_EQUAL(waiting, 0);
    mt_early_responses_free(&early);
}

int main(void)
{
    test_early();
    test_no_memory();
    test_many_early();
    FINISH("test_early_responses");
}
