#include "net/skip.h"

#include <stdio.h>
#include <string.h>

struct name {
    uint32_t number;
    const char *name;
};

static const struct name ethertypes[] = {{0x0806, "ARP"},
                                         {0x0842, "Wake-on-LAN"},
                                         {0x2000, "CDP"},
                                         {0x2004, "DTP"},
                                         {0x22f0, "AVTP"},
                                         {0x22f3, "TRILL"},
                                         {0x4305, "batman-adv"},
                                         {0x8035, "RARP or SLARP"},
                                         {0x8137, "IPX"},
                                         {0x8808, "Ethernet flow control"},
                                         {0x8809, "slow protocols"},
                                         {0x8847, "MPLS"},
                                         {0x8863, "PPPoE discovery"},
                                         {0x888e, "802.1X"},
                                         {0x88a2, "ATA over Ethernet"},
                                         {0x88b5, "local experimental"},
                                         {0x88cc, "LLDP"},
                                         {0x88e5, "MACsec"},
                                         {0x88f7, "PTP"},
                                         {0x8902, "CFM"},
                                         {0x8903, "FabricPath"},
                                         {0x8906, "FCoE"},
                                         {0x8915, "RoCE"},
                                         {0x894f, "NSH"},
                                         {0x9000, "loopback test"}};
static const struct name protocols[] = {{0, "hop-by-hop options"},
                                        {1, "ICMP"},
                                        {2, "IGMP"},
                                        {4, "IPv4"},
                                        {17, "UDP"},
                                        {33, "DCCP"},
                                        {41, "IPv6"},
                                        {46, "RSVP"},
                                        {47, "GRE"},
                                        {50, "ESP"},
                                        {51, "AH"},
                                        {58, "ICMPv6"},
                                        {59, "no next header"},
                                        {88, "EIGRP"},
                                        {89, "OSPF"},
                                        {94, "IPIP"},
                                        {97, "EtherIP"},
                                        {103, "PIM"},
                                        {108, "IPComp"},
                                        {112, "VRRP"},
                                        {115, "L2TP"},
                                        {132, "SCTP"},
                                        {136, "UDP-Lite"},
                                        {137, "MPLS"},
                                        {143, "Ethernet"}};
static const struct name udp_ports[] = {{1194, "OpenVPN"},
                                        {4500, "IPsec"},
                                        {9993, "ZeroTier"},
                                        {41641, "Tailscale"},
                                        {51820, "WireGuard"}};
static const struct name ppp_protocols[] = {
    {0x003d, "multilink"}, {0x0053, "encrypted"}, {0x00fd, "compressed"}, {0x8021, "IPCP"},
    {0x8057, "IPV6CP"},    {0x80fd, "CCP"},       {0xc021, "LCP"},        {0xc023, "PAP"},
    {0xc025, "LQR"},       {0xc223, "CHAP"}};
static const struct name llc_points[] = {{0x4242, "spanning tree"}, {0xaaaa, "SNAP"},
                                         {0xfefe, "OSI"},           {0xe0e0, "IPX"},
                                         {0xf0f0, "NetBIOS"},       {0xffff, "IPX"}};

static const struct {
    const char *label;
    int digits; /* of the number in hexadecimal; 0: in decimal */
    const struct name *names;
    size_t count;
} kinds[] = {
#define NAMES(list) list, sizeof(list) / sizeof(list)[0]
    [MT_SKIP_ETHERTYPE] = {"EtherType", 4, NAMES(ethertypes)},
    [MT_SKIP_LLC] = {"LLC", 4, NAMES(llc_points)},
    [MT_SKIP_PPP] = {"PPP protocol", 4, NAMES(ppp_protocols)},
    [MT_SKIP_NLPID] = {"Frame Relay NLPID", 2, NULL, 0},
    [MT_SKIP_PROTOCOL] = {"IP protocol", 0, NAMES(protocols)},
    [MT_SKIP_UDP] = {"IP protocol 17 (UDP), port", 0, NAMES(udp_ports)},
    [MT_SKIP_GRE] = {"GRE protocol", 4, NAMES(ethertypes)},
    [MT_SKIP_ERSPAN] = {"ERSPAN version or frame type", 0, NULL, 0},
    [MT_SKIP_MPLS] = {"MPLS with neither IP nor Ethernet, first byte", 2, NULL, 0},
    [MT_SKIP_LINK] = {"link header that announces neither IP nor a known link type:", 0, NULL, 0},
    [MT_SKIP_FRAGMENT] = {"IP fragment, IP protocol", 0, NAMES(protocols)},
#undef NAMES
};

static const char *const wifi[] = {[MT_WIFI_NO_DATA] = "802.11 frame without data",
                                   [MT_WIFI_PROTECTED] = "802.11 frame that is encrypted",
                                   [MT_WIFI_FRAGMENT] = "802.11 fragment"};

static const char *const tunnels[MT_TUNNEL_COUNT] = {[MT_TUNNEL_MPLS] = "MPLS",
                                                     [MT_TUNNEL_MPLS_ETHERNET] = "MPLS/Ethernet",
                                                     [MT_TUNNEL_PPPOE] = "PPPoE",
                                                     [MT_TUNNEL_PBB] = "PBB",
                                                     [MT_TUNNEL_NSH] = "NSH",
                                                     [MT_TUNNEL_TRILL] = "TRILL",
                                                     [MT_TUNNEL_FABRIC_PATH] = "FabricPath",
                                                     [MT_TUNNEL_BATMAN] = "batman-adv",
                                                     [MT_TUNNEL_GRE] = "GRE",
                                                     [MT_TUNNEL_GRE_ETHERNET] = "GRE/Ethernet",
                                                     [MT_TUNNEL_GRE_PPP] = "GRE/PPP",
                                                     [MT_TUNNEL_ERSPAN] = "ERSPAN",
                                                     [MT_TUNNEL_VXLAN] = "VXLAN",
                                                     [MT_TUNNEL_GENEVE] = "GENEVE",
                                                     [MT_TUNNEL_IP_IN_UDP] = "IP-in-UDP",
                                                     [MT_TUNNEL_GTP] = "GTP-U",
                                                     [MT_TUNNEL_L2TP] = "L2TP",
                                                     [MT_TUNNEL_LISP] = "LISP",
                                                     [MT_TUNNEL_TEREDO] = "Teredo",
                                                     [MT_TUNNEL_TZSP] = "TZSP",
                                                     [MT_TUNNEL_JMIRROR] = "jmirror",
                                                     [MT_TUNNEL_CAPWAP] = "CAPWAP",
                                                     [MT_TUNNEL_IPIP] = "IPIP",
                                                     [MT_TUNNEL_6IN4] = "6in4",
                                                     [MT_TUNNEL_4IN6] = "4in6",
                                                     [MT_TUNNEL_6IN6] = "6in6",
                                                     [MT_TUNNEL_ETHERIP] = "EtherIP",
                                                     [MT_TUNNEL_ETHERNET_IN_IP] = "Ethernet-in-IP",
                                                     [MT_TUNNEL_MPLS_IN_IP] = "MPLS-in-IP"};

int mt_skip_equal(const struct mt_skip *a, const struct mt_skip *b)
{
    return a->kind == b->kind && a->number == b->number && a->tunnels == b->tunnels &&
           memcmp(a->chain, b->chain, a->tunnels) == 0;
}

const char *mt_tunnel_text(const uint8_t *chain, uint8_t count, char *text, size_t room)
{
    size_t used = 0;
    text[0] = '\0';
    for (uint8_t i = 0; i < count && used < room; i++) {
        int written =
            snprintf(text + used, room - used, "%s%s", i != 0 ? "/" : "", tunnels[chain[i]]);
        used += written > 0 ? (size_t)written : 0;
    }
    return text;
}

/* The reason without the tunnels around it. */
static void write_reason(const struct mt_skip *skip, char *text, size_t room)
{
    if (skip->kind == MT_SKIP_WIFI) {
        (void)snprintf(text, room, "%s", wifi[skip->number]);
        return;
    }
    const char *name = NULL;
    for (size_t i = 0; i < kinds[skip->kind].count; i++)
        if (kinds[skip->kind].names[i].number == skip->number)
            name = kinds[skip->kind].names[i].name;
    char number[16];
    (void)snprintf(number, sizeof number, kinds[skip->kind].digits != 0 ? "0x%0*x" : "%*u",
                   kinds[skip->kind].digits, skip->number);
    (void)snprintf(text, room, name != NULL ? "%s %s (%s)" : "%s %s", kinds[skip->kind].label,
                   number, name);
}

const char *mt_skip_text(const struct mt_skip *skip, char *text, size_t room)
{
    char reason[160], chain[128];
    write_reason(skip, reason, sizeof reason);
    (void)snprintf(text, room, "%s%s%s", reason, skip->tunnels != 0 ? " in " : "",
                   mt_tunnel_text(skip->chain, skip->tunnels, chain, sizeof chain));
    return text;
}
