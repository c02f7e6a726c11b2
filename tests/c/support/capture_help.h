/* For the tests of capture files: such files made byte by byte, and what is read of them. Define
 * _GNU_SOURCE before anything else. */
#ifndef MT_TEST_CAPTURE_HELP_H
#define MT_TEST_CAPTURE_HELP_H

#include "base/bytes.h"
#include "base/mem.h"
#include "capture/capture.h"
#include "support/check.h"

#include <fcntl.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <unistd.h>

#define SECOND 1000000000LL

/* ---- files made byte by byte ---- */

static uint8_t bytes[4 << 20];
static size_t size;
static int big_endian;
static char path[64];

static inline void put(const void *from, size_t count)
{
    memcpy(bytes + size, from, count);
    size += count;
}

static inline void put_16(uint16_t value)
{
    value = big_endian ? __builtin_bswap16(value) : value;
    put(&value, 2);
}

static inline void put_32(uint32_t value)
{
    value = big_endian ? __builtin_bswap32(value) : value;
    put(&value, 4);
}

static inline void put_64(uint64_t value)
{
    value = big_endian ? __builtin_bswap64(value) : value;
    put(&value, 8);
}

/* Packet data that differs from packet to packet. */
static inline void put_data(size_t count, unsigned seed)
{
    for (size_t i = 0; i < count; i++)
        bytes[size++] = (uint8_t)(seed * 37 + i);
}

static inline void set_32(size_t at, uint32_t value)
{
    value = big_endian ? __builtin_bswap32(value) : value;
    memcpy(bytes + at, &value, 4);
}

static inline void begin(int big)
{
    size = 0;
    big_endian = big;
}

static inline void put_pcap(uint32_t magic, uint32_t snaplen, uint32_t network)
{
    put_32(magic);
    put_16(2);
    put_16(4);
    put_32(0);
    put_32(0);
    put_32(snaplen);
    put_32(network);
}

static inline void put_record(uint32_t seconds, uint32_t fraction, uint32_t captured,
                              uint32_t length, unsigned seed)
{
    put_32(seconds);
    put_32(fraction);
    put_32(captured);
    put_32(length);
    put_data(captured, seed);
}

static size_t block_start;

static inline void begin_block(uint32_t type)
{
    block_start = size;
    put_32(type);
    put_32(0);
}

static inline void end_block(void)
{
    while ((size - block_start) % 4 != 0)
        bytes[size++] = 0;
    uint32_t total = (uint32_t)(size - block_start + 4);
    put_32(total);
    set_32(block_start + 4, total);
}

static inline void put_section(uint64_t length, uint16_t minor)
{
    begin_block(0x0a0d0d0a);
    put_32(0x1a2b3c4d);
    put_16(1);
    put_16(minor);
    put_64(length);
    end_block();
}

/* resolution < 0 and offset 0: no such option. */
static inline void put_interface(uint16_t link, uint32_t snaplen, int resolution, int64_t offset)
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

static inline void put_packet(uint32_t interface, uint64_t ticks, uint32_t captured,
                              uint32_t length, unsigned seed)
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

static inline void put_obsolete(uint16_t interface, uint64_t ticks, uint32_t captured,
                                uint32_t length, unsigned seed)
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

static inline void put_simple(uint32_t captured, uint32_t length, unsigned seed)
{
    begin_block(3);
    put_32(length);
    put_data(captured, seed);
    end_block();
}

static inline void put_unknown(uint32_t type, size_t count)
{
    begin_block(type);
    put_data(count, 99);
    end_block();
}

static inline void save_part(size_t count)
{
    int fd =
        open(path, O_WRONLY); /* not O_TRUNC, after which some file systems wait for the disk */
    CHECK(fd >= 0 && write(fd, bytes, count) == (ssize_t)count && ftruncate(fd, (off_t)count) == 0);
    close(fd);
}

static inline void save(void)
{
    save_part(size);
}

static inline void make_pcapng(void)
{
    begin(0);
    put_section(UINT64_MAX, 0);
    put_interface(1, 65535, 9, 0);
    put_packet(0, 1000, 30, 40, 1);
    put_packet(0, 2000, 31, 41, 2);
}

/* ---- reading ---- */

struct seen {
    int64_t time;
    uint32_t captured, length, link, sum;
};

static struct seen seen[4096];
static size_t seen_count;
static struct mt_failure failure;

static inline uint32_t sum_of(const uint8_t *data, size_t count)
{
    uint32_t sum = 1;
    for (size_t i = 0; i < count; i++)
        sum = sum * 31 + data[i];
    return sum;
}

static inline uint32_t sum_of_seed(size_t count, unsigned seed)
{
    uint32_t sum = 1;
    for (size_t i = 0; i < count; i++)
        sum = sum * 31 + (uint8_t)(seed * 37 + i);
    return sum;
}

/* What was skipped of a file. */
static struct {
    int64_t offset, bytes, before; /* packets read before it */
    char text[512];
} skips[64];
static size_t skips_count;

static inline void note_skip(const struct mt_capture *capture)
{
    struct mt_capture_damage damage = mt_capture_damage(capture);
    if (skips_count < sizeof skips / sizeof skips[0]) {
        skips[skips_count].offset = damage.offset;
        skips[skips_count].bytes = damage.bytes;
        skips[skips_count].before = (int64_t)seen_count;
        memcpy(skips[skips_count].text, failure.text, sizeof failure.text);
    }
    skips_count++;
}

static struct mt_limits limits;

/* Reads all of a file into `seen`, and what was skipped into `skips`; what ended it. The frames are
 * counted, and the end repeats. */
static inline int read_from(const char *name)
{
    int result = 1000;
    seen_count = skips_count = 0;
    failure.text[0] = 0;
    struct mt_capture *capture = mt_capture_open(name, &limits, NULL, &result, &failure);
    if (capture == NULL)
        return result;
    CHECK_EQUAL(result, MT_OK);
    struct mt_packet packet;
    while ((result = mt_capture_next(capture, &packet, &failure)) == MT_SKIPPED ||
           (result == MT_OK && seen_count < 4096)) {
        if (result == MT_SKIPPED) {
            note_skip(capture);
            failure.text[0] = 0;
            continue;
        }
        seen[seen_count++] = (struct seen){packet.ref.time, packet.captured, packet.length,
                                           packet.link, sum_of(packet.data, packet.captured)};
        CHECK_EQUAL(packet.ref.frame, seen_count);
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

static inline int read_file(void)
{
    return read_from(path);
}

static inline void expect_packet(size_t i, int64_t time, uint32_t captured, uint32_t length,
                                 uint32_t link, unsigned seed)
{
    CHECK(i < seen_count);
    CHECK_EQUAL(seen[i].time, time);
    CHECK_EQUAL(seen[i].captured, captured);
    CHECK_EQUAL(seen[i].length, length);
    CHECK_EQUAL(seen[i].link, link);
    CHECK_EQUAL(seen[i].sum, sum_of_seed(captured, seed));
}

/* The file in `bytes` ends thus, after so many packets, for a reason that holds `reason`. */
static inline void expect_end(int result, size_t count, const char *reason)
{
    save();
    CHECK_EQUAL(read_file(), result);
    CHECK_EQUAL(seen_count, count);
    if (strstr(failure.text, reason) == NULL) {
        check_failed++;
        fprintf(stderr, "reason \"%s\" lacks \"%s\"\n", failure.text, reason);
    }
}

/* Something was skipped once, from `offset` on, for a reason that holds `reason`. */
static inline void expect_skip(int64_t offset, int64_t count, const char *reason)
{
    CHECK_EQUAL(skips_count, 1);
    CHECK_EQUAL(skips[0].offset, offset);
    CHECK_EQUAL(skips[0].bytes, count);
    if (strstr(skips[0].text, reason) == NULL) {
        check_failed++;
        fprintf(stderr, "skipped because \"%s\", which lacks \"%s\"\n", skips[0].text, reason);
    }
}

/* libpcap gives the same packets of the file at `path`, which it can read. */
static inline void compare_with_libpcap(void)
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

/* A file of its own for each program, while it runs. */
static inline void open_file(void)
{
    limits = mt_default_limits;
    snprintf(path, sizeof path, "%s/mt_capture_XXXXXX", P_tmpdir);
    int fd = mkstemp(path);
    CHECK(fd >= 0);
    close(fd);
}

static inline void close_file(void)
{
    unlink(path);
}

#endif
