/* The epee reader: types and strictness. test_epee_limits.c has the limits. */
#include "epee/epee.h"

#include "support/check.h"
#include "support/epee_help.h"
#include "support/payload.h"

#include <time.h>

/* ---- tests ---- */

static void test_header(void)
{
    static const uint8_t header[] = {0x01, 0x11, 0x01, 0x01, 0x01, 0x01, 0x02, 0x01, 0x01};
    CHECK(memcmp(header, mt_epee_header, sizeof header) == 0);
    CHECK_TEXT(verdict_of(header, 0), "empty payload");
    for (size_t size = 1; size < sizeof header; size++)
        CHECK_TEXT(verdict_of(header, size), "payload shorter than the epee header");
    CHECK_TEXT(verdict_of(header, 9), "payload ends before a length");
    TAKEN(begin(&work, 0)); /* ten bytes: the smallest payload */
    CHECK_EQUAL(work.size, 10);
    for (size_t i = 0; i < sizeof header; i++) {
        begin(&work, 0)->bytes[i] ^= 0x40;
        REFUSED(&work, "no epee header");
    }
    struct payload *p = begin(&work, 0);
    put(p, "anything", 8); /* after the root */
    TAKEN(p);
}

static void test_varints(void)
{
    static const uint64_t values[] = {0, 1, 63, 64, 16383, 16384};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        for (unsigned mark = 0; mark < 4; mark++) {
            if (values[i] >> ((8u << mark) - 2) != 0)
                continue;
            struct payload *p = begin(&work, 0);
            p->size--;
            varint_as(p, 1, mark); /* non-minimal counts, too */
            key(p, "s", MT_EPEE_STRING);
            varint_as(p, values[i], mark);
            memset(p->bytes + p->size, 'x', values[i]);
            p->size += values[i];
            TAKEN(p);
            struct mt_epee reader;
            struct mt_epee_entry entry;
            CHECK_EQUAL(mt_epee_open(&reader, p->bytes, p->size, &mt_epee_monerod), MT_OK);
            CHECK_EQUAL(mt_epee_next(&reader, &entry), MT_OK);
            CHECK_EQUAL(entry.size, values[i]);
            p->size--;
            REFUSED(p, values[i] != 0 ? "payload ends within a string"
                       : mark == 0    ? "payload ends before a length"
                                      : "payload ends within a length");
        }
    }
    struct payload *p = begin(&work, 1);
    key(p, "s", MT_EPEE_STRING);
    varint(p, 2000000000);
    REFUSED(p, "string too long");
    p = begin(&work, 1);
    key(p, "s", MT_EPEE_STRING);
    varint(p, 1999999999);
    REFUSED(p, "payload ends within a string");
    p = begin(&work, 1);
    key(p, "s", MT_EPEE_STRING);
    varint(p, UINT64_MAX >> 2);
    REFUSED(p, "string too long");
    p = begin(&work, UINT64_MAX >> 2);
    REFUSED(p, "too many fields");
}

/* One element of a type, of the least size. */
static void least(struct payload *p, unsigned type)
{
    static const uint8_t zero[8];
    put(p, zero, widths[type] != 0 ? widths[type] : 1);
}

static void test_types(void)
{
    for (unsigned type = 0; type < 256; type++) {
        struct payload *p = begin(&work, 1);
        key(p, "x", type);
        if (type >= 1 && type <= 12) {
            least(p, type);
            TAKEN(p);
            p->size--;
            CHECK(verdict(p) != NULL);
        } else if (type >= 0x81 && type <= 0x8c) {
            varint(p, 0);
            TAKEN(p);
            p->size--;
            varint(p, 3);
            for (int i = 0; i < 4; i++)
                least(p, type & 0x7f);
            if (type == 0x8a) /* monerod asks for 2 bytes a string before it looks: 3 empty strings
                                 need 6 */
                REFUSED(p, "array longer than the payload");
            put(p, "\0\0", 2); /* now 4 * least + 2, and 3 elements are read */
            TAKEN(p);
        } else if (type == 0x8d) {
            varint(p, 0);
            TAKEN(p);
            p->size--;
            varint(p, 1);
            put(p, "\x85\0\0\0", 4);
            REFUSED(p, "array of arrays");
        } else if (type == 13) {
            for (unsigned inner = 0; inner < 256; inner++) {
                p = begin(&work, 1);
                key(p, "x", 13);
                byte(p, inner);
                varint(p, 0);
                put(p, "\0\0\0\0\0\0\0\0", 8);
                if (inner < 0x80)
                    REFUSED(p, "type 13 without an array");
                else if (inner == 0x80 || inner > 0x8d)
                    REFUSED(p, "unknown type");
                else
                    TAKEN(p);
            }
        } else {
            varint(p, 0);
            put(p, "\0\0\0\0\0\0\0\0", 8);
            REFUSED(p, "unknown type");
        }
    }
    struct payload *p = begin(&work, 1);
    key(p, "x", 0x8a);
    varint(p, 3);
    put(p, "\0\0\0\0\0", 5);
    REFUSED(p, "array longer than the payload");
    byte(p, 0);
    TAKEN(p);
}

static void test_bools(void)
{
    for (unsigned value = 0; value < 4; value++) {
        struct payload *p = begin(&work, 1);
        key(p, "x", MT_EPEE_BOOL);
        byte(p, value);
        if (value < 2)
            TAKEN(p);
        else
            REFUSED(p, "bool that is neither 0 nor 1");
    }
    for (unsigned value = 0; value < 256; value++) {
        struct payload *p = begin(&work, 1);
        array(p, "x", MT_EPEE_BOOL, 3);
        byte(p, 0);
        byte(p, value);
        byte(p, 0);
        if (value < 2)
            TAKEN(p);
        else
            REFUSED(p, "bool that is neither 0 nor 1");
    }
    for (int bad = -1; bad < 20; bad++) {
        struct payload *p = begin(&work, 1);
        key(p, "x", 0x8b);
        varint(p, 20);
        for (int i = 0; i < 20; i++)
            byte(p, i == bad ? 0x80u : (unsigned)i & 1);
        if (bad < 0)
            TAKEN(p);
        else
            REFUSED(p, "bool that is neither 0 nor 1");
    }
}

/* Array counts are held against the bytes that remain, by the width of each type. */
static void test_array_counts(void)
{
    for (unsigned type = 1; type <= 12; type++) {
        size_t width = widths[type] != 0 ? widths[type] : type == MT_EPEE_STRING ? 2 : 1;
        struct payload *p = begin(&work, 1);
        key(p, "x", 0x80 | type);
        varint(p, 5);
        zeros(p, 5 * width);
        TAKEN(p);
        p->size--;
        REFUSED(p, "array longer than the payload");
        p = begin(&work, 1);
        key(p, "x", 0x80 | type);
        varint(p, UINT64_MAX >> 2);
        put(p, "\0\0\0\0", 4);
        REFUSED(p, "array longer than the payload");
    }
}

static void test_keys(void)
{
    struct payload *p = begin(&work, 1);
    put(p, "\0\x0b\0", 3);
    REFUSED(p, "empty key");
    p = begin(&work, 1);
    byte(p, 255);
    memset(p->bytes + p->size, 0, 255); /* any bytes are a key */
    p->size += 255;
    put(p, "\x0b\0", 2);
    TAKEN(p);
    static const char *const same[][2] = {{"a", "a"},  {"b", "a"},  {"a", "b"},
                                          {"a", "aa"}, {"aa", "a"}, {"", ""}};
    for (size_t i = 0; same[i][0][0] != 0; i++) {
        p = begin(&work, 2);
        key(p, same[i][0], MT_EPEE_BOOL);
        byte(p, 0);
        key(p, same[i][1], MT_EPEE_BOOL);
        byte(p, 0);
        if (i == 0)
            REFUSED(p, "duplicate key");
        else
            TAKEN(p);
    }
    p = begin(&work, 2); /* the same key in two sections is none */
    key(p, "a", MT_EPEE_OBJECT);
    varint(p, 1);
    key(p, "a", MT_EPEE_BOOL);
    byte(p, 1);
    key(p, "b", MT_EPEE_BOOL);
    byte(p, 0);
    TAKEN(p);
}

static void test_duplicates(void)
{
    static const unsigned steps[] = {1, 2, 7, 16410, 5000};
    static const unsigned counts[] = {2, 3, 16, 17, 100, 16384};
    for (size_t s = 0; s < sizeof steps / sizeof steps[0]; s++) {
        for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++) {
            unsigned count = counts[c];
            struct payload *p = begin(&work, count);
            put_keys(p, count, steps[s], 0);
            TAKEN(p);
            p = begin(&work, count);
            put_keys(p, count, steps[s], count - 1);
            REFUSED(p, "duplicate key");
            p = begin(&work, count);
            put_keys(p, count, steps[s], count / 2);
            REFUSED(p, "duplicate key");
        }
    }
    for (unsigned bad = 0; bad < 3; bad++) { /* outside, inside, neither */
        struct payload *p = begin(&work, 42);
        put_keys(p, 40, 16410, bad == 0 ? 30 : 0);
        key(p, "z", MT_EPEE_OBJECT);
        varint(p, 50);
        put_keys(p, 50, 16410, bad == 1 ? 30 : 0);
        key(p, "y", MT_EPEE_UINT8);
        byte(p, 0);
        if (bad == 2)
            TAKEN(p);
        else
            REFUSED(p, "duplicate key");
    }
}

/* ---- whole payloads ---- */

/* tests/unit_tests/epee_serialization.cpp of monero */
static void test_vectors(void)
{
    static const uint8_t two_keys[] = {1, 0x11, 1,   1,    1, 1, 2,   1,    1,
                                       8, 1,    'a', 0x0b, 0, 1, 'b', 0x0b, 0};
    static const uint8_t duplicate[] = {1, 0x11, 1,   1,    1, 1, 2,   1,    1,
                                        8, 1,    'a', 0x0b, 0, 1, 'a', 0x0b, 0};
    CHECK(verdict_of(two_keys, sizeof two_keys) == NULL);
    CHECK_TEXT(verdict_of(duplicate, sizeof duplicate), "duplicate key");
    static const uint8_t types[] = {0x8b, 0x89, 0x8a, 0x81, 0x8c};
    for (size_t i = 0; i < sizeof types; i++) {
        struct payload *p = begin(&work, 1);
        key(p, "x", types[i]);
        varint(p, 0);
        TAKEN(p);
    }
}

static void test_values(void)
{
    struct payload *p = sample();
    struct mt_epee reader;
    struct mt_epee_entry entry, element;
    TAKEN(p);
    CHECK_EQUAL(mt_epee_open(&reader, p->bytes, p->size, &mt_epee_monerod), MT_OK);
    for (unsigned type = 1; type <= 9; type++) {
        CHECK_EQUAL(mt_epee_next(&reader, &entry), MT_OK);
        CHECK_EQUAL(entry.type, type);
        CHECK_EQUAL(entry.size, widths[type]);
        CHECK_EQUAL(entry.key_size, 2);
        CHECK_EQUAL(entry.key[1], '0' + type);
        CHECK_EQUAL(*entry.start, type);
        CHECK(memcmp(entry.value, "\1\2\3\4\5\6\7\x7f", widths[type]) == 0);
        CHECK_EQUAL(entry.is_array, 0);
        CHECK_EQUAL(entry.count, 1);
    }
    CHECK_EQUAL(mt_epee_next(&reader, &entry), MT_OK);
    CHECK_EQUAL(entry.size, 80);
    CHECK(memcmp(entry.value, "a string of", 11) == 0);
    CHECK_EQUAL(mt_epee_next(&reader, &entry), MT_OK);
    CHECK_EQUAL(mt_epee_next(&reader, &entry), MT_OK);
    CHECK_EQUAL(entry.count, 3);
    CHECK_EQUAL(entry.is_array, 1);
    CHECK_EQUAL(mt_epee_enter(&reader, &entry), MT_OK);
    struct mt_epee_entry inner;
    CHECK_EQUAL(mt_epee_next(&reader, &inner), MT_OK);
    CHECK_EQUAL(mt_epee_skip(&reader, &inner), MT_OK);
    CHECK_EQUAL(mt_epee_next(&reader, &inner), MT_END);
    CHECK_EQUAL(mt_epee_enter(&reader, &entry), MT_OK);
    CHECK_EQUAL(mt_epee_next(&reader, &inner), MT_END);
    CHECK_EQUAL(mt_epee_enter(&reader, &entry), MT_OK);
    CHECK_EQUAL(mt_epee_next(&reader, &inner), MT_OK);
    CHECK_EQUAL(inner.key[0], 'z');
    CHECK_EQUAL(mt_epee_next(&reader, &inner), MT_OK);
    CHECK_EQUAL(mt_epee_skip(&reader, &inner), MT_OK);
    CHECK_EQUAL(mt_epee_next(&reader, &inner), MT_END);
    CHECK_EQUAL(mt_epee_next(&reader, &entry), MT_OK);
    CHECK_EQUAL(entry.key_size, 7);
    CHECK_EQUAL(mt_epee_skip(&reader, &entry), MT_OK);
    CHECK_EQUAL(mt_epee_next(&reader, &entry), MT_OK);
    CHECK_EQUAL(mt_epee_element(&reader, &entry, &element), MT_OK);
    CHECK_EQUAL(element.size, 0);
    CHECK_EQUAL(mt_epee_element(&reader, &entry, &element), MT_OK);
    CHECK(element.size == 3 && memcmp(element.value, "abc", 3) == 0);
    CHECK_EQUAL(mt_epee_next(&reader, &entry), MT_OK);
    CHECK_EQUAL(entry.type, MT_EPEE_UINT64);
    CHECK_EQUAL(*entry.start, 13);
    CHECK_EQUAL(mt_epee_skip(&reader, &entry), MT_OK);
    CHECK_EQUAL(mt_epee_next(&reader, &entry), MT_OK);
    CHECK_EQUAL(entry.type, MT_EPEE_ARRAY);
    CHECK_EQUAL(mt_epee_refuse(&reader, "enough"), MT_MALFORMED);
    CHECK_EQUAL(mt_epee_next(&reader, &entry), MT_MALFORMED);
    CHECK_EQUAL(mt_epee_skip(&reader, &entry), MT_MALFORMED);
    CHECK_EQUAL(mt_epee_enter(&reader, &entry), MT_MALFORMED);
    CHECK_EQUAL(mt_epee_element(&reader, &entry, &element), MT_MALFORMED);
    CHECK_EQUAL(mt_epee_refuse(&reader, "later"), MT_MALFORMED);
    CHECK_TEXT(reader.why, "enough"); /* the first reason stays */
}

static void test_truncation(void)
{
    struct payload *p = sample();
    for (size_t size = 0; size < p->size; size++)
        CHECK(verdict_of(p->bytes, size) != NULL);
}

/* Whatever comes, reading by skipping and by entering agree (verdict_of checks), and nothing is
 * read beyond the end (the sanitizers check). */
static void test_mutations(void)
{
    static uint8_t bytes[4096];
    struct payload *p = sample();
    unsigned seed = 1;
    clock_t end = clock() + 2 * CLOCKS_PER_SEC;
    for (int rounds = 0; clock() < end && rounds < 200000; rounds++) {
        memcpy(bytes, p->bytes, p->size);
        seed = seed * 1103515245 + 12345;
        for (unsigned changes = 1 + (seed >> 16) % 4; changes > 0; changes--) {
            seed = seed * 1103515245 + 12345;
            size_t place = 9 + (seed >> 8) % (p->size - 9);
            seed = seed * 1103515245 + 12345;
            bytes[place] =
                (uint8_t)((seed >> 28) < 8 ? seed >> 16 : bytes[place] ^ 1u << ((seed >> 16) & 7));
        }
        verdict_of(bytes, p->size);
    }
}

int main(void)
{
    test_header();
    test_varints();
    test_types();
    test_bools();
    test_array_counts();
    test_keys();
    test_duplicates();
    test_vectors();
    test_values();
    test_truncation();
    test_mutations();
    FINISH("epee");
}
