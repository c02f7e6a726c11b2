/* Parts of a payload that monerod accepts and that could not be decoded, and why. Knows nothing of
 * messages or tables. Filled by p2p; the core turns them into problem rows. */
#ifndef MT_P2P_DECODE_DEFECTS_H
#define MT_P2P_DECODE_DEFECTS_H

#include <stddef.h>

struct mt_decode_defect {
    const char *part, *why; /* static texts */
};

/* A zeroed struct is an empty list. */
struct mt_decode_defects {
    struct mt_decode_defect *list;
    size_t count, capacity;
};

/* Appends a defect. MT_OK or MT_NOMEM. */
int mt_defects_add(struct mt_decode_defects *defects, const char *part, const char *why);

/* Empties the list; the memory is kept for the next payload. */
void mt_defects_clear(struct mt_decode_defects *defects);

/* Frees the memory; the list is empty afterwards. */
void mt_defects_free(struct mt_decode_defects *defects);

#endif
