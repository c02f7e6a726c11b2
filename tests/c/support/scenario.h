/* For the tests of failures: one capture in which every room of the core has work, in every format
 * that we read, as files that can be cut. */
#ifndef MT_TEST_SCENARIO_H
#define MT_TEST_SCENARIO_H

#include "base/command.h"
#include "core.h"
#include "support/payload.h"
#include "support/stream_help.h"

#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

enum {
    SYN = MT_TCP_SYN,
    ACK = MT_TCP_ACK,
    FIN = MT_TCP_FIN,
    RST = MT_TCP_RST,
    ETHERNET = 1,
    RAW = 101,
    LEVIN = 18080
};
enum {
    PCAP,
    PCAPNG_ZSTD,
    PCAP_GZIP,
    KUZNETZOV,
    FORMATS,
    MOST_PACKETS = 2000,
    LARGE = 270000,
    HASH = 32
};

static char folder[64], names[FORMATS][96];
static const char *paths[FORMATS];

/* ---- packets ---- */

static struct {
    int64_t time; /* microseconds */
    uint8_t *data;
    uint32_t captured, length;
    int file,
        interface; /* in pcapng: 0 is Ethernet, the others are of link types that we do not read */
} packets[MOST_PACKETS];
static size_t packets_count;
static int64_t now;
static uint16_t identification;

static void put_packet(const uint8_t *data, uint32_t captured, uint32_t length, int file,
                       int interface)
{
    uint8_t *copy = malloc(captured);
    if (copy == NULL || packets_count == MOST_PACKETS)
        abort();
    memcpy(copy, data, captured);
    packets[packets_count].data = copy;
    packets[packets_count].time = now;
    packets[packets_count].captured = captured;
    packets[packets_count].length = length;
    packets[packets_count].file = file;
    packets[packets_count++].interface = interface;
    now += 1000;
}

/* Two ends that talk. */
struct talk {
    uint32_t host;
    uint16_t client_port, server_port;
    int six;        /* IPv6 */
    uint32_t at[2]; /* offset of the next byte of server and client */
    uint32_t piece; /* of IP datagrams; 0: whole ones */
    uint32_t cut;   /* bytes that the snap length takes off */
};

static void put_be16(uint8_t *p, uint32_t value)
{
    p[0] = (uint8_t)(value >> 8);
    p[1] = (uint8_t)value;
}

static void put_be32(uint8_t *p, uint32_t value)
{
    put_be16(p, value >> 16);
    put_be16(p + 2, value);
}

/* An Ethernet frame with a part of an IP datagram. Returns its size. */
static uint32_t make_frame(uint8_t *frame, const struct talk *talk, int from_client, int protocol,
                           const uint8_t *part, uint32_t size, uint32_t offset, int more)
{
    int fragmented = offset != 0 || more;
    uint32_t header = talk->six ? (fragmented ? 48 : 40) : 20,
             source = from_client ? talk->host : 99, destination = from_client ? 99 : talk->host;
    uint8_t *ip = frame + 14;
    memset(frame, 0, 14 + header);
    put_be16(frame + 12, talk->six ? 0x86dd : 0x0800);
    if (talk->six) {
        ip[0] = 0x60;
        put_be16(ip + 4, header - 40 + size);
        ip[6] = (uint8_t)(fragmented ? 44 : protocol);
        ip[7] = 64;
        ip[8] = ip[24] = 0xfd;
        put_be32(ip + 20, source);
        put_be32(ip + 36, destination);
        if (fragmented) {
            ip[40] = (uint8_t)protocol;
            put_be16(ip + 42, offset | (uint32_t)more);
            put_be32(ip + 44, identification);
        }
    } else {
        ip[0] = 0x45;
        put_be16(ip + 2, header + size);
        put_be16(ip + 4, identification);
        put_be16(ip + 6, offset / 8 | (more ? 0x2000u : 0));
        ip[8] = 64;
        ip[9] = (uint8_t)protocol;
        put_be32(ip + 12, 10u << 24 | source);
        put_be32(ip + 16, 10u << 24 | destination);
    }
    memcpy(ip + header, part, size);
    return 14 + header + size;
}

/* An IP datagram, as the talk has it: whole or in pieces; the files take turns. */
static void put_datagram(const struct talk *talk, int from_client, int protocol,
                         const uint8_t *bytes, uint32_t size)
{
    uint8_t frame[2100];
    uint32_t piece = talk->piece != 0 ? talk->piece : size;
    identification++;
    for (uint32_t at = 0; at < size; at += piece) {
        uint32_t part = size - at < piece ? size - at : piece;
        uint32_t length =
            make_frame(frame, talk, from_client, protocol, bytes + at, part, at, at + part < size);
        put_packet(frame, length - talk->cut, length, (int)(packets_count % FORMATS), 0);
    }
}

/* A segment with the bytes from `offset` on; the talk is left as it is. */
static void put_segment(const struct talk *talk, int from_client, int flags, uint32_t offset,
                        const void *bytes, uint32_t size)
{
    uint8_t tcp[2000] = {0};
    put_be16(tcp, from_client ? talk->client_port : talk->server_port);
    put_be16(tcp + 2, from_client ? talk->server_port : talk->client_port);
    put_be32(tcp + 4, 1000 + offset + (flags & SYN ? 0 : 1));
    put_be32(tcp + 8, flags & ACK ? 1001 + talk->at[!from_client] : 0);
    tcp[12] = 0x50;
    tcp[13] = (uint8_t)flags;
    if (size != 0)
        memcpy(tcp + 20, bytes, size);
    put_datagram(talk, from_client, 6, tcp, 20 + size);
}

static struct talk open_talk(uint32_t host, uint16_t server_port, int six)
{
    struct talk talk = {.host = host, .client_port = 40000, .server_port = server_port, .six = six};
    put_segment(&talk, 1, SYN, 0, "", 0);
    put_segment(&talk, 0, SYN | ACK, 0, "", 0);
    put_segment(&talk, 1, ACK, 0, "", 0);
    return talk;
}

/* Bytes in order, in segments of `step`. */
static void say_bytes(struct talk *talk, int from_client, const void *bytes, size_t size,
                      uint32_t step)
{
    for (uint32_t at = 0, part; at < size; at += part, talk->at[from_client] += part) {
        part = size - at < step ? (uint32_t)size - at : step;
        put_segment(talk, from_client, ACK, talk->at[from_client], (const uint8_t *)bytes + at,
                    part);
    }
}

/* ---- messages ---- */

static struct payload p; /* under construction */
static struct wire wire; /* likewise */

static void make_message(int kind, uint32_t command)
{
    wire.size = 0;
    wire_header(&wire, p.size, kind == MT_KIND_REQUEST, command, kind == MT_KIND_RESPONSE,
                kind == MT_KIND_RESPONSE ? MT_FLAG_RESPONSE : MT_FLAG_REQUEST, 1);
    wire_put(&wire, p.bytes, p.size);
}

/* The payload under construction as a message. */
static void say(struct talk *talk, int from_client, int kind, uint32_t command, uint32_t step)
{
    make_message(kind, command);
    say_bytes(talk, from_client, wire.bytes, wire.size, step);
}

static void say_empty(struct talk *talk, int from_client, int kind, uint32_t command)
{
    begin(&p, 0);
    say(talk, from_client, kind, command, 1000);
}

/* 32 bytes that no other number gives. */
static const uint8_t *hash_of(uint32_t number)
{
    static uint8_t hash[HASH];
    memset(hash, 0x5a, sizeof hash);
    memcpy(hash, &number, sizeof number);
    return hash;
}

static void put_hashes(struct payload *to, const char *name, uint32_t first, uint32_t count,
                       uint32_t more)
{
    key(to, name, MT_EPEE_STRING);
    varint(to, count * HASH + more);
    for (uint32_t i = 0; i < count; i++)
        put(to, hash_of(first + i), HASH);
    zeros(to, more);
}

static void make_handshake(void)
{
    begin(&p, 2);
    object(&p, "node_data", 4);
    number(&p, "my_port", MT_EPEE_UINT32, LEVIN);
    string(&p, "network_id", "sixteen bytes ...", 16);
    number(&p, "peer_id", MT_EPEE_UINT64, 77);
    number(&p, "support_flags", MT_EPEE_UINT32, 1);
    object(&p, "payload_data", 2);
    number(&p, "current_height", MT_EPEE_UINT64, 3000000);
    string(&p, "top_id", hash_of(1), HASH);
}

/* One entry of a peer list, of each kind of address in turn. */
static void put_peer(uint32_t i)
{
    static const uint8_t types[] = {1, 2, 4};
    uint8_t address[16] = {0xfd, 1}, type = types[i % 3];
    char name[80];
    varint(&p, 2);
    object(&p, "adr", 2);
    number(&p, "type", MT_EPEE_UINT8, type);
    object(&p, "addr", 2);
    memcpy(address + 12, &i, 4);
    (void)snprintf(name, sizeof name, "%056u.onion", i);
    if (type == 1)
        number(&p, "m_ip", MT_EPEE_UINT32, 0x01020304 + i);
    else
        string(&p, type == 2 ? "addr" : "host", type == 2 ? (const void *)address : name,
               type == 2 ? 16 : strlen(name));
    number(&p, type == 4 ? "port" : "m_port", MT_EPEE_UINT16, LEVIN);
    number(&p, "id", MT_EPEE_UINT64, i);
}

static void make_peers(uint32_t first, uint32_t count)
{
    begin(&p, 1);
    array(&p, "local_peerlist_new", MT_EPEE_OBJECT, count);
    for (uint32_t i = 0; i < count; i++)
        put_peer(first + i);
}

/* The transaction of mainnet's first block, and that block: its header, the transaction, no ids of
 * others. */
static const char transaction[] =
    "\x01\x3c\x01\xff\x00\x01\xff\xff\xff\xff\xff\xff\x03\x02\x9b\x2e\x4c\x02\x81\xc0\xb0\x2e"
    "\x7c\x53\x29\x1a\x94\xd1\xd0\xcb\xff\x88\x83\xf8\x02\x4f\x51\x42"
    "\xee\x49\x4f\xfb\xbd\x08\x80\x71\x21\x01\x77\x67\xaa\xfc\xde\x9b\xe0\x0d\xcf\xd0\x98\x71"
    "\x5e\xbc\xf7\xf4\x10\xda\xeb\xc5\x82\xfd\xa6\x9d\x24\xa2\x8e\x9d"
    "\x0b\xc8\x90\xd1";
enum { TRANSACTION = sizeof transaction - 1, BLOCK_HEADER = 39 };

static void put_block(struct payload *to)
{
    static const uint8_t header[BLOCK_HEADER] = {1, 0, 0, [35] = 0x10, [36] = 0x27};
    key(to, "block", MT_EPEE_STRING);
    varint(to, BLOCK_HEADER + TRANSACTION + 1);
    put(to, header, BLOCK_HEADER);
    put(to, transaction, TRANSACTION);
    byte(to, 0);
}

/* One that parses, again, and `junk` that do not. */
static void make_transactions(uint32_t junk)
{
    begin(&p, 2);
    string(&p, "_", "", 0);
    array(&p, "txs", MT_EPEE_STRING, 2 + junk);
    blob(&p, transaction, TRANSACTION);
    blob(&p, transaction, TRANSACTION);
    for (uint32_t i = 0; i < junk; i++)
        blob(&p, &i, 3);
}

/* Blocks whole, that do not parse, and pruned; transactions of theirs. */
static void make_objects(void)
{
    begin(&p, 2);
    array(&p, "blocks", MT_EPEE_OBJECT, 3);
    varint(&p, 2);
    put_block(&p);
    array(&p, "txs", MT_EPEE_STRING, 2);
    text(&p, "no transaction");
    blob(&p, transaction, TRANSACTION);
    varint(&p, 1);
    string(&p, "block", "no block", 8);
    varint(&p, 3);
    put_block(&p);
    number(&p, "pruned", MT_EPEE_BOOL, 1);
    array(&p, "txs", MT_EPEE_OBJECT, 2);
    for (uint32_t i = 0; i < 2; i++) {
        varint(&p, 2);
        string(&p, "blob", transaction, i == 0 ? TRANSACTION : TRANSACTION - 1);
        string(&p, "prunable_hash", hash_of(2), HASH);
    }
    put_hashes(&p, "missed_ids", 10, 2, 0);
}

/* Every type of epee at once. */
static void make_odd(void)
{
    double half = 0.5;
    begin(&p, 5);
    key(&p, "float", MT_EPEE_DOUBLE);
    put(&p, &half, sizeof half);
    array(&p, "numbers", MT_EPEE_INT8, 3);
    put(&p, "abc", 3);
    array(&p, "objects", MT_EPEE_OBJECT, 2);
    for (uint32_t i = 0; i < 2; i++) {
        varint(&p, 1);
        number(&p, "inner", MT_EPEE_INT16, i);
    }
    array(&p, "strings", MT_EPEE_STRING, 2);
    text(&p, "one");
    text(&p, "two");
    object(&p, "empty", 0);
}

static void fragment(uint32_t flags, const uint8_t *bytes, size_t size)
{
    wire_header(&wire, size, 0, 0, 0, flags, 1);
    wire_put(&wire, bytes, size);
}

/* ---- the scenario ---- */

static void sync_and_gossip(void)
{
    struct talk talk = open_talk(1, LEVIN, 0);
    make_handshake();
    say(&talk, 1, MT_KIND_REQUEST, MT_HANDSHAKE, 30); /* spans segments */
    make_peers(0, 75);
    say(&talk, 0, MT_KIND_RESPONSE, MT_HANDSHAKE, 1400);
    say_empty(&talk, 1, MT_KIND_REQUEST, MT_PING);
    begin(&p, 2);
    number(&p, "peer_id", MT_EPEE_UINT64, 78);
    string(&p, "status", "OK", 2);
    say(&talk, 0, MT_KIND_RESPONSE, MT_PING, 1000);
    make_peers(50, 75);                                   /* some are known */
    say(&talk, 0, MT_KIND_RESPONSE, MT_TIMED_SYNC, 1400); /* answers nothing */
    make_transactions(40);
    say(&talk, 1, MT_KIND_NOTIFICATION, MT_NEW_TRANSACTIONS, 1000);
    make_objects();
    say(&talk, 0, MT_KIND_NOTIFICATION, MT_RESPONSE_GET_OBJECTS, 400);
    make_odd();
    say(&talk, 1, MT_KIND_NOTIFICATION, 4242, 1000);
    put_segment(&talk, 1, FIN | ACK, talk.at[1], "", 0);
    put_segment(&talk, 0, FIN | ACK, talk.at[0], "", 0);
    put_segment(&talk, 1, ACK, talk.at[1] + 1, "late", 4); /* after the end */
}

static void inventories(void)
{
    struct talk talk = open_talk(2, LEVIN, 1);
    put_hashes(begin(&p, 1), "blocks", 20, 30, 0);
    say(&talk, 1, MT_KIND_NOTIFICATION, MT_REQUEST_GET_OBJECTS, 1400);
    put_hashes(begin(&p, 1), "block_ids", 20, 2, 1); /* no multiple of 32 */
    say(&talk, 1, MT_KIND_NOTIFICATION, MT_REQUEST_CHAIN, 1400);
    put_hashes(begin(&p, 1), "m_block_ids", 50, 30, 0);
    say(&talk, 0, MT_KIND_NOTIFICATION, MT_RESPONSE_CHAIN_ENTRY, 700);
    put_hashes(begin(&p, 2), "block_hash", 80, 1, 0);
    string(&p, "missing_tx_indices", "\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0", 16);
    say(&talk, 1, MT_KIND_NOTIFICATION, MT_REQUEST_FLUFFY_MISSING_TX, 1400);
    object(begin(&p, 1), "b", 1);
    put_block(&p);
    say(&talk, 0, MT_KIND_NOTIFICATION, MT_NEW_FLUFFY_BLOCK, 1400);
    string(begin(&p, 1), "_", "\x80", 1);
    p.size -= 1; /* malformed */
    say(&talk, 1, MT_KIND_NOTIFICATION, MT_NEW_TRANSACTIONS, 1400);
    put_segment(&talk, 1, ACK, talk.at[1] + 200000000, "far", 3); /* outside the window */
    put_segment(&talk, 0, RST | ACK, talk.at[0], "", 0);
}

/* Datagrams in pieces, one of them never whole; IPv4 and IPv6. */
static void ip_fragments(int six)
{
    struct talk talk = open_talk(3, LEVIN, six);
    talk.piece = 40;
    make_handshake();
    say(&talk, 1, MT_KIND_REQUEST, MT_HANDSHAKE, 100);
    say_empty(&talk, 0, MT_KIND_RESPONSE, MT_HANDSHAKE);
    packets_count--; /* its last fragment */
    free(packets[packets_count].data);
}

/* The first problem of all is a datagram that contradicts itself. */
static void contradiction(void)
{
    uint8_t frame[200], part[40] = {0};
    struct talk talk = {.host = 3};
    for (uint32_t i = 0; i < 2; i++) {
        uint32_t size = make_frame(frame, &talk, 1, 6, part, i == 0 ? 20 : 40, 80 - 40 * i, 0);
        put_packet(frame, size, size, PCAP, 0);
    }
}

static void holes(void)
{
    struct talk talk = open_talk(4, LEVIN, 0);
    make_peers(500, 9);
    make_message(MT_KIND_RESPONSE, MT_TIMED_SYNC);
    for (uint32_t at = (uint32_t)wire.size / 2; at < wire.size;
         at += 20) /* these wait for the first half, which comes in time */
        put_segment(&talk, 0, ACK, at, wire.bytes + at,
                    wire.size - at < 20 ? (uint32_t)wire.size - at : 20);
    put_segment(&talk, 0, ACK, 0, wire.bytes, (uint32_t)wire.size / 2);
    talk.at[0] = (uint32_t)wire.size;
    say_bytes(&talk, 0, wire.bytes, 50,
              50); /* a hole within a message, given up for all that waits behind it */
    talk.at[0] += (uint32_t)wire.size - 50;
    say_empty(&talk, 0, MT_KIND_RESPONSE, MT_PING);
    for (uint32_t i = 0; i < 30; i++)
        say_bytes(&talk, 0, "waits", 5, 5);
    talk.at[0] += 100; /* one between messages, given up at the end */
    say_empty(&talk, 0, MT_KIND_RESPONSE, MT_PING);
}

/* A response that overtook its request; more requests than are remembered. */
static void early_responses(void)
{
    struct talk talk = open_talk(5, LEVIN, 0);
    begin(&p, 0);
    make_message(MT_KIND_REQUEST, MT_PING);
    talk.at[1] += (uint32_t)wire.size;
    say_empty(&talk, 0, MT_KIND_RESPONSE, MT_PING);
    talk.at[1] -= (uint32_t)wire.size;
    for (int i = 0; i < 9; i++)
        say_empty(&talk, 1, MT_KIND_REQUEST, MT_PING);
}

/* Nobody's port: recognised by a message that begins in another file, when packets of several have
 * been counted. */
static void other_ports(void)
{
    struct talk talk = open_talk(6, 5555, 0), web = open_talk(7, 80, 0);
    put_segment(&web, 1, ACK, 500, "POST", 4); /* behind a hole */
    say_bytes(&web, 0, "HTTP", 4, 4);
    say_empty(&talk, 0, MT_KIND_RESPONSE, MT_PING);
    make_handshake();
    say(&talk, 1, MT_KIND_REQUEST, MT_HANDSHAKE, 7);
}

/* Garbage, and a header that arrives in small parts, out of step; then messages that are cut, too
 * long, not kept, repeated with other bytes. */
static void trouble(void)
{
    struct talk talk = {.host = 8, .client_port = 40000, .server_port = LEVIN, .at = {700, 700}};
    say_bytes(&talk, 1, "garbage", 7, 7);
    make_handshake();
    say(&talk, 1, MT_KIND_REQUEST, MT_HANDSHAKE, 3);
    wire.size = 0;
    wire_notify(&wire, MT_NEW_TRANSACTIONS, 9900); /* more than may be buffered */
    say_bytes(&talk, 1, wire.bytes, wire.size, 1400);
    wire.size = 0;
    wire_request(&wire, MT_PING, 5000); /* more than monerod takes */
    say_bytes(&talk, 1, wire.bytes, wire.size, 1400);
    make_handshake();
    make_message(MT_KIND_REQUEST, MT_HANDSHAKE);
    say_bytes(&talk, 1, wire.bytes, 80, 80);
    put_segment(&talk, 1, ACK, talk.at[1] - 10, "other text", 10);
    talk.cut = 5; /* the snap length */
    say_bytes(&talk, 1, wire.bytes + 80, wire.size - 80, 1400);
    talk.cut = 0;
    wire.size = 0;
    wire_header(&wire, UINT64_C(1) << 40, 0, MT_PING, 0, MT_FLAG_REQUEST, 1); /* not believed */
    say_bytes(&talk, 1, wire.bytes, wire.size, 1400);
    say_empty(&talk, 1, MT_KIND_REQUEST, MT_PING);
    put_segment(&talk, 0, ACK, talk.at[0], "\x01\x21\x01",
                3); /* a beginning of a header at the end */
}

static void levin_fragments(void)
{
    struct talk talk = open_talk(9, LEVIN, 0);
    struct wire inner = {0};
    wire_notify(&inner, MT_NEW_TRANSACTIONS, 5000);
    wire.size = 0;
    for (size_t at = 0; at < inner.size; at += 1400)
        fragment((at == 0 ? MT_FLAG_BEGIN : 0) | (at + 1400 >= inner.size ? MT_FLAG_END : 0),
                 inner.bytes + at, inner.size - at < 1400 ? inner.size - at : 1400);
    fragment(MT_FLAG_BEGIN, inner.bytes, 60);               /* abandoned */
    fragment(MT_FLAG_BEGIN | MT_FLAG_END, inner.bytes, 20); /* noise */
    fragment(MT_FLAG_BEGIN, inner.bytes, 70);               /* never ended */
    say_bytes(&talk, 1, wire.bytes, wire.size, 1000);
    wire_free(&inner);
}

/* Packets that are no TCP segment, or none of ours. */
static void strange_packets(void)
{
    static uint8_t large[LARGE] = {[12] = 8, [13] = 6};
    struct talk talk = {.host = 10};
    put_datagram(&talk, 1, 17, large, 20);
    put_datagram(&talk, 1, 6, large, 20); /* a TCP header of no length */
    for (int i = 0; i < 2; i++)
        put_packet(large, 20, 30, PCAPNG_ZSTD, 1);
    put_packet(large, LARGE, LARGE, PCAPNG_ZSTD, 0); /* more than the buffer holds */
    for (uint32_t i = 0; i < 40; i++)                /* gzip data that fills more than one window */
        put_packet(large, 1000, 1000, PCAP_GZIP, 0);
    put_packet(large, 1000, 1000, PCAP, 0); /* another file has it too */
}

/* Connections come and go: more than may be followed, a port used again, one that is idle for long.
 */
static void crowd(void)
{
    for (uint32_t host = 20; host < 26; host++) {
        struct talk talk = open_talk(host, LEVIN, host % 2 != 0);
        say_empty(&talk, 1, MT_KIND_REQUEST, MT_PING);
    }
    struct talk closed = {.host = 25, .client_port = 40000, .server_port = LEVIN, .six = 1},
                again = {.host = 24, .client_port = 40000, .server_port = LEVIN};
    put_segment(&closed, 0, FIN | ACK, 0, "", 0);
    put_segment(&closed, 1, FIN | ACK, 43, "", 0);
    put_segment(&again, 1, SYN, 70000, "", 0);
    again.at[1] = 70000;
    put_segment(&again, 0, SYN | ACK, 90000, "", 0);
    now += 12000000; /* what was closed is closed */
    (void)open_talk(30, LEVIN, 0);
    now += 700000000; /* what was silent is over */
    (void)open_talk(31, LEVIN, 0);
}

/* The last packets of a file, after its clock was set back. */
static void clock_set_back(void)
{
    for (int i = 0; i < 6; i++) {
        put_packet((const uint8_t *)"no IP packet", 12, 60, PCAP, 0);
        now -= i == 0 ? 1000000000 : 0;
    }
    now += 1000000000;
}

static void make_scenario(void)
{
    now = START_TIME / 1000;
    contradiction();
    sync_and_gossip();
    inventories();
    ip_fragments(0);
    ip_fragments(1);
    holes();
    early_responses();
    other_ports();
    trouble();
    levin_fragments();
    strange_packets();
    crowd();
    clock_set_back();
}

/* ---- files ---- */

static void put_32(struct wire *to, uint32_t value)
{
    wire_put(to, &value, 4);
}

static void begin_pcap(struct wire *to, uint32_t magic, uint32_t link)
{
    const uint32_t header[] = {magic, 2 | 4 << 16, 0, 0, 262144, link};
    wire_put(to, header, sizeof header);
}

/* Raw IP in Kuznetzov's format, which only libpcap reads: without the Ethernet header, and with
 * more in the header of a record. */
static void put_record(struct wire *to, size_t i, int kuznetzov)
{
    uint32_t skipped = kuznetzov ? 14 : 0;
    put_32(to, (uint32_t)(packets[i].time / 1000000));
    put_32(to, (uint32_t)(packets[i].time % 1000000));
    put_32(to, packets[i].captured - skipped);
    put_32(to, packets[i].length - skipped);
    wire_fill(to, 0, kuznetzov ? 8 : 0);
    wire_put(to, packets[i].data + skipped, packets[i].captured - skipped);
}

static void begin_pcapng(struct wire *to)
{
    static const uint32_t section[] = {0x0a0d0d0a, 28, 0x1a2b3c4d, 1, 0xffffffff, 0xffffffff, 28};
    wire_put(to, section, sizeof section);
    for (uint32_t i = 0; i < 20; i++) { /* more than there is room for at first */
        const uint32_t interface[] = {1, 20, i == 0 ? (uint32_t)ETHERNET : 150 + i % 13, 0,
                                      20}; /* USER3 to USER15: nobody's */
        wire_put(to, interface, sizeof interface);
    }
}

static void put_block_of_packet(struct wire *to, size_t i)
{
    uint32_t padding = (4 - packets[i].captured % 4) % 4,
             total = 32 + packets[i].captured + padding;
    uint64_t time = (uint64_t)packets[i].time;
    const uint32_t header[] = {6,
                               total,
                               (uint32_t)packets[i].interface,
                               (uint32_t)(time >> 32),
                               (uint32_t)time,
                               packets[i].captured,
                               packets[i].length};
    wire_put(to, header, sizeof header);
    wire_put(to, packets[i].data, packets[i].captured);
    wire_fill(to, 0, padding);
    put_32(to, total);
}

static struct wire files[FORMATS]; /* as they are on disk */

static void pack_gzip(struct wire *file)
{
    size_t room = compressBound(file->size) + 100;
    struct wire packed = {.bytes = malloc(room)};
    z_stream z = {.next_in = file->bytes,
                  .avail_in = (uInt)file->size,
                  .next_out = packed.bytes,
                  .avail_out = (uInt)room};
    CHECK(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK &&
          deflate(&z, Z_FINISH) == Z_STREAM_END);
    packed.size = packed.capacity = z.total_out;
    CHECK(deflateEnd(&z) == Z_OK);
    wire_free(file);
    *file = packed;
}

static void pack_zstd(struct wire *file)
{
    size_t room = ZSTD_compressBound(file->size);
    struct wire packed = {.bytes = malloc(room)};
    packed.size = packed.capacity = ZSTD_compress(packed.bytes, room, file->bytes, file->size, 1);
    CHECK(!ZSTD_isError(packed.size));
    wire_free(file);
    *file = packed;
}

/* A folder of our own, and in it a place for each format. */
static void make_folder(void)
{
    (void)snprintf(folder, sizeof folder, "%s/mt_exhaustion_XXXXXX",
                   P_tmpdir); /* mkdtemp fills in what is free */
    CHECK(mkdtemp(folder) != NULL);
    for (int format = 0; format < FORMATS; format++) {
        (void)snprintf(names[format], sizeof names[format], "%s/file_%d", folder, format);
        paths[format] = names[format];
    }
}

static void remove_folder(void)
{
    for (int format = 0; format < FORMATS; format++)
        (void)unlink(paths[format]);
    CHECK(rmdir(folder) == 0);
}

/* The first `size` bytes of a file, written. */
static void save(int format, size_t size)
{
    FILE *file = fopen(paths[format], "wb");
    CHECK(file != NULL && fwrite(files[format].bytes, 1, size, file) == size && fclose(file) == 0);
}

/* Of the packets that there are, then forgotten, as many files as they are in. */
static void make_files(void)
{
    begin_pcap(&files[PCAP], 0xa1b2c3d4, ETHERNET);
    begin_pcapng(&files[PCAPNG_ZSTD]);
    begin_pcap(&files[PCAP_GZIP], 0xa1b2c3d4, ETHERNET);
    begin_pcap(&files[KUZNETZOV], 0xa1b2cd34, RAW);
    for (size_t i = 0; i < packets_count; i++) {
        int format = packets[i].file;
        if (format == PCAPNG_ZSTD)
            put_block_of_packet(&files[format], i);
        else
            put_record(&files[format], i, format == KUZNETZOV);
    }
    pack_zstd(&files[PCAPNG_ZSTD]);
    pack_gzip(&files[PCAP_GZIP]);
    for (int format = 0; format < FORMATS; format++)
        save(format, files[format].size);
    while (packets_count > 0)
        free(packets[--packets_count].data);
}

static void forget_files(void)
{
    for (int format = 0; format < FORMATS; format++)
        wire_free(&files[format]);
}

#endif
