/* What all rooms share: problems within their limit, early responses, buffers within theirs. */
#include "support/stream_help.h"
#include "tables/output.h"

static struct mt_output output;
static struct mt_limits limits;

static void open_output(void)
{
    limits = mt_default_limits;
    mt_output_init(&output, &limits, ALL_TABLES);
}

static void test_tables(void)
{
    limits = mt_default_limits;
    mt_output_init(&output, &limits, 1u << MT_TABLE_messages | 1u << MT_TABLE_problems);
    for (int id = 0; id < MT_TABLE_COUNT; id++) {
        CHECK_EQUAL(output.tables[id].wanted, id == MT_TABLE_messages || id == MT_TABLE_problems);
        CHECK_EQUAL(output.tables[id].row_size, mt_schemas[id].row_size);
    }
    CHECK(output.p2p.tables == output.tables);
    CHECK(output.p2p.strings == &output.strings);
    CHECK(output.p2p.addresses == &output.addresses);
    mt_output_free(&output);
}

static struct mt_problem_row problem(enum mt_problem kind, int64_t bytes)
{
    return (struct mt_problem_row){.frame = 3,
                                   .time = 4,
                                   .connection = 5,
                                   .offset = 6,
                                   .bytes = bytes,
                                   .client = 7,
                                   .server = 8,
                                   .file = 9,
                                   .kind = (int8_t)kind,
                                   .from_client = 1};
}

static void test_problems(void)
{
    open_output();
    struct mt_problem_row row = problem(MT_PROBLEM_GAP, 10);
    CHECK_EQUAL(mt_output_problem(&output, &row, "why"), MT_OK);
    CHECK_EQUAL(mt_output_problem(&output, &row, "another"), MT_OK);
    CHECK_EQUAL(mt_output_problem(&output, &row, "why"), MT_OK);
    CHECK_EQUAL(problems_count(&output), 3);
    CHECK_TEXT(problem_text(&output, 0), "why");
    CHECK_TEXT(problem_text(&output, 1), "another");
    CHECK_EQUAL(problem_row(&output, 2)->detail, problem_row(&output, 0)->detail);
    CHECK_EQUAL(problem_row(&output, 0)->frame, 3);
    CHECK_EQUAL(problem_row(&output, 0)->time, 4);
    CHECK_EQUAL(problem_row(&output, 0)->connection, 5);
    CHECK_EQUAL(problem_row(&output, 0)->offset, 6);
    CHECK_EQUAL(problem_row(&output, 0)->server, 8);
    CHECK_EQUAL(problem_row(&output, 0)->from_client, 1);
    CHECK_EQUAL(mt_output_close_problems(&output), MT_OK); /* none was dropped */
    CHECK_EQUAL(problems_count(&output), 3);
    mt_output_free(&output);
}

static void test_problems_limit(void)
{
    open_output();
    limits.problems = 2;
    enum mt_problem kinds[] = {MT_PROBLEM_LOST, MT_PROBLEM_LOST, MT_PROBLEM_LOST,
                               MT_PROBLEM_GAP,  MT_PROBLEM_LOST, MT_PROBLEM_LIMIT};
    for (int i = 0; i < 6; i++) {
        struct mt_problem_row row = problem(kinds[i], kinds[i] == MT_PROBLEM_LIMIT ? 0 : 10 + i);
        CHECK_EQUAL(mt_output_problem(&output, &row, "why"), MT_OK);
    }
    CHECK_EQUAL(problems_count(&output), 2);
    CHECK_EQUAL(output.limit_hits[MT_LIMIT_problems], 4);
    CHECK_EQUAL(mt_output_close_problems(&output), MT_OK);
    CHECK_EQUAL(problems_count(&output), 4);
    CHECK_EQUAL(problem_bytes(&output, MT_PROBLEM_LOST), 10 + 11 + 12 + 14);
    CHECK_EQUAL(problem_bytes(&output, MT_PROBLEM_GAP), 13);
    const struct mt_problem_row *last = problem_row(&output, 3);
    CHECK_EQUAL(last->kind, MT_PROBLEM_GAP);
    CHECK_EQUAL(last->frame, 0);
    CHECK_EQUAL(last->time, MT_NO_TIME);
    CHECK_EQUAL(last->connection, -1);
    CHECK_EQUAL(last->offset, -1);
    CHECK_EQUAL(last->file, -1);
    CHECK_EQUAL(last->client, MT_NO_CODE);
    CHECK_EQUAL(last->server, MT_NO_CODE);
    CHECK_EQUAL(last->from_client, -1);
    CHECK_TEXT(problem_text(&output, 3), "all further rows of this kind: limit on problems");
    CHECK_EQUAL(mt_output_close_problems(&output), MT_OK); /* told once */
    CHECK_EQUAL(problems_count(&output), 4);
    mt_output_free(&output);
}

/* The limit is on all rows, those that were handed over included. */
static void test_problems_limit_after_taking(void)
{
    open_output();
    limits.problems = 3;
    struct mt_problem_row row = problem(MT_PROBLEM_LOST, 1);
    size_t count = 0;
    CHECK_EQUAL(mt_output_problem(&output, &row, "why"), MT_OK);
    CHECK_EQUAL(mt_output_problem(&output, &row, "why"), MT_OK);
    mt_free(mt_table_take(&output.tables[MT_TABLE_problems], 2, &count));
    CHECK_EQUAL(count, 2);
    CHECK_EQUAL(mt_output_problem(&output, &row, "why"), MT_OK);
    CHECK_EQUAL(mt_output_problem(&output, &row, "why"), MT_OK);
    CHECK_EQUAL(problems_count(&output), 1);
    CHECK_EQUAL(output.limit_hits[MT_LIMIT_problems], 1);
    mt_output_free(&output);
}

static void test_early(void)
{
    uint32_t waiting = 0;
    open_output();
    output.messages_given = 7;
    CHECK_EQUAL(mt_output_settled(&output), 7);
    for (int i = 0; i < 4; i++) {
        struct mt_early_response early = {
            .waiting = &waiting, .message = 10 * i + 3, .command = 1003};
        CHECK_EQUAL(mt_output_remember(&output, &early), MT_OK);
    }
    output.messages_given = 40;
    CHECK_EQUAL(output.early_count, 4);
    CHECK_EQUAL(waiting, 4);
    CHECK_EQUAL(mt_output_settled(&output), 3);
    mt_output_forget(&output, 0);
    CHECK_EQUAL(mt_output_settled(&output), 13);
    mt_output_forget(&output, 1);
    CHECK_EQUAL(mt_output_settled(&output), 13);
    CHECK_EQUAL(output.early[1].message, 33);
    output.messages_given = 13 + MT_HELD_BACK;
    CHECK_EQUAL(mt_output_settled(&output), 13);
    output.messages_given++; /* too many rows wait for it */
    CHECK_EQUAL(mt_output_settled(&output), 33);
    for (int i = 0; i < (int)limits.early_responses + 5; i++) {
        struct mt_early_response early = {
            .waiting = &waiting, .message = output.messages_given++, .command = 1003};
        CHECK_EQUAL(mt_output_remember(&output, &early), MT_OK);
    }
    CHECK_EQUAL(output.early_count,
                (int)limits.early_responses - (int)limits.early_responses / 4 +
                    6); /* one was there: full after all but six, then the oldest quarter went */
    CHECK_EQUAL(output.early[output.early_count - 1].message, output.messages_given - 1);
    CHECK_EQUAL(output.early[0].message, output.messages_given - (int64_t)output.early_count);
    CHECK_EQUAL(waiting, output.early_count);
    mt_output_free(&output);
}

/* Limits that count for themselves are told like the others. */
static void test_reached(void)
{
    int32_t code;
    uint32_t waiting = 0;
    limits = mt_default_limits;
    limits.addresses = limits.strings = 1;
    limits.blobs = limits.early_responses = 0;
    mt_output_init(&output, &limits, ALL_TABLES);
    for (int i = 0; i < MT_LIMIT_COUNT; i++)
        CHECK_EQUAL(mt_output_limit_hits(&output, (enum mt_limit_id)i), 0);
    for (uint8_t i = 0; i < 3; i++) {
        CHECK_EQUAL(mt_address_ipv4(&output.addresses, (uint8_t[]){10, 0, 0, i}, &code), MT_OK);
        CHECK_EQUAL(code, i == 0 ? 0 : MT_NO_CODE);
        CHECK_EQUAL(mt_intern_put(&output.strings, &i, 1, &code), MT_OK);
    }
    struct mt_blob_key blob = {.kind = MT_BLOB_BLOCK};
    CHECK_EQUAL(mt_blob_cache_add(&output.p2p.blob_cache, &blob, NULL), MT_OK);
    CHECK_EQUAL(mt_output_remember(&output, &(struct mt_early_response){.waiting = &waiting}),
                MT_OK);
    CHECK_EQUAL(waiting, 0);
    CHECK_EQUAL(mt_output_limit_hits(&output, MT_LIMIT_addresses), 2);
    CHECK_EQUAL(mt_output_limit_hits(&output, MT_LIMIT_strings), 2);
    CHECK_EQUAL(mt_output_limit_hits(&output, MT_LIMIT_blobs), 1);
    CHECK_EQUAL(mt_output_limit_hits(&output, MT_LIMIT_early_responses), 1);
    CHECK_EQUAL(mt_output_limit_hits(&output, MT_LIMIT_problems), 0);
    mt_output_free(&output);
}

static void test_store(void)
{
    struct mt_buffer buffer = {0};
    uint8_t bytes[1000];
    for (int i = 0; i < 1000; i++)
        bytes[i] = (uint8_t)(i * 7);
    open_output();
    for (size_t at = 0; at < 1000; at += 100) {
        CHECK_EQUAL(mt_output_store(&output, &output.buffered, &buffer, bytes + at, 100, 1000),
                    MT_OK);
        CHECK_EQUAL(output.buffered.used, 1000); /* no more than it will hold */
    }
    CHECK_EQUAL(buffer.count, 1000);
    CHECK(memcmp(buffer.bytes, bytes, 1000) == 0);
    mt_output_release(&output, &output.buffered, &buffer);
    CHECK_EQUAL(output.buffered.used, 0);
    CHECK_EQUAL(output.spare_count, 1);
    CHECK(buffer.bytes == NULL && buffer.count == 0 && buffer.capacity == 0);
    mt_output_release(&output, &output.buffered, &buffer); /* nothing to give */
    CHECK_EQUAL(output.spare_count, 1);
    CHECK_EQUAL(mt_output_store(&output, &output.buffered, &buffer, bytes, 10, 20),
                MT_OK); /* borrows the spare room */
    CHECK_EQUAL(output.spare_count, 0);
    CHECK_EQUAL(output.buffered.used, 1000);
    CHECK_EQUAL(buffer.count, 10);
    CHECK_EQUAL(mt_output_store(&output, &output.buffered, &buffer, bytes, 1000, 5),
                MT_OK); /* more than was expected */
    CHECK_EQUAL(buffer.count, 1010);
    CHECK(memcmp(buffer.bytes + 10, bytes, 1000) == 0);
    mt_output_release(&output, &output.buffered, &buffer);
    mt_output_free(&output);
}

/* A declared length reserves nothing until bytes are there. */
static void test_store_little(void)
{
    struct mt_buffer buffer = {0};
    open_output();
    CHECK_EQUAL(
        mt_output_store(&output, &output.buffered, &buffer, (const uint8_t *)"x", 1, 100000000),
        MT_OK);
    CHECK(output.buffered.used <= 65536);
    mt_output_release(&output, &output.buffered, &buffer);
    mt_output_free(&output);
}

static void test_store_limit(void)
{
    static uint8_t bytes[70000];
    struct mt_buffer first = {0}, second = {0};
    open_output();
    limits.buffered_bytes = 100000;
    CHECK_EQUAL(mt_output_store(&output, &output.buffered, &first, bytes, 60000, 60000), MT_OK);
    CHECK_EQUAL(mt_output_store(&output, &output.buffered, &second, bytes, 40000, 40000),
                MT_OK); /* at the limit */
    CHECK_EQUAL(output.buffered.used, 100000);
    CHECK_EQUAL(mt_output_store(&output, &output.buffered, &second, bytes, 1, 40001), MT_MALFORMED);
    CHECK(second.bytes == NULL);
    CHECK_EQUAL(output.buffered.used, 60000);
    CHECK_EQUAL(mt_output_store(&output, &output.buffered, &first, bytes, 1, 60001),
                MT_OK); /* now there is room */
    mt_output_release(&output, &output.buffered, &first);
    CHECK_EQUAL(output.buffered.used, 0);
    mt_output_free(&output);
}

static void test_spares(void)
{
    static uint8_t bytes[2000000];
    struct mt_buffer buffers[MT_SPARE_BUFFERS + 3] = {{0}};
    open_output();
    for (int i = 0; i < MT_SPARE_BUFFERS + 3; i++)
        CHECK_EQUAL(mt_output_store(&output, &output.buffered, &buffers[i], bytes, 100, 100),
                    MT_OK);
    CHECK_EQUAL(mt_output_store(&output, &output.buffered, &buffers[0], bytes, 1999900, 2000000),
                MT_OK);
    for (int i = 0; i < MT_SPARE_BUFFERS + 3; i++)
        mt_output_release(&output, &output.buffered, &buffers[i]);
    CHECK_EQUAL(output.spare_count, MT_SPARE_BUFFERS);
    for (int i = 0; i < output.spare_count; i++)
        CHECK(output.spare[i].capacity <= 1048576); /* the large one is not kept */
    CHECK_EQUAL(output.buffered.used, 0);
    mt_output_free(&output);
}

static void test_no_memory(void)
{
    struct mt_buffer buffer = {0};
    open_output();
    struct mt_problem_row row = problem(MT_PROBLEM_GAP, 10);
    uint32_t waiting = 0;
    struct mt_early_response early = {.waiting = &waiting, .message = 1};
    mt_fail_after(1);
    CHECK_EQUAL(mt_output_store(&output, &output.buffered, &buffer, (const uint8_t *)"abc", 3, 3),
                MT_NOMEM);
    CHECK_EQUAL(mt_output_problem(&output, &row, "why"), MT_NOMEM);
    CHECK_EQUAL(mt_output_remember(&output, &early), MT_NOMEM);
    CHECK_EQUAL(output.early_count, 0);
    for (long n = 2; n < 6; n++) {
        mt_fail_after(n);
        int result = mt_output_problem(&output, &row, "why");
        CHECK(result == MT_OK || result == MT_NOMEM);
    }
    mt_fail_after(0);
    output.dropped_bytes[MT_PROBLEM_LOST] = 4;
    size_t before = problems_count(&output);
    mt_fail_after(1);
    int result = mt_output_close_problems(&output);
    mt_fail_after(0);
    CHECK_EQUAL(result, MT_NOMEM); /* a text that was not there needs memory */
    CHECK_EQUAL(problems_count(&output), before);
    CHECK_EQUAL(output.buffered.used, 0);
    mt_output_release(&output, &output.buffered, &buffer);
    mt_output_free(&output);
}

/* ---- worst cases: each must be over in an instant ---- */

static void test_many_early(void)
{
    uint32_t waiting = 0;
    open_output();
    for (int i = 0; i < 50000; i++) {
        struct mt_early_response early = {.waiting = &waiting, .message = output.messages_given++};
        CHECK(mt_output_remember(&output, &early) == MT_OK);
    }
    mt_output_free(&output);
}

int main(void)
{
    test_tables();
    test_problems();
    test_problems_limit();
    test_problems_limit_after_taking();
    test_early();
    test_reached();
    test_store();
    test_store_little();
    test_store_limit();
    test_spares();
    test_no_memory();
    test_many_early();
    FINISH("test_output");
}
