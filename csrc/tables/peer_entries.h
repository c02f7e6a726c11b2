/* The entries of peer lists: a list is a run (peer_runs) of codes (peer_codes) of entries
 * (peer_entries), each of which is stored once as far as the caller recognises it. Owns what the
 * three tables have to do with each other. Used by p2p and the core. */
#ifndef MT_TABLES_PEER_ENTRIES_H
#define MT_TABLES_PEER_ENTRIES_H

#include "base/error.h"
#include "tables/rows.h"
#include "tables/table.h"

#include <stddef.h>
#include <stdint.h>

/* Appends an entry to the table peer_entries and writes its code. MT_OK, or MT_NOMEM (nothing
 * changed), also for an entry after INT32_MAX others. */
static inline int mt_peer_entry_append(struct mt_table *entries,
                                       const struct mt_peer_entry_row *entry, int32_t *code)
{
    if (entries->count >= INT32_MAX ||
        (entries->count == entries->ready && mt_table_reserve(entries, 1) != MT_OK))
        return MT_NOMEM;
    *code = (int32_t)entries->count;
    ((struct mt_peer_entry_row *)entries->rows)[entries->count++] = *entry;
    return MT_OK;
}

/* Number of codes at the end of peer_codes that belong to the rows of peer_runs. */
size_t mt_peer_codes_kept(const struct mt_table *runs);

/* Hands all rows of peer_entries over to the caller, as mt_table_take does. The codes that stay get
 * entries of their own. NULL without rows (*count 0), or if memory is out for these (*count is not
 * 0; nothing changed). */
void *mt_peer_entries_take(struct mt_table *entries, struct mt_table *codes, size_t *count);

#endif
