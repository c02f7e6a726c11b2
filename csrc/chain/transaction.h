/* Transactions in Monero's own serialization: their fields and ids. Only the structure is verified,
 * as strictly as by monerod's reader (src/cryptonote_basic/cryptonote_basic.h,
 * src/ringct/rctTypes.h, and expand_transaction_1 and get_transaction_hash of
 * src/cryptonote_basic/cryptonote_format_utils.cpp). Knows nothing of messages or rows. Used by p2p
 * and block.c.
 *
 * RCT types 3 and 4 are read in two formats: the one of all chains today, and the one of monerod
 * v0.12, whose transactions testnet accepted in 2018 (one bulletproof for each output).
 *
 * Refused beyond that, as none is on any chain: inputs and outputs of scripts, which monerod reads
 * and drops later; bytes after the base of a pruned transaction, which it ignores; a last varint
 * that is cut off (blob.h). */
#ifndef MT_CHAIN_TRANSACTION_H
#define MT_CHAIN_TRANSACTION_H

#include "base/error.h"
#include "chain/keccak_many.h"

#include <stddef.h>
#include <stdint.h>

/* RCT types. */
enum mt_rct {
    MT_RCT_NULL = 0,
    MT_RCT_FULL = 1,
    MT_RCT_SIMPLE = 2,
    MT_RCT_BULLETPROOF = 3,
    MT_RCT_BULLETPROOF2 = 4,
    MT_RCT_CLSAG = 5,
    MT_RCT_BULLETPROOF_PLUS = 6,
    MT_RCT_COUNT
};

/* Bits of `present`. */
enum {
    MT_TX_RCT_TYPE = 1,
    MT_TX_RING_SIZE = 2,
    MT_TX_FEE = 4,
    MT_TX_WEIGHT = 8,
    MT_TX_HEIGHT = 16
};

struct mt_transaction {
    uint64_t fee; /* of version 1: what the inputs have more than the outputs. Missing for coinbase,
                     RCT type 0, and where version 1 does not add up */
    uint64_t weight; /* get_transaction_weight. Missing if pruned, and for a coinbase with
                        bulletproofs for more than 16 outputs, where that has none */
    uint64_t height; /* of a coinbase: a transaction whose only input is a gen */
    uint32_t inputs, outputs;
    uint32_t ring_size;   /* ring members of the first input that spends an output; missing without
                             such an input */
    uint32_t prefix_size; /* where the prefix ends */
    uint32_t base_size;   /* where the RCT base ends; version 1: where the prefix does */
    uint32_t size;        /* where the transaction ends */
    uint8_t version;      /* 1 or 2 */
    uint8_t rct_type; /* enum mt_rct. Missing for version 1, and for version 2 without inputs, which
                         has no RCT part */
    uint8_t pruned;   /* the prunable part is not there: sent in pruned form, and of version 2 */
    uint8_t present;  /* which of the above that may be missing are there */
};

enum { MT_ID_PARTS = 3 }; /* hashes that the id of a transaction of version 2 is a hash of */

/* Reads a transaction of exactly `size` bytes; `pruned` says that it was sent in pruned form
 * (version 2: prefix and RCT base only; version 1 is whole all the same). MT_OK; or MT_MALFORMED,
 * with *why (static text), if monerod would refuse it; *transaction is then all zero. */
int mt_transaction_parse(struct mt_transaction *transaction, const void *bytes, size_t size,
                         int pruned, const char **why);

/* Reads the whole transaction that `bytes` begin with, the miner's of a block: transaction->size is
 * its size. Several bulletproofs, which monerod refuses from peers, are accepted here. Results as
 * above. */
int mt_transaction_parse_first(struct mt_transaction *transaction, const void *bytes, size_t size,
                               const char **why);

/* The id of the transaction that was parsed from `bytes`. `prunable_hash`: the hash of the prunable
 * part of a pruned one, NULL if it is not known; not used for others. MT_OK; or
 * MT_MALFORMED if the id is unknown: pruned, of an RCT type other than 0, and no hash. */
int mt_transaction_id(const void *bytes, const struct mt_transaction *transaction,
                      const uint8_t *prunable_hash, uint8_t id[MT_HASH_SIZE]);

/* What has to be hashed for the id of a transaction of version 2, which is the hash of all `parts`
 * together: sets *count jobs, which write to `parts`, and writes the parts that are known already.
 * `prunable_hash` and results as above; `bytes` must live until the jobs are done. */
int mt_transaction_id_parts(const void *bytes, const struct mt_transaction *transaction,
                            const uint8_t *prunable_hash, uint8_t parts[MT_ID_PARTS][MT_HASH_SIZE],
                            struct mt_keccak_job jobs[MT_ID_PARTS], size_t *count);

#endif
