/* Levin fragments: a message cut into buckets with BEGIN and END flags (noise-enabled i2p and tor
 * zones; any peer may send them). Used by levin.c; knows the sink and nothing after it. */
#ifndef MT_LEVIN_FRAGMENTS_H
#define MT_LEVIN_FRAGMENTS_H

#include "levin/levin.h"

#include <stdint.h>

struct mt_fragments {
    struct mt_message_span span; /* over all its buckets */
    struct mt_header outer;      /* of the first bucket */
    struct mt_buffer inner; /* bodies one after the other: an inner header, its body, padding */
    int64_t captured;       /* bytes of the bodies that were there */
    int64_t wire;           /* bytes of all buckets in the stream */
    int64_t end;            /* stream offset after the last bucket */
    uint32_t count;
    uint8_t begun;                 /* a BEGIN was seen */
    uint8_t gap, snapped, refused; /* refused: too large to keep */
};

/* A whole or broken bucket that is a fragment. `body` is its whole body, or NULL if it is not all
 * there. MT_OK or MT_NOMEM. */
int mt_fragments_add(struct mt_levin_stream *stream, const struct mt_bucket *bucket,
                     const uint8_t *body, int64_t end);

/* The stream was out of step: buckets of the message in progress may be missing. */
void mt_fragments_doubt(struct mt_levin_stream *stream);

/* Hands on a message that nothing will complete. MT_OK or MT_NOMEM. */
int mt_fragments_abandon(struct mt_levin_stream *stream, const char *why);

/* Frees what was collected, without handing it on. */
void mt_fragments_free(struct mt_levin_stream *stream);

#endif
