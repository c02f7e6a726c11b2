/* The order of the files, the merge by a heap, and how one file ends. */
#include "capture/capture_set.h"

#include "base/mem.h"
#include "base/noinline.h"
#include "capture/capture.h"
#include "capture/copies.h"
#include "capture/input.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum {
    STILL_COMPARED = 4096, /* packets after several files were open */
    FILES_BETWEEN_CHECKS = 64
};

/* One file. Its life: not begun (capture NULL, unless it is one that cannot be opened twice),
 * waiting in the heap with its next packet, or the current one. */
struct set_file {
    char *path;
    size_t argument; /* its index among the paths as given */
    int64_t key;     /* effective time of its next packet (or, while it is the current file, of its
                        last); before it has begun, of its first */
    int64_t size;    /* as mt_capture_size */
    int64_t link;    /* as mt_capture_link, after the first packet */
    struct mt_capture *capture;
    uint8_t uses_codec; /* as mt_capture_uses_codec */
    uint8_t late;       /* it waited while its time came; to be reported */
    int has_packet;     /* `packet` (or `result` and `failure`, if not MT_OK) is read already */
    int result;
    struct mt_packet packet;
    struct mt_failure failure;
    int64_t first_time;            /* of the first packet delivered, MT_NO_TIME before it */
    int64_t last_frame, last_time; /* of the last packet delivered */
    int64_t dropped;               /* as mt_capture_dropped, once it is closed */
};

/* The heap has the numbers of the waiting files; the one whose packet comes first is at its top.
 * The current file is not in it. */
struct mt_capture_set {
    const struct mt_limits *limits;
    uint64_t *limit_hits;
    struct mt_budget budget; /* of what the open files need beyond their buffers */
    int64_t open_files;      /* of those that have begun */
    int64_t most_open_files;
    int waiting;              /* the next file to begin waits until another one ends */
    int64_t last_time;        /* of the last packet delivered */
    struct mt_copies *copies; /* NULL until several files were open at once */
    int compared;             /* packets that are still compared, */
    int64_t compared_from;    /* if they are near this time, the latest of the files that ended */
    struct set_file *files;
    size_t count;
    size_t begun; /* files before this one have begun; sorted by key, so it is the next to begin */
    size_t *heap;
    size_t heap_count;
    struct set_file *current; /* delivered the last packet; NULL: the heap decides */
    int64_t other_time; /* key and number of the file that comes next: until then the current file
                           continues */
    int32_t other_file;
    int32_t current_file;
    uint64_t arrival;
    int64_t finished_bytes; /* bytes of the finished files */
    int result;             /* MT_OK, or MT_END or MT_NOMEM, which repeat */
};

/* ---- the order of files ---- */

static int compare_files(const void *left, const void *right)
{
    const struct set_file *a = left, *b = right;
    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    return a->argument < b->argument ? -1 : 1;
}

static int comes_before(const struct mt_capture_set *set, size_t a, size_t b)
{
    int64_t left = set->files[a].key, right = set->files[b].key;
    return left < right || (left == right && a < b);
}

static void heap_push(struct mt_capture_set *set, size_t file)
{
    size_t *heap = set->heap, at = set->heap_count++;
    while (at > 0 && comes_before(set, file, heap[(at - 1) / 2])) {
        heap[at] = heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap[at] = file;
}

static void heap_pop(struct mt_capture_set *set)
{
    size_t *heap = set->heap, count = --set->heap_count, file = heap[count], at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= count)
            break;
        if (child + 1 < count && comes_before(set, heap[child + 1], heap[child]))
            child++;
        if (!comes_before(set, heap[child], file))
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = file;
}

/* Finds the file that comes after the current one: the top of the heap or the next to begin. */
static void find_next_other(struct mt_capture_set *set)
{
    size_t other = set->waiting ? set->count : set->begun;
    if (set->heap_count > 0 && (other == set->count || comes_before(set, set->heap[0], other)))
        other = set->heap[0];
    set->other_time = other < set->count ? set->files[other].key : INT64_MAX;
    set->other_file = other < set->count ? (int32_t)other : INT32_MAX;
}

/* ---- files ---- */

/* Reads the first packet of a file, or the result that it has none. A first packet without time has
 * the key MT_NO_TIME, which sorts before everything. */
static void read_first(struct set_file *file)
{
    file->result = mt_capture_next(file->capture, &file->packet, &file->failure);
    file->has_packet = 1;
    if (file->result == MT_OK)
        file->key = file->packet.ref.time;
}

/* The file to begin does not fit among the open files: it waits until one of them ends. */
static int wait_for_others(struct mt_capture_set *set, struct set_file *file)
{
    mt_capture_close(file->capture);
    file->capture = NULL;
    file->late = 1;
    set->waiting = 1;
    return 0;
}

/* Opens a file that has not begun and reads its first packet. A failure here is a file event, since
 * the file could be read when the set was opened. Returns 0 if the file waits for others to end. */
static int begin_file(struct mt_capture_set *set, struct set_file *file)
{
    int can_wait = set->heap_count > 0;
    if (can_wait && set->open_files >= set->most_open_files) {
        set->limit_hits[MT_LIMIT_open_files]++;
        return wait_for_others(set, file);
    }
    file->capture =
        mt_capture_open(file->path, set->limits, &set->budget, &file->result, &file->failure);
    if (file->capture == NULL && file->result == MT_TOO_MUCH && can_wait)
        return wait_for_others(set, file);
    if (file->capture != NULL) {
        read_first(file);
        if (file->result == MT_TOO_MUCH && can_wait &&
            mt_capture_exceeded(file->capture) == MT_LIMIT_open_file_bytes)
            return wait_for_others(set, file);
        set->open_files++;
    }
    file->late = file->late && file->key < set->last_time;
    file->has_packet = 1;
    return 1;
}

/* Bytes read of an open file. */
static int64_t position_of(const struct set_file *file)
{
    return file->capture != NULL ? mt_capture_position(file->capture) : 0;
}

/* Closes a file and counts its bytes. */
static void finish_file(struct mt_capture_set *set, struct set_file *file)
{
    if (file->size >= 0)
        set->finished_bytes += file->size;
    else
        set->finished_bytes += position_of(file);
    if (file->capture != NULL) {
        file->dropped = mt_capture_dropped(file->capture);
        set->open_files--;
    }
    if (file->last_time > set->compared_from)
        set->compared_from = file->last_time;
    set->waiting = 0;
    mt_capture_close(file->capture);
    file->capture = NULL;
    file->has_packet = 0;
}

/* ---- packets ---- */

/* 1 if another file waits with the same packet and more of its bytes. */
static int has_longer_copy(const struct mt_capture_set *set, const struct mt_packet *packet)
{
    for (size_t i = 0; i < set->heap_count; i++) {
        const struct set_file *file = &set->files[set->heap[i]];
        if (file->result == MT_OK && file->packet.captured > packet->captured &&
            mt_copies_same(&file->packet, packet))
            return 1;
    }
    return 0;
}

/* Sets packet->copy: 1 if the packet is read from another file. MT_OK or MT_NOMEM. `since` as of
 * mt_copies_note. */
static MT_NOINLINE int note_copy(struct mt_capture_set *set, struct mt_packet *packet,
                                 int64_t since)
{
    set->compared--;
    if (set->copies == NULL && (set->copies = mt_copies_open()) == NULL)
        return set->result = MT_NOMEM;
    packet->copy = (packet->captured < packet->length && has_longer_copy(set, packet)) ||
                   mt_copies_note(set->copies, packet, since);
    return MT_OK;
}

/* 1 if another file begins within the time in which packets are compared. */
static int begins_soon(const struct mt_capture_set *set, int64_t time)
{
    return set->begun < set->count &&
           mt_elapsed(time, set->files[set->begun].key) <= MT_COPIES_APART;
}

/* 1 if a packet of the current file may be in another file too. */
static inline int is_compared(struct mt_capture_set *set, int64_t time)
{
    if (set->open_files > 1 || begins_soon(set, time)) {
        set->compared = STILL_COMPARED;
        return 1;
    }
    return set->compared > 0 && mt_elapsed(set->compared_from, time) <= MT_COPIES_APART;
}

static inline int deliver(struct mt_capture_set *set, struct set_file *file,
                          struct mt_packet *packet)
{
    packet->ref.arrival = set->arrival++;
    packet->ref.file = set->current_file;
    packet->copy = 0;
    if (file->first_time == MT_NO_TIME)
        file->first_time = packet->ref.time;
    set->last_time = packet->ref.time;
    file->last_frame = packet->ref.frame;
    file->last_time = packet->ref.time;
    return is_compared(set, packet->ref.time) ? note_copy(set, packet, file->first_time) : MT_OK;
}

/* Fills `event` with what happened to the current file. */
static void describe(const struct mt_capture_set *set, const struct set_file *file, int result,
                     const struct mt_failure *failure, struct mt_file_event *event)
{
    *event = (struct mt_file_event){
        .file = set->current_file,
        .offset = position_of(file),
        .frame = file->last_frame,
        .time = file->last_time,
        .result = result,
        .limit = MT_LIMIT_decompression_ratio,
        .failure = *failure,
    };
    if (file->capture == NULL)
        return;
    event->limit = mt_capture_exceeded(file->capture);
    if (result == MT_SKIPPED || result == MT_DAMAGED) {
        struct mt_capture_damage damage = mt_capture_damage(file->capture);
        event->bytes = damage.bytes;
        if ((result == MT_SKIPPED || damage.bytes != 0) && !mt_capture_compressed(file->capture))
            event->offset = damage.offset;
    }
}

/* Handles a `result` other than MT_OK of a file: MT_END finishes it (returns MT_OK), MT_NOMEM stops
 * the set, MT_SKIPPED fills `event`, others finish the file and fill `event`. */
static MT_NOINLINE int stop_file(struct mt_capture_set *set, struct set_file *file, int result,
                                 const struct mt_failure *failure, struct mt_file_event *event)
{
    if (result == MT_NOMEM || result == MT_INTERRUPTED)
        return set->result = result;
    if (result != MT_END)
        describe(set, file, result, failure, event);
    if (result == MT_SKIPPED) {
        file->has_packet = 0;
        return MT_SKIPPED;
    }
    set->current = NULL;
    finish_file(set, file);
    return result == MT_END ? MT_OK : result;
}

/* Makes the file with the earliest packet the current one; begins the files whose time has come.
 * MT_OK or MT_END. */
static int choose_file(struct mt_capture_set *set)
{
    while (set->begun < set->count && !set->waiting &&
           (set->heap_count == 0 || comes_before(set, set->begun, set->heap[0]))) {
        struct set_file *file = &set->files[set->begun];
        if (!file->has_packet && !begin_file(set, file))
            break;
        heap_push(set, set->begun++);
    }
    if (set->heap_count == 0)
        return set->result = MT_END;
    set->current_file = (int32_t)set->heap[0];
    set->current = &set->files[set->heap[0]];
    heap_pop(set);
    find_next_other(set);
    return MT_OK;
}

/* The current file begins later than its time: fills `event`, and lets it wait for its turn. */
static int report_late(struct mt_capture_set *set, struct set_file *file,
                       struct mt_file_event *event)
{
    struct mt_failure failure;
    (void)mt_fail(&failure, MT_SKIPPED,
                  "too many files overlap in time (limits open_files and open_file_bytes): its "
                  "packets are not in order with theirs");
    file->late = 0;
    describe(set, file, MT_SKIPPED, &failure, event);
    heap_push(set, (size_t)set->current_file);
    set->current = NULL;
    return MT_SKIPPED;
}

/* The slow path: the current file (if any) waits with its packet, and the file with the earliest
 * packet continues. */
static MT_NOINLINE int switch_files(struct mt_capture_set *set, struct mt_packet *packet,
                                    struct mt_file_event *event)
{
    for (;;) {
        if (set->current != NULL)
            heap_push(set, (size_t)set->current_file);
        if (choose_file(set) != MT_OK)
            return MT_END;
        struct set_file *file = set->current;
        if (file->late)
            return report_late(set, file, event);
        if (file->result == MT_OK) {
            file->has_packet = 0;
            *packet = file->packet;
            return deliver(set, file, packet);
        }
        int result = stop_file(set, file, file->result, &file->failure, event);
        if (result != MT_OK)
            return result;
    }
}

int mt_capture_set_next(struct mt_capture_set *set, struct mt_packet *packet,
                        struct mt_file_event *event)
{
    if (set->result != MT_OK)
        return set->result;
    struct set_file *file = set->current;
    if (file == NULL)
        return switch_files(set, packet, event);
    int result = mt_capture_next(file->capture, packet, &file->failure);
    if (result != MT_OK) {
        result = stop_file(set, file, result, &file->failure, event);
        return result != MT_OK ? result : switch_files(set, packet, event);
    }
    if (packet->ref.time != MT_NO_TIME)
        file->key = packet->ref.time;
    if (file->key < set->other_time ||
        (file->key == set->other_time && set->current_file < set->other_file))
        return deliver(set, file, packet);
    file->packet = *packet;
    file->has_packet = 1;
    return switch_files(set, packet, event);
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

/* Fills `failure` with the path of a file (the end of it, if it is long) and the cause. */
static int name_failure(struct mt_failure *failure, int result, const char *path,
                        const struct mt_failure *cause)
{
    enum { SHOWN = 240 };
    size_t size = strlen(path);
    const char *shown = size > SHOWN ? path + size - SHOWN : path;
    return mt_fail(failure, result, "%s%s: %s", shown != path ? "..." : "", shown, cause->text);
}

/* Reads a file up to its first packet, for its time, and closes it again. The file stays open, at
 * its beginning, if it is the only one or cannot be opened again. MT_OK, or the error of a file
 * that cannot be read at all. */
static int probe_file(struct mt_capture_set *set, struct set_file *file, int alone)
{
    file->key = file->first_time = file->last_time = MT_NO_TIME;
    file->dropped = -1;
    file->has_packet = 1;
    file->capture =
        mt_capture_open(file->path, set->limits, &set->budget, &file->result, &file->failure);
    if (file->capture == NULL)
        return file->result;
    file->size = mt_capture_size(file->capture);
    file->uses_codec = mt_capture_uses_codec(file->capture) != 0;
    read_first(file);
    if (!alone && file->size >= 0) {
        while (file->result == MT_SKIPPED)
            read_first(file);
        file->has_packet = 0;
    }
    file->link = mt_capture_link(file->capture);
    if (file->result == MT_NOMEM || file->result == MT_INTERRUPTED)
        return file->result;
    if (!file->has_packet) {
        mt_capture_close(file->capture);
        file->capture = NULL;
    } else {
        set->open_files++;
    }
    return MT_OK;
}

/* Copies the paths and probes all files. MT_OK, or an error if none of them can be read. */
static int add_files(struct mt_capture_set *set, const char *const *paths, size_t count,
                     struct mt_failure *failure)
{
    size_t unreadable = 0, first_unreadable = 0;
    for (size_t i = 0; i < count; i++) {
        struct set_file *file = &set->files[set->count++];
        file->argument = i;
        file->path = copy_path(paths[i]);
        if (file->path == NULL)
            return mt_fail(failure, MT_NOMEM, "%s", "");
        if (count > 1 && strcmp(paths[i], "-") == 0)
            return mt_fail(failure, MT_IO, "-: standard input must be the only file");
        int result = probe_file(set, file, count == 1);
        if (i % FILES_BETWEEN_CHECKS == 1 && mt_input_is_interrupted())
            result = MT_INTERRUPTED;
        if (result == MT_NOMEM || result == MT_INTERRUPTED)
            return mt_fail(failure, result, "%s", "");
        if (result != MT_OK && unreadable++ == 0)
            first_unreadable = i;
        if (file->key == MT_NO_TIME && i > 0)
            file->key = set->files[i - 1].key; /* it follows the file given before it */
    }
    if (unreadable == 0 || unreadable < count)
        return MT_OK;
    const struct set_file *first = &set->files[first_unreadable];
    return name_failure(failure, first->result, first->path, &first->failure);
}

/* Files that may be open at once: half of the descriptors are left to the rest of the process. */
static int64_t most_open_files(const struct mt_limits *limits)
{
    struct rlimit descriptors;
    int64_t most = limits->open_files;
    if (getrlimit(RLIMIT_NOFILE, &descriptors) == 0 && descriptors.rlim_cur != RLIM_INFINITY &&
        (rlim_t)most > descriptors.rlim_cur / 2)
        most = (int64_t)(descriptors.rlim_cur / 2);
    return most;
}

struct mt_capture_set *mt_capture_set_open(const char *const *paths, size_t count,
                                           const struct mt_limits *limits, uint64_t *limit_hits,
                                           int *result, struct mt_failure *failure)
{
    struct mt_capture_set *set = mt_alloc(1, sizeof *set);
    struct set_file *files = mt_alloc(count, sizeof *files);
    size_t *heap = mt_alloc(count, sizeof *heap);
    if (set == NULL || files == NULL || heap == NULL || count > INT32_MAX - 1) {
        mt_free(set);
        mt_free(files);
        mt_free(heap);
        *result = mt_fail(failure, MT_NOMEM, "%s", "");
        return NULL;
    }
    set->limits = limits;
    set->limit_hits = limit_hits;
    set->budget.limit = &limits->open_file_bytes;
    set->budget.limit_hits = &limit_hits[MT_LIMIT_open_file_bytes];
    set->most_open_files = most_open_files(limits);
    set->last_time = set->compared_from = MT_NO_TIME;
    set->files = files;
    set->heap = heap;
    *result = add_files(set, paths, count, failure);
    if (*result != MT_OK) {
        mt_capture_set_close(set);
        return NULL;
    }
    if (count > 1)
        qsort(set->files, count, sizeof *set->files, compare_files);
    return set;
}

size_t mt_capture_set_files(const struct mt_capture_set *set)
{
    return set->count;
}

const char *mt_capture_set_path(const struct mt_capture_set *set, size_t file)
{
    return set->files[file].path;
}

int64_t mt_capture_set_link(const struct mt_capture_set *set, size_t file)
{
    return set->files[file].link;
}

int64_t mt_capture_set_dropped(const struct mt_capture_set *set, size_t file)
{
    const struct set_file *one = &set->files[file];
    return one->capture != NULL ? mt_capture_dropped(one->capture) : one->dropped;
}

int64_t mt_capture_set_position(const struct mt_capture_set *set)
{
    int64_t position = set->finished_bytes;
    if (set->current != NULL)
        position += position_of(set->current);
    for (size_t i = 0; i < set->heap_count; i++)
        position += position_of(&set->files[set->heap[i]]);
    return position;
}

int64_t mt_capture_set_size(const struct mt_capture_set *set)
{
    int64_t size = 0;
    for (size_t i = 0; i < set->count; i++) {
        if (set->files[i].size < 0)
            return -1;
        size += set->files[i].size;
    }
    return size;
}

int mt_capture_set_is_independent(const struct mt_capture_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        if (set->files[i].size < 0 || set->files[i].uses_codec)
            return 0;
    }
    return 1;
}

void mt_capture_set_close(struct mt_capture_set *set)
{
    if (set == NULL)
        return;
    for (size_t i = 0; i < set->count; i++) {
        mt_capture_close(set->files[i].capture);
        mt_free(set->files[i].path);
    }
    mt_copies_close(set->copies);
    mt_free(set->files);
    mt_free(set->heap);
    mt_free(set);
}
