/* The sliding buffer of a capture file, how its reading ends, and the choice of a format. */
#define _GNU_SOURCE
#include "capture/capture_internal.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>

enum {
    BUFFER_SIZE = 256 << 10, /* stays in the second-level cache */
    FIRST_CHUNK = 16 << 10
};

/* ---- the buffer ---- */

/* Makes room after `end`: moves the ready bytes to the front, and grows the buffer if they fill it.
 * MT_OK or MT_NOMEM. */
static int make_room(struct mt_capture *capture)
{
    size_t ready = mt_capture_ready(capture);
    if (capture->begin > 0) {
        memmove(capture->buffer, capture->buffer + capture->begin, ready);
        capture->base += (int64_t)capture->begin;
        capture->begin = 0;
        capture->end = ready;
    }
    if (capture->capacity - capture->end >= capture->capacity / 4)
        return MT_OK; /* less room would mean to move many bytes to read few */
    if (mt_budget_is_full(capture->budget, (int64_t)capture->capacity)) {
        capture->exceeded = MT_LIMIT_open_file_bytes;
        return mt_fail(&capture->input_failure, MT_TOO_MUCH,
                       "a record is longer than the memory of the files that are open at once "
                       "(limit open_file_bytes)");
    }
    uint8_t *grown = mt_resize(capture->buffer, capture->capacity * 2,
                               1); /* by what was read, not by a claimed length */
    if (grown == NULL)
        return MT_NOMEM;
    mt_budget_use(capture->budget, (int64_t)capture->capacity);
    capture->buffer = grown;
    capture->capacity *= 2;
    return MT_OK;
}

int mt_capture_need(struct mt_capture *capture, size_t size)
{
    while (mt_capture_ready(capture) < size) {
        if (capture->input_result != MT_OK)
            return capture->input_result;
        int room_result = make_room(capture);
        if (room_result != MT_OK)
            return capture->input_result = room_result;
        size_t room = capture->capacity - capture->end;
        int64_t got =
            mt_input_read(capture->input, capture->buffer + capture->end,
                          room < capture->chunk ? room : capture->chunk, &capture->input_failure);
        if (got <= 0)
            capture->input_result = got == 0 ? MT_END : (int)got;
        else
            capture->end += (size_t)got;
        if (capture->chunk < BUFFER_SIZE)
            capture->chunk *= 2;
    }
    return MT_OK;
}

/* ---- the end ---- */

static int stopped(struct mt_capture *capture, struct mt_packet *packet, struct mt_failure *failure)
{
    (void)packet;
    return mt_fail(failure, capture->result, "%s", capture->failure.text);
}

int mt_capture_stop(struct mt_capture *capture, struct mt_failure *failure, int result,
                    const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(capture->failure.text, sizeof capture->failure.text, format, arguments);
    va_end(arguments);
    capture->result = result;
    capture->next = stopped;
    return stopped(capture, NULL, failure);
}

/* Notes where the damage is: from `offset` to the last byte that was read. */
static void note_damage_to_end(struct mt_capture *capture, long long offset)
{
    capture->damage.offset = offset;
    capture->damage.bytes = capture->base + (int64_t)capture->end - offset;
}

int mt_capture_ended(struct mt_capture *capture, struct mt_failure *failure, const char *what,
                     long long offset)
{
    if (capture->input_result != MT_END)
        return mt_capture_stop(capture, failure, capture->input_result, "%s",
                               capture->input_failure.text);
    if (mt_capture_offset(capture) == offset && mt_capture_ready(capture) == 0)
        return mt_capture_stop(capture, failure, MT_END, "%s", "");
    note_damage_to_end(capture, offset);
    return mt_capture_stop(capture, failure, MT_DAMAGED,
                           "the capture ends inside %s that begins at byte %lld", what, offset);
}

int mt_capture_no_header(const struct mt_capture *capture, struct mt_failure *failure)
{
    switch (capture->input_result) {
    case MT_NOMEM:
    case MT_INTERRUPTED:
    case MT_IO:
    case MT_TOO_MUCH:
        return mt_fail(failure, capture->input_result, "%s", capture->input_failure.text);
    case MT_DAMAGED:
        return mt_fail(failure, MT_NOT_CAPTURE, "cut in the file header: %s",
                       capture->input_failure.text);
    default:
        return mt_fail(failure, MT_NOT_CAPTURE, "cut in the file header (%zu bytes in all)",
                       mt_capture_ready(capture));
    }
}

/* ---- damage ---- */

int mt_capture_skipped(struct mt_capture *capture, struct mt_failure *failure, long long offset,
                       const char *format, ...)
{
    capture->damage.offset = offset;
    capture->damage.bytes = mt_capture_offset(capture) - offset;
    if (failure != NULL) {
        va_list arguments;
        va_start(arguments, format);
        (void)vsnprintf(failure->text, sizeof failure->text, format, arguments);
        va_end(arguments);
    }
    return MT_SKIPPED;
}

int mt_capture_lost(struct mt_capture *capture, struct mt_failure *failure, long long offset,
                    const char *defect)
{
    note_damage_to_end(capture, offset);
    capture->begin = capture->end;
    if (capture->input_result < 0 && capture->input_result != MT_DAMAGED)
        return mt_capture_stop(capture, failure, capture->input_result, "%s",
                               capture->input_failure.text);
    return mt_capture_stop(capture, failure, MT_DAMAGED, "%s", defect);
}

int mt_capture_is_file_header(const uint8_t *bytes, size_t size)
{
    if (size < 12)
        return 0;
    uint32_t magic = mt_le32(bytes), version = mt_le32(bytes + 4), order = mt_le32(bytes + 8);
    if (magic == 0xa1b2c3d4 || magic == 0xa1b23c4d)
        return version == 0x00040002;
    if (magic == 0xd4c3b2a1 || magic == 0x4d3cb2a1)
        return version == 0x04000200;
    return magic == 0x0a0d0d0a && (order == 0x1a2b3c4d || order == 0x4d3c2b1a);
}

int mt_capture_next_file(struct mt_capture *capture, struct mt_failure *failure)
{
    long long offset = mt_capture_offset(capture);
    int result = mt_capture_pcap(capture, failure);
    if (result == MT_END)
        result = mt_capture_pcapng(capture, failure);
    if (result != MT_OK)
        return mt_capture_lost(capture, failure, offset, "cut in the header of another file");
    (void)mt_capture_skipped(capture, failure, offset, "the header of another file at byte %lld",
                             offset);
    capture->damage.bytes = 0; /* it was read */
    return MT_SKIPPED;
}

/* ---- opening ---- */

/* MT_NOT_CAPTURE for a file of fewer bytes than a magic has. */
static int too_short(const struct mt_capture *capture, struct mt_failure *failure)
{
    if (capture->input_result == MT_END && mt_capture_ready(capture) == 0)
        return mt_fail(failure, MT_NOT_CAPTURE, "empty file");
    return mt_capture_no_header(capture, failure);
}

/* Finds the format. Results as mt_capture_pcap, but never MT_END. */
static int recognise(struct mt_capture *capture, struct mt_failure *failure)
{
    if (mt_capture_need(capture, 4) != MT_OK)
        return too_short(capture, failure);
    int result = mt_capture_pcap(capture, failure);
    if (result == MT_END)
        result = mt_capture_pcapng(capture, failure);
    if (result == MT_END)
        result = mt_capture_libpcap(capture, failure);
    return result;
}

struct mt_capture *mt_capture_open(const char *path, const struct mt_limits *limits,
                                   struct mt_budget *budget, int *result,
                                   struct mt_failure *failure)
{
    struct mt_capture *capture = mt_alloc(1, sizeof *capture);
    uint8_t *buffer = mt_resize(NULL, BUFFER_SIZE, 1); /* need not be zeroed */
    if (capture == NULL || buffer == NULL) {
        mt_free(capture);
        mt_free(buffer);
        *result = mt_fail(failure, MT_NOMEM, "%s", "");
        return NULL;
    }
    capture->buffer = buffer;
    capture->interfaces_limit = limits->interfaces;
    capture->sections_dropped = -1;
    capture->exceeded = MT_LIMIT_COUNT;
    capture->budget = budget;
    capture->capacity = BUFFER_SIZE;
    capture->chunk = FIRST_CHUNK;
    capture->input = mt_input_open(path, limits, budget, result, failure);
    if (capture->input != NULL)
        *result = recognise(capture, failure);
    if (*result != MT_OK) {
        mt_capture_close(capture);
        return NULL;
    }
    return capture;
}

int mt_capture_next(struct mt_capture *capture, struct mt_packet *packet,
                    struct mt_failure *failure)
{
    int result = capture->next(capture, packet, failure);
    packet->greatest_snap_length = capture->snap_lengths_differ ? capture->greatest_snap_length : 0;
    return result;
}

int64_t mt_capture_position(const struct mt_capture *capture)
{
    int64_t position = mt_input_position(capture->input);
    return mt_input_compressed(capture->input) ? position
                                               : position - (int64_t)mt_capture_ready(capture);
}

int mt_capture_compressed(const struct mt_capture *capture)
{
    return mt_input_compressed(capture->input);
}

int mt_capture_uses_codec(const struct mt_capture *capture)
{
    return mt_input_uses_codec(capture->input);
}

int64_t mt_capture_size(const struct mt_capture *capture)
{
    return mt_input_size(capture->input);
}

struct mt_capture_damage mt_capture_damage(const struct mt_capture *capture)
{
    return capture->damage;
}

enum mt_limit_id mt_capture_exceeded(const struct mt_capture *capture)
{
    return capture->exceeded != MT_LIMIT_COUNT ? capture->exceeded
                                               : mt_input_exceeded(capture->input);
}

int64_t mt_capture_link(const struct mt_capture *capture)
{
    if (capture->interfaces_count != 0)
        return capture->interfaces[0].link;
    return capture->fraction != 0 || capture->pcap != NULL ? (int64_t)capture->link : -1;
}

void mt_capture_close(struct mt_capture *capture)
{
    if (capture == NULL)
        return;
    mt_capture_libpcap_close(capture);
    mt_input_close(capture->input);
    mt_budget_use(capture->budget, -(int64_t)(capture->capacity - BUFFER_SIZE));
    mt_free(capture->interfaces);
    mt_free(capture->buffer);
    mt_free(capture);
}
