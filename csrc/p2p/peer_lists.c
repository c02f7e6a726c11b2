#include "p2p/peer_lists.h"

#include "base/bytes.h"
#include "epee/epee_value.h"
#include "tables/peer_entries.h"

/* ---- an entry as monerod writes it ----
 *
 * Nearly all entries have one of two layouts, with keys in ascending order and monerod's types, and
 * differ in the values only. They are recognised by their constant bytes and read at fixed offsets.
 * The general reader below reads all others, and would return the same row for these. */

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
static inline size_t read_optional(const uint8_t *begin, size_t room, struct mt_peer_entry_row *row,
                                   unsigned *keys, uint32_t *defaults)
{
    const uint8_t *at = begin;
    const uint8_t *end = begin + room;
    unsigned present = 0;
    if (IS_FIELD(at, (size_t)(end - at), "\x09last_seen\1", 8)) {
        row->last_seen = (int64_t)mt_le64(at + 11);
        *defaults += row->last_seen == 0;
        present |= MT_PEER_LAST_SEEN;
        at += 11 + 8;
    }
    if (IS_FIELD(at, (size_t)(end - at), "\x0cpruning_seed\6", 4)) {
        row->pruning_seed = mt_le32(at + 14);
        *defaults += row->pruning_seed == 0;
        present |= MT_PEER_PRUNING_SEED;
        at += 14 + 4;
    }
    if (IS_FIELD(at, (size_t)(end - at), "\x14rpc_credits_per_hash\6", 4)) {
        row->rpc_credits_per_hash = mt_le32(at + 22);
        *defaults += row->rpc_credits_per_hash == 0;
        present |= MT_PEER_RPC_CREDITS;
        at += 22 + 4;
    }
    if (IS_FIELD(at, (size_t)(end - at), "\x08rpc_port\7", 2)) {
        row->rpc_port = mt_le16(at + 10);
        *defaults += row->rpc_port == 0;
        present |= MT_PEER_RPC_PORT;
        at += 10 + 2;
    }
    row->present = (uint16_t)present;
    *keys += (present & 1) + (present >> 1 & 1) + (present >> 2 & 1) + (present >> 3 & 1);
    return (size_t)(at - begin);
}

/* Reads an entry of one of the two layouts and moves the reader past it; *ip then points to its
 * address. 0 if it has another layout: the reader has not moved, the row is undefined. */
static inline int read_canonical(struct mt_payload_reader *reader, struct mt_peer_entry_row *row,
                                 const uint8_t **ip)
{
    struct mt_epee *epee = &reader->epee;
    const uint8_t *at = epee->at;
    size_t room = (size_t)(epee->end - at), size;
    uint32_t strings = 0, defaults = 0;
    if (room >= V4_SIZE && is_v4(at)) {
        *ip = at + V4_IP;
        row->type = MT_ADDRESS_IPV4;
        row->port = mt_le16(at + V4_PORT);
        row->id = mt_le64(at + V4_ID);
        size = V4_SIZE;
    } else if (room >= V6_SIZE && is_v6(at)) {
        *ip = at + V6_IP;
        row->type = MT_ADDRESS_IPV6;
        row->port = mt_le16(at + V6_PORT);
        row->id = mt_le64(at + V6_ID);
        size = V6_SIZE;
        strings = 1;
    } else {
        return 0;
    }
    unsigned keys = FIXED_KEYS;
    if (*at != FIXED_KEYS << 2) {
        size += read_optional(at + size, room - size, row, &keys, &defaults);
        if (*at != keys << 2)
            return 0;
        reader->fingerprint.default_fields += defaults;
    }
    epee->at += size;
    epee->objects += ADDRESS_OBJECTS;
    epee->fields += keys + ADDRESS_KEYS;
    epee->strings += strings;
    return 1;
}

/* 1 if no entry of these layouts can exceed a limit; close to one, the general reader counts
 * exactly. */
static inline int far_from_limits(const struct mt_epee *epee)
{
    return epee->objects + ADDRESS_OBJECTS <= epee->most.objects &&
           epee->fields + FIXED_KEYS + OPTIONAL_KEYS + ADDRESS_KEYS <= epee->most.fields &&
           epee->strings + 1 <= epee->most.strings;
}

/* ---- any entry ---- */

/* What adr says. Which of the fields of adr.addr count, and of what type they have to be, depends
 * on adr.type, which may come later: they wait for it. */
struct declared {
    uint8_t type;                                        /* 0 if it is missing */
    struct mt_epee_entry m_ip, m_port, addr, host, port; /* `start` is NULL where one is missing */
};

/* An entry while it is read by the general reader. */
struct reading {
    struct mt_payload_reader *reader;
    struct mt_peer_entry_row *row;
    struct declared declared;
};

static int read_addr_field(void *context, const struct mt_schema_field *field,
                           const struct mt_epee_entry *entry)
{
    struct reading *reading = context;
    switch (field->name) {
    case MT_F_M_IP:
        reading->declared.m_ip = *entry;
        break;
    case MT_F_M_PORT:
        reading->declared.m_port = *entry;
        break;
    case MT_F_ADDR:
        reading->declared.addr = *entry;
        break;
    case MT_F_HOST:
        reading->declared.host = *entry;
        break;
    default:
        reading->declared.port = *entry;
        break;
    }
    return mt_epee_skip(&reading->reader->epee, entry);
}

static int read_adr_field(void *context, const struct mt_schema_field *field,
                          const struct mt_epee_entry *entry)
{
    struct reading *reading = context;
    if (field->name == MT_F_TYPE)
        return mt_epee_u8(&reading->reader->epee, entry, &reading->declared.type);
    return mt_epee_is_object(entry)
               ? mt_read_object(reading->reader, entry, field->inner, read_addr_field, reading)
               : mt_epee_skip(&reading->reader->epee, entry);
}

/* The address within an entry: `size` bytes, 4 or 16 of an IP address or those of a name; none if
 * `bytes` is NULL. */
struct host {
    const uint8_t *bytes;
    size_t size;
    uint8_t ipv4[4];
};

static int convert_ip(struct mt_epee *epee, const struct declared *declared,
                      struct mt_peer_entry_row *row, struct host *host)
{
    uint32_t ip;
    if (row->type == MT_ADDRESS_IPV4 && declared->m_ip.start != NULL) {
        if (mt_epee_u32(epee, &declared->m_ip, &ip) != MT_OK)
            return MT_MALFORMED;
        memcpy(host->ipv4, &ip, 4); /* little-endian: its bytes are the dotted quad in order */
        host->bytes = host->ipv4;
        host->size = 4;
    }
    if (row->type == MT_ADDRESS_IPV6 && declared->addr.start != NULL) {
        if (mt_epee_blob(epee, &declared->addr, 16, &host->bytes) != MT_OK)
            return MT_MALFORMED;
        host->size = 16;
    }
    return declared->m_port.start != NULL ? mt_epee_u16(epee, &declared->m_port, &row->port)
                                          : MT_OK;
}

static int convert_name(struct mt_epee *epee, const struct declared *declared,
                        struct mt_peer_entry_row *row, struct host *host)
{
    if (declared->host.start != NULL) {
        if (mt_epee_string(epee, &declared->host) != MT_OK)
            return MT_MALFORMED;
        host->bytes = declared->host.size != 0 ? declared->host.value : NULL;
        host->size = (size_t)declared->host.size;
    }
    return declared->port.start != NULL ? mt_epee_u16(epee, &declared->port, &row->port) : MT_OK;
}

static int convert_address(struct mt_epee *epee, const struct declared *declared,
                           struct mt_peer_entry_row *row, struct host *host)
{
    switch (declared->type) { /* on the wire */
    case 1:
        row->type = MT_ADDRESS_IPV4;
        return convert_ip(epee, declared, row, host);
    case 2:
        row->type = MT_ADDRESS_IPV6;
        return convert_ip(epee, declared, row, host);
    case 3:
        row->type = MT_ADDRESS_I2P;
        return convert_name(epee, declared, row, host);
    case 4:
        row->type = MT_ADDRESS_TOR;
        return convert_name(epee, declared, row, host);
    default:
        row->type = MT_ADDRESS_INVALID;
        return MT_OK; /* monerod does not look at addr then */
    }
}

static int read_peer_field(void *context, const struct mt_schema_field *field,
                           const struct mt_epee_entry *entry)
{
    struct reading *reading = context;
    struct mt_epee *epee = &reading->reader->epee;
    struct mt_peer_entry_row *row = reading->row;
    switch (field->name) {
    case MT_F_ADR:
        return mt_epee_is_object(entry)
                   ? mt_read_object(reading->reader, entry, field->inner, read_adr_field, reading)
                   : mt_epee_skip(epee, entry);
    case MT_F_ID:
        return mt_epee_u64(epee, entry, &row->id);
    case MT_F_LAST_SEEN:
        row->present |= MT_PEER_LAST_SEEN;
        return mt_epee_i64(epee, entry, &row->last_seen);
    case MT_F_PRUNING_SEED:
        row->present |= MT_PEER_PRUNING_SEED;
        return mt_epee_u32(epee, entry, &row->pruning_seed);
    case MT_F_RPC_CREDITS_PER_HASH:
        row->present |= MT_PEER_RPC_CREDITS;
        return mt_epee_u32(epee, entry, &row->rpc_credits_per_hash);
    default:
        row->present |= MT_PEER_RPC_PORT;
        return mt_epee_u16(epee, entry, &row->rpc_port);
    }
}

static int read_any(struct mt_payload_reader *reader, const struct mt_epee_entry *list,
                    struct mt_peer_entry_row *row, struct host *host)
{
    struct reading reading = {.reader = reader, .row = row};
    int result = mt_read_element(reader, list, &mt_schema_peer, read_peer_field, &reading);
    return result == MT_OK ? convert_address(&reader->epee, &reading.declared, row, host) : result;
}

/* ---- lists ---- */

static int intern_host(struct mt_p2p *p2p, const struct host *host, struct mt_peer_entry_row *row)
{
    if (host->bytes == NULL)
        return MT_OK;
    switch (row->type) {
    case MT_ADDRESS_IPV4:
        return mt_address_ipv4(p2p->addresses, host->bytes, &row->host);
    case MT_ADDRESS_IPV6:
        return mt_address_ipv6(p2p->addresses, host->bytes, &row->host);
    default:
        return mt_address_name(p2p->addresses, host->bytes, host->size, &row->host);
    }
}

/* Reads one entry into *row, its address into *host. *known gets what describes an entry of the two
 * layouts, size 0 of all others. What monerod's writer would have written leaves no trace in the
 * fingerprint, and neither do entries of the two layouts. */
static inline int read_entry(struct mt_payload_reader *reader, const struct mt_epee_entry *list,
                             struct mt_peer_entry_row *row, struct host *host,
                             struct mt_known_entry *known)
{
    const struct mt_epee *epee = &reader->epee;
    const uint8_t *at = epee->at;
    uint32_t fields = epee->fields, strings = epee->strings,
             defaults = reader->fingerprint.default_fields;
    *row = (struct mt_peer_entry_row){.host = MT_NO_CODE};
    known->size = 0;
    if (far_from_limits(epee) && read_canonical(reader, row, &host->bytes)) {
        if (epee->at - at <= MT_KNOWN_MOST)
            known->size = (uint8_t)(epee->at - at);
        known->fields = (uint8_t)(epee->fields - fields);
        known->strings = (uint8_t)(epee->strings - strings);
        known->default_fields = (uint8_t)(reader->fingerprint.default_fields - defaults);
        return MT_OK;
    }
    *row = (struct mt_peer_entry_row){.host = MT_NO_CODE};
    host->bytes = NULL;
    return read_any(reader, list, row, host);
}

/* Reads an entry that is not known and stores it; writes its code. It is known from then on, if
 * `mark` is not NULL, it is of one of the two layouts, and has an address within the limit. */
static int store_entry(struct mt_decoding *decoding, const struct mt_epee_entry *list,
                       const uint32_t *mark, int32_t *code)
{
    struct mt_p2p *p2p = decoding->p2p;
    const uint8_t *at = decoding->reader.epee.at;
    struct mt_known_entry known;
    struct mt_peer_entry_row row;
    struct host host;
    if (read_entry(&decoding->reader, list, &row, &host, &known) != MT_OK)
        return MT_MALFORMED;
    if (intern_host(p2p, &host, &row) != MT_OK ||
        mt_peer_entry_append(mt_decoding_table(decoding, MT_TABLE_peer_entries), &row, code) !=
            MT_OK)
        return MT_NOMEM;
    if (mark == NULL || known.size == 0 || row.host == MT_NO_CODE)
        return MT_OK;
    known.mark = *mark;
    known.code = *code;
    return mt_known_entry_add(&p2p->known_entries, &known, at);
}

/* Reads an entry and writes its code. */
static inline int code_entry(struct mt_decoding *decoding, const struct mt_epee_entry *list,
                             int32_t *code)
{
    struct mt_known_entries *known = &decoding->p2p->known_entries;
    struct mt_epee *epee = &decoding->reader.epee;
    size_t room = (size_t)(epee->end - epee->at);
    if (room < MT_KNOWN_LEAST || !far_from_limits(epee) || mt_known_entries_pause(known))
        return store_entry(decoding, list, NULL, code);
    uint32_t mark = mt_known_entry_mark(known, epee->at);
    const struct mt_known_entry *entry = mt_known_entry_find(known, epee->at, room, mark);
    if (entry == NULL)
        return store_entry(decoding, list, &mark, code);
    *code = entry->code;
    epee->at += entry->size;
    epee->objects += ADDRESS_OBJECTS;
    epee->fields += entry->fields;
    epee->strings += entry->strings;
    decoding->reader.fingerprint.default_fields += entry->default_fields;
    return MT_OK;
}

/* Reads a list whose entries are not wanted. */
static int skip_entries(struct mt_decoding *decoding, const struct mt_epee_entry *list)
{
    struct mt_peer_entry_row row;
    struct mt_known_entry known;
    struct host host;
    for (uint64_t position = 0; position < list->count; position++)
        if (read_entry(&decoding->reader, list, &row, &host, &known) != MT_OK)
            return MT_MALFORMED;
    return MT_OK;
}

int mt_append_peers(struct mt_decoding *decoding, const struct mt_epee_entry *list)
{
    struct mt_table *runs = mt_decoding_table(decoding, MT_TABLE_peer_runs),
                    *codes = mt_decoding_table(decoding, MT_TABLE_peer_codes);
    if (list->count == 0 || !mt_decoding_wants(decoding, MT_TABLE_peer_lists))
        return skip_entries(decoding, list);
    /* the limit on objects bounds the count */
    if (mt_table_reserve(codes, (size_t)list->count) != MT_OK || mt_table_reserve(runs, 1) != MT_OK)
        return MT_NOMEM;
    struct mt_peer_code_row *rows = (struct mt_peer_code_row *)codes->rows + codes->count;
    for (size_t position = 0; position < list->count; position++) {
        int result = code_entry(decoding, list, &rows[position].entry);
        if (result != MT_OK)
            return result;
    }
    codes->count += (size_t)list->count;
    ((struct mt_peer_run_row *)runs->rows)[runs->count++] =
        (struct mt_peer_run_row){.message = decoding->message, .entries = (uint32_t)list->count};
    return MT_OK;
}
