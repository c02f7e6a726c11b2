#include "levin/request_queue.h"

#include "base/error.h"
#include "base/mem.h"

enum { LEAST_REQUESTS = 4 };

/* Bytes of a ring beyond the few requests that any connection may have. */
static int64_t ring_bytes(uint32_t capacity)
{
    return capacity > LEAST_REQUESTS ? (int64_t)(capacity * sizeof(struct mt_request)) : 0;
}

struct mt_request *mt_request_queue_at(const struct mt_request_queue *queue, uint32_t index)
{
    return &queue->ring[(queue->first + index) % queue->capacity];
}

int mt_request_queue_is_full(const struct mt_request_queue *queue, struct mt_budget *budget,
                             uint64_t most)
{
    if (queue->count == 0)
        return 0;
    if (queue->count >= most)
        return 1;
    return queue->count == queue->capacity &&
           mt_budget_is_full(budget, ring_bytes(2 * queue->capacity) - ring_bytes(queue->capacity));
}

static int grow(struct mt_request_queue *queue, struct mt_budget *budget)
{
    uint32_t capacity = queue->capacity != 0 ? queue->capacity * 2 : LEAST_REQUESTS;
    struct mt_request *ring = mt_alloc(capacity, sizeof *ring);
    if (ring == NULL)
        return MT_NOMEM;
    for (uint32_t i = 0; i < queue->count; i++)
        ring[i] = *mt_request_queue_at(queue, i);
    mt_free(queue->ring);
    mt_budget_use(budget, ring_bytes(capacity) - ring_bytes(queue->capacity));
    queue->ring = ring;
    queue->first = 0;
    queue->capacity = capacity;
    return MT_OK;
}

int mt_request_queue_push(struct mt_request_queue *queue, struct mt_budget *budget,
                          const struct mt_request *request)
{
    if (queue->count == queue->capacity && grow(queue, budget) != MT_OK)
        return MT_NOMEM;
    queue->ring[(queue->first + queue->count) % queue->capacity] = *request;
    queue->count++;
    return MT_OK;
}

void mt_request_queue_pop(struct mt_request_queue *queue, uint32_t count)
{
    if (count == 0)
        return;
    queue->first = (queue->first + count) % queue->capacity;
    queue->count -= count;
}

uint32_t mt_request_queue_find(const struct mt_request_queue *queue, uint32_t command,
                               int64_t acknowledged, int doubtful)
{
    for (uint32_t i = 0; i < queue->count; i++) {
        const struct mt_request *request = mt_request_queue_at(queue, i);
        if (acknowledged != INT64_MIN && acknowledged < request->end)
            break;
        if (request->command == command && (doubtful || !request->doubtful))
            return i;
    }
    return queue->count;
}

void mt_request_queue_free(struct mt_request_queue *queue, struct mt_budget *budget)
{
    mt_budget_use(budget, -ring_bytes(queue->capacity));
    mt_free(queue->ring);
    queue->ring = NULL;
    queue->first = queue->count = queue->capacity = 0;
}
