#include "net/gtp.h"

#include "base/bytes.h"
#include "net/ethernet.h"
#include "net/ip.h"

enum {
    UDP = 17,
    HEADER = 8,
    HEADER_0 = 20, /* of version 0 */
    OPTIONAL = 4,  /* sequence number, N-PDU number, type of the next extension header */
    NOT_CHARGING = 0x10,
    HAS_EXTENSION = 4,
    HAS_OPTIONAL = 7, /* one of the three flags is enough for all four bytes */
    USER_PACKET = 255
};

static int no_user_packet(struct mt_layers *layers)
{
    return mt_layers_stop(layers, MT_SKIP_PROTOCOL, UDP);
}

/* What follows the header of `size` bytes: the header does not say. */
static int by_contents(struct mt_layers *layers, uint32_t size)
{
    const struct mt_span *rest = &layers->rest;
    if (size >= rest->captured)
        return mt_layers_refuse(layers, "cut before its IP header");
    int is_frame = mt_looks_like_ethernet(rest, size), version = rest->at[size] >> 4;
    if ((version == 4 || version == 6) &&
        !(is_frame && mt_looks_like_ip(rest, size + MT_ETHERNET_HEADER)))
        return mt_layers_tunnel(layers, MT_TUNNEL_GTP, size, MT_NEXT_IP, 0);
    return is_frame ? mt_layers_tunnel(layers, MT_TUNNEL_GTP, size, MT_NEXT_ETHERNET, 0)
                    : no_user_packet(layers);
}

/* Extension headers from `at`, the first of which is not empty. Returns where they end, or 0 if
 * they are cut or malformed. The first byte of each is its length in words of 4 bytes, the last one
 * the type of the next, 0 for none. */
static uint32_t skip_extensions(const struct mt_span *rest, uint32_t at)
{
    uint8_t type = 1;
    while (type != 0) {
        if (at >= rest->captured || rest->at[at] == 0)
            return 0;
        uint32_t size = rest->at[at] * 4u;
        if (size > rest->captured - at)
            return 0;
        at += size;
        type = rest->at[at - 1];
    }
    return at;
}

int mt_read_gtp(struct mt_layers *layers)
{
    const uint8_t *header = layers->rest.at;
    if (layers->rest.captured < HEADER || header[1] != USER_PACKET ||
        (header[0] & NOT_CHARGING) == 0 || header[0] >> 5 > 1)
        return no_user_packet(layers);
    uint32_t size = header[0] >> 5 == 0 ? HEADER_0 : HEADER, length = mt_be16(header + 2);
    if (size + length > layers->rest.length)
        return no_user_packet(layers);
    mt_span_limit(&layers->rest, size + length);
    if (size == HEADER && (header[0] & HAS_OPTIONAL) != 0) {
        if (layers->rest.captured < HEADER + OPTIONAL)
            return mt_layers_refuse(layers, "cut before its IP header");
        size += OPTIONAL;
        if ((header[0] & HAS_EXTENSION) != 0 && header[size - 1] != 0)
            size = skip_extensions(&layers->rest, size);
        if (size == 0)
            return mt_layers_refuse(layers, "GTP extension header cut or of length 0");
    }
    return by_contents(layers, size);
}
