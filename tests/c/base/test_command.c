#include "base/command.h"
#include "support/check.h"

int main(void)
{
    static const struct {
        uint32_t number;
        const char *name;
        uint64_t limit;
    } known[] = {
        /* doc: get_max_bytes of monerod */
        {1001, "HANDSHAKE", 65536},
        {1002, "TIMED_SYNC", 65536},
        {1003, "PING", 4096},
        {1004, "REQUEST_STAT_INFO", UINT64_MAX},
        {1005, "REQUEST_NETWORK_STATE", UINT64_MAX},
        {1006, "REQUEST_PEER_ID", UINT64_MAX},
        {1007, "REQUEST_SUPPORT_FLAGS", 4096},
        {2001, "NEW_BLOCK", 134217728},
        {2002, "NEW_TRANSACTIONS", 134217728},
        {2003, "REQUEST_GET_OBJECTS", 2 << 20},
        {2004, "RESPONSE_GET_OBJECTS", 134217728},
        {2006, "REQUEST_CHAIN", 512 << 10},
        {2007, "RESPONSE_CHAIN_ENTRY", 4 << 20},
        {2008, "NEW_FLUFFY_BLOCK", 4 << 20},
        {2009, "REQUEST_FLUFFY_MISSING_TX", 1 << 20},
        {2010, "GET_TXPOOL_COMPLEMENT", 4 << 20},
        {2011, "TX_POOL_HASH", UINT64_MAX},
        {2012, "REQUEST_TX_POOL_TXS", UINT64_MAX},
    };
    int count = 0;
    for (uint32_t number = 0; number < 3000; number++)
        count += mt_command_known(number);
    CHECK_EQUAL(count, sizeof known / sizeof known[0]);
    CHECK_EQUAL(count, MT_COMMAND_COUNT);
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        CHECK_TEXT(mt_command_name(known[i].number), known[i].name);
        CHECK_EQUAL(mt_command_limit(known[i].number), known[i].limit);
        CHECK_EQUAL(mt_command_known(known[i].number), 1);
        CHECK_EQUAL(mt_command_place(known[i].number), i);
        CHECK_EQUAL(mt_command_is_draft(known[i].number), known[i].number > 2010);
    }
    static const uint32_t unknown[] = {0, 1, 1000, 1008, 2000, 2005, 2013, UINT32_MAX};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        CHECK_TEXT(mt_command_name(unknown[i]), "UNKNOWN");
        CHECK(mt_command_limit(unknown[i]) == UINT64_MAX);
        CHECK_EQUAL(mt_command_known(unknown[i]), 0);
        CHECK_EQUAL(mt_command_place(unknown[i]), -1);
    }
    FINISH("command");
}
