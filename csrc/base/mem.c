#include "base/mem.h"

#include "base/error.h"

#include <stdint.h>
#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

enum { MUCH = 16 << 20 }; /* bytes */

static _Thread_local long calls_until_failure; /* 0: never fail */
static _Thread_local int fails_once;

static int fails_now(void)
{
    if (calls_until_failure == 0)
        return 0;
    if (calls_until_failure > 1) {
        calls_until_failure--;
        return 0;
    }
    if (fails_once)
        calls_until_failure = 0;
    return 1;
}

static long set_failure(long calls, int once)
{
    long left = calls_until_failure;
    calls_until_failure = calls;
    fails_once = once;
    return left;
}

long mt_fail_after(long calls)
{
    return set_failure(calls, 0);
}

long mt_fail_once(long calls)
{
    return set_failure(calls, 1);
}

void *mt_alloc(size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size) /* calloc checks it, too, but under AddressSanitizer
                                                 it then stops the program */
        return NULL;
    if (fails_now())
        return NULL;
    return calloc(count != 0 ? count : 1, size != 0 ? size : 1);
}

void *mt_resize(void *old, size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size)
        return NULL;
    if (fails_now())
        return NULL;
    size_t bytes = count * size;
    return realloc(old, bytes != 0 ? bytes : 1);
}

int mt_reserve(void **array, size_t *capacity, size_t needed, size_t size)
{
    if (needed <= *capacity)
        return MT_OK;
    /* Doubling copies half as much as steps by a half; of much memory, less is left unused. */
    size_t wanted = *capacity + (*capacity < MUCH / size ? *capacity : *capacity / 2);
    if (wanted < needed)
        wanted = needed;
    if (wanted < 16)
        wanted = 16;
    void *grown = mt_resize(*array, wanted, size);
    if (grown == NULL)
        return MT_NOMEM;
    *array = grown;
    *capacity = wanted;
    return MT_OK;
}

void mt_free(void *memory)
{
    free(memory);
}

void mt_trim(void)
{
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}
