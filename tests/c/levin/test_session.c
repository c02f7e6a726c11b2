/* Requests and responses of one connection paired; the limit on lengths before and after the
 * handshake. */
#include "base/command.h"
#include "support/stream_help.h"

static struct fixture fixture;

static struct mt_message message_of(int from_client, int kind, uint32_t command, int64_t end,
                                    int64_t acknowledged)
{
    return (struct mt_message){.header = {.command = command},
                               .span = {.acknowledged = acknowledged},
                               .kind = (int8_t)kind,
                               .end = end,
                               .from_client = (uint8_t)from_client};
}

/* A message as the framing hands it on: `end` is the stream offset after it, `acknowledged` what
 * its sender had. Returns its id. */
static int64_t say(int from_client, int kind, uint32_t command, int64_t end, int64_t acknowledged)
{
    struct mt_message message = message_of(from_client, kind, command, end, acknowledged);
    CHECK_EQUAL(mt_conversation_sink.message(fixture.conversation, &message), MT_OK);
    return fixture.decoder.output.messages_given - 1;
}

static int pair(int from_client, int kind, uint32_t command)
{
    struct mt_message message = message_of(from_client, kind, command, 1, 1);
    struct mt_pairing pairing;
    return mt_session_pair(fixture.session, &message, 9, &pairing);
}

static int64_t reply_to(int64_t message)
{
    return message_row(&fixture.decoder.output, (size_t)message)->reply_to;
}

static int64_t ask(int from_client, uint32_t command)
{
    return say(from_client, MT_KIND_REQUEST, command,
               10 * (fixture.decoder.output.messages_given + 1), INT64_MIN);
}

static int64_t answer(int from_client, uint32_t command)
{
    return say(from_client, MT_KIND_RESPONSE, command,
               10 * (fixture.decoder.output.messages_given + 1), INT64_MIN);
}

static void test_in_order(void)
{
    fixture_open(&fixture, 1);
    int64_t first = ask(1, MT_HANDSHAKE), second = ask(1, MT_PING), theirs = ask(0, MT_PING);
    CHECK_EQUAL(reply_to(first), -1);
    CHECK_EQUAL(reply_to(answer(0, MT_HANDSHAKE)), first);
    int64_t notification = say(0, MT_KIND_NOTIFICATION, MT_NEW_TRANSACTIONS, 100, INT64_MIN),
            noise = say(0, MT_KIND_NOISE, 0, 110, INT64_MIN),
            nothing = say(0, -1, 0, 120, INT64_MIN);
    CHECK_EQUAL(reply_to(notification), -1);
    CHECK_EQUAL(reply_to(noise), -1);
    CHECK_EQUAL(reply_to(nothing), -1);
    CHECK_EQUAL(reply_to(answer(1, MT_PING)), theirs);
    CHECK_EQUAL(reply_to(answer(0, MT_PING)), second);
    CHECK_EQUAL(reply_to(answer(0, MT_PING)), -1); /* nothing is outstanding */
    CHECK_EQUAL(reply_to(answer(1, MT_PING)), -1);
    CHECK_EQUAL(fixture.session->levin.lossy, 0);
    fixture_close(&fixture);
}

/* In step another command is no answer, but the request is over all the same. */
static void test_wrong_command(void)
{
    fixture_open(&fixture, 1);
    ask(1, MT_PING);
    int64_t second = ask(1, MT_TIMED_SYNC);
    CHECK_EQUAL(reply_to(answer(0, MT_TIMED_SYNC)), -1);
    CHECK_EQUAL(reply_to(answer(0, MT_TIMED_SYNC)), second);
    fixture_close(&fixture);
}

/* After a loss the oldest request of the same command. */
static void test_lossy(void)
{
    fixture_open(&fixture, 1);
    int64_t lost = ask(1, MT_PING), first = ask(1, MT_TIMED_SYNC), second = ask(1, MT_TIMED_SYNC),
            third = ask(1, MT_PING);
    fixture.session->levin.lossy = 1;
    CHECK_EQUAL(reply_to(answer(0, MT_TIMED_SYNC)), first);
    CHECK_EQUAL(reply_to(answer(0, MT_HANDSHAKE)), -1); /* of no outstanding one: they stay */
    CHECK_EQUAL(reply_to(answer(0, MT_TIMED_SYNC)), second);
    CHECK_EQUAL(reply_to(answer(0, MT_PING)), third); /* not the first: older ones were skipped */
    CHECK(lost != third);
    fixture_close(&fixture);
}

/* A hole in the responses: what may have been answered inside it is only taken if there is no
 * other. */
static void test_doubtful(void)
{
    fixture_open(&fixture, 1);
    int64_t first = say(1, MT_KIND_REQUEST, MT_PING, 100,
                        1000); /* sent when the client had 1000 bytes of the server */
    mt_session_hole(
        fixture.session, 0,
        1500); /* the server's bytes up to 1500 were lost: the answer may be among them */
    int64_t second = say(1, MT_KIND_REQUEST, MT_PING, 200, 1500); /* asked after the hole */
    CHECK_EQUAL(fixture.session->levin.lossy, 1);
    CHECK_EQUAL(reply_to(say(0, MT_KIND_RESPONSE, MT_PING, 1600, 200)), second);
    CHECK(first != second);
    CHECK_EQUAL(reply_to(say(0, MT_KIND_RESPONSE, MT_PING, 1700, 200)), -1);
    first = say(1, MT_KIND_REQUEST, MT_PING, 300, 1700);
    mt_session_hole(fixture.session, 0, 1800);
    CHECK_EQUAL(reply_to(say(0, MT_KIND_RESPONSE, MT_PING, 1900, 300)),
                first); /* there is no other */
    first = say(1, MT_KIND_REQUEST, MT_PING, 400, 1900);
    mt_session_hole(fixture.session, 1, 5000); /* the other direction's holes say nothing of it */
    second = say(1, MT_KIND_REQUEST, MT_PING, 5100, 1900);
    CHECK_EQUAL(reply_to(say(0, MT_KIND_RESPONSE, MT_PING, 2000, 5100)), first);
    fixture_close(&fixture);
}

/* A response cannot answer what its sender had not yet received. */
static void test_not_yet_received(void)
{
    fixture_open(&fixture, 1);
    say(1, MT_KIND_REQUEST, MT_PING, 100, INT64_MIN);
    int64_t early = say(0, MT_KIND_RESPONSE, MT_PING, 50, 99);
    CHECK_EQUAL(reply_to(early), -1);
    CHECK_EQUAL(reply_to(say(0, MT_KIND_RESPONSE, MT_PING, 60, 100)), 0);
    fixture_close(&fixture);
}

/* Captured before its request: paired when the request comes. */
static void test_early_response(void)
{
    fixture_open(&fixture, 1);
    int64_t response = say(0, MT_KIND_RESPONSE, MT_PING, 50, 100);
    CHECK_EQUAL(reply_to(response), -1);
    CHECK_EQUAL(mt_decoder_settled(&fixture.decoder), response);
    int64_t other = say(1, MT_KIND_REQUEST, MT_TIMED_SYNC, 90, INT64_MIN);
    CHECK_EQUAL(reply_to(response), -1);
    say(0, MT_KIND_REQUEST, MT_PING, 60, INT64_MIN); /* of its own sender */
    CHECK_EQUAL(reply_to(response), -1);
    int64_t request = say(1, MT_KIND_REQUEST, MT_PING, 100, INT64_MIN);
    CHECK_EQUAL(reply_to(response), request);
    CHECK_EQUAL(mt_decoder_settled(&fixture.decoder), 0); /* not acknowledged yet */
    for (int direction = 0; direction < 2; direction++)
        mt_conversation_callbacks.acknowledged(fixture.conversation, direction, 1000, 0);
    CHECK_EQUAL(mt_decoder_settled(&fixture.decoder), fixture.decoder.output.messages_given);
    CHECK_EQUAL(reply_to(say(0, MT_KIND_RESPONSE, MT_TIMED_SYNC, 70, 100)), other);
    CHECK_EQUAL(reply_to(say(0, MT_KIND_RESPONSE, MT_PING, 80, 100)), -1); /* it was answered */
    fixture_close(&fixture);
    fixture_open(&fixture, 1);
    response = say(0, MT_KIND_RESPONSE, MT_PING, 50, 100);
    request =
        say(1, MT_KIND_REQUEST, MT_PING, 101, INT64_MIN); /* its sender did not have all of that */
    CHECK_EQUAL(reply_to(response), -1);
    CHECK_EQUAL(reply_to(say(0, MT_KIND_RESPONSE, MT_PING, 60, 101)), request);
    fixture_close(&fixture);
    fixture_open(&fixture, 1);
    response = say(0, MT_KIND_RESPONSE, MT_PING, 50,
                   INT64_MIN); /* nothing is known of what it had: not remembered */
    say(1, MT_KIND_REQUEST, MT_PING, 10, INT64_MIN);
    CHECK_EQUAL(reply_to(response), -1);
    CHECK_EQUAL(fixture.decoder.early.count, 0);
    fixture_close(&fixture);
}

static void use(struct mt_conversation *conversation)
{
    fixture.conversation = conversation;
    fixture.session = conversation->session;
}

/* What is remembered of a session goes with it; others' stays. */
static void test_early_responses_of_two(void)
{
    fixture_open(&fixture, 1);
    struct mt_conversation *mine = fixture.conversation;
    fixture_begin(&fixture, 1);
    struct mt_conversation *other = fixture.conversation;
    use(mine);
    int64_t a = say(0, MT_KIND_RESPONSE, MT_PING, 50, 100);
    use(other);
    int64_t b = say(0, MT_KIND_RESPONSE, MT_PING, 50, 100);
    use(mine);
    say(0, MT_KIND_RESPONSE, MT_PING, 60, 100);
    CHECK_EQUAL(fixture.decoder.early.count, 3);
    use(other);
    int64_t request = say(1, MT_KIND_REQUEST, MT_PING, 100, INT64_MIN);
    CHECK_EQUAL(reply_to(b), request);
    CHECK_EQUAL(reply_to(a), -1);
    say(0, MT_KIND_RESPONSE, MT_TIMED_SYNC, 60, 100);
    mt_conversation_close(mine);
    CHECK_EQUAL(fixture.decoder.early.count, 1);
    CHECK(fixture.decoder.early.items[0].waiting == &other->session->requests[1].early &&
          other->session->requests[1].early == 1);
    mt_conversation_close(other);
    CHECK_EQUAL(fixture.decoder.early.count, 0);
    fixture.conversation = NULL;
    mt_session_close(NULL);
    fixture_close(&fixture);
}

/* Its row was handed over meanwhile: nothing is written anywhere. */
static void test_early_row_gone(void)
{
    fixture_open(&fixture, 1);
    say(0, MT_KIND_RESPONSE, MT_PING, 50, 100);
    fixture.decoder.output.tables[MT_TABLE_messages].count = 0;
    say(1, MT_KIND_REQUEST, MT_PING, 100, INT64_MIN);
    CHECK_EQUAL(messages_count(&fixture.decoder.output), 1);
    CHECK_EQUAL(message_row(&fixture.decoder.output, 0)->reply_to, -1);
    fixture_close(&fixture);
}

static void test_requests_limit(void)
{
    fixture_open(&fixture, 1);
    fixture.limits.requests = 5;
    int64_t ids[12];
    for (int i = 0; i < 12; i++)
        ids[i] = ask(1, i % 2 == 0 ? MT_PING : MT_TIMED_SYNC);
    CHECK_EQUAL(fixture.session->requests[1].count, 5);
    CHECK_EQUAL(fixture.session->levin.lossy, 1); /* some are forgotten: out of step */
    CHECK_EQUAL(reply_to(answer(0, MT_TIMED_SYNC)), ids[7]);
    CHECK_EQUAL(reply_to(answer(0, MT_PING)), ids[8]);
    CHECK_EQUAL(reply_to(answer(0, MT_TIMED_SYNC)), ids[9]);
    CHECK_EQUAL(reply_to(answer(0, MT_TIMED_SYNC)), ids[11]);
    CHECK_EQUAL(fixture.session->requests[1].count, 0);
    fixture_close(&fixture);
    fixture_open(&fixture, 1);
    fixture.limits.requests =
        0; /* a limit, not a crash: the latest is all that is remembered, if anything */
    ask(1, MT_PING);
    ask(1, MT_PING);
    CHECK(fixture.session->requests[1].count <= 1);
    fixture_close(&fixture);
}

/* The ring of requests grows while it is wound around its end. */
static void test_ring(void)
{
    fixture_open(&fixture, 1);
    int64_t asked[300], answered = 0, count = 0;
    uint64_t random = 3;
    for (int i = 0; i < 300; i++) {
        asked[count++] = ask(0, MT_PING);
        while (answered < count && next_random(&random) % 3 == 0)
            CHECK_EQUAL(reply_to(answer(1, MT_PING)), asked[answered++]);
    }
    while (answered < count)
        CHECK_EQUAL(reply_to(answer(1, MT_PING)), asked[answered++]);
    CHECK_EQUAL(fixture.session->requests[0].count, 0);
    fixture_close(&fixture);
}

/* The same through whole streams: two requests in one segment, the answers cut anywhere. */
static void test_through_streams(void)
{
    struct wire asks = {0}, answers = {0};
    wire_request(&asks, MT_REQUEST_SUPPORT_FLAGS, 10);
    wire_request(&asks, MT_TIMED_SYNC, 17);
    wire_response(&answers, MT_REQUEST_SUPPORT_FLAGS, 10);
    wire_error(&answers, MT_TIMED_SYNC);
    fixture_open(&fixture, 1);
    for (size_t cut = 1; cut < answers.size; cut++) {
        fixture_renew(&fixture, 1);
        CHECK_EQUAL(fixture_segment(&fixture, 1, asks.bytes, asks.size), MT_OK);
        CHECK_EQUAL(fixture_feed(&fixture, 0, answers.bytes, answers.size, cut), MT_OK);
        CHECK_EQUAL(message_row(&fixture.decoder.output, 2)->reply_to, 0);
        CHECK_EQUAL(message_row(&fixture.decoder.output, 3)->reply_to, 1);
    }
    fixture_renew(&fixture, 1); /* the first answer was lost */
    CHECK_EQUAL(fixture_segment(&fixture, 1, asks.bytes, asks.size), MT_OK);
    CHECK_EQUAL(fixture_hole(&fixture, 0, 43, MT_HOLE_ACKED), MT_OK);
    CHECK_EQUAL(fixture_segment(&fixture, 0, answers.bytes + 43, answers.size - 43), MT_OK);
    CHECK_EQUAL(message_row(&fixture.decoder.output, 2)->command, MT_TIMED_SYNC);
    CHECK_EQUAL(message_row(&fixture.decoder.output, 2)->reply_to, 1);
    fixture_renew(&fixture, 1); /* the first question was lost: its answer answers nothing */
    CHECK_EQUAL(fixture_hole(&fixture, 1, 43, MT_HOLE_ACKED), MT_OK);
    CHECK_EQUAL(fixture_segment(&fixture, 1, asks.bytes + 43, asks.size - 43), MT_OK);
    CHECK_EQUAL(fixture_segment(&fixture, 0, answers.bytes, answers.size), MT_OK);
    CHECK_EQUAL(message_row(&fixture.decoder.output, 1)->reply_to, -1);
    CHECK_EQUAL(message_row(&fixture.decoder.output, 2)->reply_to, 0);
    fixture_close(&fixture);
    wire_free(&asks);
    wire_free(&answers);
}

/* Requests that nobody answers are bytes held, too. */
static void test_requests_budget(void)
{
    fixture_open(&fixture, 1);
    fixture.limits.connection_bytes = 1000;
    for (int i = 0; i < 100; i++)
        ask(1, MT_PING);
    CHECK(fixture.buffered.used > 0 && fixture.buffered.used <= 1000);
    CHECK_EQUAL(fixture.session->requests[1].count, 16);
    CHECK_EQUAL(fixture.decoder.output.limit_hits[MT_LIMIT_connection_bytes], 84);
    CHECK_EQUAL(reply_to(answer(0, MT_PING)), 84); /* the oldest of those remembered */
    fixture.limits.connection_bytes = 0;
    for (int i = 0; i < 6; i++)
        ask(0, MT_PING);
    CHECK_EQUAL(fixture.session->requests[0].count, 4);
    fixture_close(&fixture);
}

static void test_no_memory(void)
{
    fixture_open(&fixture, 1);
    mt_fail_after(1);
    static const struct mt_problem_source source = {1, 1, 2, 20000, -1, -1, MT_NO_CODE};
    CHECK(mt_conversation_open(&fixture.decoder, &source, &fixture.buffered, 1) == NULL);
    CHECK_EQUAL(pair(0, MT_KIND_REQUEST, MT_PING), MT_NOMEM);
    CHECK_EQUAL(pair(0, MT_KIND_RESPONSE, MT_PING), MT_NOMEM);
    mt_fail_after(0);
    for (int i = 0; i < 4; i++)
        ask(1, MT_PING);
    mt_fail_after(1);
    CHECK_EQUAL(pair(1, MT_KIND_REQUEST, MT_PING), MT_NOMEM); /* the fifth needs a larger ring */
    mt_fail_after(0);
    CHECK_EQUAL(reply_to(answer(0, MT_PING)), 0);
    fixture_close(&fixture);
}

/* ---- worst cases: each must be over in an instant ---- */

static void test_unanswered(void)
{
    fixture_open(&fixture, 1);
    fixture.session->levin.lossy = 1;
    for (int i = 0; i < 1024; i++)
        ask(1, MT_TIMED_SYNC);
    for (int i = 0; i < 20000; i++)
        say(0, MT_KIND_RESPONSE, MT_PING, i, 1000000); /* nobody asked for any of them */
    for (int i = 0; i < 20000; i++)
        say(1, MT_KIND_REQUEST, MT_PING, 2000000, INT64_MIN);
    for (int i = 0; i < 20000; i++)
        mt_session_hole(fixture.session, 0, i);
    fixture_close(&fixture);
}

int main(void)
{
    test_in_order();
    test_wrong_command();
    test_lossy();
    test_doubtful();
    test_not_yet_received();
    test_early_response();
    test_early_responses_of_two();
    test_early_row_gone();
    test_requests_limit();
    test_ring();
    test_through_streams();
    test_requests_budget();
    test_no_memory();
    test_unanswered();
    FINISH("test_session");
}
