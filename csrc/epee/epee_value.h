/* Converts epee entries to numbers, strings and blobs, by monerod's conversion rules
 * (contrib/epee/include/storages/portable_storage_val_converters.h,
 * contrib/epee/include/serialization/keyvalue_serialization_overloads.h). Knows nothing of keys or
 * commands. Used by p2p and the binding.
 *
 * Each function converts the entry that mt_epee_next just returned. MT_OK: *value is set.
 * MT_MALFORMED: monerod rejects the whole payload (wrong type, out of range), and so does the
 * reader from here on. */
#ifndef MT_EPEE_EPEE_VALUE_H
#define MT_EPEE_EPEE_VALUE_H

#include "epee/epee.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* An integer of any integer type whose value fits; bool, double, string, arrays and objects are
 * refused. */
int mt_epee_u8(struct mt_epee *reader, const struct mt_epee_entry *entry, uint8_t *value);
int mt_epee_u16(struct mt_epee *reader, const struct mt_epee_entry *entry, uint16_t *value);
int mt_epee_u32(struct mt_epee *reader, const struct mt_epee_entry *entry, uint32_t *value);
int mt_epee_i64(struct mt_epee *reader, const struct mt_epee_entry *entry, int64_t *value);

/* As above, and a string of decimal digits or a time YYYY-MM-DDThh:mm:ssZ (as seconds since 1970; 0
 * if there is no such time), which monerod accepts from old wallets. */
int mt_epee_u64(struct mt_epee *reader, const struct mt_epee_entry *entry, uint64_t *value);

/* Type 11 only. */
int mt_epee_bool(struct mt_epee *reader, const struct mt_epee_entry *entry, uint8_t *value);

/* A string; its bytes are entry->value, entry->size. */
int mt_epee_string(struct mt_epee *reader, const struct mt_epee_entry *entry);

/* An array of strings, whose elements are not read yet. monerod refuses a non-empty array of
 * another type only; it reads any other value as an empty array. */
int mt_epee_strings(struct mt_epee *reader, const struct mt_epee_entry *entry);

/* A string that holds a value of exactly `size` bytes. *value is NULL if its length is another:
 * monerod then treats the field as missing. */
int mt_epee_blob(struct mt_epee *reader, const struct mt_epee_entry *entry, size_t size,
                 const uint8_t **value);

/* 1 if the entry is a single object. */
static inline int mt_epee_is_object(const struct mt_epee_entry *entry)
{
    return entry->type == MT_EPEE_OBJECT && !entry->is_array;
}

/* 1 if the entry is an array of objects (possibly empty). */
static inline int mt_epee_is_objects(const struct mt_epee_entry *entry)
{
    return entry->type == MT_EPEE_OBJECT && entry->is_array;
}

/* 1 if it is an array of strings (possibly empty). */
static inline int mt_epee_is_strings(const struct mt_epee_entry *entry)
{
    return entry->type == MT_EPEE_STRING && entry->is_array;
}

#endif
