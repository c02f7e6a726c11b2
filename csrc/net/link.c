#define _GNU_SOURCE
#include "net/link.h"

#include "base/bytes.h"
#include "net/ethernet.h"
#include "net/ppp.h"
#include "net/pseudo_header.h"
#include "net/wifi.h"

#include <pcap/pcap.h>
#include <stdio.h>

enum {
    LINK_NULL = 0,
    LINK_ETHERNET = 1,
    LINK_TOKEN_RING = 6,
    LINK_SLIP = 8,
    LINK_PPP = 9,
    LINK_FDDI = 10,
    LINK_RAW_12 = 12,
    LINK_RAW_14 = 14,
    LINK_PPP_HDLC = 50,
    LINK_PPP_ETHER = 51,
    LINK_ATM_LLC = 100,
    LINK_RAW = 101,
    LINK_CISCO_HDLC = 104,
    LINK_WIFI = 105,
    LINK_FRAME_RELAY = 107,
    LINK_LOOP = 108,
    LINK_ENC = 109,
    LINK_SLL = 113,
    LINK_PFLOG = 117,
    LINK_PRISM = 119,
    LINK_IP_OVER_FC = 122,
    LINK_SUNATM = 123,
    LINK_RADIOTAP = 127,
    LINK_IP_OVER_FIREWIRE = 138,
    LINK_USER2 = 149, /* macOS stores PKTAP under it */
    LINK_AVS = 163,
    LINK_PPP_PPPD = 166,
    LINK_PPI = 192,
    LINK_ERF = 197,
    LINK_PPP_WITH_DIRECTION = 204,
    LINK_CISCO_HDLC_WITH_DIRECTION = 205,
    LINK_FRAME_RELAY_WITH_DIRECTION = 206,
    LINK_MPLS = 219,
    LINK_IPNET = 226,
    LINK_IPV4 = 228,
    LINK_IPV6 = 229,
    LINK_NFLOG = 239,
    LINK_NETANALYZER = 240,
    LINK_NETANALYZER_TRANSPARENT = 241,
    LINK_IPOIB = 242,
    LINK_EXPORTED_PDU = 252,
    LINK_PKTAP = 258,
    LINK_MPACKET = 274,
    LINK_SLL2 = 276,
    LINK_DSA_BRCM = 281,
    LINK_DSA_BRCM_PREPEND = 282,
    LINK_DSA = 284,
    LINK_EDSA = 285
};

enum {
    SLIP_HEADER = 16, /* direction, and the compressed header that was expanded */
    TOKEN_RING_HEADER = 14,
    TOKEN_RING_ROUTED = 0x80, /* of the source address: routing information follows */
    FDDI_HEADER = 13,
    ENC_HEADER = 12,
    DIRECTION = 1,
    NETANALYZER_HEADER = 4,
    PREAMBLE = 8,
    ATM_HEADER = 4,
    IP_OVER_FC_HEADER = 16,
    IPNET_HEADER = 24,
    DSA_TAG = 4,
    EDSA_TAG = 8,
    DEVICE_RADIOTAP = 803 /* Linux's number of such an interface */
};

static int read_by_version(struct mt_layers *layers)
{
    if (layers->rest.captured == 0)
        return mt_layers_refuse(layers, "cut before its IP header");
    uint8_t version = layers->rest.at[0] >> 4;
    if (version != 4 && version != 6)
        return mt_layers_stop(layers, MT_SKIP_LINK, version);
    return mt_layers_skip(layers, 0, MT_NEXT_IP, 0);
}

static int read_token_ring(struct mt_layers *layers)
{
    const struct mt_span *rest = &layers->rest;
    uint32_t size = TOKEN_RING_HEADER;
    if (rest->captured > size && (rest->at[8] & TOKEN_RING_ROUTED) != 0)
        size += rest->at[size] & 31u;
    return mt_layers_skip(layers, size, MT_NEXT_LLC, 0);
}

/* Link types whose header has a fixed size and announces nothing: what follows it. */
static const struct {
    uint16_t link;
    uint8_t size, next;
} fixed[] = {
    {LINK_ETHERNET, 0, MT_NEXT_ETHERNET},
    {LINK_IPV4, 0, MT_NEXT_IP},
    {LINK_IPV6, 0, MT_NEXT_IP},
    {LINK_PPP, 0, MT_NEXT_HDLC}, /* Cisco routers write their HDLC as PPP */
    {LINK_PPP_HDLC, 0, MT_NEXT_HDLC},
    {LINK_PPP_ETHER, 0, MT_NEXT_PPPOE},
    {LINK_CISCO_HDLC, 0, MT_NEXT_HDLC},
    {LINK_FRAME_RELAY, 0, MT_NEXT_FRAME_RELAY},
    {LINK_WIFI, 0, MT_NEXT_WIFI},
    {LINK_ATM_LLC, 0, MT_NEXT_LLC},
    {LINK_MPLS, 0, MT_NEXT_MPLS},
    {LINK_FDDI, FDDI_HEADER, MT_NEXT_LLC},
    {LINK_SLIP, SLIP_HEADER, MT_NEXT_IP},
    {LINK_NETANALYZER, NETANALYZER_HEADER, MT_NEXT_ETHERNET},
    {LINK_NETANALYZER_TRANSPARENT, NETANALYZER_HEADER + PREAMBLE, MT_NEXT_ETHERNET},
    {LINK_MPACKET, PREAMBLE, MT_NEXT_ETHERNET},
    {LINK_DSA_BRCM_PREPEND, DSA_TAG, MT_NEXT_ETHERNET},
    {LINK_SUNATM, ATM_HEADER, MT_NEXT_LLC},
    {LINK_IP_OVER_FC, IP_OVER_FC_HEADER, MT_NEXT_LLC},
    {LINK_IPNET, IPNET_HEADER, MT_NEXT_IP},
    {LINK_PPP_WITH_DIRECTION, DIRECTION, MT_NEXT_HDLC},
    {LINK_CISCO_HDLC_WITH_DIRECTION, DIRECTION, MT_NEXT_HDLC},
    {LINK_FRAME_RELAY_WITH_DIRECTION, DIRECTION, MT_NEXT_FRAME_RELAY},
};

/* The direction replaces the address before the control byte, or comes before both. */
static int read_pppd(struct mt_layers *layers)
{
    const struct mt_span *rest = &layers->rest;
    uint32_t size = rest->captured >= 2 && rest->at[1] == 3 ? 2 : DIRECTION;
    return mt_layers_skip(layers, size, MT_NEXT_PPP, 0);
}

/* Link types with a header of their own that may name another link type. */
static int begin_pseudo(struct mt_layers *layers, uint32_t link)
{
    switch (link) {
    case LINK_NFLOG:
        return mt_read_nflog(layers);
    case LINK_PKTAP:
        return mt_read_pktap(layers);
    case LINK_USER2:
        return mt_looks_like_pktap(&layers->rest) ? mt_read_pktap(layers)
                                                  : mt_layers_stop(layers, MT_SKIP_LINK, link);
    case LINK_PFLOG:
        return mt_read_pflog(layers);
    case LINK_PPI:
        return mt_read_ppi(layers);
    case LINK_ERF:
        return mt_read_erf(layers);
    case LINK_EXPORTED_PDU:
        return mt_read_exported_pdu(layers);
    default:
        return mt_layers_stop(layers, MT_SKIP_LINK, link);
    }
}

/* Link types whose header holds an EtherType. */
static int begin_typed(struct mt_layers *layers, uint32_t link)
{
    switch (link) {
    case LINK_IP_OVER_FIREWIRE:
        return mt_read_cooked(layers, 16, 18);
    case LINK_IPOIB:
        return mt_read_cooked(layers, 40, 44);
    case LINK_DSA_BRCM:
    case LINK_DSA:
        return mt_read_switch_tag(layers, DSA_TAG);
    case LINK_EDSA:
        return mt_read_switch_tag(layers, EDSA_TAG);
    default:
        return mt_layers_stop(layers, MT_SKIP_LINK, link);
    }
}

/* A Linux cooked capture of all interfaces; the kind of the interface is at `device_at`. */
static int read_linux_cooked(struct mt_layers *layers, uint32_t device_at, uint32_t protocol_at,
                             uint32_t size)
{
    if (layers->rest.captured > size && mt_be16(layers->rest.at + device_at) == DEVICE_RADIOTAP) {
        mt_span_skip(&layers->rest, size);
        return mt_read_radiotap(layers);
    }
    return mt_read_cooked(layers, protocol_at, size);
}

/* Link types that lead to a packet at once. */
static int begin_plain(struct mt_layers *layers, uint32_t link)
{
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
        if (fixed[i].link == link)
            return mt_layers_skip(layers, fixed[i].size, (enum mt_next)fixed[i].next, 0);
    switch (link) {
    case LINK_SLL:
        return read_linux_cooked(layers, 2, 14, 16);
    case LINK_SLL2:
        return read_linux_cooked(layers, 8, 0, 20);
    case LINK_RAW:
    case LINK_RAW_12:
    case LINK_RAW_14:
        return read_by_version(layers);
    case LINK_NULL:
    case LINK_LOOP:
        return mt_read_family(layers, 4);
    case LINK_ENC:
        return mt_read_family(layers, ENC_HEADER);
    case LINK_TOKEN_RING:
        return read_token_ring(layers);
    case LINK_PPP_PPPD:
        return read_pppd(layers);
    case LINK_RADIOTAP:
        return mt_read_radiotap(layers);
    case LINK_AVS:
        return mt_read_avs(layers);
    case LINK_PRISM:
        return mt_read_prism(layers);
    default:
        return begin_typed(layers, link);
    }
}

static const uint16_t pseudo[] = {LINK_NFLOG, LINK_PKTAP, LINK_USER2,       LINK_PFLOG,
                                  LINK_PPI,   LINK_ERF,   LINK_EXPORTED_PDU};
static const uint16_t plain[] = {
    LINK_SLL,      LINK_SLL2, LINK_RAW,   LINK_RAW_12,           LINK_RAW_14,
    LINK_NULL,     LINK_LOOP, LINK_ENC,   LINK_TOKEN_RING,       LINK_PPP_PPPD,
    LINK_RADIOTAP, LINK_AVS,  LINK_PRISM, LINK_IP_OVER_FIREWIRE, LINK_IPOIB,
    LINK_DSA_BRCM, LINK_DSA,  LINK_EDSA};

static int is_in(const uint16_t *links, size_t count, uint32_t link)
{
    for (size_t i = 0; i < count; i++)
        if (links[i] == link)
            return 1;
    return 0;
}

int mt_link_known(uint32_t link)
{
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
        if (fixed[i].link == link)
            return 1;
    return is_in(pseudo, sizeof pseudo / sizeof pseudo[0], link) ||
           is_in(plain, sizeof plain / sizeof plain[0], link);
}

int mt_begin_link(struct mt_layers *layers, uint32_t link)
{
    return is_in(pseudo, sizeof pseudo / sizeof pseudo[0], link) ? begin_pseudo(layers, link)
                                                                 : begin_plain(layers, link);
}

/* The numbers of DLT_ and LINKTYPE_ differ for few link types that are read here: 12 and 14 are RAW
 * in both lists of read_by_version. */
int mt_begin_inner_link(struct mt_layers *layers, uint32_t dlt)
{
    return begin_plain(layers, dlt);
}

/* ---- names ---- */

static void put_16(uint8_t *to, uint32_t value)
{
    to[0] = (uint8_t)value;
    to[1] = (uint8_t)(value >> 8);
}

/* libpcap's own number (DLT_) of a link type. It offers no function for that, but translates when
 * it opens a file: we show it the header of one. -1 if that fails. */
static int dlt_of(uint32_t link)
{
    uint8_t header[24] = {0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0};
    put_16(header + 16, 0xffff);
    put_16(header + 20, link);
    FILE *memory = fmemopen(header, sizeof header, "rb");
    if (memory == NULL)
        return -1;
    char why[PCAP_ERRBUF_SIZE];
    pcap_t *pcap = pcap_fopen_offline(memory, why);
    if (pcap == NULL) {
        (void)fclose(memory);
        return -1;
    }
    int dlt = pcap_datalink(pcap);
    pcap_close(pcap);
    return dlt;
}

const char *mt_link_name(uint32_t link, char *text, size_t room)
{
    const char *name = NULL;
    if (link == LINK_RAW_12 || link == LINK_RAW_14)
        link = LINK_RAW;
    int dlt = link <= 0xffff ? dlt_of(link) : -1;
    if (dlt >= 0)
        name = pcap_datalink_val_to_name(dlt);
    if (name != NULL)
        (void)snprintf(text, room, "%s", name);
    else
        (void)snprintf(text, room, "LINKTYPE_%lu", (unsigned long)link);
    return text;
}
