#include "p2p.h"

#include "epee.h"
#include "epee_value.h"
#include "p2p_notify.h"
#include "p2p_peers.h"

enum { HASH_SIZE = 32, NETWORK_ID_SIZE = 16 };

/* One message while it is read. What its sender says of itself is gathered from several places and becomes a row at the end. */
struct decoding {
    struct mt_p2p *p2p;
    struct mt_epee reader;
    struct mt_node_row node;
    struct mt_sync_row sync;
    const uint8_t *network_id, *top_id, *status; /* NULL: missing */
    size_t status_size;
    int has_node, has_sync;
};

/* Reads one field of a section; MT_OK, MT_MALFORMED or MT_NOMEM. */
typedef int read_field(struct decoding *decoding, const struct mt_epee_entry *entry);

/* Reads the innermost open section to its end. */
static int read_section(struct decoding *decoding, read_field *field)
{
    struct mt_epee_entry entry;
    int result;
    while ((result = mt_epee_next(&decoding->reader, &entry)) == MT_OK) {
        result = field(decoding, &entry);
        if (result != MT_OK)
            return result;
    }
    return result == MT_END ? MT_OK : result;
}

/* An object, whose presence is noted in *has. Anything else under its key is as good as missing. */
static int read_object(struct decoding *decoding, const struct mt_epee_entry *entry, read_field *field, int *has)
{
    if (!mt_epee_is_object(entry))
        return mt_epee_skip(&decoding->reader, entry);
    if (mt_epee_enter(&decoding->reader, entry) != MT_OK)
        return MT_MALFORMED;
    *has = 1;
    return read_section(decoding, field);
}

/* Only v0.15 and older know local_time: of others' a value that does not fit is no reason to refuse. */
static int local_time(struct decoding *decoding, const struct mt_epee_entry *entry)
{
    if (entry->is_array || entry->type != MT_EPEE_UINT64)
        return mt_epee_skip(&decoding->reader, entry);
    decoding->node.present |= MT_NODE_LOCAL_TIME;
    return mt_epee_u64(&decoding->reader, entry, &decoding->node.local_time);
}

static int node_field(struct decoding *decoding, const struct mt_epee_entry *entry)
{
    struct mt_epee *reader = &decoding->reader;
    struct mt_node_row *row = &decoding->node;
    if (MT_EPEE_KEY(entry, "local_time"))
        return local_time(decoding, entry);
    if (MT_EPEE_KEY(entry, "network_id"))
        return mt_epee_blob(reader, entry, NETWORK_ID_SIZE, &decoding->network_id);
    if (MT_EPEE_KEY(entry, "my_port")) {
        row->present |= MT_NODE_MY_PORT;
        return mt_epee_u32(reader, entry, &row->my_port);
    }
    if (MT_EPEE_KEY(entry, "peer_id")) {
        row->present |= MT_NODE_PEER_ID;
        return mt_epee_u64(reader, entry, &row->peer_id);
    }
    if (MT_EPEE_KEY(entry, "rpc_credits_per_hash")) {
        row->present |= MT_NODE_RPC_CREDITS;
        return mt_epee_u32(reader, entry, &row->rpc_credits_per_hash);
    }
    if (MT_EPEE_KEY(entry, "rpc_port")) {
        row->present |= MT_NODE_RPC_PORT;
        return mt_epee_u16(reader, entry, &row->rpc_port);
    }
    if (MT_EPEE_KEY(entry, "support_flags")) {
        row->present |= MT_NODE_SUPPORT_FLAGS;
        return mt_epee_u32(reader, entry, &row->support_flags);
    }
    return mt_epee_skip(reader, entry);
}

static int sync_field(struct decoding *decoding, const struct mt_epee_entry *entry)
{
    struct mt_epee *reader = &decoding->reader;
    struct mt_sync_row *row = &decoding->sync;
    if (MT_EPEE_KEY(entry, "cumulative_difficulty")) {
        row->present |= MT_SYNC_DIFFICULTY;
        return mt_epee_u64(reader, entry, &row->cumulative_difficulty);
    }
    if (MT_EPEE_KEY(entry, "cumulative_difficulty_top64")) {
        row->present |= MT_SYNC_DIFFICULTY_TOP64;
        return mt_epee_u64(reader, entry, &row->cumulative_difficulty_top64);
    }
    if (MT_EPEE_KEY(entry, "current_height")) {
        row->present |= MT_SYNC_HEIGHT;
        return mt_epee_u64(reader, entry, &row->current_height);
    }
    if (MT_EPEE_KEY(entry, "pruning_seed")) {
        row->present |= MT_SYNC_PRUNING_SEED;
        return mt_epee_u32(reader, entry, &row->pruning_seed);
    }
    if (MT_EPEE_KEY(entry, "top_version")) {
        row->present |= MT_SYNC_TOP_VERSION;
        return mt_epee_u8(reader, entry, &row->top_version);
    }
    if (MT_EPEE_KEY(entry, "top_id"))
        return mt_epee_blob(reader, entry, HASH_SIZE, &decoding->top_id);
    return mt_epee_skip(reader, entry);
}

/* ---- root sections: src/p2p/p2p_protocol_defs.h ---- */

static int timed_sync_request(struct decoding *decoding, const struct mt_epee_entry *entry)
{
    if (MT_EPEE_KEY(entry, "payload_data"))
        return read_object(decoding, entry, sync_field, &decoding->has_sync);
    return mt_epee_skip(&decoding->reader, entry);
}

static int timed_sync_response(struct decoding *decoding, const struct mt_epee_entry *entry)
{
    if (MT_EPEE_KEY(entry, "local_peerlist_new") && mt_epee_is_objects(entry))
        return mt_p2p_peers(decoding->p2p, decoding->node.message, &decoding->reader, entry);
    return timed_sync_request(decoding, entry);
}

static int handshake_request(struct decoding *decoding, const struct mt_epee_entry *entry)
{
    if (MT_EPEE_KEY(entry, "node_data"))
        return read_object(decoding, entry, node_field, &decoding->has_node);
    return timed_sync_request(decoding, entry);
}

static int handshake_response(struct decoding *decoding, const struct mt_epee_entry *entry)
{
    if (MT_EPEE_KEY(entry, "node_data"))
        return read_object(decoding, entry, node_field, &decoding->has_node);
    return timed_sync_response(decoding, entry);
}

static int ping_response(struct decoding *decoding, const struct mt_epee_entry *entry)
{
    if (MT_EPEE_KEY(entry, "peer_id")) {
        decoding->node.present |= MT_NODE_PEER_ID;
        return mt_epee_u64(&decoding->reader, entry, &decoding->node.peer_id);
    }
    if (MT_EPEE_KEY(entry, "status")) {
        decoding->status = entry->value;
        decoding->status_size = (size_t)entry->size;
        return mt_epee_string(&decoding->reader, entry);
    }
    return mt_epee_skip(&decoding->reader, entry);
}

static int support_flags_response(struct decoding *decoding, const struct mt_epee_entry *entry)
{
    if (MT_EPEE_KEY(entry, "support_flags")) {
        decoding->node.present |= MT_NODE_SUPPORT_FLAGS;
        return mt_epee_u32(&decoding->reader, entry, &decoding->node.support_flags);
    }
    return mt_epee_skip(&decoding->reader, entry);
}

static int read_root(struct decoding *decoding, uint32_t command, int response)
{
    decoding->has_node = response && (command == MT_PING || command == MT_REQUEST_SUPPORT_FLAGS); /* their root section is about the sender */
    switch (command) {
    case MT_HANDSHAKE:
        return read_section(decoding, response ? handshake_response : handshake_request);
    case MT_TIMED_SYNC:
        return read_section(decoding, response ? timed_sync_response : timed_sync_request);
    case MT_PING:
        if (response)
            return read_section(decoding, ping_response);
        break;
    case MT_REQUEST_SUPPORT_FLAGS:
        if (response)
            return read_section(decoding, support_flags_response);
        break;
    default:
        break;
    }
    return mt_p2p_notify(&decoding->reader, command);
}

/* ---- rows ---- */

static int append_node(struct decoding *decoding)
{
    struct mt_p2p *p2p = decoding->p2p;
    struct mt_node_row *row = &decoding->node;
    if (decoding->network_id != NULL && mt_intern_put(p2p->strings, decoding->network_id, NETWORK_ID_SIZE, &row->network_id) != MT_OK)
        return MT_NOMEM;
    if (decoding->status != NULL && mt_intern_put(p2p->strings, decoding->status, decoding->status_size, &row->status_text) != MT_OK)
        return MT_NOMEM;
    struct mt_node_row *place = mt_table_append(p2p->node_data);
    if (place == NULL)
        return MT_NOMEM;
    *place = *row;
    return MT_OK;
}

static int append_sync(struct decoding *decoding)
{
    struct mt_p2p *p2p = decoding->p2p;
    struct mt_sync_row *row = &decoding->sync;
    if (decoding->top_id != NULL && mt_intern_put(p2p->strings, decoding->top_id, HASH_SIZE, &row->top_id) != MT_OK)
        return MT_NOMEM;
    struct mt_sync_row *place = mt_table_append(p2p->sync_data);
    if (place == NULL)
        return MT_NOMEM;
    *place = *row;
    return MT_OK;
}

static int read_message(struct decoding *decoding, uint32_t command, int response, const uint8_t *payload, size_t size)
{
    if (mt_epee_open(&decoding->reader, payload, size) != MT_OK)
        return MT_MALFORMED;
    int result = read_root(decoding, command, response);
    if (result == MT_OK && decoding->has_node && decoding->p2p->node_data->wanted)
        result = append_node(decoding);
    if (result == MT_OK && decoding->has_sync && decoding->p2p->sync_data->wanted)
        result = append_sync(decoding);
    return result;
}

int mt_p2p_decode(struct mt_p2p *p2p, int64_t message, uint32_t command, int response, const uint8_t *payload, size_t size, const char **why)
{
    if (!mt_command_known(command))
        return MT_OK;
    struct decoding decoding; /* field by field: the reader is large and begins itself */
    decoding.p2p = p2p;
    decoding.node = (struct mt_node_row){.message = message, .network_id = MT_NO_CODE, .status_text = MT_NO_CODE};
    decoding.sync = (struct mt_sync_row){.message = message, .top_id = MT_NO_CODE};
    decoding.network_id = decoding.top_id = decoding.status = NULL;
    decoding.status_size = 0;
    decoding.has_node = decoding.has_sync = 0;
    size_t peers = p2p->peer_lists->count, nodes = p2p->node_data->count, syncs = p2p->sync_data->count;
    int result = read_message(&decoding, command, response, payload, size);
    if (result == MT_OK)
        return MT_OK;
    p2p->peer_lists->count = peers;
    p2p->node_data->count = nodes;
    p2p->sync_data->count = syncs;
    if (result == MT_MALFORMED)
        *why = decoding.reader.why;
    return result;
}
