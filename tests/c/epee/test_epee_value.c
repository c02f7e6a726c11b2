/* From entries to fields: which types and values a field takes. */
#include "epee/epee_value.h"
#include "support/check.h"
#include "support/payload.h"

static struct payload work;
static struct mt_epee reader;
static struct mt_epee_entry entry;

/* Makes the payload's one entry the current one. */
static void read_entry(void)
{
    CHECK_EQUAL(mt_epee_open(&reader, work.bytes, work.size, &mt_epee_monerod), MT_OK);
    CHECK_EQUAL(mt_epee_next(&reader, &entry), MT_OK);
}

static void have_number(unsigned type, uint64_t value)
{
    number(begin(&work, 1), "x", type, value);
    read_entry();
}

static void have_text(const char *value)
{
    string(begin(&work, 1), "x", value, strlen(value));
    read_entry();
}

/* What each field makes of the current entry: -1 refused. */
static int reads_u8(uint8_t *value)
{
    read_entry();
    return mt_epee_u8(&reader, &entry, value) == MT_OK;
}
static int reads_u16(uint16_t *value)
{
    read_entry();
    return mt_epee_u16(&reader, &entry, value) == MT_OK;
}
static int reads_u32(uint32_t *value)
{
    read_entry();
    return mt_epee_u32(&reader, &entry, value) == MT_OK;
}
static int reads_u64(uint64_t *value)
{
    read_entry();
    return mt_epee_u64(&reader, &entry, value) == MT_OK;
}
static int reads_i64(int64_t *value)
{
    read_entry();
    return mt_epee_i64(&reader, &entry, value) == MT_OK;
}

struct expected {
    unsigned type;
    int64_t value; /* as the type holds it */
    int u8, u16, u32, u64, i64;
};

static void test_integers(void)
{
    static const struct expected cases[] = {
        {1, 0, 1, 1, 1, 1, 1},
        {1, -1, 0, 0, 0, 0, 1},
        {1, INT64_MAX, 0, 0, 0, 1, 1},
        {1, INT64_MIN, 0, 0, 0, 0, 1},
        {1, 255, 1, 1, 1, 1, 1},
        {1, 256, 0, 1, 1, 1, 1},
        {1, 65535, 0, 1, 1, 1, 1},
        {1, 65536, 0, 0, 1, 1, 1},
        {1, 4294967295, 0, 0, 1, 1, 1},
        {1, 4294967296, 0, 0, 0, 1, 1},
        {2, -1, 0, 0, 0, 0, 1},
        {2, INT32_MAX, 0, 0, 1, 1, 1},
        {2, INT32_MIN, 0, 0, 0, 0, 1},
        {2, 7, 1, 1, 1, 1, 1},
        {3, -1, 0, 0, 0, 0, 1},
        {3, INT16_MAX, 0, 1, 1, 1, 1},
        {3, INT16_MIN, 0, 0, 0, 0, 1},
        {4, -1, 0, 0, 0, 0, 1},
        {4, INT8_MAX, 1, 1, 1, 1, 1},
        {4, INT8_MIN, 0, 0, 0, 0, 1},
        {5, 0, 1, 1, 1, 1, 1},
        {5, INT64_MAX, 0, 0, 0, 1, 1},
        {5, -1 /* 2^64-1 */, 0, 0, 0, 1, 0},
        {5, INT64_MIN /* 2^63 */, 0, 0, 0, 1, 0},
        {5, 255, 1, 1, 1, 1, 1},
        {5, 256, 0, 1, 1, 1, 1},
        {5, 65536, 0, 0, 1, 1, 1},
        {5, 4294967296, 0, 0, 0, 1, 1},
        {6, 4294967295, 0, 0, 1, 1, 1},
        {6, 65535, 0, 1, 1, 1, 1},
        {7, 65535, 0, 1, 1, 1, 1},
        {7, 255, 1, 1, 1, 1, 1},
        {8, 255, 1, 1, 1, 1, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct expected *c = &cases[i];
        uint8_t u8 = 0;
        uint16_t u16 = 0;
        uint32_t u32 = 0;
        uint64_t u64 = 0;
        int64_t i64 = 0;
        have_number(c->type, (uint64_t)c->value);
        CHECK_EQUAL(reads_u8(&u8), c->u8);
        CHECK_EQUAL(u8, c->u8 ? c->value : 0);
        CHECK_EQUAL(reads_u16(&u16), c->u16);
        CHECK_EQUAL(u16, c->u16 ? c->value : 0);
        CHECK_EQUAL(reads_u32(&u32), c->u32);
        CHECK_EQUAL(u32, c->u32 ? c->value : 0);
        CHECK_EQUAL(reads_u64(&u64), c->u64);
        if (c->u64)
            CHECK_EQUAL(u64, c->value);
        else
            CHECK_TEXT(reader.why, "number out of its field's range");
        CHECK_EQUAL(reads_i64(&i64), c->i64);
        CHECK_EQUAL(i64, c->i64 ? c->value : 0);
    }
}

/* Nothing but integers for an integer field, only a string for a string, only a bool for a bool. */
static void test_types(void)
{
    for (unsigned type = 1; type <= 12; type++) {
        for (int is_array = 0; is_array < 2; is_array++) {
            struct payload *p = begin(&work, 1);
            if (is_array)
                array(p, "x", type, 0); /* an empty array is an array, too */
            else
                key(p, "x", type);
            zeros(p, 8);
            uint8_t u8;
            uint16_t u16;
            uint32_t u32;
            uint64_t u64;
            int64_t i64;
            const uint8_t *bytes;
            int integer = !is_array && type <= 8;
            CHECK_EQUAL(reads_u8(&u8), integer);
            CHECK_EQUAL(reads_u16(&u16), integer);
            CHECK_EQUAL(reads_u32(&u32), integer);
            CHECK_EQUAL(reads_i64(&i64), integer);
            CHECK_EQUAL(reads_u64(&u64), integer); /* the empty string is no number */
            if (!integer)
                CHECK_TEXT(reader.why, "field of a wrong type");
            read_entry();
            CHECK_EQUAL(mt_epee_bool(&reader, &entry, &u8),
                        !is_array && type == MT_EPEE_BOOL ? MT_OK : MT_MALFORMED);
            read_entry();
            CHECK_EQUAL(mt_epee_string(&reader, &entry),
                        !is_array && type == MT_EPEE_STRING ? MT_OK : MT_MALFORMED);
            read_entry();
            CHECK_EQUAL(mt_epee_blob(&reader, &entry, 16, &bytes),
                        !is_array && type == MT_EPEE_STRING ? MT_OK : MT_MALFORMED);
            CHECK_EQUAL(mt_epee_is_object(&entry), !is_array && type == MT_EPEE_OBJECT);
            CHECK_EQUAL(mt_epee_is_objects(&entry), is_array && type == MT_EPEE_OBJECT);
        }
    }
}

static void test_numbers_in_text(void)
{
    static const struct {
        const char *text;
        int taken;
        uint64_t value;
    } cases[] = {
        {"0", 1, 0},
        {"42", 1, 42},
        {"0000000000000000000000000000042", 1, 42},
        {"18446744073709551615", 1, UINT64_MAX},
        {"18446744073709551616", 0, 0},
        {"99999999999999999999999", 0, 0},
        {"", 0, 0},
        {"-1", 0, 0},
        {"+1", 0, 0},
        {" 1", 0, 0},
        {"1 ", 0, 0},
        {"0x10", 0, 0},
        {"1.5", 0, 0},
        {"abc", 0, 0},
        {"1970-01-01T00:00:00Z", 1, 0},
        {"2017-05-06T16:27:06Z", 1, 1494088026},
        {"2000-02-29T23:59:59Z", 1, 951868799},
        {"2000-03-01T00:00:00Z", 1, 951868800},
        {"2100-03-01T00:00:00Z", 1, 4107542400},
        {"1969-12-31T23:59:59Z", 1, UINT64_MAX},
        {"0000-03-01T00:00:00Z", 1, (uint64_t)-62162035200},
        {"0000-01-01T00:00:00Z", 1, (uint64_t)-62167219200},
        {"2017-13-06T16:27:06Z", 1, 0},
        {"2017-00-06T16:27:06Z", 1, 0},
        {"2017-05-32T16:27:06Z", 1, 0},
        {"2017-05-06T29:27:06Z", 1, 0}, /* of the pattern, but no time */
        {"2017-05-06T16:27:06", 0, 0},
        {"2017-05-06 16:27:06Z", 0, 0},
        {"2017-25-06T16:27:06Z", 0, 0},
        {"2017-05-46T16:27:06Z", 0, 0},
        {"2017-05-06T36:27:06Z", 0, 0},
        {"2017-05-06T16:60:06Z", 0, 0},
        {"2017-05-06T16:27:60Z", 0, 0},
        {"2017-05-06T16:27:06ZZ", 0, 0},
        {"x017-05-06T16:27:06Z", 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t u64 = 0;
        uint32_t u32;
        have_text(cases[i].text);
        CHECK_EQUAL(reads_u64(&u64), cases[i].taken);
        if (cases[i].taken)
            CHECK_EQUAL(u64, cases[i].value);
        CHECK_EQUAL(reads_u32(&u32), 0); /* a uint64 field's privilege */
    }
}

static void test_strings(void)
{
    const uint8_t *bytes;
    have_text("0123456789abcdef");
    CHECK_EQUAL(mt_epee_string(&reader, &entry), MT_OK);
    CHECK_EQUAL(entry.size, 16);
    CHECK_EQUAL(mt_epee_blob(&reader, &entry, 16, &bytes), MT_OK);
    CHECK(bytes == entry.value && memcmp(bytes, "0123456789abcdef", 16) == 0);
    CHECK_EQUAL(mt_epee_blob(&reader, &entry, 15, &bytes),
                MT_OK); /* the wrong length: missing, not refused */
    CHECK(bytes == NULL);
    CHECK_EQUAL(mt_epee_blob(&reader, &entry, 17, &bytes), MT_OK);
    CHECK(bytes == NULL);
    for (unsigned value = 0; value < 2; value++) {
        uint8_t truth = 9;
        have_number(MT_EPEE_BOOL, value);
        CHECK_EQUAL(mt_epee_bool(&reader, &entry, &truth), MT_OK);
        CHECK_EQUAL(truth, value);
    }
}

int main(void)
{
    test_integers();
    test_types();
    test_numbers_in_text();
    test_strings();
    FINISH("epee_value");
}
