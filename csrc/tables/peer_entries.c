#include "tables/peer_entries.h"

size_t mt_peer_codes_kept(const struct mt_table *runs)
{
    size_t kept = 0;
    for (size_t i = 0; i < runs->count; i++)
        kept += ((const struct mt_peer_run_row *)runs->rows)[i].entries;
    return kept;
}

void *mt_peer_entries_take(struct mt_table *entries, struct mt_table *codes, size_t *count)
{
    struct mt_table rest = {.row_size = entries->row_size, .wanted = entries->wanted};
    *count = 0;
    if (entries->count == 0) /* an array that all rows were taken back from stays */
        return NULL;
    if (codes->count != 0 && mt_table_reserve(&rest, codes->count) != MT_OK) {
        *count = entries->count;
        return NULL;
    }
    for (size_t i = 0; i < codes->count; i++) {
        struct mt_peer_code_row *code = (struct mt_peer_code_row *)codes->rows + i;
        ((struct mt_peer_entry_row *)rest.rows)[rest.count] =
            ((const struct mt_peer_entry_row *)entries->rows)[code->entry];
        code->entry = (int32_t)rest.count++;
    }
    void *taken = mt_table_take(entries, entries->count, count);
    *entries = rest;
    return taken;
}
