#include "p2p/decode_defects.h"

#include "base/error.h"
#include "base/mem.h"
#include "support/check.h"

static void test_list(void)
{
    struct mt_decode_defects defects = {0};
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < 1000; i++)
            CHECK_EQUAL(mt_defects_add(&defects, "part", i % 2 == 0 ? "even" : "odd"), MT_OK);
        CHECK_EQUAL(defects.count, 1000);
        CHECK_TEXT(defects.list[999].why, "odd");
        CHECK_TEXT(defects.list[0].part, "part");
        size_t capacity = defects.capacity;
        mt_defects_clear(&defects);
        CHECK_EQUAL(defects.count, 0);
        CHECK_EQUAL(defects.capacity, capacity);
    }
    mt_defects_free(&defects);
    CHECK(defects.list == NULL && defects.capacity == 0);
}

static void test_out_of_memory(void)
{
    struct mt_decode_defects defects = {0};
    mt_fail_after(1);
    CHECK_EQUAL(mt_defects_add(&defects, "part", "why"), MT_NOMEM);
    mt_fail_after(0);
    CHECK_EQUAL(defects.count, 0);
    CHECK_EQUAL(mt_defects_add(&defects, "part", "why"), MT_OK);
    mt_defects_free(&defects);
}

int main(void)
{
    test_list();
    test_out_of_memory();
    FINISH("defects");
}
