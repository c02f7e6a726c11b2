/* Digests of payloads: that every byte counts, and that both ways to compute them agree. */
#include "net/payload_digest.h"

#include "support/check.h"

/* The way of processors without wide vectors, which the one that runs this may never take. */
#define MT_PORTABLE
#define mt_payload_digest portable_digest
#define mt_payload_key_init portable_key_init
uint64_t portable_digest(const struct mt_payload_key *key, const uint8_t *bytes, size_t size);
void portable_key_init(struct mt_payload_key *key);
#include "net/payload_digest.c"
#undef mt_payload_digest
#undef mt_payload_key_init

enum { SIZE = 5000 };

static struct mt_payload_key key;
static uint8_t bytes[SIZE];

static uint64_t digest_of(size_t skip, size_t size)
{
    uint64_t digest = mt_payload_digest(&key, bytes + skip, size);
    CHECK_EQUAL(portable_digest(&key, bytes + skip, size), digest);
    return digest;
}

static void test_both_ways_agree(void)
{
    for (size_t size = 0; size < 3300; size++)
        (void)digest_of(size % 7, size);
}

static void check_every_byte(size_t size)
{
    uint64_t digest = digest_of(0, size);
    for (size_t at = 0; at < size; at++) {
        bytes[at] ^= 0x80;
        CHECK(digest_of(0, size) != digest);
        bytes[at] ^= 0x80;
    }
    CHECK_EQUAL(digest_of(0, size), digest);
}

static void test_every_byte_counts(void)
{
    for (size_t size = 0; size < 150; size++)
        check_every_byte(size);
    check_every_byte(1023);
    check_every_byte(1024);
    check_every_byte(1025);
    check_every_byte(1448);
    check_every_byte(2049);
}

/* Words that the key could make 0, and bytes in another order. */
static void test_size_and_order_count(void)
{
    static uint8_t zeros[64], swapped[64] = {1, 2};
    uint64_t digest = mt_payload_digest(&key, zeros, 32);
    for (size_t size = 0; size < 64; size++)
        CHECK(size == 32 || mt_payload_digest(&key, zeros, size) != digest);
    digest = mt_payload_digest(&key, swapped, 64);
    swapped[0] = 2;
    swapped[1] = 1;
    CHECK(mt_payload_digest(&key, swapped, 64) != digest);
    swapped[0] = swapped[1] = 0;
    swapped[32] = 1;
    swapped[33] = 2;
    CHECK(mt_payload_digest(&key, swapped, 64) != digest);
}

static void test_keys_differ(void)
{
    struct mt_payload_key other;
    mt_payload_key_init(&other);
    CHECK(mt_payload_digest(&other, bytes, 100) != mt_payload_digest(&key, bytes, 100));
}

int main(void)
{
    mt_payload_key_init(&key);
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (uint8_t)(i * 37 + i / 256);
    test_both_ways_agree();
    test_every_byte_counts();
    test_size_and_order_count();
    test_keys_differ();
    FINISH("test_payload_digest");
}
