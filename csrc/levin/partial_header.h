/* Bytes at the end of a piece that may begin a header, kept with the packets they came in until
 * more bytes decide. Only for streams out of step. */
#ifndef MT_LEVIN_PARTIAL_HEADER_H
#define MT_LEVIN_PARTIAL_HEADER_H

#include "levin/header.h"
#include "tcp/stream_data.h"

#include <stdint.h>

struct mt_carry {
    uint8_t bytes[MT_SOUND_SIZE];
    uint32_t count; /* bytes */
    uint32_t pieces_count, pieces_capacity;
    struct mt_piece *pieces; /* data and size cut to what is carried; data is not set. Owned. */
};

/* Appends up to `size` bytes of `piece`, beginning at `data` within it; *taken says how many
 * fitted. MT_OK or MT_NOMEM. */
int mt_carry_add(struct mt_carry *carry, const struct mt_piece *piece, const uint8_t *data,
                 uint32_t size, uint32_t *taken);

/* Drops the first `count` bytes. */
void mt_carry_drop(struct mt_carry *carry, uint32_t count);

/* Distance from the first byte to the next one that may begin a signature, at least 1; `count` if
 * there is none. */
uint32_t mt_carry_next(const struct mt_carry *carry);

/* Empties it and frees the pieces. */
void mt_carry_free(struct mt_carry *carry);

#endif
