/* Payloads read in every way, and a sample with every type. Used by the tests of epee. */
#ifndef MT_TEST_EPEE_HELP_H
#define MT_TEST_EPEE_HELP_H

#include "epee/epee.h"
#include "support/check.h"
#include "support/payload.h"

#include <stdlib.h>

static struct payload work;

/* ---- reading ---- */

/* Reads everything by entering it, element by element; adds up what it saw. */
static inline int enter_all(struct mt_epee *reader, uint64_t *seen)
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

static inline int skip_all(struct mt_epee *reader)
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
static inline const char *verdict_of(const uint8_t *bytes, size_t size)
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

static inline const char *verdict(const struct payload *p)
{
    return verdict_of(p->bytes, p->size);
}

#define TAKEN(p) CHECK_TEXT(verdict(p) == NULL ? "taken" : skipped_why(p), "taken")
#define REFUSED(p, why) CHECK_TEXT(verdict(p), why)

static inline const char *skipped_why(const struct payload *p)
{
    return verdict(p);
}

static const size_t widths[] = {0, 8, 4, 2, 1, 8, 4, 2, 1, 8, 0, 1, 0};

/* Something of everything. */
static inline struct payload *sample(void)
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

/* `count` keys of three bytes in an order; key number `copy` is a copy of key 0 if copy is not 0.
 * Sections with objects among them, so that the lists of open sections nest. */
static inline void put_keys(struct payload *p, unsigned count, unsigned step, unsigned copy)
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

#endif
