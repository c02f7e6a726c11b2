/* The table of connections: which segment belongs to which, whose packets are claimed. */
#include "support/tcp_help.h"

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
    test_no_memory();
    test_many_connections();
    wire_free(&ping);
    FINISH("test_tcp");
}
