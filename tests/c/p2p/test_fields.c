/* Any payload as rows. */
#include "p2p/fields.h"

#include "epee/epee.h"
#include "support/check.h"
#include "support/payload.h"

static struct payload work;
static struct mt_table table;
static struct mt_intern strings;
static int cut;

static int walk_bytes(const uint8_t *bytes, size_t size, uint64_t most)
{
    uint8_t *exact = malloc(size != 0 ? size : 1);
    if (size != 0)
        memcpy(exact, bytes, size);
    table.count = 0;
    const struct mt_field_writer writer = {&table, &strings, &mt_epee_monerod, most};
    int result = mt_fields_append(&writer, 5, exact, size, &cut);
    free(exact);
    return result;
}

static int walk(void)
{
    return walk_bytes(work.bytes, work.size, 1000000);
}

static const struct mt_entry_row *row(size_t i)
{
    return (const struct mt_entry_row *)table.rows + i;
}

static int is_text(int32_t code, const char *text)
{
    size_t size;
    if (code < 0)
        return text == NULL;
    const uint8_t *known = mt_intern_get(&strings, code, &size);
    return text != NULL && size == strlen(text) && memcmp(known, text, size) == 0;
}

static void check_place(size_t i, int parent, unsigned depth, const char *name, unsigned type)
{
    CHECK_EQUAL(row(i)->message, 5);
    CHECK_EQUAL(row(i)->position, i);
    CHECK_EQUAL(row(i)->parent, parent);
    CHECK_EQUAL(row(i)->depth, depth);
    CHECK_EQUAL(row(i)->type, type);
    CHECK(is_text(row(i)->key, name));
}

static void check_int(size_t i, int64_t value)
{
    CHECK_EQUAL(row(i)->present, MT_ENTRY_INT);
    CHECK(row(i)->value_int == value);
    CHECK_EQUAL(row(i)->value_bytes, -1);
}

static void check_uint(size_t i, uint64_t value)
{
    CHECK_EQUAL(row(i)->present, MT_ENTRY_UINT);
    CHECK(row(i)->value_uint == value);
    CHECK_EQUAL(row(i)->value_bytes, -1);
}

static void check_count(size_t i, uint64_t count)
{
    CHECK_EQUAL(row(i)->present, MT_ENTRY_ELEMENTS);
    CHECK_EQUAL(row(i)->elements, count);
    CHECK_EQUAL(row(i)->value_bytes, -1);
}

static void test_scalars(void)
{
    static const uint64_t expected[] = {(uint64_t)-2, 0xfffffffe, 0xfffe, 0xfe};
    begin(&work, 11);
    for (unsigned type = 1; type <= 8; type++) {
        char name[2] = {(char)('a' + type), 0};
        number(&work, name, type, (uint64_t)-2);
    }
    number(&work, "j", MT_EPEE_DOUBLE, 0x3ff8000000000000);
    string(&work, "k", "four", 4);
    number(&work, "l", MT_EPEE_BOOL, 1);
    CHECK_EQUAL(walk(), MT_OK);
    CHECK_EQUAL(table.count, 11);
    for (unsigned type = 1; type <= 8; type++) {
        char name[2] = {(char)('a' + type), 0};
        check_place(type - 1, -1, 0, name, type);
        if (type <= MT_EPEE_INT8)
            check_int(type - 1, -2);
        else
            check_uint(type - 1, expected[type - MT_EPEE_UINT64]);
    }
    check_place(8, -1, 0, "j", MT_EPEE_DOUBLE);
    CHECK_EQUAL(row(8)->present, MT_ENTRY_FLOAT);
    CHECK(row(8)->value_float == 1.5);
    check_place(9, -1, 0, "k", MT_EPEE_STRING);
    CHECK_EQUAL(row(9)->present, 0);
    CHECK(is_text(row(9)->value_bytes, "four"));
    check_uint(10, 1);
}

static void test_nesting(void)
{
    begin(&work, 3);
    object(&work, "a", 2);
    number(&work, "b", 8, 1);
    object(&work, "c", 0);
    array(&work, "d", MT_EPEE_OBJECT, 2);
    varint(&work, 1);
    array(&work, "e", MT_EPEE_STRING, 2);
    text(&work, "x");
    text(&work, "");
    varint(&work, 0);
    array(&work, "f", MT_EPEE_UINT16, 2);
    put(&work, "\1\0\2\1", 4);
    CHECK_EQUAL(walk(), MT_OK);
    CHECK_EQUAL(table.count, 12);
    check_place(0, -1, 0, "a", MT_EPEE_OBJECT);
    check_count(0, 2);
    check_place(1, 0, 1, "b", 8);
    check_place(2, 0, 1, "c", MT_EPEE_OBJECT);
    check_count(2, 0);
    check_place(3, -1, 0, "d", 0x8c);
    check_count(3, 2);
    check_place(4, 3, 1, NULL, MT_EPEE_OBJECT);
    check_count(4, 1);
    check_place(5, 4, 2, "e", 0x8a);
    check_count(5, 2);
    check_place(6, 5, 3, NULL, MT_EPEE_STRING);
    CHECK(is_text(row(6)->value_bytes, "x"));
    check_place(7, 5, 3, NULL, MT_EPEE_STRING);
    CHECK(is_text(row(7)->value_bytes, ""));
    check_place(8, 3, 1, NULL, MT_EPEE_OBJECT);
    check_count(8, 0);
    check_place(9, -1, 0, "f", 0x87);
    check_count(9, 2);
    check_place(10, 9, 1, NULL, 7);
    check_uint(10, 1);
    check_uint(11, 258);
}

static void test_odd_arrays(void)
{
    begin(&work, 2);
    key(&work, "a", MT_EPEE_ARRAY); /* type 13, then the array */
    put(&work, "\x88\x08\5\6", 4);
    key(&work, "b", 0x8d); /* an array of arrays may only be empty */
    varint(&work, 0);
    CHECK_EQUAL(walk(), MT_OK);
    CHECK_EQUAL(table.count, 4);
    check_place(0, -1, 0, "a", 0x88);
    check_uint(2, 6);
    check_place(3, -1, 0, "b", 0x8d);
    check_count(3, 0);
}

/* As deep as monerod's reader goes, in objects and in arrays of objects. */
static void test_depth(void)
{
    for (int in_arrays = 0; in_arrays < 2; in_arrays++) {
        begin(&work, 1);
        for (int depth = 0; depth < 40; depth++) {
            if (in_arrays) {
                array(&work, "x", MT_EPEE_OBJECT, 1);
                varint(&work, 1);
            } else {
                object(&work, "x", 1);
            }
        }
        CHECK_EQUAL(walk(), MT_OK);
        unsigned deepest =
            in_arrays
                ? 18
                : 31; /* levels of objects; the row of the next is there, its inside is refused */
        CHECK_EQUAL(table.count, in_arrays ? 2 * deepest + 2 : deepest + 1);
        CHECK_EQUAL(row(table.count - 1)->depth, in_arrays ? 2 * deepest + 1 : deepest);
    }
}

static void test_prefixes(void)
{
    begin(&work, 2);
    array(&work, "list", MT_EPEE_OBJECT, 2);
    for (int i = 0; i < 2; i++) {
        varint(&work, 2);
        number(&work, "a", 5, 1);
        string(&work, "b", "text", 4);
    }
    array(&work, "n", MT_EPEE_STRING, 3);
    for (int i = 0; i < 3; i++)
        text(&work, "s");
    CHECK_EQUAL(walk(), MT_OK);
    size_t all = table.count, last = 0;
    CHECK_EQUAL(all, 11);
    for (size_t size = 0; size <= work.size;
         size++) { /* a cut payload gives the rows up to the cut */
        CHECK_EQUAL(walk_bytes(work.bytes, size, 1000), MT_OK);
        CHECK(table.count >= last && table.count <= all);
        CHECK_EQUAL(cut, 0);
        last = table.count;
    }
    CHECK_EQUAL(last, all);
    for (uint64_t most = 0; most <= all + 1; most++) {
        CHECK_EQUAL(walk_bytes(work.bytes, work.size, most), MT_OK);
        CHECK_EQUAL(table.count, most < all ? most : all);
        CHECK_EQUAL(cut, most < all);
    }
    work.bytes[3] ^= 1;
    CHECK_EQUAL(walk(), MT_OK);
    CHECK_EQUAL(table.count, 0);
}

static void test_duplicates(void)
{
    begin(&work, 2);
    number(&work, "a", 8, 1);
    number(&work, "a", 8, 2);
    CHECK_EQUAL(walk(), MT_OK); /* monerod refuses it; the rows are there */
    CHECK_EQUAL(table.count, 2);
    check_uint(1, 2);
}

static void test_mutations(void)
{
    static uint8_t bytes[1024];
    unsigned seed = 11;
    begin(&work, 3);
    object(&work, "a", 1);
    array(&work, "b", MT_EPEE_OBJECT, 2);
    varint(&work, 1);
    number(&work, "c", 6, 1);
    varint(&work, 0);
    array(&work, "d", MT_EPEE_UINT32, 3);
    zeros(&work, 12);
    string(&work, "e", "0123456789", 10);
    for (int round = 0; round < 40000; round++) {
        memcpy(bytes, work.bytes, work.size);
        for (int change = 0; change < 2; change++) {
            seed = seed * 1103515245 + 12345;
            bytes[9 + (seed >> 8) % (work.size - 9)] ^= (uint8_t)(1u << (seed >> 29));
        }
        CHECK(walk_bytes(bytes, work.size, 100000) == MT_OK);
        for (size_t i = 0; i < table.count; i++)
            CHECK(row(i)->parent < (int32_t)i && (row(i)->depth == 0) == (row(i)->parent < 0));
    }
}

int main(void)
{
    mt_table_init(&table, MT_TABLE_fields, 1);
    mt_intern_init(&strings, 1000000);
    test_scalars();
    test_nesting();
    test_odd_arrays();
    test_depth();
    test_prefixes();
    test_duplicates();
    test_mutations();
    mt_table_free(&table);
    mt_intern_free(&strings);
    FINISH("fields");
}
