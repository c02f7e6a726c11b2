#include "p2p/skeleton.h"

#include "base/hash.h"

uint64_t mt_skeleton_entry(uint64_t skeleton, const void *key, size_t size, uint8_t type)
{
    return mt_hash_mix(mt_hash_bytes(skeleton, key, size), type);
}

uint64_t mt_skeleton_object(uint64_t skeleton, uint64_t inside)
{
    return mt_hash_mix(skeleton, inside);
}

/* monerod's structs are a few deep. */
uint64_t mt_skeleton_of(const struct mt_message_schema *schema)
{
    uint64_t skeleton = 0;
    for (uint32_t i = 0; i < schema->count; i++) {
        const struct mt_schema_field *field = &schema->fields[i];
        if (field->presence != MT_ALWAYS)
            continue;
        skeleton = mt_skeleton_entry(skeleton, field->key, field->size, field->type);
        if (field->inner != NULL)
            skeleton = mt_skeleton_object(skeleton, mt_skeleton_of(field->inner));
    }
    return skeleton;
}
