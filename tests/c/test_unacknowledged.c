/* Messages that are not acknowledged yet, of several directions. */
#include "base/error.h"
#include "base/mem.h"
#include "support/check.h"
#include "unacknowledged.h"

static struct mt_unacknowledged list;
static struct mt_unacknowledged_queue queues[2];

static int add(int queue, int64_t message, int64_t begin, int64_t end)
{
    struct mt_unacknowledged_message *added = mt_unacknowledged_add(&list, &queues[queue]);
    if (added == NULL)
        return MT_NOMEM;
    added->message = message;
    added->begin = begin;
    added->end = end;
    added->conflict = 0;
    return MT_OK;
}

static void test_queues(void)
{
    CHECK_EQUAL(mt_unacknowledged_oldest(&list, 99), 99);
    for (int i = 0; i < 100; i++)
        CHECK_EQUAL(add(i % 2, i, 10 * i, 10 * i + 10), MT_OK);
    CHECK_EQUAL(mt_unacknowledged_oldest(&list, 100), 0);
    for (int i = 1; i < 100; i += 2)
        CHECK_EQUAL(mt_unacknowledged_pop(&list, &queues[1]).message, i);
    CHECK_EQUAL(queues[1].first, 0);
    CHECK_EQUAL(mt_unacknowledged_oldest(&list, 100), 0);
    CHECK_EQUAL(mt_unacknowledged_pop(&list, &queues[0]).message, 0);
    CHECK_EQUAL(mt_unacknowledged_oldest(&list, 100), 2);
    uint32_t used = list.used;
    CHECK_EQUAL(add(1, 100, 0, 5), MT_OK); /* in the place of one that is gone */
    CHECK_EQUAL(list.used, used);
    CHECK_EQUAL(mt_unacknowledged_pop(&list, &queues[1]).message, 100);
    while (queues[0].first != 0)
        (void)mt_unacknowledged_pop(&list, &queues[0]);
    CHECK_EQUAL(mt_unacknowledged_oldest(&list, 101), 101);
}

static void test_conflict(void)
{
    CHECK_EQUAL(add(0, 1, 0, 10), MT_OK);
    CHECK_EQUAL(add(0, 2, 10, 20), MT_OK);
    CHECK_EQUAL(add(1, 3, 10, 20), MT_OK);
    mt_unacknowledged_conflict(&list, &queues[0], 15, 16);
    CHECK_EQUAL(mt_unacknowledged_pop(&list, &queues[0]).conflict, 0);
    CHECK_EQUAL(mt_unacknowledged_pop(&list, &queues[0]).conflict, 1);
    CHECK_EQUAL(mt_unacknowledged_pop(&list, &queues[1]).conflict, 0);
}

static void test_no_memory(void)
{
    mt_unacknowledged_free(&list);
    mt_fail_after(1);
    CHECK_EQUAL(add(0, 1, 0, 10), MT_NOMEM);
    mt_fail_after(0);
    CHECK_EQUAL(queues[0].first, 0);
    CHECK_EQUAL(add(0, 1, 0, 10), MT_OK);
    CHECK_EQUAL(mt_unacknowledged_pop(&list, &queues[0]).message, 1);
    mt_unacknowledged_free(&list);
}

int main(void)
{
    test_queues();
    test_conflict();
    test_no_memory();
    FINISH("test_unacknowledged");
}
