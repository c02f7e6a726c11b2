#include "invariants.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fuzz_fail(const char *file, int line, const char *text)
{
    fprintf(stderr, "%s:%d: %s\n", file, line, text);
    abort();
}

static const void *row_of(const struct mt_table *table, size_t index)
{
    return (const char *)table->rows + index * table->row_size;
}

static int64_t first_field(const struct mt_table *table, size_t index)
{
    int64_t value;
    memcpy(&value, row_of(table, index), sizeof value);
    return value;
}

/* ---- codes and ids ---- */

static void check_code(const void *field, size_t count)
{
    int32_t code;
    memcpy(&code, field, sizeof code);
    MUST(code == MT_NO_CODE || (code >= 0 && (size_t)code < count),
         "a code that stands for nothing");
}

static void check_codes(const struct mt_schema *schema, const struct mt_table *table,
                        size_t addresses, size_t strings)
{
    for (int i = 0; i < schema->count; i++) {
        const struct mt_field *field = &schema->fields[i];
        int is_address = field->role == MT_ROLE_ADDRESS ||
                         (field->role == MT_ROLE_HIDDEN && (strcmp(field->name, "client") == 0 ||
                                                            strcmp(field->name, "server") == 0));
        int is_string = field->role == MT_ROLE_BYTES || field->role == MT_ROLE_TEXT ||
                        field->role == MT_ROLE_RAW;
        for (size_t row = 0; row < table->count && (is_address || is_string); row++)
            check_code((const char *)row_of(table, row) + field->offset,
                       is_address ? addresses : strings);
    }
}

/* Rows of what messages say: in order of their messages, which exist. */
static void check_order(const struct mt_table *table, const struct mt_table *messages)
{
    int64_t last = 0;
    for (size_t row = 0; row < table->count; row++) {
        int64_t message = first_field(table, row);
        MUST(message >= last, "rows that are not in order of their messages");
        MUST(!messages->wanted || message < (int64_t)messages->count,
             "a row of a message that there is not");
        last = message;
    }
}

static void check_reply(const struct mt_table *messages, const struct mt_message_row *row)
{
    if (row->reply_to < 0)
        return;
    MUST(row->reply_to < (int64_t)messages->count, "a reply_to without a message");
    const struct mt_message_row *request = row_of(messages, (size_t)row->reply_to);
    MUST(request->kind == MT_KIND_REQUEST && row->kind == MT_KIND_RESPONSE,
         "a reply_to that does not join a response to a request");
    MUST(request->connection == row->connection && request->from_client != row->from_client &&
             request->command == row->command,
         "a response to a request of another connection, side or command");
}

static void check_messages(const struct mt_table *messages, const struct mt_table *connections)
{
    for (size_t i = 0; i < messages->count; i++) {
        const struct mt_message_row *row = row_of(messages, i);
        MUST(row->message == (int64_t)i, "message ids that do not count up");
        MUST(row->connection >= 0 && row->connection < (int64_t)connections->count,
             "a message of a connection that there is not");
        MUST(row->captured >= 0 && row->wire >= row->captured && row->fragments >= 1,
             "a message of impossible size");
        MUST(row->status != MT_STATUS_COMPLETE || (uint64_t)row->captured == row->length,
             "a complete message that is not whole");
        check_reply(messages, row);
    }
}

/* Every code is of a run, and of an entry. */
static void check_peers(const struct mt_table tables[MT_TABLE_COUNT])
{
    const struct mt_table *runs = &tables[MT_TABLE_peer_runs],
                          *codes = &tables[MT_TABLE_peer_codes];
    size_t entries = 0;
    for (size_t i = 0; i < runs->count; i++)
        entries += ((const struct mt_peer_run_row *)row_of(runs, i))->entries;
    MUST(entries == codes->count, "peer lists of other lengths than their entries");
    for (size_t i = 0; i < codes->count; i++) {
        int32_t code = ((const struct mt_peer_code_row *)row_of(codes, i))->entry;
        MUST(code >= 0 && (size_t)code < tables[MT_TABLE_peer_entries].count,
             "an entry of a peer list that there is not");
    }
}

/* ---- the tiling ---- */

/* What a stream's bytes may be, besides part of a complete message. */
static int is_undecoded(int kind)
{
    return kind == MT_PROBLEM_UNFRAMED || kind == MT_PROBLEM_NOT_LEVIN ||
           kind == MT_PROBLEM_PROXY_PREFIX || kind == MT_PROBLEM_TLS ||
           kind == MT_PROBLEM_OUT_OF_WINDOW || kind == MT_PROBLEM_AFTER_END ||
           kind == MT_PROBLEM_BAD_CHECKSUM ||
           (kind >= MT_PROBLEM_TRUNCATED && kind <= MT_PROBLEM_MALFORMED);
}

static void check_accounting(const struct mt_table tables[MT_TABLE_COUNT])
{
    int64_t seen = 0, lost = 0, decoded = 0, undecoded = 0, holes = 0;
    for (size_t i = 0; i < tables[MT_TABLE_connections].count; i++) {
        const struct mt_connection_row *row = row_of(&tables[MT_TABLE_connections], i);
        seen += row->client_bytes + row->server_bytes;
        lost += row->client_lost + row->server_lost;
    }
    for (size_t i = 0; i < tables[MT_TABLE_messages].count; i++) {
        const struct mt_message_row *row = row_of(&tables[MT_TABLE_messages], i);
        decoded += row->status == MT_STATUS_COMPLETE ? row->wire : 0;
    }
    for (size_t i = 0; i < tables[MT_TABLE_problems].count; i++) {
        const struct mt_problem_row *row = row_of(&tables[MT_TABLE_problems], i);
        MUST(row->bytes >= 0, "a problem of less than no bytes");
        undecoded += is_undecoded(row->kind) ? row->bytes : 0;
        holes += row->kind == MT_PROBLEM_LOST ? row->bytes : 0;
    }
    MUST(seen == decoded + undecoded, "bytes seen are not bytes decoded and bytes in problems");
    MUST(lost == holes, "bytes lost are not the bytes of the holes");
}

void check_tables(const struct mt_table tables[MT_TABLE_COUNT],
                  const struct mt_addresses *addresses, const struct mt_intern *strings)
{
    const struct mt_table *messages = &tables[MT_TABLE_messages];
    for (int id = 0; id < MT_TABLE_COUNT; id++) {
        check_codes(&mt_schemas[id], &tables[id], mt_addresses_count(addresses), strings->count);
        if (mt_table_of_messages((enum mt_table_id)id))
            check_order(&tables[id], messages);
    }
    check_peers(tables);
    if (!messages->wanted)
        return;
    check_messages(messages, &tables[MT_TABLE_connections]);
    check_accounting(tables);
}
