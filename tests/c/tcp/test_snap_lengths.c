/* Whether a capture has packets cut at different lengths. */
#include "support/check.h"
#include "tcp/snap_lengths.h"

static struct mt_snap_lengths lengths;

static void note(uint32_t packet, uint32_t captured, uint32_t length)
{
    struct mt_segment segment = {.packet_captured = packet, .captured = captured, .length = length};
    mt_snap_lengths_note(&lengths, &segment);
}

static void test_one_length(void)
{
    lengths = (struct mt_snap_lengths){0};
    for (int i = 0; i < 100; i++) {
        note(60, 6, 6);
        note(96, 42, 1000);
        CHECK_EQUAL(mt_snap_lengths_vary(&lengths, 96), i == 0);
    }
    note(96, 42, 42); /* a whole packet of this length */
    CHECK_EQUAL(mt_snap_lengths_vary(&lengths, 96), 0);
}

static void test_longer_packet(void)
{
    lengths = (struct mt_snap_lengths){0};
    for (int i = 0; i < 100; i++)
        note(96, 42, 1000);
    CHECK_EQUAL(mt_snap_lengths_vary(&lengths, 96), 0);
    note(97, 43, 43);
    CHECK_EQUAL(mt_snap_lengths_vary(&lengths, 96), 1);
    for (int i = 0; i < 100; i++)
        note(97, 43, 1000); /* another snap length, from here on */
    CHECK_EQUAL(mt_snap_lengths_vary(&lengths, 97), 0);
    CHECK_EQUAL(mt_snap_lengths_vary(&lengths, 96), 1);
}

/* A file states that another interface has a greater snap length. */
static void test_other_interface(void)
{
    lengths = (struct mt_snap_lengths){0};
    for (int i = 0; i < 100; i++) {
        struct mt_segment segment = {
            .packet_captured = 96, .captured = 42, .length = 1000, .greatest_snap_length = 256};
        mt_snap_lengths_note(&lengths, &segment);
    }
    CHECK_EQUAL(mt_snap_lengths_vary(&lengths, 96), 1);
    note(256, 202, 1000);
    note(256, 202, 1000);
    CHECK_EQUAL(mt_snap_lengths_vary(&lengths, 256), 0);
}

int main(void)
{
    test_one_length();
    test_longer_packet();
    test_other_interface();
    FINISH("test_snap_lengths");
}
