/* The 2xxx payloads: which fields decide whether monerod takes them, and what becomes of ids and
 * indices. */
#include "support/check.h"
#include "support/decoding.h"
#include "support/payload.h"

static struct payload work;
static struct world world;

/* Why monerod would refuse the payload, NULL if it takes it; rows are those of this payload. */
static const char *verdict_of(uint32_t command, const uint8_t *bytes, size_t size)
{
    world_clear(&world);
    int result = decode(&world, 7, command, 0, bytes, size);
    CHECK_EQUAL(result, world.why == NULL ? MT_OK : MT_MALFORMED);
    if (result != MT_OK)
        CHECK_EQUAL(world_rows(&world), 0);
    return world.why;
}

static const char *verdict(uint32_t command)
{
    return verdict_of(command, work.bytes, work.size);
}

enum {
    U = 'u',
    B = 'b',
    S = 's',
    T = 't',
    O = 'o',
    L = 'l'
}; /* u64, bool, string, array of strings, object, array of objects */

/* 1 if a field of that kind may be an array (`is_array`, of `count` elements) or a scalar of
 * `type`. */
static int may_be(int kind, unsigned type, int is_array, unsigned count)
{
    switch (kind) {
    case U:
        return !is_array && type <= MT_EPEE_UINT8;
    case B:
        return !is_array && type == MT_EPEE_BOOL;
    case S:
        return !is_array && type == MT_EPEE_STRING;
    case T:
        return !is_array || count == 0 || type == MT_EPEE_STRING;
    default:
        return 1; /* objects and arrays of them: anything else is as good as missing */
    }
}

static const struct {
    uint32_t command;
    const char *name;
    int kind;
} fields[] = {
    {2001, "b", O},
    {2001, "current_blockchain_height", U},
    {2002, "_", S},
    {2002, "dandelionpp_fluff", B},
    {2002, "txs", T},
    {2003, "blocks", S},
    {2003, "prune", B},
    {2004, "blocks", L},
    {2004, "current_blockchain_height", U},
    {2004, "missed_ids", S},
    {2006, "block_ids", S},
    {2006, "prune", B},
    {2007, "cumulative_difficulty", U},
    {2007, "cumulative_difficulty_top64", U},
    {2007, "first_block", S},
    {2007, "m_block_ids", S},
    {2007, "m_block_weights", S},
    {2007, "start_height", U},
    {2007, "total_height", U},
    {2008, "b", O},
    {2008, "current_blockchain_height", U},
    {2009, "block_hash", S},
    {2009, "current_blockchain_height", U},
    {2009, "missing_tx_indices", S},
    {2010, "hashes", S},
    /* unknown to the command, so of any type: */
    {2001, "txs", L},
    {2002, "hop", L},
    {2003, "txs", L},
    {2010, "prune", L},
    {1004, "tr", L},
    {1006, "my_id", L},
    {1003, "peer_id", L},
};

static void test_fields(void)
{
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        for (unsigned type = 1; type <= 12; type++) {
            begin(&work, 1);
            key(&work, fields[i].name, type);
            zeros(&work, 8);
            CHECK_EQUAL(verdict(fields[i].command) == NULL, may_be(fields[i].kind, type, 0, 1));
            for (unsigned count = 0; count < 2; count++) {
                array(begin(&work, 1), fields[i].name, type, count);
                zeros(&work, 8);
                CHECK_EQUAL(verdict(fields[i].command) == NULL,
                            may_be(fields[i].kind, type, 1, count));
            }
        }
    }
    CHECK(verdict(2001) == NULL);
    number(begin(&work, 1), "current_blockchain_height", MT_EPEE_INT8, 0xff);
    CHECK_TEXT(verdict(2001), "number out of its field's range");
    string(begin(&work, 1), "current_blockchain_height", "123", 3);
    CHECK(verdict(2001) == NULL);
    string(begin(&work, 1), "blocks", "31 bytes are no hash, but taken", 31);
    CHECK(verdict(2003) == NULL);
}

static const struct {
    const char *name;
    int kind;
} block_fields[] = {{"block", S}, {"block_weight", U}, {"pruned", B}, {"other", L}};

/* The root around one block entry of `entries`, which follow. */
static void begin_block(uint32_t command, unsigned entries)
{
    begin(&work, 1);
    if (command == 2004) {
        array(&work, "blocks", MT_EPEE_OBJECT, 2);
        varint(&work, 0);
        varint(&work, entries);
    } else {
        object(&work, "b", entries);
    }
}

static void test_blocks(void)
{
    static const uint32_t commands[] = {2001, 2004, 2008};
    for (size_t c = 0; c < 3; c++) {
        for (size_t i = 0; i < sizeof block_fields / sizeof block_fields[0]; i++) {
            for (unsigned type = 1; type <= 12; type++) {
                begin_block(commands[c], 1);
                key(&work, block_fields[i].name, type);
                zeros(&work, 8);
                CHECK_EQUAL(verdict(commands[c]) == NULL, may_be(block_fields[i].kind, type, 0, 1));
                begin_block(commands[c], 1);
                array(&work, block_fields[i].name, type, 0);
                CHECK_EQUAL(verdict(commands[c]) == NULL, may_be(block_fields[i].kind, type, 1, 0));
            }
        }
        for (unsigned pruned = 0; pruned < 2;
             pruned++) { /* transactions: strings, objects; numbers only where nobody looks */
            for (unsigned type = 1; type <= 12; type++) {
                for (unsigned count = 0; count < 2; count++) {
                    begin_block(commands[c], 2);
                    number(&work, "pruned", MT_EPEE_BOOL, pruned);
                    array(&work, "txs", type, count);
                    zeros(&work, 8);
                    CHECK_EQUAL(verdict(commands[c]) == NULL, count == 0 || pruned ||
                                                                  type == MT_EPEE_STRING ||
                                                                  type == MT_EPEE_OBJECT);
                    begin_block(commands[c], 2); /* the other way round */
                    array(&work, "txs", type, count);
                    zeros(&work, count * (type == 1 || type == 5 || type == 9 ? 8
                                          : type == 2 || type == 6            ? 4
                                          : type == 3 || type == 7            ? 2
                                                                              : 1));
                    number(&work, "pruned", MT_EPEE_BOOL, pruned);
                    CHECK_EQUAL(verdict(commands[c]) == NULL, count == 0 || pruned ||
                                                                  type == MT_EPEE_STRING ||
                                                                  type == MT_EPEE_OBJECT);
                }
                begin_block(commands[c], 1);
                array(&work, "txs", MT_EPEE_OBJECT, 2);
                varint(&work, 2);
                string(&work, "blob", "abc", 3);
                string(&work, "prunable_hash", "too short", 9);
                varint(&work, 1);
                key(&work, c == 0 ? "blob" : c == 1 ? "prunable_hash" : "else", type);
                zeros(&work, 8);
                CHECK_EQUAL(verdict(commands[c]) == NULL, c == 2 || type == MT_EPEE_STRING);
            }
        }
    }
    begin(&work, 1); /* an object where a list is due, and the other way round: not looked into */
    object(&work, "blocks", 1);
    number(&work, "block", MT_EPEE_UINT8, 0);
    CHECK(verdict(2004) == NULL);
    array(begin(&work, 1), "b", MT_EPEE_OBJECT, 1);
    varint(&work, 1);
    number(&work, "block", MT_EPEE_UINT8, 0);
    CHECK(verdict(2008) == NULL);
}

/* A 2004 with everything in it. */
static void sample(void)
{
    begin(&work, 4);
    array(&work, "blocks", MT_EPEE_OBJECT, 2);
    varint(&work, 4);
    string(&work, "block", "the block", 9);
    number(&work, "block_weight", MT_EPEE_UINT64, 7);
    number(&work, "pruned", MT_EPEE_BOOL, 1);
    array(&work, "txs", MT_EPEE_OBJECT, 2);
    for (int i = 0; i < 2; i++) {
        varint(&work, 2);
        string(&work, "blob", "a transaction", 13);
        string(&work, "prunable_hash", "0123456789abcdef0123456789abcdef", 32);
    }
    varint(&work, 2);
    string(&work, "block", "another", 7);
    array(&work, "txs", MT_EPEE_STRING, 2);
    text(&work, "one");
    text(&work, "two");
    number(&work, "current_blockchain_height", MT_EPEE_UINT64, 9);
    string(&work, "missed_ids", "0123456789abcdef0123456789abcdef", 32);
    object(&work, "unknown", 1);
    number(&work, "x", MT_EPEE_DOUBLE, 0);
}

static void test_cuts(void)
{
    sample();
    CHECK(verdict(2004) == NULL);
    for (size_t size = 0; size < work.size; size++)
        CHECK(verdict_of(2004, work.bytes, size) != NULL);
    static uint8_t bytes[4096];
    unsigned seed = 7;
    for (int round = 0; round < 30000; round++) {
        memcpy(bytes, work.bytes, work.size);
        for (int change = 0; change < 2; change++) {
            seed = seed * 1103515245 + 12345;
            bytes[9 + (seed >> 8) % (work.size - 9)] ^= (uint8_t)(1u << (seed >> 29));
        }
        verdict_of(2004, bytes, work.size);
    }
}

/* ---- rows ---- */

static void check_ids(size_t first, enum mt_list list, const char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct mt_inventory_row *row = inventory_row(&world, first + i);
        CHECK_EQUAL(row->message, 7);
        CHECK_EQUAL(row->position, i);
        CHECK_EQUAL(row->list, list);
        CHECK_EQUAL(row->present, 0);
        CHECK(world_interned(&world, row->id, bytes + 32 * i, 32));
    }
}

static void test_inventories(void)
{
    static const char ids[] = "0123456789abcdef0123456789ABCDEF"
                              "an id that is told a second time"
                              "0123456789abcdef0123456789ABCDEF";
    static const struct {
        uint32_t command;
        const char *key;
        enum mt_list list;
    } lists[] = {
        {2003, "blocks", MT_LIST_BLOCKS},   {2004, "missed_ids", MT_LIST_MISSED},
        {2006, "block_ids", MT_LIST_CHAIN}, {2007, "m_block_ids", MT_LIST_CHAIN},
        {2010, "hashes", MT_LIST_TXPOOL},   {2011, "t", MT_LIST_ANNOUNCED},
        {2012, "t", MT_LIST_REQUESTED},
    };
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        for (size_t count = 0; count <= 3; count++) {
            string(begin(&work, 1), lists[i].key, ids, 32 * count);
            CHECK(verdict(lists[i].command) == NULL);
            CHECK_EQUAL(world_rows(&world), count);
            CHECK_EQUAL(world.p2p.defects.count, 0);
            check_ids(0, lists[i].list, ids, count);
        }
        string(begin(&work, 1), lists[i].key, ids, 63); /* empty for monerod, and told */
        CHECK(verdict(lists[i].command) == NULL);
        CHECK_EQUAL(world_rows(&world), 0);
        CHECK_EQUAL(world.p2p.defects.count, 1);
    }
}

static void test_missing_indices(void)
{
    static const uint64_t indices[] = {0, 5, UINT64_MAX};
    static const char id[] = "0123456789abcdef0123456789abcdef";
    for (int hash_last = 0; hash_last < 2; hash_last++) { /* whatever the order of the keys */
        for (size_t size = 31; size <= 32; size++) {
            begin(&work, 2);
            if (!hash_last)
                string(&work, "block_hash", id, size);
            string(&work, "missing_tx_indices", indices, sizeof indices);
            if (hash_last)
                string(&work, "block_hash", id, size);
            CHECK(verdict(2009) == NULL);
            CHECK_EQUAL(world_rows(&world), 3);
            for (size_t i = 0; i < 3; i++) {
                const struct mt_inventory_row *row = inventory_row(&world, i);
                CHECK_EQUAL(row->list, MT_LIST_MISSING_INDICES);
                CHECK_EQUAL(row->position, i);
                CHECK_EQUAL(row->present, MT_INVENTORY_TX_INDEX);
                CHECK(row->tx_index == indices[i]);
                CHECK_EQUAL(world_interned(&world, row->id, id, 32), size == 32);
                CHECK(size == 32 || row->id == MT_NO_CODE);
            }
        }
    }
    string(begin(&work, 1), "missing_tx_indices", indices, 20);
    CHECK(verdict(2009) == NULL);
    CHECK_EQUAL(world_rows(&world), 0);
    CHECK_EQUAL(world.p2p.defects.count, 1);
}

int main(void)
{
    world_open(&world, ALL_TABLES);
    test_fields();
    test_blocks();
    test_cuts();
    test_inventories();
    test_missing_indices();
    world_close(&world);
    FINISH("p2p_notify");
}
