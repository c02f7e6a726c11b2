#include "chain/block.h"

#include "chain/blob.h"
#include "chain/tree_hash.h"

#include <string.h>

enum { VERSION_MOST = 16 };         /* of a hard fork that is released */
enum { TRANSACTIONS = 0x10000000 }; /* CRYPTONOTE_MAX_TX_PER_BLOCK */
enum { HEADER_MOST = 2 + 2 + 10 + MT_HASH_SIZE + 4, VARINT_MOST = 10 };

/* The block of this height was mined on a wrong tree hash (of a bug that was exploited then) and
 * keeps the id that this gave: calculate_block_hash. */
static const uint64_t odd_height = 202612;
static const uint8_t odd_blob[MT_HASH_SIZE] = {
    0x3a, 0x8a, 0x2b, 0x3a, 0x29, 0xb5, 0x0f, 0xc8, 0x6f, 0xf7, 0x3d, 0xd0, 0x87, 0xea, 0x43, 0xc6,
    0xf0, 0xd6, 0xb8, 0xf9, 0x36, 0xc8, 0x49, 0x19, 0x4d, 0x5c, 0x84, 0xc7, 0x37, 0x90, 0x39, 0x66};
static const uint8_t odd_id[MT_HASH_SIZE] = {
    0xbb, 0xd6, 0x04, 0xd2, 0xba, 0x11, 0xba, 0x27, 0x93, 0x5e, 0x00, 0x6e, 0xd3, 0x9c, 0x9b, 0xfd,
    0xd9, 0x9b, 0x76, 0xbf, 0x4a, 0x50, 0x65, 0x4b, 0xc1, 0xe1, 0xe6, 0x12, 0x17, 0x96, 0x26, 0x98};

static void read_header(struct mt_block *block, struct mt_blob *blob)
{
    block->major_version = (uint8_t)mt_blob_varint(blob, 8);
    block->minor_version = (uint8_t)mt_blob_varint(blob, 8);
    block->timestamp = mt_blob_varint(blob, 64);
    block->previous = mt_blob_skip(blob, 1, MT_HASH_SIZE);
    (void)mt_blob_u32(blob); /* nonce */
    block->header_size = (uint32_t)blob->at;
}

static void read_miner_tx(struct mt_block *block, struct mt_blob *blob)
{
    const char *why = NULL;
    if (blob->why != NULL)
        return;
    block->miner_tx = blob->bytes + blob->at;
    if (mt_transaction_parse_first(&block->miner, block->miner_tx, mt_blob_left(blob), &why) !=
        MT_OK)
        mt_blob_refuse(blob, why);
    (void)mt_blob_skip(blob, block->miner.size, 1);
    block->height = block->miner.height;
    block->has_height = (block->miner.present & MT_TX_HEIGHT) != 0;
}

static void read_transactions(struct mt_block *block, struct mt_blob *blob)
{
    size_t count = mt_blob_count(blob);
    block->transactions = mt_blob_skip(blob, count, MT_HASH_SIZE);
    if (count > TRANSACTIONS)
        mt_blob_refuse(blob, "more transactions than a block may have");
    block->transaction_count = (uint32_t)count;
}

/* Why a block is refused: one of a version that is not released may be whole. */
static const char *reason(const struct mt_block *block, const struct mt_blob *blob)
{
    if (block->major_version <= VERSION_MOST)
        return blob->why;
    return block->major_version == VERSION_MOST + 1
               ? "unknown block version 17 (FCMP++ and Carrot in drafts)"
               : "unknown block version";
}

int mt_block_parse(struct mt_block *block, const void *bytes, size_t size, const char **why)
{
    struct mt_blob blob;
    mt_blob_open(&blob, bytes, size);
    memset(block, 0, sizeof *block);
    block->bytes = blob.bytes;
    block->size = size;
    read_header(block, &blob);
    read_miner_tx(block, &blob);
    read_transactions(block, &blob);
    mt_blob_end(&blob);
    if (blob.why == NULL)
        return MT_OK;
    *why = reason(block, &blob);
    memset(block, 0, sizeof *block);
    return MT_MALFORMED;
}

/* Returns the number of bytes written. */
static size_t put_varint(uint8_t *p, uint64_t value)
{
    size_t size = 0;
    for (; value >= 0x80; value >>= 7)
        p[size++] = (uint8_t)(value | 0x80);
    p[size++] = (uint8_t)value;
    return size;
}

static void hash_tree(const struct mt_block *block, const uint8_t miner_tx_id[MT_HASH_SIZE],
                      uint8_t root[MT_HASH_SIZE])
{
    struct mt_tree_hash tree;
    mt_tree_hash_init(&tree, (uint64_t)block->transaction_count + 1);
    mt_tree_hash_add(&tree, miner_tx_id);
    for (size_t i = 0; i < block->transaction_count; i++)
        mt_tree_hash_add(&tree, block->transactions + i * MT_HASH_SIZE);
    mt_tree_hash_root(&tree, root);
}

void mt_block_ids(const struct mt_block *block, uint8_t id[MT_HASH_SIZE],
                  uint8_t miner_tx_id[MT_HASH_SIZE])
{
    uint8_t blob[1 + HEADER_MOST + MT_HASH_SIZE +
                 VARINT_MOST]; /* the hashing blob after its length, which is below 128: one byte */
    size_t size = 1 + block->header_size;
    (void)mt_transaction_id(block->miner_tx, &block->miner, NULL,
                            miner_tx_id); /* never fails for a whole one */
    memcpy(blob + 1, block->bytes, block->header_size);
    hash_tree(block, miner_tx_id, blob + size);
    size += MT_HASH_SIZE;
    size += put_varint(blob + size, (uint64_t)block->transaction_count + 1);
    blob[0] = (uint8_t)(size - 1);
    mt_keccak256(blob, size, id);
    if (!block->has_height || block->height == odd_height) {
        uint8_t hash[MT_HASH_SIZE];
        mt_keccak256(block->bytes, block->size, hash);
        if (memcmp(hash, odd_blob, MT_HASH_SIZE) == 0)
            memcpy(id, odd_id, MT_HASH_SIZE);
    }
}
