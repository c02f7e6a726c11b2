/* For the tests of one connection: its segments, and its row. */
#ifndef MT_TEST_CONNECTION_HELP_H
#define MT_TEST_CONNECTION_HELP_H

#include "base/command.h"
#include "support/stream_help.h"
#include "tcp/connection.h"
#include "tcp/incarnation.h"

enum { SYN = MT_TCP_SYN, ACK = MT_TCP_ACK, FIN = MT_TCP_FIN, RST = MT_TCP_RST, PSH = MT_TCP_PSH };
enum { CLIENT = 1, SERVER = 0 };

static struct mt_limits limits;
static struct mt_decoder decoder;
static struct mt_tcp_shared shared;
static struct mt_connection *connection;
static struct mt_packet_ref ref;
static struct wire ping; /* a PING request of 43 bytes */

/* As tcp.c begins one. */
static inline void begin(int monero, int start)
{
    connection = mt_connection_new(&shared);
    connection->id = 3;
    connection->opened = connection->last = connection->aged = ref.time;
    connection->start = (uint8_t)start;
    connection->monero = monero != 0;
    connection->sides[CLIENT].address = 11;
    connection->sides[SERVER].address = 12;
    for (int side = 0; side < 2; side++) {
        connection->sides[side].port = (uint16_t)(side == CLIENT ? 40000 : 18080);
    }
}

static inline void open_world(int monero, int start)
{
    limits = mt_default_limits;
    mt_decoder_init(&decoder, &limits, ALL_TABLES);
    shared = (struct mt_tcp_shared){.callbacks = &mt_conversation_callbacks,
                                    .context = &decoder,
                                    .limits = &limits,
                                    .limit_hits = decoder.output.limit_hits,
                                    .key = &decoder.payload_key,
                                    .buffered = &decoder.output.buffered};
    ref = (struct mt_packet_ref){.time = START_TIME, .frame = 1};
    begin(monero, start);
}

static inline void close_world(void)
{
    mt_connection_free(connection);
    CHECK_EQUAL(decoder.output.buffered.used, 0);
    CHECK_EQUAL(decoder.early.count, 0);
    mt_decoder_free(&decoder);
}

static inline struct mt_segment segment_of(int flags, uint32_t sequence, uint32_t acknowledgement,
                                           const void *bytes, size_t size)
{
    return (struct mt_segment){.flags = (uint8_t)flags,
                               .sequence = sequence,
                               .acknowledgement = acknowledgement,
                               .payload = bytes,
                               .captured = (uint32_t)size,
                               .length = (uint32_t)size,
                               .ttl = 64};
}

static inline int send_segment(int from_client, const struct mt_segment *segment)
{
    int result = mt_connection_segment(connection, segment, from_client, &ref);
    next_ref(&ref);
    return result;
}

static inline void put_bytes(int from_client, int flags, uint32_t sequence,
                             uint32_t acknowledgement, const void *bytes, size_t size)
{
    uint8_t *exact = malloc(size != 0 ? size : 1);
    if (size != 0)
        memcpy(exact, bytes, size);
    struct mt_segment segment = segment_of(flags, sequence, acknowledgement, exact, size);
    CHECK_EQUAL(send_segment(from_client, &segment), MT_OK);
    free(exact);
}

static inline void put(int from_client, int flags, uint32_t sequence, uint32_t acknowledgement,
                       const char *text)
{
    put_bytes(from_client, flags, sequence, acknowledgement, text, strlen(text));
}

/* SYN, SYN/ACK, ACK: the client's bytes begin at 101, the server's at 501. */
static inline void shake_hands(void)
{
    put(CLIENT, SYN, 100, 0, "");
    put(SERVER, SYN | ACK, 500, 101, "");
    put(CLIENT, ACK, 101, 501, "");
}

static inline int close_row(enum mt_end end)
{
    return mt_conversation_callbacks.closed(&decoder, connection,
                                            mt_connection_how_ended(connection, end));
}

static inline const struct mt_connection_row *finish(enum mt_end end)
{
    CHECK_EQUAL(mt_connection_end(connection), MT_OK);
    CHECK_EQUAL(mt_connection_end(connection), MT_OK); /* once */
    CHECK_EQUAL(close_row(end), MT_OK);
    return connection_row(&decoder.output, 0);
}

static inline void check_sums(void)
{
    CHECK_EQUAL(bytes_in_rows(&decoder.output), bytes_seen(&decoder.output));
    CHECK_EQUAL(problem_bytes(&decoder.output, MT_PROBLEM_LOST), bytes_lost(&decoder.output));
}

#endif
