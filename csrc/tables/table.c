#define _GNU_SOURCE /* MADV_POPULATE_WRITE */
#include "tables/table.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

void mt_table_init(struct mt_table *table, enum mt_table_id id, int wanted)
{
    *table = (struct mt_table){.row_size = mt_schemas[id].row_size, .wanted = wanted};
}

void mt_table_free(struct mt_table *table)
{
    mt_free(table->rows);
    table->rows = NULL;
    table->count = table->capacity = table->ready = 0;
}

/* Has the kernel map the next stretch of a large table at once: its rows are written once from end
 * to end, and a page fault for each 4 KiB would cost as much as the decoding. Sets `ready`. */
static void map_ahead(struct mt_table *table, size_t needed)
{
    enum { PAGE = 4096, STRETCH = 1 << 17 };
    size_t wanted = needed + STRETCH / table->row_size;
    table->ready = wanted < table->capacity ? wanted : table->capacity;
    if (table->capacity * table->row_size < 32 * STRETCH)
        return;
    uintptr_t begin = ((uintptr_t)table->rows + table->count * table->row_size + PAGE - 1) &
                      ~(uintptr_t)(PAGE - 1);
    uintptr_t end =
        ((uintptr_t)table->rows + table->ready * table->row_size) & ~(uintptr_t)(PAGE - 1);
#ifdef MADV_POPULATE_WRITE
    if (begin < end)
        (void)madvise((void *)begin, end - begin,
                      MADV_POPULATE_WRITE); /* older kernels refuse: nothing lost */
#else
    (void)begin;
    (void)end;
#endif
}

int mt_table_reserve(struct mt_table *table, size_t rows)
{
    if (rows > SIZE_MAX - table->count)
        return MT_NOMEM;
    size_t needed = table->count + rows;
    if (needed <= table->ready)
        return MT_OK;
    if (mt_reserve(&table->rows, &table->capacity, needed, table->row_size) != MT_OK)
        return MT_NOMEM;
    map_ahead(table, needed);
    return MT_OK;
}

void *mt_table_append(struct mt_table *table)
{
    if (table->count == table->ready && mt_table_reserve(table, 1) != MT_OK)
        return NULL;
    void *row = (char *)table->rows + table->count * table->row_size;
    memset(row, 0, table->row_size);
    table->count++;
    return row;
}

int mt_table_of_messages(enum mt_table_id id)
{
    return id != MT_TABLE_connections && id != MT_TABLE_problems && id != MT_TABLE_files &&
           id != MT_TABLE_peer_codes && id != MT_TABLE_peer_entries;
}

static int ends_with(const struct mt_table *table, int64_t message)
{
    int64_t last;
    if (table->count == 0)
        return 0;
    memcpy(&last, (const char *)table->rows + (table->count - 1) * table->row_size, sizeof last);
    return last == message;
}

/* Removes the codes of a message's peer lists. */
static void take_codes_back(struct mt_table tables[MT_TABLE_COUNT], int64_t message)
{
    const struct mt_table *runs = &tables[MT_TABLE_peer_runs];
    const struct mt_peer_run_row *rows = runs->rows;
    for (size_t i = runs->count; i > 0 && rows[i - 1].message == message; i--)
        tables[MT_TABLE_peer_codes].count -= rows[i - 1].entries;
}

void mt_tables_take_back(struct mt_table tables[MT_TABLE_COUNT], int64_t message)
{
    take_codes_back(tables, message);
    for (int id = 0; id < MT_TABLE_COUNT; id++) {
        while (mt_table_of_messages((enum mt_table_id)id) && ends_with(&tables[id], message))
            tables[id].count--;
    }
}

void *mt_table_take(struct mt_table *table, size_t rows, size_t *count)
{
    struct mt_table rest = {.row_size = table->row_size, .wanted = table->wanted};
    size_t kept = table->count - rows;
    *count = 0;
    if (rows == 0)
        return NULL;
    if (kept != 0) {
        if (mt_table_reserve(&rest, kept) != MT_OK) {
            *count = rows;
            return NULL;
        }
        memcpy(rest.rows, (const char *)table->rows + rows * table->row_size,
               kept * table->row_size);
        rest.count = kept;
    }
    void *taken = table->rows, *cut = mt_resize(taken, rows, table->row_size);
    *table = rest;
    *count = rows;
    return cut != NULL ? cut : taken;
}
