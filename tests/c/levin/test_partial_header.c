/* Bytes that may begin a header, kept with the packets they came in. */
#include "levin/partial_header.h"
#include "support/stream_help.h"

static struct mt_partial_header partial;

/* Adds `size` bytes that lie `skip` bytes into a segment at `offset`. */
static uint32_t add(const char *bytes, uint32_t skip, uint32_t size, int64_t offset,
                    uint64_t arrival)
{
    struct mt_stream_data data = {.bytes = (const uint8_t *)bytes,
                                  .size = skip + size,
                                  .offset = offset,
                                  .segment_begin = offset - 5,
                                  .segment_end = offset + 100,
                                  .prior_end = offset - 3,
                                  .acknowledged = 77,
                                  .ref = {.arrival = arrival, .frame = (int64_t)arrival + 1}};
    uint32_t taken = 99;
    CHECK_EQUAL(mt_partial_header_add(&partial, &data, data.bytes + skip, size, &taken), MT_OK);
    return taken;
}

static void check_part(uint32_t i, int64_t offset, uint32_t size, uint64_t arrival)
{
    CHECK(i < partial.parts_count);
    CHECK_EQUAL(partial.parts[i].offset, offset);
    CHECK_EQUAL(partial.parts[i].size, size);
    CHECK_EQUAL(partial.parts[i].ref.arrival, arrival);
    CHECK(partial.parts[i].bytes == NULL);
}

static void test_add(void)
{
    CHECK_EQUAL(add("..\x01\x21", 2, 2, 100, 4), 2);
    CHECK_EQUAL(partial.count, 2);
    CHECK_EQUAL(partial.parts_count, 1);
    check_part(0, 102, 2, 4);
    CHECK_EQUAL(partial.parts[0].segment_begin, 95); /* the segment's, not what was carried of it */
    CHECK_EQUAL(partial.parts[0].segment_end, 200);
    CHECK_EQUAL(partial.parts[0].prior_end, 97);
    CHECK_EQUAL(partial.parts[0].acknowledged, 77);
    CHECK_EQUAL(partial.parts[0].ref.frame, 5);
    CHECK_EQUAL(add("abc", 0, 3, 104, 5), 3);
    CHECK_EQUAL(add("d", 0, 1, 107, 6), 1);
    CHECK_EQUAL(partial.count, 6);
    CHECK(memcmp(partial.bytes,
                 "\x01\x21"
                 "abcd",
                 6) == 0);
    check_part(1, 104, 3, 5);
    check_part(2, 107, 1, 6);
    CHECK_EQUAL(add("", 0, 0, 108, 7), 0); /* nothing is no part */
    CHECK_EQUAL(partial.parts_count, 3);
    mt_partial_header_free(&partial);
    CHECK_EQUAL(partial.count, 0);
    CHECK_EQUAL(partial.parts_count, 0);
    CHECK(partial.parts == NULL);
    mt_partial_header_free(&partial);
}

static void test_full(void)
{
    char many[100];
    memset(many, 'm', sizeof many);
    CHECK_EQUAL(add(many, 0, 40, 0, 1), 40);
    CHECK_EQUAL(add(many, 0, 50, 40, 2), MT_SOUND_SIZE - 40);
    CHECK_EQUAL(partial.count, MT_SOUND_SIZE);
    check_part(1, 40, 2, 2);
    CHECK_EQUAL(add(many, 0, 50, 42, 3), 0);
    CHECK_EQUAL(partial.parts_count, 2);
    mt_partial_header_free(&partial);
}

static void test_drop(void)
{
    add("abc", 0, 3, 10, 1);
    add("defg", 0, 4, 13, 2);
    add("h", 0, 1, 17, 3);
    mt_partial_header_drop(&partial, 0);
    CHECK_EQUAL(partial.parts_count, 3);
    mt_partial_header_drop(&partial, 2); /* in the middle of the first */
    CHECK_EQUAL(partial.count, 6);
    CHECK(memcmp(partial.bytes, "cdefgh", 6) == 0);
    check_part(0, 12, 1, 1);
    mt_partial_header_drop(&partial, 1); /* its rest */
    check_part(0, 13, 4, 2);
    CHECK_EQUAL(partial.parts_count, 2);
    mt_partial_header_drop(&partial, 4);
    check_part(0, 17, 1, 3);
    CHECK_EQUAL(partial.parts_count, 1);
    add("ij", 0, 2, 18, 4);
    mt_partial_header_drop(&partial, 2); /* over the edge */
    CHECK_EQUAL(partial.count, 1);
    check_part(0, 19, 1, 4);
    mt_partial_header_drop(&partial, 1); /* all */
    CHECK_EQUAL(partial.count, 0);
    CHECK_EQUAL(partial.parts_count, 0);
    add("k", 0, 1, 20, 5); /* and on */
    check_part(0, 20, 1, 5);
    mt_partial_header_free(&partial);
}

static uint32_t next_of(const char *bytes, uint32_t size)
{
    add(bytes, 0, size, 0, 0);
    uint32_t next = mt_partial_header_next(&partial);
    mt_partial_header_free(&partial);
    return next;
}

static void test_next(void)
{
    CHECK_EQUAL(next_of("abc", 3), 3);
    CHECK_EQUAL(next_of("\x01", 1), 1);
    CHECK_EQUAL(next_of("\x01\x01", 2), 1);
    CHECK_EQUAL(next_of("\x01\x21\x01", 3), 2);
    CHECK_EQUAL(next_of("\x01\x21\x01\x21\x01\x01", 6), 2);
    CHECK_EQUAL(next_of("a\x01\x21\x01\x01\x01\x01\x01\x02", 9), 9);
    CHECK_EQUAL(next_of("a\x01\x21\x01\x01\x01\x01\x01\x01z", 10), 1); /* all of the signature */
    CHECK_EQUAL(next_of("\x01\x21\x01\x01\x01\x01\x01\x01\x01\x21", 10), 8); /* 1, 1 is none */
    CHECK_EQUAL(next_of("\x01\x21\x01\x01\x01\x01\x01\x01\x01", 9), 8);
}

static void test_no_memory(void)
{
    struct mt_stream_data data = {.bytes = (const uint8_t *)"abc", .size = 3};
    uint32_t taken;
    mt_fail_after(1);
    CHECK_EQUAL(mt_partial_header_add(&partial, &data, data.bytes, 3, &taken), MT_NOMEM);
    CHECK_EQUAL(partial.count, 0);
    mt_fail_after(0);
    CHECK_EQUAL(mt_partial_header_add(&partial, &data, data.bytes, 1, &taken), MT_OK);
    CHECK_EQUAL(mt_partial_header_add(&partial, &data, data.bytes, 1, &taken), MT_OK);
    mt_fail_after(1);
    CHECK_EQUAL(mt_partial_header_add(&partial, &data, data.bytes, 1, &taken),
                MT_NOMEM); /* a third part needs more memory */
    mt_fail_after(0);
    CHECK_EQUAL(partial.count, 2); /* what was there is there */
    CHECK_EQUAL(partial.parts_count, 2);
    mt_partial_header_free(&partial);
}

int main(void)
{
    test_add();
    test_full();
    test_drop();
    test_next();
    test_no_memory();
    FINISH("test_partial_header");
}
