/* What TCP hands on: connections, their bytes, holes and problems. The core fills it in; tcp knows
 * nothing of what receives them. */
#ifndef MT_TCP_CALLBACKS_H
#define MT_TCP_CALLBACKS_H

#include "base/budget.h"
#include "base/ip.h"
#include "base/limits.h"
#include "base/stream_data.h"

#include <stdint.h>

struct mt_connection;
struct mt_checksums;
struct mt_payload_key;
struct mt_snap_lengths;

/* Those that return int return MT_OK or MT_NOMEM unless another result is named. */
struct mt_tcp_callbacks {
    /* The code of an address, kept in the connection. */
    int (*address)(void *context, const struct mt_ip *ip, int32_t *code);
    /* The connection carries payload for the first time. Returns the conversation that the calls
     * below are given, NULL if memory is out. */
    void *(*open)(void *context, struct mt_connection *connection);
    /* Frees the conversation. */
    void (*close)(void *conversation);
    /* The stream of that direction begins in the middle. */
    void (*midstream)(void *conversation, int from_client);
    /* The next bytes of a direction. */
    int (*data)(void *conversation, int from_client, const struct mt_stream_data *data);
    /* `size` bytes from `offset` on are missing. */
    int (*hole)(void *conversation, int from_client, int64_t offset, int64_t size, enum mt_hole why,
                const struct mt_packet_ref *ref);
    /* Bytes that were handed on before came again. MT_END if it reported that they differ. */
    int (*repeated)(void *conversation, int from_client, const uint8_t *bytes, int64_t offset,
                    int64_t size, const struct mt_packet_ref *ref);
    /* The receiver of that direction acknowledged everything before `offset`. Whether it has those
     * before `doubted` is not known: they came before anything was known of it. */
    void (*acknowledged)(void *conversation, int from_client, int64_t offset, int64_t doubted);
    /* The receiver of that direction knows no such connection: it answered with a RST. */
    void (*refused)(void *conversation, int from_client);
    /* The stream of that direction ends. */
    int (*end)(void *conversation, int from_client);
    /* 1 if the conversation was recognised as Monero's. */
    int (*is_monero)(const void *conversation);
    /* A problem of a direction (of neither: -1). */
    int (*problem)(void *context, const struct mt_connection *connection, int from_client,
                   const struct mt_problem *problem);
    /* The connection is over, and how; it is freed after this. */
    int (*closed)(void *context, const struct mt_connection *connection, enum mt_end end);
};

/* What all connections share. */
struct mt_tcp_shared {
    const struct mt_tcp_callbacks *callbacks;
    void *context;
    const struct mt_limits *limits;
    uint64_t *limit_hits;                       /* mt_limit_hits */
    const struct mt_payload_key *key;           /* of digests */
    struct mt_budget *buffered;                 /* bytes held by all connections together */
    struct mt_checksums *checksums;             /* NULL: none is looked at */
    const struct mt_snap_lengths *snap_lengths; /* NULL: cut bytes are lost at once */
};

#endif
