#include "base/command.h"

#include <stddef.h>

struct command {
    const char *name;
    uint64_t limit;
};

/* Place of a known command in the list: the numbers run in three rows without gaps. */
#define PLACE(number) \
    ((number) <= MT_REQUEST_SUPPORT_FLAGS  ? (number) - MT_HANDSHAKE \
     : (number) <= MT_RESPONSE_GET_OBJECTS ? 7 + (number) - MT_NEW_BLOCK \
                                           : 11 + (number) - MT_REQUEST_CHAIN)

static const struct command commands[] = {
    [PLACE(MT_HANDSHAKE)] = {"HANDSHAKE", 65536},
    [PLACE(MT_TIMED_SYNC)] = {"TIMED_SYNC", 65536},
    [PLACE(MT_PING)] = {"PING", 4096},
    [PLACE(MT_REQUEST_STAT_INFO)] = {"REQUEST_STAT_INFO", UINT64_MAX},
    [PLACE(MT_REQUEST_NETWORK_STATE)] = {"REQUEST_NETWORK_STATE", UINT64_MAX},
    [PLACE(MT_REQUEST_PEER_ID)] = {"REQUEST_PEER_ID", UINT64_MAX},
    [PLACE(MT_REQUEST_SUPPORT_FLAGS)] = {"REQUEST_SUPPORT_FLAGS", 4096},
    [PLACE(MT_NEW_BLOCK)] = {"NEW_BLOCK", 134217728},
    [PLACE(MT_NEW_TRANSACTIONS)] = {"NEW_TRANSACTIONS", 134217728},
    [PLACE(MT_REQUEST_GET_OBJECTS)] = {"REQUEST_GET_OBJECTS", 2097152},
    [PLACE(MT_RESPONSE_GET_OBJECTS)] = {"RESPONSE_GET_OBJECTS", 134217728},
    [PLACE(MT_REQUEST_CHAIN)] = {"REQUEST_CHAIN", 524288},
    [PLACE(MT_RESPONSE_CHAIN_ENTRY)] = {"RESPONSE_CHAIN_ENTRY", 4194304},
    [PLACE(MT_NEW_FLUFFY_BLOCK)] = {"NEW_FLUFFY_BLOCK", 4194304},
    [PLACE(MT_REQUEST_FLUFFY_MISSING_TX)] = {"REQUEST_FLUFFY_MISSING_TX", 1048576},
    [PLACE(MT_GET_TXPOOL_COMPLEMENT)] = {"GET_TXPOOL_COMPLEMENT", 4194304},
    [PLACE(MT_TX_POOL_HASH)] = {"TX_POOL_HASH", UINT64_MAX},
    [PLACE(MT_REQUEST_TX_POOL_TXS)] = {"REQUEST_TX_POOL_TXS", UINT64_MAX},
};

_Static_assert(sizeof commands / sizeof commands[0] == MT_COMMAND_COUNT, "one entry a command");

/* Asked several times per message. */
int mt_command_place(uint32_t number)
{
    int known = (number >= MT_HANDSHAKE && number <= MT_REQUEST_SUPPORT_FLAGS) ||
                (number >= MT_NEW_BLOCK && number <= MT_RESPONSE_GET_OBJECTS) ||
                (number >= MT_REQUEST_CHAIN && number <= MT_REQUEST_TX_POOL_TXS);
    return known ? (int)PLACE(number) : -1;
}

static const struct command *find(uint32_t number)
{
    int place = mt_command_place(number);
    return place >= 0 ? &commands[place] : NULL;
}

const char *mt_command_name(uint32_t command)
{
    const struct command *known = find(command);
    return known != NULL ? known->name : "UNKNOWN";
}

uint64_t mt_command_limit(uint32_t command)
{
    const struct command *known = find(command);
    return known != NULL ? known->limit : UINT64_MAX;
}

int mt_command_known(uint32_t command)
{
    return mt_command_place(command) >= 0;
}

int mt_command_is_draft(uint32_t command)
{
    return command == MT_TX_POOL_HASH || command == MT_REQUEST_TX_POOL_TXS;
}
