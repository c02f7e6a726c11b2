/* Other capture formats, read by libpcap from our input. */
#define _GNU_SOURCE
#include "capture/capture_internal.h"
#include "capture/file_kind.h"

#include <pcap/pcap.h>
#include <stdio.h>

enum { KIND_BYTES = 512 }; /* that show what a file is */

/* The input as a FILE: first the bytes in the buffer, then the rest. */
static ssize_t cookie_read(void *cookie, char *to, size_t size)
{
    struct mt_capture *capture = cookie;
    size_t ready = mt_capture_ready(capture);
    if (size == 0)
        return 0;
    if (ready == 0) {
        int result = mt_capture_need(capture, 1);
        if (result != MT_OK)
            return result == MT_END ? 0 : -1;
        ready = mt_capture_ready(capture);
    }
    size_t part = ready < size ? ready : size;
    memcpy(to, capture->buffer + capture->begin, part);
    capture->begin += part;
    return (ssize_t)part;
}

/* mt_capture_next. */
static int next_packet(struct mt_capture *capture, struct mt_packet *packet,
                       struct mt_failure *failure)
{
    struct pcap_pkthdr *header;
    const u_char *data;
    int status = pcap_next_ex(capture->pcap, &header, &data);
    if (capture->input_result < 0 && status != 1)
        return mt_capture_stop(capture, failure, capture->input_result, "%s",
                               capture->input_failure.text);
    if (status == PCAP_ERROR_BREAK)
        return mt_capture_stop(capture, failure, MT_END, "%s", "");
    if (status != 1)
        return mt_capture_stop(capture, failure, MT_DAMAGED, "%s", pcap_geterr(capture->pcap));
    packet->data = data;
    packet->captured = header->caplen;
    packet->length = header->len >= header->caplen ? header->len : header->caplen;
    packet->link = capture->link;
    int64_t time;
    if (__builtin_mul_overflow((int64_t)header->ts.tv_sec, (int64_t)1000000000, &time) ||
        __builtin_add_overflow(time, (int64_t)header->ts.tv_usec, &time))
        time = MT_NO_TIME;
    packet->ref.time = time;
    packet->ref.frame = ++capture->frame;
    return MT_OK;
}

/* libpcap reports its own number of a link type (DLT_), not the one in files (LINKTYPE_), which it
 * writes into the header of every file. For a type that it does not know it writes no file, and
 * both numbers are the same. */
static int find_link(struct mt_capture *capture)
{
    uint8_t header[64] = {0};
    FILE *memory = fmemopen(header, sizeof header, "wb");
    if (memory == NULL)
        return MT_NOMEM;
    pcap_dumper_t *dumper = pcap_dump_fopen(capture->pcap, memory);
    if (dumper == NULL) {
        (void)fclose(memory);
        capture->link = (uint32_t)pcap_datalink(capture->pcap);
        return MT_OK;
    }
    pcap_dump_close(dumper);
    capture->link = mt_le32(header + 20) & 0xffff;
    return MT_OK;
}

/* The message for a file that is not a capture: its first bytes and the cause. */
static int refuse_bytes(struct mt_failure *failure, const uint8_t *bytes, size_t count,
                        const char *cause)
{
    char text[3 * 8 + 1] = "";
    for (size_t i = 0; i < count && i < 8; i++)
        (void)snprintf(text + 3 * i, 4, " %02x", bytes[i]);
    return mt_fail(failure, MT_NOT_CAPTURE, "not a capture file (begins with%s): %s", text, cause);
}

int mt_capture_libpcap(struct mt_capture *capture, struct mt_failure *failure)
{
    if (mt_capture_size(capture) >= 0)
        (void)mt_capture_need(capture, KIND_BYTES); /* the file may be shorter */
    uint8_t first[4];
    memcpy(first, capture->buffer + capture->begin, sizeof first);
    const char *kind = mt_file_kind(capture->buffer + capture->begin, mt_capture_ready(capture));
    FILE *file = fopencookie(capture, "rb", (cookie_io_functions_t){.read = cookie_read});
    if (file == NULL)
        return mt_fail(failure, MT_NOMEM, "%s", "");
    char cause[PCAP_ERRBUF_SIZE] = "";
    capture->pcap =
        pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, cause);
    if (capture->pcap == NULL) {
        (void)fclose(file);
        if (capture->input_result < 0)
            return mt_capture_no_header(capture, failure);
        return refuse_bytes(failure, first, sizeof first, kind != NULL ? kind : cause);
    }
    if (find_link(capture) != MT_OK)
        return mt_fail(failure, MT_NOMEM, "%s", "");
    capture->next = next_packet;
    return MT_OK;
}

void mt_capture_libpcap_close(struct mt_capture *capture)
{
    if (capture->pcap != NULL)
        pcap_close(capture->pcap);
    capture->pcap = NULL;
}
