/* For the tests of the layers between segments and rows: Levin messages as bytes, an output to look
 * into, and sums over its tables. */
#ifndef MT_TEST_STREAM_HELP_H
#define MT_TEST_STREAM_HELP_H

#include "base/mem.h"
#include "conversation.h"
#include "decoder.h"
#include "epee/epee.h"
#include "levin/header.h"
#include "net/packet.h"
#include "support/check.h"
#include "tables/output.h"
#include "tables/rows.h"

#include <stdlib.h>
#include <string.h>

#define SECOND 1000000000LL
#define START_TIME 1700000000000000000LL
enum { ALL_TABLES = (1 << MT_TABLE_COUNT) - 1 };

/* ---- bytes ---- */

struct wire {
    uint8_t *bytes;
    size_t size, capacity;
};

static inline void wire_put(struct wire *wire, const void *bytes, size_t size)
{
    if (wire->size + size > wire->capacity) {
        wire->capacity = (wire->size + size) * 2;
        wire->bytes = realloc(wire->bytes, wire->capacity);
        if (wire->bytes == NULL)
            abort();
    }
    if (size != 0)
        memcpy(wire->bytes + wire->size, bytes, size);
    wire->size += size;
}

static inline void wire_fill(struct wire *wire, int value, size_t size)
{
    uint8_t byte = (uint8_t)value;
    for (size_t i = 0; i < size; i++)
        wire_put(wire, &byte, 1);
}

static inline void wire_free(struct wire *wire)
{
    free(wire->bytes);
    *wire = (struct wire){0};
}

/* The 33 bytes of a header with a right signature. */
static inline void wire_header(struct wire *wire, uint64_t length, unsigned expect,
                               uint32_t command, int32_t code, uint32_t flags, uint32_t version)
{
    uint8_t byte = (uint8_t)expect;
    wire_put(wire, "\x01\x21\x01\x01\x01\x01\x01\x01", 8);
    wire_put(wire, &length, 8);
    wire_put(wire, &byte, 1);
    wire_put(wire, &command, 4);
    wire_put(wire, &code, 4);
    wire_put(wire, &flags, 4);
    wire_put(wire, &version, 4);
}

enum { LEAST_BODY = 17 };

/* A body that monerod's reader takes for any command: the epee header and, if it is to be longer
 * than 10 bytes (then at least LEAST_BODY), one unknown string of `value` bytes. */
static inline void wire_body(struct wire *wire, size_t size, int value)
{
    wire_put(wire, mt_epee_header, MT_EPEE_HEADER);
    if (size == 10) {
        wire_put(wire, "\0", 1);
        return;
    }
    if (size < LEAST_BODY)
        abort();
    uint32_t length = (uint32_t)(size - LEAST_BODY) << 2 | 2;
    wire_put(wire, "\x04\x01z\x0a", 4); /* one entry, "z", a string */
    wire_put(wire, &length, 4);
    wire_fill(wire, value, size - LEAST_BODY);
}

static inline void wire_request(struct wire *wire, uint32_t command, size_t size)
{
    wire_header(wire, size, 1, command, 0, MT_FLAG_REQUEST, 1);
    wire_body(wire, size, 'q');
}

static inline void wire_response(struct wire *wire, uint32_t command, size_t size)
{
    wire_header(wire, size, 0, command, 1, MT_FLAG_RESPONSE, 1);
    wire_body(wire, size, 's');
}

/* An error response: no body. */
static inline void wire_error(struct wire *wire, uint32_t command)
{
    wire_header(wire, 0, 0, command, -1, MT_FLAG_RESPONSE, 1);
}

static inline void wire_notify(struct wire *wire, uint32_t command, size_t size)
{
    wire_header(wire, size, 0, command, 0, MT_FLAG_REQUEST, 1);
    wire_body(wire, size, 'n');
}

/* ---- numbers that look random and never change ---- */

static inline uint32_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

/* ---- rows ---- */

static inline const struct mt_message_row *message_row(const struct mt_output *output, size_t i)
{
    static const struct mt_message_row none = {
        .message = -9, .kind = -9, .status = -9, .reply_to = -9};
    const struct mt_table *table = &output->tables[MT_TABLE_messages];
    return i < table->count ? (const struct mt_message_row *)table->rows + i : &none;
}

static inline const struct mt_problem_row *problem_row(const struct mt_output *output, size_t i)
{
    static const struct mt_problem_row none = {.kind = -9, .bytes = -9, .offset = -9, .detail = -1};
    const struct mt_table *table = &output->tables[MT_TABLE_problems];
    return i < table->count ? (const struct mt_problem_row *)table->rows + i : &none;
}

static inline const struct mt_connection_row *connection_row(const struct mt_output *output,
                                                             size_t i)
{
    static const struct mt_connection_row none = {.connection = -9, .start = -9, .end = -9};
    const struct mt_table *table = &output->tables[MT_TABLE_connections];
    return i < table->count ? (const struct mt_connection_row *)table->rows + i : &none;
}

static inline size_t messages_count(const struct mt_output *output)
{
    return output->tables[MT_TABLE_messages].count;
}
static inline size_t problems_count(const struct mt_output *output)
{
    return output->tables[MT_TABLE_problems].count;
}
static inline size_t connections_count(const struct mt_output *output)
{
    return output->tables[MT_TABLE_connections].count;
}

/* Bytes of all rows of problems of a kind. */
static inline int64_t problem_bytes(const struct mt_output *output, enum mt_problem_kind kind)
{
    int64_t bytes = 0;
    for (size_t i = 0; i < problems_count(output); i++)
        bytes += problem_row(output, i)->kind == (int8_t)kind ? problem_row(output, i)->bytes : 0;
    return bytes;
}

static inline size_t problem_rows(const struct mt_output *output, enum mt_problem_kind kind)
{
    size_t rows = 0;
    for (size_t i = 0; i < problems_count(output); i++)
        rows += problem_row(output, i)->kind == (int8_t)kind;
    return rows;
}

static inline const char *problem_text(const struct mt_output *output, size_t i)
{
    static char text[256];
    size_t size = 0;
    if (problem_row(output, i)->detail < 0)
        return "";
    const uint8_t *bytes = mt_intern_get(&output->strings, problem_row(output, i)->detail, &size);
    snprintf(text, sizeof text, "%.*s", (int)size, (const char *)bytes);
    return text;
}

/* What the tiling of docs/architecture.md says was seen: bytes of complete messages, and of
 * problems that speak of bytes of a stream. */
static inline int64_t bytes_in_rows(const struct mt_output *output)
{
    static const enum mt_problem_kind kinds[] = {
        MT_PROBLEM_UNFRAMED,     MT_PROBLEM_TRUNCATED,     MT_PROBLEM_GAP,
        MT_PROBLEM_SNAPPED,      MT_PROBLEM_OVERSIZE,      MT_PROBLEM_MALFORMED,
        MT_PROBLEM_NOT_LEVIN,    MT_PROBLEM_OUT_OF_WINDOW, MT_PROBLEM_AFTER_END,
        MT_PROBLEM_PROXY_PREFIX, MT_PROBLEM_TLS,           MT_PROBLEM_BAD_CHECKSUM};
    int64_t bytes = 0;
    for (size_t i = 0; i < messages_count(output); i++)
        bytes +=
            message_row(output, i)->status == MT_STATUS_COMPLETE ? message_row(output, i)->wire : 0;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        bytes += problem_bytes(output, kinds[i]);
    return bytes;
}

static inline int64_t bytes_seen(const struct mt_output *output)
{
    int64_t bytes = 0;
    for (size_t i = 0; i < connections_count(output); i++)
        bytes += connection_row(output, i)->client_bytes + connection_row(output, i)->server_bytes;
    return bytes;
}

static inline int64_t bytes_lost(const struct mt_output *output)
{
    int64_t bytes = 0;
    for (size_t i = 0; i < connections_count(output); i++)
        bytes += connection_row(output, i)->client_lost + connection_row(output, i)->server_lost;
    return bytes;
}

/* Forgets all rows, so that one output serves many short streams. */
static inline void forget_rows(struct mt_output *output)
{
    for (int id = 0; id < MT_TABLE_COUNT; id++)
        output->tables[id].count = 0;
    output->messages_given = 0;
}

/* ---- one session, fed by hand ---- */

struct fixture {
    struct mt_limits limits;
    struct mt_decoder decoder;
    struct mt_budget buffered; /* of the connection */
    struct mt_conversation *conversation;
    struct mt_session *session; /* the conversation's */
    int64_t at[2];              /* stream offsets of the next bytes: of the server, of the client */
    int64_t acknowledged;       /* passed on with all bytes */
    struct mt_packet_ref ref;   /* of the next segment */
};

static inline void fixture_begin(struct fixture *fixture, int monero)
{
    static const struct mt_problem_source source = {7, 1, 2, 20000, -1, -1, MT_NO_CODE};
    fixture->at[0] = fixture->at[1] = 0;
    fixture->ref = (struct mt_packet_ref){.time = START_TIME, .frame = 1};
    fixture->conversation =
        mt_conversation_open(&fixture->decoder, &source, &fixture->buffered, monero);
    fixture->session = fixture->conversation != NULL ? fixture->conversation->session : NULL;
}

static inline void fixture_open(struct fixture *fixture, int monero)
{
    *fixture = (struct fixture){.limits = mt_default_limits, .acknowledged = INT64_MIN};
    mt_decoder_init(&fixture->decoder, &fixture->limits, ALL_TABLES);
    fixture->buffered = (struct mt_budget){
        .limit = &fixture->limits.connection_bytes,
        .limit_hits = &fixture->decoder.output.limit_hits[MT_LIMIT_connection_bytes],
        .whole = &fixture->decoder.output.buffered};
    fixture_begin(fixture, monero);
}

static inline void fixture_end_session(struct fixture *fixture)
{
    if (fixture->conversation != NULL)
        mt_conversation_close(fixture->conversation);
    fixture->conversation = NULL;
    fixture->session = NULL;
}

/* The same fixture with a new session and no rows. */
static inline void fixture_renew(struct fixture *fixture, int monero)
{
    fixture_end_session(fixture);
    forget_rows(&fixture->decoder.output);
    fixture_begin(fixture, monero);
}

static inline void fixture_close(struct fixture *fixture)
{
    fixture_end_session(fixture);
    CHECK_EQUAL(fixture->decoder.output.buffered.used, 0);
    mt_decoder_free(&fixture->decoder);
}

static inline void next_ref(struct mt_packet_ref *ref)
{
    ref->arrival++;
    ref->frame++;
    if (ref->time != MT_NO_TIME && ref->time < INT64_MAX - 1000000)
        ref->time += 1000000;
}

/* One segment, from a buffer that ends where it ends and goes away at once. */
static inline int fixture_segment(struct fixture *fixture, int from_client, const void *bytes,
                                  size_t size)
{
    uint8_t *exact = malloc(size);
    if (exact == NULL)
        abort();
    memcpy(exact, bytes, size);
    int64_t begin = fixture->at[from_client], end = begin + (int64_t)size;
    struct mt_stream_data data = {.bytes = exact,
                                  .size = (uint32_t)size,
                                  .offset = begin,
                                  .segment_begin = begin,
                                  .segment_end = end,
                                  .prior_end = INT64_MIN,
                                  .acknowledged = fixture->acknowledged,
                                  .ref = fixture->ref};
    int result = mt_levin_data(&fixture->session->levin.directions[from_client], &data);
    free(exact);
    fixture->at[from_client] = end;
    next_ref(&fixture->ref);
    return result;
}

/* Bytes in segments of `step` at most. */
static inline int fixture_feed(struct fixture *fixture, int from_client, const uint8_t *bytes,
                               size_t size, size_t step)
{
    int result = MT_OK;
    for (size_t at = 0; at < size && result == MT_OK; at += step)
        result =
            fixture_segment(fixture, from_client, bytes + at, size - at < step ? size - at : step);
    return result;
}

static inline int fixture_hole(struct fixture *fixture, int from_client, int64_t size,
                               enum mt_hole why)
{
    int64_t begin = fixture->at[from_client];
    fixture->at[from_client] += size;
    return mt_levin_hole(&fixture->session->levin.directions[from_client], begin, size, why,
                         &fixture->ref);
}

static inline int fixture_end(struct fixture *fixture)
{
    int result = mt_levin_end(&fixture->session->levin.directions[1]);
    return result == MT_OK ? mt_levin_end(&fixture->session->levin.directions[0]) : result;
}

#endif
