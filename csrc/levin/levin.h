/* Levin framing: one direction's bytes in order into messages. One concept here: where a message
 * begins and ends, and what became of it. */
#ifndef MT_LEVIN_LEVIN_H
#define MT_LEVIN_LEVIN_H

#include "levin/header.h"
#include "levin/partial_header.h"
#include "tables/output.h"
#include "tcp/stream_data.h"

#include <stdint.h>

struct mt_dialog;
struct mt_assembly; /* Levin fragments of one message, see assembly.h */

/* Where a message, or the Levin fragments of one, was seen. */
struct mt_extent {
    int64_t begin;              /* stream offset of its first header */
    struct mt_packet_ref first; /* packet that brought the first of its bytes to arrive */
    struct mt_packet_ref last;  /* packet that brought the last missing byte so far */
    uint32_t last_length;       /* payload bytes of that packet */
    int64_t first_end;          /* stream offset of the end of the first byte's segment */
    int64_t acknowledged;       /* of the latest segment, see mt_piece */
    uint64_t counted;           /* arrival number of the packet counted last, UINT64_MAX: none */
    uint32_t segments;
    uint8_t shared; /* MT_SHARED_ bits: its segments also carry bytes of the message before, of the
                       one behind */
};

enum { MT_SHARED_BEFORE = 1, MT_SHARED_BEHIND = 2 };

struct mt_message {
    struct mt_extent extent;
    struct mt_header header;
    int64_t body_end; /* stream offset */
    int64_t captured; /* body bytes present */
    uint8_t oversize, gap, snapped;
    uint8_t keep; /* the body is wanted: buffer it */
};

enum mt_levin_state {
    MT_LEVIN_HEADER, /* in step: the next byte belongs to a header */
    MT_LEVIN_BODY,
    MT_LEVIN_SEEK,   /* out of step: looking for a sound header */
    MT_LEVIN_FOREIGN /* no Levin port and no signature at the beginning: only counting */
};

struct mt_levin {
    struct mt_dialog *dialog;
    int64_t at;                   /* stream offset of the next byte */
    int64_t message_end;          /* stream offset behind the last message, INT64_MIN: none */
    int64_t run_begin, run_bytes; /* bytes outside any message, not yet told */
    int64_t foreign_lost;         /* bytes lost while it was not known to be Monero's */
    int64_t messages;             /* rows made */
    struct mt_packet_ref run_ref;
    struct mt_message message; /* in progress */
    struct mt_buffer body;
    struct mt_assembly *assembly;
    struct mt_carry carry; /* a header cut by the end of a piece */
    enum mt_levin_state state;
    uint8_t from_client;
    uint8_t resumed;     /* it was out of step once: the beginning of what follows may be missing */
    uint8_t disbelieved; /* SEEK behind a header whose length is not believed: its bytes belong to
                            that message */
};

void mt_levin_init(struct mt_levin *levin, struct mt_dialog *dialog, int from_client);
void mt_levin_free(struct mt_levin *levin);

/* The stream goes on with these bytes. MT_OK or MT_NOMEM. */
int mt_levin_data(struct mt_levin *levin, const struct mt_piece *piece);

/* The stream goes on behind a hole. MT_OK or MT_NOMEM. */
int mt_levin_hole(struct mt_levin *levin, int64_t offset, int64_t size, enum mt_hole why,
                  const struct mt_packet_ref *place);

/* The stream begins in the middle: no header is expected at its first byte. */
void mt_levin_midstream(struct mt_levin *levin);

/* The stream ends: what is unfinished is told. MT_OK or MT_NOMEM. */
int mt_levin_end(struct mt_levin *levin);

/* Bytes that belong to no message and were never part of the stream's order (late ones and the
 * like): one row of problems. MT_OK or MT_NOMEM. */
int mt_levin_stray(struct mt_levin *levin, enum mt_problem kind, int64_t offset, int64_t bytes,
                   const char *why, const struct mt_packet_ref *place);

/* Repeated bytes, `count` of them, differ from the first copy: one row of problems. MT_OK or
 * MT_NOMEM. */
int mt_levin_conflict(struct mt_levin *levin, int64_t offset, int64_t count,
                      const struct mt_packet_ref *place);

/* Bytes that came before come again. Those of the message under way are compared with the first
 * copy: differences are one row of problems. MT_OK or MT_NOMEM. */
int mt_levin_repeated(struct mt_levin *levin, const uint8_t *data, int64_t offset, int64_t size,
                      const struct mt_packet_ref *place);

/* For assembly.c: makes the row of a message. `payload` is its whole body or NULL; `wire` all bytes
 * of it in the stream, headers included; `end` the stream offset behind it; `why` static text for
 * what is not complete. The row's status may turn into malformed. MT_OK or MT_NOMEM. */
int mt_levin_row(struct mt_levin *levin, const struct mt_extent *extent,
                 const struct mt_header *header, int kind, int status, int64_t captured,
                 uint32_t fragments, int64_t end, int64_t wire, const uint8_t *payload,
                 const char *why);

/* For assembly.c: counts a piece that brought bytes of the extent. `previous_end` is the end of the
 * message before it. */
void mt_extent_touch(struct mt_extent *extent, const struct mt_piece *piece, int64_t previous_end);

#endif
