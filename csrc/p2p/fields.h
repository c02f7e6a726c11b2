/* Any epee payload as rows: one per entry, and one per element of an array. Knows nothing of
 * commands. */
#ifndef MT_P2P_FIELDS_H
#define MT_P2P_FIELDS_H

#include "base/error.h"
#include "epee/epee.h"
#include "tables/intern.h"
#include "tables/table.h"

#include <stddef.h>
#include <stdint.h>

/* Appends the rows of a payload to `fields`, depth first in the order of the wire: as far as
 * monerod's reader takes it, and at most `most` of them, then *cut is 1 (else 0). A payload without
 * the epee header has none. MT_OK or MT_NOMEM (rows may have been appended; the caller takes them
 * back). */
int mt_fields_append(struct mt_table *fields, struct mt_intern *strings, int64_t message,
                     const uint8_t *payload, size_t size, const struct mt_epee_limits *limits,
                     uint64_t most, int *cut);

#endif
