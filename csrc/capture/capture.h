/* One capture file: packets out of pcap or pcapng (by our own readers, in place in one buffer), or
 * of whatever else libpcap knows.
 *
 * pcap: both byte orders, microseconds and nanoseconds. pcapng: any number of sections (each with
 * its own byte order) and interfaces (each with its own link type, resolution and offset, IDBs
 * anywhere); Enhanced, Simple and obsolete Packet Blocks; unknown blocks are skipped. A time that
 * 64 bits of nanoseconds cannot hold is MT_NO_TIME. */
#ifndef MT_CAPTURE_CAPTURE_H
#define MT_CAPTURE_CAPTURE_H

#include "base/error.h"
#include "base/limits.h"
#include "net/packet.h"

#include <stdint.h>

struct mt_capture;

/* Opens a file and reads its beginning. NULL with *result MT_NOMEM, MT_IO or MT_NOT_CAPTURE and the
 * reason, without the path, in `failure` ("empty file", "not a capture file (begins with …)").
 * `path` "-" is standard input. The caller owns it: mt_capture_close. */
struct mt_capture *mt_capture_open(const char *path, const struct mt_limits *limits, int *result,
                                   struct mt_failure *failure);

/* The next packet; fills everything but place.arrival and place.file (place.frame counts from 1).
 * packet->data is valid until the next call. MT_OK, MT_END at the clean end, or, with the reason in
 * `failure`: MT_DAMAGED (the file is cut or damaged from here on: what was read stands),
 * MT_TOO_MUCH (a limit: likewise), MT_IO, MT_NOMEM. After anything but MT_OK every further call
 * returns the same. */
int mt_capture_next(struct mt_capture *capture, struct mt_packet *packet,
                    struct mt_failure *failure);

/* Which limit it was, after MT_TOO_MUCH. */
enum mt_limit_id mt_capture_exceeded(const struct mt_capture *capture);

/* LINKTYPE_ that the file declares: a pcap file in its header, a pcapng file in the first interface
 * seen so far; -1 if none. */
int64_t mt_capture_link(const struct mt_capture *capture);

/* Position in the (compressed) file in bytes, and its size (-1: unknown, no regular file). Of a
 * file that is not compressed, the position is the end of the last packet or block read. */
int64_t mt_capture_position(const struct mt_capture *capture);
int64_t mt_capture_size(const struct mt_capture *capture);

/* NULL is fine. */
void mt_capture_close(struct mt_capture *capture);

#endif
