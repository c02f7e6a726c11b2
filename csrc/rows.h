/* The one field table: every row type is described here once. The C structs below, the numpy dtypes, the DataFrame columns (through
 * _core.schema()) and docs/tables.md are all made from these lists.
 *
 * FIELD(name, C type, role, categories, text)
 *   role        NUMBER       a number as it is
 *               OPTIONAL     a number that may be missing: bit k of `present` says it is there, k being its place among the OPTIONAL fields
 *               TRUTH        0 or 1
 *               TIME         int64 nanoseconds since 1970 UTC, MT_NO_TIME if unknown
 *               SPAN         int64 nanoseconds, MT_NO_TIME if missing
 *               ENUM         int8 index into the list named by `categories`, -1 if missing
 *               ADDRESS      int32 code of an interned address, -1 if missing
 *               BYTES        int32 code of interned bytes shown as lower-case hex, -1 if missing
 *               TEXT         int32 code of interned text, -1 if missing
 *               HIDDEN       not a column of the DataFrame: raw material for one
 *   categories  an ENUM list of below, or NONE
 *
 * Fields go from wide to narrow, so that no struct has holes. */
#ifndef MT_ROWS_H
#define MT_ROWS_H

#include <stdint.h>

/* ---- enumerations: LIST(ITEM) with ITEM(identifier, text), values from 0 ---- */

#define MT_KINDS(ITEM) ITEM(MT_KIND_REQUEST, "request") ITEM(MT_KIND_RESPONSE, "response") ITEM(MT_KIND_NOTIFICATION, "notification") \
    ITEM(MT_KIND_NOISE, "noise")
#define MT_STATUSES(ITEM) ITEM(MT_STATUS_COMPLETE, "complete") ITEM(MT_STATUS_TRUNCATED, "truncated") ITEM(MT_STATUS_GAP, "gap") \
    ITEM(MT_STATUS_SNAPPED, "snapped") ITEM(MT_STATUS_OVERSIZE, "oversize") ITEM(MT_STATUS_MALFORMED, "malformed")
#define MT_STARTS(ITEM) ITEM(MT_START_SYN, "syn") ITEM(MT_START_MIDSTREAM, "midstream")
#define MT_ENDS(ITEM) ITEM(MT_END_FIN, "fin") ITEM(MT_END_RST, "rst") ITEM(MT_END_REUSED, "reused") ITEM(MT_END_IDLE, "idle") ITEM(MT_END_OPEN, "open")
#define MT_ADDRESS_TYPES(ITEM) ITEM(MT_ADDRESS_INVALID, "invalid") ITEM(MT_ADDRESS_IPV4, "ipv4") ITEM(MT_ADDRESS_IPV6, "ipv6") \
    ITEM(MT_ADDRESS_I2P, "i2p") ITEM(MT_ADDRESS_TOR, "tor")
/* What a row of problems is about. `lost` alone counts bytes that were not seen; every other kind counts bytes seen and not decoded. */
#define MT_PROBLEMS(ITEM) \
    ITEM(MT_PROBLEM_LOST, "lost")               /* a hole in a stream: bytes the capture does not hold */ \
    ITEM(MT_PROBLEM_NO_HEADER, "no_header")     /* bytes outside any message: no sound Levin header owns them */ \
    ITEM(MT_PROBLEM_TRUNCATED, "truncated")     /* from here on: the bytes of a message whose status has that name */ \
    ITEM(MT_PROBLEM_GAP, "gap") \
    ITEM(MT_PROBLEM_SNAPPED, "snapped") \
    ITEM(MT_PROBLEM_OVERSIZE, "oversize") \
    ITEM(MT_PROBLEM_MALFORMED, "malformed") \
    ITEM(MT_PROBLEM_FOREIGN, "foreign")         /* the payload of a TCP connection that is not Monero's, one row a direction */ \
    ITEM(MT_PROBLEM_CONFLICT, "conflict")       /* retransmitted bytes that differ from the first copy, which won; 0 bytes undecoded */ \
    ITEM(MT_PROBLEM_LIMIT, "limit")             /* something evicted by a limit */ \
    ITEM(MT_PROBLEM_PACKET, "packet")           /* a packet that is damaged below TCP */ \
    ITEM(MT_PROBLEM_FRAGMENT, "ip_fragment")    /* IP fragments whose datagram never became whole */ \
    ITEM(MT_PROBLEM_LINK_TYPE, "link_type")     /* packets of an interface whose link type we do not read */ \
    ITEM(MT_PROBLEM_FILE, "file")               /* a file that is damaged or cut */

#define MT_IDENTIFIER(identifier, text) identifier,
enum mt_kind { MT_KINDS(MT_IDENTIFIER) MT_KIND_COUNT };
enum mt_status { MT_STATUSES(MT_IDENTIFIER) MT_STATUS_COUNT };
enum mt_start { MT_STARTS(MT_IDENTIFIER) MT_START_COUNT };
enum mt_end { MT_ENDS(MT_IDENTIFIER) MT_END_COUNT };
enum mt_address_type { MT_ADDRESS_TYPES(MT_IDENTIFIER) MT_ADDRESS_TYPE_COUNT };
enum mt_problem { MT_PROBLEMS(MT_IDENTIFIER) MT_PROBLEM_COUNT };
#undef MT_IDENTIFIER

/* ---- rows ---- */

#define MT_CONNECTION_ROW(FIELD) \
    FIELD(connection, int64_t, NUMBER, NONE, "id, from 0, in order of appearance") \
    FIELD(opened, int64_t, TIME, NONE, "first packet") \
    FIELD(closed, int64_t, TIME, NONE, "last packet; of a connection that is still open, the last one captured") \
    FIELD(rtt, int64_t, SPAN, NONE, "from SYN to the ACK that completes the three-way handshake (tshark's tcp.analysis.initial_rtt); missing unless all three were captured") \
    FIELD(client_packets, int64_t, NUMBER, NONE, "TCP packets sent by the client") \
    FIELD(client_bytes, int64_t, NUMBER, NONE, "unique payload bytes captured from the client") \
    FIELD(client_retransmitted, int64_t, NUMBER, NONE, "payload bytes of the client seen again") \
    FIELD(client_out_of_order, int64_t, NUMBER, NONE, "packets of the client that brought new bytes from before bytes already seen") \
    FIELD(client_lost, int64_t, NUMBER, NONE, "payload bytes of the client that the capture does not hold") \
    FIELD(client_messages, int64_t, NUMBER, NONE, "rows of messages sent by the client") \
    FIELD(server_packets, int64_t, NUMBER, NONE, "TCP packets sent by the server") \
    FIELD(server_bytes, int64_t, NUMBER, NONE, "unique payload bytes captured from the server") \
    FIELD(server_retransmitted, int64_t, NUMBER, NONE, "payload bytes of the server seen again") \
    FIELD(server_out_of_order, int64_t, NUMBER, NONE, "packets of the server that brought new bytes from before bytes already seen") \
    FIELD(server_lost, int64_t, NUMBER, NONE, "payload bytes of the server that the capture does not hold") \
    FIELD(server_messages, int64_t, NUMBER, NONE, "rows of messages sent by the server") \
    FIELD(client, int32_t, ADDRESS, NONE, "who opened the connection; without a SYN, the side that does not use the Levin port") \
    FIELD(server, int32_t, ADDRESS, NONE, "who accepted it") \
    FIELD(present, uint32_t, HIDDEN, NONE, "which optional fields are there") \
    FIELD(client_port, uint16_t, NUMBER, NONE, "TCP port of the client") \
    FIELD(server_port, uint16_t, NUMBER, NONE, "TCP port of the server") \
    FIELD(client_mss, uint16_t, OPTIONAL, NONE, "MSS option of the client's SYN, bytes") \
    FIELD(server_mss, uint16_t, OPTIONAL, NONE, "MSS option of the server's SYN, bytes") \
    FIELD(client_ttl, uint8_t, OPTIONAL, NONE, "IPv4 TTL or IPv6 hop limit of the client's first packet as captured") \
    FIELD(server_ttl, uint8_t, OPTIONAL, NONE, "IPv4 TTL or IPv6 hop limit of the server's first packet as captured") \
    FIELD(start, int8_t, ENUM, STARTS, "whether the capture holds the beginning") \
    FIELD(end, int8_t, ENUM, ENDS, "how it ended")

#define MT_MESSAGE_ROW(FIELD) \
    FIELD(message, int64_t, NUMBER, NONE, "id, from 0, in the order in which messages became whole (or were given up)") \
    FIELD(connection, int64_t, NUMBER, NONE, "row of connections") \
    FIELD(time, int64_t, TIME, NONE, "packet that brought the first of its bytes to arrive") \
    FIELD(end_time, int64_t, TIME, NONE, "packet that brought the last missing byte") \
    FIELD(frame, int64_t, NUMBER, NONE, "number, in its file, of the packet that brought the first of its bytes to arrive, from 1") \
    FIELD(end_frame, int64_t, NUMBER, NONE, "number, in its own file, of the packet that brought the last missing byte, from 1") \
    FIELD(length, uint64_t, NUMBER, NONE, "declared payload bytes") \
    FIELD(captured, int64_t, NUMBER, NONE, "payload bytes present") \
    FIELD(reply_to, int64_t, NUMBER, NONE, "message id of the request that this answers, -1 if none") \
    FIELD(wire, int64_t, HIDDEN, NONE, "captured bytes of the stream that it took: headers, body, padding of Levin fragments") \
    FIELD(client, int32_t, HIDDEN, NONE, "address code of the connection's client") \
    FIELD(server, int32_t, HIDDEN, NONE, "address code of the connection's server") \
    FIELD(file, int32_t, NUMBER, NONE, "row of files in which `frame` counts") \
    FIELD(command, uint32_t, NUMBER, NONE, "Levin command") \
    FIELD(flags, uint32_t, NUMBER, NONE, "Levin flags: 1 request, 2 response, 4 begin, 8 end") \
    FIELD(return_code, int32_t, NUMBER, NONE, "Levin return code") \
    FIELD(version, uint32_t, NUMBER, NONE, "Levin protocol version") \
    FIELD(segments, uint32_t, NUMBER, NONE, "TCP segments that carried its bytes (retransmissions not counted)") \
    FIELD(first_segment, uint32_t, NUMBER, NONE, "bytes of the message, header included, in the segment that carried its first byte") \
    FIELD(fragments, uint32_t, NUMBER, NONE, "Levin fragments, 1 if none") \
    FIELD(from_client, uint8_t, TRUTH, NONE, "sent by the connection's client") \
    FIELD(expects_response, uint8_t, TRUTH, NONE, "the header asks for a response (any value but 0; the array holds the byte itself)") \
    FIELD(shared, uint8_t, TRUTH, NONE, "one of its segments also carries bytes of another message") \
    FIELD(kind, int8_t, ENUM, KINDS, "by flags and expects_response, in monerod's order; missing for a Levin fragment that belongs to nothing") \
    FIELD(status, int8_t, ENUM, STATUSES, "what became of it") \
    FIELD(reserved, uint8_t, HIDDEN, NONE, "0") \
    FIELD(reserved_too, uint16_t, HIDDEN, NONE, "0")

#define MT_PEER_ROW(FIELD) \
    FIELD(message, int64_t, NUMBER, NONE, "row of messages") \
    FIELD(id, uint64_t, NUMBER, NONE, "peer id learnt for that address") \
    FIELD(last_seen, int64_t, OPTIONAL, NONE, "seconds since 1970 as sent; standard nodes do not send it") \
    FIELD(host, int32_t, ADDRESS, NONE, "address; missing if the entry has none") \
    FIELD(position, uint32_t, NUMBER, NONE, "place in the list, from 0") \
    FIELD(pruning_seed, uint32_t, OPTIONAL, NONE, "384 to 391 for a pruned node") \
    FIELD(rpc_credits_per_hash, uint32_t, OPTIONAL, NONE, "price of RPC, if sent") \
    FIELD(port, uint16_t, NUMBER, NONE, "TCP port") \
    FIELD(rpc_port, uint16_t, OPTIONAL, NONE, "port of public RPC, if sent") \
    FIELD(present, uint16_t, HIDDEN, NONE, "which optional fields are there") \
    FIELD(type, int8_t, ENUM, ADDRESS_TYPES, "type of address as declared") \
    FIELD(reserved, uint8_t, HIDDEN, NONE, "0")

#define MT_NODE_ROW(FIELD) \
    FIELD(message, int64_t, NUMBER, NONE, "row of messages") \
    FIELD(peer_id, uint64_t, OPTIONAL, NONE, "peer id of the sender") \
    FIELD(local_time, uint64_t, OPTIONAL, NONE, "clock of the sender, seconds since 1970 (v0.15 and older)") \
    FIELD(my_port, uint32_t, OPTIONAL, NONE, "listening port; 0 if hidden") \
    FIELD(support_flags, uint32_t, OPTIONAL, NONE, "bit 0: fluffy blocks") \
    FIELD(rpc_credits_per_hash, uint32_t, OPTIONAL, NONE, "price of RPC, if sent") \
    FIELD(network_id, int32_t, BYTES, NONE, "16 bytes that name the network") \
    FIELD(status_text, int32_t, TEXT, NONE, "status of a 1003 response, OK from standard nodes") \
    FIELD(rpc_port, uint16_t, OPTIONAL, NONE, "port of public RPC, if sent") \
    FIELD(present, uint16_t, HIDDEN, NONE, "which optional fields are there")

#define MT_SYNC_ROW(FIELD) \
    FIELD(message, int64_t, NUMBER, NONE, "row of messages") \
    FIELD(current_height, uint64_t, OPTIONAL, NONE, "number of blocks: height of the top block + 1") \
    FIELD(cumulative_difficulty, uint64_t, OPTIONAL, NONE, "low 64 bits") \
    FIELD(cumulative_difficulty_top64, uint64_t, OPTIONAL, NONE, "high 64 bits") \
    FIELD(top_id, int32_t, BYTES, NONE, "id of the top block") \
    FIELD(pruning_seed, uint32_t, OPTIONAL, NONE, "384 to 391 for a pruned node") \
    FIELD(top_version, uint8_t, OPTIONAL, NONE, "hard-fork version of the top block") \
    FIELD(present, uint8_t, HIDDEN, NONE, "which optional fields are there") \
    FIELD(reserved, uint16_t, HIDDEN, NONE, "0") \
    FIELD(reserved_too, uint32_t, HIDDEN, NONE, "0")

#define MT_PROBLEM_ROW(FIELD) \
    FIELD(frame, int64_t, NUMBER, NONE, "packet number in its file at which it was noticed, 0 if none") \
    FIELD(time, int64_t, TIME, NONE, "time of that packet") \
    FIELD(connection, int64_t, NUMBER, NONE, "row of connections, -1 if none") \
    FIELD(offset, int64_t, NUMBER, NONE, "offset in the direction's byte stream (0 = first byte after the SYN, or first byte seen), -1 if none; for `file` the offset in the file") \
    FIELD(bytes, int64_t, NUMBER, NONE, "bytes concerned; `lost`: bytes not seen") \
    FIELD(client, int32_t, HIDDEN, NONE, "address code of the connection's client") \
    FIELD(server, int32_t, HIDDEN, NONE, "address code of the connection's server") \
    FIELD(file, int32_t, NUMBER, NONE, "row of files, -1 if none") \
    FIELD(detail, int32_t, TEXT, NONE, "why, for people") \
    FIELD(kind, int8_t, ENUM, PROBLEMS, "what kind of thing") \
    FIELD(from_client, int8_t, HIDDEN, NONE, "1 or 0, -1 if no direction") \
    FIELD(reserved, uint16_t, HIDDEN, NONE, "0") \
    FIELD(reserved_too, uint32_t, HIDDEN, NONE, "0")

#define MT_FILE_ROW(FIELD) \
    FIELD(packets, int64_t, NUMBER, NONE, "packets read") \
    FIELD(bytes, int64_t, NUMBER, NONE, "bytes of these packets on the wire") \
    FIELD(first, int64_t, TIME, NONE, "earliest packet") \
    FIELD(last, int64_t, TIME, NONE, "latest packet") \
    FIELD(tcp_packets, int64_t, NUMBER, NONE, "packets that carried a TCP segment (or the last fragment of one)") \
    FIELD(monero_packets, int64_t, NUMBER, NONE, "TCP packets of Monero connections") \
    FIELD(skipped_packets, int64_t, NUMBER, NONE, "packets that are no TCP segment: other protocols, damaged, fragments that wait") \
    FIELD(file, int32_t, NUMBER, NONE, "number of the file in the stream") \
    FIELD(path, int32_t, TEXT, NONE, "path as given") \
    FIELD(link_type, int32_t, TEXT, NONE, "libpcap's name of its link type; several are joined by commas") \
    FIELD(truncated, uint8_t, TRUTH, NONE, "the file ends inside a record, or is damaged") \
    FIELD(reserved, uint8_t, HIDDEN, NONE, "0") \
    FIELD(reserved_too, uint16_t, HIDDEN, NONE, "0")

/* TABLE(name, struct, ROW, text) */
#define MT_TABLES(TABLE) \
    TABLE(connections, mt_connection_row, MT_CONNECTION_ROW, "one row per TCP connection") \
    TABLE(messages, mt_message_row, MT_MESSAGE_ROW, "one row per Levin message, whole or not") \
    TABLE(peer_lists, mt_peer_row, MT_PEER_ROW, "one row per peer-list entry of a whole message") \
    TABLE(node_data, mt_node_row, MT_NODE_ROW, "one row per whole message that says something of its sender (1001 both ways, 1003 and 1007 responses)") \
    TABLE(sync_data, mt_sync_row, MT_SYNC_ROW, "one row per payload_data of a whole message (1001, 1002)") \
    TABLE(problems, mt_problem_row, MT_PROBLEM_ROW, "one row per thing that could not be decoded") \
    TABLE(files, mt_file_row, MT_FILE_ROW, "one row per capture file")

#define MT_MEMBER(name, type, role, categories, text) type name;
#define MT_STRUCT(name, tag, ROW, text) struct tag { ROW(MT_MEMBER) };
MT_TABLES(MT_STRUCT)
#undef MT_STRUCT
#undef MT_MEMBER

#define MT_TABLE_ID(name, tag, ROW, text) MT_TABLE_##name,
enum mt_table_id { MT_TABLES(MT_TABLE_ID) MT_TABLE_COUNT };
#undef MT_TABLE_ID

/* Bits of `present`, in the order of the OPTIONAL fields above (tests/c/test_rows.c holds both against each other). */
enum { MT_CONNECTION_CLIENT_MSS = 1, MT_CONNECTION_SERVER_MSS = 2, MT_CONNECTION_CLIENT_TTL = 4, MT_CONNECTION_SERVER_TTL = 8 };
enum { MT_PEER_LAST_SEEN = 1, MT_PEER_PRUNING_SEED = 2, MT_PEER_RPC_CREDITS = 4, MT_PEER_RPC_PORT = 8 };
enum { MT_NODE_PEER_ID = 1, MT_NODE_LOCAL_TIME = 2, MT_NODE_MY_PORT = 4, MT_NODE_SUPPORT_FLAGS = 8, MT_NODE_RPC_CREDITS = 16, MT_NODE_RPC_PORT = 32 };
enum { MT_SYNC_HEIGHT = 1, MT_SYNC_DIFFICULTY = 2, MT_SYNC_DIFFICULTY_TOP64 = 4, MT_SYNC_PRUNING_SEED = 8, MT_SYNC_TOP_VERSION = 16 };

/* ---- the description of the same, for those who make dtypes and documents from it ---- */

enum mt_role { MT_ROLE_NUMBER, MT_ROLE_OPTIONAL, MT_ROLE_TRUTH, MT_ROLE_TIME, MT_ROLE_SPAN, MT_ROLE_ENUM, MT_ROLE_ADDRESS, MT_ROLE_BYTES, MT_ROLE_TEXT, MT_ROLE_HIDDEN };

struct mt_categories {
    const char *const *names;
    int count;
};

struct mt_field {
    const char *name;
    char code;      /* numpy kind: 'i' or 'u' */
    uint8_t size;   /* bytes */
    uint16_t offset; /* in its struct */
    enum mt_role role;
    const struct mt_categories *categories; /* NULL unless ENUM */
    const char *text;
};

struct mt_schema {
    const char *name;
    const char *text;
    const struct mt_field *fields;
    int count;
    uint16_t row_size;
};

/* One entry per mt_table_id. */
extern const struct mt_schema mt_schemas[MT_TABLE_COUNT];

#endif
