/* Entries that are recognised by their bytes. */
#include "base/error.h"
#include "base/mem.h"
#include "p2p/known_entries.h"
#include "support/check.h"

static struct mt_known_entries known;
static uint8_t bytes[MT_KNOWN_MOST];

/* The bytes of the entry of that number. */
static void make(uint64_t number)
{
    memset(bytes, 'x', sizeof bytes);
    memcpy(bytes + 45, &number, sizeof number);
}

static int32_t find(uint64_t number, size_t room)
{
    make(number);
    const struct mt_known_entry *entry =
        mt_known_entry_find(&known, bytes, room, mt_known_entry_mark(&known, bytes));
    return entry != NULL ? entry->code : -1;
}

static int add(uint64_t number, int32_t code, uint8_t size)
{
    make(number);
    const struct mt_known_entry entry = {
        .mark = mt_known_entry_mark(&known, bytes), .code = code, .size = size};
    return mt_known_entry_add(&known, &entry, bytes);
}

static void test_find(void)
{
    mt_known_entries_init(&known);
    CHECK_EQUAL(find(1, MT_KNOWN_MOST), -1);
    CHECK_EQUAL(add(1, 10, MT_KNOWN_LEAST), MT_OK);
    CHECK_EQUAL(add(2, 20, MT_KNOWN_MOST), MT_OK);
    CHECK_EQUAL(find(1, MT_KNOWN_LEAST), 10);
    CHECK_EQUAL(find(2, MT_KNOWN_MOST), 20);
    CHECK_EQUAL(find(2, MT_KNOWN_MOST - 1), -1); /* cut */
    CHECK_EQUAL(find(3, MT_KNOWN_MOST), -1);
    make(1);
    uint32_t mark = mt_known_entry_mark(&known, bytes);
    bytes[0] ^= 1; /* a byte that is not in the mark */
    CHECK(mt_known_entry_find(&known, bytes, MT_KNOWN_MOST, mark) == NULL);
    mt_known_entries_clear(&known);
    CHECK_EQUAL(find(1, MT_KNOWN_MOST), -1);
    CHECK_EQUAL(add(1, 11, MT_KNOWN_LEAST), MT_OK);
    CHECK_EQUAL(find(1, MT_KNOWN_MOST), 11);
    mt_known_entries_clear(&known);
}

/* Entries of a message that is taken back are unknown, also if all were forgotten in between. */
static void test_take_back(void)
{
    mt_known_entries_init(&known);
    for (uint64_t kept = 0; kept <= 100; kept += 100) {
        for (uint64_t i = 0; i < kept; i++)
            CHECK_EQUAL(add(i, (int32_t)i, MT_KNOWN_LEAST), MT_OK);
        mt_known_entries_begin(&known);
        for (uint64_t i = 1000; i < 1300; i++)
            CHECK_EQUAL(add(i, (int32_t)i, MT_KNOWN_LEAST), MT_OK);
        CHECK_EQUAL(find(1299, MT_KNOWN_MOST), 1299);
        mt_known_entries_take_back(&known);
        for (uint64_t i = 1000; i < 1300; i++)
            CHECK_EQUAL(find(i, MT_KNOWN_MOST), -1);
        for (uint64_t i = 0; i < kept; i++)
            CHECK_EQUAL(find(i, MT_KNOWN_MOST), (int32_t)i);
        mt_known_entries_clear(&known);
    }
    mt_known_entries_begin(&known);
    for (int32_t i = 0; i < MT_KNOWN_ENTRIES + 10; i++)
        CHECK_EQUAL(add((uint64_t)i, i, MT_KNOWN_LEAST), MT_OK);
    CHECK_EQUAL(find(MT_KNOWN_ENTRIES + 5, MT_KNOWN_MOST), MT_KNOWN_ENTRIES + 5);
    mt_known_entries_take_back(&known);
    CHECK_EQUAL(find(MT_KNOWN_ENTRIES + 5, MT_KNOWN_MOST), -1);
    mt_known_entries_clear(&known);
}

/* Many are known at once; memory and search are bounded. */
static void test_bounds(void)
{
    mt_known_entries_init(&known);
    int32_t lost = 0;
    for (int32_t i = 0; i < MT_KNOWN_ENTRIES; i++)
        CHECK_EQUAL(add((uint64_t)i, i, MT_KNOWN_LEAST), MT_OK);
    for (int32_t i = 0; i < MT_KNOWN_ENTRIES; i++)
        lost += find((uint64_t)i, MT_KNOWN_MOST) != i;
    CHECK_EQUAL(lost, 0);
    CHECK_EQUAL(known.capacity, MT_KNOWN_ENTRIES);
    CHECK_EQUAL(add(MT_KNOWN_ENTRIES, MT_KNOWN_ENTRIES, MT_KNOWN_LEAST), MT_OK);
    CHECK_EQUAL(known.count, 1);
    CHECK_EQUAL(find(0, MT_KNOWN_MOST), -1);
    CHECK_EQUAL(find(MT_KNOWN_ENTRIES, MT_KNOWN_MOST), MT_KNOWN_ENTRIES);
    mt_known_entries_clear(&known);
    for (int32_t i = 0; i < 100; i++) { /* of one mark: all places of it are taken */
        make(7);
        const struct mt_known_entry entry = {.mark = 7, .code = i, .size = MT_KNOWN_LEAST};
        bytes[0] = (uint8_t)i;
        CHECK_EQUAL(mt_known_entry_add(&known, &entry, bytes), MT_OK);
        CHECK(mt_known_entry_find(&known, bytes, MT_KNOWN_MOST, 7) != NULL);
    }
    mt_known_entries_clear(&known);
}

/* After many unknown entries none is looked up for a while; a known one begins the count again. */
static void test_pause(void)
{
    mt_known_entries_init(&known);
    CHECK_EQUAL(add(1, 1, MT_KNOWN_LEAST), MT_OK);
    for (int round = 0; round < 2; round++) {
        for (uint64_t i = 2; i < MT_KNOWN_MISSES + 1; i++)
            (void)find(i, MT_KNOWN_MOST);
        CHECK(!mt_known_entries_pause(&known));
        CHECK_EQUAL(find(1, MT_KNOWN_MOST), 1);
    }
    int paused = 0;
    for (int i = 0; i < MT_KNOWN_PAUSE; i++) {
        if (mt_known_entries_pause(&known))
            paused++;
        else
            (void)find(2, MT_KNOWN_MOST);
    }
    CHECK(paused > MT_KNOWN_PAUSE * 9 / 10);
    int all = 1;
    for (int i = 0; i < MT_KNOWN_PAUSE; i++)
        all &= mt_known_entries_pause(&known);
    CHECK(!all);
    mt_known_entries_clear(&known);
}

static void test_memory(void)
{
    mt_known_entries_init(&known);
    for (long calls = 1; calls <= 2; calls++) {
        (void)mt_fail_after(calls);
        CHECK_EQUAL(add(1, 1, MT_KNOWN_LEAST), MT_NOMEM);
        (void)mt_fail_after(0);
        CHECK_EQUAL(find(1, MT_KNOWN_MOST), -1);
    }
    CHECK_EQUAL(add(1, 1, MT_KNOWN_LEAST), MT_OK);
    CHECK_EQUAL(find(1, MT_KNOWN_MOST), 1);
    mt_known_entries_clear(&known);
}

int main(void)
{
    test_find();
    test_take_back();
    test_bounds();
    test_pause();
    test_memory();
    FINISH("test_known_entries");
}
