/* Streams that begin with what proxies write, or with TLS. */
#include "support/levin_help.h"

struct beginning {
    int from_client;
    const char *bytes;
    size_t size;
    const char *why;
};

#define BEGINNING(from_client, text, why) {from_client, text, sizeof(text) - 1, why}

static const struct beginning beginnings[] = {
    BEGINNING(1, "\4\1\x46\xa0\0\0\0\1\0peer.onion\0", "SOCKS4a request"),
    BEGINNING(0, "\0\x5a\0\0\0\0\0\0", "SOCKS4 answer"),
    BEGINNING(1, "\5\1\2\1\2us\3pwd\5\1\0\3\2hi\0\7", "SOCKS5 request"),
    BEGINNING(0, "\5\2\1\0\5\0\0\1\0\0\0\0\0\0", "SOCKS5 answer"),
    BEGINNING(1, "CONNECT a.example:18080 HTTP/1.1\r\n\r\n", "HTTP CONNECT request"),
    BEGINNING(0, "HTTP/1.1 200 OK\r\n\r\n", "HTTP CONNECT response"),
    BEGINNING(1, "PROXY TCP4 198.51.100.7 192.0.2.1 5555 18080\r\n", "PROXY header, version 1"),
    BEGINNING(1, "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0e\xc6\x33\x64\7\xc0\0\2\1\x15\xb3\x46\xa0zz",
              "PROXY header, version 2"),
};
enum { BEGINNINGS = sizeof beginnings / sizeof beginnings[0] };

/* At any cut: one row for the prefix, then messages in step. */
static void check_then_levin(const struct beginning *beginning, int monero, size_t step)
{
    struct wire wire = {0};
    int from_client = beginning->from_client;
    wire_put(&wire, beginning->bytes, beginning->size);
    wire_request(&wire, MT_PING, 10);
    fixture_open(&fixture, monero);
    CHECK_EQUAL(fixture_feed(&fixture, from_client, wire.bytes, wire.size, step), MT_OK);
    CHECK_EQUAL(fixture_end(&fixture), MT_OK);
    CHECK_EQUAL(fixture.session->levin.monero, 1);
    CHECK_EQUAL(fixture.session->levin.lossy, 0);
    CHECK_EQUAL(messages_count(&fixture.decoder.output), 1);
    check_message(0, MT_PING, MT_KIND_REQUEST, MT_STATUS_COMPLETE, 10, 10);
    CHECK_EQUAL(problems_count(&fixture.decoder.output), 1);
    check_problem(0, MT_PROBLEM_PROXY_PREFIX, 0, (int64_t)beginning->size, beginning->why);
    CHECK_EQUAL(problem_row(&fixture.decoder.output, 0)->from_client, from_client);
    CHECK_EQUAL(problem_row(&fixture.decoder.output, 0)->frame, 1);
    CHECK_EQUAL(bytes_in_rows(&fixture.decoder.output), (int64_t)wire.size);
    CHECK_EQUAL(fixture.decoder.output.buffered.used, 0);
    fixture_close(&fixture);
    wire_free(&wire);
}

static void test_then_levin(void)
{
    for (size_t i = 0; i < BEGINNINGS; i++)
        for (size_t step = 1; step <= 60; step++)
            for (int monero = 0; monero < 2; monero++)
                check_then_levin(&beginnings[i], monero, step);
}

/* On a port of Monero, the beginning of a prefix is one if it is certain; on another port nothing
 * is said of a connection without Levin. */
static void test_cut(void)
{
    fixture_open(&fixture, 1);
    CHECK_EQUAL(fixture_segment(&fixture, 1, "CONNECT a.ex", 12), MT_OK);
    CHECK_EQUAL(fixture_segment(&fixture, 0, "\5", 1), MT_OK);
    CHECK_EQUAL(fixture_end(&fixture), MT_OK);
    CHECK_EQUAL(problem_bytes(&fixture.decoder.output, MT_PROBLEM_PROXY_PREFIX), 12);
    CHECK_EQUAL(problem_bytes(&fixture.decoder.output, MT_PROBLEM_UNFRAMED), 1);
    fixture_renew(&fixture, 1);
    CHECK_EQUAL(fixture_segment(&fixture, 1, "CONNECT a.ex", 12), MT_OK);
    CHECK_EQUAL(fixture_hole(&fixture, 1, 10, MT_HOLE_LIMIT), MT_OK);
    CHECK_EQUAL(fixture_segment(&fixture, 1, "more", 4), MT_OK);
    CHECK_EQUAL(fixture_end(&fixture), MT_OK);
    CHECK_EQUAL(problem_bytes(&fixture.decoder.output, MT_PROBLEM_PROXY_PREFIX), 12);
    CHECK_EQUAL(problem_bytes(&fixture.decoder.output, MT_PROBLEM_UNFRAMED), 4);
    fixture_renew(&fixture, 0);
    CHECK_EQUAL(fixture_segment(&fixture, 1, beginnings[0].bytes, beginnings[0].size), MT_OK);
    CHECK_EQUAL(fixture_segment(&fixture, 1, "POST", 4), MT_OK);
    CHECK_EQUAL(fixture_segment(&fixture, 0, "\x16\3\3\0\x7a\2", 6), MT_OK);
    CHECK_EQUAL(fixture_end(&fixture), MT_OK);
    CHECK_EQUAL(problem_bytes(&fixture.decoder.output, MT_PROBLEM_NOT_LEVIN),
                (int64_t)beginnings[0].size + 10);
    CHECK_EQUAL(problems_count(&fixture.decoder.output), 2); /* one a direction */
    fixture_close(&fixture);
}

/* What looks like a prefix and is none is outside messages, and the search begins at the byte that
 * is wrong. */
static void test_none(void)
{
    struct wire wire = {0};
    wire_put(&wire, "\4\1\2\3\0\0\0\1\0", 9);
    wire_request(&wire, MT_PING, 10); /* 1 is no character of a host name */
    for (size_t step = 1; step <= 60; step++) {
        fixture_open(&fixture, 1);
        CHECK_EQUAL(fixture_feed(&fixture, 1, wire.bytes, 9, step), MT_OK);
        CHECK_EQUAL(fixture_feed(&fixture, 1, (const uint8_t *)"a b\0", 4, step), MT_OK);
        CHECK_EQUAL(fixture_feed(&fixture, 1, wire.bytes + 9, wire.size - 9, step), MT_OK);
        CHECK_EQUAL(fixture_end(&fixture), MT_OK);
        CHECK_EQUAL(messages_count(&fixture.decoder.output), 1);
        CHECK_EQUAL(problem_bytes(&fixture.decoder.output, MT_PROBLEM_UNFRAMED), 13);
        CHECK_EQUAL(problem_bytes(&fixture.decoder.output, MT_PROBLEM_PROXY_PREFIX), 0);
        CHECK_EQUAL(fixture.decoder.output.buffered.used, 0);
        fixture_close(&fixture);
    }
    wire_free(&wire);
}

/* Requests through two proxies; a PROXY header, then TLS; a second PROXY header is none. */
static void test_chain(void)
{
    const struct beginning *socks = &beginnings[0], *http = &beginnings[4],
                           *header = &beginnings[6];
    struct wire wire = {0};
    wire_put(&wire, http->bytes, http->size);
    wire_put(&wire, socks->bytes, socks->size);
    wire_request(&wire, MT_PING, 10);
    for (int monero = 0; monero < 2; monero++) {
        fixture_open(&fixture, monero);
        CHECK_EQUAL(fixture_feed(&fixture, 1, wire.bytes, wire.size, 7), MT_OK);
        CHECK_EQUAL(fixture_end(&fixture), MT_OK);
        CHECK_EQUAL(messages_count(&fixture.decoder.output), 1);
        CHECK_EQUAL(problem_bytes(&fixture.decoder.output, MT_PROBLEM_PROXY_PREFIX),
                    (int64_t)(http->size + socks->size));
        CHECK_EQUAL(bytes_in_rows(&fixture.decoder.output), (int64_t)wire.size);
        fixture_close(&fixture);
    }
    fixture_open(&fixture, 1);
    CHECK_EQUAL(fixture_segment(&fixture, 1, header->bytes, header->size), MT_OK);
    CHECK_EQUAL(fixture_segment(&fixture, 1, "\x16\3\3\0\x7a\1more", 10), MT_OK);
    CHECK_EQUAL(fixture_end(&fixture), MT_OK);
    CHECK_EQUAL(problem_bytes(&fixture.decoder.output, MT_PROBLEM_PROXY_PREFIX),
                (int64_t)header->size);
    CHECK_EQUAL(problem_bytes(&fixture.decoder.output, MT_PROBLEM_TLS), 10);
    fixture_renew(&fixture, 1);
    CHECK_EQUAL(fixture_segment(&fixture, 1, header->bytes, header->size), MT_OK);
    CHECK_EQUAL(fixture_segment(&fixture, 1, header->bytes, header->size), MT_OK);
    CHECK_EQUAL(fixture_end(&fixture), MT_OK);
    CHECK_EQUAL(problem_bytes(&fixture.decoder.output, MT_PROBLEM_UNFRAMED), (int64_t)header->size);
    fixture_close(&fixture);
    wire_free(&wire);
}

/* TLS is TLS to the end, over holes, and whatever the other direction is; a sound header in it
 * begins messages. */
static void test_tls(void)
{
    struct wire wire = {0};
    wire_request(&wire, MT_PING, 10);
    for (size_t step = 1; step <= 9; step++) {
        fixture_open(&fixture, 1);
        CHECK_EQUAL(fixture_feed(&fixture, 1, (const uint8_t *)"\x16\3\1\0\x20\1 hello", 12, step),
                    MT_OK);
        CHECK_EQUAL(fixture_hole(&fixture, 1, 10, MT_HOLE_LIMIT), MT_OK);
        CHECK_EQUAL(fixture_segment(&fixture, 1, "more", 4), MT_OK);
        CHECK_EQUAL(fixture_segment(&fixture, 0, wire.bytes, wire.size), MT_OK);
        CHECK_EQUAL(fixture_end(&fixture), MT_OK);
        CHECK_EQUAL(problem_bytes(&fixture.decoder.output, MT_PROBLEM_TLS), 16);
        CHECK_EQUAL(problem_bytes(&fixture.decoder.output, MT_PROBLEM_UNFRAMED), 0);
        CHECK_EQUAL(messages_count(&fixture.decoder.output), 1);
        fixture_close(&fixture);
    }
    fixture_open(&fixture, 1);
    CHECK_EQUAL(fixture_segment(&fixture, 1, "\x16\3\1\0\x20\1", 6), MT_OK);
    CHECK_EQUAL(fixture_segment(&fixture, 1, wire.bytes, wire.size), MT_OK);
    CHECK_EQUAL(fixture_segment(&fixture, 1, "garbage", 7), MT_OK);
    CHECK_EQUAL(fixture_end(&fixture), MT_OK);
    CHECK_EQUAL(messages_count(&fixture.decoder.output), 1);
    CHECK_EQUAL(problem_bytes(&fixture.decoder.output, MT_PROBLEM_TLS), 6);
    CHECK_EQUAL(problem_bytes(&fixture.decoder.output, MT_PROBLEM_UNFRAMED), 7);
    fixture_close(&fixture);
    wire_free(&wire);
}

/* The text with which a proxy explains its refusal is the proxy's. */
static void test_refusal(void)
{
    fixture_open(&fixture, 1);
    CHECK_EQUAL(fixture_segment(&fixture, 0, "HTTP/1.1 502 Bad\r\n\r\n<html>", 26), MT_OK);
    CHECK_EQUAL(fixture_end(&fixture), MT_OK);
    check_problem(0, MT_PROBLEM_PROXY_PREFIX, 0, 20, "HTTP CONNECT response");
    check_problem(1, MT_PROBLEM_PROXY_PREFIX, 20, 6,
                  "what a proxy wrote after it refused to connect");
    fixture_close(&fixture);
}

/* From the middle, nothing is known of the beginning. */
static void test_midstream(void)
{
    fixture_open(&fixture, 1);
    mt_levin_midstream(&fixture.session->levin.directions[1]);
    CHECK_EQUAL(fixture_segment(&fixture, 1, beginnings[0].bytes, beginnings[0].size), MT_OK);
    CHECK_EQUAL(fixture_end(&fixture), MT_OK);
    CHECK_EQUAL(problem_bytes(&fixture.decoder.output, MT_PROBLEM_UNFRAMED),
                (int64_t)beginnings[0].size);
    fixture_close(&fixture);
}

/* Whose name is believed: rows have the host of a request after it was granted, of a header at
 * once. */
static void test_proxied_host(void)
{
    struct wire wire = {0};
    const struct mt_message_row *row;
    wire_request(&wire, MT_PING, 10);
    fixture_open(&fixture, 1);
    CHECK_EQUAL(fixture_segment(&fixture, 1, beginnings[0].bytes, beginnings[0].size), MT_OK);
    CHECK_EQUAL(fixture_segment(&fixture, 1, wire.bytes, wire.size), MT_OK);
    CHECK_EQUAL(fixture_segment(&fixture, 0, beginnings[1].bytes, beginnings[1].size), MT_OK);
    CHECK_EQUAL(fixture_segment(&fixture, 1, wire.bytes, wire.size), MT_OK);
    row = message_row(&fixture.decoder.output, 0);
    CHECK_EQUAL(row->proxied_host, MT_NO_CODE);
    row = message_row(&fixture.decoder.output, 1);
    CHECK_EQUAL(row->proxy, MT_PROXY_SOCKS4A);
    char name[MT_ADDRESS_TEXT];
    size_t size =
        mt_address_text(&fixture.decoder.output.addresses, row->proxied_host, name, sizeof name);
    CHECK(size == 10 && memcmp(name, "peer.onion", size) == 0);
    fixture_renew(&fixture, 1);
    CHECK_EQUAL(fixture_segment(&fixture, 1, beginnings[6].bytes, beginnings[6].size), MT_OK);
    CHECK_EQUAL(fixture_segment(&fixture, 1, wire.bytes, wire.size), MT_OK);
    row = message_row(&fixture.decoder.output, 0);
    CHECK_EQUAL(row->proxy, MT_PROXY_HEADER1);
    CHECK(row->proxied_host != MT_NO_CODE);
    fixture_renew(&fixture, 1);
    CHECK_EQUAL(fixture_segment(&fixture, 0, "\0\x5b\0\0\0\0\0\0", 8), MT_OK);
    CHECK_EQUAL(fixture_segment(&fixture, 1, beginnings[0].bytes, beginnings[0].size), MT_OK);
    CHECK_EQUAL(fixture_segment(&fixture, 1, wire.bytes, wire.size), MT_OK);
    CHECK_EQUAL(message_row(&fixture.decoder.output, 0)->proxied_host, MT_NO_CODE);
    fixture_close(&fixture);
    wire_free(&wire);
}

int main(void)
{
    test_then_levin();
    test_cut();
    test_none();
    test_chain();
    test_tls();
    test_refusal();
    test_midstream();
    test_proxied_host();
    FINISH("test_beginning");
}
