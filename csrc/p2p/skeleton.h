/* Skeletons: a hash of the keys and types that a writer puts into a payload (docs/fingerprint.md).
 * Knows the schema, but neither values nor rows. Used by struct_reader. */
#ifndef MT_P2P_SKELETON_H
#define MT_P2P_SKELETON_H

#include "p2p/message_schema.h"

#include <stddef.h>
#include <stdint.h>

/* `skeleton` extended by an entry: its key of `size` bytes and its type on the wire. */
uint64_t mt_skeleton_entry(uint64_t skeleton, const void *key, size_t size, uint8_t type);

/* `skeleton` extended by an object whose own skeleton is `inside`. */
uint64_t mt_skeleton_object(uint64_t skeleton, uint64_t inside);

/* The skeleton of a struct as monerod writes it. */
uint64_t mt_skeleton_of(const struct mt_message_schema *schema);

#endif
