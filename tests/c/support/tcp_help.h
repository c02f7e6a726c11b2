/* For the tests of the table of connections: segments between IPv4 endpoints, and their sums. */
#ifndef MT_TEST_TCP_HELP_H
#define MT_TEST_TCP_HELP_H

#include "base/command.h"
#include "support/stream_help.h"
#include "tcp/tcp.h"

enum { SYN = MT_TCP_SYN, ACK = MT_TCP_ACK, FIN = MT_TCP_FIN, RST = MT_TCP_RST };
enum { FILES = 4 };

static struct mt_limits limits;
static struct mt_decoder decoder;
static struct mt_tcp *tcp;
static struct mt_packet_ref ref;
static int64_t claimed[FILES];
static struct wire ping;

static inline void open_world(void)
{
    static const uint16_t ports[] = {18080, 28080, 38080, 0};
    limits = mt_default_limits;
    memset(claimed, 0, sizeof claimed);
    mt_decoder_init(&decoder, &limits, ALL_TABLES);
    tcp = mt_decoder_open_tcp(&decoder, ports, 4, claimed);
    ref = (struct mt_packet_ref){.time = START_TIME, .frame = 1};
}

static inline void close_world(void)
{
    mt_tcp_close(tcp);
    tcp = NULL;
    CHECK_EQUAL(decoder.output.buffered.used, 0);
    mt_decoder_free(&decoder);
}

static inline void check_sums(void)
{
    CHECK_EQUAL(bytes_in_rows(&decoder.output), bytes_seen(&decoder.output));
    CHECK_EQUAL(problem_bytes(&decoder.output, MT_PROBLEM_LOST), bytes_lost(&decoder.output));
}

static inline void finish(void)
{
    CHECK_EQUAL(mt_tcp_finish(tcp), MT_OK);
    check_sums();
    for (size_t i = 0; i < messages_count(&decoder.output); i++)
        CHECK_EQUAL(message_row(&decoder.output, i)->message, (int64_t)i);
}

/* Two ends. */
struct flow {
    uint32_t client, server; /* IPv4 addresses */
    uint16_t client_port, server_port;
    uint32_t next[2]; /* sequence numbers: of the server, of the client */
};

static inline struct mt_ip ipv4(uint32_t address)
{
    struct mt_ip ip = {.version = 4};
    memcpy(ip.bytes, &address, 4);
    return ip;
}

static inline int send_at(const struct flow *flow, int from_client, int flags, uint32_t sequence,
                          const void *bytes, size_t size, size_t length)
{
    struct mt_segment segment = {.source = ipv4(from_client ? flow->client : flow->server),
                                 .destination = ipv4(from_client ? flow->server : flow->client),
                                 .source_port = from_client ? flow->client_port : flow->server_port,
                                 .destination_port =
                                     from_client ? flow->server_port : flow->client_port,
                                 .sequence = sequence,
                                 .acknowledgement = flow->next[!from_client],
                                 .flags = (uint8_t)flags,
                                 .ttl = 64,
                                 .payload = bytes,
                                 .captured = (uint32_t)size,
                                 .length = (uint32_t)length};
    int result = mt_tcp_segment(tcp, &segment, &ref);
    next_ref(&ref);
    return result;
}

/* The next segment in order. */
static inline int send_next(struct flow *flow, int from_client, int flags, const void *bytes,
                            size_t size)
{
    uint8_t *exact = calloc(size != 0 ? size : 1, 1);
    if (size != 0)
        memcpy(exact, bytes, size);
    int result = send_at(flow, from_client, flags, flow->next[from_client], exact, size, size);
    free(exact);
    flow->next[from_client] += (uint32_t)size + ((flags & (SYN | FIN)) != 0);
    return result;
}

static inline int shake_hands(struct flow *flow)
{
    int result = send_next(flow, 1, SYN, "", 0);
    if (result == MT_OK)
        result = send_next(flow, 0, SYN | ACK, "", 0);
    return result == MT_OK ? send_next(flow, 1, ACK, "", 0) : result;
}

static inline int close_both(struct flow *flow)
{
    int result = send_next(flow, 1, FIN | ACK, "", 0);
    if (result == MT_OK)
        result = send_next(flow, 0, FIN | ACK, "", 0);
    return result == MT_OK ? send_next(flow, 1, ACK, "", 0) : result;
}

static inline struct flow flow_of(uint32_t client, uint16_t client_port, uint32_t server,
                                  uint16_t server_port)
{
    return (struct flow){client, server, client_port, server_port, {5000, 1000}};
}

#endif
