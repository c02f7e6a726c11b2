/* A set that is read in a thread of its own gives what it gives without one. */
#define _GNU_SOURCE
#include "base/mem.h"
#include "capture/input.h"
#include "capture/pipeline.h"
#include "net/decapsulation.h"
#include "net/tcp_checksum.h"
#include "support/check.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_FILES = 2, LONG = 300000 };

/* Sound and damaged files, plain and compressed; one file, two, two that overlap, and one that does
 * not exist beside one that does. */
static const char *const sources[][MOST_FILES] = {
    {"tests/data/honest/vantage_00001.pcapng", "tests/data/honest/vantage_00002.pcapng"},
    {"tests/data/honest/vantage_00001.pcapng", "tests/data/honest/vantage_00001.pcapng"},
    {"tests/data/spies/vantage_00001.pcapng.gz", "tests/data/spies/vantage_00002.pcapng.gz"},
    {"tests/data/spies/vantage_00002.pcapng.gz", "tests/data/nowhere.pcap"},
    {"tests/data/derived/cut_in_record.pcap.gz", NULL},
    {"tests/data/derived/qinq.pcap", NULL},
};

enum { SOURCES = sizeof sources / sizeof sources[0] };

static mt_limit_hits limit_hits;
static struct mt_payload_key key;

/* What a set gave: a sum over packets and events, how many, and the state at the end. */
struct given {
    uint64_t sum;
    int64_t packets, events, position;
    mt_limit_hits limit_hits;
    int result;
};

static void add(struct given *given, const void *bytes, size_t size)
{
    const uint8_t *p = bytes;
    for (size_t i = 0; i < size; i++)
        given->sum = (given->sum ^ p[i]) * UINT64_C(0x100000001b3);
}

static void add_number(struct given *given, int64_t number)
{
    add(given, &number, sizeof number);
}

static void add_packet(struct given *given, const struct mt_packet *packet)
{
    given->packets++;
    add(given, packet->data, packet->captured);
    add_number(given, packet->length);
    add_number(given, packet->link);
    add_number(given, packet->copy);
    add_number(given, packet->ref.time);
    add_number(given, packet->ref.frame);
    add_number(given, packet->ref.file);
    add_number(given, (int64_t)packet->ref.arrival);
}

static void add_event(struct given *given, const struct mt_file_event *event)
{
    given->events++;
    add(given, event->failure.text, strlen(event->failure.text));
    add_number(given, event->file);
    add_number(given, event->offset);
    add_number(given, event->frame);
    add_number(given, event->bytes);
    add_number(given, event->result);
}

static struct mt_capture_set *open_set(const char *const *paths)
{
    int result;
    struct mt_failure failure = {""};
    memset(limit_hits, 0, sizeof limit_hits);
    return mt_capture_set_open(paths, paths[1] != NULL ? 2 : 1, &mt_default_limits, limit_hits,
                               &result, &failure);
}

static int is_end(int result)
{
    return result == MT_END || result == MT_NOMEM || result == MT_INTERRUPTED;
}

static int64_t segments; /* that were read ahead */

/* The segment that was read ahead is that of the packet, with the sums of its bytes. */
static void check_segment(const struct mt_pipeline *pipeline, const struct mt_packet *packet)
{
    struct mt_segment segment;
    const struct mt_segment *ahead = mt_pipeline_segment(pipeline);
    CHECK_EQUAL(mt_net_plain_segment(packet, &segment), ahead != NULL);
    if (ahead == NULL)
        return;
    segments++;
    CHECK_EQUAL(ahead->sequence, segment.sequence);
    CHECK_EQUAL(ahead->destination_port, segment.destination_port);
    CHECK(ahead->payload == segment.payload);
    CHECK_EQUAL(ahead->length, segment.length);
    CHECK_EQUAL(ahead->has_sums, segment.length != 0);
    if (!ahead->has_sums)
        return;
    CHECK_EQUAL(mt_tcp_checksum(ahead), mt_tcp_checksum(&segment));
    CHECK(ahead->digest == mt_payload_digest(&key, segment.payload, segment.captured));
}

/* Reads up to `most` packets; through a pipeline if there is one. */
static struct given read_set(struct mt_capture_set *set, struct mt_pipeline *pipeline, int64_t most)
{
    struct given given = {.result = MT_OK};
    struct mt_packet packet;
    struct mt_file_event event = {.file = 0};
    while (given.packets < most && !is_end(given.result)) {
        given.result = pipeline != NULL ? mt_pipeline_next(pipeline, &packet, &event)
                                        : mt_capture_set_next(set, &packet, &event);
        if (given.result == MT_OK)
            add_packet(&given, &packet);
        if (given.result == MT_OK && pipeline != NULL)
            check_segment(pipeline, &packet);
        if (given.result == MT_OK && (packet.ref.arrival + 1) % MT_PIPELINE_STEP == 0)
            add_number(&given, pipeline != NULL ? mt_pipeline_position(pipeline)
                                                : mt_capture_set_position(set));
        else if (!is_end(given.result))
            add_event(&given, &event);
    }
    given.position =
        pipeline != NULL ? mt_pipeline_position(pipeline) : mt_capture_set_position(set);
    for (int limit = 0; limit < MT_LIMIT_COUNT; limit++)
        given.limit_hits[limit] = pipeline != NULL
                                      ? mt_pipeline_limit_hits(pipeline, (enum mt_limit_id)limit)
                                      : limit_hits[limit];
    return given;
}

static void check_same(const struct given *a, const struct given *b)
{
    CHECK(a->sum == b->sum);
    CHECK_EQUAL(a->packets, b->packets);
    CHECK_EQUAL(a->events, b->events);
    CHECK_EQUAL(a->position, b->position);
    CHECK_EQUAL(a->result, b->result);
    CHECK(memcmp(a->limit_hits, b->limit_hits, sizeof a->limit_hits) == 0);
}

/* Both ways to the end, and the second with all memory freed before. */
static void check_paths(const char *const *paths)
{
    struct mt_capture_set *set = open_set(paths);
    CHECK(set != NULL && mt_capture_set_is_independent(set));
    struct given alone = read_set(set, NULL, INT64_MAX);
    mt_capture_set_close(set);
    set = open_set(paths);
    struct mt_pipeline *pipeline = mt_pipeline_open(set, limit_hits, &key);
    CHECK(pipeline != NULL);
    struct given ahead = read_set(set, pipeline, INT64_MAX);
    check_same(&ahead, &alone);
    CHECK_EQUAL(read_set(set, pipeline, INT64_MAX).result, alone.result); /* it repeats */
    CHECK_EQUAL(mt_pipeline_close(pipeline), 1);
    CHECK_EQUAL(mt_capture_set_position(set), alone.position);
    mt_capture_set_close(set);
}

static void test_same(void)
{
    for (size_t i = 0; i < SOURCES; i++)
        check_paths(sources[i]);
}

/* The pipeline is closed while the thread reads, waits for room, or is at its end. */
static void test_abandoned(void)
{
    for (int64_t packets = 0; packets < 6000; packets = packets * 2 + 1) {
        struct mt_capture_set *set = open_set(sources[2]);
        struct mt_pipeline *pipeline = mt_pipeline_open(set, limit_hits, &key);
        (void)read_set(set, pipeline, packets);
        CHECK_EQUAL(mt_pipeline_close(pipeline), 1);
        mt_capture_set_close(set);
    }
    CHECK_EQUAL(mt_pipeline_close(NULL), 1);
}

/* ---- files made here ---- */

static char path[64];

static void put_32(FILE *file, uint32_t value)
{
    CHECK(fwrite(&value, 4, 1, file) == 1);
}

static void put_header(FILE *file)
{
    static const uint8_t header[24] = {0xd4, 0xc3, 0xb2, 0xa1, 2,    0,    4,    0, 0, 0, 0, 0,
                                       0,    0,    0,    0,    0xff, 0xff, 0xff, 0, 1, 0, 0, 0};
    CHECK(fwrite(header, sizeof header, 1, file) == 1);
}

static void put_packet(FILE *file, uint32_t second, uint32_t size)
{
    put_32(file, second);
    put_32(file, 0);
    put_32(file, size);
    put_32(file, size);
    for (uint32_t i = 0; i < size; i++)
        CHECK(fputc((int)((i * 7 + second) & 0xff), file) != EOF);
}

static FILE *make_file(void)
{
    strcpy(path, "/tmp/monerotraffic_XXXXXX");
    int descriptor = mkstemp(path);
    CHECK(descriptor >= 0);
    return fdopen(descriptor, "wb");
}

/* Packets that fill a batch, that do not fit into one, and that have no bytes. */
static void test_long_packets(void)
{
    static const uint32_t sizes[] = {10, LONG,   LONG, 0,      131072, 131072,
                                     1,  131073, 60,   100000, 100000, LONG};
    const char *paths[MOST_FILES] = {path, NULL};
    FILE *file = make_file();
    put_header(file);
    for (uint32_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        put_packet(file, 1000 + i, sizes[i]);
    fclose(file);
    check_paths(paths);
    (void)unlink(path);
}

/* Many small packets, so that the number of packets fills a batch. */
static void test_many_packets(void)
{
    const char *paths[MOST_FILES] = {path, NULL};
    FILE *file = make_file();
    put_header(file);
    for (uint32_t i = 0; i < 20000; i++)
        put_packet(file, 1000 + i, i % 5);
    fclose(file);
    check_paths(paths);
    (void)unlink(path);
}

/* ---- failures ---- */

static void test_memory(void)
{
    struct mt_capture_set *set = open_set(sources[0]);
    for (long calls = 1; calls <= 2; calls++) {
        mt_fail_after(calls);
        CHECK(mt_pipeline_open(set, limit_hits, &key) == NULL);
        mt_fail_after(0);
    }
    CHECK_EQUAL(read_set(set, NULL, INT64_MAX).result, MT_END); /* the set is as before */
    mt_capture_set_close(set);
}

/* A child process has no thread that reads. */
static void test_fork(void)
{
    struct mt_capture_set *set = open_set(sources[2]);
    struct mt_pipeline *pipeline = mt_pipeline_open(set, limit_hits, &key);
    (void)read_set(set, pipeline, 1);
    pid_t child = fork();
    if (child == 0) {
        int result = read_set(set, pipeline, INT64_MAX).result;
        _exit(result == MT_INTERRUPTED && mt_pipeline_close(pipeline) == 0 ? 0 : 1);
    }
    int status = -1;
    CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
    CHECK_EQUAL(read_set(set, pipeline, INT64_MAX).result, MT_END);
    CHECK_EQUAL(mt_pipeline_close(pipeline), 1);
    mt_capture_set_close(set);
}

static int interrupt(void)
{
    return 1;
}

/* A signal ends the wait for a file that has no bytes yet. (A pipe stands for a slow disk.) */
static void test_interrupt(void)
{
    int ends[2];
    char name[32];
    const char *paths[MOST_FILES] = {name, NULL};
    CHECK(pipe(ends) == 0);
    FILE *writer = fdopen(ends[1], "wb");
    snprintf(name, sizeof name, "/proc/self/fd/%d", ends[0]);
    put_header(writer);
    put_packet(writer, 1000, 100);
    fflush(writer);
    struct mt_capture_set *set = open_set(paths);
    CHECK(set != NULL && !mt_capture_set_is_independent(set));
    struct mt_pipeline *pipeline = mt_pipeline_open(set, limit_hits, &key);
    mt_input_interrupted = interrupt;
    CHECK_EQUAL(read_set(set, pipeline, INT64_MAX).result, MT_INTERRUPTED);
    CHECK_EQUAL(mt_pipeline_close(pipeline), 1);
    mt_input_interrupted = NULL;
    mt_capture_set_close(set);
    fclose(writer);
    (void)close(ends[0]);
}

int main(void)
{
    mt_payload_key_init(&key);
    test_same();
    CHECK(segments > 1000);
    test_abandoned();
    test_long_packets();
    test_many_packets();
    test_memory();
    test_fork();
    test_interrupt();
    FINISH("test_pipeline");
}
