/* Keyed hashing for tables whose keys an adversary chooses. The key is random per table and is
 * never part of any output. Used by every layer with a hash table. */
#ifndef MT_BASE_HASH_H
#define MT_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* Fills `size` bytes with random ones (getrandom). */
void mt_random_fill(void *bytes, size_t size);

/* A fresh random key. */
uint64_t mt_hash_key(void);

/* Two 64-bit words folded through a 128-bit product: fast, and unpredictable while one of them is
 * secret and the other is not 0xD6E8FEB86659FD93 (or, as `a`, not 0x9E3779B97F4A7C15), which gives
 * 0 whatever the secret. So words that an adversary chooses in full go through mt_hash_more. */
static inline uint64_t mt_hash_mix(uint64_t a, uint64_t b)
{
    unsigned __int128 product =
        (unsigned __int128)(a ^ 0x9E3779B97F4A7C15u) * (b ^ 0xD6E8FEB86659FD93u);
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* `hash` extended by a word that an adversary may choose: a secret is added to it first. The first
 * `hash` is mt_hash_mix(key, …). */
static inline uint64_t mt_hash_more(uint64_t hash, uint64_t key, uint64_t word)
{
    return mt_hash_mix(hash ^ key, word + hash);
}

/* The hash of an IPv6 address, as two words, and a port: a sender may choose all of them. */
static inline uint64_t mt_hash_ipv6(uint64_t key, uint64_t low, uint64_t high, uint16_t port)
{
    return mt_hash_more(mt_hash_more(mt_hash_mix(key, port), key, low), key, high);
}

/* The hash of `size` bytes under `key`. */
uint64_t mt_hash_bytes(uint64_t key, const void *bytes, size_t size);

#endif
