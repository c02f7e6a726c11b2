#include "net/wifi.h"

#include "base/bytes.h"

enum {
    HEADER = 24,
    FOURTH_ADDRESS = 6,
    QOS_CONTROL = 2,
    HT_CONTROL = 4,
    TYPE_DATA = 2,
    SUBTYPE_NO_DATA = 4, /* bits of the subtype of data frames */
    SUBTYPE_QOS = 8,
    TO_AND_FROM = 3, /* bits of the second byte */
    MORE_FRAGMENTS = 4,
    PROTECTED = 0x40,
    ORDER = 0x80,
    QOS_AGGREGATE = 0x80,
    AGGREGATE_HEADER = 14 /* addresses and length of each packet in an aggregate */
};

enum {
    RADIOTAP_HEADER = 8,
    RADIOTAP_TSFT = 1,
    RADIOTAP_FLAGS = 2,
    RADIOTAP_PADDED = 0x20, /* of the flags: the 802.11 header is padded to 4 bytes */
    AVS_HEADER = 64,
    PRISM_HEADER = 144
};

static int cut(struct mt_layers *layers)
{
    return mt_layers_refuse(layers, "cut before its IP header");
}

/* Version 0 and the type of data, in the first byte of a frame. */
static int is_data(uint8_t first)
{
    return (first & 3) == 0 && (first >> 2 & 3) == TYPE_DATA;
}

/* Bytes of the header of a data frame whose first two bytes are `frame`. */
static uint32_t header_size(const uint8_t *frame)
{
    uint32_t size = HEADER, subtype = (uint32_t)frame[0] >> 4;
    if ((frame[1] & TO_AND_FROM) == TO_AND_FROM)
        size += FOURTH_ADDRESS;
    if ((subtype & SUBTYPE_QOS) != 0)
        size += (frame[1] & ORDER) != 0 ? QOS_CONTROL + HT_CONTROL : QOS_CONTROL;
    return size;
}

int mt_wifi_split(struct mt_span *aggregate, struct mt_span *first)
{
    *first = *aggregate;
    if (aggregate->length <= AGGREGATE_HEADER) { /* a checksum, or nothing */
        aggregate->length = aggregate->captured = 0;
        return 0;
    }
    uint32_t size = aggregate->length;
    if (aggregate->captured >= AGGREGATE_HEADER)
        size = AGGREGATE_HEADER + mt_be16(aggregate->at + AGGREGATE_HEADER - 2);
    if (size < first->length)
        first->length = size;
    if (size < first->captured)
        first->captured = size;
    size = (size + 3) & ~3u; /* padding of all but the last one */
    if (size < aggregate->captured)
        mt_span_skip(aggregate, size);
    else
        aggregate->length = aggregate->captured = 0;
    return 1;
}

/* The first packet of an aggregate (A-MSDU) leads to LLC; the others wait in layers->aggregate. */
static int read_aggregate(struct mt_layers *layers, uint32_t size)
{
    if (layers->rest.captured < size + AGGREGATE_HEADER)
        return cut(layers);
    mt_span_skip(&layers->rest, size);
    layers->aggregate = layers->rest;
    if (!mt_wifi_split(&layers->aggregate, &layers->rest))
        return cut(layers);
    return mt_layers_skip(layers, AGGREGATE_HEADER, MT_NEXT_LLC, 0);
}

int mt_read_wifi(struct mt_layers *layers)
{
    const uint8_t *frame = layers->rest.at;
    uint32_t alignment = layers->type == MT_WIFI_PADDED ? 3 : 0;
    if (layers->rest.captured < 2)
        return cut(layers);
    uint8_t control[2] = {frame[0], frame[1]};
    if (layers->type == MT_WIFI_SWAPPED && !is_data(control[0]) && is_data(control[1])) {
        control[0] = frame[1];
        control[1] = frame[0];
    }
    if ((control[0] >> 2 & 3) != TYPE_DATA || (control[0] >> 4 & SUBTYPE_NO_DATA) != 0)
        return mt_layers_stop(layers, MT_SKIP_WIFI, MT_WIFI_NO_DATA);
    if ((control[1] & PROTECTED) != 0)
        return mt_layers_stop(layers, MT_SKIP_WIFI, MT_WIFI_PROTECTED);
    uint32_t size = header_size(control);
    if (layers->rest.captured < size)
        return cut(layers);
    if ((control[1] & MORE_FRAGMENTS) != 0 || (frame[22] & 15) != 0)
        return mt_layers_stop(layers, MT_SKIP_WIFI, MT_WIFI_FRAGMENT);
    uint32_t qos = size - QOS_CONTROL - ((control[1] & ORDER) != 0 ? HT_CONTROL : 0);
    int aggregate = (control[0] >> 4 & SUBTYPE_QOS) != 0 && (frame[qos] & QOS_AGGREGATE) != 0;
    size = (size + alignment) & ~alignment;
    return aggregate ? read_aggregate(layers, size) : mt_layers_skip(layers, size, MT_NEXT_LLC, 0);
}

/* Whether the flags of a radiotap header of `size` bytes say that the 802.11 header is padded. The
 * flags follow the bitmaps of fields, the last of which has its highest bit clear. */
static int is_padded(const uint8_t *header, uint32_t size)
{
    uint32_t at = RADIOTAP_HEADER, present = mt_le32(header + 4);
    for (uint32_t more = present; more >> 31 != 0; at += 4) {
        if (at + 4 > size)
            return 0;
        more = mt_le32(header + at);
    }
    if ((present & RADIOTAP_TSFT) != 0)
        at = ((at + 7) & ~7u) + 8;
    return (present & RADIOTAP_FLAGS) != 0 && at < size && (header[at] & RADIOTAP_PADDED) != 0;
}

int mt_read_radiotap(struct mt_layers *layers)
{
    const uint8_t *header = layers->rest.at;
    if (layers->rest.captured < RADIOTAP_HEADER)
        return cut(layers);
    uint32_t size = mt_le16(header + 2);
    if (header[0] != 0 || size < RADIOTAP_HEADER)
        return mt_layers_refuse(layers, "radiotap header that is not one");
    if (layers->rest.captured < size)
        return cut(layers);
    return mt_layers_skip(layers, size, MT_NEXT_WIFI, is_padded(header, size) ? MT_WIFI_PADDED : 0);
}

int mt_read_avs(struct mt_layers *layers)
{
    if (layers->rest.captured < 8)
        return cut(layers);
    uint32_t size = mt_be32(layers->rest.at + 4);
    return mt_layers_skip(layers, size >= 8 && size < 4096 ? size : AVS_HEADER, MT_NEXT_WIFI, 0);
}

int mt_read_prism(struct mt_layers *layers)
{
    if (layers->rest.captured < 8)
        return cut(layers);
    if (mt_be32(layers->rest.at) >> 12 == 0x80211) /* an AVS header under Prism's link type */
        return mt_read_avs(layers);
    return mt_layers_skip(layers, PRISM_HEADER, MT_NEXT_WIFI, 0);
}
