/* A list of chunks in one string of bytes. Each chunk begins with a marker, so that a mutation of
 * one leaves the others intact. With lengths instead of markers, one byte more or less would shift
 * the beginnings of all later chunks. */
#ifndef FUZZ_CONTAINER_H
#define FUZZ_CONTAINER_H

#include <stddef.h>
#include <stdint.h>

enum { CONTAINER_MARKER = 4 };
extern const uint8_t container_marker[CONTAINER_MARKER];

struct chunk {
    const uint8_t *bytes; /* after its marker */
    size_t size;
};

/* Reads the next chunk at *at, and moves *at past it. Bytes before the first marker are skipped.
 * Returns 0 if there is no further chunk. */
int container_next(const uint8_t **at, const uint8_t *end, struct chunk *chunk);

/* LLVMFuzzerCustomMutator for `data` that begins with `options` bytes before the first chunk:
 * changes, doubles, drops, moves or splits one chunk, or changes the options. */
size_t container_mutate(uint8_t *data, size_t size, size_t most, size_t options, unsigned seed);

/* LLVMFuzzerCustomCrossOver: the options of `one`, and runs of chunks of both. */
size_t container_cross(const uint8_t *one, size_t one_size, size_t one_options,
                       const uint8_t *other, size_t other_size, size_t other_options, uint8_t *out,
                       size_t most, unsigned seed);

#endif
