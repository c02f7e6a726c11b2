/* For the tests of failures: packets of a capture in memory, and messages to put into them. */
#ifndef MT_TEST_SCENARIO_PACKETS_H
#define MT_TEST_SCENARIO_PACKETS_H

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

static inline void put_packet(const uint8_t *data, uint32_t captured, uint32_t length, int file,
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
    int summed;     /* TCP over IPv4 has right checksums, else 0 */
};

static inline void put_be16(uint8_t *p, uint32_t value)
{
    p[0] = (uint8_t)(value >> 8);
    p[1] = (uint8_t)value;
}

static inline void put_be32(uint8_t *p, uint32_t value)
{
    put_be16(p, value >> 16);
    put_be16(p + 2, value);
}

/* An Ethernet frame with a part of an IP datagram. Returns its size. */
static inline uint32_t make_frame(uint8_t *frame, const struct talk *talk, int from_client,
                                  int protocol, const uint8_t *part, uint32_t size, uint32_t offset,
                                  int more)
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
static inline void put_datagram(const struct talk *talk, int from_client, int protocol,
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

static inline void put_checksum(const struct talk *talk, uint8_t *tcp, uint32_t size)
{
    uint32_t sum = 6 + size + 2 * (10u << 8) + talk->host + 99;
    for (uint32_t i = 0; i < size; i++)
        sum += i % 2 != 0 ? tcp[i] : (uint32_t)tcp[i] << 8;
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    put_be16(tcp + 16, ~sum & 0xffff);
}

/* A segment with the bytes from `offset` on; the talk is left as it is. */
static inline void put_segment(const struct talk *talk, int from_client, int flags, uint32_t offset,
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
    if (talk->summed)
        put_checksum(talk, tcp, 20 + size);
    put_datagram(talk, from_client, 6, tcp, 20 + size);
}

static inline struct talk open_talk(uint32_t host, uint16_t server_port, int six)
{
    struct talk talk = {.host = host, .client_port = 40000, .server_port = server_port, .six = six};
    put_segment(&talk, 1, SYN, 0, "", 0);
    put_segment(&talk, 0, SYN | ACK, 0, "", 0);
    put_segment(&talk, 1, ACK, 0, "", 0);
    return talk;
}

/* Bytes in order, in segments of `step`. */
static inline void say_bytes(struct talk *talk, int from_client, const void *bytes, size_t size,
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

static inline void make_message(int kind, uint32_t command)
{
    wire.size = 0;
    wire_header(&wire, p.size, kind == MT_KIND_REQUEST, command, kind == MT_KIND_RESPONSE,
                kind == MT_KIND_RESPONSE ? MT_FLAG_RESPONSE : MT_FLAG_REQUEST, 1);
    wire_put(&wire, p.bytes, p.size);
}

/* The payload under construction as a message. */
static inline void say(struct talk *talk, int from_client, int kind, uint32_t command,
                       uint32_t step)
{
    make_message(kind, command);
    say_bytes(talk, from_client, wire.bytes, wire.size, step);
}

static inline void say_empty(struct talk *talk, int from_client, int kind, uint32_t command)
{
    begin(&p, 0);
    say(talk, from_client, kind, command, 1000);
}

/* 32 bytes that no other number gives. */
static inline const uint8_t *hash_of(uint32_t number)
{
    static uint8_t hash[HASH];
    memset(hash, 0x5a, sizeof hash);
    memcpy(hash, &number, sizeof number);
    return hash;
}

static inline void put_hashes(struct payload *to, const char *name, uint32_t first, uint32_t count,
                              uint32_t more)
{
    key(to, name, MT_EPEE_STRING);
    varint(to, count * HASH + more);
    for (uint32_t i = 0; i < count; i++)
        put(to, hash_of(first + i), HASH);
    zeros(to, more);
}

static inline void make_handshake(void)
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
static inline void put_peer(uint32_t i)
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

static inline void make_peers(uint32_t first, uint32_t count)
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

static inline void put_block(struct payload *to)
{
    static const uint8_t header[BLOCK_HEADER] = {1, 0, 0, [35] = 0x10, [36] = 0x27};
    key(to, "block", MT_EPEE_STRING);
    varint(to, BLOCK_HEADER + TRANSACTION + 1);
    put(to, header, BLOCK_HEADER);
    put(to, transaction, TRANSACTION);
    byte(to, 0);
}

/* One that parses, again, and `junk` that do not. */
static inline void make_transactions(uint32_t junk)
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
static inline void make_objects(void)
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
static inline void make_odd(void)
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

static inline void fragment(uint32_t flags, const uint8_t *bytes, size_t size)
{
    wire_header(&wire, size, 0, 0, 0, flags, 1);
    wire_put(&wire, bytes, size);
}

#endif
