/* Damage inside files: what is skipped, where records go on, and drop counts of pcapng. */
#define _GNU_SOURCE
#include "support/capture_help.h"

enum { RECORDS = 40 };

/* ---- pcap ---- */

static size_t starts[RECORDS + 1]; /* of the records, and the end */

/* A file of records of different sizes; record i has data of seed i. */
static void make_records(int big, uint32_t magic)
{
    begin(big);
    put_pcap(magic, 65535, 1);
    for (unsigned i = 0; i < RECORDS; i++) {
        starts[i] = size;
        put_record(1700000000 + i / 7, i * 1000 + 5, 60 + i * 37 % 900, 60 + i * 37 % 900, i);
    }
    starts[RECORDS] = size;
}

static size_t size_of_record(unsigned i)
{
    return 60 + i * 37 % 900;
}

/* Replaces `count` bytes at `at` by `more` ones. */
static void replace_bytes(size_t at, size_t count, const void *with, size_t more)
{
    memmove(bytes + at + more, bytes + at + count, size - at - count);
    memcpy(bytes + at, with, more);
    size = size + more - count;
}

/* Bytes that are no record: text, zeros, noise, small numbers. */
static void make_garbage(uint8_t *to, size_t count, int kind)
{
    uint32_t state = (uint32_t)count * 7 + 1;
    for (size_t i = 0; i < count; i++) {
        state = state * 1664525 + 1013904223;
        to[i] = kind == 0   ? (uint8_t)"not a record, "[i % 14]
                : kind == 1 ? 0
                : kind == 2 ? (uint8_t)(state >> 24)
                            : (uint8_t)(i % 4 == 0);
    }
}

/* The packets are those from `first` on of the file in `starts`, without `missing` ones from
 * `damaged` on. */
static void expect_all_but(unsigned damaged, unsigned missing)
{
    CHECK_EQUAL(seen_count, RECORDS - missing);
    if (seen_count != RECORDS - missing)
        return;
    for (unsigned i = 0, at = 0; i < RECORDS; i++) {
        if (i >= damaged && i < damaged + missing)
            continue;
        CHECK(at < seen_count);
        CHECK_EQUAL(seen[at].captured, size_of_record(i));
        CHECK_EQUAL(seen[at].sum, sum_of_seed(size_of_record(i), i));
        at++;
    }
}

/* Garbage between two records costs none of them. */
static void test_garbage_between(void)
{
    static uint8_t garbage[5000];
    for (int kind = 0; kind < 4; kind++) {
        for (size_t count = 1; count <= sizeof garbage; count += count < 40 ? 1 : 977) {
            for (unsigned i = 1; i < RECORDS - 2; i += 13) {
                if (kind == 1 && count < 32)
                    continue; /* zeros in a header may be a record */
                if (kind == 3 && count > 12)
                    continue; /* these are records, of one byte each */
                make_records(i % 2, 0xa1b2c3d4);
                make_garbage(garbage, count, kind);
                replace_bytes(starts[i], 0, garbage, count);
                expect_end(MT_END, RECORDS, "");
                expect_all_but(0, 0);
                CHECK_EQUAL(skips_count, 1);
                CHECK_EQUAL(skips[0].offset, starts[i]);
                CHECK_EQUAL(skips[0].bytes, count);
                CHECK_EQUAL(skips[0].before, i);
            }
        }
    }
}

/* Damage before the first record, whose time nothing tells, costs at most one. */
static void test_damage_at_the_beginning(void)
{
    static uint8_t garbage[5000];
    for (int kind = 0; kind < 3; kind++) {
        for (size_t count = 1; count <= sizeof garbage; count += count < 40 ? 1 : 977) {
            if (kind == 1 && count < 32)
                continue; /* zeros in a header may be a record */
            make_records(0, 0xa1b2c3d4);
            make_garbage(garbage, count, kind);
            replace_bytes(24, 0, garbage, count);
            save();
            CHECK_EQUAL(read_file(), MT_END);
            CHECK(seen_count >= RECORDS - 1 && seen_count <= RECORDS + 1);
            CHECK(skips_count >= 1);
            CHECK_EQUAL(seen[seen_count - 1].sum,
                        sum_of_seed(size_of_record(RECORDS - 1), RECORDS - 1));
        }
    }
}

/* Bytes that are missing from a record: it is delivered with what it has, the next ones whole. */
static void test_cut_record(void)
{
    for (unsigned i = 0; i < RECORDS - 3; i++) {
        for (size_t cut = 1; cut < size_of_record(i); cut += 29) {
            make_records(0, 0xa1b23c4d);
            replace_bytes(starts[i + 1] - cut, cut, "", 0);
            expect_end(MT_END, RECORDS, "");
            expect_skip((int64_t)(starts[i + 1] - cut), 0, "of its bytes are missing");
            CHECK_EQUAL(skips[0].before, i + 1);
            CHECK_EQUAL(seen[i].captured, size_of_record(i) - cut);
            CHECK_EQUAL(seen[i].length, size_of_record(i));
            CHECK_EQUAL(seen[i].sum, sum_of_seed(size_of_record(i) - cut, i));
            CHECK_EQUAL(seen[i + 1].sum, sum_of_seed(size_of_record(i + 1), i + 1));
            CHECK_EQUAL(seen[RECORDS - 1].sum,
                        sum_of_seed(size_of_record(RECORDS - 1), RECORDS - 1));
        }
    }
}

/* A record whose header is overwritten is lost; those around it are not. */
static void test_overwritten_header(void)
{
    for (unsigned i = 1; i < RECORDS - 3; i++) {
        for (int kind = 0; kind < 3; kind++) {
            uint8_t garbage[32];
            make_records(0, 0xa1b2c3d4);
            make_garbage(garbage, sizeof garbage, kind);
            replace_bytes(starts[i], sizeof garbage, garbage, sizeof garbage);
            expect_end(MT_END, RECORDS - 1, "");
            expect_all_but(i, 1);
            expect_skip((int64_t)starts[i], (int64_t)(starts[i + 1] - starts[i]), "at byte");
        }
    }
}

/* A length that is plausible and wrong, in each record: the others are found again. */
static void test_wrong_length(void)
{
    for (unsigned i = 1; i < RECORDS - 3; i++) {
        static const uint32_t wrong[] = {1, 17, 5000, 60000};
        for (size_t k = 0; k < sizeof wrong / sizeof wrong[0]; k++) {
            if (wrong[k] == size_of_record(i))
                continue;
            make_records(0, 0xa1b2c3d4);
            set_32(starts[i] + 8, wrong[k]);
            set_32(starts[i] + 12, wrong[k]);
            save();
            int result = read_file();
            CHECK(result == MT_END || result == MT_DAMAGED);
            CHECK(skips_count >= 1);
            CHECK(seen_count >= RECORDS - 1);
            CHECK_EQUAL(seen[seen_count - 1].sum,
                        sum_of_seed(size_of_record(RECORDS - 1), RECORDS - 1));
            CHECK_EQUAL(seen[seen_count - 2].sum,
                        sum_of_seed(size_of_record(RECORDS - 2), RECORDS - 2));
        }
    }
}

/* What ends a file after damage is damage, and says where it began. */
static void test_damage_to_the_end(void)
{
    static uint8_t garbage[70000];
    for (int kind = 0; kind < 3; kind++) {
        make_records(0, 0xa1b2c3d4);
        make_garbage(garbage, sizeof garbage, kind);
        replace_bytes(size, 0, garbage, sizeof garbage);
        save();
        CHECK_EQUAL(read_file(), MT_DAMAGED);
        CHECK_EQUAL(skips_count, 0);
        expect_all_but(0, 0);
    }
}

/* ---- joined files ---- */

static size_t join_file(int modern, int big, uint32_t first)
{
    size_t start = size;
    big_endian = big;
    if (modern) {
        put_section(UINT64_MAX, 0);
        put_interface(1, 65535, 9, 0);
    } else {
        put_pcap(big ? 0xa1b23c4d : 0xa1b2c3d4, 65535, big ? 101 : 1);
    }
    for (unsigned i = first; i < first + 5; i++) {
        if (modern)
            put_packet(0, 1700000000ULL * SECOND + i, 60 + i, 60 + i, i);
        else
            put_record(1700000000, i, 60 + i, 60 + i, i);
    }
    return start;
}

/* Every pair of formats joined by cat. */
static void test_joined(void)
{
    for (int pair = 0; pair < 16; pair++) {
        int modern = pair & 1, second_modern = pair >> 1 & 1, big = pair >> 2 & 1,
            second_big = pair >> 3 & 1;
        begin(0);
        join_file(modern, big, 0);
        int64_t second = (int64_t)join_file(second_modern, second_big, 5);
        expect_end(MT_END, 10, "");
        for (unsigned i = 0; i < 10; i++)
            CHECK_EQUAL(seen[i].sum, sum_of_seed(60 + i, i));
        CHECK_EQUAL(seen[9].time,
                    1700000000 * SECOND + 9 * (second_modern || second_big ? 1 : 1000));
        CHECK_EQUAL(seen[9].link, !second_modern && second_big ? 101 : 1);
        if (modern && second_modern)
            CHECK_EQUAL(skips_count, 0); /* sections are part of the format */
        else
            expect_skip(second, 0, "the header of another file");
    }
}

static void test_joined_and_cut(void)
{
    begin(0);
    join_file(0, 0, 0);
    size_t second = join_file(0, 0, 5);
    for (size_t left = 12; left < 24; left++) {
        size = second + left;
        expect_end(MT_DAMAGED, 5, "header");
    }
}

/* ---- fractions ---- */

static void test_nanoseconds_in_microseconds(void)
{
    begin(0);
    put_pcap(0xa1b2c3d4, 65535, 1);
    for (unsigned i = 0; i < 20; i++)
        put_record(1700000000 + i, i * 50000000, 60, 60, i);
    expect_end(MT_END, 20, "");
    expect_skip(24 + 76, 0, "read as nanoseconds");
    for (unsigned i = 0; i < 20; i++)
        expect_packet(i, (1700000000 + i) * SECOND + i * 50000000, 60, 60, 1, i);

    /* one odd fraction alone changes nothing */
    begin(0);
    put_pcap(0xa1b2c3d4, 65535, 1);
    for (unsigned i = 0; i < 20; i++)
        put_record(1700000000 + i, i == 7 ? 1000000 : i, 60, 60, i);
    expect_end(MT_END, 20, "");
    CHECK_EQUAL(skips_count, 0);
    expect_packet(8, (1700000000LL + 8) * SECOND + 8000, 60, 60, 1, 8);
}

/* A clock that is set by a year is no damage. */
static void test_clock_step(void)
{
    begin(0);
    put_pcap(0xa1b2c3d4, 65535, 1);
    for (unsigned i = 0; i < 20; i++)
        put_record(i < 10 ? 1700000000 : 1500000000, i, 60, 60, i);
    expect_end(MT_END, 20, "");
    CHECK_EQUAL(skips_count, 0);
}

/* ---- pcapng ---- */

static void make_blocks(void)
{
    begin(0);
    put_section(UINT64_MAX, 0);
    put_interface(1, 65535, 9, 0);
    for (unsigned i = 0; i < RECORDS; i++) {
        starts[i] = size;
        put_packet(0, 1700000000ULL * SECOND + i, (uint32_t)size_of_record(i),
                   (uint32_t)size_of_record(i), i);
    }
    starts[RECORDS] = size;
}

static void test_pcapng_garbage(void)
{
    static uint8_t garbage[5000];
    for (int kind = 0; kind < 4; kind++) {
        for (size_t count = 1; count <= sizeof garbage; count += count < 40 ? 1 : 977) {
            for (unsigned i = 0; i < RECORDS; i += 13) {
                make_blocks();
                make_garbage(garbage, count, kind);
                replace_bytes(starts[i], 0, garbage, count);
                expect_end(MT_END, RECORDS, "");
                expect_all_but(0, 0);
                expect_skip((int64_t)starts[i], (int64_t)count, "blocks go on");
            }
        }
    }
}

static void test_pcapng_cut_block(void)
{
    for (unsigned i = 0; i < RECORDS - 1; i++) {
        for (size_t cut = 1; cut < starts[i + 1] - starts[i]; cut += 29) {
            make_blocks();
            replace_bytes(starts[i + 1] - cut, cut, "", 0);
            expect_end(MT_END, RECORDS - 1, "");
            expect_all_but(i, 1);
            CHECK_EQUAL(skips_count, 1);
            CHECK_EQUAL(skips[0].offset, starts[i]);
        }
    }
}

static void test_pcapng_wrong_length(void)
{
    static const uint32_t wrong[] = {0, 16, 36, 5000, 1 << 20, 64 << 20, 0xfffffffc};
    for (unsigned i = 0; i < RECORDS - 1; i++) {
        for (size_t k = 0; k < sizeof wrong / sizeof wrong[0]; k++) {
            make_blocks();
            set_32(starts[i] + 4, wrong[k]);
            expect_end(MT_END, RECORDS - 1, "");
            expect_all_but(i, 1);
            CHECK_EQUAL(skips_count, 1);
        }
    }
}

/* ---- drop counts ---- */

static void put_statistics(uint32_t number, uint16_t code, uint64_t count)
{
    begin_block(5);
    put_32(number);
    put_64(0);
    put_16(code);
    put_16(8);
    put_64(count);
    put_32(0);
    end_block();
}

/* An enhanced packet block that notes drops before it. */
static void put_packet_drops(uint32_t number, uint64_t count)
{
    begin_block(6);
    put_32(number);
    put_64(0);
    put_32(5);
    put_32(5);
    put_data(5, 1);
    put("\0\0\0", 3);
    put_16(4);
    put_16(8);
    put_64(count);
    end_block();
}

static int64_t dropped(void)
{
    int result;
    struct mt_packet packet;
    save();
    struct mt_capture *capture = mt_capture_open(path, &limits, NULL, &result, NULL);
    while ((result = mt_capture_next(capture, &packet, NULL)) == MT_OK || result == MT_SKIPPED)
        continue;
    CHECK_EQUAL(result, MT_END);
    int64_t count = mt_capture_dropped(capture);
    mt_capture_close(capture);
    return count;
}

static void test_drops(void)
{
    for (int big = 0; big < 2; big++) {
        begin(big);
        put_section(UINT64_MAX, 0);
        put_interface(1, 65535, 9, 0);
        put_interface(1, 65535, 9, 0);
        put_packet(0, 1, 4, 4, 1);
        CHECK_EQUAL(dropped(), -1);
        put_statistics(0, 4, 77); /* received: no drops */
        CHECK_EQUAL(dropped(), -1);
        put_statistics(0, 5, 0);
        CHECK_EQUAL(dropped(), 0);
        put_statistics(0, 5, 1000);
        put_statistics(0, 5, 1234); /* a later one includes the earlier ones */
        CHECK_EQUAL(dropped(), 1234);
        put_statistics(1, 7, 66); /* by the system, on another interface */
        CHECK_EQUAL(dropped(), 1300);
        put_statistics(2, 5, 5); /* no such interface */
        CHECK_EQUAL(dropped(), 1300);
        put_packet_drops(1, 50); /* counted above */
        CHECK_EQUAL(dropped(), 1300);
        put_packet_drops(1, 50);
        CHECK_EQUAL(dropped(), 1334);
        put_section(UINT64_MAX, 0); /* another section counts anew */
        put_interface(1, 65535, 9, 0);
        put_statistics(0, 5, 6);
        CHECK_EQUAL(dropped(), 1340);
        put_statistics(0, 5, UINT64_MAX);
        CHECK_EQUAL(dropped(), INT64_MAX);
    }
    make_records(0, 0xa1b2c3d4);
    CHECK_EQUAL(dropped(), -1);
}

int main(void)
{
    open_file();
    test_garbage_between();
    test_damage_at_the_beginning();
    test_cut_record();
    test_overwritten_header();
    test_wrong_length();
    test_damage_to_the_end();
    test_joined();
    test_joined_and_cut();
    test_nanoseconds_in_microseconds();
    test_clock_step();
    test_pcapng_garbage();
    test_pcapng_cut_block();
    test_pcapng_wrong_length();
    test_drops();
    close_file();
    FINISH("test_damage");
}
