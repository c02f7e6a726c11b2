#include "command.h"

#include <stddef.h>

struct command {
    uint32_t number; /* for the reader */
    const char *name;
    uint64_t limit;
};

static const struct command commands[] = {
    {MT_HANDSHAKE, "HANDSHAKE", 65536},
    {MT_TIMED_SYNC, "TIMED_SYNC", 65536},
    {MT_PING, "PING", 4096},
    {MT_REQUEST_STAT_INFO, "REQUEST_STAT_INFO", UINT64_MAX},
    {MT_REQUEST_NETWORK_STATE, "REQUEST_NETWORK_STATE", UINT64_MAX},
    {MT_REQUEST_PEER_ID, "REQUEST_PEER_ID", UINT64_MAX},
    {MT_REQUEST_SUPPORT_FLAGS, "REQUEST_SUPPORT_FLAGS", 4096},
    {MT_NEW_BLOCK, "NEW_BLOCK", 134217728},
    {MT_NEW_TRANSACTIONS, "NEW_TRANSACTIONS", 134217728},
    {MT_REQUEST_GET_OBJECTS, "REQUEST_GET_OBJECTS", 2097152},
    {MT_RESPONSE_GET_OBJECTS, "RESPONSE_GET_OBJECTS", 134217728},
    {MT_REQUEST_CHAIN, "REQUEST_CHAIN", 524288},
    {MT_RESPONSE_CHAIN_ENTRY, "RESPONSE_CHAIN_ENTRY", 4194304},
    {MT_NEW_FLUFFY_BLOCK, "NEW_FLUFFY_BLOCK", 4194304},
    {MT_REQUEST_FLUFFY_MISSING_TX, "REQUEST_FLUFFY_MISSING_TX", 1048576},
    {MT_GET_TXPOOL_COMPLEMENT, "GET_TXPOOL_COMPLEMENT", 4194304},
};

/* Asked several times per message: the place in the list follows from the number. */
static const struct command *find(uint32_t number)
{
    enum { P2P = 0, NOTIFY = 7, AFTER_2005 = 11 }; /* where the runs without gaps begin */
    if (number - MT_HANDSHAKE <= MT_REQUEST_SUPPORT_FLAGS - MT_HANDSHAKE)
        return &commands[P2P + (number - MT_HANDSHAKE)];
    if (number - MT_NEW_BLOCK <= MT_RESPONSE_GET_OBJECTS - MT_NEW_BLOCK)
        return &commands[NOTIFY + (number - MT_NEW_BLOCK)];
    if (number - MT_REQUEST_CHAIN <= MT_GET_TXPOOL_COMPLEMENT - MT_REQUEST_CHAIN)
        return &commands[AFTER_2005 + (number - MT_REQUEST_CHAIN)];
    return NULL;
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
    return find(command) != NULL;
}
