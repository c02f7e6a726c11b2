#define _GNU_SOURCE
#include "base/bytes.h"
#include "base/mem.h"
#include "capture/capture_set.h"
#include "support/check.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#define SECOND 1000000000LL
enum { MOST_FILES = 300, MOST_PACKETS = 20000, NO_TIME = -1 };

static char folder[64];
static char names[MOST_FILES][96];
static const char *paths[MOST_FILES];

/* ---- files ---- */

static const char *name(size_t i)
{
    snprintf(names[i], sizeof names[i], "%s/file_%zu", folder, i);
    return paths[i] = names[i];
}

static void put_32(FILE *file, uint32_t value)
{
    CHECK(fwrite(&value, 4, 1, file) == 1);
}

static void put_header(FILE *file)
{
    static const uint8_t header[24] = {0xd4, 0xc3, 0xb2, 0xa1, 2,    0,    4, 0, 0, 0, 0, 0,
                                       0,    0,    0,    0,    0xff, 0xff, 0, 0, 1, 0, 0, 0};
    CHECK(fwrite(header, sizeof header, 1, file) == 1);
}

/* A packet of 8 bytes that name its file and its number there, from 1. */
static void put_packet(FILE *file, uint32_t seconds, uint32_t number, uint32_t packet)
{
    put_32(file, seconds);
    put_32(file, 0);
    put_32(file, 8);
    put_32(file, 8);
    put_32(file, number);
    put_32(file, packet);
}

/* File number i: a pcap with packets at these seconds. */
static void make_file(size_t i, const uint32_t *seconds, size_t count)
{
    FILE *file = fopen(name(i), "wb");
    CHECK(file != NULL);
    put_header(file);
    for (size_t k = 0; k < count; k++)
        put_packet(file, seconds[k], (uint32_t)i, (uint32_t)k + 1);
    fclose(file);
}

#define MAKE(i, ...) \
    make_file(i, (const uint32_t[]){__VA_ARGS__}, sizeof((const uint32_t[]){__VA_ARGS__}) / 4)

/* The same as pcapng, where NO_TIME makes a Simple Packet Block. */
static void make_timeless(size_t i, const int32_t *seconds, size_t count)
{
    static const uint32_t section[] = {0x0a0d0d0a, 28, 0x1a2b3c4d, 1, 0xffffffff, 0xffffffff, 28};
    static const uint32_t interface[] = {
        1, 28, 1, 0, 9 | 1 << 16, 0, 28}; /* Ethernet; if_tsresol, one byte: 0, seconds */
    FILE *file = fopen(name(i), "wb");
    CHECK(fwrite(section, 4, 7, file) == 7);
    CHECK(fwrite(interface, 4, 7, file) == 7);
    for (size_t k = 0; k < count; k++) {
        uint32_t packet = (uint32_t)k + 1, number = (uint32_t)i;
        if (seconds[k] == NO_TIME) {
            const uint32_t block[] = {3, 24, 8, number, packet, 24};
            CHECK(fwrite(block, 4, 6, file) == 6);
        } else {
            const uint32_t block[] = {6, 40, 0, 0, (uint32_t)seconds[k], 8, 8, number, packet, 40};
            CHECK(fwrite(block, 4, 10, file) == 10);
        }
    }
    fclose(file);
}

#define MAKE_TIMELESS(i, ...) \
    make_timeless(i, (const int32_t[]){__VA_ARGS__}, sizeof((const int32_t[]){__VA_ARGS__}) / 4)

static void append(size_t i, const void *bytes, size_t size)
{
    FILE *file = fopen(paths[i], "ab");
    CHECK(file != NULL && fwrite(bytes, size, 1, file) == 1);
    fclose(file);
}

/* ---- reading ---- */

struct seen {
    uint32_t number, packet;
    int64_t time;
    int32_t file;
};

static struct seen seen[MOST_PACKETS];
static size_t seen_count;
static mt_limit_hits limit_hits;
static struct mt_file_event events[MOST_FILES];
static size_t events_count;

static size_t descriptors(void)
{
    size_t count = 0;
    DIR *list = opendir("/proc/self/fd");
    while (list != NULL && readdir(list) != NULL)
        count++;
    if (list != NULL)
        closedir(list);
    return count;
}

static struct mt_capture_set *open_all(size_t count)
{
    int result = -1;
    struct mt_failure failure = {""};
    struct mt_capture_set *set =
        mt_capture_set_open(paths, count, &mt_default_limits, limit_hits, &result, &failure);
    CHECK_EQUAL(result, MT_OK);
    CHECK_TEXT(failure.text, "");
    return set;
}

/* Reads all into `seen` and `events`; the most descriptors that were open beside those before. The
 * place of every packet is checked. */
static size_t drain(struct mt_capture_set *set)
{
    size_t before = descriptors(), most = before;
    struct mt_packet packet;
    int result;
    seen_count = events_count = 0;
    int64_t position = 0;
    while ((result = mt_capture_set_next(set, &packet, &events[events_count])) != MT_END &&
           result != MT_NOMEM) {
        if (result != MT_OK) {
            CHECK_EQUAL(events[events_count].result, result);
            events_count++;
            continue;
        }
        uint32_t number = mt_le32(packet.data);
        CHECK_EQUAL(packet.ref.arrival, seen_count);
        seen[seen_count++] =
            (struct seen){number, mt_le32(packet.data + 4), packet.ref.time, packet.ref.file};
        CHECK_EQUAL(packet.ref.frame, mt_le32(packet.data + 4));
        CHECK(mt_capture_set_position(set) >= position);
        position = mt_capture_set_position(set);
        size_t now = descriptors();
        most = now > most ? now : most;
    }
    CHECK_EQUAL(mt_capture_set_next(set, &packet, events), result);
    CHECK_EQUAL(result, MT_END);
    if (mt_capture_set_size(set) >= 0)
        CHECK_EQUAL(mt_capture_set_position(set), mt_capture_set_size(set));
    return most - before;
}

static size_t read_all(size_t count)
{
    struct mt_capture_set *set = open_all(count);
    CHECK_EQUAL(mt_capture_set_files(set), count);
    size_t most = drain(set);
    mt_capture_set_close(set);
    return most;
}

/* Text of what was seen: "file.packet …", by the numbers the files were made with. */
static const char *order(void)
{
    static char text[4000];
    size_t at = 0;
    text[0] = 0;
    for (size_t i = 0; i < seen_count && at < sizeof text - 40; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%u.%u", i ? " " : "", seen[i].number,
                               seen[i].packet);
    return text;
}

/* ---- tests ---- */

static void test_one(void)
{
    MAKE(0, 10, 20, 15);
    read_all(1);
    CHECK_TEXT(order(), "0.1 0.2 0.3");
    CHECK_EQUAL(seen[2].time, 15 * SECOND);
    MAKE(0, 10);
    make_file(0, NULL, 0);
    read_all(1);
    CHECK_TEXT(order(), "");
    read_all(0);
    CHECK_TEXT(order(), "");
}

/* Ring files given in any order are read in that of their times. */
static void test_ring(void)
{
    MAKE(0, 30, 31);
    MAKE(1, 10, 11);
    MAKE(2, 20, 21);
    CHECK(read_all(3) <= 2);
    CHECK_TEXT(order(), "1.1 1.2 2.1 2.2 0.1 0.2");
    CHECK_EQUAL(seen[0].file, 0);
    CHECK_EQUAL(seen[2].file, 1);
    CHECK_EQUAL(seen[4].file, 2);
    struct mt_capture_set *set = open_all(3);
    CHECK_TEXT(mt_capture_set_path(set, 0), names[1]);
    CHECK_TEXT(mt_capture_set_path(set, 1), names[2]);
    CHECK_TEXT(mt_capture_set_path(set, 2), names[0]);
    mt_capture_set_close(set);
}

static void test_overlap(void)
{
    MAKE(0, 10, 20, 30, 40);
    MAKE(1, 15, 20, 25, 50);
    MAKE(2, 22);
    read_all(3);
    CHECK_TEXT(order(), "0.1 1.1 0.2 1.2 2.1 1.3 0.3 0.4 1.4");
    /* times that run backwards stay where they are in their file */
    MAKE(0, 10, 30, 5, 31);
    MAKE(1, 20, 30, 40);
    read_all(2);
    CHECK_TEXT(order(), "0.1 1.1 0.2 0.3 1.2 0.4 1.3");
    /* equal times: the file that comes first, which is the one given first */
    MAKE(0, 10, 10, 11);
    MAKE(1, 10, 10, 11);
    MAKE(2, 10, 12);
    read_all(3);
    CHECK_TEXT(order(), "0.1 0.2 1.1 1.2 2.1 0.3 1.3 2.2");
    paths[0] = names[2];
    paths[2] = names[0];
    read_all(3);
    CHECK_TEXT(order(), "2.1 1.1 1.2 0.1 0.2 1.3 0.3 2.2");
}

static void test_same_path(void)
{
    MAKE(0, 10, 20);
    paths[1] = paths[0];
    read_all(2);
    CHECK_TEXT(order(), "0.1 0.1 0.2 0.2");
    CHECK_EQUAL(seen[0].file, 0);
    CHECK_EQUAL(seen[1].file, 1);
}

static void test_no_time(void)
{
    MAKE(0, 10, 20);
    MAKE_TIMELESS(1, NO_TIME, NO_TIME);
    MAKE_TIMELESS(2, 12, NO_TIME, 25, NO_TIME);
    MAKE_TIMELESS(3, NO_TIME, 15);
    make_file(4, NULL, 0);
    read_all(5);
    /* what tells no time at its beginning stays behind the file that was given before it */
    CHECK_TEXT(order(), "0.1 1.1 1.2 2.1 2.2 3.1 3.2 0.2 2.3 2.4");
    CHECK_EQUAL(seen[0].time, 10 * SECOND);
    CHECK_EQUAL(seen[1].time, MT_NO_TIME);
    CHECK_EQUAL(seen[3].time, 12 * SECOND);
    CHECK_EQUAL(seen[4].time, MT_NO_TIME);
    struct mt_capture_set *set = open_all(5);
    CHECK_TEXT(mt_capture_set_path(set, 1), names[1]);
    CHECK_TEXT(mt_capture_set_path(set, 4), names[4]);
    CHECK_EQUAL(mt_capture_set_link(set, 0), 1);
    CHECK_EQUAL(mt_capture_set_link(set, 4), 1);
    mt_capture_set_close(set);
}

/* Against a plain reference: always the earliest next packet. */
static void test_random(void)
{
    uint32_t state = 5;
    for (int round = 0; round < 60; round++) {
        uint32_t seconds[12][20], at[12] = {0};
        size_t counts[12], files = 1 + (size_t)round % 12, total = 0, rank[12];
        for (size_t i = 0; i < files; i++) {
            state = state * 1664525 + 1013904223;
            counts[i] = 1 + (state >> 16) % 20;
            uint32_t now = 100 + (state >> 8) % 50;
            for (size_t k = 0; k < counts[i]; k++) {
                state = state * 1664525 + 1013904223;
                seconds[i][k] = now;
                now += (state >> 24) % 5 - 1; /* now and then backwards */
            }
            make_file(i, seconds[i], counts[i]);
            total += counts[i];
        }
        for (size_t i = 0; i < files; i++) {
            rank[i] = 0;
            for (size_t j = 0; j < files; j++)
                rank[i] +=
                    seconds[j][0] < seconds[i][0] || (seconds[j][0] == seconds[i][0] && j < i);
        }
        read_all(files);
        CHECK_EQUAL(seen_count, total);
        for (size_t n = 0; n < total && n < seen_count; n++) {
            size_t best = files;
            for (size_t i = 0; i < files; i++) {
                if (at[i] == counts[i])
                    continue;
                if (best == files || seconds[i][at[i]] < seconds[best][at[best]] ||
                    (seconds[i][at[i]] == seconds[best][at[best]] && rank[i] < rank[best]))
                    best = i;
            }
            CHECK(seen[n].number == best && seen[n].packet == at[best] + 1 &&
                  seen[n].file == (int32_t)rank[best]);
            at[best]++;
        }
    }
}

/* More files than there are descriptors. */
static void test_many(void)
{
    struct rlimit old, few;
    CHECK(getrlimit(RLIMIT_NOFILE, &old) == 0);
    for (size_t i = 0; i < MOST_FILES; i++) {
        uint32_t start = 1000 + 10 * (uint32_t)((i * 7) % MOST_FILES);
        MAKE(i, start, start + 5, start + 9);
    }
    few = old;
    few.rlim_cur = 24;
    CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0);
    CHECK(read_all(MOST_FILES) <= 2);
    CHECK(setrlimit(RLIMIT_NOFILE, &old) == 0);
    CHECK_EQUAL(seen_count, 3 * MOST_FILES);
    for (size_t i = 1; i < seen_count; i++)
        CHECK(seen[i - 1].time < seen[i].time);
}

/* A damaged file is told of once, in its turn; the others go on. */
static void test_damaged(void)
{
    MAKE(0, 10, 40);
    MAKE(1, 20, 21);
    MAKE(2, 30, 50);
    append(1, "cut off here", 12);
    append(2, "no packet, but words and words", 30);
    read_all(3);
    CHECK_TEXT(order(), "0.1 1.1 1.2 2.1 0.2 2.2");
    CHECK_EQUAL(events_count, 2);
    CHECK_EQUAL(events[0].file, 1);
    CHECK_EQUAL(events[0].result, MT_DAMAGED);
    CHECK_EQUAL(events[0].frame, 2);
    CHECK_EQUAL(events[0].time, 21 * SECOND);
    CHECK_EQUAL(events[0].offset, 24 + 2 * 24);
    CHECK_TEXT(events[0].failure.text,
               "the capture ends inside a packet header that begins at byte 72");
    CHECK_EQUAL(events[1].file, 2);
    CHECK_EQUAL(events[1].frame, 2);
    CHECK(strstr(events[1].failure.text, "not a packet header at byte 72") != NULL);
    /* nothing but damage behind the file header */
    make_file(0, NULL, 0);
    append(0, "short", 5);
    read_all(2);
    CHECK_TEXT(order(), "1.1 1.2");
    CHECK_EQUAL(events_count, 2);
    CHECK_EQUAL(events[0].file, 0);
    CHECK_EQUAL(events[0].frame, 0);
    CHECK_EQUAL(events[0].time, MT_NO_TIME);
    read_all(1);
    CHECK_EQUAL(events_count, 1);
}

/* Files that change between the look at them and their turn. */
static void test_gone(void)
{
    MAKE(0, 10, 40);
    MAKE(1, 20, 21);
    MAKE(2, 30);
    struct mt_capture_set *set = open_all(3);
    unlink(paths[1]);
    FILE *file = fopen(paths[2], "wb");
    fputs("no longer a capture", file);
    fclose(file);
    struct mt_packet packet;
    struct mt_file_event event;
    CHECK_EQUAL(mt_capture_set_next(set, &packet, &event), MT_OK);
    CHECK_EQUAL(mt_capture_set_next(set, &packet, &event), MT_IO);
    CHECK_EQUAL(event.file, 1);
    CHECK_TEXT(event.failure.text, "cannot open: No such file or directory");
    CHECK_EQUAL(mt_capture_set_next(set, &packet, &event), MT_NOT_CAPTURE);
    CHECK_EQUAL(event.file, 2);
    CHECK(strstr(event.failure.text, "not a capture file") != NULL);
    CHECK_EQUAL(mt_capture_set_next(set, &packet, &event), MT_OK);
    CHECK_EQUAL(packet.ref.time, 40 * SECOND);
    CHECK_EQUAL(packet.ref.arrival, 1);
    CHECK_EQUAL(mt_capture_set_next(set, &packet, &event), MT_END);
    mt_capture_set_close(set);
}

static void expect_refused(size_t count, int expected, const char *reason)
{
    int result = 0;
    struct mt_failure failure = {""};
    CHECK(mt_capture_set_open(paths, count, &mt_default_limits, limit_hits, &result, &failure) ==
          NULL);
    CHECK_EQUAL(result, expected);
    if (strstr(failure.text, reason) == NULL) {
        check_failed++;
        fprintf(stderr, "reason \"%s\" lacks \"%s\"\n", failure.text, reason);
    }
}

/* Files that cannot be read, among others: each is an event, in its place. */
static void test_unreadable(void)
{
    MAKE(0, 10, 30);
    FILE *file = fopen(name(1), "wb");
    fclose(file);
    MAKE(2, 20);
    unlink(name(3));
    struct mt_capture_set *set = open_all(4);
    drain(set);
    CHECK_EQUAL(seen_count, 3);
    CHECK_EQUAL(events_count, 2);
    CHECK_EQUAL(events[0].file, 1);
    CHECK_EQUAL(events[0].result, MT_NOT_CAPTURE);
    CHECK_TEXT(events[0].failure.text, "empty file");
    CHECK_EQUAL(events[0].time, MT_NO_TIME);
    CHECK_EQUAL(events[1].file, 3);
    CHECK_EQUAL(events[1].result, MT_IO);
    CHECK_TEXT(events[1].failure.text, "cannot open: No such file or directory");
    mt_capture_set_close(set);
}

static void test_refused(void)
{
    char expected[300], text[1200];
    FILE *file = fopen(name(0), "wb");
    fclose(file);
    unlink(name(1));
    snprintf(expected, sizeof expected, "%s: empty file", names[0]);
    expect_refused(2, MT_NOT_CAPTURE, expected);
    unlink(name(0));
    snprintf(expected, sizeof expected, "%s: cannot open: No such file or directory", names[0]);
    expect_refused(2, MT_IO, expected);
    MAKE(0, 10);
    paths[1] = "-";
    expect_refused(2, MT_IO, "-: standard input must be the only file");
    memset(text, 'x', sizeof text - 1);
    memcpy(text, "/nonexistent/", 13);
    text[sizeof text - 1] = 0;
    paths[0] = text;
    expect_refused(1, MT_IO, "xxx: cannot open: No such file or directory");
    expect_refused(1, MT_IO, "...xxx");
    mt_capture_set_close(NULL);
}

/* A child that writes file i into `fd`. */
static pid_t feed(size_t i, int fd, const char *pipe_path)
{
    pid_t child = fork();
    if (child != 0)
        return child;
    if (pipe_path != NULL)
        fd = open(pipe_path, O_WRONLY);
    char buffer[4096];
    int from = open(names[i], O_RDONLY);
    ssize_t got = read(from, buffer, sizeof buffer);
    for (ssize_t at = 0; at < got; at += 7)
        if (write(fd, buffer + at, (size_t)(got - at < 7 ? got - at : 7)) < 0)
            _exit(1);
    _exit(0);
}

static void join(pid_t child)
{
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

static void test_pipes(void)
{
    MAKE(0, 10, 20, 30);
    int ends[2];
    CHECK(pipe(ends) == 0);
    pid_t child = feed(0, ends[1], NULL);
    close(ends[1]);
    CHECK(dup2(ends[0], STDIN_FILENO) == STDIN_FILENO);
    close(ends[0]);
    paths[0] = "-";
    struct mt_capture_set *set = open_all(1);
    CHECK_EQUAL(mt_capture_set_size(set), -1);
    drain(set);
    CHECK_EQUAL(mt_capture_set_position(set), 24 + 3 * 24);
    mt_capture_set_close(set);
    CHECK_TEXT(order(), "0.1 0.2 0.3");
    join(child);

    /* named pipes beside a file: they cannot be opened twice */
    MAKE(1, 5, 25);
    MAKE(2, 15, 22);
    char first[96], second[96];
    snprintf(first, sizeof first, "%s/pipe_a", folder);
    snprintf(second, sizeof second, "%s/pipe_b", folder);
    CHECK(mkfifo(first, 0600) == 0 && mkfifo(second, 0600) == 0);
    pid_t a = feed(0, -1, first), b = feed(1, -1, second);
    paths[0] = first;
    paths[1] = second;
    read_all(3);
    CHECK_TEXT(order(), "1.1 0.1 2.1 0.2 2.2 1.2 0.3");
    join(a);
    join(b);
    unlink(first);
    unlink(second);
}

static void test_gzip(void)
{
    MAKE(0, 30, 31);
    MAKE(1, 10, 11);
    uint8_t plain[256];
    FILE *file = fopen(paths[0], "rb");
    size_t size = fread(plain, 1, sizeof plain, file);
    fclose(file);
    gzFile packed = gzopen(paths[0], "wb");
    CHECK_EQUAL(gzwrite(packed, plain, (unsigned)size), size);
    gzclose(packed);
    read_all(2);
    CHECK_TEXT(order(), "1.1 1.2 0.1 0.2");
}

/* Memory runs out at every allocation in turn: the opening fails, or the stream stops with
 * MT_NOMEM. */
static void test_memory(void)
{
    MAKE(0, 10, 30);
    MAKE(1, 20);
    MAKE(2, 15, 40);
    for (long calls = 1;; calls++) {
        int result = 0;
        struct mt_failure failure = {"x"};
        struct mt_packet packet;
        struct mt_file_event event;
        mt_fail_after(calls);
        struct mt_capture_set *set =
            mt_capture_set_open(paths, 3, &mt_default_limits, limit_hits, &result, &failure);
        if (set == NULL)
            CHECK(result == MT_NOMEM && failure.text[0] == 0);
        else {
            while ((result = mt_capture_set_next(set, &packet, &event)) == MT_OK)
                ;
            CHECK_EQUAL(mt_capture_set_next(set, &packet, &event), result);
            CHECK(mt_capture_set_position(set) <= mt_capture_set_size(set));
        }
        mt_fail_after(0);
        mt_capture_set_close(set);
        CHECK(result == MT_NOMEM || result == MT_END);
        if (result == MT_END) {
            CHECK(calls > 20);
            break;
        }
    }
}

int main(void)
{
    snprintf(folder, sizeof folder, "%s/mt_capture_set_XXXXXX", P_tmpdir);
    CHECK(mkdtemp(folder) != NULL);
    test_one();
    test_ring();
    test_overlap();
    test_same_path();
    test_no_time();
    test_random();
    test_many();
    test_damaged();
    test_gone();
    test_unreadable();
    test_refused();
    test_pipes();
    test_gzip();
    test_memory();
    for (size_t i = 0; i < MOST_FILES; i++)
        unlink(name(i));
    CHECK(rmdir(folder) == 0);
    FINISH("set");
}
