/* What a fuzzer's bytes begin with: the options of the run. */
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H

#include "base/limits.h"

#include <stddef.h>
#include <stdint.h>

/* Bits of the first byte. */
enum {
    INPUT_LIMITS = 1, /* a byte for each of the first INPUT_LIMIT_BYTES limits follows */
    INPUT_TABLES = 2, /* a mask of tables follows, two bytes; else all are wanted */
    INPUT_OWN = 0xfc  /* what each door makes of it */
};
enum {
    INPUT_LIMIT_BYTES = 40
}; /* room for limits yet to come: the inputs at hand stay what they are */

struct input {
    struct mt_limits limits;
    uint32_t tables;
    uint8_t flags;       /* the first byte */
    uint8_t byte;        /* the second: each door's own */
    const uint8_t *rest; /* behind the options */
    size_t size;
};

/* Options, and what follows them. What lacks is zero. */
struct input input_read(const uint8_t *data, size_t size);

/* Bytes that the options at the beginning of `data` take, at most `size`. */
size_t input_options(const uint8_t *data, size_t size);

/* 1 if the limits are those that nobody set, so that no limit explains a difference. */
int input_is_plain(const struct input *input);

#endif
