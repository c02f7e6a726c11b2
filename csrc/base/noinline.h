/* The slow paths on the way of a packet through the layers. Used by every layer on that way. */
#ifndef MT_BASE_NOINLINE_H
#define MT_BASE_NOINLINE_H

/* A function that a usual packet does not call is kept out of its callers: these then save fewer
 * registers and protect no stack. */
#define MT_NOINLINE __attribute__((noinline))

#endif
