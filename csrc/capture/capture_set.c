#include "capture/capture_set.h"

#include "base/mem.h"
#include "capture/capture.h"

#include <stdlib.h>
#include <string.h>

/* One file. Its life: not begun (capture NULL, unless it is one that cannot be opened twice),
 * waiting in the heap with its next packet, or the current one. */
struct file {
    char *path;
    size_t given; /* its place among the paths as given */
    int64_t key;  /* effective time of its next packet (or, while it is the current file, of its
                     last); before it has begun, of its first */
    int64_t size; /* as mt_capture_size */
    int64_t link; /* as mt_capture_link, after the first packet */
    struct mt_capture *capture;
    int holds; /* `packet` (or the news in `result`, `failure`) is read already */
    int result;
    struct mt_packet packet;
    struct mt_failure failure;
    int64_t last_frame, last_time; /* of the last packet handed out */
};

/* The heap holds the numbers of the files that wait; at its top the one whose packet comes first.
 * The current file is not in it. */
struct mt_source {
    const struct mt_limits *limits;
    struct file *files;
    size_t count;
    size_t begun; /* files before this one have begun; sorted by key, so it is the next to begin */
    size_t *heap;
    size_t heap_count;
    struct file *current; /* handed out the last packet; NULL: the heap decides */
    int64_t rival_time;   /* key and number of the first packet of all other files: the current file
                             goes on until it comes */
    int32_t rival_file;
    int32_t current_file;
    uint64_t arrival;
    int64_t done; /* bytes of the files that are over */
    int result;   /* MT_OK, or MT_END or MT_NOMEM, which repeat */
};

/* ---- the order of files ---- */

static int compare(const void *left, const void *right)
{
    const struct file *a = left, *b = right;
    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    return a->given < b->given ? -1 : 1;
}

static int before(const struct mt_source *source, size_t a, size_t b)
{
    int64_t left = source->files[a].key, right = source->files[b].key;
    return left < right || (left == right && a < b);
}

static void heap_push(struct mt_source *source, size_t file)
{
    size_t *heap = source->heap, at = source->heap_count++;
    while (at > 0 && before(source, file, heap[(at - 1) / 2])) {
        heap[at] = heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap[at] = file;
}

static void heap_pop(struct mt_source *source)
{
    size_t *heap = source->heap, count = --source->heap_count, file = heap[count], at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= count)
            break;
        if (child + 1 < count && before(source, heap[child + 1], heap[child]))
            child++;
        if (!before(source, heap[child], file))
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = file;
}

/* Who comes after the current file: the top of the heap or the next file to begin. */
static void find_rival(struct mt_source *source)
{
    size_t rival = source->begun;
    if (source->heap_count > 0 &&
        (rival == source->count || before(source, source->heap[0], rival)))
        rival = source->heap[0];
    source->rival_time = rival < source->count ? source->files[rival].key : INT64_MAX;
    source->rival_file = rival < source->count ? (int32_t)rival : INT32_MAX;
}

/* ---- files ---- */

/* Reads a file's first packet (or why there is none) into it. MT_NO_TIME is before everything, as a
 * first packet without time is to be. */
static void hold(struct file *file)
{
    file->result = mt_capture_next(file->capture, &file->packet, &file->failure);
    file->holds = 1;
    if (file->result == MT_OK)
        file->key = file->packet.ref.time;
}

/* Opens a file that has not begun, and holds its first packet. What fails here is news: the file
 * was well when the source was opened. */
static void begin(struct file *file, const struct mt_limits *limits)
{
    file->capture = mt_capture_open(file->path, limits, &file->result, &file->failure);
    if (file->capture != NULL) {
        hold(file);
        return;
    }
    if (file->result == MT_NOT_CAPTURE)
        file->result = MT_DAMAGED;
    file->holds = 1;
}

/* Bytes of an open file that are read. */
static int64_t read_of(const struct file *file)
{
    return file->capture != NULL ? mt_capture_position(file->capture) : 0;
}

/* A file is over. */
static void finish(struct mt_source *source, struct file *file)
{
    if (file->size >= 0)
        source->done += file->size;
    else
        source->done += read_of(file);
    mt_capture_close(file->capture);
    file->capture = NULL;
    file->holds = 0;
}

/* ---- packets ---- */

static int hand_out(struct mt_source *source, struct file *file, struct mt_packet *packet)
{
    packet->ref.arrival = source->arrival++;
    packet->ref.file = source->current_file;
    file->last_frame = packet->ref.frame;
    file->last_time = packet->ref.time;
    return MT_OK;
}

/* A file gave no packet but `result`: MT_END, which nobody is told of (MT_OK, no current file any
 * more), MT_NOMEM, or news. */
static int stop_file(struct mt_source *source, struct file *file, int result,
                     const struct mt_failure *failure, struct mt_source_news *news)
{
    if (result == MT_NOMEM)
        return source->result = MT_NOMEM;
    if (result != MT_END) {
        *news = (struct mt_source_news){
            .file = source->current_file,
            .offset = read_of(file),
            .frame = file->last_frame,
            .time = file->last_time,
            .result = result,
            .limit = file->capture != NULL ? mt_capture_exceeded(file->capture)
                                           : MT_LIMIT_decompression_ratio,
            .failure = *failure,
        };
    }
    source->current = NULL;
    finish(source, file);
    return result == MT_END ? MT_OK : result;
}

/* Chooses the file whose packet is next: begins those whose time has come, takes the first out of
 * the heap. MT_OK or MT_END. */
static int choose(struct mt_source *source)
{
    while (source->begun < source->count &&
           (source->heap_count == 0 || before(source, source->begun, source->heap[0]))) {
        struct file *file = &source->files[source->begun];
        if (!file->holds)
            begin(file, source->limits);
        heap_push(source, source->begun++);
    }
    if (source->heap_count == 0)
        return source->result = MT_END;
    source->current_file = (int32_t)source->heap[0];
    source->current = &source->files[source->heap[0]];
    heap_pop(source);
    find_rival(source);
    return MT_OK;
}

/* The slow path: the current file (if any) waits, holding its packet; the earliest of all goes on.
 */
static int switch_files(struct mt_source *source, struct mt_packet *packet,
                        struct mt_source_news *news)
{
    for (;;) {
        if (source->current != NULL)
            heap_push(source, (size_t)source->current_file);
        if (choose(source) != MT_OK)
            return MT_END;
        struct file *file = source->current;
        if (file->result == MT_OK) {
            file->holds = 0;
            *packet = file->packet;
            return hand_out(source, file, packet);
        }
        int result = stop_file(source, file, file->result, &file->failure, news);
        if (result != MT_OK)
            return result;
    }
}

int mt_source_next(struct mt_source *source, struct mt_packet *packet, struct mt_source_news *news)
{
    if (source->result != MT_OK)
        return source->result;
    struct file *file = source->current;
    if (file == NULL)
        return switch_files(source, packet, news);
    int result = mt_capture_next(file->capture, packet, &file->failure);
    if (result != MT_OK) {
        result = stop_file(source, file, result, &file->failure, news);
        return result != MT_OK ? result : switch_files(source, packet, news);
    }
    if (packet->ref.time != MT_NO_TIME)
        file->key = packet->ref.time;
    if (file->key < source->rival_time ||
        (file->key == source->rival_time && source->current_file < source->rival_file))
        return hand_out(source, file, packet);
    file->packet = *packet;
    file->holds = 1;
    return switch_files(source, packet, news);
}

/* ---- opening ---- */

static char *copy_path(const char *path)
{
    size_t size = strlen(path) + 1;
    char *copy = mt_alloc(size, 1);
    if (copy != NULL)
        memcpy(copy, path, size);
    return copy;
}

/* Failure of a file: its name (the end of it, if it is long) and the cause. */
static int name_failure(struct mt_failure *failure, int result, const char *path,
                        const struct mt_failure *cause)
{
    enum { SHOWN = 240 };
    size_t size = strlen(path);
    const char *shown = size > SHOWN ? path + size - SHOWN : path;
    return mt_fail(failure, result, "%s%s: %s", shown != path ? "..." : "", shown, cause->text);
}

/* Looks at a file's first packet. It stays open, holding it, if it is the only one or cannot be
 * opened again. */
static int probe(struct file *file, const struct mt_limits *limits, int alone,
                 struct mt_failure *failure)
{
    struct mt_failure cause = {""};
    int result;
    file->key = MT_NO_TIME;
    file->last_time = MT_NO_TIME;
    file->capture = mt_capture_open(file->path, limits, &result, &cause);
    if (file->capture == NULL)
        return result == MT_NOMEM ? mt_fail(failure, MT_NOMEM, "%s", "")
                                  : name_failure(failure, result, file->path, &cause);
    file->size = mt_capture_size(file->capture);
    hold(file);
    file->link = mt_capture_link(file->capture);
    if (file->result == MT_NOMEM)
        return mt_fail(failure, MT_NOMEM, "%s", "");
    if (!alone && file->size >= 0) {
        mt_capture_close(file->capture);
        file->capture = NULL;
        file->holds = 0;
    }
    return MT_OK;
}

/* Copies and looks at all files. MT_OK, or what one of them is refused for. */
static int take_in(struct mt_source *source, const char *const *paths, size_t count,
                   struct mt_failure *failure)
{
    for (size_t i = 0; i < count; i++) {
        struct file *file = &source->files[source->count++];
        file->given = i;
        file->path = copy_path(paths[i]);
        if (file->path == NULL)
            return mt_fail(failure, MT_NOMEM, "%s", "");
        if (count > 1 && strcmp(paths[i], "-") == 0)
            return mt_fail(failure, MT_IO, "-: standard input must be the only file");
        int result = probe(file, source->limits, count == 1, failure);
        if (result != MT_OK)
            return result;
        if (file->key == MT_NO_TIME && i > 0)
            file->key = source->files[i - 1].key; /* nothing tells its time: it stays behind the
                                                     file that was given before it */
    }
    if (count > 1)
        qsort(source->files, count, sizeof *source->files, compare);
    return MT_OK;
}

struct mt_source *mt_source_open(const char *const *paths, size_t count,
                                 const struct mt_limits *limits, int *result,
                                 struct mt_failure *failure)
{
    struct mt_source *source = mt_alloc(1, sizeof *source);
    struct file *files = mt_alloc(count, sizeof *files);
    size_t *heap = mt_alloc(count, sizeof *heap);
    if (source == NULL || files == NULL || heap == NULL || count > INT32_MAX - 1) {
        mt_free(source);
        mt_free(files);
        mt_free(heap);
        *result = mt_fail(failure, MT_NOMEM, "%s", "");
        return NULL;
    }
    source->limits = limits;
    source->files = files;
    source->heap = heap;
    *result = take_in(source, paths, count, failure);
    if (*result != MT_OK) {
        mt_source_close(source);
        return NULL;
    }
    return source;
}

size_t mt_source_files(const struct mt_source *source)
{
    return source->count;
}

const char *mt_source_path(const struct mt_source *source, size_t file)
{
    return source->files[file].path;
}

int64_t mt_source_link(const struct mt_source *source, size_t file)
{
    return source->files[file].link;
}

int64_t mt_source_position(const struct mt_source *source)
{
    int64_t position = source->done;
    if (source->current != NULL)
        position += read_of(source->current);
    for (size_t i = 0; i < source->heap_count; i++)
        position += read_of(&source->files[source->heap[i]]);
    return position;
}

int64_t mt_source_size(const struct mt_source *source)
{
    int64_t size = 0;
    for (size_t i = 0; i < source->count; i++) {
        if (source->files[i].size < 0)
            return -1;
        size += source->files[i].size;
    }
    return size;
}

void mt_source_close(struct mt_source *source)
{
    if (source == NULL)
        return;
    for (size_t i = 0; i < source->count; i++) {
        mt_capture_close(source->files[i].capture);
        mt_free(source->files[i].path);
    }
    mt_free(source->files);
    mt_free(source->heap);
    mt_free(source);
}
