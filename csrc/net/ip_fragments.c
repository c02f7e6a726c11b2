#include "net/ip_fragments.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/mem.h"

#include <string.h>

enum {
    DATAGRAM_MAX = 65535,
    UNIT = 8, /* fragments begin at, and all but the last end at, multiples of this */
    MAP_WORDS = (DATAGRAM_MAX / UNIT + 1) / 64,
    IDENTITY = 16 + 16 + 8 + 4 + 1 + 1,
    BUCKETS_MIN = 64,
    BUCKETS_MAX = 65536
};

/* One fragment's bytes, newest first in its datagram. */
struct piece {
    struct piece *older;
    uint32_t offset, captured, length;
    uint8_t bytes[];
};

struct mt_ip_waiting {
    struct mt_ip_waiting *next;            /* in its bucket */
    struct mt_ip_waiting *older, *younger; /* in its list */
    uint64_t hash;
    uint8_t identity[IDENTITY];
    uint8_t protocol;
    int is_done;
    int64_t born;               /* capture time, MT_NO_TIME while none is known */
    struct mt_packet_ref first; /* of the fragment that came first */
    uint64_t held;              /* its share of fragments->bytes */
    uint32_t payload;           /* fragment bytes it has */
    uint32_t reach;             /* highest end of a fragment */
    uint32_t total;             /* bytes of the whole datagram, 0 until its last fragment came */
    uint32_t units;             /* units that came */
    struct piece *pieces;       /* while open */
    uint8_t *bytes;             /* when done: the first `captured` bytes of the datagram */
    uint32_t captured;
    uint64_t *map; /* while open: a bit per unit that came */
};

static uint64_t at_least_zero(int64_t limit)
{
    return limit > 0 ? (uint64_t)limit : 0;
}

void mt_ip_fragments_init(struct mt_ip_fragments *fragments, const struct mt_limits *limits,
                          uint64_t *limit_hits, mt_ip_lost *lost, void *context)
{
    uint64_t seconds = at_least_zero(limits->ip_fragment_seconds);
    *fragments = (struct mt_ip_fragments){
        .key = mt_hash_key(),
        .bytes_limit = at_least_zero(limits->ip_fragment_bytes),
        .count_limit = at_least_zero(limits->ip_fragment_datagrams),
        .patience = seconds < UINT64_MAX / 1000000000u ? seconds * 1000000000u : UINT64_MAX,
        .now = MT_NO_TIME,
        .limit_hits = limit_hits,
        .lost = lost,
        .context = context,
    };
}

/* ---- lists and chains ---- */

static void list_add(struct mt_ip_waiting_list *list, struct mt_ip_waiting *waiting)
{
    waiting->older = list->newest;
    waiting->younger = NULL;
    if (list->newest != NULL)
        list->newest->younger = waiting;
    else
        list->oldest = waiting;
    list->newest = waiting;
}

static void list_remove(struct mt_ip_waiting_list *list, struct mt_ip_waiting *waiting)
{
    if (waiting->older != NULL)
        waiting->older->younger = waiting->younger;
    else
        list->oldest = waiting->younger;
    if (waiting->younger != NULL)
        waiting->younger->older = waiting->older;
    else
        list->newest = waiting->older;
}

static struct mt_ip_waiting **bucket_of(struct mt_ip_fragments *fragments, uint64_t hash)
{
    return &fragments->buckets[(size_t)hash & (fragments->buckets_count - 1)];
}

static void free_pieces(struct mt_ip_waiting *waiting)
{
    while (waiting->pieces != NULL) {
        struct piece *piece = waiting->pieces;
        waiting->pieces = piece->older;
        mt_free(piece);
    }
}

/* Removes a datagram from the table and the lists, and frees it. */
static void drop(struct mt_ip_fragments *fragments, struct mt_ip_waiting *waiting)
{
    struct mt_ip_waiting **link = bucket_of(fragments, waiting->hash);
    while (*link != waiting)
        link = &(*link)->next;
    *link = waiting->next;
    list_remove(waiting->is_done ? &fragments->done : &fragments->open, waiting);
    fragments->bytes -= waiting->held;
    fragments->count--;
    free_pieces(waiting);
    mt_free(waiting->map);
    mt_free(waiting->bytes);
    mt_free(waiting);
}

static void report(const struct mt_ip_fragments *fragments, const struct mt_packet_ref *first,
                   uint32_t bytes, const char *why)
{
    if (fragments->lost != NULL)
        fragments->lost(fragments->context, first, bytes, why);
}

static void give_up(struct mt_ip_fragments *fragments, struct mt_ip_waiting *waiting,
                    const char *why)
{
    struct mt_packet_ref first = waiting->first;
    uint32_t payload = waiting->payload;
    drop(fragments, waiting);
    report(fragments, &first, payload, why);
}

/* ---- limits ---- */

static int is_over(const struct mt_ip_fragments *fragments, struct mt_ip_waiting *waiting)
{
    if (waiting->born == MT_NO_TIME) /* came before any time was known: its waiting begins now */
        waiting->born = fragments->now;
    return fragments->now > waiting->born &&
           (uint64_t)fragments->now - (uint64_t)waiting->born > fragments->patience;
}

static void expire(struct mt_ip_fragments *fragments, int64_t now)
{
    if (now == MT_NO_TIME)
        return;
    fragments->now = now;
    while (fragments->done.oldest != NULL && is_over(fragments, fragments->done.oldest))
        drop(fragments, fragments->done.oldest);
    while (fragments->open.oldest != NULL && is_over(fragments, fragments->open.oldest)) {
        fragments->limit_hits[MT_LIMIT_ip_fragment_seconds]++;
        give_up(fragments, fragments->open.oldest,
                "IP datagram incomplete: waited too long for its fragments");
    }
}

/* Evicts until `bytes` more and `datagrams` more are within the limits. 0 if that cannot be. */
static int make_room(struct mt_ip_fragments *fragments, uint64_t bytes, uint64_t datagrams)
{
    uint64_t *limit_hits = fragments->limit_hits;
    if (bytes > fragments->bytes_limit || datagrams > fragments->count_limit) {
        limit_hits[bytes > fragments->bytes_limit ? MT_LIMIT_ip_fragment_bytes
                                                  : MT_LIMIT_ip_fragment_datagrams]++;
        return 0;
    }
    while (fragments->bytes > fragments->bytes_limit - bytes ||
           fragments->count > fragments->count_limit - datagrams) {
        if (fragments->done.oldest != NULL) {
            drop(fragments, fragments->done.oldest); /* delivered already: nothing is lost */
            continue;
        }
        limit_hits[fragments->bytes > fragments->bytes_limit - bytes
                       ? MT_LIMIT_ip_fragment_bytes
                       : MT_LIMIT_ip_fragment_datagrams]++;
        give_up(fragments, fragments->open.oldest,
                "IP datagram incomplete: too many fragments waiting");
    }
    return 1;
}

/* ---- finding and making datagrams ---- */

static void make_identity(const struct mt_ip_fragment *fragment, uint8_t identity[IDENTITY])
{
    memcpy(identity, fragment->source.bytes, 16);
    memcpy(identity + 16, fragment->destination.bytes, 16);
    memcpy(identity + 32, &fragment->tunnel, 8);
    memcpy(identity + 40, &fragment->identification, 4);
    identity[44] = fragment->source.version;
    /* In IPv6 only the next header of the first fragment counts (RFC 8200, 4.5). */
    identity[45] = fragment->source.version == 4 ? fragment->protocol : 0;
}

static int make_buckets(struct mt_ip_fragments *fragments)
{
    size_t count = BUCKETS_MIN;
    while (count < fragments->count_limit && count < BUCKETS_MAX)
        count *= 2;
    fragments->buckets = mt_alloc(count, sizeof(struct mt_ip_waiting *));
    if (fragments->buckets == NULL)
        return MT_NOMEM;
    fragments->buckets_count = count;
    return MT_OK;
}

static struct mt_ip_waiting *find(struct mt_ip_fragments *fragments,
                                  const uint8_t identity[IDENTITY], uint64_t hash)
{
    struct mt_ip_waiting *waiting = *bucket_of(fragments, hash);
    while (waiting != NULL &&
           (waiting->hash != hash || memcmp(waiting->identity, identity, IDENTITY) != 0))
        waiting = waiting->next;
    return waiting;
}

/* A new open datagram, or NULL if memory is out. */
static struct mt_ip_waiting *create(struct mt_ip_fragments *fragments,
                                    const uint8_t identity[IDENTITY], uint64_t hash,
                                    const struct mt_packet_ref *ref)
{
    struct mt_ip_waiting *waiting = mt_alloc(1, sizeof *waiting);
    uint64_t *map = mt_alloc(MAP_WORDS, sizeof *map);
    if (waiting == NULL || map == NULL) {
        mt_free(waiting);
        mt_free(map);
        return NULL;
    }
    waiting->map = map;
    waiting->hash = hash;
    memcpy(waiting->identity, identity, IDENTITY);
    waiting->born = fragments->now;
    waiting->first = *ref;
    struct mt_ip_waiting **bucket = bucket_of(fragments, hash);
    waiting->next = *bucket;
    *bucket = waiting;
    list_add(&fragments->open, waiting);
    fragments->count++;
    return waiting;
}

/* Whether the fragment repeats a part of a datagram that was delivered. One with other bytes
 * belongs to a new datagram under an old identification. */
static int is_late_duplicate(const struct mt_ip_waiting *done,
                             const struct mt_ip_fragment *fragment)
{
    uint64_t end = (uint64_t)fragment->offset + fragment->length;
    if (end > done->total || (!fragment->more && end != done->total))
        return 0;
    if (fragment->offset >= done->captured || fragment->captured == 0)
        return 1;
    uint32_t known = done->captured - fragment->offset;
    return memcmp(done->bytes + fragment->offset, fragment->bytes,
                  known < fragment->captured ? known : fragment->captured) == 0;
}

/* ---- storing a fragment ---- */

/* What is wrong between the fragment and what its datagram has, or NULL. */
static const char *contradiction(const struct mt_ip_waiting *waiting,
                                 const struct mt_ip_fragment *fragment)
{
    uint64_t end = (uint64_t)fragment->offset + fragment->length;
    if (end > DATAGRAM_MAX)
        return "IP datagram dropped: its fragments reach beyond 65535 bytes";
    if (waiting->total != 0 && (end > waiting->total || (!fragment->more && end != waiting->total)))
        return "IP datagram dropped: its fragments contradict each other on its length";
    if (!fragment->more && end < waiting->reach)
        return "IP datagram dropped: its fragments contradict each other on its length";
    return NULL;
}

/* Sets the bits from `first` to before `end`; how many were not set. */
static uint32_t mark(uint64_t *map, uint32_t first, uint32_t end)
{
    uint32_t fresh = 0;
    while (first < end) {
        uint32_t bit = first % 64, bits = 64 - bit < end - first ? 64 - bit : end - first;
        uint64_t mask = (UINT64_MAX >> (64 - bits)) << bit;
        uint64_t *word = &map[first / 64];
        fresh += (uint32_t)__builtin_popcountll(mask & ~*word);
        *word |= mask;
        first += bits;
    }
    return fresh;
}

/* Copies the fragment into its datagram, unless it brings nothing new. */
static int store(struct mt_ip_fragments *fragments, struct mt_ip_waiting *waiting,
                 const struct mt_ip_fragment *fragment)
{
    struct piece *piece = mt_alloc(1, sizeof *piece + fragment->captured);
    if (piece == NULL)
        return MT_NOMEM;
    uint32_t end = fragment->offset + fragment->length;
    if (fragment->offset == 0 && (waiting->map[0] & 1) == 0)
        waiting->protocol = fragment->protocol;
    uint32_t fresh = mark(waiting->map, fragment->offset / UNIT, (end + UNIT - 1) / UNIT);
    if (!fragment->more)
        waiting->total =
            end; /* a last fragment may repeat what others brought and still set the length */
    if (fresh == 0) {
        mt_free(piece);
        return MT_OK;
    }
    waiting->units += fresh;
    if (end > waiting->reach)
        waiting->reach = end;
    *piece = (struct piece){.older = waiting->pieces,
                            .offset = fragment->offset,
                            .captured = fragment->captured,
                            .length = fragment->length};
    if (fragment->captured != 0)
        memcpy(piece->bytes, fragment->bytes, fragment->captured);
    waiting->pieces = piece;
    waiting->payload += fragment->captured;
    waiting->held += sizeof *piece + fragment->captured;
    fragments->bytes += sizeof *piece + fragment->captured;
    return MT_OK;
}

static int is_whole(const struct mt_ip_waiting *waiting)
{
    return waiting->total != 0 && waiting->units == (waiting->total + UNIT - 1) / UNIT;
}

/* Joins the pieces of a whole datagram and moves it to the delivered ones. */
static int join(struct mt_ip_fragments *fragments, struct mt_ip_waiting *waiting)
{
    uint32_t captured = waiting->total; /* up to the first byte that a snap length cut */
    for (const struct piece *piece = waiting->pieces; piece != NULL; piece = piece->older)
        if (piece->captured < piece->length && piece->offset + piece->captured < captured)
            captured = piece->offset + piece->captured;
    uint8_t *bytes = mt_alloc(captured, 1);
    if (bytes == NULL)
        return MT_NOMEM;
    for (const struct piece *piece = waiting->pieces; piece != NULL;
         piece = piece->older) { /* newest first: the first copy is written last */
        if (piece->offset >= captured)
            continue;
        uint32_t wanted = captured - piece->offset;
        memcpy(bytes + piece->offset, piece->bytes,
               wanted < piece->captured ? wanted : piece->captured);
    }
    free_pieces(waiting);
    mt_free(waiting->map);
    waiting->map = NULL;
    waiting->bytes = bytes;
    waiting->captured = captured;
    fragments->bytes = fragments->bytes - waiting->held + captured;
    waiting->held = captured;
    list_remove(&fragments->open, waiting);
    list_add(&fragments->done, waiting);
    waiting->is_done = 1;
    waiting->born = fragments->now;
    return MT_OK;
}

/* 1 if the fragment must be added to an open datagram, for which there is room now; 0 if nothing
 * is left to do. */
static int admit(struct mt_ip_fragments *fragments, const struct mt_ip_fragment *fragment,
                 const uint8_t identity[IDENTITY], uint64_t hash, const struct mt_packet_ref *ref)
{
    struct mt_ip_waiting *waiting = find(fragments, identity, hash);
    if (waiting != NULL && waiting->is_done) {
        if (is_late_duplicate(waiting, fragment))
            return 0;
        drop(fragments, waiting);
        waiting = NULL;
    }
    if (!make_room(fragments, sizeof(struct piece) + fragment->captured, waiting == NULL)) {
        report(fragments, ref, fragment->captured,
               "IP fragment dropped: larger than the limit on fragments");
        return 0;
    }
    return 1;
}

static enum mt_ip_fragments_result add(struct mt_ip_fragments *fragments,
                                       struct mt_ip_waiting *waiting,
                                       const struct mt_ip_fragment *fragment,
                                       struct mt_ip_datagram *datagram)
{
    const char *why = contradiction(waiting, fragment);
    if (why != NULL) {
        waiting->payload += fragment->captured;
        give_up(fragments, waiting, why);
        return MT_IP_FRAGMENTS_WAIT;
    }
    if (store(fragments, waiting, fragment) != MT_OK) {
        if (waiting->pieces == NULL)
            drop(fragments, waiting);
        return MT_IP_FRAGMENTS_NOMEM;
    }
    if (!is_whole(waiting))
        return MT_IP_FRAGMENTS_WAIT;
    if (join(fragments, waiting) != MT_OK)
        return MT_IP_FRAGMENTS_NOMEM;
    *datagram = (struct mt_ip_datagram){.bytes = waiting->bytes,
                                        .captured = waiting->captured,
                                        .length = waiting->total,
                                        .protocol = waiting->protocol};
    return MT_IP_FRAGMENTS_WHOLE;
}

enum mt_ip_fragments_result mt_ip_fragments_put(struct mt_ip_fragments *fragments,
                                                const struct mt_ip_fragment *fragment,
                                                const struct mt_packet_ref *ref,
                                                struct mt_ip_datagram *datagram)
{
    if (fragment->length == 0 || fragment->offset % UNIT != 0 ||
        (fragment->more && fragment->length % UNIT != 0))
        return MT_IP_FRAGMENTS_BAD;
    if (fragments->buckets == NULL && make_buckets(fragments) != MT_OK)
        return MT_IP_FRAGMENTS_NOMEM;
    expire(fragments, ref->time);
    uint8_t identity[IDENTITY];
    make_identity(fragment, identity);
    uint64_t hash = mt_hash_bytes(fragments->key, identity, IDENTITY);
    if (!admit(fragments, fragment, identity, hash, ref))
        return MT_IP_FRAGMENTS_WAIT;
    struct mt_ip_waiting *waiting =
        find(fragments, identity, hash); /* again: it may have been evicted */
    if (waiting == NULL)
        waiting = create(fragments, identity, hash, ref);
    return waiting != NULL ? add(fragments, waiting, fragment, datagram) : MT_IP_FRAGMENTS_NOMEM;
}

void mt_ip_fragments_finish(struct mt_ip_fragments *fragments)
{
    while (fragments->open.oldest != NULL)
        give_up(fragments, fragments->open.oldest,
                "IP datagram incomplete at the end of the capture");
    mt_ip_fragments_free(fragments);
}

void mt_ip_fragments_free(struct mt_ip_fragments *fragments)
{
    while (fragments->open.oldest != NULL)
        drop(fragments, fragments->open.oldest);
    while (fragments->done.oldest != NULL)
        drop(fragments, fragments->done.oldest);
    mt_free(fragments->buckets);
    fragments->buckets = NULL;
    fragments->buckets_count = 0;
}
