/* What monerod's structs look like on the wire: the fields of each, of what type, and when they are
 * written (src/p2p/p2p_protocol_defs.h, src/cryptonote_protocol/cryptonote_protocol_defs.h). One
 * table for those who read the fields and for those who judge the writer. */
#ifndef MT_EPEE_MESSAGE_SCHEMA_H
#define MT_EPEE_MESSAGE_SCHEMA_H

#include "epee/epee.h"

#include <stdint.h>

/* When monerod writes a field. */
enum mt_presence {
    MT_ALWAYS,
    MT_UNLESS_ZERO,  /* optional: left out if 0 or false */
    MT_UNLESS_TRUE,  /* optional: left out if true */
    MT_UNLESS_EMPTY, /* a container: left out if nothing is in it */
    MT_SOMETIMES /* written by old versions only, or one of several variants: no monerod of today
                    refuses it whatever its type */
};

/* The fields that somebody asks for by name; the same name in two structs is the same number. */
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
    MT_F_TXS,
    MT_F_TYPE
};

struct mt_shape;

struct mt_shape_field {
    const char *key;
    uint8_t size;                 /* of the key */
    uint8_t type;                 /* as on the wire: with the flag of arrays */
    uint8_t type_too;             /* another that monerod writes, or the same */
    uint8_t presence;             /* enum mt_presence */
    uint8_t name;                 /* enum mt_field_name */
    const struct mt_shape *inner; /* of the objects in it, NULL if it holds none */
};

/* Fields in ascending order of their keys, as monerod writes them. */
struct mt_shape {
    const struct mt_shape_field *fields;
    uint32_t count;
};

/* Structs that stand within others. */
extern const struct mt_shape mt_shape_node_data, mt_shape_payload_data, mt_shape_peer, mt_shape_adr,
    mt_shape_addr, mt_shape_block, mt_shape_pruned_transaction;

/* The root section of a command: of its response, or of its request or notification. A struct
 * without fields for commands that monerod does not know. */
const struct mt_shape *mt_shape_root(uint32_t command, int response);

/* The field of that key, NULL if the struct has none. `*next` (0 in the beginning) is where to look
 * first: behind the field found last. */
const struct mt_shape_field *mt_shape_find(const struct mt_shape *shape,
                                           const struct mt_epee_entry *entry, uint32_t *next);

/* ---- skeletons: see docs/fingerprint.md ---- */

/* The skeleton goes on with an entry; with an object within it. */
uint64_t mt_skeleton_entry(uint64_t skeleton, const void *key, size_t size, uint8_t type);
uint64_t mt_skeleton_object(uint64_t skeleton, uint64_t inside);

/* The skeleton of a struct as monerod writes it. */
uint64_t mt_skeleton_of(const struct mt_shape *shape);

#endif
