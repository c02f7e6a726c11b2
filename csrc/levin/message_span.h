/* Where a message, or the Levin fragments of one, was seen: packets, segments, offsets. */
#ifndef MT_LEVIN_MESSAGE_SPAN_H
#define MT_LEVIN_MESSAGE_SPAN_H

#include "base/packet_ref.h"
#include "base/stream_data.h"

#include <stdint.h>

/* Bits of mt_message_span.shared: its segments also carry bytes of the message before it, of the
 * one after it. */
enum { MT_SHARED_BEFORE = 1, MT_SHARED_AFTER = 2 };

struct mt_message_span {
    int64_t begin;              /* stream offset of its first header */
    struct mt_packet_ref first; /* packet that brought the first of its bytes to arrive */
    struct mt_packet_ref last;  /* packet that brought the last missing byte so far */
    uint32_t last_length;       /* payload bytes of that packet */
    int64_t first_end;          /* stream offset of the end of the first byte's segment */
    int64_t acknowledged;       /* of the latest segment, see mt_stream_data */
    uint64_t counted;           /* arrival number of the packet counted last, UINT64_MAX: none */
    uint32_t segments;
    uint8_t shared; /* MT_SHARED_ bits */
};

/* Begins a span at a stream offset; no bytes of it were seen yet. */
void mt_message_span_begin(struct mt_message_span *span, int64_t offset);

/* Counts a segment that brought bytes of the message. `previous_end` is the stream offset of the
 * end of the message before it. */
void mt_message_span_add(struct mt_message_span *span, const struct mt_stream_data *data,
                         int64_t previous_end);

/* Joins the span of a further Levin fragment of the same message. */
void mt_message_span_join(struct mt_message_span *span, const struct mt_message_span *further);

#endif
