/* Segments in any order into bytes in order; holes, limits, sequence numbers. */
#include "reassembly.h"
#include "stream_help.h"

enum { SEEN_ROOM = 1 << 16, TOLD_ROOM = 4096, PACKETS_ROOM = 4096 };
enum { UNKNOWN, DATA, HOLE };

struct told {
    char what; /* h, c, s: hole, conflict, stray */
    int64_t offset, size;
    enum mt_hole hole;
    const char *why;
    uint64_t arrival;
};

/* A stream with all that it told. */
struct stand {
    struct mt_reassembly stream;
    struct mt_reassembly_world world;
    struct mt_limits limits;
    mt_reached reached;
    struct mt_budget budget;
    int64_t origin;             /* stream offset of seen[0] */
    uint8_t seen[SEEN_ROOM];    /* bytes handed down */
    uint8_t state[SEEN_ROOM];
    int64_t at;                 /* where the next callback must go on, INT64_MIN: anywhere */
    int64_t data_calls, data_bytes, hole_bytes;
    int64_t repeated, differing; /* bytes shown again after they were handed down; those that differ */
    struct told told[TOLD_ROOM];
    int told_count;
    int64_t last_end[PACKETS_ROOM]; /* by arrival: end of the last piece handed down, INT64_MIN: none yet */
    struct mt_piece last;       /* its data is gone */
    struct mt_place place;
    int fails;                  /* the reader answers MT_NOMEM */
};

static struct stand stand;

static int on_data(void *context, const struct mt_piece *piece)
{
    struct stand *s = context;
    CHECK(s->at == INT64_MIN || piece->offset == s->at);
    CHECK(piece->size > 0);
    CHECK(piece->segment_begin <= piece->offset && piece->offset + piece->size <= piece->segment_end);
    if (piece->place.arrival < PACKETS_ROOM) {
        CHECK(piece->prior_end == s->last_end[piece->place.arrival]);
        s->last_end[piece->place.arrival] = piece->offset + piece->size;
    }
    s->at = piece->offset + piece->size;
    for (uint32_t i = 0; i < piece->size && piece->offset - s->origin + i < SEEN_ROOM; i++) {
        CHECK(s->state[piece->offset - s->origin + i] == UNKNOWN);
        s->state[piece->offset - s->origin + i] = DATA;
        s->seen[piece->offset - s->origin + i] = piece->data[i];
    }
    s->data_calls++;
    s->data_bytes += piece->size;
    s->last = *piece;
    return s->fails ? MT_NOMEM : MT_OK;
}

static struct told *tell(struct stand *s, char what, int64_t offset, int64_t size, const struct mt_place *place)
{
    struct told *told = &s->told[s->told_count < TOLD_ROOM - 1 ? s->told_count++ : TOLD_ROOM - 1];
    *told = (struct told){.what = what, .offset = offset, .size = size, .arrival = place->arrival};
    return told;
}

static int on_hole(void *context, int64_t offset, int64_t size, enum mt_hole why, const struct mt_place *place)
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
    tell(s, 'h', offset, size, place)->hole = why;
    return s->fails ? MT_NOMEM : MT_OK;
}

static int on_conflict(void *context, int64_t offset, int64_t count, const struct mt_place *place)
{
    tell(context, 'c', offset, count, place);
    return ((struct stand *)context)->fails ? MT_NOMEM : MT_OK;
}

static int on_repeated(void *context, const uint8_t *data, int64_t offset, int64_t size, const struct mt_place *place)
{
    struct stand *s = context;
    CHECK(size > 0 && offset + size <= s->stream.next);
    for (int64_t i = 0; i < size && offset >= s->origin; i++)
        s->differing += s->state[offset - s->origin + i] == DATA && s->seen[offset - s->origin + i] != data[i];
    s->repeated += size;
    CHECK(place->arrival == s->place.arrival);
    return s->fails ? MT_NOMEM : MT_OK;
}

static int on_stray(void *context, int64_t offset, int64_t count, const char *why, const struct mt_place *place)
{
    tell(context, 's', offset, count, place)->why = why;
    return ((struct stand *)context)->fails ? MT_NOMEM : MT_OK;
}

/* Ready for a new stream; base is its first sequence number. */
static void open_stand(uint32_t base, int from_syn)
{
    memset(&stand, 0, sizeof stand);
    for (int i = 0; i < PACKETS_ROOM; i++)
        stand.last_end[i] = INT64_MIN;
    stand.limits = mt_default_limits;
    stand.budget = (struct mt_budget){.limit = &stand.limits.buffered_bytes, .reached = &stand.reached[MT_LIMIT_buffered_bytes]};
    stand.world = (struct mt_reassembly_world){.limits = &stand.limits, .reached = stand.reached, .buffered = &stand.budget, .reader = {on_data, on_hole, &stand}, .repeated = on_repeated, .conflict = on_conflict, .stray = on_stray};
    stand.place = (struct mt_place){.time = START_TIME, .frame = 1};
    mt_reassembly_start(&stand.stream, base, from_syn);
}

static void close_stand(void)
{
    mt_reassembly_free(&stand.stream, &stand.budget);
    CHECK_EQUAL(stand.budget.used, 0);
}

/* A segment at a stream offset, `captured` of its `length` bytes there, from a buffer that ends where they end and goes away at once. */
static int feed_cut(int64_t offset, const void *bytes, uint32_t captured, uint32_t length)
{
    uint8_t *exact = malloc(captured != 0 ? captured : 1);
    if (captured != 0)
        memcpy(exact, bytes, captured);
    struct mt_segment segment = {.payload = exact, .captured = captured, .length = length};
    int result = mt_reassembly_segment(&stand.stream, &stand.world, &segment, offset, INT64_MIN, &stand.place);
    free(exact);
    stand.place.arrival++;
    stand.place.frame++;
    return result;
}

static int feed(int64_t offset, const char *text)
{
    return feed_cut(offset, text, (uint32_t)strlen(text), (uint32_t)strlen(text));
}

static int tick(int64_t time)
{
    struct mt_place place = stand.place;
    place.time = time;
    return mt_reassembly_tick(&stand.stream, &stand.world, &place);
}

static int finish_stand(void)
{
    return mt_reassembly_end(&stand.stream, &stand.world, &stand.place);
}

static void check_seen(const char *text)
{
    size_t size = strlen(text);
    CHECK_EQUAL(stand.data_bytes, size);
    CHECK(memcmp(stand.seen, text, size) == 0);
    CHECK_EQUAL(stand.stream.next, (int64_t)size + stand.origin);
}

static void check_told(int i, char what, int64_t offset, int64_t size)
{
    CHECK(i < stand.told_count);
    CHECK_EQUAL(stand.told[i].what, what);
    CHECK_EQUAL(stand.told[i].offset, offset);
    CHECK_EQUAL(stand.told[i].size, size);
}

/* ---- order ---- */

static void test_orderly(void)
{
    open_stand(1000, 1);
    CHECK_EQUAL(feed(0, "abc"), MT_OK);
    CHECK_EQUAL(feed(3, "defgh"), MT_OK);
    CHECK_EQUAL(stand.budget.used, 0); /* nothing was copied */
    CHECK_EQUAL(stand.last.segment_begin, 3);
    CHECK_EQUAL(stand.last.segment_end, 8);
    CHECK_EQUAL(stand.last.place.arrival, 1);
    check_seen("abcdefgh");
    CHECK_EQUAL(stand.stream.bytes, 8);
    CHECK_EQUAL(stand.stream.highest, 8);
    CHECK_EQUAL(stand.stream.retransmitted + stand.stream.out_of_order + stand.stream.lost, 0);
    CHECK_EQUAL(finish_stand(), MT_OK);
    CHECK_EQUAL(stand.told_count, 0);
    close_stand();
}

static void permute(const int64_t *cuts, const int *order)
{
    static const char text[] = "The quick brown fox jumps over it";
    open_stand(77, 1);
    int64_t highest = 0, late = 0;
    for (int i = 0; i < 5; i++) {
        int64_t begin = cuts[order[i]], end = cuts[order[i] + 1];
        late += begin < highest;
        highest = end > highest ? end : highest;
        CHECK_EQUAL(feed_cut(begin, text + begin, (uint32_t)(end - begin), (uint32_t)(end - begin)), MT_OK);
    }
    check_seen(text);
    CHECK_EQUAL(stand.stream.out_of_order, late);
    CHECK_EQUAL(stand.stream.retransmitted, 0);
    CHECK_EQUAL(stand.stream.bytes, sizeof text - 1);
    CHECK_EQUAL(stand.told_count, 0);
    CHECK_EQUAL(stand.budget.used, 0);
    CHECK_EQUAL(stand.data_calls, 5);
    close_stand();
}

static void test_permutations(void)
{
    static const int64_t even[] = {0, 7, 14, 21, 28, 33}, uneven[] = {0, 1, 2, 30, 32, 33};
    int order[5], tried = 0;
    for (int code = 0; code < 3125; code++) {
        int used = 0;
        for (int i = 0, rest = code; i < 5; i++, rest /= 5) {
            order[i] = rest % 5;
            used |= 1 << order[i];
        }
        if (used != 31)
            continue;
        permute(even, order);
        permute(uneven, order);
        tried++;
    }
    CHECK_EQUAL(tried, 120);
}

/* Many segments of one byte in orders that put them at the beginning, the end and the middle of what waits. */
static void test_orders_of_many(void)
{
    enum { MANY = 300, ORDERS = 6 };
    char text[MANY + 1] = "";
    for (int i = 0; i < MANY; i++)
        text[i] = (char)('a' + i % 26);
    for (int order = 0; order < ORDERS; order++) {
        open_stand(0, 1);
        for (int i = 1; i < MANY; i++) {
            int at = order == 0 ? MANY - i                                          /* backwards */
                   : order == 1 ? (i % 2 != 0 ? (i + 1) / 2 : MANY - i / 2)         /* from both ends */
                   : order == 2 ? (i * 7) % MANY                                  /* all over, */
                   : order == 3 ? MANY - 1 - (i - 1) * 91 % (MANY - 1)              /* in two ways, */
                   : order == 4 ? (i < 150 ? 2 * i : 2 * (MANY - i) - 1)            /* every other one, then back */
                                : (i <= 150 ? 149 + i : 300 - i);                   /* up from the middle, then down */
            CHECK_EQUAL(feed_cut(at, text + at, 1, 1), MT_OK);
        }
        for (int at = 1; at < MANY; at++) /* whatever an order left out */
            CHECK_EQUAL(feed_cut(at, text + at, 1, 1), MT_OK);
        CHECK_EQUAL(stand.stream.waiting_count, MANY - 1);
        CHECK_EQUAL(stand.stream.waiting_bytes, MANY - 1);
        CHECK_EQUAL(feed(0, "a"), MT_OK);
        check_seen(text);
        CHECK_EQUAL(stand.stream.waiting_count, 0);
        close_stand();
    }
}

/* A large ring goes when nothing waits in it any more. */
static void test_ring_is_not_kept(void)
{
    open_stand(0, 1);
    for (int64_t at = 1; at <= 100; at++)
        CHECK_EQUAL(feed(at, "x"), MT_OK);
    CHECK_EQUAL(stand.stream.waiting_capacity, 128);
    CHECK_EQUAL(feed(0, "x"), MT_OK);
    CHECK_EQUAL(stand.stream.next, 101);
    CHECK_EQUAL(stand.stream.waiting_capacity, 0);
    CHECK_EQUAL(feed(102, "x"), MT_OK); /* and comes again */
    CHECK_EQUAL(feed(101, "x"), MT_OK);
    CHECK_EQUAL(stand.stream.next, 103);
    CHECK(stand.stream.waiting_capacity != 0);
    close_stand();
}

/* A packet of which parts wait and parts fill holes is handed down in pieces that know of each other. */
static void test_pieces_of_one_segment(void)
{
    open_stand(0, 1);
    CHECK_EQUAL(feed(2, "c"), MT_OK);
    CHECK_EQUAL(feed(5, "f"), MT_OK);
    CHECK_EQUAL(feed(1, "bcdefg"), MT_OK);
    CHECK_EQUAL(stand.stream.waiting_count, 5); /* b, c, de, f, g */
    CHECK_EQUAL(stand.stream.waiting_bytes, 6);
    CHECK_EQUAL(stand.stream.retransmitted, 2);
    CHECK_EQUAL(stand.stream.out_of_order, 1);
    CHECK_EQUAL(feed(0, "a"), MT_OK);
    check_seen("abcdefg");
    CHECK_EQUAL(stand.data_calls, 6);
    CHECK_EQUAL(stand.last.prior_end, 5); /* the piece before it, "de", ended there */
    CHECK_EQUAL(stand.last.segment_begin, 1);
    CHECK_EQUAL(stand.last.segment_end, 7);
    CHECK_EQUAL(stand.last.place.arrival, 2);
    CHECK_EQUAL(stand.stream.out_of_order, 2);
    CHECK_EQUAL(stand.stream.waiting_bytes, 0);
    close_stand();
}

/* ---- repeated bytes ---- */

static void test_duplicates(void)
{
    open_stand(0, 1);
    CHECK_EQUAL(feed(0, "abcd"), MT_OK);
    CHECK_EQUAL(feed(0, "abcd"), MT_OK);
    CHECK_EQUAL(feed(1, "bc"), MT_OK);
    CHECK_EQUAL(stand.repeated, 6);
    CHECK_EQUAL(stand.differing, 0);
    CHECK_EQUAL(feed(0, "aXcY"), MT_OK); /* what was handed down is for the reader to compare */
    CHECK_EQUAL(stand.repeated, 10);
    CHECK_EQUAL(stand.differing, 2);
    CHECK_EQUAL(stand.stream.retransmitted, 10);
    CHECK_EQUAL(feed(2, "cdef"), MT_OK); /* partly new */
    CHECK_EQUAL(stand.stream.retransmitted, 12);
    CHECK_EQUAL(stand.last.offset, 4);
    CHECK_EQUAL(stand.last.segment_begin, 2);
    CHECK_EQUAL(stand.last.prior_end, INT64_MIN);
    check_seen("abcdef");
    CHECK_EQUAL(stand.stream.out_of_order, 0);
    CHECK_EQUAL(stand.repeated, 12);
    CHECK_EQUAL(feed(3, "d"), MT_OK);
    CHECK_EQUAL(stand.repeated, 13);
    CHECK_EQUAL(feed_cut(5, "", 1, 1), MT_OK); /* a keep-alive: its byte is garbage, and nobody's business */
    CHECK_EQUAL(stand.repeated, 13);
    CHECK_EQUAL(stand.stream.retransmitted, 14);
    CHECK_EQUAL(stand.stream.bytes, 6);
    CHECK_EQUAL(stand.told_count, 0);
    close_stand();
}

static void test_conflicts(void)
{
    open_stand(0, 1);
    CHECK_EQUAL(feed(4, "efgh"), MT_OK);
    CHECK_EQUAL(feed(4, "efgh"), MT_OK);
    CHECK_EQUAL(stand.told_count, 0);
    CHECK_EQUAL(feed(4, "eXgY"), MT_OK);
    check_told(0, 'c', 5, 2);
    CHECK_EQUAL(stand.told[0].arrival, 2);
    CHECK_EQUAL(feed(2, "cdZfghij"), MT_OK); /* new on both sides of what waits */
    check_told(1, 'c', 4, 1);
    CHECK_EQUAL(stand.stream.retransmitted, 12);
    CHECK_EQUAL(feed(0, "abQ"), MT_OK);
    check_told(2, 'c', 2, 1);
    CHECK_EQUAL(stand.told_count, 3);
    check_seen("abcdefghij");
    CHECK_EQUAL(stand.stream.bytes, 10);
    CHECK_EQUAL(stand.stream.retransmitted, 13);
    CHECK_EQUAL(stand.stream.out_of_order, 2);
    close_stand();
}

/* ---- sequence numbers ---- */

static int feed_sequence(uint32_t sequence, const char *text)
{
    return feed(mt_reassembly_offset(&stand.stream, sequence), text);
}

static void test_wrap(void)
{
    open_stand(0xfffffffcu, 1);
    CHECK_EQUAL(mt_reassembly_offset(&stand.stream, 0xfffffffcu), 0);
    CHECK_EQUAL(mt_reassembly_offset(&stand.stream, 0xfffffffbu), -1);
    CHECK_EQUAL(mt_reassembly_offset(&stand.stream, 2), 6);
    CHECK_EQUAL(feed_sequence(0xfffffffcu, "ab"), MT_OK);
    CHECK_EQUAL(feed_sequence(1, "fg"), MT_OK);
    CHECK_EQUAL(feed_sequence(0xfffffffeu, "cde"), MT_OK);
    CHECK_EQUAL(feed_sequence(0, "e"), MT_OK);
    check_seen("abcdefg");
    CHECK_EQUAL(stand.stream.retransmitted, 1);
    close_stand();
}

static void test_beyond_32_bits(void)
{
    for (int64_t around = (int64_t)1 << 31; around <= (int64_t)1 << 40; around *= 2) {
        open_stand(12345, 1);
        stand.stream.next = stand.stream.highest = stand.origin = stand.at = around - 3;
        uint32_t sequence = 12345u + (uint32_t)(uint64_t)(around - 3);
        CHECK_EQUAL(mt_reassembly_offset(&stand.stream, sequence), around - 3);
        CHECK_EQUAL(feed_sequence(sequence + 4, "efg"), MT_OK);
        CHECK_EQUAL(feed_sequence(sequence - 2, "YZabc"), MT_OK);
        CHECK_EQUAL(feed_sequence(sequence + 3, "d"), MT_OK);
        check_seen("abcdefg");
        CHECK_EQUAL(stand.stream.retransmitted, 2);
        CHECK_EQUAL(stand.told_count, 0);
        close_stand();
    }
}

static void test_window(void)
{
    int64_t window = (int64_t)1 << 30;
    open_stand(0, 1);
    stand.stream.next = stand.stream.highest = stand.origin = stand.at = 2 * window;
    CHECK_EQUAL(feed(3 * window + 1, "far"), MT_OK);
    check_told(0, 's', 3 * window + 1, 3);
    CHECK_EQUAL(feed(window - 4, "old"), MT_OK);
    check_told(1, 's', window - 4, 3);
    CHECK_EQUAL(stand.stream.bytes, 6);
    CHECK_EQUAL(feed(window - 3, "old"), MT_OK); /* ends at the edge */
    CHECK_EQUAL(stand.stream.retransmitted, 3);
    CHECK_EQUAL(feed(3 * window, "x"), MT_OK); /* one byte far ahead costs one byte */
    CHECK_EQUAL(stand.told_count, 2);
    CHECK_EQUAL(stand.stream.waiting_bytes, 1);
    CHECK(stand.budget.used < 300);
    CHECK_EQUAL(feed(2 * window, "on"), MT_OK);
    CHECK_EQUAL(stand.data_bytes, 2);
    CHECK_EQUAL(finish_stand(), MT_OK);
    check_told(2, 'h', 2 * window + 2, window - 2);
    CHECK_EQUAL(stand.stream.lost, window - 2);
    CHECK_EQUAL(stand.stream.next, 3 * window + 1);
    close_stand();
}

/* A stream begun by a keep-alive: its sequence number is one before the next byte. */
static void test_begun_by_keep_alive(void)
{
    open_stand(500, 0);
    CHECK_EQUAL(feed_sequence(501, "abc"), MT_OK);
    CHECK_EQUAL(feed_sequence(504, "d"), MT_OK);
    check_seen("abcd");
    CHECK_EQUAL(stand.stream.lost, 0);
    close_stand();
    open_stand(500, 1); /* after a SYN nothing is guessed */
    CHECK_EQUAL(feed_sequence(501, "abc"), MT_OK);
    CHECK_EQUAL(stand.stream.waiting_count, 1);
    close_stand();
}

static void test_before_the_beginning(void)
{
    open_stand(1000, 0);
    CHECK_EQUAL(feed_sequence(1000, "klm"), MT_OK);
    CHECK_EQUAL(feed_sequence(995, "fghijkl"), MT_OK);
    check_told(0, 's', -5, 5);
    CHECK_TEXT(stand.told[0].why, "before the first byte seen");
    CHECK_EQUAL(stand.stream.bytes, 8);
    CHECK_EQUAL(stand.stream.retransmitted, 2);
    CHECK_EQUAL(feed_sequence(993, "def"), MT_OK);
    check_told(1, 's', -7, 2);
    CHECK_EQUAL(stand.stream.retransmitted, 3);
    CHECK_EQUAL(feed_sequence(993, "def"), MT_OK);
    CHECK_EQUAL(stand.told_count, 2);
    CHECK_EQUAL(stand.stream.retransmitted, 6);
    CHECK_EQUAL(stand.stream.bytes, 10);
    check_seen("klm");
    close_stand();
    open_stand(1000, 0); /* the last, the first, and what lies between */
    CHECK_EQUAL(feed_sequence(1000, "klm"), MT_OK);
    CHECK_EQUAL(feed_sequence(990, "abc"), MT_OK);
    CHECK_EQUAL(feed_sequence(994, "efg"), MT_OK);
    CHECK_EQUAL(feed_sequence(993, "defghijkl"), MT_OK);
    check_told(0, 's', -10, 3);
    check_told(1, 's', -6, 3);
    CHECK_EQUAL(stand.stream.lost, 0);
    CHECK_EQUAL(stand.stream.bytes, 3 + 3 + 3 + 3); /* h, i, j: the one byte of the smaller rest is not known any more */
    CHECK_EQUAL(stand.stream.retransmitted, 6);
    close_stand();
    open_stand(1000, 1); /* before a SYN there is nothing: a keep-alive */
    CHECK_EQUAL(feed_cut(-1, "", 1, 1), MT_OK);
    CHECK_EQUAL(stand.told_count, 0);
    CHECK_EQUAL(stand.stream.retransmitted, 1);
    CHECK_EQUAL(feed_sequence(1000, "ab"), MT_OK);
    check_seen("ab");
    close_stand();
}

/* ---- holes ---- */

static void test_limit_bytes(void)
{
    open_stand(0, 1);
    stand.limits.hole_bytes = 10;
    CHECK_EQUAL(feed(5, "fghij"), MT_OK);
    CHECK_EQUAL(feed(12, "mnopq"), MT_OK);
    CHECK_EQUAL(stand.stream.waiting_bytes, 10);
    CHECK_EQUAL(stand.told_count, 0); /* at the limit, not over it */
    CHECK_EQUAL(feed(20, "u"), MT_OK);
    CHECK_EQUAL(stand.told_count, 1);
    check_told(0, 'h', 0, 5);
    CHECK_EQUAL(stand.told[0].hole, MT_HOLE_LIMIT);
    CHECK_EQUAL(stand.stream.next, 10);
    CHECK_EQUAL(stand.stream.waiting_bytes, 6);
    CHECK_EQUAL(stand.stream.lost, 5);
    CHECK_EQUAL(finish_stand(), MT_OK);
    check_told(1, 'h', 10, 2);
    check_told(2, 'h', 17, 3);
    CHECK_EQUAL(stand.told[1].hole, MT_HOLE_END);
    CHECK_EQUAL(stand.stream.lost, 10);
    CHECK_EQUAL(stand.data_bytes, 11);
    close_stand();
}

static void test_limit_segments(void)
{
    open_stand(0, 1);
    stand.limits.hole_segments = 3;
    for (int i = 1; i <= 3; i++)
        CHECK_EQUAL(feed(i * 10, "x"), MT_OK);
    CHECK_EQUAL(stand.told_count, 0);
    CHECK_EQUAL(feed(40, "x"), MT_OK);
    CHECK_EQUAL(stand.told_count, 1);
    check_told(0, 'h', 0, 10);
    CHECK_EQUAL(stand.stream.waiting_count, 3);
    CHECK_EQUAL(feed(15, "y"), MT_OK); /* a hole once more over the limit: the nearer one is given up */
    check_told(1, 'h', 11, 4);
    CHECK_EQUAL(stand.stream.next, 16);
    close_stand();
    open_stand(0, 1);
    stand.limits.hole_segments = 0; /* no hole may wait */
    CHECK_EQUAL(feed(3, "d"), MT_OK);
    check_told(0, 'h', 0, 3);
    CHECK_EQUAL(stand.stream.next, 4);
    close_stand();
}

static void test_limit_buffered(void)
{
    open_stand(0, 1);
    stand.limits.buffered_bytes = 1000;
    stand.budget.used = 990; /* by others */
    CHECK_EQUAL(feed(5, "f"), MT_OK);
    check_told(0, 'h', 0, 5);
    CHECK_EQUAL(stand.budget.used, 990);
    CHECK_EQUAL(stand.stream.waiting_count, 0);
    stand.budget.used = 0;
    close_stand();
}

static void test_limit_seconds(void)
{
    open_stand(0, 1);
    CHECK_EQUAL(tick(START_TIME), MT_OK); /* nothing waits */
    CHECK_EQUAL(feed(5, "f"), MT_OK);
    CHECK_EQUAL(tick(START_TIME), MT_OK);
    CHECK_EQUAL(tick(START_TIME + 120 * SECOND + 999999999), MT_OK);
    CHECK_EQUAL(stand.told_count, 0);
    CHECK_EQUAL(tick(START_TIME - 5 * SECOND), MT_OK); /* a clock that goes back */
    CHECK_EQUAL(tick(MT_NO_TIME), MT_OK);
    CHECK_EQUAL(stand.told_count, 0);
    CHECK_EQUAL(tick(START_TIME + 121 * SECOND), MT_OK);
    check_told(0, 'h', 0, 5);
    CHECK_EQUAL(stand.told[0].hole, MT_HOLE_LIMIT);
    CHECK_EQUAL(stand.stream.next, 6);
    close_stand();
}

static void test_acked_segments(void)
{
    open_stand(0, 1);
    CHECK_EQUAL(feed(5, "fgh"), MT_OK);
    mt_reassembly_acknowledge(&stand.stream, 4);
    for (int i = 0; i < 200; i++)
        CHECK_EQUAL(tick(START_TIME), MT_OK);
    CHECK_EQUAL(stand.told_count, 0); /* the receiver lacks a byte, too */
    mt_reassembly_acknowledge(&stand.stream, 5);
    mt_reassembly_acknowledge(&stand.stream, 3); /* older ones say nothing */
    CHECK_EQUAL(stand.stream.acknowledged, 5);
    for (int i = 0; i < 64; i++)
        CHECK_EQUAL(tick(START_TIME), MT_OK);
    CHECK_EQUAL(stand.told_count, 0);
    CHECK_EQUAL(tick(START_TIME), MT_OK);
    check_told(0, 'h', 0, 5);
    CHECK_EQUAL(stand.told[0].hole, MT_HOLE_ACKED);
    CHECK_EQUAL(stand.stream.next, 8);
    close_stand();
}

static void test_acked_milliseconds(void)
{
    open_stand(0, 1);
    CHECK_EQUAL(feed(5, "fgh"), MT_OK);
    mt_reassembly_acknowledge(&stand.stream, 8);
    CHECK_EQUAL(tick(START_TIME), MT_OK);
    CHECK_EQUAL(tick(START_TIME + SECOND + 999999), MT_OK);
    CHECK_EQUAL(stand.told_count, 0);
    CHECK_EQUAL(tick(START_TIME + SECOND + 1000000), MT_OK);
    check_told(0, 'h', 0, 5);
    CHECK_EQUAL(stand.told[0].hole, MT_HOLE_ACKED);
    close_stand();
    open_stand(0, 1); /* the hole is closed before its time: the next one starts anew */
    CHECK_EQUAL(feed(2, "c"), MT_OK);
    CHECK_EQUAL(feed(5, "f"), MT_OK);
    mt_reassembly_acknowledge(&stand.stream, 2);
    for (int i = 0; i < 60; i++)
        CHECK_EQUAL(tick(START_TIME), MT_OK);
    CHECK_EQUAL(feed(0, "ab"), MT_OK);
    for (int i = 0; i < 70; i++)
        CHECK_EQUAL(tick(START_TIME), MT_OK);
    CHECK_EQUAL(stand.told_count, 0);
    mt_reassembly_acknowledge(&stand.stream, ((int64_t)1 << 30) + 4); /* beyond any window: no word on this stream */
    CHECK_EQUAL(stand.stream.acknowledged, 2);
    close_stand();
}

/* Times at both ends of what 64 bits hold. */
static void test_wild_times(void)
{
    open_stand(0, 1);
    CHECK_EQUAL(feed(5, "f"), MT_OK);
    mt_reassembly_acknowledge(&stand.stream, 5);
    CHECK_EQUAL(tick(INT64_MIN + 1), MT_OK);
    CHECK_EQUAL(stand.told_count, 0);
    CHECK_EQUAL(tick(INT64_MAX), MT_OK);
    CHECK_EQUAL(stand.told_count, 1);
    check_told(0, 'h', 0, 5);
    close_stand();
}

static void test_end(void)
{
    open_stand(0, 1);
    CHECK_EQUAL(feed(0, "abc"), MT_OK);
    stand.stream.fin = 3;
    mt_reassembly_acknowledge(&stand.stream, 4); /* the FIN, too */
    CHECK_EQUAL(finish_stand(), MT_OK);
    CHECK_EQUAL(stand.told_count, 0);
    close_stand();
    open_stand(0, 1); /* the FIN tells of a tail */
    CHECK_EQUAL(feed(0, "abc"), MT_OK);
    CHECK_EQUAL(feed(5, "f"), MT_OK);
    stand.stream.fin = 10;
    CHECK_EQUAL(finish_stand(), MT_OK);
    check_told(0, 'h', 3, 2);
    check_told(1, 'h', 6, 4);
    CHECK_EQUAL(stand.told[1].hole, MT_HOLE_END);
    CHECK_EQUAL(stand.stream.lost, 6);
    close_stand();
    open_stand(0, 1); /* an acknowledgement does */
    CHECK_EQUAL(feed(0, "abc"), MT_OK);
    mt_reassembly_acknowledge(&stand.stream, 5);
    CHECK_EQUAL(finish_stand(), MT_OK);
    check_told(0, 'h', 3, 2);
    close_stand();
    open_stand(0, 1); /* one byte ahead is a FIN that was not captured */
    CHECK_EQUAL(feed(0, "abc"), MT_OK);
    mt_reassembly_acknowledge(&stand.stream, 4);
    CHECK_EQUAL(finish_stand(), MT_OK);
    CHECK_EQUAL(stand.told_count, 0);
    close_stand();
    open_stand(0, 1); /* a FIN outside any window is no word on the stream */
    CHECK_EQUAL(feed(0, "abc"), MT_OK);
    stand.stream.fin = ((int64_t)1 << 30) + 4;
    CHECK_EQUAL(finish_stand(), MT_OK);
    CHECK_EQUAL(stand.told_count, 0);
    close_stand();
    memset(&stand.stream, 0, sizeof stand.stream); /* never started */
    stand.stream.fin = -1;
    CHECK_EQUAL(finish_stand(), MT_OK);
    CHECK_EQUAL(stand.told_count, 0);
}

static void test_late(void)
{
    open_stand(0, 1);
    stand.limits.hole_segments = 0;
    CHECK_EQUAL(feed(10, "k"), MT_OK);
    check_told(0, 'h', 0, 10);
    CHECK_EQUAL(feed(0, "ab"), MT_OK); /* the beginning of what was given up */
    check_told(1, 's', 0, 2);
    CHECK_TEXT(stand.told[1].why, "came after its hole was given up");
    CHECK_EQUAL(feed(8, "ijk"), MT_OK); /* its end, and a byte that is known */
    check_told(2, 's', 8, 2);
    CHECK_EQUAL(stand.stream.retransmitted, 1);
    CHECK_EQUAL(feed(5, "f"), MT_OK); /* its middle: [2, 5) stays, the smaller rest is forgotten */
    check_told(3, 's', 5, 1);
    CHECK_EQUAL(feed(0, "abcde"), MT_OK);
    check_told(4, 's', 2, 3);
    CHECK_EQUAL(stand.stream.bytes, 1 + 2 + 2 + 1 + 3);
    CHECK_EQUAL(stand.stream.retransmitted, 3);
    CHECK_EQUAL(feed(0, "abcde"), MT_OK); /* late once, then repeated */
    CHECK_EQUAL(stand.told_count, 5);
    CHECK_EQUAL(stand.stream.retransmitted, 8);
    CHECK_EQUAL(stand.stream.lost, 10); /* it was told so */
    CHECK_EQUAL(feed(9, "jkl"), MT_OK); /* over the edge into what is new */
    CHECK_EQUAL(stand.data_bytes, 2);
    CHECK_EQUAL(stand.seen[11], 'l');
    close_stand();
}

/* Only the last few holes are remembered. */
static void test_many_late(void)
{
    open_stand(0, 1);
    stand.limits.hole_segments = 0;
    for (int i = 1; i <= 40; i++)
        CHECK_EQUAL(feed(i * 10, "x"), MT_OK);
    CHECK_EQUAL(stand.told_count, 40);
    CHECK_EQUAL(stand.stream.lost, 10 + 39 * 9);
    CHECK_EQUAL(feed(72, "y"), MT_OK); /* of the eighth, which is forgotten */
    CHECK_EQUAL(stand.told_count, 40);
    CHECK_EQUAL(stand.stream.retransmitted, 1);
    CHECK_EQUAL(feed(82, "y"), MT_OK);
    check_told(40, 's', 82, 1);
    CHECK_EQUAL(feed(395, "y"), MT_OK);
    check_told(41, 's', 395, 1);
    close_stand();
}

/* ---- snapped segments ---- */

static void test_snapped(void)
{
    open_stand(0, 1);
    CHECK_EQUAL(feed_cut(0, "abc", 3, 10), MT_OK);
    check_told(0, 'h', 3, 7);
    CHECK_EQUAL(stand.told[0].hole, MT_HOLE_SNAPPED);
    CHECK_EQUAL(stand.stream.next, 10);
    CHECK_EQUAL(stand.stream.bytes, 3);
    CHECK_EQUAL(stand.stream.lost, 7);
    CHECK_EQUAL(feed_cut(10, "", 0, 5), MT_OK); /* nothing of it */
    check_told(1, 'h', 10, 5);
    CHECK_EQUAL(feed_cut(0, "abc", 3, 10), MT_OK);
    CHECK_EQUAL(stand.stream.retransmitted, 3);
    CHECK_EQUAL(feed_cut(0, "", 0, 10), MT_OK);
    CHECK_EQUAL(stand.stream.retransmitted, 3);
    CHECK_EQUAL(feed_cut(12, "", 0, 5), MT_OK); /* partly new, none of it captured */
    check_told(2, 'h', 15, 2);
    CHECK_EQUAL(stand.told_count, 3);
    close_stand();
}

static void test_snapped_overlap(void)
{
    open_stand(0, 1);
    CHECK_EQUAL(feed_cut(10, "klm", 3, 8), MT_OK);       /* k l m and [13, 18) cut */
    CHECK_EQUAL(feed_cut(8, "ijKl", 4, 12), MT_OK);      /* i j new; differs in one byte; [18, 20) cut */
    check_told(0, 'c', 10, 1);
    CHECK_EQUAL(stand.stream.waiting_count, 3);
    CHECK_EQUAL(stand.stream.waiting_bytes, 5);
    CHECK_EQUAL(stand.stream.retransmitted, 2);
    CHECK_EQUAL(feed(12, "m?????stu"), MT_OK);           /* what was cut stays cut: the first copy wins */
    CHECK_EQUAL(feed_cut(0, "abcdefgh", 8, 21), MT_OK);
    check_told(1, 'h', 13, 5);
    check_told(2, 'h', 18, 2);
    CHECK_EQUAL(stand.told[2].hole, MT_HOLE_SNAPPED);
    CHECK_EQUAL(stand.told_count, 3);
    CHECK_EQUAL(stand.stream.next, 21);
    CHECK(memcmp(stand.seen, "abcdefghijklm", 13) == 0);
    CHECK_EQUAL(stand.seen[20], 'u');
    CHECK_EQUAL(stand.stream.bytes, 14);
    CHECK_EQUAL(stand.stream.lost, 7);
    close_stand();
}

/* ---- everything against a model that looks at single bytes ---- */

struct model {
    uint8_t state[400], value[400];
    int64_t next, highest, retransmitted, out_of_order, conflicts, differing;
};

static void model_segment(struct model *model, int64_t offset, int64_t length, int64_t captured, uint8_t value)
{
    int late = 0, keep_alive = length == 1 && offset + 1 == model->next;
    for (int64_t at = offset; at < offset + length; at++) {
        int there = at < offset + captured;
        if (model->state[at] == UNKNOWN) {
            late |= at < model->highest;
            model->state[at] = there ? DATA : HOLE;
            model->value[at] = value;
        } else if (there) {
            model->retransmitted++;
            int differs = model->state[at] == DATA && model->value[at] != value;
            *(at >= model->next ? &model->conflicts : &model->differing) += differs && !keep_alive;
        }
    }
    model->out_of_order += late;
    if (offset + length > model->highest)
        model->highest = offset + length;
    while (model->next < 400 && model->state[model->next] != UNKNOWN)
        model->next++;
}

static void check_model(const struct model *model)
{
    int64_t bytes = 0, conflicts = 0;
    for (int64_t i = 0; i < model->highest; i++) {
        int expected = model->state[i] == DATA ? DATA : HOLE;
        CHECK(stand.state[i] == expected && (expected == HOLE || stand.seen[i] == model->value[i]));
        bytes += expected == DATA;
    }
    for (int i = 0; i < stand.told_count; i++)
        conflicts += stand.told[i].what == 'c' ? stand.told[i].size : 0;
    CHECK_EQUAL(stand.state[model->highest], UNKNOWN);
    CHECK_EQUAL(stand.stream.bytes, bytes);
    CHECK_EQUAL(stand.stream.lost, model->highest - bytes);
    CHECK_EQUAL(stand.stream.retransmitted, model->retransmitted);
    CHECK_EQUAL(stand.stream.out_of_order, model->out_of_order);
    CHECK_EQUAL(conflicts, model->conflicts);
    CHECK_EQUAL(stand.differing, model->differing);
}

static void test_against_model(void)
{
    uint64_t random = 1;
    for (int round = 0; round < 2000; round++) {
        struct model model = {0};
        open_stand(next_random(&random), 1);
        int segments = 1 + (int)(next_random(&random) % 30), longest = 1 + (int)(next_random(&random) % 40);
        for (int i = 0; i < segments; i++) {
            int64_t offset = next_random(&random) % 300, length = 1 + next_random(&random) % (uint32_t)longest;
            int64_t captured = next_random(&random) % 4 == 0 ? next_random(&random) % (length + 1) : length;
            uint8_t bytes[64], value = (uint8_t)(next_random(&random) % 3);
            memset(bytes, value, sizeof bytes);
            model_segment(&model, offset, length, captured, value);
            CHECK_EQUAL(feed_cut(mt_reassembly_offset(&stand.stream, stand.stream.base + (uint32_t)offset), bytes, (uint32_t)captured, (uint32_t)length), MT_OK);
            CHECK_EQUAL(stand.stream.next, model.next);
            CHECK_EQUAL(stand.stream.highest, model.highest);
        }
        CHECK_EQUAL(finish_stand(), MT_OK);
        CHECK_EQUAL(stand.budget.used, 0);
        check_model(&model);
        close_stand();
    }
}

/* ---- memory ---- */

static int scenario(void)
{
    int result = feed(0, "ab");
    if (result == MT_OK)
        result = feed(5, "fg");
    if (result == MT_OK)
        result = feed(10, "kl");
    if (result == MT_OK)
        result = feed(4, "efgh");
    for (int i = 0; i < 20 && result == MT_OK; i++)
        result = feed(20 + 3 * i, "x");
    if (result == MT_OK)
        result = feed(2, "c");
    if (result == MT_OK)
        result = finish_stand();
    return result;
}

static void test_no_memory(void)
{
    open_stand(0, 1);
    CHECK_EQUAL(scenario(), MT_OK);
    CHECK_EQUAL(stand.data_bytes, 29);
    close_stand();
    int failed = 0;
    for (long n = 1; n < 100; n++) {
        open_stand(0, 1);
        mt_fail_after(n);
        int result = scenario();
        mt_fail_after(0);
        CHECK(result == MT_OK || result == MT_NOMEM);
        CHECK(memcmp(stand.seen, "ab", 2) == 0);
        failed += result == MT_NOMEM;
        int64_t held = 0;
        for (uint32_t i = 0; i < stand.stream.waiting_count; i++)
            held++;
        CHECK((held == 0) == (stand.budget.used == 0));
        close_stand();
    }
    CHECK(failed > 20);
}

static void test_reader_fails(void)
{
    open_stand(0, 1);
    stand.fails = 1;
    CHECK_EQUAL(feed(0, "ab"), MT_NOMEM);
    CHECK_EQUAL(feed_cut(2, "", 0, 3), MT_NOMEM);
    CHECK_EQUAL(feed(10, "kl"), MT_OK);
    CHECK_EQUAL(feed(10, "kX"), MT_NOMEM);
    CHECK_EQUAL(feed((int64_t)1 << 40, "kX"), MT_NOMEM);
    CHECK_EQUAL(finish_stand(), MT_NOMEM);
    close_stand();
    open_stand(0, 1);
    CHECK_EQUAL(feed(10, "kl"), MT_OK);
    stand.fails = 1;
    CHECK_EQUAL(feed(0, "abcdefghij"), MT_NOMEM);
    close_stand();
    open_stand(0, 0);
    CHECK_EQUAL(feed(0, "a"), MT_OK);
    stand.fails = 1;
    CHECK_EQUAL(feed(-3, "xyz"), MT_NOMEM);
    close_stand();
}

/* ---- worst cases: each must be over in an instant ---- */

static void test_reverse(void)
{
    open_stand(0, 1);
    stand.at = INT64_MIN;
    for (int64_t i = 200000; i > 0; i--)
        CHECK(feed(2 * i, "x") == MT_OK);
    CHECK_EQUAL(stand.stream.waiting_count, 0 + 4096);
    CHECK_EQUAL(finish_stand(), MT_OK);
    CHECK_EQUAL(stand.stream.bytes, 200000);
    close_stand();
    open_stand(0, 1); /* without gaps, all of them allowed to wait */
    stand.limits.hole_segments = 1000000;
    for (int64_t i = 20000; i >= 0; i--)
        CHECK(feed(i, "x") == MT_OK);
    CHECK_EQUAL(stand.data_bytes, 20001);
    CHECK_EQUAL(stand.told_count, 0);
    CHECK_EQUAL(stand.stream.next, 20001);
    close_stand();
}

static void test_tiny_overlaps(void)
{
    static char many[4096];
    memset(many, 'x', sizeof many);
    open_stand(0, 1);
    for (int64_t i = 1; i <= 4096; i++)
        CHECK(feed(i, "x") == MT_OK); /* one byte each, and the first of all missing */
    for (int i = 0; i < 2000; i++)
        CHECK(feed_cut(1, many, 4096, 4096) == MT_OK);
    for (int64_t i = 0; i < 100000; i++)
        CHECK(feed(1 + i % 4096, "x") == MT_OK);
    CHECK_EQUAL(stand.stream.retransmitted, 2000 * 4096 + 100000);
    CHECK_EQUAL(stand.stream.waiting_count, 4096);
    CHECK_EQUAL(feed(0, "x"), MT_OK);
    CHECK_EQUAL(stand.data_bytes, 4097);
    close_stand();
}

int main(void)
{
    test_orderly();
    test_permutations();
    test_orders_of_many();
    test_ring_is_not_kept();
    test_pieces_of_one_segment();
    test_duplicates();
    test_conflicts();
    test_wrap();
    test_beyond_32_bits();
    test_window();
    test_begun_by_keep_alive();
    test_before_the_beginning();
    test_limit_bytes();
    test_limit_segments();
    test_limit_buffered();
    test_limit_seconds();
    test_acked_segments();
    test_acked_milliseconds();
    test_wild_times();
    test_end();
    test_late();
    test_many_late();
    test_snapped();
    test_snapped_overlap();
    test_against_model();
    test_no_memory();
    test_reader_fails();
    test_reverse();
    test_tiny_overlaps();
    FINISH("test_reassembly");
}
