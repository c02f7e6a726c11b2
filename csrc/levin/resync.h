/* Bytes outside messages: counting them, and finding the next sound header. The part of the framing
 * that is out of step; used by levin.c only. */
#ifndef MT_LEVIN_RESYNC_H
#define MT_LEVIN_RESYNC_H

#include "levin/levin.h"

#include <stdint.h>

/* Looks for a sound header in [*at, end), which are bytes of `data`, and moves *at. MT_OK or
 * MT_NOMEM. */
int mt_resync_seek(struct mt_levin_stream *stream, const struct mt_stream_data *data,
                   const uint8_t **at, const uint8_t *end);

/* Counts all of [*at, end) as no Levin, and moves *at to the end. */
void mt_resync_count(struct mt_levin_stream *stream, const struct mt_stream_data *data,
                     const uint8_t **at, const uint8_t *end);

/* Moves all bytes of the partial header to the run of bytes outside messages. */
void mt_resync_drop_partial(struct mt_levin_stream *stream);

/* Adds `bytes` of `data` from `offset` on to the run of bytes outside messages. */
void mt_resync_add_run(struct mt_levin_stream *stream, const struct mt_stream_data *data,
                       int64_t offset, int64_t bytes);

/* Reports the prefixes at the beginning of the run, and removes them from it. MT_OK or MT_NOMEM. */
int mt_resync_report_prefix(struct mt_levin_stream *stream);

/* Reports the run of bytes that no header owns; after a header that was not believed they are its
 * body, and the message is handed on. MT_OK or MT_NOMEM. */
int mt_resync_report_run(struct mt_levin_stream *stream);

/* The signature was seen: the connection is Monero's, and what was only counted is reported. MT_OK
 * or MT_NOMEM. */
int mt_resync_recognise(struct mt_levin *levin);

/* Reports a problem of this direction. MT_OK or MT_NOMEM. */
int mt_levin_report_problem(struct mt_levin_stream *stream, const struct mt_problem *problem);

/* Reports bytes lost; `offset` -1 if they are in several places. MT_OK or MT_NOMEM. */
int mt_levin_report_lost(struct mt_levin_stream *stream, int64_t offset, int64_t size,
                         const char *why, const struct mt_packet_ref *ref);

#endif
