/* The minimum work of a decoder: every distinct blob of a capture through the core's own Keccak,
 * once. Reads what `generate --blobs` writes (u32 length, bytes), and prints blobs, bytes, the time
 * of the hashing alone, and the exclusive or of all hashes, so that it can be checked. */
#define _POSIX_C_SOURCE 200809L /* clock_gettime */
#include "base/bytes.h"
#include "chain/keccak.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

typedef struct {
    uint64_t blobs, bytes;
    uint8_t hashes[MT_HASH_SIZE]; /* exclusive or of them */
} result;

static double seconds(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* The whole file, NULL if it cannot be read. */
static uint8_t *contents(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return NULL;
    uint8_t *bytes = NULL;
    long end = fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
    if (end >= 0 && fseek(file, 0, SEEK_SET) == 0)
        bytes = malloc((size_t)end + 1);
    if (bytes && fread(bytes, 1, (size_t)end, file) != (size_t)end) {
        free(bytes);
        bytes = NULL;
    }
    fclose(file);
    *size = (size_t)end;
    return bytes;
}

/* False if the file ends within a blob. */
static bool pass(const uint8_t *bytes, size_t size, result *total)
{
    size_t at = 0;
    while (size - at >= sizeof(uint32_t)) {
        size_t length = mt_le32(bytes + at);
        at += sizeof(uint32_t);
        if (length > size - at)
            return false;
        uint8_t hash[MT_HASH_SIZE];
        mt_keccak256(bytes + at, length, hash);
        for (int i = 0; i < MT_HASH_SIZE; i++)
            total->hashes[i] ^= hash[i];
        total->blobs++;
        total->bytes += length;
        at += length;
    }
    return at == size;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s BLOBS\n", argv[0]);
        return 2;
    }
    size_t size;
    uint8_t *bytes = contents(argv[1], &size);
    if (!bytes) {
        perror(argv[1]);
        return 1;
    }
    result total = {0};
    double wall = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
    bool whole = pass(bytes, size, &total);
    cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    wall = seconds(CLOCK_MONOTONIC) - wall;
    free(bytes);
    if (!whole) {
        fprintf(stderr, "%s: not a file of blobs\n", argv[1]);
        return 1;
    }
    printf("{\"blobs\": %" PRIu64 ", \"blob_bytes\": %" PRIu64
           ", \"within_seconds\": %.9f, \"within_cpu\": %.9f, \"hashes\": \"",
           total.blobs, total.bytes, wall, cpu);
    for (int i = 0; i < MT_HASH_SIZE; i++)
        printf("%02x", total.hashes[i]);
    puts("\"}");
    return 0;
}
