/* Decodes the payloads of P2P commands into rows. Owns what it remembers between payloads; knows
 * nothing of framing, streams or files. Used by the core. */
#ifndef MT_P2P_P2P_H
#define MT_P2P_P2P_H

#include "base/command.h"
#include "base/error.h"
#include "base/limits.h"
#include "chain/blob_cache.h"
#include "epee/epee.h"
#include "p2p/decode_defects.h"
#include "p2p/known_entries.h"
#include "tables/address.h"
#include "tables/intern.h"
#include "tables/table.h"

#include <stddef.h>
#include <stdint.h>

struct mt_pending_hashes;

struct mt_p2p {
    struct mt_addresses *addresses;
    struct mt_intern *strings;             /* hashes, network ids, texts */
    struct mt_table *tables;               /* all of them, by mt_table_id */
    struct mt_blob_cache blob_cache;       /* transactions and blocks seen before: mt_seen_blob */
    struct mt_pending_hashes *pending;     /* NULL before the first one */
    struct mt_known_entries known_entries; /* of peer lists */
    struct mt_decode_defects defects;      /* of the last payload */
    struct mt_epee_limits epee;
    uint64_t *limit_hits;         /* mt_limit_hits */
    struct mt_decoding *decoding; /* of the current payload, once there was one: too large for the
                                     stack of a small thread */
};

/* All pointers must outlive `p2p`; `limit_hits` is an mt_limit_hits. Allocates nothing. */
void mt_p2p_init(struct mt_p2p *p2p, struct mt_addresses *addresses, struct mt_intern *strings,
                 struct mt_table *tables, const struct mt_limits *limits, uint64_t *limit_hits);

/* Frees what was allocated. Only mt_p2p_init may follow. */
void mt_p2p_free(struct mt_p2p *p2p);

/* Reads the whole payload of a complete message as monerod's reader would, appends its rows to the
 * wanted tables, and sets the fingerprint columns of the message's row. `message`, `command` and
 * `kind` of the row are set by the caller. Payloads of commands that monerod does not know are not
 * read (MT_OK).
 *
 * MT_OK; MT_MALFORMED with *why (static text) and no row appended: monerod would refuse the
 * payload; MT_NOMEM with no row appended. What monerod accepts but is not decoded is in
 * p2p->defects after MT_OK.
 *
 * The payload of a draft's command (2011, 2012) that does not fit the draft is a defect, because no
 * released monerod reads it.
 *
 * Types of fields are validated too (epee_value.h). The removed 1004 to 1006 are valid if the epee
 * reader accepts them. The type byte of a block entry's `txs` decides how it is read, not `pruned`.
 * The root section of a 1003 or 1007 response is its node_data row, even if empty; a 1001 or 1002
 * without node_data (or with another type under its key) has no such row. */
int mt_p2p_decode(struct mt_p2p *p2p, struct mt_message_row *row, const uint8_t *payload,
                  size_t size, const char **why);

/* Completes the rows of transactions: the codes of hashes that were not computed yet are
 * provisional before. To be called before rows or strings are looked at. */
void mt_p2p_resolve(struct mt_p2p *p2p);

/* Id of the first message whose rows are not complete, `next_message` if all are. */
int64_t mt_p2p_settled(const struct mt_p2p *p2p, int64_t next_message);

#endif
