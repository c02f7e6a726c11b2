/* Connections that are not Monero's, or not yet known to be. */
#include "support/levin_help.h"

static void test_foreign(void)
{
    fixture_open(&fixture, 0);
    CHECK_EQUAL(fixture_segment(&fixture, 1, "\x01\x21\x01", 3),
                MT_OK); /* begins as the signature does */
    CHECK_EQUAL(fixture_segment(&fixture, 1, "GET / HTTP/1.1", 14), MT_OK);
    CHECK_EQUAL(fixture_hole(&fixture, 1, 10, MT_HOLE_LIMIT), MT_OK);
    CHECK_EQUAL(fixture_segment(&fixture, 1, "more", 4), MT_OK);
    CHECK_EQUAL(fixture_segment(&fixture, 0, "\x01", 1), MT_OK);
    CHECK_EQUAL(problems_count(&fixture.decoder.output), 0);
    CHECK_EQUAL(fixture_end(&fixture), MT_OK);
    CHECK_EQUAL(problems_count(&fixture.decoder.output), 3);
    check_problem(0, MT_PROBLEM_NOT_LEVIN, 0, 21, "not a Levin connection");
    check_problem(1, MT_PROBLEM_LOST, -1, 10, "not a Levin connection");
    check_problem(2, MT_PROBLEM_NOT_LEVIN, 0, 1, "not a Levin connection");
    CHECK_EQUAL(problem_row(&fixture.decoder.output, 0)->frame, 1);
    CHECK_EQUAL(fixture.session->levin.monero, 0);
    CHECK_EQUAL(messages_count(&fixture.decoder.output), 0);
    fixture_close(&fixture);
}

/* A header in the middle of a stream whose beginning was captured proves nothing. */
static void test_foreign_stays(void)
{
    struct wire wire = {0};
    wire_fill(&wire, 'g', 5);
    wire_request(&wire, MT_PING, 10);
    fixture_open(&fixture, 0);
    CHECK_EQUAL(fixture_feed(&fixture, 1, wire.bytes, wire.size, WHOLE), MT_OK);
    CHECK_EQUAL(fixture_end(&fixture), MT_OK);
    CHECK_EQUAL(messages_count(&fixture.decoder.output), 0);
    CHECK_EQUAL(problem_bytes(&fixture.decoder.output, MT_PROBLEM_NOT_LEVIN), 48);
    fixture_close(&fixture);
    wire_free(&wire);
}

static void test_recognised(void)
{
    struct wire wire = {0};
    wire_request(&wire, MT_PING, 10);
    fixture_open(&fixture, 0);
    CHECK_EQUAL(fixture_segment(&fixture, 1, wire.bytes, 7), MT_OK);
    CHECK_EQUAL(fixture.session->levin.monero, 0);
    CHECK_EQUAL(fixture_segment(&fixture, 1, wire.bytes + 7, 1),
                MT_OK); /* the signature is whole */
    CHECK_EQUAL(fixture.session->levin.monero, 1);
    CHECK_EQUAL(fixture_segment(&fixture, 1, wire.bytes + 8, 35), MT_OK);
    check_message(0, MT_PING, MT_KIND_REQUEST, MT_STATUS_COMPLETE, 10, 10);
    CHECK_EQUAL(message_row(&fixture.decoder.output, 0)->segments, 3);
    fixture_renew(&fixture, 0);
    CHECK_EQUAL(fixture_segment(&fixture, 1, wire.bytes, 43), MT_OK); /* in place */
    CHECK_EQUAL(fixture.session->levin.monero, 1);
    fixture_renew(&fixture, 1);
    CHECK_EQUAL(fixture_segment(&fixture, 1, wire.bytes, 43), MT_OK); /* the port had said it */
    CHECK_EQUAL(fixture.session->levin.monero, 1);
    fixture_close(&fixture);
    wire_free(&wire);
}

/* The other direction's signature: what was counted here stays counted, what follows is searched.
 */
static void test_recognised_by_the_other(void)
{
    struct wire wire = {0};
    wire_request(&wire, MT_PING, 10);
    fixture_open(&fixture, 0);
    CHECK_EQUAL(fixture_segment(&fixture, 0, "banner", 6), MT_OK);
    CHECK_EQUAL(fixture_hole(&fixture, 0, 4, MT_HOLE_LIMIT), MT_OK);
    CHECK_EQUAL(fixture_segment(&fixture, 0, "x", 1), MT_OK);
    CHECK_EQUAL(fixture_segment(&fixture, 1, wire.bytes, wire.size), MT_OK);
    check_problem(0, MT_PROBLEM_LOST, -1, 4, "lost before the connection was known to be Monero's");
    CHECK_EQUAL(problem_row(&fixture.decoder.output, 0)->from_client, 0);
    CHECK_EQUAL(problem_row(&fixture.decoder.output, 0)->frame, 1);
    CHECK_EQUAL(fixture_hole(&fixture, 0, 5, MT_HOLE_LIMIT), MT_OK);
    CHECK_EQUAL(problem_row(&fixture.decoder.output, 1)->bytes, 5);
    CHECK_EQUAL(fixture_segment(&fixture, 0, "yz", 2), MT_OK);
    CHECK_EQUAL(fixture_segment(&fixture, 0, wire.bytes, wire.size), MT_OK);
    CHECK_EQUAL(messages_count(&fixture.decoder.output), 2);
    CHECK_EQUAL(fixture_end(&fixture), MT_OK);
    CHECK_EQUAL(problem_bytes(&fixture.decoder.output, MT_PROBLEM_UNFRAMED), 9);
    CHECK_EQUAL(problem_bytes(&fixture.decoder.output, MT_PROBLEM_LOST), 9);
    CHECK_EQUAL(problem_bytes(&fixture.decoder.output, MT_PROBLEM_NOT_LEVIN), 0);
    fixture_close(&fixture);
    wire_free(&wire);
}

/* A signature in the segment whose first bytes are wrong is not kept until the other direction is
 * recognised: whether it is read would depend on the segments. */
static void test_recognised_after_a_wrong_signature(void)
{
    struct wire wire = {0}, other = {0};
    wire_put(&wire, "\x01\x21\x01\x01", 4);
    wire_request(&wire, MT_PING, 10);
    wire_request(&other, MT_PING, 10);
    for (size_t cut = 1; cut <= 20; cut++) {
        fixture_open(&fixture, 0);
        CHECK_EQUAL(fixture_feed(&fixture, 0, wire.bytes, 20, cut), MT_OK);
        CHECK_EQUAL(fixture_segment(&fixture, 1, other.bytes, other.size), MT_OK);
        CHECK_EQUAL(fixture_segment(&fixture, 0, wire.bytes + 20, wire.size - 20), MT_OK);
        CHECK_EQUAL(fixture_end(&fixture), MT_OK);
        CHECK_EQUAL(messages_count(&fixture.decoder.output), 1);
        CHECK_EQUAL(problem_bytes(&fixture.decoder.output, MT_PROBLEM_UNFRAMED), wire.size);
        fixture_close(&fixture);
    }
    wire_free(&wire);
    wire_free(&other);
}

/* From the middle a sound header anywhere will do; a loss before anything was seen has a time, too.
 */
static void test_recognised_midstream(void)
{
    struct wire wire = {0};
    wire_fill(&wire, 'g', 5);
    wire_notify(&wire, MT_NEW_TRANSACTIONS, 30);
    fixture_open(&fixture, 0);
    mt_levin_midstream(&fixture.session->levin.directions[1]);
    fixture.ref.time = START_TIME + 5;
    fixture.ref.frame = 9;
    CHECK_EQUAL(fixture_hole(&fixture, 1, 100, MT_HOLE_LIMIT), MT_OK);
    CHECK_EQUAL(problems_count(&fixture.decoder.output), 0);
    CHECK_EQUAL(fixture_feed(&fixture, 1, wire.bytes + 5, wire.size - 5, 11), MT_OK);
    CHECK_EQUAL(fixture.session->levin.monero, 1);
    CHECK_EQUAL(messages_count(&fixture.decoder.output), 1);
    check_problem(0, MT_PROBLEM_LOST, -1, 100,
                  "lost before the connection was known to be Monero's");
    CHECK_EQUAL(problem_row(&fixture.decoder.output, 0)->time, START_TIME + 5);
    CHECK_EQUAL(problem_row(&fixture.decoder.output, 0)->frame, 9);
    fixture_close(&fixture);
    fixture_open(&fixture, 0);
    mt_levin_midstream(&fixture.session->levin.directions[1]);
    CHECK_EQUAL(fixture_feed(&fixture, 1, wire.bytes, wire.size, 11), MT_OK);
    CHECK_EQUAL(messages_count(&fixture.decoder.output), 1);
    CHECK_EQUAL(problem_bytes(&fixture.decoder.output, MT_PROBLEM_UNFRAMED), 5);
    fixture_close(&fixture);
    fixture_open(&fixture, 0);
    CHECK_EQUAL(fixture_hole(&fixture, 1, 100, MT_HOLE_LIMIT), MT_OK); /* nothing but a loss */
    CHECK_EQUAL(fixture_end(&fixture), MT_OK);
    CHECK_EQUAL(problem_bytes(&fixture.decoder.output, MT_PROBLEM_LOST), 100);
    CHECK_EQUAL(problem_row(&fixture.decoder.output, 0)->time, START_TIME);
    fixture_close(&fixture);
    wire_free(&wire);
}

/* Problems that tcp reports keep their kind, but for bytes outside messages of a connection that is
 * not Monero's. */
static void test_problem_kinds(void)
{
    struct mt_packet_ref ref = {.time = 5, .frame = 6, .file = 2};
    struct mt_problem late = {MT_PROBLEM_UNFRAMED, -7, 9, "late", &ref},
                      other = {MT_PROBLEM_CONFLICT, 70, 1, "other", &ref};
    fixture_open(&fixture, 1);
    CHECK_EQUAL(mt_conversation_sink.problem(fixture.conversation, 1, &late), MT_OK);
    CHECK_EQUAL(mt_conversation_sink.problem(fixture.conversation, 0, &other), MT_OK);
    check_problem(0, MT_PROBLEM_UNFRAMED, -7, 9, "late");
    check_problem(1, MT_PROBLEM_CONFLICT, 70, 1, "other");
    CHECK_EQUAL(problem_row(&fixture.decoder.output, 0)->file, 2);
    CHECK_EQUAL(problem_row(&fixture.decoder.output, 0)->time, 5);
    CHECK_EQUAL(problem_row(&fixture.decoder.output, 0)->from_client, 1);
    CHECK_EQUAL(problem_row(&fixture.decoder.output, 1)->from_client, 0);
    fixture_renew(&fixture, 0);
    CHECK_EQUAL(mt_conversation_sink.problem(fixture.conversation, 1, &late), MT_OK);
    check_problem(0, MT_PROBLEM_NOT_LEVIN, -7, 9, "late");
    fixture_close(&fixture);
}

/* Without the table of messages the payload still is decoded, and ids go on. */
static void test_messages_not_wanted(void)
{
    struct wire wire = {0};
    wire_response(&wire, MT_REQUEST_SUPPORT_FLAGS, 10);
    wire_response(&wire, MT_REQUEST_SUPPORT_FLAGS, 10);
    fixture_open(&fixture, 1);
    fixture.decoder.output.tables[MT_TABLE_messages].wanted = 0;
    CHECK_EQUAL(fixture_feed(&fixture, 0, wire.bytes, wire.size, 9), MT_OK);
    CHECK_EQUAL(messages_count(&fixture.decoder.output), 0);
    CHECK_EQUAL(fixture.decoder.output.tables[MT_TABLE_node_data].count, 2);
    CHECK_EQUAL(
        ((struct mt_node_row *)fixture.decoder.output.tables[MT_TABLE_node_data].rows)[1].message,
        1);
    CHECK_EQUAL(fixture.decoder.output.messages_given, 2);
    fixture_close(&fixture);
    wire_free(&wire);
}

int main(void)
{
    test_foreign();
    test_foreign_stays();
    test_recognised();
    test_recognised_by_the_other();
    test_recognised_after_a_wrong_signature();
    test_recognised_midstream();
    test_problem_kinds();
    test_messages_not_wanted();
    FINISH("test_recognition");
}
