/* The packets noted last, in a ring, and chains of those whose digests fall into the same bucket. A
 * packet is forgotten by its age only, so that the result does not depend on the key. */
#include "capture/copies.h"

#include "base/hash.h"
#include "base/mem.h"

#include <string.h>

enum {
    BUCKETS = 1 << 13,
    BEGINNING = 64, /* bytes compared: the TCP checksum of IPv4, the sequence number of IPv6 */
};

struct entry {
    uint64_t digest;
    uint64_t previous; /* number of the one before it in its bucket */
    int64_t time;
    uint32_t captured;
    int32_t file;
};

/* Packets are numbered from 1 as they are noted; `noted` is the number of the last one. */
struct mt_copies {
    uint64_t key;
    uint64_t noted;
    uint64_t latest[BUCKETS]; /* number of the last one in each bucket, 0: none */
    struct entry entries[MT_COPIES_NOTED];
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

/* The packet of a digest that was noted last, NULL if the last ones do not have it. */
static const struct entry *find(const struct mt_copies *copies, uint64_t digest)
{
    uint64_t number = copies->latest[digest % BUCKETS];
    while (number != 0 && copies->noted - number < MT_COPIES_NOTED) {
        const struct entry *entry = &copies->entries[number % MT_COPIES_NOTED];
        if (entry->digest == digest)
            return entry;
        number = entry->previous;
    }
    return NULL;
}

int mt_copies_note(struct mt_copies *copies, const struct mt_packet *packet, int64_t since)
{
    uint64_t digest = mt_hash_more(mt_hash_bytes(copies->key, packet->data, beginning_of(packet)),
                                   copies->key, (uint64_t)packet->length << 32 | packet->link);
    const struct entry *noted = find(copies, digest);
    if (noted != NULL && noted->file != packet->ref.file && noted->time >= since &&
        noted->captured >= packet->captured && are_near(noted->time, packet->ref.time))
        return 1;
    uint64_t *latest = &copies->latest[digest % BUCKETS];
    copies->noted++;
    copies->entries[copies->noted % MT_COPIES_NOTED] =
        (struct entry){digest, *latest, packet->ref.time, packet->captured, packet->ref.file};
    *latest = copies->noted;
    return 0;
}

void mt_copies_close(struct mt_copies *copies)
{
    mt_free(copies);
}
