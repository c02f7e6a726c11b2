#include "levin/partial_header.h"

#include "base/error.h"
#include "base/mem.h"

#include <string.h>

static int grow(struct mt_partial_header *partial)
{
    uint32_t capacity =
        partial->parts_capacity != 0 ? partial->parts_capacity * 2 : 1; /* nearly always one part */
    struct mt_stream_data *parts = mt_resize(partial->parts, capacity, sizeof *parts);
    if (parts == NULL)
        return MT_NOMEM;
    partial->parts = parts;
    partial->parts_capacity = capacity;
    return MT_OK;
}

int mt_partial_header_add(struct mt_partial_header *partial, const struct mt_stream_data *data,
                          const uint8_t *bytes, uint32_t size, uint32_t *added)
{
    uint32_t room = MT_SOUND_SIZE - partial->count;
    *added = size < room ? size : room;
    if (*added == 0)
        return MT_OK;
    if (partial->parts_count == partial->parts_capacity && grow(partial) != MT_OK)
        return MT_NOMEM;
    struct mt_stream_data *part = &partial->parts[partial->parts_count++];
    *part = *data;
    part->offset = data->offset + (bytes - data->bytes);
    part->size = *added;
    part->bytes = NULL;
    memcpy(partial->bytes + partial->count, bytes, *added);
    partial->count += *added;
    return MT_OK;
}

void mt_partial_header_drop(struct mt_partial_header *partial, uint32_t count)
{
    if (count == 0)
        return;
    memmove(partial->bytes, partial->bytes + count, partial->count - count);
    partial->count -= count;
    uint32_t gone = 0;
    while (gone < partial->parts_count && count >= partial->parts[gone].size)
        count -= partial->parts[gone++].size;
    partial->parts_count -= gone;
    memmove(partial->parts, partial->parts + gone, partial->parts_count * sizeof *partial->parts);
    if (count != 0) {
        partial->parts[0].offset += count;
        partial->parts[0].size -= count;
    }
}

uint32_t mt_partial_header_next(const struct mt_partial_header *partial)
{
    for (uint32_t at = 1; at < partial->count; at++) {
        if (mt_signature_matches(partial->bytes + at, partial->count - at))
            return at;
    }
    return partial->count;
}

void mt_partial_header_free(struct mt_partial_header *partial)
{
    mt_free(partial->parts);
    *partial = (struct mt_partial_header){0};
}
