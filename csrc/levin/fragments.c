#include "levin/fragments.h"

#include "base/command.h"
#include "base/error.h"
#include "base/mem.h"

#include <string.h>

void mt_fragments_free(struct mt_levin_stream *stream)
{
    if (stream->fragments == NULL)
        return;
    mt_buffer_release(stream->levin->shared->buffers, stream->levin->buffered,
                      &stream->fragments->inner);
    mt_free(stream->fragments);
    stream->fragments = NULL;
}

void mt_fragments_doubt(struct mt_levin_stream *stream)
{
    if (stream->fragments != NULL)
        stream->fragments->gap = 1;
}

/* Hands the message on, whole or not, and forgets it. Its span, fragments, end and wire are those
 * of the fragments. */
static int hand_on(struct mt_levin_stream *stream, struct mt_message *message)
{
    const struct mt_fragments *fragments = stream->fragments;
    struct mt_levin *levin = stream->levin;
    message->span = fragments->span;
    message->fragments = fragments->count;
    message->end = fragments->end;
    message->wire = fragments->wire;
    message->from_client = stream->from_client;
    int result = levin->shared->sink->message(levin->context, message);
    mt_fragments_free(stream);
    return result;
}

/* A message that is not whole: the inner header's values if it is there, else those of the first
 * bucket. */
static int hand_on_broken(struct mt_levin_stream *stream, int status, const char *why)
{
    const struct mt_fragments *fragments = stream->fragments;
    struct mt_message message = {.header = fragments->outer,
                                 .captured = fragments->captured,
                                 .kind = -1,
                                 .status = (int8_t)status,
                                 .why = why};
    if (fragments->inner.count >= MT_HEADER_SIZE &&
        mt_signature_matches(fragments->inner.bytes, MT_HEADER_SIZE)) {
        message.header = mt_header_read(fragments->inner.bytes);
        message.kind = (int8_t)mt_header_kind(&message.header);
        message.captured -= MT_HEADER_SIZE;
        if ((uint64_t)message.captured > message.header.length)
            message.captured = (int64_t)message.header.length; /* the rest is padding */
    }
    return hand_on(stream, &message);
}

int mt_fragments_abandon(struct mt_levin_stream *stream, const char *why)
{
    if (stream->fragments == NULL)
        return MT_OK;
    if (stream->fragments->gap)
        return hand_on_broken(stream, MT_STATUS_GAP,
                              "bytes were lost between or inside its Levin fragments");
    return hand_on_broken(
        stream, stream->fragments->snapped ? MT_STATUS_SNAPPED : MT_STATUS_TRUNCATED, why);
}

/* Whole, with an inner header. */
static int hand_on_whole(struct mt_levin_stream *stream)
{
    const struct mt_buffer *inner = &stream->fragments->inner;
    struct mt_message message = {.header = mt_header_read(inner->bytes)};
    if (message.header.length > inner->count - MT_HEADER_SIZE)
        return hand_on_broken(stream, MT_STATUS_MALFORMED,
                              "Levin fragments shorter than their inner length");
    int kind = mt_header_kind(&message.header);
    if (kind < 0 || kind == MT_KIND_NOISE) /* monerod asks no further */
        kind = message.header.expects_response != 0 ? MT_KIND_REQUEST : MT_KIND_NOTIFICATION;
    int oversize = message.header.length > mt_command_limit(message.header.command);
    message.kind = (int8_t)kind;
    message.status = oversize ? MT_STATUS_OVERSIZE : MT_STATUS_COMPLETE;
    message.captured = (int64_t)message.header.length;
    message.payload = inner->bytes + MT_HEADER_SIZE;
    message.why = "inner length over monerod's limit";
    return hand_on(stream, &message);
}

/* The END bucket is there: the inner bucket, if it is one. monerod does not look at the inner
 * signature, we do where no BEGIN vouches for it. */
static int complete(struct mt_levin_stream *stream)
{
    const struct mt_fragments *fragments = stream->fragments;
    if (fragments->refused)
        return hand_on_broken(stream, MT_STATUS_OVERSIZE, "Levin fragments over the limit");
    if (fragments->gap || fragments->snapped)
        return mt_fragments_abandon(stream, "the snap length cut its Levin fragments");
    const struct mt_buffer *inner = &fragments->inner;
    int vouched = fragments->begun || (inner->count >= MT_HEADER_SIZE &&
                                       mt_signature_matches(inner->bytes, MT_HEADER_SIZE));
    if (!vouched && stream->resumed)
        return hand_on_broken(stream, MT_STATUS_GAP, "the first Levin fragment was not captured");
    if (!vouched || inner->count < MT_HEADER_SIZE)
        return hand_on_broken(stream, MT_STATUS_MALFORMED, "Levin fragments that hold no header");
    return hand_on_whole(stream);
}

static int begin(struct mt_levin_stream *stream, const struct mt_bucket *bucket)
{
    stream->fragments = mt_alloc(1, sizeof *stream->fragments);
    if (stream->fragments == NULL)
        return MT_NOMEM;
    stream->fragments->outer = bucket->header;
    stream->fragments->span = bucket->span;
    stream->fragments->span.shared &= MT_SHARED_BEFORE;
    return MT_OK;
}

/* A body follows the ones before it, unless that is too much. More may follow: room for as much
 * again. */
static int append_body(struct mt_levin_stream *stream, const uint8_t *body, size_t size)
{
    const struct mt_levin_shared *shared = stream->levin->shared;
    struct mt_fragments *fragments = stream->fragments;
    int result = mt_buffer_append(shared->buffers, stream->levin->buffered, &fragments->inner, body,
                                  size, 2 * (fragments->inner.count + (uint64_t)size));
    int too_long =
        fragments->inner.count > (uint64_t)shared->limits->message_bytes + MT_HEADER_SIZE;
    shared->limit_hits[MT_LIMIT_message_bytes] += (uint64_t)too_long;
    fragments->refused = result == MT_MALFORMED || too_long;
    return result == MT_NOMEM ? MT_NOMEM : MT_OK;
}

/* An empty fragment without BEGIN or END that adds nothing to nothing. */
static int hand_on_empty(struct mt_levin_stream *stream, const struct mt_bucket *bucket,
                         int64_t end)
{
    struct mt_levin *levin = stream->levin;
    struct mt_message message = {.span = bucket->span,
                                 .header = bucket->header,
                                 .kind = -1,
                                 .status = MT_STATUS_COMPLETE,
                                 .fragments = 1,
                                 .end = end,
                                 .wire = MT_HEADER_SIZE,
                                 .why = "",
                                 .from_client = stream->from_client};
    return levin->shared->sink->message(levin->context, &message);
}

/* Counts the bucket in. */
static void count(struct mt_fragments *fragments, const struct mt_bucket *bucket, int64_t end)
{
    if (fragments->count != 0)
        mt_message_span_join(&fragments->span, &bucket->span);
    fragments->begun = fragments->begun || (bucket->header.flags & MT_FLAG_BEGIN) != 0;
    fragments->count++;
    fragments->captured += bucket->captured;
    fragments->wire += MT_HEADER_SIZE + bucket->captured;
    fragments->end = end;
    fragments->gap |= bucket->gap;
    fragments->snapped |= bucket->snapped;
}

int mt_fragments_add(struct mt_levin_stream *stream, const struct mt_bucket *bucket,
                     const uint8_t *body, int64_t end)
{
    uint32_t flags = bucket->header.flags;
    int begins = (flags & MT_FLAG_BEGIN) != 0, ends = (flags & MT_FLAG_END) != 0,
        whole = bucket->captured == (int64_t)bucket->header.length, result = MT_OK;
    if (stream->fragments == NULL && !begins && !ends && bucket->header.length == 0)
        return hand_on_empty(stream, bucket, end);
    if (stream->fragments != NULL && begins)
        result = mt_fragments_abandon(stream, "another Levin fragment with BEGIN came");
    if (result == MT_OK && stream->fragments == NULL)
        result = begin(stream, bucket);
    if (result != MT_OK)
        return result;
    struct mt_fragments *fragments = stream->fragments;
    count(fragments, bucket, end);
    if (body != NULL && bucket->header.length != 0 && !fragments->refused &&
        append_body(stream, body, (size_t)bucket->header.length) != MT_OK)
        return MT_NOMEM;
    if (!ends || (!whole && !fragments->gap && !fragments->snapped))
        return MT_OK; /* mt_levin_end reports a last bucket that the end of the stream cut */
    fragments->span.shared |= bucket->span.shared & MT_SHARED_AFTER;
    return complete(stream);
}
