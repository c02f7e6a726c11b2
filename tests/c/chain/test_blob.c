#include "chain/blob.h"

#include "support/check.h"

#include <stdlib.h>

static uint8_t *memory;

/* A cursor over `size` bytes that end where their memory does. */
static struct mt_blob open_blob(const void *bytes, size_t size)
{
    struct mt_blob blob;
    free(memory);
    memory = malloc(size + (size == 0));
    if (memory == NULL)
        abort();
    if (size > 0)
        memcpy(memory, bytes, size);
    mt_blob_open(&blob, memory, size);
    return blob;
}

static const char large[] = "varint that is too large",
                  wide[] = "varint that is longer than needed", cut[] = "cut short";

/* What monerod makes of them (src/common/varint.h), but for the ones that are cut. `why` NULL: the
 * value. */
static const struct {
    const char *bytes;
    size_t size;
    unsigned bits;
    uint64_t value;
    const char *why;
} varints[] = {
    {"\x00", 1, 64, 0, NULL},
    {"\x7f", 1, 64, 0x7f, NULL},
    {"\x80\x01", 2, 64, 0x80, NULL},
    {"\xff\x7f", 2, 64, 0x3fff, NULL},
    {"\x80\x80\x01", 3, 64, 0x4000, NULL},
    {"\xac\x02", 2, 64, 300, NULL},
    {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10, 64, UINT64_MAX, NULL},
    {"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 10, 64, (uint64_t)1 << 63, NULL},
    {"\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 9, 64, UINT64_MAX >> 1, NULL},
    {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10, 64, 0, large},
    {"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 11, 64, 0, large},
    {"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", 11, 64, 0, large},
    {"\x80\x00", 2, 64, 0, wide},
    {"\x81\x00", 2, 64, 0, wide},
    {"\xff\xff\x00", 3, 64, 0, wide},
    {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00", 10, 64, 0, wide},
    {"", 0, 64, 0, cut},
    {"\x80", 1, 64, 0, cut},
    {"\xff\xff\xff\xff\xff\xff\xff\xff\xff", 9, 64, 0, cut},
    {"\xff\xff\xff\xff\x0f", 5, 32, UINT32_MAX, NULL},
    {"\x80\x80\x80\x80\x08", 5, 32, 0x80000000u, NULL},
    {"\x80\x80\x80\x80\x10", 5, 32, 0, large},
    {"\xff\xff\xff\xff\x8f\x01", 6, 32, 0, large},
    {"\xff\xff\xff\xff\x00", 5, 32, 0, wide},
    {"\x80\x80\x80\x80", 4, 32, 0, cut},
    {"\x7f", 1, 8, 127, NULL},
    {"\x80\x01", 2, 8, 128, NULL},
    {"\xff\x01", 2, 8, 255, NULL},
    {"\x80\x02", 2, 8, 0, large},
    {"\xff\x81\x00", 3, 8, 0, large},
    {"\x80\x00", 2, 8, 0, wide},
    {"\xff", 1, 8, 0, cut},
    {"\x01", 1, 1, 1, NULL},
    {"\x02", 1, 1, 0, large},
    {"\x7f", 1, 7, 127, NULL},
    {"\x80\x01", 2, 7, 0, large},
};

static void test_varints(void)
{
    for (size_t i = 0; i < sizeof varints / sizeof varints[0]; i++) {
        struct mt_blob blob = open_blob(varints[i].bytes, varints[i].size);
        uint64_t value = mt_blob_varint(&blob, varints[i].bits);
        CHECK(value == varints[i].value);
        if (varints[i].why == NULL) {
            CHECK(blob.why == NULL);
            CHECK_EQUAL(blob.at, varints[i].size);
            CHECK_EQUAL(mt_blob_left(&blob), 0);
        } else {
            CHECK_TEXT(blob.why, varints[i].why);
        }
    }
}

/* One after the other, and something behind. */
static void test_row(void)
{
    struct mt_blob blob = open_blob("\x05\xac\x02\x00\x7f\x80\x01\xee", 8);
    CHECK_EQUAL(mt_blob_varint(&blob, 64), 5);
    CHECK_EQUAL(mt_blob_varint(&blob, 64), 300);
    CHECK_EQUAL(mt_blob_varint(&blob, 8), 0);
    CHECK_EQUAL(mt_blob_varint(&blob, 8), 127);
    CHECK_EQUAL(mt_blob_left(&blob), 3);
    CHECK_EQUAL(mt_blob_varint(&blob, 32), 128);
    CHECK_EQUAL(mt_blob_byte(&blob), 0xee);
    CHECK(blob.why == NULL);
    mt_blob_end(&blob);
    CHECK(blob.why == NULL);
    CHECK_EQUAL(mt_blob_byte(&blob), 0);
    CHECK_TEXT(blob.why, cut);
}

static void test_fixed(void)
{
    struct mt_blob blob = open_blob("\x11\x78\x56\x34\xf2\x33", 6);
    CHECK_EQUAL(mt_blob_byte(&blob), 0x11);
    CHECK_EQUAL(mt_blob_u32(&blob), 0xf2345678u);
    CHECK_EQUAL(mt_blob_u32(&blob), 0);
    CHECK_TEXT(blob.why, cut);
    CHECK_EQUAL(blob.at, 5);
}

static void test_skip(void)
{
    static const uint8_t bytes[100];
    struct mt_blob blob = open_blob(bytes, sizeof bytes);
    CHECK(mt_blob_skip(&blob, 1, 4) == memory);
    CHECK(mt_blob_skip(&blob, 3, 32) == memory + 4);
    CHECK_EQUAL(mt_blob_left(&blob), 0);
    CHECK(mt_blob_skip(&blob, 0, 32) == memory + 100);
    CHECK(blob.why == NULL);
    CHECK(mt_blob_skip(&blob, 1, 1) == NULL);
    CHECK_TEXT(blob.why, cut);

    static const struct {
        uint64_t count;
        size_t size;
    } too_much[] = {{101, 1},
                    {4, 32},
                    {1, 101},
                    {UINT64_MAX, 1},
                    {UINT64_MAX, 32},
                    {UINT64_MAX, SIZE_MAX},
                    {1, SIZE_MAX},
                    {(uint64_t)1 << 59, 32},
                    {(uint64_t)1 << 32, (size_t)1 << 32},
                    {UINT64_MAX / 32 + 2, 32}};
    for (size_t i = 0; i < sizeof too_much / sizeof too_much[0]; i++) {
        blob = open_blob(bytes, sizeof bytes);
        CHECK(mt_blob_skip(&blob, too_much[i].count, too_much[i].size) == NULL);
        CHECK_TEXT(blob.why, cut);
        CHECK_EQUAL(blob.at, 0);
    }
}

static void test_count(void)
{
    struct mt_blob blob = open_blob("\x03xyz", 4);
    CHECK_EQUAL(mt_blob_count(&blob), 3);
    CHECK(blob.why == NULL);
    blob = open_blob("\x04xyz", 4);
    CHECK_EQUAL(mt_blob_count(&blob), 0);
    CHECK_TEXT(blob.why, "count that the bytes left cannot hold");
    blob = open_blob("\0", 1);
    CHECK_EQUAL(mt_blob_count(&blob), 0);
    CHECK(blob.why == NULL);
    blob = open_blob("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10);
    CHECK_EQUAL(mt_blob_count(&blob), 0);
    CHECK_TEXT(blob.why, "count that the bytes left cannot hold");
}

/* The first reason stays, and nothing is given any more. */
static void test_refused(void)
{
    struct mt_blob blob = open_blob("\x01\x02\x03\x04\x05\x06", 6);
    CHECK_EQUAL(mt_blob_byte(&blob), 1);
    mt_blob_refuse(&blob, "first");
    mt_blob_refuse(&blob, "second");
    CHECK_EQUAL(mt_blob_left(&blob), 0);
    CHECK_EQUAL(mt_blob_varint(&blob, 64), 0);
    CHECK_EQUAL(mt_blob_count(&blob), 0);
    CHECK_EQUAL(mt_blob_byte(&blob), 0);
    CHECK_EQUAL(mt_blob_u32(&blob), 0);
    CHECK(mt_blob_skip(&blob, 0, 1) == NULL);
    mt_blob_end(&blob);
    CHECK_TEXT(blob.why, "first");
    CHECK_EQUAL(blob.at, 1);
}

static void test_end(void)
{
    struct mt_blob blob = open_blob("ab", 2);
    (void)mt_blob_byte(&blob);
    mt_blob_end(&blob);
    CHECK_TEXT(blob.why, "bytes left over");
    mt_blob_open(&blob, NULL, 0);
    mt_blob_end(&blob);
    CHECK(blob.why == NULL);
    CHECK(mt_blob_skip(&blob, 0, 32) != NULL);
    CHECK_EQUAL(mt_blob_varint(&blob, 64), 0);
    CHECK_TEXT(blob.why, cut);
}

int main(void)
{
    test_varints();
    test_row();
    test_fixed();
    test_skip();
    test_count();
    test_refused();
    test_end();
    free(memory);
    FINISH("test_blob");
}
