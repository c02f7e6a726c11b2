/* The beginning of a connection: what the segments of the handshake, or the first ones of a capture
 * that begins in the middle, say of where its streams begin. Used by connection.c. */
#ifndef MT_TCP_HANDSHAKE_H
#define MT_TCP_HANDSHAKE_H

#include "net/packet.h"
#include "tcp/connection.h"

#include <stdint.h>

/* 1 if a segment shows where a stream begins. */
static inline int mt_handshake_has(const struct mt_connection *connection,
                                   const struct mt_segment *segment, int from_client)
{
    const struct mt_reassembly *stream = &connection->sides[from_client].stream;
    return (segment->flags & MT_TCP_SYN) != 0 ||
           (!connection->handshake_acked && (!stream->started || stream->from_syn));
}

/* Notes what such a segment says. `time` is that of its packet. */
void mt_handshake_note(struct mt_connection *connection, const struct mt_segment *segment,
                       int from_client, int64_t time);

#endif
