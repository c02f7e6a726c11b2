/* For the tests of reassembly: a stream that is fed segments, with all that it tells. */
#ifndef MT_TEST_REASSEMBLY_HELP_H
#define MT_TEST_REASSEMBLY_HELP_H

#include "support/stream_help.h"
#include "tcp/reassembly.h"

enum { SEEN_ROOM = 1 << 16, EVENTS_ROOM = 4096, PACKETS_ROOM = 4096 };
enum { UNKNOWN, DATA, HOLE };

struct event {
    char what; /* h, c, s: hole, conflict, stray */
    int64_t offset, size;
    enum mt_hole hole;
    const char *why;
    uint64_t arrival;
};

/* A stream with all that it told. */
struct stand {
    struct mt_reassembly stream;
    struct mt_reassembly_callbacks callbacks;
    struct mt_limits limits;
    mt_limit_hits limit_hits;
    struct mt_budget budget;
    int64_t origin;          /* stream offset of seen[0] */
    uint8_t seen[SEEN_ROOM]; /* bytes handed down */
    uint8_t state[SEEN_ROOM];
    int64_t at; /* where the next callback must go on, INT64_MIN: anywhere */
    int64_t data_calls, data_bytes, hole_bytes;
    int64_t repeated,
        differing; /* bytes shown again after they were handed down; those that differ */
    struct event events[EVENTS_ROOM];
    int events_count;
    int64_t last_end[PACKETS_ROOM]; /* by arrival: end of the last piece handed down, INT64_MIN:
                                       none yet */
    struct mt_stream_data last;     /* its data is gone */
    struct mt_packet_ref ref;
    int fails; /* the reader answers MT_NOMEM */
};

static struct stand stand;

static inline int on_data(void *context, const struct mt_stream_data *data)
{
    struct stand *s = context;
    CHECK(s->at == INT64_MIN || data->offset == s->at);
    CHECK(data->size > 0);
    CHECK(data->segment_begin <= data->offset && data->offset + data->size <= data->segment_end);
    if (data->ref.arrival < PACKETS_ROOM) {
        CHECK(data->prior_end == s->last_end[data->ref.arrival]);
        s->last_end[data->ref.arrival] = data->offset + data->size;
    }
    s->at = data->offset + data->size;
    for (uint32_t i = 0; i < data->size && data->offset - s->origin + i < SEEN_ROOM; i++) {
        CHECK(s->state[data->offset - s->origin + i] == UNKNOWN);
        s->state[data->offset - s->origin + i] = DATA;
        s->seen[data->offset - s->origin + i] = data->bytes[i];
    }
    s->data_calls++;
    s->data_bytes += data->size;
    s->last = *data;
    return s->fails ? MT_NOMEM : MT_OK;
}

static inline struct event *add_event(struct stand *s, char what, int64_t offset, int64_t size,
                                      const struct mt_packet_ref *ref)
{
    struct event *events =
        &s->events[s->events_count < EVENTS_ROOM - 1 ? s->events_count++ : EVENTS_ROOM - 1];
    *events = (struct event){.what = what, .offset = offset, .size = size, .arrival = ref->arrival};
    return events;
}

static inline int on_hole(void *context, int64_t offset, int64_t size, enum mt_hole why,
                          const struct mt_packet_ref *ref)
{
    struct stand *s = context;
    CHECK(s->at == INT64_MIN || offset == s->at);
    CHECK(size > 0);
    s->at = offset + size;
    for (int64_t i = 0; i < size && offset - s->origin + i < SEEN_ROOM; i++) {
        CHECK(s->state[offset - s->origin + i] == UNKNOWN);
        s->state[offset - s->origin + i] = HOLE;
    }
    s->hole_bytes += size;
    add_event(s, 'h', offset, size, ref)->hole = why;
    return s->fails ? MT_NOMEM : MT_OK;
}

static inline int on_repeated(void *context, const uint8_t *data, int64_t offset, int64_t size,
                              const struct mt_packet_ref *ref)
{
    struct stand *s = context;
    CHECK(size > 0 && offset + size <= s->stream.next);
    for (int64_t i = 0; i < size && offset >= s->origin; i++)
        s->differing +=
            s->state[offset - s->origin + i] == DATA && s->seen[offset - s->origin + i] != data[i];
    s->repeated += size;
    CHECK(ref->arrival == s->ref.arrival);
    return s->fails ? MT_NOMEM : MT_OK;
}

static inline int on_problem(void *context, const struct mt_problem *problem)
{
    int conflict = problem->kind == MT_PROBLEM_CONFLICT;
    CHECK(conflict || problem->kind == MT_PROBLEM_UNFRAMED ||
          problem->kind == MT_PROBLEM_OUT_OF_WINDOW);
    add_event(context, conflict ? 'c' : 's', problem->offset, problem->bytes, problem->ref)->why =
        conflict ? NULL : problem->why;
    return ((struct stand *)context)->fails ? MT_NOMEM : MT_OK;
}

/* Ready for a new stream; base is its first sequence number. */
static inline void open_stand(uint32_t base, int from_syn)
{
    memset(&stand, 0, sizeof stand);
    for (int i = 0; i < PACKETS_ROOM; i++)
        stand.last_end[i] = INT64_MIN;
    stand.limits = mt_default_limits;
    stand.budget = (struct mt_budget){.limit = &stand.limits.buffered_bytes,
                                      .limit_hits = &stand.limit_hits[MT_LIMIT_buffered_bytes]};
    stand.callbacks = (struct mt_reassembly_callbacks){.limits = &stand.limits,
                                                       .limit_hits = stand.limit_hits,
                                                       .buffered = &stand.budget,
                                                       .context = &stand,
                                                       .data = on_data,
                                                       .hole = on_hole,
                                                       .repeated = on_repeated,
                                                       .problem = on_problem};
    stand.ref = (struct mt_packet_ref){.time = START_TIME, .frame = 1};
    mt_reassembly_start(&stand.stream, base, from_syn);
}

static inline void close_stand(void)
{
    mt_reassembly_free(&stand.stream, &stand.budget);
    CHECK_EQUAL(stand.budget.used, 0);
}

/* A segment at a stream offset, `captured` of its `length` bytes there, from a buffer that ends
 * where they end and goes away at once. */
static inline int feed_cut(int64_t offset, const void *bytes, uint32_t captured, uint32_t length)
{
    uint8_t *exact = malloc(captured != 0 ? captured : 1);
    if (captured != 0)
        memcpy(exact, bytes, captured);
    struct mt_segment segment = {.payload = exact, .captured = captured, .length = length};
    int result = mt_reassembly_segment(&stand.stream, &stand.callbacks, &segment, offset, INT64_MIN,
                                       &stand.ref);
    free(exact);
    stand.ref.arrival++;
    stand.ref.frame++;
    return result;
}

static inline int feed(int64_t offset, const char *text)
{
    return feed_cut(offset, text, (uint32_t)strlen(text), (uint32_t)strlen(text));
}

static inline int tick(int64_t time)
{
    struct mt_packet_ref ref = stand.ref;
    ref.time = time;
    return mt_reassembly_tick(&stand.stream, &stand.callbacks, &ref);
}

static inline int finish_stand(void)
{
    return mt_reassembly_end(&stand.stream, &stand.callbacks, &stand.ref);
}

static inline void check_seen(const char *text)
{
    size_t size = strlen(text);
    CHECK_EQUAL(stand.data_bytes, size);
    CHECK(memcmp(stand.seen, text, size) == 0);
    CHECK_EQUAL(stand.stream.next, (int64_t)size + stand.origin);
}

static inline void check_event(int i, char what, int64_t offset, int64_t size)
{
    CHECK(i < stand.events_count);
    CHECK_EQUAL(stand.events[i].what, what);
    CHECK_EQUAL(stand.events[i].offset, offset);
    CHECK_EQUAL(stand.events[i].size, size);
}

#endif
