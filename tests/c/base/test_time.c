/* Capture times: elapsed time and days. */
#include "base/time.h"

#include "support/check.h"

#define DAY INT64_C(86400000000000)

static void test_day(void)
{
    CHECK_EQUAL(mt_day(0), 0);
    CHECK_EQUAL(mt_day(DAY - 1), 0);
    CHECK_EQUAL(mt_day(DAY), 1);
    CHECK_EQUAL(mt_day(-1), -1);
    CHECK_EQUAL(mt_day(-DAY), -1);
    CHECK_EQUAL(mt_day(-DAY - 1), -2);
    CHECK_EQUAL(mt_day(INT64_MAX), 106751);
    CHECK_EQUAL(mt_day(INT64_MIN + 1), -106752);
    CHECK_EQUAL(mt_day(MT_NO_TIME), MT_NO_DAY);
}

static void test_elapsed(void)
{
    CHECK_EQUAL(mt_elapsed(3, 10), 7);
    CHECK_EQUAL(mt_elapsed(10, 3), 0);
    CHECK_EQUAL(mt_elapsed(MT_NO_TIME, 3), 0);
    CHECK_EQUAL(mt_elapsed(3, MT_NO_TIME), 0);
    CHECK_EQUAL(mt_elapsed(INT64_MIN + 1, INT64_MAX), INT64_MAX);
}

int main(void)
{
    test_day();
    test_elapsed();
    FINISH("time");
}
