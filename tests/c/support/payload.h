/* epee payloads under construction, byte by byte. */
#ifndef MT_TEST_PAYLOAD_H
#define MT_TEST_PAYLOAD_H

#include "epee/epee.h"

#include <stdlib.h>
#include <string.h>

struct payload {
    uint8_t bytes[1 << 20];
    size_t size;
};

static inline void put(struct payload *p, const void *bytes, size_t size)
{
    if (size > sizeof p->bytes - p->size)
        abort();
    memcpy(p->bytes + p->size, bytes, size);
    p->size += size;
}

static inline void zeros(struct payload *p, size_t count)
{
    if (count > sizeof p->bytes - p->size)
        abort();
    memset(p->bytes + p->size, 0, count);
    p->size += count;
}

static inline void byte(struct payload *p, unsigned value)
{
    uint8_t narrow = (uint8_t)value;
    put(p, &narrow, 1);
}

/* In a width (1, 2, 4, 8 bytes for `mark` 0 to 3) that need not be the least. */
static inline void varint_as(struct payload *p, uint64_t value, unsigned mark)
{
    uint64_t raw = value << 2 | mark;
    put(p, &raw, (size_t)1 << mark);
}

static inline void varint(struct payload *p, uint64_t value)
{
    varint_as(p, value, value < 64 ? 0 : value < 16384 ? 1 : value < 1073741824 ? 2 : 3);
}

static inline void key(struct payload *p, const char *name, unsigned type)
{
    byte(p, (unsigned)strlen(name));
    put(p, name, strlen(name));
    byte(p, type);
}

static inline void blob(struct payload *p, const void *bytes, size_t size)
{
    varint(p, size);
    put(p, bytes, size);
}

static inline void text(struct payload *p, const char *string)
{
    blob(p, string, strlen(string));
}

/* A field of an integer type, in as many bytes as the type has. */
static inline void number(struct payload *p, const char *name, unsigned type, uint64_t value)
{
    static const uint8_t widths[] = {0, 8, 4, 2, 1, 8, 4, 2, 1, 8, 0, 1};
    key(p, name, type);
    put(p, &value, widths[type]);
}

static inline void string(struct payload *p, const char *name, const void *bytes, size_t size)
{
    key(p, name, MT_EPEE_STRING);
    blob(p, bytes, size);
}

/* An object of so many entries, which follow. */
static inline void object(struct payload *p, const char *name, unsigned entries)
{
    key(p, name, MT_EPEE_OBJECT);
    varint(p, entries);
}

/* An array; its elements follow. */
static inline void array(struct payload *p, const char *name, unsigned type, uint64_t count)
{
    key(p, name, MT_EPEE_ARRAY_FLAG | type);
    varint(p, count);
}

/* Begins anew: header and count of the root's entries. Returns p. */
static inline struct payload *begin(struct payload *p, uint64_t entries)
{
    p->size = 0;
    put(p, mt_epee_header, MT_EPEE_HEADER);
    varint(p, entries);
    return p;
}

#endif
