/* Levin fragments: a message cut into buckets with BEGIN and END flags (noise-enabled i2p and tor
 * zones; any peer may send them). */
#ifndef MT_LEVIN_FRAGMENTS_H
#define MT_LEVIN_FRAGMENTS_H

#include "levin/levin.h"

#include <stdint.h>

struct mt_assembly {
    struct mt_extent extent; /* over all its buckets */
    struct mt_header outer;  /* of the first bucket */
    struct mt_buffer inner;  /* bodies one after the other: an inner header, its body, padding */
    int64_t captured;        /* bytes of the bodies that were there */
    int64_t wire;            /* bytes of all buckets in the stream */
    int64_t end;             /* stream offset behind the last bucket */
    uint32_t fragments;
    uint8_t begun;                 /* a BEGIN was seen */
    uint8_t gap, snapped, refused; /* refused: too large to keep */
};

/* A whole or broken bucket that is a fragment. `body` is its whole body, or NULL if it is not all
 * there. MT_OK or MT_NOMEM. */
int mt_assembly_add(struct mt_levin *levin, const struct mt_message *bucket, const uint8_t *body,
                    int64_t end);

/* The stream was out of step: buckets may be missing from what is being assembled. */
void mt_assembly_doubt(struct mt_levin *levin);

/* Makes the row of an assembly that nothing will complete. MT_OK or MT_NOMEM. */
int mt_assembly_abandon(struct mt_levin *levin, const char *why);

void mt_assembly_free(struct mt_levin *levin);

#endif
