/* Bytes in order into messages that are longer than what is believed or kept. */
#include "support/levin_help.h"

/* ---- length limits ---- */

static void put_long(struct wire *wire, uint32_t command, size_t length)
{
    wire_header(wire, length, 0, command, 0, 1, 1);
    wire_body(wire, length, 'L');
}

/* Over the command's limit: skipped by its length. Before a handshake monerod takes no more than
 * 256 KiB; we read it all the same. */
static void test_oversize(void)
{
    struct wire wire = {0};
    put_long(&wire, MT_PING, 4096);
    put_long(&wire, MT_PING, 4097);
    put_long(&wire, MT_NEW_TRANSACTIONS, 262144);
    put_long(&wire, MT_NEW_TRANSACTIONS, 262145);
    wire_request(&wire, MT_HANDSHAKE, 50);
    put_long(&wire, MT_NEW_TRANSACTIONS, 262145);
    fixture_open(&fixture, 1);
    CHECK_EQUAL(fixture_feed(&fixture, 1, wire.bytes, wire.size, 1460), MT_OK);
    static const int expected[] = {MT_STATUS_COMPLETE, MT_STATUS_OVERSIZE, MT_STATUS_COMPLETE,
                                   MT_STATUS_COMPLETE, MT_STATUS_COMPLETE, MT_STATUS_COMPLETE};
    for (size_t i = 0; i < 6; i++)
        CHECK_EQUAL(message_row(&fixture.decoder.output, i)->status, expected[i]);
    CHECK_EQUAL(messages_count(&fixture.decoder.output), 6);
    check_problem(0, MT_PROBLEM_OVERSIZE, 33 + 4096, 33 + 4097,
                  "declared length over monerod's limit");
    CHECK_EQUAL(problem_bytes(&fixture.decoder.output, MT_PROBLEM_OVERSIZE), 33 + 4097);
    CHECK_EQUAL(bytes_in_rows(&fixture.decoder.output), (int64_t)wire.size);
    CHECK_EQUAL(fixture.decoder.output.buffered.used, 0);
    fixture_close(&fixture);
    wire_free(&wire);
}

/* An oversize message ends early, or has a hole. */
static void test_oversize_broken(void)
{
    struct wire wire = {0};
    put_long(&wire, MT_PING, 5000);
    wire_request(&wire, MT_PING, 10);
    fixture_open(&fixture, 1);
    CHECK_EQUAL(fixture_feed(&fixture, 1, wire.bytes, 1000, 100), MT_OK);
    CHECK_EQUAL(fixture_end(&fixture), MT_OK);
    check_message(0, MT_PING, MT_KIND_NOTIFICATION, MT_STATUS_OVERSIZE, 5000, 967);
    fixture_renew(&fixture, 1);
    CHECK_EQUAL(fixture_feed(&fixture, 1, wire.bytes, 1000, 100), MT_OK);
    CHECK_EQUAL(fixture_hole(&fixture, 1, 100, MT_HOLE_LIMIT), MT_OK);
    CHECK_EQUAL(fixture_feed(&fixture, 1, wire.bytes + 1100, wire.size - 1100, 100), MT_OK);
    check_message(0, MT_PING, MT_KIND_NOTIFICATION, MT_STATUS_OVERSIZE, 5000, 4900);
    check_message(1, MT_PING, MT_KIND_REQUEST, MT_STATUS_COMPLETE, 10, 10);
    CHECK_EQUAL(bytes_in_rows(&fixture.decoder.output), (int64_t)wire.size - 100);
    fixture_close(&fixture);
    wire_free(&wire);
}

/* A length that no message has: nothing is believed; what follows, up to the next sound header, is
 * its body. */
static void test_disbelieved(void)
{
    static const uint64_t lengths[] = {100000001, (uint64_t)1 << 32,       INT64_MAX - 33,
                                       INT64_MAX, (uint64_t)INT64_MAX + 1, UINT64_MAX - 33,
                                       UINT64_MAX};
    static const size_t steps[] = {WHOLE, 1, 34, 50};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        for (size_t k = 0; k < 4; k++) {
            struct wire wire = {0};
            wire_header(&wire, lengths[i], 0, MT_NEW_TRANSACTIONS, 0, 1, 1);
            wire_fill(&wire, 'b', 30);
            wire_request(&wire, MT_PING, 10);
            wire_header(&wire, lengths[i], 0, 77, 0, 0, 1); /* a fragment of no length either */
            wire_put(&wire, "\x01\x21", 2);
            fixture_open(&fixture, 1);
            CHECK_EQUAL(fixture_feed(&fixture, 1, wire.bytes, wire.size, steps[k]), MT_OK);
            CHECK_EQUAL(fixture_end(&fixture), MT_OK);
            check_message(0, MT_NEW_TRANSACTIONS, MT_KIND_NOTIFICATION, MT_STATUS_OVERSIZE,
                          lengths[i], 30);
            check_message(1, MT_PING, MT_KIND_REQUEST, MT_STATUS_COMPLETE, 10, 10);
            check_message(2, 77, -1, MT_STATUS_OVERSIZE, lengths[i], 2);
            CHECK_EQUAL(problems_count(&fixture.decoder.output), 2);
            check_problem(0, MT_PROBLEM_OVERSIZE, 0, 63, "declared length over any limit");
            check_problem(1, MT_PROBLEM_OVERSIZE, 63 + 43, 35, "declared length over any limit");
            if (steps[k] == 1)
                CHECK_EQUAL(message_row(&fixture.decoder.output, 0)->segments, 63);
            CHECK_EQUAL(bytes_in_rows(&fixture.decoder.output), (int64_t)wire.size);
            fixture_close(&fixture);
            wire_free(&wire);
        }
    }
}

static void test_disbelieved_and_hole(void)
{
    struct wire wire = {0};
    wire_header(&wire, UINT64_MAX, 0, MT_NEW_TRANSACTIONS, 0, 1, 1);
    wire_fill(&wire, 'b', 30);
    fixture_open(&fixture, 1);
    CHECK_EQUAL(fixture_segment(&fixture, 1, wire.bytes, wire.size), MT_OK);
    CHECK_EQUAL(fixture_hole(&fixture, 1, 50, MT_HOLE_LIMIT), MT_OK);
    check_message(0, MT_NEW_TRANSACTIONS, MT_KIND_NOTIFICATION, MT_STATUS_OVERSIZE, UINT64_MAX, 30);
    CHECK_EQUAL(fixture_segment(&fixture, 1, "garbage", 7), MT_OK);
    CHECK_EQUAL(fixture_end(&fixture), MT_OK);
    CHECK_EQUAL(messages_count(&fixture.decoder.output), 1);
    CHECK_EQUAL(problem_bytes(&fixture.decoder.output, MT_PROBLEM_UNFRAMED), 7);
    CHECK_EQUAL(problem_bytes(&fixture.decoder.output, MT_PROBLEM_OVERSIZE), 63);
    fixture_close(&fixture);
    wire_free(&wire);
}

/* The limit on what is believed is an option. */
static void test_message_bytes(void)
{
    struct wire wire = {0};
    put_long(&wire, MT_NEW_TRANSACTIONS, 1000);
    put_long(&wire, MT_NEW_TRANSACTIONS, 1001);
    wire_fill(&wire, 'g', 5);
    put_long(&wire, MT_NEW_TRANSACTIONS, 1001); /* out of step not even a candidate */
    put_long(&wire, MT_NEW_TRANSACTIONS, 999);
    fixture_open(&fixture, 1);
    fixture.limits.message_bytes = 1000;
    CHECK_EQUAL(fixture_feed(&fixture, 1, wire.bytes, wire.size, WHOLE), MT_OK);
    CHECK_EQUAL(messages_count(&fixture.decoder.output), 3);
    check_message(0, MT_NEW_TRANSACTIONS, MT_KIND_NOTIFICATION, MT_STATUS_COMPLETE, 1000, 1000);
    check_message(1, MT_NEW_TRANSACTIONS, MT_KIND_NOTIFICATION, MT_STATUS_OVERSIZE, 1001,
                  1001 + 5 + 33 + 1001);
    check_message(2, MT_NEW_TRANSACTIONS, MT_KIND_NOTIFICATION, MT_STATUS_COMPLETE, 999, 999);
    fixture_close(&fixture);
    wire.size = 0;
    wire_header(&wire, INT64_MAX, 0, MT_NEW_TRANSACTIONS, 0, 1,
                1); /* whoever sets no limit gets no overflow */
    wire_fill(&wire, 'b', 10);
    fixture_open(&fixture, 1);
    fixture.limits.message_bytes = INT64_MAX;
    CHECK_EQUAL(fixture_feed(&fixture, 1, wire.bytes, wire.size, 7), MT_OK);
    CHECK_EQUAL(fixture_end(&fixture), MT_OK);
    CHECK_EQUAL(bytes_in_rows(&fixture.decoder.output), (int64_t)wire.size);
    fixture_close(&fixture);
    wire_free(&wire);
}

static void test_buffered_bytes(void)
{
    struct wire wire = {0};
    put_long(&wire, MT_NEW_TRANSACTIONS, 200000);
    put_long(&wire, MT_NEW_TRANSACTIONS, 50000);
    fixture_open(&fixture, 1);
    fixture.limits.buffered_bytes = 100000;
    CHECK_EQUAL(fixture_feed(&fixture, 1, wire.bytes, wire.size, 1000), MT_OK);
    check_message(0, MT_NEW_TRANSACTIONS, MT_KIND_NOTIFICATION, MT_STATUS_OVERSIZE, 200000, 200000);
    check_message(1, MT_NEW_TRANSACTIONS, MT_KIND_NOTIFICATION, MT_STATUS_COMPLETE, 50000, 50000);
    check_problem(0, MT_PROBLEM_LIMIT, 0, 0, "a message was not kept: limit on buffered bytes");
    CHECK_EQUAL(problem_row(&fixture.decoder.output, 1)->kind, MT_PROBLEM_OVERSIZE);
    CHECK_EQUAL(bytes_in_rows(&fixture.decoder.output), (int64_t)wire.size);
    fixture_close(&fixture);
    wire_free(&wire);
}

/* One connection does not use up what all have. */
static void test_connection_bytes(void)
{
    struct wire wire = {0};
    put_long(&wire, MT_NEW_TRANSACTIONS, 200000);
    fixture_open(&fixture, 1);
    fixture.limits.connection_bytes = 100000;
    CHECK_EQUAL(fixture_feed(&fixture, 1, wire.bytes, wire.size, 1000), MT_OK);
    check_message(0, MT_NEW_TRANSACTIONS, MT_KIND_NOTIFICATION, MT_STATUS_OVERSIZE, 200000, 200000);
    CHECK_EQUAL(fixture.decoder.output.limit_hits[MT_LIMIT_connection_bytes], 1);
    CHECK_EQUAL(fixture.decoder.output.limit_hits[MT_LIMIT_buffered_bytes], 0);
    fixture.limits.connection_bytes = 250000;
    CHECK_EQUAL(fixture_feed(&fixture, 1, wire.bytes, wire.size, 1000), MT_OK);
    check_message(1, MT_NEW_TRANSACTIONS, MT_KIND_NOTIFICATION, MT_STATUS_COMPLETE, 200000, 200000);
    CHECK_EQUAL(fixture.buffered.used, 0);
    fixture_close(&fixture);
    wire_free(&wire);
}

int main(void)
{
    test_oversize();
    test_oversize_broken();
    test_disbelieved();
    test_disbelieved_and_hole();
    test_message_bytes();
    test_buffered_bytes();
    test_connection_bytes();
    FINISH("test_levin_limits");
}
