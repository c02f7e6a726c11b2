#include "p2p/notifications.h"

#include "base/bytes.h"
#include "epee/epee_value.h"
#include "p2p/blobs.h"

enum { INDEX_SIZE = 8 };

/* ---- transactions and blocks ---- */

/* Sets `ascending` in the last row, which is that of `blob`. */
static void mark_order(struct mt_decoding *decoding, struct mt_text blob)
{
    const struct mt_table *table = mt_decoding_table(decoding, MT_TABLE_transactions);
    struct mt_transaction_row *row = (struct mt_transaction_row *)table->rows + table->count - 1;
    const struct mt_text previous = decoding->previous;
    row->ascending =
        previous.at == NULL || mt_compare(previous.at, previous.size, blob.at, blob.size) <= 0;
    row->present |= MT_TRANSACTION_ASCENDING;
    decoding->previous = blob;
}

static int read_transactions(struct mt_decoding *decoding, const struct mt_epee_entry *list,
                             int64_t block_position)
{
    struct mt_epee *epee = &decoding->reader.epee;
    struct mt_epee_entry blob;
    if (!mt_epee_is_strings(list) || !mt_decoding_wants(decoding, MT_TABLE_transactions))
        return mt_epee_skip(epee, list);
    for (uint64_t i = 0; i < list->count; i++) {
        if (mt_epee_element(epee, list, &blob) != MT_OK)
            return MT_MALFORMED;
        const struct mt_text text = {blob.value, (size_t)blob.size};
        if (mt_append_transaction(decoding, text, block_position) != MT_OK)
            return MT_NOMEM;
        if (block_position < 0)
            mark_order(decoding, text);
    }
    return MT_OK;
}

/* One transaction of a pruned block: blob and prunable_hash. */
static int read_pruned_field(void *context, const struct mt_schema_field *field,
                             const struct mt_epee_entry *entry)
{
    struct mt_decoding *decoding = context;
    if (field->name == MT_F_PRUNABLE_HASH)
        return mt_epee_blob(&decoding->reader.epee, entry, MT_HASH_SIZE, &decoding->prunable_hash);
    decoding->blob = (struct mt_text){entry->value, (size_t)entry->size};
    return mt_epee_string(&decoding->reader.epee, entry);
}

static int read_pruned_transactions(struct mt_decoding *decoding,
                                    const struct mt_schema_field *field,
                                    const struct mt_epee_entry *list)
{
    for (uint64_t i = 0; i < list->count; i++) {
        decoding->blob = (struct mt_text){NULL, 0};
        decoding->prunable_hash = NULL;
        int result =
            mt_read_element(&decoding->reader, list, field->inner, read_pruned_field, decoding);
        if (result == MT_OK && decoding->blob.at != NULL &&
            mt_decoding_wants(decoding, MT_TABLE_transactions))
            result = mt_append_pruned_transaction(decoding, decoding->blob, decoding->prunable_hash,
                                                  decoding->block);
        if (result != MT_OK)
            return result;
    }
    return MT_OK;
}

/* monerod refuses a list whose elements are neither strings nor objects (`odd_list`), except in a
 * pruned block, where it reads objects only. */
static int read_block_transactions(struct mt_decoding *decoding,
                                   const struct mt_schema_field *field,
                                   const struct mt_epee_entry *list)
{
    if (mt_epee_is_objects(list))
        return read_pruned_transactions(decoding, field, list);
    decoding->odd_list = list->is_array && list->count != 0 && list->type != MT_EPEE_STRING;
    return read_transactions(decoding, list, decoding->block);
}

static int read_block_blob(struct mt_decoding *decoding, const struct mt_epee_entry *entry)
{
    if (mt_epee_string(&decoding->reader.epee, entry) != MT_OK)
        return MT_MALFORMED;
    return mt_decoding_wants(decoding, MT_TABLE_blocks)
               ? mt_append_block(decoding, (struct mt_text){entry->value, (size_t)entry->size})
               : MT_OK;
}

static int read_block_field(void *context, const struct mt_schema_field *field,
                            const struct mt_epee_entry *entry)
{
    struct mt_decoding *decoding = context;
    switch (field->name) {
    case MT_F_BLOCK:
        return read_block_blob(decoding, entry);
    case MT_F_PRUNED:
        return mt_epee_bool(&decoding->reader.epee, entry, &decoding->pruned);
    case MT_F_TXS:
        return read_block_transactions(decoding, field, entry);
    default:
        return mt_check_field(&decoding->reader, field, entry);
    }
}

/* Called after a block entry: only now is `pruned` known. */
static int end_block(struct mt_decoding *decoding)
{
    int odd = decoding->odd_list && !decoding->pruned;
    decoding->odd_list = decoding->pruned = 0;
    decoding->block++;
    return odd ? mt_epee_refuse(&decoding->reader.epee, "transactions that are not strings")
               : MT_OK;
}

static int read_block(struct mt_decoding *decoding, const struct mt_schema_field *field,
                      const struct mt_epee_entry *entry)
{
    if (!mt_epee_is_object(entry))
        return mt_epee_skip(&decoding->reader.epee, entry);
    int result = mt_read_object(&decoding->reader, entry, field->inner, read_block_field, decoding);
    return result == MT_OK ? end_block(decoding) : result;
}

/* monerod reads an array of any other type as empty. */
static int read_blocks(struct mt_decoding *decoding, const struct mt_schema_field *field,
                       const struct mt_epee_entry *list)
{
    if (!mt_epee_is_objects(list))
        return mt_epee_skip(&decoding->reader.epee, list);
    for (uint64_t i = 0; i < list->count; i++) {
        int result =
            mt_read_element(&decoding->reader, list, field->inner, read_block_field, decoding);
        if (result == MT_OK)
            result = end_block(decoding);
        if (result != MT_OK)
            return result;
    }
    return MT_OK;
}

/* ---- inventories ---- */

/* Reserves the rows of a blob whose elements have `size` bytes: *rows is NULL and *count is 0
 * without elements. MT_OK or MT_NOMEM. */
static int inventory(struct mt_decoding *decoding, struct mt_text blob, size_t size,
                     struct mt_inventory_row **rows, size_t *count)
{
    struct mt_table *table = mt_decoding_table(decoding, MT_TABLE_inventories);
    *rows = NULL;
    *count = 0;
    if (!table->wanted || blob.size == 0)
        return MT_OK;
    if (blob.size % size != 0)
        return size == MT_HASH_SIZE
                   ? mt_defects_add(&decoding->p2p->defects, "ids",
                                    "length is not a multiple of 32: empty for monerod")
                   : mt_defects_add(&decoding->p2p->defects, "indices",
                                    "length is not a multiple of 8: empty for monerod");
    if (mt_table_reserve(table, blob.size / size) != MT_OK)
        return MT_NOMEM;
    *rows = (struct mt_inventory_row *)table->rows + table->count;
    *count = blob.size / size;
    return MT_OK;
}

static int list_ids(struct mt_decoding *decoding, const struct mt_epee_entry *entry,
                    enum mt_list list)
{
    struct mt_inventory_row *rows;
    size_t count;
    if (mt_epee_string(&decoding->reader.epee, entry) != MT_OK)
        return MT_MALFORMED;
    if (inventory(decoding, (struct mt_text){entry->value, (size_t)entry->size}, MT_HASH_SIZE,
                  &rows, &count) != MT_OK)
        return MT_NOMEM;
    for (size_t i = 0; i < count; i++) {
        rows[i] = (struct mt_inventory_row){.message = decoding->message,
                                            .position = (uint32_t)i,
                                            .list = (int8_t)list,
                                            .id = MT_NO_CODE};
        if (mt_intern_put(decoding->p2p->strings, entry->value + i * MT_HASH_SIZE, MT_HASH_SIZE,
                          &rows[i].id) != MT_OK)
            return MT_NOMEM;
    }
    mt_decoding_table(decoding, MT_TABLE_inventories)->count += count;
    return MT_OK;
}

static int list_indices(struct mt_decoding *decoding)
{
    struct mt_inventory_row *rows;
    size_t count;
    int32_t block = MT_NO_CODE;
    if (inventory(decoding, decoding->indices, INDEX_SIZE, &rows, &count) != MT_OK)
        return MT_NOMEM;
    if (count != 0 && decoding->block_hash != NULL &&
        mt_intern_put(decoding->p2p->strings, decoding->block_hash, MT_HASH_SIZE, &block) != MT_OK)
        return MT_NOMEM;
    for (size_t i = 0; i < count; i++)
        rows[i] =
            (struct mt_inventory_row){.message = decoding->message,
                                      .position = (uint32_t)i,
                                      .list = MT_LIST_MISSING_INDICES,
                                      .id = block,
                                      .tx_index = mt_le64(decoding->indices.at + i * INDEX_SIZE),
                                      .present = MT_INVENTORY_TX_INDEX};
    mt_decoding_table(decoding, MT_TABLE_inventories)->count += count;
    return MT_OK;
}

static int read_indices(struct mt_decoding *decoding, const struct mt_epee_entry *entry)
{
    decoding->indices = (struct mt_text){entry->value, (size_t)entry->size};
    return mt_epee_string(&decoding->reader.epee, entry);
}

/* ---- roots ---- */

static int read_fluff(struct mt_decoding *decoding, const struct mt_epee_entry *entry)
{
    uint8_t fluff;
    if (mt_epee_bool(&decoding->reader.epee, entry, &fluff) != MT_OK)
        return MT_MALFORMED;
    decoding->stem = !fluff;
    return MT_OK;
}

/* 2002 is the only command with transactions in its root; block_position -1 marks them. */
static int read_root_transactions(struct mt_decoding *decoding, const struct mt_epee_entry *list)
{
    return mt_epee_strings(&decoding->reader.epee, list) == MT_OK
               ? read_transactions(decoding, list, -1)
               : MT_MALFORMED;
}

int mt_read_notification_field(void *context, const struct mt_schema_field *field,
                               const struct mt_epee_entry *entry)
{
    struct mt_decoding *decoding = context;
    switch (field->name) {
    case MT_F_B:
        return read_block(decoding, field, entry);
    case MT_F_BLOCKS: /* of 2004, of 2003 */
        return field->inner != NULL ? read_blocks(decoding, field, entry)
                                    : list_ids(decoding, entry, MT_LIST_BLOCKS);
    case MT_F_TXS:
        return read_root_transactions(decoding, entry);
    case MT_F_DANDELIONPP_FLUFF:
        return read_fluff(decoding, entry);
    case MT_F_MISSED_IDS:
        return list_ids(decoding, entry, MT_LIST_MISSED);
    case MT_F_BLOCK_IDS:
    case MT_F_M_BLOCK_IDS:
        return list_ids(decoding, entry, MT_LIST_CHAIN);
    case MT_F_HASHES:
        return list_ids(decoding, entry, MT_LIST_TXPOOL);
    case MT_F_T:
        return list_ids(decoding, entry, decoding->draft_list);
    case MT_F_BLOCK_HASH:
        return mt_epee_blob(&decoding->reader.epee, entry, MT_HASH_SIZE, &decoding->block_hash);
    case MT_F_MISSING_TX_INDICES:
        return read_indices(decoding, entry);
    default:
        return mt_check_field(&decoding->reader, field, entry);
    }
}

/* dandelionpp_fluff may come after the transactions. */
static void mark_fluff(struct mt_decoding *decoding)
{
    const struct mt_table *table = mt_decoding_table(decoding, MT_TABLE_transactions);
    for (size_t i = decoding->first_transaction; i < table->count; i++) {
        struct mt_transaction_row *row = (struct mt_transaction_row *)table->rows + i;
        if (row->present & MT_TRANSACTION_BLOCK_POSITION)
            continue;
        row->fluff = !decoding->stem;
        row->present |= MT_TRANSACTION_FLUFF;
    }
}

int mt_end_notification(struct mt_decoding *decoding)
{
    mark_fluff(decoding);
    return list_indices(decoding);
}
