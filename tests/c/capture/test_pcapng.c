/* pcapng: sections, interfaces, times, blocks of every kind, damage. */
#define _GNU_SOURCE
#include "support/capture_help.h"

static void test_pcapng(void)
{
    for (int big = 0; big < 2; big++) {
        begin(big);
        put_section(UINT64_MAX, 0);
        put_interface(1, 262144, -1, 0);
        put_packet(0, 1700000000123456, 60, 60, 1);
        put_unknown(5, 40); /* statistics */
        put_packet(0, 1700000001000001, 61, 1514, 2);
        put_unknown(0x80000bad, 0);
        put_interface(1, 0, 9, 0);
        put_packet(1, 1700000002000000003, 0, 0, 3);
        put_obsolete(1, 1700000003000000004, 63, 64, 4);
        put_packet(0, 5, 1, 1, 5);
        expect_end(MT_END, 5, "");
        expect_packet(0, 1700000000 * SECOND + 123456000, 60, 60, 1, 1);
        expect_packet(1, 1700000001 * SECOND + 1000, 61, 1514, 1, 2);
        expect_packet(2, 1700000002 * SECOND + 3, 0, 0, 1, 3);
        expect_packet(3, 1700000003 * SECOND + 4, 63, 64, 1, 4);
        expect_packet(4, 5000, 1, 1, 1, 5);
        compare_with_libpcap();
    }
}

/* What libpcap refuses: interfaces of different link types, sections of different byte orders. */
static void test_pcapng_mixed(void)
{
    begin(0);
    put_section(12345, 2);
    put_interface(1, 0, 6, 0);
    put_interface(113, 0, 9, 0);
    put_packet(1, 1, 10, 10, 1);
    put_packet(0, 2, 11, 11, 2);
    big_endian = 1;
    put_section(0, 0);
    put_interface(276, 100, 3, 0);
    put_packet(0, 3, 12, 12, 3);
    put_simple(100, 200, 4);
    big_endian = 0;
    put_section(UINT64_MAX, 0);
    put_interface(101, 0, -1, 0);
    put_simple(13, 13, 5);
    put_packet(0, 0, 600000, 600000, 6);
    expect_end(MT_END, 6, "");
    expect_packet(0, 1, 10, 10, 113, 1);
    expect_packet(1, 2000, 11, 11, 1, 2);
    expect_packet(2, 3000000, 12, 12, 276, 3);
    expect_packet(3, MT_NO_TIME, 100, 200, 276, 4);
    expect_packet(4, MT_NO_TIME, 13, 13, 101, 5);
    expect_packet(5, 0, 600000, 600000, 101, 6);
}

/* No more interfaces than the limit, in each section anew. */
static void test_interfaces_limit(void)
{
    limits.interfaces = 2;
    for (int number = 2; number <= 3; number++) {
        begin(0);
        for (int section = 0; section < 2; section++) {
            put_section(UINT64_MAX, 0);
            for (int i = 0; i < (section == 0 ? 2 : number); i++)
                put_interface(1, 0, 6, 0);
            put_packet(1, 1, 10, 10, 1);
        }
        expect_end(number == 2 ? MT_END : MT_TOO_MUCH, number == 2 ? 2 : 1,
                   number == 2 ? "" : "limit interfaces");
    }
    limits = mt_default_limits;
}

static void expect_time(int resolution, int64_t offset, uint64_t ticks, int64_t time)
{
    begin(0);
    put_section(UINT64_MAX, 0);
    put_interface(1, 0, resolution, offset);
    put_packet(0, ticks, 1, 1, 1);
    save();
    CHECK_EQUAL(read_file(), MT_END);
    CHECK_EQUAL(seen_count, 1);
    CHECK_EQUAL(seen[0].time, time);
}

static void test_times(void)
{
    expect_time(0, 0, 1700000000, 1700000000 * SECOND);
    expect_time(3, 0, 1700000000123, 1700000000123000000);
    expect_time(6, -3600, 1700000000000001, 1699996400000001000);
    expect_time(9, 1600000000, 100000000000000007, 1700000000000000007);
    expect_time(12, 0, 1700000000123456, 1700000000123);
    expect_time(12, 1, 999, SECOND);
    expect_time(28, 0, UINT64_MAX, 1844674407370955161 / 1000000000000000000);
    expect_time(29, 0, UINT64_MAX, 0);
    expect_time(127, 7, UINT64_MAX, 7 * SECOND);
    expect_time(0x80, 0, 1700000000, 1700000000 * SECOND);
    expect_time(0x80 | 1, 0, 3, 1500000000);
    expect_time(0x80 | 10, 0, (1700000000ULL << 10) + 1, 1700000000 * SECOND + 976562);
    expect_time(0x80 | 32, 0, (1700000000ULL << 32) + 0xffffffff, 1700000000 * SECOND + 999999999);
    expect_time(0x80 | 63, 0, UINT64_MAX, 1999999999);
    expect_time(0x80 | 64, 0, UINT64_MAX, 999999999);
    expect_time(0xff, 0, UINT64_MAX, 0);
    /* what 64 bits of nanoseconds hold, and what they do not */
    expect_time(9, 0, INT64_MAX, INT64_MAX);
    expect_time(9, 0, (uint64_t)INT64_MAX + 1, MT_NO_TIME);
    expect_time(9, -10, (uint64_t)INT64_MAX + 1, INT64_MAX - 10 * SECOND + 1);
    expect_time(6, 0, UINT64_MAX, MT_NO_TIME);
    expect_time(0, 0, UINT64_MAX, MT_NO_TIME);
    expect_time(6, 9223372036, 854775, 9223372036854775000);
    expect_time(6, 9223372036, 854776, MT_NO_TIME);
    expect_time(6, -9223372036, 0, -9223372036 * SECOND);
    expect_time(6, INT64_MAX, 0, MT_NO_TIME);
    expect_time(6, INT64_MIN, UINT64_MAX, MT_NO_TIME);
    expect_time(0x80, INT64_MIN, 0, MT_NO_TIME);
}

/* Times of every resolution against libpcap's. */
static void test_times_like_libpcap(void)
{
    for (int resolution = 0; resolution < 256; resolution++) {
        int exponent = resolution & 0x7f;
        if (exponent > (resolution & 0x80 ? 63 : 19))
            continue; /* libpcap refuses them */
        begin(resolution % 2);
        put_section(UINT64_MAX, 0);
        put_interface(1, 262144, resolution, 1000);
        for (unsigned i = 0; i < 8; i++)
            put_packet(0, i * 123456789123u % 1000000000, 4, 4, i);
        expect_end(MT_END, 8, "");
        compare_with_libpcap();
    }
}

static void test_pcapng_damaged(void)
{
    char reason[96];
    make_pcapng();
    size_t good = size;
    put_packet(1, 3, 4, 4, 3);
    snprintf(reason, sizeof reason,
             "bad pcapng block at byte %zu: a packet of an interface that is not described", good);
    expect_end(MT_DAMAGED, 2, reason);
    size = good;
    put_obsolete(1, 3, 4, 4, 3);
    expect_end(MT_DAMAGED, 2, reason);
    size = good;
    put_section(0, 0); /* the interfaces of a section are its own */
    put_packet(0, 3, 4, 4, 3);
    expect_end(MT_DAMAGED, 2, "not described");
    size = good;
    put_section(0, 0);
    put_simple(4, 4, 3);
    expect_end(MT_DAMAGED, 2, "not described");

    static const uint32_t lengths[] = {0,
                                       1,
                                       8,
                                       11,
                                       12,
                                       16,
                                       28,
                                       31,
                                       33,
                                       0x7ffffffc,
                                       0xfffffffc,
                                       0xffffffff,
                                       (64 << 20) + (1 << 20) + 4};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        size = good;
        put_packet(0, 3, 4, 4, 3);
        set_32(good + 4, lengths[i]);
        expect_end(MT_DAMAGED, 2, "bad pcapng block");
    }
    for (size_t i = 0; i < 4; i++) { /* the same for one that is stepped over */
        size = good;
        put_unknown(77, 20);
        set_32(good + 4, lengths[i]);
        expect_end(MT_DAMAGED, 2, "bad pcapng block");
    }
    size = good;
    put_unknown(77, 20);
    set_32(good + 4, (65 << 20) + 4);
    expect_end(MT_DAMAGED, 2, "implausible");
    set_32(good + 4, 65 << 20);
    expect_end(MT_DAMAGED, 2, "ends inside a pcapng block");

    size = good;
    put_packet(0, 3, 4, 4, 3);
    set_32(size - 4, 40);
    expect_end(MT_DAMAGED, 2, "its two lengths differ");
    size = good;
    put_unknown(77, 20);
    set_32(size - 4, 36);
    expect_end(MT_DAMAGED, 2, "its two lengths differ");
    size = good;
    put_packet(0, 3, 4, 4, 3);
    set_32(good + 20, 5); /* one more than the block has */
    put_packet(0, 4, 4, 4, 4);
    expect_end(MT_END, 3, "");
    expect_skip((int64_t)good, 36, "a packet longer than its block; blocks go on at byte");
    size = good;
    put_simple(4, 9, 3);
    expect_end(MT_DAMAGED, 2, "a packet longer than its block");
    size = good;
    put_section(0, 0);
    bytes[good + 8] ^= 1;
    expect_end(MT_DAMAGED, 2, "byte-order magic");
    size = good;
    put_section(0, 0);
    bytes[good + 12] = 2;
    expect_end(MT_DAMAGED, 2, "major version");
}

static void expect_bad_option(uint16_t code, uint16_t count, size_t there)
{
    make_pcapng();
    begin_block(1);
    put_16(1);
    put_16(0);
    put_32(0);
    put_16(code);
    put_16(count);
    put_data(there, 0);
    end_block();
    expect_end(MT_DAMAGED, 2, "an interface with a bad option");
}

static void test_options(void)
{
    expect_bad_option(9, 2, 4);
    expect_bad_option(9, 0, 0);
    expect_bad_option(14, 4, 4);
    expect_bad_option(2, 5, 4);
    expect_bad_option(2, 0xffff, 64);
    /* no end mark, and an odd rest */
    make_pcapng();
    begin_block(1);
    put_16(113);
    put_16(0);
    put_32(0);
    put_16(9);
    put_16(1);
    put("\3\0\0\0", 4);
    end_block();
    begin_block(1);
    put_16(276);
    put_16(0);
    put_32(0);
    end_block();
    put_packet(1, 5, 4, 4, 3);
    put_packet(2, 5, 4, 4, 3);
    expect_end(MT_END, 4, "");
    expect_packet(2, 5000000, 4, 4, 113, 3);
    expect_packet(3, 5000, 4, 4, 276, 3);
}

/* Many interfaces and blocks longer than the buffer. */
static void test_pcapng_large(void)
{
    begin(1);
    put_section(UINT64_MAX, 0);
    for (uint16_t i = 0; i < 2000; i++)
        put_interface(i, 0, 9, 0);
    put_unknown(88, 1000000);
    put_packet(1999, 1, 1000000, 1000001, 1);
    put_unknown(88, 300001);
    put_packet(0, 2, 3, 3, 2);
    expect_end(MT_END, 2, "");
    expect_packet(0, 1, 1000000, 1000001, 1999, 1);
    expect_packet(1, 2, 3, 3, 0, 2);
}

/* ---- memory ---- */

static void test_memory(long least)
{
    save();
    CHECK_EQUAL(read_file(), MT_END);
    size_t whole = seen_count;
    for (long calls = 1;; calls++) {
        mt_fail_after(calls);
        int result = read_file();
        mt_fail_after(0);
        CHECK(result == MT_NOMEM || result == MT_END);
        CHECK(result != MT_NOMEM || failure.text[0] == 0);
        if (result == MT_END) {
            CHECK_EQUAL(seen_count, whole);
            CHECK(calls > least);
            break;
        }
    }
}

int main(void)
{
    open_file();
    test_pcapng();
    test_pcapng_mixed();
    test_interfaces_limit();
    test_times();
    test_times_like_libpcap();
    test_pcapng_damaged();
    test_options();
    test_pcapng_large();
    test_memory(5);
    close_file();
    FINISH("test_capture_pcapng");
}
