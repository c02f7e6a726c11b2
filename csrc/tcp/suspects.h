/* Segments with payload that their receiver may have dropped, held until its acknowledgement says
 * so: the capture cannot distinguish a forged segment from one that follows missed packets. Used by
 * connection.c; knows no rules of acceptance. */
#ifndef MT_TCP_SUSPECTS_H
#define MT_TCP_SUSPECTS_H

#include "base/budget.h"
#include "base/packet_ref.h"
#include "base/vocabulary.h"
#include "net/packet.h"

#include <stdint.h>

struct mt_suspect {
    struct mt_suspect *next;
    struct mt_segment segment; /* its payload points to bytes[] */
    struct mt_packet_ref ref;
    int64_t offset;            /* of its first byte in its sender's stream */
    int64_t acknowledged;      /* offset in the opposite stream, INT64_MIN if unknown */
    enum mt_problem_kind kind; /* what it is unless the receiver acknowledges it */
    const char *why;           /* static text */
    uint8_t bytes[];
};

/* Of one direction, oldest first. Zeroed: none. */
struct mt_suspects {
    struct mt_suspect *first,
        **last; /* last: where the next one is linked, NULL if none ever was */
    uint32_t count;
    int64_t bytes; /* payload bytes of all */
};

/* Keeps a copy of `suspect`, whose payload is read from its segment. MT_OK or MT_NOMEM. */
int mt_suspects_add(struct mt_suspects *suspects, struct mt_budget *budget,
                    const struct mt_suspect *suspect);

/* Removes and returns the suspect at *link; the caller owns it: mt_free. */
struct mt_suspect *mt_suspects_remove(struct mt_suspects *suspects, struct mt_budget *budget,
                                      struct mt_suspect **link);

/* Frees all. */
void mt_suspects_free(struct mt_suspects *suspects, struct mt_budget *budget);

#endif
