#include "tcp/reassembly.h"

#include "base/error.h"
#include "base/mem.h"

#include <string.h>

struct mt_waiting {
    struct mt_piece piece; /* piece.data points to bytes[] */
    int64_t
        end; /* stream offset of its end on the wire: beyond piece.size where the snap length cut */
    uint8_t bytes[];
};

enum { LOST_RANGES = 32, MOST_STEPS = 64, MOST_KEPT = 64 };
#define WINDOW ((int64_t)1 << 30) /* the largest TCP window there is (RFC 7323) */

/* ---- the ring of what waits ----
 *
 * Segments come in order, in reverse order, or anywhere: the shorter side of the ring makes room,
 * so that the usual cases move nothing, and the worst half of what the limit on waiting segments
 * allows. */

static struct mt_waiting **waiting_at(const struct mt_reassembly *stream, uint32_t index)
{
    return &stream->waiting[(stream->waiting_first + index) & (stream->waiting_capacity - 1)];
}

static struct mt_waiting *first_waiting(const struct mt_reassembly *stream)
{
    return *waiting_at(stream, 0);
}

static int grow_waiting(struct mt_reassembly *stream)
{
    uint32_t capacity = stream->waiting_capacity != 0 ? stream->waiting_capacity * 2 : 8;
    struct mt_waiting **ring =
        capacity != 0 ? mt_alloc(capacity, sizeof(struct mt_waiting *)) : NULL;
    if (ring == NULL)
        return MT_NOMEM;
    for (uint32_t i = 0; i < stream->waiting_count; i++)
        ring[i] = *waiting_at(stream, i);
    mt_free(stream->waiting);
    stream->waiting = ring;
    stream->waiting_first = 0;
    stream->waiting_capacity = capacity;
    return MT_OK;
}

/* Puts it at `index`; there must be room. */
static void insert_waiting(struct mt_reassembly *stream, uint32_t index, struct mt_waiting *waiting)
{
    uint32_t count = stream->waiting_count++;
    if (index < count / 2) {
        stream->waiting_first = (stream->waiting_first - 1) & (stream->waiting_capacity - 1);
        for (uint32_t i = 0; i < index; i++)
            *waiting_at(stream, i) = *waiting_at(stream, i + 1);
    } else {
        for (uint32_t i = count; i > index; i--)
            *waiting_at(stream, i) = *waiting_at(stream, i - 1);
    }
    *waiting_at(stream, index) = waiting;
}

static void remove_first_waiting(struct mt_reassembly *stream)
{
    stream->waiting_first = (stream->waiting_first + 1) & (stream->waiting_capacity - 1);
    stream->waiting_count--;
}

/* ---- the stream ---- */

void mt_reassembly_start(struct mt_reassembly *stream, uint32_t sequence, int from_syn)
{
    stream->base = sequence;
    stream->started = 1;
    stream->from_syn = from_syn != 0;
    stream->fin = -1;
    stream->acknowledged = 0;
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

/* Hands down captured bytes and, behind them, what the snap length cut. `next` moves to `end`. */
static int hand_down(struct mt_reassembly *stream, const struct mt_reassembly_world *world,
                     const struct mt_piece *piece, int64_t end)
{
    int64_t cut_from = piece->offset + piece->size;
    stream->next = end;
    stream->bytes += piece->size;
    int result = MT_OK;
    if (piece->size != 0)
        result = world->reader.data(world->reader.context, piece);
    if (result == MT_OK && cut_from < end) {
        stream->lost += end - cut_from;
        result = world->reader.hole(world->reader.context, cut_from, end - cut_from,
                                    MT_HOLE_SNAPPED, &piece->ref);
    }
    return result;
}

/* Bytes that a waiting segment takes. */
static int64_t held(const struct mt_waiting *waiting)
{
    return (int64_t)(sizeof *waiting + waiting->piece.size);
}

static void forget(struct mt_reassembly *stream, const struct mt_reassembly_world *world,
                   struct mt_waiting *first)
{
    remove_first_waiting(stream);
    stream->waiting_bytes -= first->piece.size;
    mt_budget_use(world->buffered, -held(first));
}

/* A ring that had to grow large is not kept while nothing waits: there may be very many streams. */
static void shrink(struct mt_reassembly *stream)
{
    if (stream->waiting_count != 0 || stream->waiting_capacity <= MOST_KEPT)
        return;
    mt_free(stream->waiting);
    stream->waiting = NULL;
    stream->waiting_first = stream->waiting_capacity = 0;
}

/* Hands down everything that waited for `next`. */
static int drain(struct mt_reassembly *stream, const struct mt_reassembly_world *world)
{
    while (stream->waiting_count != 0 && first_waiting(stream)->piece.offset <= stream->next) {
        struct mt_waiting *first = first_waiting(stream);
        forget(stream, world, first);
        int result = hand_down(stream, world, &first->piece, first->end);
        mt_free(first);
        if (result != MT_OK)
            return result;
    }
    shrink(stream);
    return MT_OK;
}

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

/* Declares [next, end) lost and goes on behind it. */
static int give_up(struct mt_reassembly *stream, const struct mt_reassembly_world *world,
                   int64_t end, enum mt_hole why, const struct mt_packet_ref *place)
{
    int64_t begin = stream->next;
    remember_lost(stream, begin, end);
    stream->lost += end - begin;
    stream->next = end;
    progress(stream);
    int result = world->reader.hole(world->reader.context, begin, end - begin, why, place);
    if (result == MT_OK)
        result = drain(stream, world);
    if (stream->waiting_count != 0)
        stream->stuck_since =
            first_waiting(stream)
                ->piece.ref.time; /* the next hole is as old as what waits behind it */
    return result;
}

/* Index of the first waiting piece that ends beyond `offset`. */
static uint32_t first_beyond(const struct mt_reassembly *stream, int64_t offset)
{
    uint32_t low = 0, high = stream->waiting_count;
    if (high != 0 && (*waiting_at(stream, high - 1))->end <= offset)
        return high; /* the usual case: the newest segment is the furthest */
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if ((*waiting_at(stream, middle))->end <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Copies a piece into the waiting list at `index`. */
static int wait(struct mt_reassembly *stream, const struct mt_reassembly_world *world,
                uint32_t index, const struct mt_piece *piece, int64_t end)
{
    if (stream->waiting_count == stream->waiting_capacity && grow_waiting(stream) != MT_OK)
        return MT_NOMEM;
    struct mt_waiting *copy = mt_alloc(1, sizeof *copy + piece->size);
    if (copy == NULL)
        return MT_NOMEM;
    copy->piece = *piece;
    copy->end = end;
    if (piece->size != 0)
        memcpy(copy->bytes, piece->data, piece->size);
    copy->piece.data = copy->bytes;
    insert_waiting(stream, index, copy);
    stream->waiting_bytes += piece->size;
    mt_budget_use(world->buffered, held(copy));
    return MT_OK;
}

/* Repeated bytes [begin, end) of `segment` against the copy that waits: the first copy stays;
 * differences are told. */
static int compare(const struct mt_reassembly_world *world, const struct mt_waiting *first,
                   const struct mt_segment *segment, int64_t segment_offset, int64_t begin,
                   int64_t end, const struct mt_packet_ref *place)
{
    int64_t captured_end = segment_offset + segment->captured,
            first_end = first->piece.offset + first->piece.size;
    int64_t stop = end < captured_end ? end : captured_end;
    if (stop > first_end)
        stop = first_end;
    if (stop <= begin)
        return MT_OK;
    const uint8_t *a = first->bytes + (begin - first->piece.offset),
                  *b = segment->payload + (begin - segment_offset);
    int64_t size = stop - begin, count = 0, at = -1;
    if (memcmp(a, b, (size_t)size) == 0)
        return MT_OK;
    for (int64_t i = 0; i < size; i++) {
        if (a[i] != b[i] && count++ == 0)
            at = begin + i;
    }
    return world->conflict(world->reader.context, at, count, place);
}

static const char before_first[] = "before the first byte seen";

/* Bytes [begin, end) that lie before `next`: seen before, or late for a hole that was given up, or
 * from before the stream's first byte. */
static int behind(struct mt_reassembly *stream, const struct mt_reassembly_world *world,
                  const struct mt_segment *segment, int64_t begin, int64_t end,
                  const struct mt_packet_ref *place, int *late)
{
    int64_t fresh = 0;
    int result = MT_OK;
    if (begin < stream->lowest && !stream->from_syn) {
        int64_t stop = end < stream->lowest ? end : stream->lowest;
        fresh += stop - begin;
        if (stop < stream->lowest)
            remember_lost(stream, stop, stream->lowest); /* not seen yet; it may come, too */
        stream->lowest = begin;
        result = world->stray(world->reader.context, begin, stop - begin, before_first, place);
    }
    for (uint32_t i = 0; i < stream->lost_count && result == MT_OK; i++) {
        struct mt_lost_range *range = &stream->lost_ranges[i];
        int64_t from = begin > range->begin ? begin : range->begin,
                to = end < range->end ? end : range->end;
        if (from >= to)
            continue;
        fresh += to - from;
        /* What came late is not late twice. A range cut in its middle keeps its larger rest. */
        if (from - range->begin > range->end - to)
            range->end = from;
        else
            range->begin = to;
        result = world->stray(world->reader.context, from, to - from,
                              to <= 0 ? before_first : "came after its hole was given up", place);
    }
    stream->bytes += fresh;
    stream->retransmitted += end - begin - fresh;
    *late |= fresh != 0;
    int keep_alive =
        segment->length == 1 && end == stream->next; /* RFC 1122 4.2.3.6: its byte is garbage */
    if (result == MT_OK && fresh == 0 && !keep_alive)
        result =
            world->repeated(world->reader.context, segment->payload, begin, end - begin, place);
    return result;
}

/* The part of a segment from `next` on where something waits or a hole opens: walks over what
 * waits, keeps what is new. */
static int merge(struct mt_reassembly *stream, const struct mt_reassembly_world *world,
                 const struct mt_segment *segment, int64_t offset, struct mt_piece piece, int *late)
{
    int64_t end = piece.segment_end, captured_end = offset + segment->captured,
            seen_before = stream->highest;
    int64_t at = offset > stream->next ? offset : stream->next;
    int result = MT_OK;
    uint32_t index =
        first_beyond(stream, at); /* of the first waiting piece that ends beyond `at` */
    int64_t steps = MOST_STEPS +
                    segment->captured; /* a few bytes of a segment that the snap length cut must not
                                          cost all that waits; where it is left, a hole stays */
    while (at < end && result == MT_OK && steps-- > 0) {
        const struct mt_waiting *known =
            index < stream->waiting_count ? *waiting_at(stream, index) : NULL;
        int64_t stop;
        if (known != NULL && known->piece.offset <= at) {
            stop = end < known->end ? end : known->end;
            int64_t seen = (stop < captured_end ? stop : captured_end) - at;
            stream->retransmitted += seen > 0 ? seen : 0;
            result = compare(world, known, segment, offset, at, stop, &piece.ref);
            index++;
        } else {
            stop = known != NULL && known->piece.offset < end ? known->piece.offset : end;
            *late |= at < seen_before;
            piece.offset = at;
            piece.data = segment->payload + (at < captured_end ? at - offset : 0);
            piece.size =
                (uint32_t)(at < captured_end ? (stop < captured_end ? stop : captured_end) - at
                                             : 0);
            if (at == stream->next) {
                progress(stream);
                result = hand_down(stream, world, &piece, stop);
            } else {
                result = wait(stream, world, index++, &piece, stop);
            }
            piece.prior_end = stop;
        }
        at = stop;
    }
    if (end > stream->highest)
        stream->highest = end;
    return result == MT_OK ? drain(stream, world) : result;
}

/* A segment that is not simply the next one: what lies before `next`, then the rest. */
static int take_disorderly(struct mt_reassembly *stream, const struct mt_reassembly_world *world,
                           const struct mt_segment *segment, int64_t offset, struct mt_piece piece,
                           int *late)
{
    if (offset < stream->next) {
        int64_t stop = piece.segment_end < stream->next ? piece.segment_end : stream->next,
                captured_end = offset + segment->captured;
        int result = MT_OK;
        if (captured_end > offset)
            result = behind(stream, world, segment, offset,
                            stop < captured_end ? stop : captured_end, &piece.ref, late);
        if (piece.segment_end <= stream->next || result != MT_OK)
            return result;
    }
    return merge(stream, world, segment, offset, piece, late);
}

static int over_limits(const struct mt_reassembly *stream, const struct mt_reassembly_world *world)
{
    int many_bytes = stream->waiting_bytes > world->limits->hole_bytes,
        many_segments = stream->waiting_count > (uint64_t)world->limits->hole_segments;
    world->limit_hits[MT_LIMIT_hole_bytes] += (uint64_t)many_bytes;
    world->limit_hits[MT_LIMIT_hole_segments] += (uint64_t)many_segments;
    return many_bytes || many_segments || mt_budget_is_full(world->buffered, 0);
}

int mt_reassembly_segment(struct mt_reassembly *stream, const struct mt_reassembly_world *world,
                          const struct mt_segment *segment, int64_t offset, int64_t acknowledged,
                          const struct mt_packet_ref *place)
{
    int64_t end = offset + segment->length;
    if (offset > stream->next + WINDOW || end < stream->next - WINDOW) {
        stream->bytes += segment->captured;
        return world->stray(world->reader.context, offset, segment->captured,
                            "sequence number outside any window", place);
    }
    if (offset == 1 && stream->next == 0 && stream->highest == 0 && !stream->from_syn) {
        stream->base++; /* the stream was begun by a keep-alive, which repeats the byte before the
                           next */
        offset--;
        end--;
    }
    struct mt_piece piece = {.data = segment->payload,
                             .size = segment->captured,
                             .offset = offset,
                             .segment_begin = offset,
                             .segment_end = end,
                             .prior_end = INT64_MIN,
                             .acknowledged = acknowledged,
                             .ref = *place};
    if (offset == stream->next && stream->waiting_count == 0) {
        stream->highest = end;
        return hand_down(stream, world, &piece, end);
    }
    int64_t before = stream->next;
    int late = 0; /* on one side of `next` or on both: it is one packet */
    int result = take_disorderly(stream, world, segment, offset, piece, &late);
    stream->out_of_order += late;
    while (result == MT_OK && end > before && stream->waiting_count != 0 &&
           over_limits(stream, world))
        result = give_up(stream, world, first_waiting(stream)->piece.offset, MT_HOLE_LIMIT, place);
    return result;
}

void mt_reassembly_acknowledge(struct mt_reassembly *stream, int64_t offset)
{
    if (offset > stream->acknowledged && offset <= stream->next + WINDOW)
        stream->acknowledged = offset;
}

/* Whether the receiver has what lacks before the first segment that waits. */
static int acked(const struct mt_reassembly *stream)
{
    return stream->waiting_count != 0 &&
           stream->acknowledged >= first_waiting(stream)->piece.offset;
}

int mt_reassembly_tick(struct mt_reassembly *stream, const struct mt_reassembly_world *world,
                       const struct mt_packet_ref *place)
{
    if (stream->waiting_count == 0)
        return MT_OK;
    const struct mt_limits *limits = world->limits;
    int result = MT_OK;
    if (stream->stuck_since == MT_NO_TIME)
        stream->stuck_since = place->time;
    if (!stream->hole_acked && acked(stream)) {
        stream->hole_acked = 1;
        stream->acked_since = place->time;
        stream->acked_segments = 0;
    }
    if (stream->hole_acked) {
        stream->acked_segments++;
        int many_segments = stream->acked_segments > limits->hole_acked_segments,
            long_ago = mt_elapsed(stream->acked_since, place->time) / 1000000 >
                       limits->hole_acked_milliseconds;
        world->limit_hits[MT_LIMIT_hole_acked_segments] += (uint64_t)many_segments;
        world->limit_hits[MT_LIMIT_hole_acked_milliseconds] += (uint64_t)long_ago;
        if (many_segments || long_ago)
            while (result == MT_OK && acked(stream)) /* one wait is enough for all that it has */
                result = give_up(stream, world, first_waiting(stream)->piece.offset, MT_HOLE_ACKED,
                                 place);
    }
    while (result == MT_OK && stream->waiting_count != 0 &&
           mt_elapsed(stream->stuck_since, place->time) / 1000000000 > limits->hole_seconds) {
        world->limit_hits[MT_LIMIT_hole_seconds]++;
        result = give_up(stream, world, first_waiting(stream)->piece.offset, MT_HOLE_LIMIT, place);
    }
    return result;
}

int64_t mt_reassembly_tail(const struct mt_reassembly *stream)
{
    /* Where the FIN was not captured, an acknowledgement one byte ahead is most likely its. */
    int64_t known = stream->fin >= 0                          ? stream->fin
                    : stream->acknowledged > stream->next + 1 ? stream->acknowledged
                                                              : 0;
    return stream->started && known > stream->next && known <= stream->next + WINDOW
               ? known - stream->next
               : 0;
}

int mt_reassembly_end(struct mt_reassembly *stream, const struct mt_reassembly_world *world,
                      const struct mt_packet_ref *place)
{
    while (stream->waiting_count != 0) {
        int result =
            give_up(stream, world, first_waiting(stream)->piece.offset, MT_HOLE_END, place);
        if (result != MT_OK)
            return result;
    }
    int64_t tail = mt_reassembly_tail(stream);
    return tail != 0 ? give_up(stream, world, stream->next + tail, MT_HOLE_END, place) : MT_OK;
}

void mt_reassembly_free(struct mt_reassembly *stream, struct mt_budget *buffered)
{
    for (uint32_t i = 0; i < stream->waiting_count; i++) {
        struct mt_waiting *waiting = *waiting_at(stream, i);
        mt_budget_use(buffered, -held(waiting));
        mt_free(waiting);
    }
    mt_free(stream->waiting);
    mt_free(stream->lost_ranges);
    stream->waiting = NULL;
    stream->lost_ranges = NULL;
    stream->waiting_first = stream->waiting_count = stream->waiting_capacity = stream->lost_count =
        0;
    stream->waiting_bytes = 0;
}
