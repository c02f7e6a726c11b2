/* When a wrong checksum makes a segment a suspect. */
#include "base/error.h"
#include "base/limits.h"
#include "base/mem.h"
#include "support/check.h"
#include "tcp/checksums.h"

enum { CLIENT = 1, SERVER = 0, RIGHT = 1, WRONG = 0, ADDRESS = 100 };

static struct mt_checksums checksums;
static struct mt_limits limits;
static uint64_t limit_hits[MT_LIMIT_COUNT];
static struct mt_tcp_shared shared = {
    .limits = &limits, .limit_hits = limit_hits, .checksums = &checksums};
static struct mt_connection *connection;
/* Without addresses and payload, a header of 20 bytes has this checksum. */
static uint8_t header[20] = {[12] = 0x50, [13] = 0x10};

static void begin(void)
{
    connection = mt_connection_new(&shared);
    CHECK(connection != NULL);
    connection->sides[SERVER].address = ADDRESS;
    connection->sides[SERVER].packets = 1;
    connection->established = 1;
    CHECK_EQUAL(mt_checksums_reserve(&checksums, ADDRESS), MT_OK);
}

static void end(void)
{
    mt_connection_free(connection);
    mt_checksums_free(&checksums);
}

static struct mt_segment segment_of(int is_right)
{
    uint16_t checksum = (uint16_t)~(0x5010 + 6 + 20);
    header[16] = (uint8_t)(checksum >> 8);
    header[17] = (uint8_t)(checksum ^ !is_right);
    return (struct mt_segment){.payload = header + 20, .header_size = 20};
}

static int is_suspect(int is_right)
{
    struct mt_segment segment = segment_of(is_right);
    struct mt_arrival arrival = {
        .connection = connection, .segment = &segment, .from_client = CLIENT};
    return mt_checksums_is_suspect(&arrival);
}

static int is_dropped(int is_right)
{
    struct mt_segment segment = segment_of(is_right);
    struct mt_arrival arrival = {
        .connection = connection, .segment = &segment, .from_client = CLIENT};
    return mt_checksums_is_dropped(&arrival);
}

static void test_few(void)
{
    begin();
    CHECK_EQUAL(is_suspect(RIGHT), 0);
    struct mt_segment syn = segment_of(RIGHT);
    mt_checksums_note_handshake(connection, &syn, CLIENT);
    CHECK_EQUAL(is_suspect(WRONG), 1);
    CHECK_EQUAL(is_dropped(WRONG), 0); /* two are not enough for that */
    CHECK_EQUAL(mt_checksums_are_certain(connection, CLIENT), 0);
    connection->sides[SERVER].packets = 0; /* nobody can acknowledge it */
    CHECK_EQUAL(is_suspect(WRONG), 0);
    end();
}

static void test_none_right(void)
{
    begin();
    CHECK_EQUAL(is_suspect(WRONG), 0);
    CHECK_EQUAL(mt_checksums_mean_nothing(connection, CLIENT), 1);
    for (int i = 0; i < 98; i++)
        for (int skipped = 0; skipped < 16; skipped++)
            CHECK_EQUAL(is_suspect(RIGHT), 0);
    CHECK_EQUAL(mt_checksums_mean_nothing(connection, CLIENT), 1);
    for (int skipped = 0; skipped < 16; skipped++)
        CHECK_EQUAL(is_suspect(RIGHT), 0);
    CHECK_EQUAL(mt_checksums_mean_nothing(connection, CLIENT), 0); /* 99 of 100 */
    CHECK_EQUAL(is_suspect(WRONG), 1);
    end();
}

static void test_forgeries_do_not_count(void)
{
    begin();
    connection->established = 0;
    CHECK_EQUAL(is_suspect(WRONG), 0);
    CHECK_EQUAL(mt_checksums_mean_nothing(connection, CLIENT), 0);
    for (int i = 0; i < 99; i++)
        CHECK_EQUAL(is_suspect(RIGHT), 0);
    for (int i = 0; i < 1000; i++)
        CHECK_EQUAL(is_suspect(WRONG), 1);
    CHECK_EQUAL(is_dropped(WRONG), 1);
    CHECK_EQUAL(is_dropped(RIGHT), 0);
    mt_checksums_note_accepted(connection, CLIENT);
    CHECK_EQUAL(mt_checksums_mean_nothing(connection, CLIENT), 0);
    mt_checksums_note_accepted(connection, CLIENT);
    CHECK_EQUAL(mt_checksums_mean_nothing(connection, CLIENT), 1);
    CHECK_EQUAL(is_dropped(WRONG), 0);
    end();
}

static void test_reserve(void)
{
    CHECK_EQUAL(mt_checksums_reserve(&checksums, -1), MT_OK);
    CHECK_EQUAL(checksums.capacity, 0);
    (void)mt_fail_once(1);
    CHECK_EQUAL(mt_checksums_reserve(&checksums, 5), MT_NOMEM);
    CHECK_EQUAL(mt_checksums_reserve(&checksums, 5), MT_OK);
    checksums.counts[5].right = 7;
    CHECK_EQUAL(mt_checksums_reserve(&checksums, 5000), MT_OK);
    CHECK_EQUAL(checksums.counts[5].right, 7);
    CHECK_EQUAL(checksums.counts[5000].right, 0);
    mt_checksums_free(&checksums);
}

int main(void)
{
    test_few();
    test_none_right();
    test_forgeries_do_not_count();
    test_reserve();
    FINISH("test_checksums");
}
