/* What is noted of a payload on the way: the fingerprint. */
#include "p2p/struct_reader.h"

#include "base/command.h"
#include "epee/epee_value.h"
#include "support/check.h"
#include "support/decoding.h"
#include "support/payload.h"

static struct payload work;
static struct world world;

static const uint8_t id[32] = "0123456789abcdef0123456789abcdef";

enum {
    COUNTED = MT_MESSAGE_UNKNOWN_KEYS | MT_MESSAGE_DUPLICATE_KEYS | MT_MESSAGE_WIDE_VARINTS |
    MT_MESSAGE_OTHER_TYPES | MT_MESSAGE_DEFAULT_FIELDS | MT_MESSAGE_KEYS_ORDERED
};
enum { WHOLE = COUNTED | MT_MESSAGE_SKELETON | MT_MESSAGE_TRAILING };

static const struct mt_message_row *fingerprint(uint32_t command, int response, int result)
{
    world_clear(&world);
    CHECK_EQUAL(decode(&world, 3, command, response, work.bytes, work.size), result);
    CHECK_EQUAL(world.row.present, result == MT_OK ? WHOLE : COUNTED);
    return &world.row;
}

/* Columns: unknown, duplicate, wide, other types, defaults, trailing. */
static void check_counts(const struct mt_message_row *row, unsigned ordered, unsigned unknown,
                         unsigned duplicate, unsigned wide, unsigned other, unsigned defaults,
                         unsigned trailing)
{
    CHECK_EQUAL(row->keys_ordered, ordered);
    CHECK_EQUAL(row->unknown_keys, unknown);
    CHECK_EQUAL(row->duplicate_keys, duplicate);
    CHECK_EQUAL(row->wide_varints, wide);
    CHECK_EQUAL(row->other_types, other);
    CHECK_EQUAL(row->default_fields, defaults);
    CHECK_EQUAL(row->trailing, trailing);
}

/* payload_data as monerod writes it, optional fields by bits of `optional`: pruning_seed,
 * top_version. */
static void put_payload_data(unsigned optional, uint32_t seed, uint8_t version)
{
    object(&work, "payload_data", 4 + (optional & 1) + (optional >> 1));
    number(&work, "cumulative_difficulty", 5, 77);
    number(&work, "cumulative_difficulty_top64", 5, 0);
    number(&work, "current_height", 5, 3);
    if (optional & 1)
        number(&work, "pruning_seed", 6, seed);
    string(&work, "top_id", id, 32);
    if (optional & 2)
        number(&work, "top_version", 8, version);
}

static void put_peer(unsigned last_seen, unsigned type)
{
    varint(&work, 2 + last_seen);
    object(&work, "adr", 2);
    object(&work, "addr", 2);
    if (type == 1)
        number(&work, "m_ip", 6, 0x04030201);
    else
        string(&work, "addr", id, 16);
    number(&work, "m_port", 7, 18080);
    number(&work, "type", 8, type);
    number(&work, "id", 5, 9);
    if (last_seen)
        number(&work, "last_seen", 1, 0);
}

static void test_standard(void)
{
    uint64_t skeleton = 0;
    for (unsigned peers = 0; peers < 4;
         peers++) { /* neither optional fields nor lists change the skeleton */
        for (unsigned optional = 0; optional < 4; optional++) {
            begin(&work, peers != 0 ? 2 : 1);
            if (peers != 0) {
                array(&work, "local_peerlist_new", MT_EPEE_OBJECT, peers);
                for (unsigned i = 0; i < peers; i++)
                    put_peer(0, 1 + i % 2);
            }
            put_payload_data(optional, 384, 16);
            const struct mt_message_row *row = fingerprint(MT_TIMED_SYNC, 1, MT_OK);
            check_counts(row, 1, 0, 0, 0, 0, 0, 0);
            if (skeleton == 0)
                skeleton = row->skeleton;
            CHECK(row->skeleton == skeleton);
        }
    }
    put_payload_data(0, 0, 0); /* the same bytes as a request: another skeleton */
    begin(&work, 1);
    put_payload_data(0, 0, 0);
    CHECK(fingerprint(MT_TIMED_SYNC, 0, MT_OK)->skeleton != skeleton);
}

static void test_defaults(void)
{
    begin(&work, 1);
    put_payload_data(3, 0, 0);
    check_counts(fingerprint(MT_TIMED_SYNC, 0, MT_OK), 1, 0, 0, 0, 0, 2, 0);
    for (unsigned empty = 0; empty < 3; empty++) { /* peers: none, two with a last_seen of 0 */
        begin(&work, 2);
        array(&work, "local_peerlist_new", MT_EPEE_OBJECT, empty);
        for (unsigned i = 0; i < empty; i++)
            put_peer(1, 1 + i);
        put_payload_data(0, 0, 0);
        check_counts(fingerprint(MT_TIMED_SYNC, 1, MT_OK), 1, 0, 0, 0, 0, empty == 0 ? 1 : empty,
                     0);
    }
    for (unsigned fluff = 0; fluff < 2; fluff++) { /* dandelionpp_fluff is left out if true */
        begin(&work, 3);
        string(&work, "_", "", 0);
        number(&work, "dandelionpp_fluff", MT_EPEE_BOOL, fluff);
        array(&work, "txs", MT_EPEE_STRING, 0);
        check_counts(fingerprint(MT_NEW_TRANSACTIONS, 0, MT_OK), 1, 0, 0, 0, 0, 1 + fluff, 0);
    }
    string(begin(&work, 1), "hashes", "", 0);
    check_counts(fingerprint(MT_GET_TXPOOL_COMPLEMENT, 0, MT_OK), 1, 0, 0, 0, 0, 1, 0);
}

static void test_order(void)
{
    begin(&work, 2);
    string(&work, "status", "OK", 2);
    number(&work, "peer_id", 5, 1);
    struct mt_message_row turned = *fingerprint(MT_PING, 1, MT_OK);
    check_counts(&turned, 0, 0, 0, 0, 0, 0, 0);
    begin(&work, 2);
    number(&work, "peer_id", 5, 1);
    string(&work, "status", "OK", 2);
    CHECK(fingerprint(MT_PING, 1, MT_OK)->skeleton != turned.skeleton);
    begin(&work, 3); /* within a section that nobody knows */
    number(&work, "peer_id", 5, 1);
    string(&work, "status", "OK", 2);
    object(&work, "zz", 2);
    number(&work, "b", 8, 1);
    number(&work, "a", 8, 1);
    check_counts(fingerprint(MT_PING, 1, MT_OK), 0, 1, 0, 0, 0, 0, 0);
}

static void test_oddities(void)
{
    begin(&work, 4);
    object(&work, "extra", 1);
    number(&work, "inner", 8, 0);
    number(&work, "peer_id", 6, 1); /* a u32 where monerod writes a u64 */
    string(&work, "status", "OK", 2);
    key(&work, "zz", MT_EPEE_STRING);
    varint_as(&work, 1, 2);
    put(&work, "x\0\0\0", 4);
    check_counts(fingerprint(MT_PING, 1, MT_OK), 1, 2, 0, 1, 1, 0, 3);
    begin(&work, 1); /* type 13: nobody writes it */
    key(&work, "local_peerlist_new", MT_EPEE_ARRAY);
    put(&work, "\x8c\0", 2);
    check_counts(fingerprint(MT_TIMED_SYNC, 1, MT_OK), 1, 0, 0, 0, 1, 1, 0);
    number(begin(&work, 1), "payload_data", 8, 0); /* no object: as good as missing */
    check_counts(fingerprint(MT_TIMED_SYNC, 0, MT_OK), 1, 0, 0, 0, 1, 0, 0);
}

static void test_refused(void)
{
    begin(&work, 4);
    number(&work, "a", 8, 1);
    number(&work, "b", 8, 1);
    number(&work, "a", 8, 1);
    number(&work, "b", 8, 1);
    check_counts(fingerprint(MT_PING, 1, MT_MALFORMED), 0, 4, 2, 0, 0, 0, 0);
    string(begin(&work, 1), "peer_id", "no number", 9);
    check_counts(fingerprint(MT_PING, 1, MT_MALFORMED), 1, 0, 0, 0, 1, 0, 0);
    work.size = 9; /* a header and nothing else */
    fingerprint(MT_PING, 1, MT_MALFORMED);
    work.bytes[0] ^= 1;
    CHECK_EQUAL(decode(&world, 3, MT_PING, 1, work.bytes, work.size), MT_MALFORMED);
    CHECK_EQUAL(world.row.present, 0);
    CHECK_EQUAL(decode(&world, 3, 2005, 0, work.bytes, work.size), MT_OK);
    CHECK_EQUAL(world.row.present, 0);
}

/* A list with odd entries: which there are matters, not how many or in what order. */
static void test_odd_entries(void)
{
    static const char *const orders[] = {"a", "aa", "aaab", "b", "ab", "ba", "bbaa", "m", "mab"};
    uint64_t skeletons[9], standard = 0;
    for (size_t i = 0; i < 9; i++) {
        begin(&work, 1);
        array(&work, "local_peerlist_new", MT_EPEE_OBJECT, strlen(orders[i]));
        for (const char *kind = orders[i]; *kind != '\0'; kind++) {
            if (*kind == 'm') {
                put_peer(0, 1);
            } else {
                varint(&work, 1);
                number(&work, *kind == 'a' ? "id" : "uid", 5, 1);
            }
        }
        skeletons[i] = fingerprint(MT_TIMED_SYNC, 1, MT_OK)->skeleton;
    }
    begin(&work, 0);
    standard = fingerprint(MT_TIMED_SYNC, 1, MT_OK)->skeleton;
    CHECK(skeletons[0] == skeletons[1] && skeletons[0] != skeletons[3] && skeletons[0] != standard);
    CHECK(skeletons[2] == skeletons[4] && skeletons[2] == skeletons[5] &&
          skeletons[2] == skeletons[6] && skeletons[2] == skeletons[8]);
    CHECK(skeletons[2] != skeletons[0] && skeletons[2] != skeletons[3]);
    CHECK(skeletons[7] == standard);
}

/* A field that nobody asks for, of any type that a struct may have: its value must fit, as for
 * those that are asked for. */
static int check_field(uint8_t declared, uint8_t sent, uint64_t value)
{
    static struct mt_payload_reader payload;
    struct mt_epee_entry entry;
    struct mt_schema_field field = {.type = declared, .presence = MT_ALWAYS};
    begin(&work, 1);
    if (sent == MT_EPEE_STRING) {
        key(&work, "x", sent);
        text(&work, "text");
    } else if (sent == (MT_EPEE_STRING | MT_EPEE_ARRAY_FLAG)) {
        array(&work, "x", MT_EPEE_STRING, 2);
        text(&work, "one");
        text(&work, "two");
    } else if (sent == (MT_EPEE_UINT8 | MT_EPEE_ARRAY_FLAG)) {
        array(&work, "x", MT_EPEE_UINT8, 1);
        byte(&work, 7);
    } else {
        number(&work, "x", sent, value);
    }
    CHECK_EQUAL(mt_epee_open(&payload.epee, work.bytes, work.size, &mt_epee_monerod), MT_OK);
    CHECK_EQUAL(mt_epee_next(&payload.epee, &entry), MT_OK);
    int result = mt_check_field(&payload, &field, &entry);
    CHECK(result != MT_OK || payload.epee.at == payload.epee.end);
    return result;
}

static void test_unasked(void)
{
    static const struct {
        uint8_t type;
        uint64_t most;
    } unsigned_types[] = {{MT_EPEE_UINT8, UINT8_MAX},
                          {MT_EPEE_UINT16, UINT16_MAX},
                          {MT_EPEE_UINT32, UINT32_MAX},
                          {MT_EPEE_UINT64, UINT64_MAX}};
    for (size_t i = 0; i < 4; i++) {
        uint8_t type = unsigned_types[i].type;
        CHECK_EQUAL(check_field(type, type, 7), MT_OK);
        CHECK_EQUAL(check_field(type, MT_EPEE_UINT64, unsigned_types[i].most), MT_OK);
        CHECK_EQUAL(check_field(type, MT_EPEE_UINT64, unsigned_types[i].most + 1),
                    i < 3 ? MT_MALFORMED : MT_OK); /* of 64 bits it is 0 again */
        CHECK_EQUAL(check_field(type, MT_EPEE_STRING | MT_EPEE_ARRAY_FLAG, 0), MT_MALFORMED);
    }
    CHECK_EQUAL(check_field(MT_EPEE_BOOL, MT_EPEE_BOOL, 1), MT_OK);
    CHECK_EQUAL(check_field(MT_EPEE_BOOL, MT_EPEE_STRING, 0), MT_MALFORMED);
    CHECK_EQUAL(check_field(MT_EPEE_STRING, MT_EPEE_STRING, 0), MT_OK);
    CHECK_EQUAL(check_field(MT_EPEE_STRING, MT_EPEE_BOOL, 1), MT_MALFORMED);
    CHECK_EQUAL(
        check_field(MT_EPEE_STRING | MT_EPEE_ARRAY_FLAG, MT_EPEE_STRING | MT_EPEE_ARRAY_FLAG, 0),
        MT_OK);
    CHECK_EQUAL(check_field(MT_EPEE_STRING | MT_EPEE_ARRAY_FLAG, MT_EPEE_UINT8, 0),
                MT_OK); /* no array: as good as missing */
    CHECK_EQUAL(
        check_field(MT_EPEE_STRING | MT_EPEE_ARRAY_FLAG, MT_EPEE_UINT8 | MT_EPEE_ARRAY_FLAG, 0),
        MT_MALFORMED);
}

/* Most counts that the limits allow fit their columns. */
static void test_many(void)
{
    begin(&work, 2);
    array(&work, "txs", MT_EPEE_STRING, MT_EPEE_STRINGS);
    for (int i = 0; i < MT_EPEE_STRINGS; i++)
        varint_as(&work, 0, 1);
    number(&work, "zzz", 8, 0);
    check_counts(fingerprint(MT_NEW_TRANSACTIONS, 0, MT_OK), 1, 1, 0, MT_EPEE_STRINGS, 0, 0, 0);
}

int main(void)
{
    world_open(&world, ALL_TABLES & ~(1u << MT_TABLE_transactions));
    test_standard();
    test_defaults();
    test_order();
    test_oddities();
    test_refused();
    test_odd_entries();
    test_unasked();
    test_many();
    world_close(&world);
    FINISH("section");
}
