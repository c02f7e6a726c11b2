#include "unacknowledged.h"

#include "base/error.h"
#include "base/mem.h"

void mt_unacknowledged_free(struct mt_unacknowledged *list)
{
    mt_free(list->items);
    *list = (struct mt_unacknowledged){.items = NULL};
}

/* The number of a free item, 0 if memory is out. Item 0 is not used. */
static uint32_t take_free(struct mt_unacknowledged *list)
{
    uint32_t number = list->free;
    if (number != 0) {
        list->free = list->items[number].next;
        return number;
    }
    void *items = list->items;
    if (list->used == UINT32_MAX - 1 ||
        mt_reserve(&items, &list->capacity, (size_t)list->used + 2, sizeof *list->items) != MT_OK)
        return 0;
    list->items = items;
    return ++list->used;
}

struct mt_unacknowledged_message *mt_unacknowledged_add(struct mt_unacknowledged *list,
                                                        struct mt_unacknowledged_queue *queue)
{
    uint32_t number = take_free(list);
    if (number == 0)
        return NULL;
    struct mt_unacknowledged_message *item = &list->items[number];
    item->older = list->newest;
    item->newer = item->next = 0;
    *(list->newest != 0 ? &list->items[list->newest].newer : &list->oldest) = number;
    list->newest = number;
    *(queue->last != 0 ? &list->items[queue->last].next : &queue->first) = number;
    queue->last = number;
    return item;
}

struct mt_unacknowledged_message mt_unacknowledged_pop(struct mt_unacknowledged *list,
                                                       struct mt_unacknowledged_queue *queue)
{
    uint32_t number = queue->first;
    struct mt_unacknowledged_message *item = &list->items[number], message = *item;
    queue->first = item->next;
    if (queue->first == 0)
        queue->last = 0;
    *(item->older != 0 ? &list->items[item->older].newer : &list->oldest) = item->newer;
    *(item->newer != 0 ? &list->items[item->newer].older : &list->newest) = item->older;
    item->next = list->free;
    list->free = number;
    return message;
}

void mt_unacknowledged_conflict(struct mt_unacknowledged *list,
                                const struct mt_unacknowledged_queue *queue, int64_t begin,
                                int64_t end)
{
    for (uint32_t at = queue->first; at != 0; at = list->items[at].next)
        list->items[at].conflict |= list->items[at].begin < end && begin < list->items[at].end;
}

int64_t mt_unacknowledged_oldest(const struct mt_unacknowledged *list, int64_t next_message)
{
    return list->oldest != 0 ? list->items[list->oldest].message : next_message;
}
