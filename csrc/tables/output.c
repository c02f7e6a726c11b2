#include "tables/output.h"

#include "base/error.h"
#include "base/mem.h"

#include <string.h>

enum { SMALL_BUFFER = 4096, LARGEST_SPARE = 1048576 };

void mt_output_init(struct mt_output *output, const struct mt_limits *limits, uint32_t tables)
{
    *output = (struct mt_output){.limits = limits};
    output->buffered =
        (struct mt_budget){.limit = &limits->buffered_bytes,
                           .limit_hits = &output->limit_hits[MT_LIMIT_buffered_bytes]};
    for (int id = 0; id < MT_TABLE_COUNT; id++)
        mt_table_init(&output->tables[id], (enum mt_table_id)id, (tables >> id & 1) != 0);
    mt_addresses_init(&output->addresses, (size_t)limits->addresses);
    mt_intern_init(&output->strings, (size_t)limits->strings);
    mt_p2p_init(&output->p2p, &output->addresses, &output->strings, output->tables, limits,
                output->limit_hits);
}

void mt_output_free(struct mt_output *output)
{
    for (int id = 0; id < MT_TABLE_COUNT; id++)
        mt_table_free(&output->tables[id]);
    for (int i = 0; i < output->spare_count; i++)
        mt_free(output->spare[i].bytes);
    mt_free(output->early);
    mt_p2p_free(&output->p2p);
    mt_addresses_free(&output->addresses);
    mt_intern_free(&output->strings);
}

uint64_t mt_output_limit_hits(const struct mt_output *output, enum mt_limit_id limit)
{
    switch (limit) {
    case MT_LIMIT_addresses:
        return output->addresses.names.refused;
    case MT_LIMIT_strings:
        return output->strings.refused;
    case MT_LIMIT_blobs:
        return output->p2p.blob_cache.refused;
    default:
        return output->limit_hits[limit];
    }
}

static int append_problem(struct mt_output *output, const struct mt_problem_row *row,
                          const char *detail)
{
    int32_t code;
    if (mt_intern_put(&output->strings, detail, strlen(detail), &code) != MT_OK)
        return MT_NOMEM;
    struct mt_problem_row *added = mt_table_append(&output->tables[MT_TABLE_problems]);
    if (added == NULL)
        return MT_NOMEM;
    *added = *row;
    added->detail = code;
    output->problems_given++;
    return MT_OK;
}

int mt_output_problem(struct mt_output *output, const struct mt_problem_row *row,
                      const char *detail)
{
    if (output->problems_given >= (uint64_t)output->limits->problems) {
        output->limit_hits[MT_LIMIT_problems]++;
        output->dropped_bytes[row->kind] += row->bytes;
        return MT_OK;
    }
    return append_problem(output, row, detail);
}

int mt_output_close_problems(struct mt_output *output)
{
    for (int kind = 0; kind < MT_PROBLEM_COUNT; kind++) {
        if (output->dropped_bytes[kind] == 0)
            continue;
        struct mt_problem_row row = {.time = MT_NO_TIME,
                                     .connection = -1,
                                     .offset = -1,
                                     .bytes = output->dropped_bytes[kind],
                                     .client = MT_NO_CODE,
                                     .server = MT_NO_CODE,
                                     .file = -1,
                                     .kind = (int8_t)kind,
                                     .from_client = -1};
        output->dropped_bytes[kind] = 0;
        int result =
            append_problem(output, &row, "all further rows of this kind: limit on problems");
        if (result != MT_OK)
            return result;
    }
    return MT_OK;
}

/* Forgets `count` of them, beginning with the one at `index`. */
static void forget(struct mt_output *output, size_t index, size_t count)
{
    for (size_t i = index; i < index + count; i++)
        (*output->early[i].waiting)--;
    output->early_count -= count;
    memmove(output->early + index, output->early + index + count,
            (output->early_count - index) * sizeof *output->early);
}

void mt_output_forget(struct mt_output *output, size_t index)
{
    forget(output, index, 1);
}

int64_t mt_output_settled(struct mt_output *output)
{
    size_t old = 0;
    while (old < output->early_count &&
           output->early[old].message < output->messages_given - MT_HELD_BACK)
        old++;
    if (old != 0)
        forget(output, 0, old);
    return output->early_count != 0 ? output->early[0].message : output->messages_given;
}

int mt_output_remember(struct mt_output *output, const struct mt_early_response *early)
{
    size_t most = (size_t)output->limits->early_responses;
    if (most == 0 || output->early_count >= most)
        output->limit_hits[MT_LIMIT_early_responses]++;
    if (most == 0)
        return MT_OK;
    if (output->early_count >= most)
        forget(output, 0, (most + 3) / 4);
    void *grown = output->early;
    if (mt_reserve(&grown, &output->early_capacity, output->early_count + 1,
                   sizeof *output->early) != MT_OK)
        return MT_NOMEM;
    output->early = grown;
    output->early[output->early_count++] = *early;
    (*early->waiting)++;
    return MT_OK;
}

int mt_output_store(struct mt_output *output, struct mt_budget *budget, struct mt_buffer *buffer,
                    const uint8_t *bytes, size_t size, uint64_t expected)
{
    if (buffer->bytes == NULL && output->spare_count > 0) {
        *buffer = output->spare[--output->spare_count];
        mt_budget_use(budget, (int64_t)buffer->capacity);
    }
    if (size > buffer->capacity - buffer->count) {
        size_t needed = buffer->count + size,
               wanted = buffer->capacity * 2 > SMALL_BUFFER ? buffer->capacity * 2 : SMALL_BUFFER;
        if (wanted > expected)
            wanted = (size_t)expected;
        if (wanted < needed)
            wanted = needed;
        if (mt_budget_is_full(budget, (int64_t)(wanted - buffer->capacity))) {
            mt_output_release(output, budget, buffer);
            return MT_MALFORMED;
        }
        uint8_t *grown = mt_resize(buffer->bytes, wanted, 1);
        if (grown == NULL)
            return MT_NOMEM;
        mt_budget_use(budget, (int64_t)(wanted - buffer->capacity));
        buffer->bytes = grown;
        buffer->capacity = wanted;
    }
    memcpy(buffer->bytes + buffer->count, bytes, size);
    buffer->count += size;
    return MT_OK;
}

void mt_output_release(struct mt_output *output, struct mt_budget *budget, struct mt_buffer *buffer)
{
    if (buffer->bytes == NULL)
        return;
    mt_budget_use(budget, -(int64_t)buffer->capacity);
    if (output->spare_count < MT_SPARE_BUFFERS && buffer->capacity <= LARGEST_SPARE) {
        buffer->count = 0;
        output->spare[output->spare_count++] = *buffer;
    } else {
        mt_free(buffer->bytes);
    }
    *buffer = (struct mt_buffer){0};
}
