/* What reading and decompressing an input share. For input.c and decompress.c only. */
#ifndef MT_CAPTURE_INPUT_INTERNAL_H
#define MT_CAPTURE_INPUT_INTERNAL_H

#define ZSTD_STATIC_LINKING_ONLY /* ZSTD_createDCtx_advanced */

#include "capture/input.h"

#include <zlib.h>
#include <zstd.h>

enum { MT_INPUT_SIZE = 65536, MT_INPUT_MAGIC = 4 };

enum mt_input_format {
    MT_INPUT_PLAIN,
    MT_INPUT_GZIP,
    MT_INPUT_ZSTD,
    MT_INPUT_XZ,
    MT_INPUT_BZIP2,
    MT_INPUT_LZ4
};

struct mt_input {
    int fd;
    int owned; /* fd is closed with the input */
    int waits; /* a read may wait: no regular file */
    enum mt_input_format format;
    int inside;      /* within a gzip member or a zstd frame: the end of the file here is a cut */
    int needs_input; /* the decompressor has no more output before it gets input */
    int result;      /* MT_OK; from then on MT_END or an error, which repeats */
    struct mt_failure failure;
    uint8_t
        *bytes; /* of MT_INPUT_PLAIN those read for the magic, else INPUT_SIZE compressed ones */
    size_t at, end;   /* of `bytes`, those not consumed yet */
    int64_t consumed; /* bytes read from fd */
    int64_t produced; /* bytes decompressed */
    int64_t ratio;    /* the limit on produced / consumed, from RATIO_FROM on */
    int64_t size;
    int64_t unchecked; /* bytes produced since the last check for a signal */
    struct mt_budget *budget;
    enum mt_limit_id exceeded; /* after MT_TOO_MUCH */
    int refused;               /* the budget refused memory to zstd */
    int64_t decoder_memory;    /* of formats that a codec decodes, in the budget */
    void *decoder;             /* of formats that a codec decodes; NULL between two streams */
    z_stream gzip;
    ZSTD_DCtx *zstd;
    uint8_t magic[MT_INPUT_MAGIC];
};

/* read(2) until it returns something: the number of bytes, 0 at the end, MT_INTERRUPTED or MT_IO.
 */
int64_t mt_input_fetch(struct mt_input *input, void *buffer, size_t size);

/* Ends the input: every further mt_input_read returns `result`. Returns it, 0 for MT_END. */
int64_t mt_input_stop(struct mt_input *input, int result);

/* Ends the input with MT_DAMAGED and `what`, `detail` as the reason. Returns MT_DAMAGED. */
int64_t mt_input_damaged(struct mt_input *input, const char *what, const char *detail);

/* The format of data that begin with `size` bytes of magic. */
enum mt_input_format mt_decompress_format(const uint8_t *magic, size_t size);

/* Creates the decompressor of the input's format and its buffer, which begins with the magic.
 * MT_OK, MT_NOMEM or MT_TOO_MUCH. */
int mt_decompress_open(struct mt_input *input);

/* Decompresses up to `size` bytes. Results as mt_input_read. */
int64_t mt_decompress(struct mt_input *input, void *buffer, size_t size);

/* Frees what mt_decompress_open created. */
void mt_decompress_close(struct mt_input *input);

#endif
