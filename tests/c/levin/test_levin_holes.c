/* Bytes in order into messages where some are missing: holes wherever they can be, and ends. */
#include "support/levin_help.h"

/* ---- holes: against a model ---- */

enum { MESSAGES = 3 };

struct model {
    int64_t begin[MESSAGES], end[MESSAGES]; /* of whole messages, headers included */
    int64_t status[MESSAGES];               /* -1: no row */
    int64_t captured[MESSAGES];             /* body bytes */
    int64_t no_header, broken;              /* bytes of problems */
};

/* Where the search for a header that begins at `from` ends: everything up to there belongs to
 * nobody. */
static int model_seek(struct model *model, int64_t from, int64_t size)
{
    for (int i = 0; i < MESSAGES; i++) {
        if (model->begin[i] >= from) {
            model->no_header += model->begin[i] - from;
            return i;
        }
    }
    model->no_header += from < size ? size - from : 0;
    return MESSAGES;
}

static void model_hole(struct model *model, int64_t a, int64_t b, int64_t size, int broken_status)
{
    int i = 0;
    for (; i < MESSAGES && model->end[i] <= a; i++)
        model->status[i] = MT_STATUS_COMPLETE;
    for (int k = 0; k < MESSAGES; k++)
        model->captured[k] = model->end[k] - model->begin[k] - 33;
    for (int k = i; k < MESSAGES; k++)
        model->status[k] = -1;
    if (i == MESSAGES)
        return;
    int64_t body = model->begin[i] + 33;
    if (a < body) {
        model->no_header += a - model->begin[i];
        i = model_seek(model, b, size);
    } else {
        int64_t missing = (b < model->end[i] ? b : model->end[i]) - a;
        model->status[i] = broken_status;
        model->captured[i] -= missing;
        model->broken += model->captured[i] + 33;
        i = b <= model->end[i] ? i + 1 : model_seek(model, b, size);
    }
    for (; i < MESSAGES; i++)
        model->status[i] = MT_STATUS_COMPLETE;
}

static void check_hole(const struct wire *wire, struct model model, int64_t a, int64_t b,
                       size_t step, enum mt_hole why)
{
    static const uint32_t commands[] = {MT_TIMED_SYNC, MT_HANDSHAKE, MT_NEW_TRANSACTIONS};
    int64_t size = (int64_t)wire->size;
    model_hole(&model, a, b, size, why == MT_HOLE_SNAPPED ? MT_STATUS_SNAPPED : MT_STATUS_GAP);
    fixture_renew(&fixture, 1);
    int ok = fixture_feed(&fixture, 1, wire->bytes, (size_t)a, step) == MT_OK &&
             fixture_hole(&fixture, 1, b - a, why) == MT_OK;
    ok = ok && fixture_feed(&fixture, 1, wire->bytes + b, (size_t)(size - b), step) == MT_OK &&
         fixture_end(&fixture) == MT_OK;
    CHECK(ok);
    size_t row = 0;
    for (size_t i = 0; i < MESSAGES; i++) {
        if (model.status[i] < 0)
            continue;
        const struct mt_message_row *message = message_row(&fixture.decoder.output, row++);
        if (message->command != commands[i] || message->status != model.status[i] ||
            message->captured != model.captured[i])
            fprintf(stderr,
                    "hole [%d, %d) step %d: message %d: status %d not %d, captured %d not %d\n",
                    (int)a, (int)b, (int)step, (int)i, message->status, (int)model.status[i],
                    (int)message->captured, (int)model.captured[i]);
        CHECK(message->command == commands[i]);
        CHECK(message->status == model.status[i]);
        CHECK(message->captured == model.captured[i]);
        CHECK(message->wire == message->captured + 33);
        CHECK(message->length == (uint64_t)(model.end[i] - model.begin[i] - 33));
    }
    CHECK(messages_count(&fixture.decoder.output) == row);
    CHECK(problem_bytes(&fixture.decoder.output, MT_PROBLEM_LOST) == b - a);
    CHECK(problem_bytes(&fixture.decoder.output, MT_PROBLEM_UNFRAMED) == model.no_header);
    CHECK(problem_bytes(&fixture.decoder.output,
                        why == MT_HOLE_SNAPPED ? MT_PROBLEM_SNAPPED : MT_PROBLEM_GAP) ==
          model.broken);
    CHECK(bytes_in_rows(&fixture.decoder.output) == size - (b - a));
}

static void test_all_holes(void)
{
    struct wire wire = {0};
    struct model model = {0};
    wire_request(&wire, MT_TIMED_SYNC, 24);
    model.end[0] = model.begin[1] = (int64_t)wire.size;
    wire_error(&wire, MT_HANDSHAKE); /* no body */
    model.end[1] = model.begin[2] = (int64_t)wire.size;
    wire_header(&wire, LEAST_BODY + 18, 0, MT_NEW_TRANSACTIONS, 0, 1,
                1); /* a body full of what looks like the beginning of a header */
    wire_body(&wire, LEAST_BODY + 18, 0);
    memcpy(wire.bytes + wire.size - 18,
           "\x01\x21\x01\x01\x01\x01\x01\x01\x01\x21\x01\x01\x21\x01\x01\x21\x01\x01", 18);
    model.end[2] = (int64_t)wire.size;
    static const size_t steps[] = {WHOLE, 1, 5, 47};
    fixture_open(&fixture, 1);
    for (int64_t a = 0; a < (int64_t)wire.size; a++) {
        for (int64_t b = a + 1; b <= (int64_t)wire.size; b++) {
            for (int i = 0; i < 4; i++)
                check_hole(&wire, model, a, b, steps[i],
                           i % 2 == 0 ? MT_HOLE_LIMIT : MT_HOLE_SNAPPED);
        }
    }
    fixture_close(&fixture);
    wire_free(&wire);
}

/* Two holes in one message: whatever else happened, lost bytes make it a gap. */
static void test_two_holes(void)
{
    struct wire wire = {0};
    wire_request(&wire, MT_PING, 100);
    wire_request(&wire, MT_PING, 10);
    fixture_open(&fixture, 1);
    CHECK_EQUAL(fixture_feed(&fixture, 1, wire.bytes, 40, 7), MT_OK);
    CHECK_EQUAL(fixture_hole(&fixture, 1, 10, MT_HOLE_SNAPPED), MT_OK);
    CHECK_EQUAL(fixture_feed(&fixture, 1, wire.bytes + 50, 10, 7), MT_OK);
    CHECK_EQUAL(fixture_hole(&fixture, 1, 20, MT_HOLE_ACKED), MT_OK);
    CHECK_EQUAL(fixture_feed(&fixture, 1, wire.bytes + 80, wire.size - 80, 7), MT_OK);
    check_message(0, MT_PING, MT_KIND_REQUEST, MT_STATUS_GAP, 100, 70);
    check_message(1, MT_PING, MT_KIND_REQUEST, MT_STATUS_COMPLETE, 10, 10);
    check_problem(0, MT_PROBLEM_LOST, 40, 10, "cut by the snap length");
    check_problem(1, MT_PROBLEM_LOST, 60, 20, "acknowledged by the receiver, not captured");
    check_problem(2, MT_PROBLEM_GAP, 0, 103, "bytes were lost inside the message");
    CHECK_EQUAL(fixture_hole(&fixture, 1, 4, MT_HOLE_END), MT_OK);
    check_problem(3, MT_PROBLEM_LOST, (int64_t)wire.size, 4, "still missing at the end");
    CHECK_EQUAL(fixture_hole(&fixture, 1, 4, MT_HOLE_LIMIT), MT_OK);
    check_problem(4, MT_PROBLEM_LOST, (int64_t)wire.size + 4, 4,
                  "given up: too much or too long after it");
    CHECK_EQUAL(fixture.session->levin.lossy, 1);
    fixture_close(&fixture);
    wire_free(&wire);
}

/* The stream ends at every place of a message. */
static void test_truncated(void)
{
    struct wire wire = {0};
    wire_request(&wire, MT_PING, 20);
    fixture_open(&fixture, 1);
    for (size_t size = 1; size < wire.size; size++) {
        fixture_renew(&fixture, 1);
        CHECK_EQUAL(fixture_feed(&fixture, 1, wire.bytes, size, 6), MT_OK);
        CHECK_EQUAL(messages_count(&fixture.decoder.output), 0);
        CHECK_EQUAL(fixture_end(&fixture), MT_OK);
        CHECK_EQUAL(problems_count(&fixture.decoder.output), 1);
        if (size < 33) {
            CHECK_EQUAL(messages_count(&fixture.decoder.output), 0);
            check_problem(0, MT_PROBLEM_UNFRAMED, 0, (int64_t)size, "a header that was cut");
        } else {
            check_message(0, MT_PING, MT_KIND_REQUEST, MT_STATUS_TRUNCATED, 20, (int64_t)size - 33);
            check_problem(0, MT_PROBLEM_TRUNCATED, 0, (int64_t)size,
                          "the capture or the connection ended");
        }
        CHECK_EQUAL(bytes_in_rows(&fixture.decoder.output), (int64_t)size);
    }
    fixture_close(&fixture);
    wire_free(&wire);
}

int main(void)
{
    test_all_holes();
    test_two_holes();
    test_truncated();
    FINISH("test_levin_holes");
}
