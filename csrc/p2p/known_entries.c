#include "p2p/known_entries.h"

#include "base/error.h"
#include "base/mem.h"
#include "tables/intern.h"

#include <string.h>

enum { FEW = 256 };

void mt_known_entries_init(struct mt_known_entries *known)
{
    *known = (struct mt_known_entries){0};
    mt_random_fill(known->keys, sizeof known->keys);
}

void mt_known_entries_clear(struct mt_known_entries *known)
{
    mt_free(known->entries);
    mt_free(known->slots);
    known->entries = NULL;
    known->slots = NULL;
    known->count = known->capacity = known->first = 0;
    known->misses = 0;
}

void mt_known_entries_take_back(struct mt_known_entries *known)
{
    for (size_t i = known->first; i < known->count; i++)
        known->entries[i].code = MT_NO_CODE;
}

/* Puts an entry into the next free slot. */
static void place(struct mt_known_entries *known, size_t number)
{
    size_t mask = 2 * known->capacity - 1;
    uint64_t hash = known->entries[number].hash;
    size_t at = hash & mask;
    while (known->slots[at].place != 0)
        at = (at + 1) & mask;
    known->slots[at] = (struct mt_known_entry_slot){(uint32_t)number + 1, (uint32_t)(hash >> 32)};
}

/* Room for one more; a full one starts again. MT_OK or MT_NOMEM. */
static int make_room(struct mt_known_entries *known)
{
    if (known->capacity == MT_KNOWN_ENTRIES) {
        memset(known->slots, 0, 2 * known->capacity * sizeof *known->slots);
        known->count = known->first = 0;
        return MT_OK;
    }
    size_t capacity = known->capacity == 0 ? FEW : known->capacity * 4;
    struct mt_known_entry_slot *slots = mt_alloc(2 * capacity, sizeof *slots);
    struct mt_known_entry *entries =
        slots != NULL ? mt_resize(known->entries, capacity, sizeof *entries) : NULL;
    if (entries == NULL) {
        mt_free(slots);
        return MT_NOMEM;
    }
    mt_free(known->slots);
    known->entries = entries;
    known->slots = slots;
    known->capacity = capacity;
    for (size_t number = 0; number < known->count; number++)
        place(known, number);
    return MT_OK;
}

int mt_known_entry_add(struct mt_known_entries *known, const struct mt_entry_values *values,
                       uint64_t hash, int32_t code)
{
    if (known->count == known->capacity && make_room(known) != MT_OK)
        return MT_NOMEM;
    known->entries[known->count] = (struct mt_known_entry){*values, hash, code};
    place(known, known->count++);
    return MT_OK;
}
