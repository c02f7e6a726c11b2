#include "p2p/struct_reader.h"

#include "base/bytes.h"
#include "epee/epee_value.h"
#include "p2p/skeleton.h"

#include <string.h>

/* ---- what is noted of an entry ---- */

static int is_number(const struct mt_epee_entry *entry)
{
    return !entry->is_array && entry->type != MT_EPEE_STRING && entry->type != MT_EPEE_OBJECT;
}

/* 1 if monerod would have left the field out. */
static int is_default(const struct mt_schema_field *field, const struct mt_epee_entry *entry)
{
    switch ((enum mt_presence)field->presence) {
    case MT_UNLESS_ZERO:
        return is_number(entry) && mt_all_zero(entry->value, (size_t)entry->size);
    case MT_UNLESS_TRUE:
        return !entry->is_array && entry->type == MT_EPEE_BOOL && *entry->value == 1;
    case MT_UNLESS_EMPTY:
        return entry->is_array ? entry->count == 0
                               : entry->type == MT_EPEE_STRING && entry->size == 0;
    default:
        return 0;
    }
}

/* Fields that may be missing leave no trace in the skeleton, so that it does not depend on whether
 * they are there. */
static void note(struct mt_fingerprint *fingerprint, const struct mt_schema_field *field,
                 const struct mt_epee_entry *entry)
{
    uint8_t type = mt_epee_wire_type(entry);
    int as_written = field != NULL && (type == field->type || type == field->other_type);
    if (field == NULL)
        fingerprint->unknown_keys++;
    else if (!as_written)
        fingerprint->other_types++;
    if (field != NULL && is_default(field, entry))
        fingerprint->default_fields++;
    if (!as_written || field->presence == MT_ALWAYS)
        fingerprint->skeleton =
            mt_skeleton_entry(fingerprint->skeleton, entry->key, entry->key_size, type);
}

/* ---- sections ---- */

/* The innermost open section to its end. */
static int read_section(struct mt_payload_reader *reader, const struct mt_message_schema *schema,
                        mt_read_field *read_field, void *context)
{
    struct mt_epee_entry entry;
    uint32_t next = 0;
    int result;
    while ((result = mt_epee_next(&reader->epee, &entry)) == MT_OK) {
        const struct mt_schema_field *field = mt_schema_find(schema, &entry, &next);
        note(&reader->fingerprint, field, &entry);
        result = field != NULL ? read_field(context, field, &entry)
                               : mt_epee_skip(&reader->epee, &entry);
        if (result != MT_OK)
            return result;
    }
    return result == MT_END ? MT_OK : result;
}

/* A section within another: *skeleton is its own. */
static int read_inner(struct mt_payload_reader *reader, const struct mt_epee_entry *entry,
                      const struct mt_message_schema *schema, mt_read_field *read_field,
                      void *context, uint64_t *skeleton)
{
    uint64_t outside = reader->fingerprint.skeleton;
    *skeleton = 0;
    if (mt_epee_enter(&reader->epee, entry) != MT_OK)
        return MT_MALFORMED;
    reader->fingerprint.skeleton = 0;
    int result = read_section(reader, schema, read_field, context);
    *skeleton = reader->fingerprint.skeleton;
    reader->fingerprint.skeleton = outside;
    return result;
}

int mt_read_object(struct mt_payload_reader *reader, const struct mt_epee_entry *object,
                   const struct mt_message_schema *schema, mt_read_field *read_field, void *context)
{
    uint64_t inside;
    int result = read_inner(reader, object, schema, read_field, context, &inside);
    reader->fingerprint.skeleton = mt_skeleton_object(reader->fingerprint.skeleton, inside);
    return result;
}

int mt_read_element(struct mt_payload_reader *reader, const struct mt_epee_entry *list,
                    const struct mt_message_schema *schema, mt_read_field *read_field,
                    void *context)
{
    uint64_t inside;
    int result = read_inner(reader, list, schema, read_field, context, &inside);
    if (result == MT_OK && inside != mt_skeleton_of(schema))
        reader->fingerprint.odd |= mt_skeleton_object(
            inside, 1); /* neither how many there are nor their order matters; never 0 */
    return result;
}

int mt_read_payload(struct mt_payload_reader *reader, const struct mt_payload *payload,
                    const struct mt_epee_limits *limits, mt_read_field *read_field, void *context)
{
    reader->fingerprint = (struct mt_fingerprint){
        .skeleton = mt_skeleton_object(payload->command, (uint64_t)payload->response)};
    if (mt_epee_open(&reader->epee, payload->bytes, payload->size, limits) != MT_OK)
        return MT_MALFORMED;
    return read_section(reader, mt_message_schema_of(payload->command, payload->response),
                        read_field, context);
}

/* ---- fields without a column ---- */

static int check_unsigned(struct mt_epee *reader, const struct mt_epee_entry *entry, uint8_t type)
{
    uint64_t wide;
    uint32_t middle;
    uint16_t narrow;
    uint8_t least;
    switch (type) {
    case MT_EPEE_UINT64:
        return mt_epee_u64(reader, entry, &wide);
    case MT_EPEE_UINT32:
        return mt_epee_u32(reader, entry, &middle);
    case MT_EPEE_UINT16:
        return mt_epee_u16(reader, entry, &narrow);
    default:
        return mt_epee_u8(reader, entry, &least);
    }
}

int mt_check_field(struct mt_payload_reader *reader, const struct mt_schema_field *field,
                   const struct mt_epee_entry *entry)
{
    struct mt_epee *epee = &reader->epee;
    uint8_t truth;
    if (field->presence == MT_SOMETIMES || field->inner != NULL)
        return mt_epee_skip(epee, entry);
    switch (field->type) {
    case MT_EPEE_STRING:
        return mt_epee_string(epee, entry);
    case MT_EPEE_BOOL:
        return mt_epee_bool(epee, entry, &truth);
    case MT_EPEE_STRING | MT_EPEE_ARRAY_FLAG:
        return mt_epee_strings(epee, entry) == MT_OK ? mt_epee_skip(epee, entry) : MT_MALFORMED;
    default:
        return check_unsigned(epee, entry, field->type);
    }
}

/* ---- the row ---- */

void mt_set_fingerprint(const struct mt_payload_reader *reader, int result,
                        struct mt_message_row *row)
{
    const struct mt_epee *epee = &reader->epee;
    const struct mt_fingerprint *fingerprint = &reader->fingerprint;
    if (epee->at - epee->begin < MT_EPEE_HEADER)
        return; /* no epee */
    row->keys_ordered = !epee->unordered;
    row->unknown_keys =
        (uint16_t)fingerprint
            ->unknown_keys; /* the limits on fields and strings keep all of these below 2^16 */
    row->duplicate_keys = (uint16_t)epee->duplicate_keys;
    row->wide_varints = (uint16_t)epee->wide_varints;
    row->other_types = (uint16_t)fingerprint->other_types;
    row->default_fields = (uint16_t)fingerprint->default_fields;
    row->present |= MT_MESSAGE_KEYS_ORDERED | MT_MESSAGE_UNKNOWN_KEYS | MT_MESSAGE_DUPLICATE_KEYS |
                    MT_MESSAGE_WIDE_VARINTS | MT_MESSAGE_OTHER_TYPES | MT_MESSAGE_DEFAULT_FIELDS;
    if (result != MT_OK)
        return;
    row->skeleton = fingerprint->odd != 0
                        ? mt_skeleton_object(fingerprint->skeleton, fingerprint->odd)
                        : fingerprint->skeleton;
    row->trailing = (uint32_t)(epee->end - epee->at);
    row->present |= MT_MESSAGE_SKELETON | MT_MESSAGE_TRAILING;
}
