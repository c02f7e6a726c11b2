/* A list of chunks in one string of bytes: each begins with a marker, so that what a mutation does
 * to one leaves the others whole. (With lengths in their place, a byte more or less would shift the
 * beginnings of all that follow.) */
#ifndef FUZZ_CONTAINER_H
#define FUZZ_CONTAINER_H

#include <stddef.h>
#include <stdint.h>

enum { CONTAINER_MARKER = 4 };
extern const uint8_t container_marker[CONTAINER_MARKER];

struct chunk {
    const uint8_t *bytes; /* behind its marker */
    size_t size;
};

/* The next chunk at *at, which moves behind it. Bytes before the first marker belong to none. 0 if
 * there is none any more. */
int container_next(const uint8_t **at, const uint8_t *end, struct chunk *chunk);

/* LLVMFuzzerCustomMutator for `data` that begins with `options` bytes that are no chunks: one chunk
 * is changed, doubled, dropped, moved or cut in two, or the options are changed. */
size_t container_mutate(uint8_t *data, size_t size, size_t most, size_t options, unsigned seed);

/* LLVMFuzzerCustomCrossOver: options of the one, and runs of chunks of both. */
size_t container_cross(const uint8_t *one, size_t one_size, size_t one_options,
                       const uint8_t *other, size_t other_size, size_t other_options, uint8_t *out,
                       size_t most, unsigned seed);

#endif
