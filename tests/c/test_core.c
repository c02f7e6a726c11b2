/* Captures in, tables out. */
#define _GNU_SOURCE
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

static void put_32(uint32_t value)
{
    CHECK(fwrite(&value, 4, 1, file) == 1);
}

static void begin_file(int i, uint32_t link)
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

static void put_record(const uint8_t *bytes, uint32_t captured, uint32_t length)
{
    put_32((uint32_t)(now / 1000000));
    put_32((uint32_t)(now % 1000000));
    put_32(captured);
    put_32(length);
    CHECK(fwrite(bytes, captured, 1, file) == 1);
    now += 1000;
}

/* An Ethernet frame with an IPv4 packet of that protocol. Returns its size. */
static uint32_t make_frame(uint8_t *frame, int protocol, int from_client, uint16_t client_port,
                           const uint8_t *payload, uint32_t size)
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
static void put_segment(int from_client, uint16_t client_port, uint16_t server_port, int flags,
                        uint32_t sequence, const void *bytes, uint32_t size, uint32_t cut)
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

static void end_file(void)
{
    CHECK(fclose(file) == 0);
    file = NULL;
}

static struct mt_core *open_files(size_t count)
{
    int result = 99;
    struct mt_core *core = mt_core_open(paths, count, &options, &result, &failure);
    CHECK_EQUAL(result, MT_OK);
    CHECK(core != NULL);
    return core;
}

static size_t count_of(struct mt_core *core, enum mt_table_id id)
{
    return mt_core_table(core, id)->count;
}
static const struct mt_message_row *message(struct mt_core *core, size_t i)
{
    return (const struct mt_message_row *)mt_core_table(core, MT_TABLE_messages)->rows + i;
}
static const struct mt_file_row *file_row(struct mt_core *core, size_t i)
{
    return (const struct mt_file_row *)mt_core_table(core, MT_TABLE_files)->rows + i;
}
static const struct mt_problem_row *problem(struct mt_core *core, size_t i)
{
    return (const struct mt_problem_row *)mt_core_table(core, MT_TABLE_problems)->rows + i;
}
static const struct mt_connection_row *connection(struct mt_core *core, size_t i)
{
    return (const struct mt_connection_row *)mt_core_table(core, MT_TABLE_connections)->rows + i;
}

static const char *text_of(struct mt_core *core, int32_t code)
{
    static char text[512];
    size_t size = 0;
    const uint8_t *bytes = code >= 0 ? mt_intern_get(mt_core_strings(core), code, &size) : NULL;
    snprintf(text, sizeof text, "%.*s", (int)size, bytes != NULL ? (const char *)bytes : "");
    return text;
}

static void run(struct mt_core *core)
{
    CHECK_EQUAL(mt_core_step(core, 0, 0, &failure), MT_END);
    CHECK_EQUAL(mt_core_step(core, 0, 0, &failure), MT_END); /* stays so */
}

/* ---- tests ---- */

static void test_one_file(void)
{
    begin_file(0, ETHERNET);
    now = START_TIME / 1000;
    acknowledged = 1044;
    put_segment(1, 40000, 18080, SYN, 1000, "", 0, 0);
    put_segment(0, 40000, 18080, SYN | ACK, 5000, "", 0, 0);
    put_segment(1, 40000, 18080, ACK, 1001, ping.bytes, 43, 0);
    put_segment(1, 40001, 80, SYN, 1000, "", 0, 0);
    put_segment(0, 40000, 18080, ACK, 5001, list.bytes, (uint32_t)list.size, 0);
    end_file();
    struct mt_core *core = open_files(1);
    struct stat status;
    CHECK(stat(paths[0], &status) == 0);
    CHECK_EQUAL(mt_core_size(core), status.st_size);
    CHECK(mt_core_position(core) < status.st_size);
    run(core);
    CHECK_EQUAL(mt_core_position(core), status.st_size);
    CHECK_EQUAL(count_of(core, MT_TABLE_messages), 2);
    CHECK_EQUAL(message(core, 0)->frame, 3);
    CHECK_EQUAL(message(core, 0)->time, START_TIME + 2000000);
    CHECK_EQUAL(message(core, 0)->file, 0);
    CHECK_EQUAL(count_of(core, MT_TABLE_peer_lists), 2);
    CHECK_EQUAL(count_of(core, MT_TABLE_connections), 2);
    CHECK_EQUAL(connection(core, 0)->client_messages, 1);
    CHECK_EQUAL(connection(core, 0)->server_messages, 1);
    CHECK_EQUAL(connection(core, 1)->server_port, 80);
    CHECK_EQUAL(count_of(core, MT_TABLE_problems), 0);
    CHECK_EQUAL(count_of(core, MT_TABLE_files), 1);
    const struct mt_file_row *row = file_row(core, 0);
    CHECK_EQUAL(row->file, 0);
    CHECK_EQUAL(row->packets, 5);
    CHECK_EQUAL(row->bytes, 5 * 54 + 43 + (int64_t)list.size);
    CHECK_EQUAL(row->first_time, START_TIME);
    CHECK_EQUAL(row->last_time, START_TIME + 4000000);
    CHECK_EQUAL(row->tcp_packets, 5);
    CHECK_EQUAL(row->monero_packets, 4);
    CHECK_EQUAL(row->skipped_packets, 0);
    CHECK_EQUAL(row->truncated, 0);
    CHECK_TEXT(text_of(core, row->path), paths[0]);
    CHECK_TEXT(text_of(core, row->link_type), "EN10MB");
    char text[64];
    CHECK_EQUAL(
        mt_address_text(mt_core_addresses(core), connection(core, 0)->client, text, sizeof text),
        8);
    CHECK(memcmp(text, "10.0.0.1", 8) == 0);
    CHECK_EQUAL(mt_core_limit_hits(core, MT_LIMIT_problems), 0);
    mt_core_close(core);
    mt_core_close(NULL);
}

/* A message, and a connection on a port that says nothing, cross the files of a ring. */
static void test_ring(void)
{
    now = START_TIME / 1000;
    begin_file(1, ETHERNET);
    put_segment(1, 40000, 5555, SYN, 1000, "", 0, 0);
    put_segment(1, 40000, 5555, ACK, 1001, ping.bytes, 5, 0);
    end_file();
    begin_file(0, ETHERNET);
    put_segment(1, 40000, 5555, ACK, 1006, ping.bytes + 5, 20, 0);
    end_file();
    begin_file(2, LINUX_SLL); /* no packets */
    end_file();
    struct mt_core *core = open_files(3);
    run(core);
    int32_t ring_begins = MOST_FILES;
    CHECK_EQUAL(count_of(core, MT_TABLE_messages), 0);
    CHECK_EQUAL(count_of(core, MT_TABLE_problems), 1);
    CHECK_EQUAL(problem(core, 0)->kind, MT_PROBLEM_UNFRAMED);
    CHECK_EQUAL(problem(core, 0)->bytes, 25);
    for (size_t i = 0; i < 3; i++) {
        const struct mt_file_row *row = file_row(core, i);
        CHECK_EQUAL(row->file, (int64_t)i);
        if (strcmp(text_of(core, row->path), paths[2]) == 0) {
            CHECK_EQUAL(row->packets, 0);
            CHECK_EQUAL(row->first_time, MT_NO_TIME);
            CHECK_TEXT(text_of(core, row->link_type), "LINUX_SLL");
        } else if (strcmp(text_of(core, row->path), paths[1]) == 0) {
            CHECK_EQUAL(row->monero_packets, 2);
            ring_begins = row->file;
        } else {
            CHECK_EQUAL(row->monero_packets, 1);
            CHECK(row->file > ring_begins); /* in order of time */
        }
    }
    mt_core_close(core);
    begin_file(2, ETHERNET);
    put_segment(1, 40000, 5555, ACK, 1026, ping.bytes + 25, 18, 0);
    end_file();
    core = open_files(3);
    run(core);
    CHECK_EQUAL(count_of(core, MT_TABLE_messages), 1);
    CHECK_EQUAL(message(core, 0)->file, 0);
    CHECK_EQUAL(message(core, 0)->frame, 2);
    CHECK_EQUAL(message(core, 0)->end_frame, 1);
    CHECK_EQUAL(message(core, 0)->segments, 3);
    mt_core_close(core);
}

static void test_snapped(void)
{
    now = START_TIME / 1000;
    begin_file(0, ETHERNET);
    put_segment(1, 40000, 18080, SYN, 1000, "", 0, 0);
    uint32_t size = (uint32_t)sync_request.size;
    put_segment(1, 40000, 18080, ACK, 1001, sync_request.bytes, size, 10);
    put_segment(1, 40000, 18080, ACK, 1001 + size, ping.bytes, 43, 0);
    end_file();
    struct mt_core *core = open_files(1);
    run(core);
    CHECK_EQUAL(message(core, 0)->status, MT_STATUS_SNAPPED);
    CHECK_EQUAL(message(core, 0)->captured, size - 33 - 10);
    CHECK_EQUAL(message(core, 1)->status, MT_STATUS_COMPLETE);
    CHECK_EQUAL(connection(core, 0)->client_lost, 10);
    CHECK_EQUAL(connection(core, 0)->client_bytes, size - 10 + 43);
    mt_core_close(core);
}

/* Packets that are no TCP segment. */
static void test_skipped(void)
{
    uint8_t frame[200] = {0}, payload[100] = {0};
    now = START_TIME / 1000;
    begin_file(0, ETHERNET);
    put_record(frame, make_frame(frame, 17, 1, 0, payload, 20), 54); /* UDP */
    put_record(frame, make_frame(frame, 6, 1, 0, payload, 20), 54);  /* TCP data offset 0 */
    put_record(frame, 20, 54);                                       /* cut in the IP header */
    uint32_t size = make_frame(frame, 6, 1, 0, payload, 24);
    frame[20] = 0x20; /* more fragments */
    put_record(frame, size, size);
    put_record(frame, 10, 60); /* cut in the Ethernet header */
    memset(frame, 0, 14);
    frame[12] = 8, frame[13] = 6; /* ARP */
    put_record(frame, 60, 60);
    put_segment(1, 40000, 18080, SYN, 1000, "", 0, 0);
    end_file();
    struct mt_core *core = open_files(1);
    run(core);
    CHECK_EQUAL(file_row(core, 0)->packets, 7);
    CHECK_EQUAL(file_row(core, 0)->tcp_packets, 1);
    CHECK_EQUAL(file_row(core, 0)->skipped_packets, 6);
    size_t packets = 0, fragments = 0;
    for (size_t i = 0; i < count_of(core, MT_TABLE_problems); i++) {
        packets += problem(core, i)->kind == MT_PROBLEM_PACKET;
        fragments += problem(core, i)->kind == MT_PROBLEM_FRAGMENT;
    }
    CHECK_EQUAL(packets, 3);
    CHECK_EQUAL(fragments, 1);
    CHECK_EQUAL(problem(core, 0)->frame, 2);
    CHECK_EQUAL(problem(core, 0)->bytes, 54);
    CHECK_EQUAL(problem(core, 0)->connection, -1);
    mt_core_close(core);
}

/* A file that ends inside a record gives what was readable. */
static void test_damaged(void)
{
    now = START_TIME / 1000;
    begin_file(0, ETHERNET);
    put_segment(1, 40000, 18080, SYN, 1000, "", 0, 0);
    put_segment(1, 40000, 18080, ACK, 1001, ping.bytes, 43, 0);
    put_segment(1, 40000, 18080, ACK, 1044, ping.bytes, 43, 0);
    end_file();
    struct stat status;
    CHECK(stat(paths[0], &status) == 0);
    CHECK(truncate(paths[0], status.st_size - 5) == 0);
    begin_file(1, ETHERNET);
    put_segment(1, 40000, 18080, ACK, 1044, ping.bytes, 43, 0);
    end_file();
    struct mt_core *core = open_files(2);
    run(core);
    CHECK_EQUAL(count_of(core, MT_TABLE_messages), 2);
    CHECK_EQUAL(file_row(core, 0)->truncated, 1);
    CHECK_EQUAL(file_row(core, 0)->packets, 2);
    CHECK_EQUAL(file_row(core, 1)->truncated, 0);
    CHECK_EQUAL(count_of(core, MT_TABLE_problems), 1);
    CHECK_EQUAL(problem(core, 0)->kind, MT_PROBLEM_FILE);
    CHECK_EQUAL(problem(core, 0)->frame, 2);
    CHECK_EQUAL(problem(core, 0)->offset, status.st_size - 54 - 43 - 16);
    CHECK(strlen(text_of(core, problem(core, 0)->detail)) > 5);
    mt_core_close(core);
}

static void test_cannot_open(void)
{
    int result = 0;
    const char *missing = "no_such_file_anywhere";
    CHECK(mt_core_open(&missing, 1, &options, &result, &failure) == NULL);
    CHECK(result != MT_OK);
    CHECK(strstr(failure.text, missing) != NULL);
    struct mt_core *core =
        mt_core_open(paths, 0, &options, &result, &failure); /* no file is an empty stream */
    CHECK_EQUAL(result, MT_OK);
    run(core);
    CHECK_EQUAL(count_of(core, MT_TABLE_files), 0);
    CHECK_EQUAL(count_of(core, MT_TABLE_messages), 0);
    mt_core_close(core);
}

/* A file of nothing but packets that we cannot read is refused by name, but only when that is sure.
 */
static void test_unknown_link(void)
{
    uint8_t bytes[10] = {0};
    now = START_TIME / 1000;
    begin_file(0, USB);
    for (int i = 0; i < 5; i++)
        put_record(bytes, 10, 20);
    end_file();
    struct mt_core *core = open_files(1);
    CHECK_EQUAL(mt_core_step(core, 0, 0, &failure), MT_LINK_TYPE);
    CHECK_EQUAL(mt_core_step(core, 0, 0, &failure), MT_LINK_TYPE);
    CHECK(strstr(failure.text, paths[0]) != NULL);
    CHECK(strstr(failure.text, "USB_LINUX (189)") != NULL);
    CHECK_EQUAL(count_of(core, MT_TABLE_files), 1);
    CHECK_EQUAL(file_row(core, 0)->skipped_packets, 5);
    CHECK_EQUAL(problem(core, 0)->kind, MT_PROBLEM_LINK_TYPE);
    CHECK_EQUAL(problem(core, 0)->bytes, 100);
    CHECK_EQUAL(problem(core, 0)->frame, 1);
    mt_core_close(core);
    begin_file(0, USB); /* a large one is not read to its end */
    for (int i = 0; i < 3000; i++)
        put_record(bytes, 10, 10);
    end_file();
    core = open_files(1);
    CHECK_EQUAL(mt_core_step(core, 0, 0, &failure), MT_LINK_TYPE);
    CHECK(mt_core_position(core) < mt_core_size(core));
    mt_core_close(core);
}

/* pcapng: interfaces of many link types in one file; ours is read, the others are told of, once
 * each. */
static void test_many_links(void)
{
    static const uint32_t section[] = {0x0a0d0d0a, 28, 0x1a2b3c4d, 1, 0xffffffff, 0xffffffff, 28};
    snprintf(names[0], sizeof names[0], "%s/file_0", folder);
    file = fopen(names[0], "wb");
    CHECK(fwrite(section, 28, 1, file) == 1);
    enum { INTERFACES = 12 };
    for (uint32_t i = 0; i < INTERFACES; i++) {
        const uint32_t block[] = {1, 20, i == 3 ? (uint32_t)ETHERNET : 150 + i % 11, 0,
                                  20}; /* USER3 to USER13: nobody's */
        CHECK(fwrite(block, 20, 1, file) == 1);
    }
    for (uint32_t round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < INTERFACES; i++) {
            uint8_t frame[64] = {0};
            const uint32_t header[] = {6, 96, i, 0, 1000000 + i, 64, 64}, end = 96;
            frame[12] = 8, frame[13] = 6;
            CHECK(fwrite(header, 28, 1, file) == 1 && fwrite(frame, 64, 1, file) == 1 &&
                  fwrite(&end, 4, 1, file) == 1);
        }
    }
    end_file();
    struct mt_core *core = open_files(1);
    run(core);
    CHECK_EQUAL(file_row(core, 0)->packets, 24);
    CHECK_EQUAL(file_row(core, 0)->skipped_packets, 24);
    int64_t bytes = 0;
    size_t problems = count_of(core, MT_TABLE_problems);
    for (size_t i = 0; i < problems; i++) {
        CHECK_EQUAL(problem(core, i)->kind,
                    i + 1 < problems ? MT_PROBLEM_LINK_TYPE : MT_PROBLEM_SKIPPED);
        bytes += problem(core, i)->bytes;
    }
    CHECK_EQUAL(bytes, 24 * 64); /* every packet is accounted for */
    CHECK(problems <= 12);
    CHECK_TEXT(text_of(core, problem(core, problems - 1)->detail),
               "2 packets without TCP: EtherType 0x0806 (ARP)");
    CHECK_EQUAL(problem(core, problems - 1)->frame, 4);
    CHECK(strstr(text_of(core, file_row(core, 0)->link_type), "EN10MB") != NULL);
    mt_core_close(core);
}

/* ---- parts ---- */

/* A capture of many connections that begin, talk and end; some ports are nobody's. */
static void make_busy_file(void)
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

struct part {
    void *rows;
    size_t count;
};

static void append_part(struct part *whole, struct mt_core *core, enum mt_table_id id)
{
    size_t count = 0, size = mt_schemas[id].row_size;
    void *rows = mt_core_take(core, id, &count);
    CHECK((rows == NULL) == (count == 0));
    if (count != 0) {
        whole->rows = realloc(whole->rows, (whole->count + count) * size);
        memcpy((char *)whole->rows + whole->count * size, rows, count * size);
    }
    whole->count += count;
    mt_free(rows);
}

static int by_first_field(const void *a, const void *b)
{
    int64_t left, right;
    memcpy(&left, a, 8);
    memcpy(&right, b, 8);
    return (left > right) - (left < right);
}

/* Rows of messages and of what they say. */
static size_t said_by(struct mt_core *core)
{
    size_t rows = 0;
    for (int id = 0; id < MT_TABLE_COUNT; id++)
        rows += id != MT_TABLE_connections && id != MT_TABLE_problems && id != MT_TABLE_files
                    ? count_of(core, (enum mt_table_id)id)
                    : 0;
    return rows;
}

/* The parts laid end to end are what one reading gives. */
static void check_parts(uint64_t bytes, uint64_t rows)
{
    struct mt_core *all = open_files(1), *core = open_files(1);
    struct part parts[MT_TABLE_COUNT] = {{0}};
    run(all);
    int result, steps = 0;
    do {
        size_t before = said_by(core);
        result = mt_core_step(core, bytes, rows, &failure);
        CHECK(result == MT_OK || result == MT_END);
        if (result == MT_OK && rows != 0 && bytes == 0)
            CHECK(said_by(core) - before >= rows);
        for (int id = 0; id < MT_TABLE_COUNT; id++) {
            if (id == MT_TABLE_files && result != MT_END)
                CHECK_EQUAL(count_of(core, MT_TABLE_files), 0);
            append_part(&parts[id], core, (enum mt_table_id)id);
        }
        steps++;
    } while (result == MT_OK);
    CHECK(steps > 10);
    for (int id = 0; id < MT_TABLE_COUNT; id++) {
        struct mt_table *table = mt_core_table(all, (enum mt_table_id)id);
        CHECK_EQUAL(parts[id].count, table->count);
        if (table->count == 0)
            continue;
        if (id == MT_TABLE_connections) /* in parts they come as they end */
            qsort(parts[id].rows, parts[id].count, table->row_size, by_first_field);
        CHECK(parts[id].count == table->count &&
              memcmp(parts[id].rows, table->rows, table->count * table->row_size) == 0);
        free(parts[id].rows);
    }
    CHECK(count_of(all, MT_TABLE_messages) > 100);
    CHECK_EQUAL(count_of(all, MT_TABLE_connections), 60);
    for (size_t i = 0; i < 60; i++)
        CHECK_EQUAL(connection(all, i)->connection, (int64_t)i);
    mt_core_close(all);
    mt_core_close(core);
}

static void test_parts(void)
{
    make_busy_file();
    check_parts(1, 0); /* packet by packet */
    check_parts(1000, 0);
    check_parts(0, 1);
    check_parts(0, 10);
    check_parts(2000, 5);
}

static void test_tables_wanted(void)
{
    make_busy_file();
    options.tables = 1u << MT_TABLE_sync_data;
    struct mt_core *core = open_files(1);
    run(core);
    CHECK_EQUAL(count_of(core, MT_TABLE_messages), 0);
    CHECK_EQUAL(count_of(core, MT_TABLE_peer_lists), 0);
    CHECK(count_of(core, MT_TABLE_sync_data) > 0);
    CHECK_EQUAL(count_of(core, MT_TABLE_connections), 60); /* these are always made */
    CHECK_EQUAL(count_of(core, MT_TABLE_files), 1);
    CHECK(count_of(core, MT_TABLE_problems) > 0);
    mt_core_close(core);
    options.tables = ALL_TABLES;
}

static void test_problems_limit(void)
{
    make_busy_file();
    struct mt_core *core = open_files(1);
    run(core);
    size_t rows = count_of(core, MT_TABLE_problems);
    int64_t bytes = 0, limited = 0;
    for (size_t i = 0; i < rows; i++)
        bytes += problem(core, i)->bytes;
    mt_core_close(core);
    options.limits.problems = 7;
    core = open_files(1);
    run(core);
    CHECK(rows > 20);
    CHECK_EQUAL(mt_core_limit_hits(core, MT_LIMIT_problems), rows - 7);
    CHECK(count_of(core, MT_TABLE_problems) <= 7 + MT_PROBLEM_COUNT);
    for (size_t i = 0; i < count_of(core, MT_TABLE_problems); i++)
        limited += problem(core, i)->bytes;
    CHECK_EQUAL(limited, bytes);
    mt_core_close(core);
    options.limits = mt_default_limits;
}

/* ---- messages ---- */

#define PUT(wire, literal) wire_put(wire, literal, sizeof literal - 1)

/* A TIMED_SYNC response with two entries of a peer list. */
static void make_list(void)
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
static void make_sync_request(void)
{
    static const char body[] = "\x04\x0cpayload_data\x0c\x04\x0e"
                               "current_height\x05\x01\x02\x03\x04\x05\x06\x07\x08";
    wire_header(&sync_request, MT_EPEE_HEADER + sizeof body - 1, 1, MT_TIMED_SYNC, 0,
                MT_FLAG_REQUEST, 1);
    wire_put(&sync_request, mt_epee_header, MT_EPEE_HEADER);
    wire_put(&sync_request, body, sizeof body - 1);
}

int main(void)
{
    static const uint16_t ports[] = {18080, 28080, 38080};
    options = (struct mt_core_options){
        .limits = mt_default_limits, .tables = ALL_TABLES, .ports = ports, .ports_count = 3};
    snprintf(folder, sizeof folder, "%s/mt_core_XXXXXX", P_tmpdir);
    CHECK(mkdtemp(folder) != NULL);
    wire_request(&ping, MT_PING, 10);
    make_list();
    make_sync_request();
    test_one_file();
    test_ring();
    test_snapped();
    test_skipped();
    test_damaged();
    test_cannot_open();
    test_unknown_link();
    test_many_links();
    test_parts();
    test_tables_wanted();
    test_problems_limit();
    for (int i = 0; i < MOST_FILES; i++)
        (void)unlink(names[i]);
    CHECK(rmdir(folder) == 0);
    wire_free(&ping);
    wire_free(&sync_request);
    wire_free(&list);
    FINISH("test_core");
}
