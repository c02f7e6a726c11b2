/* Everything the rooms fill: the tables, the interned strings, and the few totals that they share.
 */
#ifndef MT_TABLES_OUTPUT_H
#define MT_TABLES_OUTPUT_H

#include "base/budget.h"
#include "base/limits.h"
#include "net/packet.h"
#include "p2p/p2p.h"
#include "tables/address.h"
#include "tables/intern.h"
#include "tables/table.h"

#include <stddef.h>
#include <stdint.h>

enum { MT_SPARE_BUFFERS = 16 };

/* Room for a message that spans segments, borrowed while it is incomplete. */
struct mt_buffer {
    uint8_t *bytes;
    size_t count, capacity;
};

/* A response that was captured before its request: in a capture out of order, or while the request
 * waits behind a hole. Its row may yet get its reply_to. */
struct mt_early_response {
    uint32_t *waiting; /* count of those that wait for requests of the same direction of the same
                          dialog; tells them apart, and is kept right here */
    int64_t message;
    int64_t acknowledged; /* what its sender had of the requests' stream */
    uint32_t command;
};

/* Rows of messages held back for the oldest early response, at most. */
enum { MT_HELD_BACK = 65536 };

struct mt_output {
    struct mt_table tables[MT_TABLE_COUNT];
    struct mt_addresses addresses;
    struct mt_intern strings;
    struct mt_p2p p2p;
    const struct mt_limits *limits;
    mt_limit_hits
        limit_hits; /* but for the limits that count for themselves: see mt_output_limit_hits */
    int64_t
        messages_given; /* message ids given so far; the rows in the table are the last of them */
    struct mt_budget
        buffered;            /* bytes held in buffers and behind holes, all connections together */
    uint64_t problems_given; /* rows of problems made so far, those handed over included */
    int64_t dropped_bytes[MT_PROBLEM_COUNT]; /* what the limit on problems swallowed, by kind */
    struct mt_early_response *early;         /* by message id */
    size_t early_count, early_capacity;
    struct mt_buffer spare[MT_SPARE_BUFFERS];
    int spare_count;
};

/* `tables`: bit i = table i of mt_table_id is wanted. */
void mt_output_init(struct mt_output *output, const struct mt_limits *limits, uint32_t tables);
void mt_output_free(struct mt_output *output);

/* How often a limit was reached. */
uint64_t mt_output_limit_hits(const struct mt_output *output, enum mt_limit_id limit);

/* One row of problems; `detail` is copied. Past the limit it is only counted. MT_OK or MT_NOMEM. */
int mt_output_problem(struct mt_output *output, const struct mt_problem_row *row,
                      const char *detail);

/* Rows that stand for those the limit swallowed, one per kind, so that totals add up. MT_OK or
 * MT_NOMEM. */
int mt_output_close_problems(struct mt_output *output);

/* Id of the first message whose row may still change; forgets what is too old to wait for. */
int64_t mt_output_settled(struct mt_output *output);

/* Remembers an early response (the older quarter is forgotten if there are too many). MT_OK or
 * MT_NOMEM. */
int mt_output_remember(struct mt_output *output, const struct mt_early_response *early);

/* Forgets the i-th. */
void mt_output_forget(struct mt_output *output, size_t index);

/* Appends `size` bytes to a buffer (borrowing room first), whose room is part of `budget`;
 * `expected` is what it will hold in the end. MT_OK; MT_MALFORMED if the budget is used up (the
 * buffer is given back); MT_NOMEM. */
int mt_output_store(struct mt_output *output, struct mt_budget *budget, struct mt_buffer *buffer,
                    const uint8_t *bytes, size_t size, uint64_t expected);

/* Gives a buffer's room back; it is empty afterwards. */
void mt_output_release(struct mt_output *output, struct mt_budget *budget,
                       struct mt_buffer *buffer);

#endif
