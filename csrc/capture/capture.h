/* One capture file: packets of a pcap or pcapng file, read in place in one buffer, or of any other
 * format that libpcap reads.
 *
 * pcap: both byte orders, microseconds and nanoseconds. pcapng: any number of sections (each with
 * its own byte order) and interfaces (each with its own link type, resolution and offset, described
 * anywhere in the section); Enhanced, Simple and obsolete Packet Blocks; unknown blocks are
 * skipped. A time that 64 bits of nanoseconds cannot hold is MT_NO_TIME.
 *
 * Owns the buffer and the input. Must not know link layers or other files. Used by
 * capture_set.c. */
#ifndef MT_CAPTURE_CAPTURE_H
#define MT_CAPTURE_CAPTURE_H

#include "base/budget.h"
#include "base/error.h"
#include "base/limits.h"
#include "net/packet.h"

#include <stdint.h>

struct mt_capture;

/* Where a file is damaged, in its decompressed bytes. */
struct mt_capture_damage {
    int64_t offset;
    int64_t bytes; /* skipped from there on */
};

/* Opens a file and reads its header. `path` "-" is standard input. What it needs beyond a buffer of
 * 256 KiB is part of `budget` (NULL: none), which must outlive the capture. Returns NULL with
 * *result MT_NOMEM, MT_INTERRUPTED, MT_IO, MT_TOO_MUCH (no file descriptor or no budget is left) or
 * MT_NOT_CAPTURE; `failure` then has the reason without the path ("empty file", "not a capture file
 * (begins with …)"). The caller owns the capture: mt_capture_close. */
struct mt_capture *mt_capture_open(const char *path, const struct mt_limits *limits,
                                   struct mt_budget *budget, int *result,
                                   struct mt_failure *failure);

/* Reads the next packet and fills everything but ref.arrival and ref.file (ref.frame counts
 * from 1). packet->data is valid until the next call. Returns MT_OK, MT_END at the clean end, or,
 * with the reason in `failure`, MT_SKIPPED (something in the file is no record of it: damage, a cut
 * record, the header of another file; the next call continues after it) or an error: MT_DAMAGED
 * (the file is cut or damaged from here on; the packets before are valid), MT_TOO_MUCH (a limit;
 * the packets before are valid), MT_IO, MT_NOMEM. After MT_END and errors every further call
 * returns the same. */
int mt_capture_next(struct mt_capture *capture, struct mt_packet *packet,
                    struct mt_failure *failure);

/* Where the damage is, after MT_SKIPPED or MT_DAMAGED. */
struct mt_capture_damage mt_capture_damage(const struct mt_capture *capture);

/* Packets that the capture program dropped, as the file states so far (pcapng: isb_ifdrop and
 * isb_osdrop, or epb_dropcount where that is more); -1 if it states nothing. */
int64_t mt_capture_dropped(const struct mt_capture *capture);

/* The limit that was exceeded, after MT_TOO_MUCH. */
enum mt_limit_id mt_capture_exceeded(const struct mt_capture *capture);

/* The LINKTYPE_ that the file declares: of a pcap file in its header, of a pcapng file in the first
 * interface read so far; -1 if there is no such interface. */
int64_t mt_capture_link(const struct mt_capture *capture);

/* Position in the (compressed) file in bytes. Of a file that is not compressed, the end of the last
 * packet or block read. */
int64_t mt_capture_position(const struct mt_capture *capture);

/* 1 if the file is compressed, so that positions in it are not those of its records. */
int mt_capture_compressed(const struct mt_capture *capture);

/* As mt_input_uses_codec. */
int mt_capture_uses_codec(const struct mt_capture *capture);

/* Bytes of the (compressed) file; -1 if it is not a regular file. */
int64_t mt_capture_size(const struct mt_capture *capture);

/* Frees the capture. `capture` may be NULL. */
void mt_capture_close(struct mt_capture *capture);

#endif
