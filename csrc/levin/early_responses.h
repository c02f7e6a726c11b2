/* Responses that were captured before their requests, of all connections: in a capture out of
 * order, or while the request waits after a hole. Their rows may yet get their reply_to. */
#ifndef MT_LEVIN_EARLY_RESPONSES_H
#define MT_LEVIN_EARLY_RESPONSES_H

#include "base/limits.h"

#include <stddef.h>
#include <stdint.h>

/* Rows of messages held back for the oldest early response, at most. */
enum { MT_HELD_BACK = 65536 };

struct mt_early_response {
    uint32_t *waiting;    /* count of those that wait for requests of the same direction of the same
                             session; identifies the direction, and is kept right here */
    int64_t message;      /* id */
    int64_t acknowledged; /* what its sender had of the requests' stream */
    uint32_t command;
};

struct mt_early_responses {
    const struct mt_limits *limits;
    uint64_t *limit_hits;            /* mt_limit_hits */
    struct mt_early_response *items; /* by message id */
    size_t count, capacity;
};

/* An empty list; `limits` and `limit_hits` must live as long. */
void mt_early_responses_init(struct mt_early_responses *early, const struct mt_limits *limits,
                             uint64_t *limit_hits);

/* Frees the list; the counts of the directions are left as they are. */
void mt_early_responses_free(struct mt_early_responses *early);

/* Remembers a response (the older quarter is forgotten if there are too many). MT_OK or MT_NOMEM.
 */
int mt_early_responses_add(struct mt_early_responses *early,
                           const struct mt_early_response *response);

/* Forgets the i-th. */
void mt_early_responses_forget(struct mt_early_responses *early, size_t index);

/* Forgets those of one direction. */
void mt_early_responses_forget_all(struct mt_early_responses *early, const uint32_t *waiting);

/* Returns the id of the first message whose row may still change, or `next_message`. Forgets
 * responses that are too old. */
int64_t mt_early_responses_settled(struct mt_early_responses *early, int64_t next_message);

#endif
