/* Bytes in order into messages, wherever they are cut, and out of step. */
#include "support/levin_help.h"

/* ---- in step ---- */

static void test_one_message(void)
{
    struct wire wire = {0};
    wire_request(&wire, MT_PING, 10);
    CHECK_EQUAL(wire.size, 43);
    fixture_open(&fixture, 1);
    fixture.ref.file = 3;
    fixture.ref.frame = 12;
    CHECK_EQUAL(fixture_segment(&fixture, 1, wire.bytes, wire.size), MT_OK);
    CHECK_EQUAL(messages_count(&fixture.decoder.output), 1);
    const struct mt_message_row *row = message_row(&fixture.decoder.output, 0);
    CHECK_EQUAL(row->message, 0);
    CHECK_EQUAL(row->connection, 7);
    CHECK_EQUAL(row->client, 1);
    CHECK_EQUAL(row->server, 2);
    CHECK_EQUAL(row->from_client, 1);
    CHECK_EQUAL(row->time, START_TIME);
    CHECK_EQUAL(row->end_time, START_TIME);
    CHECK_EQUAL(row->file, 3);
    CHECK_EQUAL(row->frame, 12);
    CHECK_EQUAL(row->end_frame, 12);
    CHECK_EQUAL(row->wire, 43);
    CHECK_EQUAL(row->levin_flags, 1);
    CHECK_EQUAL(row->version, 1);
    CHECK_EQUAL(row->return_code, 0);
    CHECK_EQUAL(row->expects_response, 1);
    CHECK_EQUAL(row->segments, 1);
    CHECK_EQUAL(row->first_segment, 43);
    CHECK_EQUAL(row->fragments, 1);
    CHECK_EQUAL(row->shared, 0);
    CHECK_EQUAL(row->reply_to, -1);
    check_message(0, MT_PING, MT_KIND_REQUEST, MT_STATUS_COMPLETE, 10, 10);
    CHECK_EQUAL(fixture_end(&fixture), MT_OK);
    CHECK_EQUAL(messages_count(&fixture.decoder.output), 1);
    CHECK_EQUAL(problems_count(&fixture.decoder.output), 0);
    CHECK_EQUAL(fixture.conversation->messages[1], 1);
    CHECK_EQUAL(fixture.conversation->messages[0], 0);
    fixture_close(&fixture);
    wire_free(&wire);
}

/* Every byte of the header where it belongs; anything goes while in step. */
static void test_header_values(void)
{
    struct wire wire = {0};
    wire_header(&wire, 3, 200, 0xfffffff0u, INT32_MIN, 0xabcdef01u, 0x12345678);
    wire_put(&wire, "xyz", 3);
    wire_header(&wire, 0, 0, 2005, 7, 2, 1);
    wire_header(&wire, 4, 0, 0, 0, 12, 1);
    wire_fill(&wire, 0, 4);
    wire_error(&wire, MT_HANDSHAKE);
    fixture_open(&fixture, 1);
    CHECK_EQUAL(fixture_segment(&fixture, 0, wire.bytes, wire.size), MT_OK);
    const struct mt_message_row *row = message_row(&fixture.decoder.output, 0);
    check_message(0, 0xfffffff0u, MT_KIND_REQUEST, MT_STATUS_COMPLETE, 3, 3);
    CHECK_EQUAL(row->expects_response, 200);
    CHECK_EQUAL(row->return_code, INT32_MIN);
    CHECK_EQUAL(row->levin_flags, 0xabcdef01u);
    CHECK_EQUAL(row->version, 0x12345678);
    CHECK_EQUAL(row->from_client, 0);
    check_message(1, 2005, MT_KIND_RESPONSE, MT_STATUS_COMPLETE, 0, 0);
    check_message(2, 0, MT_KIND_NOISE, MT_STATUS_COMPLETE, 4, 4);
    check_message(3, MT_HANDSHAKE, MT_KIND_RESPONSE, MT_STATUS_COMPLETE, 0, 0);
    for (size_t i = 0; i < 4; i++)
        CHECK_EQUAL(message_row(&fixture.decoder.output, i)->shared, 1);
    CHECK_EQUAL(problems_count(&fixture.decoder.output), 0);
    fixture_close(&fixture);
    wire_free(&wire);
}

static void test_malformed(void)
{
    struct wire wire = {0};
    wire_header(&wire, 12, 1, MT_PING, 0, 1, 1);
    wire_put(&wire, "not an epee.", 12);
    wire_header(&wire, 0, 1, MT_PING, 0, 1,
                1); /* nothing at all: only an error response may say so little */
    wire_request(&wire, MT_PING, 10);
    fixture_open(&fixture, 1);
    CHECK_EQUAL(fixture_feed(&fixture, 1, wire.bytes, wire.size, 20), MT_OK);
    check_message(0, MT_PING, MT_KIND_REQUEST, MT_STATUS_MALFORMED, 12, 12);
    check_message(1, MT_PING, MT_KIND_REQUEST, MT_STATUS_MALFORMED, 0, 0);
    check_message(2, MT_PING, MT_KIND_REQUEST, MT_STATUS_COMPLETE, 10, 10);
    CHECK_EQUAL(problems_count(&fixture.decoder.output), 2);
    CHECK_EQUAL(problem_row(&fixture.decoder.output, 0)->kind, MT_PROBLEM_MALFORMED);
    CHECK_EQUAL(problem_row(&fixture.decoder.output, 0)->offset, 0);
    CHECK_EQUAL(problem_row(&fixture.decoder.output, 0)->bytes, 45);
    CHECK_EQUAL(problem_row(&fixture.decoder.output, 1)->offset, 45);
    CHECK_EQUAL(problem_row(&fixture.decoder.output, 1)->bytes, 33);
    CHECK_EQUAL(bytes_in_rows(&fixture.decoder.output), (int64_t)wire.size);
    fixture_close(&fixture);
    wire_free(&wire);
}

/* What a message's row must say of segments, given where the stream is cut. */
struct cutting {
    int64_t ends[4]; /* of the segments */
    int count;
};

static void check_cut_message(size_t i, const struct cutting *cut, int64_t begin, int64_t end,
                              int64_t other_begin, int64_t other_end)
{
    const struct mt_message_row *row = message_row(&fixture.decoder.output, i);
    int64_t first = -1, last = -1, segments = 0, first_bytes = 0;
    int shared = 0;
    for (int k = 0; k < cut->count; k++) {
        int64_t from = k != 0 ? cut->ends[k - 1] : 0, to = cut->ends[k];
        if (from >= end || to <= begin)
            continue;
        if (first < 0) {
            first = k;
            first_bytes = (to < end ? to : end) - (from > begin ? from : begin);
        }
        last = k;
        segments++;
        shared |= from < other_end && to > other_begin;
    }
    CHECK_EQUAL(row->frame, first + 1);
    CHECK_EQUAL(row->end_frame, last + 1);
    CHECK_EQUAL(row->time, START_TIME + first * 1000000);
    CHECK_EQUAL(row->end_time, START_TIME + last * 1000000);
    CHECK_EQUAL(row->segments, segments);
    CHECK_EQUAL(row->first_segment, first_bytes);
    CHECK_EQUAL(row->shared, shared);
}

/* Two messages, cut at every pair of places. */
static void test_all_cuts(void)
{
    struct wire wire = {0};
    wire_request(&wire, MT_TIMED_SYNC, 30);
    int64_t middle = (int64_t)wire.size;
    wire_notify(&wire, MT_NEW_TRANSACTIONS, 25);
    int64_t size = (int64_t)wire.size;
    fixture_open(&fixture, 1);
    for (int64_t a = 0; a <= size; a++) {
        for (int64_t b = a; b <= size; b++) {
            struct cutting cut = {.count = 0};
            int64_t places[3] = {a, b, size}, at = 0;
            fixture_renew(&fixture, 1);
            for (int i = 0; i < 3; i++) {
                if (places[i] == at)
                    continue;
                CHECK(fixture_segment(&fixture, 1, wire.bytes + at, (size_t)(places[i] - at)) ==
                      MT_OK);
                cut.ends[cut.count++] = at = places[i];
            }
            CHECK(fixture_end(&fixture) == MT_OK);
            CHECK_EQUAL(messages_count(&fixture.decoder.output), 2);
            CHECK_EQUAL(problems_count(&fixture.decoder.output), 0);
            check_message(0, MT_TIMED_SYNC, MT_KIND_REQUEST, MT_STATUS_COMPLETE, 30, 30);
            check_message(1, MT_NEW_TRANSACTIONS, MT_KIND_NOTIFICATION, MT_STATUS_COMPLETE, 25, 25);
            check_cut_message(0, &cut, 0, middle, middle, size);
            check_cut_message(1, &cut, middle, size, 0, middle);
        }
    }
    fixture_renew(&fixture, 1); /* and into single bytes */
    CHECK_EQUAL(fixture_feed(&fixture, 1, wire.bytes, wire.size, 1), MT_OK);
    CHECK_EQUAL(message_row(&fixture.decoder.output, 0)->segments, 63);
    CHECK_EQUAL(message_row(&fixture.decoder.output, 1)->segments, 58);
    CHECK_EQUAL(message_row(&fixture.decoder.output, 1)->first_segment, 1);
    CHECK_EQUAL(message_row(&fixture.decoder.output, 1)->shared, 0);
    fixture_close(&fixture);
    wire_free(&wire);
}

/* A segment handed down in pieces counts once; one that waited does not move the end back. */
static void test_pieces(void)
{
    struct wire wire = {0};
    wire_request(&wire, MT_PING, 60);
    fixture_open(&fixture, 1);
    struct mt_packet_ref early = fixture.ref, late = fixture.ref;
    late.arrival = 5;
    late.frame = 50;
    late.time += SECOND;
    struct mt_stream_data pieces[] = {
        {.bytes = wire.bytes,
         .size = 20,
         .offset = 0,
         .segment_begin = 0,
         .segment_end = 70,
         .prior_end = INT64_MIN,
         .ref = late},
        {.bytes = wire.bytes + 20,
         .size = 30,
         .offset = 20,
         .segment_begin = 20,
         .segment_end = 50,
         .prior_end = INT64_MIN,
         .ref = early},
        {.bytes = wire.bytes + 50,
         .size = 20,
         .offset = 50,
         .segment_begin = 0,
         .segment_end = 70,
         .prior_end = 20,
         .ref = late},
        {.bytes = wire.bytes + 70,
         .size = 23,
         .offset = 70,
         .segment_begin = 70,
         .segment_end = 93,
         .prior_end = INT64_MIN,
         .ref = {.arrival = 3, .frame = 30, .time = START_TIME + 9}},
    };
    for (int i = 0; i < 4; i++)
        CHECK_EQUAL(mt_levin_data(&fixture.session->levin.directions[1], &pieces[i]), MT_OK);
    const struct mt_message_row *row = message_row(&fixture.decoder.output, 0);
    CHECK_EQUAL(row->status, MT_STATUS_COMPLETE);
    CHECK_EQUAL(row->segments, 3);
    CHECK_EQUAL(row->first_segment, 70);
    CHECK_EQUAL(row->frame, 1); /* the first of its bytes to arrive are not the first of it */
    CHECK_EQUAL(row->end_frame,
                50); /* the last missing ones came with the segment that arrived last */
    CHECK_EQUAL(row->time, START_TIME);
    CHECK_EQUAL(row->end_time, START_TIME + SECOND);
    CHECK_EQUAL(row->shared, 0);
    fixture_close(&fixture);
    wire_free(&wire);
}

/* ---- out of step ---- */

/* Garbage of all the kinds that almost are a header. */
static void put_garbage(struct wire *wire, uint64_t *random)
{
    size_t before = wire->size;
    switch (next_random(random) % 9) {
    case 0:
        wire_fill(wire, 1, next_random(random) % 50);
        break;
    case 1:
        wire_put(wire, "\x01\x21\x01\x01\x01\x01\x01\x01", next_random(random) % 9);
        break;
    case 2:
        wire_header(wire, 100, 1, MT_PING, 0, 1, 2);
        break; /* another version */
    case 3:
        wire_header(wire, 100, 2, MT_PING, 0, 1, 1);
        break; /* expect 2 */
    case 4:
        wire_header(wire, 100, 1, 2005, 0, 1, 1);
        break; /* no such command */
    case 5:
        wire_header(wire, 4097, 1, MT_PING, 0, 1, 1);
        break; /* too long for it */
    case 6:    /* all but the last byte of the epee header */
        wire_header(wire, 100, 1, MT_PING, 0, 1, 1);
        wire_put(wire, "\x01\x11\x01\x01\x01\x01\x02\x01g", 9);
        break;
    case 7:
        wire_header(wire, 9, 1, MT_PING, 0, 1, 1);
        break; /* too short for epee */
    default:
        for (uint32_t i = next_random(random) % 60; i > 0; i--) {
            uint8_t value = (uint8_t)next_random(random);
            wire_put(wire, &value, 1);
        }
    }
    if (wire->size == before)
        wire_fill(wire, 'g', 1);
}

static void test_resync(void)
{
    uint64_t random = 5;
    struct wire wire = {0};
    fixture_open(&fixture, 1);
    for (int round = 0; round < 1500; round++) {
        static const size_t steps[] = {WHOLE, 1, 2, 13, 41, 42, 43};
        int64_t garbage = 0;
        wire.size = 0;
        int midstream = round % 2;
        if (!midstream)
            wire_request(&wire, MT_PING, 10);
        for (int part = 0; part < 2; part++) {
            size_t before = wire.size;
            wire_put(&wire, "g", 1); /* out of step: in step any signature would be believed */
            for (uint32_t i = next_random(&random) % 4 + 1; i > 0; i--)
                put_garbage(&wire, &random);
            wire_put(&wire, "g", 1); /* so that it cannot go on as the header behind it */
            garbage += (int64_t)(wire.size - before);
            switch (next_random(&random) %
                    3) { /* messages that need 42, 33 and 33 bytes to be believed */
            case 0:
                wire_notify(&wire, MT_NEW_TRANSACTIONS, 10);
                break;
            case 1:
                wire_error(&wire, MT_PING);
                break;
            default:
                wire_header(&wire, 5, 0, 0, 0, 12, 1);
                wire_fill(&wire, 0, 5);
            }
            wire_response(&wire, MT_PING, 17);
        }
        fixture_renew(&fixture, 1);
        if (midstream)
            mt_levin_midstream(&fixture.session->levin.directions[1]);
        CHECK_EQUAL(
            fixture_feed(&fixture, 1, wire.bytes, wire.size, steps[next_random(&random) % 7]),
            MT_OK);
        CHECK_EQUAL(fixture_end(&fixture), MT_OK);
        CHECK_EQUAL(messages_count(&fixture.decoder.output), midstream ? 4 : 5);
        CHECK_EQUAL(problem_bytes(&fixture.decoder.output, MT_PROBLEM_UNFRAMED), garbage);
        CHECK_EQUAL(problems_count(&fixture.decoder.output), 2);
        CHECK_EQUAL(bytes_in_rows(&fixture.decoder.output), (int64_t)wire.size);
        CHECK_EQUAL(fixture.session->levin.lossy, 1);
        for (size_t i = 0; i < messages_count(&fixture.decoder.output); i++)
            CHECK_EQUAL(message_row(&fixture.decoder.output, i)->status, MT_STATUS_COMPLETE);
    }
    fixture_close(&fixture);
    wire_free(&wire);
}

/* What is known of the packets survives the search: a header found over single bytes. */
static void test_resync_places(void)
{
    struct wire wire = {0};
    wire_fill(&wire, 'g', 10);
    wire_response(&wire, MT_PING, 20);
    fixture_open(&fixture, 1);
    mt_levin_midstream(&fixture.session->levin.directions[0]);
    CHECK_EQUAL(fixture_feed(&fixture, 0, wire.bytes, wire.size, 1), MT_OK);
    const struct mt_message_row *row = message_row(&fixture.decoder.output, 0);
    check_message(0, MT_PING, MT_KIND_RESPONSE, MT_STATUS_COMPLETE, 20, 20);
    CHECK_EQUAL(row->frame, 11);
    CHECK_EQUAL(row->end_frame, 63);
    CHECK_EQUAL(row->segments, 53);
    CHECK_EQUAL(row->first_segment, 1);
    CHECK_EQUAL(row->time, START_TIME + 10 * 1000000);
    CHECK_EQUAL(row->shared, 0);
    check_problem(0, MT_PROBLEM_UNFRAMED, 0, 10, "no sound Levin header");
    CHECK_EQUAL(problem_row(&fixture.decoder.output, 0)->frame, 1);
    CHECK_EQUAL(problem_row(&fixture.decoder.output, 0)->connection, 7);
    CHECK_EQUAL(problem_row(&fixture.decoder.output, 0)->client, 1);
    CHECK_EQUAL(problem_row(&fixture.decoder.output, 0)->server, 2);
    CHECK_EQUAL(problem_row(&fixture.decoder.output, 0)->from_client, 0);
    fixture_renew(&fixture, 1); /* in segments of 21: 10 + 11 of the message, 21, 21 */
    mt_levin_midstream(&fixture.session->levin.directions[0]);
    CHECK_EQUAL(fixture_feed(&fixture, 0, wire.bytes, wire.size, 21), MT_OK);
    CHECK_EQUAL(message_row(&fixture.decoder.output, 0)->segments, 3);
    CHECK_EQUAL(message_row(&fixture.decoder.output, 0)->first_segment, 11);
    fixture_close(&fixture);
    wire_free(&wire);
}

/* A candidate that the end, or a hole, leaves undecided. */
static void test_undecided(void)
{
    struct wire wire = {0};
    wire_fill(&wire, 'g', 3);
    wire_request(&wire, MT_PING, 20);
    for (size_t size = 4; size < 45; size++) {
        for (int hole = 0; hole < 2; hole++) {
            fixture_open(&fixture, 1);
            mt_levin_midstream(&fixture.session->levin.directions[1]);
            CHECK_EQUAL(fixture_feed(&fixture, 1, wire.bytes, size, 5), MT_OK);
            if (hole)
                CHECK_EQUAL(fixture_hole(&fixture, 1, 1, MT_HOLE_LIMIT), MT_OK);
            CHECK_EQUAL(fixture_end(&fixture), MT_OK);
            CHECK_EQUAL(messages_count(&fixture.decoder.output), 0);
            CHECK_EQUAL(problem_bytes(&fixture.decoder.output, MT_PROBLEM_UNFRAMED), (int64_t)size);
            CHECK_EQUAL(problem_rows(&fixture.decoder.output, MT_PROBLEM_UNFRAMED), 1);
            fixture_close(&fixture);
        }
    }
    wire_free(&wire);
}

/* ---- memory ---- */

/* Touches carry, body, search, fragments, requests, problems, and both directions. */
static int scenario(const struct wire *wire)
{
    if (fixture.session == NULL)
        return MT_NOMEM;
    int result = fixture_feed(&fixture, 1, wire->bytes, wire->size, 10);
    if (result == MT_OK)
        result = fixture_hole(&fixture, 1, 10, MT_HOLE_LIMIT);
    if (result == MT_OK)
        result = fixture_segment(&fixture, 1, "ggg\x01\x21\x01", 6);
    if (result == MT_OK)
        result = fixture_feed(&fixture, 1, wire->bytes, wire->size, 10);
    if (result == MT_OK)
        result = fixture_feed(&fixture, 0, wire->bytes, wire->size - 20, 100);
    return result == MT_OK ? fixture_end(&fixture) : result;
}

static void test_no_memory(void)
{
    struct wire wire = {0};
    for (int i = 0; i < 5; i++)
        wire_request(&wire, MT_TIMED_SYNC, 100);
    wire_response(&wire, MT_REQUEST_SUPPORT_FLAGS, 10);
    wire_header(&wire, 40, 0, 0, 0, 4, 1);
    wire_header(&wire, 60, 0, MT_NEW_TRANSACTIONS, 0, 1, 1);
    wire_fill(&wire, 'f', 7);
    wire_request(&wire, MT_PING, 10);
    wire_header(&wire, 100, 0, 0, 0, 8, 1);
    wire_fill(&wire, 'f', 100);
    wire_put(&wire, "garbage", 7);
    wire_header(&wire, UINT64_MAX, 0, 5, 0, 1, 1);
    wire_put(&wire, "garbage", 7);
    int failed = 0;
    for (long n = 0; n < 80; n++) {
        mt_fail_after(0);
        for (int foreign = 0; foreign < 2; foreign++) {
            if (n != 0)
                mt_fail_after(n);
            fixture_open(&fixture, !foreign);
            int result = scenario(&wire);
            mt_fail_after(0);
            CHECK(result == MT_OK || result == MT_NOMEM);
            CHECK(n != 0 || result == MT_OK);
            failed += result == MT_NOMEM;
            for (size_t i = 0; i < messages_count(&fixture.decoder.output); i++)
                CHECK_EQUAL(message_row(&fixture.decoder.output, i)->message, (int64_t)i);
            fixture_close(&fixture);
        }
    }
    CHECK(failed > 40);
    wire_free(&wire);
}

/* ---- worst cases: each must be over in an instant ---- */

static void test_garbage(void)
{
    static const char *const patterns[] = {"\x01\x21\x01\x01\x01\x01\x01", "\x01",
                                           "\x01\x21\x01\x01\x01\x01\x01\x01", "\x01\x21"};
    for (size_t i = 0; i < 4; i++) {
        static const size_t steps[] = {WHOLE, 1460, 1};
        struct wire wire = {0};
        while (wire.size < 400000)
            wire_put(&wire, patterns[i], strlen(patterns[i]));
        int64_t garbage = (int64_t)wire.size;
        wire_put(&wire, "g", 1);
        wire_request(&wire, MT_PING, 10);
        for (int k = 0; k < 3; k++) {
            fixture_open(&fixture, 1);
            mt_levin_midstream(&fixture.session->levin.directions[1]);
            CHECK_EQUAL(fixture_feed(&fixture, 1, wire.bytes, wire.size, steps[k]), MT_OK);
            CHECK_EQUAL(problem_bytes(&fixture.decoder.output, MT_PROBLEM_UNFRAMED), garbage + 1);
            CHECK_EQUAL(messages_count(&fixture.decoder.output), 1);
            fixture_close(&fixture);
        }
        wire_free(&wire);
    }
}

int main(void)
{
    test_one_message();
    test_header_values();
    test_malformed();
    test_all_cuts();
    test_pieces();
    test_resync();
    test_resync_places();
    test_undecided();
    test_no_memory();
    test_garbage();
    FINISH("test_levin");
}
