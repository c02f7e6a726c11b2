/* The words that layers share with the tables: kinds and statuses of messages, beginnings and ends
 * of connections, kinds of problems. Each list is LIST(ITEM) with ITEM(identifier, text), values
 * from 0. */
#ifndef MT_BASE_VOCABULARY_H
#define MT_BASE_VOCABULARY_H

#define MT_KINDS(ITEM) \
    ITEM(MT_KIND_REQUEST, "request") \
    ITEM(MT_KIND_RESPONSE, "response") \
    ITEM(MT_KIND_NOTIFICATION, "notification") ITEM(MT_KIND_NOISE, "noise")

#define MT_STATUSES(ITEM) \
    ITEM(MT_STATUS_COMPLETE, "complete") \
    ITEM(MT_STATUS_TRUNCATED, "truncated") \
    ITEM(MT_STATUS_GAP, "gap") \
    ITEM(MT_STATUS_SNAPPED, "snapped") \
    ITEM(MT_STATUS_OVERSIZE, "oversize") ITEM(MT_STATUS_MALFORMED, "malformed")

/* Whether the receiver's TCP accepted all bytes of a message. */
#define MT_ACCEPTANCES(ITEM) \
    ITEM(MT_ACCEPTED_YES, "yes") \
    ITEM(MT_ACCEPTED_NO, "no") \
    ITEM(MT_ACCEPTED_UNKNOWN, "unknown")

#define MT_STARTS(ITEM) ITEM(MT_START_SYN, "syn") ITEM(MT_START_MIDSTREAM, "midstream")

#define MT_ENDS(ITEM) \
    ITEM(MT_END_FIN, "fin") \
    ITEM(MT_END_RST, "rst") \
    ITEM(MT_END_REUSED, "reused") ITEM(MT_END_IDLE, "idle") ITEM(MT_END_OPEN, "open")

/* What a proxy wrote or read before the first message. */
#define MT_PROXIES(ITEM) \
    ITEM(MT_PROXY_SOCKS4, "socks4") \
    ITEM(MT_PROXY_SOCKS4A, "socks4a") \
    ITEM(MT_PROXY_SOCKS5, "socks5") \
    ITEM(MT_PROXY_CONNECT, "connect") \
    ITEM(MT_PROXY_HEADER1, "proxy_v1") ITEM(MT_PROXY_HEADER2, "proxy_v2")

/* What a row of problems is about. `lost` alone counts bytes that were not seen; every other kind
 * counts bytes seen and not decoded. */
#define MT_PROBLEMS(ITEM) \
    ITEM(MT_PROBLEM_LOST, "lost") /* a hole in a stream: bytes the capture does not hold */ \
    ITEM(MT_PROBLEM_UNFRAMED, \
         "unframed") /* bytes outside any message: no sound Levin header owns them */ \
    ITEM(MT_PROBLEM_TRUNCATED, \
         "truncated") /* from here on: the bytes of a message whose status has that name */ \
    ITEM(MT_PROBLEM_GAP, "gap") \
    ITEM(MT_PROBLEM_SNAPPED, "snapped") \
    ITEM(MT_PROBLEM_OVERSIZE, "oversize") \
    ITEM(MT_PROBLEM_MALFORMED, "malformed") \
    ITEM(MT_PROBLEM_NOT_LEVIN, "not_levin")       /* the payload of a TCP connection that is not \
                                                     Monero's, one row a direction */ \
    ITEM(MT_PROBLEM_PROXY_PREFIX, "proxy_prefix") /* what a proxy reads or writes before the first \
                                                     message: SOCKS, CONNECT, PROXY */ \
    ITEM(MT_PROBLEM_TLS, "tls") /* a direction of a Monero connection that begins with TLS */ \
    ITEM(MT_PROBLEM_CONFLICT, "conflict") /* retransmitted bytes that differ from the first copy, \
                                             which won; 0 bytes undecoded */ \
    ITEM(MT_PROBLEM_OUT_OF_WINDOW, "out_of_window") /* payload that a TCP stack drops: sequence or \
                                                       acknowledgement number out of range */ \
    ITEM(MT_PROBLEM_AFTER_END, "after_end")         /* payload after the end of its connection */ \
    ITEM(MT_PROBLEM_BAD_CHECKSUM, \
         "bad_checksum")          /* a segment that a TCP stack drops: its checksum \
                                     is wrong, others of its receiver are right */ \
    ITEM(MT_PROBLEM_BLOB, "blob") /* a transaction, block or list within a whole message that does \
                                     not parse; 0 bytes: they are the message's */ \
    ITEM(MT_PROBLEM_LIMIT, "limit")          /* something evicted by a limit */ \
    ITEM(MT_PROBLEM_PACKET, "packet")        /* a packet that is damaged below TCP */ \
    ITEM(MT_PROBLEM_FRAGMENT, "ip_fragment") /* IP fragments whose datagram never became whole */ \
    ITEM(MT_PROBLEM_LINK_TYPE, \
         "link_type") /* packets of an interface whose link type we do not read */ \
    ITEM(MT_PROBLEM_CLOCK_STEP, \
         "clock_step") /* the clock of a capture is set back, or forward; 0 bytes */ \
    ITEM(MT_PROBLEM_DUPLICATE, \
         "duplicate") /* packets of a file that another file of the read has too; read once */ \
    ITEM(MT_PROBLEM_SKIPPED, "skipped") /* packets without TCP, one row a file and reason */ \
    ITEM(MT_PROBLEM_FILE, "file")       /* a file that is damaged or cut */

#define MT_IDENTIFIER(identifier, text) identifier,
enum mt_kind { MT_KINDS(MT_IDENTIFIER) MT_KIND_COUNT };
enum mt_status { MT_STATUSES(MT_IDENTIFIER) MT_STATUS_COUNT };
enum mt_acceptance { MT_ACCEPTANCES(MT_IDENTIFIER) MT_ACCEPTANCE_COUNT };
enum mt_start { MT_STARTS(MT_IDENTIFIER) MT_START_COUNT };
enum mt_end { MT_ENDS(MT_IDENTIFIER) MT_END_COUNT };
enum mt_proxy { MT_PROXIES(MT_IDENTIFIER) MT_PROXY_COUNT };
enum mt_problem_kind { MT_PROBLEMS(MT_IDENTIFIER) MT_PROBLEM_COUNT };
#undef MT_IDENTIFIER

#endif
