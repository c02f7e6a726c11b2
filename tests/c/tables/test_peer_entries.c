/* Runs, codes and entries of peer lists. */
#include "base/mem.h"
#include "support/check.h"
#include "tables/peer_entries.h"

static struct mt_table runs, codes, entries;

static void begin(void)
{
    mt_table_init(&runs, MT_TABLE_peer_runs, 1);
    mt_table_init(&codes, MT_TABLE_peer_codes, 1);
    mt_table_init(&entries, MT_TABLE_peer_entries, 1);
}

static void end(void)
{
    mt_table_free(&runs);
    mt_table_free(&codes);
    mt_table_free(&entries);
}

static void append_entry(uint64_t id)
{
    const struct mt_peer_entry_row entry = {.id = id};
    int32_t code = -1;
    CHECK_EQUAL(mt_peer_entry_append(&entries, &entry, &code), MT_OK);
    CHECK_EQUAL(code, entries.count - 1);
}

static void append_run(int64_t message, uint32_t count, const int32_t *of)
{
    struct mt_peer_run_row *run = mt_table_append(&runs);
    *run = (struct mt_peer_run_row){.message = message, .entries = count};
    for (uint32_t i = 0; i < count; i++)
        ((struct mt_peer_code_row *)mt_table_append(&codes))->entry = of[i];
}

static uint64_t id_of(size_t code)
{
    int32_t entry = ((const struct mt_peer_code_row *)codes.rows)[code].entry;
    return ((const struct mt_peer_entry_row *)entries.rows)[entry].id;
}

static void test_kept(void)
{
    begin();
    CHECK_EQUAL(mt_peer_codes_kept(&runs), 0);
    append_run(1, 2, (const int32_t[]){0, 1});
    append_run(2, 3, (const int32_t[]){1, 1, 0});
    CHECK_EQUAL(mt_peer_codes_kept(&runs), 5);
    end();
}

/* Codes that stay keep their entries; a failure changes nothing. */
static void test_take(void)
{
    size_t count;
    begin();
    CHECK(mt_peer_entries_take(&entries, &codes, &count) == NULL && count == 0);
    for (uint64_t id = 100; id < 103; id++)
        append_entry(id);
    append_run(5, 3, (const int32_t[]){2, 0, 2});
    (void)mt_fail_after(1);
    CHECK(mt_peer_entries_take(&entries, &codes, &count) == NULL && count == 3);
    (void)mt_fail_after(0);
    CHECK(id_of(0) == 102 && id_of(1) == 100 && id_of(2) == 102 && entries.count == 3);
    struct mt_peer_entry_row *taken = mt_peer_entries_take(&entries, &codes, &count);
    CHECK(taken != NULL && count == 3 && taken[1].id == 101);
    mt_free(taken);
    CHECK(id_of(0) == 102 && id_of(1) == 100 && id_of(2) == 102 && entries.count == 3);
    codes.count = 0;
    (void)mt_fail_after(1); /* without codes it needs no memory */
    taken = mt_peer_entries_take(&entries, &codes, &count);
    (void)mt_fail_after(0);
    CHECK(taken != NULL && count == 3 && entries.count == 0);
    mt_free(taken);
    append_entry(7);
    entries.count = 0; /* taken back: the array stays */
    CHECK(mt_peer_entries_take(&entries, &codes, &count) == NULL && count == 0);
    CHECK(entries.rows != NULL);
    end();
}

int main(void)
{
    test_kept();
    test_take();
    FINISH("test_peer_entries");
}
