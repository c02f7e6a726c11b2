/* Tables, interners and a decoder over them; payloads are decoded from buffers that end exactly where they end. */
#ifndef MT_TEST_DECODING_H
#define MT_TEST_DECODING_H

#include "p2p.h"

#include <stdlib.h>
#include <string.h>

struct world {
    struct mt_addresses addresses;
    struct mt_intern strings;
    struct mt_table peers, nodes, syncs;
    struct mt_p2p p2p;
    const char *why; /* of the last decode, NULL if it was taken */
};

static inline void world_open(struct world *w, int peers, int nodes, int syncs)
{
    mt_addresses_init(&w->addresses, 1000000);
    mt_intern_init(&w->strings, 1000000);
    mt_table_init(&w->peers, MT_TABLE_peer_lists, peers);
    mt_table_init(&w->nodes, MT_TABLE_node_data, nodes);
    mt_table_init(&w->syncs, MT_TABLE_sync_data, syncs);
    w->p2p = (struct mt_p2p){&w->addresses, &w->strings, &w->peers, &w->nodes, &w->syncs};
}

static inline void world_close(struct world *w)
{
    mt_addresses_free(&w->addresses);
    mt_intern_free(&w->strings);
    mt_table_free(&w->peers);
    mt_table_free(&w->nodes);
    mt_table_free(&w->syncs);
}

static inline int decode(struct world *w, int64_t message, uint32_t command, int response, const uint8_t *bytes, size_t size)
{
    uint8_t *exact = malloc(size != 0 ? size : 1);
    if (size != 0)
        memcpy(exact, bytes, size);
    w->why = NULL;
    int result = mt_p2p_decode(&w->p2p, message, command, response, exact, size, &w->why);
    free(exact);
    return result;
}

static inline struct mt_peer_row *peer(struct world *w, size_t row)
{
    return (struct mt_peer_row *)w->peers.rows + row;
}
static inline struct mt_node_row *node(struct world *w, size_t row)
{
    return (struct mt_node_row *)w->nodes.rows + row;
}
static inline struct mt_sync_row *sync_row(struct world *w, size_t row)
{
    return (struct mt_sync_row *)w->syncs.rows + row;
}

/* The text of a row's host; "" if it has none. */
static inline const char *host_text(struct world *w, const struct mt_peer_row *row)
{
    static char text[MT_ADDRESS_TEXT + 1];
    size_t size = row->host >= 0 ? mt_address_text(&w->addresses, row->host, text, MT_ADDRESS_TEXT) : 0;
    text[size] = 0;
    return text;
}

#endif
