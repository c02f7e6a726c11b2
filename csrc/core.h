/* The core: captures in, tables out. The one header the binding needs. */
#ifndef MT_CORE_H
#define MT_CORE_H

#include "base/error.h"
#include "base/ip.h"
#include "base/limits.h"
#include "tables/address.h"
#include "tables/intern.h"
#include "tables/rows.h"
#include "tables/table.h"

#include <stddef.h>
#include <stdint.h>

struct mt_core;

struct mt_core_options {
    struct mt_limits limits;
    uint32_t tables; /* bit i: decode table i of mt_table_id; files, problems and connections are
                        always made */
    int threads;     /* 2 or more: a thread of its own reads the files, where that is possible */
    const uint16_t *ports; /* ports that make a connection Monero's whatever it carries; copied */
    size_t ports_count;
    int outer;                    /* 1: no IP packet within another is read */
    const uint16_t *tunnel_ports; /* further UDP ports of tunnels; copied */
    uint32_t tunnel_ports_count;
    const struct mt_ip *trusted_ends; /* ends of tunnels whose contents are believed; copied */
    size_t trusted_ends_count;
};

/* Opens the files as one stream. NULL with *result and `failure` as mt_capture_set_open. The caller
 * owns it: mt_core_close. */
struct mt_core *mt_core_open(const char *const *paths, size_t count,
                             const struct mt_core_options *options, int *result,
                             struct mt_failure *failure);

/* Reads on until about `bytes` more bytes of packets were handled, or `rows` more rows of messages
 * and of what they say were made (0: no such bound). MT_OK: there is more; MT_END: all is read and
 * every table is final; MT_NOMEM / MT_LINK_TYPE: stopped, and what was read before stays. Needs no
 * Python: call it without the GIL, never from two threads at once. */
int mt_core_step(struct mt_core *core, uint64_t bytes, uint64_t rows, struct mt_failure *failure);

/* The table of that id. The rows of `connections` and `files` are complete only after MT_END
 * (unless taken, see mt_core_take). */
struct mt_table *mt_core_table(struct mt_core *core, enum mt_table_id id);

/* Moves the finished rows of a table out (mt_free): all rows of most; of `connections` only those
 * ended since the last call, in order of id; `files` is empty before MT_END. Returns NULL without
 * rows (*count 0), or if memory is out for the unfinished rows (*count is not 0; nothing changed).
 * After MT_END and MT_NOMEM it returns all remaining rows, which needs no memory.
 *
 * peer_runs, peer_codes and peer_entries have to be taken in this order without a step between:
 * codes are those of the runs that were taken, and refer to the entries taken after them.
 * peer_lists has no rows. */
void *mt_core_take(struct mt_core *core, enum mt_table_id id, size_t *count);

/* The interned addresses that ADDRESS columns refer to. */
const struct mt_addresses *mt_core_addresses(const struct mt_core *core);
const struct mt_intern *mt_core_strings(const struct mt_core *core);

/* Bytes read of the files so far, and in all (-1: unknown). */
int64_t mt_core_position(const struct mt_core *core);
int64_t mt_core_size(const struct mt_core *core);

/* How often a limit was reached: what it evicted, refused or left out. */
uint64_t mt_core_limit_hits(const struct mt_core *core, enum mt_limit_id limit);

/* Frees the core and everything that was not taken. NULL is fine. */
void mt_core_close(struct mt_core *core);

#endif
