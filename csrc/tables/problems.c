#include "tables/problems.h"

#include "base/error.h"

#include <string.h>

static int append(struct mt_output *output, const struct mt_problem_source *source,
                  const struct mt_problem *problem)
{
    int32_t code;
    if (mt_intern_put(&output->strings, problem->why, strlen(problem->why), &code) != MT_OK)
        return MT_NOMEM;
    struct mt_problem_row *row = mt_table_append(&output->tables[MT_TABLE_problems]);
    if (row == NULL)
        return MT_NOMEM;
    *row = (struct mt_problem_row){
        .frame = problem->ref->frame,
        .time = problem->ref->time,
        .file = problem->ref->file,
        .connection = source->connection,
        .client = source->client,
        .server = source->server,
        .day = source->day,
        .from_client = source->from_client,
        .proxy = source->proxy,
        .proxied_host = source->proxied_host,
        .offset = problem->offset,
        .bytes = problem->bytes,
        .kind = (int8_t)problem->kind,
        .detail = code,
    };
    output->problems_given++;
    return MT_OK;
}

int mt_report_problem(struct mt_output *output, const struct mt_problem_source *source,
                      const struct mt_problem *problem)
{
    if (output->problems_given >= (uint64_t)output->limits->problems) {
        output->limit_hits[MT_LIMIT_problems]++;
        output->dropped_bytes[problem->kind] += problem->bytes;
        return MT_OK;
    }
    return append(output, source, problem);
}

int mt_close_problems(struct mt_output *output)
{
    static const struct mt_packet_ref nowhere = {.time = MT_NO_TIME, .file = -1};
    for (int kind = 0; kind < MT_PROBLEM_COUNT; kind++) {
        if (output->dropped_bytes[kind] == 0)
            continue;
        struct mt_problem rest = {(enum mt_problem_kind)kind, -1, output->dropped_bytes[kind],
                                  "all further rows of this kind: limit on problems", &nowhere};
        output->dropped_bytes[kind] = 0;
        if (append(output, &mt_no_connection, &rest) != MT_OK)
            return MT_NOMEM;
    }
    return MT_OK;
}
