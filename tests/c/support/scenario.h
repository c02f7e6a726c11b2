/* For the tests of failures: one capture in which every layer of the core has work. */
#ifndef MT_TEST_SCENARIO_H
#define MT_TEST_SCENARIO_H

#include "support/scenario_packets.h"

static inline void sync_and_gossip(void)
{
    struct talk talk = open_talk(1, LEVIN, 0);
    make_handshake();
    say(&talk, 1, MT_KIND_REQUEST, MT_HANDSHAKE, 30); /* spans segments */
    make_peers(0, 75);
    say(&talk, 0, MT_KIND_RESPONSE, MT_HANDSHAKE, 1400);
    say_empty(&talk, 1, MT_KIND_REQUEST, MT_PING);
    begin(&p, 2);
    number(&p, "peer_id", MT_EPEE_UINT64, 78);
    string(&p, "status", "OK", 2);
    say(&talk, 0, MT_KIND_RESPONSE, MT_PING, 1000);
    make_peers(50, 75);                                   /* some are known */
    say(&talk, 0, MT_KIND_RESPONSE, MT_TIMED_SYNC, 1400); /* answers nothing */
    make_transactions(40);
    say(&talk, 1, MT_KIND_NOTIFICATION, MT_NEW_TRANSACTIONS, 1000);
    make_objects();
    say(&talk, 0, MT_KIND_NOTIFICATION, MT_RESPONSE_GET_OBJECTS, 400);
    make_odd();
    say(&talk, 1, MT_KIND_NOTIFICATION, 4242, 1000);
    put_segment(&talk, 1, FIN | ACK, talk.at[1], "", 0);
    put_segment(&talk, 0, FIN | ACK, talk.at[0], "", 0);
    put_segment(&talk, 1, ACK, talk.at[1] + 1, "late", 4); /* after the end */
}

static inline void inventories(void)
{
    struct talk talk = open_talk(2, LEVIN, 1);
    put_hashes(begin(&p, 1), "blocks", 20, 30, 0);
    say(&talk, 1, MT_KIND_NOTIFICATION, MT_REQUEST_GET_OBJECTS, 1400);
    put_hashes(begin(&p, 1), "block_ids", 20, 2, 1); /* no multiple of 32 */
    say(&talk, 1, MT_KIND_NOTIFICATION, MT_REQUEST_CHAIN, 1400);
    put_hashes(begin(&p, 1), "m_block_ids", 50, 30, 0);
    say(&talk, 0, MT_KIND_NOTIFICATION, MT_RESPONSE_CHAIN_ENTRY, 700);
    put_hashes(begin(&p, 2), "block_hash", 80, 1, 0);
    string(&p, "missing_tx_indices", "\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0", 16);
    say(&talk, 1, MT_KIND_NOTIFICATION, MT_REQUEST_FLUFFY_MISSING_TX, 1400);
    object(begin(&p, 1), "b", 1);
    put_block(&p);
    say(&talk, 0, MT_KIND_NOTIFICATION, MT_NEW_FLUFFY_BLOCK, 1400);
    string(begin(&p, 1), "_", "\x80", 1);
    p.size -= 1; /* malformed */
    say(&talk, 1, MT_KIND_NOTIFICATION, MT_NEW_TRANSACTIONS, 1400);
    put_segment(&talk, 1, ACK, talk.at[1] + 200000000, "far", 3); /* outside the window */
    put_segment(&talk, 0, RST | ACK, talk.at[0], "", 0);
}

/* Datagrams in pieces, one of them never whole; IPv4 and IPv6. */
static inline void ip_fragments(int six)
{
    struct talk talk = open_talk(3, LEVIN, six);
    talk.piece = 40;
    make_handshake();
    say(&talk, 1, MT_KIND_REQUEST, MT_HANDSHAKE, 100);
    say_empty(&talk, 0, MT_KIND_RESPONSE, MT_HANDSHAKE);
    packets_count--; /* its last fragment */
    free(packets[packets_count].data);
}

/* The first problem of all is a datagram that contradicts itself. */
static inline void contradiction(void)
{
    uint8_t frame[200], part[40] = {0};
    struct talk talk = {.host = 3};
    for (uint32_t i = 0; i < 2; i++) {
        uint32_t size = make_frame(frame, &talk, 1, 6, part, i == 0 ? 20 : 40, 80 - 40 * i, 0);
        put_packet(frame, size, size, PCAP, 0);
    }
}

static inline void holes(void)
{
    struct talk talk = open_talk(4, LEVIN, 0);
    make_peers(500, 9);
    make_message(MT_KIND_RESPONSE, MT_TIMED_SYNC);
    for (uint32_t at = (uint32_t)wire.size / 2; at < wire.size;
         at += 20) /* these wait for the first half, which comes in time */
        put_segment(&talk, 0, ACK, at, wire.bytes + at,
                    wire.size - at < 20 ? (uint32_t)wire.size - at : 20);
    put_segment(&talk, 0, ACK, 0, wire.bytes, (uint32_t)wire.size / 2);
    talk.at[0] = (uint32_t)wire.size;
    say_bytes(&talk, 0, wire.bytes, 50,
              50); /* a hole within a message, given up for all that waits behind it */
    talk.at[0] += (uint32_t)wire.size - 50;
    say_empty(&talk, 0, MT_KIND_RESPONSE, MT_PING);
    for (uint32_t i = 0; i < 30; i++)
        say_bytes(&talk, 0, "waits", 5, 5);
    talk.at[0] += 100; /* one between messages, given up at the end */
    say_empty(&talk, 0, MT_KIND_RESPONSE, MT_PING);
}

/* A response that overtook its request; more requests than are remembered. */
static inline void early_responses(void)
{
    struct talk talk = open_talk(5, LEVIN, 0);
    begin(&p, 0);
    make_message(MT_KIND_REQUEST, MT_PING);
    talk.at[1] += (uint32_t)wire.size;
    say_empty(&talk, 0, MT_KIND_RESPONSE, MT_PING);
    talk.at[1] -= (uint32_t)wire.size;
    for (int i = 0; i < 9; i++)
        say_empty(&talk, 1, MT_KIND_REQUEST, MT_PING);
}

/* Nobody's port: recognised by a message that begins in another file, when packets of several have
 * been counted. */
static inline void other_ports(void)
{
    struct talk talk = open_talk(6, 5555, 0), web = open_talk(7, 80, 0);
    put_segment(&web, 1, ACK, 500, "POST", 4); /* behind a hole */
    say_bytes(&web, 0, "HTTP", 4, 4);
    say_empty(&talk, 0, MT_KIND_RESPONSE, MT_PING);
    make_handshake();
    say(&talk, 1, MT_KIND_REQUEST, MT_HANDSHAKE, 7);
}

/* A proxy that connects to a host of the name, and a peer that begins with TLS. */
static inline void proxies(void)
{
    static const char request[] = "\4\1\106\240\0\0\0\1\0peer.onion",
                      answer[] = "\0\132\0\0\0\0\0\0";
    struct talk talk = open_talk(14, 9050, 0), peer = open_talk(15, LEVIN, 0);
    say_bytes(&talk, 1, request, sizeof request, 5);
    say_bytes(&talk, 0, answer, sizeof answer - 1, 8);
    say_empty(&talk, 1, MT_KIND_REQUEST, MT_PING);
    say_bytes(&peer, 1, "\x16\3\1\0\x20\1 a greeting", 17, 17);
}

/* Garbage, and a header that arrives in small parts, out of step; then messages that are cut, too
 * long, not kept, repeated with other bytes. */
static inline void trouble(void)
{
    struct talk talk = {.host = 8, .client_port = 40000, .server_port = LEVIN, .at = {700, 700}};
    say_bytes(&talk, 1, "garbage", 7, 7);
    make_handshake();
    say(&talk, 1, MT_KIND_REQUEST, MT_HANDSHAKE, 3);
    wire.size = 0;
    wire_notify(&wire, MT_NEW_TRANSACTIONS, 9900); /* more than may be buffered */
    say_bytes(&talk, 1, wire.bytes, wire.size, 1400);
    wire.size = 0;
    wire_request(&wire, MT_PING, 5000); /* more than monerod takes */
    say_bytes(&talk, 1, wire.bytes, wire.size, 1400);
    make_handshake();
    make_message(MT_KIND_REQUEST, MT_HANDSHAKE);
    say_bytes(&talk, 1, wire.bytes, 80, 80);
    put_segment(&talk, 1, ACK, talk.at[1] - 10, "other text", 10);
    talk.cut = 5; /* the snap length */
    say_bytes(&talk, 1, wire.bytes + 80, wire.size - 80, 1400);
    talk.cut = 0;
    wire.size = 0;
    wire_header(&wire, UINT64_C(1) << 40, 0, MT_PING, 0, MT_FLAG_REQUEST, 1); /* not believed */
    say_bytes(&talk, 1, wire.bytes, wire.size, 1400);
    say_empty(&talk, 1, MT_KIND_REQUEST, MT_PING);
    put_segment(&talk, 0, ACK, talk.at[0], "\x01\x21\x01",
                3); /* a beginning of a header at the end */
}

static inline void levin_fragments(void)
{
    struct talk talk = open_talk(9, LEVIN, 0);
    struct wire inner = {0};
    wire_notify(&inner, MT_NEW_TRANSACTIONS, 5000);
    wire.size = 0;
    for (size_t at = 0; at < inner.size; at += 1400)
        fragment((at == 0 ? MT_FLAG_BEGIN : 0) | (at + 1400 >= inner.size ? MT_FLAG_END : 0),
                 inner.bytes + at, inner.size - at < 1400 ? inner.size - at : 1400);
    fragment(MT_FLAG_BEGIN, inner.bytes, 60);               /* abandoned */
    fragment(MT_FLAG_BEGIN | MT_FLAG_END, inner.bytes, 20); /* noise */
    fragment(MT_FLAG_BEGIN, inner.bytes, 70);               /* never ended */
    say_bytes(&talk, 1, wire.bytes, wire.size, 1000);
    wire_free(&inner);
}

/* A segment that its receiver drops, between others whose checksums are right. The files of what
 * comes after it stay the same. */
static inline void wrong_checksum(void)
{
    size_t before = packets_count % FORMATS;
    struct talk talk = {.host = 40, .client_port = 40000, .server_port = LEVIN, .summed = 1};
    put_segment(&talk, 1, SYN, 0, "", 0);
    put_segment(&talk, 0, SYN | ACK, 0, "", 0);
    put_segment(&talk, 1, ACK, 0, "", 0);
    say_empty(&talk, 0, MT_KIND_REQUEST, MT_PING);
    talk.summed = 0;
    put_segment(&talk, 0, ACK, talk.at[0], "dropped", 7);
    talk.summed = 1;
    say_empty(&talk, 0, MT_KIND_REQUEST, MT_PING);
    while (packets_count % FORMATS != before)
        put_segment(&talk, 1, ACK, 0, "", 0);
}

/* Packets that are no TCP segment, or none of ours. */
static inline void strange_packets(void)
{
    static uint8_t large[LARGE] = {[12] = 8, [13] = 6};
    struct talk talk = {.host = 10};
    put_datagram(&talk, 1, 17, large, 20);
    put_datagram(&talk, 1, 6, large, 20); /* a TCP header of no length */
    for (int i = 0; i < 2; i++)
        put_packet(large, 20, 30, PCAPNG_ZSTD, 1);
    put_packet(large, LARGE, LARGE, PCAPNG_ZSTD, 0); /* more than the buffer holds */
    for (uint32_t i = 0; i < 40; i++)                /* gzip data that fills more than one window */
        put_packet(large, 1000, 1000, PCAP_GZIP, 0);
    put_packet(large, 1000, 1000, PCAP, 0); /* another file has it too */
}

/* Connections come and go: more than may be followed, a port used again, one that is idle for long.
 */
static inline void crowd(void)
{
    for (uint32_t host = 20; host < 26; host++) {
        struct talk talk = open_talk(host, LEVIN, host % 2 != 0);
        say_empty(&talk, 1, MT_KIND_REQUEST, MT_PING);
    }
    struct talk closed = {.host = 25, .client_port = 40000, .server_port = LEVIN, .six = 1},
                again = {.host = 24, .client_port = 40000, .server_port = LEVIN};
    put_segment(&closed, 0, FIN | ACK, 0, "", 0);
    put_segment(&closed, 1, FIN | ACK, 43, "", 0);
    put_segment(&again, 1, SYN, 70000, "", 0);
    again.at[1] = 70000;
    put_segment(&again, 0, SYN | ACK, 90000, "", 0);
    now += 12000000; /* what was closed is closed */
    (void)open_talk(30, LEVIN, 0);
    now += 700000000; /* what was silent is over */
    (void)open_talk(31, LEVIN, 0);
}

/* The last packets of a file, after its clock was set back. */
static inline void clock_set_back(void)
{
    for (int i = 0; i < 6; i++) {
        put_packet((const uint8_t *)"no IP packet", 12, 60, PCAP, 0);
        now -= i == 0 ? 1000000000 : 0;
    }
    now += 1000000000;
}

static inline void make_scenario(void)
{
    now = START_TIME / 1000;
    contradiction();
    sync_and_gossip();
    inventories();
    ip_fragments(0);
    ip_fragments(1);
    holes();
    early_responses();
    other_ports();
    proxies();
    trouble();
    levin_fragments();
    wrong_checksum();
    strange_packets();
    crowd();
    clock_set_back();
}

#endif
