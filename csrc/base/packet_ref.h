/* Which packet of which file brought something, and when. Every layer above the capture passes it
 * on; none but the core knows the files. */
#ifndef MT_BASE_PACKET_REF_H
#define MT_BASE_PACKET_REF_H

#include "base/time.h"

#include <stdint.h>

/* Where something was seen. */
struct mt_packet_ref {
    int64_t time;     /* nanoseconds since 1970, UTC, or MT_NO_TIME */
    int64_t frame;    /* number of the packet in its file, from 1, as Wireshark counts */
    uint64_t arrival; /* number of the packet in the whole stream of files, from 0: the order in
                         which packets were read */
    int32_t file;     /* row in the files table */
};

#endif
