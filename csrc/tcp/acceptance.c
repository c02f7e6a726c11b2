#include "tcp/acceptance.h"

#include "tcp/connection.h"

/* The largest TCP window there is (RFC 7323). */
#define WIDEST ((int64_t)1 << 30)
/* Tolerance of sequence numbers in both directions: captures are reordered and miss packets. */
enum { TOLERANCE = 65536, FAR = 1 << 20 };

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int is_lossy(const struct mt_reassembly *stream)
{
    return stream->lost != 0 || stream->waiting.count != 0;
}

int64_t mt_acceptance_limit(const struct mt_connection *connection, int from_client)
{
    const struct mt_reassembly *stream = &connection->sides[from_client].stream;
    const struct mt_side *receiver = &connection->sides[!from_client];
    if (stream->edge == INT64_MIN)
        return stream->next + WIDEST;
    return larger(stream->edge, stream->highest + larger(receiver->largest_window, TOLERANCE));
}

int mt_acceptance_is_plausible(const struct mt_connection *connection, int from_client,
                               int64_t offset)
{
    const struct mt_reassembly *stream = &connection->sides[from_client].stream;
    return offset <=
           mt_acceptance_limit(connection, from_client) + (is_lossy(stream) ? (int64_t)FAR : 0);
}

/* Whether the offset is the end of a segment that waits for just this acknowledgement. */
static int ends_suspect(const struct mt_suspects *suspects, int64_t offset)
{
    for (const struct mt_suspect *at = suspects->first; at != NULL; at = at->next) {
        if (at->offset + at->segment.length == offset)
            return 1;
    }
    return 0;
}

int mt_acceptance_acknowledgement(const struct mt_arrival *arrival)
{
    const struct mt_connection *connection = arrival->connection;
    const struct mt_side *sender = &connection->sides[arrival->from_client];
    const struct mt_reassembly *other = &connection->sides[!arrival->from_client].stream;
    int64_t acknowledged = arrival->acknowledged;
    if (acknowledged == INT64_MIN || connection->sides[!arrival->from_client].packets == 0)
        return 1; /* nothing is known of the receiver */
    if (other->from_syn && acknowledged < 0)
        return 0;
    /* RFC 5961 section 5; where a SYN is missing, the scale of the windows may be unknown. */
    int known = sender->syn && connection->sides[!arrival->from_client].syn;
    if (acknowledged <
        other->acknowledged - (known ? larger(sender->largest_window, TOLERANCE) : FAR))
        return 0;
    /* One more is a FIN that was not captured. */
    if (acknowledged <= larger(other->sent, other->acknowledged) + 1)
        return 1;
    if (ends_suspect(&connection->sides[!arrival->from_client].suspects, acknowledged))
        return 1;
    /* Nothing was sent beyond that, as far as is known: strict for payload, which waits for the
     * receiver's answer. */
    return (arrival->segment->length == 0 || is_lossy(other)) &&
           acknowledged <= mt_acceptance_limit(connection, !arrival->from_client);
}

/* The last segment of the opposite direction that was refused, and this one, confirm each other:
 * the capture missed more than a window. */
static int is_corroborated(const struct mt_arrival *arrival)
{
    const struct mt_side *sender = &arrival->connection->sides[arrival->from_client],
                         *other = &arrival->connection->sides[!arrival->from_client];
    int64_t end = arrival->offset + arrival->segment->length;
    if (arrival->offset <= mt_acceptance_limit(arrival->connection, arrival->from_client) &&
        arrival->acknowledged <= mt_acceptance_limit(arrival->connection, !arrival->from_client))
        return 0;
    if (!other->claim.present || arrival->acknowledged == INT64_MIN ||
        other->claim.acknowledged == INT64_MIN)
        return 0;
    int64_t ahead = other->claim.acknowledged - end, lag = arrival->acknowledged - other->claim.end;
    int64_t most = larger(larger(sender->largest_window, other->largest_window), FAR);
    return ahead <= most && ahead >= -most && lag <= most && lag >= -most;
}

static int is_in_window(const struct mt_arrival *arrival)
{
    const struct mt_reassembly *stream = &arrival->connection->sides[arrival->from_client].stream;
    const struct mt_side *receiver = &arrival->connection->sides[!arrival->from_client];
    int64_t end = arrival->offset + arrival->segment->length;
    if (arrival->offset > mt_acceptance_limit(arrival->connection, arrival->from_client))
        return 0;
    int64_t oldest = larger(stream->acknowledged, stream->edge == INT64_MIN ? stream->next : 0);
    return end >=
           oldest - (stream->edge == INT64_MIN ? WIDEST : larger(receiver->largest_window, FAR));
}

/* Whether new bytes come after the direction's end. */
static int is_after_end(const struct mt_arrival *arrival)
{
    const struct mt_connection *connection = arrival->connection;
    const struct mt_reassembly *stream = &connection->sides[arrival->from_client].stream;
    int64_t end = arrival->offset + arrival->segment->length,
            seen_to = mt_reassembly_seen_to(stream);
    if (end <= seen_to)
        return 0;
    if (connection->ended)
        return 1;
    return (stream->fin >= 0 && (arrival->offset >= stream->fin || seen_to >= stream->fin)) ||
           connection->rst == 1 + !arrival->from_client;
}

int mt_acceptance_lacks_ack(const struct mt_arrival *arrival)
{
    return (arrival->segment->flags & (MT_TCP_ACK | MT_TCP_SYN | MT_TCP_RST)) == 0 &&
           arrival->connection->sides[!arrival->from_client].packets != 0;
}

struct mt_refusal mt_acceptance_judge(const struct mt_arrival *arrival)
{
    if (mt_acceptance_lacks_ack(arrival))
        return (struct mt_refusal){MT_PROBLEM_OUT_OF_WINDOW, "it acknowledges nothing"};
    if (!is_in_window(arrival) && !is_corroborated(arrival))
        return (struct mt_refusal){MT_PROBLEM_OUT_OF_WINDOW,
                                   "sequence number outside the receiver's window"};
    if (!mt_acceptance_acknowledgement(arrival) && !is_corroborated(arrival))
        return (struct mt_refusal){MT_PROBLEM_OUT_OF_WINDOW,
                                   "acknowledges what the receiver did not send"};
    if (arrival->segment->length != 0 && is_after_end(arrival))
        return (struct mt_refusal){MT_PROBLEM_AFTER_END, "came after the connection ended"};
    return (struct mt_refusal){MT_PROBLEM_OUT_OF_WINDOW, NULL};
}

int mt_acceptance_completes_handshake(const struct mt_arrival *arrival)
{
    const struct mt_side *server = &arrival->connection->sides[0];
    return arrival->from_client && server->syn && arrival->acknowledged >= 0 &&
           arrival->acknowledged <= server->stream.sent &&
           (arrival->segment->flags & (MT_TCP_SYN | MT_TCP_ACK)) == MT_TCP_ACK;
}

int mt_acceptance_reset(const struct mt_arrival *arrival)
{
    const struct mt_connection *connection = arrival->connection;
    const struct mt_side *sender = &connection->sides[arrival->from_client],
                         *other = &connection->sides[!arrival->from_client];
    const struct mt_reassembly *stream = &sender->stream;
    const struct mt_segment *segment = arrival->segment;
    if (!stream->started) /* it refuses a SYN, or answers a segment from the middle */
        return (segment->flags & MT_TCP_ACK) != 0
                   ? arrival->acknowledged == INT64_MIN ||
                         (arrival->acknowledged >= 0 && arrival->acknowledged <= other->stream.sent)
                   : !other->acknowledges || segment->sequence == other->last_acknowledgement;
    int64_t offset = arrival->offset;
    if (offset == mt_reassembly_seen_to(stream) || offset == stream->acknowledged ||
        offset == stream->sent)
        return 1;
    if (stream->fin >= 0 && offset == stream->fin + 1)
        return 1;
    return is_lossy(stream) && offset > stream->acknowledged &&
           offset <= mt_acceptance_limit(connection, arrival->from_client);
}

/* ---- streams that begin in the middle ---- */

uint32_t mt_acceptance_start(const struct mt_connection *connection,
                             const struct mt_segment *segment, int from_client)
{
    const struct mt_side *receiver = &connection->sides[!from_client];
    if ((segment->flags & MT_TCP_SYN) != 0)
        return segment->sequence + 1;
    uint32_t ahead = segment->sequence - receiver->last_acknowledgement;
    int near = ahead <= (uint32_t)FAR || 0 - ahead <= (uint32_t)FAR;
    return receiver->acknowledges && !near ? receiver->last_acknowledgement : segment->sequence;
}

int mt_acceptance_contradicts(const struct mt_connection *connection,
                              const struct mt_segment *segment, int from_client)
{
    const struct mt_reassembly *stream = &connection->sides[!from_client].stream;
    if (!connection->one_sided || connection->sides[from_client].packets != 0 || !stream->started ||
        (segment->flags & (MT_TCP_SYN | MT_TCP_RST | MT_TCP_ACK)) != MT_TCP_ACK)
        return 0;
    int64_t offset = mt_reassembly_offset(stream, segment->acknowledgement);
    return offset < -FAR || offset > stream->highest + FAR;
}

/* ---- notes ---- */

/* The sender of a stream goes on: beyond what its receiver seemed to acknowledge, so it had sent
 * that; or where it was, so the acknowledgement was dropped. 1 if it counts. */
static int settle_claim(struct mt_reassembly *stream, int64_t offset)
{
    if (offset < stream->sent)
        return 0;
    int is_right = offset >= stream->claimed && stream->claimed > stream->acknowledged;
    if (is_right)
        stream->acknowledged = stream->claimed;
    stream->claimed = 0;
    return is_right;
}

static int note_acknowledgement(const struct mt_arrival *arrival)
{
    struct mt_connection *connection = arrival->connection;
    struct mt_side *sender = &connection->sides[arrival->from_client];
    struct mt_reassembly *other = &connection->sides[!arrival->from_client].stream;
    const struct mt_segment *segment = arrival->segment;
    int64_t acknowledged = arrival->acknowledged;
    if (!sender->acknowledges && (segment->flags & MT_TCP_SYN) == 0 && acknowledged != INT64_MIN &&
        acknowledged != other->next)
        other->doubted = other->next;
    sender->acknowledges = 1;
    sender->last_acknowledgement = segment->acknowledgement;
    if (acknowledged == INT64_MIN)
        return 0;
    if (acknowledged > larger(other->sent, other->acknowledged) + 1 &&
        !ends_suspect(&connection->sides[!arrival->from_client].suspects, acknowledged)) {
        other->claimed = acknowledged;
        return 0;
    }
    return mt_acceptance_note_window(sender, other, segment, acknowledged);
}

int mt_acceptance_note(const struct mt_arrival *arrival)
{
    struct mt_side *sender = &arrival->connection->sides[arrival->from_client];
    const struct mt_segment *segment = arrival->segment;
    int64_t end = arrival->offset + segment->length + ((segment->flags & MT_TCP_FIN) != 0);
    int noted = 0;
    if (sender->stream.claimed != 0 && settle_claim(&sender->stream, arrival->offset))
        noted |= MT_CONFIRMS_CLAIM;
    if (sender->stream.started && end > sender->stream.sent)
        sender->stream.sent = end;
    sender->last_arrival = arrival->ref->arrival;
    if ((segment->flags & MT_TCP_ACK) != 0)
        noted |= note_acknowledgement(arrival);
    return noted;
}

void mt_acceptance_note_syn(struct mt_connection *connection, const struct mt_segment *segment,
                            int from_client)
{
    struct mt_side *sides = connection->sides;
    sides[from_client].syn = 1;
    sides[from_client].window_scale = segment->window_scale;
    for (int side = 0; side < 2; side++) {
        const struct mt_side *other = &sides[!side];
        int none = (sides[side].syn && sides[side].window_scale == MT_NO_SCALE) ||
                   (other->syn && other->window_scale == MT_NO_SCALE);
        sides[side].window_shift = none              ? 0
                                   : sides[side].syn ? sides[side].window_scale
                                                     : MT_WIDEST_SCALE;
    }
}
