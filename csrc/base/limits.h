/* Every limit on memory and time that hostile input could otherwise exceed, in one place. Each
 * layer enforces its own; the core passes the user's values. */
#ifndef MT_BASE_LIMITS_H
#define MT_BASE_LIMITS_H

#include <stdint.h>

/* LIMIT(name, default, most, text): options of read() and scan() through `limits=`, from 0 to
 * `most`. How often each was reached is counted. */
#define MT_LIMITS(LIMIT) \
    LIMIT( \
        decompression_ratio, 1000, INT64_MAX, \
        "bytes that a byte of a compressed file may become, beyond 16 MiB, before the file is given up as a bomb") \
    LIMIT(interfaces, 65536, INT64_MAX, "interfaces of a section of a pcapng file") \
    LIMIT(connections, 250000, INT64_MAX, \
          "TCP connections followed at once; beyond it the longest idle one is ended (`idle`)") \
    LIMIT( \
        idle_seconds, 600, INT64_MAX, \
        "capture seconds without a packet after which a connection is ended (`idle`); monerod closes after 300") \
    LIMIT(hole_bytes, 8388608, INT64_MAX, \
          "bytes waiting behind a hole of one direction before the hole is declared lost") \
    LIMIT(hole_segments, 4096, INT64_MAX, \
          "segments waiting behind a hole before it is declared lost") \
    LIMIT(hole_seconds, 120, INT64_MAX, \
          "capture seconds a hole may stay open before it is declared lost") \
    LIMIT( \
        hole_acked_segments, 64, INT64_MAX, \
        "further segments of the connection after the receiver acknowledged a hole before it is declared lost") \
    LIMIT( \
        hole_acked_milliseconds, 1000, INT64_MAX, \
        "capture milliseconds after the receiver acknowledged a hole before it is declared lost") \
    LIMIT( \
        buffered_bytes, 268435456, INT64_MAX, \
        "bytes buffered over all connections: segments behind holes and messages that span segments") \
    LIMIT(connection_bytes, 134217728, INT64_MAX, "of these, bytes buffered for one connection") \
    LIMIT( \
        message_bytes, 100000000, INT64_MAX, \
        "declared payload length from which a header is not believed (monerod: LEVIN_DEFAULT_MAX_PACKET_SIZE)") \
    LIMIT(ip_fragment_bytes, 4194304, INT64_MAX, \
          "bytes of IP fragments waiting for the rest of their datagrams") \
    LIMIT(ip_fragment_datagrams, 1024, INT64_MAX, "datagrams waiting for fragments") \
    LIMIT(ip_fragment_seconds, 30, INT64_MAX, \
          "capture seconds a datagram waits for its fragments") \
    LIMIT( \
        blobs, 2000000, INT64_MAX, \
        "distinct transactions and blocks remembered; further ones are hashed anew each time they come") \
    LIMIT(message_fields, 1000000, INT64_MAX, \
          "rows of fields of one message; its further entries are left out") \
    LIMIT(epee_objects, 8192, 8192, \
          "objects in one payload; a message with more is malformed (8192 is monerod's limit)") \
    LIMIT(epee_fields, 16384, 16384, "fields in one payload (16384 is monerod's limit)") \
    LIMIT(epee_strings, 16384, 16384, "strings in one payload (16384 is monerod's limit)") \
    LIMIT(epee_depth, 32, 32, \
          "nested sections in one payload, the root included (32 is monerod's limit)") \
    LIMIT(requests, 1024, INT64_MAX, "unanswered requests remembered per direction") \
    LIMIT(early_responses, 4096, INT64_MAX, \
          "responses captured before their requests remembered, over all connections") \
    LIMIT(problems, 1000000, INT64_MAX, "rows of problems; further ones are only counted") \
    LIMIT(addresses, 100000000, INT64_MAX, \
          "distinct addresses interned; further ones are missing") \
    LIMIT(strings, 100000000, INT64_MAX, \
          "distinct hashes and texts interned; further ones are missing")

struct mt_limits {
#define MT_LIMIT_MEMBER(name, ...) int64_t name;
    MT_LIMITS(MT_LIMIT_MEMBER)
#undef MT_LIMIT_MEMBER
};

#define MT_LIMIT_ID(name, ...) MT_LIMIT_##name,
enum mt_limit_id { MT_LIMITS(MT_LIMIT_ID) MT_LIMIT_COUNT };
#undef MT_LIMIT_ID

/* How often each limit was reached, by mt_limit_id: what it evicted, refused or left out. */
typedef uint64_t mt_limit_hits[MT_LIMIT_COUNT];

#define MT_LIMIT_VALUE(name, value, ...) .name = value,
static const struct mt_limits mt_default_limits = {MT_LIMITS(MT_LIMIT_VALUE)};
#undef MT_LIMIT_VALUE

#endif
