/* One payload while it is read: the state that the files of p2p share. Used inside p2p only. */
#ifndef MT_P2P_DECODING_H
#define MT_P2P_DECODING_H

#include "chain/keccak.h"
#include "p2p/p2p.h"
#include "p2p/struct_reader.h"

#include <stddef.h>
#include <stdint.h>

/* A string within the payload; `at` is NULL if it is missing. */
struct mt_text {
    const uint8_t *at;
    size_t size;
};

struct mt_decoding {
    struct mt_p2p *p2p;
    int64_t message;

    /* 1001 to 1007: one row each at the end of the payload */
    struct mt_node_row node;
    struct mt_sync_row sync;
    const uint8_t *network_id, *top_id; /* NULL: missing */
    size_t first_entry;                 /* rows of peer_entries that were there before */
    struct mt_text status;
    uint8_t has_node, has_sync;

    /* 2001 to 2012 */
    size_t first_transaction; /* rows of transactions that were there before */
    uint32_t transactions,
        block;                /* positions of the next transaction and of the block being read */
    uint8_t stem;             /* 2002: dandelionpp_fluff is there and false */
    struct mt_text previous;  /* 2002: the transaction read last */
    uint8_t pruned, odd_list; /* of the block entry being read: as it says; its txs are neither
                                 strings nor objects */
    struct mt_text blob;      /* of the pruned transaction being read */
    const uint8_t *prunable_hash;
    const uint8_t *block_hash; /* 2009 */
    struct mt_text indices;
    enum mt_list draft_list; /* 2011, 2012: which list of transactions it is */

    struct mt_payload_reader reader; /* large; needs no initialisation */
};

/* The table of that id. */
static inline struct mt_table *mt_decoding_table(const struct mt_decoding *decoding,
                                                 enum mt_table_id id)
{
    return &decoding->p2p->tables[id];
}

/* 1 if the caller asked for the table. */
static inline int mt_decoding_wants(const struct mt_decoding *decoding, enum mt_table_id id)
{
    return mt_decoding_table(decoding, id)->wanted;
}

#endif
