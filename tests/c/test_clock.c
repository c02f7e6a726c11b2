/* Steps of the clock: which packets confirm one, and which are only out of order. */
#include "clock.h"

#include "base/time.h"
#include "support/check.h"

#define SECOND INT64_C(1000000000)
#define START (1700000000 * SECOND)

static struct mt_clock_step step;
static int64_t frame;

/* Observes `count` packets, 10 ms apart. Returns the steps. */
static int observe(struct mt_clock *clock, int64_t *time, int count)
{
    int steps = 0;
    for (int i = 0; i < count; i++) {
        struct mt_packet_ref ref = {.time = *time, .frame = ++frame};
        steps += mt_clock_observe(clock, &ref, &step);
        *time += SECOND / 100;
    }
    return steps;
}

static void test_back(void)
{
    struct mt_clock clock = mt_clock_start();
    int64_t time = START;
    frame = 0;
    CHECK_EQUAL(observe(&clock, &time, 100), 0);
    time -= 3600 * SECOND;
    CHECK_EQUAL(observe(&clock, &time, 63), 0);
    CHECK_EQUAL(observe(&clock, &time, 1), 1);
    CHECK_EQUAL(step.ref.frame, 101);
    CHECK_EQUAL(step.by, -3600 * SECOND + SECOND / 100);
    CHECK_EQUAL(observe(&clock, &time, 1000), 0);
    CHECK_EQUAL(mt_clock_end(&clock, &step), 0);
    time -= 2 * SECOND;
    CHECK_EQUAL(observe(&clock, &time, 10), 0);
    CHECK_EQUAL(mt_clock_end(&clock, &step), 1);
    CHECK_EQUAL(step.ref.frame, 1165);
}

static void test_out_of_order(void)
{
    struct mt_clock clock = mt_clock_start();
    for (int64_t i = 0; i < 2000; i++) { /* each of 32 packets last first */
        struct mt_packet_ref ref = {.time = START + ((i ^ 31) * SECOND), .frame = i + 1};
        CHECK_EQUAL(mt_clock_observe(&clock, &ref, &step), 0);
    }
    struct mt_packet_ref none = {.time = MT_NO_TIME};
    CHECK_EQUAL(mt_clock_observe(&clock, &none, &step), 0);
    clock = mt_clock_start();
    int64_t time = START;
    CHECK_EQUAL(observe(&clock, &time, 50), 0);
    time -= SECOND / 3; /* noise */
    CHECK_EQUAL(observe(&clock, &time, 200), 0);
    CHECK_EQUAL(mt_clock_end(&clock, &step), 0);
}

static void test_forward(void)
{
    struct mt_clock clock = mt_clock_start();
    int64_t time = START;
    frame = 0;
    (void)observe(&clock, &time, 10);
    time += 100 * SECOND; /* a pause */
    (void)observe(&clock, &time, 10);
    CHECK_EQUAL(clock.ahead_segments, 0);
    time += 3600 * SECOND;
    (void)observe(&clock, &time, 1);
    CHECK(clock.ahead_segments > 0);
    CHECK_EQUAL(mt_clock_segment(&clock, 0, &step), 0);
    CHECK_EQUAL(mt_clock_segment(&clock, 1, &step), 1);
    CHECK_EQUAL(step.ref.frame, 21);
    CHECK_EQUAL(step.by, 3600 * SECOND + SECOND / 100);
    CHECK_EQUAL(clock.ahead_segments, 0);
    time += 3600 * SECOND; /* nothing goes on: a pause */
    (void)observe(&clock, &time, 1);
    while (clock.ahead_segments > 0)
        CHECK_EQUAL(mt_clock_segment(&clock, 0, &step), 0);
    CHECK_EQUAL(observe(&clock, &time, 1000), 0);
}

static void test_bounded(void)
{
    struct mt_clock clock = mt_clock_start();
    int64_t time = START;
    int steps = 0;
    for (int i = 0; i < 300; i++) {
        steps += observe(&clock, &time, 100);
        time -= 1000 * SECOND;
    }
    CHECK_EQUAL(steps, 100);
    /* the widest times */
    clock = mt_clock_start();
    time = INT64_MAX - SECOND;
    (void)observe(&clock, &time, 5);
    time = INT64_MIN + 1;
    CHECK_EQUAL(observe(&clock, &time, 64), 1);
    CHECK_EQUAL(step.by, -INT64_MAX);
}

int main(void)
{
    test_back();
    test_out_of_order();
    test_forward();
    test_bounded();
    FINISH("test_clock");
}
