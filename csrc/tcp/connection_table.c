#include "tcp/connection_table.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/mem.h"

#include <string.h>

int mt_connection_table_init(struct mt_connection_table *table)
{
    *table = (struct mt_connection_table){
        .buckets_count = 1024, .key = mt_hash_key(), .second_key = mt_hash_key()};
    table->buckets = mt_alloc(table->buckets_count, sizeof *table->buckets);
    return table->buckets != NULL ? MT_OK : MT_NOMEM;
}

/* ---- by age ---- */

static void unlink_age(struct mt_connection_table *table, struct mt_connection *connection)
{
    struct mt_connection **oldest = connection->dormant ? &table->dormant_oldest : &table->oldest,
                         **newest = connection->dormant ? &table->dormant_newest : &table->newest;
    *(connection->older != NULL ? &connection->older->newer : oldest) = connection->newer;
    *(connection->newer != NULL ? &connection->newer->older : newest) = connection->older;
    connection->older = connection->newer = NULL;
    table->dormant_count -= connection->dormant;
    connection->dormant = 0;
}

static void link_age(struct mt_connection **oldest, struct mt_connection **newest,
                     struct mt_connection *connection)
{
    connection->older = *newest;
    *(*newest != NULL ? &(*newest)->newer : oldest) = connection;
    *newest = connection;
}

void mt_connection_table_renew(struct mt_connection_table *table, struct mt_connection *connection,
                               int64_t time)
{
    connection->aged = time;
    if (table->newest == connection)
        return;
    unlink_age(table, connection);
    link_age(&table->oldest, &table->newest, connection);
}

void mt_connection_table_add_dormant(struct mt_connection_table *table,
                                     struct mt_connection *connection)
{
    unlink_age(table, connection);
    link_age(&table->dormant_oldest, &table->dormant_newest, connection);
    connection->dormant = 1;
    table->dormant_count++;
}

/* ---- closing ---- */

void mt_connection_table_remove_closing(struct mt_connection_table *table,
                                        struct mt_connection *connection)
{
    if (!connection->closing)
        return;
    connection->closing = 0;
    *(connection->closing_older != NULL ? &connection->closing_older->closing_newer
                                        : &table->closing_oldest) = connection->closing_newer;
    *(connection->closing_newer != NULL ? &connection->closing_newer->closing_older
                                        : &table->closing_newest) = connection->closing_older;
    connection->closing_older = connection->closing_newer = NULL;
}

void mt_connection_table_add_closing(struct mt_connection_table *table,
                                     struct mt_connection *connection, int64_t time)
{
    connection->closing = 1;
    connection->closed = time;
    connection->closing_older = table->closing_newest;
    *(table->closing_newest != NULL ? &table->closing_newest->closing_newer
                                    : &table->closing_oldest) = connection;
    table->closing_newest = connection;
}

/* ---- by endpoints ---- */

/* One word that stands for an endpoint: of IPv4 the endpoint itself, else a hash. */
static inline uint64_t word_of(uint64_t key, const struct mt_ip *ip, uint16_t port)
{
    if (ip->version == 4)
        return (uint64_t)mt_le32(ip->bytes) << 16 | port;
    return mt_hash_ipv6(key, mt_le64(ip->bytes), mt_le64(ip->bytes + 8), port);
}

uint64_t mt_connection_table_hash(const struct mt_connection_table *table,
                                  const struct mt_segment *segment)
{
    uint64_t key = table->key, a = word_of(key, &segment->source, segment->source_port),
             b = word_of(key, &segment->destination, segment->destination_port);
    uint64_t lesser = a < b ? a : b, greater = a < b ? b : a;
    /* Added to secrets, so that neither factor is one that the sender knows. */
    return mt_hash_mix(lesser + key, greater + table->second_key) ^ mt_tunnel_key(segment);
}

static int same_endpoint(const struct mt_side *side, const struct mt_ip *ip, uint16_t port)
{
    return side->port == port && side->ip.version == ip->version &&
           memcmp(side->ip.bytes, ip->bytes, sizeof ip->bytes) == 0;
}

struct mt_connection *mt_connection_table_find(const struct mt_connection_table *table,
                                               const struct mt_segment *segment, uint64_t hash,
                                               int *from_client)
{
    uint64_t tunnel = mt_tunnel_key(segment);
    for (struct mt_connection *at = table->buckets[hash & (table->buckets_count - 1)]; at != NULL;
         at = at->chain) {
        if (at->hash != hash || at->tunnel.key != tunnel)
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

static void grow(struct mt_connection_table *table)
{
    size_t count = table->buckets_count * 2;
    struct mt_connection **buckets = mt_alloc(count, sizeof *buckets);
    if (buckets == NULL)
        return; /* longer chains, nothing worse */
    for (size_t i = 0; i < table->buckets_count; i++) {
        for (struct mt_connection *at = table->buckets[i], *next; at != NULL; at = next) {
            next = at->chain;
            at->chain = buckets[at->hash & (count - 1)];
            buckets[at->hash & (count - 1)] = at;
        }
    }
    mt_free(table->buckets);
    table->buckets = buckets;
    table->buckets_count = count;
}

void mt_connection_table_add(struct mt_connection_table *table, struct mt_connection *connection)
{
    struct mt_connection **bucket = &table->buckets[connection->hash & (table->buckets_count - 1)];
    connection->chain = *bucket;
    *bucket = connection;
    link_age(&table->oldest, &table->newest, connection);
    if (++table->count > table->buckets_count / 2) /* each one looked at may miss the cache */
        grow(table);
}

void mt_connection_table_remove(struct mt_connection_table *table, struct mt_connection *connection)
{
    struct mt_connection **link = &table->buckets[connection->hash & (table->buckets_count - 1)];
    while (*link != connection)
        link = &(*link)->chain;
    *link = connection->chain;
    unlink_age(table, connection);
    mt_connection_table_remove_closing(table, connection);
    table->count--;
}

void mt_connection_table_free(struct mt_connection_table *table)
{
    while (table->oldest != NULL || table->dormant_oldest != NULL) {
        struct mt_connection *oldest =
            table->oldest != NULL ? table->oldest : table->dormant_oldest;
        unlink_age(table, oldest);
        mt_connection_free(oldest);
    }
    mt_free(table->buckets);
    table->buckets = NULL;
}
