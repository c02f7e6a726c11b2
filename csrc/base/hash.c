#define _GNU_SOURCE
#include "base/hash.h"

#include "base/bytes.h"

#include <sys/random.h>
#include <time.h>

uint64_t mt_hash_key(void)
{
    uint64_t key = 0;
    if (getrandom(&key, sizeof key, GRND_NONBLOCK) != (ssize_t)sizeof key) {
        struct timespec
            now; /* no entropy yet: early boot. The key only has to differ from run to run. */
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        key = mt_hash_mix((uint64_t)now.tv_nsec, (uint64_t)(uintptr_t)&now);
    }
    return key;
}

uint64_t mt_hash_bytes(uint64_t key, const void *bytes, size_t size)
{
    const uint8_t *p = bytes;
    uint64_t hash = mt_hash_mix(key, (uint64_t)size);
    while (size >= 8) {
        hash = mt_hash_more(hash, key, mt_le64(p));
        p += 8;
        size -= 8;
    }
    uint64_t last = 0;
    if (size > 0)
        memcpy(&last, p, size);
    return mt_hash_more(hash, key, last);
}
