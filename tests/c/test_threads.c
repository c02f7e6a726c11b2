/* Several cores in several threads at once: each finds what it finds alone. `make ctest-threads`
 * runs it under ThreadSanitizer. Reads the captures in tests/data, so it runs in the repository's
 * folder. */
#define _GNU_SOURCE
#include "base/mem.h"
#include "core.h"
#include "support/check.h"
#include "tables/rows.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

enum {
    THREADS = 4,
    MOST_FILES = 2,
    STEP = 60000,
    ROUNDS = 2,
    ALL_TABLES = (1 << MT_TABLE_COUNT) - 1
};

/* pcap, pcapng and what libpcap alone reads; plain and gzip; one file and two; sound, damaged, not
 * there, and no capture. */
static const char *const sources[][MOST_FILES] = {
    {"tests/data/honest/vantage_00001.pcapng", "tests/data/honest/vantage_00002.pcapng"},
    {"tests/data/spies/vantage_00001.pcapng.gz", "tests/data/spies/vantage_00002.pcapng.gz"},
    {"tests/data/derived/cut_in_record.pcap.gz", NULL},
    {"tests/data/derived/ip_fragments.pcap.gz", NULL},
    {"tests/data/derived/qinq.pcap", NULL},
    {"tests/data/nowhere.pcap", NULL},
    {"tests/data/derived/manifest.json", NULL},
};

enum { SOURCES = sizeof sources / sizeof sources[0], NOWHERE = SOURCES - 2 };

/* Two FNV-1a sums, of what was found and of how it ended. */
struct tables_read {
    uint64_t tables, ends;
    size_t rows;
    int result;
};

static struct tables_read alone[SOURCES];

static void add(uint64_t *sum, const void *bytes, size_t size)
{
    const uint8_t *p = bytes;
    for (size_t i = 0; i < size; i++)
        *sum = (*sum ^ p[i]) * UINT64_C(0x100000001b3);
}

/* The rows finished so far, taken out as the binding does. Codes are the same in every run: they
 * count what was new. */
static void take(struct mt_core *core, struct tables_read *tables_read,
                 uint64_t sums[MT_TABLE_COUNT])
{
    for (int id = 0; id < MT_TABLE_COUNT; id++) {
        size_t count = 0;
        void *rows = mt_core_take(core, (enum mt_table_id)id, &count);
        if (rows != NULL)
            add(&sums[id], rows, count * mt_schemas[id].row_size);
        tables_read->rows += count;
        mt_free(rows);
    }
}

static void add_names(struct mt_core *core, struct tables_read *tables_read)
{
    const struct mt_intern *strings = mt_core_strings(core);
    for (size_t code = 0; code < strings->count; code++) {
        size_t size = 0;
        const uint8_t *bytes = mt_intern_get(strings, (int32_t)code, &size);
        add(&tables_read->tables, bytes, size);
    }
    for (size_t code = 0; code < mt_addresses_count(mt_core_addresses(core)); code++) {
        char text[MT_ADDRESS_TEXT];
        size_t size = mt_address_text(mt_core_addresses(core), (int32_t)code, text, sizeof text);
        add(&tables_read->tables, text, size);
    }
}

/* One source from its beginning to its end; with two `threads`, one of them reads the files. */
static struct tables_read read_source(size_t source, int threads)
{
    static const uint16_t ports[] = {18080, 28080, 38080};
    struct mt_core_options options = {.limits = mt_default_limits,
                                      .tables = ALL_TABLES,
                                      .threads = threads,
                                      .ports = ports,
                                      .ports_count = 3};
    struct mt_failure failure = {""};
    struct tables_read tables_read = {.result = MT_OK};
    uint64_t sums[MT_TABLE_COUNT] = {0};
    struct mt_core *core = mt_core_open(sources[source], sources[source][1] != NULL ? 2 : 1,
                                        &options, &tables_read.result, &failure);
    while (core != NULL && tables_read.result == MT_OK) {
        tables_read.result = mt_core_step(core, STEP, 0, &failure);
        take(core, &tables_read, sums);
    }
    add(&tables_read.tables, sums, sizeof sums);
    if (core != NULL)
        add_names(core, &tables_read);
    add(&tables_read.ends, failure.text, strlen(failure.text));
    mt_core_close(core);
    return tables_read;
}

static int same(const struct tables_read *a, const struct tables_read *b)
{
    return a->tables == b->tables && a->ends == b->ends && a->rows == b->rows &&
           a->result == b->result;
}

/* ---- several at once ---- */

struct worker {
    pthread_t thread;
    size_t first;    /* source that it begins with, so that threads read the same one and others at
                        once */
    long fail_after; /* not 0: the thread is one that runs out of memory, at this call and then ever
                        later ones */
    int wrong, right, out_of_memory;
};

static atomic_int failing_is_over;

static void *work(void *argument)
{
    struct worker *worker = argument;
    for (size_t i = 0; i < ROUNDS * SOURCES; i++) {
        size_t source = (worker->first + i) % SOURCES;
        struct tables_read tables_read = read_source(source, (int)(1 + i % 2));
        if (same(&tables_read, &alone[source]))
            worker->right++;
        else
            worker->wrong++;
    }
    return NULL;
}

static void *work_without_memory(void *argument)
{
    struct worker *worker = argument;
    while (!atomic_load(&failing_is_over)) {
        mt_fail_after(worker->fail_after);
        struct tables_read tables_read = read_source((size_t)worker->fail_after % NOWHERE, 2);
        mt_fail_after(0);
        worker->out_of_memory += tables_read.result == MT_NOMEM;
        worker->fail_after = worker->fail_after < 400 ? worker->fail_after * 2 : 1;
    }
    return NULL;
}

static void test_at_once(void)
{
    struct worker workers[THREADS] = {0}, poor = {.fail_after = 1};
    atomic_store(&failing_is_over, 0);
    CHECK(pthread_create(&poor.thread, NULL, work_without_memory, &poor) == 0);
    for (size_t i = 0; i < THREADS; i++) {
        workers[i].first = i / 2 * 3; /* two by two the same */
        CHECK(pthread_create(&workers[i].thread, NULL, work, &workers[i]) == 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        CHECK(pthread_join(workers[i].thread, NULL) == 0);
        CHECK_EQUAL(workers[i].wrong, 0);
        CHECK_EQUAL(workers[i].right, ROUNDS * SOURCES);
    }
    atomic_store(&failing_is_over, 1);
    CHECK(pthread_join(poor.thread, NULL) == 0);
    CHECK(poor.out_of_memory > 0);
}

/* ---- one core, one thread after the other ---- */

static struct mt_core *handed_on;
static int handed_on_result;

static void *step_once(void *argument)
{
    struct mt_failure failure = {""};
    (void)argument;
    handed_on_result = mt_core_step(handed_on, STEP, 0, &failure);
    return NULL;
}

static void test_handed_on(int threads)
{
    static const uint16_t ports[] = {18080};
    struct mt_core_options options = {.limits = mt_default_limits,
                                      .tables = ALL_TABLES,
                                      .threads = threads,
                                      .ports = ports,
                                      .ports_count = 1};
    struct mt_failure failure = {""};
    uint64_t sums[MT_TABLE_COUNT] = {0};
    struct tables_read tables_read = {0};
    int steps = 0;
    handed_on = mt_core_open(sources[1], 2, &options, &tables_read.result, &failure);
    CHECK(handed_on != NULL);
    for (handed_on_result = MT_OK; handed_on != NULL && handed_on_result == MT_OK; steps++) {
        pthread_t thread;
        CHECK(pthread_create(&thread, NULL, step_once, NULL) == 0);
        CHECK(pthread_join(thread, NULL) == 0);
        take(handed_on, &tables_read, sums);
    }
    CHECK(steps > 2);
    CHECK_EQUAL(handed_on_result, MT_END);
    CHECK_EQUAL(tables_read.rows, alone[1].rows);
    mt_core_close(handed_on);
}

int main(void)
{
    for (size_t i = 0; i < SOURCES; i++) {
        alone[i] = read_source(i, 1);
        CHECK_EQUAL(alone[i].result, i < NOWHERE ? MT_END : i == NOWHERE ? MT_IO : MT_NOT_CAPTURE);
        CHECK_EQUAL(alone[i].rows > 0, i < NOWHERE);
    }
    test_at_once();
    test_handed_on(1);
    test_handed_on(2);
    FINISH("test_threads");
}
