#include "base/buffer_pool.h"

#include "base/error.h"
#include "base/mem.h"

#include <string.h>

enum { SMALL_BUFFER = 4096, LARGEST_SPARE = 1048576 };

void mt_buffer_pool_free(struct mt_buffer_pool *pool)
{
    for (int i = 0; i < pool->spare_count; i++)
        mt_free(pool->spare[i].bytes);
    pool->spare_count = 0;
}

/* Makes room for `needed` bytes, at least twice as much as before but no more than `expected`. */
static int grow(struct mt_budget *budget, struct mt_buffer *buffer, size_t needed,
                uint64_t expected)
{
    size_t wanted = buffer->capacity * 2 > SMALL_BUFFER ? buffer->capacity * 2 : SMALL_BUFFER;
    if (wanted > expected)
        wanted = (size_t)expected;
    if (wanted < needed)
        wanted = needed;
    if (mt_budget_is_full(budget, (int64_t)(wanted - buffer->capacity)))
        return MT_MALFORMED;
    uint8_t *grown = mt_resize(buffer->bytes, wanted, 1);
    if (grown == NULL)
        return MT_NOMEM;
    mt_budget_use(budget, (int64_t)(wanted - buffer->capacity));
    buffer->bytes = grown;
    buffer->capacity = wanted;
    return MT_OK;
}

int mt_buffer_append(struct mt_buffer_pool *pool, struct mt_budget *budget,
                     struct mt_buffer *buffer, const uint8_t *bytes, size_t size, uint64_t expected)
{
    if (buffer->bytes == NULL && pool->spare_count > 0) {
        *buffer = pool->spare[--pool->spare_count];
        mt_budget_use(budget, (int64_t)buffer->capacity);
    }
    if (size > buffer->capacity - buffer->count) {
        int result = grow(budget, buffer, buffer->count + size, expected);
        if (result == MT_MALFORMED)
            mt_buffer_release(pool, budget, buffer);
        if (result != MT_OK)
            return result;
    }
    memcpy(buffer->bytes + buffer->count, bytes, size);
    buffer->count += size;
    return MT_OK;
}

void mt_buffer_release(struct mt_buffer_pool *pool, struct mt_budget *budget,
                       struct mt_buffer *buffer)
{
    if (buffer->bytes == NULL)
        return;
    mt_budget_use(budget, -(int64_t)buffer->capacity);
    if (pool->spare_count < MT_SPARE_BUFFERS && buffer->capacity <= LARGEST_SPARE) {
        buffer->count = 0;
        pool->spare[pool->spare_count++] = *buffer;
    } else {
        mt_free(buffer->bytes);
    }
    *buffer = (struct mt_buffer){0};
}
