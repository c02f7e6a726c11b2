/* One payload: the reader, the decoders of all commands with the blobs in it, and `fields`. */
#include "base/command.h"
#include "decoder.h"
#include "epee/epee.h"
#include "input.h"
#include "invariants.h"
#include "p2p/fields.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint32_t commands[] = {1001, 1002, 1003, 1004, 1005, 1006, 1007, 2001, 2002,
                                    2003, 2004, 2006, 2007, 2008, 2009, 2010, 5};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

struct decoded {
    struct mt_decoder decoder;
    struct mt_message_row row;
    int result;
};

/* Whether the reader alone accepts the payload. */
static int is_readable(const uint8_t *payload, size_t size)
{
    static struct mt_epee reader;
    struct mt_epee_entry entry;
    int result = mt_epee_open(&reader, payload, size, &mt_epee_monerod);
    while (result == MT_OK && (result = mt_epee_next(&reader, &entry)) == MT_OK)
        result = mt_epee_skip(&reader, &entry);
    MUST(result == MT_END || reader.why != NULL, "refused without a reason");
    MUST(result != MT_END || reader.at <= reader.end, "read beyond the end");
    return result == MT_END;
}

static void decode(struct decoded *decoded, int64_t message, const struct input *input)
{
    const char *why = NULL;
    unsigned command = input->byte % COMMANDS;
    decoded->row = (struct mt_message_row){.message = message,
                                           .command = commands[command],
                                           .kind = (int8_t)(input->byte / COMMANDS % 3)};
    mt_defects_clear(&decoded->decoder.p2p.defects);
    decoded->result =
        mt_p2p_decode(&decoded->decoder.p2p, &decoded->row, input->rest, input->size, &why);
    mt_p2p_resolve(&decoded->decoder.p2p);
    MUST(decoded->result == MT_OK || (decoded->result == MT_MALFORMED && why != NULL),
         "neither taken nor refused for a reason");
}

static void check_fields(struct decoded *decoded, const struct input *input, int readable)
{
    struct mt_table *fields = &decoded->decoder.output.tables[MT_TABLE_fields];
    const struct mt_field_writer writer = {fields, &decoded->decoder.output.strings,
                                           &decoded->decoder.p2p.epee,
                                           (uint64_t)input->limits.message_fields};
    int cut;
    MUST(mt_fields_append(&writer, 0, input->rest, input->size, &cut) == MT_OK,
         "fields that are too much");
    MUST(fields->count <= (uint64_t)input->limits.message_fields, "more fields than the limit");
    MUST(cut || !readable || input->size != 0, "fields of nothing");
    for (size_t i = 0; i < fields->count; i++) {
        const struct mt_entry_row *row = (const struct mt_entry_row *)fields->rows + i;
        MUST(row->position == i && row->parent < (int64_t)i, "a field before what it is in");
    }
}

/* A second decoding finds its blobs known, and says the same. */
static void check_again(const struct mt_table *before, const struct mt_table *after)
{
    size_t count = before->count, size = count * before->row_size;
    MUST(after->count == 2 * count, "as many rows again");
    for (size_t i = 0; i < count; i++)
        MUST(memcmp((const char *)after->rows + i * after->row_size + sizeof(int64_t),
                    (const char *)after->rows + size + i * after->row_size + sizeof(int64_t),
                    after->row_size - sizeof(int64_t)) == 0,
             "a payload that says something else the second time");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = input_read(data, size);
    struct decoded decoded;
    mt_decoder_init(&decoded.decoder, &input.limits, input.tables | 1u << MT_TABLE_fields);
    int readable = is_readable(input.rest, input.size);
    decode(&decoded, 0, &input);
    MUST(decoded.result != MT_OK || readable || !mt_command_known(decoded.row.command) ||
             mt_command_is_draft(decoded.row.command),
         "taken by a decoder, refused by the reader");
    struct mt_table before[MT_TABLE_COUNT];
    memcpy(before, decoded.decoder.output.tables, sizeof before);
    decode(&decoded, 1, &input);
    for (int id = 0; id < MT_TABLE_COUNT && decoded.result == MT_OK; id++)
        if (mt_table_of_messages((enum mt_table_id)id) && id != MT_TABLE_messages &&
            id != MT_TABLE_fields && input_is_plain(&input))
            check_again(&before[id], &decoded.decoder.output.tables[id]);
    check_fields(&decoded, &input, readable);
    mt_decoder_free(&decoded.decoder);
    return 0;
}
