/* Payloads of P2P commands into rows. */
#ifndef MT_P2P_P2P_H
#define MT_P2P_P2P_H

#include "base/command.h"
#include "base/error.h"
#include "base/limits.h"
#include "chain/blob_cache.h"
#include "epee/epee.h"
#include "p2p/decode_defects.h"
#include "tables/address.h"
#include "tables/intern.h"
#include "tables/table.h"

#include <stddef.h>
#include <stdint.h>

struct mt_p2p {
    struct mt_addresses *addresses;
    struct mt_intern *strings;       /* hashes, network ids, texts */
    struct mt_table *tables;         /* all of them, by mt_table_id */
    struct mt_known known;           /* transactions and blocks seen before */
    struct mt_complaints complaints; /* of the last payload */
    struct mt_epee_limits epee;
    uint64_t *limit_hits; /* mt_limit_hits */
};

void mt_p2p_init(struct mt_p2p *p2p, struct mt_addresses *addresses, struct mt_intern *strings,
                 struct mt_table *tables, const struct mt_limits *limits, uint64_t *limit_hits);
void mt_p2p_free(struct mt_p2p *p2p);

/* Walks the whole payload of a whole message as monerod's reader would, appends what it says to the
 * wanted tables, and sets the fingerprint columns of the message's row, of which `message`,
 * `command` and `kind` are set. Commands that monerod does not know are not looked at (MT_OK).
 * MT_OK; MT_MALFORMED with *why (static text) and no row appended: monerod would refuse it;
 * MT_NOMEM with no row appended. The payload is validated by the fields' types too (epee_value.h):
 * the removed 1004 to 1006, whose fields no monerod of today reads, are valid if the reader takes
 * them. A `txs` of a block entry is read by its type byte, whatever `pruned` says. The root section
 * of a 1003 or 1007 response is its node_data row, even if empty; a 1001 or 1002 without the
 * section (or with something else under its key) has no such row. */
int mt_p2p_decode(struct mt_p2p *p2p, struct mt_message_row *row, const uint8_t *payload,
                  size_t size, const char **why);

#endif
