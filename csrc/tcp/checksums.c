#include "tcp/checksums.h"

#include "base/error.h"
#include "base/mem.h"
#include "net/tcp_checksum.h"

#include <string.h>

enum {
    FEW = 2,            /* right checksums after which a wrong one is a suspect */
    MANY = 99,          /* right checksums for each wrong one */
    SAMPLED = 16,       /* one segment of so many is looked at where most are wrong */
    MOST = 1 << 30,     /* counted; beyond that, old ones count half */
    LEAST_CAPACITY = 64 /* counts */
};

void mt_checksums_free(struct mt_checksums *checksums)
{
    mt_free(checksums->counts);
    *checksums = (struct mt_checksums){0};
}

int mt_checksums_reserve(struct mt_checksums *checksums, int32_t address)
{
    size_t capacity = checksums->capacity != 0 ? checksums->capacity : LEAST_CAPACITY;
    if (address < 0 || (size_t)address < checksums->capacity)
        return MT_OK;
    while (capacity <= (size_t)address)
        capacity *= 2;
    struct mt_checksum_count *counts = mt_alloc(capacity, sizeof *counts);
    if (counts == NULL)
        return MT_NOMEM;
    if (checksums->capacity != 0)
        memcpy(counts, checksums->counts, checksums->capacity * sizeof *counts);
    mt_free(checksums->counts);
    checksums->counts = counts;
    checksums->capacity = capacity;
    return MT_OK;
}

/* The counts of the receiver of a direction, NULL if it has none: nothing is looked at. */
static inline struct mt_checksum_count *counts_of(const struct mt_connection *connection,
                                                  int from_client)
{
    const struct mt_checksums *checksums = connection->shared->checksums;
    int32_t code = connection->sides[!from_client].address;
    return checksums != NULL && code >= 0 && (size_t)code < checksums->capacity
               ? &checksums->counts[code]
               : NULL;
}

static int mean_nothing(const struct mt_checksum_count *counts)
{
    return (uint64_t)counts->wrong * MANY > counts->right;
}

static void count(struct mt_checksum_count *counts, int is_right)
{
    uint32_t *counter = is_right ? &counts->right : &counts->wrong;
    if (++*counter >= MOST) {
        counts->right /= 2;
        counts->wrong /= 2;
    }
}

void mt_checksums_note_handshake(const struct mt_connection *connection,
                                 const struct mt_segment *segment, int from_client)
{
    struct mt_checksum_count *counts = counts_of(connection, from_client);
    if (counts != NULL && counts->right < MANY && mt_tcp_checksum(segment) == MT_CHECKSUM_RIGHT)
        count(counts, 1);
}

int mt_checksums_is_suspect(const struct mt_arrival *arrival)
{
    const struct mt_connection *connection = arrival->connection;
    struct mt_checksum_count *counts = counts_of(connection, arrival->from_client);
    if (counts == NULL)
        return 0;
    int nothing = mean_nothing(counts);
    if (nothing && ++counts->skipped % SAMPLED != 0)
        return 0;
    enum mt_checksum checksum = mt_tcp_checksum(arrival->segment);
    if (checksum == MT_CHECKSUM_RIGHT)
        count(counts, 1);
    if (checksum != MT_CHECKSUM_WRONG)
        return 0;
    int is_heard = connection->sides[!arrival->from_client].packets != 0;
    if (!nothing && counts->right >= (is_heard ? FEW : MANY))
        return 1;
    if (connection->established || connection->sides[arrival->from_client].stream.acknowledged > 0)
        count(counts, 0);
    return 0;
}

int mt_checksums_is_dropped(const struct mt_arrival *arrival)
{
    return mt_checksums_are_certain(arrival->connection, arrival->from_client) &&
           mt_tcp_checksum(arrival->segment) == MT_CHECKSUM_WRONG;
}

void mt_checksums_note_accepted(const struct mt_connection *connection, int from_client)
{
    struct mt_checksum_count *counts = counts_of(connection, from_client);
    if (counts != NULL)
        count(counts, 0);
}

int mt_checksums_mean_nothing(const struct mt_connection *connection, int from_client)
{
    const struct mt_checksum_count *counts = counts_of(connection, from_client);
    return counts == NULL || mean_nothing(counts);
}

int mt_checksums_are_certain(const struct mt_connection *connection, int from_client)
{
    const struct mt_checksum_count *counts = counts_of(connection, from_client);
    return counts != NULL && !mean_nothing(counts) && counts->right >= MANY;
}
