#include "conversation.h"

#include "base/error.h"
#include "base/mem.h"
#include "base/time.h"
#include "net/skip.h"
#include "p2p/fields.h"
#include "tcp/connection.h"

#include <stdio.h>
#include <string.h>

struct mt_conversation *mt_conversation_open(struct mt_decoder *decoder,
                                             const struct mt_problem_source *source,
                                             struct mt_budget *buffered, int monero)
{
    struct mt_conversation *conversation = mt_alloc(1, sizeof *conversation);
    if (conversation == NULL)
        return NULL;
    conversation->decoder = decoder;
    conversation->source = *source;
    conversation->proxied = (struct mt_proxied){.host = MT_NO_CODE, .kind = -1};
    conversation->session =
        mt_session_open(&decoder->levin, &decoder->early, buffered, conversation, monero);
    if (conversation->session == NULL) {
        mt_free(conversation);
        return NULL;
    }
    return conversation;
}

int mt_conversation_is_in_message(const struct mt_conversation *conversation, int from_client)
{
    return conversation->session->levin.directions[from_client].state == MT_LEVIN_BODY;
}

void mt_conversation_close(struct mt_conversation *conversation)
{
    for (int direction = 0; direction < 2; direction++) {
        while (conversation->unacknowledged[direction].first != 0)
            (void)mt_unacknowledged_pop(&conversation->decoder->unacknowledged,
                                        &conversation->unacknowledged[direction]);
    }
    mt_session_close(conversation->session);
    mt_free(conversation);
}

/* ---- problems ---- */

/* Bytes outside messages are not Levin's where the connection is not Monero's. */
static int is_outside_messages(enum mt_problem_kind kind)
{
    return kind == MT_PROBLEM_UNFRAMED || kind == MT_PROBLEM_PROXY_PREFIX || kind == MT_PROBLEM_TLS;
}

static int report(struct mt_decoder *decoder, struct mt_problem_source source, int from_client,
                  int monero, const struct mt_problem *problem)
{
    struct mt_problem named = *problem;
    source.from_client = (int8_t)from_client;
    if (is_outside_messages(problem->kind) && !monero)
        named.kind = MT_PROBLEM_NOT_LEVIN;
    return mt_report_problem(&decoder->output, &source, &named);
}

/* Messages with these bytes are not known to be what the receiver accepted. */
static void note_conflict(struct mt_conversation *conversation, int from_client,
                          const struct mt_problem *problem)
{
    struct mt_conflict *conflict = &conversation->conflicts[from_client];
    *conflict = (struct mt_conflict){problem->offset, problem->offset + problem->bytes};
    mt_unacknowledged_conflict(&conversation->decoder->unacknowledged,
                               &conversation->unacknowledged[from_client], conflict->begin,
                               conflict->end);
}

static int on_levin_problem(void *context, int from_client, const struct mt_problem *problem)
{
    struct mt_conversation *conversation = context;
    if (problem->kind == MT_PROBLEM_CONFLICT)
        note_conflict(conversation, from_client, problem);
    return report(conversation->decoder, conversation->source, from_client,
                  conversation->session->levin.monero, problem);
}

/* A problem of the message, at its first byte. */
static int report_of_message(struct mt_conversation *conversation, const struct mt_message *message,
                             enum mt_problem_kind kind, int64_t bytes, const char *why)
{
    struct mt_problem problem = {kind, message->span.begin, bytes, why, &message->span.first};
    return on_levin_problem(conversation, message->from_client, &problem);
}

/* Rows of problems for parts of a payload that are not decoded. Their bytes are already counted in
 * the message. */
static int report_defects(struct mt_conversation *conversation, const struct mt_message *message)
{
    const struct mt_decode_defects *defects = &conversation->decoder->p2p.defects;
    char why[128];
    int result = MT_OK;
    for (size_t i = 0; i < defects->count && result == MT_OK; i++) {
        (void)snprintf(why, sizeof why, "%s: %s", defects->list[i].part, defects->list[i].why);
        result = report_of_message(conversation, message, MT_PROBLEM_BLOB, 0, why);
    }
    return result;
}

static enum mt_problem_kind problem_of(int status)
{
    switch (status) {
    case MT_STATUS_TRUNCATED:
        return MT_PROBLEM_TRUNCATED;
    case MT_STATUS_GAP:
        return MT_PROBLEM_GAP;
    case MT_STATUS_SNAPPED:
        return MT_PROBLEM_SNAPPED;
    case MT_STATUS_OVERSIZE:
        return MT_PROBLEM_OVERSIZE;
    default:
        return MT_PROBLEM_MALFORMED;
    }
}

/* ---- messages ---- */

/* Fills a row where it will stay: a copy of so many members costs more than they do. */
static void fill_row(struct mt_message_row *row, const struct mt_conversation *conversation,
                     const struct mt_message *message)
{
    const struct mt_message_span *span = &message->span;
    int64_t first_end = span->first_end < message->end ? span->first_end : message->end;
    memset(row, 0, sizeof *row);
    row->message = conversation->decoder->output.messages_given;
    row->connection = conversation->source.connection;
    row->client = conversation->source.client;
    row->server = conversation->source.server;
    row->day = conversation->source.day;
    row->proxy = conversation->source.proxy;
    row->proxied_host = conversation->source.proxied_host;
    row->time = span->first.time;
    row->frame = span->first.frame;
    row->file = span->first.file;
    row->end_time = span->last.time;
    row->end_frame = span->last.frame;
    row->end_length = span->last_length;
    row->length = message->header.length;
    row->captured = message->captured;
    row->wire = message->wire;
    row->command = message->header.command;
    row->levin_flags = message->header.flags;
    row->return_code = message->header.return_code;
    row->version = message->header.version;
    row->segments = span->segments;
    row->first_segment = (uint32_t)(first_end - span->begin);
    row->fragments = message->fragments;
    row->from_client = message->from_client;
    row->expects_response = message->header.expects_response;
    row->shared = span->shared != 0;
    row->kind = message->kind;
    row->status = message->status;
    row->accepted = MT_ACCEPTED_UNKNOWN;
}

/* What a whole message says: rows of the tables below `messages`, and columns of its own. A payload
 * that monerod refuses makes it malformed, and *why says why. MT_OK or MT_NOMEM. */
static int decode(struct mt_conversation *conversation, const struct mt_message *message,
                  struct mt_message_row *row, const char **why)
{
    struct mt_decoder *decoder = conversation->decoder;
    struct mt_output *output = &decoder->output;
    struct mt_field_writer writer = {&output->tables[MT_TABLE_fields], &output->strings,
                                     &decoder->p2p.epee, (uint64_t)output->limits->message_fields};
    size_t size = (size_t)message->header.length;
    int cut = 0, result = MT_OK;
    if (mt_header_has_payload(&message->header, message->kind))
        result = mt_p2p_decode(&decoder->p2p, row, message->payload, size, why);
    if (result == MT_MALFORMED)
        row->status = MT_STATUS_MALFORMED;
    if (result != MT_NOMEM && writer.fields->wanted)
        result = mt_fields_append(&writer, row->message, message->payload, size, &cut);
    if (result == MT_NOMEM)
        return MT_NOMEM;
    output->limit_hits[MT_LIMIT_message_fields] += cut != 0;
    return cut ? report_of_message(conversation, message, MT_PROBLEM_LIMIT, 0,
                                   "further fields of a message: limit on message_fields")
               : MT_OK;
}

/* The row of an earlier message, NULL if it is no longer in the table. */
static struct mt_message_row *earlier_row(struct mt_output *output, int64_t message)
{
    struct mt_table *table = &output->tables[MT_TABLE_messages];
    int64_t index = message - (output->messages_given - (int64_t)table->count);
    return index >= 0 && index < (int64_t)table->count
               ? (struct mt_message_row *)table->rows + index
               : NULL;
}

/* Which message it answers, and which one answers it. */
static int pair(struct mt_conversation *conversation, const struct mt_message *message,
                struct mt_message_row *row)
{
    struct mt_pairing pairing;
    if (mt_session_pair(conversation->session, message, row->message, &pairing) != MT_OK)
        return MT_NOMEM;
    row->reply_to = pairing.reply_to;
    struct mt_message_row *response =
        pairing.answered_by >= 0 ? earlier_row(&conversation->decoder->output, pairing.answered_by)
                                 : NULL;
    if (response != NULL)
        response->reply_to = row->message;
    return MT_OK;
}

/* Its receiver may acknowledge it later. */
static int await_acknowledgement(struct mt_conversation *conversation,
                                 const struct mt_message *message, int64_t id)
{
    int64_t begin = message->span.begin, end = message->end;
    const struct mt_conflict *conflict = &conversation->conflicts[message->from_client];
    struct mt_unacknowledged_message *waiting =
        mt_unacknowledged_add(&conversation->decoder->unacknowledged,
                              &conversation->unacknowledged[message->from_client]);
    if (waiting == NULL)
        return MT_NOMEM;
    waiting->message = id;
    waiting->begin = begin;
    waiting->end = end;
    waiting->arrival = message->span.last.arrival;
    waiting->conflict = begin < conflict->end && conflict->begin < end;
    return MT_OK;
}

/* All messages so far came through one tunnel, and were believed for that; another one did not. */
static void withdraw_acceptance(struct mt_table *messages)
{
    struct mt_message_row *rows = messages->rows;
    for (size_t i = 0; i < messages->count; i++)
        if (rows[i].accepted == MT_ACCEPTED_YES)
            rows[i].accepted = MT_ACCEPTED_UNKNOWN;
}

static int on_message(void *context, const struct mt_message *message)
{
    struct mt_conversation *conversation = context;
    struct mt_output *output = &conversation->decoder->output;
    struct mt_table *table = &output->tables[MT_TABLE_messages];
    const char *why = message->why;
    if (mt_table_reserve(table, 1) != MT_OK)
        return MT_NOMEM;
    struct mt_message_row *row = (struct mt_message_row *)table->rows + table->count;
    fill_row(row, conversation, message);
    const struct mt_connection *connection = conversation->connection;
    if (connection != NULL &&
        mt_tunnel_trust_note(&conversation->decoder->tunnels, connection->tunnel.key))
        withdraw_acceptance(table);
    mt_defects_clear(&conversation->decoder->p2p.defects);
    int result = MT_OK;
    if (message->status == MT_STATUS_COMPLETE && message->payload != NULL)
        result = decode(conversation, message, row, &why);
    if (result == MT_OK)
        result = pair(conversation, message, row);
    if (result == MT_OK && table->wanted)
        result = await_acknowledgement(conversation, message, row->message);
    if (result != MT_OK) {
        mt_tables_take_back(output->tables, row->message); /* no rows without their message */
        return MT_NOMEM;
    }
    table->count += table->wanted != 0;
    mt_decoder_count_message(conversation->decoder);
    conversation->messages[message->from_client]++;
    if (report_defects(conversation, message) != MT_OK)
        return MT_NOMEM;
    return row->status == MT_STATUS_COMPLETE
               ? MT_OK
               : report_of_message(conversation, message, problem_of(row->status), row->wire, why);
}

static int on_levin_hole(void *context, int from_client, int64_t end)
{
    struct mt_conversation *conversation = context;
    mt_session_hole(conversation->session, from_client, end);
    return MT_OK;
}

/* The client's last request or only header, and the answers of the server. Rows from here on have
 * the host where it can be believed if the client can: of a request, after it was granted. */
static int on_levin_prefix(void *context, const struct mt_prefix *prefix)
{
    struct mt_conversation *conversation = context;
    struct mt_proxied *proxied = &conversation->proxied;
    struct mt_addresses *addresses = &conversation->decoder->output.addresses;
    int result = MT_OK;
    if (!prefix->from_client) {
        proxied->answered = 1;
        proxied->refused |= !prefix->granted;
    } else {
        proxied->kind = (int8_t)prefix->kind;
        proxied->port = prefix->port;
        proxied->host = MT_NO_CODE;
        if (prefix->ip.version != 0)
            result = mt_address_ip(addresses, &prefix->ip, &proxied->host);
        else if (prefix->host_size != 0)
            result = mt_address_name(addresses, prefix->host, prefix->host_size, &proxied->host);
    }
    int header = proxied->kind >= 0 && mt_prefix_is_header((enum mt_proxy)proxied->kind);
    int granted = proxied->answered && !proxied->refused;
    conversation->source.proxy = proxied->kind;
    conversation->source.proxied_host = header || granted ? proxied->host : MT_NO_CODE;
    return result;
}

const struct mt_levin_sink mt_conversation_sink = {.message = on_message,
                                                   .hole = on_levin_hole,
                                                   .problem = on_levin_problem,
                                                   .prefix = on_levin_prefix};

/* ---- acceptance ---- */

/* The first message of a direction that is not acknowledged gets its verdict. */
static void settle_first(struct mt_conversation *conversation, int from_client,
                         enum mt_acceptance accepted)
{
    struct mt_decoder *decoder = conversation->decoder;
    struct mt_unacknowledged_message message =
        mt_unacknowledged_pop(&decoder->unacknowledged, &conversation->unacknowledged[from_client]);
    struct mt_message_row *row = earlier_row(&decoder->output, message.message);
    const struct mt_connection *connection = conversation->connection;
    if (accepted == MT_ACCEPTED_YES && connection != NULL &&
        !mt_tunnel_is_trusted(&decoder->tunnels, &connection->tunnel))
        accepted = MT_ACCEPTED_UNKNOWN;
    if (row != NULL)
        row->accepted = (int8_t)(message.conflict ? MT_ACCEPTED_UNKNOWN : accepted);
}

static const struct mt_unacknowledged_message *
first_unacknowledged(const struct mt_conversation *conversation, int from_client)
{
    uint32_t first = conversation->unacknowledged[from_client].first;
    return first != 0 ? &conversation->decoder->unacknowledged.items[first] : NULL;
}

static void on_acknowledged(void *context, int from_client, int64_t offset, int64_t doubted)
{
    struct mt_conversation *conversation = context;
    const struct mt_unacknowledged_message *first;
    if (doubted != 0)
        mt_unacknowledged_conflict(&conversation->decoder->unacknowledged,
                                   &conversation->unacknowledged[from_client], INT64_MIN, doubted);
    while ((first = first_unacknowledged(conversation, from_client)) != NULL &&
           first->end <= offset)
        settle_first(conversation, from_client, MT_ACCEPTED_YES);
}

static void on_refused(void *context, int from_client)
{
    struct mt_conversation *conversation = context;
    while (first_unacknowledged(conversation, from_client) != NULL)
        settle_first(conversation, from_client, MT_ACCEPTED_NO);
}

/* No acknowledgement will come, but one may have come before the message was read, which waited
 * after a hole. A message that its sender never finished is accepted if the bytes that it did send
 * are acknowledged. With a completed handshake the acknowledgement may have come
 * after the end of the capture: if the receiver was silent since. */
static int was_accepted(const struct mt_connection *connection, int from_client,
                        const struct mt_unacknowledged_message *message)
{
    const struct mt_reassembly *stream = &connection->sides[from_client].stream;
    int64_t end = message->end < stream->next ? message->end : stream->next;
    return (stream->acknowledged >= end && end > message->begin) ||
           (connection->established &&
            connection->sides[!from_client].last_arrival < message->arrival);
}

static void settle_rest(struct mt_conversation *conversation, int from_client)
{
    const struct mt_connection *connection = conversation->connection;
    const struct mt_unacknowledged_message *first;
    while ((first = first_unacknowledged(conversation, from_client)) != NULL)
        settle_first(conversation, from_client,
                     connection != NULL && was_accepted(connection, from_client, first)
                         ? MT_ACCEPTED_YES
                         : MT_ACCEPTED_UNKNOWN);
}

/* ---- connections ---- */

static struct mt_problem_source source_of(const struct mt_connection *connection)
{
    const struct mt_conversation *conversation = connection->conversation;
    if (conversation != NULL)
        return conversation->source;
    return (struct mt_problem_source){.connection = connection->id,
                                      .client = connection->sides[1].address,
                                      .server = connection->sides[0].address,
                                      .day = mt_day(connection->opened),
                                      .from_client = -1,
                                      .proxy = -1,
                                      .proxied_host = MT_NO_CODE};
}

static int on_address(void *context, const struct mt_ip *ip, int32_t *code)
{
    struct mt_decoder *decoder = context;
    return mt_address_ip(&decoder->output.addresses, ip, code);
}

static void *on_open(void *context, struct mt_connection *connection)
{
    struct mt_problem_source source = source_of(connection);
    struct mt_conversation *conversation =
        mt_conversation_open(context, &source, &connection->buffered, connection->monero);
    if (conversation != NULL)
        conversation->connection = connection;
    return conversation;
}

static void on_close(void *conversation)
{
    mt_conversation_close(conversation);
}

static struct mt_levin_stream *stream_of(void *conversation, int from_client)
{
    struct mt_session *session = ((struct mt_conversation *)conversation)->session;
    return &session->levin.directions[from_client];
}

static void on_midstream(void *conversation, int from_client)
{
    mt_levin_midstream(stream_of(conversation, from_client));
}

static int on_data(void *conversation, int from_client, const struct mt_stream_data *data)
{
    return mt_levin_data(stream_of(conversation, from_client), data);
}

static int on_hole(void *conversation, int from_client, int64_t offset, int64_t size,
                   enum mt_hole why, const struct mt_packet_ref *ref)
{
    return mt_levin_hole(stream_of(conversation, from_client), offset, size, why, ref);
}

static int on_repeated(void *conversation, int from_client, const uint8_t *bytes, int64_t offset,
                       int64_t size, const struct mt_packet_ref *ref)
{
    return mt_levin_repeated(stream_of(conversation, from_client), bytes, offset, size, ref);
}

static int on_end(void *conversation, int from_client)
{
    int result = mt_levin_end(stream_of(conversation, from_client));
    settle_rest(conversation, from_client);
    return result;
}

static int on_is_monero(const void *conversation)
{
    return ((const struct mt_conversation *)conversation)->session->levin.monero;
}

static int on_tcp_problem(void *context, const struct mt_connection *connection, int from_client,
                          const struct mt_problem *problem)
{
    int monero = connection->conversation != NULL ? on_is_monero(connection->conversation)
                                                  : connection->monero;
    if (problem->kind == MT_PROBLEM_CONFLICT && connection->conversation != NULL)
        note_conflict(connection->conversation, from_client, problem);
    return report(context, source_of(connection), from_client, monero, problem);
}

/* What one side sent, in the columns of its name. */
#define SET_SIDE(row, name, side, count) \
    do { \
        (row)->name = (side)->address; \
        (row)->name##_port = (side)->port; \
        (row)->name##_packets = (side)->packets; \
        (row)->name##_bytes = (side)->stream.bytes; \
        (row)->name##_retransmitted = (side)->stream.retransmitted; \
        (row)->name##_out_of_order = (side)->stream.out_of_order; \
        (row)->name##_lost = (side)->stream.lost; \
        (row)->name##_messages = (count); \
        (row)->name##_mss = (side)->mss; \
        (row)->name##_ttl = (side)->ttl; \
    } while (0)

/* An end of a tunnel as it is interned: version and 16 bytes. */
enum { TUNNEL_END = 17 };

static void write_end(const struct mt_ip *ip, uint8_t bytes[TUNNEL_END])
{
    bytes[0] = ip->version;
    memcpy(bytes + 1, ip->bytes, sizeof ip->bytes);
}

/* The tunnel of a connection. MT_OK or MT_NOMEM. */
static int set_tunnel(struct mt_output *output, const struct mt_tunnel *tunnel,
                      struct mt_connection_row *row)
{
    char text[128];
    uint8_t ends[2][TUNNEL_END];
    row->tunnel = row->tunnel_ends = MT_NO_CODE;
    if (tunnel->count == 0)
        return MT_OK;
    (void)mt_tunnel_text(tunnel->chain, tunnel->count, text, sizeof text);
    if (mt_intern_put(&output->strings, text, strlen(text), &row->tunnel) != MT_OK)
        return MT_NOMEM;
    if (tunnel->key == 0)
        return MT_OK;
    write_end(&tunnel->source, ends[0]);
    write_end(&tunnel->destination, ends[1]);
    if (memcmp(ends[0], ends[1], TUNNEL_END) > 0) {
        write_end(&tunnel->destination, ends[0]);
        write_end(&tunnel->source, ends[1]);
    }
    return mt_intern_put(&output->strings, ends, sizeof ends, &row->tunnel_ends);
}

/* What a proxy wrote or read. */
static void set_proxied(const struct mt_conversation *conversation, struct mt_connection_row *row)
{
    row->proxy = -1;
    row->proxied_host = MT_NO_CODE;
    if (conversation == NULL || !on_is_monero(conversation))
        return;
    const struct mt_proxied *proxied = &conversation->proxied;
    row->proxy = proxied->kind;
    row->proxied_host = proxied->host;
    row->proxied_port = proxied->host != MT_NO_CODE ? proxied->port : 0;
    row->proxy_granted = proxied->answered && !proxied->refused;
    row->present |= (proxied->host != MT_NO_CODE ? MT_CONNECTION_PROXIED_PORT : 0u) |
                    (proxied->answered ? MT_CONNECTION_PROXY_GRANTED : 0u);
}

static int on_closed(void *context, const struct mt_connection *connection, enum mt_end end)
{
    struct mt_decoder *decoder = context;
    struct mt_connection_row *row = mt_table_append(&decoder->output.tables[MT_TABLE_connections]);
    if (row == NULL)
        return MT_NOMEM;
    const struct mt_side *client = &connection->sides[1], *server = &connection->sides[0];
    const struct mt_conversation *conversation = connection->conversation;
    SET_SIDE(row, client, client, conversation != NULL ? conversation->messages[1] : 0);
    SET_SIDE(row, server, server, conversation != NULL ? conversation->messages[0] : 0);
    row->connection = connection->id;
    row->opened = connection->opened;
    row->closed = connection->last;
    row->rtt = connection->rtt;
    row->start = (int8_t)connection->start;
    row->end = (int8_t)end;
    row->present = (client->mss != 0 ? MT_CONNECTION_CLIENT_MSS : 0u) |
                   (server->mss != 0 ? MT_CONNECTION_SERVER_MSS : 0u) |
                   (client->packets != 0 ? MT_CONNECTION_CLIENT_TTL : 0u) |
                   (server->packets != 0 ? MT_CONNECTION_SERVER_TTL : 0u);
    set_proxied(conversation, row);
    return set_tunnel(&decoder->output, &connection->tunnel, row);
}

const struct mt_tcp_callbacks mt_conversation_callbacks = {
    .address = on_address,
    .open = on_open,
    .close = on_close,
    .midstream = on_midstream,
    .data = on_data,
    .hole = on_hole,
    .repeated = on_repeated,
    .acknowledged = on_acknowledged,
    .refused = on_refused,
    .end = on_end,
    .is_monero = on_is_monero,
    .problem = on_tcp_problem,
    .closed = on_closed,
};
