#include "net/mirror.h"

#include "base/bytes.h"
#include "net/wifi.h"

enum { UDP = 17 };

enum {
    TZSP_HEADER = 4,
    TZSP_VERSION = 1,
    TZSP_TO_SEND = 1, /* type of a packet; 0: one that was received */
    TZSP_ETHERNET = 1,
    TZSP_WIFI = 18,
    TZSP_PADDING = 0, /* tags; all others have a length */
    TZSP_END = 1
};

enum {
    JMIRROR_HEADER = 8,
    CAPWAP_LEAST = 8,
    CAPWAP_WIFI = 0x100, /* flags in the third and fourth byte */
    CAPWAP_FRAGMENT = 0x80
};

static int no_mirror(struct mt_layers *layers)
{
    return mt_layers_stop(layers, MT_SKIP_PROTOCOL, UDP);
}

/* The end of the tags from `at`, or 0 if they are cut. */
static uint32_t skip_tags(const struct mt_span *rest, uint32_t at)
{
    while (at < rest->captured && rest->at[at] != TZSP_END) {
        if (rest->at[at] == TZSP_PADDING)
            at++;
        else if (at + 1 < rest->captured)
            at += 2u + rest->at[at + 1];
        else
            return 0;
    }
    return at < rest->captured ? at + 1 : 0;
}

int mt_read_tzsp(struct mt_layers *layers)
{
    const struct mt_span *rest = &layers->rest;
    if (rest->captured <= TZSP_HEADER || rest->at[0] != TZSP_VERSION || rest->at[1] > TZSP_TO_SEND)
        return no_mirror(layers);
    uint32_t frame = mt_be16(rest->at + 2), size = skip_tags(rest, TZSP_HEADER);
    if (size == 0 || (frame != TZSP_ETHERNET && frame != TZSP_WIFI))
        return no_mirror(layers);
    return mt_layers_tunnel(layers, MT_TUNNEL_TZSP, size,
                            frame == TZSP_WIFI ? MT_NEXT_WIFI : MT_NEXT_ETHERNET, 0);
}

int mt_read_jmirror(struct mt_layers *layers)
{
    const struct mt_span *rest = &layers->rest;
    uint8_t version = rest->captured > JMIRROR_HEADER ? rest->at[JMIRROR_HEADER] >> 4 : 0;
    if (version != 4 && version != 6)
        return no_mirror(layers);
    return mt_layers_tunnel(layers, MT_TUNNEL_JMIRROR, JMIRROR_HEADER, MT_NEXT_IP, 0);
}

int mt_read_capwap(struct mt_layers *layers)
{
    const uint8_t *header = layers->rest.at;
    if (layers->rest.captured < CAPWAP_LEAST || header[0] != 0) /* version 0, not encrypted */
        return no_mirror(layers);
    uint32_t size = (uint32_t)(header[1] >> 3) * 4, flags = mt_be16(header + 2);
    if (size < CAPWAP_LEAST || (flags & CAPWAP_FRAGMENT) != 0)
        return no_mirror(layers);
    if ((flags & CAPWAP_WIFI) == 0)
        return mt_layers_tunnel(layers, MT_TUNNEL_CAPWAP, size, MT_NEXT_ETHERNET, 0);
    return mt_layers_tunnel(layers, MT_TUNNEL_CAPWAP, size, MT_NEXT_WIFI, MT_WIFI_SWAPPED);
}
