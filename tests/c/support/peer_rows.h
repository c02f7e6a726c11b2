/* Rows of peer_lists from what the core stores: runs, codes and entries. */
#ifndef MT_TEST_PEER_ROWS_H
#define MT_TEST_PEER_ROWS_H

#include "core.h"

#include <stdlib.h>
#include <string.h>

/* The row of an entry at a position of a message's list. */
static inline struct mt_peer_row peer_row(const struct mt_peer_entry_row *entry, int64_t message,
                                          uint32_t position)
{
    return (struct mt_peer_row){.message = message,
                                .position = position,
                                .id = entry->id,
                                .last_seen = entry->last_seen,
                                .host = entry->host,
                                .pruning_seed = entry->pruning_seed,
                                .rpc_credits_per_hash = entry->rpc_credits_per_hash,
                                .port = entry->port,
                                .rpc_port = entry->rpc_port,
                                .present = entry->present,
                                .type = entry->type};
}

/* Runs, codes and entries that were taken and are not rows yet. */
struct peer_parts {
    struct mt_peer_run_row *runs;
    struct mt_peer_code_row *codes;
    size_t runs_count, codes_count;
};

static inline void *append_all(void *rows, size_t count, const void *more, size_t more_count,
                               size_t size)
{
    rows = realloc(rows, (count + more_count + 1) * size);
    if (rows == NULL)
        abort();
    if (more != NULL && more_count != 0)
        memcpy((char *)rows + count * size, more, more_count * size);
    return rows;
}

/* Appends to *rows those of all runs, if all their codes are there. */
static inline void make_peer_rows(struct peer_parts *parts, const struct mt_peer_entry_row *entries,
                                  struct mt_peer_row **rows, size_t *count)
{
    size_t all = 0, at = 0;
    for (size_t i = 0; i < parts->runs_count; i++)
        all += parts->runs[i].entries;
    if (all != parts->codes_count)
        return;
    *rows = append_all(*rows, *count, NULL, all, sizeof **rows);
    for (size_t i = 0; i < parts->runs_count; i++)
        for (uint32_t position = 0; position < parts->runs[i].entries; position++, at++)
            (*rows)[*count + at] =
                peer_row(&entries[parts->codes[at].entry], parts->runs[i].message, position);
    *count += all;
    parts->runs_count = parts->codes_count = 0;
}

/* Takes the finished peer lists out of the core and appends their rows to *rows. What memory is too
 * short for stays, in the core or in `parts`. 1 if all was taken. */
static inline int take_peer_rows(struct mt_core *core, struct peer_parts *parts,
                                 struct mt_peer_row **rows, size_t *count)
{
    size_t runs, codes, entries;
    void *taken = mt_core_take(core, MT_TABLE_peer_runs, &runs);
    int all = taken != NULL || runs == 0;
    if (taken != NULL) {
        parts->runs = append_all(parts->runs, parts->runs_count, taken, runs, sizeof *parts->runs);
        parts->runs_count += runs;
    }
    mt_free(taken);
    taken = mt_core_take(core, MT_TABLE_peer_codes, &codes);
    all = all && (taken != NULL || codes == 0);
    if (taken != NULL)
        parts->codes =
            append_all(parts->codes, parts->codes_count, taken, codes, sizeof *parts->codes);
    parts->codes_count += taken != NULL ? codes : 0;
    mt_free(taken);
    taken = mt_core_take(core, MT_TABLE_peer_entries, &entries);
    if (taken != NULL)
        make_peer_rows(parts, taken, rows, count);
    mt_free(taken);
    return all && (taken != NULL || entries == 0);
}

static inline void free_peer_parts(struct peer_parts *parts)
{
    free(parts->runs);
    free(parts->codes);
    *parts = (struct peer_parts){0};
}

/* All rows that a core has read, which it keeps; free() them. NULL without any. */
static inline struct mt_peer_row *all_peer_rows(struct mt_core *core, size_t *count)
{
    const struct mt_table *runs = mt_core_table(core, MT_TABLE_peer_runs),
                          *codes = mt_core_table(core, MT_TABLE_peer_codes);
    struct mt_peer_row *rows = NULL;
    struct peer_parts parts = {runs->rows, codes->rows, runs->count, codes->count};
    *count = 0;
    if (runs->count != 0)
        make_peer_rows(&parts, mt_core_table(core, MT_TABLE_peer_entries)->rows, &rows, count);
    return rows;
}

#endif
