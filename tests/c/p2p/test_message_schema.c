/* The table of monerod's structs: sorted, sound, and found by key. */
#include "base/command.h"
#include "p2p/message_schema.h"
#include "support/check.h"
#include "support/payload.h"

static const uint32_t commands[] = {1001, 1002, 1003, 1004, 1005, 1006, 1007, 2001, 2002,
                                    2003, 2004, 2006, 2007, 2008, 2009, 2010, 2011, 2012};

static int is_object_type(uint8_t type)
{
    return (type & ~(unsigned)MT_EPEE_ARRAY_FLAG) == MT_EPEE_OBJECT;
}

static void check_schema(const struct mt_message_schema *schema, unsigned depth)
{
    CHECK(depth < 5);
    for (uint32_t i = 0; i < schema->count; i++) {
        const struct mt_schema_field *field = &schema->fields[i];
        CHECK_EQUAL(strlen(field->key), field->size);
        if (i != 0)
            CHECK(strcmp(schema->fields[i - 1].key, field->key) < 0);
        CHECK((field->inner != NULL) ==
              (is_object_type(field->type) || is_object_type(field->other_type)));
        CHECK(field->presence != MT_UNLESS_TRUE || field->type == MT_EPEE_BOOL);
        CHECK(field->presence != MT_UNLESS_EMPTY || field->type == MT_EPEE_STRING ||
              (field->type & MT_EPEE_ARRAY_FLAG));
        if (field->inner != NULL)
            check_schema(field->inner, depth + 1);
    }
}

static struct mt_epee_entry named(const char *key)
{
    return (struct mt_epee_entry){.key = (const uint8_t *)key, .key_size = (uint8_t)strlen(key)};
}

static void test_roots(void)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        CHECK(mt_command_known(commands[i]));
        check_schema(mt_message_schema_of(commands[i], 0), 0);
        check_schema(mt_message_schema_of(commands[i], 1), 0);
        if (commands[i] > 2000)
            CHECK(mt_message_schema_of(commands[i], 0)->fields ==
                  mt_message_schema_of(commands[i], 1)->fields);
    }
    CHECK_EQUAL(mt_message_schema_of(MT_HANDSHAKE, 0)->count, 2);
    CHECK_EQUAL(mt_message_schema_of(MT_HANDSHAKE, 1)->count, 4);
    CHECK_EQUAL(mt_message_schema_of(MT_PING, 0)->count, 0);
    CHECK_EQUAL(mt_message_schema_of(2005, 0)->count, 0);
    CHECK_EQUAL(mt_message_schema_of(0, 1)->count, 0);
}

/* Every command has its own struct: the keys that it always has. */
static void test_keys(void)
{
    static const struct {
        uint32_t command;
        int response;
        const char *keys;
    } always[] = {
        {1001, 0, "node_data payload_data"},
        {1001, 1, "node_data payload_data"},
        {1002, 0, "payload_data"},
        {1002, 1, "payload_data"},
        {1003, 0, ""},
        {1003, 1, "peer_id status"},
        {1004, 0, "tr"},
        {1004, 1, "connections_count incoming_connections_count os_version payload_info version"},
        {1005, 0, "tr"},
        {1005, 1, "local_time my_id"},
        {1006, 0, ""},
        {1006, 1, "my_id"},
        {1007, 0, ""},
        {1007, 1, "support_flags"},
        {2001, 0, "b current_blockchain_height"},
        {2002, 0, "_"},
        {2003, 0, ""},
        {2004, 0, "current_blockchain_height"},
        {2006, 0, ""},
        {2007, 0,
         "cumulative_difficulty cumulative_difficulty_top64 first_block start_height total_height"},
        {2008, 0, "b current_blockchain_height"},
        {2009, 0, "block_hash current_blockchain_height"},
        {2010, 0, ""},
        {2011, 0, ""},
        {2012, 0, ""},
    };
    for (size_t i = 0; i < sizeof always / sizeof always[0]; i++) {
        const struct mt_message_schema *schema =
            mt_message_schema_of(always[i].command, always[i].response);
        char keys[128] = "";
        for (uint32_t f = 0; f < schema->count; f++) {
            if (schema->fields[f].presence == MT_ALWAYS)
                snprintf(keys + strlen(keys), sizeof keys - strlen(keys), "%s%s",
                         keys[0] != '\0' ? " " : "", schema->fields[f].key);
        }
        CHECK_TEXT(keys, always[i].keys);
    }
    CHECK(mt_message_schema_of(2003, 0)->count == 3 && mt_message_schema_of(2006, 0)->count == 2 &&
          mt_message_schema_of(2010, 0)->count == 1);
}

static void test_find(void)
{
    const struct mt_message_schema *schema = &mt_schema_node_data;
    uint32_t next = 0;
    for (int round = 0; round < 2; round++) { /* in order, and round again */
        for (uint32_t i = 0; i < schema->count; i++) {
            struct mt_epee_entry entry = named(schema->fields[i].key);
            CHECK(mt_schema_find(schema, &entry, &next) == &schema->fields[i]);
        }
    }
    for (uint32_t i = schema->count; i-- > 0;) { /* backwards */
        struct mt_epee_entry entry = named(schema->fields[i].key);
        CHECK(mt_schema_find(schema, &entry, &next) == &schema->fields[i]);
    }
    static const char *const strangers[] = {"x", "my_por", "my_port_", "Peer_id"};
    for (size_t i = 0; i < sizeof strangers / sizeof strangers[0]; i++) {
        struct mt_epee_entry entry = named(strangers[i]);
        CHECK(mt_schema_find(schema, &entry, &next) == NULL);
    }
    struct mt_epee_entry entry = named("peer_id");
    CHECK(mt_schema_find(mt_message_schema_of(2005, 0), &entry, &next) == NULL);
}

int main(void)
{
    test_roots();
    test_keys();
    test_find();
    FINISH("message_schema");
}
