#include "levin/message_span.h"

/* The members one by one: most are set again by the first segment. */
void mt_message_span_begin(struct mt_message_span *span, int64_t offset)
{
    span->begin = offset;
    span->counted = UINT64_MAX;
    span->acknowledged = INT64_MIN;
    span->first_end = 0;
    span->last_length = 0;
    span->segments = 0;
    span->shared = 0;
    span->first = span->last = (struct mt_packet_ref){.time = 0};
}

static void set_last(struct mt_message_span *span, const struct mt_stream_data *data)
{
    span->last = data->ref;
    span->last_length = (uint32_t)(data->segment_end - data->segment_begin);
}

void mt_message_span_add(struct mt_message_span *span, const struct mt_stream_data *data,
                         int64_t previous_end)
{
    if (span->counted == UINT64_MAX) {
        span->first = data->ref;
        set_last(span, data);
        span->first_end = data->segment_end;
    }
    if (data->segment_begin < span->begin && previous_end > data->segment_begin)
        span->shared |= MT_SHARED_BEFORE; /* not always the first: segments can overlap */
    if (span->counted != data->ref.arrival && data->prior_end <= span->begin) {
        span->segments++;
        span->counted = data->ref.arrival;
    }
    if (data->ref.arrival < span->first.arrival)
        span->first = data->ref; /* it overtook the one with the first byte */
    if (data->ref.arrival > span->last.arrival)
        set_last(span, data);
    span->acknowledged = data->acknowledged;
}

void mt_message_span_join(struct mt_message_span *span, const struct mt_message_span *further)
{
    int same_segment = span->last.arrival == further->first.arrival;
    span->segments += further->segments - (same_segment ? 1 : 0);
    if (further->first.arrival < span->first.arrival)
        span->first = further->first;
    if (further->last.arrival > span->last.arrival) {
        span->last = further->last;
        span->last_length = further->last_length;
    }
    span->acknowledged = further->acknowledged;
}
