#include "chain/keccak_many.h"

#include "base/bytes.h"

#include <string.h>

#if defined(__x86_64__) && !defined(MT_KECCAK_PORTABLE)

enum { WAYS = 4 };

/* A lane of four states. */
typedef uint64_t lane_of_four __attribute__((vector_size(8 * WAYS)));
#define MT_LANE lane_of_four
#include "chain/keccak_rounds.h"

/* Lane i of state j is lanes[i][j]. */
struct states {
    uint64_t lanes[25][WAYS];
};

#define LOAD(i) \
    lane_of_four a##i; \
    memcpy(&a##i, states->lanes[INDEX(i)], sizeof a##i)
#define STORE(i) memcpy(states->lanes[INDEX(i)], &a##i, sizeof a##i)
#define INDEX(i) (1##i - 100) /* 07 is not an octal number here */
#define ADD(i) \
    a##i ^= (lane_of_four) \
    { \
        mt_le64(p0 + 8 * INDEX(i)), mt_le64(p1 + 8 * INDEX(i)), mt_le64(p2 + 8 * INDEX(i)), \
            mt_le64(p3 + 8 * INDEX(i)) \
    }
#define BLOCK_LANES(x) \
    x(00); \
    x(01); \
    x(02); \
    x(03); \
    x(04); \
    x(05); \
    x(06); \
    x(07); \
    x(08); \
    x(09); \
    x(10); \
    x(11); \
    x(12); \
    x(13); \
    x(14); \
    x(15); \
    x(16)
#define ALL_LANES(x) \
    BLOCK_LANES(x); \
    x(17); \
    x(18); \
    x(19); \
    x(20); \
    x(21); \
    x(22); \
    x(23); \
    x(24)

/* Absorbs whole blocks: those that begin at p[j] into state j. */
static inline __attribute__((always_inline)) void
absorb_blocks(struct states *states, const uint8_t *const p[WAYS], size_t blocks)
{
    const uint8_t *p0 = p[0], *p1 = p[1], *p2 = p[2], *p3 = p[3];
    ALL_LANES(LOAD);
    for (; blocks > 0; blocks--) {
        BLOCK_LANES(ADD);
        ROUNDS;
        p0 += MT_KECCAK_BLOCK, p1 += MT_KECCAK_BLOCK, p2 += MT_KECCAK_BLOCK, p3 += MT_KECCAK_BLOCK;
    }
    ALL_LANES(STORE);
}

__attribute__((target("avx2"))) static void absorb_avx2(struct states *states,
                                                        const uint8_t *const p[WAYS], size_t blocks)
{
    absorb_blocks(states, p, blocks);
}

/* With rotations and a logic of three operands: half as many instructions. */
__attribute__((target("avx512f,avx512vl"))) static void
absorb_avx512(struct states *states, const uint8_t *const p[WAYS], size_t blocks)
{
    absorb_blocks(states, p, blocks);
}

static void absorb(struct states *states, const uint8_t *const p[WAYS], size_t blocks)
{
    if (__builtin_cpu_supports("avx512vl"))
        absorb_avx512(states, p, blocks);
    else
        absorb_avx2(states, p, blocks);
}

/* The input of one state: whole blocks, then the last one with its padding. */
struct way {
    const struct mt_keccak_job *job; /* NULL: the state is free */
    const uint8_t *bytes;            /* of the next block */
    size_t blocks;                   /* until the end of the whole ones, or of the last one */
    int is_last;
    uint8_t last[MT_KECCAK_BLOCK];
};

static void begin_last(struct way *way)
{
    size_t rest = way->job->size % MT_KECCAK_BLOCK;
    memset(way->last, 0, sizeof way->last);
    memcpy(way->last, way->job->bytes + (way->job->size - rest), rest);
    way->last[rest] = 0x01;
    way->last[MT_KECCAK_BLOCK - 1] |= 0x80;
    way->bytes = way->last;
    way->blocks = 1;
    way->is_last = 1;
}

static void begin(struct states *states, size_t j, struct way *way, const struct mt_keccak_job *job)
{
    for (size_t i = 0; i < 25; i++)
        states->lanes[i][j] = 0;
    way->job = job;
    way->bytes = job->bytes;
    way->blocks = job->size / MT_KECCAK_BLOCK;
    way->is_last = 0;
    if (way->blocks == 0)
        begin_last(way);
}

static void end(const struct states *states, size_t j, struct way *way)
{
    for (size_t i = 0; i < MT_HASH_SIZE / 8; i++)
        memcpy(way->job->hash + 8 * i, &states->lanes[i][j], 8);
    way->job = NULL;
}

/* Absorbs as many blocks as every state has left at least; a free state goes along. */
static void advance(struct states *states, struct way ways[WAYS], const struct way *busy)
{
    const uint8_t *p[WAYS];
    size_t blocks = busy->blocks;
    for (size_t j = 0; j < WAYS; j++) {
        if (ways[j].job != NULL && ways[j].blocks < blocks)
            blocks = ways[j].blocks;
    }
    for (size_t j = 0; j < WAYS; j++)
        p[j] = ways[j].job != NULL ? ways[j].bytes : busy->bytes;
    absorb(states, p, blocks);
    for (size_t j = 0; j < WAYS; j++) {
        struct way *way = &ways[j];
        if (way->job == NULL)
            continue;
        way->bytes += blocks * MT_KECCAK_BLOCK;
        way->blocks -= blocks;
        if (way->blocks == 0 && way->is_last)
            end(states, j, way);
        else if (way->blocks == 0)
            begin_last(way);
    }
}

static void hash_side_by_side(const struct mt_keccak_job *jobs, size_t count)
{
    struct states states = {{{0}}};
    struct way ways[WAYS];
    size_t next = 0;
    for (size_t j = 0; j < WAYS; j++)
        ways[j].job = NULL;
    for (;;) {
        const struct way *busy = NULL;
        for (size_t j = 0; j < WAYS; j++) {
            if (ways[j].job == NULL && next < count)
                begin(&states, j, &ways[j], &jobs[next++]);
            if (ways[j].job != NULL)
                busy = &ways[j];
        }
        if (busy == NULL)
            return;
        advance(&states, ways, busy);
    }
}

static int has_vectors(void)
{
    return __builtin_cpu_supports("avx2");
}

#else

static void hash_side_by_side(const struct mt_keccak_job *jobs, size_t count)
{
    (void)jobs, (void)count;
}

static int has_vectors(void)
{
    return 0;
}

#endif

void mt_keccak256_many(const struct mt_keccak_job *jobs, size_t count)
{
    if (count > 1 && has_vectors()) {
        hash_side_by_side(jobs, count);
        return;
    }
    for (size_t i = 0; i < count; i++)
        mt_keccak256(jobs[i].bytes, jobs[i].size, jobs[i].hash);
}
