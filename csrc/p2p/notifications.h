/* Payloads of the 2xxx commands: transactions, blocks and inventories. Knows nothing of other
 * commands. Used by p2p.c. */
#ifndef MT_P2P_NOTIFICATIONS_H
#define MT_P2P_NOTIFICATIONS_H

#include "p2p/decoding.h"

/* Reads a field of the root section: an mt_read_field whose `context` is the mt_decoding. */
int mt_read_notification_field(void *context, const struct mt_schema_field *field,
                               const struct mt_epee_entry *entry);

/* Called after the root section: appends and completes the rows that depend on several of its
 * fields. Does nothing for other commands. MT_OK or MT_NOMEM. */
int mt_end_notification(struct mt_decoding *decoding);

#endif
