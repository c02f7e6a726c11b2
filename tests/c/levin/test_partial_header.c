/* Bytes that may begin a header, kept with the packets they came in. */
#include "levin/partial_header.h"
#include "support/stream_help.h"

static struct mt_carry carry;

/* Adds `size` bytes that lie `skip` bytes into a piece at `offset`. */
static uint32_t add(const char *bytes, uint32_t skip, uint32_t size, int64_t offset,
                    uint64_t arrival)
{
    struct mt_piece piece = {.data = (const uint8_t *)bytes,
                             .size = skip + size,
                             .offset = offset,
                             .segment_begin = offset - 5,
                             .segment_end = offset + 100,
                             .prior_end = offset - 3,
                             .acknowledged = 77,
                             .ref = {.arrival = arrival, .frame = (int64_t)arrival + 1}};
    uint32_t taken = 99;
    CHECK_EQUAL(mt_carry_add(&carry, &piece, piece.data + skip, size, &taken), MT_OK);
    return taken;
}

static void check_piece(uint32_t i, int64_t offset, uint32_t size, uint64_t arrival)
{
    CHECK(i < carry.pieces_count);
    CHECK_EQUAL(carry.pieces[i].offset, offset);
    CHECK_EQUAL(carry.pieces[i].size, size);
    CHECK_EQUAL(carry.pieces[i].ref.arrival, arrival);
    CHECK(carry.pieces[i].data == NULL);
}

static void test_add(void)
{
    CHECK_EQUAL(add("..\x01\x21", 2, 2, 100, 4), 2);
    CHECK_EQUAL(carry.count, 2);
    CHECK_EQUAL(carry.pieces_count, 1);
    check_piece(0, 102, 2, 4);
    CHECK_EQUAL(carry.pieces[0].segment_begin, 95); /* the segment's, not what was carried of it */
    CHECK_EQUAL(carry.pieces[0].segment_end, 200);
    CHECK_EQUAL(carry.pieces[0].prior_end, 97);
    CHECK_EQUAL(carry.pieces[0].acknowledged, 77);
    CHECK_EQUAL(carry.pieces[0].ref.frame, 5);
    CHECK_EQUAL(add("abc", 0, 3, 104, 5), 3);
    CHECK_EQUAL(add("d", 0, 1, 107, 6), 1);
    CHECK_EQUAL(carry.count, 6);
    CHECK(memcmp(carry.bytes,
                 "\x01\x21"
                 "abcd",
                 6) == 0);
    check_piece(1, 104, 3, 5);
    check_piece(2, 107, 1, 6);
    CHECK_EQUAL(add("", 0, 0, 108, 7), 0); /* nothing is no piece */
    CHECK_EQUAL(carry.pieces_count, 3);
    mt_carry_free(&carry);
    CHECK_EQUAL(carry.count, 0);
    CHECK_EQUAL(carry.pieces_count, 0);
    CHECK(carry.pieces == NULL);
    mt_carry_free(&carry);
}

static void test_full(void)
{
    char many[100];
    memset(many, 'm', sizeof many);
    CHECK_EQUAL(add(many, 0, 40, 0, 1), 40);
    CHECK_EQUAL(add(many, 0, 50, 40, 2), MT_SOUND_SIZE - 40);
    CHECK_EQUAL(carry.count, MT_SOUND_SIZE);
    check_piece(1, 40, 2, 2);
    CHECK_EQUAL(add(many, 0, 50, 42, 3), 0);
    CHECK_EQUAL(carry.pieces_count, 2);
    mt_carry_free(&carry);
}

static void test_drop(void)
{
    add("abc", 0, 3, 10, 1);
    add("defg", 0, 4, 13, 2);
    add("h", 0, 1, 17, 3);
    mt_carry_drop(&carry, 0);
    CHECK_EQUAL(carry.pieces_count, 3);
    mt_carry_drop(&carry, 2); /* in the middle of the first */
    CHECK_EQUAL(carry.count, 6);
    CHECK(memcmp(carry.bytes, "cdefgh", 6) == 0);
    check_piece(0, 12, 1, 1);
    mt_carry_drop(&carry, 1); /* its rest */
    check_piece(0, 13, 4, 2);
    CHECK_EQUAL(carry.pieces_count, 2);
    mt_carry_drop(&carry, 4);
    check_piece(0, 17, 1, 3);
    CHECK_EQUAL(carry.pieces_count, 1);
    add("ij", 0, 2, 18, 4);
    mt_carry_drop(&carry, 2); /* over the edge */
    CHECK_EQUAL(carry.count, 1);
    check_piece(0, 19, 1, 4);
    mt_carry_drop(&carry, 1); /* all */
    CHECK_EQUAL(carry.count, 0);
    CHECK_EQUAL(carry.pieces_count, 0);
    add("k", 0, 1, 20, 5); /* and on */
    check_piece(0, 20, 1, 5);
    mt_carry_free(&carry);
}

static uint32_t next_of(const char *bytes, uint32_t size)
{
    add(bytes, 0, size, 0, 0);
    uint32_t next = mt_carry_next(&carry);
    mt_carry_free(&carry);
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
    struct mt_piece piece = {.data = (const uint8_t *)"abc", .size = 3};
    uint32_t taken;
    mt_fail_after(1);
    CHECK_EQUAL(mt_carry_add(&carry, &piece, piece.data, 3, &taken), MT_NOMEM);
    CHECK_EQUAL(carry.count, 0);
    mt_fail_after(0);
    CHECK_EQUAL(mt_carry_add(&carry, &piece, piece.data, 1, &taken), MT_OK);
    CHECK_EQUAL(mt_carry_add(&carry, &piece, piece.data, 1, &taken), MT_OK);
    mt_fail_after(1);
    CHECK_EQUAL(mt_carry_add(&carry, &piece, piece.data, 1, &taken),
                MT_NOMEM); /* a third piece needs more room */
    mt_fail_after(0);
    CHECK_EQUAL(carry.count, 2); /* what was there is there */
    CHECK_EQUAL(carry.pieces_count, 2);
    mt_carry_free(&carry);
}

int main(void)
{
    test_add();
    test_full();
    test_drop();
    test_next();
    test_no_memory();
    FINISH("test_carry");
}
