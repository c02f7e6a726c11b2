/* For the tests of failures: reads a scenario, with or without failures, and compares the rows.
 * A file that includes this one begins with `#define _GNU_SOURCE`.
 *
 * Every allocation of the core goes through mt_alloc or mt_resize, and so do those of zlib.
 * libzstd, libpcap and stdio call malloc themselves; their failures are not tested. */
#ifndef MT_TEST_EXHAUSTION_HELP_H
#define MT_TEST_EXHAUSTION_HELP_H

#include "support/peer_rows.h"
#include "support/scenario.h"
#include "support/scenario_files.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MANY = 1000000000, PROBLEMS = 98 };

static const uint16_t ports[] = {LEVIN};
static struct mt_core_options options;
static struct mt_failure failure;

/* ---- what a reading gives ---- */

struct rows {
    void *rows;
    size_t count;
};

static struct rows whole[MT_TABLE_COUNT]; /* without any failure */
static const char *const *opened;         /* the files to read */
static size_t opened_count;

static inline void free_rows(struct rows rows[MT_TABLE_COUNT])
{
    for (int id = 0; id < MT_TABLE_COUNT; id++) {
        free(rows[id].rows);
        rows[id] = (struct rows){0};
    }
}

static inline const uint8_t *row_at(const struct rows *rows, int id, size_t i)
{
    return (const uint8_t *)rows->rows + i * mt_schemas[id].row_size;
}

/* Their first field. */
static inline int64_t id_of(const struct rows *rows, int id, size_t i)
{
    int64_t number;
    memcpy(&number, row_at(rows, id, i), sizeof number);
    return number;
}

/* Codes of strings in a field become a number that is made from the string: where memory runs out,
 * hashes get their codes earlier than in the whole run. */
static inline void name_strings(const struct mt_core *core, const struct mt_field *field,
                                uint8_t *row)
{
    int32_t code;
    uint32_t number = 2166136261;
    size_t size;
    if (field->role != MT_ROLE_BYTES && field->role != MT_ROLE_TEXT && field->role != MT_ROLE_RAW)
        return;
    memcpy(&code, row + field->offset, sizeof code);
    if (code == MT_NO_CODE)
        return;
    CHECK(code >= 0 && (size_t)code < mt_core_strings(core)->count);
    const uint8_t *bytes = mt_intern_get(mt_core_strings(core), code, &size);
    for (size_t i = 0; i < size; i++)
        number = (number ^ bytes[i]) * 16777619;
    memcpy(row + field->offset, &number, sizeof number);
}

/* The parts of peer_lists, which get their rows. */
static inline int is_stored_peers(int id)
{
    return id >= MT_TABLE_peer_runs && id <= MT_TABLE_peer_entries;
}

static struct peer_parts peer_parts; /* of the core that is read */

/* Moves everything that is there out of the core. */
static inline void take_all(struct mt_core *core, struct rows got[MT_TABLE_COUNT])
{
    struct mt_peer_row *peer_rows = got[MT_TABLE_peer_lists].rows;
    (void)take_peer_rows(core, &peer_parts, &peer_rows, &got[MT_TABLE_peer_lists].count);
    got[MT_TABLE_peer_lists].rows = peer_rows;
    for (int id = 0; id < MT_TABLE_COUNT; id++) {
        if (is_stored_peers(id))
            continue;
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
        for (size_t i = 0; i < count; i++) {
            for (int j = 0; j < mt_schemas[id].count; j++)
                name_strings(core, &mt_schemas[id].fields[j],
                             (uint8_t *)got[id].rows + (got[id].count + i) * size);
        }
        got[id].count += count;
        mt_free(rows);
    }
}

static int refusals_named; /* strings that say so */

/* Every name can be looked at. */
static inline void look_at_names(const struct mt_core *core)
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
static inline int read_all(int in_parts, struct rows got[MT_TABLE_COUNT])
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
    for (int id = MT_TABLE_peer_runs; id <= MT_TABLE_peer_entries; id++)
        CHECK_EQUAL(mt_core_table(core, (enum mt_table_id)id)->count, 0);
    free_peer_parts(&peer_parts);
    look_at_names(core);
    mt_core_close(core);
    return result;
}

/* ---- comparing ---- */

/* A request that comes late may still have given an earlier row its reply_to, an acknowledgement
 * its acceptance; in a part of the rows they may not have come. */
static inline int same_row(int id, const uint8_t *left, const uint8_t *right)
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
static inline size_t rows_before(const struct rows *rows, int id, int64_t message)
{
    size_t count = 0;
    while (count < rows->count && id_of(rows, id, count) < message)
        count++;
    return count;
}

/* The rows of messages, and of what they say, are the beginning of all: whole messages, all that
 * each says, and nothing else. */
static inline void check_messages(const struct rows got[MT_TABLE_COUNT])
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
static inline void check_others(const struct rows got[MT_TABLE_COUNT])
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
static inline void check_all(const struct rows got[MT_TABLE_COUNT])
{
    for (int id = 0; id < MT_TABLE_COUNT; id++)
        CHECK_EQUAL(got[id].count, whole[id].count);
}

/* The options of all tests, and a folder for the files. */
static inline void begin_exhaustion_tests(void)
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
}

static inline void end_exhaustion_tests(void)
{
    remove_folder();
    wire_free(&wire);
}

/* The capture of all layers, as files; the one in pcap is cut in its last record. */
static inline void make_scenario_files(void)
{
    make_scenario();
    make_files();
    files[PCAP].size -= 3;
    save(PCAP, files[PCAP].size);
}

#endif
