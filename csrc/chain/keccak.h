/* Keccak-256 with the padding of the original submission (0x01): Monero's hash function. SHA3-256
 * (0x06) is another function. Knows nothing of what is hashed. Used by chain and p2p. */
#ifndef MT_CHAIN_KECCAK_H
#define MT_CHAIN_KECCAK_H

#include <stddef.h>
#include <stdint.h>

enum { MT_HASH_SIZE = 32, MT_KECCAK_BLOCK = 136 };

/* A hash over bytes that come in pieces. */
struct mt_keccak {
    uint64_t lanes[25];
    uint8_t held[MT_KECCAK_BLOCK]; /* the beginning of a block that is not complete yet */
    size_t held_size;              /* always less than a block */
};

/* The hash of `size` bytes; NULL is fine for none. `hash` may lie within `bytes`. */
void mt_keccak256(const void *bytes, size_t size, uint8_t hash[MT_HASH_SIZE]);

/* Begins a hash; also after mt_keccak_final. */
void mt_keccak_init(struct mt_keccak *keccak);

/* Appends `size` bytes. */
void mt_keccak_update(struct mt_keccak *keccak, const void *bytes, size_t size);

/* Writes the hash of all bytes so far. Only mt_keccak_init may follow. */
void mt_keccak_final(struct mt_keccak *keccak, uint8_t hash[MT_HASH_SIZE]);

#endif
