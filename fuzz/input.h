/* The options of the run, with which the input of a fuzzer begins. */
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H

#include "base/limits.h"

#include <stddef.h>
#include <stdint.h>

/* Bits of the first byte. */
enum {
    INPUT_LIMITS = 1, /* a byte for each of the first INPUT_LIMIT_BYTES limits follows */
    INPUT_TABLES = 2, /* a mask of tables follows, two bytes; otherwise all */
    INPUT_OWN = 0xfc  /* meaning depends on the fuzzer */
};
enum {
    INPUT_LIMIT_BYTES = 40
}; /* more than there are, so that new limits keep the meaning of existing inputs */

struct input {
    struct mt_limits limits;
    uint32_t tables;
    uint8_t flags;       /* the first byte */
    uint8_t byte;        /* the second byte, meaning depends on the fuzzer */
    const uint8_t *rest; /* after the options */
    size_t size;
};

/* Reads the options. Missing bytes are zero. */
struct input input_read(const uint8_t *data, size_t size);

/* Number of bytes of the options at the beginning of `data`, at most `size`. */
size_t input_options(const uint8_t *data, size_t size);

/* 1 if all limits have their defaults, so that no limit explains a difference. */
int input_is_plain(const struct input *input);

#endif
