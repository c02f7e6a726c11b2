/* A stream of bytes from a file or a pipe, decompressed where its content is gzip, zstd, xz or
 * bzip2.
 *
 * Owns the file descriptor and the decompressor. Must not know what the bytes mean. Used by
 * capture.c. */
#ifndef MT_CAPTURE_INPUT_H
#define MT_CAPTURE_INPUT_H

#include "base/budget.h"
#include "base/error.h"
#include "base/limits.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct mt_input;

/* Called while a read waits for a silent pipe, a few times a second and when a signal interrupts
 * it. A result other than 0 ends the input with MT_INTERRUPTED. NULL, the initial value: reading
 * continues. One for the whole process; set it before the first input is opened. */
extern int (*mt_input_interrupted)(void);

/* For a thread that reads ahead of the program: from now on inputs in this thread end with
 * MT_INTERRUPTED once `stop` is not 0, and mt_input_interrupted is not called. */
void mt_input_stop_if(const atomic_int *stop);

/* 1 if a signal, or what mt_input_stop_if names, ends inputs in this thread. */
int mt_input_is_interrupted(void);

/* Decoders of xz, bzip2 and lz4, which the embedding program may provide. */
enum mt_codec { MT_CODEC_XZ, MT_CODEC_BZIP2, MT_CODEC_LZ4 };

/* One call of a decoder. */
struct mt_codec_step {
    const uint8_t *input; /* all of it is read; the decoder may keep a part for the next step */
    size_t input_size;
    uint8_t *output;
    size_t output_size;
    size_t unused;   /* bytes of this and earlier steps that are after the end of the stream */
    int ended;       /* the stream is at its end */
    int needs_input; /* nothing more comes out before more goes in */
};

struct mt_codecs {
    /* Creates a decoder that may use `memory` bytes. NULL if it cannot. */
    void *(*open)(enum mt_codec codec, int64_t memory);

    /* Decodes; fills `unused`, `ended` and `needs_input`. Returns the bytes at `output`, or
     * MT_DAMAGED or MT_NOMEM with the reason in `failure`. */
    int64_t (*decode)(void *decoder, struct mt_codec_step *step, struct mt_failure *failure);

    /* Frees a decoder. */
    void (*close)(void *decoder);
};

/* NULL, the initial value: none of them is decoded. One for the whole process; set it before
 * the first input is opened. */
extern const struct mt_codecs *mt_input_codecs;

/* Opens `path` read-only ("-" is standard input). gzip (any number of members, with zero padding
 * between and after them) and zstd (any number of frames, also skippable ones) are recognised by
 * their magic, also xz and bzip2. The memory of decompression is part of `budget` (NULL: none),
 * which must outlive the input. Returns NULL with *result MT_NOMEM, MT_INTERRUPTED, MT_IO or
 * MT_TOO_MUCH (no file descriptor or no budget is left); `failure` then has the reason without the
 * path. The caller owns the input: mt_input_close. */
struct mt_input *mt_input_open(const char *path, const struct mt_limits *limits,
                               struct mt_budget *budget, int *result, struct mt_failure *failure);

/* As mt_input_open, for an open file descriptor, from its current position. The descriptor stays
 * the caller's: mt_input_close does not close it. */
struct mt_input *mt_input_open_fd(int fd, const struct mt_limits *limits, struct mt_budget *budget,
                                  int *result, struct mt_failure *failure);

/* Reads up to `size` bytes (at least 1) into `buffer`. Returns the number of bytes, 0 at the end,
 * or an error: MT_INTERRUPTED, MT_IO, MT_DAMAGED (compressed data that is bad or cut; everything
 * before it was returned), MT_TOO_MUCH (the limit on the decompression ratio, or the budget),
 * MT_NOMEM. A pipe returns what it has, so that the caller never waits for bytes that it does not
 * need. The end and errors repeat at every further call. */
int64_t mt_input_read(struct mt_input *input, void *buffer, size_t size,
                      struct mt_failure *failure);

/* The limit that was exceeded, after MT_TOO_MUCH. */
enum mt_limit_id mt_input_exceeded(const struct mt_input *input);

/* Bytes of the (compressed) file consumed so far. */
int64_t mt_input_position(const struct mt_input *input);

/* Bytes of the (compressed) file in all; -1 if unknown (a pipe). */
int64_t mt_input_size(const struct mt_input *input);

/* 1 if the bytes are decompressed ones, so that their offsets differ from those of the file. */
int mt_input_compressed(const struct mt_input *input);

/* 1 if it is decoded by mt_input_codecs, which run code of the embedding program. */
int mt_input_uses_codec(const struct mt_input *input);

/* Frees the input. `input` may be NULL. */
void mt_input_close(struct mt_input *input);

#endif
