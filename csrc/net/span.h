/* The bytes of a packet that are still to be read. Knows nothing of protocols. Used inside net. */
#ifndef MT_NET_SPAN_H
#define MT_NET_SPAN_H

#include <stdint.h>

/* `captured` bytes are at `at`; `length` were on the wire. captured <= length. */
struct mt_span {
    const uint8_t *at;
    uint32_t captured, length;
};

/* Ends the span after `length` bytes on the wire; what follows is padding. */
static inline void mt_span_limit(struct mt_span *span, uint32_t length)
{
    if (length < span->length)
        span->length = length;
    if (length < span->captured)
        span->captured = length;
}

/* Skips `size` bytes, which must be captured. */
static inline void mt_span_skip(struct mt_span *span, uint32_t size)
{
    span->at += size;
    span->captured -= size;
    span->length -= size;
}

#endif
