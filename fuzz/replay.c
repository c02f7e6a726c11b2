/* Runs one fuzz target on inputs without a fuzzer: seeds and regressions, with any compiler.
 * Arguments are files and folders. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static long inputs;

static void run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        exit(2);
    }
    (void)fseek(file, 0, SEEK_END);
    size_t size = (size_t)ftell(file);
    rewind(file);
    uint8_t *data = malloc(size != 0 ? size : 1); /* exact size: sanitizers find a read past it */
    if (data == NULL || fread(data, 1, size, file) != size) {
        perror(path);
        exit(2);
    }
    (void)fclose(file);
    (void)LLVMFuzzerTestOneInput(data, size);
    free(data);
    inputs++;
}

static void run(const char *path)
{
    struct stat info;
    DIR *folder = stat(path, &info) == 0 && S_ISDIR(info.st_mode) ? opendir(path) : NULL;
    if (folder == NULL) {
        run_file(path);
        return;
    }
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        char inner[4096];
        (void)snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
        if (entry->d_name[0] != '.')
            run(inner);
    }
    (void)closedir(folder);
}

int main(int count, char **arguments)
{
    for (int i = 1; i < count; i++)
        run(arguments[i]);
    printf("%s: %ld inputs\n", arguments[0], inputs);
    return inputs == 0; /* nothing was tested */
}
