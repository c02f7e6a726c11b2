/* Several inputs hashed at once, against one after the other. */
#include "chain/keccak_many.h"

#include "support/check.h"

#include <string.h>

/* The way of processors without vectors, which the one that runs this may never take. */
#define MT_KECCAK_PORTABLE
#define mt_keccak256_many portable_many
void portable_many(const struct mt_keccak_job *jobs, size_t count);
#include "chain/keccak_many.c"
#undef mt_keccak256_many

enum { SIZE = 3000, MOST = 40 };

static uint8_t bytes[SIZE];
static uint8_t hashes[MOST][MT_HASH_SIZE];

/* `count` inputs, the sizes of which begin with `size` and change by `change`. */
static void check(size_t count, size_t size, size_t change,
                  void (*many)(const struct mt_keccak_job *jobs, size_t count))
{
    struct mt_keccak_job jobs[MOST] = {{0}};
    for (size_t i = 0; i < count; i++)
        jobs[i] = (struct mt_keccak_job){bytes + i, (size + i * change) % (SIZE - MOST), hashes[i]};
    memset(hashes, 0, sizeof hashes);
    many(jobs, count);
    for (size_t i = 0; i < count; i++) {
        uint8_t hash[MT_HASH_SIZE];
        mt_keccak256(jobs[i].bytes, jobs[i].size, hash);
        CHECK(memcmp(hash, hashes[i], sizeof hash) == 0);
    }
}

static void test_equal_sizes(void)
{
    for (size_t size = 0; size < 420; size++)
        check(4, size, 0, mt_keccak256_many);
}

static void test_every_count(void)
{
    for (size_t count = 0; count <= MOST; count++) {
        check(count, 100, 0, mt_keccak256_many);
        check(count, 2900, 61, mt_keccak256_many);
        check(count, 7, 409, mt_keccak256_many);
        check(count, 2000, SIZE - MOST - 50, mt_keccak256_many);
        check(count, 7, 409, portable_many);
    }
}

int main(void)
{
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (uint8_t)(i * 31 + i / 256);
    test_equal_sizes();
    test_every_count();
    FINISH("test_keccak_many");
}
