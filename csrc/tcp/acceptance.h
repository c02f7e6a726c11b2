/* Whether a receiver accepts a segment: RFC 9293 section 3.10.7.4 (sequence numbers, window) and
 * RFC 5961 (resets and acknowledgements), as far as a capture shows it. Used by connection.c.
 *
 * A capture may miss packets, so what is known of a receiver may be old: a segment that is not
 * acceptable by these rules is a suspect, and the receiver's acknowledgement decides. */
#ifndef MT_TCP_ACCEPTANCE_H
#define MT_TCP_ACCEPTANCE_H

#include "base/vocabulary.h"
#include "net/packet.h"
#include "tcp/connection.h"

#include <stdint.h>

/* A segment and where it stands in both streams. */
struct mt_arrival {
    struct mt_connection *connection;
    const struct mt_segment *segment;
    const struct mt_packet_ref *ref;
    int64_t offset;       /* of its first byte in its sender's stream, which must be started */
    int64_t acknowledged; /* offset in the opposite stream, INT64_MIN if unknown */
    int from_client;
};

/* Why a receiver may drop a segment; `why` is NULL if it accepts it. */
struct mt_refusal {
    enum mt_problem_kind kind;
    const char *why; /* static text */
};

/* The furthest offset that the sender may use, as far as the receiver's windows are known. */
int64_t mt_acceptance_limit(const struct mt_connection *connection, int from_client);

/* 1 if the sender may have sent from `offset` on without an answer of its receiver in the capture:
 * within the receiver's window, or not far beyond it where the capture missed bytes. */
int mt_acceptance_is_plausible(const struct mt_connection *connection, int from_client,
                               int64_t offset);

/* 1 if the segment has no ACK flag although its receiver was seen: a stack drops it (RFC 9293
 * section 3.10.7.4, fifth step), so a third party can send it without guessing a number. */
int mt_acceptance_lacks_ack(const struct mt_arrival *arrival);

/* Judges the sequence and acknowledgement numbers of a segment that is no RST, and whether its
 * direction is over. */
struct mt_refusal mt_acceptance_judge(const struct mt_arrival *arrival);

/* 1 if the acknowledgement number is one that the receiver's stream permits. */
int mt_acceptance_acknowledgement(const struct mt_arrival *arrival);

/* 1 if an accepted segment is the client's ACK of the SYN/ACK, or of bytes sent after it. */
int mt_acceptance_completes_handshake(const struct mt_arrival *arrival);

/* 1 if a RST has the sequence number that its receiver expects. */
int mt_acceptance_reset(const struct mt_arrival *arrival);

/* What an accepted segment says, as bits. */
enum {
    MT_ACKNOWLEDGES_MORE = 1, /* of the opposite stream than before */
    MT_CONFIRMS_CLAIM = 2 /* of its own stream: an acknowledgement beyond what was seen was right */
};

/* The segment was accepted: notes its acknowledgement, window and sequence number. Returns the bits
 * above.
 *
 * An acknowledgement of what was not seen is a claim: the capture missed what it acknowledges, or
 * it is forged. It counts only when the sender of the stream goes on beyond it. */
int mt_acceptance_note(const struct mt_arrival *arrival);

/* The part of mt_acceptance_note that every accepted segment needs which acknowledges something:
 * its window and its acknowledgement of `other`, the opposite stream. MT_ACKNOWLEDGES_MORE or 0. */
static inline int mt_acceptance_note_window(struct mt_side *sender, struct mt_reassembly *other,
                                            const struct mt_segment *segment, int64_t acknowledged)
{
    int64_t window = (int64_t)segment->window
                     << ((segment->flags & MT_TCP_SYN) != 0 ? 0 : sender->window_shift);
    if (window > sender->largest_window)
        sender->largest_window = window;
    if (acknowledged + window > other->edge)
        other->edge = acknowledged + window;
    if (acknowledged <= other->acknowledged)
        return 0;
    other->acknowledged = acknowledged;
    return MT_ACKNOWLEDGES_MORE;
}

/* The sequence number of the first byte of its sender's stream. That is the segment's own, but
 * where the receiver was seen to expect another one far away, the segment does not begin it. */
uint32_t mt_acceptance_start(const struct mt_connection *connection,
                             const struct mt_segment *segment, int from_client);

/* 1 if the first packet of one side shows that all packets of the other side so far, which begin in
 * the middle, are not what it received: it acknowledges bytes that are far from them. */
int mt_acceptance_contradicts(const struct mt_connection *connection,
                              const struct mt_segment *segment, int from_client);

/* Notes the options of a SYN. */
void mt_acceptance_note_syn(struct mt_connection *connection, const struct mt_segment *segment,
                            int from_client);

#endif
