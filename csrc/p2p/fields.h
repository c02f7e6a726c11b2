/* The fields table: any epee payload as rows, one per entry and one per element of an array. Knows
 * nothing of commands. Used by the core. */
#ifndef MT_P2P_FIELDS_H
#define MT_P2P_FIELDS_H

#include "base/error.h"
#include "epee/epee.h"
#include "tables/intern.h"
#include "tables/table.h"

#include <stddef.h>
#include <stdint.h>

/* Where the rows go, and how many a message may have. */
struct mt_field_writer {
    struct mt_table *fields;
    struct mt_intern *strings;
    const struct mt_epee_limits *limits;
    uint64_t max_rows;
};

/* Appends the rows of a payload, depth first in the order of the wire, as far as monerod's reader
 * accepts it. After `max_rows` rows it stops and sets *cut to 1 (else 0). A payload without the
 * epee header has no rows. MT_OK or MT_NOMEM (rows may have been appended; the caller removes
 * them). */
int mt_fields_append(const struct mt_field_writer *writer, int64_t message, const uint8_t *payload,
                     size_t size, int *cut);

#endif
