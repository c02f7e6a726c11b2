/* Blocks in Monero's own serialization (src/cryptonote_basic/cryptonote_basic.h): their fields and
 * ids. Only the structure is verified. Knows nothing of messages or rows. Used by p2p. */
#ifndef MT_CHAIN_BLOCK_H
#define MT_CHAIN_BLOCK_H

#include "chain/keccak.h"
#include "chain/transaction.h"

#include <stddef.h>
#include <stdint.h>

struct mt_block {
    const uint8_t *bytes; /* the blob, and pointers into it */
    const uint8_t *previous;
    const uint8_t *miner_tx;
    const uint8_t *transactions; /* the ids listed, MT_HASH_SIZE bytes each */
    size_t size;
    uint64_t timestamp;
    uint64_t height;      /* as the miner's transaction says; only if its sole input is a gen */
    uint32_t header_size; /* major version to nonce */
    uint32_t transaction_count; /* of the ids listed: without the miner's */
    struct mt_transaction miner;
    uint8_t major_version, minor_version;
    uint8_t has_height;
};

/* Reads a block of exactly `size` bytes, which must outlive it. MT_OK; or MT_MALFORMED, with
 * *why (static text), if monerod would refuse it; *block is then all zero. */
int mt_block_parse(struct mt_block *block, const void *bytes, size_t size, const char **why);

/* Writes the ids of the block and of the miner's transaction. */
void mt_block_ids(const struct mt_block *block, uint8_t id[MT_HASH_SIZE],
                  uint8_t miner_tx_id[MT_HASH_SIZE]);

#endif
