#include "p2p/message_schema.h"

#include "base/command.h"

#include <string.h>

enum {
    STRINGS = MT_EPEE_STRING | MT_EPEE_ARRAY_FLAG,
    OBJECTS = MT_EPEE_OBJECT | MT_EPEE_ARRAY_FLAG
};

#define FIELD(key, type, presence, name) {key, sizeof(key) - 1, type, type, presence, name, NULL}
#define STRUCT(key, type, presence, name, inner) \
    {key, sizeof(key) - 1, type, type, presence, name, inner}
#define SCHEMA_OF(fields) {fields, sizeof(fields) / sizeof(fields)[0]}

/* ---- structs within other structs ---- */

static const struct mt_schema_field node_data[] = {
    FIELD("local_time", MT_EPEE_UINT64, MT_SOMETIMES, MT_F_LOCAL_TIME),
    FIELD("my_port", MT_EPEE_UINT32, MT_ALWAYS, MT_F_MY_PORT),
    FIELD("network_id", MT_EPEE_STRING, MT_ALWAYS, MT_F_NETWORK_ID),
    FIELD("peer_id", MT_EPEE_UINT64, MT_ALWAYS, MT_F_PEER_ID),
    FIELD("rpc_credits_per_hash", MT_EPEE_UINT32, MT_UNLESS_ZERO, MT_F_RPC_CREDITS_PER_HASH),
    FIELD("rpc_port", MT_EPEE_UINT16, MT_UNLESS_ZERO, MT_F_RPC_PORT),
    FIELD("support_flags", MT_EPEE_UINT32, MT_UNLESS_ZERO, MT_F_SUPPORT_FLAGS),
};
const struct mt_message_schema mt_schema_node_data = SCHEMA_OF(node_data);

static const struct mt_schema_field payload_data[] = {
    FIELD("cumulative_difficulty", MT_EPEE_UINT64, MT_ALWAYS, MT_F_CUMULATIVE_DIFFICULTY),
    FIELD("cumulative_difficulty_top64", MT_EPEE_UINT64, MT_ALWAYS,
          MT_F_CUMULATIVE_DIFFICULTY_TOP64),
    FIELD("current_height", MT_EPEE_UINT64, MT_ALWAYS, MT_F_CURRENT_HEIGHT),
    FIELD("pruning_seed", MT_EPEE_UINT32, MT_UNLESS_ZERO, MT_F_PRUNING_SEED),
    FIELD("top_id", MT_EPEE_STRING, MT_ALWAYS, MT_F_TOP_ID),
    FIELD("top_version", MT_EPEE_UINT8, MT_UNLESS_ZERO, MT_F_TOP_VERSION),
};
const struct mt_message_schema mt_schema_payload_data = SCHEMA_OF(payload_data);

/* adr.type decides which of these fields are present. */
static const struct mt_schema_field addr[] = {
    FIELD("addr", MT_EPEE_STRING, MT_SOMETIMES, MT_F_ADDR),
    FIELD("host", MT_EPEE_STRING, MT_SOMETIMES, MT_F_HOST),
    FIELD("m_ip", MT_EPEE_UINT32, MT_SOMETIMES, MT_F_M_IP),
    FIELD("m_port", MT_EPEE_UINT16, MT_SOMETIMES, MT_F_M_PORT),
    FIELD("port", MT_EPEE_UINT16, MT_SOMETIMES, MT_F_PORT),
};
const struct mt_message_schema mt_schema_addr = SCHEMA_OF(addr);

static const struct mt_schema_field adr[] = {
    STRUCT("addr", MT_EPEE_OBJECT, MT_ALWAYS, MT_F_ADDR, &mt_schema_addr),
    FIELD("type", MT_EPEE_UINT8, MT_ALWAYS, MT_F_TYPE),
};
const struct mt_message_schema mt_schema_adr = SCHEMA_OF(adr);

static const struct mt_schema_field peer[] = {
    STRUCT("adr", MT_EPEE_OBJECT, MT_ALWAYS, MT_F_ADR, &mt_schema_adr),
    FIELD("id", MT_EPEE_UINT64, MT_ALWAYS, MT_F_ID),
    FIELD("last_seen", MT_EPEE_INT64, MT_UNLESS_ZERO, MT_F_LAST_SEEN),
    FIELD("pruning_seed", MT_EPEE_UINT32, MT_UNLESS_ZERO, MT_F_PRUNING_SEED),
    FIELD("rpc_credits_per_hash", MT_EPEE_UINT32, MT_UNLESS_ZERO, MT_F_RPC_CREDITS_PER_HASH),
    FIELD("rpc_port", MT_EPEE_UINT16, MT_UNLESS_ZERO, MT_F_RPC_PORT),
};
const struct mt_message_schema mt_schema_peer = SCHEMA_OF(peer);

static const struct mt_schema_field pruned_transaction[] = {
    FIELD("blob", MT_EPEE_STRING, MT_ALWAYS, MT_F_BLOB),
    FIELD("prunable_hash", MT_EPEE_STRING, MT_ALWAYS, MT_F_PRUNABLE_HASH),
};
const struct mt_message_schema mt_schema_pruned_transaction = SCHEMA_OF(pruned_transaction);

/* txs: whole transactions as strings, pruned ones as objects. */
static const struct mt_schema_field block[] = {
    FIELD("block", MT_EPEE_STRING, MT_ALWAYS, MT_F_BLOCK),
    FIELD("block_weight", MT_EPEE_UINT64, MT_UNLESS_ZERO, MT_OTHER_FIELD),
    FIELD("pruned", MT_EPEE_BOOL, MT_UNLESS_ZERO, MT_F_PRUNED),
    {"txs", 3, STRINGS, OBJECTS, MT_UNLESS_EMPTY, MT_F_TXS, &mt_schema_pruned_transaction},
};
const struct mt_message_schema mt_schema_block = SCHEMA_OF(block);

/* Proof that the request comes from one of a few fixed keys (removed in v0.16). */
static const struct mt_schema_field proof_of_trust[] = {
    FIELD("peer_id", MT_EPEE_UINT64, MT_ALWAYS, MT_OTHER_FIELD),
    FIELD("sign", MT_EPEE_STRING, MT_ALWAYS, MT_OTHER_FIELD),
    FIELD("time", MT_EPEE_UINT64, MT_ALWAYS, MT_OTHER_FIELD),
};
static const struct mt_message_schema schema_proof_of_trust = SCHEMA_OF(proof_of_trust);

static const struct mt_schema_field core_stat_info[] = {
    FIELD("alternative_blocks", MT_EPEE_UINT64, MT_ALWAYS, MT_OTHER_FIELD),
    FIELD("blockchain_height", MT_EPEE_UINT64, MT_ALWAYS, MT_OTHER_FIELD),
    FIELD("mining_speed", MT_EPEE_UINT64, MT_ALWAYS, MT_OTHER_FIELD),
    FIELD("top_block_id_str", MT_EPEE_STRING, MT_ALWAYS, MT_OTHER_FIELD),
    FIELD("tx_pool_size", MT_EPEE_UINT64, MT_ALWAYS, MT_OTHER_FIELD),
};
static const struct mt_message_schema schema_core_stat_info = SCHEMA_OF(core_stat_info);

/* ---- root structs ---- */

static const struct mt_schema_field handshake_request[] = {
    STRUCT("node_data", MT_EPEE_OBJECT, MT_ALWAYS, MT_F_NODE_DATA, &mt_schema_node_data),
    STRUCT("payload_data", MT_EPEE_OBJECT, MT_ALWAYS, MT_F_PAYLOAD_DATA, &mt_schema_payload_data),
};
static const struct mt_schema_field handshake_response[] = {
    FIELD("local_peerlist", MT_EPEE_STRING, MT_SOMETIMES, MT_OTHER_FIELD),
    STRUCT("local_peerlist_new", OBJECTS, MT_UNLESS_EMPTY, MT_F_LOCAL_PEERLIST_NEW,
           &mt_schema_peer),
    STRUCT("node_data", MT_EPEE_OBJECT, MT_ALWAYS, MT_F_NODE_DATA, &mt_schema_node_data),
    STRUCT("payload_data", MT_EPEE_OBJECT, MT_ALWAYS, MT_F_PAYLOAD_DATA, &mt_schema_payload_data),
};
static const struct mt_schema_field timed_sync_request[] = {
    STRUCT("payload_data", MT_EPEE_OBJECT, MT_ALWAYS, MT_F_PAYLOAD_DATA, &mt_schema_payload_data),
};
static const struct mt_schema_field timed_sync_response[] = {
    FIELD("local_peerlist", MT_EPEE_STRING, MT_SOMETIMES, MT_OTHER_FIELD),
    STRUCT("local_peerlist_new", OBJECTS, MT_UNLESS_EMPTY, MT_F_LOCAL_PEERLIST_NEW,
           &mt_schema_peer),
    FIELD("local_time", MT_EPEE_UINT64, MT_SOMETIMES, MT_OTHER_FIELD),
    STRUCT("payload_data", MT_EPEE_OBJECT, MT_ALWAYS, MT_F_PAYLOAD_DATA, &mt_schema_payload_data),
};
static const struct mt_schema_field ping_response[] = {
    FIELD("peer_id", MT_EPEE_UINT64, MT_ALWAYS, MT_F_PEER_ID),
    FIELD("status", MT_EPEE_STRING, MT_ALWAYS, MT_F_STATUS),
};
static const struct mt_schema_field support_flags_response[] = {
    FIELD("support_flags", MT_EPEE_UINT32, MT_ALWAYS, MT_F_SUPPORT_FLAGS),
};
static const struct mt_schema_field trusted_request[] = {
    STRUCT("tr", MT_EPEE_OBJECT, MT_ALWAYS, MT_OTHER_FIELD, &schema_proof_of_trust),
};
static const struct mt_schema_field stat_info_response[] = {
    FIELD("connections_count", MT_EPEE_UINT64, MT_ALWAYS, MT_OTHER_FIELD),
    FIELD("incoming_connections_count", MT_EPEE_UINT64, MT_ALWAYS, MT_OTHER_FIELD),
    FIELD("os_version", MT_EPEE_STRING, MT_ALWAYS, MT_OTHER_FIELD),
    STRUCT("payload_info", MT_EPEE_OBJECT, MT_ALWAYS, MT_OTHER_FIELD, &schema_core_stat_info),
    FIELD("version", MT_EPEE_STRING, MT_ALWAYS, MT_OTHER_FIELD),
};
static const struct mt_schema_field network_state_response[] = {
    FIELD("connections_list", MT_EPEE_STRING, MT_UNLESS_EMPTY, MT_OTHER_FIELD),
    FIELD("local_peerlist_gray", MT_EPEE_STRING, MT_UNLESS_EMPTY, MT_OTHER_FIELD),
    FIELD("local_peerlist_white", MT_EPEE_STRING, MT_UNLESS_EMPTY, MT_OTHER_FIELD),
    FIELD("local_time", MT_EPEE_UINT64, MT_ALWAYS, MT_OTHER_FIELD),
    FIELD("my_id", MT_EPEE_UINT64, MT_ALWAYS, MT_OTHER_FIELD),
};
static const struct mt_schema_field peer_id_response[] = {
    FIELD("my_id", MT_EPEE_UINT64, MT_ALWAYS, MT_OTHER_FIELD),
};
static const struct mt_schema_field new_block[] = {
    STRUCT("b", MT_EPEE_OBJECT, MT_ALWAYS, MT_F_B, &mt_schema_block),
    FIELD("current_blockchain_height", MT_EPEE_UINT64, MT_ALWAYS, MT_OTHER_FIELD),
    FIELD("hop", MT_EPEE_UINT32, MT_SOMETIMES, MT_OTHER_FIELD),
};
static const struct mt_schema_field new_transactions[] = {
    FIELD("_", MT_EPEE_STRING, MT_ALWAYS, MT_OTHER_FIELD),
    FIELD("dandelionpp_fluff", MT_EPEE_BOOL, MT_UNLESS_TRUE, MT_F_DANDELIONPP_FLUFF),
    FIELD("txs", STRINGS, MT_UNLESS_EMPTY, MT_F_TXS),
};
static const struct mt_schema_field request_get_objects[] = {
    FIELD("blocks", MT_EPEE_STRING, MT_UNLESS_EMPTY, MT_F_BLOCKS),
    FIELD("prune", MT_EPEE_BOOL, MT_UNLESS_ZERO, MT_OTHER_FIELD),
    FIELD("txs", MT_EPEE_STRING, MT_SOMETIMES, MT_OTHER_FIELD),
};
static const struct mt_schema_field response_get_objects[] = {
    STRUCT("blocks", OBJECTS, MT_UNLESS_EMPTY, MT_F_BLOCKS, &mt_schema_block),
    FIELD("current_blockchain_height", MT_EPEE_UINT64, MT_ALWAYS, MT_OTHER_FIELD),
    FIELD("missed_ids", MT_EPEE_STRING, MT_UNLESS_EMPTY, MT_F_MISSED_IDS),
    FIELD("txs", STRINGS, MT_SOMETIMES, MT_OTHER_FIELD),
};
static const struct mt_schema_field request_chain[] = {
    FIELD("block_ids", MT_EPEE_STRING, MT_UNLESS_EMPTY, MT_F_BLOCK_IDS),
    FIELD("prune", MT_EPEE_BOOL, MT_UNLESS_ZERO, MT_OTHER_FIELD),
};
static const struct mt_schema_field response_chain_entry[] = {
    FIELD("cumulative_difficulty", MT_EPEE_UINT64, MT_ALWAYS, MT_OTHER_FIELD),
    FIELD("cumulative_difficulty_top64", MT_EPEE_UINT64, MT_ALWAYS, MT_OTHER_FIELD),
    FIELD("first_block", MT_EPEE_STRING, MT_ALWAYS, MT_OTHER_FIELD),
    FIELD("m_block_ids", MT_EPEE_STRING, MT_UNLESS_EMPTY, MT_F_M_BLOCK_IDS),
    FIELD("m_block_weights", MT_EPEE_STRING, MT_UNLESS_EMPTY, MT_OTHER_FIELD),
    FIELD("start_height", MT_EPEE_UINT64, MT_ALWAYS, MT_OTHER_FIELD),
    FIELD("total_height", MT_EPEE_UINT64, MT_ALWAYS, MT_OTHER_FIELD),
};
static const struct mt_schema_field request_fluffy_missing_tx[] = {
    FIELD("block_hash", MT_EPEE_STRING, MT_ALWAYS, MT_F_BLOCK_HASH),
    FIELD("current_blockchain_height", MT_EPEE_UINT64, MT_ALWAYS, MT_OTHER_FIELD),
    FIELD("hop", MT_EPEE_UINT32, MT_SOMETIMES, MT_OTHER_FIELD),
    FIELD("missing_tx_indices", MT_EPEE_STRING, MT_UNLESS_EMPTY, MT_F_MISSING_TX_INDICES),
};
static const struct mt_schema_field get_txpool_complement[] = {
    FIELD("hashes", MT_EPEE_STRING, MT_UNLESS_EMPTY, MT_F_HASHES),
};

static const struct mt_schema_field tx_pool_hashes[] = {
    FIELD("t", MT_EPEE_STRING, MT_UNLESS_EMPTY, MT_F_T),
};

/* By mt_command_place. */
static const struct root {
    struct mt_message_schema request, response; /* a notification is a request without a response */
} roots[MT_COMMAND_COUNT] = {
    /* 1001 HANDSHAKE */ {SCHEMA_OF(handshake_request), SCHEMA_OF(handshake_response)},
    /* 1002 TIMED_SYNC */ {SCHEMA_OF(timed_sync_request), SCHEMA_OF(timed_sync_response)},
    /* 1003 PING */ {{NULL, 0}, SCHEMA_OF(ping_response)},
    /* 1004 REQUEST_STAT_INFO */ {SCHEMA_OF(trusted_request), SCHEMA_OF(stat_info_response)},
    /* 1005 REQUEST_NETWORK_STATE */
    {SCHEMA_OF(trusted_request), SCHEMA_OF(network_state_response)},
    /* 1006 REQUEST_PEER_ID */ {{NULL, 0}, SCHEMA_OF(peer_id_response)},
    /* 1007 REQUEST_SUPPORT_FLAGS */ {{NULL, 0}, SCHEMA_OF(support_flags_response)},
    /* 2001 NEW_BLOCK */ {SCHEMA_OF(new_block), SCHEMA_OF(new_block)},
    /* 2002 NEW_TRANSACTIONS */ {SCHEMA_OF(new_transactions), SCHEMA_OF(new_transactions)},
    /* 2003 REQUEST_GET_OBJECTS */ {SCHEMA_OF(request_get_objects), SCHEMA_OF(request_get_objects)},
    /* 2004 RESPONSE_GET_OBJECTS */
    {SCHEMA_OF(response_get_objects), SCHEMA_OF(response_get_objects)},
    /* 2006 REQUEST_CHAIN */ {SCHEMA_OF(request_chain), SCHEMA_OF(request_chain)},
    /* 2007 RESPONSE_CHAIN_ENTRY */
    {SCHEMA_OF(response_chain_entry), SCHEMA_OF(response_chain_entry)},
    /* 2008 NEW_FLUFFY_BLOCK */ {SCHEMA_OF(new_block), SCHEMA_OF(new_block)},
    /* 2009 REQUEST_FLUFFY_MISSING_TX */
    {SCHEMA_OF(request_fluffy_missing_tx), SCHEMA_OF(request_fluffy_missing_tx)},
    /* 2010 GET_TXPOOL_COMPLEMENT */
    {SCHEMA_OF(get_txpool_complement), SCHEMA_OF(get_txpool_complement)},
    /* 2011 TX_POOL_HASH */ {SCHEMA_OF(tx_pool_hashes), SCHEMA_OF(tx_pool_hashes)},
    /* 2012 REQUEST_TX_POOL_TXS */ {SCHEMA_OF(tx_pool_hashes), SCHEMA_OF(tx_pool_hashes)},
};

const struct mt_message_schema *mt_message_schema_of(uint32_t command, int response)
{
    static const struct mt_message_schema empty = {NULL, 0};
    int place = mt_command_place(command);
    if (place < 0)
        return &empty;
    return response ? &roots[place].response : &roots[place].request;
}

const struct mt_schema_field *mt_schema_find(const struct mt_message_schema *schema,
                                             const struct mt_epee_entry *entry, uint32_t *next)
{
    for (uint32_t tried = 0, i = *next; tried < schema->count; tried++, i++) {
        if (i >= schema->count)
            i = 0;
        const struct mt_schema_field *field = &schema->fields[i];
        if (field->size == entry->key_size && memcmp(field->key, entry->key, field->size) == 0) {
            *next = i + 1;
            return field;
        }
    }
    return NULL;
}
