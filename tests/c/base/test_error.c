#include "base/error.h"

#include "support/check.h"

#include <stdlib.h>

static void test_fail(void)
{
    struct mt_failure failure;
    CHECK_EQUAL(mt_fail(&failure, MT_IO, "%s: %d of %d", "file", 3, 4), MT_IO);
    CHECK_TEXT(failure.text, "file: 3 of 4");
    CHECK_EQUAL(mt_fail(&failure, MT_NOMEM, "%s", ""), MT_NOMEM);
    CHECK_TEXT(failure.text, "");
    CHECK_EQUAL(mt_fail(NULL, MT_DAMAGED, "%d", 1), MT_DAMAGED);
}

static void test_cut(void)
{
    static char text[2000];
    memset(text, 'x', sizeof text - 1);
    struct mt_failure *failure = malloc(sizeof *failure);
    if (failure == NULL)
        abort();
    CHECK_EQUAL(mt_fail(failure, MT_NOT_CAPTURE, "%s", text), MT_NOT_CAPTURE);
    CHECK_EQUAL(strlen(failure->text), sizeof failure->text - 1);
    free(failure);
}

/* The ranges that callers rely on. */
static void test_ranges(void)
{
    CHECK_EQUAL(MT_OK, 0);
    CHECK(MT_END > 0 && MT_MALFORMED > 0 && MT_END != MT_MALFORMED);
    static const int errors[] = {MT_NOMEM, MT_IO, MT_DAMAGED, MT_NOT_CAPTURE, MT_LINK_TYPE};
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        CHECK(errors[i] < 0);
        for (size_t other = 0; other < i; other++)
            CHECK(errors[i] != errors[other]);
    }
}

int main(void)
{
    test_fail();
    test_cut();
    test_ranges();
    FINISH("test_error");
}
