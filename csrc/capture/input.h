/* A stream of bytes: a file or a pipe, gunzipped or unzstd'ed by content, not by name. */
#ifndef MT_CAPTURE_INPUT_H
#define MT_CAPTURE_INPUT_H

#include "base/error.h"
#include "base/limits.h"

#include <stddef.h>
#include <stdint.h>

struct mt_stream;

/* Asked when a signal interrupts a read (that waits for a silent pipe, mostly): anything but 0 ends
 * the stream with MT_IO. NULL, as it begins: reading goes on. For the whole process; to be set
 * before the first stream is opened. */
extern int (*mt_stream_interrupted)(void);

/* Opens `path` read-only ("-" is standard input). gzip (any number of members, zero padding between
 * and behind them allowed) and zstd (any number of frames, skippable frames too) are recognised by
 * their magic and decompressed. NULL with *result MT_NOMEM or MT_IO (`failure` says why, without
 * the path). The caller owns it: mt_stream_close. */
struct mt_stream *mt_stream_open(const char *path, const struct mt_limits *limits, int *result,
                                 struct mt_failure *failure);

/* The same over an open file descriptor, from where it stands; it is not closed. */
struct mt_stream *mt_stream_open_fd(int fd, const struct mt_limits *limits, int *result,
                                    struct mt_failure *failure);

/* Up to `size` bytes (at least 1) into `buffer`: the number read, which on a pipe may be fewer than
 * asked for so that nobody waits for bytes he does not need; 0 at the end; or MT_IO / MT_DAMAGED
 * (bad or cut compressed data; what came before was handed out) / MT_TOO_MUCH (the limit on the
 * decompression ratio) / MT_NOMEM. The end and an error repeat at every further call. */
int64_t mt_stream_read(struct mt_stream *stream, void *buffer, size_t size,
                       struct mt_failure *failure);

/* Bytes of the (compressed) file consumed so far, and in all; -1 in all if unknown (a pipe). */
int64_t mt_stream_position(const struct mt_stream *stream);
int64_t mt_stream_size(const struct mt_stream *stream);

/* 1 if the bytes are decompressed ones, so that their offsets are not those of the file. */
int mt_stream_compressed(const struct mt_stream *stream);

/* NULL is fine. */
void mt_stream_close(struct mt_stream *stream);

#endif
