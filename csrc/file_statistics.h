/* What is counted of each capture file while it is read, and the row that it becomes. Part of the
 * core; knows packets and link types, not what is in them. */
#ifndef MT_FILE_STATISTICS_H
#define MT_FILE_STATISTICS_H

#include "clock.h"
#include "net/packet.h"
#include "net/skip.h"
#include "tables/output.h"

#include <stdint.h>

enum { MT_LINKS_PER_FILE = 8, MT_SKIPS_PER_FILE = 64 };

/* The packets of one link type. */
struct mt_link_statistics {
    uint32_t link;
    int64_t unread_packets, unread_bytes; /* of a type that is not read */
    struct mt_packet_ref first;           /* first packet of that type */
};

/* The packets that were skipped for one reason. */
struct mt_skip_statistics {
    struct mt_skip skip;
    int64_t packets, bytes;
    struct mt_packet_ref first;
};

struct mt_file_statistics {
    struct mt_clock clock;
    int64_t copies, copied_bytes;    /* packets that were read from another file */
    struct mt_packet_ref first_copy; /* the first of them */
    struct mt_file_row row;
    struct mt_link_statistics links[MT_LINKS_PER_FILE]; /* in order of appearance */
    struct mt_skip_statistics *skips;                   /* in order of appearance */
    size_t skips_count, skips_capacity;
    int64_t other_skipped, other_skipped_bytes; /* packets skipped for reasons beyond these */
    int64_t other_bytes;                        /* packets of unread link types beyond these */
    int links_count;
    int last_index;     /* of the last packet's link type, -1: beyond these */
    uint32_t last_link; /* the last packet's link type, */
    uint8_t last_known; /* and whether it is read */
    uint8_t readable;   /* a packet of a known link type was there */
};

/* Statistics of the file with this number. */
struct mt_file_statistics mt_file_statistics_of(int32_t file);

/* Counts a packet. 1 if its link type is read, 0 if not; then it is counted as skipped. */
int mt_file_statistics_count(struct mt_file_statistics *file, const struct mt_packet *packet);

/* Counts a packet of `bytes` bytes without TCP segment by its reason. MT_OK or MT_NOMEM. */
int mt_file_statistics_skip(struct mt_file_statistics *file, const struct mt_packet_ref *ref,
                            const struct mt_skip *skip, int64_t bytes);

/* Frees what it allocated. */
void mt_file_statistics_free(struct mt_file_statistics *file);

/* Reports a step of the clock of a file. MT_OK or MT_NOMEM. */
int mt_file_statistics_report_step(struct mt_output *output, const struct mt_clock_step *step);

/* Appends the row, and a problem for each reason why packets were skipped, and for each link type
 * that is not read. `link` is the type that the file declares, -1 if none; it is used if there was
 * no packet. MT_OK or MT_NOMEM. */
int mt_file_statistics_close(struct mt_file_statistics *file, struct mt_output *output,
                             const char *path, int64_t link);

#endif
