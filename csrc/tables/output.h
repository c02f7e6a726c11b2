/* All tables of a run, the interned addresses and strings that their rows refer to, and the limits.
 * The core and p2p fill it; it knows neither captures nor protocols. */
#ifndef MT_TABLES_OUTPUT_H
#define MT_TABLES_OUTPUT_H

#include "base/budget.h"
#include "base/limits.h"
#include "tables/address.h"
#include "tables/intern.h"
#include "tables/table.h"

#include <stddef.h>
#include <stdint.h>

struct mt_output {
    struct mt_table tables[MT_TABLE_COUNT];
    struct mt_addresses addresses;
    struct mt_intern strings;
    const struct mt_limits *limits;
    mt_limit_hits limit_hits; /* but for the limits that count for themselves: addresses, strings,
                                 blobs */
    int64_t
        messages_given; /* message ids given so far; the rows in the table are the last of them */
    uint64_t problems_given; /* rows of problems made so far, those handed over included */
    int64_t dropped_bytes[MT_PROBLEM_COUNT]; /* bytes of the rows that the limit on problems left
                                                out, by kind */
    struct mt_budget buffered; /* bytes held in buffers and after holes, all connections together */
};

/* `tables`: bit i = table i of mt_table_id is wanted. `limits` must live as long. */
void mt_output_init(struct mt_output *output, const struct mt_limits *limits, uint32_t tables);
void mt_output_free(struct mt_output *output);

#endif
