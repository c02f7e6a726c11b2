/* Reasons and chains of tunnels as text. */
#include "net/skip.h"

#include "support/check.h"

static void test_reasons(void)
{
    static const struct {
        enum mt_skip_kind kind;
        uint32_t number;
        const char *text;
    } reasons[] = {
        {MT_SKIP_ETHERTYPE, 0x0806, "EtherType 0x0806 (ARP)"},
        {MT_SKIP_ETHERTYPE, 5, "EtherType 0x0005"},
        {MT_SKIP_LLC, 0xaaaa, "LLC 0xaaaa (SNAP)"},
        {MT_SKIP_PPP, 0xc021, "PPP protocol 0xc021 (LCP)"},
        {MT_SKIP_NLPID, 8, "Frame Relay NLPID 0x08"},
        {MT_SKIP_PROTOCOL, 0, "IP protocol 0 (hop-by-hop options)"},
        {MT_SKIP_PROTOCOL, 50, "IP protocol 50 (ESP)"},
        {MT_SKIP_PROTOCOL, 255, "IP protocol 255"},
        {MT_SKIP_GRE, 0x880c, "GRE protocol 0x880c"},
        {MT_SKIP_ERSPAN, 2, "ERSPAN version or frame type 2"},
        {MT_SKIP_MPLS, 0x10, "MPLS with neither IP nor Ethernet, first byte 0x10"},
        {MT_SKIP_WIFI, MT_WIFI_PROTECTED, "802.11 frame that is encrypted"},
        {MT_SKIP_LINK, 7, "link header that announces neither IP nor a known link type: 7"},
        {MT_SKIP_FRAGMENT, 17, "IP fragment, IP protocol 17 (UDP)"},
    };
    char text[160], small[10];
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        struct mt_skip skip = {.kind = (uint16_t)reasons[i].kind, .number = reasons[i].number};
        CHECK_TEXT(mt_skip_text(&skip, text, sizeof text), reasons[i].text);
        (void)mt_skip_text(&skip, small, sizeof small);
        CHECK_EQUAL(strlen(small), sizeof small - 1);
    }
}

static void test_chains(void)
{
    char text[128], small[4];
    struct mt_skip skip = {.kind = MT_SKIP_ETHERTYPE,
                           .number = 0x0806,
                           .tunnels = 2,
                           .chain = {MT_TUNNEL_GRE_ETHERNET, MT_TUNNEL_VXLAN}};
    CHECK_TEXT(mt_skip_text(&skip, text, sizeof text),
               "EtherType 0x0806 (ARP) in GRE/Ethernet/VXLAN");
    CHECK_TEXT(mt_tunnel_text(skip.chain, 2, text, sizeof text), "GRE/Ethernet/VXLAN");
    CHECK_TEXT(mt_tunnel_text(skip.chain, 0, text, sizeof text), "");
    CHECK_TEXT(mt_tunnel_text(skip.chain, 2, small, sizeof small), "GRE");
    for (uint8_t kind = 0; kind < MT_TUNNEL_COUNT; kind++) /* each has a name of its own */
        for (uint8_t other = 0; other < kind; other++) {
            char name[64];
            (void)mt_tunnel_text(&other, 1, name, sizeof name);
            CHECK(strcmp(mt_tunnel_text(&kind, 1, text, sizeof text), name) != 0);
        }
}

static void test_equal(void)
{
    struct mt_skip a = {.kind = MT_SKIP_PROTOCOL, .number = 17, .chain = {MT_TUNNEL_GRE}}, b = a;
    CHECK(mt_skip_equal(&a, &b));
    b.chain[0] = MT_TUNNEL_VXLAN; /* beyond the count */
    CHECK(mt_skip_equal(&a, &b));
    a.tunnels = b.tunnels = 1;
    CHECK(!mt_skip_equal(&a, &b));
    b = a;
    b.number = 18;
    CHECK(!mt_skip_equal(&a, &b));
    b = a;
    b.kind = MT_SKIP_FRAGMENT;
    CHECK(!mt_skip_equal(&a, &b));
    b = a;
    b.tunnels = 0;
    CHECK(!mt_skip_equal(&a, &b));
}

int main(void)
{
    test_reasons();
    test_chains();
    test_equal();
    FINISH("skip");
}
