#include "input.h"

#include "tables/rows.h"

_Static_assert((int)MT_LIMIT_COUNT <= (int)INPUT_LIMIT_BYTES, "a byte for each limit");

/* 0: the default; then small numbers one by one, and large ones by powers of two. */
static int64_t limit_of(uint8_t byte, int64_t usual)
{
    if (byte == 0)
        return usual;
    int64_t value = byte < 192 ? byte - 1 : INT64_C(1) << (byte - 192) / 2;
    return value < usual ? value : usual; /* never more memory than the defaults allow */
}

static uint8_t take(struct input *input)
{
    if (input->size == 0)
        return 0;
    input->size--;
    return *input->rest++;
}

static void take_limits(struct input *input)
{
    uint8_t bytes[INPUT_LIMIT_BYTES];
    const uint8_t *next = bytes;
    for (int i = 0; i < INPUT_LIMIT_BYTES; i++)
        bytes[i] = take(input);
#define TAKE_LIMIT(name, ...) input->limits.name = limit_of(*next++, input->limits.name);
    MT_LIMITS(TAKE_LIMIT)
#undef TAKE_LIMIT
    if (input->limits.connections == 0)
        input->limits.connections = 1;
}

struct input input_read(const uint8_t *data, size_t size)
{
    struct input input = {.limits = mt_default_limits,
                          .tables = (1u << MT_TABLE_COUNT) - 1,
                          .rest = data,
                          .size = size};
    input.flags = take(&input);
    input.byte = take(&input);
    if ((input.flags & INPUT_LIMITS) != 0)
        take_limits(&input);
    if ((input.flags & INPUT_TABLES) != 0) {
        input.tables = take(&input);
        input.tables |= (uint32_t)take(&input) << 8;
    }
    return input;
}

size_t input_options(const uint8_t *data, size_t size)
{
    struct input input = input_read(data, size);
    return size - input.size;
}

int input_is_plain(const struct input *input)
{
    return (input->flags & INPUT_LIMITS) == 0;
}
