/* A table: rows of one type in one growing array, which numpy adopts without a copy. Knows the size
 * of a row, not its fields. Used by p2p, the core and the binding. */
#ifndef MT_TABLES_TABLE_H
#define MT_TABLES_TABLE_H

#include "base/error.h"
#include "base/mem.h"
#include "tables/rows.h"

#include <stddef.h>
#include <stdint.h>

struct mt_table {
    void *rows; /* `capacity` rows, the first `count` in use; owned by the table */
    size_t count;
    size_t capacity;
    size_t
        ready; /* rows, at most `capacity`, that may be filled without a call of mt_table_reserve */
    size_t row_size;
    int wanted; /* 0: the caller did not ask for this table; nothing is appended to it */
};

/* An empty table of rows of that type. Allocates nothing. */
void mt_table_init(struct mt_table *table, enum mt_table_id id, int wanted);

/* Frees the rows. Only mt_table_init may follow. */
void mt_table_free(struct mt_table *table);

/* Makes room for `rows` more without changing `count`. MT_OK or MT_NOMEM (nothing changed). */
int mt_table_reserve(struct mt_table *table, size_t rows);

/* A zeroed new last row, valid until the table next grows; NULL if memory is out (nothing changed).
 */
void *mt_table_append(struct mt_table *table);

/* 1 for messages and the tables of their contents, whose rows begin with the message's id and are
 * in ascending order of it. */
int mt_table_of_messages(enum mt_table_id id);

/* Removes the rows of a message, which is the last one, from all tables of messages' contents, and
 * its codes from peer_codes. */
void mt_tables_take_back(struct mt_table tables[MT_TABLE_COUNT], int64_t message);

/* Hands the first `rows` rows (at most all) over to the caller (mt_free) and keeps the others. The
 * array is cut to what is used. Returns NULL without rows (*count 0), or if memory is out for the
 * rows that stay (*count is `rows`; nothing changed). */
void *mt_table_take(struct mt_table *table, size_t rows, size_t *count);

#endif
