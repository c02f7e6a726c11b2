/* One connection: its handshake, what its streams receive, its row. */
#include "support/connection_help.h"

static void test_row(void)
{
    open_world(1, MT_START_SYN);
    struct mt_segment syn = segment_of(SYN, 100, 0, NULL, 0),
                      answer = segment_of(SYN | ACK, 500, 101, NULL, 0);
    syn.mss = 1460;
    syn.ttl = 50;
    answer.mss = 1380;
    answer.ttl = 60;
    CHECK_EQUAL(send_segment(CLIENT, &syn), MT_OK);
    CHECK_EQUAL(send_segment(SERVER, &answer), MT_OK);
    put(CLIENT, ACK, 101, 501, "");
    put_bytes(CLIENT, ACK | PSH, 101, 501, ping.bytes, ping.size);
    put(SERVER, ACK, 501, 144, "");
    put(CLIENT, ACK, 144, 501, "garbage");
    const struct mt_connection_row *row = finish(MT_END_OPEN);
    CHECK_EQUAL(row->connection, 3);
    CHECK_EQUAL(row->opened, START_TIME);
    CHECK_EQUAL(row->closed, START_TIME + 5000000);
    CHECK_EQUAL(row->rtt, 2000000);
    CHECK_EQUAL(row->client_packets, 4);
    CHECK_EQUAL(row->server_packets, 2);
    CHECK_EQUAL(row->client_bytes, 50);
    CHECK_EQUAL(row->server_bytes, 0);
    CHECK_EQUAL(row->client_messages, 1);
    CHECK_EQUAL(row->server_messages, 0);
    CHECK_EQUAL(row->client_lost + row->server_lost + row->client_retransmitted +
                    row->client_out_of_order,
                0);
    CHECK_EQUAL(row->client, 11);
    CHECK_EQUAL(row->server, 12);
    CHECK_EQUAL(row->client_port, 40000);
    CHECK_EQUAL(row->server_port, 18080);
    CHECK_EQUAL(row->client_mss, 1460);
    CHECK_EQUAL(row->server_mss, 1380);
    CHECK_EQUAL(row->client_ttl, 50); /* of the first packet */
    CHECK_EQUAL(row->server_ttl, 60);
    CHECK_EQUAL(row->present, MT_CONNECTION_CLIENT_MSS | MT_CONNECTION_SERVER_MSS |
                                  MT_CONNECTION_CLIENT_TTL | MT_CONNECTION_SERVER_TTL);
    CHECK_EQUAL(row->start, MT_START_SYN);
    CHECK_EQUAL(row->end, MT_END_OPEN);
    check_sums();
    close_world();
    open_world(1, MT_START_MIDSTREAM);
    put(SERVER, ACK, 500, 101, "");
    row = finish(MT_END_IDLE);
    CHECK_EQUAL(row->present, MT_CONNECTION_SERVER_TTL);
    CHECK_EQUAL(row->rtt, MT_NO_TIME);
    CHECK_EQUAL(row->start, MT_START_MIDSTREAM);
    CHECK_EQUAL(row->end, MT_END_IDLE);
    close_world();
}

/* The round trip needs all three packets, in order. */
static void test_rtt(void)
{
    open_world(1, MT_START_SYN);
    put(CLIENT, SYN, 100, 0, "");
    put(CLIENT, SYN, 100, 0, ""); /* again: the last one counts */
    put(SERVER, SYN | ACK, 500, 101, "");
    put(SERVER, SYN | ACK, 500, 101, "");
    put(CLIENT, ACK, 101, 501, "");
    put(CLIENT, ACK, 101, 501, "");
    CHECK_EQUAL(connection->rtt, 3000000);
    close_world();
    open_world(1, MT_START_SYN);
    put(SERVER, SYN | ACK, 500, 101, "");
    put(CLIENT, ACK, 101, 501, "");
    CHECK_EQUAL(connection->rtt, MT_NO_TIME);
    close_world();
    open_world(1, MT_START_SYN);
    put(CLIENT, SYN, 100, 0, "");
    put(CLIENT, ACK, 101, 501, "");
    CHECK_EQUAL(connection->rtt, MT_NO_TIME);
    close_world();
    open_world(1, MT_START_SYN); /* times that run backwards */
    put(CLIENT, SYN, 100, 0, "");
    put(SERVER, SYN | ACK, 500, 101, "");
    ref.time = START_TIME - 1;
    put(CLIENT, ACK, 101, 501, "");
    ref.time = START_TIME + 1;
    put(CLIENT, ACK, 101, 501, "");
    CHECK_EQUAL(connection->rtt, MT_NO_TIME);
    CHECK_EQUAL(connection->last, START_TIME + 1000000); /* the latest */
    close_world();
    open_world(1, MT_START_SYN); /* no times at all */
    ref.time = MT_NO_TIME;
    connection->opened = connection->last = MT_NO_TIME;
    for (int i = 0; i < 3; i++) {
        struct mt_segment segment = segment_of(i == 0   ? SYN
                                               : i == 1 ? SYN | ACK
                                                        : ACK,
                                               i == 0   ? 100
                                               : i == 1 ? 500
                                                        : 101,
                                               i == 1 ? 101 : 501, NULL, 0);
        CHECK_EQUAL(mt_connection_segment(connection, &segment, i != 1, &ref), MT_OK);
    }
    CHECK_EQUAL(connection->rtt, MT_NO_TIME);
    CHECK_EQUAL(finish(MT_END_OPEN)->closed, MT_NO_TIME);
    close_world();
    open_world(1, MT_START_SYN); /* as far apart as can be */
    ref.time = INT64_MIN + 1;
    put(CLIENT, SYN, 100, 0, "");
    put(SERVER, SYN | ACK, 500, 101, "");
    ref.time = INT64_MAX - 1000000;
    put(CLIENT, ACK, 101, 501, "");
    CHECK_EQUAL(connection->rtt, INT64_MAX);
    close_world();
}

/* ---- where streams begin ---- */

static void test_data_in_syn(void)
{
    open_world(1, MT_START_SYN);
    put_bytes(CLIENT, SYN, 100, 0, ping.bytes, 20);
    put_bytes(CLIENT, SYN, 100, 0, ping.bytes, 20);
    put_bytes(SERVER, SYN | ACK, 0xffffffffu, 121, ping.bytes, 43); /* its bytes begin at 0 */
    put_bytes(CLIENT, ACK, 121, 43, ping.bytes + 20, 23);
    const struct mt_connection_row *row = finish(MT_END_OPEN);
    CHECK_EQUAL(row->client_messages, 1);
    CHECK_EQUAL(row->server_messages, 1);
    CHECK_EQUAL(row->client_retransmitted, 20);
    CHECK_EQUAL(row->client_bytes, 43);
    CHECK_EQUAL(problems_count(&decoder.output), 0);
    check_sums();
    close_world();
}

/* Of the handshake's packets any may be missing: the others tell where the streams begin. */
static void test_handshake_in_part(void)
{
    for (int missing = 0; missing < 3; missing++) {
        open_world(1, missing != 0 ? MT_START_SYN : MT_START_SYN);
        if (missing != 0)
            put(CLIENT, SYN, 100, 0, "");
        if (missing != 1)
            put(SERVER, SYN | ACK, 500, 101, "");
        if (missing != 2)
            put(CLIENT, ACK, 101, 501, "");
        put_bytes(SERVER, ACK, 511, 101, ping.bytes + 10, 33); /* the first ten bytes come second */
        put_bytes(SERVER, ACK, 501, 101, ping.bytes, 10);
        put_bytes(CLIENT, ACK, 111, 544, ping.bytes + 10, 33);
        put_bytes(CLIENT, ACK, 101, 544, ping.bytes, 10);
        const struct mt_connection_row *row = finish(MT_END_OPEN);
        CHECK_EQUAL(row->client_messages, 1);
        CHECK_EQUAL(row->server_messages, 1);
        CHECK_EQUAL(row->client_out_of_order, 1);
        CHECK_EQUAL(row->server_out_of_order, 1);
        CHECK_EQUAL(problems_count(&decoder.output), 0);
        close_world();
    }
}

static void test_midstream(void)
{
    struct wire wire = {0};
    wire_put(&wire, "the rest of something", 21);
    wire_request(&wire, MT_PING, 10);
    open_world(1, MT_START_MIDSTREAM);
    put_bytes(CLIENT, ACK, 7000, 9000, wire.bytes, 30);
    put_bytes(CLIENT, ACK, 7030, 9000, wire.bytes + 30, wire.size - 30);
    put_bytes(SERVER, ACK, 9000, 7064, ping.bytes, 43);
    const struct mt_connection_row *row = finish(MT_END_OPEN);
    CHECK_EQUAL(row->client_messages, 1);
    CHECK_EQUAL(row->server_messages, 1);
    CHECK_EQUAL(problem_bytes(&decoder.output, MT_PROBLEM_UNFRAMED), 21);
    CHECK_EQUAL(row->client_lost + row->server_lost, 0);
    check_sums();
    close_world();
    open_world(1, MT_START_MIDSTREAM); /* begun by a keep-alive */
    put(SERVER, ACK, 8999, 7000, "");
    put_bytes(SERVER, ACK, 9000, 7000, ping.bytes, 43);
    row = finish(MT_END_OPEN);
    CHECK_EQUAL(row->server_lost, 0);
    CHECK_EQUAL(row->server_messages, 1);
    close_world();
    wire_free(&wire);
}

/* ---- streams ---- */

static void test_not_levin_and_recognised(void)
{
    open_world(0, MT_START_SYN);
    shake_hands();
    put(CLIENT, ACK, 101, 501, "SSH-2.0");
    put(CLIENT, ACK, 120, 501, "later");
    const struct mt_connection_row *row = finish(MT_END_OPEN);
    CHECK_EQUAL(mt_conversation_callbacks.is_monero(connection->conversation), 0);
    CHECK_EQUAL(row->client_bytes, 12);
    CHECK_EQUAL(row->client_lost, 12);
    CHECK_EQUAL(problem_bytes(&decoder.output, MT_PROBLEM_NOT_LEVIN), 12);
    check_sums();
    close_world();
    open_world(0, MT_START_SYN); /* the first segment is lost, and the second is no message's
                                    beginning: the third is sound */
    shake_hands();
    put(CLIENT, ACK, 111, 501, "rest");
    put_bytes(CLIENT, ACK, 115, 501, ping.bytes, 43);
    CHECK_EQUAL(mt_conversation_callbacks.is_monero(connection->conversation),
                0); /* all of it waits */
    row = finish(MT_END_OPEN);
    CHECK_EQUAL(mt_conversation_callbacks.is_monero(connection->conversation), 1);
    CHECK_EQUAL(row->client_messages, 1);
    check_sums();
    close_world();
}

static void test_conflicts(void)
{
    open_world(1, MT_START_SYN);
    shake_hands();
    uint8_t other[43];
    memcpy(other, ping.bytes, 43);
    other[40] ^= 1;
    put_bytes(CLIENT, ACK, 111, 501, ping.bytes + 10, 33); /* waits */
    put_bytes(CLIENT, ACK, 111, 501, other + 10, 33);
    CHECK_EQUAL(problem_rows(&decoder.output, MT_PROBLEM_CONFLICT), 1);
    CHECK_EQUAL(problem_row(&decoder.output, 0)->offset, 40);
    CHECK_EQUAL(problem_row(&decoder.output, 0)->bytes, 1);
    CHECK_EQUAL(problem_row(&decoder.output, 0)->from_client, 1);
    CHECK_TEXT(problem_text(&decoder.output, 0),
               "repeated with other bytes; the first copy was taken");
    put_bytes(CLIENT, ACK, 101, 501, ping.bytes, 10);
    CHECK_EQUAL(messages_count(&decoder.output), 1);
    put_bytes(CLIENT, ACK, 144, 501, ping.bytes, 40);
    put_bytes(CLIENT, ACK, 144 + 35, 501, "another",
              7); /* five of them a second time, in the body under way */
    CHECK_EQUAL(problem_rows(&decoder.output, MT_PROBLEM_CONFLICT), 2);
    CHECK_EQUAL(problem_row(&decoder.output, 1)->offset, 43 + 35);
    CHECK_EQUAL(problem_row(&decoder.output, 1)->bytes, 5);
    finish(MT_END_OPEN);
    check_sums();
    close_world();
}

static void test_stray(void)
{
    open_world(1, MT_START_MIDSTREAM);
    put(CLIENT, ACK, 1000, 501, "abc");
    put(CLIENT, ACK, 990, 501, "0123456789");
    const struct mt_connection_row *row = finish(MT_END_OPEN);
    CHECK_EQUAL(row->client_bytes, 13);
    CHECK_EQUAL(problem_bytes(&decoder.output, MT_PROBLEM_UNFRAMED), 13);
    CHECK_EQUAL(problem_row(&decoder.output, 0)->offset, -10);
    check_sums();
    close_world();
}

/* An acknowledgement of what was not captured ends the hole after a while. */
static void test_acked_hole(void)
{
    open_world(1, MT_START_SYN);
    shake_hands();
    put_bytes(CLIENT, ACK, 144, 501, ping.bytes, 43); /* the first 43 bytes are missing */
    CHECK_EQUAL(messages_count(&decoder.output), 0);
    put(SERVER, ACK, 501, 187, "");
    for (int i = 0; i < 63; i++)
        put(SERVER, ACK, 501, 187, "");
    CHECK_EQUAL(problems_count(&decoder.output), 0);
    put(SERVER, ACK, 501, 187, "");
    CHECK_EQUAL(problem_bytes(&decoder.output, MT_PROBLEM_LOST), 43);
    CHECK_TEXT(problem_text(&decoder.output, 0), "acknowledged by the receiver, not captured");
    CHECK_EQUAL(messages_count(&decoder.output), 1);
    finish(MT_END_OPEN);
    check_sums();
    close_world();
}

/* ---- memory ---- */

static int scenario(void)
{
    static const struct {
        int from_client, flags;
        uint32_t sequence, acknowledgement;
        size_t begin, end;
    } packets[] = {
        {1, SYN, 100, 0, 0, 0},         {0, SYN | ACK, 500, 101, 0, 0},
        {1, ACK, 101, 501, 0, 0},       {1, ACK, 101, 501, 0, 43},
        {0, ACK, 521, 144, 20, 43},     {0, ACK, 511, 144, 10, 20},
        {0, ACK, 501, 144, 0, 5},       {1, ACK, 154, 544, 10, 43},
        {0, FIN | ACK, 544, 144, 0, 0}, {1, FIN | ACK, 187, 545, 0, 0},
    };
    for (size_t i = 0; i < sizeof packets / sizeof packets[0]; i++) {
        struct mt_segment segment =
            segment_of(packets[i].flags, packets[i].sequence, packets[i].acknowledgement,
                       ping.bytes + packets[i].begin, packets[i].end - packets[i].begin);
        if (send_segment(packets[i].from_client, &segment) != MT_OK)
            return MT_NOMEM;
    }
    int result = mt_connection_end(connection);
    return result == MT_OK ? close_row(MT_END_OPEN) : result;
}

static void test_no_memory(void)
{
    open_world(1, MT_START_SYN);
    CHECK_EQUAL(scenario(), MT_OK);
    CHECK_EQUAL(messages_count(&decoder.output), 1);
    check_sums();
    close_world();
    int failed = 0;
    for (long n = 1; n < 60; n++) {
        open_world(1, MT_START_SYN);
        mt_fail_after(n);
        int result = scenario();
        mt_fail_after(0);
        CHECK(result == MT_OK || result == MT_NOMEM);
        failed += result == MT_NOMEM;
        close_world();
    }
    CHECK(failed > 10);
}

int main(void)
{
    wire_request(&ping, MT_PING, 10);
    test_row();
    test_rtt();
    test_data_in_syn();
    test_handshake_in_part();
    test_midstream();
    test_not_levin_and_recognised();
    test_conflicts();
    test_stray();
    test_acked_hole();
    test_no_memory();
    wire_free(&ping);
    FINISH("test_connection");
}
