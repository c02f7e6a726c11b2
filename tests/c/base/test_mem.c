#include "base/mem.h"

#include "base/error.h"
#include "support/check.h"

#include <stdint.h>

static void test_alloc(void)
{
    uint8_t *bytes = mt_alloc(1000, 3);
    CHECK(bytes != NULL);
    int zeroed = 1;
    for (size_t i = 0; bytes != NULL && i < 3000; i++)
        zeroed &= bytes[i] == 0;
    CHECK(zeroed);
    mt_free(bytes);
    bytes = mt_alloc(0, 8); /* nothing is still something */
    CHECK(bytes != NULL);
    mt_free(bytes);
    bytes = mt_alloc(8, 0);
    CHECK(bytes != NULL);
    mt_free(bytes);
    volatile size_t huge = SIZE_MAX; /* volatile: the compiler shall not see through it */
    CHECK(mt_alloc(huge, 2) == NULL);
    CHECK(mt_alloc(huge / 2 + 2, 2) == NULL);
    CHECK(mt_alloc(2, huge) == NULL);
    mt_free(NULL);
}

static void test_resize(void)
{
    uint32_t *numbers = mt_resize(NULL, 4, sizeof *numbers);
    CHECK(numbers != NULL);
    for (uint32_t i = 0; numbers != NULL && i < 4; i++)
        numbers[i] = i;
    numbers = mt_resize(numbers, 4000, sizeof *numbers);
    CHECK(numbers != NULL && numbers[0] == 0 && numbers[3] == 3);
    volatile size_t huge = SIZE_MAX;
    CHECK(mt_resize(numbers, huge / 4 + 1, 4) == NULL);
    CHECK(mt_resize(numbers, 4, huge) == NULL);
    CHECK(numbers != NULL && numbers[3] == 3); /* still owned */
    numbers = mt_resize(numbers, 2, sizeof *numbers);
    CHECK(numbers != NULL && numbers[1] == 1);
    numbers = mt_resize(numbers, 0, sizeof *numbers);
    CHECK(numbers != NULL);
    mt_free(numbers);
}

static void test_reserve(void)
{
    void *array = NULL;
    size_t capacity = 0;
    CHECK_EQUAL(mt_reserve(&array, &capacity, 0, 4), MT_OK);
    CHECK(array == NULL && capacity == 0);
    CHECK_EQUAL(mt_reserve(&array, &capacity, 1, 4), MT_OK);
    CHECK(array != NULL && capacity == 16);
    memset(array, 9, capacity * 4);
    void *before = array;
    CHECK_EQUAL(mt_reserve(&array, &capacity, 16, 4), MT_OK);
    CHECK(array == before && capacity == 16);
    int grown = 0;
    for (size_t needed = 17; needed <= 100000; needed++) {
        size_t old = capacity;
        CHECK(mt_reserve(&array, &capacity, needed, 4) == MT_OK);
        CHECK(capacity >= needed);
        grown += capacity != old;
    }
    CHECK(grown > 10 && grown < 30); /* geometric */
    CHECK_EQUAL(((uint8_t *)array)[63], 9);
    before = array;
    size_t old = capacity;
    CHECK_EQUAL(mt_reserve(&array, &capacity, SIZE_MAX, 4), MT_NOMEM);
    CHECK_EQUAL(mt_reserve(&array, &capacity, SIZE_MAX / 4 + 1, 4), MT_NOMEM);
    CHECK(array == before && capacity == old);
    CHECK_EQUAL(mt_reserve(&array, &capacity, 1000000, 4), MT_OK); /* at once as far as is needed */
    CHECK(capacity >= 1000000);
    mt_free(array);
}

static void test_fail_after(void)
{
    mt_fail_after(1);
    CHECK(mt_alloc(1, 1) == NULL);
    CHECK(mt_alloc(1, 1) == NULL); /* and every one after it */
    CHECK(mt_resize(NULL, 1, 1) == NULL);
    mt_fail_after(3);
    void *first = mt_alloc(1, 1), *second = mt_resize(NULL, 1, 1);
    CHECK(first != NULL && second != NULL);
    CHECK(mt_resize(first, 100, 1) == NULL);
    void *array = second;
    size_t capacity = 1;
    CHECK_EQUAL(mt_reserve(&array, &capacity, 2, 1), MT_NOMEM);
    CHECK(array == second && capacity == 1);
    CHECK_EQUAL(mt_reserve(&array, &capacity, 1, 1), MT_OK); /* nothing to do, nothing fails */
    mt_fail_after(0);
    CHECK_EQUAL(mt_reserve(&array, &capacity, 2, 1), MT_OK);
    mt_free(first);
    mt_free(array);
}

/* Only the n-th; and what is left is told. */
static void test_fail_once(void)
{
    CHECK_EQUAL(mt_fail_once(2), 0);
    void *first = mt_alloc(1, 1);
    CHECK(first != NULL && mt_alloc(1, 1) == NULL);
    void *second = mt_alloc(1, 1);
    CHECK(second != NULL);
    CHECK_EQUAL(mt_fail_after(10), 0);
    mt_free(mt_alloc(1, 1));
    CHECK_EQUAL(mt_fail_once(5), 9);
    CHECK_EQUAL(mt_fail_after(0), 5);
    mt_free(first);
    mt_free(second);
}

/* What is in use stays as it is. */
static void test_trim(void)
{
    unsigned char *used = mt_alloc(1, 1 << 20);
    mt_free(mt_alloc(1, 1 << 20));
    CHECK(used != NULL);
    used[0] = 1;
    mt_trim();
    CHECK(used[0] == 1 && used[(1 << 20) - 1] == 0);
    mt_free(used);
}

int main(void)
{
    test_alloc();
    test_resize();
    test_reserve();
    test_fail_after();
    test_fail_once();
    test_trim();
    FINISH("test_mem");
}
