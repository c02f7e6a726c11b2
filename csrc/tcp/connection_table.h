/* All connections that are followed: by their endpoints, by age, and those that are closing. Used
 * by tcp.c; knows nothing of segments beyond their endpoints. */
#ifndef MT_TCP_CONNECTION_TABLE_H
#define MT_TCP_CONNECTION_TABLE_H

#include "net/packet.h"
#include "tcp/connection.h"

#include <stddef.h>
#include <stdint.h>

struct mt_connection_table {
    struct mt_connection **buckets;
    size_t buckets_count; /* a power of two */
    size_t count;
    struct mt_connection *oldest, *newest;
    struct mt_connection *dormant_oldest, *dormant_newest; /* not among those by age */
    size_t dormant_count;
    struct mt_connection *closing_oldest, *closing_newest;
    uint64_t key, second_key; /* of the hash; random */
};

/* An empty table. MT_OK or MT_NOMEM. */
int mt_connection_table_init(struct mt_connection_table *table);

/* Frees the table and the connections in it, without ending them. */
void mt_connection_table_free(struct mt_connection_table *table);

/* Hash of a segment's endpoints and tunnel, the same for both directions. */
uint64_t mt_connection_table_hash(const struct mt_connection_table *table,
                                  const struct mt_segment *segment);

/* The connection of a segment's endpoints and tunnel, or NULL. *from_client says which side sent
 * it. */
struct mt_connection *mt_connection_table_find(const struct mt_connection_table *table,
                                               const struct mt_segment *segment, uint64_t hash,
                                               int *from_client);

/* Adds a connection, whose hash and sides are set, as the newest. */
void mt_connection_table_add(struct mt_connection_table *table, struct mt_connection *connection);

/* Removes a connection from the table and all lists; the caller owns it. */
void mt_connection_table_remove(struct mt_connection_table *table,
                                struct mt_connection *connection);

/* Makes it the newest, also if it is dormant. Not needed for every packet: the order by age is only
 * needed to the second.
 */
void mt_connection_table_renew(struct mt_connection_table *table, struct mt_connection *connection,
                               int64_t time);

/* Moves an idle connection out of those by age, until it goes on. */
void mt_connection_table_add_dormant(struct mt_connection_table *table,
                                     struct mt_connection *connection);

/* Puts it in the list of closing connections, as the last one, or removes it, if it is there. */
void mt_connection_table_add_closing(struct mt_connection_table *table,
                                     struct mt_connection *connection, int64_t time);
void mt_connection_table_remove_closing(struct mt_connection_table *table,
                                        struct mt_connection *connection);

#endif
