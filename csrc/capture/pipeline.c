/* One producer, one consumer, and a ring of batches that each of them owns in turns. */
#define _GNU_SOURCE
#include "capture/pipeline.h"

#include "base/mem.h"
#include "capture/input.h"
#include "net/read_ahead.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    BATCHES = 4,
    WAKE_AT = 2, /* full batches: a producer that waits is not woken for each one */
    BATCH_BYTES = 128 << 10,
    BATCH_PACKETS = 1024,
    CHECK_NANOSECONDS = 100000000, /* between two checks for a signal while waiting */
    STACK_BYTES = 512 << 10
};

/* Packets, and after them a result of the set that is no packet, or MT_OK. */
struct batch {
    struct mt_packet packets[BATCH_PACKETS];
    struct mt_segment segments[BATCH_PACKETS]; /* of those that are marked */
    uint8_t has_segment[BATCH_PACKETS];
    uint8_t bytes[BATCH_BYTES]; /* data of the packets */
    size_t count;
    size_t used;  /* of `bytes` */
    int in_place; /* the data of the only packet are the set's: it must not go on meanwhile */
    int result;
    struct mt_file_event event;
    int64_t positions[BATCH_PACKETS / MT_PIPELINE_STEP + 1]; /* after the packets of is_step */
    size_t steps;
    int64_t position; /* at its end */
    mt_limit_hits limit_hits;
};

/* Batches are numbered as they are filled; number n is in batches[n % BATCHES]. The producer owns
 * those from `filled` on, the consumer those before, until it has `emptied` them. */
struct mt_pipeline {
    struct mt_capture_set *set;
    const uint64_t *set_limit_hits;
    const struct mt_payload_key *key;
    struct batch *batches;
    pthread_t thread;
    pid_t process;
    pthread_mutex_t lock; /* of the two counts */
    pthread_cond_t changed;
    uint64_t filled, emptied;
    atomic_int stop;
    /* producer */
    struct mt_packet next; /* read, but not in a batch yet */
    int has_next;
    /* consumer */
    struct batch *current; /* NULL: to be waited for */
    size_t at, step;       /* its next packet, and the next of its positions */
    int result;            /* MT_OK, or what every further call returns */
    int64_t position;
    mt_limit_hits limit_hits;
};

/* ---- producer ---- */

static int is_end(int result)
{
    return result == MT_END || result == MT_NOMEM || result == MT_INTERRUPTED;
}

static int is_step(const struct mt_packet *packet)
{
    return (packet->ref.arrival + 1) % MT_PIPELINE_STEP == 0;
}

/* Copies a packet into a batch. 0 if it does not fit. */
static int put(struct batch *batch, const struct mt_packet *packet)
{
    struct mt_packet *copy = &batch->packets[batch->count];
    if (packet->captured > BATCH_BYTES - batch->used) {
        if (batch->count != 0)
            return 0;
        batch->in_place = 1;
    }
    *copy = *packet;
    batch->count++;
    if (batch->in_place || packet->captured == 0)
        return 1;
    copy->data = batch->bytes + batch->used;
    memcpy(batch->bytes + batch->used, packet->data, packet->captured);
    batch->used += packet->captured;
    return 1;
}

/* What does not depend on the packets before, so that the consumer has less to do. */
static void read_ahead(const struct mt_pipeline *pipeline, struct batch *batch, size_t at)
{
    batch->has_segment[at] =
        mt_net_read_ahead(&batch->packets[at], pipeline->key, &batch->segments[at]) != 0;
}

static void fill(struct mt_pipeline *pipeline, struct batch *batch)
{
    batch->count = batch->used = batch->steps = 0;
    batch->in_place = 0;
    batch->result = MT_OK;
    while (batch->count < BATCH_PACKETS && !batch->in_place) {
        if (!pipeline->has_next)
            batch->result = mt_capture_set_next(pipeline->set, &pipeline->next, &batch->event);
        if (batch->result != MT_OK)
            break;
        pipeline->has_next = !put(batch, &pipeline->next);
        if (pipeline->has_next)
            break;
        read_ahead(pipeline, batch, batch->count - 1);
        if (is_step(&pipeline->next))
            batch->positions[batch->steps++] = mt_capture_set_position(pipeline->set);
    }
    batch->position = mt_capture_set_position(pipeline->set);
    memcpy(batch->limit_hits, pipeline->set_limit_hits, sizeof batch->limit_hits);
}

/* Waits until the consumer has emptied all batches but `most`. 0 if it wants no more. */
static int wait_for_room(struct mt_pipeline *pipeline, uint64_t most)
{
    (void)pthread_mutex_lock(&pipeline->lock);
    while (!atomic_load(&pipeline->stop) && pipeline->filled - pipeline->emptied > most)
        (void)pthread_cond_wait(&pipeline->changed, &pipeline->lock);
    (void)pthread_mutex_unlock(&pipeline->lock);
    return !atomic_load(&pipeline->stop);
}

static void hand_over(struct mt_pipeline *pipeline)
{
    (void)pthread_mutex_lock(&pipeline->lock);
    pipeline->filled++;
    (void)pthread_cond_signal(&pipeline->changed);
    (void)pthread_mutex_unlock(&pipeline->lock);
}

static void *produce(void *context)
{
    struct mt_pipeline *pipeline = context;
    mt_input_stop_if(&pipeline->stop);
    int result = MT_OK, in_place = 0;
    while (!is_end(result) && wait_for_room(pipeline, in_place ? 0 : BATCHES - 1)) {
        struct batch *batch = &pipeline->batches[pipeline->filled % BATCHES];
        fill(pipeline, batch);
        result = batch->result; /* the batch is the consumer's after the next line */
        in_place = batch->in_place;
        hand_over(pipeline);
    }
    return NULL;
}

/* ---- consumer ---- */

static struct timespec next_check(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    time.tv_nsec += CHECK_NANOSECONDS;
    if (time.tv_nsec >= 1000000000) {
        time.tv_sec++;
        time.tv_nsec -= 1000000000;
    }
    return time;
}

/* Waits for the next batch. MT_OK or MT_INTERRUPTED. */
static int wait_for_batch(struct mt_pipeline *pipeline)
{
    if (getpid() != pipeline->process)
        return MT_INTERRUPTED;
    int result = MT_OK;
    (void)pthread_mutex_lock(&pipeline->lock);
    while (pipeline->filled == pipeline->emptied && result == MT_OK) {
        struct timespec until = next_check();
        if (pthread_cond_timedwait(&pipeline->changed, &pipeline->lock, &until) == 0)
            continue;
        (void)pthread_mutex_unlock(&pipeline->lock); /* a signal handler may take long */
        if (mt_input_is_interrupted())
            result = MT_INTERRUPTED;
        (void)pthread_mutex_lock(&pipeline->lock);
    }
    (void)pthread_mutex_unlock(&pipeline->lock);
    return result;
}

static void give_back(struct mt_pipeline *pipeline)
{
    pipeline->current = NULL;
    (void)pthread_mutex_lock(&pipeline->lock);
    pipeline->emptied++;
    if (pipeline->filled - pipeline->emptied <= WAKE_AT)
        (void)pthread_cond_signal(&pipeline->changed);
    (void)pthread_mutex_unlock(&pipeline->lock);
}

static int take_batch(struct mt_pipeline *pipeline)
{
    int result = wait_for_batch(pipeline);
    if (result != MT_OK)
        return result;
    pipeline->current = &pipeline->batches[pipeline->emptied % BATCHES];
    pipeline->at = pipeline->step = 0;
    return MT_OK;
}

/* The batch has no more packets. Its result and event, or MT_OK; gives it back. */
static int end_batch(struct mt_pipeline *pipeline, struct mt_file_event *event)
{
    const struct batch *batch = pipeline->current;
    int result = batch->result;
    if (result != MT_OK && !is_end(result))
        *event = batch->event;
    if (is_end(result))
        pipeline->result = result;
    pipeline->position = batch->position;
    memcpy(pipeline->limit_hits, batch->limit_hits, sizeof pipeline->limit_hits);
    give_back(pipeline);
    return result;
}

int mt_pipeline_next(struct mt_pipeline *pipeline, struct mt_packet *packet,
                     struct mt_file_event *event)
{
    while (pipeline->result == MT_OK) {
        struct batch *batch = pipeline->current;
        if (batch != NULL && pipeline->at < batch->count) {
            *packet = batch->packets[pipeline->at++];
            if (is_step(packet))
                pipeline->position = batch->positions[pipeline->step++];
            return MT_OK;
        }
        int result = batch != NULL ? end_batch(pipeline, event) : MT_OK;
        if (result != MT_OK)
            return result;
        pipeline->result = take_batch(pipeline);
    }
    return pipeline->result;
}

const struct mt_segment *mt_pipeline_segment(const struct mt_pipeline *pipeline)
{
    const struct batch *batch = pipeline->current;
    return batch != NULL && pipeline->at != 0 && batch->has_segment[pipeline->at - 1]
               ? &batch->segments[pipeline->at - 1]
               : NULL;
}

int64_t mt_pipeline_position(const struct mt_pipeline *pipeline)
{
    return pipeline->position;
}

uint64_t mt_pipeline_limit_hits(const struct mt_pipeline *pipeline, enum mt_limit_id limit)
{
    return pipeline->limit_hits[limit];
}

/* ---- beginning and end ---- */

/* Signals are for the threads of the program: the new thread inherits that they are blocked. */
static int start_thread(struct mt_pipeline *pipeline)
{
    pthread_attr_t attributes;
    sigset_t all, before;
    if (pthread_attr_init(&attributes) != 0)
        return MT_NOMEM;
    (void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&pipeline->thread, &attributes, produce, pipeline);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)pthread_attr_destroy(&attributes);
    return failed == 0 ? MT_OK : MT_NOMEM;
}

static int init_lock(struct mt_pipeline *pipeline)
{
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes) != 0)
        return MT_NOMEM;
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    int failed = pthread_cond_init(&pipeline->changed, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    if (failed != 0)
        return MT_NOMEM;
    if (pthread_mutex_init(&pipeline->lock, NULL) == 0)
        return MT_OK;
    (void)pthread_cond_destroy(&pipeline->changed);
    return MT_NOMEM;
}

static void free_memory(struct mt_pipeline *pipeline)
{
    if (pipeline != NULL)
        mt_free(pipeline->batches);
    mt_free(pipeline);
}

static void destroy_lock(struct mt_pipeline *pipeline)
{
    (void)pthread_cond_destroy(&pipeline->changed);
    (void)pthread_mutex_destroy(&pipeline->lock);
}

struct mt_pipeline *mt_pipeline_open(struct mt_capture_set *set, const uint64_t *limit_hits,
                                     const struct mt_payload_key *key)
{
    struct mt_pipeline *pipeline = mt_alloc(1, sizeof *pipeline);
    if (pipeline != NULL)
        pipeline->batches = mt_resize(NULL, BATCHES, sizeof *pipeline->batches);
    if (pipeline == NULL || pipeline->batches == NULL || init_lock(pipeline) != MT_OK) {
        free_memory(pipeline);
        return NULL;
    }
    pipeline->set = set;
    pipeline->set_limit_hits = limit_hits;
    pipeline->key = key;
    pipeline->process = getpid();
    pipeline->position = mt_capture_set_position(set);
    memcpy(pipeline->limit_hits, limit_hits, sizeof pipeline->limit_hits);
    atomic_init(&pipeline->stop, 0);
    if (start_thread(pipeline) == MT_OK)
        return pipeline;
    destroy_lock(pipeline);
    free_memory(pipeline);
    return NULL;
}

int mt_pipeline_close(struct mt_pipeline *pipeline)
{
    if (pipeline == NULL)
        return 1;
    int is_ours = getpid() == pipeline->process;
    if (is_ours) { /* a child has no such thread, and perhaps a locked lock */
        (void)pthread_mutex_lock(&pipeline->lock);
        atomic_store(&pipeline->stop, 1);
        (void)pthread_cond_signal(&pipeline->changed);
        (void)pthread_mutex_unlock(&pipeline->lock);
        (void)pthread_join(pipeline->thread, NULL);
        destroy_lock(pipeline);
    }
    free_memory(pipeline);
    return is_ours;
}
