#include "tcp/connection.h"

#include "base/error.h"
#include "base/mem.h"

/* Bytes between the end of a closed connection and data that cannot be its own. */
enum { FAR = 1 << 20 };

struct mt_connection *mt_connection_new(const struct mt_tcp_shared *shared)
{
    struct mt_connection *connection = mt_alloc(1, sizeof *connection);
    if (connection == NULL)
        return NULL;
    connection->shared = shared;
    connection->syn_time = connection->rtt = MT_NO_TIME;
    connection->buffered =
        (struct mt_budget){.limit = &shared->limits->connection_bytes,
                           .limit_hits = &shared->limit_hits[MT_LIMIT_connection_bytes],
                           .whole = shared->buffered};
    for (int side = 0; side < 2; side++)
        connection->sides[side].stream.fin = -1;
    return connection;
}

int mt_connection_closed(const struct mt_connection *connection)
{
    const struct mt_side *sides = connection->sides;
    if (connection->rst != 0)
        return 1;
    if (sides[0].fin && sides[1].fin)
        return 1;
    return (sides[0].fin && sides[1].packets == 0) || (sides[1].fin && sides[0].packets == 0);
}

enum mt_end mt_connection_how_ended(const struct mt_connection *connection, enum mt_end end)
{
    if (connection->sides[0].fin && connection->sides[1].fin)
        return MT_END_FIN;
    if (connection->rst != 0)
        return MT_END_RST;
    return mt_connection_closed(connection) ? MT_END_FIN : end;
}

/* Whether an acknowledgement is of this stream: of its SYN, and perhaps of data that came with it.
 */
static int acknowledges(const struct mt_reassembly *stream, uint32_t acknowledgement)
{
    int64_t offset = mt_reassembly_offset(stream, acknowledgement);
    return offset >= 0 && offset <= stream->highest;
}

/* Whether a SYN begins another incarnation. */
static int renewed_by_syn(const struct mt_connection *connection, const struct mt_segment *segment,
                          int from_client, int over)
{
    const struct mt_side *side = &connection->sides[from_client],
                         *other = &connection->sides[!from_client];
    if (side->stream.started && segment->sequence + 1 == side->stream.base)
        return 0; /* the same SYN again, or one that was overtaken */
    if ((segment->flags & MT_TCP_ACK) != 0)
        return over ||
               !(other->stream.from_syn && acknowledges(&other->stream, segment->acknowledgement));
    /* A SYN from the other side before it said anything: simultaneous open. */
    return over || side->packets != 0 || !connection->syn_seen;
}

int mt_connection_renewed(const struct mt_connection *connection, const struct mt_segment *segment,
                          int from_client)
{
    const struct mt_side *side = &connection->sides[from_client];
    if ((segment->flags & MT_TCP_RST) != 0 ||
        !((segment->flags & MT_TCP_SYN) != 0 || (segment->length != 0 && side->stream.started)))
        return 0;
    int over = connection->ended || mt_connection_closed(connection);
    if ((segment->flags & MT_TCP_SYN) != 0)
        return renewed_by_syn(connection, segment, from_client, over);
    int64_t distance = mt_reassembly_offset(&side->stream, segment->sequence) - side->stream.next;
    return over && (distance > FAR || distance < -FAR);
}

/* ---- streams ---- */

/* One direction, as the context of its stream's callbacks. */
struct direction {
    struct mt_connection *connection;
    int from_client;
};

static int on_data(void *context, const struct mt_stream_data *data)
{
    const struct direction *direction = context;
    const struct mt_connection *connection = direction->connection;
    return connection->shared->callbacks->data(connection->conversation, direction->from_client,
                                               data);
}

static int on_hole(void *context, int64_t offset, int64_t size, enum mt_hole why,
                   const struct mt_packet_ref *ref)
{
    const struct direction *direction = context;
    const struct mt_connection *connection = direction->connection;
    return connection->shared->callbacks->hole(connection->conversation, direction->from_client,
                                               offset, size, why, ref);
}

static int on_repeated(void *context, const uint8_t *bytes, int64_t offset, int64_t size,
                       const struct mt_packet_ref *ref)
{
    const struct direction *direction = context;
    const struct mt_connection *connection = direction->connection;
    return connection->shared->callbacks->repeated(connection->conversation, direction->from_client,
                                                   bytes, offset, size, ref);
}

static int on_problem(void *context, const struct mt_problem *problem)
{
    const struct direction *direction = context;
    const struct mt_tcp_shared *shared = direction->connection->shared;
    return shared->callbacks->problem(shared->context, direction->connection,
                                      direction->from_client, problem);
}

static struct mt_reassembly_callbacks callbacks_of(struct direction *direction)
{
    const struct mt_tcp_shared *shared = direction->connection->shared;
    return (struct mt_reassembly_callbacks){
        .limits = shared->limits,
        .limit_hits = shared->limit_hits,
        .buffered = &direction->connection->buffered,
        .context = direction,
        .data = on_data,
        .hole = on_hole,
        .repeated = on_repeated,
        .problem = on_problem,
    };
}

static int open_conversation(struct mt_connection *connection)
{
    const struct mt_tcp_shared *shared = connection->shared;
    if (connection->conversation == NULL)
        connection->conversation = shared->callbacks->open(shared->context, connection);
    return connection->conversation != NULL ? MT_OK : MT_NOMEM;
}

static int read_payload(struct mt_connection *connection, const struct mt_segment *segment,
                        int from_client, int64_t acknowledged, const struct mt_packet_ref *ref)
{
    struct mt_side *side = &connection->sides[from_client];
    struct direction direction = {connection, from_client};
    if (open_conversation(connection) != MT_OK)
        return MT_NOMEM;
    if (!side->spoke) {
        side->spoke = 1;
        if (!side->stream.from_syn)
            connection->shared->callbacks->midstream(connection->conversation, from_client);
    }
    int64_t offset = mt_reassembly_offset(&side->stream,
                                          segment->sequence + ((segment->flags & MT_TCP_SYN) != 0));
    int goes_on = offset + segment->length > side->stream.next;
    if (connection->rst == 1 + from_client && goes_on)
        connection->rst = 0; /* it goes on: that RST was not its sender's */
    if (connection->ended && goes_on) {
        side->stream.bytes += segment->captured;
        return on_problem(&direction,
                          &(struct mt_problem){MT_PROBLEM_UNFRAMED, offset, segment->captured,
                                               "came after the connection ended", ref});
    }
    struct mt_reassembly_callbacks callbacks = callbacks_of(&direction);
    return mt_reassembly_segment(&side->stream, &callbacks, segment, offset, acknowledged, ref);
}

/* ---- the beginning ---- */

/* Nothing of its sender is missing before it. */
static int is_next(const struct mt_reassembly *stream, const struct mt_segment *segment)
{
    return stream->from_syn && stream->lost == 0 &&
           mt_reassembly_offset(stream, segment->sequence) == stream->next;
}

/* Nothing was seen of it but where it begins, if that. */
static int silent(const struct mt_reassembly *stream)
{
    return stream->highest == 0 && stream->waiting.count == 0 && stream->bytes == 0;
}

/* The ACK that completes the handshake is here. Nothing is noted where a part of it is missing, or
 * where the capture's times run backwards. */
static void note_rtt(struct mt_connection *connection, int64_t time)
{
    if (connection->syn_seen && connection->syn_ack_seen && connection->syn_time != MT_NO_TIME &&
        time != MT_NO_TIME && time >= connection->syn_time)
        connection->rtt = mt_elapsed(connection->syn_time, time);
}

/* Where the sender's stream begins, as far as this segment says. */
static void start_stream(struct mt_connection *connection, const struct mt_segment *segment,
                         int from_client)
{
    struct mt_reassembly *stream = &connection->sides[from_client].stream;
    int syn = (segment->flags & MT_TCP_SYN) != 0;
    if (syn && stream->from_syn && stream->base != segment->sequence + 1)
        connection->syn_changed = 1;
    if (!stream->started || (syn && silent(stream)))
        mt_reassembly_start(stream, segment->sequence + (uint32_t)syn, syn);
    if (syn && connection->conversation == NULL)
        connection->start = MT_START_SYN; /* also if something overtook it */
}

/* Where the other side's SYN was not captured, its acknowledgement says where its stream begins: in
 * the SYN/ACK, or in the first ACK of the handshake. Where there were several SYN/ACKs (SYN
 * cookies), the client's ACK says which one holds. */
static void start_other(struct mt_connection *connection, const struct mt_segment *segment,
                        int from_client, int64_t time)
{
    const struct mt_reassembly *stream = &connection->sides[from_client].stream;
    struct mt_reassembly *other = &connection->sides[!from_client].stream;
    int syn = (segment->flags & MT_TCP_SYN) != 0,
        first_ack = !syn && is_next(stream, segment) && !connection->handshake_acked;
    if (other->started ? first_ack && from_client && connection->syn_changed && silent(other)
                       : syn || first_ack)
        mt_reassembly_start(other, segment->acknowledgement, 1);
    if (first_ack && from_client) {
        connection->handshake_acked = 1;
        note_rtt(connection, time);
    }
}

/* What the SYNs say. */
static void note_syn(struct mt_connection *connection, const struct mt_segment *segment,
                     int from_client, int64_t time)
{
    int syn = (segment->flags & MT_TCP_SYN) != 0, ack = (segment->flags & MT_TCP_ACK) != 0;
    if (syn && segment->mss != 0)
        connection->sides[from_client].mss = segment->mss;
    if (syn && !ack && from_client && !connection->syn_ack_seen) {
        connection->syn_seen = 1;
        connection->syn_time = time;
    } else if (syn && ack && !from_client) {
        connection->syn_ack_seen = 1;
    }
}

static void note_beginning(struct mt_connection *connection, const struct mt_segment *segment,
                           int from_client, int64_t time)
{
    if ((segment->flags & MT_TCP_RST) == 0) {
        start_stream(connection, segment, from_client);
        if ((segment->flags & MT_TCP_ACK) != 0)
            start_other(connection, segment, from_client, time);
    }
    note_syn(connection, segment, from_client, time);
}

/* ---- the end ---- */

/* Whether a RST may be of this incarnation, and not a late one of another. */
static int in_window(const struct mt_reassembly *stream, const struct mt_segment *segment)
{
    if (!stream->started)
        return 1;
    int64_t distance = mt_reassembly_offset(stream, segment->sequence) - stream->next;
    return distance >= -FAR && distance <= 16 * FAR;
}

static void note_end(struct mt_connection *connection, const struct mt_segment *segment,
                     int from_client)
{
    struct mt_side *side = &connection->sides[from_client];
    if ((segment->flags & MT_TCP_FIN) != 0 && side->stream.started) {
        int64_t offset = mt_reassembly_offset(&side->stream, segment->sequence) + segment->length;
        if (!side->fin && offset >= side->stream.next)
            side->stream.fin = offset;
        side->fin = 1;
    }
    if ((segment->flags & MT_TCP_RST) != 0 && connection->rst == 0 &&
        !(connection->sides[0].fin && connection->sides[1].fin) &&
        in_window(&side->stream, segment))
        connection->rst = (uint8_t)(1 + from_client);
}

/* ---- segments ---- */

static void count(struct mt_connection *connection, const struct mt_segment *segment,
                  int from_client, const struct mt_packet_ref *ref)
{
    struct mt_side *side = &connection->sides[from_client];
    if (side->packets++ == 0)
        side->ttl = segment->ttl;
    connection->last_ref = *ref;
    if (ref->time != MT_NO_TIME && (connection->last == MT_NO_TIME || ref->time > connection->last))
        connection->last = ref->time;
}

int mt_connection_segment(struct mt_connection *connection, const struct mt_segment *segment,
                          int from_client, const struct mt_packet_ref *ref)
{
    struct mt_side *other = &connection->sides[!from_client];
    count(connection, segment, from_client, ref);
    if (!connection->handshake_acked || (segment->flags & MT_TCP_SYN) != 0)
        note_beginning(connection, segment, from_client, ref->time);
    int64_t acknowledged = INT64_MIN;
    if ((segment->flags & MT_TCP_ACK) != 0 && other->stream.started) {
        acknowledged = mt_reassembly_offset(&other->stream, segment->acknowledgement);
        mt_reassembly_acknowledge(&other->stream, acknowledged);
    }
    int result = MT_OK;
    if (segment->length != 0 && (segment->flags & MT_TCP_RST) == 0)
        result = read_payload(connection, segment, from_client, acknowledged, ref);
    note_end(connection, segment, from_client);
    for (int side = 0; side < 2 && result == MT_OK; side++) {
        if (connection->sides[side].stream.waiting.count != 0) {
            struct direction direction = {connection, side};
            struct mt_reassembly_callbacks callbacks = callbacks_of(&direction);
            result = mt_reassembly_tick(&connection->sides[side].stream, &callbacks, ref);
        }
    }
    return result;
}

/* Of a direction that was not captured at all nothing is known, so nothing is lost. */
static int64_t tail_of(const struct mt_side *side)
{
    return side->packets != 0 ? mt_reassembly_tail(&side->stream) : 0;
}

static int end_direction(struct mt_connection *connection, int from_client)
{
    struct mt_side *side = &connection->sides[from_client];
    struct direction direction = {connection, from_client};
    struct mt_reassembly_callbacks callbacks = callbacks_of(&direction);
    int result = MT_OK;
    if (side->packets != 0)
        result = mt_reassembly_end(&side->stream, &callbacks, &connection->last_ref);
    if (result == MT_OK)
        result = connection->shared->callbacks->end(connection->conversation, from_client);
    mt_reassembly_free(&side->stream, &connection->buffered);
    return result;
}

int mt_connection_end(struct mt_connection *connection)
{
    if (connection->ended)
        return MT_OK;
    connection->ended = 1;
    if (connection->conversation == NULL && tail_of(&connection->sides[0]) == 0 &&
        tail_of(&connection->sides[1]) == 0)
        return MT_OK; /* no payload, and none missed */
    int result = open_conversation(connection);
    for (int side = 1; side >= 0 && result == MT_OK; side--)
        result = end_direction(connection, side);
    return result;
}

void mt_connection_free(struct mt_connection *connection)
{
    for (int side = 0; side < 2; side++)
        mt_reassembly_free(&connection->sides[side].stream, &connection->buffered);
    if (connection->conversation != NULL)
        connection->shared->callbacks->close(connection->conversation);
    while (connection->unclaimed != NULL) {
        struct mt_unclaimed *next = connection->unclaimed->next;
        mt_free(connection->unclaimed);
        connection->unclaimed = next;
    }
    mt_free(connection);
}
