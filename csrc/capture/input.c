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

enum kind { PLAIN, GZIP, ZSTD };

struct mt_stream {
    int fd;
    int owned; /* we opened fd and close it */
    enum kind kind;
    int inside; /* within a gzip member or a zstd frame: the end of the file here is a cut */
    int hungry; /* the decompressor has nothing more to give before it gets input */
    int result; /* MT_OK; from then on MT_END or an error, which repeats */
    struct mt_failure failure;
    uint8_t *input; /* PLAIN: the bytes looked at for the magic; else INPUT_SIZE bytes of compressed
                       data */
    size_t at, end; /* those not consumed yet */
    int64_t fetched; /* bytes read from fd */
    int64_t made;    /* bytes decompressed */
    int64_t ratio;   /* made / fetched at most, from RATIO_FROM on */
    int64_t size;
    z_stream gzip;
    ZSTD_DCtx *zstd;
    uint8_t magic[MAGIC_SIZE];
};

int (*mt_stream_interrupted)(void);

/* read(2) until something comes: bytes, 0 at the end, or MT_IO. */
static int64_t fetch(struct mt_stream *stream, void *buffer, size_t size)
{
    for (;;) {
        ssize_t got = read(stream->fd, buffer, size);
        if (got >= 0) {
            stream->fetched += got;
            return got;
        }
        if (errno != EINTR)
            return mt_fail(&stream->failure, MT_IO, "cannot read: %s", strerror(errno));
        if (mt_stream_interrupted != NULL && mt_stream_interrupted())
            return mt_fail(&stream->failure, MT_IO, "interrupted");
    }
}

static int64_t stop(struct mt_stream *stream, int result)
{
    stream->result = result;
    return result == MT_END ? 0 : result;
}

static int64_t damaged(struct mt_stream *stream, const char *what, const char *why)
{
    long long position = (long long)mt_stream_position(stream);
    return stop(stream,
                mt_fail(&stream->failure, MT_DAMAGED,
                        "%s%s (near byte %lld of the compressed file)", what, why, position));
}

/* Gives the decompressor its next input if it needs some. MT_OK, or 0 input: MT_END (a clean end),
 * or an error; all but MT_OK are stopped at. */
static int feed(struct mt_stream *stream, const char *cut)
{
    if (!stream->hungry || stream->at < stream->end)
        return MT_OK;
    int64_t got = fetch(stream, stream->input, INPUT_SIZE);
    if (got < 0)
        return (int)stop(stream, (int)got);
    if (got == 0 && stream->inside)
        return (int)damaged(stream, cut, "");
    if (got == 0) {
        (void)stop(stream, MT_END);
        return MT_END;
    }
    stream->at = 0;
    stream->end = (size_t)got;
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

/* Between members: steps over zero padding up to the next member. 1 if a member begins, 0 if the
 * input is used up, MT_DAMAGED. */
static int gzip_begin(struct mt_stream *stream)
{
    while (stream->at < stream->end && stream->input[stream->at] == 0)
        stream->at++;
    if (stream->at == stream->end)
        return 0;
    if (stream->input[stream->at] != 0x1f)
        return (int)damaged(stream, "other data behind the gzip data", "");
    (void)inflateReset(&stream->gzip); /* fails only for a stream that was never made */
    stream->inside = 1;
    return 1;
}

/* One round of inflate: the bytes made, 0 if more input is wanted, or an error that is kept for the
 * next call if bytes were made before it. */
static int64_t gzip_run(struct mt_stream *stream, void *buffer, size_t size)
{
    z_stream *gzip = &stream->gzip;
    uInt room = size < UINT32_MAX ? (uInt)size : UINT32_MAX;
    gzip->next_in = stream->input + stream->at;
    gzip->avail_in = (uInt)(stream->end - stream->at);
    gzip->next_out = buffer;
    gzip->avail_out = room;
    int told = inflate(gzip, Z_NO_FLUSH);
    stream->at = stream->end - gzip->avail_in;
    stream->hungry = gzip->avail_out > 0 || told == Z_STREAM_END;
    int64_t made = (int64_t)(room - gzip->avail_out);
    if (told == Z_STREAM_END)
        stream->inside = 0;
    else if (told == Z_MEM_ERROR)
        return stop(stream, MT_NOMEM);
    else if (told != Z_OK && told != Z_BUF_ERROR) {
        int64_t result =
            damaged(stream, "bad gzip data: ", gzip->msg != NULL ? gzip->msg : "preset dictionary");
        return made > 0 ? made : result;
    }
    return made;
}

static int64_t gzip_read(struct mt_stream *stream, void *buffer, size_t size)
{
    for (;;) {
        int fed = feed(stream, "the gzip data is cut");
        if (fed != MT_OK)
            return fed == MT_END ? 0 : fed;
        if (!stream->inside) {
            int begun = gzip_begin(stream);
            if (begun < 0)
                return begun;
            if (begun == 0)
                continue;
        }
        int64_t made = gzip_run(stream, buffer, size);
        if (made != 0)
            return made;
    }
}

/* ---- zstd ---- */

/* As gzip_run. Memory per frame is bounded by libzstd's default window limit (128 MiB). */
static int64_t zstd_run(struct mt_stream *stream, void *buffer, size_t size)
{
    ZSTD_inBuffer in = {stream->input, stream->end, stream->at};
    ZSTD_outBuffer out = {buffer, size, 0};
    size_t told = ZSTD_decompressStream(stream->zstd, &out, &in);
    stream->at = in.pos;
    stream->inside = told != 0;
    stream->hungry = told == 0 || out.pos < out.size;
    if (!ZSTD_isError(told))
        return (int64_t)out.pos;
    if (ZSTD_getErrorCode(told) == ZSTD_error_memory_allocation)
        return stop(stream, MT_NOMEM);
    int64_t result = damaged(stream, "bad zstd data: ", ZSTD_getErrorName(told));
    return out.pos > 0 ? (int64_t)out.pos : result;
}

static int64_t zstd_read(struct mt_stream *stream, void *buffer, size_t size)
{
    for (;;) {
        int fed = feed(stream, "the zstd data is cut");
        if (fed != MT_OK)
            return fed == MT_END ? 0 : fed;
        int64_t made = zstd_run(stream, buffer, size);
        if (made != 0)
            return made;
    }
}

/* ---- bombs ---- */

/* A few bytes may become gigabytes: nothing that a network sends compresses that well. */
static int64_t weigh(struct mt_stream *stream, int64_t made)
{
    if (made > 0)
        stream->made += made;
    if (stream->made <= RATIO_FROM || (stream->made - RATIO_FROM) / stream->fetched < stream->ratio)
        return made;
    return stop(stream,
                mt_fail(&stream->failure, MT_TOO_MUCH,
                        "decompresses to more than %lld times its size (limit decompression_ratio)",
                        (long long)stream->ratio));
}

/* ---- plain ---- */

static int64_t plain_read(struct mt_stream *stream, void *buffer, size_t size)
{
    size_t ready = stream->end - stream->at;
    if (ready > 0) {
        size_t part = ready < size ? ready : size;
        memcpy(buffer, stream->input + stream->at, part);
        stream->at += part;
        return (int64_t)part;
    }
    int64_t got = fetch(stream, buffer, size);
    if (got <= 0)
        return stop(stream, got == 0 ? MT_END : (int)got);
    return got;
}

/* ---- opening ---- */

static enum kind kind_of(const uint8_t *magic, size_t size)
{
    if (size >= 2 && magic[0] == 0x1f && magic[1] == 0x8b)
        return GZIP;
    if (size == MAGIC_SIZE &&
        (mt_le32(magic) == ZSTD_MAGICNUMBER ||
         (mt_le32(magic) & ZSTD_MAGIC_SKIPPABLE_MASK) == ZSTD_MAGIC_SKIPPABLE_START))
        return ZSTD;
    return PLAIN;
}

/* What fstat and lseek tell. MT_OK or MT_IO. */
static int look(struct mt_stream *stream)
{
    struct stat info;
    if (fstat(stream->fd, &info) != 0)
        return mt_fail(&stream->failure, MT_IO, "cannot open: %s", strerror(errno));
    if (S_ISDIR(info.st_mode))
        return mt_fail(&stream->failure, MT_IO, "cannot read: it is a directory");
    stream->size = -1;
    if (S_ISREG(info.st_mode)) {
        off_t start =
            lseek(stream->fd, 0, SEEK_CUR); /* standard input may have been read from before */
        if (start >= 0)
            stream->size = info.st_size > start ? info.st_size - start : 0;
        (void)posix_fadvise(stream->fd, 0, 0,
                            POSIX_FADV_SEQUENTIAL); /* a hint: whether it helps or not */
    }
    return MT_OK;
}

/* Reads the magic, which a pipe gives only once. MT_OK or MT_IO. */
static int peek(struct mt_stream *stream)
{
    while (stream->end < MAGIC_SIZE) {
        int64_t got = fetch(stream, stream->magic + stream->end, MAGIC_SIZE - stream->end);
        if (got < 0)
            return (int)got;
        if (got == 0)
            break;
        stream->end += (size_t)got;
    }
    stream->input = stream->magic;
    stream->kind = kind_of(stream->magic, stream->end);
    return MT_OK;
}

/* Makes the decompressor and its input buffer, which begins with the magic. MT_OK or MT_NOMEM. */
static int prepare(struct mt_stream *stream)
{
    if (stream->kind == PLAIN)
        return MT_OK;
    stream->hungry = 1;
    if (stream->kind == GZIP) {
        stream->gzip.zalloc = gzip_alloc;
        stream->gzip.zfree = gzip_free;
        if (inflateInit2(&stream->gzip, 15 + 16) != Z_OK) {
            stream->kind = PLAIN; /* nothing to free */
            return MT_NOMEM;
        }
    } else if ((stream->zstd = ZSTD_createDCtx()) == NULL)
        return MT_NOMEM;
    uint8_t *input = mt_alloc(INPUT_SIZE, 1);
    if (input == NULL)
        return MT_NOMEM;
    memcpy(input, stream->magic, stream->end);
    stream->input = input;
    return MT_OK;
}

struct mt_stream *mt_stream_open_fd(int fd, const struct mt_limits *limits, int *result,
                                    struct mt_failure *failure)
{
    struct mt_stream *stream = mt_alloc(1, sizeof *stream);
    if (stream == NULL) {
        *result = mt_fail(failure, MT_NOMEM, "%s", "");
        return NULL;
    }
    stream->fd = fd;
    stream->ratio = limits->decompression_ratio;
    stream->input = stream->magic;
    *result = look(stream);
    if (*result == MT_OK)
        *result = peek(stream);
    if (*result == MT_OK)
        *result = prepare(stream);
    if (*result != MT_OK) {
        (void)mt_fail(failure, *result, "%s", stream->failure.text);
        mt_stream_close(stream);
        return NULL;
    }
    return stream;
}

struct mt_stream *mt_stream_open(const char *path, const struct mt_limits *limits, int *result,
                                 struct mt_failure *failure)
{
    if (strcmp(path, "-") == 0)
        return mt_stream_open_fd(STDIN_FILENO, limits, result, failure);
    int fd;
    while ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0 &&
           errno == EINTR) { /* a named pipe waits for who writes to it */
        if (mt_stream_interrupted != NULL && mt_stream_interrupted()) {
            *result = mt_fail(failure, MT_IO, "interrupted");
            return NULL;
        }
    }
    if (fd < 0) {
        *result = mt_fail(failure, MT_IO, "cannot open: %s", strerror(errno));
        return NULL;
    }
    struct mt_stream *stream = mt_stream_open_fd(fd, limits, result, failure);
    if (stream != NULL)
        stream->owned = 1;
    else
        (void)close(fd);
    return stream;
}

int64_t mt_stream_read(struct mt_stream *stream, void *buffer, size_t size,
                       struct mt_failure *failure)
{
    int64_t got = 0;
    if (stream->result == MT_END || size == 0)
        return 0;
    if (stream->result != MT_OK)
        got = stream->result;
    else if (stream->kind == PLAIN)
        got = plain_read(stream, buffer, size);
    else
        got = weigh(stream, stream->kind == GZIP ? gzip_read(stream, buffer, size)
                                                 : zstd_read(stream, buffer, size));
    if (got < 0)
        (void)mt_fail(failure, (int)got, "%s", stream->failure.text);
    return got;
}

int64_t mt_stream_position(const struct mt_stream *stream)
{
    return stream->fetched - (int64_t)(stream->end - stream->at);
}

int64_t mt_stream_size(const struct mt_stream *stream)
{
    return stream->size;
}

int mt_stream_compressed(const struct mt_stream *stream)
{
    return stream->kind != PLAIN;
}

void mt_stream_close(struct mt_stream *stream)
{
    if (stream == NULL)
        return;
    if (stream->kind == GZIP)
        (void)inflateEnd(&stream->gzip);
    (void)ZSTD_freeDCtx(stream->zstd);
    if (stream->input != stream->magic)
        mt_free(stream->input);
    if (stream->owned)
        (void)close(stream->fd);
    mt_free(stream);
}
