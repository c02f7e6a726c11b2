/* Bytes at the end of a segment that may begin a header, kept with the packets that they came in
 * until more bytes decide. Only for streams out of step. */
#ifndef MT_LEVIN_PARTIAL_HEADER_H
#define MT_LEVIN_PARTIAL_HEADER_H

#include "base/stream_data.h"
#include "levin/header.h"

#include <stdint.h>

struct mt_partial_header {
    uint8_t bytes[MT_SOUND_SIZE];
    uint32_t count; /* bytes */
    uint32_t parts_count, parts_capacity;
    struct mt_stream_data
        *parts; /* offset and size cut to what is kept; bytes is not set. Owned. */
};

/* Appends up to `size` bytes of `data`, beginning at `bytes` within it; *added says how many
 * fitted. MT_OK or MT_NOMEM. */
int mt_partial_header_add(struct mt_partial_header *partial, const struct mt_stream_data *data,
                          const uint8_t *bytes, uint32_t size, uint32_t *added);

/* Drops the first `count` bytes. */
void mt_partial_header_drop(struct mt_partial_header *partial, uint32_t count);

/* Returns the distance from the first byte to the next one that may begin a signature, at least 1,
 * or `count`. */
uint32_t mt_partial_header_next(const struct mt_partial_header *partial);

/* Empties it and frees the parts. */
void mt_partial_header_free(struct mt_partial_header *partial);

#endif
