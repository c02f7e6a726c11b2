/* The one writer of rows of problems, within their limit. Used by the core. */
#ifndef MT_TABLES_PROBLEMS_H
#define MT_TABLES_PROBLEMS_H

#include "base/stream_data.h"
#include "base/time.h"
#include "tables/output.h"

#include <stdint.h>

/* The connection and the direction that a problem belongs to. */
struct mt_problem_source {
    int64_t connection;     /* id, -1 if none */
    int32_t client, server; /* address codes, MT_NO_CODE if none */
    int32_t day;            /* of the connection's first packet, see mt_day; MT_NO_DAY if none */
    int8_t from_client;     /* 1 or 0, -1 if no direction */
    int8_t proxy;           /* mt_proxy, -1 if none */
    int32_t proxied_host;   /* address code as in the rows, MT_NO_CODE if none */
};

static const struct mt_problem_source mt_no_connection = {-1, MT_NO_CODE, MT_NO_CODE, MT_NO_DAY,
                                                          -1, -1,         MT_NO_CODE};

/* Makes one row; `problem->why` is copied. Past the limit it is only counted. MT_OK or MT_NOMEM. */
int mt_report_problem(struct mt_output *output, const struct mt_problem_source *source,
                      const struct mt_problem *problem);

/* Makes a row for each kind of which the limit left rows out, so that totals add up. MT_OK or
 * MT_NOMEM. */
int mt_close_problems(struct mt_output *output);

#endif
