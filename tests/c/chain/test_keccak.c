#include "chain/keccak.h"

#include "support/check.h"
#include "support/hex.h"

#include <stdlib.h>
#include <string.h>

/* The way of processors without and-not, which the one that runs this may never take. */
#define MT_KECCAK_PORTABLE
#define mt_keccak256 portable_keccak256
#define mt_keccak_init portable_init
#define mt_keccak_update portable_update
#define mt_keccak_final portable_final
void portable_keccak256(const void *bytes, size_t size, uint8_t hash[MT_HASH_SIZE]);
void portable_init(struct mt_keccak *keccak);
void portable_update(struct mt_keccak *keccak, const void *bytes, size_t size);
void portable_final(struct mt_keccak *keccak, uint8_t hash[MT_HASH_SIZE]);
#include "chain/keccak.c"
#undef mt_keccak256
#undef mt_keccak_init
#undef mt_keccak_update
#undef mt_keccak_final

/* Hashes of the first bytes of the pattern, computed by a plain implementation after the
 * specification (which agrees with SHA3-256 where only the padding differs). */
static const struct {
    size_t size;
    const char *hash;
} known[] = {
    {0, "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"},
    {1, "69c322e3248a5dfc29d73c5b0553b0185a35cd5bb6386747517ef7e53b15e287"},
    {7, "d610597dccd5fc99a8e27b5e2ef6a5e7a41b760d66b76e48a1a121cf0fcb626d"},
    {8, "fb3652e36fbdfc80d20fe5d3bab3d885e6005d7d9e348aa3a68844e36091833e"},
    {31, "4bea914e35f933d054083d039e10d61961cfbd3974f64063c51a96b1577ec4e1"},
    {32, "fddbbe728fdef3b45245377a3f58d1b23209defeac3aeaace55b78926cdb0ac2"},
    {64, "119e4e05600e63c0a1fe16a3a28c45908dadade5fb78f1ea3ea4c89cb4a9a3b5"},
    {96, "45b9ee2c73a0e998f59ffd8c095f927a7a3744f58aac703b007032fd6410bf87"},
    {127, "53944dc7f398e5d5b0fdf0edbd406053e70c5cd2dde671a7e7c4d20d1542e7ee"},
    {128, "ac07d67bbed5419a33da35b7c397c1a0d7bce2d0b8d6c20617d86c2f040eba1a"},
    {134, "4167fb97f0bed0605c0b0c3f996154898e7d68fa71628d85034c39e6bd7c4462"},
    {135, "48591b5dd7b3e760c227923bb818aa72e2c3d722b8fdd2432ccb81da647e7fc1"},
    {136, "7619f890d69d527314120c3dfdaaa9e168303b3fcd2f2ccf9e39adf49249bf7c"},
    {137, "b067dbbd94824f59274f5aad74afc288ab529e010a2dc0a8a377628d663fc9e0"},
    {143, "803c560d02867b02e43a11836539c0d8eb8cb20f3df9408160b1c12caf9e51b4"},
    {144, "99906fc0037d318a97678e982739d44d9d53546274bdf9214b85c663c8151631"},
    {271, "64dd35cd2c584b6a2424b923ce91f484eec5694e9477c37aacf02a3b0ce010b5"},
    {272, "f940654e182f6e4e68146de8433f318cd03a87db6ed875104c0a69a90d055e02"},
    {273, "d1ba9f38a10698b6adde481bb36c5db5b8d31a153c68787308113719613b839c"},
    {407, "3c298faf4cce13279c2fc588655af4214c757febd044c0fd4939b9e06218d011"},
    {408, "65834a4363f904d3244beb19075413c375668d0dcd69911ea35f6eb1e0189492"},
    {409, "040bf9c116fdceedd29506bb6383a14319cca139e0437df6ba07544787d4d183"},
    {1000, "6aaf8593cb1115d3eb6d8cfbef617840580fef2ee7d5bd5e4d6aee1fa5675b8e"},
    {2040, "cfd3d3eb885de4f3925803e1a5aac36953ecae1d1774a84c8f4b0d21234e9a53"},
};
enum { KNOWN = sizeof known / sizeof known[0] };

/* `size` bytes of the pattern, in a block of just that size, `skip` bytes behind its beginning. */
static uint8_t *pattern(size_t size, size_t skip)
{
    uint8_t *block = malloc(size + skip + (size + skip == 0));
    if (block == NULL)
        abort();
    for (size_t i = 0; i < size; i++)
        block[skip + i] = (uint8_t)(i * 151 + (i >> 8) * 7 + 3);
    return block;
}

static void test_words(void)
{
    uint8_t hash[MT_HASH_SIZE];
    mt_keccak256(NULL, 0, hash);
    CHECK_TEXT(hex(hash), "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470");
    mt_keccak256("abc", 3, hash);
    CHECK_TEXT(hex(hash), "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45");
}

/* Wherever the bytes begin; nothing behind them is read. */
static void test_known(void)
{
    for (size_t i = 0; i < KNOWN; i++) {
        for (size_t skip = 0; skip < 9; skip++) {
            uint8_t *block = pattern(known[i].size, skip), hash[MT_HASH_SIZE];
            mt_keccak256(block + skip, known[i].size, hash);
            CHECK_TEXT(hex(hash), known[i].hash);
            portable_keccak256(block + skip, known[i].size, hash);
            CHECK_TEXT(hex(hash), known[i].hash);
            free(block);
        }
    }
}

/* In two pieces cut anywhere, and in pieces of any one size. */
static void test_pieces(void)
{
    enum { SIZE = 409 };
    uint8_t *bytes = pattern(SIZE, 0), whole[MT_HASH_SIZE], hash[MT_HASH_SIZE];
    struct mt_keccak keccak;
    mt_keccak256(bytes, SIZE, whole);
    for (size_t cut = 0; cut <= SIZE; cut++) {
        mt_keccak_init(&keccak);
        mt_keccak_update(&keccak, bytes, cut);
        mt_keccak_update(&keccak, bytes + cut, SIZE - cut);
        mt_keccak_final(&keccak, hash);
        CHECK(memcmp(hash, whole, sizeof hash) == 0);
        portable_init(&keccak);
        portable_update(&keccak, bytes, cut);
        portable_update(&keccak, bytes + cut, SIZE - cut);
        portable_final(&keccak, hash);
        CHECK(memcmp(hash, whole, sizeof hash) == 0);
    }
    for (size_t step = 1; step <= SIZE; step++) {
        mt_keccak_init(&keccak);
        for (size_t at = 0; at < SIZE; at += step) {
            mt_keccak_update(&keccak, NULL, 0);
            mt_keccak_update(&keccak, bytes + at, SIZE - at < step ? SIZE - at : step);
        }
        mt_keccak_final(&keccak, hash);
        CHECK(memcmp(hash, whole, sizeof hash) == 0);
    }
    free(bytes);
}

static void test_empty_stream(void)
{
    struct mt_keccak keccak;
    uint8_t hash[MT_HASH_SIZE];
    mt_keccak_init(&keccak);
    mt_keccak_final(&keccak, hash);
    CHECK_TEXT(hex(hash), known[0].hash);
    mt_keccak_init(&keccak); /* and anew */
    mt_keccak_update(&keccak, "\3", 1);
    mt_keccak_final(&keccak, hash);
    CHECK_TEXT(hex(hash), known[1].hash);
}

/* The hash over the beginning, the middle and the end of what it is of. */
static void test_in_place(void)
{
    for (size_t at = 0; at + MT_HASH_SIZE <= 300; at += 67) {
        uint8_t *bytes = pattern(300, 0), hash[MT_HASH_SIZE];
        mt_keccak256(bytes, 300, hash);
        mt_keccak256(bytes, 300, bytes + at);
        CHECK(memcmp(hash, bytes + at, sizeof hash) == 0);
        free(bytes);
    }
}

int main(void)
{
    test_words();
    test_known();
    test_pieces();
    test_empty_stream();
    test_in_place();
    FINISH("test_keccak");
}
