/* The upper limit of speed: reads every packet of a capture with libpcap. Prints the packets
 * and their bytes. */
#define _DEFAULT_SOURCE /* u_int and its like, which the header of libpcap needs */
#include <inttypes.h>
#include <pcap/pcap.h>
#include <stdint.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s CAPTURE\n", argv[0]);
        return 2;
    }
    char reason[PCAP_ERRBUF_SIZE];
    pcap_t *capture = pcap_open_offline(argv[1], reason);
    if (!capture) {
        fprintf(stderr, "%s\n", reason);
        return 1;
    }
    uint64_t packets = 0, bytes = 0;
    struct pcap_pkthdr *header;
    const u_char *data;
    int result;
    while ((result = pcap_next_ex(capture, &header, &data)) == 1) {
        packets++;
        bytes += header->caplen;
    }
    if (result == PCAP_ERROR)
        fprintf(stderr, "%s\n", pcap_geterr(capture));
    pcap_close(capture);
    printf("{\"packets\": %" PRIu64 ", \"bytes\": %" PRIu64 "}\n", packets, bytes);
    return result == PCAP_ERROR;
}
