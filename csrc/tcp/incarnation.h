/* Which incarnation of a connection a segment belongs to: the one that is there, or another between
 * the same endpoints. Used by tcp.c; changes nothing but the SYN that is kept. */
#ifndef MT_TCP_INCARNATION_H
#define MT_TCP_INCARNATION_H

#include "net/packet.h"
#include "tcp/connection.h"

/* What a segment begins. */
enum mt_renewal {
    MT_RENEWAL_SAME,      /* nothing: it is of this incarnation */
    MT_RENEWAL_NEW,       /* another incarnation */
    MT_RENEWAL_CANDIDATE, /* a SYN inside a live connection: another one if it is answered */
};

/* 1 if the segment is certainly of this incarnation. 0: ask mt_connection_renewal. */
static inline int mt_connection_continues(const struct mt_connection *connection,
                                          const struct mt_segment *segment)
{
    return (segment->flags & MT_TCP_SYN) == 0 &&
           (connection->settled || (connection->ended | connection->rst | connection->one_sided |
                                    connection->sides[0].fin | connection->sides[1].fin) == 0);
}

/* Whether a segment, sent by `from_client`, is of this incarnation or begins another. */
enum mt_renewal mt_connection_renewal(const struct mt_connection *connection,
                                      const struct mt_segment *segment, int from_client);

/* 1 if the segment is the SYN that is kept, once more. */
int mt_connection_repeats_syn(const struct mt_connection *connection,
                              const struct mt_segment *segment, int from_client);

/* Keeps a SYN that may begin another incarnation; there must be none yet. MT_OK or MT_NOMEM. */
int mt_connection_hold_syn(struct mt_connection *connection, const struct mt_segment *segment,
                           int from_client, const struct mt_packet_ref *ref);

/* 1 if the connection did not go on after a SYN that was kept: the SYN is of a connection of its
 * own, although nothing answered it. */
int mt_connection_stopped(const struct mt_connection *connection,
                          const struct mt_candidate *candidate);

/* 1 if the segment answers the SYN that is kept. */
int mt_connection_confirms(const struct mt_connection *connection, const struct mt_segment *segment,
                           int from_client);

/* 1 if it carried payload and did not end: after a long silence it may go on. */
int mt_connection_may_go_on(const struct mt_connection *connection);

/* 1 if the segment goes on where the connection stopped, however long ago. */
int mt_connection_goes_on(const struct mt_connection *connection, const struct mt_segment *segment,
                          int from_client);

#endif
