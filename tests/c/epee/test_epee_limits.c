/* Limits of the epee reader: monerod's at exactly the number and one more, and lower ones. */
#include "epee/epee.h"

#include "support/check.h"
#include "support/epee_help.h"
#include "support/payload.h"

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

int main(void)
{
    test_fields();
    test_objects();
    test_strings();
    test_depth();
    test_mixed_depth();
    test_limits();
    FINISH("epee_limits");
}
