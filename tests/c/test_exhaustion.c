/* Memory that runs out at every allocation in turn: what was read before is kept, and nothing is
 * wrong in it. */
#define _GNU_SOURCE
#include "support/exhaustion_help.h"

/* ---- memory ---- */

/* How often the allocator is called in all. */
static long count_calls(int in_parts, int expected)
{
    struct rows got[MT_TABLE_COUNT] = {{0}};
    (void)mt_fail_after(MANY);
    CHECK_EQUAL(read_all(in_parts, got), expected);
    long calls = MANY - mt_fail_after(0);
    check_messages(got);
    check_all(got);
    free_rows(got);
    return calls;
}

/* Every call in turn fails; `once`: memory is there again for the next. Returns how many failures
 * nobody noticed. */
static long exhaust(int once, int in_parts, int expected)
{
    struct rows got[MT_TABLE_COUNT] = {{0}};
    long calls = count_calls(in_parts, expected), unnoticed = 0;
    for (long n = 1; n <= calls; n++) {
        (void)(once ? mt_fail_once(n) : mt_fail_after(n));
        int result = read_all(in_parts, got);
        (void)mt_fail_after(0);
        CHECK(result == MT_NOMEM || result == expected);
        if (result == MT_NOMEM)
            CHECK_TEXT(failure.text, "");
        else
            check_all(got);
        check_messages(got);
        check_others(got);
        unnoticed += result != MT_NOMEM;
        free_rows(got);
    }
    return unnoticed;
}

/* The files as they are now, which end with that result. That an array cannot be cut to what is
 * used when its rows are taken is of no concern; all other failures are told, but for `survived`.
 */
static void test_memory(size_t count, int expected, long survived)
{
    long full = 0;
    opened_count = count;
    CHECK_EQUAL(read_all(0, whole), expected);
    for (int id = 0; id < MT_TABLE_COUNT; id++)
        full += (whole[id].count != 0) * (id == MT_TABLE_peer_lists ? 3 : 1); /* arrays of it */
    CHECK_EQUAL(exhaust(0, 0, expected), full);
    CHECK_EQUAL(exhaust(1, 0, expected), full + survived);
    CHECK(exhaust(1, 1, expected) >= full + survived);
}

static size_t rows_where(int id, size_t offset, int value)
{
    size_t count = 0;
    for (size_t i = 0; i < whole[id].count; i++)
        count += (int8_t)row_at(&whole[id], id, i)[offset] == value;
    return count;
}

/* Everything is in it. */
static void test_scenario(void)
{
    make_scenario_files();
    test_memory(FORMATS, MT_END,
                2); /* streams whose lost ranges are not remembered: test_late_bytes */
    for (int id = 0; id < MT_TABLE_COUNT; id++)
        CHECK(whole[id].count > 3 || is_stored_peers(id));
    for (int kind = 0; kind < MT_PROBLEM_COUNT; kind++)
        CHECK(rows_where(MT_TABLE_problems, offsetof(struct mt_problem_row, kind), kind) != 0);
    for (int status = 0; status < MT_STATUS_COUNT; status++)
        CHECK(rows_where(MT_TABLE_messages, offsetof(struct mt_message_row, status), status) != 0);
    for (int end = 0; end < MT_END_COUNT; end++)
        CHECK(rows_where(MT_TABLE_connections, offsetof(struct mt_connection_row, end), end) != 0);
    free_rows(whole);
    forget_files();
}

/* ---- memory: small captures, in which the first row or name of all is made in a place where
 * usually there is room ---- */

/* A connection on nobody's port, of which bytes were lost before it is recognised: by a header, by
 * one in parts, by one out of step. */
static void lost_and_recognised(uint32_t step, const char *garbage)
{
    struct talk talk = open_talk(1, 5555, 0);
    talk.cut = 10;
    say_bytes(&talk, 0, "a long text that was cut", 24, 24);
    talk.cut = 0;
    say_bytes(&talk, 1, garbage, strlen(garbage), 100);
    begin(&p, 0);
    say(&talk, 1, MT_KIND_REQUEST, MT_PING, step);
}

/* What is lost in the direction that then is recognised. */
static void lost_midstream(void)
{
    struct talk talk = {.host = 1, .client_port = 40000, .server_port = 5555};
    talk.cut = 1;
    say_bytes(&talk, 1, "some", 4, 4);
    talk.cut = 0;
    say_empty(&talk, 1, MT_KIND_REQUEST, MT_PING);
}

static void say_one(int from_client, int kind, uint32_t command)
{
    struct talk talk = open_talk(1, LEVIN, 0);
    say(&talk, from_client, kind, command, 1000);
}

static void ping_response(void)
{
    string(begin(&p, 1), "status", "OK", 2);
    say_one(0, MT_KIND_RESPONSE, MT_PING);
}

static void one_block(void)
{
    object(begin(&p, 1), "b", 1);
    put_block(&p);
    say_one(0, MT_KIND_NOTIFICATION, MT_NEW_FLUFFY_BLOCK);
}

/* A pruned transaction of version 2 and nothing else, or one of version 1. */
static void pruned_transaction(int old)
{
    array(begin(&p, 1), "blocks", MT_EPEE_OBJECT, 1);
    varint(&p, 1);
    array(&p, "txs", MT_EPEE_OBJECT, 1);
    varint(&p, 1);
    string(&p, "blob", old ? transaction : "\2\0\0\0\0", old ? TRANSACTION : 5);
    say_one(0, MT_KIND_NOTIFICATION, MT_RESPONSE_GET_OBJECTS);
}

static void missing_indices(void)
{
    put_hashes(begin(&p, 2), "block_hash", 80, 1, 0);
    string(&p, "missing_tx_indices", "\1\0\0\0\0\0\0\0", 8);
    say_one(1, MT_KIND_NOTIFICATION, MT_REQUEST_FLUFFY_MISSING_TX);
}

static void arp(int interface)
{
    static const uint8_t frame[60] = {[12] = 8, [13] = 6};
    put_packet(frame, sizeof frame, sizeof frame, interface == 0 ? PCAP : PCAPNG_ZSTD, interface);
}

/* The first problem of all is a hole: at the end of the capture, or (`pause`, microseconds) of a
 * connection that was closed for so long. */
static void first_hole(int64_t pause)
{
    struct talk talk = open_talk(1, LEVIN, 0);
    talk.at[1] += 10;
    say_bytes(&talk, 1, "waits", 5, 5);
    if (pause == 0)
        return;
    put_segment(&talk, 1, FIN | ACK, talk.at[1], "", 0);
    put_segment(&talk, 0, FIN | ACK, 0, "", 0);
    now += pause;
    (void)open_talk(2, LEVIN, 0);
}

/* Bytes from before those that came first, or other ones for those that wait. */
static void first_conflict(int midstream)
{
    struct talk talk = {.host = 1, .client_port = 40000, .server_port = LEVIN};
    if (!midstream)
        talk = open_talk(1, LEVIN, 0);
    put_segment(&talk, 1, ACK, 10, "waits", 5);
    put_segment(&talk, 1, ACK, midstream ? 5 : 10, "stays", 5);
}

/* The fragment that tells of a datagram for which it was waited too long makes another one whole,
 * which is a problem of its own. */
static void two_problems_at_once(void)
{
    uint8_t frame[200], part[40] = {0};
    struct talk talk = {.host = 1};
    for (uint32_t i = 0; i < 3; i++) {
        identification = (uint16_t)(1000 + (i != 0));
        uint32_t size = make_frame(frame, &talk, 1, 6, part, 40, i == 2 ? 40 : 0, i != 2);
        put_packet(frame, size, size, PCAP, 0);
        now += 20000000;
    }
}

static void first_abandoned(void)
{
    struct talk talk = open_talk(1, LEVIN, 0);
    wire.size = 0;
    fragment(MT_FLAG_BEGIN, (const uint8_t *)"", 0);
    fragment(MT_FLAG_BEGIN, (const uint8_t *)"", 0);
    say_bytes(&talk, 1, wire.bytes, wire.size, 1000);
}

/* One that is given in one file only. */
static void test_small(int format, int expected, long survived)
{
    for (size_t i = 0; i < packets_count; i++)
        packets[i].file = format;
    make_files();
    opened = paths + format;
    test_memory(1, expected, survived);
    opened = paths;
    free_rows(whole);
    forget_files();
}

static void test_small_captures(void)
{
    for (uint32_t i = 0; i < 3; i++) {
        lost_and_recognised(i == 0 ? 1000 : 5, i == 2 ? "garbage" : "");
        test_small(PCAP, MT_END, 0);
    }
    lost_midstream();
    test_small(PCAP, MT_END, 0);
    ping_response();
    test_small(PCAP_GZIP, MT_END, 0);
    one_block();
    test_small(KUZNETZOV, MT_END, 0);
    pruned_transaction(0);
    test_small(PCAPNG_ZSTD, MT_END, 0);
    pruned_transaction(1);
    test_small(PCAPNG_ZSTD, MT_END, 0);
    missing_indices();
    test_small(PCAP, MT_END, 0);
    arp(0);
    test_small(PCAP, MT_END, 0);
    for (int interface = 1; interface < 12; interface++)
        arp(interface);
    test_small(PCAPNG_ZSTD, MT_LINK_TYPE, 0); /* nothing in it can be read */
    for (int i = 0; i < 8; i++)
        put_packet((const uint8_t *)"cut", 3, 60, PCAPNG_ZSTD, 0);
    for (int interface = 1; interface < 12; interface++)
        arp(interface);
    test_small(PCAPNG_ZSTD, MT_END, 0);
    for (int64_t pause = 0; pause <= 12000000; pause += 12000000) {
        first_hole(pause);
        test_small(PCAP, MT_END, 1);
    }
    for (int midstream = 0; midstream < 2; midstream++) {
        first_conflict(midstream);
        test_small(PCAP, MT_END, !midstream);
    }
    first_abandoned();
    test_small(PCAP, MT_END, 0);
    two_problems_at_once();
    test_small(PCAP, MT_END, 0);
    options.limits.problems = 0; /* the first row stands for all that there is no row of */
    first_hole(0);
    test_small(PCAP, MT_END, 1);
    options.limits.problems = PROBLEMS;
}

/* ---- memory: what is survived ---- */

/* More connections than the first table of them has places for: if it cannot grow they are found
 * all the same. */
static void test_table_of_connections(void)
{
    options.limits.connections = 1 << 20;
    for (uint32_t host = 0; host < 1030; host++) {
        struct talk talk = {.host = 1000 + host, .client_port = 40000, .server_port = LEVIN};
        put_segment(&talk, 1, SYN, 0, "", 0);
    }
    for (size_t i = 0; i < packets_count; i++)
        packets[i].file = PCAP;
    make_files();
    opened_count = 1;
    CHECK_EQUAL(read_all(0, whole), MT_END);
    long calls = count_calls(0, MT_END), survived = 0;
    struct rows got[MT_TABLE_COUNT] = {{0}};
    for (long n = calls - 60; n <= calls; n++) {
        (void)mt_fail_once(n);
        int result = read_all(0, got);
        (void)mt_fail_after(0);
        CHECK(result == MT_NOMEM || result == MT_END);
        if (result == MT_END)
            check_all(got);
        check_others(got);
        survived += result == MT_END;
        free_rows(got);
    }
    CHECK_EQUAL(survived, 3); /* that, and two arrays that cannot be cut */
    free_rows(whole);
    forget_files();
}

/* The ranges that were given up are not remembered: what comes late of them counts as repeated, and
 * nothing else changes. */
static void test_late_bytes(void)
{
    struct talk talk = open_talk(1, LEVIN, 0);
    talk.at[1] += 10;
    for (int i = 0; i < 30; i++)
        say_bytes(&talk, 1, "waits", 5, 5);
    put_segment(&talk, 1, ACK, 3, "late", 4);
    for (size_t i = 0; i < packets_count; i++)
        packets[i].file = PCAP;
    make_files();
    opened_count = 1;
    CHECK_EQUAL(read_all(0, whole), MT_END);
    const struct mt_connection_row *usual = whole[MT_TABLE_connections].rows;
    CHECK(usual->client_bytes == 154 && usual->client_retransmitted == 0);
    struct rows got[MT_TABLE_COUNT] = {{0}};
    long calls = count_calls(0, MT_END), survived = 0;
    for (long n = 1; n <= calls; n++) {
        (void)mt_fail_once(n);
        int result = read_all(0, got);
        (void)mt_fail_after(0);
        const struct mt_connection_row *row = got[MT_TABLE_connections].rows;
        if (result == MT_END &&
            got[MT_TABLE_problems].count + 1 == whole[MT_TABLE_problems].count) {
            CHECK(row->client_bytes == 150 && row->client_retransmitted == 4 &&
                  row->client_lost == usual->client_lost);
            survived++;
        } else {
            check_others(got);
        }
        check_messages(got);
        free_rows(got);
    }
    CHECK_EQUAL(survived, 1);
    free_rows(whole);
    forget_files();
}

int main(void)
{
    begin_exhaustion_tests();
    test_scenario();
    test_small_captures();
    test_table_of_connections();
    test_late_bytes();
    end_exhaustion_tests();
    FINISH("test_exhaustion");
}
