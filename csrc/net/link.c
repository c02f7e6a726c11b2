#define _GNU_SOURCE
#include "net/link.h"

#include "base/bytes.h"
#include "base/error.h"

#include <pcap/pcap.h>
#include <stdio.h>

enum {
    LINK_NULL = 0,
    LINK_ETHERNET = 1,
    LINK_PPP = 9,
    LINK_RAW_12 = 12,
    LINK_RAW_14 = 14,
    LINK_PPP_HDLC = 50,
    LINK_PPP_ETHER = 51,
    LINK_RAW = 101,
    LINK_LOOP = 108,
    LINK_SLL = 113,
    LINK_IPV4 = 228,
    LINK_IPV6 = 229,
    LINK_SLL2 = 276
};

enum {
    TYPE_IPV4 = 0x0800,
    TYPE_IPV6 = 0x86dd,
    TYPE_VLAN = 0x8100,
    TYPE_QINQ = 0x88a8,
    TYPE_QINQ_OLD = 0x9100,
    TYPE_PPPOE = 0x8864,
    TYPE_LEAST =
        0x0600, /* below: not a type; on Ethernet up to LENGTH_MOST the length of an LLC frame */
    LENGTH_MOST = 1500,
    SLL_LLC = 4, /* Linux's own protocol number of an LLC frame */
    PPP_IPV4 = 0x21,
    PPP_IPV6 = 0x57,
    TAGS = 8
};

/* ---- each layer: IP begins at or after `at` ---- */

static int ip_at(const struct mt_packet *packet, uint32_t at, uint32_t *offset)
{
    if (at >= packet->captured)
        return MT_MALFORMED;
    *offset = at;
    return MT_OK;
}

static int by_version(const struct mt_packet *packet, uint32_t *offset)
{
    if (packet->captured == 0)
        return MT_MALFORMED;
    *offset = 0;
    return packet->data[0] >> 4 == 4 || packet->data[0] >> 4 == 6 ? MT_OK : MT_END;
}

/* PPP from its protocol field on, which may be compressed to one byte: the last byte of the field
 * is odd, the others are even. */
static int ppp_protocol(const struct mt_packet *packet, uint32_t at, uint32_t *offset)
{
    if (at >= packet->captured)
        return MT_MALFORMED;
    uint32_t protocol = packet->data[at++];
    if (protocol % 2 == 0) {
        if (at >= packet->captured)
            return MT_MALFORMED;
        protocol = protocol << 8 | packet->data[at++];
    }
    return protocol == PPP_IPV4 || protocol == PPP_IPV6 ? ip_at(packet, at, offset) : MT_END;
}

static int pppoe(const struct mt_packet *packet, uint32_t at, uint32_t *offset)
{
    if (packet->captured < at + 2)
        return MT_MALFORMED;
    if (packet->data[at] != 0x11 ||
        packet->data[at + 1] != 0) /* version and type 1; a code is of the discovery stage */
        return MT_END;
    return ppp_protocol(packet, at + 6, offset);
}

/* Other EtherTypes than the common ones: tags, PPPoE, and IP after them. */
static int by_type(const struct mt_packet *packet, uint32_t type, uint32_t at, uint32_t *offset)
{
    for (int tags = 0; type == TYPE_VLAN || type == TYPE_QINQ || type == TYPE_QINQ_OLD; tags++) {
        if (tags == TAGS || packet->captured < at + 4)
            return MT_MALFORMED;
        type = mt_be16(packet->data + at + 2);
        at += 4;
    }
    if (type == TYPE_IPV4 || type == TYPE_IPV6)
        return ip_at(packet, at, offset);
    return type == TYPE_PPPOE ? pppoe(packet, at, offset) : MT_END;
}

/* An LLC header, with IP by SNAP (RFC 1042) or by IP's own service access point. */
static int llc(const struct mt_packet *packet, uint32_t at, uint32_t *offset)
{
    static const uint8_t snap[6] = {0xaa, 0xaa, 3, 0, 0, 0}, ip[3] = {6, 6, 3};
    if (packet->captured < at + 3)
        return MT_MALFORMED;
    if (memcmp(packet->data + at, ip, sizeof ip) == 0)
        return ip_at(packet, at + 3, offset);
    if (memcmp(packet->data + at, snap, 3) != 0)
        return MT_END;
    if (packet->captured < at + 8)
        return MT_MALFORMED;
    if (memcmp(packet->data + at, snap, sizeof snap) != 0)
        return MT_END;
    return by_type(packet, mt_be16(packet->data + at + 6), at + 8, offset);
}

static int ethernet(const struct mt_packet *packet, uint32_t *offset)
{
    if (packet->captured < 14)
        return MT_MALFORMED;
    uint32_t type = mt_be16(packet->data + 12);
    if (type == TYPE_IPV4 || type == TYPE_IPV6)
        return ip_at(packet, 14, offset);
    if (type >= TYPE_LEAST)
        return by_type(packet, type, 14, offset);
    return type <= LENGTH_MOST ? llc(packet, 14, offset) : MT_END;
}

/* Linux cooked capture: the protocol is an EtherType, or below one a number of Linux's own. */
static int cooked(const struct mt_packet *packet, uint32_t protocol_at, uint32_t header,
                  uint32_t *offset)
{
    if (packet->captured < header)
        return MT_MALFORMED;
    uint32_t type = mt_be16(packet->data + protocol_at);
    return type == SLL_LLC ? llc(packet, header, offset) : by_type(packet, type, header, offset);
}

static int is_family(uint32_t family)
{
    /* AF_INET; AF_INET6 of Linux, Windows, NetBSD and OpenBSD, FreeBSD, macOS */
    return family == 2 || family == 10 || family == 23 || family == 24 || family == 28 ||
           family == 30;
}

/* An address family in the byte order of the machine that captured (NULL) or in network order
 * (LOOP); not all writers kept to that. */
static int loopback(const struct mt_packet *packet, uint32_t *offset)
{
    if (packet->captured < 4)
        return MT_MALFORMED;
    if (!is_family(mt_le32(packet->data)) && !is_family(mt_be32(packet->data)))
        return MT_END;
    return ip_at(packet, 4, offset);
}

/* PPP, with or without HDLC's address and control bytes. */
static int ppp(const struct mt_packet *packet, uint32_t *offset)
{
    if (packet->captured < 2)
        return MT_MALFORMED;
    int framed = packet->data[0] == 0xff && packet->data[1] == 3;
    return ppp_protocol(packet, framed ? 2 : 0, offset);
}

/* PPP_HDLC also holds Cisco's framing: address, control, EtherType. */
static int ppp_hdlc(const struct mt_packet *packet, uint32_t *offset)
{
    if (packet->captured < 1 || (packet->data[0] != 0x0f && packet->data[0] != 0x8f))
        return ppp(packet, offset);
    return packet->captured < 4 ? MT_MALFORMED
                                : by_type(packet, mt_be16(packet->data + 2), 4, offset);
}

/* ---- all of them ---- */

int mt_link_ip(const struct mt_packet *packet, uint32_t *offset)
{
    switch (packet->link) {
    case LINK_ETHERNET:
        return ethernet(packet, offset);
    case LINK_SLL:
        return cooked(packet, 14, 16, offset);
    case LINK_SLL2:
        return cooked(packet, 0, 20, offset);
    case LINK_RAW:
    case LINK_RAW_12:
    case LINK_RAW_14:
        return by_version(packet, offset);
    case LINK_IPV4:
    case LINK_IPV6:
        return ip_at(packet, 0, offset);
    case LINK_NULL:
    case LINK_LOOP:
        return loopback(packet, offset);
    case LINK_PPP:
        return ppp(packet, offset);
    case LINK_PPP_HDLC:
        return ppp_hdlc(packet, offset);
    case LINK_PPP_ETHER:
        return pppoe(packet, 0, offset);
    default:
        return MT_END;
    }
}

int mt_link_known(uint32_t link)
{
    static const uint16_t known[] = {
        LINK_NULL, LINK_ETHERNET, LINK_PPP, LINK_RAW_12, LINK_RAW_14, LINK_PPP_HDLC, LINK_PPP_ETHER,
        LINK_RAW,  LINK_LOOP,     LINK_SLL, LINK_IPV4,   LINK_IPV6,   LINK_SLL2};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i] == link)
            return 1;
    return 0;
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
