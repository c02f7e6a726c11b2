#include "chain/blob_cache.h"

#include "base/error.h"
#include "base/mem.h"

#include <string.h>

enum { FIRST_SLOTS = 64 };

void mt_blob_cache_init(struct mt_blob_cache *cache, size_t value_size, size_t limit)
{
    *cache = (struct mt_blob_cache){.value_size = value_size,
                                    .limit = limit < UINT32_MAX / 4 ? limit : UINT32_MAX / 4};
    mt_digest_key_init(&cache->key);
}

void mt_blob_cache_free(struct mt_blob_cache *cache)
{
    mt_free(cache->blobs);
    mt_free(cache->values);
    mt_free(cache->slots);
    *cache = (struct mt_blob_cache){0};
}

/* Slot of the blob, or the free slot where it belongs. */
static size_t find_slot(const struct mt_blob_cache *cache, const struct mt_blob_key *blob)
{
    size_t mask = cache->slots_count - 1;
    for (size_t slot = (size_t)blob->digest.low & mask;; slot = (slot + 1) & mask) {
        if (cache->slots[slot] == 0)
            return slot;
        const struct mt_blob_key *other = &cache->blobs[cache->slots[slot] - 1];
        if (mt_digest_equal(other->digest, blob->digest) && other->kind == blob->kind)
            return slot;
    }
}

static uint8_t *value_at(const struct mt_blob_cache *cache, size_t index)
{
    return (uint8_t *)cache->values + index * cache->value_size;
}

const void *mt_blob_cache_find(const struct mt_blob_cache *cache, const struct mt_blob_key *blob)
{
    if (cache->slots_count == 0)
        return NULL;
    uint32_t index = cache->slots[find_slot(cache, blob)];
    return index != 0 ? value_at(cache, index - 1) : NULL;
}

static int grow_slots(struct mt_blob_cache *cache)
{
    size_t wanted = cache->slots_count != 0 ? cache->slots_count * 2 : FIRST_SLOTS;
    uint32_t *slots = mt_alloc(wanted, sizeof *slots);
    if (slots == NULL)
        return MT_NOMEM;
    mt_free(cache->slots);
    cache->slots = slots;
    cache->slots_count = wanted;
    for (uint32_t index = 0; index < cache->count; index++)
        slots[find_slot(cache, &cache->blobs[index])] = index + 1;
    return MT_OK;
}

static int reserve(struct mt_blob_cache *cache)
{
    void *blobs = cache->blobs;
    if (mt_reserve(&blobs, &cache->capacity, cache->count + 1, sizeof *cache->blobs) != MT_OK)
        return MT_NOMEM;
    cache->blobs = blobs;
    return mt_reserve(&cache->values, &cache->values_capacity, cache->count + 1, cache->value_size);
}

int mt_blob_cache_add(struct mt_blob_cache *cache, const struct mt_blob_key *blob,
                      const void *value)
{
    if (cache->count >= cache->limit) {
        cache->refused++;
        return MT_OK;
    }
    if (cache->count + 1 > cache->slots_count / 2 && grow_slots(cache) != MT_OK)
        return MT_NOMEM;
    if (reserve(cache) != MT_OK)
        return MT_NOMEM;
    cache->blobs[cache->count] = *blob;
    memcpy(value_at(cache, cache->count), value, cache->value_size);
    cache->slots[find_slot(cache, blob)] = (uint32_t)++cache->count;
    return MT_OK;
}

void *mt_blob_cache_value(struct mt_blob_cache *cache, size_t index)
{
    return value_at(cache, index);
}
