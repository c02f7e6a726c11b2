/* monero's tree hash (src/crypto/tree-hash.c): one hash for a list of hashes, here while they come,
 * in room that does not depend on their number.
 *
 * With c the largest power of two below the number n of leaves, the first 2 c - n leaves are nodes
 * as they are, the others are hashed in pairs; the c nodes that this gives are the leaves of a full
 * binary tree, of which only the roots of complete subtrees have to be kept. */
#ifndef MT_CHAIN_TREE_HASH_H
#define MT_CHAIN_TREE_HASH_H

#include "chain/keccak.h"

#include <stdint.h>

/* Room for the roots of subtrees of 2^0 to 2^31 nodes and for the leaf that comes. */
enum { MT_TREE_NODES = 34 };

struct mt_tree_hash {
    uint64_t single;  /* leaves still to come that are nodes as they are */
    uint64_t pushed;  /* nodes so far */
    uint32_t depth;   /* complete subtrees, the largest first */
    uint32_t waiting; /* 1: the first leaf of a pair is behind them */
    uint8_t nodes[MT_TREE_NODES][MT_HASH_SIZE];
};

/* Begins a tree of `count` leaves, 1 to 2^32. */
void mt_tree_hash_init(struct mt_tree_hash *tree, uint64_t count);

/* The next leaf. */
void mt_tree_hash_add(struct mt_tree_hash *tree, const uint8_t leaf[MT_HASH_SIZE]);

/* The root, once as many leaves have come as were announced. */
void mt_tree_hash_root(const struct mt_tree_hash *tree, uint8_t root[MT_HASH_SIZE]);

#endif
