/* Packets made byte by byte, and read by mt_net_segment. Used by the tests of net. */
#ifndef MT_TEST_NET_HELP_H
#define MT_TEST_NET_HELP_H

#include "net/decapsulation.h"
#include "support/check.h"

#include <stdlib.h>
#include <string.h>

/* ---- making packets ---- */

struct bytes {
    uint8_t at[70000];
    uint32_t size;
};

static inline void add(struct bytes *bytes, const void *from, size_t size)
{
    memcpy(bytes->at + bytes->size, from, size);
    bytes->size += (uint32_t)size;
}

static inline void add8(struct bytes *bytes, unsigned value)
{
    bytes->at[bytes->size++] = (uint8_t)value;
}

static inline void add16(struct bytes *bytes, unsigned value)
{
    add8(bytes, value >> 8);
    add8(bytes, value & 0xff);
}

static inline void add32(struct bytes *bytes, uint32_t value)
{
    add16(bytes, value >> 16);
    add16(bytes, value & 0xffff);
}

static inline void set16(struct bytes *bytes, uint32_t at, unsigned value)
{
    bytes->at[at] = (uint8_t)(value >> 8);
    bytes->at[at + 1] = (uint8_t)value;
}

/* A TCP segment whose payload counts up from 0. `options` must be a multiple of 4 bytes. */
static inline void add_tcp(struct bytes *bytes, uint8_t flags, const char *options,
                           uint32_t options_size, uint32_t payload)
{
    add16(bytes, 18080);
    add16(bytes, 40000);
    add32(bytes, 0xfffffff0u);
    add32(bytes, 0x80000001u);
    add8(bytes, (20 + options_size) / 4 << 4);
    add8(bytes, flags);
    add16(bytes, 0xabcd);
    add32(bytes, 0);
    add(bytes, options, options_size);
    for (uint32_t i = 0; i < payload; i++)
        add8(bytes, i & 0xff);
}

/* An IPv4 header for `payload` bytes to follow. */
static inline void add_ipv4(struct bytes *bytes, unsigned protocol, uint32_t options,
                            uint32_t payload, unsigned identification, unsigned fragment)
{
    add8(bytes, 0x40 | (5 + options / 4));
    add8(bytes, 0);
    add16(bytes, 20 + options + payload);
    add16(bytes, identification);
    add16(bytes, fragment);
    add8(bytes, 57);
    add8(bytes, protocol);
    add16(bytes, 0);
    add32(bytes, 0xc6336401u);
    add32(bytes, 0xcb007102u);
    for (uint32_t i = 0; i < options; i++)
        add8(bytes, 1);
}

static inline void add_ipv6(struct bytes *bytes, unsigned next, uint32_t payload)
{
    add32(bytes, 0x60012345u);
    add16(bytes, payload);
    add8(bytes, next);
    add8(bytes, 99);
    for (unsigned i = 0; i < 16; i++)
        add8(bytes, 0x20 + i);
    for (unsigned i = 0; i < 16; i++)
        add8(bytes, 0x80 + i);
}

static inline void add_ipv6_fragment(struct bytes *bytes, unsigned next, unsigned offset, int more,
                                     uint32_t identification)
{
    add8(bytes, next);
    add8(bytes, 0xff); /* reserved */
    add16(bytes, offset | (more ? 1 : 0));
    add32(bytes, identification);
}

/* ---- reading them ---- */

static struct mt_net *net;
static struct mt_segment segment;
static struct mt_net_report report;
static uint8_t *kept; /* the packet read last */
static int64_t packet_time;

static int lost_calls;
static mt_limit_hits limit_hits;
static uint32_t lost_bytes;
static int64_t lost_frame;

static inline void count_lost(void *context, const struct mt_packet_ref *first, uint32_t bytes,
                              const char *text)
{
    CHECK(context == &lost_calls);
    CHECK(text != NULL && text[0] != '\0');
    lost_calls++;
    lost_bytes += bytes;
    lost_frame = first->frame;
}

static int lost_udp_calls;

static inline void count_lost_udp(void *context, const struct mt_packet_ref *first, uint32_t bytes,
                                  const char *text)
{
    CHECK(context == &lost_calls && first->frame > 0 && bytes > 0 && text != NULL);
    lost_udp_calls++;
}

static const uint16_t tunnel_ports[] = {7777, 8888};

static inline void open_net(int outer)
{
    net = mt_net_open(&(struct mt_net_options){
        .limits = &mt_default_limits,
        .limit_hits = limit_hits,
        .outer = outer,
        .ports = tunnel_ports,
        .ports_count = 2,
        .callbacks = {.lost = count_lost, .lost_udp = count_lost_udp, .context = &lost_calls}});
    lost_calls = lost_udp_calls = 0;
    lost_bytes = 0;
}

static int64_t frames;

/* Reads `captured` bytes of a packet of `length`, out of a heap block of just that size, so that
 * the sanitizers see any read beyond it. It lives until the next call. */
static inline enum mt_net_result read_at(uint32_t link, const uint8_t *bytes, uint32_t captured,
                                         uint32_t length)
{
    free(kept);
    kept = malloc(captured != 0 ? captured : 1);
    if (kept == NULL)
        abort();
    memcpy(kept, bytes, captured);
    struct mt_packet packet = {.data = kept,
                               .captured = captured,
                               .length = length,
                               .link = link,
                               .ref = {.time = packet_time, .frame = ++frames}};
    memset(&segment, 0xee, sizeof segment);
    report.why = NULL;
    return mt_net_segment(net, &packet, &segment, &report);
}

/* A packet that begins with its IP header. */
static inline enum mt_net_result read_cut(const struct bytes *bytes, uint32_t captured,
                                          uint32_t length)
{
    return read_at(228, bytes->at, captured, length);
}

static inline enum mt_net_result read_whole(const struct bytes *bytes)
{
    return read_cut(bytes, bytes->size, bytes->size);
}

static inline int payload_counts_up(void)
{
    for (uint32_t i = 0; i < segment.captured; i++)
        if (segment.payload[i] != (i & 0xff))
            return 0;
    return 1;
}

static inline void check_tcp(uint32_t captured, uint32_t length)
{
    CHECK_EQUAL(segment.source_port, 18080);
    CHECK_EQUAL(segment.destination_port, 40000);
    CHECK_EQUAL(segment.sequence, 0xfffffff0u);
    CHECK_EQUAL(segment.acknowledgement, 0x80000001u);
    CHECK_EQUAL(segment.window, 0xabcd);
    CHECK_EQUAL(segment.captured, captured);
    CHECK_EQUAL(segment.length, length);
    CHECK(payload_counts_up());
}

static inline void check_bad(enum mt_net_result result, const char *expected)
{
    CHECK_EQUAL(result, MT_NET_BAD);
    CHECK_TEXT(report.why, expected);
}

static const char mss_options[] =
    "\x01\x01\x08\x0a\0\0\0\1\0\0\0\2\x02\x04\x05\xb4"; /* NOP, NOP, timestamps, MSS 1460 */

#endif
