/* The unanswered requests of one direction, oldest first. Used by the session. */
#ifndef MT_LEVIN_REQUEST_QUEUE_H
#define MT_LEVIN_REQUEST_QUEUE_H

#include "base/budget.h"

#include <stdint.h>

struct mt_request {
    int64_t message;      /* id */
    int64_t end;          /* stream offset after it */
    int64_t acknowledged; /* what its sender had of the responses' stream: its response comes after
                             that. INT64_MIN: unknown */
    uint32_t command;
    uint8_t doubtful; /* its response may have been in a hole */
};

/* Zeroed: an empty queue. */
struct mt_request_queue {
    struct mt_request *ring; /* oldest at `first` */
    uint32_t first, count, capacity;
    uint32_t early; /* responses to them that came before them, see early_responses.h */
};

/* 1 if the oldest request has to be forgotten for a new one: `most` are there, or the budget is
 * used up. A few are always remembered. A budget that is full is counted. */
int mt_request_queue_is_full(const struct mt_request_queue *queue, struct mt_budget *budget,
                             uint64_t most);

/* Appends a request. MT_OK or MT_NOMEM. */
int mt_request_queue_push(struct mt_request_queue *queue, struct mt_budget *budget,
                          const struct mt_request *request);

/* Forgets the oldest `count`. */
void mt_request_queue_pop(struct mt_request_queue *queue, uint32_t count);

/* The request at `index`, 0 being the oldest. */
struct mt_request *mt_request_queue_at(const struct mt_request_queue *queue, uint32_t index);

/* Returns the index of the oldest request that a response of this command may answer, or `count`.
 * The sender of the response, which has the requests' stream up to `acknowledged` (INT64_MIN:
 * unknown), must have received it. `doubtful`: requests that are doubtful count, too. */
uint32_t mt_request_queue_find(const struct mt_request_queue *queue, uint32_t command,
                               int64_t acknowledged, int doubtful);

/* Frees the queue and gives its part of the budget back. */
void mt_request_queue_free(struct mt_request_queue *queue, struct mt_budget *budget);

#endif
