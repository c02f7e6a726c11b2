/* The dialog of one connection: what its two Levin streams have to know of each other. */
#ifndef MT_LEVIN_SESSION_H
#define MT_LEVIN_SESSION_H

#include "levin/levin.h"
#include "tables/output.h"

#include <stdint.h>

struct mt_request {
    int64_t message;      /* id */
    int64_t end;          /* stream offset behind it */
    int64_t acknowledged; /* what its sender had of the responses' stream: its response comes behind
                             that. INT64_MIN: unknown */
    uint32_t command;
    uint8_t doubtful; /* its response may have been in a hole */
};

struct mt_requests {
    struct mt_request *ring; /* outstanding, oldest at `first` */
    uint32_t first, count, capacity;
    uint32_t early; /* responses to them that came before them, kept in mt_output */
};

struct mt_dialog {
    struct mt_output *output;
    struct mt_budget buffered; /* bytes held for this connection */
    int64_t connection;
    int32_t client, server;  /* address codes */
    uint8_t monero;          /* a Levin port, or the signature was seen */
    uint8_t lossy;           /* bytes were lost or skipped: the request queues may be out of step */
    struct mt_levin ways[2]; /* 0: from the server, 1: from the client */
    struct mt_requests requests[2]; /* sent by the server, by the client */
};

/* NULL if memory is out. The caller owns it: mt_dialog_close. */
struct mt_dialog *mt_dialog_open(struct mt_output *output, int64_t connection, int32_t client,
                                 int32_t server, int monero);

/* Frees it; what is unfinished must have been ended (mt_levin_end) or is forgotten. */
void mt_dialog_close(struct mt_dialog *dialog);

/* Bytes before `end` of the stream of `from_client` were lost: what may have been answered there is
 * doubtful. */
void mt_dialog_hole(struct mt_dialog *dialog, int from_client, int64_t end);

/* A message with a header was made whole or given up: notes requests, pairs responses.
 * `acknowledged` and `end` are the stream offsets of mt_piece. Fills row->reply_to. MT_OK or
 * MT_NOMEM. */
int mt_dialog_message(struct mt_dialog *dialog, struct mt_message_row *row, int64_t end,
                      int64_t acknowledged);

#endif
