/* Memory that runs out at every allocation in turn, and reads that fail anywhere in a file: what
 * was read before stays, is whole, and nothing leaks.
 *
 * Every allocation of the core goes through mt_alloc or mt_resize, and zlib's do, too: those fail
 * here. libzstd, libpcap and stdio call malloc themselves; that what they say without memory is
 * taken for MT_NOMEM (stream.c, capture_libpcap.c) is not tested. */
#define _GNU_SOURCE
#include "support/scenario.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MANY = 1000000000, PROBLEMS = 90 };

static const uint16_t ports[] = {LEVIN};
static struct mt_core_options options;
static struct mt_failure failure;

/* ---- reads that fail ---- */

static ino_t bad_file; /* 0: none */
static off_t bad_from; /* its bytes from here on cannot be read, */
static int bad_ends;   /* or are not there */

/* The core's read(2) is this one. (Why not a device that fails: only a regular file can be opened
 * twice, and be one of several.) */
ssize_t read(int fd, void *buffer, size_t size)
{
    struct stat info;
    off_t at = lseek(fd, 0, SEEK_CUR);
    if (bad_file != 0 && at >= 0 && fstat(fd, &info) == 0 && info.st_ino == bad_file) {
        if (at >= bad_from) {
            errno = EIO;
            return bad_ends ? 0 : -1;
        }
        if ((off_t)size > bad_from - at)
            size = (size_t)(bad_from - at);
    }
    return syscall(SYS_read, fd, buffer, size);
}

/* ---- what a reading gives ---- */

struct rows {
    void *rows;
    size_t count;
};

static struct rows whole[MT_TABLE_COUNT]; /* without any failure */
static const char *const *opened;         /* the files to read */
static size_t opened_count;

static void free_rows(struct rows rows[MT_TABLE_COUNT])
{
    for (int id = 0; id < MT_TABLE_COUNT; id++) {
        free(rows[id].rows);
        rows[id] = (struct rows){0};
    }
}

static const uint8_t *row_at(const struct rows *rows, int id, size_t i)
{
    return (const uint8_t *)rows->rows + i * mt_schemas[id].row_size;
}

/* Their first field. */
static int64_t id_of(const struct rows *rows, int id, size_t i)
{
    int64_t number;
    memcpy(&number, row_at(rows, id, i), sizeof number);
    return number;
}

/* Moves everything that is there out of the core. */
static void take_all(struct mt_core *core, struct rows got[MT_TABLE_COUNT])
{
    for (int id = 0; id < MT_TABLE_COUNT; id++) {
        size_t count = 0, size = mt_schemas[id].row_size;
        void *rows = mt_core_take(core, (enum mt_table_id)id, &count);
        if (rows == NULL) { /* there are none, or they stay */
            CHECK(count == 0 || count <= mt_core_table(core, (enum mt_table_id)id)->count);
            continue;
        }
        got[id].rows = realloc(got[id].rows, (got[id].count + count) * size);
        if (got[id].rows == NULL)
            abort();
        memcpy((uint8_t *)got[id].rows + got[id].count * size, rows, count * size);
        got[id].count += count;
        mt_free(rows);
    }
}

static int refusals_named; /* strings that say so */

/* Every name can be looked at. */
static void look_at_names(const struct mt_core *core)
{
    char text_of_address[MT_ADDRESS_TEXT];
    size_t size, bytes = 0;
    for (size_t code = 0; code < mt_addresses_count(mt_core_addresses(core)); code++)
        bytes += mt_address_text(mt_core_addresses(core), (int32_t)code, text_of_address,
                                 sizeof text_of_address) == 0;
    CHECK_EQUAL(bytes, 0);
    for (size_t code = 0; code < mt_core_strings(core)->count; code++) {
        const uint8_t *string_of_code = mt_intern_get(mt_core_strings(core), (int32_t)code, &size);
        for (size_t i = 0; i < size; i++)
            bytes += string_of_code[i];
        refusals_named += size > 13 && memcmp(string_of_code, "cannot read: ", 13) == 0;
    }
    CHECK(mt_core_position(core) >= 0 && mt_core_position(core) <= mt_core_size(core) &&
          bytes < SIZE_MAX);
}

/* Reads all, in one go or in parts that are taken at once: the last result. Looks at everything,
 * and closes, while memory is still short: it must not need any. */
static int read_all(int in_parts, struct rows got[MT_TABLE_COUNT])
{
    int result = 99;
    failure = (struct mt_failure){""};
    struct mt_core *core = mt_core_open(opened, opened_count, &options, &result, &failure);
    if (core == NULL)
        return result;
    while ((result = mt_core_step(core, in_parts ? 3000 : 0, 0, &failure)) == MT_OK)
        take_all(core, got);
    CHECK_EQUAL(mt_core_step(core, 0, 0, &failure), result); /* stays so */
    CHECK_EQUAL(mt_core_step(core, 1, 1, &failure), result);
    for (int id = 0; id < MT_TABLE_COUNT; id++)
        CHECK(mt_core_table(core, (enum mt_table_id)id)->count == 0 ||
              mt_core_table(core, (enum mt_table_id)id)->rows != NULL);
    take_all(core, got);
    look_at_names(core);
    mt_core_close(core);
    return result;
}

/* ---- comparing ---- */

/* A request that comes late may still have given an earlier row its reply_to, an acknowledgement
 * its acceptance; in a part of the rows they may not have come. */
static int same_row(int id, const uint8_t *left, const uint8_t *right)
{
    struct mt_message_row a, b;
    if (id != MT_TABLE_messages)
        return memcmp(left, right, mt_schemas[id].row_size) == 0;
    memcpy(&a, left, sizeof a);
    memcpy(&b, right, sizeof b);
    a.reply_to = b.reply_to = 0;
    a.accepted = b.accepted = 0;
    return memcmp(&a, &b, sizeof a) == 0;
}

/* How many rows say something of messages before the one with that id. */
static size_t rows_before(const struct rows *rows, int id, int64_t message)
{
    size_t count = 0;
    while (count < rows->count && id_of(rows, id, count) < message)
        count++;
    return count;
}

/* The rows of messages, and of what they say, are the beginning of all: whole messages, all that
 * each says, and nothing else. */
static void check_messages(const struct rows got[MT_TABLE_COUNT])
{
    int64_t messages = (int64_t)got[MT_TABLE_messages].count;
    for (int id = 0; id < MT_TABLE_COUNT; id++) {
        size_t same = 0;
        if (!mt_table_of_messages((enum mt_table_id)id))
            continue;
        CHECK_EQUAL(got[id].count, rows_before(&whole[id], id, messages));
        while (same < got[id].count &&
               same_row(id, row_at(&got[id], id, same), row_at(&whole[id], id, same)))
            same++;
        CHECK_EQUAL(same, got[id].count);
    }
}

/* Connections that ended did so as ever; in the whole run their rows stand in order of id. Problems
 * are the first of all; files come at the very end. */
static void check_others(const struct rows got[MT_TABLE_COUNT])
{
    size_t same[MT_TABLE_COUNT] = {0};
    for (size_t i = 0; i < got[MT_TABLE_connections].count; i++) {
        size_t number = (size_t)id_of(&got[MT_TABLE_connections], MT_TABLE_connections, i);
        same[MT_TABLE_connections] +=
            number < whole[MT_TABLE_connections].count &&
            same_row(MT_TABLE_connections,
                     row_at(&got[MT_TABLE_connections], MT_TABLE_connections, i),
                     row_at(&whole[MT_TABLE_connections], MT_TABLE_connections, number));
    }
    CHECK_EQUAL(same[MT_TABLE_connections], got[MT_TABLE_connections].count);
    for (int id = MT_TABLE_problems;; id = MT_TABLE_files) {
        while (same[id] < got[id].count && same[id] < whole[id].count &&
               same_row(id, row_at(&got[id], id, same[id]), row_at(&whole[id], id, same[id])))
            same[id]++;
        CHECK_EQUAL(same[id], got[id].count);
        if (id == MT_TABLE_files)
            break;
    }
}

/* Nothing lacks. */
static void check_all(const struct rows got[MT_TABLE_COUNT])
{
    for (int id = 0; id < MT_TABLE_COUNT; id++)
        CHECK_EQUAL(got[id].count, whole[id].count);
}

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
        full += whole[id].count != 0;
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
    make_scenario();
    make_files();
    files[PCAP].size -= 3; /* cut in its last record */
    save(PCAP, files[PCAP].size);
    test_memory(FORMATS, MT_END,
                2); /* streams whose lost ranges are not remembered: test_late_bytes */
    for (int id = 0; id < MT_TABLE_COUNT; id++)
        CHECK(whole[id].count > 3);
    for (int kind = 0; kind < MT_PROBLEM_COUNT; kind++)
        CHECK(rows_where(MT_TABLE_problems, offsetof(struct mt_problem_row, kind), kind) != 0);
    for (int status = 0; status < MT_STATUS_COUNT; status++)
        CHECK(rows_where(MT_TABLE_messages, offsetof(struct mt_message_row, status), status) != 0);
    for (int end = 0; end < MT_END_COUNT; end++)
        CHECK(rows_where(MT_TABLE_connections, offsetof(struct mt_connection_row, end), end) != 0);
    free_rows(whole);
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

/* ---- reads that fail ---- */

/* The rows of that table are the same, whatever the strings that are numbered for them. */
static void check_same(int id, const struct rows *left, const struct rows *right)
{
    CHECK_EQUAL(left[id].count, right[id].count);
    for (size_t i = 0; i < left[id].count && left[id].count == right[id].count; i++)
        CHECK(same_row(id, row_at(&left[id], id, i), row_at(&right[id], id, i)));
}

/* The bytes of a file from `from` on cannot be read: those before them give what they give in a
 * file that is cut there, and it is told once that the system refused the rest. */
static void fail_from(int format, size_t from, size_t files_cut)
{
    struct stat info;
    struct rows got[MT_TABLE_COUNT] = {{0}}, cut[MT_TABLE_COUNT] = {{0}};
    CHECK(stat(paths[format], &info) == 0);
    bad_from = (off_t)from;
    bad_file = info.st_ino;
    bad_ends = 1;
    int cut_result = read_all(0, cut);
    bad_ends = 0;
    refusals_named = 0;
    int result = read_all(0, got);
    bad_file = 0;
    CHECK_EQUAL(cut_result, result == MT_END ? MT_END : MT_NOT_CAPTURE);
    if (result != MT_END) {
        CHECK_EQUAL(result, MT_IO);
        CHECK(strstr(failure.text, paths[format]) == failure.text &&
              strstr(failure.text, ": cannot read: ") != NULL);
    }
    for (int id = 0; id < MT_TABLE_COUNT; id++) {
        if (id == MT_TABLE_messages || id == MT_TABLE_connections || id == MT_TABLE_peer_lists)
            check_same(id, got, cut);
        else if (id != MT_TABLE_problems)
            CHECK_EQUAL(got[id].count, cut[id].count);
    }
    size_t truncated = 0, told = 0;
    for (size_t i = 0; i < got[MT_TABLE_files].count; i++)
        truncated += ((const struct mt_file_row *)got[MT_TABLE_files].rows)[i].truncated;
    for (size_t i = 0; i < got[MT_TABLE_problems].count; i++)
        told +=
            ((const struct mt_problem_row *)got[MT_TABLE_problems].rows)[i].kind == MT_PROBLEM_FILE;
    CHECK_EQUAL(truncated, result == MT_END ? files_cut : 0);
    CHECK_EQUAL(told, truncated);
    CHECK_EQUAL(refusals_named, result == MT_END);
    free_rows(got);
    free_rows(cut);
}

/* In the headers of the file, in those of its first packets, and anywhere behind them. */
static void test_read_errors(void)
{
    options.limits.problems = 1000;
    for (int format = 0; format < FORMATS; format++) {
        for (int alone = 0; alone < 2; alone++) {
            opened = alone ? paths + format : paths;
            opened_count = alone ? 1 : FORMATS;
            size_t size = files[format].size,
                   cut = alone || format == PCAP ? 1 : 2; /* the first is cut in any case */
            for (size_t from = 0; from < 60; from += 4)
                fail_from(format, from, cut);
            for (size_t part = 1; part < 14; part++)
                fail_from(format, size * part / 14, cut);
        }
    }
    opened = paths;
    options.limits.problems = PROBLEMS;
}

int main(void)
{
    options = (struct mt_core_options){
        .limits = mt_default_limits, .tables = ALL_TABLES, .ports = ports, .ports_count = 1};
    options.limits.connections = 9;
    options.limits.problems = PROBLEMS;
    options.limits.message_fields = 300;
    options.limits.buffered_bytes = 9000;
    options.limits.hole_segments = 25;
    options.limits.requests = 6;
    make_folder();
    opened = paths;
    test_scenario();
    test_read_errors();
    forget_files();
    test_small_captures();
    test_table_of_connections();
    test_late_bytes();
    remove_folder();
    wire_free(&wire);
    FINISH("test_exhaustion");
}
