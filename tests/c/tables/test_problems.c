/* Rows of problems within their limit. */
#include "support/stream_help.h"
#include "tables/problems.h"

static struct mt_output output;
static struct mt_limits limits;
static const struct mt_problem_source source = {5, 7, 8, 20000, 1, -1, MT_NO_CODE};
static const struct mt_packet_ref ref = {.time = 4, .frame = 3, .file = 9};

static void open_output(void)
{
    limits = mt_default_limits;
    mt_output_init(&output, &limits, ALL_TABLES);
}

static struct mt_problem problem(enum mt_problem_kind kind, int64_t bytes)
{
    return (struct mt_problem){kind, 6, bytes, "why", &ref};
}

static int report(struct mt_problem *problem, const char *why)
{
    problem->why = why;
    return mt_report_problem(&output, &source, problem);
}

static void test_problems(void)
{
    open_output();
    struct mt_problem row = problem(MT_PROBLEM_GAP, 10);
    CHECK_EQUAL(report(&row, "why"), MT_OK);
    CHECK_EQUAL(report(&row, "another"), MT_OK);
    CHECK_EQUAL(report(&row, "why"), MT_OK);
    CHECK_EQUAL(problems_count(&output), 3);
    CHECK_TEXT(problem_text(&output, 0), "why");
    CHECK_TEXT(problem_text(&output, 1), "another");
    CHECK_EQUAL(problem_row(&output, 2)->detail, problem_row(&output, 0)->detail);
    CHECK_EQUAL(problem_row(&output, 0)->frame, 3);
    CHECK_EQUAL(problem_row(&output, 0)->time, 4);
    CHECK_EQUAL(problem_row(&output, 0)->connection, 5);
    CHECK_EQUAL(problem_row(&output, 0)->day, 20000);
    CHECK_EQUAL(problem_row(&output, 0)->offset, 6);
    CHECK_EQUAL(problem_row(&output, 0)->server, 8);
    CHECK_EQUAL(problem_row(&output, 0)->from_client, 1);
    CHECK_EQUAL(mt_close_problems(&output), MT_OK); /* none was dropped */
    CHECK_EQUAL(problems_count(&output), 3);
    mt_output_free(&output);
}

static void test_problems_limit(void)
{
    open_output();
    limits.problems = 2;
    enum mt_problem_kind kinds[] = {MT_PROBLEM_LOST, MT_PROBLEM_LOST, MT_PROBLEM_LOST,
                                    MT_PROBLEM_GAP,  MT_PROBLEM_LOST, MT_PROBLEM_LIMIT};
    for (int i = 0; i < 6; i++) {
        struct mt_problem row = problem(kinds[i], kinds[i] == MT_PROBLEM_LIMIT ? 0 : 10 + i);
        CHECK_EQUAL(report(&row, "why"), MT_OK);
    }
    CHECK_EQUAL(problems_count(&output), 2);
    CHECK_EQUAL(output.limit_hits[MT_LIMIT_problems], 4);
    CHECK_EQUAL(mt_close_problems(&output), MT_OK);
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
    CHECK_EQUAL(mt_close_problems(&output), MT_OK); /* reported once */
    CHECK_EQUAL(problems_count(&output), 4);
    mt_output_free(&output);
}

/* The limit is on all rows, those that were handed over included. */
static void test_problems_limit_after_taking(void)
{
    open_output();
    limits.problems = 3;
    struct mt_problem row = problem(MT_PROBLEM_LOST, 1);
    size_t count = 0;
    CHECK_EQUAL(report(&row, "why"), MT_OK);
    CHECK_EQUAL(report(&row, "why"), MT_OK);
    mt_free(mt_table_take(&output.tables[MT_TABLE_problems], 2, &count));
    CHECK_EQUAL(count, 2);
    CHECK_EQUAL(report(&row, "why"), MT_OK);
    CHECK_EQUAL(report(&row, "why"), MT_OK);
    CHECK_EQUAL(problems_count(&output), 1);
    CHECK_EQUAL(output.limit_hits[MT_LIMIT_problems], 1);
    mt_output_free(&output);
}

static void test_no_memory(void)
{
    open_output();
    struct mt_problem row = problem(MT_PROBLEM_GAP, 10);
    mt_fail_after(1);
    CHECK_EQUAL(report(&row, "why"), MT_NOMEM);
    for (long n = 2; n < 6; n++) {
        mt_fail_after(n);
        int result = report(&row, "why");
        CHECK(result == MT_OK || result == MT_NOMEM);
    }
    mt_fail_after(0);
    output.dropped_bytes[MT_PROBLEM_LOST] = 4;
    size_t before = problems_count(&output);
    mt_fail_after(1);
    int result = mt_close_problems(&output);
    mt_fail_after(0);
    CHECK_EQUAL(result, MT_NOMEM); /* a text that was not there needs memory */
    CHECK_EQUAL(problems_count(&output), before);
    mt_output_free(&output);
}

int main(void)
{
    test_problems();
    test_problems_limit();
    test_problems_limit_after_taking();
    test_no_memory();
    FINISH("test_problems");
}
