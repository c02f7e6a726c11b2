/* IP fragments: kept until their datagram is whole, limited in bytes, datagrams and capture time.
 * Overlaps: the first copy wins. Nothing is allocated until the first fragment comes. Knows nothing
 * of what datagrams carry. Used by ip.c. */
#ifndef MT_NET_IP_FRAGMENTS_H
#define MT_NET_IP_FRAGMENTS_H

#include "base/limits.h"
#include "net/packet.h"

#include <stddef.h>
#include <stdint.h>

/* Called for every datagram given up: incomplete when its time was over, evicted by a limit,
 * contradictory, or still incomplete at the end. `bytes` are the fragment payload bytes it had;
 * `why` is static text. */
typedef void mt_ip_lost(void *context, const struct mt_packet_ref *first, uint32_t bytes,
                        const char *why);

struct mt_ip_fragment {
    struct mt_ip source, destination;
    uint64_t tunnel; /* key of the tunnel that it was in, 0: none */
    uint32_t identification;
    uint32_t offset;      /* of its first byte in the datagram; a multiple of 8 */
    uint8_t protocol;     /* IPv4 protocol; IPv6 next header */
    uint8_t more;         /* further fragments follow this one in the datagram */
    const uint8_t *bytes; /* payload; copied */
    uint32_t captured;    /* bytes at `bytes` */
    uint32_t length;      /* bytes on the wire, >= captured */
};

/* A datagram that is whole: what follows the IP header (IPv6: the unfragmentable part). */
struct mt_ip_datagram {
    const uint8_t *bytes;
    uint32_t captured; /* bytes before the first one that a snap length cut */
    uint32_t length;   /* bytes on the wire */
    uint8_t protocol;  /* IPv6: next header of the fragment with offset 0 */
};

enum mt_ip_fragments_result {
    MT_IP_FRAGMENTS_WAIT = 0,  /* kept, or a duplicate, or given up and reported through `lost` */
    MT_IP_FRAGMENTS_WHOLE = 1, /* *datagram is filled */
    MT_IP_FRAGMENTS_BAD =
        2, /* not a possible fragment: empty, or not the last and no multiple of 8 bytes; ignored */
    MT_IP_FRAGMENTS_NOMEM = -1 /* ignored; what waited before still waits */
};

struct mt_ip_waiting; /* one datagram */

struct mt_ip_waiting_list {
    struct mt_ip_waiting *oldest, *newest;
};

struct mt_ip_fragments {
    struct mt_ip_waiting **buckets; /* chains by keyed hash of the datagram's identity; NULL until
                                       the first fragment */
    size_t buckets_count;           /* a power of two */
    uint64_t key;
    struct mt_ip_waiting_list open; /* incomplete, in order of their first fragment */
    struct mt_ip_waiting_list done; /* delivered: kept for a while to know late duplicates of their
                                       fragments; first to be evicted */
    uint64_t bytes, bytes_limit;    /* fragments held, bookkeeping included */
    uint64_t count, count_limit;    /* datagrams, open and done */
    uint64_t patience;              /* nanoseconds a datagram may wait */
    int64_t now;                    /* last packet time seen, MT_NO_TIME before any */
    uint64_t *limit_hits;           /* mt_limit_hits */
    mt_ip_lost *lost;
    void *context;
};

/* No allocation, cannot fail. `lost` may be NULL. */
void mt_ip_fragments_init(struct mt_ip_fragments *fragments, const struct mt_limits *limits,
                          uint64_t *limit_hits, mt_ip_lost *lost, void *context);

/* Stores a fragment. Datagrams whose time is over at `ref` are given up first. With
 * MT_IP_FRAGMENTS_WHOLE, *datagram is filled; its bytes are valid until the next call of any
 * function here. */
enum mt_ip_fragments_result mt_ip_fragments_put(struct mt_ip_fragments *fragments,
                                                const struct mt_ip_fragment *fragment,
                                                const struct mt_packet_ref *ref,
                                                struct mt_ip_datagram *datagram);

/* Gives up everything that waits, oldest first, with a report through `lost`, and frees all. It can
 * be used again after that. */
void mt_ip_fragments_finish(struct mt_ip_fragments *fragments);

/* Frees all without a report. */
void mt_ip_fragments_free(struct mt_ip_fragments *fragments);

#endif
