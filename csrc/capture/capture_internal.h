/* What the readers of the capture formats share: one buffer that slides over the input.
 *
 * Owns the state of one capture file. Must not know link layers or other files. Used by capture.c,
 * pcap.c, pcapng.c and libpcap.c only. */
#ifndef MT_CAPTURE_CAPTURE_INTERNAL_H
#define MT_CAPTURE_CAPTURE_INTERNAL_H

#include "base/bytes.h"
#include "capture/capture.h"
#include "capture/input.h"

#include <stddef.h>

enum { MT_PACKET_BYTES = 64 << 20 }; /* more than any link carries: a longer packet is damage */

/* Reads the next packet of one format. Result as of mt_capture_next. */
typedef int mt_capture_reader(struct mt_capture *capture, struct mt_packet *packet,
                              struct mt_failure *failure);

/* A pcapng interface: what the headers of its packets leave out. */
struct mt_interface {
    uint32_t link;
    uint32_t snaplen;    /* UINT32_MAX: unlimited */
    uint8_t resolution;  /* if_tsresol as stored */
    int64_t offset;      /* if_tsoffset, seconds */
    int64_t dropped;     /* packets dropped, by its latest statistics; -1: unknown */
    int64_t drops_noted; /* the sum of the drops noted with packets, -1: unknown */
    uint64_t
        multiplier; /* ticks below `fast_below` are multiplier nanoseconds each, from `start` */
    uint64_t fast_below;
    int64_t start;
};

struct mt_capture {
    uint8_t *buffer; /* bytes begin to end are read and not yet consumed */
    size_t begin, end;
    size_t capacity;
    size_t chunk; /* most bytes to read at once: grows, so that a look at a first packet is cheap */
    int64_t base; /* offset of buffer[0] in the decompressed file */
    int64_t frame; /* packets delivered */
    mt_capture_reader *next;
    int swapped; /* the file's integers are big-endian */

    uint32_t link;      /* pcap: of all packets */
    uint32_t fraction;  /* pcap: nanoseconds of a unit of the fraction of a second */
    uint32_t limit;     /* pcap: longest plausible packet */
    uint32_t fractions; /* pcap: fractions from here on are implausible */
    uint32_t earliest;  /* pcap: plausible seconds begin here, */
    uint32_t span;      /* and end so much later */
    uint32_t lacking;   /* pcap: bytes that the cut record lacks, for the event that reports it */

    struct mt_interface *interfaces; /* pcapng: those of the section */
    size_t interfaces_count, interfaces_capacity;
    int64_t interfaces_limit;
    uint32_t greatest_snap_length; /* pcapng: of the interfaces so far, 0: no interface */
    uint8_t snap_lengths_differ;
    enum mt_limit_id exceeded; /* after MT_TOO_MUCH; MT_LIMIT_COUNT: the one of the input */
    struct mt_budget *budget;  /* of the buffer, as far as it grew */
    int64_t sections_dropped;  /* pcapng: packets dropped in the sections before, -1: unknown */
    struct mt_capture_damage damage;

    void *pcap; /* libpcap's pcap_t */

    struct mt_input *input;
    int input_result; /* MT_OK, MT_END or an error, after which nothing more is read */
    struct mt_failure input_failure;
    int result; /* set by mt_capture_stop, for every further call */
    struct mt_failure failure;
};

/* The integer of 2 bytes at `p`, in the byte order of the file. */
static inline uint16_t mt_capture_16(const struct mt_capture *capture, const uint8_t *p)
{
    return capture->swapped ? mt_be16(p) : mt_le16(p);
}

/* The same of 4 bytes. */
static inline uint32_t mt_capture_32(const struct mt_capture *capture, const uint8_t *p)
{
    return capture->swapped ? mt_be32(p) : mt_le32(p);
}

/* The same of 8 bytes. */
static inline uint64_t mt_capture_64(const struct mt_capture *capture, const uint8_t *p)
{
    return capture->swapped ? mt_be64(p) : mt_le64(p);
}

/* Bytes ready at buffer + begin. */
static inline size_t mt_capture_ready(const struct mt_capture *capture)
{
    return capture->end - capture->begin;
}

/* Offset of the next byte in the decompressed file. */
static inline long long mt_capture_offset(const struct mt_capture *capture)
{
    return capture->base + (long long)capture->begin;
}

/* Reads until `size` bytes are ready; may move the buffer, which invalidates pointers into it.
 * Returns MT_OK; MT_END (the file has fewer), MT_IO, MT_DAMAGED (reason in input_failure) or
 * MT_NOMEM. */
int mt_capture_need(struct mt_capture *capture, size_t size);

/* Ends the capture: every further mt_capture_next returns `result` and its reason. Returns
 * `result`. */
int mt_capture_stop(struct mt_capture *capture, struct mt_failure *failure, int result,
                    const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Records that the bytes from `offset` to the next byte were skipped, and why. Returns
 * MT_SKIPPED. */
int mt_capture_skipped(struct mt_capture *capture, struct mt_failure *failure, long long offset,
                       const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Ends the capture because no record follows the damage that begins at `offset`: MT_DAMAGED for the
 * reason `defect`, or the error of the input if it has one. Returns the result. */
int mt_capture_lost(struct mt_capture *capture, struct mt_failure *failure, long long offset,
                    const char *defect);

/* Ends the capture after mt_capture_need failed: the clean end if nothing is ready, else a cut
 * inside `what` that began at `offset`, or the input's own error. Returns the result. */
int mt_capture_ended(struct mt_capture *capture, struct mt_failure *failure, const char *what,
                     long long offset);

/* Opens a pcap file: reads the file header out of the ready bytes (at least 4), consumes it and
 * sets `next`. Returns MT_OK; MT_END if it is another format (nothing is consumed); MT_NOT_CAPTURE,
 * MT_IO or MT_NOMEM with the reason. */
int mt_capture_pcap(struct mt_capture *capture, struct mt_failure *failure);

/* 1 if `size` bytes begin with the file header of a pcap or pcapng file. */
int mt_capture_is_file_header(const uint8_t *bytes, size_t size);

/* Continues with the file header at the front, which damage or the end of another file precedes.
 * Returns MT_SKIPPED, or the result of a header that cannot be read. */
int mt_capture_next_file(struct mt_capture *capture, struct mt_failure *failure);

/* Opens a pcapng file, as mt_capture_pcap. */
int mt_capture_pcapng(struct mt_capture *capture, struct mt_failure *failure);

/* Opens a file of any format that libpcap reads. Results as mt_capture_pcap, but MT_NOT_CAPTURE
 * with libpcap's reason in place of MT_END. */
int mt_capture_libpcap(struct mt_capture *capture, struct mt_failure *failure);

/* The result of opening a file whose header cannot be read whole; the reason is in `failure`. */
int mt_capture_no_header(const struct mt_capture *capture, struct mt_failure *failure);

/* Frees what mt_capture_libpcap allocated; does nothing for other formats. */
void mt_capture_libpcap_close(struct mt_capture *capture);

#endif
