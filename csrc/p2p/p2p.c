#include "p2p/p2p.h"

#include "base/mem.h"

#include "epee/epee_value.h"
#include "p2p/blobs.h"
#include "p2p/decoding.h"
#include "p2p/notifications.h"
#include "p2p/peer_lists.h"
#include "p2p/pending_hashes.h"

enum { NETWORK_ID_SIZE = 16 };

void mt_p2p_init(struct mt_p2p *p2p, struct mt_addresses *addresses, struct mt_intern *strings,
                 struct mt_table *tables, const struct mt_limits *limits, uint64_t *limit_hits)
{
    *p2p = (struct mt_p2p){
        .addresses = addresses, .strings = strings, .tables = tables, .limit_hits = limit_hits};
    p2p->epee =
        (struct mt_epee_limits){(uint32_t)limits->epee_objects, (uint32_t)limits->epee_fields,
                                (uint32_t)limits->epee_strings, (uint32_t)limits->epee_depth};
    mt_known_entries_init(&p2p->known_entries);
    mt_blob_cache_init(&p2p->blob_cache, sizeof(struct mt_seen_blob), (size_t)limits->blobs);
}

void mt_p2p_free(struct mt_p2p *p2p)
{
    mt_free(p2p->decoding);
    p2p->decoding = NULL;
    mt_pending_free(p2p);
    mt_known_entries_clear(&p2p->known_entries);
    mt_blob_cache_free(&p2p->blob_cache);
    mt_defects_free(&p2p->defects);
}

void mt_p2p_resolve(struct mt_p2p *p2p)
{
    mt_pending_resolve(p2p);
}

int64_t mt_p2p_settled(const struct mt_p2p *p2p, int64_t next_message)
{
    return mt_pending_settled(p2p, next_message);
}

/* ---- objects within the root ---- */

/* Reads an object and sets *has. A value of another type counts as missing. */
static int read_object(struct mt_decoding *decoding, const struct mt_schema_field *field,
                       const struct mt_epee_entry *entry, mt_read_field *read_field, uint8_t *has)
{
    if (!mt_epee_is_object(entry))
        return mt_epee_skip(&decoding->reader.epee, entry);
    *has = 1;
    return mt_read_object(&decoding->reader, entry, field->inner, read_field, decoding);
}

/* Only v0.15 and older read local_time: a value of another type is not refused. */
static int read_local_time(struct mt_decoding *decoding, const struct mt_epee_entry *entry)
{
    struct mt_epee *epee = &decoding->reader.epee;
    if (entry->is_array || entry->type != MT_EPEE_UINT64)
        return mt_epee_skip(epee, entry);
    decoding->node.present |= MT_NODE_LOCAL_TIME;
    return mt_epee_u64(epee, entry, &decoding->node.local_time);
}

static int read_node_data(void *context, const struct mt_schema_field *field,
                          const struct mt_epee_entry *entry)
{
    struct mt_decoding *decoding = context;
    struct mt_epee *epee = &decoding->reader.epee;
    struct mt_node_row *row = &decoding->node;
    switch (field->name) {
    case MT_F_LOCAL_TIME:
        return read_local_time(decoding, entry);
    case MT_F_NETWORK_ID:
        return mt_epee_blob(epee, entry, NETWORK_ID_SIZE, &decoding->network_id);
    case MT_F_MY_PORT:
        row->present |= MT_NODE_MY_PORT;
        return mt_epee_u32(epee, entry, &row->my_port);
    case MT_F_PEER_ID:
        row->present |= MT_NODE_PEER_ID;
        return mt_epee_u64(epee, entry, &row->peer_id);
    case MT_F_RPC_CREDITS_PER_HASH:
        row->present |= MT_NODE_RPC_CREDITS;
        return mt_epee_u32(epee, entry, &row->rpc_credits_per_hash);
    case MT_F_RPC_PORT:
        row->present |= MT_NODE_RPC_PORT;
        return mt_epee_u16(epee, entry, &row->rpc_port);
    case MT_F_SUPPORT_FLAGS:
        row->present |= MT_NODE_SUPPORT_FLAGS;
        return mt_epee_u32(epee, entry, &row->support_flags);
    default:
        return mt_check_field(&decoding->reader, field, entry);
    }
}

static int read_payload_data(void *context, const struct mt_schema_field *field,
                             const struct mt_epee_entry *entry)
{
    struct mt_decoding *decoding = context;
    struct mt_epee *epee = &decoding->reader.epee;
    struct mt_sync_row *row = &decoding->sync;
    switch (field->name) {
    case MT_F_CUMULATIVE_DIFFICULTY:
        row->present |= MT_SYNC_DIFFICULTY;
        return mt_epee_u64(epee, entry, &row->cumulative_difficulty);
    case MT_F_CUMULATIVE_DIFFICULTY_TOP64:
        row->present |= MT_SYNC_DIFFICULTY_TOP64;
        return mt_epee_u64(epee, entry, &row->cumulative_difficulty_top64);
    case MT_F_CURRENT_HEIGHT:
        row->present |= MT_SYNC_HEIGHT;
        return mt_epee_u64(epee, entry, &row->current_height);
    case MT_F_PRUNING_SEED:
        row->present |= MT_SYNC_PRUNING_SEED;
        return mt_epee_u32(epee, entry, &row->pruning_seed);
    case MT_F_TOP_VERSION:
        row->present |= MT_SYNC_TOP_VERSION;
        return mt_epee_u8(epee, entry, &row->top_version);
    case MT_F_TOP_ID:
        return mt_epee_blob(epee, entry, MT_HASH_SIZE, &decoding->top_id);
    default:
        return mt_check_field(&decoding->reader, field, entry);
    }
}

/* ---- roots ---- */

/* Root sections of 1001 to 1003 and 1007. */
static int read_node_command(void *context, const struct mt_schema_field *field,
                             const struct mt_epee_entry *entry)
{
    struct mt_decoding *decoding = context;
    switch (field->name) {
    case MT_F_NODE_DATA:
        return read_object(decoding, field, entry, read_node_data, &decoding->has_node);
    case MT_F_PAYLOAD_DATA:
        return read_object(decoding, field, entry, read_payload_data, &decoding->has_sync);
    case MT_F_LOCAL_PEERLIST_NEW:
        return mt_epee_is_objects(entry) ? mt_append_peers(decoding, entry)
                                         : mt_epee_skip(&decoding->reader.epee, entry);
    case MT_F_STATUS:
        decoding->status = (struct mt_text){entry->value, (size_t)entry->size};
        return mt_epee_string(&decoding->reader.epee, entry);
    default:
        return read_node_data(decoding, field, entry);
    }
}

/* The removed 1004 to 1006: current monerod does not read their fields, and they have no table;
 * only their fingerprint is noted. */
static int read_removed_command(void *context, const struct mt_schema_field *field,
                                const struct mt_epee_entry *entry)
{
    struct mt_decoding *decoding = context;
    uint8_t has;
    return field->inner != NULL ? read_object(decoding, field, entry, read_removed_command, &has)
                                : mt_epee_skip(&decoding->reader.epee, entry);
}

static mt_read_field *root_reader(uint32_t command)
{
    switch (command) {
    case MT_HANDSHAKE:
    case MT_TIMED_SYNC:
    case MT_PING:
    case MT_REQUEST_SUPPORT_FLAGS:
        return read_node_command;
    case MT_REQUEST_STAT_INFO:
    case MT_REQUEST_NETWORK_STATE:
    case MT_REQUEST_PEER_ID:
        return read_removed_command;
    default:
        return mt_read_notification_field;
    }
}

/* Responses whose root section is about their sender. */
static int is_about_sender(uint32_t command)
{
    return command == MT_PING || command == MT_REQUEST_SUPPORT_FLAGS;
}

/* ---- rows ---- */

static int append_node(struct mt_decoding *decoding)
{
    struct mt_node_row *row = &decoding->node;
    struct mt_intern *strings = decoding->p2p->strings;
    if (decoding->network_id != NULL &&
        mt_intern_put(strings, decoding->network_id, NETWORK_ID_SIZE, &row->network_id) != MT_OK)
        return MT_NOMEM;
    if (decoding->status.at != NULL &&
        mt_intern_put(strings, decoding->status.at, decoding->status.size, &row->status_text) !=
            MT_OK)
        return MT_NOMEM;
    struct mt_node_row *place = mt_table_append(mt_decoding_table(decoding, MT_TABLE_node_data));
    if (place == NULL)
        return MT_NOMEM;
    *place = *row;
    return MT_OK;
}

static int append_sync(struct mt_decoding *decoding)
{
    struct mt_sync_row *row = &decoding->sync;
    if (decoding->top_id != NULL && mt_intern_put(decoding->p2p->strings, decoding->top_id,
                                                  MT_HASH_SIZE, &row->top_id) != MT_OK)
        return MT_NOMEM;
    struct mt_sync_row *place = mt_table_append(mt_decoding_table(decoding, MT_TABLE_sync_data));
    if (place == NULL)
        return MT_NOMEM;
    *place = *row;
    return MT_OK;
}

static int append_rows(struct mt_decoding *decoding)
{
    int result = mt_end_notification(decoding);
    if (result == MT_OK && decoding->has_node && mt_decoding_wants(decoding, MT_TABLE_node_data))
        result = append_node(decoding);
    if (result == MT_OK && decoding->has_sync && mt_decoding_wants(decoding, MT_TABLE_sync_data))
        result = append_sync(decoding);
    return result;
}

/* Initialises all but the reader, which is large and which mt_read_payload initialises. */
static void begin(struct mt_decoding *decoding, struct mt_p2p *p2p, int64_t message)
{
    memset(decoding, 0, offsetof(struct mt_decoding, reader));
    decoding->p2p = p2p;
    decoding->message = message;
    decoding->node = (struct mt_node_row){
        .message = message, .network_id = MT_NO_CODE, .status_text = MT_NO_CODE};
    decoding->sync = (struct mt_sync_row){.message = message, .top_id = MT_NO_CODE};
    decoding->draft_list = MT_LIST_ANNOUNCED;
    decoding->first_transaction = p2p->tables[MT_TABLE_transactions].count;
    mt_known_entries_begin(&p2p->known_entries);
    decoding->first_entry = p2p->tables[MT_TABLE_peer_entries].count;
    mt_defects_clear(&p2p->defects);
}

static void count_excess(struct mt_p2p *p2p, enum mt_epee_excess excess)
{
    static const enum mt_limit_id limits[] = {[MT_EPEE_TOO_MANY_OBJECTS] = MT_LIMIT_epee_objects,
                                              [MT_EPEE_TOO_MANY_FIELDS] = MT_LIMIT_epee_fields,
                                              [MT_EPEE_TOO_MANY_STRINGS] = MT_LIMIT_epee_strings,
                                              [MT_EPEE_TOO_DEEP] = MT_LIMIT_epee_depth};
    if (excess != MT_EPEE_WITHIN)
        p2p->limit_hits[limits[excess]]++;
}

int mt_p2p_decode(struct mt_p2p *p2p, struct mt_message_row *row, const uint8_t *payload,
                  size_t size, const char **why)
{
    if (!mt_command_known(row->command))
        return MT_OK;
    if (p2p->decoding == NULL && (p2p->decoding = mt_alloc(1, sizeof *p2p->decoding)) == NULL)
        return MT_NOMEM;
    struct mt_decoding *decoding = p2p->decoding;
    int response = row->kind == MT_KIND_RESPONSE;
    begin(decoding, p2p, row->message);
    decoding->has_node = response && is_about_sender(row->command);
    if (row->command == MT_REQUEST_TX_POOL_TXS)
        decoding->draft_list = MT_LIST_REQUESTED;
    const struct mt_payload input = {payload, size, row->command, response};
    int result =
        mt_read_payload(&decoding->reader, &input, &p2p->epee, root_reader(row->command), decoding);
    mt_set_fingerprint(&decoding->reader, result, row);
    if (result == MT_OK)
        result = append_rows(decoding);
    if (result == MT_OK)
        return MT_OK;
    mt_tables_take_back(p2p->tables, row->message);
    p2p->tables[MT_TABLE_peer_entries].count = decoding->first_entry;
    mt_known_entries_take_back(&p2p->known_entries);
    mt_defects_clear(&p2p->defects);
    if (result == MT_MALFORMED && mt_command_is_draft(row->command))
        return mt_defects_add(&p2p->defects, "payload", "not as in the draft of relay v2");
    if (result == MT_MALFORMED) {
        *why = decoding->reader.epee.why;
        count_excess(p2p, decoding->reader.epee.excess);
    }
    return result;
}
