/* A direct-mapped table: a later packet replaces an earlier one with the same index. */
#include "capture/copies.h"

#include "base/hash.h"
#include "base/mem.h"

#include <string.h>

enum {
    ENTRIES = 1 << 13,
    BEGINNING = 64, /* bytes compared: the TCP checksum of IPv4, the sequence number of IPv6 */
};

struct entry {
    uint64_t digest;
    int64_t time;
    uint32_t captured;
    int32_t file;
};

struct mt_copies {
    uint64_t key;
    struct entry entries[ENTRIES];
};

struct mt_copies *mt_copies_open(void)
{
    struct mt_copies *copies = mt_alloc(1, sizeof *copies);
    if (copies != NULL)
        copies->key = mt_hash_key();
    return copies;
}

static int are_near(int64_t a, int64_t b)
{
    return a != MT_NO_TIME && b != MT_NO_TIME &&
           (a >= b ? (uint64_t)a - (uint64_t)b : (uint64_t)b - (uint64_t)a) <=
               (uint64_t)MT_COPIES_APART;
}

static size_t beginning_of(const struct mt_packet *packet)
{
    return packet->captured < BEGINNING ? packet->captured : BEGINNING;
}

int mt_copies_same(const struct mt_packet *a, const struct mt_packet *b)
{
    return a->length == b->length && a->link == b->link && beginning_of(a) == beginning_of(b) &&
           are_near(a->ref.time, b->ref.time) && memcmp(a->data, b->data, beginning_of(a)) == 0;
}

int mt_copies_note(struct mt_copies *copies, const struct mt_packet *packet, int64_t since)
{
    uint64_t digest = mt_hash_more(mt_hash_bytes(copies->key, packet->data, beginning_of(packet)),
                                   copies->key, (uint64_t)packet->length << 32 | packet->link);
    struct entry *entry = &copies->entries[digest % ENTRIES];
    if (entry->digest == digest && entry->file != packet->ref.file && entry->time >= since &&
        entry->captured >= packet->captured && are_near(entry->time, packet->ref.time))
        return 1;
    *entry = (struct entry){digest, packet->ref.time, packet->captured, packet->ref.file};
    return 0;
}

void mt_copies_close(struct mt_copies *copies)
{
    mt_free(copies);
}
