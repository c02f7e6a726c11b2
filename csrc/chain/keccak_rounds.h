/* The rounds of Keccak-f[1600], for lanes of one state or, as vectors, of several states side by
 * side. Used by keccak.c and keccak_many.c, which define MT_LANE, the type of a lane. */
#ifndef MT_CHAIN_KECCAK_ROUNDS_H
#define MT_CHAIN_KECCAK_ROUNDS_H

#include <stdint.h>

/* What step iota of each round of Keccak-f[1600] adds. */
static const uint64_t iota[24] = {
    0x0000000000000001u, 0x0000000000008082u, 0x800000000000808au, 0x8000000080008000u,
    0x000000000000808bu, 0x0000000080000001u, 0x8000000080008081u, 0x8000000000008009u,
    0x000000000000008au, 0x0000000000000088u, 0x0000000080008009u, 0x000000008000000au,
    0x000000008000808bu, 0x800000000000008bu, 0x8000000000008089u, 0x8000000000008003u,
    0x8000000000008002u, 0x8000000000000080u, 0x000000000000800au, 0x800000008000000au,
    0x8000000080008081u, 0x8000000000008080u, 0x0000000080000001u, 0x8000000080008008u,
};

/* 0 < count < 64, or 0 for one lane of the 25. */
#define ROTATED(lane, count) ((lane) << (count) | (lane) >> (-(count) & 63))

/* Theta, rho and pi of one lane. */
#define TURN(name, lane, mask, count) const MT_LANE name = ROTATED((lane) ^ (mask), (count))

/* Chi of the row that was turned into b0..b4. Its lanes go where lanes of the same column were
 * taken from, which nothing else needs any more; the column parities of the next round are summed
 * on the way, while the lanes are in registers. (The order of rows and lanes is the one that
 * compiles best.) */
#define ROW(v0, v1, v2, v3, v4, constant) \
    do { \
        v1 = b1 ^ (~b2 & b3); \
        c1 ^= v1; \
        v2 = b2 ^ (~b3 & b4); \
        c2 ^= v2; \
        v3 = b3 ^ (~b4 & b0); \
        c3 ^= v3; \
        v4 = b4 ^ (~b0 & b1); \
        c4 ^= v4; \
        v0 = b0 ^ (~b1 & b2) ^ (constant); \
        c0 ^= v0; \
    } while (0)

/* One round in place. The arguments are the variables that hold lanes 0..24 (x + 5 y) before it;
 * after it they hold them in another order, which is the first one again after four rounds. */
#define ROUND(l0, l1, l2, l3, l4, l5, l6, l7, l8, l9, l10, l11, l12, l13, l14, l15, l16, l17, l18, \
              l19, l20, l21, l22, l23, l24, constant) \
    do { \
        const MT_LANE d0 = c4 ^ ROTATED(c1, 1), d1 = c0 ^ ROTATED(c2, 1), \
                      d2 = c1 ^ ROTATED(c3, 1); \
        const MT_LANE d3 = c2 ^ ROTATED(c4, 1), d4 = c3 ^ ROTATED(c0, 1); \
        c0 = c1 = c2 = c3 = c4 = (MT_LANE){0}; \
        { \
            TURN(b0, l0, d0, 0); \
            TURN(b1, l6, d1, 44); \
            TURN(b2, l12, d2, 43); \
            TURN(b3, l18, d3, 21); \
            TURN(b4, l24, d4, 14); \
            ROW(l0, l6, l12, l18, l24, constant); \
        } \
        { \
            TURN(b0, l2, d2, 62); \
            TURN(b1, l8, d3, 55); \
            TURN(b2, l14, d4, 39); \
            TURN(b3, l15, d0, 41); \
            TURN(b4, l21, d1, 2); \
            ROW(l15, l21, l2, l8, l14, 0); \
        } \
        { \
            TURN(b0, l1, d1, 1); \
            TURN(b1, l7, d2, 6); \
            TURN(b2, l13, d3, 25); \
            TURN(b3, l19, d4, 8); \
            TURN(b4, l20, d0, 18); \
            ROW(l20, l1, l7, l13, l19, 0); \
        } \
        { \
            TURN(b0, l3, d3, 28); \
            TURN(b1, l9, d4, 20); \
            TURN(b2, l10, d0, 3); \
            TURN(b3, l16, d1, 45); \
            TURN(b4, l22, d2, 61); \
            ROW(l10, l16, l22, l3, l9, 0); \
        } \
        { \
            TURN(b0, l4, d4, 27); \
            TURN(b1, l5, d0, 36); \
            TURN(b2, l11, d1, 10); \
            TURN(b3, l17, d2, 15); \
            TURN(b4, l23, d3, 56); \
            ROW(l5, l11, l17, l23, l4, 0); \
        } \
    } while (0)

/* All rounds. The variables a00 to a24 hold the lanes, so that the compiler decides what is in a
 * register when. */
#define ROUNDS \
    do { \
        MT_LANE c0 = a00 ^ a05 ^ a10 ^ a15 ^ a20, c1 = a01 ^ a06 ^ a11 ^ a16 ^ a21, \
                c2 = a02 ^ a07 ^ a12 ^ a17 ^ a22; \
        MT_LANE c3 = a03 ^ a08 ^ a13 ^ a18 ^ a23, c4 = a04 ^ a09 ^ a14 ^ a19 ^ a24; \
        for (int r = 0; r < 24; r += 4) { \
            ROUND(a00, a01, a02, a03, a04, a05, a06, a07, a08, a09, a10, a11, a12, a13, a14, a15, \
                  a16, a17, a18, a19, a20, a21, a22, a23, a24, iota[r]); \
            ROUND(a00, a06, a12, a18, a24, a10, a16, a22, a03, a09, a20, a01, a07, a13, a19, a05, \
                  a11, a17, a23, a04, a15, a21, a02, a08, a14, iota[r + 1]); \
            ROUND(a00, a16, a07, a23, a14, a20, a11, a02, a18, a09, a15, a06, a22, a13, a04, a10, \
                  a01, a17, a08, a24, a05, a21, a12, a03, a19, iota[r + 2]); \
            ROUND(a00, a11, a22, a08, a19, a15, a01, a12, a23, a09, a05, a16, a02, a13, a24, a20, \
                  a06, a17, a03, a14, a10, a21, a07, a18, a04, iota[r + 3]); \
        } \
    } while (0)

#endif
