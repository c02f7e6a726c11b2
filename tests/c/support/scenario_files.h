/* For the tests of failures: the packets in memory as capture files of several formats. */
#ifndef MT_TEST_SCENARIO_FILES_H
#define MT_TEST_SCENARIO_FILES_H

#include "support/scenario_packets.h"

/* ---- files ---- */

static inline void put_32(struct wire *to, uint32_t value)
{
    wire_put(to, &value, 4);
}

static inline void begin_pcap(struct wire *to, uint32_t magic, uint32_t link)
{
    const uint32_t header[] = {magic, 2 | 4 << 16, 0, 0, 262144, link};
    wire_put(to, header, sizeof header);
}

/* Raw IP in Kuznetzov's format, which only libpcap reads: without the Ethernet header, and with
 * more in the header of a record. */
static inline void put_record(struct wire *to, size_t i, int kuznetzov)
{
    uint32_t skipped = kuznetzov ? 14 : 0;
    put_32(to, (uint32_t)(packets[i].time / 1000000));
    put_32(to, (uint32_t)(packets[i].time % 1000000));
    put_32(to, packets[i].captured - skipped);
    put_32(to, packets[i].length - skipped);
    wire_fill(to, 0, kuznetzov ? 8 : 0);
    wire_put(to, packets[i].data + skipped, packets[i].captured - skipped);
}

static inline void begin_pcapng(struct wire *to)
{
    static const uint32_t section[] = {0x0a0d0d0a, 28, 0x1a2b3c4d, 1, 0xffffffff, 0xffffffff, 28};
    wire_put(to, section, sizeof section);
    for (uint32_t i = 0; i < 20; i++) { /* more than there is room for at first */
        const uint32_t interface[] = {1, 20, i == 0 ? (uint32_t)ETHERNET : 150 + i % 13, 0,
                                      20}; /* USER3 to USER15: nobody's */
        wire_put(to, interface, sizeof interface);
    }
}

static inline void put_block_of_packet(struct wire *to, size_t i)
{
    uint32_t padding = (4 - packets[i].captured % 4) % 4,
             total = 32 + packets[i].captured + padding;
    uint64_t time = (uint64_t)packets[i].time;
    const uint32_t header[] = {6,
                               total,
                               (uint32_t)packets[i].interface,
                               (uint32_t)(time >> 32),
                               (uint32_t)time,
                               packets[i].captured,
                               packets[i].length};
    wire_put(to, header, sizeof header);
    wire_put(to, packets[i].data, packets[i].captured);
    wire_fill(to, 0, padding);
    put_32(to, total);
}

static struct wire files[FORMATS]; /* as they are on disk */

static inline void pack_gzip(struct wire *file)
{
    size_t room = compressBound(file->size) + 100;
    struct wire packed = {.bytes = malloc(room)};
    z_stream z = {.next_in = file->bytes,
                  .avail_in = (uInt)file->size,
                  .next_out = packed.bytes,
                  .avail_out = (uInt)room};
    CHECK(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK &&
          deflate(&z, Z_FINISH) == Z_STREAM_END);
    packed.size = packed.capacity = z.total_out;
    CHECK(deflateEnd(&z) == Z_OK);
    wire_free(file);
    *file = packed;
}

static inline void pack_zstd(struct wire *file)
{
    size_t room = ZSTD_compressBound(file->size);
    struct wire packed = {.bytes = malloc(room)};
    packed.size = packed.capacity = ZSTD_compress(packed.bytes, room, file->bytes, file->size, 1);
    CHECK(!ZSTD_isError(packed.size));
    wire_free(file);
    *file = packed;
}

/* A folder of our own, and in it a place for each format. */
static inline void make_folder(void)
{
    (void)snprintf(folder, sizeof folder, "%s/mt_exhaustion_XXXXXX",
                   P_tmpdir); /* mkdtemp fills in what is free */
    CHECK(mkdtemp(folder) != NULL);
    for (int format = 0; format < FORMATS; format++) {
        (void)snprintf(names[format], sizeof names[format], "%s/file_%d", folder, format);
        paths[format] = names[format];
    }
}

static inline void remove_folder(void)
{
    for (int format = 0; format < FORMATS; format++)
        (void)unlink(paths[format]);
    CHECK(rmdir(folder) == 0);
}

/* The first `size` bytes of a file, written. */
static inline void save(int format, size_t size)
{
    FILE *file = fopen(paths[format], "wb");
    CHECK(file != NULL && fwrite(files[format].bytes, 1, size, file) == size && fclose(file) == 0);
}

/* Of the packets that there are, then forgotten, as many files as they are in. */
static inline void make_files(void)
{
    begin_pcap(&files[PCAP], 0xa1b2c3d4, ETHERNET);
    begin_pcapng(&files[PCAPNG_ZSTD]);
    begin_pcap(&files[PCAP_GZIP], 0xa1b2c3d4, ETHERNET);
    begin_pcap(&files[KUZNETZOV], 0xa1b2cd34, RAW);
    for (size_t i = 0; i < packets_count; i++) {
        int format = packets[i].file;
        if (format == PCAPNG_ZSTD)
            put_block_of_packet(&files[format], i);
        else
            put_record(&files[format], i, format == KUZNETZOV);
    }
    pack_zstd(&files[PCAPNG_ZSTD]);
    pack_gzip(&files[PCAP_GZIP]);
    for (int format = 0; format < FORMATS; format++)
        save(format, files[format].size);
    while (packets_count > 0)
        free(packets[--packets_count].data);
}

static inline void forget_files(void)
{
    for (int format = 0; format < FORMATS; format++)
        wire_free(&files[format]);
}

#endif
