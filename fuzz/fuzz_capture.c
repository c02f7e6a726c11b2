/* A whole capture file: any format, compressed or not, damaged or not. */
#define _GNU_SOURCE /* memfd_create */
#include "core.h"
#include "input.h"
#include "invariants.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Bits of the first byte. */
enum { IN_STEPS = 4, TWO_FILES = 8 };

/* The bytes as a file without a name; its path. */
static int make_file(const uint8_t *bytes, size_t size, char path[32])
{
    int fd = memfd_create("capture", MFD_CLOEXEC);
    MUST(fd >= 0 && write(fd, bytes, size) == (ssize_t)size, "no memory file");
    (void)snprintf(path, 32, "/proc/self/fd/%d", fd);
    return fd;
}

/* What numpy would take over, and when. */
static void take_all(struct mt_core *core)
{
    for (int id = 0; id < MT_TABLE_COUNT; id++) {
        size_t count;
        mt_free(mt_core_take(core, (enum mt_table_id)id, &count));
    }
}

static void read_all(struct mt_core *core, const struct input *input)
{
    struct mt_failure failure;
    uint64_t rows = (input->flags & IN_STEPS) != 0 ? 1u + input->byte : 0;
    int result;
    while ((result = mt_core_step(core, 0, rows, &failure)) == MT_OK)
        if (rows != 0)
            take_all(core);
    MUST(result == MT_END || result == MT_LINK_TYPE,
         "reading stopped for a reason that input cannot cause");
    MUST(mt_core_step(core, 0, 0, &failure) == result, "reading continued after its end");
    if (result == MT_END && rows == 0) {
        struct mt_table tables[MT_TABLE_COUNT];
        for (int id = 0; id < MT_TABLE_COUNT; id++)
            tables[id] = *mt_core_table(core, (enum mt_table_id)id);
        check_tables(tables, mt_core_addresses(core), mt_core_strings(core));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint16_t ports[] = {18080, 28080, 38080};
    struct input input = input_read(data, size);
    struct mt_core_options options = {
        .limits = input.limits, .tables = input.tables, .ports = ports, .ports_count = 3};
    char names[2][32];
    size_t files = (input.flags & TWO_FILES) != 0 ? 2 : 1,
           half = files == 2 ? input.size * input.byte / 256 : input.size;
    int first = make_file(input.rest, half, names[0]),
        second = files == 2 ? make_file(input.rest + half, input.size - half, names[1]) : -1;
    const char *paths[] = {names[0], names[1]};
    int result;
    struct mt_failure failure = {""};
    struct mt_core *core = mt_core_open(paths, files, &options, &result, &failure);
    if (core != NULL) {
        read_all(core, &input);
        mt_core_close(core);
    } else {
        MUST(result != MT_OK && failure.text[0] != '\0', "refused without a reason");
    }
    (void)close(first);
    if (second >= 0)
        (void)close(second);
    return 0;
}
