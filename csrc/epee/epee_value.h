/* From epee entries to fields, by monerod's rules
 * (contrib/epee/include/storages/portable_storage_val_converters.h,
 * contrib/epee/include/serialization/keyvalue_serialization_overloads.h).
 *
 * Each function takes the entry that mt_epee_next just gave and MT_OK means that *value is set.
 * MT_MALFORMED: monerod refuses the whole payload for it (wrong type, out of range), and so does
 * the reader from here on. */
#ifndef MT_EPEE_EPEE_VALUE_H
#define MT_EPEE_EPEE_VALUE_H

#include "epee/epee.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Integer fields take any integer type whose value fits; bool, double, string, arrays and objects
 * are refused. */
int mt_epee_u8(struct mt_epee *reader, const struct mt_epee_entry *entry, uint8_t *value);
int mt_epee_u16(struct mt_epee *reader, const struct mt_epee_entry *entry, uint16_t *value);
int mt_epee_u32(struct mt_epee *reader, const struct mt_epee_entry *entry, uint32_t *value);
int mt_epee_i64(struct mt_epee *reader, const struct mt_epee_entry *entry, int64_t *value);

/* As above, and a string of decimal digits or a time YYYY-MM-DDThh:mm:ssZ (as seconds since 1970; 0
 * if there is no such time), which monerod takes for the sake of old wallets. */
int mt_epee_u64(struct mt_epee *reader, const struct mt_epee_entry *entry, uint64_t *value);

/* Type 11 only. */
int mt_epee_bool(struct mt_epee *reader, const struct mt_epee_entry *entry, uint8_t *value);

/* A string; its bytes are entry->value, entry->size. */
int mt_epee_string(struct mt_epee *reader, const struct mt_epee_entry *entry);

/* An array of strings, whose elements are not read yet. Anything but a non-empty array of another
 * type will do for monerod, and is an empty one. */
int mt_epee_strings(struct mt_epee *reader, const struct mt_epee_entry *entry);

/* A string that holds a value of exactly `size` bytes. *value is NULL if its length is another:
 * monerod then takes the field as missing. */
int mt_epee_blob(struct mt_epee *reader, const struct mt_epee_entry *entry, size_t size,
                 const uint8_t **value);

/* 1 if the entry is a single object, or an array of objects. */
static inline int mt_epee_is_object(const struct mt_epee_entry *entry)
{
    return entry->type == MT_EPEE_OBJECT && !entry->is_array;
}

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
