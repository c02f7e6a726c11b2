/* The Levin bucket header (contrib/epee/include/net/levin_base.h): 33 bytes, packed, little-endian.
 * Reading it and judging it; it knows nothing of streams. */
#ifndef MT_LEVIN_HEADER_H
#define MT_LEVIN_HEADER_H

#include <stddef.h>
#include <stdint.h>

enum { MT_HEADER_SIZE = 33, MT_SIGNATURE_SIZE = 8 };
enum { MT_FLAG_REQUEST = 1, MT_FLAG_RESPONSE = 2, MT_FLAG_BEGIN = 4, MT_FLAG_END = 8 };

/* Bytes that a verdict on a header out of step may need: the header and the beginning of its body.
 */
enum { MT_SOUND_SIZE = MT_HEADER_SIZE + 9 };

extern const uint8_t mt_signature[MT_SIGNATURE_SIZE];

struct mt_header {
    uint64_t length; /* of the body */
    uint32_t command;
    int32_t return_code;
    uint32_t flags;
    uint32_t version;
    uint8_t expects_response;
};

/* Reads 33 bytes; the signature is not looked at. */
struct mt_header mt_header_read(const uint8_t *bytes);

/* mt_kind of a header by monerod's order of tests (levin_protocol_handler_async.h handle_recv), or
 * -1 for a Levin fragment. */
int mt_header_kind(const struct mt_header *header);

/* 1 if the body of a whole message is for monerod's reader: noise and error responses have none,
 * and monerod does not look at unknown commands. */
int mt_header_has_payload(const struct mt_header *header, int kind);

/* 1 if the first `size` bytes (any number) agree with the signature as far as both go. */
int mt_signature_matches(const uint8_t *bytes, size_t size);

enum mt_verdict { MT_UNSOUND, MT_SOUND, MT_UNDECIDED };

/* Whether `bytes` begin a message, out of step with the stream (after a hole, invalid bytes or a
 * start from the middle): signature, version 1, expect 0 or 1, flags that exist, a known command, a
 * length within `limit` and monerod's limit for the command, and a body that begins as epee where
 * one must. Returns MT_UNDECIDED if `size` bytes are not enough; MT_SOUND_SIZE bytes always
 * are. */
enum mt_verdict mt_header_sound(const uint8_t *bytes, size_t size, uint64_t limit);

#endif
