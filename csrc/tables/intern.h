/* Interning: each distinct byte string gets a small code, in order of first appearance, so that
 * tables hold codes and pandas makes Categoricals without reading a value. Knows nothing of what
 * the bytes mean. Used by tables, p2p, the core and the binding. */
#ifndef MT_TABLES_INTERN_H
#define MT_TABLES_INTERN_H

#include <stddef.h>
#include <stdint.h>

#define MT_NO_CODE (-1) /* missing */

struct mt_intern_slot {
    uint32_t place; /* code + 1, 0 = free */
    uint32_t mark;  /* upper half of the hash: most other strings differ in it, without a read of
                       their bytes */
};

struct mt_intern {
    uint8_t *bytes; /* all strings, one after the other */
    size_t bytes_count, bytes_capacity;
    size_t *ends; /* string i ends at ends[i] in bytes */
    size_t count, ends_capacity;
    struct mt_intern_slot *slots; /* open addressing, at most half full */
    size_t slots_count;           /* a power of two */
    uint64_t key;
    size_t limit; /* most distinct strings; further ones get MT_NO_CODE and are counted */
    uint64_t refused;
    size_t held, held_bytes; /* strings for which there is room, and their bytes */
};

/* An empty set of at most `limit` distinct strings. Allocates nothing. */
void mt_intern_init(struct mt_intern *intern, size_t limit);

/* Frees all. Only mt_intern_init may follow. */
void mt_intern_free(struct mt_intern *intern);

/* Writes the code of `size` bytes, new or known, or MT_NO_CODE past the limit, to *code. MT_OK or
 * MT_NOMEM. */
int mt_intern_put(struct mt_intern *intern, const void *bytes, size_t size, int32_t *code);

/* The same for a string that was not interned before, without a search; mt_intern_put may or may
 * not find it later. */
int mt_intern_append(struct mt_intern *intern, const void *bytes, size_t size, int32_t *code);

/* Makes room for `count` more strings of at most `size` bytes each, which stays until
 * mt_intern_release is called with the same numbers, or a part of them: then so many calls of
 * mt_intern_put do not run out of memory. MT_OK or MT_NOMEM (nothing changed). */
int mt_intern_hold(struct mt_intern *intern, size_t count, size_t size);
void mt_intern_release(struct mt_intern *intern, size_t count, size_t size);

/* The string of a code; the pointer is valid until the next mt_intern_put. */
const uint8_t *mt_intern_get(const struct mt_intern *intern, int32_t code, size_t *size);

#endif
