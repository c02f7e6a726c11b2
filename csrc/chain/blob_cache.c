#include "chain/blob_cache.h"

#include "base/error.h"
#include "base/mem.h"

void mt_known_init(struct mt_known *known, size_t limit)
{
    *known = (struct mt_known){.limit = limit < UINT32_MAX / 4 ? limit : UINT32_MAX / 4};
    mt_digest_key_init(&known->key);
}

void mt_known_free(struct mt_known *known)
{
    mt_free(known->blobs);
    mt_free(known->slots);
    *known = (struct mt_known){0};
}

/* Slot of the blob, or the free slot where it belongs. */
static size_t find(const struct mt_known *known, struct mt_digest digest, enum mt_blob_kind kind)
{
    size_t mask = known->slots_count - 1;
    for (size_t slot = (size_t)digest.low & mask;; slot = (slot + 1) & mask) {
        if (known->slots[slot] == 0)
            return slot;
        const struct mt_known_blob *blob = &known->blobs[known->slots[slot] - 1];
        if (mt_digest_equal(blob->digest, digest) && blob->kind == kind)
            return slot;
    }
}

const struct mt_known_blob *mt_known_find(const struct mt_known *known, struct mt_digest digest,
                                          enum mt_blob_kind kind)
{
    if (known->slots_count == 0)
        return NULL;
    uint32_t place = known->slots[find(known, digest, kind)];
    return place != 0 ? &known->blobs[place - 1] : NULL;
}

static int grow(struct mt_known *known)
{
    size_t wanted = known->slots_count != 0 ? known->slots_count * 2 : 64;
    uint32_t *slots = mt_alloc(wanted, sizeof *slots);
    if (slots == NULL)
        return MT_NOMEM;
    mt_free(known->slots);
    known->slots = slots;
    known->slots_count = wanted;
    for (uint32_t place = 0; place < known->count; place++)
        slots[find(known, known->blobs[place].digest, known->blobs[place].kind)] = place + 1;
    return MT_OK;
}

int mt_known_add(struct mt_known *known, const struct mt_known_blob *blob)
{
    if (known->count >= known->limit) {
        known->refused++;
        return MT_OK;
    }
    if (known->count + 1 > known->slots_count / 2 && grow(known) != MT_OK)
        return MT_NOMEM;
    void *grown = known->blobs;
    if (mt_reserve(&grown, &known->capacity, known->count + 1, sizeof *known->blobs) != MT_OK)
        return MT_NOMEM;
    known->blobs = grown;
    known->blobs[known->count++] = *blob;
    known->slots[find(known, blob->digest, blob->kind)] = (uint32_t)known->count;
    return MT_OK;
}
