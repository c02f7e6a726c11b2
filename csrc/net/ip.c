#include "net/ip.h"

#include "base/bytes.h"
#include "base/hash.h"
#include "net/gre.h"
#include "net/l2tp.h"
#include "net/udp_tunnel.h"

#include <string.h>

enum {
    IPV4_HEADER = 20,
    IPV6_HEADER = 40,
    TCP_HEADER = 20,
    FRAGMENT_HEADER = 8,
    ROUTING_FIXED = 8, /* before the addresses */
    IPV6_ADDRESS = 16,
    ROUTING_SOURCE = 0, /* types of routing headers */
    ROUTING_MOBILE = 2,
    ROUTING_SEGMENTS = 4,
    ETHERIP_HEADER = 2,
    EXTENSION_HEADERS_MAX = 32,
    PADDING_MAX = 64 /* after an IP packet: to the least size of a frame, and a checksum */
};

/* The contents of an IP header without the addresses. */
struct header {
    uint8_t protocol; /* IPv6: of the first header after the fixed one */
    uint32_t identification, offset;
    int more, is_fragment; /* IPv4 only */
};

void mt_ip_reader_init(struct mt_ip_reader *reader, const struct mt_limits *limits,
                       uint64_t *limit_hits, const struct mt_ip_callbacks *callbacks)
{
    void *context = callbacks->context;
    mt_ip_fragments_init(&reader->fragments, limits, limit_hits, callbacks->lost, context);
    mt_ip_fragments_init(&reader->udp, limits, reader->ignored_hits, callbacks->lost_udp, context);
    mt_ip_fragments_init(&reader->inner, limits, limit_hits, callbacks->lost, context);
}

void mt_ip_reader_finish(struct mt_ip_reader *reader)
{
    mt_ip_fragments_finish(&reader->fragments);
    mt_ip_fragments_finish(&reader->udp);
    mt_ip_fragments_finish(&reader->inner);
}

void mt_ip_reader_free(struct mt_ip_reader *reader)
{
    mt_ip_fragments_free(&reader->fragments);
    mt_ip_fragments_free(&reader->udp);
    mt_ip_fragments_free(&reader->inner);
}

static inline uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* ---- TCP ---- */

/* Reads the options of a SYN, from `at` to `end`, as far as the first malformed one. */
static void read_options(const uint8_t *at, const uint8_t *end, struct mt_segment *segment)
{
    while (at < end) {
        if (*at == 0) /* end of options */
            break;
        if (*at == 1) { /* padding */
            at++;
            continue;
        }
        if (end - at < 2 || at[1] < 2 || at[1] > end - at)
            break;
        if (at[0] == 2 && at[1] == 4 && segment->mss == 0)
            segment->mss = mt_be16(at + 2);
        if (at[0] == 3 && at[1] == 3)
            segment->window_scale = at[2] < MT_WIDEST_SCALE ? at[2] : MT_WIDEST_SCALE;
        at += at[1];
    }
}

static inline const char *read_tcp(struct mt_span rest, struct mt_segment *segment)
{
    const uint8_t *header = rest.at;
    if (rest.captured < TCP_HEADER)
        return rest.length < TCP_HEADER ? "IP packet ends inside the TCP header"
                                        : "TCP header cut by the snap length";
    uint32_t size = (uint32_t)(header[12] >> 4) * 4;
    if (size < TCP_HEADER || size > rest.length)
        return size < TCP_HEADER ? "TCP data offset below 5" : "TCP data offset beyond the packet";
    uint32_t present = least(size, rest.captured);
    segment->source_port = mt_be16(header);
    segment->destination_port = mt_be16(header + 2);
    segment->sequence = mt_be32(header + 4);
    segment->acknowledgement = mt_be32(header + 8);
    segment->flags = header[13] & 0x3f;
    segment->window = mt_be16(header + 14);
    segment->mss = 0;
    segment->window_scale = MT_NO_SCALE;
    if ((segment->flags & MT_TCP_SYN) != 0)
        read_options(header + TCP_HEADER, header + present, segment);
    segment->payload = header + present;
    segment->header_size = present == size ? (uint8_t)size : 0;
    segment->captured = rest.captured - present;
    segment->length = rest.length - size;
    segment->has_sums = 0;
    return NULL;
}

const char *mt_read_tcp(struct mt_span rest, struct mt_segment *segment)
{
    return read_tcp(rest, segment);
}

/* ---- fixed headers ---- */

/* Reads an IPv4 header and leaves in *rest what follows it. NULL, or why it is refused. */
static inline const char *read_ipv4(struct mt_span *rest, struct mt_segment *segment,
                                    struct header *header)
{
    const uint8_t *bytes = rest->at;
    if (rest->captured < IPV4_HEADER)
        return "IPv4 header cut";
    uint32_t size = (uint32_t)(bytes[0] & 15) * 4, total = mt_be16(bytes + 2);
    if (size < IPV4_HEADER)
        return "IPv4 header length below 20";
    if (total != 0) { /* 0: a packet before segmentation offload, without its length */
        if (total < size)
            return "IPv4 total length below the header's";
        mt_span_limit(rest, total);
    }
    if (size > rest->captured)
        return "IPv4 header cut";
    mt_span_skip(rest, size);
    uint16_t word = mt_be16(bytes + 6);
    *header = (struct header){.protocol = bytes[9],
                              .identification = mt_be16(bytes + 4),
                              .offset = (uint32_t)(word & 0x1fff) * 8,
                              .more = (word & 0x2000) != 0,
                              .is_fragment = (word & 0x3fff) != 0};
    segment->ttl = bytes[8];
    segment->source = (struct mt_ip){.version = 4};
    segment->destination = (struct mt_ip){.version = 4};
    memcpy(segment->source.bytes, bytes + 12, 4);
    memcpy(segment->destination.bytes, bytes + 16, 4);
    return NULL;
}

/* The same for the fixed header of IPv6. */
static inline const char *read_ipv6(struct mt_span *rest, struct mt_segment *segment,
                                    struct header *header)
{
    const uint8_t *bytes = rest->at;
    if (rest->captured < IPV6_HEADER)
        return "IPv6 header cut";
    mt_span_skip(rest, IPV6_HEADER);
    uint32_t length = mt_be16(bytes + 4);
    if (length != 0) /* 0: a jumbogram, or a packet over 65535 bytes that receive offload joined */
        mt_span_limit(rest, length);
    *header = (struct header){.protocol = bytes[6]};
    segment->ttl = bytes[7];
    segment->source.version = segment->destination.version = 6;
    memcpy(segment->source.bytes, bytes + 8, 16);
    memcpy(segment->destination.bytes, bytes + 24, 16);
    return NULL;
}

static inline const char *read_header(struct mt_span *rest, struct mt_segment *segment,
                                      struct header *header)
{
    switch (rest->at[0] >> 4) {
    case 4:
        return read_ipv4(rest, segment, header);
    case 6:
        return read_ipv6(rest, segment, header);
    default:
        return "neither IPv4 nor IPv6";
    }
}

int mt_read_plain_tcp(struct mt_span rest, struct mt_segment *segment)
{
    struct header header;
    return rest.captured != 0 && read_header(&rest, segment, &header) == NULL &&
           header.protocol == MT_PROTOCOL_TCP && !header.is_fragment &&
           read_tcp(rest, segment) == NULL;
}

/* ---- fragments ---- */

/* Whether packets of that protocol can lead to TCP. */
static int is_read(const struct mt_layers *layers, uint8_t protocol)
{
    switch (protocol) {
    case MT_PROTOCOL_TCP:
    case MT_PROTOCOL_AUTHENTICATION:
        return 1;
    case MT_PROTOCOL_IPV4:
    case MT_PROTOCOL_IPV6:
    case MT_PROTOCOL_UDP:
    case MT_PROTOCOL_GRE:
    case MT_PROTOCOL_ETHERIP:
    case MT_PROTOCOL_L2TP:
    case MT_PROTOCOL_MPLS:
    case MT_PROTOCOL_ETHERNET:
        return !layers->outer;
    default:
        return 0;
    }
}

/* Where a fragment waits; NULL if it is not kept. A datagram that was reassembled must outlive the
 * fragment within it, so the two are never in the same place. */
static struct mt_ip_fragments *place_of(struct mt_ip_reader *reader, const struct mt_layers *layers,
                                        uint8_t protocol)
{
    if (layers->ip_headers == 1)
        return protocol == MT_PROTOCOL_UDP ? &reader->udp : &reader->fragments;
    return protocol == MT_PROTOCOL_UDP || layers->joined_inner ? NULL : &reader->inner;
}

/* Stores the fragment `layers->rest`. MT_OK: its datagram is complete, and `rest` and *protocol are
 * the datagram's. */
static int put_fragment(struct mt_ip_reader *reader, struct mt_layers *layers,
                        const struct mt_packet_ref *ref, const struct header *header,
                        uint8_t *protocol)
{
    struct mt_ip_fragments *fragments = place_of(reader, layers, *protocol);
    struct mt_ip_fragment fragment = {.source = layers->segment->source,
                                      .destination = layers->segment->destination,
                                      .tunnel = layers->tunnel.key,
                                      .identification = header->identification,
                                      .offset = header->offset,
                                      .protocol = *protocol,
                                      .more = header->more != 0,
                                      .bytes = layers->rest.at,
                                      .captured = layers->rest.captured,
                                      .length = layers->rest.length};
    struct mt_ip_datagram datagram;
    (void)mt_layers_stop(layers, MT_SKIP_FRAGMENT, *protocol);
    if (fragments == NULL)
        return MT_END;
    switch (mt_ip_fragments_put(fragments, &fragment, ref, &datagram)) {
    case MT_IP_FRAGMENTS_WHOLE:
        layers->rest = (struct mt_span){datagram.bytes, datagram.captured, datagram.length};
        layers->joined_inner |= fragments == &reader->inner;
        *protocol = datagram.protocol;
        return MT_OK;
    case MT_IP_FRAGMENTS_WAIT:
        return MT_IP_FRAGMENT;
    case MT_IP_FRAGMENTS_BAD:
        return mt_layers_refuse(layers, "IP fragment of an impossible length");
    case MT_IP_FRAGMENTS_NOMEM:
    default:
        return MT_NOMEM;
    }
}

/* ---- IPv6 extension headers ---- */

static int is_extension(uint8_t protocol)
{
    return protocol == MT_PROTOCOL_HOP_BY_HOP || protocol == MT_PROTOCOL_ROUTING ||
           protocol == MT_PROTOCOL_DESTINATION_OPTIONS || protocol == MT_PROTOCOL_AUTHENTICATION;
}

/* A packet on its way through a list of addresses: TCP is that of the last one, which the routing
 * header of `size` bytes holds. Segment routing lists it first (RFC 8754). */
static void read_routing(const struct mt_span *rest, uint32_t size, struct mt_segment *segment)
{
    const uint8_t *header = rest->at;
    uint32_t addresses = (size - ROUTING_FIXED) / IPV6_ADDRESS;
    if (addresses == 0 || header[3] == 0) /* no segments are left: it has arrived */
        return;
    if (header[2] == ROUTING_SEGMENTS)
        memcpy(segment->destination.bytes, header + ROUTING_FIXED, IPV6_ADDRESS);
    else if (header[2] == ROUTING_SOURCE || header[2] == ROUTING_MOBILE)
        memcpy(segment->destination.bytes,
               header + ROUTING_FIXED + (size_t)(addresses - 1) * IPV6_ADDRESS, IPV6_ADDRESS);
}

/* Skips extension headers up to another header or a fragment header. MT_OK, with *protocol what
 * begins at `rest`, or MT_MALFORMED. */
static int skip_extensions(struct mt_layers *layers, uint8_t *protocol)
{
    struct mt_span *rest = &layers->rest;
    for (int headers = 0; is_extension(*protocol); headers++) {
        if (headers == EXTENSION_HEADERS_MAX)
            return mt_layers_refuse(layers, "too many IPv6 extension headers");
        if (rest->captured < 2)
            return mt_layers_refuse(layers, "IPv6 extension header cut");
        uint32_t size = *protocol == MT_PROTOCOL_AUTHENTICATION ? (rest->at[1] + 2u) * 4
                                                                : (rest->at[1] + 1u) * 8;
        if (size > rest->captured)
            return mt_layers_refuse(layers, "IPv6 extension header cut");
        if (*protocol == MT_PROTOCOL_ROUTING)
            read_routing(rest, size, layers->segment);
        *protocol = rest->at[0];
        mt_span_skip(rest, size);
    }
    return MT_OK;
}

/* Reads the fragment header at `rest`. MT_OK: it is skipped, and `rest` and *protocol are what
 * follows it in the whole datagram. */
static int read_fragment_header(struct mt_ip_reader *reader, struct mt_layers *layers,
                                const struct mt_packet_ref *ref, uint8_t *protocol)
{
    const uint8_t *bytes = layers->rest.at;
    if (layers->rest.captured < FRAGMENT_HEADER)
        return mt_layers_refuse(layers, "IPv6 fragment header cut");
    uint16_t word = mt_be16(bytes + 2);
    struct header header = {
        .identification = mt_be32(bytes + 4), .offset = word & 0xfff8, .more = word & 1};
    *protocol = bytes[0];
    mt_span_skip(&layers->rest, FRAGMENT_HEADER);
    if (header.offset == 0 && !header.more) /* an atomic fragment is whole (RFC 6946) */
        return MT_OK;
    if (!is_read(layers, *protocol) && *protocol != MT_PROTOCOL_FRAGMENT &&
        !is_extension(*protocol))
        return mt_layers_stop(layers, MT_SKIP_FRAGMENT, *protocol);
    return put_fragment(reader, layers, ref, &header, protocol);
}

static int read_extensions(struct mt_ip_reader *reader, struct mt_layers *layers,
                           const struct mt_packet_ref *ref, uint8_t *protocol)
{
    int result = skip_extensions(layers, protocol);
    if (result == MT_OK && *protocol == MT_PROTOCOL_FRAGMENT) {
        result = read_fragment_header(reader, layers, ref, protocol);
        if (result == MT_OK)
            result = skip_extensions(layers, protocol);
    }
    if (result == MT_OK && *protocol == MT_PROTOCOL_FRAGMENT)
        return mt_layers_refuse(layers, "IPv6 fragment inside a fragment");
    return result;
}

/* ---- IP ---- */

/* Words of an address, for the hash of a tunnel. */
static uint64_t hash_ip(uint64_t key, const struct mt_ip *ip)
{
    return mt_hash_ipv6(key, mt_le64(ip->bytes), mt_le64(ip->bytes + 8), ip->version);
}

/* The IP header read before this one is that of a tunnel: its addresses go into the tunnel's key,
 * which does not depend on the direction. */
static void note_tunnel(struct mt_layers *layers)
{
    struct mt_tunnel *tunnel = &layers->tunnel;
    const struct mt_segment *outer = layers->segment;
    if (tunnel->key == 0) {
        tunnel->source = outer->source;
        tunnel->destination = outer->destination;
    }
    uint64_t ends =
        hash_ip(layers->key, &outer->source) + hash_ip(layers->key, &outer->destination);
    tunnel->key = mt_hash_more(tunnel->key, layers->key, ends) | 1;
}

int mt_read_ip(struct mt_ip_reader *reader, struct mt_layers *layers,
               const struct mt_packet_ref *ref)
{
    struct header header;
    if (layers->ip_headers++ != 0)
        note_tunnel(layers);
    const char *why = read_header(&layers->rest, layers->segment, &header);
    if (why != NULL)
        return mt_layers_refuse(layers, why);
    uint8_t protocol = header.protocol;
    int result = MT_OK;
    if (layers->segment->source.version == 6)
        result = read_extensions(reader, layers, ref, &protocol);
    else if (header.is_fragment)
        result = is_read(layers, protocol) ? put_fragment(reader, layers, ref, &header, &protocol)
                                           : mt_layers_stop(layers, MT_SKIP_FRAGMENT, protocol);
    layers->next = protocol == MT_PROTOCOL_TCP ? MT_NEXT_TCP : MT_NEXT_PROTOCOL;
    layers->type = protocol;
    return result;
}

/* An IP packet within another. */
static int read_inner_ip(struct mt_layers *layers, int version)
{
    static const enum mt_tunnel_kind kinds[2][2] = {{MT_TUNNEL_IPIP, MT_TUNNEL_4IN6},
                                                    {MT_TUNNEL_6IN4, MT_TUNNEL_6IN6}};
    int outer = layers->segment->source.version;
    return mt_layers_tunnel(layers, kinds[version == 6][outer == 6], 0, MT_NEXT_IP, 0);
}

int mt_read_protocol(struct mt_layers *layers)
{
    if (!is_read(layers, (uint8_t)layers->type))
        return mt_layers_stop(layers, MT_SKIP_PROTOCOL, layers->type);
    uint8_t protocol = (uint8_t)layers->type;
    switch (protocol) {
    case MT_PROTOCOL_AUTHENTICATION: /* of IPv4 */
        if (skip_extensions(layers, &protocol) != MT_OK)
            return MT_MALFORMED;
        layers->next = protocol == MT_PROTOCOL_TCP ? MT_NEXT_TCP : MT_NEXT_PROTOCOL;
        layers->type = protocol;
        return MT_OK;
    case MT_PROTOCOL_IPV4:
        return read_inner_ip(layers, 4);
    case MT_PROTOCOL_IPV6:
        return read_inner_ip(layers, 6);
    case MT_PROTOCOL_ETHERIP:
        return mt_layers_tunnel(layers, MT_TUNNEL_ETHERIP, ETHERIP_HEADER, MT_NEXT_ETHERNET, 0);
    case MT_PROTOCOL_L2TP:
        return mt_read_l2tp_session(layers, protocol);
    case MT_PROTOCOL_ETHERNET:
        return mt_layers_tunnel(layers, MT_TUNNEL_ETHERNET_IN_IP, 0, MT_NEXT_ETHERNET, 0);
    case MT_PROTOCOL_MPLS:
        return mt_layers_tunnel(layers, MT_TUNNEL_MPLS_IN_IP, 0, MT_NEXT_MPLS, 0);
    case MT_PROTOCOL_GRE:
        return mt_read_gre(layers);
    default:
        return mt_read_udp(layers);
    }
}

/* ---- IP that nothing announces ---- */

/* Returns the size of the IP packet at `bytes`, of which 40 are captured, or 0 if it is not one. */
static uint32_t packet_size(const uint8_t *bytes, uint32_t length)
{
    uint32_t size = (uint32_t)(bytes[0] & 15) * 4, total = mt_be16(bytes + 2);
    if (bytes[0] >> 4 == 6)
        return mt_be16(bytes + 4) + (uint32_t)IPV6_HEADER;
    if (bytes[0] >> 4 != 4 || size < IPV4_HEADER)
        return 0;
    return total != 0 ? total : length;
}

int mt_looks_like_ip(const struct mt_span *span, uint32_t at)
{
    if (span->captured < at + IPV6_HEADER)
        return 0;
    uint32_t length = span->length - at, size = packet_size(span->at + at, length);
    return size >= IPV6_HEADER && size <= length && length - size <= PADDING_MAX;
}

int mt_is_tcp_packet(const struct mt_span *span)
{
    struct mt_segment segment;
    return span->captured >= IPV6_HEADER && packet_size(span->at, 0) == span->length &&
           mt_read_plain_tcp(*span, &segment);
}
