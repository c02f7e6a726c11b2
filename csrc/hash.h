/* Keyed hashing for tables whose keys an adversary chooses. The key is random per table and never shows in any output. */
#ifndef MT_HASH_H
#define MT_HASH_H

#include <stddef.h>
#include <stdint.h>

/* A fresh random key (getrandom). */
uint64_t mt_hash_key(void);

/* Two 64-bit words folded through a 128-bit product: fast, and unpredictable without the key. */
static inline uint64_t mt_hash_mix(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)(a ^ 0x9E3779B97F4A7C15u) * (b ^ 0xD6E8FEB86659FD93u);
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* `size` bytes under `key`. */
uint64_t mt_hash_bytes(uint64_t key, const void *bytes, size_t size);

#endif
