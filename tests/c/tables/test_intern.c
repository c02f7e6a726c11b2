#include "tables/intern.h"

#include "base/error.h"
#include "base/mem.h"
#include "support/check.h"

#include <stdint.h>
#include <stdlib.h>

static struct mt_intern intern;

static int32_t put(const void *bytes, size_t size)
{
    int32_t code = -2;
    CHECK(mt_intern_put(&intern, bytes, size, &code) == MT_OK);
    return code;
}

static int is(int32_t code, const void *bytes, size_t size)
{
    size_t known_size;
    const uint8_t *known = mt_intern_get(&intern, code, &known_size);
    return known != NULL && known_size == size && (size == 0 || memcmp(known, bytes, size) == 0);
}

static void test_codes(void)
{
    CHECK_EQUAL(put("one", 3), 0);
    CHECK_EQUAL(put("two", 3), 1);
    CHECK_EQUAL(put("", 0), 2);
    CHECK_EQUAL(put("on", 2), 3);
    CHECK_EQUAL(put("one\0", 4), 4);
    CHECK_EQUAL(put("\0", 1), 5);
    CHECK_EQUAL(put("\0\0", 2), 6);
    CHECK_EQUAL(put("\xff\xfe", 2), 7);
    CHECK_EQUAL(put("one", 3), 0);
    CHECK_EQUAL(put("two", 3), 1);
    CHECK_EQUAL(put(NULL, 0), 2);
    CHECK_EQUAL(put("one\0", 4), 4);
    CHECK_EQUAL(put("\0\0", 2), 6);
    CHECK_EQUAL(intern.count, 8);
    CHECK(is(0, "one", 3));
    CHECK(is(1, "two", 3));
    CHECK(is(2, NULL, 0));
    CHECK(is(3, "on", 2));
    CHECK(is(4, "one\0", 4));
    CHECK(is(5, "\0", 1));
    CHECK(is(6, "\0\0", 2));
    CHECK(is(7, "\xff\xfe", 2));
}

/* Strings that are known to be new get codes without slots; those that are searched keep theirs. */
static void test_append(void)
{
    int32_t code;
    CHECK_EQUAL(put("name", 4), 0);
    for (int32_t i = 1; i < 1000; i++) {
        const uint8_t bytes[3] = {'4', (uint8_t)i, (uint8_t)(i >> 8)};
        CHECK_EQUAL(mt_intern_append(&intern, bytes, 3, &code), MT_OK);
        CHECK_EQUAL(code, i);
        CHECK(is(i, bytes, 3));
    }
    CHECK_EQUAL(put("name", 4), 0);
    CHECK_EQUAL(put("other", 5), 1000);
    CHECK_EQUAL(put("other", 5), 1000);
    CHECK_EQUAL(put("name", 4), 0);
    intern.limit = intern.count;
    CHECK_EQUAL(mt_intern_append(&intern, "x", 1, &code), MT_OK);
    CHECK_EQUAL(code, MT_NO_CODE);
    CHECK_EQUAL(intern.refused, 1);
    CHECK_EQUAL(intern.count, 1001);
}

static void test_empty_first(void)
{
    CHECK_EQUAL(put("", 0), 0); /* nothing else was ever put: still a string, with a pointer */
    CHECK(is(0, NULL, 0));
    CHECK_EQUAL(put("", 0), 0);
    CHECK_EQUAL(put("a", 1), 1);
    CHECK(is(0, NULL, 0));
    CHECK(is(1, "a", 1));
}

static void test_many(void)
{
    enum { COUNT = 100000 };
    char text[32];
    int in_order = 1, known = 1;
    for (int32_t i = 0; i < COUNT; i++) {
        int size = snprintf(text, sizeof text, "%x", (unsigned)i);
        in_order &= put(text, (size_t)size) == i;
    }
    for (int32_t i = COUNT - 1; i >= 0; i--) {
        int size = snprintf(text, sizeof text, "%x", (unsigned)i);
        known &= put(text, (size_t)size) == i && is(i, text, (size_t)size);
    }
    CHECK(in_order);
    CHECK(known);
    CHECK_EQUAL(intern.count, COUNT);
    CHECK((intern.slots_count & (intern.slots_count - 1)) == 0);
    CHECK(intern.slots_count >= 2 * intern.count && intern.slots_count <= 4 * intern.count);

    static uint8_t large[100000]; /* a long string among short ones */
    memset(large, 7, sizeof large);
    CHECK_EQUAL(put(large, sizeof large), COUNT);
    CHECK_EQUAL(put(large, sizeof large - 1), COUNT + 1);
    CHECK_EQUAL(put(large, sizeof large), COUNT);
    CHECK(is(COUNT, large, sizeof large));
}

/* Bytes out of a heap block of just their size: nothing is read beyond them. */
static void test_exact_bytes(void)
{
    for (size_t size = 0; size < 40; size++) {
        uint8_t *bytes = malloc(size != 0 ? size : 1);
        if (bytes == NULL)
            abort();
        memset(bytes, 'x', size);
        CHECK_EQUAL(put(bytes, size), size);
        CHECK_EQUAL(put(bytes, size), size);
        free(bytes);
    }
}

static void test_limit(void)
{
    mt_intern_free(&intern);
    mt_intern_init(&intern, 2);
    CHECK_EQUAL(put("a", 1), 0);
    CHECK_EQUAL(put("b", 1), 1);
    CHECK_EQUAL(put("c", 1), MT_NO_CODE);
    CHECK_EQUAL(put("c", 1), MT_NO_CODE);
    CHECK_EQUAL(put("a", 1), 0);
    CHECK_EQUAL(put("b", 1), 1);
    CHECK_EQUAL(intern.refused, 2);
    CHECK_EQUAL(intern.count, 2);
    size_t slots = intern.slots_count;
    for (int32_t i = 0; i < 1000; i++) /* what is refused costs no memory */
        CHECK(put(&i, sizeof i) == MT_NO_CODE);
    CHECK_EQUAL(intern.slots_count, slots);

    mt_intern_free(&intern);
    mt_intern_init(&intern, 0);
    CHECK_EQUAL(put("a", 1), MT_NO_CODE);
    CHECK_EQUAL(intern.refused, 1);

    mt_intern_free(&intern);
    mt_intern_init(&intern, SIZE_MAX); /* codes stay int32 */
    CHECK_EQUAL(intern.limit, INT32_MAX);
}

static void test_no_memory(void)
{
    enum { COUNT = 150 };
    int failures = 0;
    for (long calls = 1;; calls++) {
        mt_intern_free(&intern);
        mt_intern_init(&intern, 1000);
        mt_fail_after(calls);
        int failed = 0, right = 1;
        for (int32_t i = 0; i < COUNT; i++) { /* what failed works when memory is there again, and
                                                 gets the code it would have had */
            int32_t code = -2;
            int result = mt_intern_put(&intern, &i, sizeof i, &code);
            if (result != MT_OK) {
                right &= result == MT_NOMEM && intern.count == (size_t)i;
                failed = 1;
                mt_fail_after(0);
                result = mt_intern_put(&intern, &i, sizeof i, &code);
            }
            right &= result == MT_OK && code == i;
        }
        for (int32_t i = 0; i < COUNT; i++)
            right &= put(&i, sizeof i) == i && is(i, &i, sizeof i);
        CHECK(right);
        if (!failed)
            break;
        failures++;
    }
    mt_fail_after(0);
    CHECK(failures > 10);
}

/* Room that is held stays, whatever else is put; then nothing needs memory. */
static void test_held_room(void)
{
    enum { HELD = 500, SIZE = 32 };
    uint8_t text[SIZE] = {0};
    int32_t code;
    struct mt_intern held;
    mt_intern_init(&held, 1000000);
    for (size_t i = 0; i < HELD; i++)
        CHECK_EQUAL(mt_intern_hold(&held, 1, SIZE), MT_OK);
    for (uint32_t i = 0; i < 3000; i++)
        CHECK_EQUAL(mt_intern_put(&held, &i, sizeof i, &code), MT_OK);
    mt_intern_release(&held, HELD, SIZE);
    mt_fail_after(1);
    for (uint32_t i = 0; i < HELD; i++) {
        memcpy(text, &i, sizeof i);
        CHECK_EQUAL(mt_intern_put(&held, text, SIZE, &code), MT_OK);
        CHECK_EQUAL(code, 3000 + (int32_t)i);
    }
    CHECK_EQUAL(mt_intern_hold(&held, 100000, SIZE), MT_NOMEM);
    mt_fail_after(0);
    CHECK_EQUAL(held.held, 0);
    CHECK_EQUAL(held.held_bytes, 0);
    mt_intern_free(&held);
}

int main(void)
{
    static void (*const tests[])(void) = {test_codes,     test_append,      test_empty_first,
                                          test_many,      test_exact_bytes, test_limit,
                                          test_no_memory, test_held_room};
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) {
        mt_intern_init(&intern, 1000000);
        tests[i]();
        mt_intern_free(&intern);
        CHECK(intern.count == 0 && intern.bytes == NULL);
        mt_intern_free(&intern);
    }
    FINISH("test_intern");
}
