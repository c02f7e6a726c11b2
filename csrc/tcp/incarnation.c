#include "tcp/incarnation.h"

#include "base/error.h"
#include "base/mem.h"

/* Bytes between where a connection stopped and data that cannot be its own. */
enum { FAR = 1 << 20 };

/* What a SYN of an open connection begins. After the handshake an unanswered SYN begins nothing
 * (RFC 5961 section 4). */
static enum mt_renewal renewal_by_syn(const struct mt_connection *connection,
                                      const struct mt_segment *segment, int from_client)
{
    const struct mt_side *side = &connection->sides[from_client],
                         *other = &connection->sides[!from_client];
    enum mt_renewal renewal = connection->conversation != NULL || connection->handshake_acked
                                  ? MT_RENEWAL_CANDIDATE
                                  : MT_RENEWAL_NEW;
    if ((segment->flags & MT_TCP_ACK) != 0)
        return other->stream.from_syn &&
                       mt_reassembly_is_acknowledged(&other->stream, segment->acknowledgement)
                   ? MT_RENEWAL_SAME
                   : renewal;
    /* A SYN from the other side before it said anything: simultaneous open. */
    return side->packets != 0 || !connection->syn_seen ? renewal : MT_RENEWAL_SAME;
}

enum mt_renewal mt_connection_renewal(const struct mt_connection *connection,
                                      const struct mt_segment *segment, int from_client)
{
    const struct mt_side *side = &connection->sides[from_client];
    int syn = (segment->flags & MT_TCP_SYN) != 0;
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

int mt_connection_hold_syn(struct mt_connection *connection, const struct mt_segment *segment,
                           int from_client, const struct mt_packet_ref *ref)
{
    struct mt_candidate *candidate = connection->candidate;
    if (candidate != NULL && candidate->from_client == from_client &&
        candidate->segment.sequence == segment->sequence) {
        candidate->repeats++;
        return MT_OK;
    }
    if (candidate == NULL)
        connection->candidate = candidate = mt_alloc(1, sizeof *candidate);
    if (candidate == NULL)
        return MT_NOMEM;
    *candidate =
        (struct mt_candidate){.segment = *segment, .ref = *ref, .from_client = from_client};
    candidate->segment.payload = NULL;
    candidate->segment.captured = candidate->segment.length = 0;
    return MT_OK;
}

/* The other side acknowledges the SYN, and nothing else. */
static int is_answer(const struct mt_connection *connection, const struct mt_segment *segment,
                     int from_client)
{
    const struct mt_reassembly *stream = &connection->sides[!from_client].stream;
    if ((segment->flags & MT_TCP_ACK) == 0 ||
        segment->acknowledgement != connection->candidate->segment.sequence + 1)
        return 0;
    if ((segment->flags & MT_TCP_SYN) != 0 || !stream->started)
        return 1;
    int64_t distance = mt_reassembly_offset(stream, segment->acknowledgement) - stream->next;
    return distance > FAR || distance < -FAR;
}

int mt_connection_confirms(const struct mt_connection *connection, const struct mt_segment *segment,
                           int from_client)
{
    const struct mt_candidate *candidate = connection->candidate;
    if (candidate == NULL || (segment->flags & MT_TCP_RST) != 0)
        return 0;
    if (candidate->from_client != from_client)
        return is_answer(connection, segment, from_client);
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
