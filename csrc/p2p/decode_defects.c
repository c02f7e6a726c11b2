#include "p2p/decode_defects.h"

#include "base/error.h"
#include "base/mem.h"

int mt_defects_add(struct mt_decode_defects *defects, const char *part, const char *why)
{
    void *grown = defects->list;
    if (mt_reserve(&grown, &defects->capacity, defects->count + 1, sizeof *defects->list) != MT_OK)
        return MT_NOMEM;
    defects->list = grown;
    defects->list[defects->count++] = (struct mt_decode_defect){part, why};
    return MT_OK;
}

void mt_defects_clear(struct mt_decode_defects *defects)
{
    defects->count = 0;
}

void mt_defects_free(struct mt_decode_defects *defects)
{
    mt_free(defects->list);
    *defects = (struct mt_decode_defects){0};
}
