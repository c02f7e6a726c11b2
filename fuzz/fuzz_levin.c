/* Both Levin streams of a connection, with cuts and holes. A chunk is a control byte and bytes of a
 * stream. What was said must not depend on the cuts: every input is read twice, the second time in
 * other pieces. */
#include "base/mem.h"
#include "container.h"
#include "conversation.h"
#include "input.h"
#include "invariants.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *one, size_t one_size, const uint8_t *other,
                                 size_t other_size, uint8_t *out, size_t most, unsigned seed);

/* Bits of a chunk's control byte. */
enum { FROM_CLIENT = 1, HOLE_BEFORE = 2, SNAPPED_AFTER = 4, AGAIN = 8, SAME_SEGMENT = 16 };
/* Bits of the first byte of the options. */
enum { MONERO = 4, MIDSTREAM = 8 };

struct reading {
    struct mt_decoder decoder;
    struct mt_budget buffered; /* of the connection */
    struct mt_conversation *conversation;
    int64_t offsets[2];
    struct mt_packet_ref ref;
    int64_t seen[2], lost[2];
    unsigned pieces; /* 0: as the chunks are; else the seed of the cuts */
};

static struct mt_levin_stream *streams_of(const struct reading *reading)
{
    return reading->conversation->session->levin.directions;
}

static void hole(struct reading *reading, int way, int64_t size, enum mt_hole why)
{
    MUST(mt_levin_hole(&streams_of(reading)[way], reading->offsets[way], size, why,
                       &reading->ref) == MT_OK,
         "a hole that is too much");
    reading->offsets[way] += size;
    reading->lost[way] += size;
}

static uint32_t piece_size(struct reading *reading, size_t left)
{
    if (reading->pieces == 0)
        return (uint32_t)left;
    reading->pieces = reading->pieces * 1664525u + 1013904223u;
    uint32_t wanted =
        reading->pieces >> 28 == 0 ? reading->pieces >> 20 & 255 : reading->pieces >> 24 & 7;
    return wanted + 1 < left ? wanted + 1 : (uint32_t)left;
}

static void feed(struct reading *reading, int way, const uint8_t *bytes, size_t size)
{
    while (size != 0) {
        uint32_t part = piece_size(reading, size);
        int64_t begin = reading->offsets[way];
        struct mt_stream_data data = {.bytes = bytes,
                                      .size = part,
                                      .offset = begin,
                                      .segment_begin = begin,
                                      .segment_end = begin + part,
                                      .prior_end = INT64_MIN,
                                      .acknowledged = reading->offsets[!way],
                                      .ref = reading->ref};
        MUST(mt_levin_data(&streams_of(reading)[way], &data) == MT_OK, "bytes that are too much");
        reading->offsets[way] += part;
        reading->seen[way] += part;
        reading->ref.arrival++;
        bytes += part;
        size -= part;
    }
}

static void read_chunk(struct reading *reading, const struct chunk *chunk)
{
    if (chunk->size == 0)
        return;
    uint8_t control = chunk->bytes[0];
    int way = control & FROM_CLIENT;
    reading->ref.frame++;
    reading->ref.time += 1000;
    if ((control & HOLE_BEFORE) != 0)
        hole(reading, way, 1 + (control >> 5), MT_HOLE_ACKED);
    feed(reading, way, chunk->bytes + 1, chunk->size - 1);
    if ((control & AGAIN) != 0)
        MUST(mt_levin_repeated(&streams_of(reading)[way], chunk->bytes + 1,
                               reading->offsets[way] - (int64_t)chunk->size + 1,
                               (int64_t)chunk->size - 1, &reading->ref) == MT_OK,
             "a repetition that is too much");
    if ((control & SNAPPED_AFTER) != 0)
        hole(reading, way, (int64_t)1 << (control >> 5), MT_HOLE_SNAPPED);
}

/* The connection's row, as conversation.c makes it. */
static void make_connection(struct reading *reading)
{
    struct mt_connection_row *row =
        mt_table_append(&reading->decoder.output.tables[MT_TABLE_connections]);
    MUST(row != NULL, "no memory");
    *row = (struct mt_connection_row){.client = MT_NO_CODE,
                                      .server = MT_NO_CODE,
                                      .tunnel = MT_NO_CODE,
                                      .tunnel_ends = MT_NO_CODE,
                                      .proxied_host = MT_NO_CODE,
                                      .proxy = -1,
                                      .client_bytes = reading->seen[1],
                                      .server_bytes = reading->seen[0],
                                      .client_lost = reading->lost[1],
                                      .server_lost = reading->lost[0]};
}

static void read_streams(struct reading *reading, const struct input *input)
{
    mt_decoder_init(&reading->decoder, &input->limits,
                    input->tables | 1u << MT_TABLE_connections | 1u << MT_TABLE_messages |
                        1u << MT_TABLE_problems);
    static const struct mt_problem_source source = {0,  MT_NO_CODE, MT_NO_CODE, MT_NO_DAY,
                                                    -1, -1,         MT_NO_CODE};
    reading->buffered = (struct mt_budget){
        .limit = &input->limits.connection_bytes,
        .limit_hits = &reading->decoder.output.limit_hits[MT_LIMIT_connection_bytes],
        .whole = &reading->decoder.output.buffered};
    reading->conversation = mt_conversation_open(&reading->decoder, &source, &reading->buffered,
                                                 (input->flags & MONERO) != 0);
    MUST(reading->conversation != NULL, "no memory");
    for (int way = 0; way < 2 && (input->flags & MIDSTREAM) != 0; way++)
        mt_levin_midstream(&streams_of(reading)[way]);
    const uint8_t *at = input->rest;
    for (struct chunk chunk; container_next(&at, input->rest + input->size, &chunk);)
        read_chunk(reading, &chunk);
    for (int way = 0; way < 2; way++)
        MUST(mt_levin_end(&streams_of(reading)[way]) == MT_OK, "an end that is too much");
    MUST(mt_close_problems(&reading->decoder.output) == MT_OK, "no memory");
    make_connection(reading);
    mt_p2p_resolve(&reading->decoder.p2p);
    check_tables(reading->decoder.output.tables, &reading->decoder.output.addresses,
                 &reading->decoder.output.strings);
}

static void close_reading(struct reading *reading)
{
    mt_conversation_close(reading->conversation);
    MUST(reading->decoder.output.buffered.used == 0,
         "bytes that are still buffered when all is over");
    mt_decoder_free(&reading->decoder);
}

/* All columns of a message except those that describe packets, and `shared`, which depends on the
 * other messages in them. */
static struct mt_message_row without_packets(struct mt_message_row row)
{
    row.time = row.end_time = row.frame = row.end_frame = 0;
    row.segments = row.first_segment = row.end_length = 0;
    row.shared = 0;
    return row;
}

static void compare(const struct reading *one, const struct reading *other)
{
    for (int id = 0; id < MT_TABLE_COUNT; id++) {
        const struct mt_table *left = &one->decoder.output.tables[id],
                              *right = &other->decoder.output.tables[id];
        if (!mt_table_of_messages((enum mt_table_id)id) && id != MT_TABLE_peer_codes &&
            id != MT_TABLE_peer_entries)
            continue;
        MUST(left->count == right->count, "the cuts decide how many rows there are");
        for (size_t i = 0; i < left->count && id == MT_TABLE_messages; i++) {
            struct mt_message_row a = without_packets(
                                      ((const struct mt_message_row *)left->rows)[i]),
                                  b = without_packets(
                                      ((const struct mt_message_row *)right->rows)[i]);
            MUST(memcmp(&a, &b, sizeof a) == 0, "the cuts decide what a message is");
        }
        MUST(id == MT_TABLE_messages || left->count == 0 ||
                 memcmp(left->rows, right->rows, left->count * left->row_size) == 0,
             "the cuts decide what a message says");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = input_read(data, size);
    struct reading whole = {.ref = {.time = 1700000000000000000}},
                   cut = {.ref = {.time = 1700000000000000000}, .pieces = 1u + input.byte};
    read_streams(&whole, &input);
    read_streams(&cut, &input);
    if (input_is_plain(&input)) /* else a limit may be reached by the one alone */
        compare(&whole, &cut);
    close_reading(&whole);
    close_reading(&cut);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed)
{
    return container_mutate(data, size, most, input_options(data, size), seed);
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *one, size_t one_size, const uint8_t *other,
                                 size_t other_size, uint8_t *out, size_t most, unsigned seed)
{
    return container_cross(one, one_size, input_options(one, one_size), other, other_size,
                           input_options(other, other_size), out, most, seed);
}
