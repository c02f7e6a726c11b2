/* A cursor over a blob in monero's own serialization (src/serialization), which is what blocks and
 * transactions come in.
 *
 * Once something is refused, every further call gives nothing: 0 or NULL; `why` says what it was.
 * So a reader may check once, after several calls, but must not loop on. Nothing beyond the blob is
 * read, whatever the numbers in it. */
#ifndef MT_CHAIN_BLOB_H
#define MT_CHAIN_BLOB_H

#include <stddef.h>
#include <stdint.h>

struct mt_blob {
    const uint8_t *bytes;
    size_t size, at;
    const char *why; /* static text, NULL while all is well */
};

/* Begins at the first of `size` bytes; NULL is fine for none. */
void mt_blob_open(struct mt_blob *blob, const void *bytes, size_t size);

/* Refuses the blob for `why`, static text, unless it is refused already. */
void mt_blob_refuse(struct mt_blob *blob, const char *why);

/* Bytes still to come; 0 once refused. */
static inline size_t mt_blob_left(const struct mt_blob *blob)
{
    return blob->why == NULL ? blob->size - blob->at : 0;
}

/* A varint of 1 to 64 `bits` (src/common/varint.h): 7 bits a byte, the low ones first; refused if
 * it is longer than needed or does not fit. One that the blob's end cuts off is refused as well;
 * there monerod takes the bits that it has, so that it also reads a few blobs whose last varint is
 * missing or cut. */
uint64_t mt_blob_varint(struct mt_blob *blob, unsigned bits);

/* The number of things of a list, each of which takes at least a byte; refused, as monerod does, if
 * the blob has fewer bytes left than that. */
size_t mt_blob_count(struct mt_blob *blob);

/* One byte. */
uint8_t mt_blob_byte(struct mt_blob *blob);

/* Four bytes, little-endian. */
uint32_t mt_blob_u32(struct mt_blob *blob);

/* `count` things of `size` bytes (at least 1): where the first is; the cursor is then behind the
 * last. No product overflows. */
const uint8_t *mt_blob_skip(struct mt_blob *blob, uint64_t count, size_t size);

/* Refuses what is left. */
void mt_blob_end(struct mt_blob *blob);

#endif
