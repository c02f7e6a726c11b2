/* Decompression: gzip and zstd by their libraries, xz, bzip2 and lz4 by the codecs of the embedding
 * program. */
#include "capture/input_internal.h"

#include "base/bytes.h"
#include "base/mem.h"

#include <zstd_errors.h>

#define LZ4_MAGIC 0x184d2204

enum {
    XZ_START = 32,            /* bytes that show how much memory xz data need */
    XZ_MEMORY = 64 << 20,     /* if they do not */
    MOST_MEMORY = 132 << 20,  /* for decoding; xz -9 needs half of it */
    DECODER_MEMORY = 4 << 20, /* besides the dictionary of xz, or of bzip2 */
    LZ4_MEMORY = 8 << 20,     /* two of its largest blocks, besides that */
    ALLOCATION_HEADER = 16    /* before memory of zstd: its size */
};

/* Reads the next input of the decompressor if it needs some. Returns MT_OK, MT_END (a clean end) or
 * an error; all but MT_OK stop the input. */
static int refill(struct mt_input *input, const char *cut)
{
    if (!input->needs_input || input->at < input->end)
        return MT_OK;
    int64_t got = mt_input_fetch(input, input->bytes, MT_INPUT_SIZE);
    if (got < 0)
        return (int)mt_input_stop(input, (int)got);
    if (got == 0 && input->inside)
        return (int)mt_input_damaged(input, cut, "");
    if (got == 0) {
        (void)mt_input_stop(input, MT_END);
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
        return (int)mt_input_damaged(input, "other data after the gzip data", "");
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
        return mt_input_stop(input, MT_NOMEM);
    else if (status != Z_OK && status != Z_BUF_ERROR) {
        int64_t result = mt_input_damaged(
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

/* The memory of zstd is part of the budget: a frame of a few bytes may ask for a window of 128 MiB.
 */
static void *zstd_alloc(void *opaque, size_t size)
{
    struct mt_input *input = opaque;
    if (size > INT64_MAX / 2)
        return NULL;
    if (mt_budget_is_full(input->budget, (int64_t)size)) {
        input->refused = 1;
        return NULL;
    }
    uint8_t *memory = mt_alloc(size + ALLOCATION_HEADER, 1);
    if (memory == NULL)
        return NULL;
    memcpy(memory, &size, sizeof size);
    mt_budget_use(input->budget, (int64_t)size);
    return memory + ALLOCATION_HEADER;
}

static void zstd_free(void *opaque, void *memory)
{
    struct mt_input *input = opaque;
    size_t size;
    if (memory == NULL)
        return;
    uint8_t *start = (uint8_t *)memory - ALLOCATION_HEADER;
    memcpy(&size, start, sizeof size);
    mt_budget_use(input->budget, -(int64_t)size);
    mt_free(start);
}

/* Stops the input because its decompression needs more memory than is left. */
static int64_t stop_at_budget(struct mt_input *input)
{
    input->exceeded = MT_LIMIT_open_file_bytes;
    return mt_input_stop(input,
                         mt_fail(&input->failure, MT_TOO_MUCH,
                                 "decompression needs more memory than the files that are open "
                                 "at once may use (limit open_file_bytes)"));
}

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
        return input->refused ? stop_at_budget(input) : mt_input_stop(input, MT_NOMEM);
    int64_t result = mt_input_damaged(input, "bad zstd data: ", ZSTD_getErrorName(status));
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

/* ---- xz, bzip2 and lz4 ---- */

/* The size of the dictionary that the first block of xz data declares, -1 if it does not. */
static int64_t xz_dictionary(const uint8_t *start, size_t size)
{
    /* after the stream header of 12 bytes: the size of the block header, flags, [sizes,] filters */
    if (size < XZ_START || start[12] == 0 || (start[13] & 0xc0) != 0)
        return -1;
    size_t at = 14;
    for (int filters = (start[13] & 3) + 1; filters > 0 && at + 2 < XZ_START; filters--) {
        uint8_t bits = start[at + 2] & 0x3f;
        if (start[at] == 0x21 && start[at + 1] == 1)
            return bits >= 40 ? UINT32_MAX : (int64_t)(2 | (bits & 1)) << (bits / 2 + 11);
        at += 2 + (size_t)start[at + 1];
    }
    return -1;
}

/* Reads the start of xz data, whose first block states how much memory it needs. MT_OK or an
 * error. */
static int measure_memory(struct mt_input *input)
{
    int64_t dictionary = input->format == MT_INPUT_LZ4 ? LZ4_MEMORY : 0;
    if (input->format == MT_INPUT_XZ) {
        while (input->end < XZ_START) {
            int64_t got = mt_input_fetch(input, input->bytes + input->end, XZ_START - input->end);
            if (got < 0)
                return (int)got;
            if (got == 0)
                break;
            input->end += (size_t)got;
        }
        dictionary = xz_dictionary(input->bytes, input->end);
        if (dictionary < 0)
            dictionary = XZ_MEMORY;
    }
    int64_t memory = dictionary + DECODER_MEMORY;
    if (memory > MOST_MEMORY || mt_budget_is_full(input->budget, memory))
        return (int)stop_at_budget(input);
    input->decoder_memory = memory;
    mt_budget_use(input->budget, memory);
    return MT_OK;
}

static void close_codec(struct mt_input *input)
{
    if (input->decoder != NULL)
        mt_input_codecs->close(input->decoder);
    input->decoder = NULL;
}

static const struct {
    enum mt_codec codec;
    const char *without; /* what to report if there is no decoder */
} codecs[] = {
    [MT_INPUT_XZ] = {MT_CODEC_XZ, "there is no decoder for xz"},
    [MT_INPUT_BZIP2] = {MT_CODEC_BZIP2, "there is no decoder for bzip2"},
    [MT_INPUT_LZ4] = {MT_CODEC_LZ4, "lz4 needs the Python package lz4 (pip install lz4); or "
                                    "decompress the file first (lz4 -d)"},
};

/* Between streams: skips zero padding up to the next stream. Returns 1 if a stream begins, 0 if the
 * input is used up, or an error. */
static int begin_stream(struct mt_input *input)
{
    while (input->at < input->end && input->bytes[input->at] == 0)
        input->at++;
    if (input->at == input->end)
        return 0;
    if (input->bytes[input->at] != input->magic[0])
        return (int)mt_input_damaged(input, "other data after the compressed data", "");
    input->decoder = mt_input_codecs->open(codecs[input->format].codec, input->decoder_memory);
    if (input->decoder == NULL)
        return (int)mt_input_stop(input, mt_fail(&input->failure, MT_IO, "cannot decompress: %s",
                                                 codecs[input->format].without));
    input->inside = 1;
    return 1;
}

/* As gzip_step. */
static int64_t codec_step(struct mt_input *input, void *buffer, size_t size)
{
    struct mt_failure failure = {""};
    struct mt_codec_step step = {.input = input->bytes + input->at,
                                 .input_size = input->end - input->at,
                                 .output = buffer,
                                 .output_size = size};
    int64_t produced = mt_input_codecs->decode(input->decoder, &step, &failure);
    if (produced == MT_NOMEM)
        return mt_input_stop(input, MT_NOMEM);
    if (produced < 0)
        return mt_input_damaged(input, "bad compressed data: ", failure.text);
    if (step.unused > input->end)
        return mt_input_damaged(input, "bad compressed data: ", "its end is not in it");
    input->at = input->end - step.unused;
    input->needs_input = step.needs_input || step.ended;
    input->inside = !step.ended;
    if (step.ended)
        close_codec(input);
    return produced;
}

static int64_t codec_read(struct mt_input *input, void *buffer, size_t size)
{
    for (;;) {
        int refilled = refill(input, "the compressed data is cut");
        if (refilled != MT_OK)
            return refilled == MT_END ? 0 : refilled;
        if (input->decoder == NULL) {
            int began = begin_stream(input);
            if (began < 0)
                return began;
            if (began == 0)
                continue;
        }
        int64_t produced = codec_step(input, buffer, size);
        if (produced != 0)
            return produced;
    }
}

/* ---- all formats ---- */

enum mt_input_format mt_decompress_format(const uint8_t *magic, size_t size)
{
    if (size >= 2 && magic[0] == 0x1f && magic[1] == 0x8b)
        return MT_INPUT_GZIP;
    if (size == MT_INPUT_MAGIC &&
        (mt_le32(magic) == ZSTD_MAGICNUMBER ||
         (mt_le32(magic) & ZSTD_MAGIC_SKIPPABLE_MASK) == ZSTD_MAGIC_SKIPPABLE_START))
        return MT_INPUT_ZSTD;
    if (size == MT_INPUT_MAGIC && mt_input_codecs != NULL && mt_le32(magic) == 0x587a37fd)
        return MT_INPUT_XZ;
    if (size == MT_INPUT_MAGIC && mt_input_codecs != NULL && memcmp(magic, "BZh", 3) == 0 &&
        magic[3] >= '1' && magic[3] <= '9')
        return MT_INPUT_BZIP2;
    if (size == MT_INPUT_MAGIC && mt_input_codecs != NULL && mt_le32(magic) == LZ4_MAGIC)
        return MT_INPUT_LZ4;
    return MT_INPUT_PLAIN;
}

int mt_decompress_open(struct mt_input *input)
{
    if (input->format == MT_INPUT_PLAIN)
        return MT_OK;
    uint8_t *bytes = mt_alloc(MT_INPUT_SIZE, 1);
    if (bytes == NULL)
        return MT_NOMEM;
    memcpy(bytes, input->magic, input->end);
    input->bytes = bytes;
    input->needs_input = 1;
    if (input->format >= MT_INPUT_XZ)
        return measure_memory(input);
    if (input->format == MT_INPUT_GZIP) {
        input->gzip.zalloc = gzip_alloc;
        input->gzip.zfree = gzip_free;
        if (inflateInit2(&input->gzip, 15 + 16) != Z_OK) {
            input->format = MT_INPUT_PLAIN; /* nothing to free */
            return MT_NOMEM;
        }
        return MT_OK;
    }
    ZSTD_customMem memory = {zstd_alloc, zstd_free, input};
    input->zstd = ZSTD_createDCtx_advanced(memory);
    if (input->zstd == NULL)
        return input->refused ? (int)stop_at_budget(input) : MT_NOMEM;
    return MT_OK;
}

int64_t mt_decompress(struct mt_input *input, void *buffer, size_t size)
{
    if (input->format == MT_INPUT_GZIP)
        return gzip_read(input, buffer, size);
    if (input->format == MT_INPUT_ZSTD)
        return zstd_read(input, buffer, size);
    return codec_read(input, buffer, size);
}

void mt_decompress_close(struct mt_input *input)
{
    if (input->format == MT_INPUT_GZIP)
        (void)inflateEnd(&input->gzip);
    (void)ZSTD_freeDCtx(input->zstd);
    close_codec(input);
    mt_budget_use(input->budget, -input->decoder_memory);
}
