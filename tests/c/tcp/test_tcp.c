/* The table of connections: which segment belongs to which, when one ends, whose packets are
 * claimed. */
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

static void open_world(void)
{
    static const uint16_t ports[] = {18080, 28080, 38080, 0};
    limits = mt_default_limits;
    memset(claimed, 0, sizeof claimed);
    mt_decoder_init(&decoder, &limits, ALL_TABLES);
    tcp = mt_decoder_open_tcp(&decoder, ports, 4, claimed);
    ref = (struct mt_packet_ref){.time = START_TIME, .frame = 1};
}

static void close_world(void)
{
    mt_tcp_close(tcp);
    tcp = NULL;
    CHECK_EQUAL(decoder.output.buffered.used, 0);
    mt_decoder_free(&decoder);
}

static void check_sums(void)
{
    CHECK_EQUAL(bytes_told(&decoder.output), bytes_seen(&decoder.output));
    CHECK_EQUAL(problem_bytes(&decoder.output, MT_PROBLEM_LOST), bytes_lost(&decoder.output));
}

static void finish(void)
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

static struct mt_ip ipv4(uint32_t address)
{
    struct mt_ip ip = {.version = 4};
    memcpy(ip.bytes, &address, 4);
    return ip;
}

static int send_at(const struct flow *flow, int from_client, int flags, uint32_t sequence,
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
static int send_next(struct flow *flow, int from_client, int flags, const void *bytes, size_t size)
{
    uint8_t *exact = calloc(size != 0 ? size : 1, 1);
    if (size != 0)
        memcpy(exact, bytes, size);
    int result = send_at(flow, from_client, flags, flow->next[from_client], exact, size, size);
    free(exact);
    flow->next[from_client] += (uint32_t)size + ((flags & (SYN | FIN)) != 0);
    return result;
}

static int shake_hands(struct flow *flow)
{
    int result = send_next(flow, 1, SYN, "", 0);
    if (result == MT_OK)
        result = send_next(flow, 0, SYN | ACK, "", 0);
    return result == MT_OK ? send_next(flow, 1, ACK, "", 0) : result;
}

static int close_both(struct flow *flow)
{
    int result = send_next(flow, 1, FIN | ACK, "", 0);
    if (result == MT_OK)
        result = send_next(flow, 0, FIN | ACK, "", 0);
    return result == MT_OK ? send_next(flow, 1, ACK, "", 0) : result;
}

static struct flow flow_of(uint32_t client, uint16_t client_port, uint32_t server,
                           uint16_t server_port)
{
    return (struct flow){client, server, client_port, server_port, {5000, 1000}};
}

static void test_one(void)
{
    open_world();
    struct flow flow = flow_of(0x0100000a, 40000, 0x0200000a, 18080);
    CHECK_EQUAL(shake_hands(&flow), MT_OK);
    CHECK_EQUAL(send_next(&flow, 1, ACK, ping.bytes, ping.size), MT_OK);
    struct wire response = {0};
    wire_response(&response, MT_PING, 17);
    CHECK_EQUAL(send_next(&flow, 0, ACK, response.bytes, response.size), MT_OK);
    CHECK_EQUAL(messages_count(&decoder.output), 2);
    CHECK_EQUAL(message_row(&decoder.output, 1)->reply_to, 0);
    CHECK_EQUAL(close_both(&flow), MT_OK);
    CHECK_EQUAL(connections_count(&decoder.output), 0); /* its row waits for what was overtaken */
    finish();
    CHECK_EQUAL(connections_count(&decoder.output), 1);
    const struct mt_connection_row *row = connection_row(&decoder.output, 0);
    CHECK_EQUAL(row->connection, 0);
    CHECK_EQUAL(row->end, MT_END_FIN);
    CHECK_EQUAL(row->start, MT_START_SYN);
    CHECK_EQUAL(row->client_packets, 5);
    CHECK_EQUAL(row->server_packets, 3);
    CHECK_EQUAL(row->rtt, 2000000);
    CHECK_EQUAL(claimed[0], 8);
    char text[64];
    CHECK_EQUAL(mt_address_text(&decoder.output.addresses, row->client, text, sizeof text), 8);
    CHECK(memcmp(text, "10.0.0.1", 8) == 0);
    CHECK_EQUAL(message_row(&decoder.output, 0)->client, row->client);
    CHECK_EQUAL(message_row(&decoder.output, 0)->server, row->server);
    CHECK_EQUAL(problems_count(&decoder.output), 0);
    CHECK_EQUAL(mt_tcp_finish(tcp), MT_OK); /* nothing is left */
    CHECK_EQUAL(connections_count(&decoder.output), 1);
    close_world();
    wire_free(&response);
}

/* Connections that differ in one thing only are different ones. */
static void test_apart(void)
{
    open_world();
    struct flow flows[] = {flow_of(1, 40000, 2, 18080), flow_of(1, 40001, 2, 18080),
                           flow_of(1, 40000, 2, 18081), flow_of(3, 40000, 2, 18080),
                           flow_of(1, 40000, 3, 18080), flow_of(2, 40000, 1, 18080)};
    for (int i = 0; i < 6; i++)
        CHECK_EQUAL(shake_hands(&flows[i]), MT_OK);
    for (int i = 5; i >= 0; i--)
        CHECK_EQUAL(send_next(&flows[i], 1, ACK, ping.bytes, ping.size), MT_OK);
    finish();
    CHECK_EQUAL(connections_count(&decoder.output), 6);
    for (size_t i = 0; i < 6; i++) {
        CHECK_EQUAL(connection_row(&decoder.output, i)->connection, (int64_t)i);
        CHECK_EQUAL(connection_row(&decoder.output, i)->client_messages, 1);
        CHECK_EQUAL(connection_row(&decoder.output, i)->client_port, flows[i].client_port);
        CHECK_EQUAL(message_row(&decoder.output, i)->connection, 5 - (int64_t)i);
    }
    close_world();
}

/* The same numbers in IPv4 and IPv6 are not the same address; a host may talk to itself. */
static void test_versions(void)
{
    open_world();
    struct mt_segment segment = {.flags = SYN,
                                 .sequence = 1000,
                                 .source_port = 40000,
                                 .destination_port = 18080,
                                 .source = {.bytes = {1}, .version = 4},
                                 .destination = {.bytes = {2}, .version = 4}};
    CHECK_EQUAL(mt_tcp_segment(tcp, &segment, &ref), MT_OK);
    segment.source.version = segment.destination.version = 6;
    CHECK_EQUAL(mt_tcp_segment(tcp, &segment, &ref), MT_OK);
    segment.source.bytes[15] = 1;
    CHECK_EQUAL(mt_tcp_segment(tcp, &segment, &ref), MT_OK);
    segment.destination = segment.source;
    segment.destination_port = segment.source_port;
    CHECK_EQUAL(mt_tcp_segment(tcp, &segment, &ref), MT_OK);
    CHECK_EQUAL(mt_tcp_segment(tcp, &segment, &ref), MT_OK);
    finish();
    CHECK_EQUAL(connections_count(&decoder.output), 4);
    CHECK_EQUAL(connection_row(&decoder.output, 3)->client_packets, 2);
    close_world();
}

/* Who is the client where no SYN tells. */
static void test_roles(void)
{
    static const struct {
        uint16_t source, destination;
        int flags;
        int source_is_client;
    } cases[] = {
        {40000, 18080, ACK, 1}, {18080, 40000, ACK, 0}, {18080, 60000, ACK, 0},
        {100, 38080, ACK, 1},   {28080, 100, ACK, 0},   {50000, 40000, ACK, 1},
        {40000, 50000, ACK, 0}, {18080, 28080, ACK, 0}, {28080, 18080, ACK, 1},
        {7, 7, ACK, 1},         {18080, 40000, SYN, 1}, {40000, 18080, SYN | ACK, 0},
        {40000, 18080, RST, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        open_world();
        struct flow flow = flow_of(1, cases[i].source, 2, cases[i].destination);
        CHECK_EQUAL(send_next(&flow, 1, cases[i].flags, "", 0), MT_OK);
        finish();
        CHECK_EQUAL(connection_row(&decoder.output, 0)->client_port,
                    cases[i].source_is_client ? cases[i].source : cases[i].destination);
        CHECK_EQUAL(connection_row(&decoder.output, 0)->server_port,
                    cases[i].source_is_client ? cases[i].destination : cases[i].source);
        CHECK_EQUAL(connection_row(&decoder.output, 0)->client_packets, cases[i].source_is_client);
        CHECK_EQUAL(connection_row(&decoder.output, 0)->start,
                    (cases[i].flags & SYN) != 0 ? MT_START_SYN : MT_START_MIDSTREAM);
        close_world();
    }
}

static void test_ports(void)
{
    static const struct {
        uint16_t port;
        int64_t monero;
    } cases[] = {{18080, 1}, {28080, 1}, {38080, 1}, {0, 1},
                 {18081, 0}, {18088, 0}, {65535, 0}, {8, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        open_world();
        struct flow flow = flow_of(1, 40000, 2, cases[i].port);
        CHECK_EQUAL(send_next(&flow, 1, SYN, "", 0), MT_OK);
        CHECK_EQUAL(claimed[0], cases[i].monero);
        finish();
        close_world();
    }
}

/* ---- whose packets ---- */

/* Files that overlap in time take turns: all packets are claimed once the signature is there. */
static void test_claims(void)
{
    open_world();
    struct flow flow = flow_of(1, 40000, 2, 4444), other = flow_of(1, 40001, 2, 4444);
    for (int i = 0; i < 300; i++) {
        ref.file = i % 3;
        CHECK_EQUAL(i < 3 ? send_next(&flow, i == 1 ? 0 : 1,
                                      i == 0   ? SYN
                                      : i == 1 ? SYN | ACK
                                               : ACK,
                                      "", 0)
                          : send_next(&flow, i % 2, ACK, "", 0),
                    MT_OK);
        CHECK_EQUAL(send_next(&other, 1, i == 0 ? SYN : ACK, "", 0), MT_OK);
    }
    CHECK_EQUAL(claimed[0] + claimed[1] + claimed[2], 0);
    ref.file = 3;
    CHECK_EQUAL(send_next(&flow, 1, ACK, ping.bytes, 20), MT_OK);
    CHECK_EQUAL(claimed[0], 100);
    CHECK_EQUAL(claimed[1], 100);
    CHECK_EQUAL(claimed[2], 100);
    CHECK_EQUAL(claimed[3], 1);
    CHECK_EQUAL(send_next(&flow, 1, ACK, ping.bytes + 20, 23), MT_OK);
    CHECK_EQUAL(claimed[3], 2);
    finish();
    CHECK_EQUAL(messages_count(&decoder.output), 1);
    CHECK_EQUAL(claimed[0] + claimed[1] + claimed[2] + claimed[3], 302);
    close_world();
}

/* What waits behind a hole shows only at the end that the connection is Monero's. */
static void test_claimed_at_the_end(void)
{
    for (int how = 0; how < 3; how++) {
        open_world();
        struct flow flow = flow_of(1, 40000, 2, 4444), other = flow_of(3, 40000, 2, 18080);
        CHECK_EQUAL(shake_hands(&flow), MT_OK);
        CHECK_EQUAL(send_at(&flow, 1, ACK, flow.next[1] + 100, ping.bytes, 43, 43), MT_OK);
        CHECK_EQUAL(claimed[0], 0);
        if (how == 1) { /* closed, and ten seconds later */
            CHECK_EQUAL(send_at(&flow, 1, FIN | ACK, flow.next[1] + 143, "", 0, 0), MT_OK);
            CHECK_EQUAL(send_next(&flow, 0, FIN | ACK, "", 0), MT_OK);
            ref.time += 11 * SECOND;
            CHECK_EQUAL(send_next(&other, 1, SYN, "", 0), MT_OK);
            CHECK_EQUAL(send_next(&other, 0, SYN | ACK, "", 0), MT_OK);
            CHECK_EQUAL(claimed[0], 6 + 2);
        } else if (how == 2) {
            ref.time += 700 * SECOND;
            flow.next[1] += 1000000000;
            CHECK_EQUAL(send_next(&flow, 1, ACK, "", 0), MT_OK);
            CHECK_EQUAL(claimed[0], 4); /* the packet that came too late begins another */
        }
        finish();
        CHECK_EQUAL(messages_count(&decoder.output), 1);
        CHECK_EQUAL(claimed[0], how == 1 ? 8 : 4);
        close_world();
    }
}

/* A peer list on any port is found when the capture begins in the middle. */
static void test_recognised_midstream(void)
{
    open_world();
    struct flow flow = flow_of(1, 40000, 2, 4444);
    CHECK_EQUAL(send_next(&flow, 0, ACK, "the end of a body", 17), MT_OK);
    CHECK_EQUAL(send_next(&flow, 0, ACK, ping.bytes, 43), MT_OK);
    CHECK_EQUAL(claimed[0], 2);
    finish();
    CHECK_EQUAL(messages_count(&decoder.output), 1);
    CHECK_EQUAL(problem_bytes(&decoder.output, MT_PROBLEM_UNFRAMED), 17);
    close_world();
}

/* ---- ends ---- */

static void test_reuse(void)
{
    open_world();
    struct flow flow = flow_of(1, 40000, 2, 18080);
    CHECK_EQUAL(shake_hands(&flow), MT_OK);
    CHECK_EQUAL(send_next(&flow, 1, ACK, ping.bytes, 30), MT_OK);
    flow = flow_of(1, 40000, 2, 18080); /* a new SYN without any end */
    flow.next[1] = 777777;
    CHECK_EQUAL(shake_hands(&flow), MT_OK);
    CHECK_EQUAL(send_next(&flow, 1, ACK, ping.bytes, 43), MT_OK);
    CHECK_EQUAL(close_both(&flow), MT_OK);
    flow.next[1] = 888888; /* after an orderly end */
    flow.next[0] = 999999;
    CHECK_EQUAL(shake_hands(&flow), MT_OK);
    CHECK_EQUAL(send_next(&flow, 1, RST, "", 0), MT_OK);
    flow.next[1] += 50000000; /* its SYN was not captured */
    CHECK_EQUAL(send_next(&flow, 1, ACK, ping.bytes, 43), MT_OK);
    finish();
    CHECK_EQUAL(connections_count(&decoder.output), 4);
    static const int ends[] = {MT_END_REUSED, MT_END_FIN, MT_END_RST, MT_END_OPEN};
    for (size_t i = 0; i < 4; i++) {
        CHECK_EQUAL(connection_row(&decoder.output, i)->connection, (int64_t)i);
        CHECK_EQUAL(connection_row(&decoder.output, i)->end, ends[i]);
    }
    CHECK_EQUAL(problem_bytes(&decoder.output, MT_PROBLEM_UNFRAMED),
                30); /* the header that the first left behind */
    CHECK_EQUAL(messages_count(&decoder.output), 2);
    close_world();
}

/* The roles are turned round. */
static void test_reuse_reversed(void)
{
    open_world();
    struct flow flow = flow_of(1, 18080, 2, 28080), back = flow_of(2, 28080, 1, 18080);
    CHECK_EQUAL(shake_hands(&flow), MT_OK);
    CHECK_EQUAL(close_both(&flow), MT_OK);
    CHECK_EQUAL(shake_hands(&back), MT_OK);
    CHECK_EQUAL(send_next(&back, 0, ACK, ping.bytes, 43), MT_OK);
    finish();
    CHECK_EQUAL(connections_count(&decoder.output), 2);
    CHECK_EQUAL(connection_row(&decoder.output, 1)->client_port, 28080);
    CHECK_EQUAL(connection_row(&decoder.output, 1)->server_messages, 1);
    close_world();
}

static void test_idle(void)
{
    open_world();
    struct flow silent = flow_of(1, 40000, 2, 18080), talking = flow_of(1, 40001, 2, 18080),
                waking = flow_of(1, 40002, 2, 18080);
    CHECK_EQUAL(shake_hands(&silent), MT_OK);
    CHECK_EQUAL(send_next(&silent, 1, ACK, ping.bytes, 40), MT_OK);
    int64_t last = ref.time - 1000000;
    ref.time = last + 50 * SECOND;
    CHECK_EQUAL(shake_hands(&waking), MT_OK);
    CHECK_EQUAL(shake_hands(&talking), MT_OK);
    for (int i = 2; i < 12; i++) {
        ref.time = last + 50 * i * SECOND;
        CHECK_EQUAL(send_next(&talking, 1, ACK, "", 0), MT_OK);
    }
    ref.time = last + 600 * SECOND - 1;
    CHECK_EQUAL(send_next(&talking, 1, ACK, "", 0), MT_OK);
    CHECK_EQUAL(send_next(&talking, 1, ACK, "", 0), MT_OK);
    CHECK_EQUAL(connections_count(&decoder.output), 0);
    ref.time = last + 601 * SECOND;
    CHECK_EQUAL(send_next(&talking, 1, ACK, "", 0), MT_OK);
    CHECK_EQUAL(send_next(&talking, 1, ACK, "", 0),
                MT_OK); /* the second packet says it, too: the time is to be believed */
    CHECK_EQUAL(connections_count(&decoder.output), 0); /* it may go on */
    silent.next[1] += 1000000000;
    CHECK_EQUAL(send_next(&silent, 1, ACK, "", 0), MT_OK); /* begins another, from the middle */
    CHECK_EQUAL(connections_count(&decoder.output), 1);
    CHECK_EQUAL(connection_row(&decoder.output, 0)->connection, 0);
    CHECK_EQUAL(connection_row(&decoder.output, 0)->end, MT_END_IDLE);
    CHECK_EQUAL(connection_row(&decoder.output, 0)->closed, last);
    CHECK_EQUAL(message_row(&decoder.output, 0)->status, MT_STATUS_TRUNCATED);
    ref.time = last + 2000 * SECOND;
    CHECK_EQUAL(send_next(&waking, 1, ACK, "", 0),
                MT_OK); /* as does the one that ends and wakes itself */
    finish();
    CHECK_EQUAL(connections_count(&decoder.output), 5);
    int64_t ended[5] = {0};
    for (size_t i = 0; i < 5; i++)
        ended[connection_row(&decoder.output, i)->connection] =
            connection_row(&decoder.output, i)->end;
    CHECK_EQUAL(ended[0], MT_END_IDLE);
    CHECK_EQUAL(ended[1], MT_END_IDLE);
    CHECK_EQUAL(ended[3], MT_END_OPEN);
    CHECK_EQUAL(ended[4], MT_END_OPEN);
    close_world();
}

/* One wild time stamp ends nobody else, and packets without a time end nothing. */
static void test_wild_times(void)
{
    static const int64_t wild[] = {START_TIME + 100000 * SECOND, INT64_MAX, MT_NO_TIME,
                                   INT64_MIN + 1, 0};
    for (size_t i = 0; i < sizeof wild / sizeof wild[0]; i++) {
        open_world();
        struct flow first = flow_of(1, 40000, 2, 18080), second = flow_of(1, 40001, 2, 18080);
        CHECK_EQUAL(shake_hands(&first), MT_OK);
        CHECK_EQUAL(shake_hands(&second), MT_OK);
        int64_t right = ref.time;
        ref.time = wild[i];
        CHECK_EQUAL(send_next(&second, 1, ACK, "", 0), MT_OK);
        ref.time = right;
        CHECK_EQUAL(send_next(&first, 1, ACK, ping.bytes, 43), MT_OK);
        CHECK_EQUAL(send_next(&first, 0, ACK, "", 0), MT_OK);
        finish();
        int64_t rows = 0;
        for (size_t k = 0; k < connections_count(&decoder.output); k++)
            rows += connection_row(&decoder.output, k)->connection == 0;
        CHECK_EQUAL(rows, 1);
        CHECK_EQUAL(message_row(&decoder.output, 0)->connection, 0);
        close_world();
    }
    open_world(); /* times at both ends of what there is, on one connection with a hole, closed and
                     opened again */
    struct flow flow = flow_of(1, 40000, 2, 18080);
    for (int round = 0; round < 4; round++) {
        static const int64_t times[] = {INT64_MIN + 1, INT64_MAX, MT_NO_TIME, START_TIME,
                                        INT64_MIN + 1};
        ref.time = times[round];
        flow.next[1] += 100000000;
        CHECK_EQUAL(shake_hands(&flow), MT_OK);
        ref.time = times[round + 1];
        CHECK_EQUAL(send_at(&flow, 1, ACK, flow.next[1] + 100, ping.bytes, 43, 43), MT_OK);
        ref.time = times[round];
        CHECK_EQUAL(send_at(&flow, 1, ACK, flow.next[1] + 200, ping.bytes, 43, 43), MT_OK);
        CHECK_EQUAL(close_both(&flow), MT_OK);
        ref.time = times[round + 1];
        CHECK_EQUAL(send_next(&flow, 1, ACK, "", 0), MT_OK);
    }
    finish();
    close_world();
}

/* A time far ahead does not keep others from ending. */
static void test_wild_time_blocks_nobody(void)
{
    open_world();
    struct flow wild = flow_of(1, 40000, 2, 18080), closing = flow_of(1, 40001, 2, 18080),
                idle = flow_of(1, 40002, 2, 18080), late = flow_of(1, 40003, 2, 18080);
    CHECK_EQUAL(shake_hands(&wild), MT_OK);
    int64_t right = ref.time;
    ref.time = right + 1000000 * SECOND;
    CHECK_EQUAL(close_both(&wild), MT_OK);
    ref.time = right;
    CHECK_EQUAL(shake_hands(&idle), MT_OK);
    CHECK_EQUAL(shake_hands(&closing), MT_OK);
    CHECK_EQUAL(close_both(&closing), MT_OK);
    ref.time = right + 700 * SECOND;
    CHECK_EQUAL(shake_hands(&late), MT_OK);
    size_t rows = connections_count(&decoder.output);
    finish();
    CHECK(rows >= 2); /* closing and idle are over */
    for (size_t i = 0; i < connections_count(&decoder.output); i++) {
        if (connection_row(&decoder.output, i)->client_port == 40002)
            CHECK_EQUAL(connection_row(&decoder.output, i)->end, MT_END_IDLE);
    }
    close_world();
}

/* Ten seconds after it closed its streams end: its unfinished message is told, its row waits. */
static void test_linger(void)
{
    open_world();
    struct flow flow = flow_of(1, 40000, 2, 18080), other = flow_of(3, 40000, 2, 18080);
    CHECK_EQUAL(shake_hands(&flow), MT_OK);
    CHECK_EQUAL(send_next(&flow, 1, ACK, ping.bytes, 40), MT_OK);
    CHECK_EQUAL(close_both(&flow), MT_OK);
    int64_t closed = ref.time;
    ref.time = closed + 5 * SECOND;
    CHECK_EQUAL(send_at(&flow, 1, ACK, flow.next[1] - 1, ping.bytes, 0, 0), MT_OK);
    CHECK_EQUAL(send_next(&other, 1, SYN, "", 0), MT_OK);
    CHECK_EQUAL(messages_count(&decoder.output), 0);
    ref.time = closed + 12 * SECOND;
    CHECK_EQUAL(send_next(&other, 0, SYN | ACK, "", 0), MT_OK);
    CHECK_EQUAL(send_next(&other, 1, ACK, "", 0), MT_OK);
    CHECK_EQUAL(messages_count(&decoder.output), 1);
    CHECK_EQUAL(message_row(&decoder.output, 0)->status, MT_STATUS_TRUNCATED);
    CHECK_EQUAL(connections_count(&decoder.output), 0);
    CHECK_EQUAL(send_at(&flow, 1, ACK, flow.next[1] - 1, "late", 4, 4), MT_OK);
    finish();
    CHECK_EQUAL(connections_count(&decoder.output), 2);
    CHECK_EQUAL(connection_row(&decoder.output, 0)->client_bytes, 44);
    close_world();
}

/* A reset in between, which its sender does not mean: nothing ends. */
static void test_linger_taken_back(void)
{
    open_world();
    struct flow flow = flow_of(1, 40000, 2, 18080), other = flow_of(3, 40000, 2, 18080);
    CHECK_EQUAL(shake_hands(&flow), MT_OK);
    CHECK_EQUAL(send_at(&flow, 1, RST, flow.next[1], "", 0, 0), MT_OK);
    CHECK_EQUAL(send_next(&flow, 1, ACK, ping.bytes, 20), MT_OK);
    ref.time += 20 * SECOND;
    CHECK_EQUAL(send_next(&other, 1, SYN, "", 0), MT_OK);
    CHECK_EQUAL(send_next(&other, 0, SYN | ACK, "", 0), MT_OK);
    CHECK_EQUAL(send_next(&flow, 1, ACK, ping.bytes + 20, 23), MT_OK);
    CHECK_EQUAL(messages_count(&decoder.output), 1);
    CHECK_EQUAL(message_row(&decoder.output, 0)->status, MT_STATUS_COMPLETE);
    CHECK_EQUAL(send_at(&flow, 1, RST, flow.next[1], "", 0, 0), MT_OK); /* and then in earnest */
    finish();
    CHECK_EQUAL(connection_row(&decoder.output, 0)->end, MT_END_RST);
    close_world();
}

static void test_connections_limit(void)
{
    open_world();
    limits.connections = 3;
    struct flow flows[5];
    for (int i = 0; i < 5; i++) {
        flows[i] = flow_of(1, (uint16_t)(40000 + i), 2, 18080);
        ref.time += 2 * SECOND;
        CHECK_EQUAL(send_next(&flows[i], 1, SYN, "", 0), MT_OK);
        ref.time += 2 * SECOND;
        CHECK_EQUAL(send_next(&flows[0], i == 0 ? 0 : 1, i == 0 ? SYN | ACK : ACK, "", 0),
                    MT_OK); /* keeps the first alive */
    }
    CHECK_EQUAL(connections_count(&decoder.output), 2);
    CHECK_EQUAL(connection_row(&decoder.output, 0)->connection, 1);
    CHECK_EQUAL(connection_row(&decoder.output, 1)->connection, 2);
    CHECK_EQUAL(connection_row(&decoder.output, 1)->end, MT_END_IDLE);
    CHECK_EQUAL(problem_rows(&decoder.output, MT_PROBLEM_LIMIT), 2);
    CHECK_TEXT(problem_text(&decoder.output, 0), "a connection was ended: limit on connections");
    CHECK_EQUAL(problem_row(&decoder.output, 0)->connection, 1);
    CHECK_EQUAL(problem_row(&decoder.output, 0)->bytes, 0);
    CHECK_EQUAL(problem_row(&decoder.output, 0)->frame, 3);
    finish();
    CHECK_EQUAL(connections_count(&decoder.output), 5);
    close_world();
    open_world();
    limits.connections = 0; /* not even that stops the reading */
    struct flow flow = flow_of(1, 40000, 2, 18080);
    CHECK_EQUAL(shake_hands(&flow), MT_OK);
    CHECK_EQUAL(send_next(&flow, 1, ACK, ping.bytes, 43), MT_OK);
    flow.client_port++;
    CHECK_EQUAL(send_next(&flow, 1, ACK, ping.bytes, 43), MT_OK);
    finish();
    CHECK_EQUAL(messages_count(&decoder.output), 2);
    close_world();
}

/* ---- whole streams in disorder ---- */

/* Three messages in five segments, in every order, some twice: the same rows. */
static void test_permutations(void)
{
    struct wire wire = {0};
    wire_request(&wire, MT_TIMED_SYNC, 50);
    wire_notify(&wire, MT_NEW_TRANSACTIONS, 100);
    wire_request(&wire, MT_PING, 10);
    uint32_t size = (uint32_t)wire.size, cuts[6] = {0, 20, 90, 95, 220, size};
    int tried = 0;
    for (int code = 0; code < 3125; code++) {
        int order[5], used = 0;
        for (int i = 0, rest = code; i < 5; i++, rest /= 5) {
            order[i] = rest % 5;
            used |= 1 << order[i];
        }
        if (used != 31)
            continue;
        open_world();
        struct flow flow = flow_of(1, 40000, 2, 18080);
        flow.next[1] = 0xffffff80u; /* the numbers wrap in the middle */
        CHECK(shake_hands(&flow) == MT_OK);
        for (int i = 0; i < 5; i++) {
            uint32_t begin = cuts[order[i]], end = cuts[order[i] + 1];
            CHECK(send_at(&flow, 1, ACK, flow.next[1] + begin, wire.bytes + begin, end - begin,
                          end - begin) == MT_OK);
            if ((code + i) % 3 == 0)
                CHECK(send_at(&flow, 1, ACK, flow.next[1] + begin, wire.bytes + begin, end - begin,
                              end - begin) == MT_OK);
        }
        finish();
        CHECK_EQUAL(messages_count(&decoder.output), 3);
        for (size_t i = 0; i < 3; i++) {
            CHECK_EQUAL(message_row(&decoder.output, i)->status, MT_STATUS_COMPLETE);
            CHECK_EQUAL(message_row(&decoder.output, i)->shared, i != 3);
        }
        CHECK_EQUAL(message_row(&decoder.output, 0)->segments, 2);
        CHECK_EQUAL(message_row(&decoder.output, 1)->segments, 3);
        CHECK_EQUAL(message_row(&decoder.output, 2)->segments, 2);
        CHECK_EQUAL(message_row(&decoder.output, 0)->first_segment, 20);
        CHECK_EQUAL(message_row(&decoder.output, 1)->first_segment, 7);
        CHECK_EQUAL(problems_count(&decoder.output), 0);
        CHECK_EQUAL(connection_row(&decoder.output, 0)->client_bytes, size);
        close_world();
        tried++;
    }
    CHECK_EQUAL(tried, 120);
    wire_free(&wire);
}

/* Random segments of two random streams, cut, doubled, snapped, lost and shuffled: the sums hold,
 * and what is told to be complete is. */
static void test_disorder(void)
{
    uint64_t random = 11;
    for (int round = 0; round < 400; round++) {
        struct wire wires[2] = {{0}, {0}};
        uint64_t messages = 0;
        for (int way = 0; way < 2; way++) {
            for (uint32_t i = next_random(&random) % 12; i > 0; i--) {
                size_t size = LEAST_BODY + next_random(&random) % 300;
                messages++;
                switch (next_random(&random) % 4) {
                case 0:
                    wire_request(&wires[way], MT_TIMED_SYNC, size);
                    break;
                case 1:
                    wire_response(&wires[way], MT_REQUEST_CHAIN, size);
                    break;
                case 2:
                    wire_error(&wires[way], MT_PING);
                    break;
                default:
                    wire_notify(&wires[way], MT_NEW_TRANSACTIONS, size);
                }
            }
        }
        open_world();
        if (round % 3 == 0)
            limits.hole_segments = next_random(&random) % 5;
        struct flow flow = flow_of(1, 40000, 2, round % 2 == 0 ? 18080 : 5555);
        uint32_t lossless = round % 4 == 0;
        if (round % 5 != 0 || lossless)
            CHECK_EQUAL(shake_hands(&flow), MT_OK);
        if (lossless)
            limits = mt_default_limits;
        size_t at[2] = {0, 0};
        while (at[0] < wires[0].size || at[1] < wires[1].size) {
            int way = (int)(next_random(&random) % 2);
            if (at[way] == wires[way].size)
                way = !way;
            size_t left = wires[way].size - at[way], size = 1 + next_random(&random) % 200,
                   back = next_random(&random) % 4 == 0 ? next_random(&random) % 300 : 0;
            size = size < left ? size : left;
            uint32_t fate = next_random(&random) % 20;
            size_t begin = at[way] > back ? at[way] - back : 0,
                   captured = fate == 0 && !lossless ? next_random(&random) % (size + 1) : size;
            if (begin != at[way]) /* again, or beyond the end of what was sent before */
                captured = size;
            else
                at[way] += size;
            if (fate == 1 && !lossless)
                continue; /* lost */
            if (fate == 2 && begin + 2 * size <= wires[way].size)
                CHECK_EQUAL(send_at(&flow, way, ACK, flow.next[way] + (uint32_t)(begin + size),
                                    wires[way].bytes + begin + size, size, size),
                            MT_OK);
            CHECK_EQUAL(send_at(&flow, way, ACK, flow.next[way] + (uint32_t)begin,
                                wires[way].bytes + begin, captured, size),
                        MT_OK);
        }
        finish();
        if (lossless) {
            CHECK_EQUAL(messages_count(&decoder.output), messages);
            CHECK_EQUAL(problems_count(&decoder.output), 0);
        }
        uint64_t complete = 0;
        for (size_t i = 0; i < messages_count(&decoder.output); i++)
            complete += message_row(&decoder.output, i)->status == MT_STATUS_COMPLETE;
        CHECK(complete <= messages);
        CHECK_EQUAL(problem_rows(&decoder.output, MT_PROBLEM_CONFLICT), 0);
        close_world();
        wire_free(&wires[0]);
        wire_free(&wires[1]);
    }
}

/* ---- memory ---- */

static int scenario(void)
{
    if (tcp == NULL)
        return MT_NOMEM;
    struct flow flow = flow_of(1, 40000, 2, 18080), foreign = flow_of(1, 40000, 2, 5555);
    int result = shake_hands(&flow);
    if (result == MT_OK)
        result = shake_hands(&foreign);
    for (int i = 0; i < 3 && result == MT_OK; i++) {
        ref.file = i;
        result = send_next(&foreign, 0, ACK, "", 0);
    }
    if (result == MT_OK)
        result = send_next(&foreign, 1, ACK, ping.bytes, 30);
    if (result == MT_OK)
        result = send_at(&flow, 1, ACK, flow.next[1] + 50, ping.bytes, 43, 43);
    if (result == MT_OK)
        result = send_at(&flow, 1, ACK, flow.next[1] + 20, ping.bytes, 20, 25);
    for (uint16_t i = 0; i < 1100 && result == MT_OK; i++) {
        struct flow more = flow_of(7, i, 8, 18080);
        result = send_next(&more, 1, SYN, "", 0);
    }
    if (result == MT_OK)
        result = close_both(&flow);
    return result == MT_OK ? mt_tcp_finish(tcp) : result;
}

static void test_no_memory(void)
{
    int failed = 0, without_growth = 0;
    for (long n = 0; n < 1400; n = n < 60 ? n + 1 : n + 37) {
        limits = mt_default_limits;
        mt_decoder_init(&decoder, &limits, ALL_TABLES);
        static const uint16_t ports[] = {18080};
        if (n != 0)
            mt_fail_after(n);
        memset(claimed, 0, sizeof claimed);
        tcp = mt_decoder_open_tcp(&decoder, ports, 1, claimed);
        ref = (struct mt_packet_ref){.time = START_TIME, .frame = 1};
        int result = scenario();
        mt_fail_after(0);
        CHECK(result == MT_OK || result == MT_NOMEM);
        CHECK(n != 0 || result == MT_OK);
        failed += result == MT_NOMEM;
        without_growth += n != 0 && result == MT_OK;
        close_world();
    }
    CHECK(failed > 60);
    (void)without_growth;
    mt_tcp_close(NULL);
}

/* ---- worst cases: each must be over in an instant ---- */

static void test_many_connections(void)
{
    open_world();
    for (uint32_t i = 0; i < 200000; i++) { /* a flood of SYNs */
        struct flow flow = flow_of(1 + i / 60000, (uint16_t)(i % 60000), 2, 18080);
        CHECK(send_next(&flow, 1, SYN, "", 0) == MT_OK);
    }
    limits.connections = 1000;
    for (uint32_t i = 0; i < 1000; i++) {
        struct flow flow = flow_of(100, (uint16_t)i, 2, 18080);
        CHECK(send_next(&flow, 1, SYN, "", 0) == MT_OK);
    }
    finish();
    CHECK_EQUAL(connections_count(&decoder.output), 201000);
    close_world();
}

int main(void)
{
    wire_request(&ping, MT_PING, 10);
    test_one();
    test_apart();
    test_versions();
    test_roles();
    test_ports();
    test_claims();
    test_claimed_at_the_end();
    test_recognised_midstream();
    test_reuse();
    test_reuse_reversed();
    test_idle();
    test_wild_times();
    test_wild_time_blocks_nobody();
    test_linger();
    test_linger_taken_back();
    test_connections_limit();
    test_permutations();
    test_disorder();
    test_no_memory();
    test_many_connections();
    wire_free(&ping);
    FINISH("test_tcp");
}
