/* The schema of monerod's messages: the fields of each struct, their types, and when monerod writes
 * them (src/p2p/p2p_protocol_defs.h, src/cryptonote_protocol/cryptonote_protocol_defs.h). Knows
 * nothing of payload bytes or rows. Used by struct_reader, skeleton and the decoders of p2p. */
#ifndef MT_P2P_MESSAGE_SCHEMA_H
#define MT_P2P_MESSAGE_SCHEMA_H

#include "epee/epee.h"

#include <stdint.h>

/* When monerod writes a field. */
enum mt_presence {
    MT_ALWAYS,
    MT_UNLESS_ZERO,  /* optional: left out if 0 or false */
    MT_UNLESS_TRUE,  /* optional: left out if true */
    MT_UNLESS_EMPTY, /* a container: left out if nothing is in it */
    MT_SOMETIMES     /* written by old versions only, or one of several variants: current monerod
                        accepts any type */
};

/* The fields that a decoder reads; the same name in two structs is the same number. */
enum mt_field_name {
    MT_OTHER_FIELD,
    MT_F_ADDR,
    MT_F_ADR,
    MT_F_B,
    MT_F_BLOB,
    MT_F_BLOCK,
    MT_F_BLOCKS,
    MT_F_BLOCK_HASH,
    MT_F_BLOCK_IDS,
    MT_F_CUMULATIVE_DIFFICULTY,
    MT_F_CUMULATIVE_DIFFICULTY_TOP64,
    MT_F_CURRENT_HEIGHT,
    MT_F_DANDELIONPP_FLUFF,
    MT_F_HASHES,
    MT_F_HOST,
    MT_F_ID,
    MT_F_LAST_SEEN,
    MT_F_LOCAL_PEERLIST_NEW,
    MT_F_LOCAL_TIME,
    MT_F_MISSED_IDS,
    MT_F_MISSING_TX_INDICES,
    MT_F_MY_PORT,
    MT_F_M_BLOCK_IDS,
    MT_F_M_IP,
    MT_F_M_PORT,
    MT_F_NETWORK_ID,
    MT_F_NODE_DATA,
    MT_F_PAYLOAD_DATA,
    MT_F_PEER_ID,
    MT_F_PORT,
    MT_F_PRUNABLE_HASH,
    MT_F_PRUNED,
    MT_F_PRUNING_SEED,
    MT_F_RPC_CREDITS_PER_HASH,
    MT_F_RPC_PORT,
    MT_F_STATUS,
    MT_F_SUPPORT_FLAGS,
    MT_F_TOP_ID,
    MT_F_TOP_VERSION,
    MT_F_T,
    MT_F_TXS,
    MT_F_TYPE
};

struct mt_message_schema;

struct mt_schema_field {
    const char *key;
    uint8_t size;                          /* of the key */
    uint8_t type;                          /* as on the wire: with the flag of arrays */
    uint8_t other_type;                    /* a second type that monerod writes, or the same */
    uint8_t presence;                      /* enum mt_presence */
    uint8_t name;                          /* enum mt_field_name */
    const struct mt_message_schema *inner; /* of the objects in it, NULL if it holds none */
};

/* Fields in ascending order of their keys, as monerod writes them. */
struct mt_message_schema {
    const struct mt_schema_field *fields;
    uint32_t count;
};

/* Structs within other structs. */
extern const struct mt_message_schema mt_schema_node_data, mt_schema_payload_data, mt_schema_peer,
    mt_schema_adr, mt_schema_addr, mt_schema_block, mt_schema_pruned_transaction;

/* The root section of a command: of its response, or of its request or notification. A struct
 * without fields for commands that monerod does not know. */
const struct mt_message_schema *mt_message_schema_of(uint32_t command, int response);

/* The field with the key of `entry`, or NULL if the struct has none. `*next`, 0 before the first
 * call, is the index where the search begins: after the field that was found last. */
const struct mt_schema_field *mt_schema_find(const struct mt_message_schema *schema,
                                             const struct mt_epee_entry *entry, uint32_t *next);

#endif
