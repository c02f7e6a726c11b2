/* Requests and responses of one connection paired; the limit on lengths before and after the
 * handshake. */
#include "base/command.h"
#include "support/stream_help.h"

static struct room room;

/* A row is made as levin.c makes it: the dialog sees it, then it is in the table. Returns its id.
 * `end` is the stream offset behind the message, `acknowledged` what its sender had. */
static int64_t say(int from_client, int kind, uint32_t command, int64_t end, int64_t acknowledged)
{
    struct mt_message_row row = {.message = room.output.messages_given,
                                 .kind = (int8_t)kind,
                                 .command = command,
                                 .from_client = (uint8_t)from_client,
                                 .reply_to = 99};
    CHECK_EQUAL(mt_dialog_message(room.dialog, &row, end, acknowledged), MT_OK);
    struct mt_message_row *place = mt_table_append(&room.output.tables[MT_TABLE_messages]);
    *place = row;
    return room.output.messages_given++;
}

static int64_t reply_to(int64_t message)
{
    return message_row(&room.output, (size_t)message)->reply_to;
}

static int64_t ask(int from_client, uint32_t command)
{
    return say(from_client, MT_KIND_REQUEST, command, 10 * (room.output.messages_given + 1),
               INT64_MIN);
}

static int64_t answer(int from_client, uint32_t command)
{
    return say(from_client, MT_KIND_RESPONSE, command, 10 * (room.output.messages_given + 1),
               INT64_MIN);
}

static void test_in_order(void)
{
    room_open(&room, 1);
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
    CHECK_EQUAL(room.dialog->lossy, 0);
    room_close(&room);
}

/* In step another command is no answer, but the request is over all the same. */
static void test_wrong_command(void)
{
    room_open(&room, 1);
    ask(1, MT_PING);
    int64_t second = ask(1, MT_TIMED_SYNC);
    CHECK_EQUAL(reply_to(answer(0, MT_TIMED_SYNC)), -1);
    CHECK_EQUAL(reply_to(answer(0, MT_TIMED_SYNC)), second);
    room_close(&room);
}

/* After a loss the oldest request of the same command. */
static void test_lossy(void)
{
    room_open(&room, 1);
    int64_t lost = ask(1, MT_PING), first = ask(1, MT_TIMED_SYNC), second = ask(1, MT_TIMED_SYNC),
            third = ask(1, MT_PING);
    room.dialog->lossy = 1;
    CHECK_EQUAL(reply_to(answer(0, MT_TIMED_SYNC)), first);
    CHECK_EQUAL(reply_to(answer(0, MT_HANDSHAKE)), -1); /* of no outstanding one: they stay */
    CHECK_EQUAL(reply_to(answer(0, MT_TIMED_SYNC)), second);
    CHECK_EQUAL(reply_to(answer(0, MT_PING)), third); /* not the first: older ones were skipped */
    CHECK(lost != third);
    room_close(&room);
}

/* A hole in the responses: what may have been answered inside it is only taken if there is no
 * other. */
static void test_doubtful(void)
{
    room_open(&room, 1);
    int64_t first = say(1, MT_KIND_REQUEST, MT_PING, 100,
                        1000); /* sent when the client had 1000 bytes of the server */
    mt_dialog_hole(
        room.dialog, 0,
        1500); /* the server's bytes up to 1500 were lost: the answer may be among them */
    int64_t second = say(1, MT_KIND_REQUEST, MT_PING, 200, 1500); /* asked behind the hole */
    CHECK_EQUAL(room.dialog->lossy, 1);
    CHECK_EQUAL(reply_to(say(0, MT_KIND_RESPONSE, MT_PING, 1600, 200)), second);
    CHECK(first != second);
    CHECK_EQUAL(reply_to(say(0, MT_KIND_RESPONSE, MT_PING, 1700, 200)), -1);
    first = say(1, MT_KIND_REQUEST, MT_PING, 300, 1700);
    mt_dialog_hole(room.dialog, 0, 1800);
    CHECK_EQUAL(reply_to(say(0, MT_KIND_RESPONSE, MT_PING, 1900, 300)),
                first); /* there is no other */
    first = say(1, MT_KIND_REQUEST, MT_PING, 400, 1900);
    mt_dialog_hole(room.dialog, 1, 5000); /* the other direction's holes say nothing of it */
    second = say(1, MT_KIND_REQUEST, MT_PING, 5100, 1900);
    CHECK_EQUAL(reply_to(say(0, MT_KIND_RESPONSE, MT_PING, 2000, 5100)), first);
    room_close(&room);
}

/* A response cannot answer what its sender had not yet received. */
static void test_not_yet_received(void)
{
    room_open(&room, 1);
    say(1, MT_KIND_REQUEST, MT_PING, 100, INT64_MIN);
    int64_t early = say(0, MT_KIND_RESPONSE, MT_PING, 50, 99);
    CHECK_EQUAL(reply_to(early), -1);
    CHECK_EQUAL(reply_to(say(0, MT_KIND_RESPONSE, MT_PING, 60, 100)), 0);
    room_close(&room);
}

/* Captured before its request: paired when the request comes. */
static void test_early_response(void)
{
    room_open(&room, 1);
    int64_t response = say(0, MT_KIND_RESPONSE, MT_PING, 50, 100);
    CHECK_EQUAL(reply_to(response), -1);
    CHECK_EQUAL(mt_output_settled(&room.output), response);
    int64_t other = say(1, MT_KIND_REQUEST, MT_TIMED_SYNC, 90, INT64_MIN);
    CHECK_EQUAL(reply_to(response), -1);
    say(0, MT_KIND_REQUEST, MT_PING, 60, INT64_MIN); /* of its own sender */
    CHECK_EQUAL(reply_to(response), -1);
    int64_t request = say(1, MT_KIND_REQUEST, MT_PING, 100, INT64_MIN);
    CHECK_EQUAL(reply_to(response), request);
    CHECK_EQUAL(mt_output_settled(&room.output), room.output.messages_given);
    CHECK_EQUAL(reply_to(say(0, MT_KIND_RESPONSE, MT_TIMED_SYNC, 70, 100)), other);
    CHECK_EQUAL(reply_to(say(0, MT_KIND_RESPONSE, MT_PING, 80, 100)), -1); /* it was answered */
    room_close(&room);
    room_open(&room, 1);
    response = say(0, MT_KIND_RESPONSE, MT_PING, 50, 100);
    request =
        say(1, MT_KIND_REQUEST, MT_PING, 101, INT64_MIN); /* its sender did not have all of that */
    CHECK_EQUAL(reply_to(response), -1);
    CHECK_EQUAL(reply_to(say(0, MT_KIND_RESPONSE, MT_PING, 60, 101)), request);
    room_close(&room);
    room_open(&room, 1);
    response = say(0, MT_KIND_RESPONSE, MT_PING, 50,
                   INT64_MIN); /* nothing is known of what it had: not remembered */
    say(1, MT_KIND_REQUEST, MT_PING, 10, INT64_MIN);
    CHECK_EQUAL(reply_to(response), -1);
    CHECK_EQUAL(room.output.early_count, 0);
    room_close(&room);
}

/* What is remembered of a dialog goes with it; others' stays. */
static void test_early_responses_of_two(void)
{
    room_open(&room, 1);
    struct mt_dialog *mine = room.dialog, *other = mt_dialog_open(&room.output, 8, 1, 2, 1);
    int64_t a = say(0, MT_KIND_RESPONSE, MT_PING, 50, 100);
    room.dialog = other;
    int64_t b = say(0, MT_KIND_RESPONSE, MT_PING, 50, 100);
    room.dialog = mine;
    say(0, MT_KIND_RESPONSE, MT_PING, 60, 100);
    CHECK_EQUAL(room.output.early_count, 3);
    room.dialog = other;
    int64_t request = say(1, MT_KIND_REQUEST, MT_PING, 100, INT64_MIN);
    CHECK_EQUAL(reply_to(b), request);
    CHECK_EQUAL(reply_to(a), -1);
    say(0, MT_KIND_RESPONSE, MT_TIMED_SYNC, 60, 100);
    mt_dialog_close(mine);
    CHECK_EQUAL(room.output.early_count, 1);
    CHECK(room.output.early[0].waiting == &other->requests[1].early &&
          other->requests[1].early == 1);
    mt_dialog_close(other);
    CHECK_EQUAL(room.output.early_count, 0);
    room.dialog = NULL;
    mt_dialog_close(NULL);
    room_close(&room);
}

/* Its row was handed over meanwhile: nothing is written anywhere. */
static void test_early_row_gone(void)
{
    room_open(&room, 1);
    say(0, MT_KIND_RESPONSE, MT_PING, 50, 100);
    room.output.tables[MT_TABLE_messages].count = 0;
    say(1, MT_KIND_REQUEST, MT_PING, 100, INT64_MIN);
    CHECK_EQUAL(messages_count(&room.output), 1);
    CHECK_EQUAL(message_row(&room.output, 0)->reply_to, -1);
    room_close(&room);
}

static void test_requests_limit(void)
{
    room_open(&room, 1);
    room.limits.requests = 5;
    int64_t ids[12];
    for (int i = 0; i < 12; i++)
        ids[i] = ask(1, i % 2 == 0 ? MT_PING : MT_TIMED_SYNC);
    CHECK_EQUAL(room.dialog->requests[1].count, 5);
    CHECK_EQUAL(room.dialog->lossy, 1); /* some are forgotten: out of step */
    CHECK_EQUAL(reply_to(answer(0, MT_TIMED_SYNC)), ids[7]);
    CHECK_EQUAL(reply_to(answer(0, MT_PING)), ids[8]);
    CHECK_EQUAL(reply_to(answer(0, MT_TIMED_SYNC)), ids[9]);
    CHECK_EQUAL(reply_to(answer(0, MT_TIMED_SYNC)), ids[11]);
    CHECK_EQUAL(room.dialog->requests[1].count, 0);
    room_close(&room);
    room_open(&room, 1);
    room.limits.requests =
        0; /* a limit, not a crash: the latest is all that is remembered, if anything */
    ask(1, MT_PING);
    ask(1, MT_PING);
    CHECK(room.dialog->requests[1].count <= 1);
    room_close(&room);
}

/* The ring of requests grows while it is wound around its end. */
static void test_ring(void)
{
    room_open(&room, 1);
    int64_t asked[300], answered = 0, count = 0;
    uint64_t random = 3;
    for (int i = 0; i < 300; i++) {
        asked[count++] = ask(0, MT_PING);
        while (answered < count && next_random(&random) % 3 == 0)
            CHECK_EQUAL(reply_to(answer(1, MT_PING)), asked[answered++]);
    }
    while (answered < count)
        CHECK_EQUAL(reply_to(answer(1, MT_PING)), asked[answered++]);
    CHECK_EQUAL(room.dialog->requests[0].count, 0);
    room_close(&room);
}

/* The same through whole streams: two requests in one segment, the answers cut anywhere. */
static void test_through_streams(void)
{
    struct wire asks = {0}, answers = {0};
    wire_request(&asks, MT_REQUEST_SUPPORT_FLAGS, 10);
    wire_request(&asks, MT_TIMED_SYNC, 17);
    wire_response(&answers, MT_REQUEST_SUPPORT_FLAGS, 10);
    wire_error(&answers, MT_TIMED_SYNC);
    room_open(&room, 1);
    for (size_t cut = 1; cut < answers.size; cut++) {
        room_renew(&room, 1);
        CHECK_EQUAL(room_segment(&room, 1, asks.bytes, asks.size), MT_OK);
        CHECK_EQUAL(room_feed(&room, 0, answers.bytes, answers.size, cut), MT_OK);
        CHECK_EQUAL(message_row(&room.output, 2)->reply_to, 0);
        CHECK_EQUAL(message_row(&room.output, 3)->reply_to, 1);
    }
    room_renew(&room, 1); /* the first answer was lost */
    CHECK_EQUAL(room_segment(&room, 1, asks.bytes, asks.size), MT_OK);
    CHECK_EQUAL(room_hole(&room, 0, 43, MT_HOLE_ACKED), MT_OK);
    CHECK_EQUAL(room_segment(&room, 0, answers.bytes + 43, answers.size - 43), MT_OK);
    CHECK_EQUAL(message_row(&room.output, 2)->command, MT_TIMED_SYNC);
    CHECK_EQUAL(message_row(&room.output, 2)->reply_to, 1);
    room_renew(&room, 1); /* the first question was lost: its answer answers nothing */
    CHECK_EQUAL(room_hole(&room, 1, 43, MT_HOLE_ACKED), MT_OK);
    CHECK_EQUAL(room_segment(&room, 1, asks.bytes + 43, asks.size - 43), MT_OK);
    CHECK_EQUAL(room_segment(&room, 0, answers.bytes, answers.size), MT_OK);
    CHECK_EQUAL(message_row(&room.output, 1)->reply_to, -1);
    CHECK_EQUAL(message_row(&room.output, 2)->reply_to, 0);
    room_close(&room);
    wire_free(&asks);
    wire_free(&answers);
}

/* Requests that nobody answers are bytes held, too. */
static void test_requests_budget(void)
{
    room_open(&room, 1);
    room.limits.connection_bytes = 1000;
    for (int i = 0; i < 100; i++)
        ask(1, MT_PING);
    CHECK(room.dialog->buffered.used > 0 && room.dialog->buffered.used <= 1000);
    CHECK_EQUAL(room.dialog->requests[1].count, 16);
    CHECK_EQUAL(room.output.limit_hits[MT_LIMIT_connection_bytes], 84);
    CHECK_EQUAL(reply_to(answer(0, MT_PING)), 84); /* the oldest of those remembered */
    room.limits.connection_bytes = 0;
    for (int i = 0; i < 6; i++)
        ask(0, MT_PING);
    CHECK_EQUAL(room.dialog->requests[0].count, 4);
    room_close(&room);
}

static void test_no_memory(void)
{
    room_open(&room, 1);
    mt_fail_after(1);
    CHECK(mt_dialog_open(&room.output, 1, 1, 2, 1) == NULL);
    struct mt_message_row row = {.kind = MT_KIND_REQUEST, .command = MT_PING};
    CHECK_EQUAL(mt_dialog_message(room.dialog, &row, 1, 1), MT_NOMEM);
    row.kind = MT_KIND_RESPONSE;
    CHECK_EQUAL(mt_dialog_message(room.dialog, &row, 1, 1), MT_NOMEM);
    mt_fail_after(0);
    for (int i = 0; i < 4; i++)
        ask(1, MT_PING);
    mt_fail_after(1);
    row = (struct mt_message_row){
        .message = 9, .kind = MT_KIND_REQUEST, .command = MT_PING, .from_client = 1};
    CHECK_EQUAL(mt_dialog_message(room.dialog, &row, 1, 1),
                MT_NOMEM); /* the fifth needs a larger ring */
    mt_fail_after(0);
    CHECK_EQUAL(reply_to(answer(0, MT_PING)), 0);
    room_close(&room);
}

/* ---- worst cases: each must be over in an instant ---- */

static void test_unanswered(void)
{
    room_open(&room, 1);
    room.dialog->lossy = 1;
    for (int i = 0; i < 1024; i++)
        ask(1, MT_TIMED_SYNC);
    for (int i = 0; i < 20000; i++)
        say(0, MT_KIND_RESPONSE, MT_PING, i, 1000000); /* nobody asked for any of them */
    for (int i = 0; i < 20000; i++)
        say(1, MT_KIND_REQUEST, MT_PING, 2000000, INT64_MIN);
    for (int i = 0; i < 20000; i++)
        mt_dialog_hole(room.dialog, 0, i);
    room_close(&room);
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
    FINISH("test_dialog");
}
