#define _GNU_SOURCE
#include "base/hash.h"

#include "base/bytes.h"

#include <string.h>
#include <sys/random.h>
#include <sys/types.h>
#include <time.h>

void mt_random_fill(void *bytes, size_t size)
{
    uint8_t *p = bytes;
    uint64_t word = 0;
    for (size_t done = 0, now; done < size; done += now) {
        ssize_t got = getrandom(p + done, size - done, GRND_NONBLOCK);
        now = (size_t)got;
        if (got <= 0) { /* no entropy yet: early boot. It only has to differ from run to run. */
            struct timespec time;
            (void)clock_gettime(CLOCK_MONOTONIC, &time);
            word = mt_hash_mix(word ^ (uint64_t)time.tv_nsec, (uint64_t)(uintptr_t)&time);
            now = size - done < sizeof word ? size - done : sizeof word;
            memcpy(p + done, &word, now);
        }
    }
}

uint64_t mt_hash_key(void)
{
    uint64_t key;
    mt_random_fill(&key, sizeof key);
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
