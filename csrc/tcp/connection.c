#include "tcp/connection.h"

#include "base/error.h"
#include "base/mem.h"
#include "levin/levin.h"

enum {
    FAR = 1 << 20
}; /* bytes between the end of a closed connection and data that cannot be its own */

int mt_connection_closed(const struct mt_connection *connection)
{
    const struct mt_side *sides = connection->sides;
    if (connection->rst != 0)
        return 1;
    if (sides[0].fin && sides[1].fin)
        return 1;
    return (sides[0].fin && sides[1].packets == 0) || (sides[1].fin && sides[0].packets == 0);
}

/* Whether an acknowledgement is of this stream: of its SYN, and perhaps of data that came with it.
 */
static int acknowledges(const struct mt_reassembly *stream, uint32_t acknowledgement)
{
    int64_t offset = mt_reassembly_offset(stream, acknowledgement);
    return offset >= 0 && offset <= stream->highest;
}

int mt_connection_renewed(const struct mt_connection *connection, const struct mt_segment *segment,
                          int from_client)
{
    const struct mt_side *side = &connection->sides[from_client],
                         *other = &connection->sides[!from_client];
    if ((segment->flags & MT_TCP_RST) != 0 ||
        !((segment->flags & MT_TCP_SYN) != 0 || (segment->length != 0 && side->stream.started)))
        return 0;
    int over = connection->ended || mt_connection_closed(connection);
    if ((segment->flags & MT_TCP_SYN) != 0) {
        if (side->stream.started && segment->sequence + 1 == side->stream.base)
            return 0; /* the same SYN again, or one that was overtaken */
        if ((segment->flags & MT_TCP_ACK) != 0)
            return over || !(other->stream.from_syn &&
                             acknowledges(&other->stream, segment->acknowledgement));
        /* A SYN from the other side before it said anything: simultaneous open. */
        return over || side->packets != 0 || !connection->syn_seen;
    }
    int64_t distance = mt_reassembly_offset(&side->stream, segment->sequence) - side->stream.next;
    return over && (distance > FAR || distance < -FAR);
}

/* ---- streams ---- */

static int on_data(void *context, const struct mt_piece *piece)
{
    return mt_levin_data(context, piece);
}

static int on_hole(void *context, int64_t offset, int64_t size, enum mt_hole why,
                   const struct mt_packet_ref *place)
{
    return mt_levin_hole(context, offset, size, why, place);
}

static int on_conflict(void *context, int64_t offset, int64_t count,
                       const struct mt_packet_ref *place)
{
    return mt_levin_conflict(context, offset, count, place);
}

static int on_repeated(void *context, const uint8_t *data, int64_t offset, int64_t size,
                       const struct mt_packet_ref *place)
{
    return mt_levin_repeated(context, data, offset, size, place);
}

static int on_stray(void *context, int64_t offset, int64_t count, const char *why,
                    const struct mt_packet_ref *place)
{
    return mt_levin_stray(context, MT_PROBLEM_UNFRAMED, offset, count, why, place);
}

static struct mt_reassembly_world world_of(struct mt_connection *connection,
                                           struct mt_output *output, int from_client)
{
    return (struct mt_reassembly_world){
        .limits = output->limits,
        .limit_hits = output->limit_hits,
        .buffered = &connection->dialog->buffered,
        .reader = {.data = on_data,
                   .hole = on_hole,
                   .context = &connection->dialog->ways[from_client]},
        .repeated = on_repeated,
        .conflict = on_conflict,
        .stray = on_stray,
    };
}

static int open_dialog(struct mt_connection *connection, struct mt_output *output)
{
    if (connection->dialog != NULL)
        return MT_OK;
    connection->dialog = mt_dialog_open(output, connection->id, connection->client,
                                        connection->server, connection->monero);
    return connection->dialog != NULL ? MT_OK : MT_NOMEM;
}

static int take_payload(struct mt_connection *connection, struct mt_output *output,
                        const struct mt_segment *segment, int from_client, int64_t acknowledged,
                        const struct mt_packet_ref *place)
{
    struct mt_side *side = &connection->sides[from_client];
    if (open_dialog(connection, output) != MT_OK)
        return MT_NOMEM;
    if (!side->spoke) {
        side->spoke = 1;
        if (!side->stream.from_syn)
            mt_levin_midstream(&connection->dialog->ways[from_client]);
    }
    int64_t offset = mt_reassembly_offset(&side->stream,
                                          segment->sequence + ((segment->flags & MT_TCP_SYN) != 0));
    if (connection->rst == 1 + from_client && offset + segment->length > side->stream.next)
        connection->rst = 0; /* it goes on: that RST was none of its sender's */
    struct mt_reassembly_world world = world_of(connection, output, from_client);
    if (connection->ended && offset + segment->length > side->stream.next) {
        side->stream.bytes += segment->captured;
        return world.stray(world.reader.context, offset, segment->captured,
                           "came after the connection ended", place);
    }
    return mt_reassembly_segment(&side->stream, &world, segment, offset, acknowledged, place);
}

/* Nothing of its sender lacks before it. */
static int is_next(const struct mt_reassembly *stream, const struct mt_segment *segment)
{
    return stream->from_syn && stream->lost == 0 &&
           mt_reassembly_offset(stream, segment->sequence) == stream->next;
}

/* Nothing was seen of it but where it begins, if that. */
static int silent(const struct mt_reassembly *stream)
{
    return stream->highest == 0 && stream->waiting_count == 0 && stream->bytes == 0;
}

/* The ACK that completes the handshake is here. Nothing is told where a part of it is missing, or
 * where the capture's times run backwards. */
static void note_rtt(struct mt_connection *connection, int64_t time)
{
    if (connection->syn_seen && connection->syn_ack_seen && connection->syn_time != MT_NO_TIME &&
        time != MT_NO_TIME && time >= connection->syn_time)
        connection->rtt = mt_elapsed(connection->syn_time, time);
}

/* Where the two streams begin, as far as this segment tells. */
static void start_streams(struct mt_connection *connection, const struct mt_segment *segment,
                          int from_client, int64_t time)
{
    struct mt_reassembly *stream = &connection->sides[from_client].stream,
                         *other = &connection->sides[!from_client].stream;
    int syn = (segment->flags & MT_TCP_SYN) != 0, ack = (segment->flags & MT_TCP_ACK) != 0;
    if ((segment->flags & MT_TCP_RST) != 0)
        return;
    if (syn && stream->from_syn && stream->base != segment->sequence + 1)
        connection->syn_changed = 1;
    if (!stream->started || (syn && silent(stream)))
        mt_reassembly_start(stream, segment->sequence + (uint32_t)syn, syn);
    if (syn && connection->dialog == NULL)
        connection->start = MT_START_SYN; /* also if something overtook it */
    if (!ack)
        return;
    /* Where the other side's SYN was not captured, its acknowledgement says where its stream
     * begins: in the SYN/ACK, or in the first ACK of the handshake. Where there were several
     * SYN/ACKs (SYN cookies), the client's ACK says which one holds. */
    int first_ack = !syn && is_next(stream, segment) && !connection->handshake_acked;
    if (other->started ? first_ack && from_client && connection->syn_changed && silent(other)
                       : syn || first_ack)
        mt_reassembly_start(other, segment->acknowledgement, 1);
    if (first_ack && from_client) {
        connection->handshake_acked = 1;
        note_rtt(connection, time);
    }
}

/* What the SYNs tell. */
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
        if (!side->fin && offset >= side->stream.next) {
            side->fin = 1;
            side->stream.fin = offset;
        } else {
            side->fin = 1;
        }
    }
    if ((segment->flags & MT_TCP_RST) != 0 && connection->rst == 0 &&
        !(connection->sides[0].fin && connection->sides[1].fin) &&
        in_window(&side->stream, segment))
        connection->rst = (uint8_t)(1 + from_client);
}

int mt_connection_segment(struct mt_connection *connection, struct mt_output *output,
                          const struct mt_segment *segment, int from_client,
                          const struct mt_packet_ref *place)
{
    struct mt_side *side = &connection->sides[from_client],
                   *other = &connection->sides[!from_client];
    if (side->packets++ == 0)
        side->ttl = segment->ttl;
    connection->last_ref = *place;
    if (place->time != MT_NO_TIME &&
        (connection->last == MT_NO_TIME || place->time > connection->last))
        connection->last = place->time;
    if (!connection->handshake_acked || (segment->flags & MT_TCP_SYN) != 0) {
        start_streams(connection, segment, from_client, place->time);
        note_syn(connection, segment, from_client, place->time);
    }
    int64_t acknowledged = INT64_MIN;
    if ((segment->flags & MT_TCP_ACK) != 0 && other->stream.started) {
        acknowledged = mt_reassembly_offset(&other->stream, segment->acknowledgement);
        mt_reassembly_acknowledge(&other->stream, acknowledged);
    }
    int result = MT_OK;
    if (segment->length != 0 && (segment->flags & MT_TCP_RST) == 0)
        result = take_payload(connection, output, segment, from_client, acknowledged, place);
    note_end(connection, segment, from_client);
    for (int way = 0; way < 2 && result == MT_OK; way++) {
        if (connection->sides[way].stream.waiting_count != 0) {
            struct mt_reassembly_world world = world_of(connection, output, way);
            result = mt_reassembly_tick(&connection->sides[way].stream, &world, place);
        }
    }
    return result;
}

/* Of a direction that was not captured at all nothing is known, so nothing is lost. */
static int64_t tail_of(const struct mt_side *side)
{
    return side->packets != 0 ? mt_reassembly_tail(&side->stream) : 0;
}

int mt_connection_end(struct mt_connection *connection, struct mt_output *output)
{
    if (connection->ended)
        return MT_OK;
    connection->ended = 1;
    if (connection->dialog == NULL && tail_of(&connection->sides[0]) == 0 &&
        tail_of(&connection->sides[1]) == 0)
        return MT_OK; /* no payload, and none missed */
    int result = open_dialog(connection, output);
    for (int way = 1; way >= 0 && result == MT_OK; way--) {
        struct mt_reassembly_world world = world_of(connection, output, way);
        if (connection->sides[way].packets != 0)
            result =
                mt_reassembly_end(&connection->sides[way].stream, &world, &connection->last_ref);
        if (result == MT_OK)
            result = mt_levin_end(&connection->dialog->ways[way]);
        mt_reassembly_free(&connection->sides[way].stream, &connection->dialog->buffered);
    }
    return result;
}

int mt_connection_row(const struct mt_connection *connection, struct mt_output *output,
                      enum mt_end end)
{
    struct mt_connection_row *row = mt_table_append(&output->tables[MT_TABLE_connections]);
    if (row == NULL)
        return MT_NOMEM;
    const struct mt_side *client = &connection->sides[1], *server = &connection->sides[0];
    const struct mt_dialog *dialog = connection->dialog;
    if (client->fin && server->fin)
        end = MT_END_FIN;
    else if (connection->rst != 0)
        end = MT_END_RST;
    else if (mt_connection_closed(connection))
        end = MT_END_FIN;
    *row = (struct mt_connection_row){
        .connection = connection->id,
        .opened = connection->opened,
        .closed = connection->last,
        .rtt = connection->rtt,
        .client_packets = client->packets,
        .client_bytes = client->stream.bytes,
        .client_retransmitted = client->stream.retransmitted,
        .client_out_of_order = client->stream.out_of_order,
        .client_lost = client->stream.lost,
        .client_messages = dialog != NULL ? dialog->ways[1].messages : 0,
        .server_packets = server->packets,
        .server_bytes = server->stream.bytes,
        .server_retransmitted = server->stream.retransmitted,
        .server_out_of_order = server->stream.out_of_order,
        .server_lost = server->stream.lost,
        .server_messages = dialog != NULL ? dialog->ways[0].messages : 0,
        .client = connection->client,
        .server = connection->server,
        .client_port = client->port,
        .server_port = server->port,
        .client_mss = client->mss,
        .server_mss = server->mss,
        .client_ttl = client->ttl,
        .server_ttl = server->ttl,
        .start = (int8_t)connection->start,
        .end = (int8_t)end,
    };
    row->present = (client->mss != 0 ? MT_CONNECTION_CLIENT_MSS : 0u) |
                   (server->mss != 0 ? MT_CONNECTION_SERVER_MSS : 0u) |
                   (client->packets != 0 ? MT_CONNECTION_CLIENT_TTL : 0u) |
                   (server->packets != 0 ? MT_CONNECTION_SERVER_TTL : 0u);
    return MT_OK;
}

void mt_connection_free(struct mt_connection *connection)
{
    for (int way = 0; way < 2 && connection->dialog != NULL;
         way++) /* without payload there is nothing to free */
        mt_reassembly_free(&connection->sides[way].stream, &connection->dialog->buffered);
    mt_dialog_close(connection->dialog);
    while (connection->unclaimed != NULL) {
        struct mt_unclaimed *next = connection->unclaimed->next;
        mt_free(connection->unclaimed);
        connection->unclaimed = next;
    }
    mt_free(connection);
}
