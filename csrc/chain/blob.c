#include "chain/blob.h"

#include "base/bytes.h"

void mt_blob_open(struct mt_blob *blob, const void *bytes, size_t size)
{
    static const uint8_t none[1];
    blob->bytes = bytes != NULL ? bytes : none;
    blob->size = size;
    blob->at = 0;
    blob->why = NULL;
}

void mt_blob_refuse(struct mt_blob *blob, const char *why)
{
    if (blob->why == NULL)
        blob->why = why;
}

uint64_t mt_blob_varint(struct mt_blob *blob, unsigned bits)
{
    const uint8_t *p = blob->bytes + blob->at, *end = p + mt_blob_left(blob);
    uint64_t value = 0;
    for (unsigned shift = 0; p < end; shift += 7) {
        uint8_t byte = *p++;
        if (shift + 7 >= bits &&
            byte >> (bits - shift) !=
                0) { /* whatever goes on included, since bits - shift is below 8 here */
            mt_blob_refuse(blob, "varint that is too large");
            return 0;
        }
        if (byte == 0 && shift > 0) {
            mt_blob_refuse(blob, "varint that is longer than needed");
            return 0;
        }
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            blob->at = (size_t)(p - blob->bytes);
            return value;
        }
    }
    mt_blob_refuse(blob, "cut short");
    return 0;
}

size_t mt_blob_count(struct mt_blob *blob)
{
    uint64_t count = mt_blob_varint(blob, 64);
    if (count > mt_blob_left(blob)) {
        mt_blob_refuse(blob, "count that the bytes left cannot hold");
        return 0;
    }
    return (size_t)count;
}

uint8_t mt_blob_byte(struct mt_blob *blob)
{
    if (mt_blob_left(blob) > 0)
        return blob->bytes[blob->at++];
    mt_blob_refuse(blob, "cut short");
    return 0;
}

uint32_t mt_blob_u32(struct mt_blob *blob)
{
    const uint8_t *p = mt_blob_skip(blob, 1, 4);
    return p != NULL ? mt_le32(p) : 0;
}

const uint8_t *mt_blob_skip(struct mt_blob *blob, uint64_t count, size_t size)
{
    if (blob->why != NULL)
        return NULL;
    if (count > (blob->size - blob->at) / size) {
        mt_blob_refuse(blob, "cut short");
        return NULL;
    }
    const uint8_t *p = blob->bytes + blob->at;
    blob->at += (size_t)count * size;
    return p;
}

void mt_blob_end(struct mt_blob *blob)
{
    if (mt_blob_left(blob) > 0)
        mt_blob_refuse(blob, "bytes left over");
}
