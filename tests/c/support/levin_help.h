/* For the tests of framing: the fixture that all of them use, and what its rows must be. */
#ifndef MT_TEST_LEVIN_HELP_H
#define MT_TEST_LEVIN_HELP_H

#include "base/command.h"
#include "levin/levin.h"
#include "support/stream_help.h"

enum { WHOLE = 1 << 20 };

static struct fixture fixture;

static inline void check_message(size_t i, uint32_t command, int kind, int status, uint64_t length,
                                 int64_t captured)
{
    const struct mt_message_row *row = message_row(&fixture.decoder.output, i);
    CHECK_EQUAL(row->command, command);
    CHECK_EQUAL(row->kind, kind);
    CHECK_EQUAL(row->status, status);
    CHECK_EQUAL(row->length, length);
    CHECK_EQUAL(row->captured, captured);
}

static inline void check_problem(size_t i, enum mt_problem_kind kind, int64_t offset, int64_t bytes,
                                 const char *why)
{
    const struct mt_problem_row *row = problem_row(&fixture.decoder.output, i);
    CHECK_EQUAL(row->kind, kind);
    CHECK_EQUAL(row->offset, offset);
    CHECK_EQUAL(row->bytes, bytes);
    CHECK_TEXT(problem_text(&fixture.decoder.output, i), why);
}

#endif
