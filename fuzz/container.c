#define _GNU_SOURCE /* memmem */
#include "container.h"

#include <stdlib.h>
#include <string.h>

const uint8_t container_marker[CONTAINER_MARKER] = {0xf5, 'c', 'u', 0xe5};

enum { MOST_CHUNKS = 4096 };

/* libFuzzer's own mutations. Programs that only replay inputs never come here. */
extern size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most) __attribute__((weak));

int container_next(const uint8_t **at, const uint8_t *end, struct chunk *chunk)
{
    const uint8_t *marker =
        *at < end ? memmem(*at, (size_t)(end - *at), container_marker, CONTAINER_MARKER) : NULL;
    if (marker == NULL)
        return 0;
    chunk->bytes = marker + CONTAINER_MARKER;
    const uint8_t *next = chunk->bytes < end ? memmem(chunk->bytes, (size_t)(end - chunk->bytes),
                                                      container_marker, CONTAINER_MARKER)
                                             : NULL;
    *at = next != NULL ? next : end;
    chunk->size = (size_t)(*at - chunk->bytes);
    return 1;
}

/* ---- mutation ---- */

struct list {
    struct chunk chunks[MOST_CHUNKS];
    size_t count;
};

static void list_read(struct list *list, const uint8_t *data, size_t size)
{
    const uint8_t *at = data;
    list->count = 0;
    while (list->count < MOST_CHUNKS &&
           container_next(&at, data + size, &list->chunks[list->count]))
        list->count++;
}

static void list_insert(struct list *list, size_t index, struct chunk chunk)
{
    if (list->count == MOST_CHUNKS)
        return;
    memmove(list->chunks + index + 1, list->chunks + index,
            (list->count - index) * sizeof *list->chunks);
    list->chunks[index] = chunk;
    list->count++;
}

static struct chunk list_remove(struct list *list, size_t index)
{
    struct chunk removed = list->chunks[index];
    list->count--;
    memmove(list->chunks + index, list->chunks + index + 1,
            (list->count - index) * sizeof *list->chunks);
    return removed;
}

/* Bytes written at `out`: whole chunks, as many as there is room for. */
static size_t list_write(const struct list *list, uint8_t *out, size_t room)
{
    size_t used = 0;
    for (size_t i = 0; i < list->count; i++) {
        const struct chunk *chunk = &list->chunks[i];
        if (chunk->size + CONTAINER_MARKER > room - used)
            break;
        memcpy(out + used, container_marker, CONTAINER_MARKER);
        memcpy(out + used + CONTAINER_MARKER, chunk->bytes, chunk->size);
        used += CONTAINER_MARKER + chunk->size;
    }
    return used;
}

/* Changes the bytes of one chunk; they are copied to `room`, of `most` bytes. */
static void change(struct chunk *chunk, uint8_t *room, size_t most)
{
    if (chunk->size > most)
        return;
    memcpy(room, chunk->bytes, chunk->size);
    chunk->size = LLVMFuzzerMutate(room, chunk->size, most);
    chunk->bytes = room;
}

/* Cuts a chunk in two that begin alike: its first `head` bytes (of a frame, its headers) stand in
 * both. */
static void cut(struct list *list, size_t index, unsigned *seed, uint8_t *room, size_t most)
{
    struct chunk chunk = list->chunks[index];
    if (chunk.size < 2 || chunk.size > most)
        return;
    size_t head = (size_t)rand_r(seed) % chunk.size,
           at = head + (size_t)rand_r(seed) % (chunk.size - head);
    memcpy(room, chunk.bytes, head);
    memcpy(room + head, chunk.bytes + at, chunk.size - at);
    list->chunks[index].size = at;
    list_insert(list, index + 1, (struct chunk){room, head + chunk.size - at});
}

size_t container_mutate(uint8_t *data, size_t size, size_t most, size_t options, unsigned seed)
{
    static struct list list;
    unsigned choice = (unsigned)rand_r(&seed) % 16;
    if (options > 0 && choice == 0)
        return LLVMFuzzerMutate(data, options, options) == options
                   ? size
                   : size; /* in place: the options keep their length */
    uint8_t *copy = malloc(size + 1), *room = malloc(most + 1);
    if (copy == NULL || room == NULL)
        abort();
    memcpy(copy, data, size);
    list_read(&list, copy + options, size - options);
    size_t chosen = list.count != 0 ? (size_t)rand_r(&seed) % list.count : 0,
           place = list.count != 0 ? (size_t)rand_r(&seed) % list.count : 0;
    if (list.count == 0 || choice == 1) {
        list_insert(&list, place,
                    (struct chunk){room, LLVMFuzzerMutate(room, 0, most < 64 ? most : 64)});
    } else if (choice == 2) {
        list_insert(&list, place, list.chunks[chosen]);
    } else if (choice == 3) {
        (void)list_remove(&list, chosen);
    } else if (choice == 4) {
        list_insert(&list, place, list_remove(&list, chosen));
    } else if (choice == 5) {
        cut(&list, chosen, &seed, room, most);
    } else {
        change(&list.chunks[chosen], room, most);
    }
    size_t used = list_write(&list, data + options, most - options);
    free(copy);
    free(room);
    return options + used;
}

size_t container_cross(const uint8_t *one, size_t one_size, size_t one_options,
                       const uint8_t *other, size_t other_size, size_t other_options, uint8_t *out,
                       size_t most, unsigned seed)
{
    static struct list left, right;
    if (one_options > most)
        return 0;
    list_read(&left, one + one_options, one_size - one_options);
    list_read(&right, other + other_options, other_size - other_options);
    size_t keep = left.count != 0 ? (size_t)rand_r(&seed) % (left.count + 1) : 0,
           from = right.count != 0 ? (size_t)rand_r(&seed) % right.count : 0;
    left.count = keep;
    while (from < right.count && left.count < MOST_CHUNKS && rand_r(&seed) % 8 != 0)
        left.chunks[left.count++] = right.chunks[from++];
    memcpy(out, one, one_options);
    return one_options + list_write(&left, out + one_options, most - one_options);
}
