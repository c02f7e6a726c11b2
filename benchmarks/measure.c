/* measure CORE RESULT PROGRAM ARGUMENT…: runs a program on one core and writes what it took to
 * RESULT, as JSON: seconds by the clock and of the processor, peak resident memory, exit status.
 *
 * A program of its own, because the peak that the kernel reports for a process counts what its
 * parent held at the fork: here that is next to nothing. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double seconds(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

/* Pins the process to the core and becomes the program; returns only to fail. */
static void become(long core, char **program)
{
    cpu_set_t cores;
    CPU_ZERO(&cores);
    CPU_SET((size_t)core, &cores);
    if (sched_setaffinity(0, sizeof cores, &cores) == 0)
        execvp(program[0], program);
    fprintf(stderr, "%s: %s\n", program[0], strerror(errno));
}

int main(int argc, char **argv)
{
    char *end = NULL;
    long core = argc > 1 ? strtol(argv[1], &end, 10) : -1;
    if (argc < 4 || *end || core < 0 || core >= CPU_SETSIZE) {
        fprintf(stderr, "usage: %s CORE RESULT PROGRAM ARGUMENT...\n", argv[0]);
        return 2;
    }
    double start = now();
    pid_t child = fork();
    if (child == 0) {
        become(core, argv + 3);
        _exit(127);
    }
    int status;
    struct rusage usage;
    if (child < 0 || wait4(child, &status, 0, &usage) != child) {
        perror("measure");
        return 1;
    }
    double wall = now() - start;
    FILE *result = fopen(argv[2], "w");
    if (!result) {
        perror(argv[2]);
        return 1;
    }
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    fprintf(
        result,
        "{\"seconds\": %.6f, \"user\": %.6f, \"system\": %.6f, \"peak\": %ld, \"status\": %d}\n",
        wall, seconds(usage.ru_utime), seconds(usage.ru_stime), usage.ru_maxrss * 1024L, code);
    return fclose(result) != 0;
}
