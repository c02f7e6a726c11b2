#include "tables/intern.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/mem.h"

#include <string.h>

/* Below that, the table grows by 4: each step hashes all strings again. */
enum { FIRST_SLOTS = 64, MANY_SLOTS = 1 << 16 };

void mt_intern_init(struct mt_intern *intern, size_t limit)
{
    *intern =
        (struct mt_intern){.key = mt_hash_key(), .limit = limit < INT32_MAX ? limit : INT32_MAX};
}

void mt_intern_free(struct mt_intern *intern)
{
    mt_free(intern->bytes);
    mt_free(intern->ends);
    mt_free(intern->slots);
    *intern = (struct mt_intern){0};
}

const uint8_t *mt_intern_get(const struct mt_intern *intern, int32_t code, size_t *size)
{
    size_t begin = code > 0 ? intern->ends[code - 1] : 0;
    *size = intern->ends[code] - begin;
    return intern->bytes + begin;
}

/* Slot of the string, or the free slot where it belongs. */
static size_t find(const struct mt_intern *intern, const void *bytes, size_t size, uint64_t hash)
{
    size_t mask = intern->slots_count - 1;
    uint32_t mark = (uint32_t)(hash >> 32);
    for (size_t slot = (size_t)hash & mask;; slot = (slot + 1) & mask) {
        struct mt_intern_slot there = intern->slots[slot];
        if (there.place == 0)
            return slot;
        if (there.mark != mark)
            continue;
        size_t known_size;
        const uint8_t *known = mt_intern_get(intern, (int32_t)(there.place - 1), &known_size);
        if (known_size == size && (size == 0 || memcmp(known, bytes, size) == 0))
            return slot;
    }
}

/* Slots for `count` strings, at most half of all. MT_OK or MT_NOMEM. */
static int reserve_slots(struct mt_intern *intern, size_t count)
{
    size_t wanted = intern->slots_count != 0 ? intern->slots_count : FIRST_SLOTS;
    if (intern->slots_count != 0 && count <= wanted / 2)
        return MT_OK;
    while (count > wanted / 2)
        wanted *= wanted < MANY_SLOTS ? 4 : 2;
    struct mt_intern_slot *slots = mt_alloc(wanted, sizeof *slots);
    if (slots == NULL)
        return MT_NOMEM;
    mt_free(intern->slots);
    intern->slots = slots;
    intern->slots_count = wanted;
    for (size_t code = 0; code < intern->count; code++) {
        size_t size;
        const uint8_t *bytes = mt_intern_get(intern, (int32_t)code, &size);
        uint64_t hash = mt_hash_bytes(intern->key, bytes, size);
        size_t slot = (size_t)hash & (wanted - 1);
        while (slots[slot].place != 0)
            slot = (slot + 1) & (wanted - 1);
        slots[slot] = (struct mt_intern_slot){(uint32_t)code + 1, (uint32_t)(hash >> 32)};
    }
    return MT_OK;
}

/* Memory for another string besides those for which room is held. MT_OK or MT_NOMEM. */
static int reserve(struct mt_intern *intern, size_t size)
{
    void *grown = intern->bytes;
    size_t held = intern->held_bytes + 1; /* one byte more than needed: an empty string, too, gets a
                                             pointer that is not NULL */
    if (size >= SIZE_MAX - intern->bytes_count - held ||
        mt_reserve(&grown, &intern->bytes_capacity, intern->bytes_count + size + held, 1) != MT_OK)
        return MT_NOMEM;
    intern->bytes = grown;
    grown = intern->ends;
    if (mt_reserve(&grown, &intern->ends_capacity, intern->count + 1 + intern->held,
                   sizeof *intern->ends) != MT_OK)
        return MT_NOMEM;
    intern->ends = grown;
    return MT_OK;
}

int mt_intern_append(struct mt_intern *intern, const void *bytes, size_t size, int32_t *code)
{
    if (intern->count >= intern->limit) {
        intern->refused++;
        *code = MT_NO_CODE;
        return MT_OK;
    }
    if (reserve(intern, size) != MT_OK)
        return MT_NOMEM;
    if (size != 0)
        memcpy(intern->bytes + intern->bytes_count, bytes, size);
    intern->bytes_count += size;
    *code = (int32_t)intern->count;
    intern->ends[intern->count++] = intern->bytes_count;
    return MT_OK;
}

int mt_intern_put(struct mt_intern *intern, const void *bytes, size_t size, int32_t *code)
{
    if (reserve_slots(intern, intern->count + intern->held + 1) != MT_OK)
        return MT_NOMEM;
    uint64_t hash = mt_hash_bytes(intern->key, bytes, size);
    size_t slot = find(intern, bytes, size, hash);
    if (intern->slots[slot].place != 0) {
        *code = (int32_t)(intern->slots[slot].place - 1);
        return MT_OK;
    }
    int result = mt_intern_append(intern, bytes, size, code);
    if (result == MT_OK && *code != MT_NO_CODE)
        intern->slots[slot] = (struct mt_intern_slot){(uint32_t)*code + 1, (uint32_t)(hash >> 32)};
    return result;
}

int mt_intern_hold(struct mt_intern *intern, size_t count, size_t size)
{
    if (reserve_slots(intern, intern->count + intern->held + count) != MT_OK)
        return MT_NOMEM;
    intern->held += count - 1;
    intern->held_bytes += (count - 1) * size;
    int result = reserve(intern, size);
    intern->held += 1;
    intern->held_bytes += size;
    if (result != MT_OK)
        mt_intern_release(intern, count, size);
    return result;
}

void mt_intern_release(struct mt_intern *intern, size_t count, size_t size)
{
    intern->held -= count;
    intern->held_bytes -= count * size;
}
