/* Fragments of IP packets, memory that fails, and noise. */
#include "net/ip.h"

#include "base/mem.h"
#include "support/net_help.h"

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
            CHECK_EQUAL(read_whole(&bytes), MT_NET_FRAGMENT);
        }
        make_ipv4_fragment(&bytes, orders[order][2], order);
        bytes.at[8] = 44;
        add32(&bytes, 0xdeadbeefu); /* padding */
        CHECK_EQUAL(read_whole(&bytes), MT_NET_SEGMENT);
        check_tcp(1000, 1000);
        CHECK_EQUAL(segment.mss, 1460);
        CHECK_EQUAL(segment.ttl, 44);
        CHECK_EQUAL(segment.source.version, 4);
        CHECK_EQUAL(segment.source.bytes[0], 198);
        CHECK_EQUAL(segment.destination.bytes[0], 203);
    }
    CHECK_EQUAL(lost_calls, 0);

    make_ipv4_fragment(&bytes, 1, 77); /* first and last never come */
    CHECK_EQUAL(read_whole(&bytes), MT_NET_FRAGMENT);
    int64_t frame = frames;
    mt_net_finish(net);
    CHECK_EQUAL(lost_calls, 1);
    CHECK_EQUAL(lost_bytes, 400);
    CHECK_EQUAL(lost_frame, frame);

    make_ipv4_fragment(&bytes, 0, 78); /* of other protocols nothing is kept */
    bytes.at[9] = 132;
    CHECK_EQUAL(read_whole(&bytes), MT_NET_SKIPPED);
    make_ipv4_fragment(&bytes, 0, 79);
    set16(&bytes, 2, 24 + 399);
    check_bad(read_whole(&bytes), "IP fragment of an impossible length");
    set16(&bytes, 2, 24);
    check_bad(read_whole(&bytes), "IP fragment of an impossible length");
    mt_net_finish(net);
    CHECK_EQUAL(lost_calls, 1);

    make_ipv4_fragment(&bytes, 0, 80);
    CHECK_EQUAL(read_whole(&bytes), MT_NET_FRAGMENT);
    packet_time += 31000000000;
    make_ipv4_fragment(&bytes, 1, 80); /* too late */
    CHECK_EQUAL(read_whole(&bytes), MT_NET_FRAGMENT);
    CHECK_EQUAL(lost_calls, 2);
    mt_net_finish(net);
    CHECK_EQUAL(lost_calls, 3);
}

static void test_fragments_cut(void)
{
    struct bytes bytes;
    for (uint32_t captured = 0; captured <= 424;
         captured += captured < 70 ? 1 : 59) { /* the first of three, snapped */
        make_ipv4_fragment(&bytes, 2, 1000 + captured);
        CHECK_EQUAL(read_whole(&bytes), MT_NET_FRAGMENT);
        make_ipv4_fragment(&bytes, 1, 1000 + captured);
        CHECK_EQUAL(read_whole(&bytes), MT_NET_FRAGMENT);
        make_ipv4_fragment(&bytes, 0, 1000 + captured);
        enum mt_net_result result = read_cut(&bytes, captured, bytes.size);
        if (captured < 24 + 20)
            CHECK_EQUAL(result, MT_NET_BAD);
        else {
            CHECK_EQUAL(result, MT_NET_SEGMENT);
            check_tcp(captured == 424 ? 1000 : captured > 24 + 36 ? captured - 24 - 36 : 0, 1000);
        }
    }
    mt_net_finish(net);
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
        CHECK_EQUAL(read_whole(&bytes), MT_NET_FRAGMENT);
        make_ipv6_fragment(&bytes, !order, 60, &whole, 0x12345678);
        CHECK_EQUAL(read_whole(&bytes), MT_NET_SEGMENT);
        check_tcp(333, 333);
        CHECK_EQUAL(segment.mss, 1460);
        CHECK_EQUAL(segment.source.version, 6);
        CHECK(memcmp(segment.source.bytes, bytes.at + 8, 16) == 0);
        CHECK(memcmp(segment.destination.bytes, bytes.at + 24, 16) == 0);
        mt_net_finish(net); /* forgets what it delivered */
    }
    make_ipv6_fragment(&bytes, 1, 132, &whole, 1);
    CHECK_EQUAL(read_whole(&bytes), MT_NET_SKIPPED);

    for (unsigned nested = 0; nested < 2;
         nested++) { /* a fragment header in a reassembled datagram, and behind an atomic one */
        whole.size = 0;
        add_ipv6_fragment(&whole, 6, 0, 0, 5);
        add_tcp(&whole, MT_TCP_ACK, "", 0, 333);
        if (nested == 0) {
            make_ipv6_fragment(&bytes, 1, 44, &whole, 6);
            CHECK_EQUAL(read_whole(&bytes), MT_NET_FRAGMENT);
            make_ipv6_fragment(&bytes, 0, 44, &whole, 6);
        } else {
            bytes.size = 0;
            add_ipv6(&bytes, 44, 8 + whole.size);
            add_ipv6_fragment(&bytes, 44, 0, 0, 4);
            add(&bytes, whole.at, whole.size);
        }
        check_bad(read_whole(&bytes), "IPv6 fragment inside a fragment");
    }
    mt_net_finish(net);
    CHECK_EQUAL(lost_calls, 0);
}

static void test_reassembled_bad(void)
{
    struct bytes bytes;
    make_ipv4_fragment(&bytes, 0, 5);
    bytes.at[24 + 12] = 4 << 4;
    CHECK_EQUAL(read_whole(&bytes), MT_NET_FRAGMENT);
    make_ipv4_fragment(&bytes, 1, 5);
    CHECK_EQUAL(read_whole(&bytes), MT_NET_FRAGMENT);
    make_ipv4_fragment(&bytes, 2, 5);
    check_bad(read_whole(&bytes), "TCP data offset below 5");
}

/* ---- memory ---- */

static void test_no_memory(void)
{
    mt_fail_after(1);
    CHECK(mt_net_open(&(struct mt_net_options){.limits = &mt_default_limits,
                                               .limit_hits = limit_hits}) == NULL);
    struct bytes bytes = {.size = 0};
    add_ipv4(&bytes, 6, 0, 20 + 4, 0, 0);
    add_tcp(&bytes, MT_TCP_ACK, "", 0, 4);
    CHECK_EQUAL(read_whole(&bytes), MT_NET_SEGMENT); /* allocates nothing */
    int failures = 0;
    for (long calls = 1;; calls++) {
        mt_fail_after(0);
        mt_net_close(net);
        open_net(0);
        mt_fail_after(calls);
        enum mt_net_result result = MT_NET_FRAGMENT;
        for (unsigned i = 0; i < 3 && result == MT_NET_FRAGMENT; i++) {
            make_ipv4_fragment(&bytes, i, 9);
            result = read_whole(&bytes);
        }
        if (result == MT_NET_SEGMENT)
            break;
        CHECK_EQUAL(result, MT_NET_NOMEM);
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
        if (read_cut(&bytes, captured, bytes.size) != MT_NET_SEGMENT)
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
    static void (*const tests[])(void) = {test_ipv4_fragments, test_fragments_cut,
                                          test_ipv6_fragments, test_reassembled_bad,
                                          test_no_memory,      test_noise};
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) {
        open_net(0);
        tests[i]();
        mt_net_close(net);
    }
    mt_net_close(NULL);
    free(kept);
    FINISH("ip_reassembly");
}
