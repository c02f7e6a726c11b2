/* Keccak-256 of several inputs at once, which is faster than one after the other where the
 * processor has vectors of four lanes. Used by chain and p2p. */
#ifndef MT_CHAIN_KECCAK_MANY_H
#define MT_CHAIN_KECCAK_MANY_H

#include "chain/keccak.h"

struct mt_keccak_job {
    const uint8_t *bytes; /* must not be NULL, nor overlap `hash` */
    size_t size;
    uint8_t *hash; /* MT_HASH_SIZE bytes */
};

/* Writes the hash of each of `count` inputs. Faster if long ones come first. */
void mt_keccak256_many(const struct mt_keccak_job *jobs, size_t count);

#endif
