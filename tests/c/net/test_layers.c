/* Headers that are skipped, refused, and counted as tunnels. */
#include "net/layers.h"

#include "support/check.h"

static uint8_t bytes[10];

static void test_skip(void)
{
    struct mt_layers layers = {.rest = {bytes, 10, 30}};
    CHECK_EQUAL(mt_layers_skip(&layers, 4, MT_NEXT_IP, 7), MT_OK);
    CHECK(layers.rest.at == bytes + 4);
    CHECK_EQUAL(layers.rest.captured, 6);
    CHECK_EQUAL(layers.rest.length, 26);
    CHECK_EQUAL(layers.next, MT_NEXT_IP);
    CHECK_EQUAL(layers.type, 7);
    CHECK_EQUAL(mt_layers_skip(&layers, 6, MT_NEXT_IP, 0), MT_MALFORMED);
    CHECK_TEXT(layers.why, "cut before its IP header");
    CHECK_EQUAL(mt_layers_skip(&layers, UINT32_MAX, MT_NEXT_IP, 0), MT_MALFORMED);
    CHECK(layers.rest.at == bytes + 4);
    CHECK_EQUAL(mt_layers_stop(&layers, MT_SKIP_GRE, 9), MT_END);
    CHECK_EQUAL(layers.skip.kind, MT_SKIP_GRE);
    CHECK_EQUAL(layers.skip.number, 9);
}

static void test_span(void)
{
    struct mt_span span = {bytes, 10, 30};
    mt_span_limit(&span, 40);
    CHECK(span.captured == 10 && span.length == 30);
    mt_span_limit(&span, 20);
    CHECK(span.captured == 10 && span.length == 20);
    mt_span_limit(&span, 5);
    CHECK(span.captured == 5 && span.length == 5);
    mt_span_skip(&span, 5);
    CHECK(span.at == bytes + 5 && span.captured == 0 && span.length == 0);
}

static void test_tunnel(void)
{
    struct mt_layers layers = {.rest = {bytes, 10, 30}};
    for (int i = 0; i < MT_TUNNEL_CHAIN; i++)
        CHECK_EQUAL(mt_layers_tunnel(&layers, MT_TUNNEL_GRE, 1, MT_NEXT_IP, 0), MT_OK);
    CHECK_EQUAL(layers.tunnel.count, MT_TUNNEL_CHAIN);
    CHECK_EQUAL(layers.rest.captured, 2);
    CHECK_EQUAL(mt_layers_tunnel(&layers, MT_TUNNEL_GRE, 1, MT_NEXT_IP, 0), MT_MALFORMED);
    CHECK_EQUAL(layers.rest.captured, 2);
}

int main(void)
{
    test_skip();
    test_span();
    test_tunnel();
    FINISH("layers");
}
