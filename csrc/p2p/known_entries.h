/* Entries of peer lists that were read before, recognised by their bytes, so that most entries of a
 * capture are neither read nor stored again. Knows nothing of what the bytes mean. Used by
 * peer_lists and p2p.
 *
 * It forgets: beyond MT_KNOWN_ENTRIES it starts again, and a lookup looks at few places. A
 * forgotten entry is stored again, which is never wrong. So a sender who repeats no entry, or
 * chooses entries of equal hashes, costs as much as one list row an entry, and no search. */
#ifndef MT_P2P_KNOWN_ENTRIES_H
#define MT_P2P_KNOWN_ENTRIES_H

#include "base/bytes.h"
#include "base/hash.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    MT_KNOWN_ENTRIES = 1 << 16, /* three times the entries of the Monero network */
    MT_KNOWN_LEAST = 53,        /* bytes of an entry; shorter ones stay unknown, and longer ones */
    MT_KNOWN_MOST = 96,         /* than this */
    MT_KNOWN_SAME = 8,          /* entries of one mark that are known at once */
    MT_KNOWN_MISSES = 1 << 12,  /* unknown entries in a row after which none is looked up */
    MT_KNOWN_PAUSE = 1 << 16    /* until this many were unknown in a row */
};

struct mt_known_entry {
    uint8_t bytes[MT_KNOWN_MOST];
    uint32_t mark; /* of the hash: its lower bits choose the first place */
    int32_t code;  /* in peer_entries */
    uint8_t size;  /* of the bytes; 0 after mt_known_entries_take_back */
    uint8_t fields, strings, default_fields; /* what it adds to the counts of the reader */
};

struct mt_known_entry_slot {
    uint32_t place; /* number of the known entry + 1, 0 = free */
    uint32_t mark;
};

struct mt_known_entries {
    struct mt_known_entry *entries;
    size_t count, capacity;
    struct mt_known_entry_slot *slots; /* twice the capacity; NULL until the first */
    uint64_t keys[2];
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

/* The mark of at least MT_KNOWN_LEAST bytes. As monerod writes an entry, these are address, port
 * and id of IPv4, and of IPv6 the port and most of the address. */
static inline uint32_t mt_known_entry_mark(const struct mt_known_entries *known, const uint8_t *at)
{
    uint64_t address = mt_le64(at + 29) ^ (uint64_t)mt_le32(at + 20) << 32;
    uint64_t hash = mt_hash_mix(mt_le64(at + 45) + known->keys[0], address + known->keys[1]);
    return (uint32_t)(hash >> 32);
}

/* 1 if this entry is not to be looked up, nor added: the ones before were unknown. */
static inline int mt_known_entries_pause(struct mt_known_entries *known)
{
    if (known->misses < MT_KNOWN_MISSES)
        return 0;
    known->misses = known->misses < MT_KNOWN_PAUSE ? known->misses + 1 : 0;
    return 1;
}

/* The known entry at the beginning of `room` bytes, at least MT_KNOWN_LEAST, with this mark. NULL
 * if it is not known. */
static inline const struct mt_known_entry *
mt_known_entry_find(struct mt_known_entries *known, const uint8_t *at, size_t room, uint32_t mark)
{
    size_t mask = 2 * known->capacity - 1;
    int same = 0; /* entries of this mark */
    for (size_t at_slot = mark & mask; known->slots != NULL; at_slot = (at_slot + 1) & mask) {
        struct mt_known_entry_slot slot = known->slots[at_slot];
        if (slot.place == 0 || (slot.mark == mark && same++ == MT_KNOWN_SAME))
            break;
        const struct mt_known_entry *entry = &known->entries[slot.place - 1];
        if (slot.mark == mark && entry->size != 0 && entry->size <= room &&
            memcmp(entry->bytes, at, entry->size) == 0) {
            known->misses = 0;
            return entry;
        }
    }
    known->misses++;
    return NULL;
}

/* Adds an entry, of which all but `bytes` is set. MT_OK or MT_NOMEM (nothing changed). */
int mt_known_entry_add(struct mt_known_entries *known, const struct mt_known_entry *entry,
                       const uint8_t *bytes);

#endif
