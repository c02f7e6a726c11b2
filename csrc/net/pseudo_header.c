#include "net/pseudo_header.h"

#include "base/bytes.h"
#include "net/link.h"

#include <string.h>

enum {
    NFLOG_HEADER = 4,
    NFLOG_ATTRIBUTE = 4,
    NFLOG_PAYLOAD = 9,
    PKTAP_LEAST = 12, /* header length, record type, DLT */
    PKTAP_MOST = 4096,
    PKTAP_PACKET = 1,
    PFLOG_LEAST = 2,
    PPI_HEADER = 8,
    ERF_HEADER = 16,
    ERF_EXTENSION = 8,
    ERF_EXTENDED = 0x80,
    ERF_EXTENSIONS_MAX = 16,
    ERF_PAD = 2, /* before the frame in records of Ethernet */
    LINK_EXPORTED_PDU = 252,
    PDU_TAG = 4, /* type and length */
    PDU_END = 0,
    PDU_NAME = 12, /* of the dissector of what follows the tags */
    SLL_LLC = 4    /* Linux's own number of an LLC frame */
};

enum erf_type {
    ERF_HDLC = 1,
    ERF_ETHERNET = 2,
    ERF_COLOR_HDLC = 10,
    ERF_COLOR_ETHERNET = 11,
    ERF_DSM_HDLC = 15,
    ERF_DSM_ETHERNET = 16,
    ERF_COLOR_HASH_HDLC = 19,
    ERF_COLOR_HASH_ETHERNET = 20,
    ERF_IPV4 = 22,
    ERF_IPV6 = 23
};

static int cut(struct mt_layers *layers)
{
    return mt_layers_refuse(layers, "cut before its IP header");
}

/* AF_INET; AF_INET6 of Linux, Windows, NetBSD and OpenBSD, FreeBSD, macOS */
static int is_family(uint32_t family)
{
    return family == 2 || family == 10 || family == 23 || family == 24 || family == 28 ||
           family == 30;
}

int mt_read_family(struct mt_layers *layers, uint32_t size)
{
    if (layers->rest.captured < 4)
        return cut(layers);
    uint32_t family = mt_le32(layers->rest.at);
    if (!is_family(family) && !is_family(mt_be32(layers->rest.at)))
        return mt_layers_stop(layers, MT_SKIP_LINK, family);
    return mt_layers_skip(layers, size, MT_NEXT_IP, 0);
}

int mt_read_cooked(struct mt_layers *layers, uint32_t protocol_at, uint32_t size)
{
    if (layers->rest.captured < size)
        return cut(layers);
    uint32_t type = mt_be16(layers->rest.at + protocol_at);
    return mt_layers_skip(layers, size, type == SLL_LLC ? MT_NEXT_LLC : MT_NEXT_ETHERTYPE, type);
}

/* Attributes of a length and a type in the byte order of the machine that captured, padded to 4
 * bytes. */
int mt_read_nflog(struct mt_layers *layers)
{
    const struct mt_span *rest = &layers->rest;
    for (uint32_t at = NFLOG_HEADER; at + NFLOG_ATTRIBUTE <= rest->captured;) {
        uint32_t size = mt_le16(rest->at + at), type = mt_le16(rest->at + at + 2);
        if (type > 0x7fff || (type & 0xff) == 0) { /* the other byte order */
            size = mt_be16(rest->at + at);
            type = mt_be16(rest->at + at + 2);
        }
        if (size < NFLOG_ATTRIBUTE)
            return mt_layers_refuse(layers, "NFLOG attribute shorter than its header");
        if (type == NFLOG_PAYLOAD) {
            mt_span_limit(&layers->rest, at + size);
            return mt_layers_skip(layers, at + NFLOG_ATTRIBUTE, MT_NEXT_IP, 0);
        }
        at += (size + 3) & ~3u;
    }
    return cut(layers);
}

int mt_looks_like_pktap(const struct mt_span *rest)
{
    return rest->captured >= PKTAP_LEAST && mt_le32(rest->at) >= PKTAP_LEAST &&
           mt_le32(rest->at) <= PKTAP_MOST && mt_le32(rest->at + 4) <= PKTAP_PACKET;
}

int mt_read_pktap(struct mt_layers *layers)
{
    if (layers->rest.captured < PKTAP_LEAST)
        return cut(layers);
    uint32_t size = mt_le32(layers->rest.at), dlt = mt_le32(layers->rest.at + 8);
    if (!mt_looks_like_pktap(&layers->rest))
        return mt_layers_refuse(layers, "PKTAP header that is not one");
    if (mt_le32(layers->rest.at + 4) != PKTAP_PACKET)
        return mt_layers_stop(layers, MT_SKIP_LINK, dlt);
    if (size >= layers->rest.captured)
        return cut(layers);
    mt_span_skip(&layers->rest, size);
    return mt_begin_inner_link(layers, dlt);
}

/* The length of the header, without the padding to 4 bytes, and the address family. */
int mt_read_pflog(struct mt_layers *layers)
{
    if (layers->rest.captured < PFLOG_LEAST)
        return cut(layers);
    uint32_t size = (layers->rest.at[0] + 3u) & ~3u, family = layers->rest.at[1];
    if (!is_family(family))
        return mt_layers_stop(layers, MT_SKIP_LINK, family);
    return mt_layers_skip(layers, size, MT_NEXT_IP, 0);
}

int mt_read_ppi(struct mt_layers *layers)
{
    if (layers->rest.captured < PPI_HEADER)
        return cut(layers);
    uint32_t size = mt_le16(layers->rest.at + 2), dlt = mt_le32(layers->rest.at + 4);
    if (size < PPI_HEADER)
        return mt_layers_refuse(layers, "PPI header shorter than 8 bytes");
    if (size >= layers->rest.captured)
        return cut(layers);
    mt_span_skip(&layers->rest, size);
    return mt_begin_inner_link(layers, dlt);
}

static int by_erf_type(struct mt_layers *layers, uint8_t type, uint32_t size)
{
    switch (type) {
    case ERF_ETHERNET:
    case ERF_COLOR_ETHERNET:
    case ERF_DSM_ETHERNET:
    case ERF_COLOR_HASH_ETHERNET:
        return mt_layers_skip(layers, size + ERF_PAD, MT_NEXT_ETHERNET, 0);
    case ERF_HDLC:
    case ERF_COLOR_HDLC:
    case ERF_DSM_HDLC:
    case ERF_COLOR_HASH_HDLC:
        return mt_layers_skip(layers, size, MT_NEXT_HDLC, 0);
    case ERF_IPV4:
    case ERF_IPV6:
        return mt_layers_skip(layers, size, MT_NEXT_IP, 0);
    default:
        return mt_layers_stop(layers, MT_SKIP_LINK, type);
    }
}

int mt_read_erf(struct mt_layers *layers)
{
    const struct mt_span *rest = &layers->rest;
    if (rest->captured < ERF_HEADER)
        return cut(layers);
    uint32_t size = ERF_HEADER;
    uint8_t more = rest->at[8];
    for (int extensions = 0; (more & ERF_EXTENDED) != 0; extensions++) {
        if (extensions == ERF_EXTENSIONS_MAX || rest->captured < size + ERF_EXTENSION)
            return cut(layers);
        more = rest->at[size];
        size += ERF_EXTENSION;
    }
    return by_erf_type(layers, rest->at[8] & (ERF_EXTENDED - 1), size);
}

/* What a packet that Wireshark exported begins with, by the name of its dissector. */
static int by_dissector(struct mt_layers *layers, const uint8_t *name, uint32_t size, uint32_t at)
{
    static const struct {
        const char *name;
        enum mt_next next;
    } dissectors[] = {{"ip", MT_NEXT_IP},
                      {"ipv4", MT_NEXT_IP},
                      {"ipv6", MT_NEXT_IP},
                      {"eth", MT_NEXT_ETHERNET},
                      {"eth_withoutfcs", MT_NEXT_ETHERNET},
                      {"eth_withfcs", MT_NEXT_ETHERNET},
                      {"eth_maybefcs", MT_NEXT_ETHERNET}};
    while (size != 0 && name[size - 1] == 0) /* padding to 4 bytes */
        size--;
    for (size_t i = 0; i < sizeof dissectors / sizeof dissectors[0]; i++)
        if (strlen(dissectors[i].name) == size && memcmp(dissectors[i].name, name, size) == 0)
            return mt_layers_skip(layers, at, dissectors[i].next, 0);
    return mt_layers_stop(layers, MT_SKIP_LINK, LINK_EXPORTED_PDU);
}

int mt_read_exported_pdu(struct mt_layers *layers)
{
    const struct mt_span *rest = &layers->rest;
    const uint8_t *name = rest->at;
    uint32_t name_size = 0;
    for (uint32_t at = 0; at + PDU_TAG <= rest->captured;) {
        uint32_t type = mt_be16(rest->at + at), size = mt_be16(rest->at + at + 2);
        at += PDU_TAG;
        if (type == PDU_END)
            return by_dissector(layers, name, name_size, at);
        if (size > rest->captured - at)
            return cut(layers);
        if (type == PDU_NAME) {
            name = rest->at + at;
            name_size = size;
        }
        at += size;
    }
    return cut(layers);
}
