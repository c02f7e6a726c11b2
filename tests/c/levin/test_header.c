/* The Levin bucket header: its fields, its kind, and whether it is to be believed out of step. */
#include "base/command.h"
#include "levin/header.h"
#include "support/stream_help.h"

enum { LIMIT = 100000000 };

static void test_read(void)
{
    static const uint8_t bytes[33] = {0x01, 0x21, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x88,
                                      0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 0xfe, 0xeb,
                                      0x03, 0x00, 0x80, 0xfa, 0xff, 0xff, 0xff, 0x0c, 0x00,
                                      0x00, 0x40, 0x01, 0x02, 0x03, 0x04};
    struct mt_header header = mt_header_read(bytes);
    CHECK(header.length == 0x1122334455667788u);
    CHECK_EQUAL(header.expects_response, 0xfe);
    CHECK_EQUAL(header.command, 0x800003ebu);
    CHECK_EQUAL(header.return_code, -6);
    CHECK_EQUAL(header.flags, 0x4000000cu);
    CHECK_EQUAL(header.version, 0x04030201);
}

/* The example of the wire reference: a PING request of 43 bytes. */
static void test_example(void)
{
    static const uint8_t ping[43] = {0x01, 0x21, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x0a, 0,   0,
                                     0,    0,    0,    0,    0,    1,    0xeb, 0x03, 0,    0,   0,
                                     0,    0,    0,    1,    0,    0,    0,    1,    0,    0,   0,
                                     0x01, 0x11, 0x01, 0x01, 0x01, 0x01, 0x02, 0x01, 0x01, 0x00};
    struct mt_header header = mt_header_read(ping);
    CHECK_EQUAL(header.length, 10);
    CHECK_EQUAL(header.command, 1003);
    CHECK_EQUAL(mt_header_kind(&header), MT_KIND_REQUEST);
    CHECK_EQUAL(mt_header_sound(ping, sizeof ping, LIMIT), MT_SOUND);
    struct wire wire = {0};
    wire_request(&wire, MT_PING, 10); /* what the other tests build is the same */
    CHECK_EQUAL(wire.size, 43);
    CHECK(memcmp(wire.bytes, ping, 43) == 0);
    wire_free(&wire);
}

static int kind(uint32_t flags, uint8_t expect, uint32_t version)
{
    struct mt_header header = {.flags = flags, .expects_response = expect, .version = version};
    return mt_header_kind(&header);
}

static void test_kind(void)
{
    CHECK_EQUAL(kind(1, 1, 1), MT_KIND_REQUEST);
    CHECK_EQUAL(kind(1, 255, 1), MT_KIND_REQUEST);
    CHECK_EQUAL(kind(1, 0, 1), MT_KIND_NOTIFICATION);
    CHECK_EQUAL(kind(2, 0, 1), MT_KIND_RESPONSE);
    CHECK_EQUAL(kind(2, 1, 1), MT_KIND_RESPONSE);
    CHECK_EQUAL(kind(3, 1, 1), MT_KIND_RESPONSE);     /* the response bit goes first */
    CHECK_EQUAL(kind(2, 0, 2), MT_KIND_NOTIFICATION); /* and counts in version 1 only */
    CHECK_EQUAL(kind(2, 1, 0), MT_KIND_REQUEST);
    CHECK_EQUAL(kind(12, 0, 1), MT_KIND_NOISE);
    CHECK_EQUAL(kind(12, 1, 9), MT_KIND_NOISE);
    CHECK_EQUAL(kind(4, 0, 1), -1);
    CHECK_EQUAL(kind(8, 1, 1), -1);
    CHECK_EQUAL(kind(0, 0, 1), -1);
    CHECK_EQUAL(kind(13, 0, 1),
                MT_KIND_NOTIFICATION); /* begin and end mean nothing beside request or response */
    CHECK_EQUAL(kind(14, 0, 1), MT_KIND_RESPONSE);
    CHECK_EQUAL(kind(0xfffffff0u, 1, 1), -1); /* other bits mean nothing at all */
    CHECK_EQUAL(kind(0xfffffff1u, 1, 1), MT_KIND_REQUEST);
    CHECK_EQUAL(kind(0xfffffffcu, 1, 1), MT_KIND_NOISE);
}

static void test_signature(void)
{
    static const uint8_t right[9] = {0x01, 0x21, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0xff};
    for (size_t size = 0; size <= 9; size++)
        CHECK_EQUAL(mt_signature_matches(right, size), 1);
    for (size_t wrong = 0; wrong < 8; wrong++) {
        uint8_t bytes[8];
        memcpy(bytes, right, 8);
        bytes[wrong] ^= 0x80;
        for (size_t size = 0; size <= 8; size++)
            CHECK_EQUAL(mt_signature_matches(bytes, size), size <= wrong);
    }
}

/* The verdict on every prefix of a header and its body, each in a buffer that ends where it ends:
 * undecided up to `decided` bytes, then `verdict`. */
static void check_verdict(const struct wire *wire, size_t decided, enum mt_verdict verdict)
{
    for (size_t size = 1; size <= wire->size; size++) {
        uint8_t *exact = malloc(size);
        memcpy(exact, wire->bytes, size);
        CHECK_EQUAL(mt_header_sound(exact, size, LIMIT), size < decided ? MT_UNDECIDED : verdict);
        free(exact);
    }
}

static void check_header(uint64_t length, unsigned expect, uint32_t command, int32_t code,
                         uint32_t flags, uint32_t version, size_t decided, enum mt_verdict verdict)
{
    struct wire wire = {0};
    wire_header(&wire, length, expect, command, code, flags, version);
    wire_body(&wire, 17, 'x');
    check_verdict(&wire, decided, verdict);
    wire_free(&wire);
}

static void test_sound(void)
{
    check_header(17, 1, MT_PING, 0, 1, 1, MT_SOUND_SIZE, MT_SOUND);
    check_header(17, 0, MT_PING, 1, 2, 1, MT_SOUND_SIZE, MT_SOUND);
    check_header(10, 0, MT_GET_TXPOOL_COMPLEMENT, -7, 1, 1, MT_SOUND_SIZE, MT_SOUND);
    check_header(0, 0, MT_PING, -1, 2, 1, 33, MT_SOUND);
    check_header(3039, 0, 0, 0, 12, 1, 33, MT_SOUND);
    check_header(3039, 0, 0, 0, 4, 1, 33, MT_SOUND);
    check_header(0, 0, 0, 0, 0, 1, 33, MT_SOUND);
    check_header(LIMIT, 0, 0, 0, 8, 1, 33, MT_SOUND);
    check_header(4096, 1, MT_PING, 0, 1, 1, MT_SOUND_SIZE, MT_SOUND);
    check_header(65536, 1, MT_HANDSHAKE, 0, 1, 1, MT_SOUND_SIZE, MT_SOUND);
    check_header(LIMIT, 0, MT_RESPONSE_GET_OBJECTS, 0, 1, 1, MT_SOUND_SIZE, MT_SOUND);
    check_header(LIMIT, 1, MT_REQUEST_STAT_INFO, 0, 1, 1, MT_SOUND_SIZE, MT_SOUND);
}

static void test_unsound(void)
{
    check_header(17, 2, MT_PING, 0, 1, 1, 33, MT_UNSOUND);
    check_header(17, 1, MT_PING, 0, 1, 0, 33, MT_UNSOUND);
    check_header(17, 1, MT_PING, 0, 1, 257, 33, MT_UNSOUND);
    for (uint32_t flags = 0; flags < 40; flags++) {
        if (flags != 0 && flags != 1 && flags != 2 && flags != 4 && flags != 8 && flags != 12)
            check_header(17, 0, flags > 2 && flags % 4 == 0 ? 0 : MT_PING, 0, flags, 1, 33,
                         MT_UNSOUND);
    }
    check_header(17, 1, MT_PING, 0, 0x80000001u, 1, 33, MT_UNSOUND);
    check_header(17, 1, 0, 0, 1, 1, 33, MT_UNSOUND); /* command 0 is for fragments and noise */
    check_header(17, 0, MT_PING, 0, 12, 1, 33, MT_UNSOUND); /* which have no other */
    check_header(17, 1, 1000, 0, 1, 1, 33, MT_UNSOUND);
    check_header(17, 1, 1008, 0, 1, 1, 33, MT_UNSOUND);
    check_header(17, 1, 2005, 0, 1, 1, 33, MT_UNSOUND);
    check_header(17, 1, 2013, 0, 1, 1, 33, MT_UNSOUND);
    check_header(4097, 1, MT_PING, 0, 1, 1, 33, MT_UNSOUND);
    check_header(LIMIT + 1, 0, 0, 0, 12, 1, 33, MT_UNSOUND);
    check_header(LIMIT + 1, 0, MT_RESPONSE_GET_OBJECTS, 0, 1, 1, 33,
                 MT_UNSOUND); /* monerod's limit for it is larger */
    check_header(UINT64_MAX, 0, MT_RESPONSE_GET_OBJECTS, 0, 1, 1, 33, MT_UNSOUND);
    check_header(9, 1, MT_PING, 0, 1, 1, 33, MT_UNSOUND); /* epee takes ten bytes at least */
    check_header(0, 1, MT_PING, -1, 1, 1, 33, MT_UNSOUND);
    check_header(0, 0, MT_PING, 1, 2, 1, 33, MT_UNSOUND);
    check_header(0, 0, MT_PING, 0, 2, 1, 33, MT_UNSOUND);
}

static void test_body(void)
{
    for (size_t wrong = 0; wrong < 9;
         wrong++) { /* the verdict comes with the first byte that is not epee's */
        struct wire wire = {0};
        wire_request(&wire, MT_PING, 17);
        wire.bytes[33 + wrong] ^= 1;
        check_verdict(&wire, 33 + wrong + 1, MT_UNSOUND);
        wire_free(&wire);
    }
    struct wire wire = {0};
    wire_request(&wire, MT_PING, 17);
    for (size_t wrong = 0; wrong < 8; wrong++) { /* the same with the signature */
        wire.bytes[wrong] ^= 2;
        check_verdict(&wire, wrong + 1, MT_UNSOUND);
        wire.bytes[wrong] ^= 2;
    }
    CHECK_EQUAL(mt_header_sound(wire.bytes, wire.size, 16), MT_UNSOUND);
    CHECK_EQUAL(mt_header_sound(wire.bytes, wire.size, 17), MT_SOUND);
    CHECK_EQUAL(mt_header_sound(wire.bytes, 0, LIMIT), MT_UNDECIDED);
    wire_free(&wire);
}

int main(void)
{
    test_read();
    test_example();
    test_kind();
    test_signature();
    test_sound();
    test_unsound();
    test_body();
    FINISH("test_header");
}
