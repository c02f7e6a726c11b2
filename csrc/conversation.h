/* One conversation: a connection's session, and the rows that its messages and problems become. It
 * implements the callbacks of tcp and the sink of levin; used by decoder.c. */
#ifndef MT_CONVERSATION_H
#define MT_CONVERSATION_H

#include "decoder.h"
#include "levin/session.h"
#include "tables/problems.h"
#include "tcp/callbacks.h"

#include <stdint.h>

struct mt_connection;

/* Stream offsets of bytes that came with two values. */
struct mt_conflict {
    int64_t begin, end;
};

/* What the first bytes of the client name, and what the proxy answered. */
struct mt_proxied {
    int32_t host; /* address code, MT_NO_CODE: none */
    uint16_t port;
    int8_t kind;      /* mt_proxy, -1: none */
    uint8_t answered; /* by the server, at least once */
    uint8_t refused;
};

struct mt_conversation {
    struct mt_decoder *decoder;
    struct mt_session *session;
    struct mt_problem_source source;        /* its direction is set for each problem */
    const struct mt_connection *connection; /* NULL in tests */
    int64_t messages[2]; /* rows made, by direction: of the server, of the client */
    struct mt_unacknowledged_queue unacknowledged[2]; /* by direction too */
    struct mt_conflict conflicts[2];                  /* the last ones */
    struct mt_proxied proxied;
};

/* A conversation of the connection that `source` identifies. `buffered` is its budget; `monero`: a
 * port says that it is Monero's. NULL if memory is out. The caller owns it: mt_conversation_close.
 */
struct mt_conversation *mt_conversation_open(struct mt_decoder *decoder,
                                             const struct mt_problem_source *source,
                                             struct mt_budget *buffered, int monero);

/* Frees it; what is unfinished must have been ended or is forgotten. */
void mt_conversation_close(struct mt_conversation *conversation);

/* 1 if a message of that direction has begun and is not whole yet. */
int mt_conversation_is_in_message(const struct mt_conversation *conversation, int from_client);

/* Context: an mt_decoder; conversations are mt_conversation. */
extern const struct mt_tcp_callbacks mt_conversation_callbacks;

/* Context: an mt_conversation. */
extern const struct mt_levin_sink mt_conversation_sink;

#endif
