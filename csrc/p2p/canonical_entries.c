#include "p2p/canonical_entries.h"

#include "base/bytes.h"
#include "tables/intern.h"

#include <string.h>

enum {
    V4_SIZE = 53,
    V4_IP = 20,
    V4_PORT = 32,
    V4_ID = 45,
    V6_SIZE = 66,
    V6_IP = 21,
    V6_PORT = 45,
    V6_ID = 58,
    FIXED_KEYS = 2,   /* adr and id */
    ADDRESS_KEYS = 4, /* in adr: addr and type; in addr: address and port */
    ADDRESS_OBJECTS = 2,
    OPTIONAL_KEYS = 4
};

/* Where the values are in the words of an entry; the id and last_seen have a word of their own. */
enum { ID, IP_LOW, IP_HIGH, LAST_SEEN, PORTS_AND_SEED, REST };
enum { RPC_PORT_SHIFT = 16, SEED_SHIFT = 32, PRESENT_SHIFT = 32, TYPE_SHIFT = 48 };

/* 0 if the 8 bytes at `at` are those of `text`. */
static inline uint64_t differs(const uint8_t *at, const char *text)
{
    return mt_le64(at) ^ mt_le64((const uint8_t *)text);
}

static inline int is_v4(const uint8_t *at)
{
    return (differs(at + 1, "\3adr\x0c\x08\4a") | differs(at + 9, "ddr\x0c\x08\4m_") |
            differs(at + 12, "\x0c\x08\4m_ip\6") | differs(at + 24, "\6m_port\7") |
            differs(at + 34, "\4type\x08\1\2") | differs(at + 37, "pe\x08\1\2id\5")) == 0;
}

static inline int is_v6(const uint8_t *at)
{
    return (differs(at + 1, "\3adr\x0c\x08\4a") | differs(at + 9, "ddr\x0c\x08\4ad") |
            differs(at + 13, "\x08\4addr\x0a\x40") | differs(at + 37, "\6m_port\7") |
            differs(at + 47, "\4type\x08\2\2") | differs(at + 50, "pe\x08\2\2id\5")) == 0;
}

/* Key and type of an optional field, of `size` bytes and with `more` bytes of value after them, at
 * `at`. The last 8 bytes overlap those before. */
static inline int is_field(const uint8_t *at, size_t room, const char *text, size_t size,
                           size_t more)
{
    if (room < size + more)
        return 0;
    uint64_t difference = differs(at, text) | differs(at + size - 8, text + size - 8);
    if (size > 16)
        difference |= differs(at + 8, text + 8);
    return difference == 0;
}
#define IS_FIELD(at, room, text, more) is_field((at), (room), (text), sizeof(text) - 1, (more))

/* The optional fields after id, in their order. Returns the bytes they take and adds what was found
 * to *keys; to *defaults those that are 0, which monerod would leave out. */
static inline size_t read_optional(const uint8_t *begin, size_t room, uint64_t *words,
                                   unsigned *keys, uint32_t *defaults)
{
    const uint8_t *at = begin;
    const uint8_t *end = begin + room;
    unsigned present = 0;
    if (IS_FIELD(at, (size_t)(end - at), "\x09last_seen\1", 8)) {
        words[LAST_SEEN] = mt_le64(at + 11);
        *defaults += words[LAST_SEEN] == 0;
        present |= MT_PEER_LAST_SEEN;
        at += 11 + 8;
    }
    if (IS_FIELD(at, (size_t)(end - at), "\x0cpruning_seed\6", 4)) {
        uint64_t seed = mt_le32(at + 14);
        words[PORTS_AND_SEED] |= seed << SEED_SHIFT;
        *defaults += seed == 0;
        present |= MT_PEER_PRUNING_SEED;
        at += 14 + 4;
    }
    if (IS_FIELD(at, (size_t)(end - at), "\x14rpc_credits_per_hash\6", 4)) {
        uint64_t credits = mt_le32(at + 22);
        words[REST] |= credits;
        *defaults += credits == 0;
        present |= MT_PEER_RPC_CREDITS;
        at += 22 + 4;
    }
    if (IS_FIELD(at, (size_t)(end - at), "\x08rpc_port\7", 2)) {
        uint64_t port = mt_le16(at + 10);
        words[PORTS_AND_SEED] |= port << RPC_PORT_SHIFT;
        *defaults += port == 0;
        present |= MT_PEER_RPC_PORT;
        at += 10 + 2;
    }
    words[REST] |= (uint64_t)present << PRESENT_SHIFT;
    *keys += (present & 1) + (present >> 1 & 1) + (present >> 2 & 1) + (present >> 3 & 1);
    return (size_t)(at - begin);
}

/* What was read so far of several entries. */
struct progress {
    const uint8_t *at, *end;
    uint32_t fields, strings, defaults;
};

/* Reads one entry. 0 if it has another layout: nothing of *progress has changed. */
static inline int read_one(struct progress *progress, uint64_t *words)
{
    const uint8_t *at = progress->at;
    size_t room = (size_t)(progress->end - at), size;
    uint32_t strings = 0, defaults = 0;
    words[LAST_SEEN] = 0;
    if (room >= V4_SIZE && is_v4(at)) {
        words[ID] = mt_le64(at + V4_ID);
        words[IP_LOW] = mt_le32(at + V4_IP);
        words[IP_HIGH] = 0;
        words[PORTS_AND_SEED] = mt_le16(at + V4_PORT);
        words[REST] = (uint64_t)MT_ADDRESS_IPV4 << TYPE_SHIFT;
        size = V4_SIZE;
    } else if (room >= V6_SIZE && is_v6(at)) {
        words[ID] = mt_le64(at + V6_ID);
        words[IP_LOW] = mt_le64(at + V6_IP);
        words[IP_HIGH] = mt_le64(at + V6_IP + 8);
        words[PORTS_AND_SEED] = mt_le16(at + V6_PORT);
        words[REST] = (uint64_t)MT_ADDRESS_IPV6 << TYPE_SHIFT;
        size = V6_SIZE;
        strings = 1;
    } else {
        return 0;
    }
    unsigned keys = FIXED_KEYS;
    if (*at != FIXED_KEYS << 2) {
        size += read_optional(at + size, room - size, words, &keys, &defaults);
        if (*at != keys << 2)
            return 0;
    }
    progress->at += size;
    progress->fields += keys + ADDRESS_KEYS;
    progress->strings += strings;
    progress->defaults += defaults;
    return 1;
}

/* 1 if so many entries of these layouts cannot exceed a limit. */
static int within_limits(const struct mt_epee *epee, uint32_t entries)
{
    return entries * ADDRESS_OBJECTS <= epee->most.objects - epee->objects &&
           entries * (FIXED_KEYS + OPTIONAL_KEYS + ADDRESS_KEYS) <=
               epee->most.fields - epee->fields &&
           entries <= epee->most.strings - epee->strings;
}

size_t mt_read_canonical(struct mt_payload_reader *reader, size_t count,
                         struct mt_entry_values *entries)
{
    struct mt_epee *epee = &reader->epee;
    struct progress progress = {.at = epee->at, .end = epee->end};
    size_t most = count < MT_CANONICAL_MOST ? count : MT_CANONICAL_MOST, read = 0;
    if (!within_limits(epee, (uint32_t)most))
        return 0;
    while (read < most && read_one(&progress, entries[read].words))
        read++;
    epee->at = progress.at;
    epee->objects += (uint32_t)read * ADDRESS_OBJECTS;
    epee->fields += progress.fields;
    epee->strings += progress.strings;
    reader->fingerprint.default_fields += progress.defaults;
    return read;
}

void mt_canonical_row(const struct mt_entry_values *entry, struct mt_peer_entry_row *row,
                      uint8_t ip[16])
{
    const uint64_t *words = entry->words;
    memcpy(ip, words + IP_LOW, 16);
    *row =
        (struct mt_peer_entry_row){.id = words[ID],
                                   .last_seen = (int64_t)words[LAST_SEEN],
                                   .host = MT_NO_CODE,
                                   .pruning_seed = (uint32_t)(words[PORTS_AND_SEED] >> SEED_SHIFT),
                                   .rpc_credits_per_hash = (uint32_t)words[REST],
                                   .port = (uint16_t)words[PORTS_AND_SEED],
                                   .rpc_port = (uint16_t)(words[PORTS_AND_SEED] >> RPC_PORT_SHIFT),
                                   .present = (uint16_t)(words[REST] >> PRESENT_SHIFT),
                                   .type = (int8_t)(words[REST] >> TYPE_SHIFT)};
}
