#include "tcp/suspects.h"

#include "base/error.h"
#include "base/mem.h"

#include <string.h>

/* Bytes of memory of a suspect. */
static int64_t held(const struct mt_suspect *suspect)
{
    return (int64_t)(sizeof *suspect + suspect->segment.captured);
}

int mt_suspects_add(struct mt_suspects *suspects, struct mt_budget *budget,
                    const struct mt_suspect *suspect)
{
    const struct mt_segment *segment = &suspect->segment;
    struct mt_suspect *copy = mt_alloc(1, sizeof *copy + segment->captured);
    if (copy == NULL)
        return MT_NOMEM;
    *copy = *suspect;
    copy->next = NULL;
    if (segment->captured != 0)
        memcpy(copy->bytes, segment->payload, segment->captured);
    copy->segment.payload = copy->bytes;
    copy->segment.header_size = 0; /* the header is not kept */
    if (suspects->first == NULL)
        suspects->last = &suspects->first;
    *suspects->last = copy;
    suspects->last = &copy->next;
    suspects->count++;
    suspects->bytes += segment->captured;
    mt_budget_use(budget, held(copy));
    return MT_OK;
}

struct mt_suspect *mt_suspects_remove(struct mt_suspects *suspects, struct mt_budget *budget,
                                      struct mt_suspect **link)
{
    struct mt_suspect *suspect = *link;
    *link = suspect->next;
    if (suspect->next == NULL)
        suspects->last = link;
    suspects->count--;
    suspects->bytes -= suspect->segment.captured;
    mt_budget_use(budget, -held(suspect));
    return suspect;
}

void mt_suspects_free(struct mt_suspects *suspects, struct mt_budget *budget)
{
    while (suspects->first != NULL)
        mt_free(mt_suspects_remove(suspects, budget, &suspects->first));
}
