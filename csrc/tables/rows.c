#include "tables/rows.h"

#include <stddef.h>

#define NAME(identifier, text) text,
#define CATEGORIES(list, LIST) \
    static const char *const list##_names[] = {LIST(NAME)}; \
    static const struct mt_categories categories_##list = { \
        list##_names, (int)(sizeof list##_names / sizeof list##_names[0])};
CATEGORIES(KINDS, MT_KINDS)
CATEGORIES(STATUSES, MT_STATUSES)
CATEGORIES(ACCEPTANCES, MT_ACCEPTANCES)
CATEGORIES(STARTS, MT_STARTS)
CATEGORIES(ENDS, MT_ENDS)
CATEGORIES(PROXIES, MT_PROXIES)
CATEGORIES(ADDRESS_TYPES, MT_ADDRESS_TYPES)
CATEGORIES(LISTS, MT_LISTS)
CATEGORIES(PROBLEMS, MT_PROBLEMS)
#define LIST_NONE NULL
#define LIST_KINDS &categories_KINDS
#define LIST_STATUSES &categories_STATUSES
#define LIST_ACCEPTANCES &categories_ACCEPTANCES
#define LIST_STARTS &categories_STARTS
#define LIST_ENDS &categories_ENDS
#define LIST_PROXIES &categories_PROXIES
#define LIST_ADDRESS_TYPES &categories_ADDRESS_TYPES
#define LIST_LISTS &categories_LISTS
#define LIST_PROBLEMS &categories_PROBLEMS

#define SIGN(type) _Generic((type)0, double: 'f', default: (type) - 1 < (type)1 ? 'i' : 'u')

/* `owner` is redefined per table: the struct whose members are described. */
#define DESCRIBE(name, type, role, categories, text) \
    {#name, \
     SIGN(type), \
     (uint8_t)sizeof(type), \
     (uint16_t)offsetof(struct OWNER, name), \
     MT_ROLE_##role, \
     LIST_##categories, \
     text},

#define OWNER mt_connection_row
static const struct mt_field connections_fields[] = {MT_CONNECTION_ROW(DESCRIBE)};
#undef OWNER
#define OWNER mt_message_row
static const struct mt_field messages_fields[] = {MT_MESSAGE_ROW(DESCRIBE)};
#undef OWNER
#define OWNER mt_peer_row
static const struct mt_field peer_lists_fields[] = {MT_PEER_ROW(DESCRIBE)};
#undef OWNER
#define OWNER mt_peer_run_row
static const struct mt_field peer_runs_fields[] = {MT_PEER_RUN_ROW(DESCRIBE)};
#undef OWNER
#define OWNER mt_peer_code_row
static const struct mt_field peer_codes_fields[] = {MT_PEER_CODE_ROW(DESCRIBE)};
#undef OWNER
#define OWNER mt_peer_entry_row
static const struct mt_field peer_entries_fields[] = {MT_PEER_ENTRY_ROW(DESCRIBE)};
#undef OWNER
#define OWNER mt_node_row
static const struct mt_field node_data_fields[] = {MT_NODE_ROW(DESCRIBE)};
#undef OWNER
#define OWNER mt_sync_row
static const struct mt_field sync_data_fields[] = {MT_SYNC_ROW(DESCRIBE)};
#undef OWNER
#define OWNER mt_transaction_row
static const struct mt_field transactions_fields[] = {MT_TRANSACTION_ROW(DESCRIBE)};
#undef OWNER
#define OWNER mt_block_row
static const struct mt_field blocks_fields[] = {MT_BLOCK_ROW(DESCRIBE)};
#undef OWNER
#define OWNER mt_inventory_row
static const struct mt_field inventories_fields[] = {MT_INVENTORY_ROW(DESCRIBE)};
#undef OWNER
#define OWNER mt_entry_row
static const struct mt_field fields_fields[] = {MT_ENTRY_ROW(DESCRIBE)};
#undef OWNER
#define OWNER mt_problem_row
static const struct mt_field problems_fields[] = {MT_PROBLEM_ROW(DESCRIBE)};
#undef OWNER
#define OWNER mt_file_row
static const struct mt_field files_fields[] = {MT_FILE_ROW(DESCRIBE)};
#undef OWNER

#define SCHEMA(name, tag, ROW, text) \
    {#name, text, name##_fields, (int)(sizeof name##_fields / sizeof name##_fields[0]), \
     (uint16_t)sizeof(struct tag)},
const struct mt_schema mt_schemas[MT_TABLE_COUNT] = {MT_TABLES(SCHEMA)};
