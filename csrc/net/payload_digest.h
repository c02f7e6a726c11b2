/* Keyed digests of the payloads of segments, by which repeated bytes are compared with the first
 * ones. A digest stays within one run. Used by tcp. */
#ifndef MT_NET_PAYLOAD_DIGEST_H
#define MT_NET_PAYLOAD_DIGEST_H

#include <stddef.h>
#include <stdint.h>

enum {
    MT_PAYLOAD_BLOCK = 32,    /* bytes that are hashed side by side */
    MT_PAYLOAD_STRETCH = 1024 /* bytes for which there are words of the key */
};

/* Secret words. The last block is for the bytes after the whole blocks of a stretch. */
struct mt_payload_key {
    uint64_t words[(MT_PAYLOAD_STRETCH + MT_PAYLOAD_BLOCK) / 8];
    uint64_t joint; /* for the sums of the stretches */
};

/* Fills the key with random bytes. */
void mt_payload_key_init(struct mt_payload_key *key);

/* The digest of `size` bytes. Two payloads of the same size that differ have the same digest with a
 * chance of about 1 to 2^32, whatever their sender chooses, who does not know the key. */
uint64_t mt_payload_digest(const struct mt_payload_key *key, const uint8_t *bytes, size_t size);

#endif
