#include "tcp/connection.h"

#include "base/error.h"
#include "base/mem.h"
#include "base/noinline.h"
#include "tcp/acceptance.h"
#include "tcp/checksums.h"
#include "tcp/handshake.h"

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
    for (int side = 0; side < 2; side++) {
        connection->sides[side].stream.fin = -1;
        connection->sides[side].stream.edge = INT64_MIN;
        connection->sides[side].window_scale = MT_NO_SCALE;
        connection->sides[side].window_shift = MT_WIDEST_SCALE;
    }
    return connection;
}

int mt_connection_closed(const struct mt_connection *connection)
{
    const struct mt_side *sides = connection->sides;
    if (connection->rst != 0 || (sides[0].fin && sides[1].fin))
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
        .key = shared->key,
        .snap_lengths = shared->snap_lengths,
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

/* Payload that its receiver accepts, as far as is known. */
static int read_payload(const struct mt_arrival *arrival)
{
    struct mt_connection *connection = arrival->connection;
    struct mt_side *side = &connection->sides[arrival->from_client];
    struct direction direction = {connection, arrival->from_client};
    if (open_conversation(connection) != MT_OK)
        return MT_NOMEM;
    if (!side->spoke) {
        side->spoke = 1;
        side->stream.delivered = mt_alloc(1, sizeof *side->stream.delivered);
        if (side->stream.delivered == NULL)
            return MT_NOMEM;
        if (!side->stream.from_syn)
            connection->shared->callbacks->midstream(connection->conversation,
                                                     arrival->from_client);
    }
    if (connection->rst == 1 + arrival->from_client &&
        arrival->offset + arrival->segment->length > mt_reassembly_seen_to(&side->stream))
        connection->rst = 0; /* it goes on: that RST was not its sender's */
    struct mt_reassembly_callbacks callbacks = callbacks_of(&direction);
    return mt_reassembly_segment(&side->stream, &callbacks, arrival->segment, arrival->offset,
                                 arrival->acknowledged, arrival->ref);
}

/* ---- suspects ---- */

static const struct mt_refusal bad_checksum = {MT_PROBLEM_BAD_CHECKSUM,
                                               "its TCP checksum is wrong"};

/* Payload that is no part of the stream. */
static int report_refused(const struct mt_arrival *arrival, const struct mt_refusal *refusal)
{
    struct direction direction = {arrival->connection, arrival->from_client};
    const struct mt_segment *segment = arrival->segment;
    arrival->connection->sides[arrival->from_client].stream.bytes += segment->captured;
    return on_problem(&direction,
                      &(struct mt_problem){refusal->kind, arrival->offset, segment->captured,
                                           refusal->why, arrival->ref});
}

/* The receiver acknowledged a suspect's bytes: the connection had not ended. */
static int accept_suspect(const struct mt_arrival *arrival)
{
    struct mt_connection *connection = arrival->connection;
    struct mt_side *side = &connection->sides[arrival->from_client];
    int64_t end = arrival->offset + arrival->segment->length;
    if (mt_reassembly_has(&side->stream, arrival->offset, end))
        return read_payload(arrival); /* bytes that were seen otherwise say nothing of the end */
    if (side->stream.fin >= 0 && arrival->offset >= side->stream.fin) {
        side->stream.fin = -1;
        side->fin = 0;
    }
    connection->rst = 0;
    if (end > side->stream.sent)
        side->stream.sent = end;
    return read_payload(arrival);
}

/* The receiver acknowledged the bytes of a suspect. Whether it may have been this segment. */
static int is_believed(const struct mt_arrival *arrival, const struct mt_refusal *refusal)
{
    const struct mt_connection *connection = arrival->connection;
    const struct mt_reassembly *stream = &connection->sides[arrival->from_client].stream;
    int64_t end = arrival->offset + arrival->segment->length;
    if (!mt_acceptance_acknowledgement(arrival))
        return 0;
    if (mt_acceptance_lacks_ack(arrival))
        return !mt_reassembly_has(stream, arrival->offset, end);
    if (refusal->kind != MT_PROBLEM_BAD_CHECKSUM)
        return 1;
    if (mt_reassembly_has_all(stream, arrival->offset, end))
        return mt_checksums_mean_nothing(connection, arrival->from_client);
    mt_checksums_note_accepted(connection, arrival->from_client);
    return 1;
}

/* Removes a suspect: reads it, or reports it. */
static int settle(struct mt_connection *connection, int from_client, struct mt_suspect **link,
                  int is_accepted)
{
    struct mt_side *side = &connection->sides[from_client];
    struct mt_suspect *suspect = mt_suspects_remove(&side->suspects, &connection->buffered, link);
    struct mt_refusal refusal = {suspect->kind, suspect->why};
    struct mt_arrival arrival = {.connection = connection,
                                 .segment = &suspect->segment,
                                 .ref = &suspect->ref,
                                 .offset = suspect->offset,
                                 .acknowledged = suspect->acknowledged,
                                 .from_client = from_client};
    int result = is_accepted && is_believed(&arrival, &refusal)
                     ? accept_suspect(&arrival)
                     : report_refused(&arrival, &refusal);
    mt_free(suspect);
    return result;
}

static void report_acknowledged(const struct mt_connection *connection, int sender)
{
    const struct mt_reassembly *stream = &connection->sides[sender].stream;
    if (connection->conversation != NULL)
        connection->shared->callbacks->acknowledged(connection->conversation, sender,
                                                    stream->acknowledged, stream->doubted);
}

/* The receiver acknowledged more: suspects that it has are read, with the messages in them. */
static MT_NOINLINE int settle_acknowledged(struct mt_connection *connection, int from_client)
{
    struct mt_side *side = &connection->sides[from_client];
    struct mt_suspect **link = &side->suspects.first;
    int result = MT_OK;
    while (*link != NULL && result == MT_OK) {
        if ((*link)->offset + (*link)->segment.length <= side->stream.acknowledged)
            result = settle(connection, from_client, link, 1);
        else
            link = &(*link)->next;
    }
    report_acknowledged(connection, from_client);
    return result;
}

/* No acknowledgement will come. A receiver that went on without one has dropped the suspect; of one
 * that was not seen any more nothing is known, unless the suspect is far away. */
static int settle_oldest(struct mt_connection *connection, int from_client)
{
    struct mt_side *side = &connection->sides[from_client],
                   *receiver = &connection->sides[!from_client];
    const struct mt_suspect *suspect = side->suspects.first;
    int silent = receiver->packets == 0 || (receiver->last_arrival < suspect->ref.arrival &&
                                            (suspect->segment.flags & MT_TCP_ACK) != 0);
    int near = mt_acceptance_is_plausible(connection, from_client, suspect->offset);
    int doubtful = suspect->kind == MT_PROBLEM_OUT_OF_WINDOW ||
                   (suspect->kind == MT_PROBLEM_BAD_CHECKSUM &&
                    !mt_checksums_are_certain(connection, from_client));
    return settle(connection, from_client, &side->suspects.first, silent && near && doubtful);
}

static int settle_all(struct mt_connection *connection)
{
    int result = MT_OK;
    for (int side = 1; side >= 0; side--) {
        while (result == MT_OK && connection->sides[side].suspects.first != NULL)
            result = settle_oldest(connection, side);
    }
    return result;
}

/* A segment that its receiver may drop: its payload waits for the receiver's acknowledgement, the
 * rest counts for nothing. */
static MT_NOINLINE int hold(const struct mt_arrival *arrival, const struct mt_refusal *refusal)
{
    struct mt_connection *connection = arrival->connection;
    struct mt_side *side = &connection->sides[arrival->from_client];
    const struct mt_limits *limits = connection->shared->limits;
    side->claim =
        (struct mt_claim){arrival->offset + arrival->segment->length, arrival->acknowledged, 1};
    if (arrival->segment->length == 0)
        return MT_OK;
    if (connection->ended)
        return report_refused(arrival, refusal);
    struct mt_suspect suspect = {.segment = *arrival->segment,
                                 .ref = *arrival->ref,
                                 .offset = arrival->offset,
                                 .acknowledged = arrival->acknowledged,
                                 .kind = refusal->kind,
                                 .why = refusal->why};
    int result = mt_suspects_add(&side->suspects, &connection->buffered, &suspect);
    while (result == MT_OK && side->suspects.first != NULL &&
           (side->suspects.bytes > limits->hole_bytes ||
            side->suspects.count > (uint64_t)limits->hole_segments ||
            mt_budget_is_full(&connection->buffered, 0)))
        result = settle_oldest(connection, arrival->from_client);
    return result;
}

/* ---- the end ---- */

static void note_fin(const struct mt_arrival *arrival)
{
    struct mt_side *side = &arrival->connection->sides[arrival->from_client];
    int64_t offset = arrival->offset + arrival->segment->length;
    if (!side->fin && offset >= mt_reassembly_seen_to(&side->stream))
        side->stream.fin = offset;
    side->fin = 1;
}

/* A RST at the number that its receiver expects ends the connection. As the only answer to payload
 * it says that the receiver knows no such connection. */
static MT_NOINLINE void read_reset(const struct mt_arrival *arrival)
{
    struct mt_connection *connection = arrival->connection;
    struct mt_side *side = &connection->sides[arrival->from_client];
    side->last_arrival = arrival->ref->arrival;
    if (!mt_acceptance_reset(arrival))
        return;
    if (connection->rst == 0 && !(connection->sides[0].fin && connection->sides[1].fin))
        connection->rst = (uint8_t)(1 + arrival->from_client);
    if (!connection->established && !side->stream.started && connection->conversation != NULL)
        connection->shared->callbacks->refused(connection->conversation, !arrival->from_client);
}

/* ---- segments ---- */

static void count(struct mt_connection *connection, const struct mt_segment *segment,
                  int from_client, const struct mt_packet_ref *ref)
{
    struct mt_side *side = &connection->sides[from_client];
    if (side->packets++ == 0)
        side->ttl = segment->ttl;
    if (connection->one_sided)
        connection->one_sided = connection->sides[!from_client].packets == 0;
    connection->last_ref = *ref;
    if (ref->time > connection->last) /* MT_NO_TIME is before all times */
        connection->last = ref->time;
}

/* A segment that ends something and no acknowledgement of which says whether it was accepted. */
static inline int is_end(const struct mt_segment *segment)
{
    return (segment->flags & MT_TCP_RST) != 0 ||
           ((segment->flags & MT_TCP_FIN) != 0 && segment->length == 0);
}

/* Where the segment stands in both streams. */
static struct mt_arrival arrival_of(struct mt_connection *connection,
                                    const struct mt_segment *segment, int from_client,
                                    const struct mt_packet_ref *ref)
{
    const struct mt_reassembly *stream = &connection->sides[from_client].stream,
                               *other = &connection->sides[!from_client].stream;
    struct mt_arrival arrival = {.connection = connection,
                                 .segment = segment,
                                 .ref = ref,
                                 .acknowledged = INT64_MIN,
                                 .from_client = from_client};
    if (stream->started)
        arrival.offset =
            mt_reassembly_offset(stream, segment->sequence + ((segment->flags & MT_TCP_SYN) != 0));
    if ((segment->flags & MT_TCP_ACK) != 0 && other->started)
        arrival.acknowledged = mt_reassembly_offset(other, segment->acknowledgement);
    return arrival;
}

/* The receiver of a direction acknowledged more: messages that are there, then suspects, and the
 * messages in them. */
static inline int note_acknowledged(struct mt_connection *connection, int sender)
{
    report_acknowledged(connection, sender);
    return connection->sides[sender].suspects.first == NULL
               ? MT_OK
               : settle_acknowledged(connection, sender);
}

/* The usual case, for speed: a segment within everything that is known. */
static inline int is_orderly(const struct mt_arrival *arrival)
{
    const struct mt_connection *connection = arrival->connection;
    const struct mt_reassembly *stream = &connection->sides[arrival->from_client].stream,
                               *other = &connection->sides[!arrival->from_client].stream;
    return arrival->offset >= stream->acknowledged && arrival->offset <= stream->edge &&
           arrival->acknowledged >= other->acknowledged && arrival->acknowledged <= other->sent &&
           stream->fin < 0 && (connection->rst | connection->ended) == 0;
}

/* A segment that is no RST. */
static int read_segment(const struct mt_arrival *arrival)
{
    struct mt_connection *connection = arrival->connection;
    const struct mt_segment *segment = arrival->segment;
    if (!is_orderly(arrival)) {
        struct mt_refusal refusal = mt_acceptance_judge(arrival);
        if (refusal.why != NULL)
            return hold(arrival, &refusal);
    }
    if (segment->length != 0 && mt_checksums_is_suspect(arrival))
        return hold(arrival, &bad_checksum);
    int result = MT_OK, noted = mt_acceptance_note(arrival);
    if ((noted & MT_ACKNOWLEDGES_MORE) != 0)
        result = note_acknowledged(connection, !arrival->from_client);
    if (result == MT_OK && (noted & MT_CONFIRMS_CLAIM) != 0)
        result = note_acknowledged(connection, arrival->from_client);
    if (!connection->established)
        connection->established = (uint8_t)mt_acceptance_completes_handshake(arrival);
    if (result == MT_OK && segment->length != 0)
        result = read_payload(arrival);
    if ((segment->flags & MT_TCP_FIN) != 0)
        note_fin(arrival);
    return result;
}

static inline int something_waits(const struct mt_side *sides)
{
    return (sides[0].stream.waiting.count | sides[1].stream.waiting.count) != 0;
}

/* Something waits in one direction or both: before a packet is read (`ref` is NULL), and after. */
static MT_NOINLINE int tick(struct mt_connection *connection, const struct mt_packet_ref *ref)
{
    int result = MT_OK;
    for (int side = 0; side < 2 && result == MT_OK; side++) {
        struct direction direction = {connection, side};
        struct mt_reassembly_callbacks callbacks = callbacks_of(&direction);
        result = mt_reassembly_tick(&connection->sides[side].stream, &callbacks, ref);
    }
    return result;
}

/* ---- the usual segment ---- */

/* A settled connection: both sides were seen to accept each other's bytes, neither has ended, and
 * nothing waits. All that is decided for its next segments, if they are orderly, and stays so. */

static int is_side_settled(const struct mt_side *side)
{
    const struct mt_reassembly *stream = &side->stream;
    return stream->started && side->acknowledges && side->spoke && !side->fin && stream->fin < 0 &&
           stream->claimed == 0 && stream->waiting.count == 0 && side->suspects.first == NULL;
}

static int is_settled(const struct mt_connection *connection)
{
    const struct mt_side *sides = connection->sides;
    int begun =
            connection->handshake_acked || (!sides[0].stream.from_syn && !sides[1].stream.from_syn),
        joined = connection->established || !sides[0].syn;
    return begun && joined && !connection->one_sided && connection->rst == 0 &&
           !connection->ended && is_side_settled(&sides[0]) && is_side_settled(&sides[1]);
}

/* Payload of a settled connection that is next in its stream. */
static inline int hand_on(const struct mt_arrival *arrival)
{
    const struct mt_connection *connection = arrival->connection;
    const struct mt_tcp_shared *shared = connection->shared;
    struct mt_stream_data data =
        mt_reassembly_data(arrival->segment, arrival->offset, arrival->acknowledged, arrival->ref);
    mt_reassembly_next(&arrival->connection->sides[arrival->from_client].stream, shared->key,
                       arrival->segment);
    return shared->callbacks->data(connection->conversation, arrival->from_client, &data);
}

/* Whether all that is open for a segment of a settled connection is its checksum. */
static inline int is_usual(const struct mt_arrival *arrival)
{
    const struct mt_segment *segment = arrival->segment;
    return (segment->flags & (MT_TCP_SYN | MT_TCP_FIN | MT_TCP_RST)) == 0 && is_orderly(arrival) &&
           (segment->length == 0 ||
            (arrival->offset == arrival->connection->sides[arrival->from_client].stream.next &&
             segment->captured == segment->length));
}

/* As read_other, for a usual segment of a settled connection. */
static inline int read_usual(const struct mt_arrival *arrival)
{
    struct mt_connection *connection = arrival->connection;
    const struct mt_segment *segment = arrival->segment;
    int from_client = arrival->from_client;
    struct mt_side *side = &connection->sides[from_client];
    struct mt_reassembly *other = &connection->sides[!from_client].stream;
    count(connection, segment, from_client, arrival->ref);
    if (segment->length != 0 && mt_checksums_is_suspect(arrival)) {
        connection->settled = 0;
        return hold(arrival, &bad_checksum);
    }
    if (arrival->offset + segment->length > side->stream.sent)
        side->stream.sent = arrival->offset + segment->length;
    side->last_arrival = arrival->ref->arrival;
    side->last_acknowledgement = segment->acknowledgement;
    if (mt_acceptance_note_window(side, other, segment, arrival->acknowledged) != 0)
        report_acknowledged(connection, !from_client);
    return segment->length != 0 ? hand_on(arrival) : MT_OK;
}

/* ---- all segments ---- */

/* As mt_connection_segment, for a segment that is not usual. */
static MT_NOINLINE int read_other(struct mt_connection *connection,
                                  const struct mt_segment *segment, int from_client,
                                  const struct mt_packet_ref *ref)
{
    if (something_waits(connection->sides) && tick(connection, NULL) != MT_OK)
        return MT_NOMEM;
    int result = MT_OK;
    count(connection, segment, from_client, ref);
    if (mt_handshake_has(connection, segment, from_client)) {
        mt_handshake_note(connection, segment, from_client, ref->time);
        mt_checksums_note_handshake(connection, segment, from_client);
    }
    struct mt_arrival arrival = arrival_of(connection, segment, from_client, ref);
    if (is_end(segment) && mt_checksums_is_dropped(&arrival))
        result = report_refused(&arrival, &bad_checksum);
    else if ((segment->flags & MT_TCP_RST) != 0)
        read_reset(&arrival);
    else if (connection->sides[from_client].stream.started)
        result = read_segment(&arrival);
    if (result == MT_OK && something_waits(connection->sides))
        result = tick(connection, ref);
    connection->settled = (uint8_t)is_settled(connection);
    return result;
}

int mt_connection_segment(struct mt_connection *connection, const struct mt_segment *segment,
                          int from_client, const struct mt_packet_ref *ref)
{
    if (connection->settled) {
        struct mt_arrival arrival = arrival_of(connection, segment, from_client, ref);
        if (is_usual(&arrival))
            return read_usual(&arrival);
    }
    return read_other(connection, segment, from_client, ref);
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
    connection->settled = 0;
    if (settle_all(connection) != MT_OK)
        return MT_NOMEM;
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
    for (int side = 0; side < 2; side++) {
        mt_reassembly_free(&connection->sides[side].stream, &connection->buffered);
        mt_suspects_free(&connection->sides[side].suspects, &connection->buffered);
    }
    mt_free(connection->candidate);
    if (connection->conversation != NULL)
        connection->shared->callbacks->close(connection->conversation);
    while (connection->unclaimed != NULL) {
        struct mt_unclaimed *next = connection->unclaimed->next;
        mt_free(connection->unclaimed);
        connection->unclaimed = next;
    }
    mt_free(connection);
}
