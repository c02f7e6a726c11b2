#define _GNU_SOURCE /* memmem */
#include "levin/resync.h"

#include "base/error.h"

#include <string.h>

/* ---- problems ---- */

int mt_levin_report_problem(struct mt_levin_stream *stream, const struct mt_problem *problem)
{
    struct mt_levin *levin = stream->levin;
    return levin->shared->sink->problem(levin->context, stream->from_client, problem);
}

int mt_levin_report_lost(struct mt_levin_stream *stream, int64_t offset, int64_t size,
                         const char *why, const struct mt_packet_ref *ref)
{
    return mt_levin_report_problem(stream,
                                   &(struct mt_problem){MT_PROBLEM_LOST, offset, size, why, ref});
}

int mt_resync_recognise(struct mt_levin *levin)
{
    if (levin->monero)
        return MT_OK;
    levin->monero = 1;
    for (int direction = 0; direction < 2; direction++) {
        struct mt_levin_stream *stream = &levin->directions[direction];
        int64_t lost = stream->unclaimed_lost;
        stream->unclaimed_lost = 0;
        if (mt_resync_report_prefix(stream) != MT_OK)
            return MT_NOMEM;
        if (lost != 0 && mt_levin_report_lost(stream, -1, lost,
                                              "lost before the connection was known to be Monero's",
                                              &stream->run_ref) != MT_OK)
            return MT_NOMEM;
    }
    return MT_OK;
}

/* ---- the run of bytes outside messages ---- */

/* The message of a header that was not believed: the run is its body. */
static int report_disbelieved(struct mt_levin_stream *stream, int64_t bytes)
{
    struct mt_levin *levin = stream->levin;
    struct mt_bucket *bucket = &stream->bucket;
    stream->disbelieved = 0;
    stream->message_end = bucket->body_end = stream->at;
    struct mt_message message = {.span = bucket->span,
                                 .header = bucket->header,
                                 .kind = (int8_t)mt_header_kind(&bucket->header),
                                 .status = MT_STATUS_OVERSIZE,
                                 .captured = bytes,
                                 .fragments = 1,
                                 .end = stream->at,
                                 .wire = MT_HEADER_SIZE + bytes,
                                 .why = "declared length over any limit",
                                 .from_client = stream->from_client};
    return levin->shared->sink->message(levin->context, &message);
}

/* What the run is, and why it is no message. */
static struct mt_problem problem_of_run(const struct mt_levin_stream *stream, int64_t bytes)
{
    struct mt_problem problem = {MT_PROBLEM_UNFRAMED, stream->run_begin, bytes,
                                 "no sound Levin header", &stream->run_ref};
    if (!stream->levin->monero) {
        problem.why = "not a Levin connection";
    } else if (stream->outside == MT_OUTSIDE_TLS) {
        problem.kind = MT_PROBLEM_TLS;
        problem.why = "TLS instead of Levin";
    } else if (stream->outside == MT_OUTSIDE_REFUSAL) {
        problem.kind = MT_PROBLEM_PROXY_PREFIX;
        problem.why = "what a proxy wrote after it refused to connect";
    } else if (stream->state == MT_LEVIN_HEADER) {
        problem.why = "a header that was cut";
    }
    return problem;
}

int mt_resync_report_prefix(struct mt_levin_stream *stream)
{
    struct mt_problem problem = {MT_PROBLEM_PROXY_PREFIX, stream->run_begin, stream->prefix_bytes,
                                 stream->prefix_why, &stream->run_ref};
    if (problem.bytes == 0)
        return MT_OK;
    stream->run_begin += problem.bytes;
    stream->run_bytes -= problem.bytes;
    stream->prefix_bytes = 0;
    return mt_levin_report_problem(stream, &problem);
}

int mt_resync_report_run(struct mt_levin_stream *stream)
{
    int64_t bytes = stream->run_bytes;
    stream->run_bytes = stream->prefix_bytes = 0;
    if (stream->disbelieved)
        return report_disbelieved(stream, bytes);
    if (bytes == 0)
        return MT_OK;
    struct mt_problem problem = problem_of_run(stream, bytes);
    return mt_levin_report_problem(stream, &problem);
}

void mt_resync_add_run(struct mt_levin_stream *stream, const struct mt_stream_data *data,
                       int64_t offset, int64_t bytes)
{
    if (bytes == 0)
        return;
    if (stream->run_bytes == 0) {
        stream->run_begin = offset;
        stream->run_ref = data->ref;
    }
    stream->run_bytes += bytes;
    if (stream->disbelieved)
        mt_message_span_add(&stream->bucket.span, data, stream->message_end);
}

/* Moves `count` bytes of the partial header to the run. */
static void partial_to_run(struct mt_levin_stream *stream, uint32_t count)
{
    const struct mt_partial_header *partial = &stream->partial;
    uint32_t left = count;
    for (uint32_t i = 0; i < partial->parts_count && left != 0; i++) {
        uint32_t size = partial->parts[i].size < left ? partial->parts[i].size : left;
        mt_resync_add_run(stream, &partial->parts[i], partial->parts[i].offset, size);
        left -= size;
    }
    mt_partial_header_drop(&stream->partial, count);
}

void mt_resync_drop_partial(struct mt_levin_stream *stream)
{
    partial_to_run(stream, stream->partial.count);
}

void mt_resync_count(struct mt_levin_stream *stream, const struct mt_stream_data *data,
                     const uint8_t **at, const uint8_t *end)
{
    mt_resync_drop_partial(stream);
    mt_resync_add_run(stream, data, stream->at, end - *at);
    stream->at += end - *at;
    *at = end;
}

/* ---- seeking ---- */

static uint64_t length_limit(const struct mt_levin_stream *stream)
{
    return (uint64_t)stream->levin->shared->limits->message_bytes;
}

static int back_in_step(struct mt_levin_stream *stream)
{
    if (mt_resync_recognise(stream->levin) != MT_OK)
        return MT_NOMEM;
    stream->levin->lossy = 1;
    stream->resumed = 1;
    int result = mt_resync_report_run(stream);
    stream->state = MT_LEVIN_HEADER;
    stream->outside = MT_OUTSIDE_UNFRAMED;
    return result;
}

/* The partial header begins a message: reads its bytes again, in step. */
static int replay(struct mt_levin_stream *stream)
{
    struct mt_partial_header partial = stream->partial;
    stream->partial = (struct mt_partial_header){0};
    stream->at -= partial.count;
    int result = back_in_step(stream);
    const uint8_t *bytes = partial.bytes;
    for (uint32_t i = 0; i < partial.parts_count && result == MT_OK; i++) {
        partial.parts[i].bytes = bytes;
        bytes += partial.parts[i].size;
        result = mt_levin_data(stream, &partial.parts[i]);
    }
    mt_partial_header_free(&partial);
    return result;
}

/* Tops the partial header up and decides on it as far as its bytes go. */
static int seek_in_partial(struct mt_levin_stream *stream, const struct mt_stream_data *data,
                           const uint8_t **at, const uint8_t *end)
{
    struct mt_partial_header *partial = &stream->partial;
    uint32_t added;
    if (mt_partial_header_add(partial, data, *at, (uint32_t)(end - *at), &added) != MT_OK)
        return MT_NOMEM;
    *at += added;
    stream->at += added;
    while (partial->count != 0) {
        enum mt_verdict verdict =
            mt_header_sound(partial->bytes, partial->count, length_limit(stream));
        if (verdict == MT_SOUND)
            return replay(stream);
        if (verdict == MT_UNDECIDED)
            return MT_OK;
        partial_to_run(stream, mt_partial_header_next(partial));
    }
    return MT_OK;
}

/* First byte in [at, end) that may begin a signature, or end. */
static const uint8_t *candidate(const uint8_t *at, const uint8_t *end)
{
    const uint8_t *header = end - at >= MT_SIGNATURE_SIZE
                                ? memmem(at, (size_t)(end - at), mt_signature, MT_SIGNATURE_SIZE)
                                : NULL;
    if (header != NULL)
        return header;
    const uint8_t *tail = end - at >= MT_SIGNATURE_SIZE ? end - MT_SIGNATURE_SIZE + 1 : at;
    while (tail < end && !mt_signature_matches(tail, (size_t)(end - tail)))
        tail++;
    return tail;
}

int mt_resync_seek(struct mt_levin_stream *stream, const struct mt_stream_data *data,
                   const uint8_t **at, const uint8_t *end)
{
    if (stream->partial.count != 0)
        return seek_in_partial(stream, data, at, end);
    const uint8_t *header = candidate(*at, end);
    mt_resync_add_run(stream, data, stream->at, header - *at);
    stream->at += header - *at;
    *at = header;
    if (header == end)
        return MT_OK;
    switch (mt_header_sound(header, (size_t)(end - header), length_limit(stream))) {
    case MT_SOUND:
        return back_in_step(stream);
    case MT_UNDECIDED:
        return seek_in_partial(stream, data, at, end);
    default:
        mt_resync_add_run(stream, data, stream->at, 1);
        stream->at++;
        *at += 1;
        return MT_OK;
    }
}
