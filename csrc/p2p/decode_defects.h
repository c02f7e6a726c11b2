/* What of a payload that monerod takes is not decoded all the same, and why: kept until whoever
 * knows the message tells of it. */
#ifndef MT_P2P_DECODE_DEFECTS_H
#define MT_P2P_DECODE_DEFECTS_H

#include <stddef.h>

struct mt_complaint {
    const char *part, *why; /* static texts */
};

/* Zeroed, an empty list. */
struct mt_complaints {
    struct mt_complaint *list;
    size_t count, capacity;
};

/* MT_OK or MT_NOMEM. */
int mt_complaints_add(struct mt_complaints *complaints, const char *part, const char *why);

/* Empties the list; its room stays for the next payload. */
void mt_complaints_clear(struct mt_complaints *complaints);

void mt_complaints_free(struct mt_complaints *complaints);

#endif
