/* A list of frames: link layer, IP, fragments, TCP, and all above, without a file around them. A
 * chunk is a frame with four bytes before it: times and lengths. */
#include "base/bytes.h"
#include "container.h"
#include "decoder.h"
#include "input.h"
#include "invariants.h"
#include "net/decapsulation.h"
#include "tables/problems.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *one, size_t one_size, const uint8_t *other,
                                 size_t other_size, uint8_t *out, size_t most, unsigned seed);

#define START 1700000000000000000
enum { HEAD = 4, FILES = 2 };

/* Bits of the first byte. */
enum { ONLY_OUTER = 4, NAMED_PORTS = 8 };

enum { MORE_LINKS = 240 }; /* from this second byte on: the link types of `more_links` */

struct layers {
    struct mt_decoder decoder;
    struct mt_net *net;
    struct mt_tcp *tcp;
    int64_t monero_packets[FILES];
    int64_t segments;
    struct mt_packet_ref ref;
};

/* The time since the frame before: a few steps of each kind, backwards too, or none. */
static int64_t next_time(int64_t now, uint8_t byte)
{
    static const int64_t units[8] = {1000,        1000000,       100000000, 1000000000,
                                     30000000000, 3600000000000, -1000000,  -86400000000000};
    if (byte == 0xff)
        return MT_NO_TIME;
    int64_t since = now != MT_NO_TIME ? now : START, time;
    return __builtin_add_overflow(since, units[byte >> 5] * (byte & 31), &time) ? START : time;
}

static uint32_t link_of(uint8_t byte)
{
    static const uint16_t links[] = {1,   101, 113, 276, 0,   9,   51,  229, 1,   6,   50,  104,
                                     105, 107, 109, 117, 127, 149, 166, 192, 197, 219, 239, 258};
    static const uint16_t more_links[256 - MORE_LINKS] = {8,   100, 119, 122, 123, 138, 163, 204,
                                                          206, 226, 240, 242, 252, 281, 282, 285};
    return byte < MORE_LINKS ? links[byte % (sizeof links / sizeof links[0])]
                             : more_links[byte - MORE_LINKS];
}

/* One packet, or one of those in an 802.11 frame. */
static void read_packet(struct layers *layers, const struct mt_packet *packet)
{
    struct mt_segment segment;
    struct mt_net_report report;
    char text[160];
    enum mt_net_result result = mt_net_segment(layers->net, packet, &segment, &report);
    if (result == MT_NET_SKIPPED || result == MT_NET_FRAGMENT)
        MUST(*mt_skip_text(&report.skip, text, sizeof text) != 0, "skipped without a reason");
    if (result != MT_NET_SEGMENT)
        return;
    MUST(segment.captured <= segment.length, "more bytes than were on the wire");
    layers->segments++;
    MUST(mt_tcp_segment(layers->tcp, &segment, &packet->ref) == MT_OK,
         "a segment that is too much");
}

static void read_frame(struct layers *layers, uint32_t link, const struct chunk *chunk)
{
    if (chunk->size < HEAD)
        return;
    struct mt_packet further, packet = {.data = chunk->bytes + HEAD,
                                        .captured = (uint32_t)chunk->size - HEAD,
                                        .link = link};
    packet.length = packet.captured + mt_le16(chunk->bytes + 2); /* cut by a snap length */
    layers->ref.time = next_time(layers->ref.time, chunk->bytes[0]);
    layers->ref.file = chunk->bytes[1] % FILES;
    layers->ref.frame++;
    layers->ref.arrival++;
    packet.ref = layers->ref;
    read_packet(layers, &packet);
    while (mt_net_further_packet(layers->net, &packet, &further)) {
        MUST(further.captured <= further.length, "more bytes than were on the wire");
        MUST(further.data + further.captured <= chunk->bytes + chunk->size, "beyond the frame");
        read_packet(layers, &further);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint16_t ports[] = {18080, 28080, 38080};
    static const uint16_t tunnel_ports[] = {7777, 8888};
    struct input input = input_read(data, size);
    struct layers layers = {.ref = {.time = MT_NO_TIME}};
    mt_decoder_init(&layers.decoder, &input.limits,
                    input.tables | 1u << MT_TABLE_connections | 1u << MT_TABLE_problems);
    layers.net = mt_net_open(
        &(struct mt_net_options){.limits = &input.limits,
                                 .limit_hits = layers.decoder.output.limit_hits,
                                 .outer = (input.flags & ONLY_OUTER) != 0,
                                 .ports = tunnel_ports,
                                 .ports_count = (input.flags & NAMED_PORTS) != 0 ? 2 : 0});
    layers.tcp = mt_decoder_open_tcp(&layers.decoder, ports, 3, layers.monero_packets);
    MUST(layers.net != NULL && layers.tcp != NULL, "no memory");
    const uint8_t *at = input.rest;
    for (struct chunk chunk; container_next(&at, input.rest + input.size, &chunk);)
        read_frame(&layers, link_of(input.byte), &chunk);
    mt_net_finish(layers.net);
    MUST(mt_tcp_finish(layers.tcp) == MT_OK && mt_close_problems(&layers.decoder.output) == MT_OK,
         "an end that is too much");
    mt_p2p_resolve(&layers.decoder.p2p);
    check_tables(layers.decoder.output.tables, &layers.decoder.output.addresses,
                 &layers.decoder.output.strings);
    MUST(layers.monero_packets[0] + layers.monero_packets[1] <= layers.segments,
         "more packets of Monero connections than packets");
    MUST(layers.decoder.output.buffered.used == 0,
         "bytes that are still buffered when all is over");
    mt_tcp_close(layers.tcp);
    mt_net_close(layers.net);
    mt_decoder_free(&layers.decoder);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed)
{
    return container_mutate(data, size, most, input_options(data, size), seed);
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *one, size_t one_size, const uint8_t *other,
                                 size_t other_size, uint8_t *out, size_t most, unsigned seed)
{
    return container_cross(one, one_size, input_options(one, one_size), other, other_size,
                           input_options(other, other_size), out, most, seed);
}
