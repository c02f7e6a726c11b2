/* Levin fragments joined, alone and among other messages, whole and not. */
#include "base/command.h"
#include "levin/fragments.h"
#include "support/stream_help.h"

static struct fixture fixture;
static struct wire wire;

static void fragment(uint32_t flags, const void *bytes, size_t size)
{
    wire_header(&wire, size, 0, 0, 0, flags, 1);
    wire_put(&wire, bytes, size);
}

/* A message cut into buckets of `step` bytes; the last is filled up with zeros. */
static void put_fragments(const struct wire *inner, size_t step)
{
    uint8_t padded[16384] = {0};
    memcpy(padded, inner->bytes, inner->size);
    for (size_t at = 0; at < inner->size; at += step)
        fragment((at == 0 ? MT_FLAG_BEGIN : 0) | (at + step >= inner->size ? MT_FLAG_END : 0),
                 padded + at, step);
}

static void open_fixture(void)
{
    wire.size = 0;
    fixture_open(&fixture, 1);
}

static void check_row(size_t i, uint32_t command, int kind, int status, uint64_t length,
                      int64_t captured, uint32_t fragments, int64_t bytes)
{
    const struct mt_message_row *row = message_row(&fixture.decoder.output, i);
    CHECK_EQUAL(row->command, command);
    CHECK_EQUAL(row->kind, kind);
    CHECK_EQUAL(row->status, status);
    CHECK_EQUAL(row->length, length);
    CHECK_EQUAL(row->captured, captured);
    CHECK_EQUAL(row->fragments, fragments);
    CHECK_EQUAL(row->wire, bytes);
}

/* As monerod sends it: 3039 bytes a bucket, the last padded. */
static void test_joined(void)
{
    struct wire inner = {0};
    wire_notify(&inner, MT_NEW_TRANSACTIONS, 7000);
    open_fixture();
    put_fragments(&inner, 3039);
    CHECK_EQUAL(wire.size, 3 * 3072);
    wire_request(&wire, MT_PING, 10);
    CHECK_EQUAL(fixture_feed(&fixture, 1, wire.bytes, wire.size, 1460), MT_OK);
    CHECK_EQUAL(messages_count(&fixture.decoder.output), 2);
    check_row(0, MT_NEW_TRANSACTIONS, MT_KIND_NOTIFICATION, MT_STATUS_COMPLETE, 7000, 7000, 3,
              3 * 3072);
    check_row(1, MT_PING, MT_KIND_REQUEST, MT_STATUS_COMPLETE, 10, 10, 1, 43);
    const struct mt_message_row *row = message_row(&fixture.decoder.output, 0);
    CHECK_EQUAL(row->levin_flags, 1); /* the inner header's values */
    CHECK_EQUAL(row->frame, 1);
    CHECK_EQUAL(row->end_frame, 7);
    CHECK_EQUAL(row->segments, 7); /* 9216 bytes */
    CHECK_EQUAL(row->first_segment, 1460);
    CHECK_EQUAL(row->shared, 1); /* with the one behind */
    CHECK_EQUAL(fixture_end(&fixture), MT_OK);
    CHECK_EQUAL(problems_count(&fixture.decoder.output), 0);
    CHECK_EQUAL(bytes_in_rows(&fixture.decoder.output), (int64_t)wire.size);
    fixture_close(&fixture);
    wire_free(&inner);
}

/* Whatever the sizes of buckets and segments, the message is the same. */
static void test_all_sizes(void)
{
    struct wire inner = {0};
    wire_response(&inner, MT_REQUEST_SUPPORT_FLAGS, 30);
    fixture_open(&fixture, 1);
    for (size_t step = 1; step <= inner.size; step++) {
        wire.size = 0;
        put_fragments(&inner, step);
        uint32_t buckets = (uint32_t)((inner.size + step - 1) / step);
        if (step == inner.size) /* BEGIN and END in one are noise: not a message */
            continue;
        for (size_t cut = 1; cut < 80; cut += 13) {
            fixture_renew(&fixture, 1);
            CHECK_EQUAL(fixture_feed(&fixture, 0, wire.bytes, wire.size, cut), MT_OK);
            check_row(0, MT_REQUEST_SUPPORT_FLAGS, MT_KIND_RESPONSE, MT_STATUS_COMPLETE, 30, 30,
                      buckets, (int64_t)wire.size);
            CHECK_EQUAL(message_row(&fixture.decoder.output, 0)->segments,
                        (wire.size + cut - 1) / cut);
            CHECK_EQUAL(message_row(&fixture.decoder.output, 0)->shared, 0);
            CHECK_EQUAL(fixture.decoder.output.tables[MT_TABLE_node_data].count, 1);
        }
    }
    CHECK_EQUAL(problems_count(&fixture.decoder.output), 0);
    fixture_close(&fixture);
    wire_free(&inner);
}

/* Whole messages and noise may lie between; the response that came in fragments answers. */
static void test_interleaved(void)
{
    struct wire inner = {0};
    wire_response(&inner, MT_TIMED_SYNC, 60);
    open_fixture();
    struct wire ask = {0};
    wire_request(&ask, MT_TIMED_SYNC, 17);
    CHECK_EQUAL(fixture_segment(&fixture, 1, ask.bytes, ask.size), MT_OK);
    fragment(MT_FLAG_BEGIN, inner.bytes, 40);
    wire_notify(&wire, MT_NEW_TRANSACTIONS, 17);
    fragment(0, inner.bytes + 40, 20);
    fragment(MT_FLAG_BEGIN | MT_FLAG_END, "noise", 5);
    fragment(0, "", 0);
    fragment(MT_FLAG_END, inner.bytes + 60, inner.size - 60);
    CHECK_EQUAL(fixture_feed(&fixture, 0, wire.bytes, wire.size, 50), MT_OK);
    check_row(1, MT_NEW_TRANSACTIONS, MT_KIND_NOTIFICATION, MT_STATUS_COMPLETE, 17, 17, 1, 50);
    check_row(2, 0, MT_KIND_NOISE, MT_STATUS_COMPLETE, 5, 5, 1, 38);
    check_row(3, MT_TIMED_SYNC, MT_KIND_RESPONSE, MT_STATUS_COMPLETE, 60, 60, 4, 4 * 33 + 93);
    CHECK_EQUAL(message_row(&fixture.decoder.output, 3)->reply_to, 0);
    CHECK_EQUAL(message_row(&fixture.decoder.output, 3)->frame, 2);
    CHECK_EQUAL(messages_count(&fixture.decoder.output), 4);
    CHECK_EQUAL(problems_count(&fixture.decoder.output), 0);
    CHECK_EQUAL(bytes_in_rows(&fixture.decoder.output), (int64_t)(wire.size + ask.size));
    fixture_close(&fixture);
    wire_free(&inner);
    wire_free(&ask);
}

/* monerod takes a lone END that holds a whole bucket, and middles without a BEGIN. */
static void test_without_begin(void)
{
    struct wire inner = {0};
    wire_request(&inner, MT_PING, 17);
    open_fixture();
    fragment(MT_FLAG_END, inner.bytes, inner.size);
    fragment(0, inner.bytes, 20);
    fragment(MT_FLAG_END, inner.bytes + 20, inner.size - 20);
    CHECK_EQUAL(fixture_feed(&fixture, 1, wire.bytes, wire.size, 1000), MT_OK);
    check_row(0, MT_PING, MT_KIND_REQUEST, MT_STATUS_COMPLETE, 17, 17, 1, 83);
    check_row(1, MT_PING, MT_KIND_REQUEST, MT_STATUS_COMPLETE, 17, 17, 2, 116);
    CHECK_EQUAL(message_row(&fixture.decoder.output, 0)->shared, 1);
    fixture_close(&fixture);
    open_fixture();
    fragment(MT_FLAG_END, "no header, but long enough for one, one would say", 49);
    CHECK_EQUAL(fixture_feed(&fixture, 1, wire.bytes, wire.size, 1000), MT_OK);
    check_row(0, 0, -1, MT_STATUS_MALFORMED, 49, 49, 1, 82);
    CHECK_TEXT(problem_text(&fixture.decoder.output, 0), "Levin fragments that hold no header");
    fixture_renew(&fixture, 1); /* what the other direction lost says nothing of this one */
    CHECK_EQUAL(fixture_hole(&fixture, 0, 100, MT_HOLE_ACKED), MT_OK);
    CHECK_EQUAL(fixture_feed(&fixture, 1, wire.bytes, wire.size, 1000), MT_OK);
    check_row(0, 0, -1, MT_STATUS_MALFORMED, 49, 49, 1, 82);
    fixture_renew(
        &fixture,
        1); /* where its own bytes were lost, the beginning is likely to be what is missing */
    CHECK_EQUAL(fixture_hole(&fixture, 1, 100, MT_HOLE_ACKED), MT_OK);
    CHECK_EQUAL(fixture_feed(&fixture, 1, wire.bytes, wire.size, 1000), MT_OK);
    check_row(0, 0, -1, MT_STATUS_GAP, 49, 49, 1, 82);
    CHECK_TEXT(problem_text(&fixture.decoder.output, 1),
               "the first Levin fragment was not captured");
    fixture_close(&fixture);
    wire_free(&inner);
}

/* With a BEGIN the inner signature is not looked at, and the inner flags only as far as monerod
 * does. */
static void test_strange_inner(void)
{
    struct wire inner = {0};
    wire_header(&inner, 17, 1, MT_PING, 0, 12, 1);
    wire_body(&inner, 17, 'i');
    inner.bytes[0] = 'X';
    open_fixture();
    put_fragments(&inner, 30);
    inner.bytes[16] = 0; /* expects nothing */
    inner.bytes[25] = 0; /* no flags */
    put_fragments(&inner, 30);
    CHECK_EQUAL(fixture_feed(&fixture, 1, wire.bytes, wire.size, 1000), MT_OK);
    check_row(0, MT_PING, MT_KIND_REQUEST, MT_STATUS_COMPLETE, 17, 17, 2, 126);
    check_row(1, MT_PING, MT_KIND_NOTIFICATION, MT_STATUS_COMPLETE, 17, 17, 2, 126);
    fixture_close(&fixture);
    wire_free(&inner);
}

static void test_too_short(void)
{
    struct wire inner = {0};
    wire_request(&inner, MT_PING, 20);
    open_fixture();
    fragment(MT_FLAG_BEGIN, inner.bytes, 20);
    fragment(MT_FLAG_END, inner.bytes + 20, 12); /* 32 bytes */
    fragment(MT_FLAG_BEGIN, inner.bytes, 20);
    fragment(MT_FLAG_END, inner.bytes + 20, 32); /* one byte of the body is missing */
    CHECK_EQUAL(fixture_feed(&fixture, 1, wire.bytes, wire.size, 1000), MT_OK);
    check_row(0, 0, -1, MT_STATUS_MALFORMED, 20, 32, 2, 98);
    check_row(1, MT_PING, MT_KIND_REQUEST, MT_STATUS_MALFORMED, 20, 19, 2, 118);
    CHECK_TEXT(problem_text(&fixture.decoder.output, 0), "Levin fragments that hold no header");
    CHECK_TEXT(problem_text(&fixture.decoder.output, 1),
               "Levin fragments shorter than their inner length");
    CHECK_EQUAL(bytes_in_rows(&fixture.decoder.output), (int64_t)wire.size);
    fixture_close(&fixture);
    open_fixture();
    inner.size = 0;
    wire_header(&inner, UINT64_MAX, 1, MT_PING, 0, 1, 1);
    put_fragments(&inner, 30);
    CHECK_EQUAL(fixture_feed(&fixture, 1, wire.bytes, wire.size, 1000), MT_OK);
    check_row(0, MT_PING, MT_KIND_REQUEST, MT_STATUS_MALFORMED, UINT64_MAX, 27, 2, 126);
    fixture_close(&fixture);
    wire_free(&inner);
}

static void test_malformed_payload(void)
{
    struct wire inner = {0};
    wire_request(&inner, MT_PING, 20);
    inner.bytes[33] ^= 1;
    open_fixture();
    put_fragments(&inner, 30);
    CHECK_EQUAL(fixture_feed(&fixture, 1, wire.bytes, wire.size, 1000), MT_OK);
    check_row(0, MT_PING, MT_KIND_REQUEST, MT_STATUS_MALFORMED, 20, 20, 2, 126);
    CHECK_EQUAL(problem_bytes(&fixture.decoder.output, MT_PROBLEM_MALFORMED), 126);
    fixture_close(&fixture);
    wire_free(&inner);
}

/* The command's limit is on the inner length. */
static void test_oversize(void)
{
    struct wire inner = {0};
    wire_request(&inner, MT_PING, 4097);
    open_fixture();
    put_fragments(&inner, 3039);
    CHECK_EQUAL(fixture_feed(&fixture, 1, wire.bytes, wire.size, 1000), MT_OK);
    check_row(0, MT_PING, MT_KIND_REQUEST, MT_STATUS_OVERSIZE, 4097, 4097, 2, 6144);
    CHECK_EQUAL(problem_bytes(&fixture.decoder.output, MT_PROBLEM_OVERSIZE), 6144);
    fixture_close(&fixture);
    wire_free(&inner);
}

/* More than the limit on a message, or than all buffers may hold, are not kept. */
static void test_too_many(void)
{
    struct wire inner = {0};
    wire_notify(&inner, MT_NEW_TRANSACTIONS, 400000);
    for (int buffers = 0; buffers < 2; buffers++) {
        open_fixture();
        if (buffers)
            fixture.limits.buffered_bytes = 250000;
        else
            fixture.limits.message_bytes = 262144;
        fragment(MT_FLAG_BEGIN, inner.bytes, 100000);
        fragment(0, inner.bytes + 100000, 100000);
        fragment(0, inner.bytes + 200000, 100000);
        fragment(0, inner.bytes + 300000, 100000);
        fragment(MT_FLAG_END, inner.bytes + 400000, 33);
        wire_request(&wire, MT_PING, 10);
        CHECK_EQUAL(fixture_feed(&fixture, 1, wire.bytes, wire.size, 20000), MT_OK);
        CHECK_EQUAL(message_row(&fixture.decoder.output, 0)->status, MT_STATUS_OVERSIZE);
        CHECK_EQUAL(message_row(&fixture.decoder.output, 0)->fragments, 5);
        CHECK_EQUAL(message_row(&fixture.decoder.output, 0)->wire, 400033 + 5 * 33);
        CHECK_EQUAL(message_row(&fixture.decoder.output, 1)->status, MT_STATUS_COMPLETE);
        CHECK_EQUAL(bytes_in_rows(&fixture.decoder.output), (int64_t)wire.size);
        fixture_close(&fixture);
    }
    wire_free(&inner);
}

static void test_another_begin(void)
{
    struct wire inner = {0};
    wire_request(&inner, MT_PING, 17);
    open_fixture();
    fragment(MT_FLAG_BEGIN, inner.bytes, 40);
    fragment(MT_FLAG_BEGIN, inner.bytes, 40);
    fragment(MT_FLAG_END, inner.bytes + 40, 10);
    CHECK_EQUAL(fixture_feed(&fixture, 1, wire.bytes, wire.size, 1000), MT_OK);
    check_row(0, MT_PING, MT_KIND_REQUEST, MT_STATUS_TRUNCATED, 17, 7, 1, 73);
    check_row(1, MT_PING, MT_KIND_REQUEST, MT_STATUS_COMPLETE, 17, 17, 2, 116);
    CHECK_TEXT(problem_text(&fixture.decoder.output, 0), "another Levin fragment with BEGIN came");
    CHECK_EQUAL(bytes_in_rows(&fixture.decoder.output), (int64_t)wire.size);
    fixture_close(&fixture);
    wire_free(&inner);
}

/* Adds nothing to nothing. */
static void test_empty_middle(void)
{
    open_fixture();
    fragment(0, "", 0);
    CHECK_EQUAL(fixture_feed(&fixture, 1, wire.bytes, wire.size, 1000), MT_OK);
    check_row(0, 0, -1, MT_STATUS_COMPLETE, 0, 0, 1, 33);
    fixture_renew(&fixture, 1); /* an empty END is a message that is too short */
    wire.size = 0;
    fragment(MT_FLAG_END, "", 0);
    CHECK_EQUAL(fixture_feed(&fixture, 1, wire.bytes, wire.size, 1000), MT_OK);
    check_row(0, 0, -1, MT_STATUS_MALFORMED, 0, 0, 1, 33);
    CHECK_EQUAL(bytes_in_rows(&fixture.decoder.output), 33);
    fixture_close(&fixture);
}

/* The stream ends anywhere in three fragments: always one row that holds all bytes from the first
 * whole header on. */
static void test_truncated(void)
{
    struct wire inner = {0};
    wire_request(&inner, MT_PING, 40);
    open_fixture();
    put_fragments(&inner, 30); /* 30, 30, 13 + padding */
    for (size_t size = 1; size < wire.size; size++) {
        fixture_renew(&fixture, 1);
        CHECK_EQUAL(fixture_feed(&fixture, 1, wire.bytes, size, 11), MT_OK);
        CHECK_EQUAL(fixture_end(&fixture), MT_OK);
        size_t in_bucket = size % 63, cut_header = in_bucket < 33 ? in_bucket : 0;
        CHECK_EQUAL(messages_count(&fixture.decoder.output), size >= 33);
        CHECK_EQUAL(problem_bytes(&fixture.decoder.output, MT_PROBLEM_UNFRAMED),
                    (int64_t)cut_header);
        CHECK_EQUAL(problem_bytes(&fixture.decoder.output, MT_PROBLEM_TRUNCATED),
                    (int64_t)(size - cut_header));
        if (size >= 33) {
            const struct mt_message_row *row = message_row(&fixture.decoder.output, 0);
            CHECK_EQUAL(row->status, MT_STATUS_TRUNCATED);
            CHECK_EQUAL(row->fragments, (size + 30) / 63); /* headers that are whole */
            CHECK_EQUAL(row->wire, (int64_t)(size - cut_header));
        }
        CHECK_EQUAL(fixture.decoder.output.buffered.used, 0);
    }
    fixture_close(&fixture);
    wire_free(&inner);
}

/* A hole anywhere: whatever is left of the message is not complete, every byte is told of, and what
 * comes behind is whole. */
static void test_holes(void)
{
    struct wire inner = {0};
    wire_request(&inner, MT_PING, 40);
    open_fixture();
    put_fragments(&inner, 30);
    int64_t whole = (int64_t)wire.size;
    wire_notify(&wire, MT_NEW_TRANSACTIONS, 17);
    wire_request(&wire, MT_PING, 17);
    int64_t size = (int64_t)wire.size;
    for (int64_t a = 0; a < whole; a++) {
        for (int64_t b = a + 1; b <= whole; b++) {
            int snapped = (a + b) % 2 != 0;
            fixture_renew(&fixture, 1);
            CHECK(fixture_feed(&fixture, 1, wire.bytes, (size_t)a, 17) == MT_OK);
            CHECK(fixture_hole(&fixture, 1, b - a, snapped ? MT_HOLE_SNAPPED : MT_HOLE_LIMIT) ==
                  MT_OK);
            CHECK(fixture_feed(&fixture, 1, wire.bytes + b, (size_t)(size - b), 17) == MT_OK);
            CHECK(fixture_end(&fixture) == MT_OK);
            CHECK(bytes_in_rows(&fixture.decoder.output) == size - (b - a));
            size_t complete = 0, count = messages_count(&fixture.decoder.output);
            for (size_t i = 0; i < count; i++) {
                const struct mt_message_row *row = message_row(&fixture.decoder.output, i);
                complete += row->status == MT_STATUS_COMPLETE;
                CHECK(row->status == MT_STATUS_COMPLETE || row->status == MT_STATUS_GAP ||
                      (snapped && row->status == MT_STATUS_SNAPPED));
            }
            CHECK(complete == 2); /* the two behind; never the joined one */
            CHECK(fixture.decoder.output.buffered.used == 0);
        }
    }
    fixture_close(&fixture);
    wire_free(&inner);
}

/* A hole inside another message between the fragments does not hurt them. */
static void test_hole_between(void)
{
    struct wire inner = {0};
    wire_request(&inner, MT_PING, 17);
    open_fixture();
    fragment(MT_FLAG_BEGIN, inner.bytes, 40);
    wire_notify(&wire, MT_NEW_TRANSACTIONS, 100);
    fragment(MT_FLAG_END, inner.bytes + 40, 10);
    CHECK_EQUAL(fixture_feed(&fixture, 1, wire.bytes, 120, 50), MT_OK);
    CHECK_EQUAL(fixture_hole(&fixture, 1, 30, MT_HOLE_SNAPPED), MT_OK);
    CHECK_EQUAL(fixture_feed(&fixture, 1, wire.bytes + 150, wire.size - 150, 50), MT_OK);
    check_row(0, MT_NEW_TRANSACTIONS, MT_KIND_NOTIFICATION, MT_STATUS_SNAPPED, 100, 70, 1, 103);
    check_row(1, MT_PING, MT_KIND_REQUEST, MT_STATUS_COMPLETE, 17, 17, 2, 116);
    fixture_renew(&fixture, 1); /* nor does garbage between them: all of it was seen */
    wire.size = 0;
    fragment(MT_FLAG_BEGIN, inner.bytes, 40);
    wire_put(&wire, "garbage", 7);
    fragment(MT_FLAG_END, inner.bytes + 40, 10);
    CHECK_EQUAL(fixture_feed(&fixture, 1, wire.bytes, wire.size, 50), MT_OK);
    check_row(0, MT_PING, MT_KIND_REQUEST, MT_STATUS_COMPLETE, 17, 17, 2, 116);
    CHECK_EQUAL(bytes_in_rows(&fixture.decoder.output), (int64_t)wire.size);
    fixture_close(&fixture);
    wire_free(&inner);
}

/* Both directions have their own. */
static void test_directions(void)
{
    struct wire inner = {0};
    wire_request(&inner, MT_PING, 17);
    open_fixture();
    put_fragments(&inner, 25);
    CHECK_EQUAL(fixture_segment(&fixture, 1, wire.bytes, 70), MT_OK);
    CHECK_EQUAL(fixture_segment(&fixture, 0, wire.bytes, 70), MT_OK);
    CHECK_EQUAL(fixture_segment(&fixture, 1, wire.bytes + 70, wire.size - 70), MT_OK);
    CHECK_EQUAL(fixture_segment(&fixture, 0, wire.bytes + 70, wire.size - 70), MT_OK);
    CHECK_EQUAL(messages_count(&fixture.decoder.output), 2);
    CHECK_EQUAL(message_row(&fixture.decoder.output, 0)->from_client, 1);
    CHECK_EQUAL(message_row(&fixture.decoder.output, 1)->from_client, 0);
    CHECK_EQUAL(message_row(&fixture.decoder.output, 1)->status, MT_STATUS_COMPLETE);
    fixture_close(&fixture);
    wire_free(&inner);
}

static void test_no_memory(void)
{
    struct wire inner = {0};
    wire_request(&inner, MT_PING, 40);
    wire.size = 0;
    put_fragments(&inner, 30);
    put_fragments(&inner, 30);
    wire.size -= 20;
    int failed = 0;
    for (long n = 1; n < 20; n++) {
        fixture_open(&fixture, 1);
        mt_fail_after(n);
        int result = fixture_feed(&fixture, 1, wire.bytes, wire.size, 20);
        if (result == MT_OK)
            result = fixture_end(&fixture);
        mt_fail_after(0);
        CHECK(result == MT_OK || result == MT_NOMEM);
        failed += result == MT_NOMEM;
        fixture_close(&fixture);
    }
    CHECK(failed >= 5);
    wire_free(&inner);
}

/* ---- worst cases: each must be over in an instant ---- */

/* Very many very small fragments of one message that never ends. */
static void test_endless(void)
{
    wire.size = 0;
    fixture_open(&fixture, 1);
    fragment(MT_FLAG_BEGIN, "x", 1);
    for (int i = 0; i < 50000; i++)
        fragment(0, "x", 1);
    CHECK_EQUAL(fixture_feed(&fixture, 1, wire.bytes, wire.size, 1460), MT_OK);
    CHECK_EQUAL(fixture_end(&fixture), MT_OK);
    CHECK_EQUAL(message_row(&fixture.decoder.output, 0)->fragments, 50001);
    CHECK_EQUAL(bytes_in_rows(&fixture.decoder.output), (int64_t)wire.size);
    fixture_close(&fixture);
}

int main(void)
{
    test_joined();
    test_all_sizes();
    test_interleaved();
    test_without_begin();
    test_strange_inner();
    test_too_short();
    test_malformed_payload();
    test_oversize();
    test_too_many();
    test_another_begin();
    test_empty_middle();
    test_truncated();
    test_holes();
    test_hole_between();
    test_directions();
    test_no_memory();
    test_endless();
    wire_free(&wire);
    FINISH("test_fragments");
}
