#include "net/layers.h"

int mt_layers_tunnel(struct mt_layers *layers, enum mt_tunnel_kind kind, uint32_t size,
                     enum mt_next next, uint32_t type)
{
    struct mt_tunnel *tunnel = &layers->tunnel;
    if (tunnel->count == MT_TUNNEL_CHAIN)
        return mt_layers_refuse(layers, "more than 8 tunnels within each other");
    tunnel->chain[tunnel->count++] = (uint8_t)kind;
    return mt_layers_skip(layers, size, next, type);
}
