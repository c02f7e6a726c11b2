/* The pcapng format: sections of blocks. */
#include "capture/capture_internal.h"

#include "base/mem.h"
#include "base/noinline.h"

#include <stdio.h>

enum {
    BLOCK_HEADER = 8,  /* type, total length */
    BLOCK_TRAILER = 4, /* total length again */
    SECTION_BLOCK = 28,
    INTERFACE_BLOCK = 20,
    PACKET_BLOCK = 32,
    SIMPLE_BLOCK = 16, /* the smallest total lengths */
    STATISTICS_BLOCK = 24,
    PACKET_DATA = 28,
    SIMPLE_DATA = 12,
    INTERFACE_OPTIONS = 16,
    STATISTICS_OPTIONS = 20,
    PLAUSIBLE_BLOCK = 1 << 20,                  /* of a block that ends damage */
    LONGEST_BLOCK = MT_PACKET_BYTES + (1 << 20) /* the longest packet and its options */
};

#define TYPE_SECTION 0x0a0d0d0au
#define BYTE_ORDER_MAGIC 0x1a2b3c4du

enum {
    TYPE_INTERFACE = 1,
    TYPE_PACKET_OBSOLETE = 2,
    TYPE_SIMPLE = 3,
    TYPE_NAMES = 4,
    TYPE_STATISTICS = 5,
    TYPE_PACKET = 6,
    TYPE_JOURNAL = 9,
    TYPE_SECRETS = 10
};
enum {
    OPTION_END = 0,
    OPTION_RESOLUTION = 9,
    OPTION_OFFSET = 14, /* of interfaces */
    OPTION_INTERFACE_DROPS = 5,
    OPTION_SYSTEM_DROPS = 7, /* of statistics */
    OPTION_DROP_COUNT = 4    /* of packets */
};

/* ---- time ---- */

static uint64_t power_of_ten(unsigned exponent)
{
    uint64_t power = 1;
    while (exponent-- > 0)
        power *= 10;
    return power;
}

/* Nanoseconds of `ticks` of any resolution, rounded down: at most 2^64 * 10^9. */
static unsigned __int128 nanoseconds(uint64_t ticks, uint8_t resolution)
{
    unsigned exponent = resolution & 0x7f;
    if (resolution & 0x80)
        return (unsigned __int128)ticks * 1000000000 >> exponent;
    if (exponent <= 9)
        return (unsigned __int128)ticks * power_of_ten(9 - exponent);
    return exponent - 9 < 20 ? ticks / power_of_ten(exponent - 9) : 0;
}

/* The time of any ticks of any interface; MT_NO_TIME if 64 bits cannot hold it. */
static int64_t time_exactly(const struct mt_interface *interface, uint64_t ticks)
{
    __int128 time = (__int128)nanoseconds(ticks, interface->resolution) +
                    (__int128)interface->offset * 1000000000;
    return time > INT64_MIN && time <= INT64_MAX ? (int64_t)time : MT_NO_TIME;
}

/* The same in one multiplication, where the interface allows it. */
static inline int64_t time_of(const struct mt_interface *interface, uint64_t ticks)
{
    if (ticks < interface->fast_below)
        return interface->start + (int64_t)(ticks * interface->multiplier);
    return time_exactly(interface, ticks);
}

/* Prepares the interface for the fast path of time_of. */
static void prepare_time(struct mt_interface *interface)
{
    int64_t start;
    interface->fast_below = 0;
    if (interface->resolution > 9 ||
        __builtin_mul_overflow(interface->offset, (int64_t)1000000000, &start))
        return;
    interface->start = start;
    interface->multiplier = power_of_ten(9u - interface->resolution);
    interface->fast_below = (uint64_t)(INT64_MAX - (start > 0 ? start : 0)) / interface->multiplier;
}

/* ---- blocks ---- */

static const char *length_defect(uint32_t total, uint32_t minimum, uint32_t maximum);

/* 1 if a block of this type can be recognised after damage. */
static int is_known_type(uint32_t type)
{
    return type == TYPE_SECTION || (type >= TYPE_INTERFACE && type <= TYPE_PACKET) ||
           type == TYPE_JOURNAL || type == TYPE_SECRETS;
}

/* 1 if a whole block of a known type, with equal lengths, begins `at` the ready bytes. */
static int is_block(struct mt_capture *capture, size_t at)
{
    if (mt_capture_need(capture, at + BLOCK_HEADER + 4) != MT_OK)
        return 0;
    const uint8_t *block = capture->buffer + capture->begin + at;
    uint32_t type = mt_capture_32(capture, block), total = mt_capture_32(capture, block + 4);
    if (type == TYPE_SECTION)
        return mt_capture_is_file_header(block, BLOCK_HEADER + 4);
    if (!is_known_type(type) ||
        length_defect(total, BLOCK_HEADER + BLOCK_TRAILER, PLAUSIBLE_BLOCK) != NULL ||
        mt_capture_need(capture, at + total) != MT_OK)
        return 0;
    block = capture->buffer + capture->begin + at;
    if (mt_capture_32(capture, block + total - BLOCK_TRAILER) != total)
        return 0;
    return type != TYPE_PACKET ||
           (total >= PACKET_BLOCK && mt_capture_32(capture, block + 20) <= total - PACKET_BLOCK &&
            mt_capture_32(capture, block + 8) < capture->interfaces_count);
}

/* 1 if a block, or a pcap file, begins `at` the ready bytes. */
static int is_front(struct mt_capture *capture, size_t at)
{
    return is_block(capture, at) ||
           (mt_capture_ready(capture) >= at + BLOCK_HEADER + 4 &&
            mt_capture_is_file_header(capture->buffer + capture->begin + at, BLOCK_HEADER + 4));
}

static int next_block(struct mt_capture *capture, struct mt_packet *packet,
                      struct mt_failure *failure);

/* Skips zeros at the front, but for the last four: no block begins with as many. */
static void skip_zeros(struct mt_capture *capture)
{
    const uint8_t *front = capture->buffer + capture->begin;
    size_t ready = mt_capture_ready(capture), zeros = 0;
    while (zeros + 8 <= ready && mt_le64(front + zeros) == 0)
        zeros += 8;
    if (zeros > 4)
        capture->begin += zeros - 4;
}

/* Skips damage that begins at `offset`, up to the next block. At the beginning of a file damage
 * means that it is no capture. */
static int resynchronise(struct mt_capture *capture, struct mt_failure *failure, long long offset,
                         const char *defect)
{
    char text[128];
    (void)snprintf(text, sizeof text, "bad pcapng block at byte %lld: %s", offset, defect);
    if (capture->next != next_block)
        return mt_capture_stop(capture, failure, MT_DAMAGED, "%s", text);
    if (mt_capture_offset(capture) == offset)
        capture->begin++;
    while (!is_front(capture, 0)) {
        if (mt_capture_need(capture, BLOCK_HEADER + 4) != MT_OK)
            return mt_capture_lost(capture, failure, offset, text);
        skip_zeros(capture);
        capture->begin++;
    }
    return mt_capture_skipped(capture, failure, offset, "%s; blocks go on at byte %lld", text,
                              mt_capture_offset(capture));
}

static MT_NOINLINE int bad_block(struct mt_capture *capture, struct mt_failure *failure,
                                 const char *defect)
{
    if (capture->next == next_block &&
        mt_capture_is_file_header(capture->buffer + capture->begin, mt_capture_ready(capture)) &&
        mt_le32(capture->buffer + capture->begin) != TYPE_SECTION)
        return mt_capture_next_file(capture, failure);
    return resynchronise(capture, failure, mt_capture_offset(capture), defect);
}

/* Sets the byte order of a section from the first 12 bytes of its block. Returns 0 if its magic is
 * wrong. */
static int read_byte_order(struct mt_capture *capture, const uint8_t *header)
{
    uint32_t magic = mt_le32(header + 8);
    capture->swapped = magic == __builtin_bswap32(BYTE_ORDER_MAGIC);
    return capture->swapped || magic == BYTE_ORDER_MAGIC;
}

/* Why a total length is wrong, or NULL. */
static const char *length_defect(uint32_t total, uint32_t minimum, uint32_t maximum)
{
    if (total < minimum)
        return "too short for its type";
    if (total % 4 != 0)
        return "its length is no multiple of 4";
    if (total > maximum)
        return "its length is implausible";
    return NULL;
}

/* The block at the front is not whole in the file. Its length may be wrong: then another block
 * begins inside it. */
static MT_NOINLINE int end_in_block(struct mt_capture *capture, struct mt_failure *failure)
{
    long long offset = mt_capture_offset(capture);
    size_t ready = mt_capture_ready(capture);
    if (capture->input_result == MT_END && capture->next == next_block) {
        for (size_t at = 1; at + BLOCK_HEADER + BLOCK_TRAILER <= ready; at++) {
            if (!is_front(capture, at))
                continue;
            capture->begin += at;
            return mt_capture_skipped(
                capture, failure, offset,
                "the pcapng block at byte %lld is cut; blocks go on at byte %lld", offset,
                mt_capture_offset(capture));
        }
    }
    return mt_capture_ended(capture, failure, "a pcapng block", offset);
}

/* Reads the whole block at the front into the buffer and checks its length against its trailer. */
static inline int buffer_block(struct mt_capture *capture, struct mt_failure *failure,
                               uint32_t total, uint32_t minimum)
{
    const char *defect = length_defect(total, minimum, LONGEST_BLOCK);
    if (defect != NULL)
        return bad_block(capture, failure, defect);
    if (mt_capture_ready(capture) < total && mt_capture_need(capture, total) != MT_OK)
        return end_in_block(capture, failure);
    if (mt_capture_32(capture, capture->buffer + capture->begin + total - BLOCK_TRAILER) != total)
        return bad_block(capture, failure, "its two lengths differ");
    return MT_OK;
}

/* Skips a block of an unknown type, once its lengths agree. */
static int skip_block(struct mt_capture *capture, struct mt_failure *failure, uint32_t total)
{
    if (mt_capture_is_file_header(capture->buffer + capture->begin, mt_capture_ready(capture)))
        return bad_block(capture, failure, "a pcap file");
    int result = buffer_block(capture, failure, total, BLOCK_HEADER + BLOCK_TRAILER);
    capture->begin += result == MT_OK ? total : 0;
    return result;
}

/* Begins a section: its interfaces are counted from 0 again. Its length is ignored, since blocks
 * follow each other anyway. */
static int read_section(struct mt_capture *capture, struct mt_failure *failure)
{
    if (mt_capture_need(capture, BLOCK_HEADER + 4) != MT_OK)
        return end_in_block(capture, failure);
    const uint8_t *block = capture->buffer + capture->begin;
    if (!read_byte_order(capture, block))
        return bad_block(capture, failure, "a section without its byte-order magic");
    uint32_t total = mt_capture_32(capture, block + 4);
    int result = buffer_block(capture, failure, total, SECTION_BLOCK);
    if (result != MT_OK)
        return result;
    uint16_t major = mt_capture_16(capture, capture->buffer + capture->begin + 12);
    if (major != 1)
        return bad_block(capture, failure, "a section of another major version than 1");
    capture->sections_dropped = mt_capture_dropped(capture);
    capture->interfaces_count = 0;
    capture->begin += total;
    return MT_OK;
}

struct option {
    uint16_t code, size;
    const uint8_t *value;
};

/* Reads the option at `*at`, which moves on; the end mark may be missing. Returns 0 at the end, -1
 * if it does not fit. */
static int next_option(const struct mt_capture *capture, const uint8_t **at, const uint8_t *end,
                       struct option *option)
{
    if (end - *at < 4)
        return 0;
    option->code = mt_capture_16(capture, *at);
    option->size = mt_capture_16(capture, *at + 2);
    option->value = *at + 4;
    if (option->code == OPTION_END)
        return 0;
    size_t padded = ((size_t)option->size + 3) & ~(size_t)3;
    if (padded > (size_t)(end - option->value))
        return -1;
    *at = option->value + padded;
    return 1;
}

/* Reads the options of an interface from `at` to `end`. Returns 0 if one is wrong. */
static int read_options(const struct mt_capture *capture, struct mt_interface *interface,
                        const uint8_t *at, const uint8_t *end)
{
    struct option option;
    int more;
    while ((more = next_option(capture, &at, end, &option)) > 0) {
        if (option.code == OPTION_RESOLUTION) {
            if (option.size != 1)
                return 0;
            interface->resolution = option.value[0];
        } else if (option.code == OPTION_OFFSET) {
            if (option.size != 8)
                return 0;
            interface->offset = (int64_t)mt_capture_64(capture, option.value);
        }
    }
    return more == 0;
}

/* ---- drops ---- */

/* Adds a count from a file to a sum, which is -1 before the first; the sum never overflows. */
static void add_drops(int64_t *sum, uint64_t count)
{
    int64_t before = *sum > 0 ? *sum : 0;
    uint64_t room = (uint64_t)(INT64_MAX - before);
    *sum = before + (int64_t)(count < room ? count : room);
}

/* A statistics block: what its interface dropped since the capture began. */
static int read_statistics(struct mt_capture *capture, struct mt_failure *failure, uint32_t total)
{
    int result = skip_block(capture, failure, total);
    if (result != MT_OK || total < STATISTICS_BLOCK)
        return result;
    const uint8_t *block = capture->buffer + capture->begin - total;
    const uint8_t *at = block + STATISTICS_OPTIONS, *end = block + total - BLOCK_TRAILER;
    uint32_t number = mt_capture_32(capture, block + 8);
    struct option option;
    int64_t dropped = -1;
    while (next_option(capture, &at, end, &option) > 0) {
        if ((option.code == OPTION_INTERFACE_DROPS || option.code == OPTION_SYSTEM_DROPS) &&
            option.size == 8)
            add_drops(&dropped, mt_capture_64(capture, option.value));
    }
    if (number < capture->interfaces_count && dropped > capture->interfaces[number].dropped)
        capture->interfaces[number].dropped = dropped;
    return MT_OK;
}

/* The drops that an enhanced packet block notes in its options. */
static MT_NOINLINE void read_packet_drops(const struct mt_capture *capture,
                                          struct mt_interface *interface, const uint8_t *at,
                                          const uint8_t *end)
{
    struct option option;
    while (next_option(capture, &at, end, &option) > 0) {
        if (option.code == OPTION_DROP_COUNT && option.size == 8)
            add_drops(&interface->drops_noted, mt_capture_64(capture, option.value));
    }
}

int64_t mt_capture_dropped(const struct mt_capture *capture)
{
    int64_t sum = capture->sections_dropped;
    for (size_t i = 0; i < capture->interfaces_count; i++) {
        const struct mt_interface *interface = &capture->interfaces[i];
        int64_t dropped = interface->dropped > interface->drops_noted ? interface->dropped
                                                                      : interface->drops_noted;
        if (dropped >= 0)
            add_drops(&sum, (uint64_t)dropped);
    }
    return sum;
}

/* ---- interfaces ---- */

static void note_snap_length(struct mt_capture *capture, uint32_t snap_length)
{
    if (capture->greatest_snap_length != 0 && capture->greatest_snap_length != snap_length)
        capture->snap_lengths_differ = 1;
    if (snap_length > capture->greatest_snap_length)
        capture->greatest_snap_length = snap_length;
}

static int read_interface(struct mt_capture *capture, struct mt_failure *failure, uint32_t total)
{
    int result = buffer_block(capture, failure, total, INTERFACE_BLOCK);
    if (result != MT_OK)
        return result;
    const uint8_t *block = capture->buffer + capture->begin;
    struct mt_interface interface = {.link = mt_capture_16(capture, block + 8),
                                     .snaplen = mt_capture_32(capture, block + 12),
                                     .resolution = 6,
                                     .dropped = -1,
                                     .drops_noted = -1};
    if (interface.snaplen == 0)
        interface.snaplen = UINT32_MAX;
    if (!read_options(capture, &interface, block + INTERFACE_OPTIONS,
                      block + total - BLOCK_TRAILER))
        return bad_block(capture, failure, "an interface with a bad option");
    prepare_time(&interface);
    note_snap_length(capture, interface.snaplen);
    if (capture->interfaces_count >= (uint64_t)capture->interfaces_limit) {
        capture->exceeded = MT_LIMIT_interfaces;
        return mt_capture_stop(capture, failure, MT_TOO_MUCH,
                               "a section of more than %lld interfaces (limit interfaces)",
                               (long long)capture->interfaces_limit);
    }
    void *interfaces = capture->interfaces;
    if (mt_reserve(&interfaces, &capture->interfaces_capacity, capture->interfaces_count + 1,
                   sizeof interface) != MT_OK)
        return mt_capture_stop(capture, failure, MT_NOMEM, "%s", "");
    capture->interfaces = interfaces;
    capture->interfaces[capture->interfaces_count++] = interface;
    capture->begin += total;
    return MT_OK;
}

/* ---- packets ---- */

/* What the packet blocks have in common: `captured` and `length` are set; the data are at `offset`
 * of the block, which has `room` bytes for them. */
static inline int locate_data(struct mt_capture *capture, struct mt_packet *packet,
                              struct mt_failure *failure, uint32_t offset, uint32_t room)
{
    if (packet->captured > room)
        return bad_block(capture, failure, "a packet longer than its block");
    if (packet->captured > MT_PACKET_BYTES)
        return bad_block(capture, failure, "a packet whose length is implausible");
    if (packet->length < packet->captured)
        packet->length = packet->captured;
    packet->data = capture->buffer + capture->begin + offset;
    packet->ref.frame = ++capture->frame;
    return MT_OK;
}

/* Enhanced and obsolete packet blocks, which differ in the width of the interface's number only. */
static inline int read_packet(struct mt_capture *capture, struct mt_packet *packet,
                              struct mt_failure *failure, uint32_t type, uint32_t total)
{
    int result = buffer_block(capture, failure, total, PACKET_BLOCK);
    if (result != MT_OK)
        return result;
    const uint8_t *block = capture->buffer + capture->begin;
    uint32_t number =
        type == TYPE_PACKET ? mt_capture_32(capture, block + 8) : mt_capture_16(capture, block + 8);
    if (number >= capture->interfaces_count)
        return bad_block(capture, failure, "a packet of an interface that is not described");
    struct mt_interface *interface = &capture->interfaces[number];
    uint64_t ticks =
        (uint64_t)mt_capture_32(capture, block + 12) << 32 | mt_capture_32(capture, block + 16);
    packet->captured = mt_capture_32(capture, block + 20);
    packet->length = mt_capture_32(capture, block + 24);
    result = locate_data(capture, packet, failure, PACKET_DATA, total - PACKET_BLOCK);
    if (result != MT_OK)
        return result;
    uint32_t data_end = PACKET_DATA + ((packet->captured + 3) & ~3u);
    if (type == TYPE_PACKET && total - BLOCK_TRAILER > data_end)
        read_packet_drops(capture, interface, block + data_end, block + total - BLOCK_TRAILER);
    packet->link = interface->link;
    packet->ref.time = time_of(interface, ticks);
    capture->begin += total;
    return MT_OK;
}

/* Simple packet blocks belong to the first interface, have no time and no captured length. */
static MT_NOINLINE int read_simple(struct mt_capture *capture, struct mt_packet *packet,
                                   struct mt_failure *failure, uint32_t total)
{
    int result = buffer_block(capture, failure, total, SIMPLE_BLOCK);
    if (result != MT_OK)
        return result;
    if (capture->interfaces_count == 0)
        return bad_block(capture, failure, "a packet of an interface that is not described");
    const struct mt_interface *interface = &capture->interfaces[0];
    packet->length = mt_capture_32(capture, capture->buffer + capture->begin + 8);
    packet->captured = packet->length < interface->snaplen ? packet->length : interface->snaplen;
    result = locate_data(capture, packet, failure, SIMPLE_DATA, total - SIMPLE_BLOCK);
    if (result != MT_OK)
        return result;
    packet->link = interface->link;
    packet->ref.time = MT_NO_TIME;
    capture->begin += total;
    return MT_OK;
}

/* The block at the front, which has no packet. MT_OK, or the result of mt_capture_next. */
static MT_NOINLINE int read_other(struct mt_capture *capture, struct mt_failure *failure,
                                  uint32_t type, uint32_t total)
{
    switch (type) {
    case TYPE_SECTION:
        return read_section(capture, failure);
    case TYPE_INTERFACE:
        return read_interface(capture, failure, total);
    case TYPE_STATISTICS:
        return read_statistics(capture, failure, total);
    default:
        return skip_block(capture, failure, total);
    }
}

/* mt_capture_next. */
static int next_block(struct mt_capture *capture, struct mt_packet *packet,
                      struct mt_failure *failure)
{
    for (;;) {
        if (mt_capture_ready(capture) < BLOCK_HEADER &&
            mt_capture_need(capture, BLOCK_HEADER) != MT_OK)
            return end_in_block(capture, failure);
        const uint8_t *block = capture->buffer + capture->begin;
        uint32_t type = mt_capture_32(capture, block), total = mt_capture_32(capture, block + 4);
        if (type == TYPE_PACKET || type == TYPE_PACKET_OBSOLETE)
            return read_packet(capture, packet, failure, type, total);
        if (type == TYPE_SIMPLE)
            return read_simple(capture, packet, failure, total);
        int result = read_other(capture, failure, type, total);
        if (result != MT_OK)
            return result;
    }
}

int mt_capture_pcapng(struct mt_capture *capture, struct mt_failure *failure)
{
    if (mt_le32(capture->buffer + capture->begin) != TYPE_SECTION)
        return MT_END;
    int result = read_section(capture, failure);
    if (result != MT_OK) {
        if (capture->input_result != MT_OK) /* else the reason stands in `failure` */
            return mt_capture_no_header(capture, failure);
        return MT_NOT_CAPTURE;
    }
    capture->next = next_block;
    return MT_OK;
}
