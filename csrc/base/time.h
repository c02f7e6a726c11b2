/* Capture times: what an unknown time is, and how long it is from one to another. Used by every
 * layer that sees packets. */
#ifndef MT_BASE_TIME_H
#define MT_BASE_TIME_H

#include <stdint.h>

#define MT_NO_TIME \
    INT64_MIN /* a capture without times (Simple Packet Blocks); numpy reads it as NaT */

/* Nanoseconds from `since` to `now`: 0 where one is unknown or time runs backwards; never
 * overflows, however wild the times. */
static inline int64_t mt_elapsed(int64_t since, int64_t now)
{
    if (since == MT_NO_TIME || now == MT_NO_TIME || now < since)
        return 0;
    uint64_t span = (uint64_t)now - (uint64_t)since;
    return span > INT64_MAX ? INT64_MAX : (int64_t)span;
}

#define MT_NO_DAY INT32_MIN /* of an unknown time */

/* The UTC day of a time, counted from 1970-01-01: MT_NO_DAY for an unknown time. */
static inline int32_t mt_day(int64_t time)
{
    const int64_t length = 86400000000000;
    if (time == MT_NO_TIME)
        return MT_NO_DAY;
    return (int32_t)(time / length - (time % length < 0));
}

#endif
