/* Interned addresses and their canonical text. Owns one code per (type of bytes, bytes): a TCP
 * endpoint and a peer-list entry of the same IPv4 address share it. Knows nothing of packets or
 * peers. Used by p2p, the core and the binding.
 *
 * No two codes have the same text: a host name that is spelt like an IP address in canonical text
 * shares the code of that address. */
#ifndef MT_TABLES_ADDRESS_H
#define MT_TABLES_ADDRESS_H

#include "base/bytes.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/ip.h"
#include "tables/intern.h"

#include <stddef.h>
#include <stdint.h>

#define MT_ADDRESS_TEXT \
    256 /* a buffer of this size holds any address text; longer host names (monerod sends none) \
           are cut to it before they are interned */

struct mt_ipv4_slot {
    uint32_t address; /* the 4 bytes as they lie */
    int32_t code;     /* -1 = free slot */
};

struct mt_ipv6_slot {
    uint64_t low, high; /* the 16 bytes as they lie */
    int32_t code;       /* -1 = free slot */
};

struct mt_addresses {
    uint64_t key;
    struct mt_intern names; /* first byte '4', '6' or 'n' (host name), then the bytes */
    /* IPv4 is nearly all there is: a table of its own from the 4 bytes to the code, without strings
     * to compare. Open addressing, at most half full; it points to shared free slots until the
     * first address, so that a lookup never has to ask. */
    struct mt_ipv4_slot *ipv4;
    size_t ipv4_mask;    /* slots - 1; slots are a power of two */
    unsigned ipv4_shift; /* 64 - log2(slots): the upper bits of the hash choose the slot */
    size_t ipv4_count;
    struct mt_ipv6_slot *ipv6; /* the same for IPv6; NULL until the first */
    size_t ipv6_mask, ipv6_count;
};

/* An empty set of at most `limit` addresses. Allocates nothing. */
void mt_addresses_init(struct mt_addresses *addresses, size_t limit);

/* Frees all. Only mt_addresses_init may follow. */
void mt_addresses_free(struct mt_addresses *addresses);

/* The slow half of mt_address_ipv4: an address that is not in the IPv4 table. */
int mt_address_ipv4_new(struct mt_addresses *addresses, const uint8_t bytes[4], int32_t *code);

/* Writes the code of an IPv4 address, new or known, or MT_NO_CODE past the limit. MT_OK or
 * MT_NOMEM. */
static inline int mt_address_ipv4(struct mt_addresses *addresses, const uint8_t bytes[4],
                                  int32_t *code)
{
    uint32_t address = mt_le32(bytes);
    size_t slot = (size_t)(mt_hash_mix(addresses->key, address) >> addresses->ipv4_shift);
    for (;; slot = (slot + 1) & addresses->ipv4_mask) {
        struct mt_ipv4_slot known = addresses->ipv4[slot];
        if (known.code < 0)
            return mt_address_ipv4_new(addresses, bytes, code);
        if (known.address == address) {
            *code = known.code;
            return MT_OK;
        }
    }
}

/* The same for an IPv6 address; a v4-mapped one stays IPv6. */
int mt_address_ipv6(struct mt_addresses *addresses, const uint8_t bytes[16], int32_t *code);

/* The same for an address of either version. */
int mt_address_ip(struct mt_addresses *addresses, const struct mt_ip *ip, int32_t *code);

/* The same for a host name of `size` bytes, cut to MT_ADDRESS_TEXT. */
int mt_address_name(struct mt_addresses *addresses, const void *name, size_t size, int32_t *code);

/* Codes given so far: they are 0 to count - 1. */
size_t mt_addresses_count(const struct mt_addresses *addresses);

/* Canonical text of a code, not terminated: dotted quad; RFC 5952 for IPv6, with v4-mapped as
 * ::ffff:a.b.c.d; a host name as its bytes. Returns its length, 0 for a code that was not given.
 * `text` holds `room` bytes; longer texts are cut. */
size_t mt_address_text(const struct mt_addresses *addresses, int32_t code, char *text, size_t room);

/* An IP address without its table: '4' or '6', then its 4 or 16 bytes, then zeros. */
enum { MT_PACKED_ADDRESS = 17 };

/* Packs the address of a code that was given; a host name is 'n' and zeros. */
void mt_address_pack(const struct mt_addresses *addresses, int32_t code,
                     uint8_t packed[MT_PACKED_ADDRESS]);

/* Writes the text of a packed IP address, as mt_address_text does, to at least MT_ADDRESS_TEXT
 * bytes. Returns its length, 0 if it is not one. */
size_t mt_packed_address_text(const uint8_t packed[MT_PACKED_ADDRESS], char *text);

#endif
