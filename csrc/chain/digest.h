/* A keyed digest that recognises a blob: 128 bits from any number of bytes, at a small part of the
 * cost of a cryptographic hash. It is collision resistant for anyone without the key; with the key,
 * collisions can be made. So the key is random per run, and neither it nor any digest is part of
 * any output. Used by blob_cache and p2p.
 *
 * What holds, over the choice of the key: two given blobs of the same size have the same digest
 * with a probability below 2^-118 + (n + 1) 2^-126, where n is their number of stretches (of 4 kB),
 * two of different sizes below (n + 1) 2^-126; so that among 10^8 blobs that an adversary chose,
 * there is one such pair with a probability below 2^-64. Why not 64 bits: the best that they could
 * give for 10^8 blobs is one in 4000, and then a transaction would silently get another's id.
 *
 * Method: the bytes of a stretch are rows of 16 words of 64 bits; one more row is the exclusive or
 * of the others, so that stretches that differ do so in two rows at least. A row is hashed with
 * words of the key of its own: NH, the sum of (m1 + k1) (m2 + k2) modulo 2^128, of which any
 * difference has a probability of at most 2^-64 (Black, Halevi, Krawczyk, Krovetz, Rogaway: UMAC,
 * 1999). Two sums of the rows' hashes with different weights leave both differing rows no freedom:
 * 2^-128, times the few values that the weights and the step to the field cannot distinguish. The
 * size and the sums of all stretches are then the coefficients of a polynomial over the integers
 * modulo 2^127 - 1, whose value at a secret point is the digest. */
#ifndef MT_CHAIN_DIGEST_H
#define MT_CHAIN_DIGEST_H

#include <stddef.h>
#include <stdint.h>

enum { MT_DIGEST_ROW = 16, MT_DIGEST_ROWS = 32 }; /* words of a row, rows of a stretch */

struct mt_digest_key {
    uint64_t
        words[(MT_DIGEST_ROWS + 1) * MT_DIGEST_ROW]; /* the last row's are for the exclusive or */
    uint64_t point[2];                               /* below 2^127, low word first */
};

struct mt_digest {
    uint64_t low, high;
};

/* A fresh random key (getrandom). */
void mt_digest_key_init(struct mt_digest_key *key);

/* The digest of `size` bytes; `bytes` may be NULL for 0 bytes. */
struct mt_digest mt_digest(const struct mt_digest_key *key, const void *bytes, size_t size);

/* 1 if both are equal. */
static inline int mt_digest_equal(struct mt_digest a, struct mt_digest b)
{
    return a.low == b.low && a.high == b.high;
}

#endif
