/* Entries of the two layouts that monerod writes. That the general reader reads the same from them
 * is tested in test_peer_lists. */
#include "p2p/canonical_entries.h"

#include "support/check.h"
#include "support/payload.h"

static struct payload work;
static struct mt_payload_reader reader;
static struct mt_entry_values entries[MT_CANONICAL_MOST];

static void put_v4(unsigned keys, uint64_t id)
{
    varint(&work, keys);
    object(&work, "adr", 2);
    object(&work, "addr", 2);
    number(&work, "m_ip", MT_EPEE_UINT32, 0x04030201);
    number(&work, "m_port", MT_EPEE_UINT16, 18080);
    number(&work, "type", MT_EPEE_UINT8, 1);
    number(&work, "id", MT_EPEE_UINT64, id);
}

static void put_v6(uint64_t id)
{
    varint(&work, 2);
    object(&work, "adr", 2);
    object(&work, "addr", 2);
    string(&work, "addr", "0123456789abcdef", 16);
    number(&work, "m_port", MT_EPEE_UINT16, 18081);
    number(&work, "type", MT_EPEE_UINT8, 2);
    number(&work, "id", MT_EPEE_UINT64, id);
}

/* Reads from a copy that ends exactly where the bytes end. Returns the number of entries. */
static size_t read_entries(size_t count)
{
    static uint8_t *exact;
    free(exact);
    exact = malloc(work.size + 1);
    if (exact == NULL)
        abort();
    memcpy(exact, work.bytes, work.size);
    reader = (struct mt_payload_reader){
        .epee = {.at = exact, .end = exact + work.size, .most = mt_epee_monerod}};
    return mt_read_canonical(&reader, count, entries);
}

static void test_values(void)
{
    work.size = 0;
    put_v4(6, UINT64_C(0x8877665544332211));
    number(&work, "last_seen", MT_EPEE_INT64, (uint64_t)-5);
    number(&work, "pruning_seed", MT_EPEE_UINT32, 0xFFFFFFFF);
    number(&work, "rpc_credits_per_hash", MT_EPEE_UINT32, 7);
    number(&work, "rpc_port", MT_EPEE_UINT16, 0);
    put_v6(1);
    CHECK_EQUAL(read_entries(2), 2);
    CHECK_EQUAL(reader.epee.end - reader.epee.at, 0);
    CHECK_EQUAL(reader.epee.objects, 4);
    CHECK_EQUAL(reader.epee.fields, 16);
    CHECK_EQUAL(reader.epee.strings, 1);
    CHECK_EQUAL(reader.fingerprint.default_fields, 1);
    struct mt_peer_entry_row row;
    uint8_t ip[16];
    mt_canonical_row(&entries[0], &row, ip);
    CHECK(row.id == UINT64_C(0x8877665544332211));
    CHECK_EQUAL(row.last_seen, -5);
    CHECK_EQUAL(row.pruning_seed, 0xFFFFFFFF);
    CHECK_EQUAL(row.rpc_credits_per_hash, 7);
    CHECK_EQUAL(row.rpc_port, 0);
    CHECK_EQUAL(row.port, 18080);
    CHECK_EQUAL(row.present, 15);
    CHECK_EQUAL(row.type, MT_ADDRESS_IPV4);
    CHECK_EQUAL(row.host, -1);
    CHECK(memcmp(ip, "\1\2\3\4", 4) == 0);
    mt_canonical_row(&entries[1], &row, ip);
    CHECK_EQUAL(row.id, 1);
    CHECK_EQUAL(row.port, 18081);
    CHECK_EQUAL(row.present, 0);
    CHECK_EQUAL(row.type, MT_ADDRESS_IPV6);
    CHECK(memcmp(ip, "0123456789abcdef", 16) == 0);
}

/* It stops before an entry of another layout, at the end of the bytes, and after `count`. */
static void test_end(void)
{
    work.size = 0;
    CHECK_EQUAL(read_entries(1), 0);
    put_v4(2, 1);
    size_t first = work.size;
    put_v6(2);
    size_t second = work.size;
    put_v4(3, 3); /* three keys are declared, and there is no third one */
    put_v4(2, 4);
    CHECK_EQUAL(read_entries(4), 2);
    CHECK_EQUAL(reader.epee.end - reader.epee.at, work.size - second);
    CHECK_EQUAL(reader.epee.objects, 4);
    CHECK_EQUAL(read_entries(1), 1);
    for (size_t size = 1; size <= second; size++) {
        work.size = size;
        CHECK_EQUAL(read_entries(4), (size >= first) + (size >= second));
    }
    work.size = 0;
    for (int i = 0; i < 2 * MT_CANONICAL_MOST; i++)
        put_v4(2, 1);
    CHECK_EQUAL(read_entries(2 * MT_CANONICAL_MOST), MT_CANONICAL_MOST);
}

/* Each bit of the constant bytes counts; each bit of the values is in the words. */
static void test_bits(void)
{
    for (int type = 1; type <= 2; type++) {
        work.size = 0;
        if (type == 1)
            put_v4(2, 1);
        else
            put_v6(1);
        CHECK_EQUAL(read_entries(1), 1);
        struct mt_entry_values original = entries[0];
        unsigned values = 0;
        for (size_t bit = 0; bit < 8 * work.size; bit++) {
            work.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            if (read_entries(1) == 1) {
                values++;
                CHECK(!mt_entry_values_equal(&original, &entries[0]));
            }
            work.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        CHECK_EQUAL(values, type == 1 ? 8 * (4 + 2 + 8) : 8 * (16 + 2 + 8));
    }
}

static void test_limits(void)
{
    work.size = 0;
    for (int i = 0; i < 3; i++)
        put_v6(1);
    CHECK_EQUAL(read_entries(3), 3);
    reader.epee.at = reader.epee.end - work.size;
    reader.epee.most.objects = reader.epee.objects + 5;
    CHECK_EQUAL(mt_read_canonical(&reader, 3, entries), 0);
    CHECK_EQUAL(mt_read_canonical(&reader, 2, entries), 2);
    reader.epee.at = reader.epee.end - work.size;
    reader.epee.most = mt_epee_monerod;
    reader.epee.most.strings = reader.epee.strings + 2;
    CHECK_EQUAL(mt_read_canonical(&reader, 3, entries), 0);
    reader.epee.most = mt_epee_monerod;
    reader.epee.most.fields = reader.epee.fields + 29;
    CHECK_EQUAL(mt_read_canonical(&reader, 3, entries), 0);
    reader.epee.most.fields++;
    CHECK_EQUAL(mt_read_canonical(&reader, 3, entries), 3);
}

int main(void)
{
    test_values();
    test_end();
    test_bits();
    test_limits();
    FINISH("test_canonical_entries");
}
