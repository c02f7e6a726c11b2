/* Buffers that are borrowed while something is incomplete. Used by levin for messages that span
 * segments; knows nothing of what it holds. */
#ifndef MT_BASE_BUFFER_POOL_H
#define MT_BASE_BUFFER_POOL_H

#include "base/budget.h"

#include <stddef.h>
#include <stdint.h>

enum { MT_SPARE_BUFFERS = 16 };

struct mt_buffer {
    uint8_t *bytes;
    size_t count, capacity;
};

/* Released buffers, kept for the next ones. Zeroed: an empty pool. */
struct mt_buffer_pool {
    struct mt_buffer spare[MT_SPARE_BUFFERS];
    int spare_count;
};

/* Frees the spare buffers; those that are still borrowed belong to their borrowers. */
void mt_buffer_pool_free(struct mt_buffer_pool *pool);

/* Appends `size` bytes to a buffer (borrowing one first), whose capacity is part of `budget`;
 * `expected` is what it will hold in the end. MT_OK; MT_MALFORMED if the budget is used up (the
 * buffer is released); MT_NOMEM. */
int mt_buffer_append(struct mt_buffer_pool *pool, struct mt_budget *budget,
                     struct mt_buffer *buffer, const uint8_t *bytes, size_t size,
                     uint64_t expected);

/* Gives a buffer back; it is empty afterwards. */
void mt_buffer_release(struct mt_buffer_pool *pool, struct mt_budget *budget,
                       struct mt_buffer *buffer);

#endif
