/* Peer lists: the entries as monerod writes them, which are read at fixed places, and all others;
 * both must give the same rows. */
#include "support/check.h"
#include "support/decoding.h"
#include "support/payload.h"

static struct payload work;
static struct world world;

static int decode_list(void)
{
    forget_peers(&world);
    return decode(&world, 42, 1002, 1, work.bytes, work.size);
}

static void begin_list(uint64_t count)
{
    array(begin(&work, 1), "local_peerlist_new", MT_EPEE_OBJECT, count);
}

/* ---- one entry in every way to write it ---- */

struct peer {
    unsigned type; /* as on the wire */
    uint8_t ip[16];
    const char *name;
    uint16_t port, rpc_port;
    uint64_t id;
    int64_t last_seen;
    uint32_t pruning_seed, rpc_credits_per_hash;
    unsigned present;
};

enum style {
    AS_MONEROD,
    WIDE_COUNTS, /* counts as two-byte varints */
    REVERSED,    /* keys in descending order */
    TYPE_FIRST,  /* adr.type before adr.addr */
    EXTRA_KEY,   /* a key that nobody knows */
    OTHER_TYPES, /* integers of other types of the same value */
    STYLES
};

static void put_count(enum style style, unsigned count)
{
    varint_as(&work, count, style == WIDE_COUNTS);
}

static void put_object(const char *name, enum style style, unsigned count)
{
    key(&work, name, MT_EPEE_OBJECT);
    put_count(style, count);
}

static void put_addr(const struct peer *p, enum style style)
{
    put_object("addr", style, 2);
    if (p->type >= 3) {
        string(&work, "host", p->name, strlen(p->name));
        number(&work, "port", style == OTHER_TYPES ? MT_EPEE_INT32 : MT_EPEE_UINT16, p->port);
        return;
    }
    if (style == REVERSED)
        number(&work, "m_port", MT_EPEE_UINT16, p->port);
    if (p->type == 2) {
        string(&work, "addr", p->ip, 16);
    } else {
        uint32_t ip;
        memcpy(&ip, p->ip, 4);
        number(&work, "m_ip", style == OTHER_TYPES ? MT_EPEE_UINT64 : MT_EPEE_UINT32, ip);
    }
    if (style != REVERSED)
        number(&work, "m_port", style == OTHER_TYPES ? MT_EPEE_UINT32 : MT_EPEE_UINT16, p->port);
}

static void put_adr(const struct peer *p, enum style style)
{
    int type_first = style == TYPE_FIRST || style == REVERSED;
    put_object("adr", style, 2);
    if (type_first)
        number(&work, "type", MT_EPEE_UINT8, p->type);
    put_addr(p, style);
    if (!type_first)
        number(&work, "type", style == OTHER_TYPES ? MT_EPEE_INT8 : MT_EPEE_UINT8, p->type);
}

static void put_field(const struct peer *p, enum style style, int field)
{
    int other = style == OTHER_TYPES;
    switch (field) {
    case 0:
        put_adr(p, style);
        break;
    case 1:
        number(&work, "id", MT_EPEE_UINT64, p->id);
        break;
    case 2:
        if (p->present & MT_PEER_LAST_SEEN)
            number(&work, "last_seen", other && p->last_seen >= 0 ? MT_EPEE_UINT64 : MT_EPEE_INT64,
                   (uint64_t)p->last_seen);
        break;
    case 3:
        if (p->present & MT_PEER_PRUNING_SEED)
            number(&work, "pruning_seed", other ? MT_EPEE_INT64 : MT_EPEE_UINT32, p->pruning_seed);
        break;
    case 4:
        if (p->present & MT_PEER_RPC_CREDITS)
            number(&work, "rpc_credits_per_hash", other ? MT_EPEE_UINT64 : MT_EPEE_UINT32,
                   p->rpc_credits_per_hash);
        break;
    default:
        if (p->present & MT_PEER_RPC_PORT)
            number(&work, "rpc_port", other ? MT_EPEE_UINT32 : MT_EPEE_UINT16, p->rpc_port);
    }
}

static void put_peer(const struct peer *p, enum style style)
{
    put_count(style, 2u + (unsigned)__builtin_popcount(p->present) + (style == EXTRA_KEY));
    for (int i = 0; i < 6; i++)
        put_field(p, style, style == REVERSED ? 5 - i : i);
    if (style == EXTRA_KEY)
        number(&work, "zzz", MT_EPEE_DOUBLE, 0);
}

static void check_row(const struct peer *p, size_t position)
{
    const struct mt_peer_row *row = peer(&world, position);
    CHECK_EQUAL(row->message, 42);
    CHECK_EQUAL(row->position, position);
    CHECK_EQUAL(row->id, p->id);
    CHECK_EQUAL(row->port, p->port);
    CHECK_EQUAL(row->type, p->type);
    CHECK_EQUAL(row->present, p->present);
    CHECK_EQUAL(row->last_seen, p->present & MT_PEER_LAST_SEEN ? p->last_seen : 0);
    CHECK_EQUAL(row->pruning_seed, p->present & MT_PEER_PRUNING_SEED ? p->pruning_seed : 0);
    CHECK_EQUAL(row->rpc_credits_per_hash,
                p->present & MT_PEER_RPC_CREDITS ? p->rpc_credits_per_hash : 0);
    CHECK_EQUAL(row->rpc_port, p->present & MT_PEER_RPC_PORT ? p->rpc_port : 0);
    CHECK_EQUAL(row->reserved, 0);
    if (p->type >= 3)
        CHECK_TEXT(host_text(&world, row), p->name);
    if (p->type == 1) {
        char text[32];
        snprintf(text, sizeof text, "%u.%u.%u.%u", p->ip[0], p->ip[1], p->ip[2], p->ip[3]);
        CHECK_TEXT(host_text(&world, row), text);
    }
    if (p->type == 2) {
        int32_t code;
        CHECK_EQUAL(mt_address_ipv6(&world.addresses, p->ip, &code), MT_OK);
        CHECK_EQUAL(row->host, code);
    }
}

static uint64_t state = 1;

static uint64_t random_number(void)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return state ^ state >> 31;
}

static struct peer random_peer(unsigned type)
{
    static const char *const names[] = {
        "<unknown tor host>", "vww6ybal4bd7szmgncyruucpgfkqahzddi37ktceo3ah7ngmcopnpyyd.onion",
        "a.i2p", "udhdrtrcetjm5sxzskjyr5ztpeszydbh4dpl3pl4utgqqw2v4jna.b32.i2p"};
    struct peer p = {.type = type,
                     .port = (uint16_t)random_number(),
                     .rpc_port = (uint16_t)random_number(),
                     .id = random_number() ^ random_number() << 32,
                     .last_seen = (int64_t)random_number(),
                     .pruning_seed = (uint32_t)random_number(),
                     .rpc_credits_per_hash = (uint32_t)random_number(),
                     .present = random_number() & 15,
                     .name = names[random_number() & 3]};
    for (int i = 0; i < 16; i++)
        p.ip[i] = (uint8_t)(random_number() & (i < 10 && (p.id & 1) ? 0 : 255));
    return p;
}

/* The property: whatever the style, the row is that of the peer. */
static void test_styles(void)
{
    static struct peer peers[250];
    for (int round = 0; round < 40; round++) {
        for (unsigned style = 0; style <= STYLES; style++) { /* STYLES: mixed */
            begin_list(250);
            for (size_t i = 0; i < 250; i++) {
                peers[i] = random_peer(round % 4 == 0 ? 1 + (unsigned)random_number() % 4
                                                      : 1 + (random_number() % 8 == 0));
                put_peer(&peers[i], style == STYLES ? (enum style)(random_number() % STYLES)
                                                    : (enum style)style);
            }
            CHECK_EQUAL(decode_list(), MT_OK);
            CHECK_EQUAL(peers_count(&world), 250);
            for (size_t i = 0; i < peers_count(&world); i++)
                check_row(&peers[i], i);
        }
    }
}

static void test_sizes(void)
{
    struct peer p = random_peer(1);
    static const struct {
        unsigned type, present, size;
    } cases[] = {
        {1, 0, 53},
        {2, 0, 66},
        {1, MT_PEER_PRUNING_SEED, 71},
        {1, MT_PEER_RPC_PORT, 65},
        {1, MT_PEER_RPC_CREDITS, 79},
        {1, MT_PEER_LAST_SEEN, 72},
        {2, 15, 66 + 18 + 12 + 26 + 19},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        begin_list(1);
        size_t before = work.size;
        p.type = cases[i].type;
        p.present = cases[i].present;
        put_peer(&p, AS_MONEROD);
        CHECK_EQUAL(work.size - before, cases[i].size);
    }
}

/* ---- limits: the count of what the fixed places hold is the reader's ---- */

/* A list of `count` peers, then `objects` empty objects, `fields` fields in one object more,
 * `strings` strings. Returns the result. */
static int with_more(unsigned count, enum style style, unsigned type, unsigned objects,
                     unsigned fields, unsigned strings)
{
    struct peer p = random_peer(type);
    p.present = 0;
    array(begin(&work, 4), "local_peerlist_new", MT_EPEE_OBJECT, count);
    for (unsigned i = 0; i < count; i++)
        put_peer(&p, style);
    array(&work, "zz_objects", MT_EPEE_OBJECT, objects);
    zeros(&work, objects);
    object(&work, "zz_sections", fields);
    for (unsigned i = 0; i < fields; i++) {
        byte(&work, 2);
        byte(&work, i >> 8);
        byte(&work, i);
        put(&work, "\x08\0", 2);
    }
    array(&work, "zz_strings", MT_EPEE_STRING, strings);
    zeros(&work, 2 * strings);
    int result = decode_list();
    CHECK_EQUAL(peers_count(&world), result == MT_OK ? count : 0);
    return result;
}

static void test_limits(void)
{
    for (unsigned style = 0; style <= WIDE_COUNTS; style++) {
        for (unsigned type = 1; type <= 2; type++) {
            /* 3 objects, 6 fields and, for IPv6, 1 string an entry; 4 fields and 1 object around
             * them */
            CHECK_EQUAL(with_more(2729, style, type, 4, 6, 16384 - 2729 * (type == 2)), MT_OK);
            CHECK_EQUAL(with_more(2729, style, type, 5, 6, 0), MT_MALFORMED);
            CHECK_TEXT(world.why, "too many objects");
            CHECK_EQUAL(with_more(2729, style, type, 4, 7, 0), MT_MALFORMED);
            CHECK_TEXT(world.why, "too many fields");
            CHECK_EQUAL(with_more(2729, style, type, 4, 6, 16385 - 2729 * (type == 2)),
                        MT_MALFORMED);
            CHECK_TEXT(world.why, "too many strings");
        }
        CHECK_EQUAL(with_more(2730, style, 1, 1, 0, 0), MT_OK);
        CHECK_EQUAL(with_more(2731, style, 1, 0, 0, 0),
                    MT_MALFORMED); /* the limit lies within the list */
        CHECK_TEXT(world.why, "too many fields");
        begin_list(8193);
        zeros(&work, 8193);
        CHECK_EQUAL(decode_list(), MT_MALFORMED);
        begin_list(8192); /* empty entries are entries */
        zeros(&work, 8192);
        CHECK_EQUAL(decode_list(), MT_OK);
        CHECK_EQUAL(peers_count(&world), 8192);
        CHECK_EQUAL(peer(&world, 8191)->host, -1);
        CHECK_EQUAL(peer(&world, 8191)->type, MT_ADDRESS_INVALID);
    }
}

/* The limit lies within the list: so much is used up before it that `count` peers fit exactly. */
static int after_much(unsigned count, unsigned type, enum style style, unsigned objects,
                      unsigned fields, unsigned strings)
{
    struct peer p = random_peer(type);
    p.present = 15;
    begin(&work, 4);
    array(&work, "a_objects", MT_EPEE_OBJECT, objects);
    zeros(&work, objects);
    object(&work, "a_sections", fields);
    for (unsigned i = 0; i < fields; i++) {
        byte(&work, 2);
        byte(&work, i >> 8);
        byte(&work, i);
        put(&work, "\x08\0", 2);
    }
    array(&work, "a_strings", MT_EPEE_STRING, strings);
    for (unsigned i = 0; i < strings; i++)
        put(&work, "\4s", 2);
    array(&work, "local_peerlist_new", MT_EPEE_OBJECT, count);
    for (unsigned i = 0; i < count; i++)
        put_peer(&p, style);
    int result = decode_list();
    CHECK_EQUAL(peers_count(&world), result == MT_OK ? count : 0);
    return result;
}

static void test_limits_within(void)
{
    for (unsigned style = 0; style <= WIDE_COUNTS; style++) {
        for (unsigned type = 1; type <= 2; type++) {
            unsigned objects = 8191 - 10 * 3, fields = 16380 - 10 * 10,
                     strings = 16384 - 10 * (type == 2);
            CHECK_EQUAL(after_much(10, type, style, objects, fields, strings), MT_OK);
            CHECK_EQUAL(after_much(10, type, style, objects + 1, fields, strings), MT_MALFORMED);
            CHECK_TEXT(world.why, "too many objects");
            CHECK_EQUAL(after_much(10, type, style, objects, fields + 1, strings), MT_MALFORMED);
            CHECK_TEXT(world.why, "too many fields");
            CHECK_EQUAL(after_much(10, type, style, objects, fields, strings + 1), MT_MALFORMED);
            CHECK_TEXT(world.why, "too many strings");
        }
    }
}

/* ---- what an address may be ---- */

/* One entry: adr with `fields` entries, which follow. */
static void begin_adr(unsigned fields)
{
    begin_list(1);
    varint(&work, 1);
    object(&work, "adr", fields);
}

static void check_one(int type, const char *host, unsigned port)
{
    CHECK_EQUAL(decode_list(), MT_OK);
    CHECK_EQUAL(peers_count(&world), 1);
    CHECK_EQUAL(peer(&world, 0)->type, type);
    CHECK_TEXT(host_text(&world, peer(&world, 0)), host);
    CHECK_EQUAL(peer(&world, 0)->host >= 0, host[0] != 0);
    CHECK_EQUAL(peer(&world, 0)->port, port);
}

static void test_odd_addresses(void)
{
    for (unsigned type = 0; type < 256; type++) { /* no addr: the type stands */
        begin_adr(1);
        number(&work, "type", 8, type);
        check_one(type <= 4 ? (int)type : 0, "", 0);
    }
    static const unsigned wrong[] = {6, 5, 1};
    for (size_t i = 0; i < 3; i++) {
        begin_adr(1);
        number(&work, "type", wrong[i], i == 2 ? (uint64_t)-1 : 256);
        CHECK_EQUAL(decode_list(), MT_MALFORMED);
    }
    begin_adr(1);
    string(&work, "type", "1", 1);
    CHECK_EQUAL(decode_list(), MT_MALFORMED);
    begin_adr(2); /* addr that is no object */
    number(&work, "addr", 5, 7);
    number(&work, "type", 8, 1);
    check_one(MT_ADDRESS_IPV4, "", 0);
    begin_adr(2); /* an array of objects is no object */
    array(&work, "addr", MT_EPEE_OBJECT, 1);
    varint(&work, 1);
    number(&work, "m_port", 7, 5);
    number(&work, "type", 8, 1);
    check_one(MT_ADDRESS_IPV4, "", 0);
    begin_list(1); /* adr that is none */
    varint(&work, 1);
    string(&work, "adr", "1.2.3.4", 7);
    check_one(MT_ADDRESS_INVALID, "", 0);
    begin_adr(1); /* no type: nobody looks at the address, whatever is in it */
    object(&work, "addr", 2);
    number(&work, "m_ip", 11, 1);
    number(&work, "m_port", 7, 5);
    check_one(MT_ADDRESS_INVALID, "", 0);
    begin_adr(2); /* fields of other types of address */
    object(&work, "addr", 5);
    string(&work, "addr", "0123456789abcdef", 16);
    string(&work, "host", "a.onion", 7);
    string(&work, "m_ip", "no number", 9);
    number(&work, "m_port", 7, 5);
    number(&work, "port", 7, 6);
    number(&work, "type", 8, 4);
    check_one(MT_ADDRESS_TOR, "a.onion", 6);
    work.bytes[work.size - 1] = 3;
    check_one(MT_ADDRESS_I2P, "a.onion", 6);
    work.bytes[work.size - 1] = 2;
    check_one(MT_ADDRESS_IPV6, "3031:3233:3435:3637:3839:6162:6364:6566", 5);
    work.bytes[work.size - 1] = 1; /* now m_ip counts */
    CHECK_EQUAL(decode_list(), MT_MALFORMED);
    work.bytes[work.size - 1] = 0;
    check_one(MT_ADDRESS_INVALID, "", 0);
    begin_adr(2); /* an address of a wrong length */
    object(&work, "addr", 2);
    string(&work, "addr", "0123456789abcde", 15);
    number(&work, "m_port", 7, 5);
    number(&work, "type", 8, 2);
    check_one(MT_ADDRESS_IPV6, "", 5);
    begin_adr(2); /* a port that does not fit */
    object(&work, "addr", 1);
    number(&work, "m_port", 6, 65536);
    number(&work, "type", 8, 1);
    CHECK_EQUAL(decode_list(), MT_MALFORMED);
    CHECK_EQUAL(peers_count(&world), 0);
    begin_adr(2); /* an m_ip that is an array */
    object(&work, "addr", 1);
    array(&work, "m_ip", MT_EPEE_UINT32, 1);
    zeros(&work, 4);
    number(&work, "type", 8, 1);
    CHECK_EQUAL(decode_list(), MT_MALFORMED);
    begin_adr(2); /* no name */
    object(&work, "addr", 1);
    string(&work, "host", "", 0);
    number(&work, "type", 8, 4);
    check_one(MT_ADDRESS_TOR, "", 0);
}

static void test_odd_fields(void)
{
    static const struct {
        const char *name;
        unsigned type;
        uint64_t value;
        int taken;
    } cases[] = {
        {"last_seen", 1, (uint64_t)-5, 1},
        {"last_seen", 5, INT64_MAX, 1},
        {"last_seen", 5, 1ull << 63, 0},
        {"last_seen", 8, 9, 1},
        {"last_seen", 11, 1, 0},
        {"last_seen", 9, 0, 0},
        {"pruning_seed", 5, 384, 1},
        {"pruning_seed", 5, 1ull << 32, 0},
        {"rpc_port", 6, 65535, 1},
        {"rpc_port", 6, 65536, 0},
        {"rpc_credits_per_hash", 2, 5, 1},
        {"rpc_credits_per_hash", 2, 0xffffffff, 0},
        {"id", 1, 7, 1},
        {"id", 1, (uint64_t)-7, 0},
        {"id", 11, 0, 0},
        {"else", 9, 0, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        begin_list(1);
        varint(&work, 1);
        number(&work, cases[i].name, cases[i].type, cases[i].value);
        CHECK_EQUAL(decode_list(), cases[i].taken ? MT_OK : MT_MALFORMED);
        CHECK_EQUAL(peers_count(&world), cases[i].taken);
    }
    begin_list(1);
    varint(&work, 1);
    number(&work, "last_seen", 1, (uint64_t)-5);
    CHECK_EQUAL(decode_list(), MT_OK);
    CHECK_EQUAL(peer(&world, 0)->last_seen, -5);
    CHECK_EQUAL(peer(&world, 0)->present, MT_PEER_LAST_SEEN);
}

/* Every byte of an entry of the usual shape changed in turn, by one bit, must give what the same
 * bytes give when the list is not of that shape at its beginning and when it is. */
static void test_each_bit(void)
{
    for (unsigned type = 1; type <= 2; type++) {
        struct peer p = random_peer(type);
        p.present = 15;
        begin_list(2);
        size_t first = work.size;
        put_peer(&p, AS_MONEROD);
        size_t size = work.size - first;
        put_peer(&p, AS_MONEROD);
        for (size_t bit = 0; bit < 8 * size; bit++) {
            work.bytes[first + bit / 8] ^= (uint8_t)(1u << bit % 8);
            int result = decode_list();
            struct mt_peer_row row = *peer(&world, 0);
            /* the same entry with its count in two bytes: never at the fixed places */
            static struct payload wide;
            array(begin(&wide, 1), "local_peerlist_new", MT_EPEE_OBJECT, 2);
            varint_as(&wide, work.bytes[first] >> 2, 1);
            put(&wide, work.bytes + first + 1, work.size - first - 1);
            forget_peers(&world);
            if ((work.bytes[first] & 3) == 0) {
                CHECK_EQUAL(decode(&world, 42, 1002, 1, wide.bytes, wide.size), result);
                if (result == MT_OK)
                    CHECK(memcmp(&row, peer(&world, 0), sizeof row) == 0);
            }
            work.bytes[first + bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    }
}

static void test_truncation(void)
{
    begin_list(6);
    for (unsigned i = 0; i < 6; i++) {
        struct peer p = random_peer(1 + i % 4);
        p.present = i < 2 ? 15 : i;
        put_peer(&p, AS_MONEROD);
    }
    CHECK_EQUAL(decode_list(), MT_OK);
    forget_peers(&world);
    for (size_t size = 0; size < work.size; size++) {
        CHECK_EQUAL(decode(&world, 1, 1002, 1, work.bytes, size), MT_MALFORMED);
        CHECK_EQUAL(peers_count(&world), 0);
    }
}

int main(void)
{
    world_open(&world, ALL_TABLES);
    test_sizes();
    test_styles();
    test_limits();
    test_limits_within();
    test_odd_addresses();
    test_odd_fields();
    test_each_bit();
    test_truncation();
    world_close(&world);
    FINISH("p2p_peers");
}
