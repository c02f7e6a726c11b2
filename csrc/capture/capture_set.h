/* Many capture files as one stream of packets in time order, so that connections and messages
 * continue across the files of a ring.
 *
 * Files are sorted by the time of their first packet. Files with equal times keep the order in
 * which they were given; a file without packets, or whose first packet has no time, follows the
 * file that was given before it. A packet without time counts as at the time of the packet before
 * it in its file (the first one: before everything). Files that overlap in time are merged packet
 * by packet: the file whose next packet is earliest comes first, for equal times the file that
 * comes first in the order of files. Packets of one file are never reordered among themselves, even
 * where its times go backwards. Only files whose time has come are open (a ring of ten thousand
 * files needs one or two descriptors), and pipes, which cannot be opened twice. If more files
 * overlap than the limit `open_files`, half of the process's file descriptors or the limit
 * `open_file_bytes` allow, the later ones wait until another one ends; they are complete, but not
 * in order with the others.
 *
 * A packet that two files have (a ring and its merge, two captures of one wire) is read once:
 * the first one, or the one with more of its bytes. The other one is delivered marked as a copy.
 *
 * Owns the captures. Must not know what packets carry. Used by core.c. */
#ifndef MT_CAPTURE_CAPTURE_SET_H
#define MT_CAPTURE_CAPTURE_SET_H

#include "base/error.h"
#include "base/limits.h"
#include "net/packet.h"

#include <stddef.h>
#include <stdint.h>

struct mt_capture_set;

/* Damage of one file, or why it stops. */
struct mt_file_event {
    int32_t file;   /* the file, in the order of files */
    int64_t offset; /* position in the (compressed) file in bytes: where the record that could not
                       be read begins, or near it */
    int64_t frame;  /* last packet read of it */
    int64_t time;   /* time of that packet, MT_NO_TIME if unknown */
    int64_t bytes;  /* MT_SKIPPED and MT_DAMAGED: bytes (decompressed) that were not read */
    int result;     /* MT_SKIPPED, where the file continues, or the error that stops it */
    enum mt_limit_id limit; /* MT_TOO_MUCH: the limit that was exceeded */
    struct mt_failure failure;
};

/* Opens each file once to read its first packet, and sorts them. `limits` and `limit_hits` (an
 * mt_limit_hits, which is counted in) must outlive the set; `paths` is copied. "-" is standard
 * input and must be the only file. A path given twice is read twice. No path at all is a stream
 * without packets. A file that cannot be read at all is a file event when its turn comes; if no
 * file can be read, returns NULL with *result MT_NOT_CAPTURE, MT_IO or MT_NOMEM, and `failure` has
 * the first file and the reason. The caller owns the set: mt_capture_set_close. */
struct mt_capture_set *mt_capture_set_open(const char *const *paths, size_t count,
                                           const struct mt_limits *limits, uint64_t *limit_hits,
                                           int *result, struct mt_failure *failure);

/* The number of files. */
size_t mt_capture_set_files(const struct mt_capture_set *set);

/* The path of a file, by its number in the order of files. */
const char *mt_capture_set_path(const struct mt_capture_set *set, size_t file);

/* The LINKTYPE_ that the beginning of a file declares; -1 if it declares none before its first
 * packet. */
int64_t mt_capture_set_link(const struct mt_capture_set *set, size_t file);

/* Reads the next packet, with all of `ref`. packet->data is valid until the next call.
 * Returns MT_OK; MT_END; MT_NOMEM; or, described by `event`, MT_SKIPPED where one file is damaged
 * and continues, or MT_NOT_CAPTURE, MT_DAMAGED, MT_TOO_MUCH or MT_IO where one file stops: the next
 * call continues with what is left. MT_END and MT_NOMEM repeat. */
int mt_capture_set_next(struct mt_capture_set *set, struct mt_packet *packet,
                        struct mt_file_event *event);

/* Packets that the capture program dropped, as what was read of the file states; -1 if it states
 * nothing. */
int64_t mt_capture_set_dropped(const struct mt_capture_set *set, size_t file);

/* Bytes read of all files so far. */
int64_t mt_capture_set_position(const struct mt_capture_set *set);

/* Bytes of all files; -1 if one of them has no known size. */
int64_t mt_capture_set_size(const struct mt_capture_set *set);

/* 1 if another thread can read it: reading waits for no other program, as for the writer of a pipe,
 * and runs no code of the embedding program (mt_input_codecs). */
int mt_capture_set_is_independent(const struct mt_capture_set *set);

/* Frees the set. `set` may be NULL. */
void mt_capture_set_close(struct mt_capture_set *set);

#endif
