/* The payloads of the 2xxx commands, as far as their fields decide whether monerod takes a message. */
#ifndef MT_P2P_NOTIFY_H
#define MT_P2P_NOTIFY_H

#include "epee.h"

#include <stdint.h>

/* Reads the root section, which is open, to its end. MT_OK or MT_MALFORMED. Commands that are none of 2xxx have no fields here: all their entries are skipped.
 */
int mt_p2p_notify(struct mt_epee *reader, uint32_t command);

#endif
