/* The bytes of an input: open, recognise, read, and bound what decompression produces. */
#define _GNU_SOURCE
#include "capture/input_internal.h"

#include "base/bytes.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    RATIO_FROM = 16 << 20,
    CHECK_BYTES = 32 << 20, /* between two checks for a signal */
    WAIT_MILLISECONDS = 200 /* of a silent pipe, between two checks */
};

int (*mt_input_interrupted)(void);
const struct mt_codecs *mt_input_codecs;
static _Thread_local const atomic_int *stops; /* NULL: signals do */

void mt_input_stop_if(const atomic_int *stop)
{
    stops = stop;
}

int mt_input_is_interrupted(void)
{
    if (stops != NULL)
        return atomic_load(stops) != 0;
    return mt_input_interrupted != NULL && mt_input_interrupted();
}

/* Waits until a read returns at once. A signal may come just before the wait, or in another thread,
 * and interrupt nothing: so the wait is in short steps. MT_OK or MT_INTERRUPTED. */
static int await_bytes(struct mt_input *input)
{
    struct pollfd ready = {.fd = input->fd, .events = POLLIN};
    while (input->waits) {
        int result = poll(&ready, 1, WAIT_MILLISECONDS);
        if (result > 0 || (result < 0 && errno != EINTR))
            break; /* the read has the error */
        if (mt_input_is_interrupted())
            return mt_fail(&input->failure, MT_INTERRUPTED, "interrupted");
    }
    return MT_OK;
}

int64_t mt_input_fetch(struct mt_input *input, void *buffer, size_t size)
{
    for (;;) {
        if (await_bytes(input) != MT_OK)
            return MT_INTERRUPTED;
        ssize_t got = read(input->fd, buffer, size);
        if (got >= 0) {
            input->consumed += got;
            return got;
        }
        if (errno != EINTR)
            return mt_fail(&input->failure, MT_IO, "cannot read: %s", strerror(errno));
        if (mt_input_is_interrupted())
            return mt_fail(&input->failure, MT_INTERRUPTED, "interrupted");
    }
}

int64_t mt_input_stop(struct mt_input *input, int result)
{
    input->result = result;
    return result == MT_END ? 0 : result;
}

int64_t mt_input_damaged(struct mt_input *input, const char *what, const char *detail)
{
    long long position = (long long)mt_input_position(input);
    return mt_input_stop(input, mt_fail(&input->failure, MT_DAMAGED,
                                        "%s%s (near byte %lld of the compressed file)", what,
                                        detail, position));
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
    input->exceeded = MT_LIMIT_decompression_ratio;
    return mt_input_stop(
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
    int64_t got = mt_input_fetch(input, buffer, size);
    if (got <= 0)
        return mt_input_stop(input, got == 0 ? MT_END : (int)got);
    return got;
}

/* ---- opening ---- */

/* Sets the size from fstat and lseek. MT_OK or MT_IO. */
static int read_status(struct mt_input *input)
{
    struct stat info;
    if (fstat(input->fd, &info) != 0)
        return mt_fail(&input->failure, MT_IO, "cannot open: %s", strerror(errno));
    if (S_ISDIR(info.st_mode))
        return mt_fail(&input->failure, MT_IO, "cannot read: it is a directory");
    input->size = -1;
    input->waits = !S_ISREG(info.st_mode);
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
    while (input->end < MT_INPUT_MAGIC) {
        int64_t got = mt_input_fetch(input, input->magic + input->end, MT_INPUT_MAGIC - input->end);
        if (got < 0)
            return (int)got;
        if (got == 0)
            break;
        input->end += (size_t)got;
    }
    input->bytes = input->magic;
    input->format = mt_decompress_format(input->magic, input->end);
    return MT_OK;
}

struct mt_input *mt_input_open_fd(int fd, const struct mt_limits *limits, struct mt_budget *budget,
                                  int *result, struct mt_failure *failure)
{
    struct mt_input *input = mt_alloc(1, sizeof *input);
    if (input == NULL) {
        *result = mt_fail(failure, MT_NOMEM, "%s", "");
        return NULL;
    }
    input->fd = fd;
    input->budget = budget;
    input->ratio = limits->decompression_ratio;
    input->bytes = input->magic;
    *result = read_status(input);
    if (*result == MT_OK)
        *result = read_magic(input);
    if (*result == MT_OK)
        *result = mt_decompress_open(input);
    if (*result != MT_OK) {
        (void)mt_fail(failure, *result, "%s", input->failure.text);
        mt_input_close(input);
        return NULL;
    }
    return input;
}

struct mt_input *mt_input_open(const char *path, const struct mt_limits *limits,
                               struct mt_budget *budget, int *result, struct mt_failure *failure)
{
    if (strcmp(path, "-") == 0)
        return mt_input_open_fd(STDIN_FILENO, limits, budget, result, failure);
    /* opening a named pipe must not wait for its writer: await_bytes does, and checks signals */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0)
        (void)fcntl(fd, F_SETFL, O_RDONLY); /* fails for no file that was opened */
    if (fd < 0) {
        int none_left = errno == EMFILE || errno == ENFILE;
        *result =
            mt_fail(failure, none_left ? MT_TOO_MUCH : MT_IO, "cannot open: %s", strerror(errno));
        return NULL;
    }
    struct mt_input *input = mt_input_open_fd(fd, limits, budget, result, failure);
    if (input != NULL)
        input->owned = 1;
    else
        (void)close(fd);
    return input;
}

/* Reads by the format of the input. Results as mt_input_read. */
static int64_t read_format(struct mt_input *input, void *buffer, size_t size)
{
    return input->format == MT_INPUT_PLAIN ? plain_read(input, buffer, size)
                                           : check_ratio(input, mt_decompress(input, buffer, size));
}

/* A file that is read for long without a packet (skipped blocks, damage) answers signals too. */
static int64_t check_signals(struct mt_input *input, int64_t got)
{
    input->unchecked += got;
    if (input->unchecked < CHECK_BYTES)
        return got;
    input->unchecked = 0;
    if (mt_input_is_interrupted())
        return mt_input_stop(input, mt_fail(&input->failure, MT_INTERRUPTED, "interrupted"));
    return got;
}

int64_t mt_input_read(struct mt_input *input, void *buffer, size_t size, struct mt_failure *failure)
{
    if (input->result == MT_END || size == 0)
        return 0;
    int64_t got = input->result;
    if (got == MT_OK)
        got = read_format(input, buffer, size);
    if (got > 0)
        got = check_signals(input, got);
    if (got < 0)
        (void)mt_fail(failure, (int)got, "%s", input->failure.text);
    return got;
}

enum mt_limit_id mt_input_exceeded(const struct mt_input *input)
{
    return input->exceeded;
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
    return input->format != MT_INPUT_PLAIN;
}

int mt_input_uses_codec(const struct mt_input *input)
{
    return input->format >= MT_INPUT_XZ;
}

void mt_input_close(struct mt_input *input)
{
    if (input == NULL)
        return;
    mt_decompress_close(input);
    if (input->bytes != input->magic)
        mt_free(input->bytes);
    if (input->owned)
        (void)close(input->fd);
    mt_free(input);
}
