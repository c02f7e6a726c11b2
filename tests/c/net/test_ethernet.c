/* Tags between Ethernet and IP. test_link.c has plain frames, VLAN and LLC. */
#include "net/ethernet.h"

#include "support/tunnel_help.h"

static void tagged(const char *tag, size_t size, const char *chain)
{
    struct bytes bytes = {.size = 0};
    PUT(&bytes, MACS);
    add(&bytes, tag, size);
    put_inner_ipv4(&bytes);
    carries(LINK_ETHERNET, &bytes, chain);
}
#define TAGGED(text, chain) tagged(text, sizeof(text) - 1, chain)

static void test_tags(void)
{
    TAGGED("\x08\0", "");
    TAGGED("\x88\xa8\0\5\x81\0\0\6\x08\0", "");                   /* 802.1ad */
    TAGGED("\x92\0\0\5\x08\0", "");                               /* an older number of it */
    TAGGED("\x89\x26\0\1\0\2\x08\0", "");                         /* VN-tag */
    TAGGED("\x89\x26\0\1\0\2\x81\0\0\5\x08\0", "");               /* and a VLAN */
    TAGGED("\x89\x3f\0\1\0\2\0\3\x08\0", "");                     /* E-tag */
    TAGGED("\x89\x09\1\1\0\1\0\7\x08\0", "");                     /* Cisco metadata */
    TAGGED("\x89\x09\1\2\0\1\0\7\0\2\0\1\x08\0", "");             /* with two options */
    TAGGED("\x81\0\0\5\x89\x09\1\1\0\1\0\7\x08\0", "");           /* in a VLAN */
    TAGGED("\x88\xe5\0\0\0\0\0\x0a\x08\0", "");                   /* MACsec in the clear */
    TAGGED("\x88\xe5\x20\0\0\0\0\x0a\1\2\3\4\5\6\0\1\x08\0", ""); /* with an identifier */
    TAGGED("\x88\xe5\0\0\0\0\0\x0a\x81\0\0\5\x08\0", "");
    TAGGED("\x89\x2f\x0a\xbc\0\1\x08\0", "");             /* HSR */
    TAGGED("\x81\0\0\5\0\x52\xaa\xaa\3\0\0\0\x08\0", ""); /* a length after a VLAN */
    TAGGED("\x88\xe7\0\0\x12\x34" MACS "\x08\0", "PBB");  /* backbone bridging */
    TAGGED("\x88\xa8\0\5\x88\xe7\0\0\x12\x34" MACS "\x81\0\0\6\x08\0", "PBB");
}

static void test_skips(void)
{
    static const struct {
        const char *type, *reason;
    } types[] = {{"\x08\x06", "EtherType 0x0806 (ARP)"},
                 {"\x88\xcc", "EtherType 0x88cc (LLDP)"},
                 {"\x88\xe6", "EtherType 0x88e6"},
                 {"\x12\x34", "EtherType 0x1234"},
                 {"\x88\x63", "EtherType 0x8863 (PPPoE discovery)"}};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        struct bytes bytes = {.size = 0};
        PUT(&bytes, MACS);
        add(&bytes, types[i].type, 2);
        put_inner_ipv4(&bytes);
        skips(LINK_ETHERNET, &bytes, types[i].reason);
    }
    struct bytes bytes = {.size = 0};
    PUT(&bytes, MACS "\0\x20\x42\x42\3\0\0\0\0\0");
    skips(LINK_ETHERNET, &bytes, "LLC 0x4242 (spanning tree)");
    bytes.size = 0;
    PUT(&bytes, MACS "\x88\xe5\x0c\0\0\0\0\1 encrypted text of a frame");
    skips(LINK_ETHERNET, &bytes, "EtherType 0x88e5 (MACsec)");
    bytes.at[14] = 4; /* changed, without a secret */
    skips(LINK_ETHERNET, &bytes, "EtherType 0x88e5 (MACsec)");
}

/* Cisco's ISL, and the tags of switch chips, after the addresses or before them. */
static void test_switches(void)
{
    static const struct {
        uint32_t link, size;
        const char *header;
    } headers[] = {
        {1, 26, "\1\0\x0c\0\0\0\2\0\0\0\0\2\0\x60\xaa\xaa\3\0\0\x0c\0\x14\0\0\0\0" MACS},
        {282, 4, "\0\0\0\0" MACS},
        {274, 8, "\x55\x55\x55\x55\x55\x55\x55\xd5" MACS},
        {241, 12, "\0\0\0\0\x55\x55\x55\x55\x55\x55\x55\xd5" MACS},
    };
    static const struct {
        uint32_t link, size;
        const char *tag;
    } tags[] = {{281, 4, "\0\0\0\1"}, {284, 4, "\xc0\0\0\0"}, {285, 8, "\xda\xda\0\0\xc0\0\0\0"}};
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        struct bytes bytes = {.size = 0};
        add(&bytes, headers[i].header, headers[i].size);
        put_inner_frame(&bytes);
        carries(headers[i].link, &bytes, "");
    }
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++) {
        struct bytes bytes = {.size = 0};
        PUT(&bytes, MACS);
        add(&bytes, tags[i].tag, tags[i].size);
        PUT(&bytes, "\x08\0");
        put_inner_ipv4(&bytes);
        carries(tags[i].link, &bytes, "");
    }
}

/* Ethernet frames that nothing announces. */
static void test_looks(void)
{
    struct bytes bytes = {.size = 0};
    put_inner_frame(&bytes);
    struct mt_span span = {bytes.at, bytes.size, bytes.size};
    CHECK(mt_looks_like_ethernet(&span, 0));
    CHECK(!mt_looks_like_ethernet(&span, 1));
    CHECK(!mt_looks_like_ethernet(&span, bytes.size - 14));
    span.captured = 14;
    CHECK(!mt_looks_like_ethernet(&span, 0));
    span.captured = bytes.size;
    bytes.at[14] = 0x65;
    CHECK(!mt_looks_like_ethernet(&span, 0));
    memcpy(bytes.at + 12, "\x86\xdd", 2);
    CHECK(mt_looks_like_ethernet(&span, 0));
}

int main(void)
{
    open_net(0);
    test_tags();
    test_skips();
    test_switches();
    test_looks();
    mt_net_close(net);
    free(kept);
    FINISH("ethernet");
}
