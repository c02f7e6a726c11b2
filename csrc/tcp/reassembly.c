#include "tcp/reassembly.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/noinline.h"

#include <string.h>

enum { LOST_RANGES = 32, MOST_STEPS = 64, MOST_UNFILLED = 64 };
#define WINDOW ((int64_t)1 << 30) /* the largest TCP window there is (RFC 7323) */

/* One segment while it is read. */
struct reading {
    struct mt_reassembly *stream;
    const struct mt_reassembly_callbacks *callbacks;
    const struct mt_segment *segment;
    struct mt_stream_data data; /* the part that is handed down or kept next */
    int64_t offset;             /* of the segment's first byte */
    int64_t captured_end;       /* of its captured bytes */
    int late; /* it brought new bytes from before bytes already seen, on either side of `next` */
};

void mt_reassembly_start(struct mt_reassembly *stream, uint32_t sequence, int from_syn)
{
    stream->base = sequence;
    stream->started = 1;
    stream->from_syn = from_syn != 0;
    stream->fin = -1;
    stream->acknowledged = stream->sent = stream->claimed = 0;
    stream->edge = INT64_MIN;
    stream->stuck_since = stream->acked_since = MT_NO_TIME;
}

int64_t mt_reassembly_offset(const struct mt_reassembly *stream, uint32_t sequence)
{
    uint32_t expected = stream->base + (uint32_t)(uint64_t)stream->next;
    return stream->next + (int32_t)(sequence - expected);
}

static void progress(struct mt_reassembly *stream)
{
    stream->stuck_since = stream->acked_since = MT_NO_TIME;
    stream->hole_acked = 0;
    stream->acked_segments = 0;
}

/* Remembers the last bytes before `next`; `segment`: of which they are all, or NULL. */
static inline void note_delivered(struct mt_reassembly *stream, const struct mt_payload_key *key,
                                  const uint8_t *bytes, uint32_t size,
                                  const struct mt_segment *segment)
{
    uint64_t digest = segment != NULL && segment->has_sums ? segment->digest
                                                           : mt_payload_digest(key, bytes, size);
    *mt_delivered_at(stream->delivered, stream->delivered_count++) =
        (struct mt_delivered_segment){stream->next - size, stream->next, digest};
}

/* Whether a copy may still have what the snap length cut from a packet after `captured` bytes. */
static int is_expected(const struct mt_reassembly *stream,
                       const struct mt_reassembly_callbacks *callbacks, uint32_t captured)
{
    return callbacks->snap_lengths != NULL && stream->unfilled < MOST_UNFILLED &&
           mt_snap_lengths_vary(callbacks->snap_lengths, captured);
}

/* [next, end), which the snap length cut, is lost. */
static int lose_cut(struct mt_reassembly *stream, const struct mt_reassembly_callbacks *callbacks,
                    int64_t end, const struct mt_packet_ref *ref)
{
    int64_t begin = stream->next;
    stream->next = end;
    stream->lost += end - begin;
    return callbacks->hole(callbacks->context, begin, end - begin, MT_HOLE_SNAPPED, ref);
}

/* [next, end) was cut from the segment of `data`: it waits for a copy, or is lost. */
static MT_NOINLINE int read_cut(struct mt_reassembly *stream,
                                const struct mt_reassembly_callbacks *callbacks,
                                const struct mt_stream_data *data, int64_t end,
                                uint32_t packet_captured)
{
    if (!is_expected(stream, callbacks, packet_captured))
        return lose_cut(stream, callbacks, end, &data->ref);
    struct mt_stream_data cut = *data;
    cut.offset = stream->next;
    cut.size = 0;
    return mt_waiting_insert(&stream->waiting, callbacks->buffered, 0, &cut, end, packet_captured);
}

/* Hands down captured bytes and, after them, what the snap length cut. `next` moves to `end`, or to
 * what is waited for. `segment` as for note_delivered. */
static int hand_down(struct mt_reassembly *stream, const struct mt_reassembly_callbacks *callbacks,
                     const struct mt_stream_data *data, int64_t end, uint32_t packet_captured,
                     const struct mt_segment *segment)
{
    stream->next = data->offset + data->size;
    stream->bytes += data->size;
    int result = MT_OK;
    if (data->size != 0 && stream->delivered != NULL)
        note_delivered(stream, callbacks->key, data->bytes, data->size, segment);
    if (data->size != 0)
        result = callbacks->data(callbacks->context, data);
    if (result == MT_OK && stream->next < end)
        result = read_cut(stream, callbacks, data, end, packet_captured);
    return result;
}

/* The cut bytes at `next` that are waited for, or NULL. */
static const struct mt_waiting *cut_at_next(const struct mt_reassembly *stream)
{
    const struct mt_waiting *first =
        stream->waiting.count != 0 ? mt_waiting_first(&stream->waiting) : NULL;
    return first != NULL && first->data.offset <= stream->next ? first : NULL;
}

/* Hands down everything that waited for `next`. */
static int drain(struct mt_reassembly *stream, const struct mt_reassembly_callbacks *callbacks)
{
    while (stream->waiting.count != 0) {
        const struct mt_waiting *next = mt_waiting_first(&stream->waiting);
        if (next->data.offset > stream->next ||
            (next->data.size == 0 && is_expected(stream, callbacks, next->packet_captured)))
            break;
        struct mt_waiting *first = mt_waiting_remove_first(&stream->waiting, callbacks->buffered);
        int result =
            hand_down(stream, callbacks, &first->data, first->end, first->packet_captured, NULL);
        mt_free(first);
        if (result != MT_OK)
            return result;
    }
    mt_waiting_shrink(&stream->waiting);
    return MT_OK;
}

/* ---- holes ---- */

static void remember_lost(struct mt_reassembly *stream, int64_t begin, int64_t end)
{
    if (stream->lost_ranges == NULL)
        stream->lost_ranges = mt_alloc(LOST_RANGES, sizeof *stream->lost_ranges);
    if (stream->lost_ranges == NULL)
        return; /* only a refinement of counting: late bytes will count as repeated */
    if (stream->lost_count == LOST_RANGES) {
        stream->lost_count--;
        memmove(stream->lost_ranges, stream->lost_ranges + 1,
                stream->lost_count * sizeof *stream->lost_ranges);
    }
    stream->lost_ranges[stream->lost_count++] = (struct mt_lost_range){begin, end};
}

/* Goes on after a hole that was given up, with that result. */
static int go_on(struct mt_reassembly *stream, const struct mt_reassembly_callbacks *callbacks,
                 int result)
{
    progress(stream);
    if (result == MT_OK)
        result = drain(stream, callbacks);
    if (stream->waiting.count != 0) /* the next hole is as old as what waits after it */
        stream->stuck_since = mt_waiting_first(&stream->waiting)->data.ref.time;
    return result;
}

/* Declares [next, end) lost and goes on after it. */
static int give_up(struct mt_reassembly *stream, const struct mt_reassembly_callbacks *callbacks,
                   int64_t end, enum mt_hole why, const struct mt_packet_ref *ref)
{
    int64_t begin = stream->next;
    remember_lost(stream, begin, end);
    stream->lost += end - begin;
    stream->next = end;
    return go_on(stream, callbacks,
                 callbacks->hole(callbacks->context, begin, end - begin, why, ref));
}

/* Where the hole at `next` ends; something must wait. */
static int64_t hole_end(const struct mt_reassembly *stream)
{
    const struct mt_waiting *first = mt_waiting_first(&stream->waiting);
    return first->data.offset > stream->next ? first->data.offset : first->end;
}

/* Gives up the hole before the first segment that waits, or the cut bytes that are waited for. */
static int give_up_first(struct mt_reassembly *stream,
                         const struct mt_reassembly_callbacks *callbacks, enum mt_hole why,
                         const struct mt_packet_ref *ref)
{
    if (cut_at_next(stream) != NULL) {
        struct mt_waiting *cut = mt_waiting_remove_first(&stream->waiting, callbacks->buffered);
        if (stream->unfilled < MOST_UNFILLED)
            stream->unfilled++;
        int result = lose_cut(stream, callbacks, cut->end, &cut->data.ref);
        mt_free(cut);
        return go_on(stream, callbacks, result);
    }
    return give_up(stream, callbacks, mt_waiting_first(&stream->waiting)->data.offset, why, ref);
}

/* ---- bytes seen before ---- */

/* Repeated bytes [begin, end) against the copy that waits: the first copy stays; differences are
 * reported. */
static int compare(const struct reading *reading, const struct mt_waiting *first, int64_t begin,
                   int64_t end)
{
    int64_t first_end = first->data.offset + first->data.size, at = 0;
    int64_t stop = end < reading->captured_end ? end : reading->captured_end;
    if (stop > first_end)
        stop = first_end;
    if (stop <= begin)
        return MT_OK;
    int64_t count = mt_count_differences(first->bytes + (begin - first->data.offset),
                                         reading->segment->payload + (begin - reading->offset),
                                         stop - begin, &at);
    if (count == 0)
        return MT_OK;
    return reading->callbacks->problem(reading->callbacks->context,
                                       &(struct mt_problem){MT_PROBLEM_CONFLICT, begin + at, count,
                                                            MT_CONFLICT_TEXT, &reading->data.ref});
}

static const char before_first[] = "before the first byte seen";

/* Bytes that no message can have any more. */
static int report_stray(const struct reading *reading, enum mt_problem_kind kind, int64_t begin,
                        int64_t end, const char *why)
{
    struct mt_problem problem = {kind, begin, end - begin, why, &reading->data.ref};
    return reading->callbacks->problem(reading->callbacks->context, &problem);
}

/* Bytes [begin, end) that fill a hole which was given up: late, and not late twice. Counts the
 * fresh ones. */
static int late_for_holes(const struct reading *reading, int64_t begin, int64_t end, int64_t *fresh)
{
    struct mt_reassembly *stream = reading->stream;
    int result = MT_OK;
    for (uint32_t i = 0; i < stream->lost_count && result == MT_OK; i++) {
        struct mt_lost_range *range = &stream->lost_ranges[i];
        int64_t from = begin > range->begin ? begin : range->begin,
                to = end < range->end ? end : range->end;
        if (from >= to)
            continue;
        *fresh += to - from;
        /* A range cut in its middle keeps its larger rest. */
        if (from - range->begin > range->end - to)
            range->end = from;
        else
            range->begin = to;
        result = report_stray(reading, MT_PROBLEM_UNFRAMED, from, to,
                              to <= 0 ? before_first : "came after its hole was given up");
    }
    return result;
}

/* Bytes [begin, end) that were handed down before: against what the reader holds of them, else
 * against their digests. */
static int compare_repeated(const struct reading *reading, int64_t begin, int64_t end)
{
    const struct mt_reassembly_callbacks *callbacks = reading->callbacks;
    const struct mt_delivered *delivered = reading->stream->delivered;
    const uint8_t *bytes = reading->segment->payload;
    int result =
        callbacks->repeated(callbacks->context, bytes, begin, end - begin, &reading->data.ref);
    if (result != MT_OK || delivered == NULL)
        return result == MT_END ? MT_OK : result;
    const struct mt_delivered_segment *other =
        mt_delivered_find_difference(delivered, callbacks->key, bytes, begin, end);
    if (other == NULL)
        return MT_OK;
    return callbacks->problem(callbacks->context,
                              &(struct mt_problem){MT_PROBLEM_CONFLICT, other->begin,
                                                   other->end - other->begin, MT_CONFLICT_TEXT,
                                                   &reading->data.ref});
}

/* Bytes [begin, end) that lie before `next`: seen before, or late for a hole that was given up, or
 * from before the stream's first byte. */
static int read_before_next(struct reading *reading, int64_t begin, int64_t end)
{
    struct mt_reassembly *stream = reading->stream;
    int64_t fresh = 0;
    int result = MT_OK;
    if (begin < stream->lowest && !stream->from_syn) {
        int64_t stop = end < stream->lowest ? end : stream->lowest;
        fresh += stop - begin;
        if (stop < stream->lowest)
            remember_lost(stream, stop, stream->lowest); /* not seen yet; it may come, too */
        stream->lowest = begin;
        result = report_stray(reading, MT_PROBLEM_UNFRAMED, begin, stop, before_first);
    }
    if (result == MT_OK)
        result = late_for_holes(reading, begin, end, &fresh);
    stream->bytes += fresh;
    stream->retransmitted += end - begin - fresh;
    reading->late |= fresh != 0;
    int keep_alive = reading->segment->length == 1 &&
                     end == stream->next; /* RFC 1122 4.2.3.6: its byte is garbage */
    if (result == MT_OK && fresh == 0 && !keep_alive)
        result = compare_repeated(reading, begin, end);
    return result;
}

/* ---- bytes beyond `next` ---- */

/* Bytes [at, stop) are new: handed down if they are next, else they wait at *index, which moves
 * after them. */
static int read_new(struct reading *reading, int64_t at, int64_t stop, uint32_t *index)
{
    struct mt_reassembly *stream = reading->stream;
    struct mt_stream_data *data = &reading->data;
    int64_t captured = reading->captured_end, seen = at < captured ? captured - at : 0;
    data->offset = at;
    data->bytes = reading->segment->payload + (at < captured ? at - reading->offset : 0);
    data->size = (uint32_t)(seen < stop - at ? seen : stop - at);
    uint32_t before = stream->waiting.count;
    int result;
    if (at == stream->next) {
        progress(stream);
        result = hand_down(stream, reading->callbacks, data, stop,
                           reading->segment->packet_captured, NULL);
    } else {
        result = mt_waiting_insert(&stream->waiting, reading->callbacks->buffered, *index, data,
                                   stop, reading->segment->packet_captured);
    }
    *index += stream->waiting.count - before;
    data->prior_end = stop;
    return result;
}

/* Bytes [at, *stop) of the segment lie within `known`, the one at *index that waits: compares those
 * that both have, or keeps those that only this copy has. *stop moves to where it stopped. */
static int read_known(struct reading *reading, const struct mt_waiting *known, int64_t at,
                      int64_t *stop, uint32_t *index)
{
    struct mt_reassembly *stream = reading->stream;
    int64_t cut_from = known->data.offset + known->data.size, captured = reading->captured_end;
    if (at >= cut_from && at < captured) {
        if (*stop > captured)
            *stop = captured;
        stream->unfilled = 0;
        int result =
            mt_waiting_open(&stream->waiting, reading->callbacks->buffered, index, at, *stop);
        return result == MT_OK ? read_new(reading, at, *stop, index) : result;
    }
    if (at < cut_from && *stop > cut_from && captured > cut_from)
        *stop = cut_from;
    else
        ++*index;
    int64_t seen = (*stop < captured ? *stop : captured) - at;
    stream->retransmitted += seen > 0 ? seen : 0;
    return compare(reading, known, at, *stop);
}

/* The part of a segment from `next` on where something waits or a hole opens: walks over what
 * waits, keeps what is new. */
static int merge(struct reading *reading)
{
    struct mt_reassembly *stream = reading->stream;
    int64_t end = reading->data.segment_end, seen_before = stream->highest;
    int64_t at = reading->offset > stream->next ? reading->offset : stream->next;
    int result = MT_OK;
    uint32_t index = mt_waiting_find(&stream->waiting, at);
    /* A few bytes of a segment that the snap length cut must not cost all that waits; where it is
     * left, a hole stays. */
    int64_t steps = MOST_STEPS + reading->segment->captured;
    while (at < end && result == MT_OK && steps-- > 0) {
        const struct mt_waiting *known =
            index < stream->waiting.count ? mt_waiting_at(&stream->waiting, index) : NULL;
        int64_t stop;
        if (known != NULL && known->data.offset <= at) {
            stop = end < known->end ? end : known->end;
            result = read_known(reading, known, at, &stop, &index);
        } else {
            stop = known != NULL && known->data.offset < end ? known->data.offset : end;
            reading->late |= at < seen_before;
            result = read_new(reading, at, stop, &index);
        }
        at = stop;
    }
    if (end > stream->highest)
        stream->highest = end;
    return result == MT_OK ? drain(stream, reading->callbacks) : result;
}

/* A segment that is not simply the next one: what lies before `next`, then the rest. */
static int read_disorderly(struct reading *reading)
{
    int64_t next = reading->stream->next, end = reading->data.segment_end;
    if (reading->offset < next) {
        int64_t stop = end < next ? end : next, captured = reading->captured_end;
        int result = MT_OK;
        if (captured > reading->offset)
            result = read_before_next(reading, reading->offset, stop < captured ? stop : captured);
        if (end <= next || result != MT_OK)
            return result;
    }
    return merge(reading);
}

static int over_limits(const struct mt_reassembly *stream,
                       const struct mt_reassembly_callbacks *callbacks)
{
    int many_bytes = stream->waiting.bytes > callbacks->limits->hole_bytes,
        many_segments = stream->waiting.count > (uint64_t)callbacks->limits->hole_segments;
    callbacks->limit_hits[MT_LIMIT_hole_bytes] += (uint64_t)many_bytes;
    callbacks->limit_hits[MT_LIMIT_hole_segments] += (uint64_t)many_segments;
    return many_bytes || many_segments || mt_budget_is_full(callbacks->buffered, 0);
}

/* Gives up holes while too much waits after them. */
static int keep_within_limits(struct mt_reassembly *stream,
                              const struct mt_reassembly_callbacks *callbacks,
                              const struct mt_packet_ref *ref)
{
    int result = MT_OK;
    while (result == MT_OK && stream->waiting.count != 0 && over_limits(stream, callbacks))
        result = give_up_first(stream, callbacks, MT_HOLE_LIMIT, ref);
    return result;
}

/* A segment with these data that is not simply the next one. */
static MT_NOINLINE int read_other(struct mt_reassembly *stream,
                                  const struct mt_reassembly_callbacks *callbacks,
                                  const struct mt_segment *segment,
                                  const struct mt_stream_data *data)
{
    int64_t offset = data->offset, end = data->segment_end;
    if (offset == 1 && stream->next == 0 && stream->highest == 0 && !stream->from_syn) {
        stream->base++; /* the stream was begun by a keep-alive, which repeats the byte before the
                           next */
        offset--;
        end--;
    }
    struct reading reading = {.stream = stream,
                              .callbacks = callbacks,
                              .segment = segment,
                              .data = *data,
                              .offset = offset,
                              .captured_end = offset + segment->captured};
    reading.data.offset = reading.data.segment_begin = offset;
    reading.data.segment_end = end;
    if (offset > stream->next + WINDOW || end < stream->next - WINDOW) {
        stream->bytes += segment->captured;
        return report_stray(&reading, MT_PROBLEM_OUT_OF_WINDOW, offset, offset + segment->captured,
                            "sequence number outside any window");
    }
    int64_t before = stream->next;
    int result = read_disorderly(&reading);
    stream->out_of_order += reading.late;
    return result == MT_OK && end > before ? keep_within_limits(stream, callbacks, &data->ref)
                                           : result;
}

int mt_reassembly_segment(struct mt_reassembly *stream,
                          const struct mt_reassembly_callbacks *callbacks,
                          const struct mt_segment *segment, int64_t offset, int64_t acknowledged,
                          const struct mt_packet_ref *ref)
{
    struct mt_stream_data data = mt_reassembly_data(segment, offset, acknowledged, ref);
    if (offset != stream->next || stream->waiting.count != 0)
        return read_other(stream, callbacks, segment, &data);
    stream->highest = data.segment_end;
    int result =
        hand_down(stream, callbacks, &data, data.segment_end, segment->packet_captured, segment);
    return result == MT_OK && stream->waiting.count != 0
               ? keep_within_limits(stream, callbacks, ref)
               : result;
}

void mt_reassembly_next(struct mt_reassembly *stream, const struct mt_payload_key *key,
                        const struct mt_segment *segment)
{
    stream->next = stream->highest = stream->next + segment->length;
    stream->bytes += segment->length;
    if (stream->delivered != NULL)
        note_delivered(stream, key, segment->payload, segment->captured, segment);
}

int mt_reassembly_is_acknowledged(const struct mt_reassembly *stream, uint32_t acknowledgement)
{
    int64_t offset = mt_reassembly_offset(stream, acknowledgement);
    return offset >= 0 && offset <= stream->highest;
}

int mt_reassembly_has(const struct mt_reassembly *stream, int64_t begin, int64_t end)
{
    if (begin < stream->next)
        return 1;
    uint32_t index = mt_waiting_find(&stream->waiting, begin);
    return index < stream->waiting.count &&
           mt_waiting_at(&stream->waiting, index)->data.offset < end;
}

int mt_reassembly_has_all(const struct mt_reassembly *stream, int64_t begin, int64_t end)
{
    return mt_waiting_covers(&stream->waiting, begin > stream->next ? begin : stream->next, end);
}

/* ---- time ---- */

/* Whether the receiver has what is missing at `next`. */
static int acked(const struct mt_reassembly *stream)
{
    return stream->waiting.count != 0 && stream->acknowledged >= hole_end(stream);
}

/* Gives up cut bytes of which no copy is expected any more. */
static int review(struct mt_reassembly *stream, const struct mt_reassembly_callbacks *callbacks)
{
    const struct mt_waiting *cut = cut_at_next(stream);
    return cut != NULL && !is_expected(stream, callbacks, cut->packet_captured)
               ? go_on(stream, callbacks, MT_OK)
               : MT_OK;
}

/* The receiver has the hole's bytes: gives it up after a while. One wait is enough for all that it
 * has. */
static int tick_acked(struct mt_reassembly *stream, const struct mt_reassembly_callbacks *callbacks,
                      const struct mt_packet_ref *ref)
{
    stream->acked_segments++;
    int many_segments = stream->acked_segments > callbacks->limits->hole_acked_segments,
        long_ago = mt_elapsed(stream->acked_since, ref->time) / 1000000 >
                   callbacks->limits->hole_acked_milliseconds,
        result = MT_OK;
    callbacks->limit_hits[MT_LIMIT_hole_acked_segments] += (uint64_t)many_segments;
    callbacks->limit_hits[MT_LIMIT_hole_acked_milliseconds] += (uint64_t)long_ago;
    while ((many_segments || long_ago) && result == MT_OK && acked(stream))
        result = give_up_first(stream, callbacks, MT_HOLE_ACKED, ref);
    return result;
}

int mt_reassembly_tick(struct mt_reassembly *stream,
                       const struct mt_reassembly_callbacks *callbacks,
                       const struct mt_packet_ref *ref)
{
    if (stream->waiting.count == 0)
        return MT_OK;
    if (ref == NULL)
        return review(stream, callbacks);
    int result = MT_OK;
    if (stream->stuck_since == MT_NO_TIME)
        stream->stuck_since = ref->time;
    if (!stream->hole_acked && acked(stream)) {
        stream->hole_acked = 1;
        stream->acked_since = ref->time;
        stream->acked_segments = 0;
    }
    if (stream->hole_acked)
        result = tick_acked(stream, callbacks, ref);
    while (result == MT_OK && stream->waiting.count != 0 &&
           mt_elapsed(stream->stuck_since, ref->time) / 1000000000 >
               callbacks->limits->hole_seconds) {
        callbacks->limit_hits[MT_LIMIT_hole_seconds]++;
        result = give_up_first(stream, callbacks, MT_HOLE_LIMIT, ref);
    }
    return result;
}

/* ---- the end ---- */

int64_t mt_reassembly_tail(const struct mt_reassembly *stream)
{
    /* Where the FIN was not captured, an acknowledgement one byte ahead is most likely its. */
    int64_t acknowledged =
        stream->claimed > stream->acknowledged ? stream->claimed : stream->acknowledged;
    int64_t known = stream->fin >= 0                  ? stream->fin
                    : acknowledged > stream->next + 1 ? acknowledged
                                                      : 0;
    return stream->started && known > stream->next && known <= stream->next + WINDOW
               ? known - stream->next
               : 0;
}

int mt_reassembly_end(struct mt_reassembly *stream, const struct mt_reassembly_callbacks *callbacks,
                      const struct mt_packet_ref *ref)
{
    while (stream->waiting.count != 0) {
        int result = give_up_first(stream, callbacks, MT_HOLE_END, ref);
        if (result != MT_OK)
            return result;
    }
    int64_t tail = mt_reassembly_tail(stream);
    return tail != 0 ? give_up(stream, callbacks, stream->next + tail, MT_HOLE_END, ref) : MT_OK;
}

void mt_reassembly_free(struct mt_reassembly *stream, struct mt_budget *buffered)
{
    mt_waiting_free(&stream->waiting, buffered);
    mt_free(stream->lost_ranges);
    mt_free(stream->delivered);
    stream->delivered = NULL;
    stream->lost_ranges = NULL;
    stream->lost_count = 0;
}
