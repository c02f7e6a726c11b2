#include "levin/levin.h"

#include "base/bytes.h"
#include "base/command.h"
#include "base/error.h"
#include "levin/beginning.h"
#include "levin/fragments.h"
#include "levin/resync.h"

#include <string.h>

#define LONGEST (INT64_MAX / 2) /* whatever the limits allow, stream offsets must not overflow */

void mt_levin_init(struct mt_levin *levin, const struct mt_levin_shared *shared,
                   struct mt_budget *buffered, void *context, int monero)
{
    *levin = (struct mt_levin){
        .shared = shared, .context = context, .buffered = buffered, .monero = monero != 0};
    for (int direction = 0; direction < 2; direction++)
        levin->directions[direction] = (struct mt_levin_stream){
            .levin = levin, .from_client = (uint8_t)direction, .message_end = INT64_MIN};
}

static void release_body(struct mt_levin_stream *stream)
{
    mt_buffer_release(stream->levin->shared->buffers, stream->levin->buffered, &stream->body);
}

void mt_levin_free(struct mt_levin *levin)
{
    for (int direction = 0; direction < 2; direction++) {
        struct mt_levin_stream *stream = &levin->directions[direction];
        release_body(stream);
        mt_fragments_free(stream);
        mt_partial_header_free(&stream->partial);
        mt_beginning_free(stream);
    }
}

void mt_levin_midstream(struct mt_levin_stream *stream)
{
    stream->state = MT_LEVIN_SEEK;
    stream->levin->lossy = 1;
}

/* ---- bodies ---- */

static int status_of(const struct mt_bucket *bucket, int cut, const char **why)
{
    if (bucket->oversize) {
        *why = "declared length over monerod's limit";
        return MT_STATUS_OVERSIZE;
    }
    if (bucket->gap) {
        *why = "bytes were lost inside the message";
        return MT_STATUS_GAP;
    }
    if (bucket->snapped) {
        *why = "the snap length cut it";
        return MT_STATUS_SNAPPED;
    }
    *why = "the capture or the connection ended";
    return cut ? MT_STATUS_TRUNCATED : MT_STATUS_COMPLETE;
}

/* Hands the bucket on; `cut`: the stream ended inside it. */
static int finish(struct mt_levin_stream *stream, const uint8_t *body, int cut)
{
    struct mt_levin *levin = stream->levin;
    struct mt_bucket *bucket = &stream->bucket;
    int kind = mt_header_kind(&bucket->header), result;
    int64_t end = cut ? stream->at : bucket->body_end;
    stream->state = MT_LEVIN_HEADER;
    stream->message_end = end;
    if (kind < 0 && !bucket->oversize) {
        int broken = cut || bucket->gap || bucket->snapped;
        result = mt_fragments_add(stream, bucket, broken ? NULL : body, end);
    } else {
        struct mt_message message = {.span = bucket->span,
                                     .header = bucket->header,
                                     .kind = (int8_t)kind,
                                     .captured = bucket->captured,
                                     .fragments = 1,
                                     .end = end,
                                     .wire = MT_HEADER_SIZE + bucket->captured,
                                     .payload = body,
                                     .from_client = stream->from_client};
        message.status = (int8_t)status_of(bucket, cut, &message.why);
        result = levin->shared->sink->message(levin->context, &message);
    }
    release_body(stream);
    return result;
}

/* Whether the sink looks at the body of a whole message. */
static int wants_body(const struct mt_levin *levin, const struct mt_header *header, int kind)
{
    return mt_header_has_payload(header, kind) ||
           (kind >= 0 && kind != MT_KIND_NOISE && levin->shared->all_bodies);
}

/* A header was read: decides what its body is. */
static int begin_body(struct mt_levin_stream *stream, const uint8_t *header)
{
    const struct mt_levin *levin = stream->levin;
    struct mt_bucket *bucket = &stream->bucket;
    uint64_t most = (uint64_t)levin->shared->limits->message_bytes, limit = most;
    bucket->header = mt_header_read(header);
    bucket->captured = 0;
    bucket->gap = bucket->snapped = 0;
    int kind = mt_header_kind(&bucket->header);
    if (kind >= 0 && kind != MT_KIND_NOISE && mt_command_limit(bucket->header.command) < limit)
        limit = mt_command_limit(bucket->header.command);
    bucket->oversize = bucket->header.length > limit;
    if (bucket->header.length > most || bucket->header.length > LONGEST) {
        stream->disbelieved = 1;
        stream->state = MT_LEVIN_SEEK;
        levin->shared->limit_hits[MT_LIMIT_message_bytes]++;
        return MT_OK;
    }
    bucket->body_end = bucket->span.begin + MT_HEADER_SIZE + (int64_t)bucket->header.length;
    bucket->keep = !bucket->oversize && (kind < 0 || wants_body(levin, &bucket->header, kind));
    stream->state = MT_LEVIN_BODY;
    return MT_OK;
}

/* The bucket is whole: do other messages share its last segment? */
static void note_shared_after(struct mt_levin_stream *stream, const struct mt_stream_data *data,
                              const uint8_t *at, const uint8_t *end)
{
    if (data->segment_end > stream->bucket.body_end && mt_signature_matches(at, (size_t)(end - at)))
        stream->bucket.span.shared |= MT_SHARED_AFTER;
}

static int store(struct mt_levin_stream *stream, const uint8_t *bytes, size_t size)
{
    struct mt_bucket *bucket = &stream->bucket;
    int result = mt_buffer_append(stream->levin->shared->buffers, stream->levin->buffered,
                                  &stream->body, bytes, size, bucket->header.length);
    if (result != MT_MALFORMED)
        return result;
    bucket->oversize = 1; /* as in monerod, if its own buffers were that small */
    bucket->keep = 0;
    return mt_levin_report_problem(
        stream, &(struct mt_problem){MT_PROBLEM_LIMIT, bucket->span.begin, 0,
                                     "a message was not kept: limit on buffered bytes",
                                     &bucket->span.last});
}

static int read_body(struct mt_levin_stream *stream, const struct mt_stream_data *data,
                     const uint8_t **at, const uint8_t *end)
{
    struct mt_bucket *bucket = &stream->bucket;
    int64_t missing = bucket->body_end - stream->at;
    size_t size = end - *at < missing ? (size_t)(end - *at) : (size_t)missing;
    const uint8_t *body = *at;
    if (size != 0) {
        mt_message_span_add(&bucket->span, data, stream->message_end);
        if (bucket->keep && size != bucket->header.length) {
            if (store(stream, *at, size) != MT_OK)
                return MT_NOMEM;
            body = stream->body.bytes;
        }
        bucket->captured += (int64_t)size;
        stream->at += (int64_t)size;
        *at += size;
    }
    if (stream->at < bucket->body_end)
        return MT_OK;
    note_shared_after(stream, data, *at, end);
    return finish(stream, bucket->keep ? body : NULL, 0);
}

/* ---- headers ---- */

/* The header is all there: the bucket begins. */
static int begin_bucket(struct mt_levin_stream *stream)
{
    struct mt_partial_header *partial = &stream->partial;
    uint8_t header[MT_HEADER_SIZE];
    mt_message_span_begin(&stream->bucket.span, partial->parts[0].offset);
    for (uint32_t i = 0; i < partial->parts_count; i++)
        mt_message_span_add(&stream->bucket.span, &partial->parts[i], stream->message_end);
    memcpy(header, partial->bytes, sizeof header);
    mt_partial_header_drop(partial, MT_HEADER_SIZE);
    return begin_body(stream, header);
}

/* A header that is cut by the end of a segment, or a wrong signature, which puts the stream out of
 * step. */
static int collect_header(struct mt_levin_stream *stream, const struct mt_stream_data *data,
                          const uint8_t **at, const uint8_t *end)
{
    struct mt_levin *levin = stream->levin;
    struct mt_partial_header *partial = &stream->partial;
    size_t there = (size_t)(end - *at);
    uint32_t wanted = MT_HEADER_SIZE - partial->count, added;
    if (mt_partial_header_add(partial, data, *at, there < wanted ? (uint32_t)there : wanted,
                              &added) != MT_OK)
        return MT_NOMEM;
    *at += added;
    stream->at += added;
    if (!mt_signature_matches(partial->bytes, partial->count)) {
        stream->state = levin->monero ? MT_LEVIN_SEEK : MT_LEVIN_NOT_LEVIN;
        levin->lossy |= levin->monero;
        if (stream->state == MT_LEVIN_NOT_LEVIN)
            mt_resync_drop_partial(stream); /* or what is kept depends on the segments */
        return MT_OK;
    }
    if (partial->count >= MT_SIGNATURE_SIZE && mt_resync_recognise(levin) != MT_OK)
        return MT_NOMEM;
    return partial->count < MT_HEADER_SIZE ? MT_OK : begin_bucket(stream);
}

/* In step: the header where it lies, or put together from several segments. */
static int read_header(struct mt_levin_stream *stream, const struct mt_stream_data *data,
                       const uint8_t **at, const uint8_t *end)
{
    size_t there = (size_t)(end - *at);
    const uint8_t *header = *at;
    if (stream->partial.count != 0 || there < MT_HEADER_SIZE || !mt_signature_matches(*at, there))
        return collect_header(stream, data, at, end);
    mt_message_span_begin(&stream->bucket.span, stream->at);
    mt_message_span_add(&stream->bucket.span, data, stream->message_end);
    *at += MT_HEADER_SIZE;
    stream->at += MT_HEADER_SIZE;
    return mt_resync_recognise(stream->levin) == MT_OK ? begin_body(stream, header) : MT_NOMEM;
}

/* ---- the stream ---- */

int mt_levin_data(struct mt_levin_stream *stream, const struct mt_stream_data *data)
{
    const uint8_t *at = data->bytes, *end = data->bytes + data->size;
    int result = MT_OK;
    if (stream->state == MT_LEVIN_NOT_LEVIN && stream->levin->monero)
        stream->state = MT_LEVIN_SEEK; /* the other direction was recognised meanwhile */
    stream->at = data->offset;
    while (result == MT_OK && (at < end || (stream->state == MT_LEVIN_BODY &&
                                            stream->at == stream->bucket.body_end))) {
        switch (stream->state) {
        case MT_LEVIN_BEGIN:
            result = mt_beginning_read(stream, data, &at, end);
            break;
        case MT_LEVIN_HEADER:
            result = read_header(stream, data, &at, end);
            break;
        case MT_LEVIN_BODY:
            result = read_body(stream, data, &at, end);
            break;
        case MT_LEVIN_SEEK:
            result = mt_resync_seek(stream, data, &at, end);
            break;
        case MT_LEVIN_NOT_LEVIN:
            mt_resync_count(stream, data, &at, end);
            break;
        }
    }
    return result;
}

static const char *hole_text(enum mt_hole why)
{
    switch (why) {
    case MT_HOLE_SNAPPED:
        return "cut by the snap length";
    case MT_HOLE_LIMIT:
        return "given up: too much or too long after it";
    case MT_HOLE_ACKED:
        return "acknowledged by the receiver, not captured";
    default:
        return "still missing at the end";
    }
}

/* A hole in a body whose end is known: the message is broken; the stream stays in step unless the
 * hole goes beyond it. */
static int hole_in_body(struct mt_levin_stream *stream, int64_t end, enum mt_hole why)
{
    struct mt_bucket *bucket = &stream->bucket;
    *(why == MT_HOLE_SNAPPED ? &bucket->snapped : &bucket->gap) = 1;
    bucket->keep = 0;
    release_body(stream);
    if (end < bucket->body_end)
        return MT_OK;
    int inside = end == bucket->body_end;
    int result = finish(stream, NULL, 0);
    if (!inside)
        stream->state = MT_LEVIN_SEEK;
    return result;
}

/* The hole is reported, or only counted while it is not known whether the connection is Monero's.
 */
static int report_hole(struct mt_levin_stream *stream, int64_t offset, int64_t size,
                       enum mt_hole why, const struct mt_packet_ref *ref)
{
    if (stream->levin->monero)
        return mt_levin_report_lost(stream, offset, size, hole_text(why), ref);
    if (stream->run_bytes == 0)
        stream->run_ref = *ref; /* nothing else says when */
    stream->unclaimed_lost += size;
    return MT_OK;
}

int mt_levin_hole(struct mt_levin_stream *stream, int64_t offset, int64_t size, enum mt_hole why,
                  const struct mt_packet_ref *ref)
{
    struct mt_levin *levin = stream->levin;
    int result = levin->shared->sink->hole(levin->context, stream->from_client, offset + size);
    if (result == MT_OK)
        result = report_hole(stream, offset, size, why, ref);
    if (result == MT_OK)
        result = mt_beginning_cut(stream);
    if (result != MT_OK || stream->state == MT_LEVIN_NOT_LEVIN)
        return result;
    mt_resync_drop_partial(stream);
    if (stream->state == MT_LEVIN_BODY) {
        stream->at = offset + size;
        result = hole_in_body(stream, offset + size, why);
    } else {
        if (levin->monero)
            result = mt_resync_report_run(stream);
        stream->at = offset + size;
        stream->state = MT_LEVIN_SEEK;
    }
    if (stream->state == MT_LEVIN_SEEK)
        mt_fragments_doubt(stream);
    return result;
}

int mt_levin_repeated(struct mt_levin_stream *stream, const uint8_t *bytes, int64_t offset,
                      int64_t size, const struct mt_packet_ref *ref)
{
    int64_t held_from = stream->bucket.span.begin + MT_HEADER_SIZE,
            held_to = held_from + (int64_t)stream->body.count;
    int64_t from = offset > held_from ? offset : held_from,
            to = offset + size < held_to ? offset + size : held_to, first = 0;
    if (stream->state != MT_LEVIN_BODY || from >= to)
        return MT_OK;
    int64_t count = mt_count_differences(stream->body.bytes + (from - held_from),
                                         bytes + (from - offset), to - from, &first);
    if (count == 0)
        return MT_OK;
    struct mt_problem problem = {MT_PROBLEM_CONFLICT, from + first, count, MT_CONFLICT_TEXT, ref};
    return mt_levin_report_problem(stream, &problem) == MT_OK ? MT_END : MT_NOMEM;
}

int mt_levin_end(struct mt_levin_stream *stream)
{
    int result = mt_beginning_cut(stream);
    mt_resync_drop_partial(stream);
    if (result == MT_OK && stream->state == MT_LEVIN_BODY)
        result = finish(stream, NULL, 1);
    if (result == MT_OK)
        result = mt_resync_report_run(stream);
    if (result == MT_OK)
        result = mt_fragments_abandon(stream, "the capture or the connection ended");
    if (result == MT_OK && stream->unclaimed_lost != 0) {
        result = mt_levin_report_lost(stream, -1, stream->unclaimed_lost, "not a Levin connection",
                                      &stream->run_ref);
        stream->unclaimed_lost = 0;
    }
    return result;
}
