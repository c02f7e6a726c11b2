/* The session of one connection: the framing of its two directions, and which response answers
 * which request. It knows messages by their ids only; the core keeps their rows. */
#ifndef MT_LEVIN_SESSION_H
#define MT_LEVIN_SESSION_H

#include "levin/early_responses.h"
#include "levin/levin.h"
#include "levin/request_queue.h"

#include <stdint.h>

struct mt_session {
    struct mt_levin levin;
    struct mt_early_responses *early;
    struct mt_request_queue requests[2]; /* sent by the server, by the client */
};

/* What pairing says of a message; ids, -1: none. */
struct mt_pairing {
    int64_t reply_to;    /* a response: the request that it answers */
    int64_t answered_by; /* a request: the earlier message that is its response */
};

/* NULL if memory is out. The caller owns it: mt_session_close. `shared`, `early`, `buffered` and
 * `context` (the sink's) must live as long. `monero`: a port says that it is Monero's. */
struct mt_session *mt_session_open(const struct mt_levin_shared *shared,
                                   struct mt_early_responses *early, struct mt_budget *buffered,
                                   void *context, int monero);

/* Frees it; what is unfinished must have been ended (mt_levin_end) or is forgotten. */
void mt_session_close(struct mt_session *session);

/* Bytes before `end` of the stream of `from_client` were lost: requests that may have been answered
 * there are doubtful. */
void mt_session_hole(struct mt_session *session, int from_client, int64_t end);

/* A message of the session got the id `id`: notes requests, pairs responses. MT_OK or MT_NOMEM. */
int mt_session_pair(struct mt_session *session, const struct mt_message *message, int64_t id,
                    struct mt_pairing *pairing);

#endif
