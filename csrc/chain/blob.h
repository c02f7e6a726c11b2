/* A cursor over a blob in Monero's own serialization (src/serialization), the format of blocks and
 * transactions. Knows nothing of their structure. Used by transaction.c and block.c.
 *
 * Once something is refused, every further call returns nothing (0 or NULL), and `why` is the
 * reason. A reader may check once after several calls, but must not loop on. Nothing beyond the
 * blob is read, whatever numbers it contains. */
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
 * monerod reads the bits that it has in this case, and so also reads a few blobs whose last varint
 * is missing or cut. */
uint64_t mt_blob_varint(struct mt_blob *blob, unsigned bits);

/* The length of a list whose elements have at least a byte each; refused, as by monerod, if the
 * blob has fewer bytes left. */
size_t mt_blob_count(struct mt_blob *blob);

/* One byte. */
uint8_t mt_blob_byte(struct mt_blob *blob);

/* Four bytes, little-endian. */
uint32_t mt_blob_u32(struct mt_blob *blob);

/* Skips `count` elements of `size` bytes (at least 1) and returns the first. No product
 * overflows. */
const uint8_t *mt_blob_skip(struct mt_blob *blob, uint64_t count, size_t size);

/* Refuses the blob if bytes are left. */
void mt_blob_end(struct mt_blob *blob);

#endif
