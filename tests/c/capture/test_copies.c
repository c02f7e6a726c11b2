/* Packets that two files have. */
#include "capture/copies.h"

#include "base/time.h"
#include "support/check.h"

#define SECOND 1000000000LL

static uint8_t data[200];

static struct mt_packet packet_of(int32_t file, int64_t time, uint32_t captured, uint32_t length)
{
    return (struct mt_packet){.data = data,
                              .captured = captured,
                              .length = length,
                              .link = 1,
                              .ref = {.time = time, .file = file}};
}

static int note(struct mt_copies *copies, struct mt_packet packet)
{
    return mt_copies_note(copies, &packet, 0);
}

static void test_note(void)
{
    struct mt_copies *copies = mt_copies_open();
    CHECK_EQUAL(note(copies, packet_of(0, 100 * SECOND, 150, 150)), 0);
    CHECK_EQUAL(note(copies, packet_of(0, 100 * SECOND, 150, 150)),
                0); /* a repetition in its file */
    CHECK_EQUAL(note(copies, packet_of(1, 100 * SECOND, 150, 150)), 1);
    CHECK_EQUAL(note(copies, packet_of(1, 108 * SECOND, 150, 150)), 1); /* another clock */
    CHECK_EQUAL(note(copies, packet_of(1, 100 * SECOND, 96, 150)), 1);  /* snapped */
    CHECK_EQUAL(note(copies, packet_of(1, 100 * SECOND, 150, 151)), 0);
    CHECK_EQUAL(note(copies, packet_of(1, MT_NO_TIME, 150, 150)), 0);
    CHECK_EQUAL(note(copies, packet_of(0, 200 * SECOND, 150, 150)), 0);
    CHECK_EQUAL(note(copies, packet_of(1, 211 * SECOND, 150, 150)), 0); /* too late */
    CHECK_EQUAL(note(copies, packet_of(2, 212 * SECOND, 96, 150)), 1);
    data[63] ^= 1;
    CHECK_EQUAL(note(copies, packet_of(2, 212 * SECOND, 150, 150)), 0);
    data[70] ^= 1; /* beyond what is compared */
    CHECK_EQUAL(note(copies, packet_of(3, 212 * SECOND, 150, 150)), 1);
    /* of a snapped packet the whole one is no copy */
    data[0] ^= 1;
    CHECK_EQUAL(note(copies, packet_of(0, 300 * SECOND, 96, 150)), 0);
    CHECK_EQUAL(note(copies, packet_of(1, 300 * SECOND, 150, 150)), 0);
    CHECK_EQUAL(note(copies, packet_of(0, 300 * SECOND, 96, 150)), 1);
    /* the file began after the packet: a repetition in the next file of a ring */
    struct mt_packet repeated = packet_of(2, 401 * SECOND, 150, 150);
    CHECK_EQUAL(note(copies, packet_of(1, 400 * SECOND, 150, 150)), 0);
    CHECK_EQUAL(mt_copies_note(copies, &repeated, 400 * SECOND + 1), 0);
    repeated.ref.file = 3;
    CHECK_EQUAL(mt_copies_note(copies, &repeated, 400 * SECOND), 1);
    mt_copies_close(copies);
    mt_copies_close(NULL);
}

static void test_same(void)
{
    struct mt_packet a = packet_of(0, 100 * SECOND, 96, 150),
                     b = packet_of(1, 103 * SECOND, 150, 150);
    CHECK(mt_copies_same(&a, &b));
    b.length = 151;
    CHECK(!mt_copies_same(&a, &b));
    b = packet_of(1, INT64_MAX, 150, 150);
    a.ref.time = INT64_MIN + 1;
    CHECK(!mt_copies_same(&a, &b));
    a = packet_of(0, SECOND, 10, 150);
    b = packet_of(1, SECOND, 150, 150);
    CHECK(!mt_copies_same(&a, &b)); /* too little of it to tell */
}

/* Packets are forgotten by age, whatever the key. */
static void test_age(void)
{
    struct mt_copies *copies = mt_copies_open();
    int64_t copied = 0;
    for (uint32_t i = 0; i < MT_COPIES_NOTED; i++)
        CHECK_EQUAL(note(copies, packet_of(0, SECOND, 150, 150 + i)), 0);
    for (uint32_t i = 0; i < MT_COPIES_NOTED; i++)
        copied += note(copies, packet_of(1, SECOND, 150, 150 + i));
    CHECK_EQUAL(copied, MT_COPIES_NOTED);
    CHECK_EQUAL(note(copies, packet_of(0, SECOND, 150, 20000)), 0); /* the oldest is forgotten */
    CHECK_EQUAL(note(copies, packet_of(1, SECOND, 150, 151)), 1);
    CHECK_EQUAL(note(copies, packet_of(1, SECOND, 150, 150)), 0);
    mt_copies_close(copies);
}

int main(void)
{
    test_note();
    test_age();
    test_same();
    FINISH("test_copies");
}
