/* The bytes of an input: read, recognise, decompress, and bound what decompression produces. */
#define _GNU_SOURCE
#include "capture/input.h"

#include "base/bytes.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

enum { INPUT_SIZE = 65536, MAGIC_SIZE = 4, RATIO_FROM = 16 << 20 };

enum format { PLAIN, GZIP, ZSTD };

struct mt_input {
    int fd;
    int owned; /* fd is closed with the input */
    enum format format;
    int inside;      /* within a gzip member or a zstd frame: the end of the file here is a cut */
    int needs_input; /* the decompressor has no more output before it gets input */
    int result;      /* MT_OK; from then on MT_END or an error, which repeats */
    struct mt_failure failure;
    uint8_t *bytes;   /* of PLAIN those read for the magic, else INPUT_SIZE compressed ones */
    size_t at, end;   /* of `bytes`, those not consumed yet */
    int64_t consumed; /* bytes read from fd */
    int64_t produced; /* bytes decompressed */
    int64_t ratio;    /* the limit on produced / consumed, from RATIO_FROM on */
    int64_t size;
    z_stream gzip;
    ZSTD_DCtx *zstd;
    uint8_t magic[MAGIC_SIZE];
};

int (*mt_input_interrupted)(void);

/* read(2) until it returns something: the number of bytes, 0 at the end, or MT_IO. */
static int64_t read_descriptor(struct mt_input *input, void *buffer, size_t size)
{
    for (;;) {
        ssize_t got = read(input->fd, buffer, size);
        if (got >= 0) {
            input->consumed += got;
            return got;
        }
        if (errno != EINTR)
            return mt_fail(&input->failure, MT_IO, "cannot read: %s", strerror(errno));
        if (mt_input_interrupted != NULL && mt_input_interrupted())
            return mt_fail(&input->failure, MT_INTERRUPTED, "interrupted");
    }
}

static int64_t stop_input(struct mt_input *input, int result)
{
    input->result = result;
    return result == MT_END ? 0 : result;
}

static int64_t stop_damaged(struct mt_input *input, const char *what, const char *detail)
{
    long long position = (long long)mt_input_position(input);
    return stop_input(input, mt_fail(&input->failure, MT_DAMAGED,
                                     "%s%s (near byte %lld of the compressed file)", what, detail,
                                     position));
}

/* Reads the next input of the decompressor if it needs some. Returns MT_OK, MT_END (a clean end) or
 * an error; all but MT_OK stop the input. */
static int refill(struct mt_input *input, const char *cut)
{
    if (!input->needs_input || input->at < input->end)
        return MT_OK;
    int64_t got = read_descriptor(input, input->bytes, INPUT_SIZE);
    if (got < 0)
        return (int)stop_input(input, (int)got);
    if (got == 0 && input->inside)
        return (int)stop_damaged(input, cut, "");
    if (got == 0) {
        (void)stop_input(input, MT_END);
        return MT_END;
    }
    input->at = 0;
    input->end = (size_t)got;
    return MT_OK;
}

/* ---- gzip ---- */

static voidpf gzip_alloc(voidpf opaque, uInt count, uInt size)
{
    (void)opaque;
    return mt_alloc(count, size);
}

static void gzip_free(voidpf opaque, voidpf memory)
{
    (void)opaque;
    mt_free(memory);
}

/* Between members: skips zero padding up to the next member. Returns 1 if a member begins, 0 if the
 * input is used up, or MT_DAMAGED. */
static int begin_member(struct mt_input *input)
{
    while (input->at < input->end && input->bytes[input->at] == 0)
        input->at++;
    if (input->at == input->end)
        return 0;
    if (input->bytes[input->at] != 0x1f)
        return (int)stop_damaged(input, "other data after the gzip data", "");
    (void)inflateReset(&input->gzip); /* fails only for a stream that was never initialised */
    input->inside = 1;
    return 1;
}

/* One call of inflate. Returns the bytes produced, 0 if it needs more input, or an error; an error
 * after bytes were produced is returned by the next call. */
static int64_t gzip_step(struct mt_input *input, void *buffer, size_t size)
{
    z_stream *gzip = &input->gzip;
    uInt room = size < UINT32_MAX ? (uInt)size : UINT32_MAX;
    gzip->next_in = input->bytes + input->at;
    gzip->avail_in = (uInt)(input->end - input->at);
    gzip->next_out = buffer;
    gzip->avail_out = room;
    int status = inflate(gzip, Z_NO_FLUSH);
    input->at = input->end - gzip->avail_in;
    input->needs_input = gzip->avail_out > 0 || status == Z_STREAM_END;
    int64_t produced = (int64_t)(room - gzip->avail_out);
    if (status == Z_STREAM_END)
        input->inside = 0;
    else if (status == Z_MEM_ERROR)
        return stop_input(input, MT_NOMEM);
    else if (status != Z_OK && status != Z_BUF_ERROR) {
        int64_t result = stop_damaged(
            input, "bad gzip data: ", gzip->msg != NULL ? gzip->msg : "preset dictionary");
        return produced > 0 ? produced : result;
    }
    return produced;
}

static int64_t gzip_read(struct mt_input *input, void *buffer, size_t size)
{
    for (;;) {
        int refilled = refill(input, "the gzip data is cut");
        if (refilled != MT_OK)
            return refilled == MT_END ? 0 : refilled;
        if (!input->inside) {
            int began = begin_member(input);
            if (began < 0)
                return began;
            if (began == 0)
                continue;
        }
        int64_t produced = gzip_step(input, buffer, size);
        if (produced != 0)
            return produced;
    }
}

/* ---- zstd ---- */

/* As gzip_step. Memory per frame is bounded by libzstd's default window limit (128 MiB). */
static int64_t zstd_step(struct mt_input *input, void *buffer, size_t size)
{
    ZSTD_inBuffer in = {input->bytes, input->end, input->at};
    ZSTD_outBuffer out = {buffer, size, 0};
    size_t status = ZSTD_decompressStream(input->zstd, &out, &in);
    input->at = in.pos;
    input->inside = status != 0;
    input->needs_input = status == 0 || out.pos < out.size;
    if (!ZSTD_isError(status))
        return (int64_t)out.pos;
    if (ZSTD_getErrorCode(status) == ZSTD_error_memory_allocation)
        return stop_input(input, MT_NOMEM);
    int64_t result = stop_damaged(input, "bad zstd data: ", ZSTD_getErrorName(status));
    return out.pos > 0 ? (int64_t)out.pos : result;
}

static int64_t zstd_read(struct mt_input *input, void *buffer, size_t size)
{
    for (;;) {
        int refilled = refill(input, "the zstd data is cut");
        if (refilled != MT_OK)
            return refilled == MT_END ? 0 : refilled;
        int64_t produced = zstd_step(input, buffer, size);
        if (produced != 0)
            return produced;
    }
}

/* ---- bombs ---- */

/* A few bytes can become gigabytes (a bomb): no real capture compresses that well. Returns
 * `produced`, or MT_TOO_MUCH. */
static int64_t check_ratio(struct mt_input *input, int64_t produced)
{
    if (produced > 0)
        input->produced += produced;
    if (input->produced <= RATIO_FROM ||
        (input->produced - RATIO_FROM) / input->consumed < input->ratio)
        return produced;
    return stop_input(
        input, mt_fail(&input->failure, MT_TOO_MUCH,
                       "decompresses to more than %lld times its size (limit decompression_ratio)",
                       (long long)input->ratio));
}

/* ---- plain ---- */

static int64_t plain_read(struct mt_input *input, void *buffer, size_t size)
{
    size_t ready = input->end - input->at;
    if (ready > 0) {
        size_t part = ready < size ? ready : size;
        memcpy(buffer, input->bytes + input->at, part);
        input->at += part;
        return (int64_t)part;
    }
    int64_t got = read_descriptor(input, buffer, size);
    if (got <= 0)
        return stop_input(input, got == 0 ? MT_END : (int)got);
    return got;
}

/* ---- opening ---- */

static enum format format_of(const uint8_t *magic, size_t size)
{
    if (size >= 2 && magic[0] == 0x1f && magic[1] == 0x8b)
        return GZIP;
    if (size == MAGIC_SIZE &&
        (mt_le32(magic) == ZSTD_MAGICNUMBER ||
         (mt_le32(magic) & ZSTD_MAGIC_SKIPPABLE_MASK) == ZSTD_MAGIC_SKIPPABLE_START))
        return ZSTD;
    return PLAIN;
}

/* Sets the size from fstat and lseek. MT_OK or MT_IO. */
static int read_status(struct mt_input *input)
{
    struct stat info;
    if (fstat(input->fd, &info) != 0)
        return mt_fail(&input->failure, MT_IO, "cannot open: %s", strerror(errno));
    if (S_ISDIR(info.st_mode))
        return mt_fail(&input->failure, MT_IO, "cannot read: it is a directory");
    input->size = -1;
    if (S_ISREG(info.st_mode)) {
        off_t start = lseek(input->fd, 0, SEEK_CUR); /* standard input may be partly read */
        if (start >= 0)
            input->size = info.st_size > start ? info.st_size - start : 0;
        (void)posix_fadvise(input->fd, 0, 0,
                            POSIX_FADV_SEQUENTIAL); /* a hint; failure is harmless */
    }
    return MT_OK;
}

/* Reads the magic, which cannot be read again from a pipe. MT_OK or MT_IO. */
static int read_magic(struct mt_input *input)
{
    while (input->end < MAGIC_SIZE) {
        int64_t got = read_descriptor(input, input->magic + input->end, MAGIC_SIZE - input->end);
        if (got < 0)
            return (int)got;
        if (got == 0)
            break;
        input->end += (size_t)got;
    }
    input->bytes = input->magic;
    input->format = format_of(input->magic, input->end);
    return MT_OK;
}

/* Creates the decompressor and its input buffer, which begins with the magic. MT_OK or MT_NOMEM. */
static int open_decompressor(struct mt_input *input)
{
    if (input->format == PLAIN)
        return MT_OK;
    input->needs_input = 1;
    if (input->format == GZIP) {
        input->gzip.zalloc = gzip_alloc;
        input->gzip.zfree = gzip_free;
        if (inflateInit2(&input->gzip, 15 + 16) != Z_OK) {
            input->format = PLAIN; /* nothing to free */
            return MT_NOMEM;
        }
    } else if ((input->zstd = ZSTD_createDCtx()) == NULL)
        return MT_NOMEM;
    uint8_t *bytes = mt_alloc(INPUT_SIZE, 1);
    if (bytes == NULL)
        return MT_NOMEM;
    memcpy(bytes, input->magic, input->end);
    input->bytes = bytes;
    return MT_OK;
}

struct mt_input *mt_input_open_fd(int fd, const struct mt_limits *limits, int *result,
                                  struct mt_failure *failure)
{
    struct mt_input *input = mt_alloc(1, sizeof *input);
    if (input == NULL) {
        *result = mt_fail(failure, MT_NOMEM, "%s", "");
        return NULL;
    }
    input->fd = fd;
    input->ratio = limits->decompression_ratio;
    input->bytes = input->magic;
    *result = read_status(input);
    if (*result == MT_OK)
        *result = read_magic(input);
    if (*result == MT_OK)
        *result = open_decompressor(input);
    if (*result != MT_OK) {
        (void)mt_fail(failure, *result, "%s", input->failure.text);
        mt_input_close(input);
        return NULL;
    }
    return input;
}

struct mt_input *mt_input_open(const char *path, const struct mt_limits *limits, int *result,
                               struct mt_failure *failure)
{
    if (strcmp(path, "-") == 0)
        return mt_input_open_fd(STDIN_FILENO, limits, result, failure);
    int fd;
    while ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0 &&
           errno == EINTR) { /* opening a named pipe waits for its writer */
        if (mt_input_interrupted != NULL && mt_input_interrupted()) {
            *result = mt_fail(failure, MT_INTERRUPTED, "interrupted");
            return NULL;
        }
    }
    if (fd < 0) {
        *result = mt_fail(failure, MT_IO, "cannot open: %s", strerror(errno));
        return NULL;
    }
    struct mt_input *input = mt_input_open_fd(fd, limits, result, failure);
    if (input != NULL)
        input->owned = 1;
    else
        (void)close(fd);
    return input;
}

int64_t mt_input_read(struct mt_input *input, void *buffer, size_t size, struct mt_failure *failure)
{
    int64_t got = 0;
    if (input->result == MT_END || size == 0)
        return 0;
    if (input->result != MT_OK)
        got = input->result;
    else if (input->format == PLAIN)
        got = plain_read(input, buffer, size);
    else
        got = check_ratio(input, input->format == GZIP ? gzip_read(input, buffer, size)
                                                       : zstd_read(input, buffer, size));
    if (got < 0)
        (void)mt_fail(failure, (int)got, "%s", input->failure.text);
    return got;
}

int64_t mt_input_position(const struct mt_input *input)
{
    return input->consumed - (int64_t)(input->end - input->at);
}

int64_t mt_input_size(const struct mt_input *input)
{
    return input->size;
}

int mt_input_compressed(const struct mt_input *input)
{
    return input->format != PLAIN;
}

void mt_input_close(struct mt_input *input)
{
    if (input == NULL)
        return;
    if (input->format == GZIP)
        (void)inflateEnd(&input->gzip);
    (void)ZSTD_freeDCtx(input->zstd);
    if (input->bytes != input->magic)
        mt_free(input->bytes);
    if (input->owned)
        (void)close(input->fd);
    mt_free(input);
}
