#include "p2p_notify.h"

#include "command.h"
#include "epee_value.h"

/* What a field of monerod's structs is. A field that is not there is never an error. */
enum kind {
    UNSIGNED,     /* u64 */
    TRUTH,        /* bool */
    BYTES,        /* str: blobs, ids one after the other; the wrong length makes it missing, not refused */
    TRANSACTIONS, /* array of str */
    BLOCK,        /* block_complete_entry */
    BLOCKS        /* array of them */
};

struct field {
    const char *name;
    enum kind kind;
};

struct shape {
    uint32_t command;
    struct field fields[8]; /* the first without a name ends it */
};

/* src/cryptonote_protocol/cryptonote_protocol_defs.h */
static const struct shape shapes[] = {
    {MT_NEW_BLOCK, {{"b", BLOCK}, {"current_blockchain_height", UNSIGNED}}},
    {MT_NEW_TRANSACTIONS, {{"_", BYTES}, {"dandelionpp_fluff", TRUTH}, {"txs", TRANSACTIONS}}},
    {MT_REQUEST_GET_OBJECTS, {{"blocks", BYTES}, {"prune", TRUTH}}},
    {MT_RESPONSE_GET_OBJECTS, {{"blocks", BLOCKS}, {"current_blockchain_height", UNSIGNED}, {"missed_ids", BYTES}}},
    {MT_REQUEST_CHAIN, {{"block_ids", BYTES}, {"prune", TRUTH}}},
    {MT_RESPONSE_CHAIN_ENTRY,
     {{"cumulative_difficulty", UNSIGNED},
      {"cumulative_difficulty_top64", UNSIGNED},
      {"first_block", BYTES},
      {"m_block_ids", BYTES},
      {"m_block_weights", BYTES},
      {"start_height", UNSIGNED},
      {"total_height", UNSIGNED}}},
    {MT_NEW_FLUFFY_BLOCK, {{"b", BLOCK}, {"current_blockchain_height", UNSIGNED}}},
    {MT_REQUEST_FLUFFY_MISSING_TX, {{"block_hash", BYTES}, {"current_blockchain_height", UNSIGNED}, {"missing_tx_indices", BYTES}}},
    {MT_GET_TXPOOL_COMPLEMENT, {{"hashes", BYTES}}},
};

/* One transaction of a pruned block: blob and prunable_hash, both str. */
static int read_pruned(struct mt_epee *reader, const struct mt_epee_entry *list)
{
    struct mt_epee_entry entry;
    if (mt_epee_enter(reader, list) != MT_OK)
        return MT_MALFORMED;
    int result;
    while ((result = mt_epee_next(reader, &entry)) == MT_OK) {
        int known = MT_EPEE_KEY(&entry, "blob") || MT_EPEE_KEY(&entry, "prunable_hash");
        if ((known ? mt_epee_string(reader, &entry) : mt_epee_skip(reader, &entry)) != MT_OK)
            return MT_MALFORMED;
    }
    return result == MT_END ? MT_OK : MT_MALFORMED;
}

/* A list whose elements are neither strings nor objects is no list of transactions: refused, except (`*odd` set) in a pruned block, where only objects are
 * looked for. */
static int read_block_transactions(struct mt_epee *reader, const struct mt_epee_entry *entry, int *odd)
{
    if (!mt_epee_is_objects(entry)) {
        *odd = entry->is_array && entry->count != 0 && entry->type != MT_EPEE_STRING;
        return mt_epee_skip(reader, entry);
    }
    for (uint64_t i = 0; i < entry->count; i++) {
        if (read_pruned(reader, entry) != MT_OK)
            return MT_MALFORMED;
    }
    return MT_OK;
}

static int read_block(struct mt_epee *reader, const struct mt_epee_entry *block)
{
    struct mt_epee_entry entry;
    uint64_t weight;
    uint8_t pruned = 0;
    int odd = 0, result;
    if (mt_epee_enter(reader, block) != MT_OK)
        return MT_MALFORMED;
    while ((result = mt_epee_next(reader, &entry)) == MT_OK) {
        if (MT_EPEE_KEY(&entry, "block"))
            result = mt_epee_string(reader, &entry);
        else if (MT_EPEE_KEY(&entry, "block_weight"))
            result = mt_epee_u64(reader, &entry, &weight);
        else if (MT_EPEE_KEY(&entry, "pruned"))
            result = mt_epee_bool(reader, &entry, &pruned);
        else if (MT_EPEE_KEY(&entry, "txs"))
            result = read_block_transactions(reader, &entry, &odd);
        else
            result = mt_epee_skip(reader, &entry);
        if (result != MT_OK)
            return MT_MALFORMED;
    }
    if (result == MT_END && odd && !pruned)
        return mt_epee_refuse(reader, "transactions that are no strings");
    return result == MT_END ? MT_OK : MT_MALFORMED;
}

/* Any array of another type is empty for monerod. */
static int read_blocks(struct mt_epee *reader, const struct mt_epee_entry *entry)
{
    if (!mt_epee_is_objects(entry))
        return mt_epee_skip(reader, entry);
    for (uint64_t i = 0; i < entry->count; i++) {
        if (read_block(reader, entry) != MT_OK)
            return MT_MALFORMED;
    }
    return MT_OK;
}

static int read_field(struct mt_epee *reader, const struct mt_epee_entry *entry, enum kind kind)
{
    uint64_t number;
    uint8_t truth;
    switch (kind) {
    case UNSIGNED:
        return mt_epee_u64(reader, entry, &number);
    case TRUTH:
        return mt_epee_bool(reader, entry, &truth);
    case BYTES:
        return mt_epee_string(reader, entry);
    case TRANSACTIONS:
        if (entry->is_array && entry->count != 0 && entry->type != MT_EPEE_STRING)
            return mt_epee_refuse(reader, "transactions that are no strings");
        return mt_epee_skip(reader, entry);
    case BLOCK:
        return mt_epee_is_object(entry) ? read_block(reader, entry) : mt_epee_skip(reader, entry);
    case BLOCKS:
        return read_blocks(reader, entry);
    }
    return mt_epee_skip(reader, entry);
}

static const struct field *find_field(const struct shape *shape, const struct mt_epee_entry *entry)
{
    for (size_t i = 0; i < sizeof shape->fields / sizeof shape->fields[0] && shape->fields[i].name != NULL; i++) {
        if (mt_epee_has_key(entry, shape->fields[i].name, strlen(shape->fields[i].name)))
            return &shape->fields[i];
    }
    return NULL;
}

int mt_p2p_notify(struct mt_epee *reader, uint32_t command)
{
    static const struct shape empty = {0, {{NULL, BYTES}}};
    const struct shape *shape = &empty;
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        if (shapes[i].command == command)
            shape = &shapes[i];
    }
    struct mt_epee_entry entry;
    int result;
    while ((result = mt_epee_next(reader, &entry)) == MT_OK) {
        const struct field *field = find_field(shape, &entry);
        if ((field != NULL ? read_field(reader, &entry, field->kind) : mt_epee_skip(reader, &entry)) != MT_OK)
            return MT_MALFORMED;
    }
    return result == MT_END ? MT_OK : MT_MALFORMED;
}
