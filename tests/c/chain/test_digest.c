#include "chain/digest.h"

#include "support/check.h"

#include <stdlib.h>
#include <string.h>

enum { WORDS = (MT_DIGEST_ROWS + 1) * MT_DIGEST_ROW, STRETCH = 8 * MT_DIGEST_ROWS * MT_DIGEST_ROW };

/* Digests of the first bytes of the pattern, computed with integers of any size by another program.
 */
static const struct {
    int key;
    size_t size;
    uint64_t low, high;
} known[] = {
    {0, 0, 0x0000000000000000u, 0x0000000000000000u},
    {0, 1, 0x0000000000000000u, 0x0000000000000000u},
    {0, 128, 0x4037294bb0ccc819u, 0x09c202eb98673281u},
    {0, 300, 0xad71f23064989e85u, 0x0a3b0aa84c78b867u},
    {0, 4096, 0x39e1ca59d74bffc0u, 0x63a656143a22bd99u},
    {0, 9000, 0x2539f95544e21200u, 0x4bba24e2c215ebb6u},
    {1, 0, 0x0000000000000019u, 0x7fffffffffffffd0u},
    {1, 1, 0x0000000000000010u, 0x7fffffffffffffdcu},
    {1, 128, 0xa7ed30a157c511e1u, 0x09c202eb9867326au},
    {1, 300, 0x1f4421c26cff664cu, 0x0a3b0aa84c78b818u},
    {1, 4096, 0x38dcb64ede5131c8u, 0x63a656143a22ac16u},
    {1, 9000, 0x8d5bdbfaaf0cfbe7u, 0x4bba24e2c215ea96u},
    {2, 0, 0xc5d4d39ba93a95ecu, 0x3d4be3363effffc0u},
    {2, 1, 0x07328908f1b8dc58u, 0x737495411500f309u},
    {2, 16, 0x4159fea9b6dc3a1cu, 0x5ec7393f4489f7aeu},
    {2, 127, 0x0d6c467f0febf0b5u, 0x716beb8902e63c7fu},
    {2, 128, 0xfb76deb45ceed235u, 0x7b7e01170e820c92u},
    {2, 129, 0xf8fcd1f1ee1b3f64u, 0x0a3a22b6f377273fu},
    {2, 200, 0xff6995f7a6122af5u, 0x0b44c8b628e97f66u},
    {2, 256, 0x8141ffbeebc780cfu, 0x143844c8ba7c40f9u},
    {2, 1500, 0xf3ecf86cf3283d7au, 0x4d677b968d7d94ceu},
    {2, 4095, 0x53acb0fed60773e1u, 0x0227264be32775dfu},
    {2, 4096, 0x2aa8c58c020a9c9fu, 0x1a2344e88ca5ee03u},
    {2, 4097, 0xc9192298082f14e7u, 0x6ae4c2d3b98735d0u},
    {2, 4224, 0xd0951b935bd3384eu, 0x430a044def8deef4u},
    {2, 4230, 0x23b0fef2aff37eb7u, 0x21330fddf3a28fb3u},
    {2, 8192, 0xa12cf851d7ba6372u, 0x08824d5f86778692u},
    {2, 10000, 0x44b5c1242f6d76b2u, 0x57caabcc8b4a6b69u},
    {3, 0, 0x0000000000000007u, 0x7ffffffffffffff0u},
    {3, 1, 0x0000000000000005u, 0x7ffffffffffffff4u},
    {3, 128, 0xe2a4658b1d41b121u, 0x0340aba3dd77bb78u},
    {3, 300, 0xe148a95d4c0f736fu, 0x2053e6c1d628c334u},
    {3, 4096, 0x4f0b9295399a4a3fu, 0x6d702cd69ed248aau},
    {3, 9000, 0xd224301643ed234au, 0x5b0778d69ff083eau},
};

/* Keys of zeros, of ones with both points that are largest, and of something in between. */
static void make_key(struct mt_digest_key *key, int which)
{
    for (uint64_t i = 0; i < WORDS; i++)
        key->words[i] = which == 0   ? 0
                        : which == 2 ? i * 0x9e3779b97f4a7c15u + 0xd1b54a32d192ed03u
                                     : UINT64_MAX;
    key->point[0] = which == 0   ? 0
                    : which == 1 ? UINT64_MAX
                    : which == 2 ? 0xfedcba9876543210u
                                 : UINT64_MAX - 1;
    key->point[1] = which == 0 ? 0 : which == 2 ? 0x123456789abcdef0u : UINT64_MAX >> 1;
}

static uint8_t *block(size_t size)
{
    uint8_t *bytes = calloc(size + (size == 0), 1);
    if (bytes == NULL)
        abort();
    return bytes;
}

static void test_known(void)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        struct mt_digest_key key;
        uint8_t *bytes = block(known[i].size);
        make_key(&key, known[i].key);
        for (size_t at = 0; at < known[i].size; at++)
            bytes[at] = (uint8_t)(at * 151 + (at >> 8) * 7 + 3);
        struct mt_digest digest = mt_digest(&key, bytes, known[i].size);
        CHECK(digest.low == known[i].low && digest.high == known[i].high);
        free(bytes);
    }
}

/* Where the arithmetic ends in the prime itself, the digest is the zero that this stands for. */
static void test_zero(void)
{
    struct mt_digest_key key = {.point = {UINT64_MAX, UINT64_MAX >> 1}};
    static const uint8_t zeros[200];
    for (size_t size = 1; size < sizeof zeros; size++) {
        struct mt_digest digest = mt_digest(&key, zeros, size);
        CHECK(digest.low == 0 && digest.high == 0);
    }
}

static void test_keys(void)
{
    struct mt_digest_key first, second;
    memset(&first, 0, sizeof first);
    memset(&second, 0, sizeof second);
    mt_digest_key_init(&first);
    mt_digest_key_init(&second);
    CHECK(first.point[1] >> 63 == 0);
    int same = 0, zero = 0;
    for (size_t i = 0; i < WORDS; i++) {
        same += first.words[i] == second.words[i];
        zero += first.words[i] == 0;
    }
    CHECK_EQUAL(same, 0);
    CHECK_EQUAL(zero, 0);
    CHECK(!mt_digest_equal(mt_digest(&first, "abc", 3), mt_digest(&second, "abc", 3)));
    CHECK(mt_digest_equal(mt_digest(&first, "abc", 3), mt_digest(&first, "abc", 3)));
    CHECK(mt_digest_equal(mt_digest(&first, "", 0), mt_digest(&first, NULL, 0)));
}

static int by_value(const void *a, const void *b)
{
    const struct mt_digest *x = a, *y = b;
    if (x->high != y->high)
        return x->high < y->high ? -1 : 1;
    return (x->low > y->low) - (x->low < y->low);
}

/* Zeros of every length, all distinct; and nothing behind them is read. */
static void test_lengths(void)
{
    enum { COUNT = 2 * STRETCH + 300 };
    static struct mt_digest digests[COUNT];
    struct mt_digest_key key;
    mt_digest_key_init(&key);
    for (size_t size = 0; size < COUNT; size++) {
        uint8_t *bytes = block(size);
        memset(bytes, 0, size);
        digests[size] = mt_digest(&key, bytes, size);
        free(bytes);
    }
    qsort(digests, COUNT, sizeof digests[0], by_value);
    int distinct = 1;
    for (size_t i = 1; i < COUNT; i++)
        distinct += by_value(&digests[i - 1], &digests[i]) != 0;
    CHECK_EQUAL(distinct, COUNT);
}

/* Every `step`-th bit turned over gives another digest; turned back, the same one. */
static void check_bits(const struct mt_digest_key *key, size_t size, size_t step)
{
    uint8_t *bytes = block(size);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(i * 29);
    struct mt_digest digest = mt_digest(key, bytes, size);
    int differ = 1;
    for (size_t bit = 0; bit < 8 * size; bit += step) {
        uint8_t mask = (uint8_t)(1 << bit % 8);
        bytes[bit / 8] ^= mask;
        differ &= !mt_digest_equal(mt_digest(key, bytes, size), digest);
        bytes[bit / 8] ^= mask;
    }
    CHECK(differ);
    CHECK(mt_digest_equal(mt_digest(key, bytes, size), digest));
    free(bytes);
}

static void test_bits(void)
{
    struct mt_digest_key key;
    mt_digest_key_init(&key);
    for (size_t size = 0; size <= 600; size++)
        check_bits(&key, size, size < 150 ? 1 : 7);
    static const size_t around[] = {1023,          1024,          STRETCH - 1,
                                    STRETCH,       STRETCH + 1,   STRETCH + 127,
                                    STRETCH + 128, STRETCH + 129, 2 * STRETCH + 5};
    for (size_t i = 0; i < sizeof around / sizeof around[0]; i++)
        check_bits(&key, around[i], 13);
}

/* Rows that change places, and words within one. */
static void test_order(void)
{
    struct mt_digest_key key;
    uint8_t bytes[2 * STRETCH] = {0};
    mt_digest_key_init(&key);
    static const size_t places[] = {0,   8,   16,          24,      120,           128,
                                    136, 256, STRETCH - 8, STRETCH, STRETCH + 128, 2 * STRETCH - 8};
    enum { PLACES = sizeof places / sizeof places[0] };
    struct mt_digest digests[PLACES];
    for (size_t i = 0; i < PLACES; i++) {
        bytes[places[i]] = 1;
        digests[i] = mt_digest(&key, bytes, sizeof bytes);
        bytes[places[i]] = 0;
        for (size_t j = 0; j < i; j++)
            CHECK(!mt_digest_equal(digests[i], digests[j]));
    }
}

static void test_alignment(void)
{
    struct mt_digest_key key;
    mt_digest_key_init(&key);
    static const size_t sizes[] = {1, 15, 100, 128, 1500, STRETCH + 77};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct mt_digest first = {0};
        for (size_t skip = 0; skip < 17; skip++) {
            uint8_t *bytes = block(sizes[i] + skip);
            for (size_t at = 0; at < sizes[i]; at++)
                bytes[skip + at] = (uint8_t)(at * 7);
            struct mt_digest digest = mt_digest(&key, bytes + skip, sizes[i]);
            first = skip == 0 ? digest : first;
            CHECK(mt_digest_equal(digest, first));
            free(bytes);
        }
    }
}

int main(void)
{
    test_known();
    test_zero();
    test_keys();
    test_lengths();
    test_bits();
    test_order();
    test_alignment();
    FINISH("test_digest");
}
