/* What the framing of a connection hands on: messages, holes and problems. The core fills it in;
 * levin knows nothing of what receives them. */
#ifndef MT_LEVIN_SINK_H
#define MT_LEVIN_SINK_H

#include "base/stream_data.h"
#include "levin/header.h"
#include "levin/message_span.h"
#include "levin/prefix.h"

#include <stdint.h>

/* One message, whole or not. */
struct mt_message {
    struct mt_message_span span;
    struct mt_header header; /* of Levin fragments: the inner one, if it was there */
    int64_t captured;        /* body bytes present */
    int64_t wire;            /* captured bytes of the stream that it took, headers included */
    int64_t end;             /* stream offset after it */
    const uint8_t *payload;  /* the whole body, valid during the call; NULL if it is not wanted or
                                not whole */
    const char *why;         /* static text for a status other than complete */
    uint32_t fragments;      /* 1 if it is not fragmented */
    int8_t kind;             /* mt_kind, -1: a Levin fragment that belongs to nothing */
    int8_t status;           /* mt_status */
    uint8_t from_client;
};

/* Each returns MT_OK or MT_NOMEM, which ends the run. */
struct mt_levin_sink {
    int (*message)(void *context, const struct mt_message *message);
    /* Bytes before `end` of a direction were lost; the row of the loss itself is a problem. */
    int (*hole)(void *context, int from_client, int64_t end);
    int (*problem)(void *context, int from_client, const struct mt_problem *problem);
    /* A prefix of a direction is whole. */
    int (*prefix)(void *context, const struct mt_prefix *prefix);
};

#endif
