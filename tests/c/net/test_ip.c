#include "net/ip.h"

#include "base/mem.h"
#include "support/check.h"

#include <stdlib.h>

/* ---- making packets ---- */

struct bytes {
    uint8_t at[70000];
    uint32_t size;
};

static void add(struct bytes *bytes, const void *from, size_t size)
{
    memcpy(bytes->at + bytes->size, from, size);
    bytes->size += (uint32_t)size;
}

static void add8(struct bytes *bytes, unsigned value)
{
    bytes->at[bytes->size++] = (uint8_t)value;
}

static void add16(struct bytes *bytes, unsigned value)
{
    add8(bytes, value >> 8);
    add8(bytes, value & 0xff);
}

static void add32(struct bytes *bytes, uint32_t value)
{
    add16(bytes, value >> 16);
    add16(bytes, value & 0xffff);
}

static void set16(struct bytes *bytes, uint32_t at, unsigned value)
{
    bytes->at[at] = (uint8_t)(value >> 8);
    bytes->at[at + 1] = (uint8_t)value;
}

/* A TCP segment whose payload counts up from 0. `options` must be a multiple of 4 bytes. */
static void add_tcp(struct bytes *bytes, uint8_t flags, const char *options, uint32_t options_size,
                    uint32_t payload)
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
static void add_ipv4(struct bytes *bytes, unsigned protocol, uint32_t options, uint32_t payload,
                     unsigned identification, unsigned fragment)
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

static void add_ipv6(struct bytes *bytes, unsigned next, uint32_t payload)
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

static void add_ipv6_fragment(struct bytes *bytes, unsigned next, unsigned offset, int more,
                              uint32_t identification)
{
    add8(bytes, next);
    add8(bytes, 0xff); /* reserved */
    add16(bytes, offset | (more ? 1 : 0));
    add32(bytes, identification);
}

/* ---- reading them ---- */

static struct mt_ip_reader *reader;
static struct mt_segment segment;
static const char *why;
static uint8_t *kept;
static int64_t packet_time;

static int lost_calls;
static mt_limit_hits limit_hits;
static uint32_t lost_bytes;
static int64_t lost_frame;

static void count_lost(void *context, const struct mt_packet_ref *first, uint32_t bytes,
                       const char *text)
{
    CHECK(context == &lost_calls);
    CHECK(text != NULL && text[0] != '\0');
    lost_calls++;
    lost_bytes += bytes;
    lost_frame = first->frame;
}

static void open_reader(void)
{
    reader = mt_ip_open(&mt_default_limits, limit_hits, count_lost, &lost_calls);
    lost_calls = 0;
    lost_bytes = 0;
}

static int64_t frames;

/* Reads `captured` bytes of a packet of `length`, out of a heap block of just that size: reading
 * further is seen. It lives until the next call. */
static enum mt_ip_result read_at(const uint8_t *bytes, uint32_t offset, uint32_t captured,
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
                               .ref = {.time = packet_time, .frame = ++frames}};
    memset(&segment, 0xee, sizeof segment);
    why = NULL;
    return mt_ip_segment(reader, &packet, offset, &segment, &why);
}

static enum mt_ip_result read_cut(const struct bytes *bytes, uint32_t captured, uint32_t length)
{
    return read_at(bytes->at, 0, captured, length);
}

static enum mt_ip_result read_whole(const struct bytes *bytes)
{
    return read_cut(bytes, bytes->size, bytes->size);
}

static int payload_counts_up(void)
{
    for (uint32_t i = 0; i < segment.captured; i++)
        if (segment.payload[i] != (i & 0xff))
            return 0;
    return 1;
}

static void check_tcp(uint32_t captured, uint32_t length)
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

static void check_bad(enum mt_ip_result result, const char *expected)
{
    CHECK_EQUAL(result, MT_IP_BAD);
    CHECK_TEXT(why, expected);
}

static const char mss_options[] =
    "\x01\x01\x08\x0a\0\0\0\1\0\0\0\2\x02\x04\x05\xb4"; /* NOP, NOP, timestamps, MSS 1460 */

/* ---- IPv4 ---- */

static void test_ipv4(void)
{
    static const uint8_t source[16] = {198, 51, 100, 1}, destination[16] = {203, 0, 113, 2};
    struct bytes bytes = {.size = 0};
    add_ipv4(&bytes, 6, 0, 20 + 100, 0, 0x4000); /* do not fragment */
    add_tcp(&bytes, MT_TCP_ACK | MT_TCP_PSH, "", 0, 100);
    CHECK_EQUAL(read_whole(&bytes), MT_IP_SEGMENT);
    check_tcp(100, 100);
    CHECK(segment.payload == kept + 40);
    CHECK_EQUAL(segment.flags, MT_TCP_ACK | MT_TCP_PSH);
    CHECK_EQUAL(segment.ttl, 57);
    CHECK_EQUAL(segment.mss, 0);
    CHECK_EQUAL(segment.source.version, 4);
    CHECK_EQUAL(segment.destination.version, 4);
    CHECK(memcmp(segment.source.bytes, source, 16) == 0);
    CHECK(memcmp(segment.destination.bytes, destination, 16) == 0);

    for (uint32_t options = 4; options <= 40;
         options += 4) { /* IPv4 and TCP options of every size */
        bytes.size = 0;
        add_ipv4(&bytes, 6, options, 20 + options + 7, 0, 0);
        add_tcp(&bytes, MT_TCP_ACK,
                "\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1",
                options, 7);
        CHECK_EQUAL(read_whole(&bytes), MT_IP_SEGMENT);
        check_tcp(7, 7);
    }

    for (unsigned flags = 0; flags < 256; flags++) {
        bytes.size = 0;
        add_ipv4(&bytes, 6, 0, 20, 0, 0);
        add_tcp(&bytes, (uint8_t)flags, "", 0, 0);
        CHECK_EQUAL(read_whole(&bytes), MT_IP_SEGMENT);
        check_tcp(0, 0);
        CHECK_EQUAL(segment.flags, flags & 0x3f);
    }
}

static void test_offset_in_packet(void)
{
    struct bytes bytes = {.size = 0};
    for (unsigned i = 0; i < 14; i++)
        add8(&bytes, 0x45);
    add_ipv4(&bytes, 6, 0, 20 + 30, 0, 0);
    add_tcp(&bytes, MT_TCP_ACK, "", 0, 30);
    CHECK_EQUAL(read_at(bytes.at, 14, bytes.size, bytes.size), MT_IP_SEGMENT);
    check_tcp(30, 30);
    CHECK_EQUAL(read_at(bytes.at, 14, bytes.size - 10, bytes.size), MT_IP_SEGMENT);
    check_tcp(20, 30);
    CHECK_EQUAL(read_at(bytes.at, 14, bytes.size, 5),
                MT_IP_SEGMENT); /* a length on the wire below what was captured is not believed */
    check_tcp(30, 30);
    check_bad(read_at(bytes.at, 14, 14, bytes.size), "packet ends before the IP header");
    check_bad(read_at(bytes.at, 15, 14, bytes.size), "packet ends before the IP header");
    check_bad(read_at(bytes.at, UINT32_MAX, 14, bytes.size), "packet ends before the IP header");
}

static void test_ipv4_lengths(void)
{
    struct bytes bytes = {.size = 0};
    add_ipv4(&bytes, 6, 0, 20 + 2, 0, 0);
    add_tcp(&bytes, MT_TCP_ACK, "", 0, 2);
    add32(&bytes, 0xdeadbeefu); /* Ethernet padding */
    CHECK_EQUAL(read_whole(&bytes), MT_IP_SEGMENT);
    check_tcp(2, 2);
    CHECK_EQUAL(read_cut(&bytes, bytes.size - 5, bytes.size),
                MT_IP_SEGMENT); /* the snap length cuts padding and a byte of payload */
    check_tcp(1, 2);
    CHECK_EQUAL(read_cut(&bytes, bytes.size - 4, bytes.size), MT_IP_SEGMENT);
    check_tcp(2, 2);

    bytes.size = 0;
    add_ipv4(&bytes, 6, 0, 20, 0, 0);
    add_tcp(&bytes, MT_TCP_ACK, "", 0, 69000); /* more than fits in a total length */
    set16(&bytes, 2, 0);
    CHECK_EQUAL(read_whole(&bytes), MT_IP_SEGMENT);
    check_tcp(69000, 69000);
    CHECK_EQUAL(read_cut(&bytes, 96, bytes.size), MT_IP_SEGMENT);
    check_tcp(56, 69000);

    bytes.size = 0;
    add_ipv4(&bytes, 6, 0, 20 + 500, 0, 0);
    add_tcp(&bytes, MT_TCP_ACK, "", 0, 100); /* the wire held less than the total length tells */
    CHECK_EQUAL(read_whole(&bytes), MT_IP_SEGMENT);
    check_tcp(100, 100);
    CHECK_EQUAL(read_cut(&bytes, 60, bytes.size), MT_IP_SEGMENT);
    check_tcp(20, 100);

    for (unsigned total = 1; total < 60; total++) {
        bytes.size = 0;
        add_ipv4(&bytes, 6, 4, 20, 0, 0);
        add_tcp(&bytes, MT_TCP_ACK, "", 0, 16);
        set16(&bytes, 2, total);
        enum mt_ip_result result = read_whole(&bytes);
        if (total < 24)
            check_bad(result, "IPv4 total length below the header's");
        else if (total < 44)
            check_bad(result, "IP packet ends inside the TCP header");
        else
            check_tcp(total - 44, total - 44);
    }
}

static void test_ipv4_bad(void)
{
    struct bytes bytes = {.size = 0};
    add_ipv4(&bytes, 6, 0, 20 + 8, 0, 0);
    add_tcp(&bytes, MT_TCP_ACK, "", 0, 8);
    for (unsigned words = 0; words < 5; words++) {
        bytes.at[0] = (uint8_t)(0x40 | words);
        check_bad(read_whole(&bytes), "IPv4 header length below 20");
    }
    for (unsigned version = 0; version < 16; version++) {
        bytes.at[0] = (uint8_t)(version << 4 | 5);
        if (version != 4 && version != 6)
            check_bad(read_whole(&bytes), "neither IPv4 nor IPv6");
    }
    bytes.at[0] = 0x45;
    for (unsigned protocol = 0; protocol < 256; protocol++) {
        bytes.at[9] = (uint8_t)protocol;
        CHECK_EQUAL(read_whole(&bytes), protocol == 6 ? MT_IP_SEGMENT : MT_IP_OTHER);
    }
}

/* ---- TCP ---- */

static void test_data_offset(void)
{
    struct bytes bytes = {.size = 0};
    add_ipv4(&bytes, 6, 0, 20 + 16, 0, 0);
    add_tcp(&bytes, MT_TCP_ACK, "", 0, 16);
    for (unsigned words = 0; words < 16; words++) {
        bytes.at[32] = (uint8_t)(words << 4 | 15); /* the lower half is reserved */
        enum mt_ip_result result = read_whole(&bytes);
        if (words < 5)
            check_bad(result, "TCP data offset below 5");
        else if (words > 9)
            check_bad(result, "TCP data offset beyond the packet");
        else {
            CHECK_EQUAL(result, MT_IP_SEGMENT);
            CHECK_EQUAL(segment.length, 36 - 4 * words);
            CHECK_EQUAL(segment.captured, 36 - 4 * words);
            CHECK(segment.payload == kept + 20 + 4 * words);
        }
    }
    add32(&bytes, 0); /* padding behind the IP length is no part of the header */
    bytes.at[32] = 10 << 4;
    check_bad(read_whole(&bytes), "TCP data offset beyond the packet");
}

static uint16_t mss_of(uint8_t flags, const char *options, uint32_t size)
{
    struct bytes bytes = {.size = 0};
    add_ipv4(&bytes, 6, 0, 20 + size, 0, 0);
    add_tcp(&bytes, flags, options, size, 0);
    CHECK_EQUAL(read_whole(&bytes), MT_IP_SEGMENT);
    CHECK_EQUAL(segment.length, 0);
    return segment.mss;
}

static uint8_t scale_of(uint8_t flags, const char *options, uint32_t size)
{
    (void)mss_of(flags, options, size);
    return segment.window_scale;
}

static void test_window_scale(void)
{
    CHECK_EQUAL(scale_of(MT_TCP_SYN, "\2\4\5\264\1\3\3\7", 8), 7);
    CHECK_EQUAL(scale_of(MT_TCP_SYN, "\3\3\377\0", 4), MT_WIDEST_SCALE);
    CHECK_EQUAL(scale_of(MT_TCP_SYN, "\2\4\5\264", 4), MT_NO_SCALE);
    CHECK_EQUAL(scale_of(MT_TCP_ACK, "\3\3\7\0", 4), MT_NO_SCALE);
    CHECK_EQUAL(scale_of(MT_TCP_SYN, "\3\4\7\0", 4), MT_NO_SCALE); /* malformed */
}

static void test_mss(void)
{
    CHECK_EQUAL(mss_of(MT_TCP_SYN, mss_options, 16), 1460);
    CHECK_EQUAL(mss_of(MT_TCP_SYN | MT_TCP_ACK, mss_options, 16), 1460);
    CHECK_EQUAL(mss_of(MT_TCP_ACK, mss_options, 16), 0);
    CHECK_EQUAL(mss_of(MT_TCP_SYN, "", 0), 0);
    CHECK_EQUAL(mss_of(MT_TCP_SYN, "\2\4\xff\xff", 4), 65535);
    CHECK_EQUAL(mss_of(MT_TCP_SYN, "\0\0\0\0\2\4\5\xb4", 8), 0);    /* behind the end of options */
    CHECK_EQUAL(mss_of(MT_TCP_SYN, "\3\0\1\1\2\4\5\xb4", 8), 0);    /* an option of length 0 */
    CHECK_EQUAL(mss_of(MT_TCP_SYN, "\3\1\1\1\2\4\5\xb4", 8), 0);    /* of length 1 */
    CHECK_EQUAL(mss_of(MT_TCP_SYN, "\3\2\1\1\2\4\5\xb4", 8), 1460); /* of length 2 */
    CHECK_EQUAL(mss_of(MT_TCP_SYN, "\3\x09\1\1\2\4\5\xb4", 8), 0);  /* overrun by one */
    CHECK_EQUAL(mss_of(MT_TCP_SYN, "\3\x08\1\1\2\4\5\xb4", 8), 0);  /* reaches the end */
    CHECK_EQUAL(mss_of(MT_TCP_SYN, "\1\1\1\2", 4), 0);              /* kind without length */
    CHECK_EQUAL(mss_of(MT_TCP_SYN, "\1\2\4\5", 4), 0);              /* MSS cut */
    CHECK_EQUAL(mss_of(MT_TCP_SYN, "\2\3\5\1\2\4\5\xb4", 8),
                1460); /* an MSS option of the wrong size is none */
    CHECK_EQUAL(mss_of(MT_TCP_SYN, "\2\6\5\1\1\1\1\1", 8), 0);
}

/* ---- cuts ---- */

/* Every cut of a packet whose headers take `ip` and `tcp` bytes, by the snap length. */
static void check_snapped(const struct bytes *bytes, uint32_t ip, uint32_t tcp)
{
    uint32_t payload = bytes->size - ip - tcp;
    for (uint32_t captured = 0; captured <= bytes->size; captured++) {
        enum mt_ip_result result = read_cut(bytes, captured, bytes->size);
        if (captured < ip + 20) {
            CHECK_EQUAL(result, MT_IP_BAD);
            CHECK(why != NULL);
            continue;
        }
        CHECK_EQUAL(result, MT_IP_SEGMENT);
        check_tcp(captured > ip + tcp ? captured - ip - tcp : 0, payload);
        CHECK_EQUAL(segment.mss, captured >= ip + tcp ? 1460 : 0);
        CHECK(segment.payload + segment.captured == kept + captured);
    }
}

/* Every cut of a packet on the wire itself. */
static void check_shortened(const struct bytes *bytes, uint32_t ip, uint32_t tcp)
{
    for (uint32_t length = 0; length <= bytes->size; length++) {
        enum mt_ip_result result = read_cut(bytes, length, length);
        if (length < ip + tcp)
            CHECK_EQUAL(result, MT_IP_BAD);
        else
            check_tcp(length - ip - tcp, length - ip - tcp);
    }
}

static void test_cuts(void)
{
    struct bytes bytes = {.size = 0};
    add_ipv4(&bytes, 6, 8, 36 + 10, 0, 0);
    add_tcp(&bytes, MT_TCP_SYN, mss_options, 16, 10);
    check_snapped(&bytes, 28, 36);
    check_shortened(&bytes, 28, 36);

    bytes.size = 0;
    add_ipv6(&bytes, 6, 36 + 10);
    add_tcp(&bytes, MT_TCP_SYN, mss_options, 16, 10);
    check_snapped(&bytes, 40, 36);
    check_shortened(&bytes, 40, 36);

    bytes.size = 0;
    add_ipv6(&bytes, 0, 8 + 16 + 8 + 24 + 12 + 36 + 10);
    add(&bytes, "\x2b\0\1\4\0\0\0\0", 8);                                  /* hop by hop */
    add(&bytes, "\x2c\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);                 /* routing */
    add_ipv6_fragment(&bytes, 60, 0, 0, 7);                                /* atomic */
    add(&bytes, "\x33\2\1\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 24); /* destination options */
    add(&bytes, "\6\1\0\0\0\0\0\0\0\0\0\0", 12);                           /* authentication */
    add_tcp(&bytes, MT_TCP_SYN, mss_options, 16, 10);
    check_snapped(&bytes, 40 + 68, 36);
    check_shortened(&bytes, 40 + 68, 36);
    CHECK_EQUAL(lost_calls, 0);
}

/* ---- IPv6 ---- */

static void test_ipv6(void)
{
    struct bytes bytes = {.size = 0};
    add_ipv6(&bytes, 6, 20 + 5);
    add_tcp(&bytes, MT_TCP_ACK | MT_TCP_FIN, "", 0, 5);
    add16(&bytes, 0); /* padding */
    CHECK_EQUAL(read_whole(&bytes), MT_IP_SEGMENT);
    check_tcp(5, 5);
    CHECK_EQUAL(segment.flags, MT_TCP_ACK | MT_TCP_FIN);
    CHECK_EQUAL(segment.ttl, 99);
    CHECK_EQUAL(segment.source.version, 6);
    CHECK_EQUAL(segment.destination.version, 6);
    CHECK(memcmp(segment.source.bytes, bytes.at + 8, 16) == 0);
    CHECK(memcmp(segment.destination.bytes, bytes.at + 24, 16) == 0);

    set16(&bytes, 4, 20 + 5 + 3); /* one byte more than the wire held */
    CHECK_EQUAL(read_whole(&bytes), MT_IP_SEGMENT);
    CHECK_EQUAL(segment.length, 7);
    set16(&bytes, 4, 19);
    check_bad(read_whole(&bytes), "IP packet ends inside the TCP header");

    for (unsigned next = 0; next < 256; next++) {
        bytes.size = 0;
        add_ipv6(&bytes, next, 24);
        for (unsigned i = 0; i < 24; i++)
            add8(&bytes, 59);
        enum mt_ip_result expected =
            next == 6 || next == 0 || next == 43 || next == 60 || next == 51 ? MT_IP_BAD
                                                                             : MT_IP_OTHER;
        CHECK_EQUAL(read_whole(&bytes), expected);
    }
}

static void test_ipv6_without_length(void)
{
    struct bytes bytes = {.size = 0};
    add_ipv6(&bytes, 0, 0); /* jumbogram */
    add(&bytes, "\6\0\xc2\4\0\1\x0d\xa4", 8);
    add_tcp(&bytes, MT_TCP_ACK, "", 0, 69000);
    CHECK_EQUAL(read_whole(&bytes), MT_IP_SEGMENT);
    check_tcp(69000, 69000);
    CHECK_EQUAL(read_cut(&bytes, 100, bytes.size), MT_IP_SEGMENT);
    check_tcp(32, 69000);
    bytes.size = 0;
    add_ipv6(&bytes, 6, 0); /* joined by receive offload */
    add_tcp(&bytes, MT_TCP_ACK, "", 0, 69000);
    CHECK_EQUAL(read_whole(&bytes), MT_IP_SEGMENT);
    check_tcp(69000, 69000);
}

static void test_ipv6_chains(void)
{
    struct bytes bytes = {.size = 0};
    for (unsigned headers = 1; headers <= 40; headers++) {
        bytes.size = 0;
        add_ipv6(&bytes, 60, headers * 8 + 20 + 3);
        for (unsigned i = 1; i <= headers; i++)
            add(&bytes, i < headers ? "\x3c\0\1\4\0\0\0\0" : "\6\0\1\4\0\0\0\0", 8);
        add_tcp(&bytes, MT_TCP_ACK, "", 0, 3);
        enum mt_ip_result result = read_whole(&bytes);
        if (headers <= 32)
            check_tcp(3, 3);
        else
            check_bad(result, "too many IPv6 extension headers");
    }
    static const uint8_t kinds[] = {0, 43, 60, 51};
    for (unsigned kind = 0; kind < sizeof kinds;
         kind++) { /* a header that reaches beyond the packet, just so and by far */
        bytes.size = 0;
        add_ipv6(&bytes, kinds[kind], 16);
        add8(&bytes, 6);
        add8(&bytes, kinds[kind] == 51 ? 3 : 2);
        for (unsigned i = 0; i < 14; i++)
            add8(&bytes, 0);
        check_bad(read_whole(&bytes), "IPv6 extension header cut");
        bytes.at[41] = 255;
        check_bad(read_whole(&bytes), "IPv6 extension header cut");
        bytes.at[41] = kinds[kind] == 51 ? 2 : 1; /* and one that ends with it */
        check_bad(read_whole(&bytes), "IP packet ends inside the TCP header");
        bytes.at[40] = 59;
        CHECK_EQUAL(read_whole(&bytes), MT_IP_OTHER);
    }
}

/* ---- fragments ---- */

/* Fragment `index` of a segment of 1000 payload bytes split every 400 bytes. */
static void make_ipv4_fragment(struct bytes *bytes, unsigned index, unsigned identification)
{
    static struct bytes whole;
    whole.size = 0;
    add_tcp(&whole, MT_TCP_SYN, mss_options, 16, 1000);
    uint32_t begin = index * 400, size = whole.size - begin < 400 ? whole.size - begin : 400;
    bytes->size = 0;
    add_ipv4(bytes, 6, 4, size, identification,
             begin / 8 | (begin + size < whole.size ? 0x2000 : 0));
    add(bytes, whole.at + begin, size);
}

static void test_ipv4_fragments(void)
{
    static const unsigned orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                          {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    struct bytes bytes;
    for (unsigned order = 0; order < 6; order++) {
        for (unsigned i = 0; i < 2; i++) {
            make_ipv4_fragment(&bytes, orders[order][i], order);
            CHECK_EQUAL(read_whole(&bytes), MT_IP_FRAGMENT);
        }
        make_ipv4_fragment(&bytes, orders[order][2], order);
        bytes.at[8] = 44;
        add32(&bytes, 0xdeadbeefu); /* padding */
        CHECK_EQUAL(read_whole(&bytes), MT_IP_SEGMENT);
        check_tcp(1000, 1000);
        CHECK_EQUAL(segment.mss, 1460);
        CHECK_EQUAL(segment.ttl, 44);
        CHECK_EQUAL(segment.source.version, 4);
        CHECK_EQUAL(segment.source.bytes[0], 198);
        CHECK_EQUAL(segment.destination.bytes[0], 203);
    }
    CHECK_EQUAL(lost_calls, 0);

    make_ipv4_fragment(&bytes, 1, 77); /* first and last never come */
    CHECK_EQUAL(read_whole(&bytes), MT_IP_FRAGMENT);
    int64_t frame = frames;
    mt_ip_finish(reader);
    CHECK_EQUAL(lost_calls, 1);
    CHECK_EQUAL(lost_bytes, 400);
    CHECK_EQUAL(lost_frame, frame);

    make_ipv4_fragment(&bytes, 0, 78); /* of other protocols nothing is kept */
    bytes.at[9] = 17;
    CHECK_EQUAL(read_whole(&bytes), MT_IP_OTHER);
    make_ipv4_fragment(&bytes, 0, 79);
    set16(&bytes, 2, 24 + 399);
    check_bad(read_whole(&bytes), "IP fragment of an impossible length");
    set16(&bytes, 2, 24);
    check_bad(read_whole(&bytes), "IP fragment of an impossible length");
    mt_ip_finish(reader);
    CHECK_EQUAL(lost_calls, 1);

    make_ipv4_fragment(&bytes, 0, 80);
    CHECK_EQUAL(read_whole(&bytes), MT_IP_FRAGMENT);
    packet_time += 31000000000;
    make_ipv4_fragment(&bytes, 1, 80); /* too late */
    CHECK_EQUAL(read_whole(&bytes), MT_IP_FRAGMENT);
    CHECK_EQUAL(lost_calls, 2);
    mt_ip_finish(reader);
    CHECK_EQUAL(lost_calls, 3);
}

static void test_fragments_cut(void)
{
    struct bytes bytes;
    for (uint32_t captured = 0; captured <= 424;
         captured += captured < 70 ? 1 : 59) { /* the first of three, snapped */
        make_ipv4_fragment(&bytes, 2, 1000 + captured);
        CHECK_EQUAL(read_whole(&bytes), MT_IP_FRAGMENT);
        make_ipv4_fragment(&bytes, 1, 1000 + captured);
        CHECK_EQUAL(read_whole(&bytes), MT_IP_FRAGMENT);
        make_ipv4_fragment(&bytes, 0, 1000 + captured);
        enum mt_ip_result result = read_cut(&bytes, captured, bytes.size);
        if (captured < 24 + 20)
            CHECK_EQUAL(result, MT_IP_BAD);
        else {
            CHECK_EQUAL(result, MT_IP_SEGMENT);
            check_tcp(captured == 424 ? 1000 : captured > 24 + 36 ? captured - 24 - 36 : 0, 1000);
        }
    }
    mt_ip_finish(reader);
    CHECK_EQUAL(lost_calls, 24); /* those whose IP header was cut never came in */
}

static void make_ipv6_fragment(struct bytes *bytes, unsigned first, unsigned next,
                               const struct bytes *whole, uint32_t identification)
{
    uint32_t begin = first ? 0 : 64, size = first ? 64 : whole->size - 64;
    bytes->size = 0;
    add_ipv6(bytes, 0, 8 + 8 + size);
    add(bytes, "\x2c\0\1\4\0\0\0\0", 8);
    add_ipv6_fragment(bytes, next, begin, first != 0, identification);
    add(bytes, whole->at + begin, size);
}

static void test_ipv6_fragments(void)
{
    struct bytes bytes, whole = {.size = 0};
    add(&whole, "\6\0\1\4\0\0\0\0", 8); /* destination options in the fragmented part */
    add_tcp(&whole, MT_TCP_SYN, mss_options, 16, 333);
    for (unsigned order = 0; order < 2; order++) {
        make_ipv6_fragment(&bytes, order, 60, &whole, 0x12345678);
        CHECK_EQUAL(read_whole(&bytes), MT_IP_FRAGMENT);
        make_ipv6_fragment(&bytes, !order, 60, &whole, 0x12345678);
        CHECK_EQUAL(read_whole(&bytes), MT_IP_SEGMENT);
        check_tcp(333, 333);
        CHECK_EQUAL(segment.mss, 1460);
        CHECK_EQUAL(segment.source.version, 6);
        CHECK(memcmp(segment.source.bytes, bytes.at + 8, 16) == 0);
        CHECK(memcmp(segment.destination.bytes, bytes.at + 24, 16) == 0);
        mt_ip_finish(reader); /* forgets what it delivered */
    }
    make_ipv6_fragment(&bytes, 1, 17, &whole, 1);
    CHECK_EQUAL(read_whole(&bytes), MT_IP_OTHER);

    for (unsigned nested = 0; nested < 2;
         nested++) { /* a fragment header in a reassembled datagram, and behind an atomic one */
        whole.size = 0;
        add_ipv6_fragment(&whole, 6, 0, 0, 5);
        add_tcp(&whole, MT_TCP_ACK, "", 0, 333);
        if (nested == 0) {
            make_ipv6_fragment(&bytes, 1, 44, &whole, 6);
            CHECK_EQUAL(read_whole(&bytes), MT_IP_FRAGMENT);
            make_ipv6_fragment(&bytes, 0, 44, &whole, 6);
        } else {
            bytes.size = 0;
            add_ipv6(&bytes, 44, 8 + whole.size);
            add_ipv6_fragment(&bytes, 44, 0, 0, 4);
            add(&bytes, whole.at, whole.size);
        }
        check_bad(read_whole(&bytes), "IPv6 fragment inside a fragment");
    }
    mt_ip_finish(reader);
    CHECK_EQUAL(lost_calls, 0);
}

static void test_reassembled_bad(void)
{
    struct bytes bytes;
    make_ipv4_fragment(&bytes, 0, 5);
    bytes.at[24 + 12] = 4 << 4;
    CHECK_EQUAL(read_whole(&bytes), MT_IP_FRAGMENT);
    make_ipv4_fragment(&bytes, 1, 5);
    CHECK_EQUAL(read_whole(&bytes), MT_IP_FRAGMENT);
    make_ipv4_fragment(&bytes, 2, 5);
    check_bad(read_whole(&bytes), "TCP data offset below 5");
}

/* ---- memory ---- */

static void test_no_memory(void)
{
    mt_fail_after(1);
    CHECK(mt_ip_open(&mt_default_limits, limit_hits, NULL, NULL) == NULL);
    struct bytes bytes = {.size = 0};
    add_ipv4(&bytes, 6, 0, 20 + 4, 0, 0);
    add_tcp(&bytes, MT_TCP_ACK, "", 0, 4);
    CHECK_EQUAL(read_whole(&bytes), MT_IP_SEGMENT); /* allocates nothing */
    int failures = 0;
    for (long calls = 1;; calls++) {
        mt_fail_after(0);
        mt_ip_close(reader);
        open_reader();
        mt_fail_after(calls);
        enum mt_ip_result result = MT_IP_FRAGMENT;
        for (unsigned i = 0; i < 3 && result == MT_IP_FRAGMENT; i++) {
            make_ipv4_fragment(&bytes, i, 9);
            result = read_whole(&bytes);
        }
        if (result == MT_IP_SEGMENT)
            break;
        CHECK_EQUAL(result, MT_IP_NOMEM);
        failures++;
    }
    mt_fail_after(0);
    check_tcp(1000, 1000);
    CHECK(failures >= 6);
}

/* ---- anything at all ---- */

static uint64_t random_state = 0x853c49e6748fea9bu;

static uint32_t random_below(uint32_t bound)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 32) % bound;
}

static void test_noise(void)
{
    struct bytes bytes;
    unsigned segments = 0;
    int within = 1;
    for (int round = 0; round < 30000; round++) {
        uint32_t kind = random_below(3), index = random_below(3), identification = random_below(4);
        bytes.size = 0;
        switch (kind) {
        case 0:
            make_ipv4_fragment(&bytes, index, identification);
            break;
        case 1:
            add_ipv6(&bytes, 0, 8 + 8 + 36 + 12);
            add(&bytes, "\x2c\0\1\4\0\0\0\0", 8);
            add_ipv6_fragment(&bytes, 6, 0, 0, identification);
            add_tcp(&bytes, MT_TCP_SYN, mss_options, 16, 12);
            break;
        default:
            add_ipv4(&bytes, 6, 8, 36 + 12, 0, 0);
            add_tcp(&bytes, MT_TCP_SYN, mss_options, 16, 12);
        }
        for (uint32_t changes = random_below(4); changes > 0; changes--) {
            uint32_t where = random_below(bytes.size < 90 ? bytes.size : 90);
            bytes.at[where] = (uint8_t)random_below(256);
        }
        uint32_t captured = random_below(4) == 0 ? random_below(bytes.size + 1) : bytes.size;
        packet_time += 1000000000;
        if (read_cut(&bytes, captured, bytes.size) != MT_IP_SEGMENT)
            continue;
        segments++;
        uint32_t sum = 0;
        for (uint32_t i = 0; i < segment.captured; i++)
            sum += segment.payload[i];
        within &= segment.captured <= segment.length && segment.length <= 65535 &&
                  sum <= 255 * segment.captured;
    }
    CHECK(within);
    CHECK(segments > 10000);
    CHECK(lost_calls > 100);
}

int main(void)
{
    static void (*const tests[])(void) = {test_ipv4,
                                          test_offset_in_packet,
                                          test_ipv4_lengths,
                                          test_ipv4_bad,
                                          test_data_offset,
                                          test_mss,
                                          test_window_scale,
                                          test_cuts,
                                          test_ipv6,
                                          test_ipv6_without_length,
                                          test_ipv6_chains,
                                          test_ipv4_fragments,
                                          test_fragments_cut,
                                          test_ipv6_fragments,
                                          test_reassembled_bad,
                                          test_no_memory,
                                          test_noise};
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) {
        open_reader();
        tests[i]();
        mt_ip_close(reader);
    }
    mt_ip_close(NULL);
    free(kept);
    FINISH("test_ip");
}
