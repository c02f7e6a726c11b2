/* Which packets were read from another file already, where two files hold the same wire.
 *
 * Owns the digests of recent packets. Must not know files but by number. Used by
 * capture_set.c. */
#ifndef MT_CAPTURE_COPIES_H
#define MT_CAPTURE_COPIES_H

#include "net/packet.h"

#include <stdint.h>

/* Nanoseconds between the clocks of two captures of one wire, at most. */
#define MT_COPIES_APART (10 * INT64_C(1000000000))

/* Packets that are remembered. */
enum { MT_COPIES_NOTED = 1 << 13 };

struct mt_copies;

/* Creates an empty table. NULL if memory is out. The caller owns it: mt_copies_close. */
struct mt_copies *mt_copies_open(void);

/* 1 if two packets are the same on the wire, as far as both were captured: equal lengths and
 * beginnings, and times at most some seconds apart. */
int mt_copies_same(const struct mt_packet *a, const struct mt_packet *b);

/* 1 if the packet was noted from another file, at `since` or later and with at least as many bytes.
 * Otherwise notes it and returns 0. `since` is the time of the first packet of its own file: what
 * came before it is not in both files, so that an equal packet in the next file of a ring is sent
 * again and not captured twice. */
int mt_copies_note(struct mt_copies *copies, const struct mt_packet *packet, int64_t since);

/* Frees the table. `copies` may be NULL. */
void mt_copies_close(struct mt_copies *copies);

#endif
