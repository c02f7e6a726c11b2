/* Whole payloads into rows. */
#include "support/check.h"
#include "support/decoding.h"
#include "support/payload.h"

static struct payload work;
static struct world world;

static const uint8_t mainnet[16] = {0x12, 0x30, 0xf1, 0x71, 0x61, 0x04, 0x41, 0x61,
                                    0x17, 0x31, 0x00, 0x82, 0x16, 0xa1, 0xa1, 0x10};
static const uint8_t hash[] = "0123456789abcdef0123456789ABCDEF";

static int decode_work(uint32_t command, int response)
{
    static int64_t message = 1000; /* no two messages have one id */
    return decode(&world, message++, command, response, work.bytes, work.size);
}

static size_t rows(void)
{
    return world_rows(&world);
}

static void clear(void)
{
    world_clear(&world);
}

static size_t from_hex(const char *hex, uint8_t *bytes)
{
    size_t size = strlen(hex) / 2;
    for (size_t i = 0; i < size; i++) {
        char digits[3] = {hex[2 * i], hex[2 * i + 1], 0};
        bytes[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return size;
}

static int interned(int32_t code, const void *bytes, size_t size)
{
    return world_interned(&world, code, bytes, size);
}

/* net/epee-encoding/tests/p2p.rs of cuprate: the 1001 request of a pruned monerod at height
 * 2,755,066 */
static const char handshake_hex[] =
    "01110101010102010108096e6f64655f646174610c10076d795f706f727406a0460000"
    "0a6e6574776f726b5f69640a401230f171610441611731008216a1a11007706565725f"
    "6964053eb3c096c4471c340d737570706f72745f666c61677306010000000c7061796c"
    "6f61645f646174610c181563756d756c61746976655f646966666963756c7479053951"
    "f7a79aab4a031b63756d756c61746976655f646966666963756c74795f746f70363405"
    "00000000000000000e63757272656e745f68656967687405fa092a00000000000c7072"
    "756e696e675f73656564068001000006746f705f69640a806cc497b230ba57a95edb37"
    "0be8d6870c94e0992937c89b1def3a4cb7726d37ad0b746f705f76657273696f6e0810";

static void test_real_handshake(void)
{
    static uint8_t bytes[512], top[32];
    size_t size = from_hex(handshake_hex, bytes);
    CHECK_EQUAL(size, 280);
    CHECK_EQUAL(decode(&world, 5, 1001, 0, bytes, size), MT_OK);
    CHECK_EQUAL(world.tables[MT_TABLE_node_data].count, 1);
    CHECK_EQUAL(world.tables[MT_TABLE_sync_data].count, 1);
    CHECK_EQUAL(peers_count(&world), 0);
    const struct mt_node_row *n = node(&world, 0);
    CHECK_EQUAL(n->message, 5);
    CHECK_EQUAL(n->peer_id, 0x341c47c496c0b33e);
    CHECK_EQUAL(n->my_port, 18080);
    CHECK_EQUAL(n->support_flags, 1);
    CHECK_EQUAL(n->present, MT_NODE_PEER_ID | MT_NODE_MY_PORT | MT_NODE_SUPPORT_FLAGS);
    CHECK_EQUAL(n->status_text, -1);
    CHECK(interned(n->network_id, mainnet, 16));
    const struct mt_sync_row *s = sync_row(&world, 0);
    CHECK_EQUAL(s->message, 5);
    CHECK_EQUAL(s->current_height, 2755066);
    CHECK_EQUAL(s->cumulative_difficulty, 0x034aab9aa7f75139);
    CHECK_EQUAL(s->cumulative_difficulty_top64, 0);
    CHECK_EQUAL(s->pruning_seed, 384);
    CHECK_EQUAL(s->top_version, 16);
    CHECK_EQUAL(s->present, MT_SYNC_HEIGHT | MT_SYNC_DIFFICULTY | MT_SYNC_DIFFICULTY_TOP64 |
                                MT_SYNC_PRUNING_SEED | MT_SYNC_TOP_VERSION);
    from_hex("6cc497b230ba57a95edb370be8d6870c94e0992937c89b1def3a4cb7726d37ad", top);
    CHECK(interned(s->top_id, top, 32));
    for (size_t cut = 0; cut < size; cut++) {
        CHECK_EQUAL(decode(&world, 6, 1001, 0, bytes, cut), MT_MALFORMED);
        CHECK(world.why != NULL);
        CHECK_EQUAL(rows(), 2);
    }
    clear();
}

/* net/wire/src/p2p/admin.rs of cuprate: keys in order of declaration, no top64 */
static void test_cuprate_handshake(void)
{
    begin(&work, 2);
    object(&work, "payload_data", 4);
    number(&work, "cumulative_difficulty", 5, 1);
    number(&work, "current_height", 5, 0);
    string(&work, "top_id", hash, 32);
    number(&work, "top_version", 8, 1);
    object(&work, "node_data", 6);
    number(&work, "my_port", 6, 0);
    string(&work, "network_id", mainnet, 16);
    number(&work, "peer_id", 5, 0x8637bbfe8427875f);
    number(&work, "support_flags", 6, 1);
    number(&work, "rpc_port", 7, 18089);
    number(&work, "rpc_credits_per_hash", 6, 0);
    for (int response = 0; response < 2; response++) {
        CHECK_EQUAL(decode_work(1001, response), MT_OK);
        CHECK_EQUAL(node(&world, 0)->present, MT_NODE_PEER_ID | MT_NODE_MY_PORT |
                                                  MT_NODE_SUPPORT_FLAGS | MT_NODE_RPC_CREDITS |
                                                  MT_NODE_RPC_PORT); /* sent as 0: there */
        CHECK(node(&world, 0)->peer_id == 0x8637bbfe8427875f);
        CHECK_EQUAL(node(&world, 0)->rpc_port, 18089);
        CHECK_EQUAL(node(&world, 0)->my_port, 0);
        CHECK_EQUAL(sync_row(&world, 0)->present,
                    MT_SYNC_HEIGHT | MT_SYNC_DIFFICULTY | MT_SYNC_TOP_VERSION);
        CHECK(interned(sync_row(&world, 0)->top_id, hash, 32));
        clear();
    }
}

static void put_peer(void)
{
    varint(&work, 2);
    object(&work, "adr", 2);
    object(&work, "addr", 2);
    put(&work, "\4m_ip\6\1\2\3\4", 10);
    number(&work, "m_port", 7, 18080);
    number(&work, "type", 8, 1);
    number(&work, "id", 5, 9);
}

static void test_sections(void)
{
    static const struct {
        uint32_t command;
        int response;
        unsigned peers, nodes, syncs;
    } cases[] = {
        {1001, 0, 0, 1, 1}, {1001, 1, 2, 1, 1}, {1002, 0, 0, 0, 1},
        {1002, 1, 2, 0, 1}, {1003, 0, 0, 0, 0}, {1003, 1, 0, 1, 0},
        {1004, 1, 0, 0, 0}, {1007, 0, 0, 0, 0}, {1007, 1, 0, 1, 0},
    };
    begin(&work, 5);
    array(&work, "local_peerlist_new", MT_EPEE_OBJECT, 2);
    put_peer();
    put_peer();
    object(&work, "node_data", 0);
    object(&work, "payload_data", 0);
    number(&work, "peer_id", 5, 3);
    number(&work, "support_flags", 6, 4);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CHECK_EQUAL(decode_work(cases[i].command, cases[i].response), MT_OK);
        CHECK_EQUAL(peers_count(&world), cases[i].peers);
        CHECK_EQUAL(world.tables[MT_TABLE_node_data].count, cases[i].nodes);
        CHECK_EQUAL(world.tables[MT_TABLE_sync_data].count, cases[i].syncs);
        if (cases[i].nodes != 0) {
            CHECK_EQUAL(node(&world, 0)->network_id, -1); /* missing is missing */
            CHECK_EQUAL(node(&world, 0)->present, cases[i].command == 1003   ? MT_NODE_PEER_ID
                                                  : cases[i].command == 1007 ? MT_NODE_SUPPORT_FLAGS
                                                                             : 0);
        }
        if (cases[i].syncs != 0) {
            CHECK_EQUAL(sync_row(&world, 0)->top_id, -1);
            CHECK_EQUAL(sync_row(&world, 0)->present, 0);
        }
        clear();
    }
    begin(&work, 3); /* not what they should be: as good as missing */
    number(&work, "local_peerlist_new", 5, 0);
    array(&work, "node_data", MT_EPEE_OBJECT, 1);
    varint(&work, 0);
    string(&work, "payload_data", "x", 1);
    CHECK_EQUAL(decode_work(1001, 1), MT_OK);
    CHECK_EQUAL(rows(), 0);
    array(begin(&work, 1), "local_peerlist_new", MT_EPEE_UINT32, 2);
    zeros(&work, 8);
    CHECK_EQUAL(decode_work(1002, 1), MT_OK);
    CHECK_EQUAL(rows(), 0);
}

static void test_ping(void)
{
    begin(&work, 2);
    number(&work, "peer_id", 5, UINT64_MAX);
    string(&work, "status", "OK", 2);
    CHECK_EQUAL(work.size, 38); /* 71 on the wire */
    CHECK_EQUAL(decode_work(1003, 1), MT_OK);
    CHECK(node(&world, 0)->peer_id == UINT64_MAX);
    CHECK(interned(node(&world, 0)->status_text, "OK", 2));
    CHECK_EQUAL(node(&world, 0)->present, MT_NODE_PEER_ID);
    clear();
    string(begin(&work, 1), "status", "", 0);
    CHECK_EQUAL(decode_work(1003, 1), MT_OK);
    CHECK(interned(node(&world, 0)->status_text, "", 0));
    clear();
    number(begin(&work, 1), "status", 8, 0);
    CHECK_EQUAL(decode_work(1003, 1), MT_MALFORMED);
    CHECK_TEXT(world.why, "field of a wrong type");
    CHECK_EQUAL(decode_work(1003, 0),
                MT_OK); /* a request has no fields: unknown keys are skipped */
    CHECK_EQUAL(rows(), 0);
    number(begin(&work, 1), "support_flags", 6, 0xfffffff0);
    CHECK_EQUAL(work.size, 29); /* 62 on the wire */
    CHECK_EQUAL(decode_work(1007, 1), MT_OK);
    CHECK_EQUAL(node(&world, 0)->support_flags, 0xfffffff0);
    clear();
    begin(&work, 0);
    CHECK_EQUAL(decode_work(1007, 1), MT_OK);
    CHECK_EQUAL(world.tables[MT_TABLE_node_data].count, 1);
    CHECK_EQUAL(node(&world, 0)->present, 0);
    clear();
}

static void test_fields(void)
{
    static const struct {
        const char *section, *name;
        unsigned type;
        uint64_t value;
        int taken;
        int present;
    } cases[] = {
        {"node_data", "my_port", 8, 200, 1, MT_NODE_MY_PORT},
        {"node_data", "my_port", 1, (uint64_t)-1, 0, 0},
        {"node_data", "my_port", 5, 1ull << 32, 0, 0},
        {"node_data", "my_port", 11, 1, 0, 0},
        {"node_data", "my_port", 9, 0, 0, 0},
        {"node_data", "rpc_port", 6, 65535, 1, MT_NODE_RPC_PORT},
        {"node_data", "rpc_port", 6, 65536, 0, 0},
        {"node_data", "peer_id", 4, 0xff, 0, 0},
        {"node_data", "peer_id", 1, 5, 1, MT_NODE_PEER_ID},
        {"node_data", "support_flags", 5, 1ull << 32, 0, 0},
        {"node_data", "rpc_credits_per_hash", 2, 0x80000000, 0, 0},
        {"node_data", "network_id", 8, 0, 0, 0},
        {"node_data", "local_time", 5, 1600000000, 1, MT_NODE_LOCAL_TIME},
        {"node_data", "local_time", 11, 1, 1, 0},
        {"node_data", "unheard_of", 9, 0, 1, 0},
        {"payload_data", "current_height", 3, 30000, 1, MT_SYNC_HEIGHT},
        {"payload_data", "current_height", 3, 0x8000, 0, 0},
        {"payload_data", "top_version", 6, 255, 1, MT_SYNC_TOP_VERSION},
        {"payload_data", "top_version", 6, 256, 0, 0},
        {"payload_data", "pruning_seed", 5, 1ull << 32, 0, 0},
        {"payload_data", "pruning_seed", 8, 0, 1, MT_SYNC_PRUNING_SEED},
        {"payload_data", "cumulative_difficulty", 9, 0, 0, 0},
        {"payload_data", "cumulative_difficulty_top64", 8, 1, 1, MT_SYNC_DIFFICULTY_TOP64},
        {"payload_data", "top_id", 5, 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        object(begin(&work, 1), cases[i].section, 1);
        number(&work, cases[i].name, cases[i].type, cases[i].value);
        CHECK_EQUAL(decode_work(1001, 0), cases[i].taken ? MT_OK : MT_MALFORMED);
        CHECK_EQUAL(rows(), cases[i].taken);
        if (cases[i].taken && cases[i].section[0] == 'n')
            CHECK_EQUAL(node(&world, 0)->present, cases[i].present);
        else if (cases[i].taken)
            CHECK_EQUAL(sync_row(&world, 0)->present, cases[i].present);
        clear();
    }
    static const size_t sizes[] = {0, 15, 16, 17, 31, 32, 33};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0];
         i++) { /* hashes of a wrong length are missing */
        begin(&work, 2);
        object(&work, "node_data", 1);
        string(&work, "network_id", hash, sizes[i]);
        object(&work, "payload_data", 1);
        string(&work, "top_id", hash, sizes[i]);
        CHECK_EQUAL(decode_work(1001, 0), MT_OK);
        CHECK_EQUAL(node(&world, 0)->network_id >= 0, sizes[i] == 16);
        CHECK_EQUAL(sync_row(&world, 0)->top_id >= 0, sizes[i] == 32);
        clear();
    }
    object(begin(&work, 1), "payload_data", 1);
    string(&work, "current_height", "2755066", 7); /* a uint64 may come as text */
    CHECK_EQUAL(decode_work(1002, 0), MT_OK);
    CHECK_EQUAL(sync_row(&world, 0)->current_height, 2755066);
    clear();
}

static void test_other_commands(void)
{
    CHECK_EQUAL(decode(&world, 1, 2005, 0, (const uint8_t *)"nonsense", 8),
                MT_OK); /* nobody knows it, nobody looks */
    CHECK_EQUAL(decode(&world, 1, 0, 0, NULL, 0), MT_OK);
    CHECK_EQUAL(mt_p2p_decode(&world.p2p,
                              &(struct mt_message_row){
                                  .message = 1, .command = 1001, .kind = MT_KIND_REQUEST},
                              NULL, 0, &world.why),
                MT_MALFORMED);
    CHECK_TEXT(world.why, "empty payload");
    static const uint32_t known[] = {1001, 1002, 1003, 1004, 1005, 1006, 1007, 2001,
                                     2002, 2003, 2004, 2006, 2007, 2008, 2009, 2010};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        for (int response = 0; response < 2; response++) {
            CHECK_EQUAL(decode(&world, 1, known[i], response, NULL, 0), MT_MALFORMED);
            CHECK_TEXT(world.why, "empty payload");
            CHECK_EQUAL(decode(&world, 1, known[i], response, (const uint8_t *)"nonsense!!", 10),
                        MT_MALFORMED);
            CHECK_TEXT(world.why, "no epee header");
            begin(&work, 1);
            number(&work, "anything", 11, 2);
            CHECK_EQUAL(decode_work(known[i], response), MT_MALFORMED);
            CHECK_TEXT(world.why, "bool that is neither 0 nor 1");
            CHECK_EQUAL(rows(), 0);
            begin(&work, 0);
            CHECK_EQUAL(decode_work(known[i], response), MT_OK);
            clear();
        }
    }
    string(begin(&work, 1), "dandelionpp_fluff", "x", 1);
    CHECK_EQUAL(decode_work(2002, 0), MT_MALFORMED);
    CHECK_EQUAL(decode_work(2003, 0), MT_OK);
}

/* Rows of a full payload: a run, two codes of one entry, the entry, node_data, sync_data. */
enum { FULL_ROWS = 6 };

/* A 1001 response with everything; something wrong at its very end. */
static void begin_full(unsigned after)
{
    begin(&work, 3 + after);
    array(&work, "local_peerlist_new", MT_EPEE_OBJECT, 2);
    put_peer();
    put_peer();
    object(&work, "node_data", 2);
    string(&work, "network_id", mainnet, 16);
    number(&work, "peer_id", 5, 1);
    object(&work, "payload_data", 1);
    string(&work, "top_id", hash, 32);
}

static void test_nothing_appended(void)
{
    begin_full(0);
    CHECK_EQUAL(decode_work(1001, 1), MT_OK);
    CHECK_EQUAL(rows(), FULL_ROWS);
    begin_full(1);
    number(&work, "zz", 11, 3);
    CHECK_EQUAL(decode_work(1001, 1), MT_MALFORMED);
    CHECK_EQUAL(rows(), FULL_ROWS);
    begin_full(1);
    number(&work, "node_data", 8, 3);
    CHECK_EQUAL(decode_work(1001, 1), MT_MALFORMED);
    CHECK_TEXT(world.why, "duplicate key");
    CHECK_EQUAL(rows(), FULL_ROWS);
    CHECK_EQUAL(peer(&world, 1)->id, 9);
    clear();
}

static void test_wanted(void)
{
    for (int mask = 0; mask < 8; mask++) {
        struct world some;
        world_open(&some, (unsigned)((mask & 1) << MT_TABLE_peer_lists |
                                     (mask >> 1 & 1) << MT_TABLE_node_data |
                                     (mask >> 2 & 1) << MT_TABLE_sync_data));
        begin_full(0);
        CHECK_EQUAL(decode(&some, 1, 1001, 1, work.bytes, work.size), MT_OK);
        CHECK_EQUAL(peers_count(&some), mask & 1 ? 2 : 0);
        CHECK_EQUAL(some.tables[MT_TABLE_node_data].count, mask >> 1 & 1);
        CHECK_EQUAL(some.tables[MT_TABLE_sync_data].count, mask >> 2 & 1);
        CHECK_EQUAL(
            some.strings.count,
            (mask >> 1 & 1) +
                (mask >> 2 & 1)); /* nor is anything interned for tables that nobody wants */
        CHECK_EQUAL(mt_addresses_count(&some.addresses), mask & 1);
        begin_full(0);
        work.size--;
        CHECK_EQUAL(decode(&some, 1, 1001, 1, work.bytes, work.size), MT_MALFORMED);
        world_close(&some);
    }
}

/* No released monerod reads them, so a payload is never malformed. */
static void test_drafts(void)
{
    static const uint32_t drafts[] = {2011, 2012};
    for (size_t i = 0; i < 2; i++) {
        CHECK_EQUAL(decode(&world, 1, drafts[i], 0, (const uint8_t *)"nonsense!!", 10), MT_OK);
        CHECK_EQUAL(world.p2p.defects.count, 1);
        CHECK_TEXT(world.p2p.defects.list[0].part, "payload");
        begin(&work, 1);
        number(&work, "t", 5, 2);
        CHECK_EQUAL(decode_work(drafts[i], 0), MT_OK);
        CHECK_EQUAL(world.p2p.defects.count, 1);
        CHECK_EQUAL(rows(), 0);
        clear();
    }
}

static void test_out_of_memory(void)
{
    int failures = 0;
    for (long calls = 1;; calls++) {
        struct world fresh;
        world_open(&fresh, ALL_TABLES);
        begin_full(0);
        mt_fail_after(calls);
        int result = decode(&fresh, 1, 1001, 1, work.bytes, work.size);
        mt_fail_after(0);
        CHECK_EQUAL(world_rows(&fresh), result == MT_OK ? FULL_ROWS : 0);
        if (result == MT_NOMEM) {
            failures++;
            CHECK_EQUAL(decode(&fresh, 1, 1001, 1, work.bytes, work.size),
                        MT_OK); /* and it goes on */
            CHECK_EQUAL(peers_count(&fresh), 2);
        }
        world_close(&fresh);
        if (result == MT_OK)
            break;
        CHECK_EQUAL(result, MT_NOMEM);
    }
    CHECK(failures >= 5); /* three tables, addresses, strings */
}

static void test_mutations(void)
{
    static uint8_t bytes[4096];
    unsigned seed = 3;
    begin_full(0);
    for (int round = 0; round < 60000; round++) {
        memcpy(bytes, work.bytes, work.size);
        for (int change = 0; change < 1 + round % 3; change++) {
            seed = seed * 1103515245 + 12345;
            bytes[9 + (seed >> 8) % (work.size - 9)] ^= (uint8_t)(1u << (seed >> 29));
        }
        size_t before = rows();
        int result = decode(&world, round, 1001, round & 1, bytes, work.size);
        CHECK(result == MT_OK || (result == MT_MALFORMED && world.why != NULL && rows() == before));
        if (rows() > 1000)
            clear();
    }
    clear();
}

int main(void)
{
    world_open(&world, ALL_TABLES);
    test_real_handshake();
    test_cuprate_handshake();
    test_sections();
    test_ping();
    test_fields();
    test_other_commands();
    test_nothing_appended();
    test_wanted();
    test_drafts();
    test_out_of_memory();
    test_mutations();
    world_close(&world);
    FINISH("p2p");
}
