/* A packet that is late by its time is usually out of order. It is a step if the packets after it
 * are late too. */
#include "clock.h"

#include "base/time.h"

enum {
    CONFIRMING_PACKETS = 64, /* that confirm a step backward, */
    CONFIRMING_AT_END = 3,   /* at the end of the file */
    AHEAD_SEGMENTS = 16,     /* of which one confirms a step forward */
    MOST_STEPS = 100         /* reported of a file */
};
#define TOLERATED INT64_C(500000000) /* between packets out of order */

struct mt_clock mt_clock_start(void)
{
    return (struct mt_clock){.last = MT_NO_TIME};
}

static int confirm(struct mt_clock *clock, struct mt_clock_step *step,
                   const struct mt_packet_ref *ref, int64_t by)
{
    step->ref = *ref;
    step->by = by;
    return ++clock->steps <= MOST_STEPS;
}

static int confirm_back(struct mt_clock *clock, struct mt_clock_step *step)
{
    int64_t by = -mt_elapsed(clock->back.time, clock->last);
    clock->back_packets = 0;
    clock->last = clock->latest_back;
    return confirm(clock, step, &clock->back, by);
}

int mt_clock_check(struct mt_clock *clock, const struct mt_packet_ref *ref,
                   struct mt_clock_step *step)
{
    if (ref->time == MT_NO_TIME)
        return 0;
    if (clock->last != MT_NO_TIME && mt_elapsed(ref->time, clock->last) > TOLERATED) {
        if (clock->back_packets++ == 0) {
            clock->back = *ref;
            clock->latest_back = ref->time;
        }
        if (ref->time > clock->latest_back)
            clock->latest_back = ref->time;
        return clock->back_packets == CONFIRMING_PACKETS ? confirm_back(clock, step) : 0;
    }
    clock->back_packets = 0; /* what was late was out of order */
    if (ref->time <= clock->last)
        return 0;
    if (clock->last != MT_NO_TIME && mt_elapsed(clock->last, ref->time) >= MT_CLOCK_FORWARD) {
        clock->ahead = *ref;
        clock->ahead_by = mt_elapsed(clock->last, ref->time);
        clock->ahead_segments = AHEAD_SEGMENTS;
    }
    clock->last = ref->time;
    return 0;
}

int mt_clock_segment(struct mt_clock *clock, int goes_on, struct mt_clock_step *step)
{
    clock->ahead_segments--;
    if (!goes_on)
        return 0;
    clock->ahead_segments = 0;
    return confirm(clock, step, &clock->ahead, clock->ahead_by);
}

int mt_clock_end(struct mt_clock *clock, struct mt_clock_step *step)
{
    return clock->back_packets >= CONFIRMING_AT_END && confirm_back(clock, step);
}
