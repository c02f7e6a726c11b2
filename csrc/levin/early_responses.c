#include "levin/early_responses.h"

#include "base/error.h"
#include "base/mem.h"

#include <string.h>

void mt_early_responses_init(struct mt_early_responses *early, const struct mt_limits *limits,
                             uint64_t *limit_hits)
{
    *early = (struct mt_early_responses){.limits = limits, .limit_hits = limit_hits};
}

void mt_early_responses_free(struct mt_early_responses *early)
{
    mt_free(early->items);
    early->items = NULL;
    early->count = early->capacity = 0;
}

/* Forgets `count` of them, beginning with the one at `index`. */
static void forget(struct mt_early_responses *early, size_t index, size_t count)
{
    for (size_t i = index; i < index + count; i++)
        (*early->items[i].waiting)--;
    early->count -= count;
    memmove(early->items + index, early->items + index + count,
            (early->count - index) * sizeof *early->items);
}

void mt_early_responses_forget(struct mt_early_responses *early, size_t index)
{
    forget(early, index, 1);
}

void mt_early_responses_forget_all(struct mt_early_responses *early, const uint32_t *waiting)
{
    for (size_t i = early->count; *waiting != 0 && i-- > 0;) {
        if (early->items[i].waiting == waiting)
            forget(early, i, 1);
    }
}

int64_t mt_early_responses_settled(struct mt_early_responses *early, int64_t next_message)
{
    size_t old = 0;
    while (old < early->count && early->items[old].message < next_message - MT_HELD_BACK)
        old++;
    if (old != 0)
        forget(early, 0, old);
    return early->count != 0 ? early->items[0].message : next_message;
}

int mt_early_responses_add(struct mt_early_responses *early,
                           const struct mt_early_response *response)
{
    size_t most = (size_t)early->limits->early_responses;
    if (most == 0 || early->count >= most)
        early->limit_hits[MT_LIMIT_early_responses]++;
    if (most == 0)
        return MT_OK;
    if (early->count >= most)
        forget(early, 0, (most + 3) / 4);
    void *grown = early->items;
    if (mt_reserve(&grown, &early->capacity, early->count + 1, sizeof *early->items) != MT_OK)
        return MT_NOMEM;
    early->items = grown;
    early->items[early->count++] = *response;
    (*response->waiting)++;
    return MT_OK;
}
