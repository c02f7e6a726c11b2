#include "tables/table.h"

#include "support/check.h"

#include <stdint.h>

static void test_append(void)
{
    struct mt_table table;
    mt_table_init(&table, MT_TABLE_sync_data, 1);
    CHECK_EQUAL(table.row_size, sizeof(struct mt_sync_row));
    CHECK_EQUAL(table.wanted, 1);
    CHECK_EQUAL(table.count, 0);
    for (int64_t i = 0; i < 1000; i++) {
        struct mt_sync_row *row = mt_table_append(&table);
        CHECK(row == (struct mt_sync_row *)table.rows + i);
        static const struct mt_sync_row zero;
        CHECK(memcmp(row, &zero, sizeof zero) == 0);
        memset(row, 0xff, sizeof *row); /* what is taken back must come zeroed again */
        row->message = i;
    }
    CHECK_EQUAL(table.count, 1000);
    CHECK(table.capacity >= 1000 && table.capacity < 2000);
    const struct mt_sync_row *rows = table.rows;
    for (int64_t i = 0; i < 1000; i++)
        CHECK(rows[i].message == i);
    table.count = 10;
    struct mt_sync_row *row = mt_table_append(&table);
    CHECK(row != NULL && row->message == 0 && row->top_id == 0);
    mt_table_free(&table);
    CHECK(table.rows == NULL && table.count == 0 && table.capacity == 0);
    mt_table_free(&table);
    row = mt_table_append(&table); /* it may be used on */
    CHECK(row != NULL && table.count == 1);
    mt_table_free(&table);
}

static void test_reserve(void)
{
    struct mt_table table;
    mt_table_init(&table, MT_TABLE_messages, 0);
    CHECK_EQUAL(table.wanted, 0);
    CHECK_EQUAL(mt_table_reserve(&table, 100), MT_OK);
    CHECK(table.capacity >= 100 && table.count == 0);
    void *rows = table.rows;
    for (int i = 0; i < 100; i++)
        CHECK(mt_table_append(&table) != NULL);
    CHECK(table.rows == rows);
    CHECK_EQUAL(mt_table_reserve(&table, SIZE_MAX), MT_NOMEM);
    CHECK_EQUAL(mt_table_reserve(&table, SIZE_MAX - 100), MT_NOMEM);
    CHECK_EQUAL(mt_table_reserve(&table, SIZE_MAX / sizeof(struct mt_message_row)), MT_NOMEM);
    CHECK(table.rows == rows && table.count == 100);
    mt_table_free(&table);
}

/* Beyond a few MiB the pages are mapped ahead in stretches: every row is still there, zeroed when
 * new, and `ready` never leaves the array. */
static void test_large(void)
{
    struct mt_table table;
    mt_table_init(&table, MT_TABLE_messages, 1);
    const int64_t count = (int64_t)(16777216 / sizeof(struct mt_message_row));
    int zeroed = 1, kept = 1, within = 1;
    for (int64_t i = 0; i < count; i++) {
        if (i % 1000 == 0)
            within &= mt_table_reserve(&table, 250) == MT_OK && table.capacity - table.count >= 250;
        struct mt_message_row *row = mt_table_append(&table);
        if (row == NULL)
            break;
        zeroed &= row->message == 0 && row->status == 0;
        within &= table.count <= table.ready && table.ready <= table.capacity;
        row->message = i;
        row->status = -1;
    }
    CHECK_EQUAL(table.count, count);
    CHECK(zeroed);
    CHECK(within);
    mt_fail_after(1); /* room that is there is given without the allocator */
    CHECK_EQUAL(mt_table_reserve(&table, table.ready - table.count), MT_OK);
    CHECK_EQUAL(mt_table_reserve(&table, table.capacity - table.count), MT_OK);
    CHECK_EQUAL(mt_table_reserve(&table, table.capacity - table.count + 1), MT_NOMEM);
    mt_fail_after(0);
    const struct mt_message_row *rows = table.rows;
    for (int64_t i = 0; i < count && i < (int64_t)table.count; i++)
        kept &= rows[i].message == i && rows[i].status == -1;
    CHECK(kept);
    size_t taken;
    struct mt_message_row *all = mt_table_take(&table, table.count, &taken);
    CHECK_EQUAL(taken, count);
    CHECK(all != NULL && all[count - 1].message == count - 1);
    CHECK(table.ready == 0 && table.capacity == 0);
    mt_free(all);
    struct mt_message_row *row = mt_table_append(&table); /* and from the beginning */
    CHECK(row != NULL && row->message == 0 && table.count == 1);
    mt_table_free(&table);
}

static void test_take(void)
{
    struct mt_table table;
    size_t count = 77;
    mt_table_init(&table, MT_TABLE_files, 1);
    CHECK(mt_table_take(&table, table.count, &count) == NULL);
    CHECK_EQUAL(count, 0);
    CHECK_EQUAL(mt_table_reserve(&table, 5), MT_OK); /* room but no rows */
    CHECK(mt_table_take(&table, table.count, &count) == NULL);
    CHECK_EQUAL(count, 0);
    CHECK(table.capacity >= 5); /* which stays */
    for (int64_t i = 0; i < 5; i++) {
        struct mt_file_row *row = mt_table_append(&table);
        CHECK(row != NULL);
        if (row != NULL)
            row->packets = i;
    }
    mt_fail_after(1);
    CHECK(mt_table_take(&table, 3, &count) ==
          NULL); /* no room for those that stay: nothing changed */
    mt_fail_after(0);
    CHECK(count == 3 && table.count == 5);
    struct mt_file_row *first = mt_table_take(&table, 3, &count);
    CHECK_EQUAL(count, 3);
    CHECK(first != NULL && first[0].packets == 0 && first[2].packets == 2);
    CHECK(table.count == 2 && ((struct mt_file_row *)table.rows)[0].packets == 3 &&
          ((struct mt_file_row *)table.rows)[1].packets == 4);
    mt_free(first);
    first = mt_table_take(&table, 2, &count);
    CHECK(first != NULL && count == 2 && first[1].packets == 4);
    mt_free(first);
    for (int cut = 0; cut < 2; cut++) {
        for (int64_t i = 0; i < 3; i++) {
            struct mt_file_row *row = mt_table_append(&table);
            CHECK(row != NULL);
            if (row != NULL)
                row->packets = 100 + i;
        }
        mt_fail_after(cut); /* even if the array cannot be cut the rows are handed over */
        struct mt_file_row *rows = mt_table_take(&table, table.count, &count);
        mt_fail_after(0);
        CHECK_EQUAL(count, 3);
        CHECK(rows != NULL && rows[0].packets == 100 && rows[2].packets == 102);
        CHECK(table.rows == NULL && table.count == 0 && table.capacity == 0);
        mt_free(rows);
    }
    mt_table_free(&table);
}

static void test_no_memory(void)
{
    struct mt_table table;
    mt_table_init(&table, MT_TABLE_problems, 1);
    mt_fail_after(1);
    CHECK(mt_table_append(&table) == NULL);
    CHECK_EQUAL(mt_table_reserve(&table, 1), MT_NOMEM);
    CHECK(table.rows == NULL && table.count == 0 && table.capacity == 0);
    mt_fail_after(0);
    struct mt_problem_row *row = mt_table_append(&table);
    CHECK(row != NULL);
    while (table.count < table.capacity)
        CHECK(mt_table_append(&table) != NULL);
    size_t full = table.count;
    mt_fail_after(1);
    CHECK(mt_table_append(&table) == NULL);
    CHECK_EQUAL(table.count, full);
    CHECK_EQUAL(table.capacity, full);
    mt_fail_after(0);
    CHECK(mt_table_append(&table) != NULL);
    CHECK_EQUAL(table.count, full + 1);
    mt_table_free(&table);
}

static void append_rows(struct mt_table *tables, int id, int64_t first, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        void *row = mt_table_append(&tables[id]);
        if (mt_table_of_messages((enum mt_table_id)id))
            memcpy(row, &first, sizeof first); /* the message */
    }
}

/* The rows of the last message go, from the tables of messages and from no other. */
static void test_take_back(void)
{
    struct mt_table tables[MT_TABLE_COUNT];
    for (int id = 0; id < MT_TABLE_COUNT; id++) {
        mt_table_init(&tables[id], (enum mt_table_id)id, 1);
        append_rows(tables, id, 6, 2);
        append_rows(tables, id, 7, id == MT_TABLE_peer_lists ? 0 : (size_t)id);
    }
    mt_tables_take_back(tables, 8); /* it has none */
    for (int id = 0; id < MT_TABLE_COUNT; id++)
        CHECK_EQUAL(tables[id].count, 2 + (id == MT_TABLE_peer_lists ? 0 : id));
    mt_tables_take_back(tables, 7);
    for (int id = 0; id < MT_TABLE_COUNT; id++)
        CHECK_EQUAL(tables[id].count, mt_table_of_messages((enum mt_table_id)id) ? 2 : 2 + id);
    mt_tables_take_back(tables, 6);
    for (int id = 0; id < MT_TABLE_COUNT; id++) {
        CHECK_EQUAL(tables[id].count == 0, mt_table_of_messages((enum mt_table_id)id));
        CHECK_EQUAL(mt_table_of_messages((enum mt_table_id)id),
                    strcmp(mt_schemas[id].fields[0].name, "message") == 0);
        mt_table_free(&tables[id]);
    }
}

int main(void)
{
    test_take_back();
    test_append();
    test_reserve();
    test_large();
    test_take();
    test_no_memory();
    FINISH("test_table");
}
