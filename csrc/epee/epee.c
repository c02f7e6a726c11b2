#include "epee/epee.h"

#include "base/bytes.h"

#include <string.h>

const struct mt_epee_limits mt_epee_monerod = {MT_EPEE_OBJECTS, MT_EPEE_FIELDS, MT_EPEE_STRINGS,
                                               MT_EPEE_DEPTH};

/* Depths of C++ calls, see epee.h: the deepest allowed, and how much deeper than its section each
 * thing goes. */
enum {
    FRAMES_MOST = 99,
    FRAMES_ROOT = 1,
    FRAMES_SECTION = 4, /* count of the section itself; numbers need no more */
    FRAMES_OBJECT = 3,  /* where the section of an object is read */
    FRAMES_STRING = 8,
    FRAMES_ARRAY = 7, /* count of an array */
    FRAMES_ARRAY_OBJECT = 5,
    FRAMES_ARRAY_STRING = 9
};

static const uint64_t longest_string =
    2000000000; /* from here on refused: MAX_STRING_LEN_POSSIBLE */

/* Bytes of a number of each type, 0 for what is no number. */
static const uint8_t widths[16] = {0, 8, 4, 2, 1, 8, 4, 2, 1, 8, 0, 1};

/* The minimum size that monerod assumes for an element of each type (ps_min_bytes), 0 for unknown
 * types. */
static const uint8_t least_sizes[16] = {0, 8, 4, 2, 1, 8, 4, 2, 1, 8, 2, 1, 1, 1};

/* Least value that needs a varint of 1, 2, 4, 8 bytes. */
static const uint64_t least_of_width[4] = {0, UINT64_C(1) << 6, UINT64_C(1) << 14,
                                           UINT64_C(1) << 30};

int mt_epee_refuse(struct mt_epee *reader, const char *why)
{
    if (reader->why == NULL)
        reader->why = why;
    return MT_MALFORMED;
}

static int refuse_excess(struct mt_epee *reader, enum mt_epee_excess excess, const char *why)
{
    reader->excess = excess;
    return mt_epee_refuse(reader, why);
}

static size_t remaining(const struct mt_epee *reader)
{
    return (size_t)(reader->end - reader->at);
}

static int read_varint(struct mt_epee *reader, uint64_t *value)
{
    if (remaining(reader) == 0)
        return mt_epee_refuse(reader, "payload ends before a length");
    unsigned mark = *reader->at & 3u;
    if (remaining(reader) < (size_t)1 << mark)
        return mt_epee_refuse(reader, "payload ends within a length");
    switch (mark) {
    case 0:
        *value = *reader->at >> 2;
        break;
    case 1:
        *value = mt_le16(reader->at) >> 2;
        break;
    case 2:
        *value = mt_le32(reader->at) >> 2;
        break;
    default:
        *value = mt_le64(reader->at) >> 2;
        break;
    }
    reader->wide_varints += *value < least_of_width[mark];
    reader->at += (size_t)1 << mark;
    return MT_OK;
}

/* ---- sections ---- */

static int open_section(struct mt_epee *reader, unsigned frames)
{
    if (frames + FRAMES_SECTION > FRAMES_MOST || reader->depth >= reader->most.depth)
        return refuse_excess(reader, MT_EPEE_TOO_DEEP, "objects nested too deep");
    uint64_t count;
    if (read_varint(reader, &count) != MT_OK)
        return MT_MALFORMED;
    if (count > reader->most.fields - reader->fields)
        return refuse_excess(reader, MT_EPEE_TOO_MANY_FIELDS, "too many fields");
    reader->fields += (uint32_t)count;
    reader->open[reader->depth++] = (struct mt_epee_section){
        .left = (uint32_t)count, .keys = reader->keys_count, .frames = (uint8_t)frames};
    return MT_OK;
}

/* Order of two keys given by their length bytes. */
static int compare_keys(const uint8_t *a, const uint8_t *b)
{
    return mt_compare(a + 1, *a, b + 1, *b);
}

/* Restores the heap below `root` (greatest key on top). */
static void sift(const uint8_t *begin, uint32_t *keys, size_t root, size_t count)
{
    uint32_t moved = keys[root];
    for (size_t child; (child = 2 * root + 1) < count; root = child) {
        if (child + 1 < count && compare_keys(begin + keys[child], begin + keys[child + 1]) < 0)
            child++;
        if (compare_keys(begin + moved, begin + keys[child]) >= 0)
            break;
        keys[root] = keys[child];
    }
    keys[root] = moved;
}

/* Heap sort: n log n whatever the order an adversary chose, and no memory. */
static void sort_keys(const uint8_t *begin, uint32_t *keys, size_t count)
{
    for (size_t root = count / 2; root-- > 0;)
        sift(begin, keys, root, count);
    for (size_t last = count; last-- > 1;) {
        uint32_t greatest = keys[0];
        keys[0] = keys[last];
        keys[last] = greatest;
        sift(begin, keys, 0, last);
    }
}

static int close_section(struct mt_epee *reader)
{
    struct mt_epee_section *section = &reader->open[--reader->depth];
    size_t count = reader->keys_count - section->keys;
    uint32_t *keys = reader->keys + section->keys;
    reader->keys_count = section->keys;
    if (!section->unordered)
        return MT_END;
    sort_keys(reader->begin, keys, count);
    for (size_t i = 1; i < count; i++) {
        if (compare_keys(reader->begin + keys[i - 1], reader->begin + keys[i]) == 0 &&
            reader->duplicate_keys++ == 0)
            reader->at = reader->begin + keys[i];
    }
    return reader->duplicate_keys != 0 ? mt_epee_refuse(reader, "duplicate key") : MT_END;
}

int mt_epee_open(struct mt_epee *reader, const uint8_t *payload, size_t size,
                 const struct mt_epee_limits *limits)
{
    /* field by field: `keys` is large and needs no beginning */
    reader->begin = reader->at = payload;
    reader->end = size != 0 ? payload + size : payload; /* `payload` may be NULL then */
    reader->why = NULL;
    reader->most = *limits;
    reader->excess = MT_EPEE_WITHIN;
    reader->objects = reader->fields = reader->strings = 0;
    reader->wide_varints = reader->duplicate_keys = 0;
    reader->unordered = 0;
    reader->depth = reader->keys_count = 0;
    if (size < MT_EPEE_HEADER)
        return mt_epee_refuse(reader,
                              size == 0 ? "empty payload" : "payload shorter than the epee header");
    if (memcmp(payload, mt_epee_header, MT_EPEE_HEADER) != 0)
        return mt_epee_refuse(reader, "no epee header");
    if (size > UINT32_MAX)
        return mt_epee_refuse(reader, "payload of 4 GiB or more");
    reader->at += MT_EPEE_HEADER;
    return open_section(reader, FRAMES_ROOT);
}

int mt_epee_enter(struct mt_epee *reader, const struct mt_epee_entry *entry)
{
    if (reader->why != NULL)
        return MT_MALFORMED;
    return open_section(reader, entry->frames);
}

/* ---- entries ---- */

static int read_key(struct mt_epee *reader, struct mt_epee_section *section,
                    struct mt_epee_entry *entry)
{
    const uint8_t *key = reader->at;
    if (remaining(reader) == 0)
        return mt_epee_refuse(reader, "payload ends before a key");
    if (*key == 0)
        return mt_epee_refuse(reader, "empty key");
    if (remaining(reader) <= *key)
        return mt_epee_refuse(reader, "payload ends within a key");
    if (section->last_key != NULL && compare_keys(section->last_key, key) >= 0)
        section->unordered = reader->unordered = 1;
    section->last_key = key;
    reader->keys[reader->keys_count++] = (uint32_t)(key - reader->begin);
    entry->key = key + 1;
    entry->key_size = *key;
    reader->at += 1 + (size_t)*key;
    return MT_OK;
}

static int read_string(struct mt_epee *reader, struct mt_epee_entry *entry)
{
    uint64_t size;
    if (read_varint(reader, &size) != MT_OK)
        return MT_MALFORMED;
    if (size >= longest_string)
        return mt_epee_refuse(reader, "string too long");
    if (size > remaining(reader))
        return mt_epee_refuse(reader, "payload ends within a string");
    entry->value = reader->at;
    entry->size = size;
    reader->at += size;
    return MT_OK;
}

static int read_number(struct mt_epee *reader, struct mt_epee_entry *entry)
{
    size_t width = widths[entry->type];
    if (remaining(reader) < width)
        return mt_epee_refuse(reader, "payload ends within a number");
    if (entry->type == MT_EPEE_BOOL && *reader->at > 1)
        return mt_epee_refuse(reader, "bool that is neither 0 nor 1");
    entry->value = reader->at;
    entry->size = width;
    reader->at += width;
    return MT_OK;
}

static int count_elements(struct mt_epee *reader, uint8_t type, uint64_t count)
{
    if (type == MT_EPEE_OBJECT) {
        if (count > reader->most.objects - reader->objects)
            return refuse_excess(reader, MT_EPEE_TOO_MANY_OBJECTS, "too many objects");
        reader->objects += (uint32_t)count;
    } else if (type == MT_EPEE_STRING) {
        if (count > reader->most.strings - reader->strings)
            return refuse_excess(reader, MT_EPEE_TOO_MANY_STRINGS, "too many strings");
        reader->strings += (uint32_t)count;
    }
    return MT_OK;
}

/* Begins an array: `frames` is its section's depth, one more under a type byte 13. */
static int read_array(struct mt_epee *reader, struct mt_epee_entry *entry, unsigned type,
                      unsigned frames)
{
    size_t least = type < sizeof least_sizes ? least_sizes[type] : 0;
    if (least == 0)
        return mt_epee_refuse(reader, "unknown type");
    if (frames + FRAMES_ARRAY > FRAMES_MOST)
        return refuse_excess(reader, MT_EPEE_TOO_DEEP, "array nested too deep");
    entry->type = (uint8_t)type;
    entry->is_array = 1;
    entry->frames = (uint8_t)(frames + FRAMES_ARRAY_OBJECT);
    if (read_varint(reader, &entry->count) != MT_OK)
        return MT_MALFORMED;
    if (entry->count > remaining(reader) / least)
        return mt_epee_refuse(reader, "array longer than the payload");
    entry->value = reader->at;
    if (entry->count == 0)
        return MT_OK;
    if (type == MT_EPEE_ARRAY)
        return mt_epee_refuse(reader, "array of arrays");
    if (type == MT_EPEE_STRING && frames + FRAMES_ARRAY_STRING > FRAMES_MOST)
        return refuse_excess(reader, MT_EPEE_TOO_DEEP, "string nested too deep");
    return count_elements(reader, entry->type, entry->count);
}

static int read_value(struct mt_epee *reader, struct mt_epee_entry *entry, unsigned frames)
{
    if (remaining(reader) == 0)
        return mt_epee_refuse(reader, "payload ends before a type");
    uint8_t type = *reader->at;
    if (type & MT_EPEE_ARRAY_FLAG) {
        reader->at++;
        return read_array(reader, entry, type & 0x7fu, frames);
    }
    entry->type = type;
    if (type < sizeof widths && widths[type] != 0) {
        reader->at++;
        return read_number(reader, entry);
    }
    switch (type) {
    case MT_EPEE_STRING:
        reader->at++;
        if (frames + FRAMES_STRING > FRAMES_MOST)
            return refuse_excess(reader, MT_EPEE_TOO_DEEP, "string nested too deep");
        return count_elements(reader, type, 1) == MT_OK ? read_string(reader, entry) : MT_MALFORMED;
    case MT_EPEE_OBJECT:
        entry->value = ++reader->at;
        entry->frames = (uint8_t)(frames + FRAMES_OBJECT);
        return count_elements(reader, type, 1);
    case MT_EPEE_ARRAY:
        if (remaining(reader) < 2)
            return mt_epee_refuse(reader, "payload ends before a type");
        type = reader->at[1];
        if (!(type & MT_EPEE_ARRAY_FLAG))
            return mt_epee_refuse(reader, "type 13 without an array");
        reader->at += 2;
        return read_array(reader, entry, type & 0x7fu, frames + 1);
    default:
        return mt_epee_refuse(reader, "unknown type");
    }
}

int mt_epee_next(struct mt_epee *reader, struct mt_epee_entry *entry)
{
    if (reader->why != NULL)
        return MT_MALFORMED;
    if (reader->depth == 0)
        return MT_END;
    struct mt_epee_section *section = &reader->open[reader->depth - 1];
    if (section->left == 0)
        return close_section(reader);
    section->left--;
    if (read_key(reader, section, entry) != MT_OK)
        return MT_MALFORMED;
    entry->start = reader->at;
    entry->size = 0;
    entry->count = 1;
    entry->is_array = 0;
    entry->frames = 0;
    return read_value(reader, entry, section->frames);
}

int mt_epee_element(struct mt_epee *reader, const struct mt_epee_entry *array,
                    struct mt_epee_entry *element)
{
    if (reader->why != NULL)
        return MT_MALFORMED;
    *element = (struct mt_epee_entry){.key = array->key,
                                      .start = array->start,
                                      .count = 1,
                                      .key_size = array->key_size,
                                      .type = array->type};
    return array->type == MT_EPEE_STRING ? read_string(reader, element)
                                         : read_number(reader, element);
}

/* ---- skipping ---- */

static int skip_numbers(struct mt_epee *reader, const struct mt_epee_entry *array)
{
    size_t size =
        (size_t)array->count * widths[array->type]; /* within the payload: read_array saw to it */
    if (array->type == MT_EPEE_BOOL) {
        uint8_t all = 0;
        for (size_t i = 0; i < size; i++)
            all |= reader->at[i];
        if (all > 1)
            return mt_epee_refuse(reader, "bool that is neither 0 nor 1");
    }
    reader->at += size;
    return MT_OK;
}

static int skip_strings(struct mt_epee *reader, uint64_t count)
{
    struct mt_epee_entry string;
    while (count-- > 0) {
        if (read_string(reader, &string) != MT_OK)
            return MT_MALFORMED;
    }
    return MT_OK;
}

static int holds_objects(const struct mt_epee_entry *entry)
{
    return entry->type == MT_EPEE_OBJECT && entry->count != 0;
}

/* What mt_epee_next left unread, if there are no objects in it. */
static int skip_flat(struct mt_epee *reader, const struct mt_epee_entry *entry)
{
    if (!entry->is_array || entry->count == 0)
        return MT_OK;
    return entry->type == MT_EPEE_STRING ? skip_strings(reader, entry->count)
                                         : skip_numbers(reader, entry);
}

static int skip_objects(struct mt_epee *reader, const struct mt_epee_entry *entry)
{
    uint64_t siblings[MT_EPEE_DEPTH + 1]; /* per open section: objects of its array after it */
    uint8_t frames[MT_EPEE_DEPTH + 1];    /* and the depth at which these are read */
    struct mt_epee_entry inner = *entry;
    uint32_t outside = reader->depth;
    for (int result = MT_OK;;) {
        if (result == MT_OK && holds_objects(&inner)) {
            if (mt_epee_enter(reader, &inner) != MT_OK)
                return MT_MALFORMED;
            siblings[reader->depth] = inner.count - 1;
            frames[reader->depth] = inner.frames;
        } else if (result == MT_OK) {
            if (skip_flat(reader, &inner) != MT_OK)
                return MT_MALFORMED;
        } else if (result == MT_END) {
            uint32_t closed = reader->depth + 1;
            if (siblings[closed] != 0) {
                siblings[closed]--;
                if (open_section(reader, frames[closed]) != MT_OK)
                    return MT_MALFORMED;
            } else if (reader->depth == outside) {
                return MT_OK;
            }
        } else {
            return MT_MALFORMED;
        }
        result = mt_epee_next(reader, &inner);
    }
}

int mt_epee_skip(struct mt_epee *reader, const struct mt_epee_entry *entry)
{
    if (reader->why != NULL)
        return MT_MALFORMED;
    return holds_objects(entry) ? skip_objects(reader, entry) : skip_flat(reader, entry);
}
