/* A capture set that is read in a thread of its own, in batches of packets, while the caller works
 * on the packets before. The packets, file events and results are those of the set, in its order.
 *
 * Owns the thread and the batches; uses the set, which nothing else may use meanwhile except for
 * its paths, links and sizes. Reads of packets only what net reads of each by itself. Used by
 * core.c.
 *
 * Memory: a few batches of fixed size. A longer packet is handed over where the set has it. */
#ifndef MT_CAPTURE_PIPELINE_H
#define MT_CAPTURE_PIPELINE_H

#include "base/limits.h"
#include "capture/capture_set.h"
#include "net/payload_digest.h"

#include <stdint.h>

struct mt_pipeline;

/* The position is known after each packet whose number in the set, from 1, is a multiple of this.
 */
enum { MT_PIPELINE_STEP = 64 };

/* Starts reading. `limit_hits` is the array that the set was opened with; `key`, of the digests of
 * payloads, must live as long as the pipeline. Returns NULL if memory is
 * out or no thread can be started: the set is then as before. The caller owns the pipeline:
 * mt_pipeline_close, before it closes the set. */
struct mt_pipeline *mt_pipeline_open(struct mt_capture_set *set, const uint64_t *limit_hits,
                                     const struct mt_payload_key *key);

/* As mt_capture_set_next. packet->data is valid until the next call. MT_INTERRUPTED, too, if a
 * signal ends the wait for the thread, or in a child process (fork), which has no such thread. */
int mt_pipeline_next(struct mt_pipeline *pipeline, struct mt_packet *packet,
                     struct mt_file_event *event);

/* The segment in the packet returned last, with its sums, if net could read it by itself; else
 * NULL. Valid as packet->data. */
const struct mt_segment *mt_pipeline_segment(const struct mt_pipeline *pipeline);

/* As mt_capture_set_position, at the latest packet for which it is known, or after a file event. */
int64_t mt_pipeline_position(const struct mt_pipeline *pipeline);

/* The limit hits of the set, at the end of the latest batch that was read to its end. */
uint64_t mt_pipeline_limit_hits(const struct mt_pipeline *pipeline, enum mt_limit_id limit);

/* Ends the thread and frees the pipeline, which may be NULL. Returns 1 if the set can be used and
 * closed, 0 in a child process: the thread did not end there, but stopped at any place. */
int mt_pipeline_close(struct mt_pipeline *pipeline);

#endif
