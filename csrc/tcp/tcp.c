#include "tcp/tcp.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/mem.h"
#include "tcp/connection.h"

#include <stdlib.h>
#include <string.h>

#define AGE_STEP 1000000000 /* ns */
#define SWEEP_STEP 100000000
enum {
    LINGER_SECONDS = 10
}; /* how long a closed connection's streams stay open for segments that were overtaken */
enum {
    MOST_RENEWED = 16
}; /* connections with wild times looked at per sweep: times that jump back with every packet must
      not cost all connections each time */

struct mt_tcp {
    struct mt_output *output;
    struct mt_connection **buckets;
    size_t buckets_count; /* a power of two */
    size_t count;         /* connections followed */
    struct mt_connection *oldest, *newest;
    struct mt_connection *closing_oldest, *closing_newest;
    uint64_t key;
    int64_t next_id;
    int64_t clock; /* the lesser of the last two packets' times: one wild time stamp ends nothing */
    int64_t last_time;
    int64_t swept;            /* clock of the last sweep */
    int64_t *monero_packets;  /* by file; the caller's */
    uint8_t ports[65536 / 8]; /* one bit per port */
};

struct mt_tcp *mt_tcp_open(struct mt_output *output, const uint16_t *ports, size_t ports_count,
                           int64_t *monero_packets)
{
    struct mt_tcp *tcp = mt_alloc(1, sizeof *tcp);
    if (tcp == NULL)
        return NULL;
    tcp->buckets_count = 1024;
    tcp->buckets = mt_alloc(tcp->buckets_count, sizeof *tcp->buckets);
    if (tcp->buckets == NULL) {
        mt_free(tcp);
        return NULL;
    }
    tcp->output = output;
    tcp->key = mt_hash_key();
    tcp->clock = tcp->last_time = tcp->swept = MT_NO_TIME;
    tcp->monero_packets = monero_packets;
    for (size_t i = 0; i < ports_count; i++)
        tcp->ports[ports[i] / 8] |= (uint8_t)(1u << ports[i] % 8);
    return tcp;
}

static int levin_port(const struct mt_tcp *tcp, uint16_t port)
{
    return tcp->ports[port / 8] >> port % 8 & 1;
}

/* ---- the table ---- */

static uint64_t hash_endpoint(uint64_t key, const struct mt_ip *ip, uint16_t port)
{
    if (ip->version == 4)
        return mt_hash_mix(key, (uint64_t)mt_le32(ip->bytes) << 16 | port);
    return mt_hash_ipv6(key, mt_le64(ip->bytes), mt_le64(ip->bytes + 8), port);
}

/* The same for both directions. Both halves are secret. */
static uint64_t hash_segment(const struct mt_tcp *tcp, const struct mt_segment *segment)
{
    uint64_t a = hash_endpoint(tcp->key, &segment->source, segment->source_port),
             b = hash_endpoint(tcp->key, &segment->destination, segment->destination_port);
    return a < b ? mt_hash_mix(a ^ tcp->key, b) : mt_hash_mix(b ^ tcp->key, a);
}

static int same_endpoint(const struct mt_side *side, const struct mt_ip *ip, uint16_t port)
{
    return side->port == port && side->ip.version == ip->version &&
           memcmp(side->ip.bytes, ip->bytes, sizeof ip->bytes) == 0;
}

static struct mt_connection *find(const struct mt_tcp *tcp, const struct mt_segment *segment,
                                  uint64_t hash, int *from_client)
{
    for (struct mt_connection *at = tcp->buckets[hash & (tcp->buckets_count - 1)]; at != NULL;
         at = at->chain) {
        if (at->hash != hash)
            continue;
        for (int client = 1; client >= 0; client--) {
            if (same_endpoint(&at->sides[client], &segment->source, segment->source_port) &&
                same_endpoint(&at->sides[!client], &segment->destination,
                              segment->destination_port)) {
                *from_client = client;
                return at;
            }
        }
    }
    return NULL;
}

static void grow(struct mt_tcp *tcp)
{
    size_t count = tcp->buckets_count * 2;
    struct mt_connection **buckets = mt_alloc(count, sizeof *buckets);
    if (buckets == NULL)
        return; /* longer chains, nothing worse */
    for (size_t i = 0; i < tcp->buckets_count; i++) {
        for (struct mt_connection *at = tcp->buckets[i], *next; at != NULL; at = next) {
            next = at->chain;
            at->chain = buckets[at->hash & (count - 1)];
            buckets[at->hash & (count - 1)] = at;
        }
    }
    mt_free(tcp->buckets);
    tcp->buckets = buckets;
    tcp->buckets_count = count;
}

static void unlink_age(struct mt_tcp *tcp, struct mt_connection *connection)
{
    *(connection->older != NULL ? &connection->older->newer : &tcp->oldest) = connection->newer;
    *(connection->newer != NULL ? &connection->newer->older : &tcp->newest) = connection->older;
    connection->older = connection->newer = NULL;
}

static void link_newest(struct mt_tcp *tcp, struct mt_connection *connection)
{
    connection->older = tcp->newest;
    *(tcp->newest != NULL ? &tcp->newest->newer : &tcp->oldest) = connection;
    tcp->newest = connection;
}

/* Makes it the newest. Not for every packet: the order by age is only needed to the second. */
static void renew(struct mt_tcp *tcp, struct mt_connection *connection, int64_t time)
{
    connection->aged = time;
    if (tcp->newest == connection)
        return;
    unlink_age(tcp, connection);
    link_newest(tcp, connection);
}

static void unlink_closing(struct mt_tcp *tcp, struct mt_connection *connection)
{
    if (!connection->closing)
        return;
    connection->closing = 0;
    *(connection->closing_older != NULL ? &connection->closing_older->closing_newer
                                        : &tcp->closing_oldest) = connection->closing_newer;
    *(connection->closing_newer != NULL ? &connection->closing_newer->closing_older
                                        : &tcp->closing_newest) = connection->closing_older;
    connection->closing_older = connection->closing_newer = NULL;
}

static void link_closing(struct mt_tcp *tcp, struct mt_connection *connection, int64_t time)
{
    connection->closing = 1;
    connection->closed = time;
    connection->closing_older = tcp->closing_newest;
    *(tcp->closing_newest != NULL ? &tcp->closing_newest->closing_newer : &tcp->closing_oldest) =
        connection;
    tcp->closing_newest = connection;
}

/* ---- whose packets ---- */

/* The entry of a file, moved to the front: files that overlap in time take turns. NULL if memory is
 * out. */
static struct mt_unclaimed *unclaimed_of(struct mt_connection *connection, int32_t file)
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

static int count_packet(struct mt_tcp *tcp, struct mt_connection *connection, int32_t file)
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
static void claim_recognised(struct mt_tcp *tcp, struct mt_connection *connection)
{
    if (connection->monero || connection->dialog == NULL || !connection->dialog->monero)
        return;
    connection->monero = 1;
    while (connection->unclaimed != NULL) {
        struct mt_unclaimed *next = connection->unclaimed->next;
        tcp->monero_packets[connection->unclaimed->file] += connection->unclaimed->packets;
        mt_free(connection->unclaimed);
        connection->unclaimed = next;
    }
}

/* What waited behind a hole may be what shows that the connection is Monero's. */
static int end_streams(struct mt_tcp *tcp, struct mt_connection *connection)
{
    int result = mt_connection_end(connection, tcp->output);
    claim_recognised(tcp, connection);
    return result;
}

/* Takes a connection out of the table, tells all of it, and frees it. */
static int retire(struct mt_tcp *tcp, struct mt_connection *connection, enum mt_end end)
{
    struct mt_connection **link = &tcp->buckets[connection->hash & (tcp->buckets_count - 1)];
    while (*link != connection)
        link = &(*link)->chain;
    *link = connection->chain;
    unlink_age(tcp, connection);
    unlink_closing(tcp, connection);
    tcp->count--;
    int result = end_streams(tcp, connection);
    if (result == MT_OK)
        result = mt_connection_row(connection, tcp->output, end);
    mt_connection_free(connection);
    return result;
}

static int retire_idle(struct mt_tcp *tcp, struct mt_connection *connection)
{
    tcp->output->limit_hits[MT_LIMIT_idle_seconds]++;
    return retire(tcp, connection, MT_END_IDLE);
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

static struct mt_connection *begin(struct mt_tcp *tcp, const struct mt_segment *segment,
                                   uint64_t hash, const struct mt_packet_ref *place,
                                   int *from_client)
{
    struct mt_connection *connection = mt_alloc(1, sizeof *connection);
    if (connection == NULL)
        return NULL;
    int sender = sender_is_client(tcp, segment);
    connection->sides[sender].ip = segment->source;
    connection->sides[sender].port = segment->source_port;
    connection->sides[!sender].ip = segment->destination;
    connection->sides[!sender].port = segment->destination_port;
    if (mt_address_ip(&tcp->output->addresses, &connection->sides[1].ip, &connection->client) !=
            MT_OK ||
        mt_address_ip(&tcp->output->addresses, &connection->sides[0].ip, &connection->server) !=
            MT_OK) {
        mt_free(connection);
        return NULL;
    }
    connection->hash = hash;
    connection->id = tcp->next_id++;
    connection->opened = connection->last = connection->aged = place->time;
    connection->syn_time = connection->rtt = MT_NO_TIME;
    connection->start = (segment->flags & MT_TCP_SYN) != 0 ? MT_START_SYN : MT_START_MIDSTREAM;
    connection->monero =
        levin_port(tcp, segment->source_port) || levin_port(tcp, segment->destination_port);
    for (int side = 0; side < 2; side++)
        connection->sides[side].stream.fin = -1;
    connection->chain = tcp->buckets[hash & (tcp->buckets_count - 1)];
    tcp->buckets[hash & (tcp->buckets_count - 1)] = connection;
    link_newest(tcp, connection);
    if (++tcp->count > tcp->buckets_count)
        grow(tcp);
    *from_client = sender;
    return connection;
}

/* ---- time ---- */

/* When its own time stamps are missing or from the future, the time at which it was put in its
 * place by age decides. */
static int idle(const struct mt_tcp *tcp, const struct mt_connection *connection, int64_t now)
{
    int64_t heard = connection->last == MT_NO_TIME || connection->last > now ? connection->aged
                                                                             : connection->last;
    return heard != MT_NO_TIME && now > heard &&
           mt_elapsed(heard, now) / 1000000000 >= tcp->output->limits->idle_seconds;
}

/* A time stamp that is missing or far ahead of the others: who has it must not keep those behind
 * from ending. */
static int wild(int64_t time, int64_t now, int64_t seconds)
{
    return time == MT_NO_TIME || (time > now && mt_elapsed(now, time) / 1000000000 >= seconds);
}

/* Ends what has been idle for too long, and the streams of what closed a while ago. */
static int sweep(struct mt_tcp *tcp, int64_t time)
{
    if (time == MT_NO_TIME)
        return MT_OK;
    tcp->clock = tcp->last_time == MT_NO_TIME || time < tcp->last_time ? time : tcp->last_time;
    tcp->last_time = time;
    if (tcp->swept != MT_NO_TIME && tcp->clock >= tcp->swept &&
        mt_elapsed(tcp->swept, tcp->clock) < SWEEP_STEP)
        return MT_OK;
    tcp->swept = tcp->clock;
    int result = MT_OK;
    if (tcp->closing_oldest != NULL &&
        wild(tcp->closing_oldest->closed, tcp->clock, LINGER_SECONDS))
        tcp->closing_oldest->closed = tcp->clock;
    while (result == MT_OK && tcp->closing_oldest != NULL &&
           mt_elapsed(tcp->closing_oldest->closed, tcp->clock) / 1000000000 >= LINGER_SECONDS) {
        struct mt_connection *closing = tcp->closing_oldest;
        unlink_closing(tcp, closing);
        if (mt_connection_closed(closing))
            result = end_streams(tcp, closing);
    }
    for (int renewed = 0; result == MT_OK && tcp->oldest != NULL && renewed < MOST_RENEWED;) {
        if (idle(tcp, tcp->oldest, tcp->clock))
            result = retire_idle(tcp, tcp->oldest);
        else if (!wild(tcp->oldest->aged, tcp->clock, tcp->output->limits->idle_seconds))
            break;
        else {
            renew(tcp, tcp->oldest, tcp->clock);
            renewed++;
        }
    }
    return result;
}

static int evict(struct mt_tcp *tcp)
{
    struct mt_connection *oldest = tcp->oldest;
    struct mt_problem_row row = {.frame = oldest->last_ref.frame,
                                 .time = oldest->last_ref.time,
                                 .file = oldest->last_ref.file,
                                 .connection = oldest->id,
                                 .client = oldest->client,
                                 .server = oldest->server,
                                 .offset = -1,
                                 .from_client = -1,
                                 .kind = MT_PROBLEM_LIMIT};
    if (mt_output_problem(tcp->output, &row, "a connection was ended: limit on connections") !=
        MT_OK)
        return MT_NOMEM;
    tcp->output->limit_hits[MT_LIMIT_connections]++;
    return retire(tcp, oldest, MT_END_IDLE);
}

int mt_tcp_segment(struct mt_tcp *tcp, const struct mt_segment *segment,
                   const struct mt_packet_ref *place)
{
    uint64_t hash = hash_segment(tcp, segment);
    int from_client = 0, result = sweep(tcp, place->time);
    if (result != MT_OK)
        return result;
    struct mt_connection *connection = find(tcp, segment, hash, &from_client);
    if (connection != NULL) {
        int was_idle = idle(tcp, connection, place->time);
        if (was_idle || mt_connection_renewed(connection, segment, from_client)) {
            result =
                was_idle ? retire_idle(tcp, connection) : retire(tcp, connection, MT_END_REUSED);
            connection = NULL;
        }
    }
    if (result == MT_OK && connection == NULL) {
        if (tcp->count >= (uint64_t)tcp->output->limits->connections && tcp->oldest != NULL)
            result = evict(tcp);
        if (result == MT_OK &&
            (connection = begin(tcp, segment, hash, place, &from_client)) == NULL)
            result = MT_NOMEM;
    }
    if (result != MT_OK)
        return result;
    if (place->time == MT_NO_TIME || connection->aged == MT_NO_TIME ||
        place->time < connection->aged || mt_elapsed(connection->aged, place->time) >= AGE_STEP)
        renew(tcp, connection, place->time);
    result = count_packet(tcp, connection, place->file);
    if (result == MT_OK)
        result = mt_connection_segment(connection, tcp->output, segment, from_client, place);
    claim_recognised(tcp, connection);
    if ((segment->flags & (MT_TCP_FIN | MT_TCP_RST)) != 0 && !connection->closing &&
        !connection->ended && place->time != MT_NO_TIME && mt_connection_closed(connection))
        link_closing(tcp, connection, place->time);
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
    struct mt_connection **all = mt_alloc(tcp->count, sizeof *all);
    if (all == NULL)
        return MT_NOMEM;
    for (struct mt_connection *at = tcp->oldest; at != NULL; at = at->newer)
        all[count++] = at;
    qsort(all, count, sizeof *all, by_id);
    int result = MT_OK;
    for (size_t i = 0; i < count && result == MT_OK; i++)
        result = retire(tcp, all[i], MT_END_OPEN);
    mt_free(all);
    return result;
}

void mt_tcp_close(struct mt_tcp *tcp)
{
    if (tcp == NULL)
        return;
    while (tcp->oldest != NULL) {
        struct mt_connection *oldest = tcp->oldest;
        unlink_age(tcp, oldest);
        mt_connection_free(oldest);
    }
    mt_free(tcp->buckets);
    mt_free(tcp);
}
