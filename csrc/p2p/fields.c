#include "p2p/fields.h"

#include "base/mem.h"

#include "base/bytes.h"
#include "epee/epee.h"

#include <string.h>

/* An open section: the root, an object, or an object within an array. */
struct level {
    struct mt_epee_entry list; /* the array that it is an element of, */
    uint64_t siblings;         /* the elements of it still to come, */
    int32_t list_position;     /* and its row */
    int32_t position;          /* its own row, -1 for the root */
    uint8_t depth;             /* of the entries in it */
};

struct walk {
    struct mt_epee reader;
    const struct mt_field_writer *writer;
    int64_t message;
    uint64_t most;
    uint32_t count;  /* rows so far: the position of the next */
    uint32_t levels; /* open */
    struct level level[MT_EPEE_DEPTH + 1];
};

/* A result in addition to those of error.h: the limit on rows is reached. */
enum { CUT = MT_END };

/* ---- rows ---- */

/* A new row. MT_OK, CUT or MT_NOMEM. */
static int append(struct walk *walk, uint8_t type, int32_t parent, uint8_t depth,
                  struct mt_entry_row **row)
{
    if (walk->count >= walk->most)
        return CUT;
    *row = mt_table_append(walk->writer->fields);
    if (*row == NULL)
        return MT_NOMEM;
    **row = (struct mt_entry_row){.message = walk->message,
                                  .position = walk->count++,
                                  .parent = parent,
                                  .key = MT_NO_CODE,
                                  .value_bytes = MT_NO_CODE,
                                  .depth = depth,
                                  .type = type};
    return MT_OK;
}

static int64_t signed_integer(const struct mt_epee_entry *entry)
{
    const uint8_t *p = entry->value;
    switch (entry->type) {
    case MT_EPEE_INT64:
        return (int64_t)mt_le64(p);
    case MT_EPEE_INT32:
        return (int32_t)mt_le32(p);
    case MT_EPEE_INT16:
        return (int16_t)mt_le16(p);
    default:
        return (int8_t)*p;
    }
}

static uint64_t unsigned_integer(const struct mt_epee_entry *entry)
{
    const uint8_t *p = entry->value;
    switch (entry->type) {
    case MT_EPEE_UINT64:
        return mt_le64(p);
    case MT_EPEE_UINT32:
        return mt_le32(p);
    case MT_EPEE_UINT16:
        return mt_le16(p);
    default:
        return *p;
    }
}

static int set_value(struct walk *walk, struct mt_entry_row *row,
                     const struct mt_epee_entry *scalar)
{
    switch (scalar->type) {
    case MT_EPEE_STRING:
        return mt_intern_put(walk->writer->strings, scalar->value, (size_t)scalar->size,
                             &row->value_bytes);
    case MT_EPEE_DOUBLE:
        memcpy(&row->value_float, scalar->value, sizeof row->value_float);
        row->present = MT_ENTRY_FLOAT;
        return MT_OK;
    case MT_EPEE_INT64:
    case MT_EPEE_INT32:
    case MT_EPEE_INT16:
    case MT_EPEE_INT8:
        row->value_int = signed_integer(scalar);
        row->present = MT_ENTRY_INT;
        return MT_OK;
    default:
        row->value_uint = unsigned_integer(scalar);
        row->present = MT_ENTRY_UINT;
        return MT_OK;
    }
}

static void set_elements(struct mt_entry_row *row, uint64_t elements)
{
    row->elements = elements;
    row->present = MT_ENTRY_ELEMENTS;
}

/* ---- the walk ---- */

/* Enters an object whose row was just appended: `inner` goes on the stack. */
static int open_level(struct walk *walk, const struct mt_epee_entry *object,
                      struct mt_entry_row *row, struct level inner)
{
    if (mt_epee_enter(&walk->reader, object) != MT_OK)
        return MT_MALFORMED;
    set_elements(row, walk->reader.open[walk->reader.depth - 1].left);
    inner.position = (int32_t)row->position;
    inner.depth = (uint8_t)(row->depth + 1);
    walk->level[walk->levels++] = inner;
    return MT_OK;
}

/* The next element of an array of objects. */
static int open_element(struct walk *walk, const struct mt_epee_entry *list, uint64_t siblings,
                        int32_t list_position, uint8_t depth)
{
    struct mt_entry_row *row;
    int result = append(walk, MT_EPEE_OBJECT, list_position, depth, &row);
    return result == MT_OK ? open_level(walk, list, row,
                                        (struct level){.list = *list,
                                                       .siblings = siblings,
                                                       .list_position = list_position})
                           : result;
}

static int append_scalars(struct walk *walk, const struct mt_epee_entry *list, int32_t position,
                          uint8_t depth)
{
    struct mt_epee_entry element;
    struct mt_entry_row *row;
    int result = MT_OK;
    for (uint64_t i = 0; i < list->count && result == MT_OK; i++) {
        result = mt_epee_element(&walk->reader, list, &element);
        if (result == MT_OK)
            result = append(walk, element.type, position, depth, &row);
        if (result == MT_OK)
            result = set_value(walk, row, &element);
    }
    return result;
}

static int append_entry(struct walk *walk, const struct mt_epee_entry *entry)
{
    const struct level *level = &walk->level[walk->levels - 1];
    struct mt_entry_row *row;
    uint8_t type = (uint8_t)(entry->is_array ? entry->type | MT_EPEE_ARRAY_FLAG : entry->type);
    int result = append(walk, type, level->position, level->depth, &row);
    if (result == MT_OK)
        result = mt_intern_put(walk->writer->strings, entry->key, entry->key_size, &row->key);
    if (result != MT_OK)
        return result;
    if (!entry->is_array)
        return entry->type == MT_EPEE_OBJECT ? open_level(walk, entry, row, (struct level){0})
                                             : set_value(walk, row, entry);
    set_elements(row, entry->count);
    int32_t position = (int32_t)row->position;
    uint8_t depth = (uint8_t)(level->depth + 1);
    if (entry->type == MT_EPEE_OBJECT && entry->count != 0)
        return open_element(walk, entry, entry->count - 1, position, depth);
    return append_scalars(walk, entry, position, depth);
}

/* The innermost section is over. */
static int close_level(struct walk *walk)
{
    struct level closed = walk->level[--walk->levels];
    if (closed.siblings == 0)
        return MT_OK;
    return open_element(walk, &closed.list, closed.siblings - 1, closed.list_position,
                        (uint8_t)(closed.depth - 1));
}

int mt_fields_append(const struct mt_field_writer *writer, int64_t message, const uint8_t *payload,
                     size_t size, int *cut)
{
    /* too large for the stack of a small thread; set field by field */
    struct walk *walk = mt_resize(NULL, 1, sizeof *walk);
    if (walk == NULL)
        return MT_NOMEM;
    struct mt_epee_entry entry;
    walk->writer = writer;
    walk->message = message;
    walk->most = writer->max_rows < INT32_MAX ? writer->max_rows : INT32_MAX;
    walk->count = 0;
    walk->levels = 1;
    walk->level[0] = (struct level){.position = -1};
    int result = mt_epee_open(&walk->reader, payload, size, writer->limits);
    while (result == MT_OK && walk->levels != 0) {
        int next = mt_epee_next(&walk->reader, &entry);
        result = next == MT_OK    ? append_entry(walk, &entry)
                 : next == MT_END ? close_level(walk)
                                  : next;
    }
    *cut = result == CUT;
    mt_free(walk);
    return result == MT_NOMEM ? MT_NOMEM : MT_OK;
}
