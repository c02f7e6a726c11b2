/* Every limit on memory and time that hostile input could otherwise exceed, in one place. Each
 * layer enforces its own; the core passes the user's values. */
#ifndef MT_BASE_LIMITS_H
#define MT_BASE_LIMITS_H

#include <stdint.h>

/* LIMIT(name, default, most, text): options of read() and scan() through `limits=`, from 0 to
 * `most`. How often each was reached is counted. */
#define MT_LIMITS(LIMIT) \
    LIMIT(decompression_ratio, 1000, INT64_MAX, \
          "decompressed bytes per compressed byte, beyond the first 16 MiB, before reading stops") \
    LIMIT( \
        open_files, 256, 65536, \
        "files that overlap in time and are merged at once; further ones wait until one of them " \
        "ends") \
    LIMIT(open_file_bytes, 536870912, INT64_MAX, \
          "bytes of decompression and of records longer than 256 KiB, over all files that are " \
          "open at once") \
    LIMIT(interfaces, 65536, INT64_MAX, "interfaces per section of a pcapng file") \
    LIMIT(connections, 250000, INT64_MAX, \
          "open TCP connections; beyond it the connection that was idle longest ends (`idle`)") \
    LIMIT( \
        idle_seconds, 600, INT64_MAX, \
        "capture seconds without a packet after which a connection ends (`idle`); monerod closes " \
        "connections after 300") \
    LIMIT(hole_bytes, 8388608, INT64_MAX, \
          "bytes after a hole of one direction before the hole is declared lost") \
    LIMIT(hole_segments, 4096, INT64_MAX, "segments after a hole before it is declared lost") \
    LIMIT(hole_seconds, 120, INT64_MAX, "capture seconds before a hole is declared lost") \
    LIMIT(hole_acked_segments, 64, INT64_MAX, \
          "segments after the receiver acknowledged a hole before it is declared lost") \
    LIMIT( \
        hole_acked_milliseconds, 1000, INT64_MAX, \
        "capture milliseconds after the receiver acknowledged a hole before it is declared lost") \
    LIMIT(buffered_bytes, 268435456, INT64_MAX, \
          "bytes buffered for all connections: segments after holes, messages that span segments") \
    LIMIT(connection_bytes, 134217728, INT64_MAX, \
          "bytes buffered for one connection, part of buffered_bytes") \
    LIMIT(message_bytes, 100000000, INT64_MAX, \
          "declared payload length above which a header is ignored (monerod: " \
          "LEVIN_DEFAULT_MAX_PACKET_SIZE)") \
    LIMIT(ip_fragment_bytes, 4194304, INT64_MAX, "bytes of IP fragments of incomplete datagrams") \
    LIMIT(ip_fragment_datagrams, 1024, INT64_MAX, "incomplete IP datagrams") \
    LIMIT(ip_fragment_seconds, 30, INT64_MAX, \
          "capture seconds before an incomplete datagram is discarded") \
    LIMIT(blobs, 2000000, INT64_MAX, \
          "distinct transactions and blocks in the cache; others are hashed at each occurrence") \
    LIMIT(rows, 1000000000, INT64_MAX, \
          "rows of all tables in memory at once, counted every 64 packets, before reading stops") \
    LIMIT( \
        row_ratio, 64, INT64_MAX, \
        "bytes of rows in memory per byte of the files, beyond the first 512 MiB, before reading " \
        "stops") \
    LIMIT(message_fields, 1000000, INT64_MAX, \
          "rows of fields per message; its further entries are omitted") \
    LIMIT(epee_objects, 8192, 8192, \
          "objects in one payload; a message with more is malformed (8192 is monerod's limit)") \
    LIMIT(epee_fields, 16384, 16384, "fields in one payload (16384 is monerod's limit)") \
    LIMIT(epee_strings, 16384, 16384, "strings in one payload (16384 is monerod's limit)") \
    LIMIT(epee_depth, 32, 32, \
          "nested sections in one payload, the root included (32 is monerod's limit)") \
    LIMIT(requests, 1024, INT64_MAX, "unanswered requests per direction") \
    LIMIT(early_responses, 4096, INT64_MAX, \
          "responses captured before their requests, for all connections") \
    LIMIT(problems, 1000000, INT64_MAX, "rows of problems; further problems are only counted") \
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

/* How often each limit was reached, by mt_limit_id. */
typedef uint64_t mt_limit_hits[MT_LIMIT_COUNT];

#define MT_LIMIT_VALUE(name, value, ...) .name = value,
static const struct mt_limits mt_default_limits = {MT_LIMITS(MT_LIMIT_VALUE)};
#undef MT_LIMIT_VALUE

#endif
