/* Digests of the segments that were handed on last. */
#include "support/check.h"
#include "tcp/delivered.h"

static struct mt_payload_key key;
static struct mt_delivered delivered;
static uint32_t count;
static uint8_t bytes[2000];

static int64_t difference(int64_t begin, int64_t end)
{
    const struct mt_delivered_segment *segment =
        mt_delivered_find_difference(&delivered, &key, bytes + begin, begin, end);
    return segment != NULL ? segment->begin : -1;
}

static void begin(void)
{
    delivered = (struct mt_delivered){.segments = {{0}}};
    count = 0;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 256);
}

static void add(int64_t from, uint32_t size)
{
    *mt_delivered_at(&delivered, count++) = (struct mt_delivered_segment){
        from, from + size, mt_payload_digest(&key, bytes + from, size)};
}

static void test_same_segment(void)
{
    for (uint32_t size = 1; size <= 256; size++) {
        begin();
        add(100, size);
        CHECK_EQUAL(difference(100, 100 + size), -1);
        for (uint32_t at = 0; at < size; at++) {
            bytes[100 + at] ^= 0x10;
            CHECK_EQUAL(difference(100, 100 + size), 100);
            bytes[100 + at] ^= 0x10;
        }
    }
}

static void test_other_cuts(void)
{
    begin();
    add(100, 50);
    add(150, 50);
    bytes[170] ^= 1;
    CHECK_EQUAL(difference(100, 200), 150); /* both at once */
    CHECK_EQUAL(difference(100, 199), -1);  /* the second is not all there */
    CHECK_EQUAL(difference(0, 300), 150);
    CHECK_EQUAL(difference(151, 300), -1);
}

static void test_long_segment(void)
{
    begin();
    add(0, 1448);
    CHECK_EQUAL(difference(0, 1448), -1);
    bytes[1447] ^= 1;
    CHECK_EQUAL(difference(0, 1448), 0);
    bytes[1447] ^= 1;
    for (size_t at = 0; at < 1448; at++) {
        bytes[at] ^= 1;
        CHECK_EQUAL(difference(0, 1448), 0);
        bytes[at] ^= 1;
    }
}

static void test_forgets(void)
{
    begin();
    for (int i = 0; i <= MT_DELIVERED; i++)
        add(10 * i, 10);
    bytes[5] ^= 1;
    CHECK_EQUAL(difference(0, 10), -1); /* it is the one too many */
    bytes[15] ^= 1;
    CHECK_EQUAL(difference(10, 20), 10);
}

int main(void)
{
    mt_payload_key_init(&key);
    test_same_segment();
    test_other_cuts();
    test_long_segment();
    test_forgets();
    FINISH("test_delivered");
}
