/* When a connection ends: reused ports, pauses, implausible times, limits. */
#include "support/tcp_help.h"

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
static void test_wild_time_blocks_no_connection(void)
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

int main(void)
{
    wire_request(&ping, MT_PING, 10);
    test_reuse();
    test_reuse_reversed();
    test_idle();
    test_wild_times();
    test_wild_time_blocks_no_connection();
    test_linger();
    test_linger_taken_back();
    test_connections_limit();
    wire_free(&ping);
    FINISH("test_tcp_ends");
}
