/* The source: many capture files as one stream of packets in time order, so that connections and
 * messages cross ring files.
 *
 * Files are put in the order of their first packet's time; equal ones, and those without packets or
 * whose first packet has no time, which come first, keep the order in which they were given. A
 * packet without time counts as at the time of the packet before it in its file (the first: before
 * everything). Files that overlap in time are merged packet by packet: always the file whose next
 * packet is earliest; packets of one file are never reordered among themselves, even where its
 * times run backwards. Equal times: the file that comes first. Only files whose time has come are
 * open (a ring of ten thousand files needs one or two descriptors), besides pipes, which cannot be
 * opened twice. */
#ifndef MT_CAPTURE_CAPTURE_SET_H
#define MT_CAPTURE_CAPTURE_SET_H

#include "base/error.h"
#include "base/limits.h"
#include "net/packet.h"

#include <stddef.h>
#include <stdint.h>

struct mt_source;

struct mt_source_news {
    int32_t file;   /* the file concerned, in stream order */
    int64_t offset; /* position in the (compressed) file in bytes: where the record that could not
                       be read begins, or near it */
    int64_t frame;  /* last packet read of it */
    int64_t time;   /* time of that packet, MT_NO_TIME if none */
    int result;     /* MT_DAMAGED, MT_TOO_MUCH or MT_IO */
    enum mt_limit_id limit; /* MT_TOO_MUCH: which it was */
    struct mt_failure failure;
};

/* Takes the files in (`limits` must stay) and sorts them (each is opened once to see its first
 * packet; "-" is standard input and must be alone; no file at all is a stream without packets). A
 * path given twice is read twice. Nothing is kept of `paths`. A file that cannot be read at all:
 * NULL, *result MT_NOT_CAPTURE, MT_IO, … and `failure` names the file and the cause. The caller
 * owns it: mt_source_close. */
struct mt_source *mt_source_open(const char *const *paths, size_t count,
                                 const struct mt_limits *limits, int *result,
                                 struct mt_failure *failure);

/* Number of files, and the path of the i-th in stream order. */
size_t mt_source_files(const struct mt_source *source);
const char *mt_source_path(const struct mt_source *source, size_t file);

/* LINKTYPE_ that its beginning declares, -1 if it declares none before its first packet. */
int64_t mt_source_link(const struct mt_source *source, size_t file);

/* The next packet, all of place filled; packet->data is valid until the next call. MT_OK; MT_END;
 * MT_NOMEM; or MT_DAMAGED / MT_TOO_MUCH / MT_IO: one file stops here, as `news` tells; the next
 * call goes on with the others. MT_END and MT_NOMEM repeat. */
int mt_source_next(struct mt_source *source, struct mt_packet *packet, struct mt_source_news *news);

/* Bytes read of all files so far, and in all (-1: unknown). */
int64_t mt_source_position(const struct mt_source *source);
int64_t mt_source_size(const struct mt_source *source);

void mt_source_close(struct mt_source *source);

#endif
