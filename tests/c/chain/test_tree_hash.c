#include "chain/tree_hash.h"

#include "support/check.h"
#include "support/hex.h"

#include <stdlib.h>

/* Roots over the first leaves, leaf i being the hash of i in four bytes; computed recursively by
 * another program. */
static const struct {
    uint32_t count;
    const char *root;
} known[] = {
    {1, "e8e77626586f73b955364c7b4bbf0bb7f7685ebd40e852b164633a4acbd3244c"},
    {2, "fc5b56233029d71e7e9aff8e230ff491475dee2d8074b27d5fecf8f5154d7c8d"},
    {3, "5dde219f6e670db4f8c85518ee54a77959299253f262d9c321701c7d0979a399"},
    {4, "1d37b1ee4db7470d98e135bd33fb23ce297ab6535043628dbccb9ecb64af4907"},
    {5, "e824b624071287881379bcf347b6922fedc5c7c401b755bae412c4641ba8dfef"},
    {6, "d2ae9fc3ae7538445ba2fbd3bc0d33006e7c678ff243e16fa5df1bae510c8dc5"},
    {7, "e2d05f5f34e45e8691e6efa1434148089fd47c10c68eb0282fee99aafaaab033"},
    {8, "60d08524143a468298306250e9219a97584c9b0dc4dd0bd9c302e1a380bba744"},
    {9, "7b8374d81c6a3ac9e4753b87419bc3023ffded5a6fd33e3825b0921f04ba2df2"},
    {15, "e1d7c1c445e89b310ad0f0164af835e4db7cd7252442800fa0f9264942d53a76"},
    {16, "e83c8a9e5478e8018b9623c71e60ec3c19dc74eb317649707a9f40985d134fba"},
    {17, "8a99e9f9092567eead0b937afc48abddadc89d829eb76a9013b5e42a1d36b9bb"},
    {31, "21e90e0e863c4bc138c2efb360f66a4e4d9d77648e563b34af61486140911a17"},
    {32, "3a19f03bd2fa41331f1d840da09952033028ed9dccdeba139bf11316327c7447"},
    {33, "3f2acb466d3b3bdfcd9d9bc9fc4ac3d920ac7563b47f9b2ce1b9d6f6aa9b4657"},
    {100, "ad861728421cf4e4d77025a18d1ddb212efc972310055f5d790918a08200cdd9"},
    {255, "5c525d8753577ca727c26569ffd1ffd1fe6bcad023586ffda5e737222be665b3"},
    {256, "936cffe1756ec84705084a3c5b1a1ba016c9234c3e6ac855c2e69aee1fe832a0"},
    {257, "3cc04899bb033630d3cbf91e7888601291939b3cfaaab6b7ebbec6f96e751c21"},
    {1000, "1c1d609585c63cb353258d5e2ab65a7cd8074f18de5b893c65799f9d558c5854"},
};

static void leaf(uint32_t number, uint8_t hash[MT_HASH_SIZE])
{
    uint8_t bytes[4] = {(uint8_t)number, (uint8_t)(number >> 8), (uint8_t)(number >> 16),
                        (uint8_t)(number >> 24)};
    mt_keccak256(bytes, sizeof bytes, hash);
}

static void root_of(uint32_t count, uint8_t root[MT_HASH_SIZE])
{
    struct mt_tree_hash *tree = malloc(sizeof *tree); /* with garbage in it, and with an end */
    if (tree == NULL)
        abort();
    memset(tree, 0xa5, sizeof *tree);
    mt_tree_hash_init(tree, count);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t hash[MT_HASH_SIZE];
        leaf(i, hash);
        mt_tree_hash_add(tree, hash);
    }
    mt_tree_hash_root(tree, root);
    free(tree);
}

static void test_known(void)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        uint8_t root[MT_HASH_SIZE];
        root_of(known[i].count, root);
        CHECK_TEXT(hex(root), known[i].root);
    }
}

static void test_single(void)
{
    uint8_t hash[MT_HASH_SIZE], root[MT_HASH_SIZE];
    leaf(0, hash);
    root_of(1, root);
    CHECK(memcmp(hash, root, sizeof hash) == 0);
}

/* All levels in one array, as monerod does it. */
static void levels(uint32_t count, uint8_t root[MT_HASH_SIZE])
{
    uint8_t (*nodes)[MT_HASH_SIZE] = malloc((size_t)count * MT_HASH_SIZE);
    if (nodes == NULL)
        abort();
    for (uint32_t i = 0; i < count; i++)
        leaf(i, nodes[i]);
    uint32_t width = 1;
    while (2 * width < count)
        width *= 2;
    for (uint32_t from = 2 * width - count, to = from; to < width; from += 2, to++)
        mt_keccak256(nodes[from], 2 * MT_HASH_SIZE, nodes[to]);
    for (; width > 1; width /= 2)
        for (uint32_t i = 0; i < width / 2; i++)
            mt_keccak256(nodes[2 * i], 2 * MT_HASH_SIZE, nodes[i]);
    memcpy(root, nodes[0], MT_HASH_SIZE);
    free(nodes);
}

static void test_levels(void)
{
    uint8_t root[MT_HASH_SIZE], expected[MT_HASH_SIZE];
    for (uint32_t count = 1; count <= 140; count++) {
        root_of(count, root);
        levels(count, expected);
        CHECK(memcmp(root, expected, sizeof root) == 0);
    }
    root_of(40000, root);
    levels(40000, expected);
    CHECK(memcmp(root, expected, sizeof root) == 0);
}

/* The largest trees need no more room than there is: their state just before the last node, and
 * then that node. */
static void test_room(void)
{
    for (uint64_t count = 1; count <= (uint64_t)1 << 32; count *= 2) {
        struct mt_tree_hash *tree = malloc(sizeof *tree);
        if (tree == NULL)
            abort();
        uint8_t hash[MT_HASH_SIZE] = {0}, root[MT_HASH_SIZE];
        uint64_t nodes = count > 1 ? count / 2 : 1;
        mt_tree_hash_init(tree, count);
        CHECK(tree->single == (count == 1));
        memset(tree->nodes, 0, sizeof tree->nodes);
        tree->pushed = nodes - 1; /* every bit is a complete subtree */
        for (uint64_t left = nodes - 1; left > 0; left /= 2)
            tree->depth++;
        for (uint64_t i = 0; i < (count > 1 ? 2 : 1); i++)
            mt_tree_hash_add(tree, hash);
        CHECK_EQUAL(tree->depth, 1);
        CHECK(tree->pushed == nodes);
        mt_tree_hash_root(tree, root);
        free(tree);
    }
}

int main(void)
{
    test_known();
    test_single();
    test_levels();
    test_room();
    FINISH("test_tree_hash");
}
