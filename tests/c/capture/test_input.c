#define _GNU_SOURCE
#include "base/bytes.h"
#include "base/mem.h"
#include "capture/input.h"
#include "support/check.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

enum { ROOM = 1 << 20 };

/* What a input gave: its bytes, and how it ended. */
struct got {
    uint8_t *bytes;
    size_t size;
    int64_t result;
    struct mt_failure failure;
};

static char path[64];
static uint8_t plain[300000]; /* half of it compresses well, half does not */

static void make_plain(void)
{
    uint32_t state = 1;
    for (size_t i = 0; i < sizeof plain; i++) {
        state = state * 1664525 + 1013904223;
        plain[i] = i % 2000 < 1000 ? (uint8_t)(i / 100) : (uint8_t)(state >> 24);
    }
}

static void write_file(const void *bytes, size_t size)
{
    int fd =
        open(path, O_WRONLY); /* not O_TRUNC, after which some file systems wait for the disk */
    CHECK(fd >= 0 && write(fd, bytes, size) == (ssize_t)size && ftruncate(fd, (off_t)size) == 0);
    close(fd);
}

static struct got read_all(struct mt_input *input, size_t step)
{
    struct got got = {.bytes = malloc(ROOM)};
    for (;;) {
        got.result = mt_input_read(input, got.bytes + got.size,
                                   step < ROOM - got.size ? step : ROOM - got.size, &got.failure);
        if (got.result <= 0)
            break;
        got.size += (size_t)got.result;
    }
    CHECK_EQUAL(mt_input_read(input, got.bytes, 1, NULL), got.result); /* repeats */
    return got;
}

static struct got read_path(size_t step)
{
    int result = -1;
    struct mt_failure failure = {""};
    struct mt_input *input = mt_input_open(path, &mt_default_limits, NULL, &result, &failure);
    CHECK_EQUAL(result, MT_OK);
    if (input == NULL)
        exit(1);
    struct got got = read_all(input, step);
    mt_input_close(input);
    return got;
}

/* The file holds `size` bytes of `expected`, then `result`. */
static void expect(const void *expected, size_t size, int64_t result, size_t step)
{
    struct got got = read_path(step);
    CHECK_EQUAL(got.result, result);
    CHECK_EQUAL(got.size, size);
    CHECK(got.size == size && memcmp(got.bytes, expected, size) == 0);
    CHECK((got.failure.text[0] != 0) == (result < 0));
    free(got.bytes);
}

static size_t gzip_bytes(uint8_t *to, const uint8_t *from, size_t size)
{
    z_stream z = {0};
    CHECK(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    z.next_in = (Bytef *)(uintptr_t)from;
    z.avail_in = (uInt)size;
    z.next_out = to;
    z.avail_out = ROOM;
    CHECK(deflate(&z, Z_FINISH) == Z_STREAM_END);
    size_t size_packed = ROOM - z.avail_out;
    deflateEnd(&z);
    return size_packed;
}

static size_t zstd_bytes(uint8_t *to, const uint8_t *from, size_t size)
{
    ZSTD_CCtx *context = ZSTD_createCCtx();
    CHECK(!ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)));
    size_t size_packed = ZSTD_compress2(context, to, ROOM, from, size);
    CHECK(!ZSTD_isError(size_packed));
    ZSTD_freeCCtx(context);
    return size_packed;
}

static void test_plain(void)
{
    write_file(plain, sizeof plain);
    expect(plain, sizeof plain, 0, 1);
    expect(plain, sizeof plain, 0, 4096);
    expect(plain, sizeof plain, 0, ROOM);
    for (size_t size = 0; size < 6; size++) {
        write_file(plain, size);
        expect(plain, size, 0, 3);
    }
    static const uint8_t nearly[][4] = {
        {0x1f}, {0x1f, 0x8c}, {0x28, 0xb5, 0x2f}, {0x28, 0xb5, 0x2f, 0xfe}};
    for (size_t i = 0; i < 4; i++) {
        write_file(nearly[i], i == 0 ? 1 : i == 1 ? 2 : i == 2 ? 3 : 4);
        expect(nearly[i], i + 1, 0, 16);
    }
    uint8_t byte;
    int result;
    struct mt_input *input = mt_input_open(path, &mt_default_limits, NULL, &result, NULL);
    CHECK_EQUAL(mt_input_read(input, &byte, 0, NULL), 0);
    CHECK_EQUAL(mt_input_read(input, &byte, 1, NULL), 1);
    mt_input_close(input);
}

static void test_gzip(uint8_t *packed)
{
    size_t first = gzip_bytes(packed, plain, 200000);
    write_file(packed, first);
    expect(plain, 200000, 0, 1);
    expect(plain, 200000, 0, ROOM);
    size_t both = first + gzip_bytes(packed + first, plain + 200000, 100000);
    write_file(packed, both);
    expect(plain, sizeof plain, 0, 777);
    /* zeros behind the last member, and between two */
    memset(packed + both, 0, 1000);
    write_file(packed, both + 1000);
    expect(plain, sizeof plain, 0, 65536);
    memset(packed + first, 0, 512);
    size_t padded = first + 512 + gzip_bytes(packed + first + 512, plain + 200000, 100000);
    write_file(packed, padded);
    expect(plain, sizeof plain, 0, 65536);
    /* an empty member gives nothing */
    size_t empty = gzip_bytes(packed, plain, 0);
    write_file(packed, empty);
    expect(plain, 0, 0, 10);
    /* other data behind it */
    first = gzip_bytes(packed, plain, 5000);
    memcpy(packed + first, "garbage", 7);
    write_file(packed, first + 7);
    expect(plain, 5000, MT_DAMAGED, 600);
    memcpy(packed + first, "\x1f\x8bgarbage", 9);
    write_file(packed, first + 9);
    expect(plain, 5000, MT_DAMAGED, 600);
    /* a wrong checksum: all is handed out, but it is told */
    packed[first - 8] ^= 1;
    write_file(packed, first);
    expect(plain, 5000, MT_DAMAGED, 5000);
}

/* Cuts at every byte: what comes out is a prefix, and only a cut between members is clean. */
static void test_cuts(uint8_t *packed, size_t (*pack)(uint8_t *, const uint8_t *, size_t))
{
    size_t first = pack(packed, plain + 500, 1200),
           both = first + pack(packed + first, plain + 1700, 800);
    size_t most = 0;
    for (size_t cut = 5; cut <= both; cut++) {
        write_file(packed, cut);
        struct got got = read_path(256);
        int clean = cut == first || cut == both;
        CHECK_EQUAL(got.result, clean ? 0 : MT_DAMAGED);
        CHECK(got.size <= 2000 && memcmp(got.bytes, plain + 500, got.size) == 0);
        CHECK(got.size >= most);
        CHECK(clean || strstr(got.failure.text, "cut") != NULL);
        most = got.size;
        if (cut == first)
            CHECK_EQUAL(got.size, 1200);
        struct got slowly =
            read_path(7); /* what the decompressor still holds at the cut is not lost */
        CHECK_EQUAL(slowly.size, got.size);
        CHECK_EQUAL(slowly.result, got.result);
        free(slowly.bytes);
        free(got.bytes);
    }
    CHECK_EQUAL(most, 2000);
}

/* Every byte behind the magic damaged in turn: no crash, and nearly always (not in gzip's time
 * stamp) it is noticed. */
static void test_damage(uint8_t *packed, size_t (*pack)(uint8_t *, const uint8_t *, size_t))
{
    size_t size = pack(packed, plain, 3000), refused = 0;
    for (size_t i = 4; i < size; i++) {
        packed[i] ^= 0x55;
        write_file(packed, size);
        struct got got = read_path(1000);
        CHECK(got.result == 0 || got.result == MT_DAMAGED);
        refused += got.result == MT_DAMAGED;
        free(got.bytes);
        packed[i] ^= 0x55;
    }
    CHECK(refused > size * 9 / 10);
}

static void test_zstd(uint8_t *packed)
{
    size_t size = zstd_bytes(packed, plain, 200000);
    memcpy(packed + size, "\x5a\x2a\x4d\x18\x05\0\0\0skip!", 13);
    size += 13;
    size += zstd_bytes(packed + size, plain + 200000, 100000);
    write_file(packed, size);
    expect(plain, sizeof plain, 0, 1);
    expect(plain, sizeof plain, 0, 4000);
    expect(plain, sizeof plain, 0, ROOM);
    size = ZSTD_compress(
        packed, ROOM, plain, 1000,
        3); /* without a checksum, its last block may be used up long before its bytes are */
    write_file(packed, size);
    expect(plain, 1000, 0, 1);
    memcpy(packed, "\x50\x2a\x4d\x18\x03\0\0\0abc", 11); /* a skippable frame first */
    size = 11 + zstd_bytes(packed + 11, plain, 1000);
    write_file(packed, size);
    expect(plain, 1000, 0, 100);
    memcpy(packed + size, "garbage", 7);
    write_file(packed, size + 7);
    expect(plain, 1000, MT_DAMAGED, 100);
}

/* More than 4 GiB come through. */
static void test_large(uint8_t *packed)
{
    enum { FRAME = 64 << 20, FRAMES = 65 };
    uint8_t *zeros = calloc(FRAME, 1), *to = malloc(ROOM);
    size_t size = zstd_bytes(packed, zeros, FRAME);
    free(zeros);
    write_file("", 0);
    int fd = open(path, O_WRONLY | O_APPEND), result;
    for (int i = 0; i < FRAMES; i++)
        CHECK(write(fd, packed, size) == (ssize_t)size);
    close(fd);
    struct mt_limits limits = mt_default_limits;
    limits.decompression_ratio = INT64_MAX;
    struct mt_input *input = mt_input_open(path, &limits, NULL, &result, NULL);
    int64_t total = 0, got;
    while ((got = mt_input_read(input, to, ROOM, NULL)) > 0)
        total += got;
    CHECK_EQUAL(got, 0);
    CHECK_EQUAL(total, (int64_t)FRAME * FRAMES);
    CHECK_EQUAL(mt_input_position(input), (int64_t)size * FRAMES);
    mt_input_close(input);
    free(to);
}

/* Reads all with that limit on the ratio; the bytes that came, and how it ended. */
static int64_t read_within(int64_t ratio, int64_t *end)
{
    struct mt_limits limits = mt_default_limits;
    struct mt_failure failure = {""};
    int result;
    uint8_t *to = malloc(ROOM);
    limits.decompression_ratio = ratio;
    struct mt_input *input = mt_input_open(path, &limits, NULL, &result, &failure);
    int64_t total = 0;
    while ((*end = mt_input_read(input, to, ROOM, &failure)) > 0)
        total += *end;
    CHECK_EQUAL(mt_input_read(input, to, ROOM, &failure), *end);
    CHECK((strstr(failure.text, "decompression_ratio") != NULL) == (*end == MT_TOO_MUCH));
    mt_input_close(input);
    free(to);
    return total;
}

/* 64 MiB of nothing, from 64 KiB by gzip, from 2 KiB by zstd. */
static void test_bombs(uint8_t *packed)
{
    enum { SIZE = 64 << 20, ALWAYS = 16 << 20 };
    int64_t end, total;
    uint8_t *zeros = calloc(SIZE, 1);
    size_t size = zstd_bytes(packed, zeros, SIZE);
    write_file(packed, size);
    total = read_within(mt_default_limits.decompression_ratio, &end);
    CHECK_EQUAL(end, MT_TOO_MUCH);
    CHECK(total >= ALWAYS && total <= ALWAYS + (int64_t)size * 1000 + 2 * ROOM);
    CHECK_EQUAL(read_within(INT64_MAX, &end), SIZE);
    CHECK_EQUAL(end, 0);
    size = gzip_bytes(packed, zeros, SIZE);
    write_file(packed, size);
    CHECK_EQUAL(read_within(mt_default_limits.decompression_ratio, &end), SIZE);
    CHECK_EQUAL(end, 0);
    total = read_within(100, &end);
    CHECK_EQUAL(end, MT_TOO_MUCH);
    CHECK(total >= ALWAYS && total < SIZE);
    write_file(packed, gzip_bytes(packed, zeros, ALWAYS)); /* so much is nobody's harm */
    CHECK_EQUAL(read_within(0, &end), ALWAYS);
    CHECK_EQUAL(end, 0);
    free(zeros);
}

static void test_position(uint8_t *packed)
{
    int result = -1;
    uint8_t buffer[1000];
    write_file(plain, 5000);
    struct mt_input *input = mt_input_open(path, &mt_default_limits, NULL, &result, NULL);
    CHECK_EQUAL(mt_input_size(input), 5000);
    CHECK_EQUAL(mt_input_position(input), 0);
    CHECK(!mt_input_compressed(input));
    int64_t total = 0;
    for (int i = 0; i < 3; i++)
        total += mt_input_read(input, buffer, sizeof buffer, NULL);
    CHECK_EQUAL(mt_input_position(input), total);
    mt_input_close(input);

    size_t size = gzip_bytes(packed, plain, sizeof plain);
    write_file(packed, size);
    input = mt_input_open(path, &mt_default_limits, NULL, &result, NULL);
    CHECK(mt_input_compressed(input));
    CHECK_EQUAL(mt_input_size(input), size);
    CHECK_EQUAL(mt_input_position(input), 0);
    (void)mt_input_read(input, buffer, sizeof buffer, NULL);
    CHECK(mt_input_position(input) > 0 && mt_input_position(input) < (int64_t)size / 2);
    struct got got = read_all(input, 5000);
    CHECK_EQUAL(got.size, sizeof plain - sizeof buffer);
    CHECK_EQUAL(mt_input_position(input), size);
    free(got.bytes);
    mt_input_close(input);

    /* a descriptor that stands somewhere else than at the beginning, beyond 4 GiB; it stays open */
    int fd = open(path, O_RDWR | O_TRUNC);
    off_t far = ((off_t)5 << 30) + 1;
    if (ftruncate(fd, far + 3000) == 0 && pwrite(fd, plain, 3000, far) == 3000 &&
        lseek(fd, far, SEEK_SET) == far) {
        input = mt_input_open_fd(fd, &mt_default_limits, NULL, &result, NULL);
        CHECK_EQUAL(mt_input_size(input), 3000);
        got = read_all(input, 1100);
        CHECK(got.size == 3000 && memcmp(got.bytes, plain, 3000) == 0);
        free(got.bytes);
        mt_input_close(input);
    }
    CHECK(fcntl(fd, F_GETFD) >= 0);
    close(fd);
}

/* A child writes `size` bytes in small steps into a pipe that becomes standard input. */
static void test_pipe(const uint8_t *bytes, size_t size, size_t step, size_t expected)
{
    int ends[2], result = -1, status = -1;
    CHECK(pipe(ends) == 0);
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        for (size_t at = 0; at < size; at += step)
            if (write(ends[1], bytes + at, step < size - at ? step : size - at) < 0)
                _exit(1);
        _exit(0);
    }
    close(ends[1]);
    CHECK(dup2(ends[0], STDIN_FILENO) == STDIN_FILENO);
    close(ends[0]);
    struct mt_input *input = mt_input_open("-", &mt_default_limits, NULL, &result, NULL);
    CHECK_EQUAL(result, MT_OK);
    CHECK_EQUAL(mt_input_size(input), -1);
    struct got got = read_all(input, 50000);
    CHECK_EQUAL(got.result, 0);
    CHECK(got.size == expected && memcmp(got.bytes, plain, expected) == 0);
    CHECK_EQUAL(mt_input_position(input), size);
    free(got.bytes);
    mt_input_close(input);
    CHECK(fcntl(STDIN_FILENO, F_GETFD) >= 0); /* not ours to close */
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

/* Bytes are handed over as they come: nobody waits for a full buffer. */
static void test_no_wait(void)
{
    int ends[2], result;
    uint8_t buffer[1000];
    CHECK(pipe(ends) == 0);
    CHECK(write(ends[1], plain, 10) == 10);
    struct mt_input *input = mt_input_open_fd(ends[0], &mt_default_limits, NULL, &result, NULL);
    int64_t total = 0;
    while (total < 10)
        total += mt_input_read(input, buffer + total, sizeof buffer - (size_t)total, NULL);
    CHECK(total == 10 && memcmp(buffer, plain, 10) == 0);
    close(ends[1]);
    CHECK_EQUAL(mt_input_read(input, buffer, sizeof buffer, NULL), 0);
    mt_input_close(input);
    close(ends[0]);
}

static int checks_left;

static int stop_after_checks(void)
{
    return checks_left-- == 0;
}

/* A signal that came before the wait began interrupts no system call. */
static void test_interrupted(void)
{
    int ends[2], result = -1;
    struct mt_failure failure;
    CHECK_EQUAL(pipe(ends), 0);
    mt_input_interrupted = stop_after_checks;
    for (checks_left = 0; checks_left < 3;) {
        int before = checks_left;
        CHECK(mt_input_open_fd(ends[0], &mt_default_limits, NULL, &result, &failure) == NULL);
        CHECK_EQUAL(result, MT_INTERRUPTED);
        CHECK_EQUAL(checks_left, -1);
        checks_left = before + 1;
    }
    checks_left = 0;
    CHECK_EQUAL(write(ends[1], plain, 100), 100); /* what is there is read without a wait */
    struct mt_input *input = mt_input_open_fd(ends[0], &mt_default_limits, NULL, &result, &failure);
    uint8_t buffer[200];
    int64_t size = 0, got;
    while ((got = mt_input_read(input, buffer, sizeof buffer, &failure)) > 0)
        size += got;
    CHECK_EQUAL(size, 100);
    CHECK_EQUAL(got, MT_INTERRUPTED);
    mt_input_close(input);
    mt_input_interrupted = NULL;
    close(ends[0]);
    close(ends[1]);
}

static void test_refused(void)
{
    int result = 0;
    struct mt_failure failure = {""};
    CHECK(mt_input_open("/nonexistent/file", &mt_default_limits, NULL, &result, &failure) == NULL);
    CHECK_EQUAL(result, MT_IO);
    CHECK_TEXT(failure.text, "cannot open: No such file or directory");
    CHECK(mt_input_open("/", &mt_default_limits, NULL, &result, &failure) == NULL);
    CHECK_EQUAL(result, MT_IO);
    CHECK_TEXT(failure.text, "cannot read: it is a directory");
    CHECK(mt_input_open_fd(-1, &mt_default_limits, NULL, &result, &failure) == NULL);
    CHECK_EQUAL(result, MT_IO);
    int fd = open(path, O_WRONLY);
    CHECK(mt_input_open_fd(fd, &mt_default_limits, NULL, &result, &failure) ==
          NULL); /* not readable */
    CHECK_EQUAL(result, MT_IO);
    CHECK(strstr(failure.text, "cannot read: ") == failure.text);
    close(fd);
    mt_input_close(NULL);
}

/* Memory runs out at every allocation in turn. */
static void test_memory(const void *bytes, size_t size, long least)
{
    write_file(bytes, size);
    uint8_t *buffer = malloc(ROOM);
    for (long calls = 1;; calls++) {
        int result = 0;
        struct mt_failure failure = {"x"};
        mt_fail_after(calls);
        struct mt_input *input = mt_input_open(path, &mt_default_limits, NULL, &result, &failure);
        int64_t got = MT_NOMEM;
        if (input == NULL)
            CHECK(result == MT_NOMEM && failure.text[0] == 0);
        else
            while ((got = mt_input_read(input, buffer, ROOM, NULL)) > 0)
                ;
        mt_fail_after(0);
        mt_input_close(input);
        CHECK(got == 0 || got == MT_NOMEM);
        if (got == 0) {
            CHECK(calls > least);
            break;
        }
    }
    free(buffer);
}

int main(void)
{
    snprintf(path, sizeof path, "%s/mt_input_XXXXXX", P_tmpdir);
    int fd = mkstemp(path);
    CHECK(fd >= 0);
    close(fd);
    make_plain();
    uint8_t *packed = malloc(2 * ROOM);
    test_plain();
    test_gzip(packed);
    test_zstd(packed);
    test_cuts(packed, gzip_bytes);
    test_cuts(packed, zstd_bytes);
    test_damage(packed, gzip_bytes);
    test_damage(packed, zstd_bytes);
    test_bombs(packed);
    test_large(packed);
    test_position(packed);
    test_pipe(plain, 5000, 1, 5000);
    test_pipe(plain, sizeof plain, 70000, sizeof plain);
    size_t size = gzip_bytes(packed, plain, 8000);
    test_pipe(packed, size, 1, 8000);
    test_memory(packed, size, 3);
    size = zstd_bytes(packed, plain, 8000);
    test_pipe(packed, size, 1, 8000);
    test_memory(packed, size, 2);
    test_no_wait();
    test_interrupted();
    test_refused();
    free(packed);
    unlink(path);
    FINISH("input");
}
