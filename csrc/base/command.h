/* The commands of Monero's P2P protocol: numbers, names, limits. Knows nothing of payloads. Used by
 * levin (framing) and p2p (payloads). */
#ifndef MT_BASE_COMMAND_H
#define MT_BASE_COMMAND_H

#include <stdint.h>

enum {
    MT_HANDSHAKE = 1001,
    MT_TIMED_SYNC = 1002,
    MT_PING = 1003,
    MT_REQUEST_STAT_INFO = 1004,
    MT_REQUEST_NETWORK_STATE = 1005,
    MT_REQUEST_PEER_ID = 1006,
    MT_REQUEST_SUPPORT_FLAGS = 1007,
    MT_NEW_BLOCK = 2001,
    MT_NEW_TRANSACTIONS = 2002,
    MT_REQUEST_GET_OBJECTS = 2003,
    MT_RESPONSE_GET_OBJECTS = 2004,
    MT_REQUEST_CHAIN = 2006,
    MT_RESPONSE_CHAIN_ENTRY = 2007,
    MT_NEW_FLUFFY_BLOCK = 2008,
    MT_REQUEST_FLUFFY_MISSING_TX = 2009,
    MT_GET_TXPOOL_COMPLEMENT = 2010,
    MT_TX_POOL_HASH = 2011, /* relay v2, a draft that no release has */
    MT_REQUEST_TX_POOL_TXS = 2012
};

/* monerod's name of a command ("HANDSHAKE"), "UNKNOWN" for others. */
const char *mt_command_name(uint32_t command);

/* Most payload bytes that monerod accepts for this command
 * (src/cryptonote_basic/connection_context.cpp get_max_bytes); UINT64_MAX where it sets none. */
uint64_t mt_command_limit(uint32_t command);

/* Place of a command that monerod knows, the removed 1004 to 1006 and the drafts 2011 and 2012
 * included, among all of them in order of their numbers; -1 for others. */
enum { MT_COMMAND_COUNT = 18 };
int mt_command_place(uint32_t command);

/* 1 if it has a place. */
int mt_command_known(uint32_t command);

/* 1 for a command of a draft, which no released monerod reads. */
int mt_command_is_draft(uint32_t command);

#endif
