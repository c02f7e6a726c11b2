/* Levin framing of one connection: each direction's bytes in order into messages. It owns where a
 * message begins and ends and what became of it; it knows neither TCP nor tables. Used by the
 * session. */
#ifndef MT_LEVIN_LEVIN_H
#define MT_LEVIN_LEVIN_H

#include "base/buffer_pool.h"
#include "base/limits.h"
#include "base/stream_data.h"
#include "levin/header.h"
#include "levin/partial_header.h"
#include "levin/sink.h"

#include <stdint.h>

struct mt_fragments; /* see fragments.h */
struct mt_prefix;    /* see prefix.h */

/* A Levin bucket in progress: a header and its body. */
struct mt_bucket {
    struct mt_message_span span;
    struct mt_header header;
    int64_t body_end; /* stream offset */
    int64_t captured; /* body bytes present */
    uint8_t oversize, gap, snapped;
    uint8_t keep; /* the body is wanted: buffer it */
};

enum mt_levin_state {
    MT_LEVIN_BEGIN,    /* at the first byte, or in a prefix (beginning.h) */
    MT_LEVIN_HEADER,   /* in step: the next byte belongs to a header */
    MT_LEVIN_BODY,     /* inside a body */
    MT_LEVIN_SEEK,     /* out of step: looking for a sound header */
    MT_LEVIN_NOT_LEVIN /* no Levin port and no signature at the beginning: only counting */
};

/* What the bytes of a direction outside messages are. */
enum mt_outside {
    MT_OUTSIDE_UNFRAMED, /* no header owns them */
    MT_OUTSIDE_TLS,      /* it began with TLS */
    MT_OUTSIDE_REFUSAL   /* a proxy's text after it refused to connect */
};

/* One direction. */
struct mt_levin_stream {
    struct mt_levin *levin;
    int64_t at;                   /* stream offset of the next byte */
    int64_t message_end;          /* stream offset after the last message, INT64_MIN: none */
    int64_t run_begin, run_bytes; /* bytes outside any message, not yet reported */
    int64_t prefix_bytes;         /* the first of them that are prefixes, not yet reported */
    int64_t unclaimed_lost;       /* bytes lost while it was not known to be Monero's */
    struct mt_packet_ref run_ref;
    struct mt_bucket bucket;
    struct mt_buffer body;
    struct mt_fragments *fragments;
    struct mt_partial_header partial; /* a header cut by the end of a segment */
    struct mt_prefix *prefix;         /* the one that is being read, NULL: none. Owned. */
    const char *prefix_why;           /* static text of prefix_bytes */
    enum mt_levin_state state;
    enum mt_outside outside;
    uint8_t from_client;
    uint8_t prefixes;    /* how many it had, see MT_PREFIX_CHAIN */
    uint8_t resumed;     /* it was out of step once: the beginning of what follows may be missing */
    uint8_t disbelieved; /* SEEK after a header whose length is not believed: its bytes belong to
                            that message */
};

/* What all connections share. */
struct mt_levin_shared {
    const struct mt_levin_sink *sink;
    const struct mt_limits *limits;
    uint64_t *limit_hits; /* mt_limit_hits */
    struct mt_buffer_pool *buffers;
    int all_bodies; /* bodies of unknown commands are wanted, too */
};

struct mt_levin {
    const struct mt_levin_shared *shared;
    void *context;                        /* the sink's */
    struct mt_budget *buffered;           /* bytes held for this connection */
    uint8_t monero;                       /* a Levin port, or the signature was seen */
    uint8_t lossy;                        /* bytes were lost or skipped: requests may be missing */
    struct mt_levin_stream directions[2]; /* 0: from the server, 1: from the client */
};

/* Begins both directions; `shared`, `buffered` and `context` must live as long. */
void mt_levin_init(struct mt_levin *levin, const struct mt_levin_shared *shared,
                   struct mt_budget *buffered, void *context, int monero);

/* Frees what both directions hold, without reporting it. */
void mt_levin_free(struct mt_levin *levin);

/* The stream goes on with these bytes. MT_OK or MT_NOMEM. */
int mt_levin_data(struct mt_levin_stream *stream, const struct mt_stream_data *data);

/* The stream goes on after a hole of `size` bytes at `offset`. MT_OK or MT_NOMEM. */
int mt_levin_hole(struct mt_levin_stream *stream, int64_t offset, int64_t size, enum mt_hole why,
                  const struct mt_packet_ref *ref);

/* The stream begins in the middle: no header is expected at its first byte. */
void mt_levin_midstream(struct mt_levin_stream *stream);

/* The stream ends: what is unfinished is reported. MT_OK or MT_NOMEM. */
int mt_levin_end(struct mt_levin_stream *stream);

/* Bytes that came before come again. Those of the message in progress are compared with the first
 * copy: differences are one problem. MT_OK; MT_END if there was one; MT_NOMEM. */
int mt_levin_repeated(struct mt_levin_stream *stream, const uint8_t *bytes, int64_t offset,
                      int64_t size, const struct mt_packet_ref *ref);

#endif
