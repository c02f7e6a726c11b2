#include "tcp/handshake.h"

#include "tcp/acceptance.h"

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
        mt_reassembly_start(stream, mt_acceptance_start(connection, segment, from_client), syn);
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
    if (first_ack && other->from_syn && !connection->syn_changed &&
        !mt_reassembly_is_acknowledged(other, segment->acknowledgement))
        return; /* not of this handshake */
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
    if (syn)
        mt_acceptance_note_syn(connection, segment, from_client);
    if (syn && segment->mss != 0)
        connection->sides[from_client].mss = segment->mss;
    if (syn && !ack && from_client && !connection->syn_ack_seen) {
        connection->syn_seen = 1;
        connection->syn_time = time;
    } else if (syn && ack && !from_client) {
        connection->syn_ack_seen = 1;
    }
}

void mt_handshake_note(struct mt_connection *connection, const struct mt_segment *segment,
                       int from_client, int64_t time)
{
    if ((segment->flags & MT_TCP_RST) == 0) {
        start_stream(connection, segment, from_client);
        if ((segment->flags & MT_TCP_ACK) != 0)
            start_other(connection, segment, from_client, time);
    }
    note_syn(connection, segment, from_client, time);
}
