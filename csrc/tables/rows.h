/* The field table: every row type is described here once. The C structs below, the numpy dtypes,
 * the DataFrame columns (through _core.schema()) and docs/tables.md are made from these lists. Used
 * by every layer that appends rows and by the binding.
 *
 * FIELD(name, C type, role, categories, text)
 *   role
 *     NUMBER    a number as it is
 *     OPTIONAL  a number that may be missing: bit k of `present` is set if it is there, where k is
 *               its index among the OPTIONAL fields
 *     TRUTH     0 or 1
 *     TIME      int64 nanoseconds since 1970 UTC, MT_NO_TIME if unknown
 *     SPAN      int64 nanoseconds, MT_NO_TIME if missing
 *     ENUM      int8 index into the list named by `categories`, -1 if missing
 *     ADDRESS   int32 code of an interned address, -1 if missing
 *     BYTES     int32 code of interned bytes, shown as lower-case hex, -1 if missing
 *     TEXT      int32 code of interned text, -1 if missing
 *     HIDDEN    not a column of the DataFrame: raw material for one
 *   categories  an ENUM list of base/vocabulary.h or below, or NONE
 *
 * Fields are ordered from wide to narrow, so that no struct has padding. */
#ifndef MT_TABLES_ROWS_H
#define MT_TABLES_ROWS_H

#include "base/vocabulary.h"

#include <stdint.h>

/* ---- enumerations: LIST(ITEM) with ITEM(identifier, text), values from 0 ---- */

#define MT_ADDRESS_TYPES(ITEM) \
    ITEM(MT_ADDRESS_INVALID, "invalid") \
    ITEM(MT_ADDRESS_IPV4, "ipv4") \
    ITEM(MT_ADDRESS_IPV6, "ipv6") ITEM(MT_ADDRESS_I2P, "i2p") ITEM(MT_ADDRESS_TOR, "tor")
#define MT_LISTS(ITEM) \
    ITEM(MT_LIST_BLOCKS, "blocks") \
    ITEM(MT_LIST_MISSED, "missed") \
    ITEM(MT_LIST_CHAIN, "chain") \
    ITEM(MT_LIST_MISSING_INDICES, "missing_indices") \
    ITEM(MT_LIST_TXPOOL, "txpool") \
    ITEM(MT_LIST_ANNOUNCED, "announced") ITEM(MT_LIST_REQUESTED, "requested")

#define MT_IDENTIFIER(identifier, text) identifier,
enum mt_address_type { MT_ADDRESS_TYPES(MT_IDENTIFIER) MT_ADDRESS_TYPE_COUNT };
enum mt_list { MT_LISTS(MT_IDENTIFIER) MT_LIST_COUNT };
#undef MT_IDENTIFIER

/* ---- rows ---- */

#define MT_CONNECTION_ROW(FIELD) \
    FIELD(connection, int64_t, NUMBER, NONE, "id, from 0, in order of appearance") \
    FIELD(opened, int64_t, TIME, NONE, "first packet") \
    FIELD(closed, int64_t, TIME, NONE, \
          "last packet; of a connection that is still open, the last one captured") \
    FIELD(rtt, int64_t, SPAN, NONE, \
          "from SYN to the ACK that completes the three-way handshake (tshark's " \
          "tcp.analysis.initial_rtt); missing unless all three were captured") \
    FIELD(client_packets, int64_t, NUMBER, NONE, "TCP packets sent by the client") \
    FIELD(client_bytes, int64_t, NUMBER, NONE, "unique payload bytes captured from the client") \
    FIELD(client_retransmitted, int64_t, NUMBER, NONE, "repeated payload bytes from the client") \
    FIELD(client_out_of_order, int64_t, NUMBER, NONE, \
          "packets of the client with new bytes that precede bytes already seen") \
    FIELD(client_lost, int64_t, NUMBER, NONE, \
          "payload bytes of the client that are not in the capture") \
    FIELD(client_messages, int64_t, NUMBER, NONE, "rows of messages sent by the client") \
    FIELD(server_packets, int64_t, NUMBER, NONE, "TCP packets sent by the server") \
    FIELD(server_bytes, int64_t, NUMBER, NONE, "unique payload bytes captured from the server") \
    FIELD(server_retransmitted, int64_t, NUMBER, NONE, "repeated payload bytes from the server") \
    FIELD(server_out_of_order, int64_t, NUMBER, NONE, \
          "packets of the server with new bytes that precede bytes already seen") \
    FIELD(server_lost, int64_t, NUMBER, NONE, \
          "payload bytes of the server that are not in the capture") \
    FIELD(server_messages, int64_t, NUMBER, NONE, "rows of messages sent by the server") \
    FIELD(client, int32_t, ADDRESS, NONE, \
          "side that opened the connection; without a SYN, the side that does not use the Levin " \
          "port") \
    FIELD(server, int32_t, ADDRESS, NONE, "side that accepted the connection") \
    FIELD(tunnel, int32_t, TEXT, NONE, \
          "tunnels around its first packet, the outermost first (`GRE/Ethernet`, `VXLAN/IPIP`); " \
          "missing without one") \
    FIELD( \
        tunnel_ends, int32_t, HIDDEN, NONE, \
        "interned bytes of both ends of the outermost IP tunnel, each as version (4 or 6) and 16 " \
        "bytes, the lower one first; -1 without one") \
    FIELD( \
        proxied_host, int32_t, ADDRESS, NONE, \
        "host that the first bytes of the client name: the target of a SOCKS or CONNECT request, " \
        "the source in a PROXY header. A sender can write any name; `peer` is this host only if " \
        "the vantage node sent a request that the proxy granted, or if the header came from " \
        "`trusted_proxies=`") \
    FIELD(present, uint32_t, HIDDEN, NONE, "which optional fields are present") \
    FIELD(client_port, uint16_t, NUMBER, NONE, "TCP port of the client") \
    FIELD(server_port, uint16_t, NUMBER, NONE, "TCP port of the server") \
    FIELD(client_mss, uint16_t, OPTIONAL, NONE, "MSS option of the client's SYN, bytes") \
    FIELD(server_mss, uint16_t, OPTIONAL, NONE, "MSS option of the server's SYN, bytes") \
    FIELD(proxied_port, uint16_t, OPTIONAL, NONE, \
          "TCP port that the client names with proxied_host") \
    FIELD(client_ttl, uint8_t, OPTIONAL, NONE, \
          "IPv4 TTL or IPv6 hop limit of the client's first packet as captured") \
    FIELD(server_ttl, uint8_t, OPTIONAL, NONE, \
          "IPv4 TTL or IPv6 hop limit of the server's first packet as captured") \
    FIELD(proxy_granted, uint8_t, OPTIONAL_TRUTH, NONE, \
          "the proxy answered the SOCKS or CONNECT request, and connected; missing without an " \
          "answer") \
    FIELD(proxy, int8_t, ENUM, PROXIES, \
          "protocol of the first bytes of the client, before its first message: a request to a " \
          "proxy, or the header of one; missing without") \
    FIELD(start, int8_t, ENUM, STARTS, "whether the capture contains the beginning") \
    FIELD(end, int8_t, ENUM, ENDS, "how the connection ended")

#define MT_MESSAGE_ROW(FIELD) \
    FIELD(message, int64_t, NUMBER, NONE, \
          "id, from 0, in the order in which messages were completed or abandoned") \
    FIELD(connection, int64_t, NUMBER, NONE, "row of connections") \
    FIELD(time, int64_t, TIME, NONE, "time of the packet with the first of its bytes to arrive") \
    FIELD(end_time, int64_t, TIME, NONE, "time of the packet with its last missing byte") \
    FIELD(frame, int64_t, NUMBER, NONE, \
          "number, in its file, of the packet with the first of its bytes to arrive, from 1") \
    FIELD(end_frame, int64_t, NUMBER, NONE, \
          "number, in its own file, of the packet with its last missing byte, from 1") \
    FIELD(length, uint64_t, NUMBER, NONE, "declared payload bytes") \
    FIELD(captured, int64_t, NUMBER, NONE, "payload bytes captured") \
    FIELD(reply_to, int64_t, NUMBER, NONE, \
          "message id of the request that this message answers, -1 without one") \
    FIELD(wire, int64_t, HIDDEN, NONE, \
          "captured bytes of the stream that belong to it: headers, body, padding of Levin " \
          "fragments") \
    FIELD(skeleton, uint64_t, OPTIONAL, NONE, \
          "hash of the keys and types that an implementation writes in every message of this " \
          "command; " \
          "docs/fingerprint.md") \
    FIELD(client, int32_t, HIDDEN, NONE, "address code of the connection's client") \
    FIELD(server, int32_t, HIDDEN, NONE, "address code of the connection's server") \
    FIELD(day, int32_t, HIDDEN, NONE, \
          "UTC day of the first packet of its connection, days since 1970; the least int32 if " \
          "unknown") \
    FIELD(proxied_host, int32_t, HIDDEN, NONE, \
          "address code that is the peer instead of the proxy's, see connections; -1 without a " \
          "granted request or a header") \
    FIELD(file, int32_t, NUMBER, NONE, "row of files in which `frame` counts") \
    FIELD(command, uint32_t, NUMBER, NONE, "Levin command") \
    FIELD(levin_flags, uint32_t, NUMBER, NONE, \
          "Levin flags: 1 request, 2 response, 4 begin, 8 end") \
    FIELD(return_code, int32_t, NUMBER, NONE, "Levin return code") \
    FIELD(version, uint32_t, NUMBER, NONE, "Levin protocol version") \
    FIELD(segments, uint32_t, NUMBER, NONE, \
          "TCP segments that carried its bytes, without retransmissions") \
    FIELD(first_segment, uint32_t, NUMBER, NONE, \
          "bytes of the message, header included, in the segment with its first byte") \
    FIELD(fragments, uint32_t, NUMBER, NONE, \
          "number of Levin fragments, 1 for an unfragmented message") \
    FIELD( \
        end_length, uint32_t, NUMBER, NONE, \
        "TCP payload bytes, of this and other messages, of the packet with its last missing byte " \
        "(tshark's tcp.len)") \
    FIELD(trailing, uint32_t, OPTIONAL, NONE, "bytes of the payload after its root section") \
    FIELD(unknown_keys, uint16_t, OPTIONAL, NONE, "entries whose key is not in monerod's structs") \
    FIELD(duplicate_keys, uint16_t, OPTIONAL, NONE, \
          "keys that occur again in their section; monerod rejects them") \
    FIELD(wide_varints, uint16_t, OPTIONAL, NONE, \
          "counts and lengths written in more bytes than necessary") \
    FIELD(other_types, uint16_t, OPTIONAL, NONE, \
          "known fields with another type than monerod writes") \
    FIELD(default_fields, uint16_t, OPTIONAL, NONE, \
          "fields that monerod omits: optional fields with their default value, empty lists") \
    FIELD(present, uint16_t, HIDDEN, NONE, "which optional fields are present") \
    FIELD(from_client, uint8_t, TRUTH, NONE, "sent by the client of the connection") \
    FIELD(expects_response, uint8_t, TRUTH, NONE, \
          "the header requests a response (any value except 0; the array contains the byte)") \
    FIELD(shared, uint8_t, TRUTH, NONE, \
          "one of its segments also carries bytes of another message") \
    FIELD(kind, int8_t, ENUM, KINDS, \
          "by flags and expects_response, in monerod's order; missing for a Levin fragment " \
          "without a " \
          "message") \
    FIELD(status, int8_t, ENUM, STATUSES, "whether and how it is incomplete") \
    FIELD(keys_ordered, uint8_t, OPTIONAL_TRUTH, NONE, \
          "the keys of every section are in ascending order, as monerod writes them") \
    FIELD( \
        accepted, int8_t, ENUM, ACCEPTANCES, \
        "whether the receiver's TCP accepted all its bytes: yes (valid segments, acknowledged by " \
        "the receiver), no (a real TCP stack drops them), unknown (the capture does not show it)") \
    FIELD(proxy, int8_t, HIDDEN, NONE, "as in connections, -1 without") \
    FIELD(reserved, uint32_t, HIDDEN, NONE, "0")

/* What an entry of a peer list says: fields of 32 bits and more, and the others. */
#define MT_PEER_WIDE_FIELDS(FIELD) \
    FIELD(id, uint64_t, NUMBER, NONE, "peer id that the sender knows for the address") \
    FIELD(last_seen, int64_t, OPTIONAL, NONE, \
          "seconds since 1970 as sent; standard nodes do not send it") \
    FIELD(host, int32_t, ADDRESS, NONE, "address; missing for an entry without an address") \
    FIELD(pruning_seed, uint32_t, OPTIONAL, NONE, "384 to 391 for a pruned node") \
    FIELD(rpc_credits_per_hash, uint32_t, OPTIONAL, NONE, "price of RPC, if sent")
#define MT_PEER_NARROW_FIELDS(FIELD) \
    FIELD(port, uint16_t, NUMBER, NONE, "TCP port") \
    FIELD(rpc_port, uint16_t, OPTIONAL, NONE, "port of public RPC, if sent") \
    FIELD(present, uint16_t, HIDDEN, NONE, "which optional fields are present") \
    FIELD(type, int8_t, ENUM, ADDRESS_TYPES, "type of address as declared") \
    FIELD(reserved, uint8_t, HIDDEN, NONE, "0")

/* The core does not store these rows, but peer_runs, peer_codes and peer_entries, of which they are
 * made. */
#define MT_PEER_ROW(FIELD) \
    FIELD(message, int64_t, NUMBER, NONE, "row of messages") \
    MT_PEER_WIDE_FIELDS(FIELD) \
    FIELD(position, uint32_t, NUMBER, NONE, "position in the list, from 0") \
    MT_PEER_NARROW_FIELDS(FIELD)

#define MT_PEER_RUN_ROW(FIELD) \
    FIELD(message, int64_t, NUMBER, NONE, "row of messages") \
    FIELD(entries, uint32_t, NUMBER, NONE, \
          "number of its rows in peer_codes, which follow those " \
          "of the run before") \
    FIELD(reserved, uint32_t, HIDDEN, NONE, "0")

#define MT_PEER_CODE_ROW(FIELD) FIELD(entry, int32_t, NUMBER, NONE, "row of peer_entries")

#define MT_PEER_ENTRY_ROW(FIELD) \
    MT_PEER_WIDE_FIELDS(FIELD) \
    MT_PEER_NARROW_FIELDS(FIELD) \
    FIELD(reserved_too, uint32_t, HIDDEN, NONE, "0")

#define MT_NODE_ROW(FIELD) \
    FIELD(message, int64_t, NUMBER, NONE, "row of messages") \
    FIELD(peer_id, uint64_t, OPTIONAL, NONE, "peer id of the sender") \
    FIELD(local_time, uint64_t, OPTIONAL, NONE, \
          "clock of the sender, seconds since 1970 (v0.15 and older)") \
    FIELD(my_port, uint32_t, OPTIONAL, NONE, "listening port; 0 if hidden") \
    FIELD(support_flags, uint32_t, OPTIONAL, NONE, "bit 0: fluffy blocks") \
    FIELD(rpc_credits_per_hash, uint32_t, OPTIONAL, NONE, "price of RPC, if sent") \
    FIELD(network_id, int32_t, BYTES, NONE, "16 bytes that identify the network") \
    FIELD(status_text, int32_t, TEXT, NONE, "status of a 1003 response, OK from standard nodes") \
    FIELD(rpc_port, uint16_t, OPTIONAL, NONE, "port of public RPC, if sent") \
    FIELD(present, uint16_t, HIDDEN, NONE, "which optional fields are present")

#define MT_SYNC_ROW(FIELD) \
    FIELD(message, int64_t, NUMBER, NONE, "row of messages") \
    FIELD(current_height, uint64_t, OPTIONAL, NONE, \
          "number of blocks: height of the top block + 1") \
    FIELD(cumulative_difficulty, uint64_t, OPTIONAL, NONE, "low 64 bits") \
    FIELD(cumulative_difficulty_top64, uint64_t, OPTIONAL, NONE, "high 64 bits") \
    FIELD(top_id, int32_t, BYTES, NONE, "id of the top block") \
    FIELD(pruning_seed, uint32_t, OPTIONAL, NONE, "384 to 391 for a pruned node") \
    FIELD(top_version, uint8_t, OPTIONAL, NONE, "hard-fork version of the top block") \
    FIELD(present, uint8_t, HIDDEN, NONE, "which optional fields are present") \
    FIELD(reserved, uint16_t, HIDDEN, NONE, "0") \
    FIELD(reserved_too, uint32_t, HIDDEN, NONE, "0")

#define MT_TRANSACTION_ROW(FIELD) \
    FIELD(message, int64_t, NUMBER, NONE, "row of messages") \
    FIELD(fee, uint64_t, OPTIONAL, NONE, \
          "fee in atomic units, for version 1 the sum of inputs minus outputs; missing for " \
          "coinbase") \
    FIELD(weight, uint64_t, OPTIONAL, NONE, \
          "weight (src/cryptonote_basic/cryptonote_format_utils.cpp get_transaction_weight); " \
          "missing if " \
          "pruned") \
    FIELD(tx, int32_t, BYTES, NONE, "id of the transaction; missing if the blob cannot be parsed") \
    FIELD(blob_hash, int32_t, BYTES, NONE, \
          "Keccak-256 of the blob, also of one that cannot be parsed") \
    FIELD(position, uint32_t, NUMBER, NONE, \
          "position among the transactions of its message, from 0") \
    FIELD(blob_size, uint32_t, NUMBER, NONE, "bytes of the blob") \
    FIELD(inputs, uint32_t, OPTIONAL, NONE, "number of inputs") \
    FIELD(outputs, uint32_t, OPTIONAL, NONE, "number of outputs") \
    FIELD(ring_size, uint32_t, OPTIONAL, NONE, \
          "ring members of the first input that spends outputs; missing for coinbase") \
    FIELD(block_position, uint32_t, OPTIONAL, NONE, \
          "position, in blocks, of the block with which it was sent; missing for 2002") \
    FIELD(present, uint16_t, HIDDEN, NONE, "which optional fields are present") \
    FIELD(version, uint8_t, OPTIONAL, NONE, "transaction version, 1 or 2") \
    FIELD(rct_type, uint8_t, OPTIONAL, NONE, \
          "RingCT type, 0 (none: coinbase) to 6 (BulletproofPlus, CLSAG); missing for version 1") \
    FIELD(pruned, uint8_t, TRUTH, NONE, "the blob lacks the part that pruned nodes do not store") \
    FIELD(fluff, uint8_t, OPTIONAL_TRUTH, NONE, \
          "2002 only: dandelionpp_fluff, which is true if omitted") \
    FIELD(ascending, uint8_t, OPTIONAL_TRUTH, NONE, \
          "2002 only: the blob is not less, in bytes, than the one before it; true for the first") \
    FIELD(reserved, uint8_t, HIDDEN, NONE, "0")

#define MT_BLOCK_ROW(FIELD) \
    FIELD(message, int64_t, NUMBER, NONE, "row of messages") \
    FIELD(height, uint64_t, OPTIONAL, NONE, "height according to its miner transaction") \
    FIELD(timestamp, uint64_t, OPTIONAL, NONE, "time stamp set by its miner, seconds since 1970") \
    FIELD(block, int32_t, BYTES, NONE, "id of the block; missing if the blob cannot be parsed") \
    FIELD(blob_hash, int32_t, BYTES, NONE, \
          "Keccak-256 of the blob, also of one that cannot be parsed") \
    FIELD(previous, int32_t, BYTES, NONE, "id of the block before it") \
    FIELD(miner_tx, int32_t, BYTES, NONE, "id of its miner transaction") \
    FIELD(position, uint32_t, NUMBER, NONE, "position among the blocks of its message, from 0") \
    FIELD(transactions, uint32_t, OPTIONAL, NONE, \
          "number of transaction ids in it, without the miner transaction") \
    FIELD(blob_size, uint32_t, NUMBER, NONE, "bytes of the blob") \
    FIELD(present, uint16_t, HIDDEN, NONE, "which optional fields are present") \
    FIELD(major_version, uint8_t, OPTIONAL, NONE, "hard-fork version") \
    FIELD(minor_version, uint8_t, OPTIONAL, NONE, "hard-fork version that its miner votes for")

#define MT_INVENTORY_ROW(FIELD) \
    FIELD(message, int64_t, NUMBER, NONE, "row of messages") \
    FIELD(tx_index, uint64_t, OPTIONAL, NONE, \
          "missing_indices: position of a transaction in the list of the block") \
    FIELD(id, int32_t, BYTES, NONE, \
          "id of a block, or (txpool, announced, requested) of a transaction; missing_indices: " \
          "id of the block of `tx_index`") \
    FIELD(position, uint32_t, NUMBER, NONE, "position in the list, from 0") \
    FIELD(list, int8_t, ENUM, LISTS, \
          "list: blocks (2003), missed (2004), chain (2006, 2007), missing_indices (2009), " \
          "txpool (2010), and of the draft of relay v2 announced (2011), requested (2012)") \
    FIELD(present, uint8_t, HIDDEN, NONE, "which optional fields are present") \
    FIELD(reserved, uint16_t, HIDDEN, NONE, "0") \
    FIELD(reserved_too, uint32_t, HIDDEN, NONE, "0")

#define MT_ENTRY_ROW(FIELD) \
    FIELD(message, int64_t, NUMBER, NONE, "row of messages") \
    FIELD(elements, uint64_t, OPTIONAL, NONE, \
          "number of elements of an array, or of entries of an object") \
    FIELD(value_int, int64_t, OPTIONAL, NONE, "value of a signed integer (types 1 to 4)") \
    FIELD(value_uint, uint64_t, OPTIONAL, NONE, \
          "value of an unsigned integer (types 5 to 8) or of a bool (11)") \
    FIELD(value_float, double, OPTIONAL, NONE, "value of a double") \
    FIELD(position, uint32_t, NUMBER, NONE, \
          "position among the rows of its message, from 0, depth first") \
    FIELD(parent, int32_t, NUMBER, NONE, \
          "position of the enclosing object or array, -1 for entries of the root") \
    FIELD(key, int32_t, TEXT, NONE, "name; missing for elements of arrays") \
    FIELD(value_bytes, int32_t, RAW, NONE, "value of a string") \
    FIELD(depth, uint8_t, NUMBER, NONE, \
          "number of enclosing objects and arrays, 0 for entries of the root") \
    FIELD(type, uint8_t, NUMBER, NONE, \
          "epee type, 1 to 12; for an array 128 + the type of its elements") \
    FIELD(present, uint8_t, HIDDEN, NONE, "which optional fields are present") \
    FIELD(reserved, uint8_t, HIDDEN, NONE, "0") \
    FIELD(reserved_too, uint32_t, HIDDEN, NONE, "0")

#define MT_PROBLEM_ROW(FIELD) \
    FIELD(frame, int64_t, NUMBER, NONE, \
          "number, in its file, of the packet that revealed it, 0 if unknown") \
    FIELD(time, int64_t, TIME, NONE, "time of that packet") \
    FIELD(connection, int64_t, NUMBER, NONE, "row of connections, -1 without one") \
    FIELD(offset, int64_t, NUMBER, NONE, \
          "offset in the byte stream of the direction (0 = first byte after the SYN, or first " \
          "byte seen), " \
          "-1 without one; for `file` the offset in the file") \
    FIELD(bytes, int64_t, NUMBER, NONE, "number of bytes; for `lost`, bytes not seen") \
    FIELD(client, int32_t, HIDDEN, NONE, "address code of the connection's client") \
    FIELD(server, int32_t, HIDDEN, NONE, "address code of the connection's server") \
    FIELD(day, int32_t, HIDDEN, NONE, \
          "UTC day of the first packet of its connection, days since 1970; the least int32 if " \
          "unknown") \
    FIELD(file, int32_t, NUMBER, NONE, "row of files, -1 without one") \
    FIELD(detail, int32_t, TEXT, NONE, "reason, as text") \
    FIELD(proxied_host, int32_t, HIDDEN, NONE, "as in messages") \
    FIELD(kind, int8_t, ENUM, PROBLEMS, "kind of problem") \
    FIELD(from_client, int8_t, HIDDEN, NONE, "1 or 0, -1 if no direction") \
    FIELD(proxy, int8_t, HIDDEN, NONE, "as in connections, -1 without") \
    FIELD(reserved, uint8_t, HIDDEN, NONE, "0") \
    FIELD(reserved_too, uint32_t, HIDDEN, NONE, "0")

#define MT_FILE_ROW(FIELD) \
    FIELD(packets, int64_t, NUMBER, NONE, "packets read") \
    FIELD(bytes, int64_t, NUMBER, NONE, "bytes of the packets on the wire") \
    FIELD(first_time, int64_t, TIME, NONE, "time of the earliest packet") \
    FIELD(last_time, int64_t, TIME, NONE, "time of the latest packet") \
    FIELD(tcp_packets, int64_t, NUMBER, NONE, \
          "packets with a TCP segment, or with the last fragment of one") \
    FIELD(monero_packets, int64_t, NUMBER, NONE, "TCP packets of Monero connections") \
    FIELD(skipped_packets, int64_t, NUMBER, NONE, \
          "packets without a TCP segment: other protocols, damaged packets, incomplete fragments") \
    FIELD(dropped, int64_t, OPTIONAL, NONE, \
          "packets that the capture program dropped, as the file states; missing if it states " \
          "nothing") \
    FIELD(file, int32_t, NUMBER, NONE, "number of the file in the stream") \
    FIELD(path, int32_t, TEXT, NONE, "path as given") \
    FIELD(link_type, int32_t, TEXT, NONE, \
          "libpcap's name of the link type; several are joined by commas") \
    FIELD(truncated, uint8_t, TRUTH, NONE, \
          "the file ends within a record, or could not be read to its end") \
    FIELD(present, uint8_t, HIDDEN, NONE, "which optional fields are there") \
    FIELD(reserved_too, uint16_t, HIDDEN, NONE, "0")

/* TABLE(name, struct, ROW, text) */
#define MT_TABLES(TABLE) \
    TABLE(connections, mt_connection_row, MT_CONNECTION_ROW, "one row per TCP connection") \
    TABLE(messages, mt_message_row, MT_MESSAGE_ROW, "one row per Levin message, complete or not") \
    TABLE(peer_lists, mt_peer_row, MT_PEER_ROW, \
          "one row per peer-list entry of a complete message") \
    TABLE(peer_runs, mt_peer_run_row, MT_PEER_RUN_ROW, \
          "one row per peer list with entries of a complete message: a run of peer_codes") \
    TABLE(peer_codes, mt_peer_code_row, MT_PEER_CODE_ROW, "one row per peer-list entry") \
    TABLE(peer_entries, mt_peer_entry_row, MT_PEER_ENTRY_ROW, \
          "one row per distinct peer-list entry; an entry that was not seen for long may be " \
          "repeated") \
    TABLE( \
        node_data, mt_node_row, MT_NODE_ROW, \
        "one row per complete message that describes its sender (1001, 1003 and 1007 responses)") \
    TABLE(sync_data, mt_sync_row, MT_SYNC_ROW, \
          "one row per payload_data of a complete message (1001, 1002)") \
    TABLE(transactions, mt_transaction_row, MT_TRANSACTION_ROW, \
          "one row per transaction blob of a complete message (2001, 2002, 2004, 2008)") \
    TABLE(blocks, mt_block_row, MT_BLOCK_ROW, \
          "one row per block blob of a complete message (2001, 2004, 2008)") \
    TABLE(inventories, mt_inventory_row, MT_INVENTORY_ROW, \
          "one row per id or index listed in a complete message (2003, 2004, 2006, 2007, 2009 to " \
          "2012)") \
    TABLE( \
        fields, mt_entry_row, MT_ENTRY_ROW, \
        "on request: one row per epee entry, and per element of an array, of a complete payload") \
    TABLE(problems, mt_problem_row, MT_PROBLEM_ROW, \
          "one row per piece of data that could not be decoded") \
    TABLE(files, mt_file_row, MT_FILE_ROW, "one row per capture file")

#define MT_MEMBER(name, type, role, categories, text) type name;
#define MT_STRUCT(name, tag, ROW, text) \
    struct tag { \
        ROW(MT_MEMBER) \
    };
MT_TABLES(MT_STRUCT)
#undef MT_STRUCT
#undef MT_MEMBER

#define MT_TABLE_ID(name, tag, ROW, text) MT_TABLE_##name,
enum mt_table_id { MT_TABLES(MT_TABLE_ID) MT_TABLE_COUNT };
#undef MT_TABLE_ID

/* Bits of `present`, in the order of the OPTIONAL fields above (tests/c/test_rows.c holds both
 * against each other). */
enum {
    MT_CONNECTION_CLIENT_MSS = 1,
    MT_CONNECTION_SERVER_MSS = 2,
    MT_CONNECTION_PROXIED_PORT = 4,
    MT_CONNECTION_CLIENT_TTL = 8,
    MT_CONNECTION_SERVER_TTL = 16,
    MT_CONNECTION_PROXY_GRANTED = 32
};
enum {
    MT_MESSAGE_SKELETON = 1,
    MT_MESSAGE_TRAILING = 2,
    MT_MESSAGE_UNKNOWN_KEYS = 4,
    MT_MESSAGE_DUPLICATE_KEYS = 8,
    MT_MESSAGE_WIDE_VARINTS = 16,
    MT_MESSAGE_OTHER_TYPES = 32,
    MT_MESSAGE_DEFAULT_FIELDS = 64,
    MT_MESSAGE_KEYS_ORDERED = 128
};
enum {
    MT_TRANSACTION_FEE = 1,
    MT_TRANSACTION_WEIGHT = 2,
    MT_TRANSACTION_INPUTS = 4,
    MT_TRANSACTION_OUTPUTS = 8,
    MT_TRANSACTION_RING_SIZE = 16,
    MT_TRANSACTION_BLOCK_POSITION = 32,
    MT_TRANSACTION_VERSION = 64,
    MT_TRANSACTION_RCT_TYPE = 128,
    MT_TRANSACTION_FLUFF = 256,
    MT_TRANSACTION_ASCENDING = 512
};
enum {
    MT_BLOCK_HEIGHT = 1,
    MT_BLOCK_TIMESTAMP = 2,
    MT_BLOCK_TRANSACTIONS = 4,
    MT_BLOCK_MAJOR_VERSION = 8,
    MT_BLOCK_MINOR_VERSION = 16
};
enum { MT_INVENTORY_TX_INDEX = 1 };
enum { MT_FILE_DROPPED = 1 };
enum { MT_ENTRY_ELEMENTS = 1, MT_ENTRY_INT = 2, MT_ENTRY_UINT = 4, MT_ENTRY_FLOAT = 8 };
enum {
    MT_PEER_LAST_SEEN = 1,
    MT_PEER_PRUNING_SEED = 2,
    MT_PEER_RPC_CREDITS = 4,
    MT_PEER_RPC_PORT = 8
};
enum {
    MT_NODE_PEER_ID = 1,
    MT_NODE_LOCAL_TIME = 2,
    MT_NODE_MY_PORT = 4,
    MT_NODE_SUPPORT_FLAGS = 8,
    MT_NODE_RPC_CREDITS = 16,
    MT_NODE_RPC_PORT = 32
};
enum {
    MT_SYNC_HEIGHT = 1,
    MT_SYNC_DIFFICULTY = 2,
    MT_SYNC_DIFFICULTY_TOP64 = 4,
    MT_SYNC_PRUNING_SEED = 8,
    MT_SYNC_TOP_VERSION = 16
};

/* ---- the description of the same, for those who make dtypes and documents from it ---- */

enum mt_role {
    MT_ROLE_NUMBER,
    MT_ROLE_OPTIONAL,
    MT_ROLE_TRUTH,
    MT_ROLE_OPTIONAL_TRUTH,
    MT_ROLE_TIME,
    MT_ROLE_SPAN,
    MT_ROLE_ENUM,
    MT_ROLE_ADDRESS,
    MT_ROLE_BYTES,
    MT_ROLE_TEXT,
    MT_ROLE_RAW,
    MT_ROLE_HIDDEN
};

struct mt_categories {
    const char *const *names;
    int count;
};

struct mt_field {
    const char *name;
    char code;       /* numpy kind: 'i', 'u' or 'f' */
    uint8_t size;    /* bytes */
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

/* 1 if the field's presence is a bit of `present`. */
static inline int mt_field_optional(const struct mt_field *field)
{
    return field->role == MT_ROLE_OPTIONAL || field->role == MT_ROLE_OPTIONAL_TRUTH;
}

/* One entry per mt_table_id. */
extern const struct mt_schema mt_schemas[MT_TABLE_COUNT];

#endif
