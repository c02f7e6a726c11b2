/* Entries that are recognised by their values. */
#include "base/error.h"
#include "base/mem.h"
#include "p2p/known_entries.h"
#include "support/check.h"

static struct mt_known_entries known;

/* The values of the entry of that number. */
static struct mt_entry_values values(uint64_t number)
{
    return (struct mt_entry_values){{number, 1, 2, 3, 4, 5}};
}

static int32_t find(uint64_t number)
{
    const struct mt_entry_values entry = values(number);
    uint64_t hash = mt_known_entry_hash(&known, &entry);
    mt_known_entry_load(&known, hash);
    return mt_known_entry_find(&known, &entry, hash);
}

static int add(uint64_t number, int32_t code)
{
    const struct mt_entry_values entry = values(number);
    return mt_known_entry_add(&known, &entry, mt_known_entry_hash(&known, &entry), code);
}

static void test_find(void)
{
    mt_known_entries_init(&known);
    CHECK_EQUAL(find(1), -1);
    CHECK_EQUAL(add(1, 10), MT_OK);
    CHECK_EQUAL(add(2, 20), MT_OK);
    CHECK_EQUAL(find(1), 10);
    CHECK_EQUAL(find(2), 20);
    CHECK_EQUAL(find(3), -1);
    mt_known_entries_clear(&known);
    CHECK_EQUAL(find(1), -1);
    CHECK_EQUAL(add(1, 11), MT_OK);
    CHECK_EQUAL(find(1), 11);
    mt_known_entries_clear(&known);
}

/* Every bit counts, for the hash and, should two hashes be equal, for the comparison. */
static void test_bits(void)
{
    mt_known_entries_init(&known);
    const struct mt_entry_values one = values(1);
    uint64_t hash = mt_known_entry_hash(&known, &one);
    CHECK_EQUAL(mt_known_entry_add(&known, &one, hash, 10), MT_OK);
    for (int bit = 0; bit < 64 * MT_ENTRY_WORDS; bit++) {
        struct mt_entry_values other = one;
        other.words[bit / 64] ^= UINT64_C(1) << bit % 64;
        CHECK(mt_known_entry_hash(&known, &other) != hash);
        CHECK_EQUAL(mt_known_entry_find(&known, &other, hash), -1);
    }
    CHECK_EQUAL(mt_known_entry_find(&known, &one, hash), 10);
    mt_known_entries_clear(&known);
}

/* Entries of a message that is taken back are unknown, also if all were forgotten in between. */
static void test_take_back(void)
{
    mt_known_entries_init(&known);
    for (uint64_t kept = 0; kept <= 100; kept += 100) {
        for (uint64_t i = 0; i < kept; i++)
            CHECK_EQUAL(add(i, (int32_t)i), MT_OK);
        mt_known_entries_begin(&known);
        for (uint64_t i = 1000; i < 1300; i++)
            CHECK_EQUAL(add(i, (int32_t)i), MT_OK);
        CHECK_EQUAL(find(1299), 1299);
        mt_known_entries_take_back(&known);
        for (uint64_t i = 1000; i < 1300; i++)
            CHECK_EQUAL(find(i), -1);
        for (uint64_t i = 0; i < kept; i++)
            CHECK_EQUAL(find(i), (int32_t)i);
        mt_known_entries_clear(&known);
    }
    mt_known_entries_begin(&known);
    for (int32_t i = 0; i < MT_KNOWN_ENTRIES + 10; i++)
        CHECK_EQUAL(add((uint64_t)i, i), MT_OK);
    CHECK_EQUAL(find(MT_KNOWN_ENTRIES + 5), MT_KNOWN_ENTRIES + 5);
    mt_known_entries_take_back(&known);
    CHECK_EQUAL(find(MT_KNOWN_ENTRIES + 5), -1);
    mt_known_entries_clear(&known);
}

/* Many are known at once; memory is bounded. */
static void test_bounds(void)
{
    mt_known_entries_init(&known);
    int32_t lost = 0;
    for (int32_t i = 0; i < MT_KNOWN_ENTRIES; i++)
        CHECK_EQUAL(add((uint64_t)i, i), MT_OK);
    for (int32_t i = 0; i < MT_KNOWN_ENTRIES; i++)
        lost += find((uint64_t)i) != i;
    CHECK_EQUAL(lost, 0);
    CHECK_EQUAL(known.capacity, MT_KNOWN_ENTRIES);
    CHECK_EQUAL(add(MT_KNOWN_ENTRIES, MT_KNOWN_ENTRIES), MT_OK);
    CHECK_EQUAL(known.count, 1);
    CHECK_EQUAL(find(0), -1);
    CHECK_EQUAL(find(MT_KNOWN_ENTRIES), MT_KNOWN_ENTRIES);
    mt_known_entries_clear(&known);
}

/* The searches are short whatever word of the entries a sender counts up, and in what steps. */
static void test_search(void)
{
    enum { MANY = MT_KNOWN_ENTRIES };
    for (int bit = 0; bit < 64 * MT_ENTRY_WORDS; bit += 16) {
        mt_known_entries_init(&known);
        for (uint64_t i = 0; i < MANY; i++) {
            struct mt_entry_values entry = values(0);
            entry.words[bit / 64] ^= i << bit % 64;
            entry.words[(bit / 64 + 3) % MT_ENTRY_WORDS] += i >> (63 - bit % 64);
            CHECK_EQUAL(
                mt_known_entry_add(&known, &entry, mt_known_entry_hash(&known, &entry), (int32_t)i),
                MT_OK);
        }
        size_t run = 0, longest = 0;
        for (size_t at = 0; at < 2 * known.capacity; at++) {
            run = known.slots[at].place != 0 ? run + 1 : 0;
            longest = run > longest ? run : longest;
        }
        CHECK(longest < 500); /* of 131072 slots, half of them taken: about 50 */
        mt_known_entries_clear(&known);
    }
}

/* After many unknown entries none is looked up for a while; a known one begins the count again. */
static void test_pause(void)
{
    mt_known_entries_init(&known);
    CHECK_EQUAL(add(1, 1), MT_OK);
    for (int round = 0; round < 2; round++) {
        for (uint64_t i = 2; i < MT_KNOWN_MISSES + 1; i++)
            (void)find(i);
        CHECK(!mt_known_entries_pause(&known, 1));
        CHECK_EQUAL(find(1), 1);
    }
    int paused = 0;
    for (int i = 0; i < MT_KNOWN_PAUSE; i += 16) {
        if (mt_known_entries_pause(&known, 16))
            paused += 16;
        else
            for (int j = 0; j < 16; j++)
                (void)find(2);
    }
    CHECK(paused > MT_KNOWN_PAUSE * 9 / 10);
    int all = 1;
    for (int i = 0; i < MT_KNOWN_PAUSE; i += 16)
        all &= mt_known_entries_pause(&known, 16);
    CHECK(!all);
    mt_known_entries_clear(&known);
}

static void test_memory(void)
{
    mt_known_entries_init(&known);
    for (long calls = 1; calls <= 2; calls++) {
        (void)mt_fail_after(calls);
        CHECK_EQUAL(add(1, 1), MT_NOMEM);
        (void)mt_fail_after(0);
        CHECK_EQUAL(find(1), -1);
    }
    CHECK_EQUAL(add(1, 1), MT_OK);
    CHECK_EQUAL(find(1), 1);
    mt_known_entries_clear(&known);
}

int main(void)
{
    test_find();
    test_bits();
    test_take_back();
    test_bounds();
    test_search();
    test_pause();
    test_memory();
    FINISH("test_known_entries");
}
