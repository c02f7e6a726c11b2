/* A capture read in parts: laid end to end they are the rows of one reading. */
#define _GNU_SOURCE
#include "support/core_help.h"
#include "support/peer_rows.h"

struct part {
    void *rows;
    size_t count;
};

static void append_part(struct part *whole, struct mt_core *core, enum mt_table_id id)
{
    size_t count = 0, size = mt_schemas[id].row_size;
    void *rows = mt_core_take(core, id, &count);
    CHECK((rows == NULL) == (count == 0));
    if (count != 0) {
        whole->rows = realloc(whole->rows, (whole->count + count) * size);
        memcpy((char *)whole->rows + whole->count * size, rows, count * size);
    }
    whole->count += count;
    mt_free(rows);
}

static void append_peers(struct part *whole, struct mt_core *core)
{
    struct peer_parts parts = {0};
    struct mt_peer_row *rows = whole->rows;
    CHECK(take_peer_rows(core, &parts, &rows, &whole->count));
    CHECK_EQUAL(parts.runs_count + parts.codes_count, 0); /* each part stands by itself */
    whole->rows = rows;
    free_peer_parts(&parts);
}

static int is_stored_peers(int id)
{
    return id >= MT_TABLE_peer_runs && id <= MT_TABLE_peer_entries;
}

static int by_first_field(const void *a, const void *b)
{
    int64_t left, right;
    memcpy(&left, a, 8);
    memcpy(&right, b, 8);
    return (left > right) - (left < right);
}

/* Rows of messages and of what they say. */
static size_t content_rows(struct mt_core *core)
{
    size_t rows = 0;
    for (int id = 0; id < MT_TABLE_COUNT; id++)
        rows += id != MT_TABLE_connections && id != MT_TABLE_problems && id != MT_TABLE_files
                    ? count_of(core, (enum mt_table_id)id)
                    : 0;
    return rows;
}

/* The parts laid end to end are what one reading gives. */
static void check_parts(uint64_t bytes, uint64_t rows)
{
    struct mt_core *all = open_files(1), *core = open_files(1);
    struct part parts[MT_TABLE_COUNT] = {{0}};
    run(all);
    int result, steps = 0;
    do {
        size_t before = content_rows(core);
        result = mt_core_step(core, bytes, rows, &failure);
        CHECK(result == MT_OK || result == MT_END);
        if (result == MT_OK && rows != 0 && bytes == 0)
            CHECK(content_rows(core) - before >= rows);
        for (int id = 0; id < MT_TABLE_COUNT; id++) {
            if (id == MT_TABLE_files && result != MT_END)
                CHECK_EQUAL(count_of(core, MT_TABLE_files), 0);
            if (id == MT_TABLE_peer_lists)
                append_peers(&parts[id], core);
            else if (!is_stored_peers(id))
                append_part(&parts[id], core, (enum mt_table_id)id);
        }
        steps++;
    } while (result == MT_OK);
    CHECK(steps > 10);
    for (int id = 0; id < MT_TABLE_COUNT; id++) {
        struct mt_table peers = *mt_core_table(all, MT_TABLE_peer_lists), *table = &peers;
        if (id == MT_TABLE_peer_lists)
            table->rows = all_peer_rows(all, &table->count);
        else if (!is_stored_peers(id))
            table = mt_core_table(all, (enum mt_table_id)id);
        CHECK_EQUAL(parts[id].count, table->count);
        if (table->count == 0)
            continue;
        if (id == MT_TABLE_connections) /* in parts they come as they end */
            qsort(parts[id].rows, parts[id].count, table->row_size, by_first_field);
        CHECK(parts[id].count == table->count &&
              memcmp(parts[id].rows, table->rows, table->count * table->row_size) == 0);
        free(parts[id].rows);
        free(peers.rows);
    }
    CHECK(count_of(all, MT_TABLE_messages) > 100);
    CHECK_EQUAL(count_of(all, MT_TABLE_connections), 60);
    for (size_t i = 0; i < 60; i++)
        CHECK_EQUAL(connection(all, i)->connection, (int64_t)i);
    mt_core_close(all);
    mt_core_close(core);
}

static void test_parts(void)
{
    make_busy_file();
    check_parts(1, 0); /* packet by packet */
    check_parts(1000, 0);
    check_parts(0, 1);
    check_parts(0, 10);
    check_parts(2000, 5);
}

int main(void)
{
    begin_core_tests();
    test_parts();
    end_core_tests();
    FINISH("test_core_parts");
}
