#include "tcp/waiting.h"

#include "base/error.h"
#include "base/mem.h"

#include <string.h>

enum { MOST_KEPT = 64, MOST_STEPS = 64 };

static struct mt_waiting **slot(struct mt_waiting_ring *ring, uint32_t index)
{
    return &ring->items[(ring->first + index) & (ring->capacity - 1)];
}

static int grow(struct mt_waiting_ring *ring)
{
    uint32_t capacity = ring->capacity != 0 ? ring->capacity * 2 : 8;
    struct mt_waiting **items =
        capacity != 0 ? mt_alloc(capacity, sizeof(struct mt_waiting *)) : NULL;
    if (items == NULL)
        return MT_NOMEM;
    for (uint32_t i = 0; i < ring->count; i++)
        items[i] = mt_waiting_at(ring, i);
    mt_free(ring->items);
    ring->items = items;
    ring->first = 0;
    ring->capacity = capacity;
    return MT_OK;
}

/* Puts it at `index`; there must be room. */
static void put(struct mt_waiting_ring *ring, uint32_t index, struct mt_waiting *waiting)
{
    uint32_t count = ring->count++;
    if (index < count / 2) {
        ring->first = (ring->first - 1) & (ring->capacity - 1);
        for (uint32_t i = 0; i < index; i++)
            *slot(ring, i) = *slot(ring, i + 1);
    } else {
        for (uint32_t i = count; i > index; i--)
            *slot(ring, i) = *slot(ring, i - 1);
    }
    *slot(ring, index) = waiting;
}

/* Bytes of memory of a waiting segment. */
static int64_t held(const struct mt_waiting *waiting)
{
    return (int64_t)(sizeof *waiting + waiting->data.size);
}

uint32_t mt_waiting_find(const struct mt_waiting_ring *ring, int64_t offset)
{
    uint32_t low = 0, high = ring->count;
    if (high != 0 && mt_waiting_at(ring, high - 1)->end <= offset)
        return high; /* the usual case: the newest segment is the furthest */
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (mt_waiting_at(ring, middle)->end <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int64_t mt_waiting_reach(const struct mt_waiting_ring *ring, int64_t offset)
{
    for (uint32_t i = 0; i < ring->count && i < MOST_STEPS; i++) {
        const struct mt_waiting *waiting = mt_waiting_at(ring, i);
        if (waiting->data.offset > offset)
            break;
        offset = waiting->end;
    }
    return offset;
}

int mt_waiting_covers(const struct mt_waiting_ring *ring, int64_t begin, int64_t end)
{
    int64_t at = begin;
    for (uint32_t index = mt_waiting_find(ring, at); at < end && index < ring->count; index++) {
        const struct mt_waiting *waiting = mt_waiting_at(ring, index);
        if (waiting->data.offset > at)
            return 0;
        at = waiting->end;
    }
    return at >= end;
}

int mt_waiting_insert(struct mt_waiting_ring *ring, struct mt_budget *budget, uint32_t index,
                      const struct mt_stream_data *data, int64_t end, uint32_t packet_captured)
{
    if (ring->count == ring->capacity && grow(ring) != MT_OK)
        return MT_NOMEM;
    struct mt_waiting *copy = mt_alloc(1, sizeof *copy + data->size);
    if (copy == NULL)
        return MT_NOMEM;
    copy->data = *data;
    copy->end = end;
    copy->packet_captured = packet_captured;
    if (data->size != 0)
        memcpy(copy->bytes, data->bytes, data->size);
    copy->data.bytes = copy->bytes;
    put(ring, index, copy);
    ring->bytes += data->size;
    mt_budget_use(budget, held(copy));
    return MT_OK;
}

/* Removes the segment at `index`; the caller owns it. */
static struct mt_waiting *remove_at(struct mt_waiting_ring *ring, struct mt_budget *budget,
                                    uint32_t index)
{
    struct mt_waiting *removed = mt_waiting_at(ring, index);
    uint32_t count = --ring->count;
    if (index < count / 2) {
        for (uint32_t i = index; i > 0; i--)
            *slot(ring, i) = *slot(ring, i - 1);
        ring->first = (ring->first + 1) & (ring->capacity - 1);
    } else {
        for (uint32_t i = index; i < count; i++)
            *slot(ring, i) = *slot(ring, i + 1);
    }
    ring->bytes -= removed->data.size;
    mt_budget_use(budget, -held(removed));
    return removed;
}

int mt_waiting_open(struct mt_waiting_ring *ring, struct mt_budget *budget, uint32_t *index,
                    int64_t begin, int64_t end)
{
    struct mt_waiting *cut = mt_waiting_at(ring, *index);
    int keeps = begin > cut->data.offset; /* something of it stays before the gap */
    if (end < cut->end && !keeps) {
        cut->data.offset = end;
        return MT_OK;
    }
    if (end < cut->end) {
        struct mt_stream_data rest = cut->data;
        rest.offset = end;
        rest.size = 0;
        if (mt_waiting_insert(ring, budget, *index + 1, &rest, cut->end, cut->packet_captured) !=
            MT_OK)
            return MT_NOMEM;
    }
    cut->end = begin;
    if (keeps)
        ++*index;
    else
        mt_free(remove_at(ring, budget, *index));
    return MT_OK;
}

struct mt_waiting *mt_waiting_remove_first(struct mt_waiting_ring *ring, struct mt_budget *budget)
{
    return remove_at(ring, budget, 0);
}

void mt_waiting_shrink(struct mt_waiting_ring *ring)
{
    if (ring->count != 0 || ring->capacity <= MOST_KEPT)
        return;
    mt_free(ring->items);
    ring->items = NULL;
    ring->first = ring->capacity = 0;
}

void mt_waiting_free(struct mt_waiting_ring *ring, struct mt_budget *budget)
{
    for (uint32_t i = 0; i < ring->count; i++) {
        struct mt_waiting *waiting = mt_waiting_at(ring, i);
        mt_budget_use(budget, -held(waiting));
        mt_free(waiting);
    }
    mt_free(ring->items);
    *ring = (struct mt_waiting_ring){0};
}
