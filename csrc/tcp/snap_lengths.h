/* Whether the bytes that the snap length cut from a packet may still come with another copy of it.
 * Used by tcp and reassembly.
 *
 * They may in a capture whose packets are cut at different lengths: two interfaces in one file,
 * merged files. A capture with one snap length cuts all its packets at the length of the longest
 * one, and no later copy of a segment has more of it. Of its first cut packet nothing is known. */
#ifndef MT_TCP_SNAP_LENGTHS_H
#define MT_TCP_SNAP_LENGTHS_H

#include "net/packet.h"

#include <stdint.h>

/* The packets of a capture. Zeroed: none. */
struct mt_snap_lengths {
    uint32_t longest; /* captured bytes of the longest packet, or of the longest possible one */
    uint32_t cut;     /* packets that were cut at just this length: 0, 1, or 2 for more */
};

/* Notes the packet of a segment. */
static inline void mt_snap_lengths_note(struct mt_snap_lengths *lengths,
                                        const struct mt_segment *segment)
{
    uint32_t longest = segment->packet_captured > segment->greatest_snap_length
                           ? segment->packet_captured
                           : segment->greatest_snap_length;
    if (longest > lengths->longest) {
        lengths->longest = longest;
        lengths->cut = 0;
    }
    if (segment->captured < segment->length && segment->packet_captured == lengths->longest &&
        lengths->cut < 2)
        lengths->cut++;
}

/* 1 if a later copy may have more than the first `captured` bytes of a packet that was cut after
 * them. */
static inline int mt_snap_lengths_vary(const struct mt_snap_lengths *lengths, uint32_t captured)
{
    return captured < lengths->longest || lengths->cut < 2;
}

#endif
