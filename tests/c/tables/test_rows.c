#include "tables/rows.h"

#include "support/check.h"

#include <stddef.h>

/* No holes: a struct is as large as its fields together. */
static void test_no_holes(void)
{
#define SIZE(name, type, role, categories, text) +sizeof(type)
#define SOLID(name, tag, ROW, text) CHECK_EQUAL(sizeof(struct tag), 0 ROW(SIZE));
    MT_TABLES(SOLID)
}

static void check_fields(const struct mt_schema *schema)
{
    uint16_t end = 0;
    int has_present = 0, optionals = 0;
    uint8_t widest = 8;
    for (int i = 0; i < schema->count; i++) {
        const struct mt_field *field = &schema->fields[i];
        CHECK_EQUAL(field->offset, end);
        CHECK_EQUAL(field->offset % field->size, 0);
        CHECK(field->size == 1 || field->size == 2 || field->size == 4 || field->size == 8);
        if (strncmp(field->name, "reserved", 8) !=
            0) { /* from wide to narrow, but for what fills up the end */
            CHECK(field->size <= widest);
            widest = field->size;
        }
        CHECK(field->code == 'i' || field->code == 'u' || (field->code == 'f' && field->size == 8));
        CHECK(field->text != NULL && field->text[0] != '\0');
        CHECK((field->role == MT_ROLE_ENUM) == (field->categories != NULL));
        for (int other = 0; other < i; other++)
            CHECK(strcmp(schema->fields[other].name, field->name) != 0);
        end = (uint16_t)(field->offset + field->size);
        optionals += mt_field_optional(field);
        if (strcmp(field->name, "present") == 0) {
            has_present = 1;
            CHECK_EQUAL(field->role, MT_ROLE_HIDDEN);
            CHECK_EQUAL(field->code, 'u');
        }
    }
    CHECK_EQUAL(end, schema->row_size);
    /* an array of rows keeps every field aligned */
    CHECK_EQUAL(schema->row_size % schema->fields[0].size, 0);
    CHECK_EQUAL(has_present, optionals != 0);
}

/* What a role asks of its type. */
static void check_role(const struct mt_field *field)
{
    switch (field->role) {
    case MT_ROLE_TRUTH:
    case MT_ROLE_OPTIONAL_TRUTH:
        CHECK(field->code == 'u' && field->size == 1);
        break;
    case MT_ROLE_TIME:
    case MT_ROLE_SPAN:
        CHECK(field->code == 'i' && field->size == 8);
        break;
    case MT_ROLE_ENUM:
        CHECK(field->code == 'i' && field->size == 1);
        CHECK(field->categories->count > 0 && field->categories->count <= 127);
        for (int i = 0; i < field->categories->count; i++)
            for (int other = 0; other < i; other++)
                CHECK(strcmp(field->categories->names[i], field->categories->names[other]) != 0);
        break;
    case MT_ROLE_ADDRESS:
    case MT_ROLE_BYTES:
    case MT_ROLE_TEXT:
    case MT_ROLE_RAW:
        CHECK(field->code == 'i' && field->size == 4);
        break;
    case MT_ROLE_NUMBER:
    case MT_ROLE_OPTIONAL:
    case MT_ROLE_HIDDEN:
        break;
    default:
        CHECK(field->role < 0); /* a role that is none */
    }
}

static const struct mt_field *find(enum mt_table_id id, const char *name)
{
    for (int i = 0; i < mt_schemas[id].count; i++)
        if (strcmp(mt_schemas[id].fields[i].name, name) == 0)
            return &mt_schemas[id].fields[i];
    return NULL;
}

/* The k-th optional field of a table is this one, its bit is that, and it fits into `present`. */
static void check_bit(enum mt_table_id id, int place, const char *name, unsigned bit)
{
    int k = 0;
    for (int i = 0; i < mt_schemas[id].count; i++) {
        if (!mt_field_optional(&mt_schemas[id].fields[i]))
            continue;
        if (k++ == place)
            CHECK_TEXT(mt_schemas[id].fields[i].name, name);
    }
    CHECK(place < k);
    CHECK_EQUAL(bit, 1u << place);
    const struct mt_field *present = find(id, "present");
    CHECK(present != NULL && place < 8 * present->size);
}

static int count_optionals(enum mt_table_id id)
{
    int count = 0;
    for (int i = 0; i < mt_schemas[id].count; i++)
        count += mt_field_optional(&mt_schemas[id].fields[i]);
    return count;
}

static void test_bits(void)
{
    static const struct {
        const char *name;
        unsigned bit;
    } connections[] = {{"client_mss", MT_CONNECTION_CLIENT_MSS},
                       {"server_mss", MT_CONNECTION_SERVER_MSS},
                       {"proxied_port", MT_CONNECTION_PROXIED_PORT},
                       {"client_ttl", MT_CONNECTION_CLIENT_TTL},
                       {"server_ttl", MT_CONNECTION_SERVER_TTL},
                       {"proxy_granted", MT_CONNECTION_PROXY_GRANTED}},
      peers[] = {{"last_seen", MT_PEER_LAST_SEEN},
                 {"pruning_seed", MT_PEER_PRUNING_SEED},
                 {"rpc_credits_per_hash", MT_PEER_RPC_CREDITS},
                 {"rpc_port", MT_PEER_RPC_PORT}},
      nodes[] = {{"peer_id", MT_NODE_PEER_ID},
                 {"local_time", MT_NODE_LOCAL_TIME},
                 {"my_port", MT_NODE_MY_PORT},
                 {"support_flags", MT_NODE_SUPPORT_FLAGS},
                 {"rpc_credits_per_hash", MT_NODE_RPC_CREDITS},
                 {"rpc_port", MT_NODE_RPC_PORT}},
      syncs[] = {{"current_height", MT_SYNC_HEIGHT},
                 {"cumulative_difficulty", MT_SYNC_DIFFICULTY},
                 {"cumulative_difficulty_top64", MT_SYNC_DIFFICULTY_TOP64},
                 {"pruning_seed", MT_SYNC_PRUNING_SEED},
                 {"top_version", MT_SYNC_TOP_VERSION}},
      messages[] = {{"skeleton", MT_MESSAGE_SKELETON},
                    {"trailing", MT_MESSAGE_TRAILING},
                    {"unknown_keys", MT_MESSAGE_UNKNOWN_KEYS},
                    {"duplicate_keys", MT_MESSAGE_DUPLICATE_KEYS},
                    {"wide_varints", MT_MESSAGE_WIDE_VARINTS},
                    {"other_types", MT_MESSAGE_OTHER_TYPES},
                    {"default_fields", MT_MESSAGE_DEFAULT_FIELDS},
                    {"keys_ordered", MT_MESSAGE_KEYS_ORDERED}},
      transactions[] = {{"fee", MT_TRANSACTION_FEE},
                        {"weight", MT_TRANSACTION_WEIGHT},
                        {"inputs", MT_TRANSACTION_INPUTS},
                        {"outputs", MT_TRANSACTION_OUTPUTS},
                        {"ring_size", MT_TRANSACTION_RING_SIZE},
                        {"block_position", MT_TRANSACTION_BLOCK_POSITION},
                        {"version", MT_TRANSACTION_VERSION},
                        {"rct_type", MT_TRANSACTION_RCT_TYPE},
                        {"fluff", MT_TRANSACTION_FLUFF},
                        {"ascending", MT_TRANSACTION_ASCENDING}},
      blocks[] = {{"height", MT_BLOCK_HEIGHT},
                  {"timestamp", MT_BLOCK_TIMESTAMP},
                  {"transactions", MT_BLOCK_TRANSACTIONS},
                  {"major_version", MT_BLOCK_MAJOR_VERSION},
                  {"minor_version", MT_BLOCK_MINOR_VERSION}},
      inventories[] = {{"tx_index", MT_INVENTORY_TX_INDEX}},
      files[] = {{"dropped", MT_FILE_DROPPED}},
      fields[] = {{"elements", MT_ENTRY_ELEMENTS},
                  {"value_int", MT_ENTRY_INT},
                  {"value_uint", MT_ENTRY_UINT},
                  {"value_float", MT_ENTRY_FLOAT}};
#define BITS(list, id) \
    do { \
        int count = (int)(sizeof list / sizeof list[0]); \
        CHECK_EQUAL(count_optionals(id), count); \
        for (int i = 0; i < count; i++) \
            check_bit(id, i, list[i].name, list[i].bit); \
    } while (0)
    BITS(connections, MT_TABLE_connections);
    BITS(peers, MT_TABLE_peer_lists);
    BITS(nodes, MT_TABLE_node_data);
    BITS(syncs, MT_TABLE_sync_data);
    BITS(messages, MT_TABLE_messages);
    BITS(transactions, MT_TABLE_transactions);
    BITS(blocks, MT_TABLE_blocks);
    BITS(inventories, MT_TABLE_inventories);
    BITS(files, MT_TABLE_files);
    BITS(fields, MT_TABLE_fields);
    CHECK_EQUAL(count_optionals(MT_TABLE_problems), 0);
}

/* A description tells what the struct is. */
static void test_descriptions(void)
{
    CHECK_TEXT(mt_schemas[MT_TABLE_connections].name, "connections");
    CHECK_TEXT(mt_schemas[MT_TABLE_messages].name, "messages");
    CHECK_TEXT(mt_schemas[MT_TABLE_peer_lists].name, "peer_lists");
    CHECK_TEXT(mt_schemas[MT_TABLE_node_data].name, "node_data");
    CHECK_TEXT(mt_schemas[MT_TABLE_sync_data].name, "sync_data");
    CHECK_TEXT(mt_schemas[MT_TABLE_transactions].name, "transactions");
    CHECK_TEXT(mt_schemas[MT_TABLE_blocks].name, "blocks");
    CHECK_TEXT(mt_schemas[MT_TABLE_inventories].name, "inventories");
    CHECK_TEXT(mt_schemas[MT_TABLE_fields].name, "fields");
    CHECK_TEXT(mt_schemas[MT_TABLE_problems].name, "problems");
    CHECK_TEXT(mt_schemas[MT_TABLE_files].name, "files");

    const struct mt_field *field = find(MT_TABLE_peer_lists, "id");
    CHECK(field != NULL && field->code == 'u' && field->size == 8 &&
          field->offset == offsetof(struct mt_peer_row, id));
    field = find(MT_TABLE_messages, "return_code");
    CHECK(field != NULL && field->code == 'i' && field->size == 4 &&
          field->offset == offsetof(struct mt_message_row, return_code));
    field = find(MT_TABLE_messages, "status");
    CHECK(field != NULL && field->role == MT_ROLE_ENUM);
    if (field != NULL && field->categories != NULL) {
        CHECK_EQUAL(field->categories->count, MT_STATUS_COUNT);
        CHECK_TEXT(field->categories->names[MT_STATUS_COMPLETE], "complete");
        CHECK_TEXT(field->categories->names[MT_STATUS_MALFORMED], "malformed");
    }
    field = find(MT_TABLE_messages, "kind");
    CHECK(field != NULL && field->categories != NULL && field->categories->count == MT_KIND_COUNT);
    field = find(MT_TABLE_connections, "start");
    CHECK(field != NULL && field->categories != NULL && field->categories->count == MT_START_COUNT);
    field = find(MT_TABLE_connections, "end");
    CHECK(field != NULL && field->categories != NULL && field->categories->count == MT_END_COUNT);
    field = find(MT_TABLE_peer_lists, "type");
    CHECK(field != NULL && field->categories != NULL &&
          field->categories->count == MT_ADDRESS_TYPE_COUNT);
    field = find(MT_TABLE_inventories, "list");
    CHECK(field != NULL && field->categories != NULL && field->categories->count == MT_LIST_COUNT);
    field = find(MT_TABLE_fields, "value_float");
    CHECK(field != NULL && field->code == 'f' && field->size == 8);
    field = find(MT_TABLE_problems, "kind");
    CHECK(field != NULL && field->categories != NULL &&
          field->categories->count == MT_PROBLEM_COUNT);
    if (field != NULL && field->categories != NULL) {
        CHECK_TEXT(field->categories->names[MT_PROBLEM_LOST], "lost");
        CHECK_TEXT(field->categories->names[MT_PROBLEM_FILE], "file");
    }
}

int main(void)
{
    for (int id = 0; id < MT_TABLE_COUNT; id++) {
        CHECK(mt_schemas[id].text[0] != '\0');
        check_fields(&mt_schemas[id]);
        for (int i = 0; i < mt_schemas[id].count; i++)
            check_role(&mt_schemas[id].fields[i]);
    }
    test_no_holes();
    test_bits();
    test_descriptions();
    FINISH("test_rows");
}
