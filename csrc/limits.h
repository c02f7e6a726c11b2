/* Every bound on memory and time that hostile input could otherwise move, in one place. */
#ifndef MT_LIMITS_H
#define MT_LIMITS_H

#include <stdint.h>

/* LIMIT(name, default, text): options of read() and scan() through `limits=`. */
#define MT_LIMITS(LIMIT) \
    LIMIT(connections, 250000, "TCP connections followed at once; beyond it the longest idle one is ended (`idle`)") \
    LIMIT(idle_seconds, 600, "capture seconds without a packet after which a connection is ended (`idle`); monerod closes after 300") \
    LIMIT(hole_bytes, 8388608, "bytes waiting behind a hole of one direction before the hole is declared lost") \
    LIMIT(hole_segments, 4096, "segments waiting behind a hole before it is declared lost") \
    LIMIT(hole_seconds, 120, "capture seconds a hole may stay open before it is declared lost") \
    LIMIT(hole_acked_segments, 64, "further segments of the connection after the receiver acknowledged a hole before it is declared lost") \
    LIMIT(hole_acked_milliseconds, 1000, "capture milliseconds after the receiver acknowledged a hole before it is declared lost") \
    LIMIT(buffered_bytes, 268435456, "bytes buffered over all connections: segments behind holes and messages that span segments") \
    LIMIT(message_bytes, 100000000, "declared payload length from which a header is not believed (monerod: LEVIN_DEFAULT_MAX_PACKET_SIZE)") \
    LIMIT(ip_fragment_bytes, 4194304, "bytes of IP fragments waiting for the rest of their datagrams") \
    LIMIT(ip_fragment_datagrams, 1024, "datagrams waiting for fragments") \
    LIMIT(ip_fragment_seconds, 30, "capture seconds a datagram waits for its fragments") \
    LIMIT(blobs, 2000000, "distinct transactions and blocks remembered; further ones are hashed anew each time they come") \
    LIMIT(message_fields, 1000000, "rows of fields of one message; its further entries are left out") \
    LIMIT(requests, 1024, "unanswered requests remembered per direction") \
    LIMIT(problems, 1000000, "rows of problems; further ones are only counted") \
    LIMIT(addresses, 100000000, "distinct addresses interned; further ones are missing") \
    LIMIT(strings, 100000000, "distinct hashes and texts interned; further ones are missing")

struct mt_limits {
#define MT_LIMIT_MEMBER(name, value, text) int64_t name;
    MT_LIMITS(MT_LIMIT_MEMBER)
#undef MT_LIMIT_MEMBER
};

#define MT_LIMIT_VALUE(name, value, text) .name = value,
static const struct mt_limits mt_default_limits = {MT_LIMITS(MT_LIMIT_VALUE)};
#undef MT_LIMIT_VALUE

#endif
