#include "net/decapsulation.h"

#include "base/bytes.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/noinline.h"
#include "net/ethernet.h"
#include "net/ip.h"
#include "net/link.h"
#include "net/mpls.h"
#include "net/ppp.h"
#include "net/wifi.h"

#include <string.h>

enum { LINK_ETHERNET = 1, HEADERS_MAX = 64 };

struct mt_net {
    struct mt_ip_reader ip;
    struct mt_layers layers;  /* of the packet read last */
    struct mt_span aggregate; /* further packets in the 802.11 frame read last */
    uint64_t key;             /* of the hash of tunnels */
    int outer;
    uint16_t *ports;
    uint32_t ports_count;
};

struct mt_net *mt_net_open(const struct mt_net_options *options)
{
    struct mt_net *net = mt_alloc(1, sizeof *net);
    if (net == NULL)
        return NULL;
    if (options->ports_count != 0) {
        net->ports = mt_alloc(options->ports_count, sizeof *net->ports);
        if (net->ports == NULL) {
            mt_free(net);
            return NULL;
        }
        memcpy(net->ports, options->ports, options->ports_count * sizeof *net->ports);
        net->ports_count = options->ports_count;
    }
    net->outer = options->outer;
    net->key = mt_hash_key();
    mt_ip_reader_init(&net->ip, options->limits, options->limit_hits, &options->callbacks);
    return net;
}

void mt_net_finish(struct mt_net *net)
{
    mt_ip_reader_finish(&net->ip);
}

void mt_net_close(struct mt_net *net)
{
    if (net == NULL)
        return;
    mt_ip_reader_free(&net->ip);
    mt_free(net->ports);
    mt_free(net);
}

/* Reads the next header. Result as in layers.h, MT_IP_FRAGMENT or MT_NOMEM. */
static int read_next(struct mt_net *net, const struct mt_packet_ref *ref)
{
    struct mt_layers *layers = &net->layers;
    switch (layers->next) {
    case MT_NEXT_ETHERNET:
        return mt_read_ethernet(layers);
    case MT_NEXT_ETHERTYPE:
        return mt_read_ethertype(layers);
    case MT_NEXT_LLC:
        return mt_read_llc(layers);
    case MT_NEXT_MPLS:
        return mt_read_mpls(layers);
    case MT_NEXT_PPP:
        return mt_read_ppp(layers);
    case MT_NEXT_HDLC:
        return mt_read_hdlc(layers);
    case MT_NEXT_PPPOE:
        return mt_read_pppoe(layers);
    case MT_NEXT_FRAME_RELAY:
        return mt_read_frame_relay(layers);
    case MT_NEXT_WIFI:
        return mt_read_wifi(layers);
    case MT_NEXT_IP:
        return mt_read_ip(&net->ip, layers, ref);
    default:
        return mt_read_protocol(layers);
    }
}

/* Any packet: header by header. */
static int read_headers(struct mt_net *net, const struct mt_packet *packet,
                        struct mt_segment *segment)
{
    struct mt_layers *layers = &net->layers;
    *layers = (struct mt_layers){.rest = {packet->data, packet->captured, packet->length},
                                 .outer = net->outer,
                                 .ports = net->ports,
                                 .ports_count = net->ports_count,
                                 .key = net->key,
                                 .segment = segment};
    int result = mt_begin_link(layers, packet->link);
    for (int headers = 0; result == MT_OK && layers->next != MT_NEXT_TCP; headers++)
        result = headers < HEADERS_MAX ? read_next(net, &packet->ref)
                                       : mt_layers_refuse(layers, "more than 64 headers");
    if (result == MT_OK) {
        segment->tunnel = layers->tunnel.count != 0 ? &layers->tunnel : NULL;
        layers->why = mt_read_tcp(layers->rest, segment);
        result = layers->why == NULL ? MT_OK : MT_MALFORMED;
    }
    return result;
}

static enum mt_net_result report_result(struct mt_layers *layers, int result,
                                        struct mt_net_report *report)
{
    switch (result) {
    case MT_OK:
        return MT_NET_SEGMENT;
    case MT_END:
    case MT_IP_FRAGMENT:
        layers->skip.tunnels = layers->tunnel.count;
        memcpy(layers->skip.chain, layers->tunnel.chain, sizeof layers->skip.chain);
        report->skip = layers->skip;
        return result == MT_END ? MT_NET_SKIPPED : MT_NET_FRAGMENT;
    case MT_MALFORMED:
        report->why = layers->why;
        return MT_NET_BAD;
    default:
        return MT_NET_NOMEM;
    }
}

static inline void note_packet(struct mt_segment *segment, const struct mt_packet *packet)
{
    segment->packet_captured = packet->captured;
    segment->greatest_snap_length = packet->greatest_snap_length;
}

static MT_NOINLINE enum mt_net_result read_any(struct mt_net *net, const struct mt_packet *packet,
                                               struct mt_segment *segment,
                                               struct mt_net_report *report)
{
    int result = read_headers(net, packet, segment);
    note_packet(segment, packet);
    if (packet->link != LINK_ETHERNET)
        net->aggregate = net->layers.aggregate;
    return report_result(&net->layers, result, report);
}

int mt_net_further_packet(struct mt_net *net, const struct mt_packet *packet,
                          struct mt_packet *further)
{
    struct mt_span first;
    if (!mt_net_may_aggregate(packet) || !mt_wifi_split(&net->aggregate, &first))
        return 0;
    *further = *packet;
    further->link = LINK_ETHERNET;
    further->data = first.at;
    further->captured = first.captured;
    further->length = first.length;
    return 1;
}

static inline int read_plain(const struct mt_packet *packet, struct mt_segment *segment)
{
    if (packet->link != LINK_ETHERNET || packet->captured <= MT_ETHERNET_HEADER)
        return 0;
    uint16_t type = mt_be16(packet->data + MT_ETHERNET_HEADER - 2);
    struct mt_span rest = {packet->data, packet->captured, packet->length};
    mt_span_skip(&rest, MT_ETHERNET_HEADER);
    segment->tunnel = NULL;
    note_packet(segment, packet);
    return (type == MT_TYPE_IPV4 || type == MT_TYPE_IPV6) && mt_read_plain_tcp(rest, segment);
}

int mt_net_plain_segment(const struct mt_packet *packet, struct mt_segment *segment)
{
    return read_plain(packet, segment);
}

enum mt_net_result mt_net_segment(struct mt_net *net, const struct mt_packet *packet,
                                  struct mt_segment *segment, struct mt_net_report *report)
{
    return read_plain(packet, segment) ? MT_NET_SEGMENT : read_any(net, packet, segment, report);
}
