/* For the tests of the core: capture files of a few segments, and the rows that they become.
 * A file that includes this one begins with `#define _GNU_SOURCE`. */
#ifndef MT_TEST_CORE_HELP_H
#define MT_TEST_CORE_HELP_H

#include "base/command.h"
#include "core.h"
#include "support/stream_help.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    SYN = MT_TCP_SYN,
    ACK = MT_TCP_ACK,
    FIN = MT_TCP_FIN,
    ETHERNET = 1,
    LINUX_SLL = 113,
    USB = 189,
    MOST_FILES = 4
};

static char folder[64], names[MOST_FILES][96];
static const char *paths[MOST_FILES];
static FILE *file;
static uint32_t acknowledged; /* by the server, once the handshake is over */
static int64_t now;           /* of the next packet, microseconds */
static struct mt_core_options options;
static struct mt_failure failure;
static struct wire ping, sync_request, list; /* messages: 43 bytes; a request that says a height; a
                                                response with entries of a peer list */

/* ---- files ---- */

static inline void put_32(uint32_t value)
{
    CHECK(fwrite(&value, 4, 1, file) == 1);
}

static inline void begin_file(int i, uint32_t link)
{
    snprintf(names[i], sizeof names[i], "%s/file_%d", folder, i);
    paths[i] = names[i];
    file = fopen(names[i], "wb");
    CHECK(file != NULL);
    put_32(0xa1b2c3d4u);
    put_32(2 | 4 << 16);
    put_32(0);
    put_32(0);
    put_32(262144);
    put_32(link);
}

static inline void put_record(const uint8_t *bytes, uint32_t captured, uint32_t length)
{
    put_32((uint32_t)(now / 1000000));
    put_32((uint32_t)(now % 1000000));
    put_32(captured);
    put_32(length);
    CHECK(fwrite(bytes, captured, 1, file) == 1);
    now += 1000;
}

/* An Ethernet frame with an IPv4 packet of that protocol. Returns its size. */
static inline uint32_t make_frame(uint8_t *frame, int protocol, int from_client,
                                  uint16_t client_port, const uint8_t *payload, uint32_t size)
{
    static const uint8_t client[4] = {10, 0, 0, 1}, server[4] = {10, 0, 0, 2};
    uint32_t total = 20 + size;
    (void)client_port;
    memset(frame, 0, 34);
    frame[12] = 8;
    frame[14] = 0x45;
    frame[16] = (uint8_t)(total >> 8);
    frame[17] = (uint8_t)total;
    frame[22] = 64;
    frame[23] = (uint8_t)protocol;
    memcpy(frame + 26, from_client ? client : server, 4);
    memcpy(frame + 30, from_client ? server : client, 4);
    memcpy(frame + 34, payload, size);
    return 34 + size;
}

/* A TCP segment; `cut`: bytes that the snap length takes off its end. */
static inline void put_segment(int from_client, uint16_t client_port, uint16_t server_port,
                               int flags, uint32_t sequence, const void *bytes, uint32_t size,
                               uint32_t cut)
{
    uint8_t tcp[2000] = {0}, frame[2100];
    uint16_t source = from_client ? client_port : server_port,
             destination = from_client ? server_port : client_port;
    tcp[0] = (uint8_t)(source >> 8);
    tcp[1] = (uint8_t)source;
    tcp[2] = (uint8_t)(destination >> 8);
    tcp[3] = (uint8_t)destination;
    uint32_t acknowledgement = (flags & ACK) == 0   ? 0
                               : from_client        ? 5001
                               : (flags & SYN) != 0 ? 1001
                                                    : acknowledged;
    for (int i = 0; i < 4; i++) {
        tcp[4 + i] = (uint8_t)(sequence >> (24 - 8 * i));
        tcp[8 + i] = (uint8_t)(acknowledgement >> (24 - 8 * i));
    }
    tcp[12] = 0x50;
    tcp[13] = (uint8_t)flags;
    if (size != 0)
        memcpy(tcp + 20, bytes, size);
    uint32_t length = make_frame(frame, 6, from_client, client_port, tcp, 20 + size);
    put_record(frame, length - cut, length);
}

static inline void end_file(void)
{
    CHECK(fclose(file) == 0);
    file = NULL;
}

static inline struct mt_core *open_files(size_t count)
{
    int result = 99;
    struct mt_core *core = mt_core_open(paths, count, &options, &result, &failure);
    CHECK_EQUAL(result, MT_OK);
    CHECK(core != NULL);
    return core;
}

static inline size_t count_of(struct mt_core *core, enum mt_table_id id)
{
    return mt_core_table(core, id)->count;
}
static inline const struct mt_message_row *message(struct mt_core *core, size_t i)
{
    return (const struct mt_message_row *)mt_core_table(core, MT_TABLE_messages)->rows + i;
}
static inline const struct mt_file_row *file_row(struct mt_core *core, size_t i)
{
    return (const struct mt_file_row *)mt_core_table(core, MT_TABLE_files)->rows + i;
}
static inline const struct mt_problem_row *problem(struct mt_core *core, size_t i)
{
    return (const struct mt_problem_row *)mt_core_table(core, MT_TABLE_problems)->rows + i;
}
static inline const struct mt_connection_row *connection(struct mt_core *core, size_t i)
{
    return (const struct mt_connection_row *)mt_core_table(core, MT_TABLE_connections)->rows + i;
}

static inline const char *text_of(struct mt_core *core, int32_t code)
{
    static char text[512];
    size_t size = 0;
    const uint8_t *bytes = code >= 0 ? mt_intern_get(mt_core_strings(core), code, &size) : NULL;
    snprintf(text, sizeof text, "%.*s", (int)size, bytes != NULL ? (const char *)bytes : "");
    return text;
}

static inline void run(struct mt_core *core)
{
    CHECK_EQUAL(mt_core_step(core, 0, 0, &failure), MT_END);
    CHECK_EQUAL(mt_core_step(core, 0, 0, &failure), MT_END); /* stays so */
}

/* ---- messages ---- */

#define PUT(wire, literal) wire_put(wire, literal, sizeof literal - 1)

/* A TIMED_SYNC response with two entries of a peer list. */
static inline void make_list(void)
{
    struct wire body = {0};
    wire_put(&body, mt_epee_header, MT_EPEE_HEADER);
    PUT(&body, "\x04\x12"
               "local_peerlist_new\x8c\x08");
    for (uint32_t i = 0; i < 2; i++) {
        uint32_t ip = 0x01020304u + i;
        uint16_t port = 18080;
        uint64_t id = 77 + i;
        PUT(&body, "\x08\x03"
                   "adr\x0c\x08\x04type\x08\x01\x04"
                   "addr\x0c\x08\x04m_ip\x06");
        wire_put(&body, &ip, 4);
        PUT(&body, "\x06m_port\x07");
        wire_put(&body, &port, 2);
        PUT(&body, "\x02id\x05");
        wire_put(&body, &id, 8);
    }
    wire_header(&list, body.size, 0, MT_TIMED_SYNC, 1, MT_FLAG_RESPONSE, 1);
    wire_put(&list, body.bytes, body.size);
    wire_free(&body);
}

/* A TIMED_SYNC request that says a height. */
static inline void make_sync_request(void)
{
    static const char body[] = "\x04\x0cpayload_data\x0c\x04\x0e"
                               "current_height\x05\x01\x02\x03\x04\x05\x06\x07\x08";
    wire_header(&sync_request, MT_EPEE_HEADER + sizeof body - 1, 1, MT_TIMED_SYNC, 0,
                MT_FLAG_REQUEST, 1);
    wire_put(&sync_request, mt_epee_header, MT_EPEE_HEADER);
    wire_put(&sync_request, body, sizeof body - 1);
}

/* A capture of many connections that begin, talk and end; some ports are nobody's. */
static inline void make_busy_file(void)
{
    now = START_TIME / 1000;
    acknowledged = 1001 + (uint32_t)sync_request.size;
    begin_file(0, ETHERNET);
    for (uint16_t i = 0; i < 60; i++) {
        uint16_t port = (uint16_t)(40000 + i), server = i % 4 == 0 ? 6666 : 18080;
        uint32_t list_size = (uint32_t)list.size;
        put_segment(1, port, server, SYN, 1000, "", 0, 0);
        put_segment(0, port, server, SYN | ACK, 5000, "", 0, 0);
        put_segment(1, port, server, ACK, 1001, sync_request.bytes, (uint32_t)sync_request.size, 0);
        if (i % 3 == 0)
            put_segment(0, port, server, ACK, 5011, list.bytes + 10, list_size - 10, 0);
        put_segment(0, port, server, ACK, 5001, list.bytes, i % 3 == 0 ? 10 : list_size, 0);
        if (i % 5 != 0) {
            put_segment(0, port, server, FIN | ACK, 5001 + list_size, "", 0, 0);
            put_segment(1, port, server, FIN | ACK, acknowledged, ping.bytes, 20, 0);
        }
        now += 3000000;
    }
    end_file();
}

/* The options of all tests, the messages, and a folder for the files. */
static inline void begin_core_tests(void)
{
    static const uint16_t ports[] = {18080, 28080, 38080};
    options = (struct mt_core_options){
        .limits = mt_default_limits, .tables = ALL_TABLES, .ports = ports, .ports_count = 3};
    snprintf(folder, sizeof folder, "%s/mt_core_XXXXXX", P_tmpdir);
    CHECK(mkdtemp(folder) != NULL);
    wire_request(&ping, MT_PING, 10);
    make_list();
    make_sync_request();
}

static inline void end_core_tests(void)
{
    for (int i = 0; i < MOST_FILES; i++)
        (void)unlink(names[i]);
    CHECK(rmdir(folder) == 0);
    wire_free(&ping);
    wire_free(&sync_request);
    wire_free(&list);
}

#endif
