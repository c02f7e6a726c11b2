/* The payloads of the 2xxx commands: transactions, blocks, inventories. */
#ifndef MT_P2P_NOTIFICATIONS_H
#define MT_P2P_NOTIFICATIONS_H

#include "p2p/decoding.h"

/* Takes a field of the root section (mt_take_field; `context` is the decoding). */
int mt_p2p_notify_field(void *context, const struct mt_shape_field *field,
                        const struct mt_epee_entry *entry);

/* After the root section: what hung on several of its fields. Nothing to do for other commands.
 * MT_OK or MT_NOMEM. */
int mt_p2p_notify_end(struct mt_decoding *decoding);

#endif
