#include "tcp/incarnation.h"

#include "base/error.h"
#include "base/mem.h"
#include "tcp/acceptance.h"

#include <string.h>

/* Bytes between where a connection stopped and data that cannot be its own. */
enum { FAR = 1 << 20 };

/* What a SYN of an open connection begins: nothing until it is answered (RFC 5961 section 4). The
 * receiver of the first SYN ignores a second one with another number, too. */
static enum mt_renewal renewal_by_syn(const struct mt_connection *connection,
                                      const struct mt_segment *segment, int from_client)
{
    const struct mt_side *side = &connection->sides[from_client],
                         *other = &connection->sides[!from_client];
    if ((segment->flags & MT_TCP_ACK) != 0)
        return other->stream.from_syn &&
                       mt_reassembly_is_acknowledged(&other->stream, segment->acknowledgement)
                   ? MT_RENEWAL_SAME
                   : MT_RENEWAL_CANDIDATE;
    /* A SYN from the other side before it said anything: simultaneous open. */
    return side->packets != 0 || !connection->syn_seen ? MT_RENEWAL_CANDIDATE : MT_RENEWAL_SAME;
}

enum mt_renewal mt_connection_renewal(const struct mt_connection *connection,
                                      const struct mt_segment *segment, int from_client)
{
    const struct mt_side *side = &connection->sides[from_client];
    int syn = (segment->flags & MT_TCP_SYN) != 0;
    if (mt_acceptance_contradicts(connection, segment, from_client))
        return MT_RENEWAL_NEW;
    if ((segment->flags & MT_TCP_RST) != 0 ||
        !(syn || (segment->length != 0 && side->stream.started)))
        return MT_RENEWAL_SAME;
    if (syn && side->stream.started && segment->sequence + 1 == side->stream.base)
        return MT_RENEWAL_SAME; /* the same SYN again, or one that was overtaken */
    int over = connection->ended || mt_connection_closed(connection);
    if (syn)
        return over ? MT_RENEWAL_NEW : renewal_by_syn(connection, segment, from_client);
    int64_t distance = mt_reassembly_offset(&side->stream, segment->sequence) - side->stream.next;
    return over && (distance > FAR || distance < -FAR) ? MT_RENEWAL_NEW : MT_RENEWAL_SAME;
}

int mt_connection_repeats_syn(const struct mt_connection *connection,
                              const struct mt_segment *segment, int from_client)
{
    const struct mt_candidate *candidate = connection->candidate;
    return candidate != NULL && (segment->flags & MT_TCP_SYN) != 0 &&
           candidate->from_client == from_client &&
           candidate->segment.sequence == segment->sequence;
}

int mt_connection_hold_syn(struct mt_connection *connection, const struct mt_segment *segment,
                           int from_client, const struct mt_packet_ref *ref)
{
    struct mt_candidate *candidate = mt_alloc(1, sizeof *candidate + segment->captured);
    if (candidate == NULL)
        return MT_NOMEM;
    candidate->segment = *segment;
    candidate->ref = *ref;
    candidate->last = ref->time;
    candidate->from_client = from_client;
    if (segment->captured != 0)
        memcpy(candidate->bytes, segment->payload, segment->captured);
    candidate->segment.payload = candidate->bytes;
    candidate->segment.header_size = 0; /* the header is not kept */
    if (segment->tunnel != NULL) {
        candidate->tunnel = *segment->tunnel;
        candidate->segment.tunnel = &candidate->tunnel;
    }
    connection->candidate = candidate;
    return MT_OK;
}

int mt_connection_stopped(const struct mt_connection *connection,
                          const struct mt_candidate *candidate)
{
    const struct mt_side *sides = connection->sides;
    uint64_t since = candidate->ref.arrival;
    return sides[0].last_arrival < since && sides[1].last_arrival < since;
}

/* The other side acknowledges the SYN, and nothing of the connection that is there. A RST that
 * acknowledges it refuses it. */
static int is_answer(const struct mt_connection *connection, const struct mt_segment *segment,
                     int from_client)
{
    const struct mt_reassembly *stream = &connection->sides[!from_client].stream;
    const struct mt_segment *syn = &connection->candidate->segment;
    uint32_t ahead = segment->acknowledgement - (syn->sequence + 1);
    if ((segment->flags & MT_TCP_ACK) == 0)
        return 0;
    if ((segment->flags & (MT_TCP_SYN | MT_TCP_RST)) != 0)
        return ahead <= syn->length; /* data in the SYN: RFC 7413 */
    if (ahead > FAR)
        return 0;
    if (!stream->started)
        return 1;
    int64_t distance = mt_reassembly_offset(stream, segment->acknowledgement) - stream->next;
    return distance > FAR || distance < -FAR;
}

int mt_connection_confirms(const struct mt_connection *connection, const struct mt_segment *segment,
                           int from_client)
{
    const struct mt_candidate *candidate = connection->candidate;
    if (candidate == NULL)
        return 0;
    if (candidate->from_client != from_client)
        return is_answer(connection, segment, from_client);
    if ((segment->flags & MT_TCP_RST) != 0)
        return 0;
    /* Only one direction was captured: its sender goes on after the SYN. */
    return connection->sides[!from_client].packets == 0 && (segment->flags & MT_TCP_SYN) == 0 &&
           segment->sequence == candidate->segment.sequence + 1;
}

int mt_connection_goes_on(const struct mt_connection *connection, const struct mt_segment *segment,
                          int from_client)
{
    const struct mt_reassembly *stream = &connection->sides[from_client].stream,
                               *other = &connection->sides[!from_client].stream;
    if (!mt_connection_may_go_on(connection) || (segment->flags & MT_TCP_SYN) != 0)
        return 0;
    int64_t distance = INT64_MAX;
    if (stream->started)
        distance = mt_reassembly_offset(stream, segment->sequence) - stream->next;
    else if ((segment->flags & MT_TCP_ACK) != 0 && other->started)
        distance = mt_reassembly_offset(other, segment->acknowledgement) - other->next;
    return distance <= FAR && distance >= -FAR;
}

int mt_connection_may_go_on(const struct mt_connection *connection)
{
    return connection->conversation != NULL && !connection->ended &&
           !mt_connection_closed(connection);
}
