#include "chain/block.h"

#include "support/check.h"
#include "support/hex.h"
#include "support/transactions.h"

#include <stdlib.h>

#define NONE UINT64_MAX

static const struct shape coinbase = {
    .version = 2, .gen = 1, .tagged = 1, .inputs = 1, .outputs = 1, .extra = 43};

static void header(uint64_t major, uint64_t minor, uint64_t timestamp)
{
    written.size = 0;
    varint(major);
    varint(minor);
    varint(timestamp);
    fill(32 + 4);
}

static void build_block(uint64_t major, uint64_t minor, uint64_t timestamp,
                        const struct shape *miner, uint32_t transactions)
{
    header(major, minor, timestamp);
    append(miner);
    varint(transactions);
    fill((size_t)transactions * MT_HASH_SIZE);
}

/* The first `size` bytes of what was made, in memory that ends there; good until the next call. */
static struct mt_block block;
static const char *why;
static uint8_t *memory;

static int parse(size_t size)
{
    free(memory);
    memory = malloc(size + (size == 0));
    if (memory == NULL)
        abort();
    memcpy(memory, written.bytes, size);
    memset(&block, 0xa5, sizeof block);
    why = NULL;
    return mt_block_parse(&block, memory, size, &why);
}

static void check_refused(size_t size, const char *reason)
{
    static const struct mt_block zero;
    CHECK_EQUAL(parse(size), MT_MALFORMED);
    CHECK_TEXT(why, reason);
    CHECK(memcmp(&block, &zero, sizeof zero) == 0);
}

/* Sizes and ids as another program, in another language, computes them. */
static const struct {
    const char *name;
    uint8_t major, minor;
    uint64_t timestamp;
    struct shape miner;
    uint32_t transactions, size, header_size;
    uint64_t height;
    const char *id, *miner_tx_id;
} known[] = {
    {"the first version",
     1,
     0,
     1397818193u,
     {1, 0, 1, 0, 1, 0, 0, 2, 0, 0, 33},
     0,
     158,
     43,
     2000000,
     "4e5e9840484ead624887cc8f6a04d12a6300864227511a28937bee4a5e2d608b",
     "80a8ba9f5c86b689bc4828869d35551fdd1ca99ec742d6cfc286de2e5e60e1a8"},
    {"one transaction",
     1,
     0,
     0u,
     {1, 0, 1, 0, 1, 0, 0, 2, 0, 0, 33},
     1,
     186,
     39,
     2000000,
     "0e0891c0590efb41dbfe4c767e72588bd50d55598475572390a6f87512ebbd77",
     "ce5e9fe45b6f1469bdb2eb429b9629f519d34b98f9a28a85873982c54833f4c1"},
    {"two",
     7,
     7,
     1500000000u,
     {2, 0, 1, 1, 1, 0, 0, 1, 0, 0, 43},
     2,
     196,
     43,
     2000000,
     "03c2734773171f19356693175511100b499024cbbb2c8ad271d0f6f1fd93e6cf",
     "eac14e920dd8e1aab8b253e183d783d72189685699b616f4c1d403e44c04373e"},
    {"three",
     16,
     16,
     1700000000u,
     {2, 0, 1, 1, 1, 0, 0, 1, 0, 0, 43},
     3,
     228,
     43,
     2000000,
     "973186903ba80eba95cc52cd907ab7e9aa6f43cc19b9add83fb8c6e2c464d24e",
     "eac14e920dd8e1aab8b253e183d783d72189685699b616f4c1d403e44c04373e"},
    {"seven",
     127,
     128,
     127u,
     {2, 0, 1, 1, 1, 0, 0, 1, 0, 0, 43},
     7,
     353,
     40,
     2000000,
     "8db57856b547b5ca92e05f23c776e8d49a6097413a86253a8b7055a1202d2773",
     "a029c7d01905cc40db213a94c63ed25d473f4204a31d5867b487951645c7ce26"},
    {"126",
     128,
     255,
     128u,
     {2, 0, 1, 1, 1, 0, 0, 1, 0, 0, 43},
     126,
     4163,
     42,
     2000000,
     "c5b5e75e0b370b8135eb9b07d863b2f43e8b96b1db38c42ba26a71bbf4573bae",
     "b11d539adfd6d2bb53ff6609ddb7982cad07c6401c7119812559747860b7e16e"},
    {"127",
     255,
     0,
     18446744073709551615u,
     {2, 0, 1, 1, 1, 0, 0, 1, 0, 0, 43},
     127,
     4202,
     49,
     2000000,
     "6af8ef007796eeca42d70ffa9c6baaa60f02ce70aebb8f89fe8961cba5f12f3b",
     "04fdd02acfa6df1299e032c48a7ac6b3d5601bb30092f96fe6740fab554460f4"},
    {"three hundred but one",
     16,
     16,
     1700000000u,
     {2, 6, 1, 1, 1, 0, 0, 3, 3, 6, 44},
     299,
     11759,
     43,
     2000000,
     "1ee20a0a33161a46e093be3a5eeb121e29707fb1daf2371b901ea6226c1e9f11",
     "bfe7d1a4460b1f16fecd394c336f209d7d21f0ba2e4df643c3822fa9b43b78df"},
    {"no coinbase",
     16,
     16,
     1700000000u,
     {2, 6, 1, 1, 2, 0, 16, 2, 1, 7, 44},
     2,
     1281,
     43,
     NONE,
     "d39a7818c6a8ccdb84a87a9e6ea377012287485b329e2e350f764b5c901f5b43",
     "446f3b6030c34c9ad349506a3acebf38fadeffe82ee04fea53e4868ec2fe8f21"},
    {"several bulletproofs",
     16,
     16,
     1700000000u,
     {2, 6, 0, 1, 1, 16, 0, 3, 2, 7, 0},
     0,
     2238,
     43,
     NONE,
     "adcdfe4d291564ddaf3bea9e91f6db248f5299a5e7b1f5ad95c449a8faa788f0",
     "38a8af23125b264fb0fcdfe33674da77448c1bcbc8921d08a9435dff259585f7"},
};

static void check_known(size_t i)
{
    uint8_t id[MT_HASH_SIZE], miner_tx_id[MT_HASH_SIZE];
    CHECK_EQUAL(parse(written.size), MT_OK);
    CHECK(why == NULL);
    CHECK_EQUAL(block.size, known[i].size);
    CHECK_EQUAL(block.header_size, known[i].header_size);
    CHECK_EQUAL(block.major_version, known[i].major);
    CHECK_EQUAL(block.minor_version, known[i].minor);
    CHECK(block.timestamp == known[i].timestamp);
    CHECK(block.previous == memory + block.header_size - 36);
    CHECK(block.miner_tx == memory + block.header_size);
    CHECK_EQUAL(block.transaction_count, known[i].transactions);
    CHECK(block.transactions == memory + written.size - known[i].transactions * MT_HASH_SIZE);
    CHECK_EQUAL(block.has_height, known[i].height != NONE);
    CHECK(block.height == (block.has_height ? known[i].height : 0));
    mt_block_ids(&block, id, miner_tx_id);
    CHECK_TEXT(hex(id), known[i].id);
    CHECK_TEXT(hex(miner_tx_id), known[i].miner_tx_id);
}

static void test_known(void)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        int failed = check_failed;
        build_block(known[i].major, known[i].minor, known[i].timestamp, &known[i].miner,
                    known[i].transactions);
        check_known(i);
        for (size_t size = 0; size < written.size; size++) {
            CHECK_EQUAL(parse(size), MT_MALFORMED);
            CHECK(why != NULL);
        }
        written.bytes[written.size] = 0;
        check_refused(written.size + 1,
                      known[i].major > 17 ? "unknown block version" : "bytes left over");
        if (check_failed != failed)
            fprintf(stderr, "  of %s\n", known[i].name);
    }
}

/* mainnet's first block, whose ids are known to everybody. */
static void test_genesis(void)
{
    static const uint8_t miner[] = {
        0x01, 0x3c, 0x01, 0xff, 0x00, 0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x03, 0x02,
        0x9b, 0x2e, 0x4c, 0x02, 0x81, 0xc0, 0xb0, 0x2e, 0x7c, 0x53, 0x29, 0x1a, 0x94, 0xd1,
        0xd0, 0xcb, 0xff, 0x88, 0x83, 0xf8, 0x02, 0x4f, 0x51, 0x42, 0xee, 0x49, 0x4f, 0xfb,
        0xbd, 0x08, 0x80, 0x71, 0x21, 0x01, 0x77, 0x67, 0xaa, 0xfc, 0xde, 0x9b, 0xe0, 0x0d,
        0xcf, 0xd0, 0x98, 0x71, 0x5e, 0xbc, 0xf7, 0xf4, 0x10, 0xda, 0xeb, 0xc5, 0x82, 0xfd,
        0xa6, 0x9d, 0x24, 0xa2, 0x8e, 0x9d, 0x0b, 0xc8, 0x90, 0xd1};
    uint8_t id[MT_HASH_SIZE], miner_tx_id[MT_HASH_SIZE];
    written.size = 0;
    byte(1), byte(0), byte(0);
    for (int i = 0; i < 32; i++)
        byte(0);
    byte(0x10), byte(0x27), byte(0), byte(0);
    for (size_t i = 0; i < sizeof miner; i++)
        byte(miner[i]);
    byte(0);
    CHECK_EQUAL(parse(written.size), MT_OK);
    CHECK_EQUAL(block.has_height, 1);
    CHECK_EQUAL(block.height, 0);
    mt_block_ids(&block, id, miner_tx_id);
    CHECK_TEXT(hex(id), "418015bb9ae982a1975da7d79277c2705727a56894ba0fb246adaabb1f4632e3");
    CHECK_TEXT(hex(miner_tx_id),
               "c88ce9783b4f11190d7b9c17a69c1c52200f9faaee8e98dd07e6811175177139");
}

static void test_versions(void)
{
    build_block(256, 0, 0, &coinbase, 0);
    check_refused(written.size, "varint that is too large");
    build_block(0, 256, 0, &coinbase, 0);
    check_refused(written.size, "varint that is too large");
    build_block(1, 1, 0, &coinbase, 0);
    written.bytes[0] =
        0x80; /* the minor version is its second byte then, and the timestamp what comes next */
    written.bytes[1] = 0;
    check_refused(written.size, "varint that is longer than needed");
}

/* One that has the format of today is read; the others are not called damaged. */
static void test_versions_that_are_not_released(void)
{
    build_block(17, 17, 1, &coinbase, 2);
    CHECK_EQUAL(parse(written.size), MT_OK);
    check_refused(written.size + 1, "unknown block version 17 (FCMP++ and Carrot in drafts)");
    check_refused(written.size - 1, "unknown block version 17 (FCMP++ and Carrot in drafts)");
    build_block(18, 18, 1, &coinbase, 2);
    check_refused(written.size + 1, "unknown block version");
}

/* What the miner's transaction is refused for, the block is. */
static void test_miner(void)
{
    static const struct shape empty = {.version = 2, .outputs = 1};
    build_block(16, 16, 1, &empty, 0);
    check_refused(written.size, "version 2 without inputs");
    build_block(16, 16, 1, &coinbase, 0);
    written.bytes[3 + 36] = 3;
    check_refused(written.size, "version that is neither 1 nor 2");
    header(16, 16, 1);
    check_refused(written.size, "cut short");
}

static void test_counts(void)
{
    static const uint64_t wrong[] = {
        7,         200, 0x10000000, 0x10000001, UINT32_MAX, (uint64_t)1 << 59, UINT64_MAX / 32 + 1,
        UINT64_MAX};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        header(16, 16, 1);
        append(&coinbase);
        varint(wrong[i]);
        fill(6 * MT_HASH_SIZE);
        check_refused(written.size, wrong[i] <= 6 * MT_HASH_SIZE
                                        ? "cut short"
                                        : "count that the bytes left cannot hold");
    }
}

/* Of the block that keeps a wrong id: its height alone is not enough, nor is having none. */
static void test_odd_height(void)
{
    uint8_t id[2][MT_HASH_SIZE], miner_tx_id[MT_HASH_SIZE];
    for (uint64_t i = 0; i < 2; i++) {
        header(1, 0, 1409804315);
        varint(1);
        varint(0);
        varint(1);
        byte(0xff);
        varint(202612 + i);
        varint(0);
        varint(0);
        varint(0);
        CHECK_EQUAL(parse(written.size), MT_OK);
        CHECK_EQUAL(block.height, 202612 + i);
        mt_block_ids(&block, id[i], miner_tx_id);
    }
    CHECK_TEXT(hex(id[0]), "d5ea048694feaa7a062da8315a923784534023173fde55af787d398ba041edfa");
    CHECK_TEXT(hex(id[1]), "a9c8bb83cd1dc4aeb9482286e896f3392059f2c069f74570be1c9782da045712");
}

int main(void)
{
    test_known();
    test_genesis();
    test_versions();
    test_versions_that_are_not_released();
    test_miner();
    test_counts();
    test_odd_height();
    free(memory);
    FINISH("test_block");
}
