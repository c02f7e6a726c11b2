/* Messages that their receivers have not acknowledged yet, of all connections: their rows may yet
 * change. Part of the core; knows messages by their ids and stream offsets only. */
#ifndef MT_UNACKNOWLEDGED_H
#define MT_UNACKNOWLEDGED_H

#include <stddef.h>
#include <stdint.h>

struct mt_unacknowledged_message {
    int64_t message;       /* id */
    int64_t begin, end;    /* stream offsets */
    uint64_t arrival;      /* of the packet that brought its last byte */
    uint32_t older, newer; /* in the list of all, by id */
    uint32_t next;         /* in its queue, or among the free ones; 0: none */
    uint8_t conflict;      /* some of its bytes came with two values */
};

/* All of them. Items are numbered from 1. */
struct mt_unacknowledged {
    struct mt_unacknowledged_message *items;
    size_t capacity;
    uint32_t used; /* items ever used */
    uint32_t free, oldest, newest;
};

/* Those of one direction, in order of the stream. Zeroed: none. */
struct mt_unacknowledged_queue {
    uint32_t first, last;
};

/* Frees the memory; zeroed is the empty list. */
void mt_unacknowledged_free(struct mt_unacknowledged *list);

/* Appends a message, whose id is higher than all before, to a queue. The caller fills it, but for
 * the links. Valid until the next one is appended; NULL if memory is out. */
struct mt_unacknowledged_message *mt_unacknowledged_add(struct mt_unacknowledged *list,
                                                        struct mt_unacknowledged_queue *queue);

/* Removes and returns the first message of a queue, which must not be empty. */
struct mt_unacknowledged_message mt_unacknowledged_pop(struct mt_unacknowledged *list,
                                                       struct mt_unacknowledged_queue *queue);

/* Bytes [begin, end) came with two values: marks the messages of a queue that have some of them. */
void mt_unacknowledged_conflict(struct mt_unacknowledged *list,
                                const struct mt_unacknowledged_queue *queue, int64_t begin,
                                int64_t end);

/* Returns the id of the oldest message, or `next_message`. */
int64_t mt_unacknowledged_oldest(const struct mt_unacknowledged *list, int64_t next_message);

#endif
