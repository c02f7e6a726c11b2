/* A hash as text. */
#ifndef MT_TEST_HEX_H
#define MT_TEST_HEX_H

#include "chain/keccak.h"

#include <stdio.h>

/* Good until the next call. */
static inline const char *hex(const uint8_t hash[MT_HASH_SIZE])
{
    static char text[2 * MT_HASH_SIZE + 1];
    for (int i = 0; i < MT_HASH_SIZE; i++)
        snprintf(text + 2 * i, 3, "%02x", hash[i]);
    return text;
}

#endif
