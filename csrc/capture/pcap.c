/* The classic pcap format. Versions before 2.4, whose lengths come in another order, are left to
 * libpcap. */
#include "capture/capture_internal.h"

#include <stdio.h>

enum {
    FILE_HEADER = 24,
    RECORD_HEADER = 16,
    PLAUSIBLE_PACKET = 1 << 20,
    PLAUSIBLE_SECONDS = 7 * 86400, /* between two records; more needs a closer look */
    CHAIN = 3,                     /* records in a row that show where records are again, */
    DISTANT_CHAIN = 8,             /* if their times are far from those before the damage */
    SAMPLE = 8                     /* records that decide what their fractions are */
};

/* ---- plausible records ---- */

/* 1 if the lengths and the fraction of a record header are plausible. */
static inline int has_plausible_size(const struct mt_capture *capture, const uint8_t *header)
{
    uint32_t captured = mt_capture_32(capture, header + 8);
    return captured - 1 < capture->limit &&
           mt_capture_32(capture, header + 12) - captured < MT_PACKET_BYTES &&
           mt_capture_32(capture, header + 4) < capture->fractions;
}

/* 1 if a record header is like the ones before it. */
static inline int is_plausible(const struct mt_capture *capture, const uint8_t *header)
{
    return has_plausible_size(capture, header) &&
           mt_capture_32(capture, header) - capture->earliest <= capture->span;
}

/* 1 if two times in seconds are near each other. */
static int are_near(uint32_t seconds, uint32_t others)
{
    return seconds - others + PLAUSIBLE_SECONDS <= 2 * PLAUSIBLE_SECONDS;
}

/* Zeros (after a crash or on a full disk) would read as records of empty packets at 1970: two such
 * records in a row are damage. */
static int is_zeros(struct mt_capture *capture, size_t at)
{
    return mt_all_zero(capture->buffer + capture->begin + at, RECORD_HEADER) &&
           mt_capture_need(capture, at + 2 * (size_t)RECORD_HEADER) == MT_OK &&
           mt_all_zero(capture->buffer + capture->begin + at, 2 * (size_t)RECORD_HEADER);
}

/* 1 if `count` records follow each other from `at` of the ready bytes on: each one ends where the
 * next begins. The end of the file ends the chain. */
static int is_chain(struct mt_capture *capture, size_t at, int count)
{
    int plausible = 1;
    for (int records = 0; records < count; records++) {
        if (mt_capture_need(capture, at + RECORD_HEADER) != MT_OK)
            return plausible || at <= mt_capture_ready(capture);
        const uint8_t *header = capture->buffer + capture->begin + at;
        uint32_t captured = mt_capture_32(capture, header + 8);
        if (captured > PLAUSIBLE_PACKET && captured <= capture->limit)
            return 1; /* not worth to be held for a look at what follows */
        if (mt_capture_is_file_header(header, RECORD_HEADER))
            return 1;
        if (captured > capture->limit || is_zeros(capture, at))
            return 0;
        plausible = is_plausible(capture, capture->buffer + capture->begin + at);
        at += RECORD_HEADER + (size_t)captured;
    }
    return 1;
}

/* 1 if records begin `at` the ready bytes: several plausible ones follow each other, with times
 * near each other, up to the end of the file if there are fewer. A single one counts only if an
 * earlier packet says which times are plausible. */
static int is_start(struct mt_capture *capture, size_t at)
{
    const uint8_t *header = capture->buffer + capture->begin + at;
    if (mt_capture_is_file_header(header, RECORD_HEADER))
        return 1;
    if (!has_plausible_size(capture, header))
        return 0;
    int distant = !is_plausible(capture, header);
    uint32_t before = mt_capture_32(capture, header);
    for (int records = 0; records < (distant ? DISTANT_CHAIN : CHAIN); records++) {
        if (mt_capture_need(capture, at + RECORD_HEADER) != MT_OK)
            return records >= (distant ? CHAIN : 2) ||
                   (!distant && records == 1 && capture->span != UINT32_MAX &&
                    at == mt_capture_ready(capture));
        header = capture->buffer + capture->begin + at;
        if (mt_capture_is_file_header(header, RECORD_HEADER))
            return 1;
        uint32_t captured = mt_capture_32(capture, header + 8);
        if (!has_plausible_size(capture, header) || captured > PLAUSIBLE_PACKET ||
            !are_near(mt_capture_32(capture, header), before))
            return 0;
        before = mt_capture_32(capture, header);
        at += RECORD_HEADER + (size_t)captured;
    }
    return 1;
}

/* Where the next record begins inside the `size` bytes at the front, from `at` on, if the record
 * there is cut; 0 if it is not. */
static size_t find_inside(struct mt_capture *capture, size_t at, size_t size)
{
    for (; at < size; at++) {
        if (at + RECORD_HEADER > mt_capture_ready(capture))
            return 0;
        if (is_start(capture, at))
            return at;
    }
    return 0;
}

/* ---- damage ---- */

/* No record begins at the front, for the reason `defect`: skips bytes up to the next record. */
static int resynchronise(struct mt_capture *capture, struct mt_failure *failure, const char *defect)
{
    long long offset = mt_capture_offset(capture);
    for (;;) {
        capture->begin++;
        if (mt_capture_ready(capture) < RECORD_HEADER &&
            mt_capture_need(capture, RECORD_HEADER) != MT_OK)
            return mt_capture_lost(capture, failure, offset, defect);
        if (is_start(capture, 0))
            return mt_capture_skipped(capture, failure, offset, "%s; records go on at byte %lld",
                                      defect, mt_capture_offset(capture));
    }
}

/* The record at the front is not whole in the file. Its length may be wrong. */
static int end_in_record(struct mt_capture *capture, struct mt_failure *failure)
{
    long long offset = mt_capture_offset(capture);
    size_t skipped =
        capture->input_result == MT_END ? find_inside(capture, 1, mt_capture_ready(capture)) : 0;
    if (skipped == 0)
        return mt_capture_ended(capture, failure, "a packet", offset);
    capture->begin += skipped;
    return mt_capture_skipped(capture, failure, offset,
                              "the packet at byte %lld is cut; records go on at byte %lld", offset,
                              mt_capture_offset(capture));
}

static int next_record(struct mt_capture *capture, struct mt_packet *packet,
                       struct mt_failure *failure);

/* mt_capture_next, after a cut record was delivered. */
static int report_cut(struct mt_capture *capture, struct mt_packet *packet,
                      struct mt_failure *failure)
{
    (void)packet;
    long long offset = mt_capture_offset(capture);
    capture->next = next_record;
    return mt_capture_skipped(capture, failure, offset,
                              "the packet before byte %lld is cut: %lu of its bytes are missing",
                              offset, (unsigned long)capture->lacking);
}

/* What follows the record at the front. */
enum following { FOLLOWED, CUT, ALONE };

/* The record of `size` bytes at the front is followed by `count` records or the end; or contains
 * the next record, `inside` of it, because it is cut; or is followed by damage. */
static enum following look_ahead(struct mt_capture *capture, size_t size, int count, size_t *inside)
{
    if (mt_capture_size(capture) < 0 && mt_capture_ready(capture) < size + RECORD_HEADER)
        return FOLLOWED; /* a pipe: its next record may be long in coming */
    if (is_chain(capture, size, count))
        return FOLLOWED;
    *inside = find_inside(capture, RECORD_HEADER, size);
    return *inside != 0 ? CUT : ALONE;
}

/* Times from here on are compared with that of the record at the front. */
static inline void note_time(struct mt_capture *capture, uint32_t seconds)
{
    capture->earliest = seconds - PLAUSIBLE_SECONDS;
    capture->span = 2 * PLAUSIBLE_SECONDS;
}

/* ---- fractions ---- */

/* 1 if the fractions from the front on are nanoseconds although the file promises microseconds. */
static int has_nanoseconds(const struct mt_capture *capture)
{
    size_t at = 0;
    int records = 0, beyond = 0;
    for (; records < SAMPLE && at + RECORD_HEADER <= mt_capture_ready(capture); records++) {
        const uint8_t *header = capture->buffer + capture->begin + at;
        uint32_t fraction = mt_capture_32(capture, header + 4);
        uint32_t captured = mt_capture_32(capture, header + 8);
        if (captured > capture->limit || fraction >= 1000000000 ||
            mt_capture_32(capture, header) - capture->earliest > capture->span)
            return 0;
        beyond += fraction >= 1000000;
        at += RECORD_HEADER + (size_t)captured;
    }
    return 2 * beyond > records;
}

static int switch_to_nanoseconds(struct mt_capture *capture, struct mt_failure *failure)
{
    long long offset = mt_capture_offset(capture);
    capture->fraction = 1;
    capture->fractions = 1000000000;
    return mt_capture_skipped(
        capture, failure, offset,
        "fractions of a second beyond 999999 microseconds from byte %lld on: read as nanoseconds",
        offset);
}

/* ---- records ---- */

/* The header at the front is not plausible. MT_OK if its record can be read all the same. */
static int check_header(struct mt_capture *capture, struct mt_failure *failure)
{
    const uint8_t *header = capture->buffer + capture->begin;
    long long offset = mt_capture_offset(capture);
    char defect[128];
    if (mt_capture_is_file_header(header, RECORD_HEADER))
        return mt_capture_next_file(capture, failure);
    uint32_t captured = mt_capture_32(capture, header + 8);
    if (captured > capture->limit) {
        (void)snprintf(defect, sizeof defect,
                       "not a packet header at byte %lld: a captured length of %lu", offset,
                       (unsigned long)captured);
        return resynchronise(capture, failure, defect);
    }
    if (captured == 0 && is_zeros(capture, 0)) {
        (void)snprintf(defect, sizeof defect, "zeros in place of a packet at byte %lld", offset);
        return resynchronise(capture, failure, defect);
    }
    if (mt_capture_32(capture, capture->buffer + capture->begin + 4) >= capture->fractions &&
        capture->fraction != 1 && has_nanoseconds(capture))
        return switch_to_nanoseconds(capture, failure);
    return MT_OK;
}

/* The record at the front is whole, and plausible if `plausible`. Decides by what follows whether
 * it is a record. MT_OK if it is to be delivered with `captured` bytes. */
static int check_following(struct mt_capture *capture, struct mt_failure *failure, int plausible,
                           uint32_t *captured)
{
    char defect[64];
    size_t size = RECORD_HEADER + (size_t)*captured, inside = 0;
    enum following following = look_ahead(capture, size, plausible ? CHAIN : 1, &inside);
    const uint8_t *front = capture->buffer + capture->begin;
    if (following == ALONE && plausible)
        return MT_OK; /* without its time, which nothing confirms */
    if ((!plausible && following != FOLLOWED) ||
        (following == CUT && capture->span == UINT32_MAX &&
         !are_near(mt_capture_32(capture, front), mt_capture_32(capture, front + inside)))) {
        (void)snprintf(defect, sizeof defect, "not a packet header at byte %lld",
                       mt_capture_offset(capture));
        return resynchronise(capture, failure, defect);
    }
    note_time(capture, mt_capture_32(capture, capture->buffer + capture->begin));
    if (following == CUT) {
        capture->lacking = (uint32_t)(size - inside);
        *captured = (uint32_t)(inside - RECORD_HEADER);
        capture->next = report_cut;
    }
    return MT_OK;
}

/* The slow path of next_record: a record that is not wholly in the buffer, or one that is not
 * plausible or not followed by one. MT_OK if it is to be delivered with `captured` bytes. */
static int check_record(struct mt_capture *capture, struct mt_failure *failure, uint32_t *captured)
{
    if (mt_capture_need(capture, RECORD_HEADER) != MT_OK)
        return mt_capture_ended(capture, failure, "a packet header", mt_capture_offset(capture));
    int plausible = is_plausible(capture, capture->buffer + capture->begin);
    if (!plausible) {
        int result = check_header(capture, failure);
        if (result != MT_OK)
            return result;
    }
    *captured = mt_capture_32(capture, capture->buffer + capture->begin + 8);
    if (mt_capture_need(capture, RECORD_HEADER + (size_t)*captured) != MT_OK)
        return end_in_record(capture, failure);
    return check_following(capture, failure, plausible, captured);
}

/* mt_capture_next. */
static int next_record(struct mt_capture *capture, struct mt_packet *packet,
                       struct mt_failure *failure)
{
    const uint8_t *record = capture->buffer + capture->begin;
    size_t ready = mt_capture_ready(capture);
    uint32_t captured = ready >= RECORD_HEADER ? mt_capture_32(capture, record + 8) : 0;
    size_t size = RECORD_HEADER + (size_t)captured;
    if (captured - 1 >= capture->limit || ready < size + RECORD_HEADER ||
        !is_plausible(capture, record + size)) {
        int result = check_record(capture, failure, &captured);
        if (result != MT_OK)
            return result;
        record = capture->buffer + capture->begin;
        size = RECORD_HEADER + (size_t)captured;
    } else {
        note_time(capture, mt_capture_32(capture, record));
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
    capture->begin += size;
    return MT_OK;
}

/* ---- opening ---- */

/* Sets swapped and fraction. Returns 0 for another magic. */
static int read_magic(struct mt_capture *capture, const uint8_t *magic)
{
    uint32_t value = mt_le32(magic);
    int swapped = value == 0xd4c3b2a1 || value == 0x4d3cb2a1;
    if (swapped)
        value = mt_be32(magic);
    if (value != 0xa1b2c3d4 && value != 0xa1b23c4d)
        return 0;
    capture->swapped = swapped;
    capture->fraction = value == 0xa1b23c4d ? 1 : 1000;
    return 1;
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
    capture->fractions = capture->fraction == 1 ? 1000000000 : 1000000;
    capture->span = UINT32_MAX; /* any time */
    capture->begin += FILE_HEADER;
    capture->next = next_record;
    return MT_OK;
}
