/* Capture files in, tables out. */
#define _GNU_SOURCE
#include "support/core_help.h"

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
    CHECK_EQUAL(count_of(core, MT_TABLE_peer_codes), 2);
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

static void test_tables_wanted(void)
{
    make_busy_file();
    options.tables = 1u << MT_TABLE_sync_data;
    struct mt_core *core = open_files(1);
    run(core);
    CHECK_EQUAL(count_of(core, MT_TABLE_messages), 0);
    CHECK_EQUAL(count_of(core, MT_TABLE_peer_codes), 0);
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

int main(void)
{
    begin_core_tests();
    test_one_file();
    test_ring();
    test_snapped();
    test_skipped();
    test_damaged();
    test_cannot_open();
    test_unknown_link();
    test_many_links();
    test_tables_wanted();
    test_problems_limit();
    end_core_tests();
    FINISH("test_core");
}
