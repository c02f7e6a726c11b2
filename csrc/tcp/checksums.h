/* Which segments a receiver drops because of their checksum. Used by connection.c.
 *
 * A host that leaves checksums to its network card is captured with wrong ones in all that it
 * sends, and a card that joins received segments leaves wrong ones, too. So a wrong checksum means
 * something only where at least 99 % of those of the same receiver are right. Even there the
 * segment is a suspect: its receiver's acknowledgement decides. */
#ifndef MT_TCP_CHECKSUMS_H
#define MT_TCP_CHECKSUMS_H

#include "tcp/acceptance.h"

#include <stddef.h>
#include <stdint.h>

/* The segments of all connections that one address receives. */
struct mt_checksum_count {
    uint32_t right, wrong; /* wrong: and accepted by the receiver */
    uint32_t skipped;      /* segments that were not looked at */
};

/* Counts by address code. Zeroed: none. */
struct mt_checksums {
    struct mt_checksum_count *counts; /* owned */
    size_t capacity;
};

/* Room for the counts of an address, given by its code; none for a negative one. MT_OK or MT_NOMEM.
 */
int mt_checksums_reserve(struct mt_checksums *checksums, int32_t address);

/* Frees the counts. */
void mt_checksums_free(struct mt_checksums *checksums);

/* Notes a segment of a handshake if its checksum is right. */
void mt_checksums_note_handshake(const struct mt_connection *connection,
                                 const struct mt_segment *segment, int from_client);

/* 1 if the receiver may drop a segment that is acceptable otherwise. */
int mt_checksums_is_suspect(const struct mt_arrival *arrival);

/* 1 if the receiver certainly drops a segment, without an acknowledgement of it. */
int mt_checksums_is_dropped(const struct mt_arrival *arrival);

/* A suspect was accepted: the receiver acknowledged it, and nothing else brought its bytes. */
void mt_checksums_note_accepted(const struct mt_connection *connection, int from_client);

/* 1 if most checksums of what the receiver of that direction gets are wrong: they mean nothing. */
int mt_checksums_mean_nothing(const struct mt_connection *connection, int from_client);

/* 1 if enough of them are right to drop a segment that was not acknowledged. */
int mt_checksums_are_certain(const struct mt_connection *connection, int from_client);

#endif
