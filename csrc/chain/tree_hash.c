#include "chain/tree_hash.h"

#include <string.h>

void mt_tree_hash_init(struct mt_tree_hash *tree, uint64_t count)
{
    uint64_t nodes = 1;
    while (2 * nodes < count)
        nodes *= 2;
    tree->single = 2 * nodes - count;
    tree->pushed = 0;
    tree->depth = 0;
    tree->waiting = 0;
}

/* The last two of the stack become their hash. */
static void join(struct mt_tree_hash *tree)
{
    tree->depth--;
    uint8_t *left = tree->nodes[tree->depth - 1];
    mt_keccak256(left, 2 * MT_HASH_SIZE, left);
}

/* The last of the stack is a new node: every subtree that it completes is joined. */
static void push(struct mt_tree_hash *tree)
{
    for (uint64_t place = tree->pushed++; place % 2 == 1; place /= 2)
        join(tree);
}

void mt_tree_hash_add(struct mt_tree_hash *tree, const uint8_t leaf[MT_HASH_SIZE])
{
    memcpy(tree->nodes[tree->depth++], leaf, MT_HASH_SIZE);
    if (tree->single > 0) {
        tree->single--;
        push(tree);
    } else if (!tree->waiting) {
        tree->waiting = 1;
    } else {
        tree->waiting = 0;
        join(tree);
        push(tree);
    }
}

void mt_tree_hash_root(const struct mt_tree_hash *tree, uint8_t root[MT_HASH_SIZE])
{
    memcpy(root, tree->nodes[0], MT_HASH_SIZE);
}
