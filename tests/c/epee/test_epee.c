/* The epee reader: types, strictness, and monerod's limits at exactly the number and one more. */
#include "epee/epee.h"
#include "support/check.h"
#include "support/payload.h"

#include <stdlib.h>
#include <time.h>

static struct payload work;

/* ---- reading ---- */

/* Reads everything by entering it, element by element; adds up what it saw. */
static int enter_all(struct mt_epee *reader, uint64_t *seen)
{
    struct mt_epee_entry entry, element;
    int result;
    while ((result = mt_epee_next(reader, &entry)) == MT_OK) {
        *seen = *seen * 31 + entry.key_size + entry.type * 7u + entry.count + entry.size;
        if (entry.type == MT_EPEE_OBJECT) {
            for (uint64_t i = 0; i < entry.count; i++) {
                if (mt_epee_enter(reader, &entry) != MT_OK || enter_all(reader, seen) != MT_END)
                    return MT_MALFORMED;
            }
        } else if (entry.is_array) {
            for (uint64_t i = 0; i < entry.count; i++) {
                if (mt_epee_element(reader, &entry, &element) != MT_OK)
                    return MT_MALFORMED;
                if (element.size != 0)
                    *seen += element.value[element.size - 1];
            }
        }
    }
    return result;
}

static int skip_all(struct mt_epee *reader)
{
    struct mt_epee_entry entry;
    int result;
    while ((result = mt_epee_next(reader, &entry)) == MT_OK) {
        if (mt_epee_skip(reader, &entry) != MT_OK)
            return MT_MALFORMED;
    }
    return result;
}

/* Reads the payload both ways out of a buffer that ends where it ends. NULL if it is taken, else
 * why it is not. */
static const char *verdict_of(const uint8_t *bytes, size_t size)
{
    static struct mt_epee entered, skipped;
    uint8_t *exact = malloc(size != 0 ? size : 1);
    uint64_t seen = 0;
    memcpy(exact, bytes, size);
    int result = mt_epee_open(&skipped, exact, size, &mt_epee_monerod);
    result = result == MT_OK ? skip_all(&skipped) : result;
    int other = mt_epee_open(&entered, exact, size, &mt_epee_monerod);
    other = other == MT_OK ? enter_all(&entered, &seen) : other;
    CHECK_EQUAL(other, result);
    CHECK_EQUAL(result == MT_END, skipped.why == NULL);
    CHECK_EQUAL(result == MT_END || result == MT_MALFORMED, 1);
    CHECK(skipped.at >= exact && skipped.at <= exact + size);
    struct mt_epee_entry entry;
    CHECK_EQUAL(mt_epee_next(&skipped, &entry), result); /* for ever */
    if (result == MT_END) {
        CHECK(skipped.at == entered.at);
        CHECK_EQUAL(skipped.objects, entered.objects);
        CHECK_EQUAL(skipped.fields, entered.fields);
        CHECK_EQUAL(skipped.strings, entered.strings);
    }
    free(exact);
    return skipped.why;
}

static const char *verdict(const struct payload *p)
{
    return verdict_of(p->bytes, p->size);
}

#define TAKEN(p) CHECK_TEXT(verdict(p) == NULL ? "taken" : skipped_why(p), "taken")
#define REFUSED(p, why) CHECK_TEXT(verdict(p), why)

static const char *skipped_why(const struct payload *p)
{
    return verdict(p);
}

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

static const size_t widths[] = {0, 8, 4, 2, 1, 8, 4, 2, 1, 8, 0, 1, 0};

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

/* `count` keys of three bytes in an order; key number `copy` is a copy of key 0 if copy is not 0.
 * Sections with objects among them, so that the lists of open sections nest. */
static void put_keys(struct payload *p, unsigned count, unsigned step, unsigned copy)
{
    for (unsigned i = 0; i < count; i++) {
        unsigned number =
            i != 0 && i == copy ? 0 : i * step % 16411; /* 16411 is prime: all distinct */
        byte(p, 3);
        byte(p, number >> 16);
        byte(p, number >> 8);
        byte(p, number);
        byte(p, MT_EPEE_UINT8);
        byte(p, 0);
    }
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

/* ---- limits ---- */

static void test_fields(void)
{
    for (unsigned extra = 0; extra < 2; extra++) { /* in one section, and over several */
        struct payload *p = begin(&work, 16384 + extra);
        put_keys(p, 16384 + extra, 1, 0);
        if (extra == 0)
            TAKEN(p);
        else
            REFUSED(p, "too many fields");
        p = begin(&work, 1);
        key(p, "x", 0x8c);
        varint(p, 3);
        varint(p, 8000);
        put_keys(p, 8000, 1, 0);
        varint(p, 0);
        varint(p, 8383 + extra);
        put_keys(p, 8383 + extra, 1, 0);
        if (extra == 0)
            TAKEN(p);
        else
            REFUSED(p, "too many fields");
    }
}

static void test_objects(void)
{
    for (unsigned extra = 0; extra < 2; extra++) {
        struct payload *p = begin(&work, 1); /* in one array: counted when it is opened */
        key(p, "x", 0x8c);
        varint(p, 8192 + extra);
        zeros(p, 8193);
        if (extra == 0)
            TAKEN(p);
        else
            REFUSED(p, "too many objects");
        p = begin(&work, 8192 + extra); /* one by one */
        for (unsigned i = 0; i < 8192 + extra; i++) {
            put(p, "\2", 1);
            byte(p, i >> 8);
            byte(p, i);
            put(p, "\x0c\0", 2);
        }
        if (extra == 0)
            TAKEN(p);
        else
            REFUSED(p, "too many objects");
        p = begin(&work, 3); /* and both: 1 + 4000 + 4191 */
        key(p, "a", MT_EPEE_OBJECT);
        varint(p, 0);
        key(p, "b", 0x8c);
        varint(p, 4000);
        zeros(p, 4000);
        key(p, "c", 0x8c);
        varint(p, 4191 + extra);
        zeros(p, 4192);
        if (extra == 0)
            TAKEN(p);
        else
            REFUSED(p, "too many objects");
    }
}

static void test_strings(void)
{
    for (unsigned extra = 0; extra < 2; extra++) {
        struct payload *p = begin(&work, 1);
        key(p, "x", 0x8a);
        varint(p, 16384 + extra);
        zeros(p, 2 * 16385);
        if (extra == 0)
            TAKEN(p);
        else
            REFUSED(p, "too many strings");
        p = begin(&work, 101); /* 100 single ones and an array */
        for (unsigned i = 0; i < 100; i++) {
            put(p, "\1", 1);
            byte(p, i);
            put(p, "\x0a\4s", 3);
        }
        key(p, "~", 0x8a);
        varint(p, 16284 + extra);
        zeros(p, 2 * 16285);
        if (extra == 0)
            TAKEN(p);
        else
            REFUSED(p, "too many strings");
        p = begin(&work, 2); /* an array, then a single one too many */
        key(p, "a", 0x8a);
        varint(p, 16383 + extra);
        for (unsigned i = 0; i < 16383 + extra; i++)
            put(p, "\4s", 2);
        key(p, "b", MT_EPEE_STRING);
        text(p, "s");
        if (extra == 0)
            TAKEN(p);
        else
            REFUSED(p, "too many strings");
    }
}

enum nesting { PLAIN, IN_ARRAYS, IN_TYPE_13 };
enum innermost { NOTHING, NUMBER, STRING, NUMBERS, STRINGS, NO_STRINGS, STRINGS_13, NUMBERS_13 };

/* Opens `depth` objects in one another, each with one entry, the last with `last`. */
static void nest(struct payload *p, enum nesting nesting, unsigned depth, unsigned last)
{
    for (unsigned i = 1; i <= depth; i++) {
        key(p, "o", nesting == PLAIN ? MT_EPEE_OBJECT : nesting == IN_ARRAYS ? 0x8cu : 13u);
        if (nesting == IN_TYPE_13)
            byte(p, 0x8c);
        if (nesting != PLAIN)
            varint(p, 1);
        varint(p, i < depth ? 1 : last);
    }
}

static const char *with_innermost(struct payload *p, enum innermost innermost)
{
    switch (innermost) {
    case NOTHING:
        break;
    case NUMBER:
        key(p, "x", MT_EPEE_UINT64);
        put(p, "12345678", 8);
        break;
    case STRING:
        key(p, "x", MT_EPEE_STRING);
        varint(p, 0);
        break;
    case NUMBERS:
        key(p, "x", 0x85);
        varint(p, 0);
        break;
    case STRINGS:
        key(p, "x", 0x8a);
        varint(p, 1);
        text(p, "ab");
        break;
    case NO_STRINGS:
        key(p, "x", 0x8a);
        varint(p, 0);
        break;
    case STRINGS_13:
        key(p, "x", 13);
        byte(p, 0x8a);
        varint(p, 1);
        text(p, "ab");
        break;
    case NUMBERS_13:
        key(p, "x", 13);
        byte(p, 0x85);
        varint(p, 0);
        break;
    }
    return verdict(p);
}

static const char *nested(enum nesting nesting, unsigned depth, enum innermost innermost)
{
    unsigned last = innermost != NOTHING;
    struct payload *p = begin(&work, depth != 0 ? 1 : last);
    nest(p, nesting, depth, last);
    return with_innermost(p, innermost);
}

/* All mixtures of nestings, by the depth of monerod's calls as it was counted in its source. */
static void test_mixed_depth(void)
{
    static const unsigned calls[] = {
        4, 4, 8, 7, 9, 7, 10, 8}; /* beyond those of the section, per enum innermost */
    for (unsigned plain = 0; plain < 33; plain++) {
        for (unsigned in_arrays = 0; in_arrays < 20; in_arrays++) {
            for (unsigned in_type_13 = 0; in_type_13 < 17; in_type_13++) {
                unsigned section = 1 + 3 * plain + 5 * in_arrays + 6 * in_type_13;
                if (section < 85 || section > 100)
                    continue;
                for (unsigned innermost = NOTHING; innermost <= NUMBERS_13; innermost++) {
                    unsigned last = innermost != NOTHING;
                    struct payload *p = begin(&work, 1);
                    nest(p, PLAIN, plain, in_arrays + in_type_13 != 0 ? 1 : last);
                    nest(p, IN_ARRAYS, in_arrays, in_type_13 != 0 ? 1 : last);
                    nest(p, IN_TYPE_13, in_type_13, last);
                    CHECK_EQUAL(with_innermost(p, (enum innermost)innermost) == NULL,
                                section + calls[innermost] < 100);
                }
            }
        }
    }
}

static void deepest(enum nesting nesting, enum innermost innermost, unsigned depth, const char *why)
{
    CHECK(nested(nesting, depth, innermost) == NULL);
    CHECK_TEXT(nested(nesting, depth + 1, innermost), why);
}

static void test_depth(void)
{
    deepest(PLAIN, NOTHING, 31, "objects nested too deep"); /* measured against monerod's reader: */
    deepest(PLAIN, STRING, 30, "string nested too deep");
    deepest(IN_ARRAYS, NOTHING, 18, "objects nested too deep");
    deepest(PLAIN, NUMBER, 31, "objects nested too deep"); /* following from its calls: */
    deepest(PLAIN, NUMBERS, 30, "array nested too deep");
    deepest(PLAIN, NO_STRINGS, 30, "array nested too deep");
    deepest(PLAIN, STRINGS, 29, "string nested too deep");
    deepest(PLAIN, STRINGS_13, 29, "string nested too deep");
    deepest(PLAIN, NUMBERS_13, 30, "array nested too deep");
    deepest(IN_ARRAYS, STRING, 18, "objects nested too deep");
    deepest(IN_TYPE_13, NOTHING, 15, "objects nested too deep");
    CHECK(nested(PLAIN, 5000, NOTHING) != NULL);
    CHECK(nested(IN_ARRAYS, 5000, NOTHING) != NULL);
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

/* Something of everything. */
static struct payload *sample(void)
{
    struct payload *p = begin(&work, 16);
    for (unsigned type = 1; type <= 9; type++) {
        byte(p, 2);
        byte(p, 'a');
        byte(p, '0' + type);
        byte(p, type);
        put(p, "\1\2\3\4\5\6\7\x7f", widths[type]);
    }
    key(p, "blob", MT_EPEE_STRING);
    text(p, "a string of more than sixty-three characters, so that its length takes two bytes");
    key(p, "bool", MT_EPEE_BOOL);
    byte(p, 1);
    key(p, "list", 0x8c);
    varint(p, 3);
    varint(p, 1);
    key(p, "in", MT_EPEE_OBJECT);
    varint(p, 1);
    key(p, "deeper", 0x8c);
    varint(p, 2);
    varint(p, 0);
    varint(p, 1);
    key(p, "e", MT_EPEE_UINT16);
    put(p, "ab", 2);
    varint(p, 0);
    varint(p, 2); /* keys not in order */
    key(p, "z", MT_EPEE_STRING);
    text(p, "last");
    key(p, "y", 0x8b);
    varint(p, 3);
    put(p, "\1\0\1", 3);
    key(p, "numbers", 0x86);
    varint(p, 3);
    put(p, "123412341234", 12);
    key(p, "strings", 0x8a);
    varint(p, 2);
    text(p, "");
    text(p, "abc");
    key(p, "wrapped", 13);
    byte(p, 0x85);
    varint(p, 1);
    put(p, "12345678", 8);
    key(p, "zero", 0x8d);
    varint(p, 0);
    return p;
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

/* Lower limits than monerod's: what is taken with the exact number is refused with one less, and
 * the reader says for which. */
static void test_limits(void)
{
    static struct mt_epee reader;
    struct payload *p = sample();
    TAKEN(p);
    struct mt_epee_limits most = mt_epee_monerod;
    CHECK_EQUAL(mt_epee_open(&reader, p->bytes, p->size, &most), MT_OK);
    CHECK_EQUAL(skip_all(&reader), MT_END);
    CHECK_EQUAL(reader.excess, MT_EPEE_WITHIN);
    uint32_t used[] = {reader.objects, reader.fields, reader.strings, 4};
    for (int limit = 0; limit < 4; limit++) {
        for (uint32_t less = 0; less < 2; less++) {
            uint32_t *limits[] = {&most.objects, &most.fields, &most.strings, &most.depth};
            most = mt_epee_monerod;
            *limits[limit] = used[limit] - less;
            int result = mt_epee_open(&reader, p->bytes, p->size, &most);
            result = result == MT_OK ? skip_all(&reader) : result;
            CHECK_EQUAL(result, less != 0 ? MT_MALFORMED : MT_END);
            CHECK_EQUAL(reader.excess,
                        less != 0 ? MT_EPEE_TOO_MANY_OBJECTS + limit : MT_EPEE_WITHIN);
        }
    }
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
    test_fields();
    test_objects();
    test_strings();
    test_depth();
    test_mixed_depth();
    test_vectors();
    test_values();
    test_limits();
    test_truncation();
    test_mutations();
    FINISH("epee");
}
