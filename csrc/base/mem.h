/* Memory: the only calls of the allocator, so that every size is checked in one place and a test
 * can make any call fail. Used by every layer that allocates. */
#ifndef MT_BASE_MEM_H
#define MT_BASE_MEM_H

#include <stddef.h>

/* Zeroed room for `count` items of `size` bytes. NULL when the product overflows or memory is out.
 * The caller owns it: mt_free. */
void *mt_alloc(size_t count, size_t size);

/* `old` (or NULL) resized to `count` items of `size` bytes; new bytes are not zeroed. NULL on
 * failure, `old` is then untouched and still owned by the caller. */
void *mt_resize(void *old, size_t count, size_t size);

/* Makes `*array` hold at least `needed` items, growing geometrically. 0, or MT_NOMEM with the array
 * untouched. */
int mt_reserve(void **array, size_t *capacity, size_t needed, size_t size);

/* Frees what mt_alloc or mt_resize gave; NULL is fine. */
void mt_free(void *memory);

/* Returns to the system what was freed, where the C library can (glibc); otherwise nothing. */
void mt_trim(void);

/* For tests: the n-th next call of mt_alloc or mt_resize in this thread (1 = the next) fails, and
 * every one after it; 0 switches failing off. Returns what was left of the n before. */
long mt_fail_after(long calls);

/* The same, but only the n-th fails: memory that was short for a moment. */
long mt_fail_once(long calls);

#endif
