#include "net/fabric.h"

#include "base/bytes.h"
#include "net/ethernet.h"

enum { NSH_LEAST = 4, NSH_WORDS = 63, NSH_IPV4 = 1, NSH_IPV6, NSH_ETHERNET, NSH_NSH, NSH_MPLS };

enum {
    TRILL_HEADER = 6,
    TRILL_OPTIONS = 31, /* in words of 4 bytes */
    FABRIC_PATH_TAG = 2,
    BATMAN_LEAST = 2,
    BATMAN_VERSION = 15,
    BATMAN_UNICAST = 0x40,
    BATMAN_UNICAST_HEADER = 10,
    BATMAN_UNICAST_4 = 0x42, /* with the address of the sender */
    BATMAN_UNICAST_4_HEADER = 18
};

static int cut(struct mt_layers *layers)
{
    return mt_layers_refuse(layers, "cut before its IP header");
}

int mt_read_nsh(struct mt_layers *layers)
{
    const uint8_t *header = layers->rest.at;
    if (layers->rest.captured < NSH_LEAST)
        return cut(layers);
    uint32_t size = (header[1] & NSH_WORDS) * 4u;
    if (size < NSH_LEAST || header[0] >> 6 != 0)
        return mt_layers_stop(layers, MT_SKIP_ETHERTYPE, MT_TYPE_NSH);
    switch (header[3]) {
    case NSH_IPV4:
    case NSH_IPV6:
        return mt_layers_tunnel(layers, MT_TUNNEL_NSH, size, MT_NEXT_IP, 0);
    case NSH_ETHERNET:
        return mt_layers_tunnel(layers, MT_TUNNEL_NSH, size, MT_NEXT_ETHERNET, 0);
    case NSH_NSH:
        return mt_layers_tunnel(layers, MT_TUNNEL_NSH, size, MT_NEXT_ETHERTYPE, MT_TYPE_NSH);
    case NSH_MPLS:
        return mt_layers_tunnel(layers, MT_TUNNEL_NSH, size, MT_NEXT_MPLS, 0);
    default:
        return mt_layers_stop(layers, MT_SKIP_ETHERTYPE, MT_TYPE_NSH);
    }
}

int mt_read_trill(struct mt_layers *layers)
{
    if (layers->rest.captured < TRILL_HEADER)
        return cut(layers);
    uint32_t flags = mt_be16(layers->rest.at);
    if (flags >> 14 != 0) /* a version other than 0 */
        return mt_layers_stop(layers, MT_SKIP_ETHERTYPE, MT_TYPE_TRILL);
    return mt_layers_tunnel(layers, MT_TUNNEL_TRILL,
                            TRILL_HEADER + (flags >> 6 & TRILL_OPTIONS) * 4, MT_NEXT_ETHERNET, 0);
}

int mt_read_fabric_path(struct mt_layers *layers)
{
    return mt_layers_tunnel(layers, MT_TUNNEL_FABRIC_PATH, FABRIC_PATH_TAG, MT_NEXT_ETHERNET, 0);
}

int mt_read_batman(struct mt_layers *layers)
{
    const uint8_t *header = layers->rest.at;
    if (layers->rest.captured < BATMAN_LEAST)
        return cut(layers);
    if (header[1] == BATMAN_VERSION && header[0] == BATMAN_UNICAST)
        return mt_layers_tunnel(layers, MT_TUNNEL_BATMAN, BATMAN_UNICAST_HEADER, MT_NEXT_ETHERNET,
                                0);
    if (header[1] == BATMAN_VERSION && header[0] == BATMAN_UNICAST_4)
        return mt_layers_tunnel(layers, MT_TUNNEL_BATMAN, BATMAN_UNICAST_4_HEADER, MT_NEXT_ETHERNET,
                                0);
    return mt_layers_stop(layers, MT_SKIP_ETHERTYPE, MT_TYPE_BATMAN);
}
