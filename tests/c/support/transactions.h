/* Transactions to order, as bytes: of any version and RCT type, with what they consist of filled in
 * by a pattern. */
#ifndef MT_TEST_TRANSACTIONS_H
#define MT_TEST_TRANSACTIONS_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

struct shape {
    uint8_t version, type;
    uint8_t gen;    /* the first input is one */
    uint8_t tagged; /* outputs have view tags */
    uint32_t inputs, ring, other_rings, outputs, proofs, rounds, extra;
};

/* 1: types 3 and 4 are made as monerod v0.12 did. */
static int early;

/* What is under construction. */
static struct {
    uint8_t bytes[300000];
    size_t size, prefix_end, base_end;
} written;

/* Bytes of a pattern that tells places apart. */
static inline void fill(size_t size)
{
    if (size > sizeof written.bytes - written.size)
        abort();
    for (; size > 0; size--, written.size++)
        written.bytes[written.size] = (uint8_t)(written.size * 151 + (written.size >> 8) * 7 + 3);
}

static inline void byte(uint8_t value)
{
    if (written.size == sizeof written.bytes)
        abort();
    written.bytes[written.size++] = value;
}

static inline void varint(uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        byte((uint8_t)(value | 0x80));
    byte((uint8_t)value);
}

static inline void to_key(uint64_t amount, uint32_t ring)
{
    byte(2);
    varint(amount);
    varint(ring);
    for (uint32_t i = 0; i < ring; i++)
        varint(i * 1000 + 1);
    fill(32);
}

static inline void prefix(const struct shape *shape)
{
    varint(shape->version);
    varint(60);
    varint(shape->inputs);
    for (uint32_t i = 0; i < shape->inputs; i++) {
        if (shape->gen && i == 0) {
            byte(0xff);
            varint(2000000);
        } else {
            to_key(shape->version == 1 ? (i + 1) * 1000000 : 0,
                   i == 0 ? shape->ring : shape->other_rings);
        }
    }
    varint(shape->outputs);
    for (uint32_t i = 0; i < shape->outputs; i++) {
        varint(shape->version == 1 ? (i + 1) * 100000 : 0);
        byte(shape->tagged ? 3 : 2);
        fill(shape->tagged ? 33 : 32);
    }
    varint(shape->extra);
    fill(shape->extra);
    written.prefix_end = written.base_end = written.size;
}

static inline void base(const struct shape *shape)
{
    byte(shape->type);
    if (shape->type != 0) {
        varint(30720000);
        fill(shape->type == 2 || (early && shape->type == 4) ? 32 * shape->inputs : 0);
        fill((size_t)shape->outputs * (shape->type <= 3 || early ? 64 : 8));
        fill((size_t)shape->outputs * 32);
    }
    written.base_end = written.size;
}

static inline void proof(uint8_t type, uint64_t left, uint64_t right)
{
    fill(192);
    varint(left);
    fill(32 *
         (left < 64 ? left : 0)); /* a count that is out of the question has nothing behind it */
    varint(right);
    fill(32 * (right < 64 ? right : 0));
    fill(type == 6 ? 0 : 96);
}

static inline void proof_count(uint8_t type, uint32_t count)
{
    if (type != 3) {
        varint(count);
        return;
    }
    for (int shift = 0; shift < 32; shift += 8)
        byte((uint8_t)(count >> shift));
}

static inline void ring_signatures(const struct shape *shape)
{
    size_t ring = shape->gen ? 1 : shape->ring, inputs = shape->inputs;
    if (shape->type == 1 || (early && shape->type == 3))
        fill(ring * (inputs + 1) * 32 + 32);
    else
        fill(inputs * (shape->type <= 4 ? ring * 64 + 32 : (ring + 2) * 32));
    fill(shape->type >= 3 && !early ? 32 * inputs : 0);
}

static inline void prunable(const struct shape *shape)
{
    if (shape->type <= 2) {
        fill((size_t)shape->outputs * 6176);
    } else {
        if (!early)
            proof_count(shape->type, shape->proofs);
        for (uint32_t i = 0; i < shape->proofs; i++)
            proof(shape->type, shape->rounds, shape->rounds);
    }
    ring_signatures(shape);
}

/* A whole transaction behind what is there. */
static inline void append(const struct shape *shape)
{
    prefix(shape);
    if (shape->version == 1) {
        for (uint32_t i = 0; i < shape->inputs; i++)
            fill(shape->gen && i == 0 ? 0
                                      : 64 * (size_t)(i == 0 ? shape->ring : shape->other_rings));
    } else if (shape->inputs > 0) {
        base(shape);
        if (shape->type != 0)
            prunable(shape);
    }
}

static inline void build(const struct shape *shape)
{
    written.size = 0;
    append(shape);
}

#endif
