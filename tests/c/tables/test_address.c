#include "tables/address.h"

#include "base/mem.h"
#include "support/check.h"

#include <arpa/inet.h>
#include <stdlib.h>

static struct mt_addresses addresses;

static uint64_t random_state = 0x2545f4914f6cdd1du;

static uint32_t random_below(uint32_t bound)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 32) % bound;
}

static const char *text_of(int32_t code)
{
    static char text[MT_ADDRESS_TEXT + 1];
    text[mt_address_text(&addresses, code, text, MT_ADDRESS_TEXT)] = '\0';
    return text;
}

static int32_t code_of_ipv4(uint32_t address)
{
    int32_t code = -2;
    uint8_t bytes[4] = {(uint8_t)(address >> 24), (uint8_t)(address >> 16), (uint8_t)(address >> 8),
                        (uint8_t)address};
    CHECK(mt_address_ipv4(&addresses, bytes, &code) == MT_OK);
    return code;
}

static int32_t code_of_name(const char *name, size_t size)
{
    int32_t code = -2;
    char *copy = malloc(size != 0 ? size : 1); /* of just its size: not terminated */
    if (copy == NULL)
        abort();
    memcpy(copy, name, size);
    CHECK(mt_address_name(&addresses, copy, size, &code) == MT_OK);
    free(copy);
    return code;
}

static int32_t code_of_ipv6(const char *text)
{
    int32_t code = -2;
    uint8_t bytes[16];
    CHECK(inet_pton(AF_INET6, text, bytes) == 1);
    CHECK(mt_address_ipv6(&addresses, bytes, &code) == MT_OK);
    return code;
}

/* ---- codes ---- */

static void test_codes(void)
{
    CHECK_EQUAL(mt_addresses_count(&addresses), 0);
    CHECK_EQUAL(code_of_ipv4(0x01020304), 0);
    CHECK_EQUAL(code_of_ipv6("2001:db8::1"), 1);
    CHECK_EQUAL(code_of_name("example.onion", 13), 2);
    CHECK_EQUAL(code_of_ipv6("::ffff:1.2.3.4"), 3); /* an address of its own */
    CHECK_EQUAL(code_of_ipv4(0), 4);
    CHECK_EQUAL(code_of_ipv4(0xffffffffu), 5);
    CHECK_EQUAL(code_of_name("", 0), 6);
    CHECK_EQUAL(mt_addresses_count(&addresses), 7);

    CHECK_EQUAL(code_of_ipv4(0x01020304), 0);
    CHECK_EQUAL(code_of_ipv6("2001:db8:0::1"), 1);
    CHECK_EQUAL(code_of_name("example.onion", 13), 2);
    CHECK_EQUAL(code_of_ipv6("::ffff:1.2.3.4"), 3);
    CHECK_EQUAL(code_of_ipv4(0), 4);
    CHECK_EQUAL(code_of_ipv4(0xffffffffu), 5);
    CHECK_EQUAL(code_of_name("", 0), 6);

    struct mt_ip ip = {.bytes = {1, 2, 3, 4}, .version = 4};
    int32_t code;
    CHECK_EQUAL(mt_address_ip(&addresses, &ip, &code), MT_OK);
    CHECK_EQUAL(code, 0);
    ip = (struct mt_ip){.bytes = {0x20, 1, 0xd, 0xb8, [15] = 1}, .version = 6};
    CHECK_EQUAL(mt_address_ip(&addresses, &ip, &code), MT_OK);
    CHECK_EQUAL(code, 1);
    ip.bytes[15] = 2;
    CHECK_EQUAL(mt_address_ip(&addresses, &ip, &code), MT_OK);
    CHECK_EQUAL(code, 7);
    ip = (struct mt_ip){.bytes = {1, 2, 3, 5}, .version = 4};
    CHECK_EQUAL(mt_address_ip(&addresses, &ip, &code), MT_OK);
    CHECK_EQUAL(code, 8);
    CHECK_EQUAL(mt_addresses_count(&addresses), 9);

    CHECK_TEXT(text_of(0), "1.2.3.4");
    CHECK_TEXT(text_of(1), "2001:db8::1");
    CHECK_TEXT(text_of(2), "example.onion");
    CHECK_TEXT(text_of(3), "::ffff:1.2.3.4");
    CHECK_TEXT(text_of(4), "0.0.0.0");
    CHECK_TEXT(text_of(5), "255.255.255.255");
    CHECK_TEXT(text_of(6), "");
    CHECK_TEXT(text_of(8), "1.2.3.5");
}

/* Many addresses of every shape that peer lists have, in order of appearance, and each known again.
 */
static void test_many(void)
{
    static uint32_t all[60000];
    const int32_t count = sizeof all / sizeof all[0];
    for (int32_t i = 0; i < count; i++) {
        if (i < 20000)
            all[i] = 0x0a000000u + (uint32_t)i; /* in a row */
        else if (i < 40000)
            all[i] = 0xc0000201u + ((uint32_t)(i - 20000) << 11); /* spread */
        else
            all[i] = 0x20000000u | (uint32_t)i * 2654435761u >> 3;
    }
    int in_order = 1, known = 1, as_text = 1;
    for (int32_t i = 0; i < count; i++)
        in_order &= code_of_ipv4(all[i]) == i;
    for (int32_t i = count - 1; i >= 0; i--) {
        known &= code_of_ipv4(all[i]) == i;
        char expected[INET_ADDRSTRLEN];
        uint32_t network = htonl(all[i]);
        as_text &= inet_ntop(AF_INET, &network, expected, sizeof expected) != NULL &&
                   strcmp(text_of(i), expected) == 0;
    }
    CHECK(in_order);
    CHECK(known);
    CHECK(as_text);
    CHECK_EQUAL(mt_addresses_count(&addresses), count);
    CHECK_EQUAL(addresses.ipv4_count, count);
    CHECK(addresses.ipv4_count * 2 <= addresses.ipv4_mask + 1);
}

static void test_limit(void)
{
    mt_addresses_free(&addresses);
    mt_addresses_init(&addresses, 3);
    CHECK_EQUAL(code_of_ipv4(1), 0);
    CHECK_EQUAL(code_of_ipv6("::1"), 1);
    CHECK_EQUAL(code_of_name("a.b32.i2p", 9), 2);
    CHECK_EQUAL(code_of_ipv4(2), MT_NO_CODE);
    CHECK_EQUAL(code_of_ipv6("::2"), MT_NO_CODE);
    CHECK_EQUAL(code_of_name("b.b32.i2p", 9), MT_NO_CODE);
    CHECK_EQUAL(code_of_ipv4(2), MT_NO_CODE);
    CHECK_EQUAL(addresses.names.refused, 4);
    CHECK_EQUAL(code_of_ipv4(1), 0);
    CHECK_EQUAL(code_of_ipv6("::1"), 1);
    CHECK_EQUAL(code_of_name("a.b32.i2p", 9), 2);
    CHECK_EQUAL(mt_addresses_count(&addresses), 3);
    mt_addresses_free(&addresses);
    mt_addresses_init(&addresses, 0);
    CHECK_EQUAL(code_of_ipv4(1), MT_NO_CODE);
    CHECK_EQUAL(mt_addresses_count(&addresses), 0);
}

/* ---- host names ---- */

static void test_names(void)
{
    static char longest[MT_ADDRESS_TEXT + 10];
    memset(longest, 'x', sizeof longest);
    int32_t code = code_of_name(longest, MT_ADDRESS_TEXT);
    CHECK_EQUAL(strlen(text_of(code)), MT_ADDRESS_TEXT);
    CHECK_EQUAL(code_of_name(longest, MT_ADDRESS_TEXT + 10), code); /* cut */
    CHECK(code_of_name(longest, MT_ADDRESS_TEXT - 1) != code);
    longest[MT_ADDRESS_TEXT - 1] = 'y';
    CHECK(code_of_name(longest, MT_ADDRESS_TEXT) != code);
    code = code_of_name("a\0\xff\n\"b", 6); /* bytes as they are */
    char text[8];
    CHECK_EQUAL(mt_address_text(&addresses, code, text, sizeof text), 6);
    CHECK(memcmp(text, "a\0\xff\n\"b", 6) == 0);
    CHECK(code_of_name("a\0\xff\n\"c", 6) != code);
    CHECK(code_of_name("a", 1) != code);

    /* A name in the canonical text of an address is that address; in any other spelling it is a
     * name. */
    int32_t ipv4 = code_of_ipv4(0x01020304), ipv6 = code_of_ipv6("2001:db8::1"),
            mapped = code_of_ipv6("::ffff:1.2.3.4"), any = code_of_ipv6("::");
    CHECK_EQUAL(code_of_name("1.2.3.4", 7), ipv4);
    CHECK_EQUAL(code_of_name("2001:db8::1", 11), ipv6);
    CHECK_EQUAL(code_of_name("::ffff:1.2.3.4", 14), mapped);
    CHECK_EQUAL(code_of_name("::", 2), any);
    int32_t fresh = code_of_name("9.8.7.6", 7);
    CHECK_EQUAL(code_of_ipv4(0x09080706), fresh);
    fresh = code_of_name("::9", 3);
    CHECK_EQUAL(code_of_ipv6("::9"), fresh);
    static const char *const others[] = {
        "1.2.3.04",       "1.2.3",     "1.2.3.4 ", "1.2.3.4.", "2001:DB8::1",  "2001:db8:0::1",
        "::ffff:102:304", "::1.2.3.4", ":",        ":::",      "1.2.3.4:18080"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        size_t before = mt_addresses_count(&addresses);
        CHECK_EQUAL(code_of_name(others[i], strlen(others[i])), before);
        CHECK_TEXT(text_of((int32_t)before), others[i]);
    }
    size_t before = mt_addresses_count(&addresses);
    CHECK_EQUAL(code_of_name("1.2.3.4\0", 8), before);
    CHECK_EQUAL(code_of_name("1.2.3.4\0x", 9), before + 1);
}

/* ---- text ---- */

static void test_ipv6_text(void)
{
    static const char *const vectors[][2] = {
        /* as inet_ntop has it */
        {"0:0:0:0:0:0:0:0", "::"},
        {"0:0:0:0:0:0:0:1", "::1"},
        {"1:0:0:0:0:0:0:0", "1::"},
        {"1:0:0:0:0:0:0:1", "1::1"},
        {"2001:0DB8:0000:0000:0001:0000:0000:0001", "2001:db8::1:0:0:1"}, /* the first of equals */
        {"2001:db8:0:0:1:0:0:0", "2001:db8:0:0:1::"},                     /* the longest */
        {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"}, /* one group is not shortened */
        {"0:1:2:3:4:5:6:7", "0:1:2:3:4:5:6:7"},
        {"1:2:3:4:5:6:7:0", "1:2:3:4:5:6:7:0"},
        {"1:2:3:4:5:6:0:0", "1:2:3:4:5:6::"},
        {"0:0:3:4:5:6:7:8", "::3:4:5:6:7:8"},
        {"0:2:0:4:0:6:0:8", "0:2:0:4:0:6:0:8"},
        {"1:0:0:4:5:0:0:8", "1::4:5:0:0:8"},
        {"abcd:ef01:2345:6789:abcd:ef01:2345:6789", "abcd:ef01:2345:6789:abcd:ef01:2345:6789"},
        {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
        {"0001:0010:0100:1000:000a:00a0:0a00:a000", "1:10:100:1000:a:a0:a00:a000"},
        {"fe80:0:0:0:0:0:0:1", "fe80::1"},
        {"::ffff:0.0.0.0", "::ffff:0.0.0.0"},
        {"::ffff:255.255.255.255", "::ffff:255.255.255.255"},
        {"::ffff:192.0.2.128", "::ffff:192.0.2.128"},
        /* inet_ntop writes these dotted: forms that embed IPv4 without being mapped */
        {"::1.2.3.4", "::102:304"},
        {"::0.1.0.0", "::1:0"},
        {"::255.255.255.255", "::ffff:ffff"},
        /* and so do others */
        {"64:ff9b::1.2.3.4", "64:ff9b::102:304"},
        {"::ffff:0:1.2.3.4", "::ffff:0:102:304"},
        {"2002:102:304::", "2002:102:304::"},
        {"::fffe:1.2.3.4", "::fffe:102:304"},
        {"::1:ffff:1.2.3.4", "::1:ffff:102:304"},
    };
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++)
        CHECK_TEXT(text_of(code_of_ipv6(vectors[i][0])), vectors[i][1]);
}

/* Against the C library, wherever it does not write IPv4-compatible addresses dotted. */
static void test_ipv6_against_library(void)
{
    int same = 1, compared = 0;
    for (int round = 0; round < 40000; round++) {
        uint8_t bytes[16] = {0};
        uint32_t zeros = round < 256 ? (uint32_t)round : random_below(256);
        for (uint32_t group = 0; group < 8; group++) {
            if ((zeros >> group & 1) != 0)
                continue;
            uint32_t value = 1 + (random_below(0xffff) >> random_below(4) * 4);
            if (random_below(8) == 0)
                value = 0xffff;
            bytes[2 * group] = (uint8_t)(value >> 8);
            bytes[2 * group + 1] = (uint8_t)value;
        }
        char expected[INET6_ADDRSTRLEN];
        CHECK(inet_ntop(AF_INET6, bytes, expected, sizeof expected) != NULL);
        if (strchr(expected, '.') != NULL && strncmp(expected, "::ffff:", 7) != 0)
            continue;
        int32_t code;
        CHECK(mt_address_ipv6(&addresses, bytes, &code) == MT_OK);
        same &= strcmp(text_of(code), expected) == 0;
        compared++;
    }
    CHECK(same);
    CHECK(compared > 39000);
}

static void test_room(void)
{
    int32_t codes[] = {code_of_ipv4(0xc0a80101u), code_of_ipv6("2001:db8::1"),
                       code_of_name("example.onion", 13)};
    static const char *const texts[] = {"192.168.1.1", "2001:db8::1", "example.onion"};
    for (size_t i = 0; i < 3; i++) {
        size_t size = strlen(texts[i]);
        for (size_t room = 0; room <= size + 1; room++) {
            char *text = malloc(room != 0 ? room : 1);
            if (text == NULL)
                abort();
            size_t written = mt_address_text(&addresses, codes[i], text, room);
            CHECK_EQUAL(written, room < size ? room : size);
            CHECK(memcmp(text, texts[i], written) == 0);
            free(text);
        }
    }
    char text[MT_ADDRESS_TEXT];
    CHECK_EQUAL(mt_address_text(&addresses, MT_NO_CODE, text, sizeof text), 0);
    CHECK_EQUAL(mt_address_text(&addresses, 3, text, sizeof text), 0);
    CHECK_EQUAL(mt_address_text(&addresses, INT32_MIN, text, sizeof text), 0);
    CHECK_EQUAL(mt_address_text(&addresses, INT32_MAX, text, sizeof text), 0);
}

/* ---- memory ---- */

/* The text of a packed IP address is that of its code; a host name has none. */
static void test_packed(void)
{
    static const uint8_t ipv6[16] = {0x20, 1, 0x0d, 0xb8, [15] = 7};
    uint8_t packed[MT_PACKED_ADDRESS];
    char text[MT_ADDRESS_TEXT];
    int32_t code;
    CHECK_EQUAL(mt_address_ipv4(&addresses, (const uint8_t *)"\xc0\0\2\1", &code), MT_OK);
    mt_address_pack(&addresses, code, packed);
    CHECK(memcmp(packed, "4\xc0\0\2\1\0\0\0\0\0\0\0\0\0\0\0", MT_PACKED_ADDRESS) == 0);
    CHECK_EQUAL(mt_packed_address_text(packed, text), 9);
    CHECK(memcmp(text, "192.0.2.1", 9) == 0);
    CHECK_EQUAL(mt_address_ipv6(&addresses, ipv6, &code), MT_OK);
    mt_address_pack(&addresses, code, packed);
    CHECK_EQUAL(packed[0], '6');
    CHECK(memcmp(packed + 1, ipv6, 16) == 0);
    CHECK_EQUAL(mt_packed_address_text(packed, text), 11);
    CHECK(memcmp(text, "2001:db8::7", 11) == 0);
    CHECK_EQUAL(mt_address_name(&addresses, "a-name-of-more-than-17-bytes.onion", 34, &code),
                MT_OK);
    mt_address_pack(&addresses, code, packed);
    CHECK(packed[0] == 'n' && mt_all_zero(packed + 1, MT_PACKED_ADDRESS - 1));
    CHECK_EQUAL(mt_packed_address_text(packed, text), 0);
}

static void test_no_memory(void)
{
    enum { COUNT = 200 };
    int failures = 0;
    for (long calls = 1;; calls++) {
        mt_addresses_free(&addresses);
        mt_addresses_init(&addresses, SIZE_MAX);
        mt_fail_after(calls);
        int failed = 0, right = 1;
        for (uint32_t i = 0; i < COUNT; i++) { /* what failed works when memory is there again, with
                                                  the code it would have had */
            uint8_t bytes[16] = {1, 2, (uint8_t)(i >> 8), (uint8_t)i};
            int32_t code = -2;
            int result = i % 2 == 0 ? mt_address_ipv4(&addresses, bytes, &code)
                                    : mt_address_ipv6(&addresses, bytes, &code);
            if (result != MT_OK) {
                right &= result == MT_NOMEM;
                failed = 1;
                mt_fail_after(0);
                result = i % 2 == 0 ? mt_address_ipv4(&addresses, bytes, &code)
                                    : mt_address_ipv6(&addresses, bytes, &code);
            }
            right &= result == MT_OK && code == (int32_t)i;
        }
        for (uint32_t i = 0; i < COUNT; i += 2)
            right &= code_of_ipv4(0x01020000u | i) == (int32_t)i;
        CHECK(right);
        if (!failed)
            break;
        failures++;
    }
    mt_fail_after(0);
    CHECK(failures > 10);
}

int main(void)
{
    static void (*const tests[])(void) = {test_codes, test_many,      test_limit,
                                          test_names, test_ipv6_text, test_ipv6_against_library,
                                          test_room,  test_packed,    test_no_memory};
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) {
        mt_addresses_init(&addresses, 10000000);
        tests[i]();
        mt_addresses_free(&addresses);
        CHECK_EQUAL(mt_addresses_count(&addresses), 0);
    }
    FINISH("test_address");
}
