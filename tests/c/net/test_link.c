/* Link types, and the headers between them and IP. */
#include "net/link.h"

#include "net/ethernet.h"
#include "net/ppp.h"
#include "net/wifi.h"
#include "support/check.h"

#include <stdlib.h>

enum { NONE = 0xffffffff };

/* Reads the headers below IP. Result as in layers.h. */
static int read_next(struct mt_layers *layers)
{
    switch (layers->next) {
    case MT_NEXT_ETHERNET:
        return mt_read_ethernet(layers);
    case MT_NEXT_ETHERTYPE:
        return mt_read_ethertype(layers);
    case MT_NEXT_LLC:
        return mt_read_llc(layers);
    case MT_NEXT_PPP:
        return mt_read_ppp(layers);
    case MT_NEXT_HDLC:
        return mt_read_hdlc(layers);
    case MT_NEXT_PPPOE:
        return mt_read_pppoe(layers);
    case MT_NEXT_FRAME_RELAY:
        return mt_read_frame_relay(layers);
    case MT_NEXT_WIFI:
        return mt_read_wifi(layers);
    default:
        abort();
    }
}

/* The offset of the IP header, or NONE with *result. The bytes lie in memory of their own, so that
 * a sanitizer sees any read beyond them. */
static uint32_t find(uint32_t link, const void *bytes, size_t size, int *result)
{
    uint8_t *copy = malloc(size + (size == 0));
    if (size != 0)
        memcpy(copy, bytes, size);
    struct mt_layers layers = {.rest = {copy, (uint32_t)size, (uint32_t)size + 100}};
    *result = mt_begin_link(&layers, link);
    while (*result == MT_OK && layers.next != MT_NEXT_IP)
        *result = read_next(&layers);
    CHECK(*result != MT_MALFORMED || layers.why != NULL);
    uint32_t offset = *result == MT_OK ? (uint32_t)(layers.rest.at - copy) : (uint32_t)NONE;
    free(copy);
    return offset;
}

/* IP is found at `offset`; and every shorter capture of the packet is cut, and never leads
 * elsewhere. */
static void finds(uint32_t link, const void *bytes, size_t size, uint32_t expected)
{
    int result;
    CHECK_EQUAL(find(link, bytes, size, &result), expected);
    CHECK_EQUAL(result, MT_OK);
    for (size_t cut = 0; cut < size; cut++) {
        uint32_t offset = find(link, bytes, cut, &result);
        if (cut > expected)
            CHECK(result == MT_OK && offset == expected);
        else
            CHECK_EQUAL(result, MT_MALFORMED);
    }
}

static void refuses(uint32_t link, const void *bytes, size_t size, int expected)
{
    int result;
    (void)find(link, bytes, size, &result);
    CHECK_EQUAL(result, expected);
    for (size_t cut = 0; cut < size; cut++) {
        (void)find(link, bytes, cut, &result);
        CHECK(result == MT_MALFORMED || result == expected);
    }
}

#define BYTES(text) text, sizeof text - 1
#define MACS "\1\2\3\4\5\6\7\10\11\12\13\14"
#define IP4 "\x45\0\0\x28"
#define IP6 "\x60\0\0\0"
#define TAG "\x81\0\0\5"

static void test_ethernet(void)
{
    finds(1, BYTES(MACS "\x08\0" IP4), 14);
    finds(1, BYTES(MACS "\x86\xdd" IP6), 14);
    finds(1, BYTES(MACS TAG "\x08\0" IP4), 18);
    finds(1, BYTES(MACS "\x88\xa8\0\6" TAG "\x86\xdd" IP6), 22);
    finds(1, BYTES(MACS "\x91\0\0\6" TAG "\x08\0" IP4), 22);
    finds(1, BYTES(MACS TAG TAG TAG TAG TAG TAG TAG TAG "\x08\0" IP4), 46);
    finds(1, BYTES(MACS TAG TAG TAG TAG TAG TAG TAG TAG TAG "\x08\0" IP4), 50);
    refuses(1,
            BYTES(MACS "\x08\x06"
                       "\0\1\x08\0"),
            MT_END);
    refuses(1,
            BYTES(MACS TAG "\x08\x06"
                           "\0\1\x08\0"),
            MT_END);
    refuses(1, BYTES(MACS "\x88\xcc" IP4), MT_END);
}

static void test_llc(void)
{
    finds(1, BYTES(MACS "\0\x30\xaa\xaa\3\0\0\0\x08\0" IP4), 22);
    finds(1, BYTES(MACS "\x05\xdc\xaa\xaa\3\0\0\0\x86\xdd" IP6), 22);
    finds(1, BYTES(MACS "\0\x30\6\6\3" IP4), 17);
    finds(1, BYTES(MACS TAG "\x08\0" IP4), 18);
    refuses(1, BYTES(MACS "\0\x30\xaa\xaa\3\0\0\x0c\x20\0" IP4),
            MT_END);                                              /* Cisco's own protocols */
    refuses(1, BYTES(MACS "\0\x30\x42\x42\3\0\0\0\0\0"), MT_END); /* spanning tree */
    refuses(1, BYTES(MACS "\x05\xdd\xaa\xaa\3\0\0\0\x08\0" IP4),
            MT_END); /* neither length nor type */
    finds(113, BYTES("\0\0\0\1\0\6\1\2\3\4\5\6\0\0\0\4\xaa\xaa\3\0\0\0\x08\0" IP4), 24);
}

static void test_pppoe(void)
{
    finds(1, BYTES(MACS "\x88\x64\x11\0\0\1\0\x30\0\x21" IP4), 22);
    finds(1, BYTES(MACS "\x88\x64\x11\0\0\1\0\x30\0\x57" IP6), 22);
    finds(1, BYTES(MACS "\x88\x64\x11\0\0\1\0\x30\x21" IP4), 21);
    finds(1, BYTES(MACS TAG "\x88\x64\x11\0\0\1\0\x30\0\x21" IP4), 26);
    refuses(1, BYTES(MACS "\x88\x64\x11\0\0\1\0\x30\xc0\x21" IP4), MT_END); /* link control */
    refuses(1, BYTES(MACS "\x88\x64\x11\x09\0\1\0\x30\0\x21" IP4), MT_END);
    refuses(1, BYTES(MACS "\x88\x63\x11\x09\0\1\0\x30\0\x21" IP4), MT_END); /* discovery */
    finds(51, BYTES("\x11\0\0\1\0\x30\0\x21" IP4), 8);
    finds(51, BYTES("\x11\0\0\1\0\x30\x57" IP6), 7);
    refuses(51, BYTES("\x11\x09\0\1\0\x30\0\x21" IP4), MT_END);
}

static void test_ppp(void)
{
    for (uint32_t link = 9; link <= 50; link += 41) {
        finds(link, BYTES("\xff\3\0\x21" IP4), 4);
        finds(link, BYTES("\xff\3\0\x57" IP6), 4);
        finds(link, BYTES("\xff\3\x21" IP4), 3);
        finds(link, BYTES("\0\x21" IP4), 2);
        finds(link, BYTES("\x57" IP6), 1);
        refuses(link, BYTES("\xff\3\xc0\x21\1\1"), MT_END);
        refuses(link, BYTES("\x80\x21\1\1"), MT_END);
        refuses(link, BYTES("\x2d\1\1"), MT_END); /* compressed headers */
    }
    finds(50, BYTES("\x0f\0\x08\0" IP4), 4);
    finds(50, BYTES("\x8f\0\x86\xdd" IP6), 4);
    refuses(50, BYTES("\x8f\0\x80\x35" IP6), MT_END); /* keep-alives */
}

static void test_cooked(void)
{
    finds(113, BYTES("\0\0\0\1\0\6\1\2\3\4\5\6\0\0\x08\0" IP4), 16);
    finds(113, BYTES("\0\4\xff\xfe\0\0\0\0\0\0\0\0\0\0\x86\xdd" IP6), 16);
    finds(113, BYTES("\0\0\0\1\0\6\1\2\3\4\5\6\0\0\x81\0\0\5\x08\0" IP4), 20);
    refuses(113, BYTES("\0\0\0\1\0\6\1\2\3\4\5\6\0\0\x08\6" IP4), MT_END);
    refuses(113, BYTES("\0\0\0\1\0\6\1\2\3\4\5\6\0\0\0\1" IP4), MT_END);
    finds(276, BYTES("\x08\0\0\0\0\0\0\2\0\1\0\6\1\2\3\4\5\6\0\0" IP4), 20);
    finds(276, BYTES("\x86\xdd\0\0\0\0\0\2\0\1\4\6\1\2\3\4\5\6\0\0" IP6), 20);
    finds(276, BYTES("\x81\0\0\0\0\0\0\2\0\1\4\6\1\2\3\4\5\6\0\0\0\5\x86\xdd" IP6), 24);
    refuses(276, BYTES("\x08\6\0\0\0\0\0\2\0\1\0\6\1\2\3\4\5\6\0\0" IP4), MT_END);
}

/* An interface of 802.11 within a capture of all interfaces. */
static void test_cooked_radiotap(void)
{
    finds(113,
          BYTES("\0\0\3\x23\0\6\1\2\3\4\5\6\0\0\0\4\0\0\x08\0\0\0\0\0\x08\1\0\0" MACS
                "\1\2\3\4\5\6\0\0\xaa\xaa\3\0\0\0\x08\0" IP4),
          56);
    finds(276,
          BYTES("\0\4\0\0\0\0\0\2\3\x23\0\6\1\2\3\4\5\6\0\0\0\0\x08\0\0\0\0\0\x08\1\0\0" MACS
                "\1\2\3\4\5\6\0\0\xaa\xaa\3\0\0\0\x08\0" IP4),
          60);
}

/* Addresses of another size than Ethernet's, and an EtherType or LLC. */
static void test_rare(void)
{
#define EIGHT "\1\2\3\4\5\6\7\x08"
    finds(138, BYTES(EIGHT EIGHT "\x08\0" IP4), 18);
    finds(242, BYTES(EIGHT EIGHT EIGHT EIGHT EIGHT "\x86\xdd\0\0" IP6), 44);
    finds(122, BYTES(EIGHT EIGHT "\xaa\xaa\3\0\0\0\x08\0" IP4), 24);
    finds(123, BYTES("\2\0\0\x20\xaa\xaa\3\0\0\0\x08\0" IP4), 12);
    finds(226, BYTES("\1\2\0\0" EIGHT EIGHT "\0\0\0\0" IP4), 24);
    refuses(138, BYTES(EIGHT EIGHT "\x08\6" IP4), MT_END);
}

static void test_bare(void)
{
    static const uint8_t families[] = {2, 10, 23, 24, 28, 30};
    for (uint32_t link = 0; link <= 108; link += 108) {
        for (size_t i = 0; i < sizeof families; i++) {
            uint8_t little[5] = {families[i], 0, 0, 0, 0x45}, big[5] = {0, 0, 0, families[i], 0x45};
            finds(link, little, 5, 4);
            finds(link, big, 5, 4);
        }
        refuses(link, BYTES("\7\0\0\0" IP4), MT_END);
        refuses(link, BYTES("\0\2\0\0" IP4), MT_END);
    }
    static const uint32_t raw[] = {12, 14, 101};
    for (size_t i = 0; i < 3; i++) {
        finds(raw[i], BYTES(IP4), 0);
        finds(raw[i], BYTES(IP6), 0);
        refuses(raw[i], BYTES("\x50\0\0\0"), MT_END);
    }
    finds(228, BYTES(IP4), 0);
    finds(229, BYTES(IP6), 0);
    refuses(147, BYTES(IP4), MT_END); /* a link type that is not read */
}

static void test_known(void)
{
    static const uint32_t known[] = {0,   1,   6,   8,   9,   10,  12,  14,  50,  51,  100, 101,
                                     104, 105, 107, 108, 109, 113, 117, 119, 127, 149, 163, 166,
                                     192, 197, 204, 205, 206, 219, 228, 229, 239, 240, 258, 276,
                                     122, 123, 138, 226, 241, 242, 252, 274, 281, 282, 284, 285};
    size_t count = 0;
    for (uint32_t link = 0; link < 70000; link++)
        count += mt_link_known(link) != 0;
    CHECK_EQUAL(count, sizeof known / sizeof known[0]);
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        CHECK(mt_link_known(known[i]));
}

static void test_names(void)
{
    static const struct {
        uint32_t link;
        const char *name;
    } names[] = {
        {0, "NULL"},
        {1, "EN10MB"},
        {9, "PPP"},
        {12, "RAW"},
        {14, "RAW"},
        {50, "PPP_SERIAL"},
        {51, "PPP_ETHER"},
        {101, "RAW"},
        {105, "IEEE802_11"},
        {108, "LOOP"},
        {113, "LINUX_SLL"},
        {127, "IEEE802_11_RADIO"},
        {228, "IPV4"},
        {229, "IPV6"},
        {276, "LINUX_SLL2"},
        {100, "ATM_RFC1483"},
        {60000, "LINKTYPE_60000"},
        {0x10001, "LINKTYPE_65537"},
    };
    char text[64], small[4];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        CHECK_TEXT(mt_link_name(names[i].link, text, sizeof text), names[i].name);
    CHECK_TEXT(mt_link_name(1, small, sizeof small), "EN1");
}

int main(void)
{
    test_ethernet();
    test_llc();
    test_pppoe();
    test_ppp();
    test_cooked();
    test_cooked_radiotap();
    test_rare();
    test_bare();
    test_known();
    test_names();
    FINISH("link");
}
