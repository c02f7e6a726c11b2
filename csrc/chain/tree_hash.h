/* Monero's tree hash (src/crypto/tree-hash.c): one hash for a list of hashes, computed as they
 * come, in memory that does not depend on their number. Used by block.c.
 *
 * With c the largest power of two below the number n of leaves, the first 2 c - n leaves are nodes
 * as they are, the others are hashed in pairs; the resulting c nodes are the leaves of a full
 * binary tree, of which only the roots of complete subtrees are kept. */
#ifndef MT_CHAIN_TREE_HASH_H
#define MT_CHAIN_TREE_HASH_H

#include "chain/keccak.h"

#include <stdint.h>

/* Roots of subtrees of 2^0 to 2^31 nodes, and the next leaf. */
enum { MT_TREE_NODES = 34 };

struct mt_tree_hash {
    uint64_t single;  /* leaves still to come that are nodes as they are */
    uint64_t pushed;  /* nodes so far */
    uint32_t depth;   /* complete subtrees, the largest first */
    uint32_t waiting; /* 1: the first leaf of a pair follows them */
    uint8_t nodes[MT_TREE_NODES][MT_HASH_SIZE];
};

/* Begins a tree of `count` leaves, 1 to 2^32. */
void mt_tree_hash_init(struct mt_tree_hash *tree, uint64_t count);

/* Appends the next leaf. */
void mt_tree_hash_add(struct mt_tree_hash *tree, const uint8_t leaf[MT_HASH_SIZE]);

/* Writes the root. As many leaves must have been added as mt_tree_hash_init announced. */
void mt_tree_hash_root(const struct mt_tree_hash *tree, uint8_t root[MT_HASH_SIZE]);

#endif
