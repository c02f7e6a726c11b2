#include "tcp/tcp.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/noinline.h"
#include "tcp/checksums.h"
#include "tcp/connection.h"
#include "tcp/connection_table.h"
#include "tcp/incarnation.h"
#include "tcp/snap_lengths.h"

#include <stdlib.h>

#define SECOND UINT64_C(1000000000) /* ns */
#define AGE_STEP SECOND
#define SWEEP_STEP UINT64_C(100000000)
/* How long a closed connection's streams stay open for segments that were overtaken. */
enum { LINGER_SECONDS = 10 };
/* Connections with implausible times looked at per sweep: times that jump back with every packet
 * must not cost all connections each time. */
enum { MOST_RENEWED = 16 };
/* Idle connections kept because they may go on: the oldest is ended beyond that. */
enum { MOST_DORMANT = 65536 };

struct mt_tcp {
    struct mt_tcp_shared shared;
    struct mt_connection_table table;
    struct mt_checksums checksums;
    struct mt_snap_lengths snap_lengths;
    int64_t next_id;
    int64_t
        clock; /* the lesser of the last two packets' times: one implausible time ends nothing */
    int64_t last_time;
    int64_t swept;            /* clock of the last sweep */
    int64_t *monero_packets;  /* by file; the caller's */
    uint8_t ports[65536 / 8]; /* one bit per port */
};

struct mt_tcp *mt_tcp_open(const struct mt_tcp_options *options)
{
    struct mt_tcp *tcp = mt_alloc(1, sizeof *tcp);
    if (tcp == NULL)
        return NULL;
    if (mt_connection_table_init(&tcp->table) != MT_OK) {
        mt_free(tcp);
        return NULL;
    }
    tcp->shared = options->shared;
    tcp->shared.checksums = &tcp->checksums;
    tcp->shared.snap_lengths = &tcp->snap_lengths;
    tcp->clock = tcp->swept = MT_NO_TIME;
    tcp->last_time = INT64_MAX;
    tcp->monero_packets = options->monero_packets;
    for (size_t i = 0; i < options->ports_count; i++)
        tcp->ports[options->ports[i] / 8] |= (uint8_t)(1u << options->ports[i] % 8);
    return tcp;
}

static int levin_port(const struct mt_tcp *tcp, uint16_t port)
{
    return tcp->ports[port / 8] >> port % 8 & 1;
}

/* ---- whose packets ---- */

/* The entry of a file, moved to the front: files that overlap in time take turns. NULL if memory is
 * out. */
static MT_NOINLINE struct mt_unclaimed *unclaimed_of(struct mt_connection *connection, int32_t file)
{
    struct mt_unclaimed **link = &connection->unclaimed, *entry;
    while (*link != NULL && (*link)->file != file)
        link = &(*link)->next;
    entry = *link;
    if (entry != NULL)
        *link = entry->next;
    else if ((entry = mt_alloc(1, sizeof *entry)) == NULL)
        return NULL;
    entry->file = file;
    entry->next = connection->unclaimed;
    connection->unclaimed = entry;
    return entry;
}

static inline int count_packet(struct mt_tcp *tcp, struct mt_connection *connection, int32_t file)
{
    if (connection->monero) {
        tcp->monero_packets[file]++;
        return MT_OK;
    }
    struct mt_unclaimed *entry = connection->unclaimed;
    if (entry == NULL || entry->file != file)
        entry = unclaimed_of(connection, file);
    if (entry == NULL)
        return MT_NOMEM;
    entry->packets++;
    return MT_OK;
}

/* If the signature has made it a Monero connection, its packets so far are, too. */
static MT_NOINLINE void claim_recognised(struct mt_tcp *tcp, struct mt_connection *connection)
{
    if (connection->monero || connection->conversation == NULL ||
        !tcp->shared.callbacks->is_monero(connection->conversation))
        return;
    connection->monero = 1;
    while (connection->unclaimed != NULL) {
        struct mt_unclaimed *next = connection->unclaimed->next;
        tcp->monero_packets[connection->unclaimed->file] += connection->unclaimed->packets;
        mt_free(connection->unclaimed);
        connection->unclaimed = next;
    }
}

/* ---- ends ---- */

/* What waited after a hole may be what shows that the connection is Monero's. */
static int end_streams(struct mt_tcp *tcp, struct mt_connection *connection)
{
    int result = mt_connection_end(connection);
    claim_recognised(tcp, connection);
    return result;
}

/* Removes a connection from the table, reports its remaining data, and frees it. */
static MT_NOINLINE int remove_connection(struct mt_tcp *tcp, struct mt_connection *connection,
                                         enum mt_end end)
{
    mt_connection_table_remove(&tcp->table, connection);
    int result = end_streams(tcp, connection);
    if (result == MT_OK)
        result = tcp->shared.callbacks->closed(tcp->shared.context, connection,
                                               mt_connection_how_ended(connection, end));
    mt_connection_free(connection);
    return result;
}

/* ---- beginnings ---- */

/* Whether the sender of a segment without SYN is the client: not if it alone uses a Levin port;
 * else the higher port. */
static int sender_is_client(const struct mt_tcp *tcp, const struct mt_segment *segment)
{
    if ((segment->flags & MT_TCP_SYN) != 0)
        return (segment->flags & MT_TCP_ACK) == 0;
    int source = levin_port(tcp, segment->source_port),
        destination = levin_port(tcp, segment->destination_port);
    if (source != destination)
        return destination;
    return segment->source_port >= segment->destination_port;
}

/* The client's address gets its code first. */
static int set_sides(struct mt_tcp *tcp, struct mt_connection *connection,
                     const struct mt_segment *segment, int sender)
{
    struct mt_side *sides = connection->sides;
    sides[sender].ip = segment->source;
    sides[sender].port = segment->source_port;
    sides[!sender].ip = segment->destination;
    sides[!sender].port = segment->destination_port;
    for (int side = 1; side >= 0; side--) {
        if (tcp->shared.callbacks->address(tcp->shared.context, &sides[side].ip,
                                           &sides[side].address) != MT_OK ||
            mt_checksums_reserve(&tcp->checksums, sides[side].address) != MT_OK)
            return MT_NOMEM;
    }
    return MT_OK;
}

static MT_NOINLINE struct mt_connection *begin(struct mt_tcp *tcp, const struct mt_segment *segment,
                                               uint64_t hash, const struct mt_packet_ref *ref,
                                               int *from_client)
{
    struct mt_connection *connection = mt_connection_new(&tcp->shared);
    if (connection == NULL)
        return NULL;
    *from_client = sender_is_client(tcp, segment);
    if (set_sides(tcp, connection, segment, *from_client) != MT_OK) {
        mt_connection_free(connection);
        return NULL;
    }
    connection->hash = hash;
    if (segment->tunnel != NULL)
        connection->tunnel = *segment->tunnel;
    connection->id = tcp->next_id++;
    connection->opened = connection->last = connection->aged = ref->time;
    connection->start = (segment->flags & MT_TCP_SYN) != 0 ? MT_START_SYN : MT_START_MIDSTREAM;
    connection->one_sided = connection->start == MT_START_MIDSTREAM;
    connection->monero =
        levin_port(tcp, segment->source_port) || levin_port(tcp, segment->destination_port);
    mt_connection_table_add(&tcp->table, connection);
    return connection;
}

/* The connection that a stored SYN begins. NULL if memory is out. */
static struct mt_connection *begin_candidate(struct mt_tcp *tcp,
                                             const struct mt_candidate *candidate, uint64_t hash,
                                             int *from_client)
{
    struct mt_connection *connection =
        begin(tcp, &candidate->segment, hash, &candidate->ref, from_client);
    if (connection == NULL)
        return NULL;
    int result =
        mt_connection_segment(connection, &candidate->segment, *from_client, &candidate->ref);
    connection->sides[*from_client].packets += candidate->repeats;
    connection->last = candidate->last;
    return result == MT_OK ? connection : NULL; /* it is in the table */
}

/* ---- ends of connections ---- */

/* A stored SYN that nothing answered: a connection of its own if the one that it came in did not go
 * on, else a problem. */
static int settle_candidate(struct mt_tcp *tcp, struct mt_connection *connection, enum mt_end end)
{
    struct mt_candidate *candidate = connection->candidate;
    if (candidate == NULL)
        return MT_OK;
    int from_client = candidate->from_client, result;
    connection->candidate = NULL;
    if (mt_connection_stopped(connection, candidate)) {
        struct mt_connection *own = begin_candidate(tcp, candidate, connection->hash, &from_client);
        result = own != NULL ? remove_connection(tcp, own, end) : MT_NOMEM;
    } else {
        struct mt_problem problem = {MT_PROBLEM_OUT_OF_WINDOW, -1, candidate->segment.captured,
                                     "a SYN inside a connection, not answered", &candidate->ref};
        result =
            tcp->shared.callbacks->problem(tcp->shared.context, connection, from_client, &problem);
        connection->sides[from_client].stream.bytes += candidate->segment.captured;
    }
    mt_free(candidate);
    return result;
}

/* Ends a connection, and what its stored SYN begins. */
static int retire(struct mt_tcp *tcp, struct mt_connection *connection, enum mt_end end)
{
    int result = settle_candidate(tcp, connection, end);
    return result == MT_OK ? remove_connection(tcp, connection, end) : result;
}

static int retire_idle(struct mt_tcp *tcp, struct mt_connection *connection)
{
    tcp->shared.limit_hits[MT_LIMIT_idle_seconds]++;
    return retire(tcp, connection, MT_END_IDLE);
}

static int evict(struct mt_tcp *tcp)
{
    if (tcp->table.dormant_oldest != NULL)
        return retire_idle(tcp, tcp->table.dormant_oldest);
    struct mt_connection *oldest = tcp->table.oldest;
    struct mt_problem problem = {MT_PROBLEM_LIMIT, -1, 0,
                                 "a connection was ended: limit on connections", &oldest->last_ref};
    if (tcp->shared.callbacks->problem(tcp->shared.context, oldest, -1, &problem) != MT_OK)
        return MT_NOMEM;
    tcp->shared.limit_hits[MT_LIMIT_connections]++;
    return retire(tcp, oldest, MT_END_IDLE);
}

/* Room in the table for another connection. MT_OK or MT_NOMEM. */
static int make_room(struct mt_tcp *tcp)
{
    return tcp->table.count >= (uint64_t)tcp->shared.limits->connections && tcp->table.count != 0
               ? evict(tcp)
               : MT_OK;
}

/* ---- time ---- */

/* When its own time stamps are missing or from the future, the time at which it was put in its
 * place by age decides. */
static MT_NOINLINE int is_idle(const struct mt_tcp *tcp, const struct mt_connection *connection,
                               int64_t now)
{
    int64_t heard = connection->last == MT_NO_TIME || connection->last > now ? connection->aged
                                                                             : connection->last;
    return heard != MT_NO_TIME && now > heard &&
           ((uint64_t)now - (uint64_t)heard) / SECOND >= (uint64_t)tcp->shared.limits->idle_seconds;
}

/* The same, decided at once for a packet that follows the last one within a second. */
static inline int idle(const struct mt_tcp *tcp, const struct mt_connection *connection,
                       int64_t now)
{
    return ((uint64_t)now - (uint64_t)connection->last >= SECOND ||
            tcp->shared.limits->idle_seconds == 0) &&
           is_idle(tcp, connection, now);
}

/* A time stamp that is missing or far ahead of the others: the connection that has it must not keep
 * those after it from ending. */
static int implausible_time(int64_t time, int64_t now, int64_t seconds)
{
    return time == MT_NO_TIME || (time > now && mt_elapsed(now, time) / 1000000000 >= seconds);
}

/* Ends the streams of what closed a while ago. */
static int sweep_closing(struct mt_tcp *tcp)
{
    struct mt_connection_table *table = &tcp->table;
    int result = MT_OK;
    if (table->closing_oldest != NULL &&
        implausible_time(table->closing_oldest->closed, tcp->clock, LINGER_SECONDS))
        table->closing_oldest->closed = tcp->clock;
    while (result == MT_OK && table->closing_oldest != NULL &&
           mt_elapsed(table->closing_oldest->closed, tcp->clock) / 1000000000 >= LINGER_SECONDS) {
        struct mt_connection *closing = table->closing_oldest;
        mt_connection_table_remove_closing(table, closing);
        if (mt_connection_closed(closing))
            result = end_streams(tcp, closing);
    }
    return result;
}

/* An idle connection ends, unless it may go on. */
static int put_to_sleep(struct mt_tcp *tcp, struct mt_connection *connection)
{
    if (!mt_connection_may_go_on(connection))
        return retire_idle(tcp, connection);
    mt_connection_table_add_dormant(&tcp->table, connection);
    return tcp->table.dormant_count > MOST_DORMANT ? retire_idle(tcp, tcp->table.dormant_oldest)
                                                   : MT_OK;
}

/* Ends what has been idle for too long. */
static int sweep_idle(struct mt_tcp *tcp)
{
    struct mt_connection_table *table = &tcp->table;
    int result = MT_OK;
    for (int renewed = 0; result == MT_OK && table->oldest != NULL && renewed < MOST_RENEWED;) {
        if (idle(tcp, table->oldest, tcp->clock))
            result = put_to_sleep(tcp, table->oldest);
        else if (!implausible_time(table->oldest->aged, tcp->clock,
                                   tcp->shared.limits->idle_seconds))
            break;
        else {
            mt_connection_table_renew(table, table->oldest, tcp->clock);
            renewed++;
        }
    }
    return result;
}

static MT_NOINLINE int sweep(struct mt_tcp *tcp)
{
    tcp->swept = tcp->clock;
    int result = sweep_closing(tcp);
    return result == MT_OK ? sweep_idle(tcp) : result;
}

/* Sets the clock by a packet's time, and sweeps if it is due. */
static inline int advance_clock(struct mt_tcp *tcp, int64_t time)
{
    if (time == MT_NO_TIME)
        return MT_OK;
    tcp->clock = time < tcp->last_time ? time : tcp->last_time;
    tcp->last_time = time;
    /* The difference is huge where the clock was not swept yet, or is before that. */
    return (uint64_t)tcp->clock - (uint64_t)tcp->swept < SWEEP_STEP ? MT_OK : sweep(tcp);
}

/* ---- segments ---- */

/* One segment on its way to its connection. */
struct delivery {
    struct mt_tcp *tcp;
    const struct mt_segment *segment;
    const struct mt_packet_ref *ref;
    struct mt_connection *connection;
    int from_client;
    int held; /* it is a SYN that is kept until it is answered */
};

/* The stored SYN is one of another incarnation, which replaces the connection. */
static int begin_from_candidate(struct delivery *delivery, uint64_t hash)
{
    struct mt_tcp *tcp = delivery->tcp;
    struct mt_candidate *candidate = delivery->connection->candidate;
    int same = candidate->from_client == delivery->from_client;
    delivery->connection->candidate = NULL;
    int result = retire(tcp, delivery->connection, MT_END_REUSED);
    delivery->connection = NULL;
    if (result == MT_OK)
        result = make_room(tcp);
    if (result == MT_OK) {
        delivery->connection = begin_candidate(tcp, candidate, hash, &delivery->from_client);
        delivery->from_client ^= !same;
        result = delivery->connection != NULL ? MT_OK : MT_NOMEM;
    }
    mt_free(candidate);
    return result;
}

/* A SYN inside a connection with another number than the last one that was kept. */
static int hold_syn(struct delivery *delivery)
{
    struct mt_connection *connection = delivery->connection;
    delivery->held = 1;
    if (mt_connection_repeats_syn(connection, delivery->segment, delivery->from_client)) {
        connection->candidate->repeats++;
        if (delivery->ref->time > connection->candidate->last)
            connection->candidate->last = delivery->ref->time;
        return MT_OK;
    }
    int result = settle_candidate(delivery->tcp, connection, MT_END_REUSED);
    return result == MT_OK ? mt_connection_hold_syn(connection, delivery->segment,
                                                    delivery->from_client, delivery->ref)
                           : result;
}

/* Ends a connection that is idle or over, so that the segment begins another. */
static int retire_old(struct delivery *delivery, uint64_t hash)
{
    struct mt_tcp *tcp = delivery->tcp;
    struct mt_connection *connection = delivery->connection;
    if (idle(tcp, connection, delivery->ref->time) &&
        !mt_connection_goes_on(connection, delivery->segment, delivery->from_client)) {
        delivery->connection = NULL;
        return retire_idle(tcp, connection);
    }
    if (mt_connection_continues(connection, delivery->segment))
        return MT_OK;
    switch (mt_connection_renewal(connection, delivery->segment, delivery->from_client)) {
    case MT_RENEWAL_NEW:
        if (mt_connection_repeats_syn(connection, delivery->segment, delivery->from_client))
            return begin_from_candidate(delivery, hash);
        delivery->connection = NULL;
        return retire(tcp, connection, MT_END_REUSED);
    case MT_RENEWAL_CANDIDATE:
        return hold_syn(delivery);
    default:
        return MT_OK;
    }
}

/* Finds the connection of a segment: the one that is there, unless it is idle or over, or a new
 * one. */
static int find_connection(struct delivery *delivery)
{
    struct mt_tcp *tcp = delivery->tcp;
    uint64_t hash = mt_connection_table_hash(&tcp->table, delivery->segment);
    delivery->connection =
        mt_connection_table_find(&tcp->table, delivery->segment, hash, &delivery->from_client);
    int result = MT_OK;
    if (delivery->connection != NULL) {
        if (delivery->connection->candidate != NULL &&
            mt_connection_confirms(delivery->connection, delivery->segment, delivery->from_client))
            return begin_from_candidate(delivery, hash);
        result = retire_old(delivery, hash);
    }
    if (result == MT_OK && delivery->connection == NULL && (result = make_room(tcp)) == MT_OK)
        delivery->connection =
            begin(tcp, delivery->segment, hash, delivery->ref, &delivery->from_client);
    return delivery->connection != NULL ? result : MT_NOMEM;
}

/* A connection that closed by itself is ended a while later. One that a RST closed may go on. */
static void note_closing(struct mt_tcp *tcp, struct mt_connection *connection,
                         const struct mt_segment *segment, int64_t time)
{
    if ((segment->flags & MT_TCP_FIN) != 0 && !connection->closing && !connection->ended &&
        connection->rst == 0 && time != MT_NO_TIME && mt_connection_closed(connection))
        mt_connection_table_add_closing(&tcp->table, connection, time);
}

const void *mt_tcp_continued(const struct mt_tcp *tcp, const struct mt_segment *segment,
                             int *from_client)
{
    const struct mt_connection *connection = mt_connection_table_find(
        &tcp->table, segment, mt_connection_table_hash(&tcp->table, segment), from_client);
    return connection != NULL && segment->length != 0 &&
                   mt_connection_goes_on(connection, segment, *from_client)
               ? connection->conversation
               : NULL;
}

int mt_tcp_segment(struct mt_tcp *tcp, const struct mt_segment *segment,
                   const struct mt_packet_ref *ref)
{
    struct delivery delivery = {.tcp = tcp, .segment = segment, .ref = ref};
    mt_snap_lengths_note(&tcp->snap_lengths, segment);
    int result = advance_clock(tcp, ref->time);
    if (result == MT_OK)
        result = find_connection(&delivery);
    if (result != MT_OK)
        return result;
    struct mt_connection *connection = delivery.connection;
    /* Times that run backwards differ by more than that. */
    if (connection->dormant || ref->time == MT_NO_TIME ||
        (uint64_t)ref->time - (uint64_t)connection->aged >= AGE_STEP)
        mt_connection_table_renew(&tcp->table, connection, ref->time);
    result = count_packet(tcp, connection, ref->file);
    if (result == MT_OK && !delivery.held)
        result = mt_connection_segment(connection, segment, delivery.from_client, ref);
    if (!connection->monero)
        claim_recognised(tcp, connection);
    note_closing(tcp, connection, segment, ref->time);
    return result;
}

/* ---- the end ---- */

static int by_id(const void *a, const void *b)
{
    const struct mt_connection *const *left = a, *const *right = b;
    return ((*left)->id > (*right)->id) - ((*left)->id < (*right)->id);
}

int mt_tcp_finish(struct mt_tcp *tcp)
{
    size_t count = 0;
    struct mt_connection **all = mt_alloc(tcp->table.count, sizeof *all);
    if (all == NULL)
        return MT_NOMEM;
    for (struct mt_connection *at = tcp->table.oldest; at != NULL; at = at->newer)
        all[count++] = at;
    for (struct mt_connection *at = tcp->table.dormant_oldest; at != NULL; at = at->newer)
        all[count++] = at;
    qsort(all, count, sizeof *all, by_id);
    int result = MT_OK;
    for (size_t i = 0; i < count && result == MT_OK; i++)
        result = all[i]->dormant ? retire_idle(tcp, all[i]) : retire(tcp, all[i], MT_END_OPEN);
    mt_free(all);
    return result;
}

void mt_tcp_close(struct mt_tcp *tcp)
{
    if (tcp == NULL)
        return;
    mt_connection_table_free(&tcp->table);
    mt_checksums_free(&tcp->checksums);
    mt_free(tcp);
}
