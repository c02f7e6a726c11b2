/* The classic pcap format. Versions before 2.4, whose lengths come in another order, are left to
 * libpcap. */
#include "capture/capture_internal.h"

enum { FILE_HEADER = 24, RECORD_HEADER = 16, PLAUSIBLE_PACKET = 1 << 20 };

/* Zeros (after a crash or on a full disk) would read as records of empty packets at 1970: two such
 * records in a row are damage. */
static int is_zeros(struct mt_capture *capture)
{
    static const uint8_t nothing[2 * RECORD_HEADER];
    return memcmp(capture->buffer + capture->begin, nothing, RECORD_HEADER) == 0 &&
           mt_capture_need(capture, sizeof nothing) == MT_OK &&
           memcmp(capture->buffer + capture->begin, nothing, sizeof nothing) == 0;
}

/* The slow path of next_record: records that are not wholly in the buffer, and implausible ones.
 * MT_OK if the record is now whole and plausible. */
static int check_record(struct mt_capture *capture, struct mt_failure *failure)
{
    long long offset = mt_capture_offset(capture);
    if (mt_capture_need(capture, RECORD_HEADER) != MT_OK)
        return mt_capture_ended(capture, failure, "a packet header", offset);
    uint32_t captured = mt_capture_32(capture, capture->buffer + capture->begin + 8);
    if (captured > capture->limit)
        return mt_capture_stop(capture, failure, MT_DAMAGED,
                               "not a packet header at byte %lld: a captured length of %lu", offset,
                               (unsigned long)captured);
    if (captured == 0 && is_zeros(capture))
        return mt_capture_stop(capture, failure, MT_DAMAGED,
                               "zeros in place of a packet at byte %lld", offset);
    if (mt_capture_need(capture, RECORD_HEADER + (size_t)captured) != MT_OK)
        return mt_capture_ended(capture, failure, "a packet", offset);
    return MT_OK;
}

/* mt_capture_next. */
static int next_record(struct mt_capture *capture, struct mt_packet *packet,
                       struct mt_failure *failure)
{
    const uint8_t *record = capture->buffer + capture->begin;
    size_t ready = mt_capture_ready(capture);
    uint32_t captured = ready >= RECORD_HEADER ? mt_capture_32(capture, record + 8) : 0;
    if (captured - 1 >= capture->limit ||
        ready - RECORD_HEADER < captured) { /* 0 bytes are checked too */
        int result = check_record(capture, failure);
        if (result != MT_OK)
            return result;
        record = capture->buffer + capture->begin;
        captured = mt_capture_32(capture, record + 8);
    }
    uint32_t length = mt_capture_32(capture, record + 12);
    packet->data = record + RECORD_HEADER;
    packet->captured = captured;
    packet->length = length >= captured ? length : captured;
    packet->link = capture->link;
    /* 32-bit seconds and fraction: at most 4294967295 s + 4294967295 us, far from 2^63 ns */
    packet->ref.time = (int64_t)mt_capture_32(capture, record) * 1000000000 +
                       (int64_t)mt_capture_32(capture, record + 4) * capture->fraction;
    packet->ref.frame = ++capture->frame;
    capture->begin += RECORD_HEADER + (size_t)captured;
    return MT_OK;
}

/* Sets swapped and fraction. Returns 0 for another magic. */
static int read_magic(struct mt_capture *capture, const uint8_t *magic)
{
    uint32_t value = mt_le32(magic);
    capture->swapped = value == 0xd4c3b2a1 || value == 0x4d3cb2a1;
    if (capture->swapped)
        value = mt_be32(magic);
    capture->fraction = value == 0xa1b23c4d ? 1 : 1000;
    return value == 0xa1b2c3d4 || value == 0xa1b23c4d;
}

int mt_capture_pcap(struct mt_capture *capture, struct mt_failure *failure)
{
    if (!read_magic(capture, capture->buffer + capture->begin))
        return MT_END;
    if (mt_capture_need(capture, FILE_HEADER) != MT_OK)
        return mt_capture_no_header(capture, failure);
    const uint8_t *header = capture->buffer + capture->begin;
    uint16_t major = mt_capture_16(capture, header + 4), minor = mt_capture_16(capture, header + 6);
    if (major != 2 || minor < 4 || minor == 543)
        return MT_END;
    uint32_t snaplen = mt_capture_32(capture, header + 16);
    /* Lengths beyond the snap length occur (offload, careless writers), but not by any amount. */
    capture->limit = snaplen == 0 || snaplen > MT_PACKET_BYTES ? MT_PACKET_BYTES
                     : snaplen > PLAUSIBLE_PACKET              ? snaplen
                                                               : PLAUSIBLE_PACKET;
    capture->link = mt_capture_32(capture, header + 20) &
                    0xffff; /* the upper bits describe the frame check sequence */
    capture->begin += FILE_HEADER;
    capture->next = next_record;
    return MT_OK;
}
