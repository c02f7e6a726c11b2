#define _GNU_SOURCE
#include "bytes.h"
#include "capture.h"
#include "check.h"
#include "mem.h"

#include <fcntl.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#define SECOND 1000000000LL

/* ---- files made byte by byte ---- */

static uint8_t bytes[4 << 20];
static size_t size;
static int big_endian;
static char path[64];

static void put(const void *from, size_t count)
{
    memcpy(bytes + size, from, count);
    size += count;
}

static void put_16(uint16_t value)
{
    value = big_endian ? __builtin_bswap16(value) : value;
    put(&value, 2);
}

static void put_32(uint32_t value)
{
    value = big_endian ? __builtin_bswap32(value) : value;
    put(&value, 4);
}

static void put_64(uint64_t value)
{
    value = big_endian ? __builtin_bswap64(value) : value;
    put(&value, 8);
}

/* Packet data that differs from packet to packet. */
static void put_data(size_t count, unsigned seed)
{
    for (size_t i = 0; i < count; i++)
        bytes[size++] = (uint8_t)(seed * 37 + i);
}

static void set_32(size_t at, uint32_t value)
{
    value = big_endian ? __builtin_bswap32(value) : value;
    memcpy(bytes + at, &value, 4);
}

static void begin(int big)
{
    size = 0;
    big_endian = big;
}

static void put_pcap(uint32_t magic, uint32_t snaplen, uint32_t network)
{
    put_32(magic);
    put_16(2);
    put_16(4);
    put_32(0);
    put_32(0);
    put_32(snaplen);
    put_32(network);
}

static void put_record(uint32_t seconds, uint32_t fraction, uint32_t captured, uint32_t length, unsigned seed)
{
    put_32(seconds);
    put_32(fraction);
    put_32(captured);
    put_32(length);
    put_data(captured, seed);
}

static size_t block_start;

static void begin_block(uint32_t type)
{
    block_start = size;
    put_32(type);
    put_32(0);
}

static void end_block(void)
{
    while (size % 4 != 0)
        bytes[size++] = 0;
    uint32_t total = (uint32_t)(size - block_start + 4);
    put_32(total);
    set_32(block_start + 4, total);
}

static void put_section(uint64_t length, uint16_t minor)
{
    begin_block(0x0a0d0d0a);
    put_32(0x1a2b3c4d);
    put_16(1);
    put_16(minor);
    put_64(length);
    end_block();
}

/* resolution < 0 and offset 0: no such option. */
static void put_interface(uint16_t link, uint32_t snaplen, int resolution, int64_t offset)
{
    begin_block(1);
    put_16(link);
    put_16(0);
    put_32(snaplen);
    put_16(2); /* if_name: of no interest */
    put_16(3);
    put("eth\0", 4);
    if (resolution >= 0) {
        put_16(9);
        put_16(1);
        put((uint8_t[]){(uint8_t)resolution, 0, 0, 0}, 4);
    }
    if (offset != 0) {
        put_16(14);
        put_16(8);
        put_64((uint64_t)offset);
    }
    put_32(0);
    end_block();
}

static void put_packet(uint32_t interface, uint64_t ticks, uint32_t captured, uint32_t length, unsigned seed)
{
    begin_block(6);
    put_32(interface);
    put_32((uint32_t)(ticks >> 32));
    put_32((uint32_t)ticks);
    put_32(captured);
    put_32(length);
    put_data(captured, seed);
    end_block();
}

static void put_obsolete(uint16_t interface, uint64_t ticks, uint32_t captured, uint32_t length, unsigned seed)
{
    begin_block(2);
    put_16(interface);
    put_16(7); /* drops */
    put_32((uint32_t)(ticks >> 32));
    put_32((uint32_t)ticks);
    put_32(captured);
    put_32(length);
    put_data(captured, seed);
    end_block();
}

static void put_simple(uint32_t captured, uint32_t length, unsigned seed)
{
    begin_block(3);
    put_32(length);
    put_data(captured, seed);
    end_block();
}

static void put_unknown(uint32_t type, size_t count)
{
    begin_block(type);
    put_data(count, 99);
    end_block();
}

static void save_part(size_t count)
{
    int fd = open(path, O_WRONLY); /* not O_TRUNC, after which some file systems wait for the disk */
    CHECK(fd >= 0 && write(fd, bytes, count) == (ssize_t)count && ftruncate(fd, (off_t)count) == 0);
    close(fd);
}

static void save(void)
{
    save_part(size);
}

/* ---- reading ---- */

struct seen {
    int64_t time;
    uint32_t captured, length, link, sum;
};

static struct seen seen[4096];
static size_t seen_count;
static struct mt_failure failure;

static uint32_t sum_of(const uint8_t *data, size_t count)
{
    uint32_t sum = 1;
    for (size_t i = 0; i < count; i++)
        sum = sum * 31 + data[i];
    return sum;
}

static uint32_t sum_of_seed(size_t count, unsigned seed)
{
    uint32_t sum = 1;
    for (size_t i = 0; i < count; i++)
        sum = sum * 31 + (uint8_t)(seed * 37 + i);
    return sum;
}

static struct mt_limits limits;

/* Reads all of a file into `seen`; what ended it. The frames are counted, and the end repeats. */
static int read_from(const char *name)
{
    int result = 1000;
    seen_count = 0;
    failure.text[0] = 0;
    struct mt_capture *capture = mt_capture_open(name, &limits, &result, &failure);
    if (capture == NULL)
        return result;
    CHECK_EQUAL(result, MT_OK);
    struct mt_packet packet;
    while ((result = mt_capture_next(capture, &packet, &failure)) == MT_OK && seen_count < 4096) {
        seen[seen_count++] = (struct seen){packet.place.time, packet.captured, packet.length, packet.link, sum_of(packet.data, packet.captured)};
        CHECK_EQUAL(packet.place.frame, seen_count);
        CHECK(packet.length >= packet.captured);
    }
    struct mt_failure again = {""};
    CHECK_EQUAL(mt_capture_next(capture, &packet, &again), result);
    CHECK_TEXT(again.text, failure.text);
    if (mt_capture_size(capture) >= 0)
        CHECK(mt_capture_position(capture) <= mt_capture_size(capture));
    mt_capture_close(capture);
    return result;
}

static int read_file(void)
{
    return read_from(path);
}

static void expect_packet(size_t i, int64_t time, uint32_t captured, uint32_t length, uint32_t link, unsigned seed)
{
    CHECK(i < seen_count);
    CHECK_EQUAL(seen[i].time, time);
    CHECK_EQUAL(seen[i].captured, captured);
    CHECK_EQUAL(seen[i].length, length);
    CHECK_EQUAL(seen[i].link, link);
    CHECK_EQUAL(seen[i].sum, sum_of_seed(captured, seed));
}

/* The file in `bytes` ends thus, after so many packets, for a reason that holds `reason`. */
static void expect_end(int result, size_t count, const char *reason)
{
    save();
    CHECK_EQUAL(read_file(), result);
    CHECK_EQUAL(seen_count, count);
    if (strstr(failure.text, reason) == NULL) {
        check_failed++;
        fprintf(stderr, "reason \"%s\" lacks \"%s\"\n", failure.text, reason);
    }
}

/* libpcap gives the same packets of the file at `path`, which it can read. */
static void compare_with_libpcap(void)
{
    char why[PCAP_ERRBUF_SIZE];
    pcap_t *pcap = pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, why);
    CHECK(pcap != NULL);
    if (pcap == NULL)
        return;
    struct pcap_pkthdr *header;
    const u_char *data;
    size_t count = 0;
    for (; pcap_next_ex(pcap, &header, &data) == 1; count++) {
        CHECK(count < seen_count);
        CHECK_EQUAL(seen[count].captured, header->caplen);
        CHECK_EQUAL(seen[count].length, header->len);
        CHECK_EQUAL(seen[count].time, header->ts.tv_sec * SECOND + header->ts.tv_usec);
        CHECK_EQUAL(seen[count].sum, sum_of(data, header->caplen));
    }
    CHECK_EQUAL(count, seen_count);
    pcap_close(pcap);
}

/* ---- pcap ---- */

static void make_pcap(int big, uint32_t magic)
{
    begin(big);
    put_pcap(magic, 65535, 1);
    put_record(1700000000, 123456, 60, 60, 1);
    put_record(1700000001, 999999, 61, 1514, 2);
    put_record(1700000000, 0, 0, 0, 3);
    put_record(0x7fffffff, 1, 1500, 1500, 4);
}

static void test_pcap(void)
{
    for (int big = 0; big < 2; big++) {
        for (int nano = 0; nano < 2; nano++) {
            make_pcap(big, nano ? 0xa1b23c4d : 0xa1b2c3d4);
            expect_end(MT_END, 4, "");
            int64_t unit = nano ? 1 : 1000;
            expect_packet(0, 1700000000 * SECOND + 123456 * unit, 60, 60, 1, 1);
            expect_packet(1, 1700000001 * SECOND + 999999 * unit, 61, 1514, 1, 2);
            expect_packet(2, 1700000000 * SECOND, 0, 0, 1, 3);
            expect_packet(3, 0x7fffffff * SECOND + unit, 1500, 1500, 1, 4);
            compare_with_libpcap();
        }
    }
}

static void test_pcap_strange(void)
{
    begin(0);
    put_pcap(0xa1b2c3d4, 96, 0x24000000 | 276); /* the upper bits tell of checksums behind the frames */
    put_record(0xffffffff, 0xffffffff, 200, 100, 1); /* longer than the snap length and than itself; a time beyond its field */
    put_record(0, 1000001, 10, 0, 2);
    put_record(1, 0, 600000, 0xffffffff, 3); /* offload; libpcap refuses it */
    expect_end(MT_END, 3, "");
    expect_packet(0, 0xffffffffLL * SECOND + 0xffffffffLL * 1000, 200, 200, 276, 1);
    expect_packet(1, 1000001000, 10, 10, 276, 2);
    expect_packet(2, SECOND, 600000, 0xffffffff, 276, 3);

    begin(0);
    put_pcap(0xa1b2c3d4, 0, 101); /* snap length 0: unlimited */
    put_record(1, 0, 3000000, 3000000, 1); /* longer than the buffer */
    put_record(2, 0, 10, 10, 2);
    expect_end(MT_END, 2, "");
    expect_packet(0, SECOND, 3000000, 3000000, 101, 1);
    expect_packet(1, 2 * SECOND, 10, 10, 101, 2);

    begin(0);
    put_pcap(0xa1b2c3d4, 262144, 1);
    expect_end(MT_END, 0, "");

    make_pcap(0, 0xa1b2c3d4);
    set_32(6, 7); /* a later minor version */
    save();
    CHECK_EQUAL(read_file(), MT_END);
    CHECK_EQUAL(seen_count, 4);
}

static void test_pcap_damaged(void)
{
    make_pcap(0, 0xa1b2c3d4);
    size_t good = size;
    put("not a record header, but text", 29);
    char reason[64];
    snprintf(reason, sizeof reason, "not a packet header at byte %zu", good);
    expect_end(MT_DAMAGED, 4, reason);
    size = good;
    put_record(1, 1, 0, 0, 1);
    set_32(good + 8, (1 << 20) + 1); /* snap length 65535: not believed */
    expect_end(MT_DAMAGED, 4, reason);
    set_32(good + 8, 1 << 20); /* believed, but not there */
    snprintf(reason, sizeof reason, "ends inside a packet that begins at byte %zu", good);
    expect_end(MT_DAMAGED, 4, reason);
    size = good;
    memset(bytes + size, 0, 5000); /* a tail of zeros */
    size += 5000;
    expect_end(MT_DAMAGED, 4, "zeros in place of a packet");
    size = good + 16; /* one such record may be meant */
    expect_end(MT_END, 5, "");
    begin(0);
    put_pcap(0xa1b2c3d4, 0xffffffff, 1);
    put_record(1, 1, 0, 0, 1);
    set_32(size - 8, (64 << 20) + 1);
    expect_end(MT_DAMAGED, 0, "not a packet header at byte 24");
}

/* ---- pcapng ---- */

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
        expect_end(number == 2 ? MT_END : MT_TOO_MUCH, number == 2 ? 2 : 1, number == 2 ? "" : "limit interfaces");
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

static void make_pcapng(void)
{
    begin(0);
    put_section(UINT64_MAX, 0);
    put_interface(1, 65535, 9, 0);
    put_packet(0, 1000, 30, 40, 1);
    put_packet(0, 2000, 31, 41, 2);
}

static void test_pcapng_damaged(void)
{
    char reason[96];
    make_pcapng();
    size_t good = size;
    put_packet(1, 3, 4, 4, 3);
    snprintf(reason, sizeof reason, "bad pcapng block at byte %zu: a packet of an interface that is not described", good);
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

    static const uint32_t lengths[] = {0, 1, 8, 11, 12, 16, 28, 31, 33, 0x7ffffffc, 0xfffffffc, 0xffffffff, (64 << 20) + (1 << 20) + 4};
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
    set_32(good + 4, (256 << 20) + 4);
    expect_end(MT_DAMAGED, 2, "beyond belief");
    set_32(good + 4, 256 << 20);
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
    expect_end(MT_DAMAGED, 2, "a packet longer than its block");
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

/* ---- cuts and damage everywhere ---- */

/* Every prefix of the file gives a prefix of the packets, and a clean end only where a record ends. `header` bytes make it a capture. */
static void cut_everywhere(size_t header, size_t ends_count, const size_t *ends)
{
    struct seen whole[8];
    save();
    CHECK_EQUAL(read_file(), MT_END);
    size_t count = seen_count;
    memcpy(whole, seen, count * sizeof *seen);
    for (size_t cut = 0; cut < size; cut++) {
        save_part(cut);
        int result = read_file(), clean = 0;
        for (size_t i = 0; i < ends_count; i++)
            clean |= ends[i] == cut;
        CHECK_EQUAL(result, cut < header ? MT_NOT_CAPTURE : clean ? MT_END : MT_DAMAGED);
        if (cut == 0)
            CHECK_TEXT(failure.text, "empty file");
        else if (cut < header)
            CHECK(strstr(failure.text, "cut in the file header") == failure.text);
        else if (!clean)
            CHECK(strstr(failure.text, "the capture ends inside a") == failure.text);
        CHECK(seen_count <= count && memcmp(seen, whole, seen_count * sizeof *seen) == 0);
    }
}

static void test_cuts(void)
{
    size_t ends[8];
    begin(0);
    put_pcap(0xa1b2c3d4, 65535, 1);
    for (unsigned i = 0; i < 4; i++) {
        ends[i] = size;
        put_record(i, i, 10 * i, 10 * i, i);
    }
    cut_everywhere(24, 4, ends);
    begin(1);
    put_section(UINT64_MAX, 0);
    ends[0] = size;
    put_interface(1, 65535, 9, 0);
    for (unsigned i = 0; i < 3; i++) {
        ends[1 + 2 * i] = size;
        put_packet(0, i, 10 * i, 10 * i, i);
        ends[2 + 2 * i] = size;
        put_unknown(9, 10);
    }
    cut_everywhere(28, 7, ends);
}

/* Random damage: never a crash, always an end. */
static void test_noise(void)
{
    uint32_t state = 7;
    for (int round = 0; round < 3000; round++) {
        if (round % 2)
            make_pcap(round & 2, 0xa1b2c3d4);
        else
            make_pcapng();
        put_unknown(77, 20);
        for (int i = 0; i < 1 + round % 5; i++) {
            state = state * 1664525 + 1013904223;
            bytes[(state >> 8) % (size < 200 ? size : 200)] = (uint8_t)(state >> 24);
        }
        save();
        int result = read_file();
        CHECK(result == MT_END || result == MT_DAMAGED || result == MT_NOT_CAPTURE);
        CHECK(seen_count < 100);
    }
}

/* ---- other formats ---- */

static void expect_no_capture(const void *content, size_t count, const char *reason)
{
    begin(0);
    put(content, count);
    expect_end(MT_NOT_CAPTURE, 0, reason);
}

static void test_no_capture(void)
{
    expect_no_capture("", 0, "empty file");
    expect_no_capture("ab", 2, "cut in the file header (2 bytes in all)");
    expect_no_capture("{\n \"a\": 1, \"b\": 2, \"c\": [1, 2, 3]}", 35, "not a capture file (begins with 7b 0a 20 22)");
    expect_no_capture("abcd", 4, "not a capture file (begins with 61 62 63 64)");
    expect_no_capture("\x0a\x0d\x0d\x0a\x1c\0\0\0garbagegarbagegarbage", 29, "bad pcapng block at byte 0: a section without its byte-order magic");
    begin(0);
    put_section(0, 0);
    bytes[12] = 9;
    expect_end(MT_NOT_CAPTURE, 0, "a section of another major version than 1");
    make_pcap(0, 0xa1b2c3d4);
    bytes[4] = 1;
    expect_end(MT_NOT_CAPTURE, 0, "not a capture file (begins with d4 c3 b2 a1): archaic");
    int result = 0;
    CHECK(mt_capture_open("/nonexistent/file", &mt_default_limits, &result, &failure) == NULL);
    CHECK_EQUAL(result, MT_IO);
    CHECK_TEXT(failure.text, "cannot open: No such file or directory");
    CHECK(mt_capture_open("/", &mt_default_limits, &result, NULL) == NULL);
    CHECK_EQUAL(result, MT_IO);
    mt_capture_close(NULL);
}

/* Formats that only libpcap reads: Kuznetzov's records with more in their headers, and version 2.3 with its two lengths in another order. The link type
 * is the one of the file (RAW is 101 in files, 12 for libpcap). */
static void test_libpcap(void)
{
    for (int big = 0; big < 2; big++) {
        begin(big);
        put_pcap(0xa1b2cd34, 65535, 101);
        for (unsigned i = 0; i < 3; i++) {
            put_32(1700000000 + i);
            put_32(250000);
            put_32(50 + i);
            put_32(60 + i);
            put_64(0);
            put_data(50 + i, i);
        }
        expect_end(MT_END, 3, "");
        for (unsigned i = 0; i < 3; i++)
            expect_packet(i, (1700000000 + i) * SECOND + 250000000, 50 + i, 60 + i, 101, i);
        compare_with_libpcap();
        save_part(size - 5);
        CHECK_EQUAL(read_file(), MT_DAMAGED);
        CHECK_EQUAL(seen_count, 2);
        CHECK(strstr(failure.text, "truncated") != NULL);
    }
    begin(0);
    put_pcap(0xa1b2c3d4, 65535, 276);
    bytes[6] = 2;
    put_32(5);
    put_32(6);
    put_32(90);
    put_32(80);
    put_data(80, 1);
    expect_end(MT_END, 1, "");
    expect_packet(0, 5 * SECOND + 6000, 80, 90, 276, 1);
    static const uint32_t unknown[] = {14, 2000, 43200}; /* link types that libpcap writes no files of */
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        set_32(20, unknown[i]);
        expect_end(MT_END, 1, "");
        expect_packet(0, 5 * SECOND + 6000, 80, 90, unknown[i], 1);
    }
}

/* ---- compressed, piped, far ---- */

static size_t gzip_bytes(uint8_t *to, size_t room)
{
    z_stream z = {0};
    CHECK(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    z.next_in = bytes;
    z.avail_in = (uInt)size;
    z.next_out = to;
    z.avail_out = (uInt)room;
    CHECK(deflate(&z, Z_FINISH) == Z_STREAM_END);
    deflateEnd(&z);
    return room - z.avail_out;
}

static void test_compressed(void)
{
    enum { ROOM = 1 << 20 };
    uint8_t *packed = malloc(ROOM);
    begin(0);
    put_pcap(0xa1b2c3d4, 65535, 1);
    for (unsigned i = 0; i < 1000; i++)
        put_record(i, 0, 1000, 1000, i);
    size_t plain = size;
    size_t count = gzip_bytes(packed, ROOM);
    memcpy(bytes, packed, count);
    size = count;
    expect_end(MT_END, 1000, "");
    expect_packet(999, 999 * SECOND, 1000, 1000, 1, 999);
    /* cut: all packets before the cut, then the reason; and within the header of the capture */
    size = count / 2;
    save();
    CHECK_EQUAL(read_file(), MT_DAMAGED);
    CHECK(seen_count > 100 && seen_count < 1000);
    CHECK(strstr(failure.text, "the gzip data is cut") != NULL);
    expect_packet(seen_count - 1, (int64_t)(seen_count - 1) * SECOND, 1000, 1000, 1, (unsigned)seen_count - 1);
    size = 15;
    expect_end(MT_NOT_CAPTURE, 0, "cut in the file header: the gzip data is cut");
    /* libpcap reads through the same stream */
    begin(0);
    put_pcap(0xa1b2cd34, 65535, 1);
    for (unsigned i = 0; i < 1000; i++) {
        put_record(i, 0, 1000, 1000, i);
        put_64(0);
    }
    CHECK(size > plain);
    count = ZSTD_compress(packed, ROOM, bytes, size, 3);
    memcpy(bytes, packed, count);
    size = count;
    expect_end(MT_END, 1000, "");
    size = count * 2 / 3;
    save();
    CHECK_EQUAL(read_file(), MT_DAMAGED);
    CHECK(strstr(failure.text, "the zstd data is cut") != NULL);
    free(packed);
}

static void test_stdin(size_t step)
{
    int ends[2], status = -1;
    make_pcap(1, 0xa1b23c4d);
    CHECK(pipe(ends) == 0);
    pid_t child = fork();
    if (child == 0) {
        for (size_t at = 0; at < size; at += step)
            if (write(ends[1], bytes + at, step < size - at ? step : size - at) < 0)
                _exit(1);
        _exit(0);
    }
    close(ends[1]);
    CHECK(dup2(ends[0], STDIN_FILENO) == STDIN_FILENO);
    close(ends[0]);
    CHECK_EQUAL(read_from("-"), MT_END);
    CHECK_EQUAL(seen_count, 4);
    expect_packet(3, 0x7fffffff * SECOND + 1, 1500, 1500, 1, 4);
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

/* A packet, and damage, beyond 4 GiB. */
static void test_far(void)
{
    enum { FRAME = 128 << 20, FRAMES = 33 };
    uint8_t *zeros = calloc(FRAME, 1), *packed = malloc(FRAME / 64), *small = malloc(4096);
    size_t packed_size = ZSTD_compress(packed, FRAME / 64, zeros, FRAME, 1);
    free(zeros);
    int fd = open(path, O_WRONLY | O_TRUNC);
    int64_t offset = 0;
    begin(0);
    put_section(UINT64_MAX, 0);
    put_interface(1, 0, 9, 0);
    for (int i = 0; i <= FRAMES; i++) { /* between the zeros: the end of their block and the beginning of the next */
        if (i > 0)
            put_32(FRAME + 12);
        if (i < FRAMES) {
            put_32(0x1234);
            put_32(FRAME + 12);
        } else {
            put_packet(0, 77, 5, 5, 6);
            put("garbagegarbage", 14);
        }
        offset += (int64_t)size + (i < FRAMES ? FRAME : -14);
        size_t count = ZSTD_compress(small, 4096, bytes, size, 1);
        CHECK(write(fd, small, count) == (ssize_t)count);
        if (i < FRAMES)
            CHECK(write(fd, packed, packed_size) == (ssize_t)packed_size);
        size = 0;
    }
    close(fd);
    free(packed);
    free(small);
    CHECK(offset > (int64_t)4 << 30);
    CHECK_EQUAL(read_file(), MT_TOO_MUCH);
    CHECK(strstr(failure.text, "decompression_ratio") != NULL);
    limits.decompression_ratio = INT64_MAX;
    CHECK_EQUAL(read_file(), MT_DAMAGED);
    limits = mt_default_limits;
    CHECK_EQUAL(seen_count, 1);
    expect_packet(0, 77, 5, 5, 1, 6);
    char reason[64];
    snprintf(reason, sizeof reason, "bad pcapng block at byte %lld:", (long long)offset);
    CHECK(strstr(failure.text, reason) != NULL);
}

static void test_position(void)
{
    make_pcap(0, 0xa1b2c3d4);
    save();
    int result;
    struct mt_packet packet;
    struct mt_capture *capture = mt_capture_open(path, &mt_default_limits, &result, NULL);
    CHECK_EQUAL(mt_capture_size(capture), size);
    CHECK_EQUAL(mt_capture_position(capture), 24);
    CHECK_EQUAL(mt_capture_next(capture, &packet, NULL), MT_OK);
    CHECK_EQUAL(mt_capture_position(capture), 24 + 16 + 60);
    mt_capture_close(capture);
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
    limits = mt_default_limits;
    snprintf(path, sizeof path, "%s/mt_capture_XXXXXX", P_tmpdir);
    int fd = mkstemp(path);
    CHECK(fd >= 0);
    close(fd);
    test_pcap();
    test_pcap_strange();
    test_pcap_damaged();
    test_pcapng();
    test_pcapng_mixed();
    test_interfaces_limit();
    test_times();
    test_times_like_libpcap();
    test_pcapng_damaged();
    test_options();
    test_pcapng_large();
    test_memory(5);
    test_cuts();
    test_noise();
    test_no_capture();
    test_libpcap();
    test_compressed();
    test_stdin(1);
    test_stdin(1000);
    test_far();
    test_position();
    unlink(path);
    FINISH("capture");
}
