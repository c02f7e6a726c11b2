#include "levin/partial_header.h"

#include "base/error.h"
#include "base/mem.h"

#include <string.h>

static int grow(struct mt_carry *carry)
{
    uint32_t capacity =
        carry->pieces_capacity != 0 ? carry->pieces_capacity * 2 : 1; /* nearly always one piece */
    struct mt_piece *pieces = mt_resize(carry->pieces, capacity, sizeof *pieces);
    if (pieces == NULL)
        return MT_NOMEM;
    carry->pieces = pieces;
    carry->pieces_capacity = capacity;
    return MT_OK;
}

int mt_carry_add(struct mt_carry *carry, const struct mt_piece *piece, const uint8_t *data,
                 uint32_t size, uint32_t *taken)
{
    uint32_t room = MT_SOUND_SIZE - carry->count;
    *taken = size < room ? size : room;
    if (*taken == 0)
        return MT_OK;
    if (carry->pieces_count == carry->pieces_capacity && grow(carry) != MT_OK)
        return MT_NOMEM;
    struct mt_piece *entry = &carry->pieces[carry->pieces_count++];
    *entry = *piece;
    entry->offset = piece->offset + (data - piece->data);
    entry->size = *taken;
    entry->data = NULL;
    memcpy(carry->bytes + carry->count, data, *taken);
    carry->count += *taken;
    return MT_OK;
}

void mt_carry_drop(struct mt_carry *carry, uint32_t count)
{
    if (count == 0)
        return;
    memmove(carry->bytes, carry->bytes + count, carry->count - count);
    carry->count -= count;
    uint32_t gone = 0;
    while (gone < carry->pieces_count && count >= carry->pieces[gone].size)
        count -= carry->pieces[gone++].size;
    carry->pieces_count -= gone;
    memmove(carry->pieces, carry->pieces + gone, carry->pieces_count * sizeof *carry->pieces);
    if (count != 0) {
        carry->pieces[0].offset += count;
        carry->pieces[0].size -= count;
    }
}

uint32_t mt_carry_next(const struct mt_carry *carry)
{
    for (uint32_t at = 1; at < carry->count; at++) {
        if (mt_signature_matches(carry->bytes + at, carry->count - at))
            return at;
    }
    return carry->count;
}

void mt_carry_free(struct mt_carry *carry)
{
    mt_free(carry->pieces);
    *carry = (struct mt_carry){0};
}
