/* epee portable storage: a reader that works in place, with the limits and the strictness of
 * monerod's (contrib/epee/include/storages/portable_storage_from_bin.h). Knows nothing of Monero's
 * commands. Used by p2p and the binding.
 *
 * The reader pulls: the caller asks for the next entry of the innermost open section; scalars come
 * with it, objects and arrays are entered, or skipped. Nothing is allocated, nothing recurses. Once
 * something is refused, every further call returns MT_MALFORMED, `why` is the reason and `at` about
 * the position.
 *
 *     struct mt_epee reader;
 *     mt_epee_open(&reader, payload, size, &mt_epee_monerod);
 *     while (mt_epee_next(&reader, &entry) == MT_OK)
 *         (use a scalar, or mt_epee_skip, or mt_epee_enter an object and read on to its MT_END)
 *     if (reader.why != NULL)
 *         (refused)
 *
 * Depth. monerod bounds the depth of its C++ calls (fewer than 100), not of the data. A section
 * read at call depth L needs L + 4 for its count; its objects are read at L + 3, objects in its
 * arrays at L + 5 (one more under a type byte 13); a string needs L + 8, the count of an array L +
 * 7, a string in an array L + 9 (13: one more each). With the root at 1 and a last depth of 99 this
 * gives what was measured: objects to depth 31 (1 + 3 * 31 + 4 = 98), a string in them to 30 (1 + 3
 * * 30 + 8 = 99), objects in arrays to depth 18 (1 + 5 * 18 + 4 = 95; the next needs 100).
 *
 * Duplicate keys. Keys that come in ascending order (monerod's) need one comparison each. The keys
 * of any other section are sorted, in place in `keys`, when it ends. */
#ifndef MT_EPEE_EPEE_H
#define MT_EPEE_EPEE_H

#include "base/epee_signature.h"
#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

enum mt_epee_type {
    MT_EPEE_INT64 = 1,
    MT_EPEE_INT32 = 2,
    MT_EPEE_INT16 = 3,
    MT_EPEE_INT8 = 4,
    MT_EPEE_UINT64 = 5,
    MT_EPEE_UINT32 = 6,
    MT_EPEE_UINT16 = 7,
    MT_EPEE_UINT8 = 8,
    MT_EPEE_DOUBLE = 9,
    MT_EPEE_STRING = 10,
    MT_EPEE_BOOL = 11,
    MT_EPEE_OBJECT = 12,
    MT_EPEE_ARRAY = 13,
    MT_EPEE_ARRAY_FLAG = 0x80
};

/* monerod's limits for one Levin message. The root is not an object; the elements of an array count
 * when it is opened. */
enum { MT_EPEE_OBJECTS = 8192, MT_EPEE_FIELDS = 16384, MT_EPEE_STRINGS = 16384 };

/* Sections that can be open at once, the root included: plain objects to depth 31. */
enum { MT_EPEE_DEPTH = 32 };

/* Limits of a reader, monerod's or lower. A payload with exactly that many is accepted. */
struct mt_epee_limits {
    uint32_t objects, fields, strings, depth;
};

/* monerod's limits. */
extern const struct mt_epee_limits mt_epee_monerod;

/* Which of them was exceeded, if one was. */
enum mt_epee_excess {
    MT_EPEE_WITHIN,
    MT_EPEE_TOO_MANY_OBJECTS,
    MT_EPEE_TOO_MANY_FIELDS,
    MT_EPEE_TOO_MANY_STRINGS,
    MT_EPEE_TOO_DEEP
};

struct mt_epee_section {
    const uint8_t *last_key; /* where the length byte of the last key is; NULL before the first */
    uint32_t left;           /* entries still to come */
    uint32_t keys;           /* its first place in `keys` */
    uint8_t frames;          /* depth of C++ calls at which monerod reads it */
    uint8_t unordered;       /* a key was not greater than the one before */
};

struct mt_epee {
    const uint8_t *at, *end, *begin;
    const char *why; /* static text, NULL while all is well */
    struct mt_epee_limits most;
    enum mt_epee_excess excess;        /* why it is refused, if for a limit */
    uint32_t objects, fields, strings; /* used so far, against the limits */
    uint32_t wide_varints;   /* counts and lengths so far that took more bytes than they need */
    uint32_t duplicate_keys; /* of the section that was refused for them */
    uint32_t depth;          /* open sections */
    uint32_t keys_count;
    uint8_t unordered; /* in some section a key was not greater than the one before */
    struct mt_epee_section open[MT_EPEE_DEPTH];
    uint32_t keys[MT_EPEE_FIELDS]; /* offsets of the keys of all open sections; never more than the
                                      fields */
};

struct mt_epee_entry {
    const uint8_t *key;   /* not terminated */
    const uint8_t *start; /* first byte after the key: the type byte */
    const uint8_t *value; /* bytes of a scalar; first element of an array; section of an object */
    uint64_t size;    /* bytes at `value` of a scalar (of a string without its length); 0 for arrays
                         and objects */
    uint64_t count;   /* elements of an array; 1 otherwise */
    uint8_t key_size; /* 1 to 255 */
    uint8_t type; /* of the value, or of the elements of the array: 1 to 12; 13 only for an (empty)
                     array of arrays */
    uint8_t is_array;
    uint8_t frames; /* depth of C++ calls of the sections in it */
};

/* Starts reading a payload, which must stay where it is, within limits not above monerod's. MT_OK
 * with the root section open, or MT_MALFORMED. */
int mt_epee_open(struct mt_epee *reader, const uint8_t *payload, size_t size,
                 const struct mt_epee_limits *limits);

/* Reads the next entry of the innermost open section. MT_OK: *entry is filled; a scalar is already
 * read, an object or array must be entered, read or skipped next. MT_END: the section has ended,
 * the enclosing one is the innermost again (after the root: MT_END on every call). MT_MALFORMED. */
int mt_epee_next(struct mt_epee *reader, struct mt_epee_entry *entry);

/* Skips and checks what mt_epee_next left unread of its entry, at any depth; does nothing for
 * scalars. MT_OK or MT_MALFORMED. */
int mt_epee_skip(struct mt_epee *reader, const struct mt_epee_entry *entry);

/* Opens the object that `entry` is, or (called `count` times, each after the MT_END of the one
 * before) the next object of the array that it is. MT_OK or MT_MALFORMED. */
int mt_epee_enter(struct mt_epee *reader, const struct mt_epee_entry *entry);

/* The next element of an array of scalars, to be called `count` times: fills type, value and size
 * of *element. MT_OK or MT_MALFORMED. */
int mt_epee_element(struct mt_epee *reader, const struct mt_epee_entry *array,
                    struct mt_epee_entry *element);

/* The type byte of an entry as it stands on the wire: type, array flag, or 13. */
static inline uint8_t mt_epee_wire_type(const struct mt_epee_entry *entry)
{
    return *entry->start;
}

/* Refuses the payload for the caller's reason (static text). Returns MT_MALFORMED. */
int mt_epee_refuse(struct mt_epee *reader, const char *why);

#endif
