/* The beginning of a direction: what proxies write before the first header, and TLS, which has no
 * header. The part of the framing before the first message; used by levin.c only. */
#ifndef MT_LEVIN_BEGINNING_H
#define MT_LEVIN_BEGINNING_H

#include "levin/levin.h"

#include <stdint.h>

/* Reads prefixes in [*at, end), which are bytes of `data`, and moves *at. MT_OK or MT_NOMEM. */
int mt_beginning_read(struct mt_levin_stream *stream, const struct mt_stream_data *data,
                      const uint8_t **at, const uint8_t *end);

/* The stream ends, or has a hole, in a prefix: what is certain is one is reported. MT_OK or
 * MT_NOMEM. */
int mt_beginning_cut(struct mt_levin_stream *stream);

/* Frees the prefix that is being read, if any. */
void mt_beginning_free(struct mt_levin_stream *stream);

#endif
