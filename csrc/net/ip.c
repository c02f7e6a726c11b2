#include "net/ip.h"

#include "base/bytes.h"
#include "base/mem.h"
#include "net/ip_fragments.h"

#include <string.h>

enum {
    PROTOCOL_HOP_BY_HOP = 0,
    PROTOCOL_TCP = 6,
    PROTOCOL_ROUTING = 43,
    PROTOCOL_FRAGMENT = 44,
    PROTOCOL_AUTHENTICATION = 51,
    PROTOCOL_DESTINATION_OPTIONS = 60
};

enum {
    IPV4_HEADER = 20,
    IPV6_HEADER = 40,
    TCP_HEADER = 20,
    FRAGMENT_HEADER = 8,
    EXTENSION_HEADERS_MAX = 32
};

struct mt_ip_reader {
    struct mt_ip_fragments fragments;
};

/* Bytes still to be read: those at hand, and those that were on the wire. captured <= length. */
struct rest {
    const uint8_t *at;
    uint32_t captured, length;
};

struct mt_ip_reader *mt_ip_open(const struct mt_limits *limits, uint64_t *limit_hits,
                                mt_ip_lost *lost, void *context)
{
    struct mt_ip_reader *reader = mt_alloc(1, sizeof *reader);
    if (reader != NULL)
        mt_ip_fragments_init(&reader->fragments, limits, limit_hits, lost, context);
    return reader;
}

void mt_ip_finish(struct mt_ip_reader *reader)
{
    mt_ip_fragments_finish(&reader->fragments);
}

void mt_ip_close(struct mt_ip_reader *reader)
{
    if (reader == NULL)
        return;
    mt_ip_fragments_free(&reader->fragments);
    mt_free(reader);
}

static inline uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static inline enum mt_ip_result bad(const char **why, const char *text)
{
    *why = text;
    return MT_IP_BAD;
}

/* Ends the packet after `length` bytes on the wire; what follows is padding. */
static inline void limit(struct rest *rest, uint32_t length)
{
    rest->length = least(rest->length, length);
    rest->captured = least(rest->captured, length);
}

/* Steps over `size` bytes that are known to be captured. */
static inline void step(struct rest *rest, uint32_t size)
{
    rest->at += size;
    rest->captured -= size;
    rest->length -= size;
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

static inline enum mt_ip_result read_tcp(struct rest rest, struct mt_segment *segment,
                                         const char **why)
{
    const uint8_t *header = rest.at;
    if (rest.captured < TCP_HEADER)
        return bad(why, rest.length < TCP_HEADER ? "IP packet ends inside the TCP header"
                                                 : "TCP header cut by the snap length");
    uint32_t size = (uint32_t)(header[12] >> 4) * 4;
    if (size < TCP_HEADER || size > rest.length)
        return bad(why, size < TCP_HEADER ? "TCP data offset below 5"
                                          : "TCP data offset beyond the packet");
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
    segment->captured = rest.captured - present;
    segment->length = rest.length - size;
    return MT_IP_SEGMENT;
}

/* ---- fragments ---- */

/* Adds the fragment `rest`. With MT_IP_SEGMENT its datagram is complete, and `rest` and `protocol`
 * are those of the datagram. */
static enum mt_ip_result put_fragment(struct mt_ip_reader *reader, const struct mt_packet *packet,
                                      struct mt_ip_fragment *fragment, struct rest *rest,
                                      uint8_t *protocol, const char **why)
{
    struct mt_ip_datagram datagram;
    fragment->bytes = rest->at;
    fragment->captured = rest->captured;
    fragment->length = rest->length;
    fragment->protocol = *protocol;
    switch (mt_ip_fragments_put(&reader->fragments, fragment, &packet->ref, &datagram)) {
    case MT_IP_FRAGMENTS_WHOLE:
        *rest = (struct rest){datagram.bytes, datagram.captured, datagram.length};
        *protocol = datagram.protocol;
        return MT_IP_SEGMENT;
    case MT_IP_FRAGMENTS_WAIT:
        return MT_IP_FRAGMENT;
    case MT_IP_FRAGMENTS_BAD:
        return bad(why, "IP fragment of an impossible length");
    case MT_IP_FRAGMENTS_NOMEM:
    default:
        return MT_IP_NOMEM;
    }
}

/* ---- IPv4 ---- */

static enum mt_ip_result read_ipv4_fragment(struct mt_ip_reader *reader,
                                            const struct mt_packet *packet, const uint8_t *header,
                                            struct rest rest, struct mt_segment *segment,
                                            const char **why)
{
    uint16_t word = mt_be16(header + 6);
    struct mt_ip_fragment fragment = {
        .source = segment->source,
        .destination = segment->destination,
        .identification = mt_be16(header + 4),
        .offset = (uint32_t)(word & 0x1fff) * 8,
        .more = (word & 0x2000) != 0,
    };
    uint8_t protocol = PROTOCOL_TCP;
    enum mt_ip_result result = put_fragment(reader, packet, &fragment, &rest, &protocol, why);
    return result == MT_IP_SEGMENT ? read_tcp(rest, segment, why) : result;
}

static inline enum mt_ip_result read_ipv4(struct mt_ip_reader *reader,
                                          const struct mt_packet *packet, struct rest rest,
                                          struct mt_segment *segment, const char **why)
{
    const uint8_t *header = rest.at;
    if (rest.captured < IPV4_HEADER)
        return bad(why, "IPv4 header cut");
    uint32_t size = (uint32_t)(header[0] & 15) * 4, total = mt_be16(header + 2);
    if (size < IPV4_HEADER)
        return bad(why, "IPv4 header length below 20");
    if (total != 0) { /* 0: a packet before segmentation offload, the length is not filled in yet */
        if (total < size)
            return bad(why, "IPv4 total length below the header's");
        limit(&rest, total);
    }
    if (header[9] != PROTOCOL_TCP)
        return MT_IP_OTHER;
    if (size > rest.captured)
        return bad(why, "IPv4 header cut");
    step(&rest, size);
    segment->ttl = header[8];
    segment->source = (struct mt_ip){.version = 4};
    segment->destination = (struct mt_ip){.version = 4};
    memcpy(segment->source.bytes, header + 12, 4);
    memcpy(segment->destination.bytes, header + 16, 4);
    if ((mt_be16(header + 6) & 0x3fff) != 0)
        return read_ipv4_fragment(reader, packet, header, rest, segment, why);
    return read_tcp(rest, segment, why);
}

/* ---- IPv6 ---- */

/* A header to step over. */
static int is_extension(uint8_t protocol)
{
    return protocol == PROTOCOL_HOP_BY_HOP || protocol == PROTOCOL_ROUTING ||
           protocol == PROTOCOL_DESTINATION_OPTIONS || protocol == PROTOCOL_AUTHENTICATION;
}

/* Skips the extension headers up to a fragment header or another protocol. Returns MT_IP_SEGMENT,
 * with the protocol at *rest in *protocol, or MT_IP_BAD. */
static enum mt_ip_result skip_extensions(struct rest *rest, uint8_t *protocol, const char **why)
{
    for (int headers = 0; is_extension(*protocol); headers++) {
        if (headers == EXTENSION_HEADERS_MAX)
            return bad(why, "too many IPv6 extension headers");
        if (rest->captured < 2)
            return bad(why, "IPv6 extension header cut");
        uint32_t size =
            *protocol == PROTOCOL_AUTHENTICATION ? (rest->at[1] + 2u) * 4 : (rest->at[1] + 1u) * 8;
        if (size > rest->captured)
            return bad(why, "IPv6 extension header cut");
        *protocol = rest->at[0];
        step(rest, size);
    }
    return MT_IP_SEGMENT;
}

/* Reads the fragment header at *rest. MT_IP_SEGMENT: it is stepped over and *rest and *protocol are
 * what follows it, in the whole datagram. */
static enum mt_ip_result read_ipv6_fragment(struct mt_ip_reader *reader,
                                            const struct mt_packet *packet, struct rest *rest,
                                            uint8_t *protocol, const struct mt_segment *segment,
                                            const char **why)
{
    const uint8_t *header = rest->at;
    if (rest->captured < FRAGMENT_HEADER)
        return bad(why, "IPv6 fragment header cut");
    uint16_t word = mt_be16(header + 2);
    struct mt_ip_fragment fragment = {
        .source = segment->source,
        .destination = segment->destination,
        .identification = mt_be32(header + 4),
        .offset = word & 0xfff8,
        .more = word & 1,
    };
    *protocol = header[0];
    step(rest, FRAGMENT_HEADER);
    if (fragment.offset == 0 && !fragment.more) /* an atomic fragment is whole (RFC 6946) */
        return MT_IP_SEGMENT;
    if (*protocol != PROTOCOL_TCP && *protocol != PROTOCOL_FRAGMENT &&
        !is_extension(*protocol)) /* fragments of something else are not kept */
        return MT_IP_OTHER;
    return put_fragment(reader, packet, &fragment, rest, protocol, why);
}

static enum mt_ip_result read_ipv6_extensions(struct mt_ip_reader *reader,
                                              const struct mt_packet *packet, struct rest rest,
                                              uint8_t protocol, struct mt_segment *segment,
                                              const char **why)
{
    enum mt_ip_result result = skip_extensions(&rest, &protocol, why);
    if (result == MT_IP_SEGMENT && protocol == PROTOCOL_FRAGMENT) {
        result = read_ipv6_fragment(reader, packet, &rest, &protocol, segment, why);
        if (result == MT_IP_SEGMENT)
            result = skip_extensions(&rest, &protocol, why);
    }
    if (result != MT_IP_SEGMENT)
        return result;
    if (protocol == PROTOCOL_FRAGMENT)
        return bad(why, "IPv6 fragment inside a fragment");
    return protocol == PROTOCOL_TCP ? read_tcp(rest, segment, why) : MT_IP_OTHER;
}

static inline enum mt_ip_result read_ipv6(struct mt_ip_reader *reader,
                                          const struct mt_packet *packet, struct rest rest,
                                          struct mt_segment *segment, const char **why)
{
    const uint8_t *header = rest.at;
    if (rest.captured < IPV6_HEADER)
        return bad(why, "IPv6 header cut");
    step(&rest, IPV6_HEADER);
    uint32_t length = mt_be16(header + 4);
    if (length !=
        0) /* 0: a jumbogram, or a packet longer than 65535 bytes that receive offload joined */
        limit(&rest, length);
    segment->ttl = header[7];
    segment->source.version = segment->destination.version = 6;
    memcpy(segment->source.bytes, header + 8, 16);
    memcpy(segment->destination.bytes, header + 24, 16);
    if (header[6] == PROTOCOL_TCP)
        return read_tcp(rest, segment, why);
    return read_ipv6_extensions(reader, packet, rest, header[6], segment, why);
}

enum mt_ip_result mt_ip_segment(struct mt_ip_reader *reader, const struct mt_packet *packet,
                                uint32_t offset, struct mt_segment *segment, const char **why)
{
    if (offset >= packet->captured)
        return bad(why, "packet ends before the IP header");
    struct rest rest = {packet->data + offset, packet->captured - offset,
                        packet->captured - offset};
    if (packet->length > packet->captured)
        rest.length = packet->length - offset;
    switch (rest.at[0] >> 4) {
    case 4:
        return read_ipv4(reader, packet, rest, segment, why);
    case 6:
        return read_ipv6(reader, packet, rest, segment, why);
    default:
        return bad(why, "neither IPv4 nor IPv6");
    }
}
