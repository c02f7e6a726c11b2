#include "p2p/decode_defects.h"

#include "base/error.h"
#include "base/mem.h"
#include "support/check.h"

static void test_list(void)
{
    struct mt_complaints complaints = {0};
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < 1000; i++)
            CHECK_EQUAL(mt_complaints_add(&complaints, "part", i % 2 == 0 ? "even" : "odd"), MT_OK);
        CHECK_EQUAL(complaints.count, 1000);
        CHECK_TEXT(complaints.list[999].why, "odd");
        CHECK_TEXT(complaints.list[0].part, "part");
        size_t capacity = complaints.capacity;
        mt_complaints_clear(&complaints);
        CHECK_EQUAL(complaints.count, 0);
        CHECK_EQUAL(complaints.capacity, capacity);
    }
    mt_complaints_free(&complaints);
    CHECK(complaints.list == NULL && complaints.capacity == 0);
}

static void test_out_of_memory(void)
{
    struct mt_complaints complaints = {0};
    mt_fail_after(1);
    CHECK_EQUAL(mt_complaints_add(&complaints, "part", "why"), MT_NOMEM);
    mt_fail_after(0);
    CHECK_EQUAL(complaints.count, 0);
    CHECK_EQUAL(mt_complaints_add(&complaints, "part", "why"), MT_OK);
    mt_complaints_free(&complaints);
}

int main(void)
{
    test_list();
    test_out_of_memory();
    FINISH("complaints");
}
