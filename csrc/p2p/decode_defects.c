#include "p2p/decode_defects.h"

#include "base/error.h"
#include "base/mem.h"

int mt_complaints_add(struct mt_complaints *complaints, const char *part, const char *why)
{
    void *grown = complaints->list;
    if (mt_reserve(&grown, &complaints->capacity, complaints->count + 1,
                   sizeof *complaints->list) != MT_OK)
        return MT_NOMEM;
    complaints->list = grown;
    complaints->list[complaints->count++] = (struct mt_complaint){part, why};
    return MT_OK;
}

void mt_complaints_clear(struct mt_complaints *complaints)
{
    complaints->count = 0;
}

void mt_complaints_free(struct mt_complaints *complaints)
{
    mt_free(complaints->list);
    *complaints = (struct mt_complaints){0};
}
