/* One payload while it is read: what the files of the p2p room share. */
#ifndef MT_P2P_DECODING_H
#define MT_P2P_DECODING_H

#include "chain/keccak.h"
#include "epee/struct_reader.h"
#include "p2p/p2p.h"

#include <stddef.h>
#include <stdint.h>

/* A string within the payload; `at` is NULL if there is none. */
struct mt_text {
    const uint8_t *at;
    size_t size;
};

struct mt_decoding {
    struct mt_p2p *p2p;
    int64_t message;

    /* 1001 to 1007: what a sender says of itself is gathered from several places and becomes a row
     * at the end */
    struct mt_node_row node;
    struct mt_sync_row sync;
    const uint8_t *network_id, *top_id; /* NULL: missing */
    struct mt_text status;
    uint8_t has_node, has_sync;

    /* 2001 to 2010 */
    size_t first_transaction;     /* rows of transactions that were there before */
    uint32_t transactions, block; /* places of the next transaction, and of the block being read */
    uint8_t stem;                 /* 2002: dandelionpp_fluff is there and false */
    struct mt_text before;        /* 2002: the transaction read last */
    uint8_t pruned, odd_list;     /* of the block entry being read: as it says; its txs are neither
                                     strings nor objects */
    struct mt_text blob;          /* of the pruned transaction being read */
    const uint8_t *prunable_hash;
    const uint8_t *block_hash; /* 2009 */
    struct mt_text indices;

    struct mt_payload payload; /* large: needs no beginning */
};

static inline struct mt_table *mt_decoding_table(const struct mt_decoding *decoding,
                                                 enum mt_table_id id)
{
    return &decoding->p2p->tables[id];
}

static inline int mt_decoding_wants(const struct mt_decoding *decoding, enum mt_table_id id)
{
    return mt_decoding_table(decoding, id)->wanted;
}

#endif
