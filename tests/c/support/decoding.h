/* Tables, interners and a decoder over them; payloads are decoded from buffers that end exactly
 * where they end. */
#ifndef MT_TEST_DECODING_H
#define MT_TEST_DECODING_H

#include "p2p/p2p.h"
#include "support/peer_rows.h"

#include <stdlib.h>
#include <string.h>

enum { ALL_TABLES = (1 << MT_TABLE_COUNT) - 1 };

struct world {
    struct mt_addresses addresses;
    struct mt_intern strings;
    struct mt_table tables[MT_TABLE_COUNT];
    mt_limit_hits limit_hits;
    struct mt_p2p p2p;
    struct mt_message_row row; /* of the last message decoded: its fingerprint */
    const char *why;           /* of the last decode, NULL if it was taken */
};

/* `wanted`: bit i = table i of mt_table_id. */
static inline void world_open(struct world *w, unsigned wanted)
{
    mt_addresses_init(&w->addresses, 1000000);
    mt_intern_init(&w->strings, 1000000);
    for (int id = 0; id < MT_TABLE_COUNT; id++)
        mt_table_init(&w->tables[id], (enum mt_table_id)id, (wanted >> id & 1) != 0);
    mt_p2p_init(&w->p2p, &w->addresses, &w->strings, w->tables, &mt_default_limits, w->limit_hits);
}

static inline void world_close(struct world *w)
{
    mt_p2p_free(&w->p2p);
    mt_addresses_free(&w->addresses);
    mt_intern_free(&w->strings);
    for (int id = 0; id < MT_TABLE_COUNT; id++)
        mt_table_free(&w->tables[id]);
}

static inline int decode(struct world *w, int64_t message, uint32_t command, int response,
                         const uint8_t *bytes, size_t size)
{
    uint8_t *exact = malloc(size != 0 ? size : 1);
    if (size != 0)
        memcpy(exact, bytes, size);
    w->why = NULL;
    w->row =
        (struct mt_message_row){.message = message,
                                .command = command,
                                .kind = (int8_t)(response ? MT_KIND_RESPONSE : MT_KIND_REQUEST)};
    int result = mt_p2p_decode(&w->p2p, &w->row, exact, size, &w->why);
    free(exact);
    mt_p2p_resolve(&w->p2p);
    return result;
}

/* Rows of all tables, and none of them any more. */
static inline size_t world_rows(const struct world *w)
{
    size_t rows = 0;
    for (int id = 0; id < MT_TABLE_COUNT; id++)
        rows += w->tables[id].count;
    return rows;
}

static inline void world_clear(struct world *w)
{
    for (int id = 0; id < MT_TABLE_COUNT; id++)
        w->tables[id].count = 0;
    mt_known_entries_clear(&w->p2p.known_entries);
}

/* Entries of peer lists, and none of them any more. */
static inline size_t peers_count(const struct world *w)
{
    return w->tables[MT_TABLE_peer_codes].count;
}
static inline void forget_peers(struct world *w)
{
    w->tables[MT_TABLE_peer_runs].count = w->tables[MT_TABLE_peer_codes].count = 0;
}

/* The row of an entry, valid until the next call. */
static inline const struct mt_peer_row *peer(const struct world *w, size_t row)
{
    static struct mt_peer_row current;
    const struct mt_peer_run_row *run = w->tables[MT_TABLE_peer_runs].rows;
    const struct mt_peer_code_row *codes = w->tables[MT_TABLE_peer_codes].rows;
    const struct mt_peer_entry_row *entries = w->tables[MT_TABLE_peer_entries].rows;
    size_t position = row;
    for (; position >= run->entries; run++)
        position -= run->entries;
    current = peer_row(&entries[codes[row].entry], run->message, (uint32_t)position);
    return &current;
}
static inline struct mt_node_row *node(struct world *w, size_t row)
{
    return (struct mt_node_row *)w->tables[MT_TABLE_node_data].rows + row;
}
static inline struct mt_sync_row *sync_row(struct world *w, size_t row)
{
    return (struct mt_sync_row *)w->tables[MT_TABLE_sync_data].rows + row;
}
static inline struct mt_transaction_row *transaction_row(struct world *w, size_t row)
{
    return (struct mt_transaction_row *)w->tables[MT_TABLE_transactions].rows + row;
}
static inline struct mt_block_row *block_row(struct world *w, size_t row)
{
    return (struct mt_block_row *)w->tables[MT_TABLE_blocks].rows + row;
}
static inline struct mt_inventory_row *inventory_row(struct world *w, size_t row)
{
    return (struct mt_inventory_row *)w->tables[MT_TABLE_inventories].rows + row;
}

/* The text of a row's host; "" if it has none. */
static inline const char *host_text(struct world *w, const struct mt_peer_row *row)
{
    static char text[MT_ADDRESS_TEXT + 1];
    size_t size =
        row->host >= 0 ? mt_address_text(&w->addresses, row->host, text, MT_ADDRESS_TEXT) : 0;
    text[size] = 0;
    return text;
}

/* 1 if the code is that of these bytes. */
static inline int world_interned(const struct world *w, int32_t code, const void *bytes,
                                 size_t size)
{
    size_t known_size;
    if (code < 0)
        return 0;
    const uint8_t *known = mt_intern_get(&w->strings, code, &known_size);
    return known_size == size && memcmp(known, bytes, size) == 0;
}

#endif
