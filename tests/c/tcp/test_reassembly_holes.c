/* What is missing between segments: when it is given up, what comes too late, and what the snap
 * length cut. */
#include "support/reassembly_help.h"

/* ---- holes ---- */

static void test_limit_bytes(void)
{
    open_stand(0, 1);
    stand.limits.hole_bytes = 10;
    CHECK_EQUAL(feed(5, "fghij"), MT_OK);
    CHECK_EQUAL(feed(12, "mnopq"), MT_OK);
    CHECK_EQUAL(stand.stream.waiting.bytes, 10);
    CHECK_EQUAL(stand.events_count, 0); /* at the limit, not over it */
    CHECK_EQUAL(feed(20, "u"), MT_OK);
    CHECK_EQUAL(stand.events_count, 1);
    check_event(0, 'h', 0, 5);
    CHECK_EQUAL(stand.events[0].hole, MT_HOLE_LIMIT);
    CHECK_EQUAL(stand.stream.next, 10);
    CHECK_EQUAL(stand.stream.waiting.bytes, 6);
    CHECK_EQUAL(stand.stream.lost, 5);
    CHECK_EQUAL(finish_stand(), MT_OK);
    check_event(1, 'h', 10, 2);
    check_event(2, 'h', 17, 3);
    CHECK_EQUAL(stand.events[1].hole, MT_HOLE_END);
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
    CHECK_EQUAL(stand.events_count, 0);
    CHECK_EQUAL(feed(40, "x"), MT_OK);
    CHECK_EQUAL(stand.events_count, 1);
    check_event(0, 'h', 0, 10);
    CHECK_EQUAL(stand.stream.waiting.count, 3);
    CHECK_EQUAL(feed(15, "y"),
                MT_OK); /* a hole once more over the limit: the nearer one is given up */
    check_event(1, 'h', 11, 4);
    CHECK_EQUAL(stand.stream.next, 16);
    close_stand();
    open_stand(0, 1);
    stand.limits.hole_segments = 0; /* no hole may wait */
    CHECK_EQUAL(feed(3, "d"), MT_OK);
    check_event(0, 'h', 0, 3);
    CHECK_EQUAL(stand.stream.next, 4);
    close_stand();
}

static void test_limit_buffered(void)
{
    open_stand(0, 1);
    stand.limits.buffered_bytes = 1000;
    stand.budget.used = 990; /* by others */
    CHECK_EQUAL(feed(5, "f"), MT_OK);
    check_event(0, 'h', 0, 5);
    CHECK_EQUAL(stand.budget.used, 990);
    CHECK_EQUAL(stand.stream.waiting.count, 0);
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
    CHECK_EQUAL(stand.events_count, 0);
    CHECK_EQUAL(tick(START_TIME - 5 * SECOND), MT_OK); /* a clock that goes back */
    CHECK_EQUAL(tick(MT_NO_TIME), MT_OK);
    CHECK_EQUAL(stand.events_count, 0);
    CHECK_EQUAL(tick(START_TIME + 121 * SECOND), MT_OK);
    check_event(0, 'h', 0, 5);
    CHECK_EQUAL(stand.events[0].hole, MT_HOLE_LIMIT);
    CHECK_EQUAL(stand.stream.next, 6);
    close_stand();
}

static void test_acked_segments(void)
{
    open_stand(0, 1);
    CHECK_EQUAL(feed(5, "fgh"), MT_OK);
    stand.stream.acknowledged = 4;
    for (int i = 0; i < 200; i++)
        CHECK_EQUAL(tick(START_TIME), MT_OK);
    CHECK_EQUAL(stand.events_count, 0); /* the receiver lacks a byte, too */
    stand.stream.acknowledged = 5;
    CHECK_EQUAL(stand.stream.acknowledged, 5);
    for (int i = 0; i < 64; i++)
        CHECK_EQUAL(tick(START_TIME), MT_OK);
    CHECK_EQUAL(stand.events_count, 0);
    CHECK_EQUAL(tick(START_TIME), MT_OK);
    check_event(0, 'h', 0, 5);
    CHECK_EQUAL(stand.events[0].hole, MT_HOLE_ACKED);
    CHECK_EQUAL(stand.stream.next, 8);
    close_stand();
}

static void test_acked_milliseconds(void)
{
    open_stand(0, 1);
    CHECK_EQUAL(feed(5, "fgh"), MT_OK);
    stand.stream.acknowledged = 8;
    CHECK_EQUAL(tick(START_TIME), MT_OK);
    CHECK_EQUAL(tick(START_TIME + SECOND + 999999), MT_OK);
    CHECK_EQUAL(stand.events_count, 0);
    CHECK_EQUAL(tick(START_TIME + SECOND + 1000000), MT_OK);
    check_event(0, 'h', 0, 5);
    CHECK_EQUAL(stand.events[0].hole, MT_HOLE_ACKED);
    close_stand();
    open_stand(0, 1); /* the hole is closed before its time: the next one starts anew */
    CHECK_EQUAL(feed(2, "c"), MT_OK);
    CHECK_EQUAL(feed(5, "f"), MT_OK);
    stand.stream.acknowledged = 2;
    for (int i = 0; i < 60; i++)
        CHECK_EQUAL(tick(START_TIME), MT_OK);
    CHECK_EQUAL(feed(0, "ab"), MT_OK);
    for (int i = 0; i < 70; i++)
        CHECK_EQUAL(tick(START_TIME), MT_OK);
    CHECK_EQUAL(stand.events_count, 0);
    close_stand();
}

/* Times at both ends of what 64 bits hold. */
static void test_wild_times(void)
{
    open_stand(0, 1);
    CHECK_EQUAL(feed(5, "f"), MT_OK);
    stand.stream.acknowledged = 5;
    CHECK_EQUAL(tick(INT64_MIN + 1), MT_OK);
    CHECK_EQUAL(stand.events_count, 0);
    CHECK_EQUAL(tick(INT64_MAX), MT_OK);
    CHECK_EQUAL(stand.events_count, 1);
    check_event(0, 'h', 0, 5);
    close_stand();
}

static void test_end(void)
{
    open_stand(0, 1);
    CHECK_EQUAL(feed(0, "abc"), MT_OK);
    stand.stream.fin = 3;
    stand.stream.acknowledged = 4; /* the FIN, too */
    CHECK_EQUAL(finish_stand(), MT_OK);
    CHECK_EQUAL(stand.events_count, 0);
    close_stand();
    open_stand(0, 1); /* the FIN tells of a tail */
    CHECK_EQUAL(feed(0, "abc"), MT_OK);
    CHECK_EQUAL(feed(5, "f"), MT_OK);
    stand.stream.fin = 10;
    CHECK_EQUAL(finish_stand(), MT_OK);
    check_event(0, 'h', 3, 2);
    check_event(1, 'h', 6, 4);
    CHECK_EQUAL(stand.events[1].hole, MT_HOLE_END);
    CHECK_EQUAL(stand.stream.lost, 6);
    close_stand();
    open_stand(0, 1); /* an acknowledgement does */
    CHECK_EQUAL(feed(0, "abc"), MT_OK);
    stand.stream.acknowledged = 5;
    CHECK_EQUAL(finish_stand(), MT_OK);
    check_event(0, 'h', 3, 2);
    close_stand();
    open_stand(0, 1); /* one byte ahead is a FIN that was not captured */
    CHECK_EQUAL(feed(0, "abc"), MT_OK);
    stand.stream.acknowledged = 4;
    CHECK_EQUAL(finish_stand(), MT_OK);
    CHECK_EQUAL(stand.events_count, 0);
    close_stand();
    open_stand(0, 1); /* a FIN outside any window is no word on the stream */
    CHECK_EQUAL(feed(0, "abc"), MT_OK);
    stand.stream.fin = ((int64_t)1 << 30) + 4;
    CHECK_EQUAL(finish_stand(), MT_OK);
    CHECK_EQUAL(stand.events_count, 0);
    close_stand();
    memset(&stand.stream, 0, sizeof stand.stream); /* never started */
    stand.stream.fin = -1;
    CHECK_EQUAL(finish_stand(), MT_OK);
    CHECK_EQUAL(stand.events_count, 0);
}

static void test_late(void)
{
    open_stand(0, 1);
    stand.limits.hole_segments = 0;
    CHECK_EQUAL(feed(10, "k"), MT_OK);
    check_event(0, 'h', 0, 10);
    CHECK_EQUAL(feed(0, "ab"), MT_OK); /* the beginning of what was given up */
    check_event(1, 's', 0, 2);
    CHECK_TEXT(stand.events[1].why, "came after its hole was given up");
    CHECK_EQUAL(feed(8, "ijk"), MT_OK); /* its end, and a byte that is known */
    check_event(2, 's', 8, 2);
    CHECK_EQUAL(stand.stream.retransmitted, 1);
    CHECK_EQUAL(feed(5, "f"), MT_OK); /* its middle: [2, 5) stays, the smaller rest is forgotten */
    check_event(3, 's', 5, 1);
    CHECK_EQUAL(feed(0, "abcde"), MT_OK);
    check_event(4, 's', 2, 3);
    CHECK_EQUAL(stand.stream.bytes, 1 + 2 + 2 + 1 + 3);
    CHECK_EQUAL(stand.stream.retransmitted, 3);
    CHECK_EQUAL(feed(0, "abcde"), MT_OK); /* late once, then repeated */
    CHECK_EQUAL(stand.events_count, 5);
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
    CHECK_EQUAL(stand.events_count, 40);
    CHECK_EQUAL(stand.stream.lost, 10 + 39 * 9);
    CHECK_EQUAL(feed(72, "y"), MT_OK); /* of the eighth, which is forgotten */
    CHECK_EQUAL(stand.events_count, 40);
    CHECK_EQUAL(stand.stream.retransmitted, 1);
    CHECK_EQUAL(feed(82, "y"), MT_OK);
    check_event(40, 's', 82, 1);
    CHECK_EQUAL(feed(395, "y"), MT_OK);
    check_event(41, 's', 395, 1);
    close_stand();
}

/* ---- snapped segments ---- */

static void test_snapped(void)
{
    open_stand(0, 1);
    CHECK_EQUAL(feed_cut(0, "abc", 3, 10), MT_OK);
    check_event(0, 'h', 3, 7);
    CHECK_EQUAL(stand.events[0].hole, MT_HOLE_SNAPPED);
    CHECK_EQUAL(stand.stream.next, 10);
    CHECK_EQUAL(stand.stream.bytes, 3);
    CHECK_EQUAL(stand.stream.lost, 7);
    CHECK_EQUAL(feed_cut(10, "", 0, 5), MT_OK); /* nothing of it */
    check_event(1, 'h', 10, 5);
    CHECK_EQUAL(feed_cut(0, "abc", 3, 10), MT_OK);
    CHECK_EQUAL(stand.stream.retransmitted, 3);
    CHECK_EQUAL(feed_cut(0, "", 0, 10), MT_OK);
    CHECK_EQUAL(stand.stream.retransmitted, 3);
    CHECK_EQUAL(feed_cut(12, "", 0, 5), MT_OK); /* partly new, none of it captured */
    check_event(2, 'h', 15, 2);
    CHECK_EQUAL(stand.events_count, 3);
    close_stand();
}

static void test_snapped_overlap(void)
{
    open_stand(0, 1);
    CHECK_EQUAL(feed_cut(10, "klm", 3, 8), MT_OK);  /* k l m and [13, 18) cut */
    CHECK_EQUAL(feed_cut(8, "ijKl", 4, 12), MT_OK); /* i j new; differs in one byte; [18, 20) cut */
    check_event(0, 'c', 10, 1);
    CHECK_EQUAL(stand.stream.waiting.count, 3);
    CHECK_EQUAL(stand.stream.waiting.bytes, 5);
    CHECK_EQUAL(stand.stream.retransmitted, 2);
    CHECK_EQUAL(feed(12, "mnop"), MT_OK); /* a part of what was cut after k l m */
    CHECK_EQUAL(stand.stream.waiting.count, 5);
    CHECK_EQUAL(feed_cut(12, "mnopqrs", 7, 9), MT_OK); /* the rest, and a part of [18, 20) */
    CHECK_EQUAL(stand.stream.waiting.count, 7);
    CHECK_EQUAL(stand.stream.waiting.bytes, 11);
    CHECK_EQUAL(feed_cut(0, "abcdefgh", 8, 21), MT_OK);
    check_event(1, 'h', 19, 1);
    check_event(2, 'h', 20, 1);
    CHECK_EQUAL(stand.events[1].hole, MT_HOLE_SNAPPED);
    CHECK_EQUAL(stand.events_count, 3);
    CHECK_EQUAL(stand.stream.next, 21);
    CHECK(memcmp(stand.seen, "abcdefghijklmnopqrs", 19) == 0);
    CHECK_EQUAL(stand.stream.bytes, 19);
    CHECK_EQUAL(stand.stream.lost, 2);
    CHECK_EQUAL(stand.stream.out_of_order, 2);
    close_stand();
}

/* A stream of a capture whose packets are cut at different lengths. */
static void open_varied(struct mt_snap_lengths *lengths)
{
    *lengths = (struct mt_snap_lengths){.longest = 1};
    open_stand(0, 1);
    stand.callbacks.snap_lengths = lengths;
}

static void test_copy_of_cut(void)
{
    struct mt_snap_lengths lengths;
    open_varied(&lengths);
    CHECK_EQUAL(feed_cut(0, "abc", 3, 10), MT_OK);
    CHECK_EQUAL(stand.stream.next, 3);
    CHECK_EQUAL(mt_reassembly_seen_to(&stand.stream), 10);
    CHECK_EQUAL(mt_reassembly_has_all(&stand.stream, 0, 10), 1);
    CHECK_EQUAL(feed(10, "klm"), MT_OK);
    CHECK_EQUAL(mt_reassembly_seen_to(&stand.stream), 13);
    CHECK_EQUAL(feed(20, "u"), MT_OK); /* a segment is missing before it */
    CHECK_EQUAL(mt_reassembly_seen_to(&stand.stream), 13);
    CHECK_EQUAL(feed(0, "abcdefghij"), MT_OK);
    CHECK_EQUAL(stand.stream.next, 13);
    CHECK_EQUAL(stand.stream.retransmitted, 3);
    CHECK_EQUAL(stand.stream.lost, 0);
    CHECK_EQUAL(stand.stream.out_of_order, 0);
    CHECK_EQUAL(stand.events_count, 0);
    CHECK_EQUAL(feed(13, "nopqrst"), MT_OK);
    check_seen("abcdefghijklmnopqrstu");
    close_stand();
}

/* Copies in parts: the front, the end and the middle of what was cut; one is cut itself. */
static void test_parts_of_cut(void)
{
    struct mt_snap_lengths lengths;
    open_varied(&lengths);
    CHECK_EQUAL(feed_cut(0, "ab", 2, 20), MT_OK);
    CHECK_EQUAL(feed_cut(0, "abcd", 4, 20), MT_OK);
    CHECK_EQUAL(stand.stream.next, 4);
    CHECK_EQUAL(feed(16, "qrst"), MT_OK);
    CHECK_EQUAL(feed(8, "ij"), MT_OK);
    CHECK_EQUAL(stand.stream.waiting.count, 4);
    CHECK_EQUAL(finish_stand(), MT_OK);
    check_event(0, 'h', 4, 4);
    check_event(1, 'h', 10, 6);
    for (int i = 0; i < 2; i++) {
        CHECK_EQUAL(stand.events[i].hole, MT_HOLE_SNAPPED);
        CHECK_EQUAL(stand.events[i].arrival, 0); /* the packet that was cut */
    }
    CHECK_EQUAL(stand.stream.lost, 10);
    CHECK_EQUAL(stand.stream.bytes, 10);
    close_stand();
}

/* What was cut is lost by the limits of a hole. */
static void test_limits_of_cut(void)
{
    struct mt_snap_lengths lengths;
    open_varied(&lengths);
    stand.limits.hole_segments = 0; /* no hole may wait */
    CHECK_EQUAL(feed_cut(0, "abc", 3, 10), MT_OK);
    check_event(0, 'h', 3, 7);
    CHECK_EQUAL(stand.events[0].hole, MT_HOLE_SNAPPED);
    CHECK_EQUAL(stand.stream.next, 10);
    close_stand();
    open_varied(&lengths);
    CHECK_EQUAL(feed_cut(0, "abc", 3, 10), MT_OK);
    CHECK_EQUAL(feed(10, "klm"), MT_OK);
    stand.stream.acknowledged = 9; /* one byte of it is not acknowledged */
    for (int i = 0; i <= 64; i++)
        CHECK_EQUAL(tick(START_TIME), MT_OK);
    CHECK_EQUAL(stand.stream.next, 3);
    stand.stream.acknowledged = 10;
    for (int i = 0; i < 64; i++)
        CHECK_EQUAL(tick(START_TIME), MT_OK);
    CHECK_EQUAL(stand.stream.next, 3);
    CHECK_EQUAL(tick(START_TIME), MT_OK);
    CHECK_EQUAL(stand.stream.next, 13);
    check_event(0, 'h', 3, 7);
    CHECK_EQUAL(feed(0, "abcdefghij"), MT_OK); /* too late */
    CHECK_EQUAL(stand.stream.retransmitted, 10);
    CHECK_EQUAL(stand.stream.lost, 7);
    close_stand();
}

/* Where no copy is expected, cut bytes are lost at once: in a capture with one snap length, and in
 * a direction whose last 64 cut segments had no copy. */
static void test_no_copy_expected(void)
{
    struct mt_snap_lengths lengths;
    open_varied(&lengths);
    lengths.longest = 0;
    CHECK_EQUAL(feed_cut(0, "abc", 3, 10), MT_OK);
    CHECK_EQUAL(feed(10, "klm"), MT_OK);
    CHECK_EQUAL(stand.events_count, 0);
    CHECK_EQUAL(mt_reassembly_tick(&stand.stream, &stand.callbacks, NULL), MT_OK);
    CHECK_EQUAL(stand.events_count, 0);
    lengths.cut = 2;
    CHECK_EQUAL(mt_reassembly_tick(&stand.stream, &stand.callbacks, NULL), MT_OK);
    check_event(0, 'h', 3, 7);
    CHECK_EQUAL(stand.stream.next, 13);
    CHECK_EQUAL(feed_cut(13, "n", 1, 2), MT_OK);
    check_event(1, 'h', 14, 1);
    CHECK_EQUAL(stand.stream.waiting.count, 0);
    close_stand();
    open_varied(&lengths);
    stand.limits.hole_segments = 1;
    for (int i = 0; i < 64; i++)
        CHECK_EQUAL(feed_cut(2 * i, "a", 1, 2), MT_OK);
    CHECK_EQUAL(stand.stream.waiting.count, 1);
    for (int i = 0; i < 64; i++)
        CHECK_EQUAL(feed(127, "b"), MT_OK); /* the last one has a copy */
    CHECK_EQUAL(stand.events_count, 63);
    for (int i = 64; i < 130; i++)
        CHECK_EQUAL(feed_cut(2 * i, "a", 1, 2), MT_OK);
    CHECK_EQUAL(stand.stream.waiting.count, 0);
    CHECK_EQUAL(stand.events_count, 63 + 66);
    close_stand();
}

int main(void)
{
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
    test_copy_of_cut();
    test_parts_of_cut();
    test_limits_of_cut();
    test_no_copy_expected();
    FINISH("test_reassembly_holes");
}
