#include "net/ip_fragments.h"

#include "base/mem.h"
#include "support/check.h"

#include <stdlib.h>

enum { MAX = 65535, SECOND = 1000000000, EVENTS_MAX = 64 };

static struct mt_ip_fragments fragments;
static struct mt_ip_datagram datagram;
static struct mt_limits limits;
static mt_limit_hits limit_hits;
static int64_t packet_time, frame;
static uint8_t content[MAX + 65536]; /* what fragments carry */

static struct {
    int64_t frame;
    uint32_t bytes;
    const char *why;
} events[EVENTS_MAX];
static int events_count;

static void remember(void *context, const struct mt_packet_ref *first, uint32_t bytes,
                     const char *why)
{
    CHECK(context == &events);
    if (events_count < EVENTS_MAX) {
        events[events_count].frame = first->frame;
        events[events_count].bytes = bytes;
        events[events_count].why = why;
    }
    events_count++;
}

static uint64_t random_state = 0x9e3779b97f4a7c15u;

static uint32_t random_below(uint32_t bound)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 32) % bound;
}

static void begin(void)
{
    mt_fail_after(0);
    mt_ip_fragments_free(&fragments);
    mt_ip_fragments_init(&fragments, &limits, limit_hits, remember, &events);
    events_count = 0;
    frame = 0;
}

static struct mt_ip_fragment make(uint32_t identification, uint32_t offset, uint32_t length,
                                  int more)
{
    return (struct mt_ip_fragment){
        .source = {.bytes = {1, 2, 3, 4}, .version = 4},
        .destination = {.bytes = {5, 6, 7, 8}, .version = 4},
        .identification = identification,
        .offset = offset,
        .protocol = 6,
        .more = more != 0,
        .bytes = content + offset,
        .captured = length,
        .length = length,
    };
}

/* Puts it out of a heap block of just its size, which is gone afterwards. */
static enum mt_ip_fragments_result put_fragment(const struct mt_ip_fragment *fragment)
{
    struct mt_ip_fragment copy = *fragment;
    uint8_t *bytes = malloc(fragment->captured != 0 ? fragment->captured : 1);
    if (bytes == NULL)
        abort();
    memcpy(bytes, fragment->bytes, fragment->captured);
    copy.bytes = bytes;
    struct mt_packet_ref place = {.time = packet_time, .frame = ++frame};
    memset(&datagram, 0xee, sizeof datagram);
    enum mt_ip_fragments_result result = mt_ip_fragments_put(&fragments, &copy, &place, &datagram);
    free(bytes);
    return result;
}

static enum mt_ip_fragments_result put(uint32_t identification, uint32_t offset, uint32_t length,
                                       int more)
{
    struct mt_ip_fragment fragment = make(identification, offset, length, more);
    return put_fragment(&fragment);
}

static void check_joined(uint32_t length)
{
    CHECK_EQUAL(datagram.length, length);
    CHECK_EQUAL(datagram.captured, length);
    CHECK_EQUAL(datagram.protocol, 6);
    CHECK(memcmp(datagram.bytes, content, length) == 0);
}

static void check_event(int index, int64_t first, uint32_t bytes, const char *why)
{
    CHECK(events_count > index);
    CHECK_EQUAL(events[index].frame, first);
    CHECK_EQUAL(events[index].bytes, bytes);
    CHECK_TEXT(events[index].why, why);
}

static void check_empty(void)
{
    CHECK_EQUAL(fragments.bytes, 0);
    CHECK_EQUAL(fragments.count, 0);
    CHECK(fragments.open.oldest == NULL && fragments.open.newest == NULL);
    CHECK(fragments.done.oldest == NULL && fragments.done.newest == NULL);
}

static const char at_the_end[] = "IP datagram incomplete at the end of the capture";
static const char too_late[] = "IP datagram incomplete: waited too long for its fragments";
static const char too_many[] = "IP datagram incomplete: too many fragments waiting";
static const char too_large[] = "IP fragment dropped: larger than the limit on fragments";
static const char too_long[] = "IP datagram dropped: its fragments reach beyond 65535 bytes";
static const char at_odds[] =
    "IP datagram dropped: its fragments contradict each other on its length";

/* ---- joining ---- */

static void test_orders(void)
{
    int orders = 0;
    for (uint32_t code = 0; code < 256; code++) { /* every order of four fragments */
        uint32_t order[4] = {code & 3, code >> 2 & 3, code >> 4 & 3, code >> 6};
        if ((1 << order[0] | 1 << order[1] | 1 << order[2] | 1 << order[3]) != 15)
            continue;
        orders++;
        for (int i = 0; i < 4; i++) {
            enum mt_ip_fragments_result result =
                put(code, order[i] * 104, order[i] < 3 ? 104 : 5, order[i] < 3);
            CHECK_EQUAL(result, i < 3 ? MT_IP_FRAGMENTS_WAIT : MT_IP_FRAGMENTS_WHOLE);
        }
        check_joined(317);
    }
    CHECK_EQUAL(orders, 24);
    CHECK_EQUAL(events_count, 0);
}

static void test_sizes(void)
{
    for (uint32_t length = 1; length <= 20; length++) { /* a last fragment alone is whole */
        CHECK_EQUAL(put(length, 0, length, 0), MT_IP_FRAGMENTS_WHOLE);
        check_joined(length);
    }
    CHECK_EQUAL(put(100, 65528, 7, 0), MT_IP_FRAGMENTS_WAIT); /* the largest datagram */
    CHECK_EQUAL(put(100, 0, 65528, 1), MT_IP_FRAGMENTS_WHOLE);
    check_joined(65535);
    for (uint32_t unit = 8191; unit > 0; unit--) /* out of the smallest fragments, from behind */
        CHECK(put(101, unit * 8, unit < 8191 ? 8 : 7, unit < 8191) == MT_IP_FRAGMENTS_WAIT);
    CHECK_EQUAL(put(101, 0, 8, 1), MT_IP_FRAGMENTS_WHOLE);
    check_joined(65535);
    CHECK_EQUAL(events_count, 0);
    mt_ip_fragments_finish(&fragments);
    CHECK_EQUAL(events_count, 0);
    check_empty();
}

static void test_impossible(void)
{
    CHECK_EQUAL(put(1, 0, 0, 1), MT_IP_FRAGMENTS_BAD);
    CHECK_EQUAL(put(1, 8, 0, 0), MT_IP_FRAGMENTS_BAD);
    CHECK_EQUAL(put(1, 4, 8, 0), MT_IP_FRAGMENTS_BAD);
    for (uint32_t length = 1; length < 8; length++)
        CHECK_EQUAL(put(1, 0, length, 1), MT_IP_FRAGMENTS_BAD);
    check_empty();
    CHECK(fragments.buckets == NULL);
}

static void test_identity(void)
{
    struct mt_ip_fragment first = make(1, 0, 8, 1);
    CHECK_EQUAL(put_fragment(&first), MT_IP_FRAGMENTS_WAIT);
    for (int what = 0; what < 5; what++) { /* another datagram, whichever it differs in */
        struct mt_ip_fragment last = make(1, 8, 8, 0);
        switch (what) {
        case 0:
            last.source.bytes[3]++;
            break;
        case 1:
            last.destination.bytes[0]++;
            break;
        case 2:
            last.identification += 65536;
            break;
        case 3:
            last.protocol = 17;
            break;
        default:
            last.source.version = last.destination.version = 6;
        }
        CHECK_EQUAL(put_fragment(&last), MT_IP_FRAGMENTS_WAIT);
    }
    CHECK_EQUAL(put(1, 8, 8, 0), MT_IP_FRAGMENTS_WHOLE);
    check_joined(16);

    for (unsigned order = 0; order < 2;
         order++) { /* IPv6: the next header of the first fragment counts */
        for (unsigned i = 0; i < 2; i++) {
            struct mt_ip_fragment fragment =
                i == order ? make(9 + order, 0, 8, 1) : make(9 + order, 8, 8, 0);
            fragment.source.version = fragment.destination.version = 6;
            fragment.source.bytes[15] = fragment.destination.bytes[15] = 1;
            fragment.protocol = i == order ? 60 : 6;
            CHECK_EQUAL(put_fragment(&fragment),
                        i == 0 ? MT_IP_FRAGMENTS_WAIT : MT_IP_FRAGMENTS_WHOLE);
        }
        CHECK_EQUAL(datagram.protocol, 60);
    }
}

/* ---- repeated and overlapping ---- */

static void test_duplicates(void)
{
    CHECK_EQUAL(put(1, 0, 80, 1), MT_IP_FRAGMENTS_WAIT);
    uint64_t held = fragments.bytes;
    CHECK_EQUAL(put(1, 0, 80, 1), MT_IP_FRAGMENTS_WAIT);
    CHECK_EQUAL(put(1, 8, 16, 1), MT_IP_FRAGMENTS_WAIT);
    CHECK_EQUAL(fragments.bytes, held);
    CHECK_EQUAL(put(1, 80, 9, 0), MT_IP_FRAGMENTS_WHOLE);
    check_joined(89);
    for (int i = 0; i < 3; i++) { /* late ones are known */
        CHECK_EQUAL(put(1, 80, 9, 0), MT_IP_FRAGMENTS_WAIT);
        CHECK_EQUAL(put(1, 0, 80, 1), MT_IP_FRAGMENTS_WAIT);
        CHECK_EQUAL(put(1, 40, 8, 1), MT_IP_FRAGMENTS_WAIT);
    }
    CHECK_EQUAL(fragments.count, 1);
    CHECK(fragments.open.oldest == NULL);

    struct mt_ip_fragment other =
        make(1, 0, 80, 1); /* other bytes under the same identification are a new datagram */
    other.bytes = content + 1;
    CHECK_EQUAL(put_fragment(&other), MT_IP_FRAGMENTS_WAIT);
    CHECK(fragments.open.oldest != NULL);
    CHECK_EQUAL(put(1, 80, 20, 0), MT_IP_FRAGMENTS_WHOLE);
    CHECK_EQUAL(datagram.length, 100);
    CHECK(memcmp(datagram.bytes, content + 1, 80) == 0);
    CHECK(memcmp(datagram.bytes + 80, content + 80, 20) == 0);
    CHECK_EQUAL(put(1, 96, 8, 1),
                MT_IP_FRAGMENTS_WAIT); /* longer than what was delivered: new as well */
    CHECK(fragments.open.oldest != NULL);
    CHECK_EQUAL(put(1, 104, 8, 0), MT_IP_FRAGMENTS_WAIT);

    CHECK_EQUAL(put(2, 0, 80, 0), MT_IP_FRAGMENTS_WHOLE);
    CHECK_EQUAL(put(2, 0, 72, 0), MT_IP_FRAGMENTS_WHOLE); /* a last fragment that ends elsewhere */
    check_joined(72);
    mt_ip_fragments_finish(&fragments);
    CHECK_EQUAL(events_count, 1);
    check_event(0, frame - 3, 16, at_the_end);
}

static void test_first_copy_wins(void)
{
    struct mt_ip_fragment late = make(1, 0, 96, 1);
    late.bytes = content + 500;
    CHECK_EQUAL(put(1, 8, 80, 1), MT_IP_FRAGMENTS_WAIT);
    CHECK_EQUAL(put_fragment(&late), MT_IP_FRAGMENTS_WAIT);
    CHECK_EQUAL(put(1, 64, 41, 0), MT_IP_FRAGMENTS_WHOLE);
    CHECK_EQUAL(datagram.length, 105);
    CHECK(memcmp(datagram.bytes, content + 500, 8) == 0);
    CHECK(memcmp(datagram.bytes + 8, content + 8, 80) == 0);
    CHECK(memcmp(datagram.bytes + 88, content + 588, 8) == 0);
    CHECK(memcmp(datagram.bytes + 96, content + 96, 9) == 0);
}

/* A last fragment that brings nothing new still tells the length. */
static void test_length_from_duplicate(void)
{
    CHECK_EQUAL(put(1, 0, 64, 1), MT_IP_FRAGMENTS_WAIT);
    CHECK_EQUAL(put(1, 56, 8, 0), MT_IP_FRAGMENTS_WHOLE);
    check_joined(64);
}

/* Random fragments of one datagram against the plainest joining: bytes written where none were
 * before. */
static void test_against_model(void)
{
    static uint8_t model[MAX], came[MAX];
    int wholes = 0, as_model = 1, same = 1;
    for (uint32_t round = 0; round < 3000; round++) {
        uint32_t total = 1 + random_below(900), missing = total;
        memset(came, 0, sizeof came);
        for (int tries = 0; tries < 400 && missing > 0; tries++) {
            uint32_t offset = random_below((total + 7) / 8) * 8, length = 8 + random_below(16) * 8;
            if (length > total - offset)
                length = total - offset;
            int more = offset + length < total || (length % 8 == 0 && random_below(4) == 0);
            struct mt_ip_fragment fragment = make(round, offset, length, more);
            fragment.bytes = content + random_below(MAX);
            for (uint32_t i = 0; i < length; i++) {
                if (!came[offset + i]) {
                    came[offset + i] = 1;
                    missing--;
                    model[offset + i] = fragment.bytes[i];
                }
            }
            enum mt_ip_fragments_result result = put_fragment(&fragment);
            if (missing == 0 &&
                result ==
                    MT_IP_FRAGMENTS_WAIT) /* all bytes are there, but perhaps not yet the length */
                result = put(round, (total - 1) / 8 * 8, total - (total - 1) / 8 * 8, 0);
            as_model &= (result == MT_IP_FRAGMENTS_WHOLE) == (missing == 0);
        }
        wholes += missing == 0;
        same &= missing != 0 || (datagram.length == total && datagram.captured == total &&
                                 memcmp(datagram.bytes, model, total) == 0);
    }
    CHECK(as_model);
    CHECK(same);
    CHECK(wholes > 2500);
}

/* ---- snapped ---- */

static void test_snapped(void)
{
    for (uint32_t captured = 0; captured <= 80; captured++) {
        for (int which = 0; which < 3; which++) {
            begin();
            for (int i = 0; i < 3; i++) {
                struct mt_ip_fragment fragment = make(1, (uint32_t)i * 80, 80, i < 2);
                if (i == which)
                    fragment.captured = captured;
                CHECK_EQUAL(put_fragment(&fragment),
                            i < 2 ? MT_IP_FRAGMENTS_WAIT : MT_IP_FRAGMENTS_WHOLE);
            }
            uint32_t expected = captured < 80 ? (uint32_t)which * 80 + captured : 240;
            CHECK_EQUAL(datagram.length, 240);
            CHECK_EQUAL(datagram.captured, expected);
            CHECK(memcmp(datagram.bytes, content, expected) == 0);
            CHECK_EQUAL(put(1, 0, 80, 1), MT_IP_FRAGMENTS_WAIT); /* late duplicates, longer than the
                                                                    kept bytes or behind them */
            CHECK_EQUAL(put(1, 80, 80, 1), MT_IP_FRAGMENTS_WAIT);
            CHECK_EQUAL(put(1, 160, 80, 0), MT_IP_FRAGMENTS_WAIT);
            CHECK_EQUAL(fragments.count, 1);
        }
    }
    struct mt_ip_fragment nothing = make(1, 0, 80, 1); /* nothing captured at all */
    nothing.captured = 0;
    CHECK_EQUAL(put_fragment(&nothing), MT_IP_FRAGMENTS_WAIT);
    CHECK_EQUAL(events_count, 0);
}

/* ---- contradictions ---- */

static void test_contradictions(void)
{
    CHECK_EQUAL(put(1, 0, 80, 1), MT_IP_FRAGMENTS_WAIT);
    CHECK_EQUAL(put(1, 65528, 8, 0), MT_IP_FRAGMENTS_WAIT); /* one byte too many */
    check_event(0, 1, 88, too_long);
    check_empty();
    CHECK_EQUAL(put(1, 65528, 8, 1), MT_IP_FRAGMENTS_WAIT);
    check_event(1, 3, 8, too_long);
    CHECK_EQUAL(put(1, 65528, 65528, 1), MT_IP_FRAGMENTS_WAIT);
    check_event(2, 4, 65528, too_long);

    begin();
    CHECK_EQUAL(put(2, 80, 20, 0),
                MT_IP_FRAGMENTS_WAIT); /* two ends, the second behind the first */
    CHECK_EQUAL(put(2, 80, 21, 0), MT_IP_FRAGMENTS_WAIT);
    check_event(0, 1, 41, at_odds);
    CHECK_EQUAL(put(2, 80, 20, 0), MT_IP_FRAGMENTS_WAIT); /* and before it */
    CHECK_EQUAL(put(2, 80, 19, 0), MT_IP_FRAGMENTS_WAIT);
    check_event(1, 3, 39, at_odds);
    CHECK_EQUAL(put(2, 80, 20, 0), MT_IP_FRAGMENTS_WAIT); /* more behind the end */
    CHECK_EQUAL(put(2, 96, 8, 1), MT_IP_FRAGMENTS_WAIT);
    check_event(2, 5, 28, at_odds);
    CHECK_EQUAL(put(2, 96, 8, 1), MT_IP_FRAGMENTS_WAIT); /* an end before what came */
    CHECK_EQUAL(put(2, 80, 20, 0), MT_IP_FRAGMENTS_WAIT);
    check_event(3, 7, 28, at_odds);
    CHECK_EQUAL(events_count, 4);
    check_empty();
    CHECK_EQUAL(put(2, 80, 16, 1),
                MT_IP_FRAGMENTS_WAIT); /* no contradiction: more is said of the last bytes */
    CHECK_EQUAL(put(2, 80, 16, 0), MT_IP_FRAGMENTS_WAIT);
    CHECK_EQUAL(put(2, 0, 80, 1), MT_IP_FRAGMENTS_WHOLE);
    check_joined(96);
    CHECK_EQUAL(events_count, 4);
}

/* ---- limits ---- */

static void test_datagrams_limit(void)
{
    limits.ip_fragment_datagrams = 3;
    begin();
    for (uint32_t i = 1; i <= 3; i++)
        CHECK_EQUAL(put(i, 0, 8 * i, 1), MT_IP_FRAGMENTS_WAIT);
    CHECK_EQUAL(events_count, 0);
    CHECK_EQUAL(put(4, 0, 8, 1), MT_IP_FRAGMENTS_WAIT);
    check_event(0, 1, 8, too_many);
    CHECK_EQUAL(put(2, 16, 8, 0), MT_IP_FRAGMENTS_WHOLE);
    CHECK_EQUAL(put(5, 0, 8, 1),
                MT_IP_FRAGMENTS_WAIT); /* the delivered one makes room first, and in silence */
    CHECK_EQUAL(events_count, 1);
    CHECK_EQUAL(fragments.count, 3);
    mt_ip_fragments_finish(&fragments);
    CHECK_EQUAL(events_count, 4); /* oldest first */
    check_event(1, 3, 24, at_the_end);
    check_event(2, 4, 8, at_the_end);
    check_event(3, 6, 8, at_the_end);
    check_empty();
    CHECK_EQUAL(put(6, 0, 8, 1), MT_IP_FRAGMENTS_WAIT); /* it may be used on */
    CHECK_EQUAL(put(6, 8, 8, 0), MT_IP_FRAGMENTS_WHOLE);

    static const int64_t none[] = {0, -1, INT64_MIN};
    for (int i = 0; i < 3; i++) {
        limits.ip_fragment_datagrams = none[i];
        begin();
        CHECK_EQUAL(put(1, 0, 8, 1), MT_IP_FRAGMENTS_WAIT);
        check_event(0, 1, 8, too_large);
        check_empty();
    }
    limits.ip_fragment_datagrams = INT64_MAX;
    begin();
    for (uint32_t i = 0; i < 5000; i++)
        CHECK(put(i, 0, 8, 1) == MT_IP_FRAGMENTS_WAIT);
    CHECK_EQUAL(events_count, 0);
    CHECK_EQUAL(fragments.count, 5000);
    for (uint32_t i = 0; i < 5000; i++)
        CHECK(put(i, 8, 8, 0) == MT_IP_FRAGMENTS_WHOLE);
}

static void test_bytes_limit(void)
{
    limits.ip_fragment_bytes = 10000;
    begin();
    uint64_t most = 0;
    for (uint32_t i = 0; i < 50; i++) {
        CHECK_EQUAL(put(i, 0, 800, 1), MT_IP_FRAGMENTS_WAIT);
        if (fragments.bytes > most)
            most = fragments.bytes;
    }
    CHECK(most <= 10000 && most > 9000);
    CHECK_EQUAL(fragments.count, 50 - events_count);
    for (int i = 0; i < events_count; i++)
        check_event(i, i + 1, 800, too_many);
    CHECK_EQUAL(put(49, 800, 8, 0), MT_IP_FRAGMENTS_WHOLE); /* the newest are still there */
    check_joined(808);

    begin();
    CHECK_EQUAL(put(1, 0, 9600, 1), MT_IP_FRAGMENTS_WAIT); /* it pushes itself out */
    CHECK_EQUAL(put(1, 9600, 800, 1), MT_IP_FRAGMENTS_WAIT);
    check_event(0, 1, 9600, too_many);
    CHECK_EQUAL(fragments.count, 1);
    CHECK_EQUAL(put(2, 0, 10000, 1), MT_IP_FRAGMENTS_WAIT); /* can never be kept */
    check_event(1, 3, 10000, too_large);
    CHECK_EQUAL(events_count, 2);
    mt_ip_fragments_finish(&fragments);
    check_empty();

    limits.ip_fragment_bytes = -5;
    begin();
    CHECK_EQUAL(put(1, 0, 8, 1), MT_IP_FRAGMENTS_WAIT);
    check_event(0, 1, 8, too_large);
}

static void test_seconds_limit(void)
{
    packet_time = 100 * (int64_t)SECOND;
    CHECK_EQUAL(put(1, 0, 8, 1), MT_IP_FRAGMENTS_WAIT);
    packet_time += SECOND;
    CHECK_EQUAL(put(2, 0, 16, 1), MT_IP_FRAGMENTS_WAIT);
    packet_time = 130 * (int64_t)SECOND; /* just in time */
    CHECK_EQUAL(put(1, 16, 8, 1), MT_IP_FRAGMENTS_WAIT);
    CHECK_EQUAL(events_count, 0);
    packet_time++;
    CHECK_EQUAL(put(1, 8, 8, 1), MT_IP_FRAGMENTS_WAIT);
    CHECK_EQUAL(events_count, 1);
    check_event(0, 1, 16, too_late);
    packet_time = 10 * (int64_t)SECOND; /* a clock that was set back ends nothing */
    CHECK_EQUAL(put(2, 16, 8, 0), MT_IP_FRAGMENTS_WHOLE);
    check_joined(24);
    CHECK_EQUAL(events_count, 1);
    packet_time = 200 * (int64_t)SECOND; /* a delivered one is forgotten in silence */
    CHECK_EQUAL(put(3, 0, 8, 1), MT_IP_FRAGMENTS_WAIT);
    CHECK_EQUAL(events_count, 2);
    CHECK_EQUAL(fragments.count, 1);

    packet_time = MT_NO_TIME;
    begin();
    CHECK_EQUAL(put(1, 0, 8, 1), MT_IP_FRAGMENTS_WAIT); /* no times at all: nothing ends */
    CHECK_EQUAL(put(2, 0, 8, 1), MT_IP_FRAGMENTS_WAIT);
    packet_time = 1000 * (int64_t)SECOND; /* now it begins */
    CHECK_EQUAL(put(3, 0, 8, 1), MT_IP_FRAGMENTS_WAIT);
    packet_time = MT_NO_TIME;
    CHECK_EQUAL(put(4, 0, 8, 1), MT_IP_FRAGMENTS_WAIT);
    packet_time = 1030 * (int64_t)SECOND;
    CHECK_EQUAL(put(2, 8, 8, 0), MT_IP_FRAGMENTS_WHOLE);
    CHECK_EQUAL(events_count, 0);
    packet_time = 1031 * (int64_t)SECOND;
    CHECK_EQUAL(put(5, 0, 8, 1), MT_IP_FRAGMENTS_WAIT);
    CHECK_EQUAL(events_count, 3);
    CHECK_EQUAL(events[2].frame, 4);

    packet_time = INT64_MIN + 1; /* the widest jump */
    begin();
    CHECK_EQUAL(put(1, 0, 8, 1), MT_IP_FRAGMENTS_WAIT);
    packet_time = INT64_MAX;
    CHECK_EQUAL(put(2, 0, 8, 1), MT_IP_FRAGMENTS_WAIT);
    CHECK_EQUAL(events_count, 1);
    limits.ip_fragment_seconds = INT64_MAX; /* and a limit that never ends */
    packet_time = INT64_MIN + 1;
    begin();
    CHECK_EQUAL(put(1, 0, 8, 1), MT_IP_FRAGMENTS_WAIT);
    packet_time = INT64_MAX;
    CHECK_EQUAL(put(1, 8, 8, 0), MT_IP_FRAGMENTS_WHOLE);
    limits.ip_fragment_seconds = 0;
    begin();
    CHECK_EQUAL(put(1, 0, 8, 1), MT_IP_FRAGMENTS_WAIT); /* waits within the same instant only */
    CHECK_EQUAL(put(1, 8, 8, 0), MT_IP_FRAGMENTS_WHOLE);
    CHECK_EQUAL(events_count, 0);
}

/* ---- the rest ---- */

static void test_no_connections(void)
{
    mt_ip_fragments_init(&fragments, &limits, limit_hits, NULL, NULL);
    CHECK_EQUAL(put(1, 0, 8, 1), MT_IP_FRAGMENTS_WAIT);
    CHECK_EQUAL(put(1, 65528, 8, 1), MT_IP_FRAGMENTS_WAIT);
    CHECK_EQUAL(put(1, 0, 8, 1), MT_IP_FRAGMENTS_WAIT);
    mt_ip_fragments_finish(&fragments);
    mt_ip_fragments_finish(&fragments);
    CHECK_EQUAL(events_count, 0);
    check_empty();
    CHECK_EQUAL(put(1, 0, 8, 1), MT_IP_FRAGMENTS_WAIT);
    mt_ip_fragments_free(&fragments); /* tells nobody either */
    CHECK_EQUAL(events_count, 0);
    check_empty();
}

static void test_no_memory(void)
{
    static const uint32_t offsets[] = {0, 0, 80, 160};
    for (long calls = 1;; calls++) {
        begin();
        mt_fail_after(calls);
        int failed = 0;
        for (int i = 0; i < 4; i++) { /* what failed is tried again with memory at hand, and all is
                                         as if nothing had happened */
            enum mt_ip_fragments_result result = put(1, offsets[i], 80, i < 3);
            if (result == MT_IP_FRAGMENTS_NOMEM) {
                failed = 1;
                mt_fail_after(0);
                CHECK(fragments.done.oldest == NULL);
                result = put(1, offsets[i], 80, i < 3);
            }
            CHECK_EQUAL(result, i < 3 ? MT_IP_FRAGMENTS_WAIT : MT_IP_FRAGMENTS_WHOLE);
        }
        check_joined(240);
        CHECK_EQUAL(events_count, 0);
        if (!failed) {
            CHECK(calls >= 9); /* buckets, datagram, map, four pieces, the whole */
            break;
        }
    }
    begin();
    mt_fail_after(4); /* the first piece: no empty datagram stays behind */
    CHECK_EQUAL(put(1, 0, 8, 1), MT_IP_FRAGMENTS_NOMEM);
    check_empty();
}

int main(void)
{
    static void (*const tests[])(void) = {test_orders,
                                          test_sizes,
                                          test_impossible,
                                          test_identity,
                                          test_duplicates,
                                          test_first_copy_wins,
                                          test_length_from_duplicate,
                                          test_against_model,
                                          test_snapped,
                                          test_contradictions,
                                          test_datagrams_limit,
                                          test_bytes_limit,
                                          test_seconds_limit,
                                          test_no_connections,
                                          test_no_memory};
    for (size_t i = 0; i < sizeof content; i++)
        content[i] = (uint8_t)random_below(256);
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) {
        limits = mt_default_limits;
        packet_time = SECOND;
        begin();
        tests[i]();
    }
    mt_fail_after(0);
    mt_ip_fragments_free(&fragments);
    FINISH("test_ip_fragments");
}
