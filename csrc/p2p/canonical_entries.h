/* Entries of peer lists as monerod writes them: one of two layouts, for IPv4 and IPv6, with keys in
 * ascending order and monerod's types, which differ in the values only. They are recognised by
 * their constant bytes and read at fixed offsets. Owns these layouts; any other entry is left to
 * the general reader, which would read the same values from these. Used by peer_lists. */
#ifndef MT_P2P_CANONICAL_ENTRIES_H
#define MT_P2P_CANONICAL_ENTRIES_H

#include "p2p/known_entries.h"
#include "p2p/struct_reader.h"
#include "tables/rows.h"

#include <stddef.h>
#include <stdint.h>

enum { MT_CANONICAL_MOST = 32 }; /* entries that are read at once */

/* Reads as many of the next `count` entries, at most MT_CANONICAL_MOST, as have one of the two
 * layouts, moves the reader past them and writes their values. They leave no trace in the
 * fingerprint but in the count of default fields. Returns their number; 0 also close to a limit of
 * the reader, which the general reader counts exactly. */
size_t mt_read_canonical(struct mt_payload_reader *reader, size_t count,
                         struct mt_entry_values *entries);

/* The row of an entry, all but its host, and the 4 or 16 bytes of its address. */
void mt_canonical_row(const struct mt_entry_values *entry, struct mt_peer_entry_row *row,
                      uint8_t ip[16]);

#endif
