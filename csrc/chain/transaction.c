#include "chain/transaction.h"

#include "chain/blob.h"

#include <string.h>

enum {
    INPUT_GEN = 0xff,
    TO_SCRIPT = 0,
    TO_SCRIPT_HASH = 1,
    TO_KEY = 2,
    TO_TAGGED_KEY = 3,
    TO_CARROT = 4 /* not released */
}; /* tags of inputs and outputs */
enum { KEY = 32, SIGNATURE = 64, RANGE_PROOF = (64 + 64 + 1 + 64) * KEY };
enum {
    PROOF_ROUNDS = 6,
    PROOF_ROUNDS_MOST = 10,
    PROOF_OUTPUTS = 16
}; /* of a bulletproof: rounds for one output, and for the most */

/* A transaction being read. */
struct reading {
    struct mt_blob blob;
    struct mt_transaction *transaction;
    uint64_t spent, paid; /* amounts of inputs and outputs */
    uint64_t signatures;  /* ring members of all inputs */
    uint64_t ring;        /* of the first input; 1 if it is a gen */
    uint64_t room;        /* outputs that the bulletproofs have room for */
    uint32_t proofs;
    uint32_t gens;    /* inputs that are gens */
    uint8_t overflow; /* amounts do not add up within 64 bits */
    uint8_t early;    /* the RCT types 3 and 4 are those of monerod v0.12 */
};

static void add_amount(struct reading *reading, uint64_t *sum, uint64_t amount)
{
    *sum += amount;
    if (*sum < amount)
        reading->overflow = 1;
}

static void read_gen(struct reading *reading, uint32_t place)
{
    reading->transaction->height = mt_blob_varint(&reading->blob, 64);
    reading->gens++;
    if (place == 0)
        reading->ring = 1;
}

static void read_to_key(struct reading *reading, uint32_t place)
{
    struct mt_blob *blob = &reading->blob;
    add_amount(reading, &reading->spent, mt_blob_varint(blob, 64));
    size_t ring = mt_blob_count(blob);
    for (size_t i = 0; i < ring && blob->why == NULL; i++)
        (void)mt_blob_varint(blob, 64);
    (void)mt_blob_skip(blob, 1, KEY); /* key image */
    reading->signatures += ring;
    if (place == 0)
        reading->ring = ring;
    if (!(reading->transaction->present & MT_TX_RING_SIZE)) {
        reading->transaction->present |= MT_TX_RING_SIZE;
        reading->transaction->ring_size = (uint32_t)ring;
    }
}

static void read_inputs(struct reading *reading)
{
    struct mt_blob *blob = &reading->blob;
    uint32_t count = (uint32_t)mt_blob_count(blob);
    for (uint32_t i = 0; i < count && blob->why == NULL; i++) {
        uint8_t tag = mt_blob_byte(blob);
        if (tag == INPUT_GEN)
            read_gen(reading, i);
        else if (tag == TO_KEY)
            read_to_key(reading, i);
        else
            mt_blob_refuse(blob, tag <= TO_SCRIPT_HASH
                                     ? "input of a script, which no transaction has"
                                     : "input of an unknown kind");
    }
    reading->transaction->inputs = count;
}

static void read_outputs(struct reading *reading)
{
    struct mt_blob *blob = &reading->blob;
    uint32_t count = (uint32_t)mt_blob_count(blob);
    for (uint32_t i = 0; i < count && blob->why == NULL; i++) {
        add_amount(reading, &reading->paid, mt_blob_varint(blob, 64));
        uint8_t tag = mt_blob_byte(blob);
        if (tag == TO_KEY || tag == TO_TAGGED_KEY)
            (void)mt_blob_skip(blob, 1, tag == TO_KEY ? KEY : KEY + 1);
        else
            mt_blob_refuse(blob,
                           tag <= TO_SCRIPT_HASH ? "output to a script, which no transaction has"
                           : tag == TO_CARROT ? "unknown output type 4 (Carrot in drafts of FCMP++)"
                                              : "unknown output type");
    }
    reading->transaction->outputs = count;
}

static int is_coinbase(const struct reading *reading)
{
    return reading->transaction->inputs == 1 && reading->gens == 1;
}

static void read_prefix(struct reading *reading)
{
    struct mt_blob *blob = &reading->blob;
    uint64_t version = mt_blob_varint(blob, 64);
    if (version != 1 && version != 2)
        mt_blob_refuse(blob, "version that is neither 1 nor 2");
    reading->transaction->version = (uint8_t)version;
    (void)mt_blob_varint(blob, 64); /* unlock time */
    read_inputs(reading);
    read_outputs(reading);
    (void)mt_blob_skip(blob, mt_blob_count(blob), 1); /* extra */
    if (is_coinbase(reading))
        reading->transaction->present |= MT_TX_HEIGHT;
    else
        reading->transaction->height = 0;
    reading->transaction->prefix_size = reading->transaction->base_size = (uint32_t)blob->at;
}

/* Of version 1: what follows the prefix, and what it says of the fee. */
static void read_signatures(struct reading *reading)
{
    struct mt_transaction *transaction = reading->transaction;
    (void)mt_blob_skip(&reading->blob, reading->signatures, SIGNATURE);
    if (reading->gens == 0 && !reading->overflow && reading->spent >= reading->paid) {
        transaction->fee = reading->spent - reading->paid;
        transaction->present |= MT_TX_FEE;
    }
}

static void read_base(struct reading *reading)
{
    struct mt_blob *blob = &reading->blob;
    struct mt_transaction *transaction = reading->transaction;
    uint8_t type = mt_blob_byte(blob);
    if (type >= MT_RCT_COUNT)
        mt_blob_refuse(blob, type == MT_RCT_COUNT ? "unknown RCT type 7 (FCMP++ in drafts)"
                                                  : "unknown RCT type");
    transaction->rct_type = type;
    transaction->present |= MT_TX_RCT_TYPE;
    if (type != MT_RCT_NULL) {
        transaction->fee = mt_blob_varint(blob, 64);
        if (!is_coinbase(reading))
            transaction->present |= MT_TX_FEE;
        else
            transaction->fee = 0;
        if (type == MT_RCT_SIMPLE || (reading->early && type == MT_RCT_BULLETPROOF2))
            (void)mt_blob_skip(blob, transaction->inputs, KEY); /* pseudoOuts */
        (void)mt_blob_skip(blob, transaction->outputs,
                           type <= MT_RCT_BULLETPROOF || reading->early ? 2 * KEY
                                                                        : 8); /* ecdhInfo */
        (void)mt_blob_skip(blob, transaction->outputs, KEY);                  /* outPk */
    }
    transaction->base_size = (uint32_t)blob->at;
}

static void read_bulletproof(struct reading *reading)
{
    struct mt_blob *blob = &reading->blob;
    (void)mt_blob_skip(blob, 6, KEY); /* A S T1 T2 taux mu, or A A1 B r1 s1 d1 */
    size_t left = mt_blob_count(blob);
    (void)mt_blob_skip(blob, left, KEY);
    size_t right = mt_blob_count(blob);
    (void)mt_blob_skip(blob, right, KEY);
    if (reading->transaction->rct_type != MT_RCT_BULLETPROOF_PLUS)
        (void)mt_blob_skip(blob, 3, KEY); /* a b t */
    if (blob->why == NULL && (left != right || left < PROOF_ROUNDS || left > PROOF_ROUNDS_MOST))
        mt_blob_refuse(blob, "bulletproof of a size that there is not");
    if (blob->why == NULL)
        reading->room += (uint64_t)1 << (left - PROOF_ROUNDS);
}

/* One bulletproof for each output, without their number. */
static void read_early_bulletproofs(struct reading *reading)
{
    uint32_t outputs = reading->transaction->outputs;
    for (uint32_t i = 0; i < outputs && reading->blob.why == NULL; i++)
        read_bulletproof(reading);
    if (reading->room != outputs)
        mt_blob_refuse(&reading->blob, "bulletproof of a size that there is not");
}

static void read_bulletproofs(struct reading *reading)
{
    struct mt_blob *blob = &reading->blob;
    const struct mt_transaction *transaction = reading->transaction;
    reading->proofs = transaction->rct_type == MT_RCT_BULLETPROOF
                          ? mt_blob_u32(blob)
                          : (uint32_t)mt_blob_varint(blob, 32);
    if (reading->proofs > transaction->outputs)
        mt_blob_refuse(blob, "more bulletproofs than outputs");
    for (uint32_t i = 0; i < reading->proofs && blob->why == NULL; i++)
        read_bulletproof(reading);
    if (reading->room < transaction->outputs)
        mt_blob_refuse(blob, "bulletproofs for fewer outputs than there are");
}

/* Every input counts as having as many ring members as the first. Inputs and members all took bytes
 * of one blob below 4 GiB, so that no product overflows. */
static void read_prunable(struct reading *reading)
{
    struct mt_blob *blob = &reading->blob;
    uint64_t inputs = reading->transaction->inputs, ring = reading->ring;
    uint8_t type = reading->transaction->rct_type;
    if (ring == 0)
        mt_blob_refuse(blob, "first input without a ring");
    if (type == MT_RCT_FULL || type == MT_RCT_SIMPLE)
        (void)mt_blob_skip(blob, reading->transaction->outputs, RANGE_PROOF);
    else if (reading->early)
        read_early_bulletproofs(reading);
    else
        read_bulletproofs(reading);
    if (type == MT_RCT_FULL || (reading->early && type == MT_RCT_BULLETPROOF))
        (void)mt_blob_skip(blob, ring * (inputs + 1) + 1, KEY);
    else if (type == MT_RCT_CLSAG || type == MT_RCT_BULLETPROOF_PLUS)
        (void)mt_blob_skip(blob, inputs * (ring + 2), KEY);
    else
        (void)mt_blob_skip(blob, inputs * (2 * ring + 1), KEY);
    if (type >= MT_RCT_BULLETPROOF && !reading->early)
        (void)mt_blob_skip(blob, inputs, KEY); /* pseudoOuts */
}

/* The weight: the size and, for a bulletproof of more than two outputs, four fifths of what it
 * saves compared with proofs of two outputs each. */
static void weigh(struct reading *reading)
{
    struct mt_transaction *transaction = reading->transaction;
    uint64_t room = reading->room, back = 0;
    if (transaction->pruned)
        return;
    if (room > 2 && !reading->early) {
        if (transaction->outputs > PROOF_OUTPUTS) /* only in a coinbase with bulletproofs, which
                                                     monerod does not weigh either */
            return;
        uint64_t rounds = PROOF_ROUNDS,
                 fixed = transaction->rct_type == MT_RCT_BULLETPROOF_PLUS ? 6 : 9;
        while ((uint64_t)1 << (rounds - PROOF_ROUNDS) < room)
            rounds++;
        back = (KEY * (fixed + 14) / 2 * room - KEY * (fixed + 2 * rounds)) * 4 / 5;
    }
    transaction->weight = transaction->size + back;
    transaction->present |= MT_TX_WEIGHT;
}

/* Reads one transaction; what is left over is not looked at. */
static void read_transaction(struct reading *reading, int pruned)
{
    struct mt_blob *blob = &reading->blob;
    struct mt_transaction *transaction = reading->transaction;
    if (blob->size > UINT32_MAX) /* so that no number of things exceeds 32 bits */
        mt_blob_refuse(blob, "longer than 4 GiB");
    read_prefix(reading);
    if (blob->why != NULL)
        return;
    transaction->pruned = pruned && transaction->version == 2;
    if (transaction->version == 1)
        read_signatures(reading);
    else if (transaction->inputs > 0)
        read_base(reading);
    else if (!pruned) /* reads well, but monerod gets no hash of it then, and refuses it for that */
        mt_blob_refuse(blob, "version 2 without inputs");
    if (transaction->version == 2 && transaction->rct_type != MT_RCT_NULL && !pruned)
        read_prunable(reading);
    transaction->size = (uint32_t)blob->at;
    weigh(reading);
}

static int result(struct reading *reading, const char **why)
{
    if (reading->blob.why == NULL)
        return MT_OK;
    memset(reading->transaction, 0, sizeof *reading->transaction);
    *why = reading->blob.why;
    return MT_MALFORMED;
}

static void begin(struct reading *reading, struct mt_transaction *transaction, const void *bytes,
                  size_t size)
{
    memset(transaction, 0, sizeof *transaction);
    memset(reading, 0, sizeof *reading);
    reading->transaction = transaction;
    mt_blob_open(&reading->blob, bytes, size);
}

/* Types 3 and 4, which had another format in monerod v0.12. */
static int has_early_format(const struct mt_transaction *transaction)
{
    return transaction->rct_type == MT_RCT_BULLETPROOF ||
           transaction->rct_type == MT_RCT_BULLETPROOF2;
}

/* Reads a whole transaction in the format of monerod v0.12, in which testnet accepted bulletproofs:
 * types 3 (full) and 4 (simple) have one for each output and no number of them, and are as types 1
 * and 2 otherwise. 1 if it is one. */
static int read_early(struct mt_transaction *transaction, const void *bytes, size_t size)
{
    struct reading reading;
    begin(&reading, transaction, bytes, size);
    reading.early = 1;
    read_transaction(&reading, 0);
    mt_blob_end(&reading.blob);
    return reading.blob.why == NULL && !is_coinbase(&reading) && has_early_format(transaction);
}

int mt_transaction_parse(struct mt_transaction *transaction, const void *bytes, size_t size,
                         int pruned, const char **why)
{
    struct reading reading;
    begin(&reading, transaction, bytes, size);
    read_transaction(&reading, pruned);
    mt_blob_end(&reading.blob);
    if (transaction->rct_type >= MT_RCT_BULLETPROOF && !pruned && !is_coinbase(&reading) &&
        reading.proofs != 1)
        mt_blob_refuse(&reading.blob, "not exactly one bulletproof");
    if (reading.blob.why != NULL && !pruned && has_early_format(transaction) &&
        read_early(transaction, bytes, size))
        return MT_OK;
    return result(&reading, why);
}

int mt_transaction_parse_first(struct mt_transaction *transaction, const void *bytes, size_t size,
                               const char **why)
{
    struct reading reading;
    begin(&reading, transaction, bytes, size);
    read_transaction(&reading, 0);
    return result(&reading, why);
}

int mt_transaction_id_parts(const void *bytes, const struct mt_transaction *transaction,
                            const uint8_t *prunable_hash, uint8_t parts[MT_ID_PARTS][MT_HASH_SIZE],
                            struct mt_keccak_job jobs[MT_ID_PARTS], size_t *count)
{
    const uint8_t *p = bytes;
    size_t prefix = transaction->prefix_size, base = transaction->base_size;
    *count = 0;
    memset(parts[2], 0, MT_HASH_SIZE);
    if (transaction->rct_type != MT_RCT_NULL) {
        if (!transaction->pruned)
            jobs[(*count)++] = (struct mt_keccak_job){p + base, transaction->size - base, parts[2]};
        else if (prunable_hash != NULL)
            memcpy(parts[2], prunable_hash, MT_HASH_SIZE);
        else
            return MT_MALFORMED;
    }
    jobs[(*count)++] = (struct mt_keccak_job){p, prefix, parts[0]};
    /* monerod writes a base of type 0 for what came without one */
    jobs[(*count)++] = transaction->inputs > 0
                           ? (struct mt_keccak_job){p + prefix, base - prefix, parts[1]}
                           : (struct mt_keccak_job){(const uint8_t *)"", 1, parts[1]};
    return MT_OK;
}

int mt_transaction_id(const void *bytes, const struct mt_transaction *transaction,
                      const uint8_t *prunable_hash, uint8_t id[MT_HASH_SIZE])
{
    uint8_t parts[MT_ID_PARTS][MT_HASH_SIZE];
    struct mt_keccak_job jobs[MT_ID_PARTS];
    size_t count;
    if (transaction->version == 1) {
        mt_keccak256(bytes, transaction->size, id);
        return MT_OK;
    }
    if (mt_transaction_id_parts(bytes, transaction, prunable_hash, parts, jobs, &count) != MT_OK)
        return MT_MALFORMED;
    mt_keccak256_many(jobs, count);
    mt_keccak256(parts, sizeof parts, id);
    return MT_OK;
}
