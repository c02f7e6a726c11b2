/* Steps of the clock within one capture file: backward, or forward by more than the traffic
 * explains. Part of the core; knows times, not packets. */
#ifndef MT_CLOCK_H
#define MT_CLOCK_H

#include "base/packet_ref.h"

#include <stdint.h>

/* A step forward is at least that long: standard nodes send something each minute. */
#define MT_CLOCK_FORWARD (120 * INT64_C(1000000000))

struct mt_clock {
    int64_t last;               /* time of the latest packet, MT_NO_TIME before the first */
    int64_t latest_back;        /* latest time since a possible step backward */
    int64_t ahead_by;           /* of a possible step forward */
    struct mt_packet_ref back;  /* first packet after a possible step backward, */
    int back_packets;           /* and packets since then; 0 without one */
    struct mt_packet_ref ahead; /* first packet after a possible step forward, */
    int ahead_segments;         /* and segments that may still confirm it; 0 without one */
    int steps;                  /* reported */
};

/* A step, for the problem that reports it. */
struct mt_clock_step {
    struct mt_packet_ref ref; /* first packet after it */
    int64_t by;               /* nanoseconds, less than 0: backward */
};

/* A clock before the first packet. */
struct mt_clock mt_clock_start(void);

/* The slow path of mt_clock_observe. */
int mt_clock_check(struct mt_clock *clock, const struct mt_packet_ref *ref,
                   struct mt_clock_step *step);

/* Observes the time of a packet. 1 if it confirms a step backward, which `step` then describes. */
static inline int mt_clock_observe(struct mt_clock *clock, const struct mt_packet_ref *ref,
                                   struct mt_clock_step *step)
{
    if (clock->back_packets == 0 && ref->time >= clock->last &&
        (uint64_t)ref->time - (uint64_t)clock->last < (uint64_t)MT_CLOCK_FORWARD) {
        clock->last = ref->time;
        return 0;
    }
    return mt_clock_check(clock, ref, step);
}

/* A TCP segment came while ahead_segments is not 0: `goes_on` if it continues a message as if no
 * time had passed. 1 if it confirms a step forward, which `step` then describes. */
int mt_clock_segment(struct mt_clock *clock, int goes_on, struct mt_clock_step *step);

/* The end of the file. 1 if its last packets are after a step backward. */
int mt_clock_end(struct mt_clock *clock, struct mt_clock_step *step);

#endif
