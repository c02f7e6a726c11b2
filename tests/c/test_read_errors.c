/* Reads of the system that fail anywhere in a file: what is before them is kept. */
#define _GNU_SOURCE
#include "support/exhaustion_help.h"

/* ---- reads that fail ---- */

static ino_t bad_file; /* 0: none */
static off_t bad_from; /* its bytes from here on cannot be read, */
static int bad_ends;   /* or are not there */

/* The core's read(2) is this one. (Why not a device that fails: only a regular file can be opened
 * twice, and be one of several.) */
ssize_t read(int fd, void *buffer, size_t size)
{
    struct stat info;
    off_t at = lseek(fd, 0, SEEK_CUR);
    if (bad_file != 0 && at >= 0 && fstat(fd, &info) == 0 && info.st_ino == bad_file) {
        if (at >= bad_from) {
            errno = EIO;
            return bad_ends ? 0 : -1;
        }
        if ((off_t)size > bad_from - at)
            size = (size_t)(bad_from - at);
    }
    return syscall(SYS_read, fd, buffer, size);
}

/* The rows of that table are the same, whatever the strings that are numbered for them. */
static void check_same(int id, const struct rows *left, const struct rows *right)
{
    CHECK_EQUAL(left[id].count, right[id].count);
    for (size_t i = 0; i < left[id].count && left[id].count == right[id].count; i++)
        CHECK(same_row(id, row_at(&left[id], id, i), row_at(&right[id], id, i)));
}

/* The bytes of a file from `from` on cannot be read: those before them give what they give in a
 * file that is cut there, and it is told once that the system refused the rest. */
static void fail_from(int format, size_t from, size_t files_cut)
{
    struct stat info;
    struct rows got[MT_TABLE_COUNT] = {{0}}, cut[MT_TABLE_COUNT] = {{0}};
    CHECK(stat(paths[format], &info) == 0);
    bad_from = (off_t)from;
    bad_file = info.st_ino;
    bad_ends = 1;
    int cut_result = read_all(0, cut);
    bad_ends = 0;
    refusals_named = 0;
    int result = read_all(0, got);
    bad_file = 0;
    CHECK_EQUAL(cut_result, result == MT_END ? MT_END : MT_NOT_CAPTURE);
    if (result != MT_END) {
        CHECK_EQUAL(result, MT_IO);
        CHECK(strstr(failure.text, paths[format]) == failure.text &&
              strstr(failure.text, ": cannot read: ") != NULL);
    }
    for (int id = 0; id < MT_TABLE_COUNT; id++) {
        if (id == MT_TABLE_messages || id == MT_TABLE_connections || id == MT_TABLE_peer_lists)
            check_same(id, got, cut);
        else if (id != MT_TABLE_problems)
            CHECK_EQUAL(got[id].count, cut[id].count);
    }
    size_t truncated = 0, reported = 0;
    for (size_t i = 0; i < got[MT_TABLE_files].count; i++)
        truncated += ((const struct mt_file_row *)got[MT_TABLE_files].rows)[i].truncated;
    for (size_t i = 0; i < got[MT_TABLE_problems].count; i++)
        reported +=
            ((const struct mt_problem_row *)got[MT_TABLE_problems].rows)[i].kind == MT_PROBLEM_FILE;
    CHECK_EQUAL(truncated, result == MT_END ? files_cut : 0);
    CHECK_EQUAL(reported, truncated);
    CHECK_EQUAL(refusals_named, result == MT_END);
    free_rows(got);
    free_rows(cut);
}

/* In the headers of the file, in those of its first packets, and anywhere behind them. */
static void test_read_errors(void)
{
    options.limits.problems = 1000;
    for (int format = 0; format < FORMATS; format++) {
        for (int alone = 0; alone < 2; alone++) {
            opened = alone ? paths + format : paths;
            opened_count = alone ? 1 : FORMATS;
            size_t size = files[format].size,
                   cut = alone || format == PCAP ? 1 : 2; /* the first is cut in any case */
            for (size_t from = 0; from < 60; from += 4)
                fail_from(format, from, cut);
            for (size_t part = 1; part < 14; part++)
                fail_from(format, size * part / 14, cut);
        }
    }
    opened = paths;
    options.limits.problems = PROBLEMS;
}

int main(void)
{
    begin_exhaustion_tests();
    make_scenario_files();
    test_read_errors();
    forget_files();
    end_exhaustion_tests();
    FINISH("test_read_errors");
}
