#include "chain/keccak.h"

#include "base/bytes.h"
#include "chain/keccak_rounds.h"

#include <string.h>

#define MT_LANE uint64_t

/* Absorbs whole blocks. The lanes are variables, not an array, so that the compiler decides what
 * is in a register when. */
static inline __attribute__((always_inline)) void absorb_blocks(uint64_t lanes[25],
                                                                const uint8_t *p, size_t blocks)
{
    uint64_t a00 = lanes[0], a01 = lanes[1], a02 = lanes[2], a03 = lanes[3], a04 = lanes[4];
    uint64_t a05 = lanes[5], a06 = lanes[6], a07 = lanes[7], a08 = lanes[8], a09 = lanes[9];
    uint64_t a10 = lanes[10], a11 = lanes[11], a12 = lanes[12], a13 = lanes[13], a14 = lanes[14];
    uint64_t a15 = lanes[15], a16 = lanes[16], a17 = lanes[17], a18 = lanes[18], a19 = lanes[19];
    uint64_t a20 = lanes[20], a21 = lanes[21], a22 = lanes[22], a23 = lanes[23], a24 = lanes[24];
    for (; blocks > 0; blocks--, p += MT_KECCAK_BLOCK) {
        a00 ^= mt_le64(p), a01 ^= mt_le64(p + 8), a02 ^= mt_le64(p + 16), a03 ^= mt_le64(p + 24),
            a04 ^= mt_le64(p + 32);
        a05 ^= mt_le64(p + 40), a06 ^= mt_le64(p + 48), a07 ^= mt_le64(p + 56),
            a08 ^= mt_le64(p + 64), a09 ^= mt_le64(p + 72);
        a10 ^= mt_le64(p + 80), a11 ^= mt_le64(p + 88), a12 ^= mt_le64(p + 96),
            a13 ^= mt_le64(p + 104), a14 ^= mt_le64(p + 112);
        a15 ^= mt_le64(p + 120), a16 ^= mt_le64(p + 128);
        ROUNDS;
    }
    lanes[0] = a00, lanes[1] = a01, lanes[2] = a02, lanes[3] = a03, lanes[4] = a04;
    lanes[5] = a05, lanes[6] = a06, lanes[7] = a07, lanes[8] = a08, lanes[9] = a09;
    lanes[10] = a10, lanes[11] = a11, lanes[12] = a12, lanes[13] = a13, lanes[14] = a14;
    lanes[15] = a15, lanes[16] = a16, lanes[17] = a17, lanes[18] = a18, lanes[19] = a19;
    lanes[20] = a20, lanes[21] = a21, lanes[22] = a22, lanes[23] = a23, lanes[24] = a24;
}

/* x86-64 as such lacks an and-not and a rotation that leaves its operand alone; nearly every
 * processor has both, and a round is then a fifth shorter. */
#if defined(__x86_64__) && !defined(MT_KECCAK_PORTABLE)
static __attribute__((target("bmi,bmi2"))) void absorb_bmi2(uint64_t lanes[25], const uint8_t *p,
                                                            size_t blocks)
{
    absorb_blocks(lanes, p, blocks);
}
#endif

static void absorb(uint64_t lanes[25], const uint8_t *p, size_t blocks)
{
#if defined(__x86_64__) && !defined(MT_KECCAK_PORTABLE)
    if (__builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2")) {
        absorb_bmi2(lanes, p, blocks);
        return;
    }
#endif
    absorb_blocks(lanes, p, blocks);
}

/* Absorbs the last, incomplete block and its padding, and returns the hash. */
static void finish(uint64_t lanes[25], const uint8_t *bytes, size_t size,
                   uint8_t hash[MT_HASH_SIZE])
{
    uint8_t block[MT_KECCAK_BLOCK] = {0};
    if (size > 0)
        memcpy(block, bytes, size);
    block[size] = 0x01;
    block[MT_KECCAK_BLOCK - 1] |= 0x80;
    absorb(lanes, block, 1);
    memcpy(hash, lanes, MT_HASH_SIZE);
}

void mt_keccak256(const void *bytes, size_t size, uint8_t hash[MT_HASH_SIZE])
{
    uint64_t lanes[25] = {0};
    size_t blocks = size / MT_KECCAK_BLOCK, whole = blocks * MT_KECCAK_BLOCK;
    const uint8_t *p = bytes;
    if (blocks > 0) {
        absorb(lanes, p, blocks);
        p += whole;
    }
    finish(lanes, p, size - whole, hash);
}

void mt_keccak_init(struct mt_keccak *keccak)
{
    memset(keccak->lanes, 0, sizeof keccak->lanes);
    keccak->held_size = 0;
}

void mt_keccak_update(struct mt_keccak *keccak, const void *bytes, size_t size)
{
    const uint8_t *p = bytes;
    if (keccak->held_size > 0) {
        size_t wanted = MT_KECCAK_BLOCK - keccak->held_size, taken = size < wanted ? size : wanted;
        if (taken > 0)
            memcpy(keccak->held + keccak->held_size, p, taken);
        keccak->held_size += taken;
        if (keccak->held_size < MT_KECCAK_BLOCK)
            return;
        absorb(keccak->lanes, keccak->held, 1);
        keccak->held_size = 0;
        p += taken;
        size -= taken;
    }
    size_t blocks = size / MT_KECCAK_BLOCK, whole = blocks * MT_KECCAK_BLOCK;
    if (blocks > 0)
        absorb(keccak->lanes, p, blocks);
    keccak->held_size = size - whole;
    if (keccak->held_size > 0)
        memcpy(keccak->held, p + whole, keccak->held_size);
}

void mt_keccak_final(struct mt_keccak *keccak, uint8_t hash[MT_HASH_SIZE])
{
    finish(keccak->lanes, keccak->held, keccak->held_size, hash);
}
