/* One connection: how it ends, and what arrives after the end. */
#include "support/connection_help.h"

static void test_closed(void)
{
    open_world(1, MT_START_SYN);
    CHECK_EQUAL(mt_connection_closed(connection), 0);
    shake_hands();
    put(CLIENT, FIN | ACK, 101, 501, "");
    CHECK_EQUAL(mt_connection_closed(connection), 0); /* half */
    put(SERVER, ACK, 501, 102, "");
    put(SERVER, FIN | ACK, 501, 102, "");
    CHECK_EQUAL(mt_connection_closed(connection), 1);
    put(CLIENT, RST, 102, 0, ""); /* too late to be its end */
    const struct mt_connection_row *row = finish(MT_END_OPEN);
    CHECK_EQUAL(row->end, MT_END_FIN);
    CHECK_EQUAL(row->client_lost + row->server_lost, 0);
    CHECK_EQUAL(problems_count(&decoder.output), 0);
    close_world();
    open_world(1, MT_START_SYN); /* only one direction was captured */
    put(CLIENT, SYN, 100, 0, "");
    put(CLIENT, FIN | ACK, 101, 501, "");
    CHECK_EQUAL(mt_connection_closed(connection), 1);
    CHECK_EQUAL(finish(MT_END_REUSED)->end, MT_END_FIN);
    close_world();
    open_world(1, MT_START_SYN); /* half closed, and then the capture's end */
    shake_hands();
    put(SERVER, FIN | ACK, 501, 101, "");
    CHECK_EQUAL(finish(MT_END_OPEN)->end, MT_END_OPEN);
    close_world();
}

static void test_reset(void)
{
    open_world(1, MT_START_SYN);
    put(CLIENT, SYN, 100, 0, "");
    put(SERVER, RST | ACK, 0, 101, ""); /* refused */
    CHECK_EQUAL(mt_connection_closed(connection), 1);
    const struct mt_connection_row *row = finish(MT_END_OPEN);
    CHECK_EQUAL(row->end, MT_END_RST);
    CHECK_EQUAL(row->server_packets, 1);
    CHECK_EQUAL(row->server_lost, 0);
    close_world();
    open_world(1, MT_START_SYN);
    shake_hands();
    put(CLIENT, FIN | ACK, 101, 501, "");
    put(SERVER, RST | ACK, 501, 102, "reason"); /* what a reset carries is no payload */
    row = finish(MT_END_OPEN);
    CHECK_EQUAL(row->end, MT_END_RST);
    CHECK_EQUAL(row->server_bytes, 0);
    close_world();
    open_world(1, MT_START_SYN); /* its sender goes on: somebody else's reset */
    shake_hands();
    put(SERVER, RST, 501, 0, "");
    CHECK_EQUAL(mt_connection_closed(connection), 1);
    put_bytes(CLIENT, ACK, 101, 501, ping.bytes, 43); /* on its way when it came */
    CHECK_EQUAL(mt_connection_closed(connection), 1);
    put_bytes(SERVER, ACK, 501, 144, ping.bytes, 43);
    CHECK_EQUAL(mt_connection_closed(connection), 0);
    row = finish(MT_END_OPEN);
    CHECK_EQUAL(row->end, MT_END_OPEN);
    CHECK_EQUAL(row->server_messages, 1);
    close_world();
    open_world(1, MT_START_MIDSTREAM); /* nothing but a reset */
    put(CLIENT, RST, 7, 0, "");
    CHECK_EQUAL(connection->sides[CLIENT].stream.started, 0);
    CHECK_EQUAL(finish(MT_END_OPEN)->end, MT_END_RST);
    close_world();
}

static void test_lost_tail(void)
{
    open_world(1, MT_START_SYN);
    shake_hands();
    put_bytes(CLIENT, ACK, 101, 501, ping.bytes, 43);
    put(CLIENT, FIN | ACK, 150, 501, ""); /* six bytes were sent in between */
    put(SERVER, FIN | ACK, 521, 151, ""); /* and twenty by the server, all it ever sent */
    const struct mt_connection_row *row = finish(MT_END_OPEN);
    CHECK_EQUAL(row->client_lost, 6);
    CHECK_EQUAL(row->server_lost, 20);
    CHECK_EQUAL(row->end, MT_END_FIN);
    CHECK_EQUAL(problem_rows(&decoder.output, MT_PROBLEM_LOST), 2);
    check_sums();
    close_world();
    open_world(1, MT_START_SYN); /* acknowledged, never seen */
    shake_hands();
    put_bytes(CLIENT, ACK, 101, 501, ping.bytes, 43);
    put(SERVER, ACK, 501, 200, "");
    row = finish(MT_END_OPEN);
    CHECK_EQUAL(row->client_lost, 56);
    check_sums();
    close_world();
    open_world(1, MT_START_SYN); /* of a direction that was not captured nothing is known */
    put(CLIENT, SYN, 100, 0, "");
    put(CLIENT, ACK, 101, 501, "");
    put_bytes(CLIENT, ACK, 101, 9000, ping.bytes, 43);
    row = finish(MT_END_OPEN);
    CHECK_EQUAL(row->server_lost, 0);
    CHECK_EQUAL(row->present, MT_CONNECTION_CLIENT_TTL);
    close_world();
    open_world(1, MT_START_SYN); /* no payload was captured at all */
    shake_hands();
    put(CLIENT, FIN | ACK, 150, 501, "");
    put(SERVER, FIN | ACK, 501, 151, "");
    row = finish(MT_END_OPEN);
    CHECK_EQUAL(row->client_lost, 49);
    check_sums();
    close_world();
}

/* A FIN that overtakes data, comes twice, or lies behind what was seen. */
static void test_fin(void)
{
    open_world(1, MT_START_SYN);
    shake_hands();
    put_bytes(CLIENT, FIN | ACK, 111, 501, ping.bytes + 10, 33);
    put_bytes(CLIENT, ACK, 101, 501, ping.bytes, 10);
    put_bytes(CLIENT, FIN | ACK, 111, 501, ping.bytes + 10, 33);
    put(CLIENT, FIN | ACK, 105, 501, "");
    CHECK_EQUAL(connection->sides[CLIENT].stream.fin, 43);
    const struct mt_connection_row *row = finish(MT_END_OPEN);
    CHECK_EQUAL(row->client_messages, 1);
    CHECK_EQUAL(row->client_lost, 0);
    CHECK_EQUAL(row->client_retransmitted, 33);
    close_world();
    open_world(1, MT_START_MIDSTREAM); /* the first packet of all */
    put(SERVER, FIN | ACK, 600, 200, "");
    CHECK_EQUAL(connection->sides[SERVER].fin, 1);
    CHECK_EQUAL(connection->sides[SERVER].stream.fin, 0);
    CHECK_EQUAL(mt_connection_closed(connection), 1);
    close_world();
}

/* ---- after the end ---- */

static void test_after_the_end(void)
{
    open_world(1, MT_START_SYN);
    shake_hands();
    put_bytes(CLIENT, ACK, 101, 501, ping.bytes, 43);
    put(CLIENT, FIN | ACK, 144, 501, "");
    put(SERVER, FIN | ACK, 501, 145, "");
    CHECK_EQUAL(mt_connection_end(connection), MT_OK);
    put_bytes(CLIENT, ACK, 101, 501, ping.bytes, 43); /* again */
    put(CLIENT, ACK, 140, 501, "something new");
    const struct mt_connection_row *row = finish(MT_END_OPEN);
    CHECK_EQUAL(row->client_retransmitted, 43);
    CHECK_EQUAL(row->client_bytes, 43 + 13);
    CHECK_EQUAL(problem_bytes(&decoder.output, MT_PROBLEM_AFTER_END), 13);
    CHECK_TEXT(problem_text(&decoder.output, 0), "came after the connection ended");
    check_sums();
    close_world();
}

static int renewed(int from_client, int flags, uint32_t sequence, uint32_t acknowledgement,
                   size_t size)
{
    static const uint8_t bytes[10];
    struct mt_segment segment = segment_of(flags, sequence, acknowledgement, bytes, size);
    return (int)mt_connection_renewal(connection, &segment, from_client);
}

static void test_renewed_open(void)
{
    open_world(1, MT_START_SYN);
    put(CLIENT, SYN, 100, 0, "");
    CHECK_EQUAL(renewed(CLIENT, SYN, 100, 0, 0), 0);      /* the same SYN again */
    CHECK_EQUAL(renewed(CLIENT, SYN, 99, 0, 0), 2);       /* another: if it is answered */
    CHECK_EQUAL(renewed(CLIENT, SYN | RST, 99, 0, 0), 0); /* nonsense */
    CHECK_EQUAL(renewed(SERVER, SYN, 900, 0, 0), 0);      /* simultaneous open */
    CHECK_EQUAL(renewed(SERVER, SYN | ACK, 500, 101, 0), 0);
    CHECK_EQUAL(renewed(SERVER, SYN | ACK, 500, 777, 0), 2); /* of another SYN */
    put(SERVER, SYN | ACK, 500, 101, "");
    CHECK_EQUAL(renewed(SERVER, SYN | ACK, 500, 101, 0), 0);
    CHECK_EQUAL(renewed(SERVER, SYN, 900, 0, 0), 2); /* the other way round, after it spoke */
    CHECK_EQUAL(renewed(CLIENT, ACK, 999999999, 501, 10), 0); /* data never ends an open one */
    close_world();
    open_world(1, MT_START_MIDSTREAM);
    put(CLIENT, ACK, 101, 501, "x");
    CHECK_EQUAL(renewed(CLIENT, SYN, 5000, 0, 0), MT_RENEWAL_CANDIDATE);
    CHECK_EQUAL(renewed(SERVER, SYN, 5000, 0, 0), MT_RENEWAL_CANDIDATE);
    CHECK_EQUAL(renewed(SERVER, SYN | ACK, 5000, 5, 0), MT_RENEWAL_CANDIDATE);
    close_world();
    open_world(1, MT_START_SYN); /* data with the SYN, acknowledged or not */
    put(CLIENT, SYN, 100, 0, "data");
    CHECK_EQUAL(renewed(SERVER, SYN | ACK, 500, 105, 0), 0);
    CHECK_EQUAL(renewed(SERVER, SYN | ACK, 500, 101, 0), 0);
    CHECK_EQUAL(renewed(SERVER, SYN | ACK, 500, 106, 0), MT_RENEWAL_CANDIDATE);
    close_world();
}

static void test_renewed_closed(void)
{
    open_world(1, MT_START_SYN);
    shake_hands();
    put(CLIENT, FIN | ACK, 101, 501, "");
    put(SERVER, FIN | ACK, 501, 102, "");
    CHECK_EQUAL(renewed(CLIENT, SYN, 100, 0, 0), 0);
    CHECK_EQUAL(renewed(CLIENT, SYN, 101, 0, 0), 1);
    CHECK_EQUAL(renewed(SERVER, SYN | ACK, 700, 101, 0), 1);
    CHECK_EQUAL(renewed(CLIENT, ACK, 102, 502, 0), 0);  /* the last ACK */
    CHECK_EQUAL(renewed(CLIENT, ACK, 101, 502, 10), 0); /* data near the end are its own */
    CHECK_EQUAL(renewed(CLIENT, ACK, 101 + (1 << 20), 502, 10), 0);
    CHECK_EQUAL(renewed(CLIENT, ACK, 102 + (1 << 20), 502, 10),
                1); /* far from it another's, whose SYN was not captured */
    CHECK_EQUAL(renewed(CLIENT, ACK, 100u - (1 << 20), 502, 10), 1);
    CHECK_EQUAL(renewed(CLIENT, ACK | RST, 100u - (1 << 20), 502, 10), 0);
    CHECK_EQUAL(renewed(CLIENT, ACK, 102 + (1 << 20), 502, 0), 0);
    close_world();
}

int main(void)
{
    wire_request(&ping, MT_PING, 10);
    test_closed();
    test_reset();
    test_lost_tail();
    test_fin();
    test_after_the_end();
    test_renewed_open();
    test_renewed_closed();
    wire_free(&ping);
    FINISH("test_connection_ends");
}
