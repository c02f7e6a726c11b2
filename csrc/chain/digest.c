#include "chain/digest.h"

#include "base/bytes.h"
#include "base/hash.h"

#include <string.h>

enum { ROW_BYTES = 8 * MT_DIGEST_ROW, STRETCH_BYTES = MT_DIGEST_ROWS * ROW_BYTES };

typedef unsigned __int128 wide;

static const wide prime = ((wide)1 << 127) - 1;

void mt_digest_key_init(struct mt_digest_key *key)
{
    mt_random_fill(key, sizeof *key);
    key->point[1] >>= 1;
}

/* NH of two words. */
static inline wide product(const uint8_t *p, const uint64_t *words)
{
    return (wide)(mt_le64(p) + words[0]) * (mt_le64(p + 8) + words[1]);
}

/* NH of a row. */
static inline wide hash_row(const uint8_t *p, const uint64_t *words)
{
    wide even = product(p, words), odd = product(p + 16, words + 2);
    even += product(p + 32, words + 4), odd += product(p + 48, words + 6);
    even += product(p + 64, words + 8), odd += product(p + 80, words + 10);
    even += product(p + 96, words + 12), odd += product(p + 112, words + 14);
    return even + odd;
}

/* Closer to the prime by one step: at most 2^127, and at most the prime unless the value was 2^128
 * - 1. */
static inline wide folded(wide value)
{
    return (value & prime) + (value >> 127);
}

/* a b + c modulo the prime. a, b and the result are at most the prime. 2^128 is 2 here. */
static inline wide multiplied(wide a, wide b, wide c)
{
    uint64_t a0 = (uint64_t)a, a1 = (uint64_t)(a >> 64), b0 = (uint64_t)b, b1 = (uint64_t)(b >> 64);
    wide low = (wide)a0 * b0, middle = (wide)a0 * b1 + (wide)a1 * b0,
         high = (wide)a1 * b1;                       /* a1 and b1 are below 2^63 */
    wide lower = folded(low) + folded(middle << 64); /* no sum here is above 2^128 - 1 */
    wide upper = folded(2 * ((middle >> 64) + high)) + folded(c);
    return folded(folded(folded(lower) + folded(upper)));
}

/* Two words wherever they are. The vector units have nothing else to do, so that the exclusive or
 * costs next to nothing. */
typedef uint64_t words2 __attribute__((vector_size(16)));

static inline words2 load_words(const uint8_t *p)
{
    words2 value;
    memcpy(&value, p, sizeof value);
    return value;
}

/* What is summed over the rows of a stretch. Vectors with names, since an array of them would not
 * stay in registers. */
struct sums {
    wide hashes, weighted;
    words2 x0, x1, x2, x3, x4, x5, x6, x7; /* the exclusive or */
};

static inline void add_hash(struct sums *sums, wide hash)
{
    sums->hashes += hash;
    sums->weighted += sums->hashes;
}

static inline void add_row(struct sums *sums, const uint8_t *p, const uint64_t *words)
{
    add_hash(sums, hash_row(p, words));
    sums->x0 ^= load_words(p), sums->x1 ^= load_words(p + 16), sums->x2 ^= load_words(p + 32),
        sums->x3 ^= load_words(p + 48);
    sums->x4 ^= load_words(p + 64), sums->x5 ^= load_words(p + 80), sums->x6 ^= load_words(p + 96),
        sums->x7 ^= load_words(p + 112);
}

/* Adds one stretch to the polynomial's value: `rows` rows from p on and, unless NULL, one more
 * from elsewhere. */
static wide add_stretch(const struct mt_digest_key *key, wide value, const uint8_t *p, size_t rows,
                        const uint8_t *more)
{
    const uint64_t *words = key->words;
    struct sums sums = {0};
    for (; rows > 0; rows--, p += ROW_BYTES, words += MT_DIGEST_ROW)
        add_row(&sums, p, words);
    if (more != NULL)
        add_row(&sums, more, words);
    const words2 all[] = {sums.x0, sums.x1, sums.x2, sums.x3, sums.x4, sums.x5, sums.x6, sums.x7};
    add_hash(&sums, hash_row((const uint8_t *)all, key->words + MT_DIGEST_ROWS * MT_DIGEST_ROW));
    wide point = (wide)key->point[1] << 64 | key->point[0];
    return multiplied(multiplied(value, point, sums.hashes), point, sums.weighted);
}

struct mt_digest mt_digest(const struct mt_digest_key *key, const void *bytes, size_t size)
{
    const uint8_t *p = bytes, *more = NULL;
    uint8_t only[ROW_BYTES] = {0};
    wide value = size;
    size_t left = size;
    for (; left > STRETCH_BYTES; left -= STRETCH_BYTES, p += STRETCH_BYTES)
        value = add_stretch(key, value, p, MT_DIGEST_ROWS, NULL);
    if (size < ROW_BYTES) {
        if (size > 0)
            memcpy(only, p, size);
        more = only;
    } else if (left % ROW_BYTES != 0) {
        more = p + left - ROW_BYTES; /* the last row goes back as far as it must, so that nothing
                                        has to be filled up */
    }
    value = add_stretch(key, value, p, left / ROW_BYTES, more);
    if (value == prime)
        value = 0;
    return (struct mt_digest){.low = (uint64_t)value, .high = (uint64_t)(value >> 64)};
}
