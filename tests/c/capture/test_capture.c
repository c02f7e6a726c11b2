/* pcap, compressed files, pipes, other formats, and what is the same of every format: cuts, noise.
 */
#define _GNU_SOURCE
#include "support/capture_help.h"

#include <sys/wait.h>
#include <zlib.h>
#include <zstd.h>

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
    put_pcap(0xa1b2c3d4, 96,
             0x24000000 | 276); /* the upper bits tell of checksums behind the frames */
    put_record(0xffffffff, 0xffffffff, 200, 100,
               1); /* longer than the snap length and than itself; a time beyond its field */
    put_record(0, 1000001, 10, 0, 2);
    put_record(1, 0, 600000, 0xffffffff, 3); /* offload; libpcap refuses it */
    expect_end(MT_END, 3, "");
    expect_packet(0, 0xffffffffLL * SECOND + 0xffffffffLL * 1000, 200, 200, 276, 1);
    expect_packet(1, 1000001000, 10, 10, 276, 2);
    expect_packet(2, SECOND, 600000, 0xffffffff, 276, 3);

    begin(0);
    put_pcap(0xa1b2c3d4, 0, 101);          /* snap length 0: unlimited */
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
    set_32(good - 1516, 1700000001); /* near the others: what follows cannot confirm it */
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

/* ---- cuts and damage everywhere ---- */

/* Every prefix of the file gives a prefix of the packets, and a clean end only where a record ends.
 * `header` bytes make it a capture. */
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
    expect_no_capture("{\n \"a\": 1, \"b\": 2, \"c\": [1, 2, 3]}", 35,
                      "not a capture file (begins with 7b 0a 20 22)");
    expect_no_capture("abcd", 4, "not a capture file (begins with 61 62 63 64)");
    expect_no_capture("\x0a\x0d\x0d\x0a\x1c\0\0\0garbagegarbagegarbage", 29,
                      "bad pcapng block at byte 0: a section without its byte-order magic");
    begin(0);
    put_section(0, 0);
    bytes[12] = 9;
    expect_end(MT_NOT_CAPTURE, 0, "a section of another major version than 1");
    make_pcap(0, 0xa1b2c3d4);
    bytes[4] = 1;
    expect_end(MT_NOT_CAPTURE, 0, "not a capture file (begins with d4 c3 b2 a1): archaic");
    int result = 0;
    CHECK(mt_capture_open("/nonexistent/file", &mt_default_limits, NULL, &result, &failure) ==
          NULL);
    CHECK_EQUAL(result, MT_IO);
    CHECK_TEXT(failure.text, "cannot open: No such file or directory");
    CHECK(mt_capture_open("/", &mt_default_limits, NULL, &result, NULL) == NULL);
    CHECK_EQUAL(result, MT_IO);
    mt_capture_close(NULL);
}

/* Formats that only libpcap reads: Kuznetzov's records with more in their headers, and version 2.3
 * with its two lengths in another order. The link type is the one of the file (RAW is 101 in files,
 * 12 for libpcap). */
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
    static const uint32_t unknown[] = {14, 2000,
                                       43200}; /* link types that libpcap writes no files of */
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
    expect_packet(seen_count - 1, (int64_t)(seen_count - 1) * SECOND, 1000, 1000, 1,
                  (unsigned)seen_count - 1);
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
    for (int i = 0; i <= FRAMES;
         i++) { /* between the zeros: the end of their block and the beginning of the next */
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
    struct mt_capture *capture = mt_capture_open(path, &mt_default_limits, NULL, &result, NULL);
    CHECK_EQUAL(mt_capture_size(capture), size);
    CHECK_EQUAL(mt_capture_position(capture), 24);
    CHECK_EQUAL(mt_capture_next(capture, &packet, NULL), MT_OK);
    CHECK_EQUAL(mt_capture_position(capture), 24 + 16 + 60);
    mt_capture_close(capture);
}

int main(void)
{
    open_file();
    test_pcap();
    test_pcap_strange();
    test_pcap_damaged();
    test_cuts();
    test_noise();
    test_no_capture();
    test_libpcap();
    test_compressed();
    test_stdin(1);
    test_stdin(1000);
    test_far();
    test_position();
    close_file();
    FINISH("capture");
}
