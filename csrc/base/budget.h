/* A budget of bytes within a larger one: the bytes that a connection holds count in the total of
 * all connections. Knows nothing of what is held. Used by tcp, levin and the core. */
#ifndef MT_BASE_BUDGET_H
#define MT_BASE_BUDGET_H

#include <stddef.h>
#include <stdint.h>

struct mt_budget {
    int64_t used;
    const int64_t *limit;
    uint64_t *limit_hits;    /* counts how often it was full */
    struct mt_budget *whole; /* what is used here is used there too; NULL: none */
};

/* Adds `bytes` to what is held here and in every enclosing budget; a negative number releases. */
static inline void mt_budget_use(struct mt_budget *budget, int64_t bytes)
{
    for (; budget != NULL; budget = budget->whole)
        budget->used += bytes;
}

/* 1 if `more` bytes would exceed this budget or an enclosing one, which counts a limit hit. */
static inline int mt_budget_is_full(struct mt_budget *budget, int64_t more)
{
    for (; budget != NULL; budget = budget->whole) {
        if (budget->used + more > *budget->limit) {
            ++*budget->limit_hits;
            return 1;
        }
    }
    return 0;
}

#endif
