/* Segments in any order into bytes in order; repeated bytes, sequence numbers. */
#include "support/reassembly_help.h"

/* ---- order ---- */

static void test_orderly(void)
{
    open_stand(1000, 1);
    CHECK_EQUAL(feed(0, "abc"), MT_OK);
    CHECK_EQUAL(feed(3, "defgh"), MT_OK);
    CHECK_EQUAL(stand.budget.used, 0); /* nothing was copied */
    CHECK_EQUAL(stand.last.segment_begin, 3);
    CHECK_EQUAL(stand.last.segment_end, 8);
    CHECK_EQUAL(stand.last.ref.arrival, 1);
    check_seen("abcdefgh");
    CHECK_EQUAL(stand.stream.bytes, 8);
    CHECK_EQUAL(stand.stream.highest, 8);
    CHECK_EQUAL(stand.stream.retransmitted + stand.stream.out_of_order + stand.stream.lost, 0);
    CHECK_EQUAL(finish_stand(), MT_OK);
    CHECK_EQUAL(stand.events_count, 0);
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
        CHECK_EQUAL(feed_cut(begin, text + begin, (uint32_t)(end - begin), (uint32_t)(end - begin)),
                    MT_OK);
    }
    check_seen(text);
    CHECK_EQUAL(stand.stream.out_of_order, late);
    CHECK_EQUAL(stand.stream.retransmitted, 0);
    CHECK_EQUAL(stand.stream.bytes, sizeof text - 1);
    CHECK_EQUAL(stand.events_count, 0);
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

/* Many segments of one byte in orders that put them at the beginning, the end and the middle of
 * what waits. */
static void test_orders_of_many(void)
{
    enum { MANY = 300, ORDERS = 6 };
    char text[MANY + 1] = "";
    for (int i = 0; i < MANY; i++)
        text[i] = (char)('a' + i % 26);
    for (int order = 0; order < ORDERS; order++) {
        open_stand(0, 1);
        for (int i = 1; i < MANY; i++) {
            int at = order == 0   ? MANY - i                                  /* backwards */
                     : order == 1 ? (i % 2 != 0 ? (i + 1) / 2 : MANY - i / 2) /* from both ends */
                     : order == 2 ? (i * 7) % MANY                            /* all over, */
                     : order == 3 ? MANY - 1 - (i - 1) * 91 % (MANY - 1)      /* in two ways, */
                     : order == 4
                         ? (i < 150 ? 2 * i : 2 * (MANY - i) - 1) /* every other one, then back */
                         : (i <= 150 ? 149 + i : 300 - i); /* up from the middle, then down */
            CHECK_EQUAL(feed_cut(at, text + at, 1, 1), MT_OK);
        }
        for (int at = 1; at < MANY; at++) /* whatever an order left out */
            CHECK_EQUAL(feed_cut(at, text + at, 1, 1), MT_OK);
        CHECK_EQUAL(stand.stream.waiting.count, MANY - 1);
        CHECK_EQUAL(stand.stream.waiting.bytes, MANY - 1);
        CHECK_EQUAL(feed(0, "a"), MT_OK);
        check_seen(text);
        CHECK_EQUAL(stand.stream.waiting.count, 0);
        close_stand();
    }
}

/* A large ring goes when nothing waits in it any more. */
static void test_ring_is_not_kept(void)
{
    open_stand(0, 1);
    for (int64_t at = 1; at <= 100; at++)
        CHECK_EQUAL(feed(at, "x"), MT_OK);
    CHECK_EQUAL(stand.stream.waiting.capacity, 128);
    CHECK_EQUAL(feed(0, "x"), MT_OK);
    CHECK_EQUAL(stand.stream.next, 101);
    CHECK_EQUAL(stand.stream.waiting.capacity, 0);
    CHECK_EQUAL(feed(102, "x"), MT_OK); /* and comes again */
    CHECK_EQUAL(feed(101, "x"), MT_OK);
    CHECK_EQUAL(stand.stream.next, 103);
    CHECK(stand.stream.waiting.capacity != 0);
    close_stand();
}

/* A packet of which parts wait and parts fill holes is handed down in pieces that know of each
 * other. */
static void test_pieces_of_one_segment(void)
{
    open_stand(0, 1);
    CHECK_EQUAL(feed(2, "c"), MT_OK);
    CHECK_EQUAL(feed(5, "f"), MT_OK);
    CHECK_EQUAL(feed(1, "bcdefg"), MT_OK);
    CHECK_EQUAL(stand.stream.waiting.count, 5); /* b, c, de, f, g */
    CHECK_EQUAL(stand.stream.waiting.bytes, 6);
    CHECK_EQUAL(stand.stream.retransmitted, 2);
    CHECK_EQUAL(stand.stream.out_of_order, 1);
    CHECK_EQUAL(feed(0, "a"), MT_OK);
    check_seen("abcdefg");
    CHECK_EQUAL(stand.data_calls, 6);
    CHECK_EQUAL(stand.last.prior_end, 5); /* the piece before it, "de", ended there */
    CHECK_EQUAL(stand.last.segment_begin, 1);
    CHECK_EQUAL(stand.last.segment_end, 7);
    CHECK_EQUAL(stand.last.ref.arrival, 2);
    CHECK_EQUAL(stand.stream.out_of_order, 2);
    CHECK_EQUAL(stand.stream.waiting.bytes, 0);
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
    CHECK_EQUAL(feed_cut(5, "", 1, 1),
                MT_OK); /* a keep-alive: its byte is garbage, and nobody's business */
    CHECK_EQUAL(stand.repeated, 13);
    CHECK_EQUAL(stand.stream.retransmitted, 14);
    CHECK_EQUAL(stand.stream.bytes, 6);
    CHECK_EQUAL(stand.events_count, 0);
    close_stand();
}

static void test_conflicts(void)
{
    open_stand(0, 1);
    CHECK_EQUAL(feed(4, "efgh"), MT_OK);
    CHECK_EQUAL(feed(4, "efgh"), MT_OK);
    CHECK_EQUAL(stand.events_count, 0);
    CHECK_EQUAL(feed(4, "eXgY"), MT_OK);
    check_event(0, 'c', 5, 2);
    CHECK_EQUAL(stand.events[0].arrival, 2);
    CHECK_EQUAL(feed(2, "cdZfghij"), MT_OK); /* new on both sides of what waits */
    check_event(1, 'c', 4, 1);
    CHECK_EQUAL(stand.stream.retransmitted, 12);
    CHECK_EQUAL(feed(0, "abQ"), MT_OK);
    check_event(2, 'c', 2, 1);
    CHECK_EQUAL(stand.events_count, 3);
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
        CHECK_EQUAL(stand.events_count, 0);
        close_stand();
    }
}

static void test_window(void)
{
    int64_t window = (int64_t)1 << 30;
    open_stand(0, 1);
    stand.stream.next = stand.stream.highest = stand.origin = stand.at = 2 * window;
    CHECK_EQUAL(feed(3 * window + 1, "far"), MT_OK);
    check_event(0, 's', 3 * window + 1, 3);
    CHECK_EQUAL(feed(window - 4, "old"), MT_OK);
    check_event(1, 's', window - 4, 3);
    CHECK_EQUAL(stand.stream.bytes, 6);
    CHECK_EQUAL(feed(window - 3, "old"), MT_OK); /* ends at the edge */
    CHECK_EQUAL(stand.stream.retransmitted, 3);
    CHECK_EQUAL(feed(3 * window, "x"), MT_OK); /* one byte far ahead costs one byte */
    CHECK_EQUAL(stand.events_count, 2);
    CHECK_EQUAL(stand.stream.waiting.bytes, 1);
    CHECK(stand.budget.used < 300);
    CHECK_EQUAL(feed(2 * window, "on"), MT_OK);
    CHECK_EQUAL(stand.data_bytes, 2);
    CHECK_EQUAL(finish_stand(), MT_OK);
    check_event(2, 'h', 2 * window + 2, window - 2);
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
    CHECK_EQUAL(stand.stream.waiting.count, 1);
    close_stand();
}

static void test_before_the_beginning(void)
{
    open_stand(1000, 0);
    CHECK_EQUAL(feed_sequence(1000, "klm"), MT_OK);
    CHECK_EQUAL(feed_sequence(995, "fghijkl"), MT_OK);
    check_event(0, 's', -5, 5);
    CHECK_TEXT(stand.events[0].why, "before the first byte seen");
    CHECK_EQUAL(stand.stream.bytes, 8);
    CHECK_EQUAL(stand.stream.retransmitted, 2);
    CHECK_EQUAL(feed_sequence(993, "def"), MT_OK);
    check_event(1, 's', -7, 2);
    CHECK_EQUAL(stand.stream.retransmitted, 3);
    CHECK_EQUAL(feed_sequence(993, "def"), MT_OK);
    CHECK_EQUAL(stand.events_count, 2);
    CHECK_EQUAL(stand.stream.retransmitted, 6);
    CHECK_EQUAL(stand.stream.bytes, 10);
    check_seen("klm");
    close_stand();
    open_stand(1000, 0); /* the last, the first, and what lies between */
    CHECK_EQUAL(feed_sequence(1000, "klm"), MT_OK);
    CHECK_EQUAL(feed_sequence(990, "abc"), MT_OK);
    CHECK_EQUAL(feed_sequence(994, "efg"), MT_OK);
    CHECK_EQUAL(feed_sequence(993, "defghijkl"), MT_OK);
    check_event(0, 's', -10, 3);
    check_event(1, 's', -6, 3);
    CHECK_EQUAL(stand.stream.lost, 0);
    CHECK_EQUAL(stand.stream.bytes,
                3 + 3 + 3 +
                    3); /* h, i, j: the one byte of the smaller rest is not known any more */
    CHECK_EQUAL(stand.stream.retransmitted, 6);
    close_stand();
    open_stand(1000, 1); /* before a SYN there is nothing: a keep-alive */
    CHECK_EQUAL(feed_cut(-1, "", 1, 1), MT_OK);
    CHECK_EQUAL(stand.events_count, 0);
    CHECK_EQUAL(stand.stream.retransmitted, 1);
    CHECK_EQUAL(feed_sequence(1000, "ab"), MT_OK);
    check_seen("ab");
    close_stand();
}

/* ---- everything against a model that looks at single bytes ---- */

struct model {
    uint8_t state[400], value[400];
    int waits; /* cut bytes are waited for */
    int64_t next, highest, retransmitted, out_of_order, conflicts, differing;
};

static void model_byte(struct model *model, int64_t at, uint8_t value, int keep_alive)
{
    if (model->state[at] == HOLE && (model->waits || at >= model->next)) {
        model->state[at] = DATA;
        model->value[at] = value;
        return;
    }
    model->retransmitted++;
    int differs = model->state[at] == DATA && model->value[at] != value;
    *(at >= model->next ? &model->conflicts : &model->differing) += differs && !keep_alive;
}

static void model_segment(struct model *model, int64_t offset, int64_t length, int64_t captured,
                          uint8_t value)
{
    int late = 0, keep_alive = length == 1 && offset + 1 == model->next;
    for (int64_t at = offset; at < offset + length; at++) {
        int there = at < offset + captured;
        if (model->state[at] == UNKNOWN) {
            late |= at < model->highest;
            model->state[at] = there ? DATA : HOLE;
            model->value[at] = value;
        } else if (there) {
            model_byte(model, at, value, keep_alive);
        }
    }
    model->out_of_order += late;
    if (offset + length > model->highest)
        model->highest = offset + length;
    while (model->next < 400 && (model->state[model->next] == DATA ||
                                 (model->state[model->next] == HOLE && !model->waits)))
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
    for (int i = 0; i < stand.events_count; i++)
        conflicts += stand.events[i].what == 'c' ? stand.events[i].size : 0;
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
        struct model model = {.waits = round % 2};
        struct mt_snap_lengths lengths = {.longest = 1};
        open_stand(next_random(&random), 1);
        stand.callbacks.snap_lengths = model.waits ? &lengths : NULL;
        int segments = 1 + (int)(next_random(&random) % 30),
            longest = 1 + (int)(next_random(&random) % 40);
        for (int i = 0; i < segments; i++) {
            int64_t offset = next_random(&random) % 300,
                    length = 1 + next_random(&random) % (uint32_t)longest;
            int64_t captured =
                next_random(&random) % 4 == 0 ? next_random(&random) % (length + 1) : length;
            uint8_t bytes[64], value = (uint8_t)(next_random(&random) % 3);
            memset(bytes, value, sizeof bytes);
            model_segment(&model, offset, length, captured, value);
            CHECK_EQUAL(
                feed_cut(mt_reassembly_offset(&stand.stream, stand.stream.base + (uint32_t)offset),
                         bytes, (uint32_t)captured, (uint32_t)length),
                MT_OK);
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
        for (uint32_t i = 0; i < stand.stream.waiting.count; i++)
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
    CHECK_EQUAL(stand.stream.waiting.count, 0 + 4096);
    CHECK_EQUAL(finish_stand(), MT_OK);
    CHECK_EQUAL(stand.stream.bytes, 200000);
    close_stand();
    open_stand(0, 1); /* without gaps, all of them allowed to wait */
    stand.limits.hole_segments = 1000000;
    for (int64_t i = 20000; i >= 0; i--)
        CHECK(feed(i, "x") == MT_OK);
    CHECK_EQUAL(stand.data_bytes, 20001);
    CHECK_EQUAL(stand.events_count, 0);
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
    CHECK_EQUAL(stand.stream.waiting.count, 4096);
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
    test_against_model();
    test_no_memory();
    test_reader_fails();
    test_reverse();
    test_tiny_overlaps();
    FINISH("test_reassembly");
}
