/* What proxies write before the first message: the grammar, byte by byte. */
#include "levin/prefix.h"

#include "support/check.h"

#include <string.h>

#define TEXT(text) (const uint8_t *)(text), sizeof(text) - 1

static struct mt_prefix prefix;

/* Reads bytes until there is a verdict; returns it, and how many bytes were read. */
static enum mt_prefix_verdict read_some(int from_client, const uint8_t *bytes, size_t size,
                                        size_t *used)
{
    enum mt_prefix_verdict verdict = MT_PREFIX_MORE;
    mt_prefix_init(&prefix, from_client, 0);
    for (*used = 0; *used < size && verdict == MT_PREFIX_MORE; ++*used)
        verdict = mt_prefix_read(&prefix, bytes[*used]);
    return verdict;
}

/* It is whole with its last byte and not before, and every shorter one wants more. */
static void check_whole(int from_client, const uint8_t *bytes, size_t size, enum mt_proxy kind,
                        const char *text)
{
    size_t used;
    CHECK_EQUAL(read_some(from_client, bytes, size, &used), MT_PREFIX_WHOLE);
    CHECK_EQUAL(used, size);
    CHECK_EQUAL(prefix.kind, kind);
    CHECK_TEXT(mt_prefix_text(&prefix, 0), text);
}

static void check_none(int from_client, const uint8_t *bytes, size_t size)
{
    size_t used;
    CHECK_EQUAL(read_some(from_client, bytes, size, &used), MT_PREFIX_NONE);
    CHECK_EQUAL(used, size); /* the last byte is the wrong one */
}

static void check_ip4(uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint16_t port)
{
    const uint8_t bytes[16] = {a, b, c, d};
    CHECK_EQUAL(prefix.ip.version, 4);
    CHECK_EQUAL(memcmp(prefix.ip.bytes, bytes, sizeof bytes), 0);
    CHECK_EQUAL(prefix.port, port);
    CHECK_EQUAL(prefix.host_size, 0);
}

static void check_ip6(const uint8_t bytes[16], uint16_t port)
{
    CHECK_EQUAL(prefix.ip.version, 6);
    CHECK_EQUAL(memcmp(prefix.ip.bytes, bytes, 16), 0);
    CHECK_EQUAL(prefix.port, port);
}

static void check_name(const char *name, uint16_t port)
{
    CHECK_EQUAL(prefix.ip.version, 0);
    CHECK_EQUAL(prefix.host_size, strlen(name));
    CHECK_EQUAL(memcmp(prefix.host, name, strlen(name)), 0);
    CHECK_EQUAL(prefix.port, port);
}

static const uint8_t six[16] = {0x20, 1, 0xd, 0xb8, [15] = 9};

static void test_socks4(void)
{
    check_whole(1, TEXT("\4\1\x46\xa0\xcb\0\x71\7user\0"), MT_PROXY_SOCKS4, "SOCKS4 request");
    check_ip4(203, 0, 113, 7, 18080);
    check_whole(1, TEXT("\4\1\x46\xa0\xcb\0\x71\7\0"), MT_PROXY_SOCKS4, "SOCKS4 request");
    check_whole(1, TEXT("\4\1\x46\xa1\0\0\0\1u\0abc.onion\0"), MT_PROXY_SOCKS4A, "SOCKS4a request");
    check_name("abc.onion", 18081);
    check_whole(1,
                TEXT("\4\1\x46\xa1\0\0\0\1\0"
                     "192.0.2.9\0"),
                MT_PROXY_SOCKS4A, "SOCKS4a request");
    check_ip4(192, 0, 2, 9, 18081);                  /* a name that is an address */
    check_none(1, TEXT("\4\2"));                     /* BIND */
    check_none(1, TEXT("\4\1\x46\xa1\0\0\0\1\0\0")); /* no name */
    check_none(1, TEXT("\4\1\x46\xa1\0\0\0\1\0a b\0"));
    check_whole(0, TEXT("\0\x5a\0\0\0\0\0\0"), MT_PROXY_SOCKS4, "SOCKS4 answer");
    CHECK_EQUAL(prefix.granted, 1);
    check_whole(0, TEXT("\0\x5b\0\0\0\0\0\0"), MT_PROXY_SOCKS4, "SOCKS4 answer");
    CHECK_EQUAL(prefix.granted, 0);
    check_none(0, TEXT("\0\x59"));
    check_none(0, TEXT("\0\x5e"));
    check_none(0, TEXT("\4"));
    check_none(1, TEXT("\0"));
}

/* User and name are bounded. */
static void test_socks4_bounds(void)
{
    uint8_t bytes[600] = {4, 1, 1, 2, 0, 0, 0, 1};
    size_t used;
    memset(bytes + 8, 'u', 256);
    check_none(1, bytes, 8 + 256);
    bytes[8 + 255] = 0;
    memset(bytes + 8 + 256, 'h', 256);
    check_none(1, bytes, 8 + 256 + 256);
    bytes[8 + 256 + 255] = 0;
    CHECK_EQUAL(read_some(1, bytes, 8 + 256 + 256, &used), MT_PREFIX_WHOLE);
    CHECK_EQUAL(prefix.host_size, 255);
}

static void test_socks5(void)
{
    check_whole(1, TEXT("\5\1\0\5\1\0\1\xcb\0\x71\7\x46\xa0"), MT_PROXY_SOCKS5, "SOCKS5 request");
    check_ip4(203, 0, 113, 7, 18080);
    check_whole(1, TEXT("\5\2\0\2\1\2us\3pwd\5\1\0\3\2hi\0\7"), MT_PROXY_SOCKS5, "SOCKS5 request");
    check_name("hi", 7);
    check_whole(1, TEXT("\5\1\2\1\0\0\5\1\0\3\2hi\0\7"), MT_PROXY_SOCKS5,
                "SOCKS5 request"); /* both empty */
    check_whole(1, TEXT("\5\1\0\5\1\0\4\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\x9\x46\xa0"),
                MT_PROXY_SOCKS5, "SOCKS5 request");
    check_ip6(six, 18080);
    check_none(1, TEXT("\5\0"));
    check_none(1, TEXT("\5\1\0\6"));
    check_none(1, TEXT("\5\1\0\5\3")); /* UDP */
    check_none(1, TEXT("\5\1\0\5\1\1"));
    check_none(1, TEXT("\5\1\0\5\1\0\2"));
    check_none(1, TEXT("\5\1\0\5\1\0\3\0"));
    check_none(1, TEXT("\5\1\0\5\1\0\3\2h \0\7"));
}

static void test_socks5_answers(void)
{
    check_whole(0, TEXT("\5\0\5\0\0\1\0\0\0\0\0\0"), MT_PROXY_SOCKS5, "SOCKS5 answer");
    CHECK_EQUAL(prefix.granted, 1);
    check_whole(0, TEXT("\5\2\1\0\5\xf0\0\1\0\0\0\0\0\0"), MT_PROXY_SOCKS5, "SOCKS5 answer");
    CHECK_EQUAL(prefix.granted, 0);
    check_whole(0, TEXT("\5\2\1\1"), MT_PROXY_SOCKS5, "SOCKS5 answer");
    CHECK_EQUAL(prefix.granted, 0);
    check_whole(0, TEXT("\5\xff"), MT_PROXY_SOCKS5, "SOCKS5 answer");
    CHECK_EQUAL(prefix.granted, 0);
    check_whole(0, TEXT("\5\0\5\0\0\3\0\0\0"), MT_PROXY_SOCKS5, "SOCKS5 answer");
    CHECK_EQUAL(prefix.granted, 1);
    check_none(0, TEXT("\5\1"));
    check_none(0, TEXT("\5\2\2"));
    check_none(0, TEXT("\5\0\5\0\1"));
}

static void test_connect(void)
{
    check_whole(1, TEXT("CONNECT node.example:18080 HTTP/1.1\r\nHost: node.example\r\n\r\n"),
                MT_PROXY_CONNECT, "HTTP CONNECT request");
    check_name("node.example", 18080);
    check_whole(1, TEXT("CONNECT 203.0.113.7:1 HTTP/1.0\n\n"), MT_PROXY_CONNECT,
                "HTTP CONNECT request");
    check_ip4(203, 0, 113, 7, 1);
    check_whole(1, TEXT("CONNECT [2001:db8::9]:65535 HTTP/1.1\r\n\r\n"), MT_PROXY_CONNECT,
                "HTTP CONNECT request");
    check_ip6(six, 65535);
    check_none(1, TEXT("CONNECT node.example HTTP/1.1\r\n"));
    check_none(1, TEXT("CONNECT node.example:70000 HTTP/1.1\r\n"));
    check_none(1, TEXT("CONNECT node.example: HTTP/1.1\r\n"));
    check_none(1, TEXT("CONNECT :18080 HTTP/1.1\r\n"));
    check_none(1, TEXT("CONNECT [2001:db8::9:18080 HTTP/1.1\r\n"));
    check_none(1, TEXT("CONNECT node.example:18080 SPDY\r\n"));
    check_none(1, TEXT("CONNECT no\1"));
    check_none(1, TEXT("CONNECT a:1 HTTP/1.1\r\nx\x7f"));
    check_none(1, TEXT("COP"));
    check_whole(0, TEXT("HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n"), MT_PROXY_CONNECT,
                "HTTP CONNECT response");
    CHECK_EQUAL(prefix.granted, 1);
    check_whole(0, TEXT("HTTP/1.0 403 No\r\n\r\n"), MT_PROXY_CONNECT, "HTTP CONNECT response");
    CHECK_EQUAL(prefix.granted, 0);
    check_none(0, TEXT("HTTP/1.1 900 No\r\n"));
    check_none(0, TEXT("HTTP/1.1\r\n"));
    check_none(0, TEXT("HTTP/2"));
}

static void test_connect_bounds(void)
{
    static uint8_t bytes[MT_PREFIX_HTTP_MOST + 1];
    static const char line[] = "CONNECT a:1 HTTP/1.1\r\n";
    memset(bytes, 'x', sizeof bytes);
    memcpy(bytes, "CONNECT ", 8);
    check_none(1, bytes, MT_PREFIX_KEPT + 1);
    memcpy(bytes, line, sizeof line - 1);
    check_none(1, bytes, sizeof bytes);
}

static void test_header_1(void)
{
    check_whole(1, TEXT("PROXY TCP4 198.51.100.7 192.0.2.1 5555 18080\r\n"), MT_PROXY_HEADER1,
                "PROXY header, version 1");
    check_ip4(198, 51, 100, 7, 5555);
    check_whole(1, TEXT("PROXY TCP6 2001:db8::9 2001:db8::1 5555 18080\r\n"), MT_PROXY_HEADER1,
                "PROXY header, version 1");
    check_ip6(six, 5555);
    check_whole(1, TEXT("PROXY UNKNOWN\r\n"), MT_PROXY_HEADER1, "PROXY header, version 1");
    CHECK_EQUAL(prefix.ip.version, 0);
    check_whole(1, TEXT("PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n"), MT_PROXY_HEADER1,
                "PROXY header, version 1");
    check_none(1, TEXT("PROXY TCP4 2001:db8::9 2001:db8::1 5555 18080\r\n"));
    check_none(1, TEXT("PROXY TCP4 198.51.100.7 192.0.2.1 5555\r\n"));
    check_none(1, TEXT("PROXY TCP4 198.51.100.7\r\n"));
    check_none(1, TEXT("PROXY TCP4 198.51.100.7 192.0.2.1 5555 18080 9\r\n"));
    check_none(1, TEXT("PROXY TCP4 198.51.100.7 192.0.2.1 75555 18080\r\n"));
    check_none(1, TEXT("PROXY UNKNOWN\n"));
    check_none(1, TEXT("PROXY UNKNOWN\rx"));
    check_none(1, TEXT("PROXY U\xff"));
    check_none(1, TEXT("PROXI"));
    static uint8_t longest[108];
    memset(longest, 'x', sizeof longest);
    memcpy(longest, "PROXY UNKNOWN ", 14);
    check_none(1, longest, sizeof longest);
    memcpy(longest + 105, "\r\n", 2);
    check_whole(1, longest, 107, MT_PROXY_HEADER1, "PROXY header, version 1");
    check_none(0, TEXT("P"));
}

#define V2 "\r\n\r\n\0\r\nQUIT\n"

static void test_header_2(void)
{
    check_whole(1, TEXT(V2 "\x21\x11\0\x0c\xc6\x33\x64\7\xc0\0\2\1\x15\xb3\x46\xa0"),
                MT_PROXY_HEADER2, "PROXY header, version 2");
    check_ip4(198, 51, 100, 7, 5555);
    check_whole(1, TEXT(V2 "\x21\x11\0\x10\xc6\x33\x64\7\xc0\0\2\1\x15\xb3\x46\xa0\4\0\1\0"),
                MT_PROXY_HEADER2, "PROXY header, version 2"); /* with a further field */
    check_ip4(198, 51, 100, 7, 5555);
    check_whole(1,
                TEXT(V2 "\x21\x21\0\x24\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\x9\x20\1\xd\xb8\0\0\0\0"
                        "\0\0\0\0\0\0\0\1\x15\xb3\x46\xa0"),
                MT_PROXY_HEADER2, "PROXY header, version 2");
    check_ip6(six, 5555);
    check_whole(1, TEXT(V2 "\x20\0\0\0"), MT_PROXY_HEADER2, "PROXY header, version 2"); /* LOCAL */
    CHECK_EQUAL(prefix.ip.version, 0);
    check_whole(1, TEXT(V2 "\x20\x11\0\2ab"), MT_PROXY_HEADER2, "PROXY header, version 2");
    check_whole(1, TEXT(V2 "\x21\x31\0\2ab"), MT_PROXY_HEADER2, "PROXY header, version 2");
    CHECK_EQUAL(prefix.ip.version, 0);
    check_none(1, TEXT(V2 "\x11"));
    check_none(1, TEXT(V2 "\x21\x41"));
    check_none(1, TEXT(V2 "\x21\x11\0\x0b"));
    check_none(1, TEXT("\r\n\r\n\0\r\nQUIS"));
    check_none(0, TEXT("\r"));
}

static void test_tls(void)
{
    size_t used;
    CHECK_EQUAL(read_some(1, TEXT("\x16\3\1\2\0\1\0"), &used), MT_PREFIX_TLS);
    CHECK_EQUAL(used, 6);
    CHECK_EQUAL(read_some(0, TEXT("\x16\3\3\0\x7a\2"), &used), MT_PREFIX_TLS);
    CHECK_EQUAL(read_some(0, TEXT("\x15\3\3\0\2\2\x28"), &used), MT_PREFIX_TLS);
    CHECK_EQUAL(used, 6);
    check_none(1, TEXT("\x16\2"));
    check_none(1, TEXT("\x16\3\5"));
    check_none(1, TEXT("\x16\3\1\0\3"));
    check_none(1, TEXT("\x16\3\1\x49\0"));
    check_none(1, TEXT("\x16\3\1\2\0\3"));
    check_none(1, TEXT("\x15\3\1\0\3"));
    check_none(1, TEXT("\x15\3\1\0\2\3"));
    check_none(1, TEXT("\x17"));
}

/* Where a PROXY header may be, and how many requests there may be in a row. */
static void test_chain(void)
{
    CHECK_EQUAL(mt_prefix_may_begin('P', 1, 0), 1);
    CHECK_EQUAL(mt_prefix_may_begin('P', 1, 1), 0);
    CHECK_EQUAL(mt_prefix_may_begin('\r', 1, 1), 0);
    CHECK_EQUAL(mt_prefix_may_begin(5, 1, MT_PREFIX_CHAIN - 1), 1);
    CHECK_EQUAL(mt_prefix_may_begin(5, 1, MT_PREFIX_CHAIN), 0);
    CHECK_EQUAL(mt_prefix_may_begin(0x16, 1, MT_PREFIX_CHAIN), 1);
    for (int from_client = 0; from_client < 2; from_client++)
        CHECK_EQUAL(mt_prefix_may_begin(1, from_client, 0), 0); /* Levin */
}

/* What is certain although it is not whole. */
static void test_committed(void)
{
    static const struct {
        const char *bytes;
        size_t certain;
        int from_client;
    } cases[] = {{"\4\1\x46\xa0\xcb\0\x71\7", 8, 1},
                 {"\5\1\0", 3, 1},
                 {"\5\0", 2, 0},
                 {"CONNECT ", 8, 1},
                 {"HTTP/1.", 7, 0},
                 {"PROXY ", 6, 1},
                 {V2, 12, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mt_prefix_init(&prefix, cases[i].from_client, 0);
        for (size_t k = 0; k < cases[i].certain; k++) {
            CHECK_EQUAL(prefix.committed, 0);
            CHECK_EQUAL(mt_prefix_read(&prefix, (uint8_t)cases[i].bytes[k]), MT_PREFIX_MORE);
        }
        CHECK_EQUAL(prefix.committed, 1);
    }
    CHECK_TEXT(mt_prefix_text(&prefix, 1), "the beginning of a proxy's prefix");
}

int main(void)
{
    test_socks4();
    test_socks4_bounds();
    test_socks5();
    test_socks5_answers();
    test_connect();
    test_connect_bounds();
    test_header_1();
    test_header_2();
    test_tls();
    test_chain();
    test_committed();
    FINISH("test_prefix");
}
