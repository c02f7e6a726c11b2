#include "p2p/peer_lists.h"

#include "epee/epee_value.h"
#include "p2p/canonical_entries.h"
#include "tables/peer_entries.h"

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

static int append_entry(struct mt_decoding *decoding, const struct host *host,
                        struct mt_peer_entry_row *row, int32_t *code)
{
    int result = intern_host(decoding->p2p, host, row);
    return result == MT_OK
               ? mt_peer_entry_append(mt_decoding_table(decoding, MT_TABLE_peer_entries), row, code)
               : result;
}

/* Reads an entry of any layout and stores it; writes its code. */
static int store_any(struct mt_decoding *decoding, const struct mt_epee_entry *list, int32_t *code)
{
    struct mt_peer_entry_row row = {.host = MT_NO_CODE};
    struct host host = {0};
    int result = read_any(&decoding->reader, list, &row, &host);
    return result == MT_OK ? append_entry(decoding, &host, &row, code) : result;
}

/* Stores an entry of one of the two layouts; writes its code. It is known from then on, if `hash`
 * is not NULL and its address is within the limit. */
static int store_canonical(struct mt_decoding *decoding, const struct mt_entry_values *entry,
                           const uint64_t *hash, int32_t *code)
{
    struct mt_peer_entry_row row;
    uint8_t ip[16];
    mt_canonical_row(entry, &row, ip);
    const struct host host = {.bytes = ip};
    int result = append_entry(decoding, &host, &row, code);
    return result == MT_OK && hash != NULL && row.host != MT_NO_CODE
               ? mt_known_entry_add(&decoding->p2p->known_entries, entry, *hash, *code)
               : result;
}

/* Writes the codes of `count` entries of the two layouts. Slots and known entries of all are loaded
 * before the first one is looked up, so that the processor waits for many of them at once. */
static int code_canonical(struct mt_decoding *decoding, const struct mt_entry_values *entries,
                          size_t count, struct mt_peer_code_row *codes)
{
    struct mt_known_entries *known = &decoding->p2p->known_entries;
    uint64_t hashes[MT_CANONICAL_MOST];
    int pause = mt_known_entries_pause(known, count), result = MT_OK;
    for (size_t i = 0; i < count && !pause; i++)
        hashes[i] = mt_known_entry_hash(known, &entries[i]);
    for (size_t i = 0; i < count && !pause; i++)
        mt_known_entry_load(known, hashes[i]);
    for (size_t i = 0; i < count && result == MT_OK; i++) {
        codes[i].entry = pause ? -1 : mt_known_entry_find(known, &entries[i], hashes[i]);
        if (codes[i].entry < 0)
            result =
                store_canonical(decoding, &entries[i], pause ? NULL : &hashes[i], &codes[i].entry);
    }
    return result;
}

/* Reads a list whose entries are not wanted. */
static int skip_entries(struct mt_decoding *decoding, const struct mt_epee_entry *list)
{
    struct mt_entry_values entries[MT_CANONICAL_MOST];
    for (size_t left = (size_t)list->count, read; left != 0; left -= read) {
        read = mt_read_canonical(&decoding->reader, left, entries);
        struct mt_peer_entry_row row = {.host = MT_NO_CODE};
        struct host host;
        if (read == 0 && read_any(&decoding->reader, list, &row, &host) != MT_OK)
            return MT_MALFORMED;
        read += read == 0;
    }
    return MT_OK;
}

int mt_append_peers(struct mt_decoding *decoding, const struct mt_epee_entry *list)
{
    struct mt_table *runs = mt_decoding_table(decoding, MT_TABLE_peer_runs),
                    *codes = mt_decoding_table(decoding, MT_TABLE_peer_codes);
    if (list->count == 0 || !mt_decoding_wants(decoding, MT_TABLE_peer_lists))
        return skip_entries(decoding, list);
    size_t count = (size_t)list->count; /* bounded by the limit on objects */
    if (mt_table_reserve(codes, count) != MT_OK || mt_table_reserve(runs, 1) != MT_OK)
        return MT_NOMEM;
    struct mt_peer_code_row *rows = (struct mt_peer_code_row *)codes->rows + codes->count;
    struct mt_entry_values entries[MT_CANONICAL_MOST];
    for (size_t position = 0, read; position < count; position += read) {
        read = mt_read_canonical(&decoding->reader, count - position, entries);
        int result = read != 0 ? code_canonical(decoding, entries, read, &rows[position])
                               : store_any(decoding, list, &rows[position].entry);
        if (result != MT_OK)
            return result;
        read += read == 0;
    }
    codes->count += count;
    ((struct mt_peer_run_row *)runs->rows)[runs->count++] =
        (struct mt_peer_run_row){.message = decoding->message, .entries = (uint32_t)count};
    return MT_OK;
}
