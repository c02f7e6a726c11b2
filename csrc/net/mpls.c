#include "net/mpls.h"

#include "net/ethernet.h"
#include "net/ip.h"

enum { LABEL_SIZE = 4, CONTROL_WORD = 4, LABELS_MAX = 32 };

static int read_labels(struct mt_layers *layers)
{
    for (int labels = 0, bottom = 0; !bottom; labels++) {
        if (labels == LABELS_MAX)
            return mt_layers_refuse(layers, "more than 32 MPLS labels");
        if (layers->rest.captured <= LABEL_SIZE)
            return mt_layers_refuse(layers, "cut before its IP header");
        bottom = layers->rest.at[2] & 1;
        mt_span_skip(&layers->rest, LABEL_SIZE);
    }
    return MT_OK;
}

static int read_ip(struct mt_layers *layers, uint32_t size)
{
    return mt_layers_tunnel(layers, MT_TUNNEL_MPLS, size, MT_NEXT_IP, 0);
}

static int read_wire(struct mt_layers *layers, uint32_t size)
{
    return mt_layers_tunnel(layers, MT_TUNNEL_MPLS_ETHERNET, size, MT_NEXT_ETHERNET, 0);
}

int mt_read_mpls(struct mt_layers *layers)
{
    if (read_labels(layers) != MT_OK)
        return MT_MALFORMED;
    const struct mt_span *rest = &layers->rest;
    uint8_t first = rest->at[0];
    if (mt_looks_like_ethernet(rest, 0) && mt_looks_like_ip(rest, MT_ETHERNET_HEADER))
        return read_wire(layers, 0); /* also if the first address begins with a 4 or a 6 */
    if (mt_looks_like_ip(rest, 0))
        return read_ip(layers, 0);
    if (first >> 4 == 0 && mt_looks_like_ethernet(rest, CONTROL_WORD))
        return read_wire(layers, CONTROL_WORD);
    if (mt_looks_like_ethernet(rest, 0))
        return read_wire(layers, 0);
    if (first >> 4 == 0 && mt_looks_like_ip(rest, CONTROL_WORD))
        return read_ip(layers, CONTROL_WORD);
    if (first >> 4 == 4 || first >> 4 == 6) /* IP that is cut or damaged: its reader says so */
        return read_ip(layers, 0);
    return mt_layers_stop(layers, MT_SKIP_MPLS, first);
}
