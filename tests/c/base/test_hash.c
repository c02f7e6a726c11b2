#include "base/hash.h"

#include "support/check.h"

#include <stdlib.h>
#include <string.h>

static void test_keys(void)
{
    uint64_t first = mt_hash_key(), second = mt_hash_key(), third = mt_hash_key();
    CHECK(first != second || second != third);
    CHECK(mt_hash_bytes(1, "abc", 3) != mt_hash_bytes(2, "abc", 3));
    CHECK(mt_hash_mix(1, 7) != mt_hash_mix(2, 7));
    CHECK(mt_hash_bytes(1, "abc", 3) == mt_hash_bytes(1, "abc", 3));
}

/* Every byte counts, wherever it is, and so does the length; nothing beyond it is read. */
static void test_bytes(void)
{
    uint64_t key = 0x0123456789abcdefu, last = mt_hash_bytes(key, NULL, 0);
    CHECK(mt_hash_bytes(key, "x", 0) == last);
    for (size_t size = 1; size <= 70; size++) {
        uint8_t *bytes = malloc(size);
        if (bytes == NULL)
            abort();
        memset(bytes, 0, size);
        uint64_t hash = mt_hash_bytes(key, bytes, size);
        CHECK(hash != last); /* one zero more */
        last = hash;
        for (size_t i = 0; i < size; i++) {
            for (int bit = 0; bit < 8; bit++) {
                bytes[i] = (uint8_t)(1 << bit);
                CHECK(mt_hash_bytes(key, bytes, size) != hash);
            }
            bytes[i] = 0;
        }
        free(bytes);
    }
}

/* Strings that differ in one place fill `buckets` buckets about evenly, by their lower and by their
 * upper bits. */
static void test_spread(size_t at)
{
    enum { STRINGS = 65536, BUCKETS = 4096 };
    static uint32_t low[BUCKETS], high[BUCKETS];
    memset(low, 0, sizeof low);
    memset(high, 0, sizeof high);
    uint64_t key = 0xfedcba9876543210u;
    uint8_t bytes[40] = {0};
    for (uint32_t i = 0; i < STRINGS; i++) {
        bytes[at] = (uint8_t)i;
        bytes[at + 1] = (uint8_t)(i >> 8);
        uint64_t hash = mt_hash_bytes(key, bytes, sizeof bytes);
        low[hash % BUCKETS]++;
        high[hash >> 52]++;
    }
    uint32_t fullest = 0, empty = 0;
    for (int i = 0; i < BUCKETS; i++) {
        fullest = low[i] > fullest ? low[i] : fullest;
        fullest = high[i] > fullest ? high[i] : fullest;
        empty += low[i] == 0;
        empty += high[i] == 0;
    }
    CHECK(fullest < 48); /* 16 on average; chance alone gives about 34 */
    CHECK(empty < 16);
}

static int by_value(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

static size_t distinct(uint64_t *hashes, size_t count)
{
    size_t distinct = count != 0;
    qsort(hashes, count, sizeof *hashes, by_value);
    for (size_t i = 1; i < count; i++)
        distinct += hashes[i] != hashes[i - 1];
    return distinct;
}

/* Addresses made to meet whatever the key: one half is a constant of the function, which would
 * multiply the other away; or the port undoes what the address does. */
static void test_flooding(void)
{
    enum { ENDPOINTS = 65536 };
    static uint64_t hashes[ENDPOINTS];
    static const uint64_t constants[] = {0xD6E8FEB86659FD93u, 0x9E3779B97F4A7C15u, 0, UINT64_MAX};
    uint64_t key = mt_hash_key();
    for (size_t c = 0; c < 4; c++) {
        for (uint64_t i = 0; i < ENDPOINTS; i++)
            hashes[i] = mt_hash_ipv6(key, i, constants[c], 18080);
        CHECK_EQUAL(distinct(hashes, ENDPOINTS), ENDPOINTS);
        for (uint64_t i = 0; i < ENDPOINTS; i++)
            hashes[i] = mt_hash_ipv6(key, constants[c], i, 18080);
        CHECK_EQUAL(distinct(hashes, ENDPOINTS), ENDPOINTS);
        for (uint64_t i = 0; i < ENDPOINTS; i++)
            hashes[i] = mt_hash_ipv6(key, constants[c] - i, 7, (uint16_t)i);
        CHECK_EQUAL(distinct(hashes, ENDPOINTS), ENDPOINTS);
        for (uint64_t i = 0; i < ENDPOINTS; i++)
            hashes[i] = mt_hash_ipv6(key, 7, constants[c] - i, (uint16_t)i);
        CHECK_EQUAL(distinct(hashes, ENDPOINTS), ENDPOINTS);
        uint64_t words[4] = {0};
        for (uint64_t i = 0; i < ENDPOINTS; i++) {
            words[1] = constants[c];
            words[2] = i;
            hashes[i] = mt_hash_bytes(key, words, sizeof words);
        }
        CHECK_EQUAL(distinct(hashes, ENDPOINTS), ENDPOINTS);
    }
}

int main(void)
{
    test_keys();
    test_flooding();
    test_bytes();
    for (size_t at = 0; at < 39; at += 3)
        test_spread(at);
    FINISH("test_hash");
}
