/* Entries of peer lists that were read before, recognised by their values, so that most entries of
 * a capture are not stored again. Knows nothing of what the values mean. Used by peer_lists and
 * p2p.
 *
 * It forgets: beyond MT_KNOWN_ENTRIES it starts again, and after many unknown entries it pauses. A
 * forgotten entry is stored again, which is never wrong. So a sender who repeats no entry costs as
 * much as one list row an entry, and nearly no search. */
#ifndef MT_P2P_KNOWN_ENTRIES_H
#define MT_P2P_KNOWN_ENTRIES_H

#include "base/hash.h"

#include <stddef.h>
#include <stdint.h>

enum {
    MT_ENTRY_WORDS = 6,
    MT_KNOWN_ENTRIES = 1 << 16, /* three times the entries of the Monero network */
    MT_KNOWN_MISSES = 1 << 12,  /* unknown entries in a row after which none is looked up */
    MT_KNOWN_PAUSE = 1 << 16    /* until this many were unknown in a row */
};

/* All values of an entry; two entries are equal if all words are. */
struct mt_entry_values {
    uint64_t words[MT_ENTRY_WORDS];
};

/* One cache line. */
struct mt_known_entry {
    struct mt_entry_values values;
    uint64_t hash;
    int32_t code; /* in peer_entries; MT_NO_CODE after mt_known_entries_take_back */
};

struct mt_known_entry_slot {
    uint32_t place; /* number of the known entry + 1, 0 = free */
    uint32_t mark;  /* upper half of the hash; the lower bits choose the first slot */
};

struct mt_known_entries {
    struct mt_known_entry *entries;
    size_t count, capacity;
    struct mt_known_entry_slot *slots; /* twice the capacity; NULL until the first */
    uint64_t keys[MT_ENTRY_WORDS + 1];
    size_t first;    /* entry of the current message */
    uint32_t misses; /* unknown entries since the last known one */
};

/* Without entries. Allocates nothing. */
void mt_known_entries_init(struct mt_known_entries *known);

/* Frees all; no entry is known. It can be used again. */
void mt_known_entries_clear(struct mt_known_entries *known);

/* The next entries are of another message. */
static inline void mt_known_entries_begin(struct mt_known_entries *known)
{
    known->first = known->count;
}

/* Forgets the entries of the message, whose rows are taken back. */
void mt_known_entries_take_back(struct mt_known_entries *known);

/* The hash of an entry. A sender may choose all words: NH, whose sum differs for two entries
 * whatever they are (but for one in 2^64 keys), and which is then mixed. Has its slot loaded. */
static inline uint64_t mt_known_entry_hash(const struct mt_known_entries *known,
                                           const struct mt_entry_values *values)
{
    const uint64_t *w = values->words, *k = known->keys;
    unsigned __int128 sum = (unsigned __int128)(w[0] + k[0]) * (w[1] + k[1]);
    sum += (unsigned __int128)(w[2] + k[2]) * (w[3] + k[3]);
    sum += (unsigned __int128)(w[4] + k[4]) * (w[5] + k[5]);
    uint64_t hash = mt_hash_mix((uint64_t)sum + k[6], (uint64_t)(sum >> 64) + k[0]);
    if (known->slots != NULL)
        __builtin_prefetch(&known->slots[hash & (2 * known->capacity - 1)]);
    return hash;
}

/* Has the entry loaded that is probably the one of this hash. */
static inline void mt_known_entry_load(const struct mt_known_entries *known, uint64_t hash)
{
    if (known->count != 0) {
        uint32_t place = known->slots[hash & (2 * known->capacity - 1)].place;
        __builtin_prefetch(&known->entries[place != 0 ? place - 1 : 0]);
    }
}

/* 1 if the next `count` entries are not to be looked up, nor added: the ones before were unknown.
 */
static inline int mt_known_entries_pause(struct mt_known_entries *known, size_t count)
{
    if (known->misses < MT_KNOWN_MISSES)
        return 0;
    known->misses = known->misses < MT_KNOWN_PAUSE ? known->misses + (uint32_t)count : 0;
    return 1;
}

/* 1 if all words are equal. */
static inline int mt_entry_values_equal(const struct mt_entry_values *a,
                                        const struct mt_entry_values *b)
{
    const uint64_t *x = a->words, *y = b->words;
    return ((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]) | (x[3] ^ y[3]) | (x[4] ^ y[4]) |
            (x[5] ^ y[5])) == 0;
}

/* The code of an entry with this hash; negative if it is not known. */
static inline int32_t mt_known_entry_find(struct mt_known_entries *known,
                                          const struct mt_entry_values *values, uint64_t hash)
{
    size_t mask = 2 * known->capacity - 1;
    uint32_t mark = (uint32_t)(hash >> 32);
    for (size_t at = hash & mask; known->slots != NULL; at = (at + 1) & mask) {
        struct mt_known_entry_slot slot = known->slots[at];
        if (slot.place == 0)
            break;
        const struct mt_known_entry *entry = &known->entries[slot.place - 1];
        if (slot.mark == mark && entry->code >= 0 &&
            mt_entry_values_equal(&entry->values, values)) {
            known->misses = 0;
            return entry->code;
        }
    }
    known->misses++;
    return -1;
}

/* Adds an entry that is not known. MT_OK or MT_NOMEM (nothing changed). */
int mt_known_entry_add(struct mt_known_entries *known, const struct mt_entry_values *values,
                       uint64_t hash, int32_t code);

#endif
