#include "chain/transaction.h"

#include "support/check.h"
#include "support/hex.h"
#include "support/known_transactions.h"
#include "support/transactions.h"

#include <stdlib.h>

/* ---- reading ---- */

static struct mt_transaction transaction;
static const char *why;

enum form { WHOLE, PRUNED, FIRST };

/* Reads the first `size` bytes of what was made, in memory that ends there. */
static int parse(size_t size, enum form form)
{
    uint8_t *exact = malloc(size + (size == 0));
    if (exact == NULL)
        abort();
    memcpy(exact, written.bytes, size);
    memset(&transaction, 0xa5, sizeof transaction);
    why = NULL;
    int result = form == FIRST
                     ? mt_transaction_parse_first(&transaction, exact, size, &why)
                     : mt_transaction_parse(&transaction, exact, size, form == PRUNED, &why);
    free(exact);
    return result;
}

static int is_zero(void)
{
    static const struct mt_transaction zero;
    return memcmp(&transaction, &zero, sizeof zero) == 0;
}

static void check_refused(size_t size, enum form form, const char *reason)
{
    CHECK_EQUAL(parse(size, form), MT_MALFORMED);
    CHECK_TEXT(why, reason);
    CHECK(is_zero());
}

static uint64_t optional(uint64_t value, uint8_t bit)
{
    if (!(transaction.present & bit)) {
        CHECK(value == 0);
        return NONE;
    }
    return value;
}

static void check_facts(size_t i)
{
    const struct shape *shape = &known[i].shape;
    CHECK_EQUAL(transaction.version, shape->version);
    CHECK_EQUAL(transaction.inputs, shape->inputs);
    CHECK_EQUAL(transaction.outputs, shape->outputs);
    CHECK_EQUAL(transaction.prefix_size, known[i].prefix_size);
    CHECK_EQUAL(transaction.base_size, known[i].base_size);
    CHECK(optional(transaction.rct_type, MT_TX_RCT_TYPE) ==
          (shape->version == 2 ? shape->type : NONE));
    CHECK(optional(transaction.ring_size, MT_TX_RING_SIZE) == known[i].ring);
    CHECK(optional(transaction.fee, MT_TX_FEE) == known[i].fee);
    CHECK(optional(transaction.height, MT_TX_HEIGHT) == known[i].height);
}

static void check_whole(size_t i, enum form form)
{
    uint8_t id[MT_HASH_SIZE];
    CHECK_EQUAL(parse(written.size, form), MT_OK);
    CHECK(why == NULL);
    check_facts(i);
    CHECK_EQUAL(transaction.size, known[i].size);
    CHECK_EQUAL(transaction.pruned, 0);
    CHECK(optional(transaction.weight, MT_TX_WEIGHT) == known[i].weight);
    CHECK_EQUAL(mt_transaction_id(written.bytes, &transaction, NULL, id), MT_OK);
    CHECK_TEXT(hex(id), known[i].id);
}

/* The same transaction without its prunable part, beside that part's hash. */
static void check_pruned(size_t i)
{
    uint8_t id[MT_HASH_SIZE], prunable_hash[MT_HASH_SIZE];
    mt_keccak256(written.bytes + written.base_end, written.size - written.base_end, prunable_hash);
    CHECK_EQUAL(parse(written.base_end, PRUNED), MT_OK);
    check_facts(i);
    CHECK_EQUAL(transaction.size, written.base_end);
    CHECK_EQUAL(transaction.pruned, 1);
    CHECK(optional(transaction.weight, MT_TX_WEIGHT) == NONE);
    CHECK_EQUAL(mt_transaction_id(written.bytes, &transaction, prunable_hash, id), MT_OK);
    CHECK_TEXT(hex(id), known[i].id);
    CHECK_EQUAL(mt_transaction_id(written.bytes, &transaction, NULL, id),
                known[i].shape.type == 0 ? MT_OK : MT_MALFORMED);
    if (known[i].shape.type == 0)
        CHECK_TEXT(hex(id), known[i].id);
    for (size_t size = 0; size < written.base_end; size++)
        CHECK_EQUAL(parse(size, PRUNED), MT_MALFORMED);
    if (known[i].shape.type != 0)
        check_refused(written.base_end + 1, PRUNED, "bytes left over");
}

static void test_known(void)
{
    for (size_t i = 0; i < KNOWN; i++) {
        int failed = check_failed;
        build(&known[i].shape);
        CHECK_EQUAL(written.size, known[i].size);
        check_whole(i, WHOLE);
        check_whole(i, FIRST);
        if (known[i].shape.version == 1)
            check_whole(i, PRUNED);
        else
            check_pruned(i);
        for (size_t size = 0; size < written.size; size++) {
            CHECK_EQUAL(parse(size, WHOLE), MT_MALFORMED);
            CHECK(is_zero() && why != NULL);
        }
        written.bytes[written.size++] = 0;
        check_whole(i, FIRST); /* whatever follows */
        check_refused(written.size, WHOLE, "bytes left over");
        if (check_failed != failed)
            fprintf(stderr, "  of %s\n", known[i].name);
    }
}

/* ---- what is refused ---- */

static const struct shape usual = {.version = 2,
                                   .type = 6,
                                   .tagged = 1,
                                   .inputs = 2,
                                   .ring = 16,
                                   .other_rings = 16,
                                   .outputs = 2,
                                   .proofs = 1,
                                   .rounds = 7,
                                   .extra = 44};
static const char cut[] = "cut short", few[] = "count that the bytes left cannot hold",
                  large[] = "varint that is too large";

static void test_versions(void)
{
    static const uint64_t wrong[] = {0, 3, 255, 258, (uint64_t)1 << 32 | 2, UINT64_MAX};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        written.size = 0;
        varint(wrong[i]);
        fill(100);
        check_refused(written.size, WHOLE, "version that is neither 1 nor 2");
        check_refused(written.size, PRUNED, "version that is neither 1 nor 2");
    }
    check_refused(0, WHOLE, cut);
    written.bytes[0] = 0x82;
    written.bytes[1] = 0;
    check_refused(2, WHOLE, "varint that is longer than needed");
}

static void test_types(void)
{
    build(&usual);
    for (int type = 7; type < 256; type++) {
        written.bytes[written.prefix_end] = (uint8_t)type;
        const char *reason =
            type == 7 ? "unknown RCT type 7 (FCMP++ in drafts)" : "unknown RCT type";
        check_refused(written.size, WHOLE, reason);
        check_refused(written.base_end, PRUNED, reason);
    }
}

static void test_tags(void)
{
    for (int tag = 0; tag < 256; tag++) {
        written.size = 0;
        varint(2);
        varint(0);
        varint(1);
        byte((uint8_t)tag);
        fill(200);
        if (tag != 2 && tag != 0xff)
            check_refused(written.size, WHOLE,
                          tag < 2 ? "input of a script, which no transaction has"
                                  : "input of an unknown kind");
        written.size = 3;
        byte(0xff);
        varint(7);
        varint(1);
        varint(5);
        byte((uint8_t)tag);
        fill(200);
        if (tag != 2 && tag != 3)
            check_refused(written.size, WHOLE,
                          tag < 2    ? "output to a script, which no transaction has"
                          : tag == 4 ? "unknown output type 4 (Carrot in drafts of FCMP++)"
                                     : "unknown output type");
    }
}

static const uint64_t hostile[] = {300,
                                   0xffff,
                                   0x7fffffff,
                                   0x80000000u,
                                   UINT32_MAX,
                                   (uint64_t)1 << 32,
                                   (uint64_t)1 << 58,
                                   (uint64_t)1 << 59,
                                   (uint64_t)1 << 63,
                                   UINT64_MAX / 32 + 1,
                                   UINT64_MAX - 1,
                                   UINT64_MAX};
enum { HOSTILE = sizeof hostile / sizeof hostile[0] };

/* Counts of everything in the prefix, with 200 bytes behind them. */
static void test_counts(void)
{
    for (size_t i = 0; i < HOSTILE; i++) {
        for (int place = 0; place < 4; place++) {
            written.size = 0;
            varint(1 + (i & 1));
            varint(0);
            varint(place == 0 ? hostile[i] : 1);
            if (place > 0) {
                byte(2);
                varint(UINT64_MAX);
                varint(place == 1 ? hostile[i] : 1);
            }
            if (place > 1) {
                varint(UINT64_MAX);
                fill(32);
                varint(place == 2 ? hostile[i] : 1);
            }
            if (place > 2) {
                varint(UINT64_MAX);
                byte(2);
                fill(32);
                varint(hostile[i]);
            }
            fill(200);
            check_refused(written.size, WHOLE, few);
            check_refused(written.size, PRUNED, few);
            check_refused(written.size, FIRST, few);
        }
    }
}

/* As many inputs and ring members as there are bytes, of which nothing that follows can have
 * enough. */
static void test_many(void)
{
    for (uint8_t type = 0; type <= 6; type++) {
        written.size = 0;
        varint(2);
        varint(0);
        varint(20000);
        to_key(0, 30000);
        for (uint32_t i = 1; i < 20000; i++) {
            byte(0xff);
            varint(0);
        }
        varint(0);
        varint(0);
        byte(type);
        if (type == 0)
            continue;
        varint(0);
        if (type == 3)
            fill(4);
        byte(0);
        CHECK_EQUAL(parse(written.size, WHOLE), MT_MALFORMED);
        CHECK_EQUAL(parse(written.size, FIRST), MT_MALFORMED);
    }
}

/* `usual` with other proofs: each with its own number of rounds. */
static void other_proofs(uint8_t type, uint32_t count, const uint64_t *left, const uint64_t *right,
                         uint32_t outputs)
{
    struct shape shape = usual;
    shape.type = type;
    shape.outputs = outputs;
    written.size = 0;
    prefix(&shape);
    base(&shape);
    proof_count(type, count);
    for (uint32_t i = 0; i < count; i++)
        proof(type, left[i], right[i]);
    ring_signatures(&shape);
}

static void check_proofs(uint32_t count, const uint64_t *left, const uint64_t *right,
                         uint32_t outputs, const char *reason)
{
    for (uint8_t type = 3; type <= 6; type++) {
        other_proofs(type, count, left, right, outputs);
        if (reason != NULL)
            check_refused(written.size, FIRST, reason);
        else
            CHECK_EQUAL(parse(written.size, FIRST), MT_OK);
        if (reason != NULL || count != 1)
            check_refused(written.size, WHOLE,
                          reason != NULL ? reason : "not exactly one bulletproof");
        else
            CHECK_EQUAL(parse(written.size, WHOLE), MT_OK);
    }
}
#define PROOFS(outputs, reason, left, right) \
    check_proofs(sizeof(left) / sizeof(uint64_t), (left), (right), (outputs), (reason))
#define ROUNDS(...) ((const uint64_t[]){__VA_ARGS__})

static void test_proofs(void)
{
    static const char size[] = "bulletproof of a size that there is not",
                      room[] = "bulletproofs for fewer outputs than there are";
    static const char more[] = "more bulletproofs than outputs";
    for (uint64_t rounds = 1; rounds < 14; rounds++) {
        uint32_t most = rounds < 6 || rounds > 10 ? 0 : (uint32_t)1 << (rounds - 6);
        PROOFS(1, most == 0 ? size : NULL, ROUNDS(rounds), ROUNDS(rounds));
        if (most > 0) {
            PROOFS(most, NULL, ROUNDS(rounds), ROUNDS(rounds));
            PROOFS(most + 1, room, ROUNDS(rounds), ROUNDS(rounds));
        }
    }
    PROOFS(1, size, ROUNDS(7), ROUNDS(6));
    PROOFS(1, size, ROUNDS(6), ROUNDS(7));
    PROOFS(1, size, ROUNDS(0), ROUNDS(0));
    PROOFS(3, NULL, ROUNDS(6, 7), ROUNDS(6, 7));
    PROOFS(4, room, ROUNDS(6, 7), ROUNDS(6, 7));
    PROOFS(2, size, ROUNDS(10, 5), ROUNDS(10, 5));
    PROOFS(1, more, ROUNDS(7, 7), ROUNDS(7, 7));
    for (size_t i = 0; i < HOSTILE; i++) {
        PROOFS(1, hostile[i] > 300 ? few : cut, ROUNDS(hostile[i]), ROUNDS(6));
        PROOFS(1, hostile[i] > 300 ? few : cut, ROUNDS(6), ROUNDS(hostile[i]));
    }
}

static void test_proof_counts(void)
{
    for (uint8_t type = 3; type <= 6; type++) {
        for (size_t i = 0; i < HOSTILE; i++) {
            struct shape shape = usual;
            shape.type = type;
            written.size = 0;
            prefix(&shape);
            base(&shape);
            if (type == 3)
                proof_count(3, (uint32_t)hostile[i] | 0x100);
            else
                varint(hostile[i]);
            fill(1000);
            check_refused(written.size, WHOLE,
                          type != 3 && hostile[i] > UINT32_MAX ? large
                                                               : "more bulletproofs than outputs");
        }
        other_proofs(type, 0, NULL, NULL,
                     0); /* no outputs, no proof: reads well, and is refused for the proof */
        check_refused(written.size, WHOLE, "not exactly one bulletproof");
        CHECK_EQUAL(parse(written.size, FIRST), MT_OK);
    }
}

/* Testnet accepted these in 2018: a bulletproof for each output, and no number of them. */
static void test_early_bulletproofs(void)
{
    early = 1;
    for (uint8_t type = 3; type <= 4; type++) {
        for (uint32_t inputs = 1; inputs <= 3; inputs++) {
            struct shape shape = {.version = 2,
                                  .type = type,
                                  .inputs = inputs,
                                  .ring = 7,
                                  .other_rings = 7,
                                  .outputs = inputs + 1,
                                  .proofs = inputs + 1,
                                  .rounds = 6,
                                  .extra = 44};
            uint8_t id[MT_HASH_SIZE], parts[3][MT_HASH_SIZE], wanted[MT_HASH_SIZE];
            build(&shape);
            CHECK_EQUAL(parse(written.size, WHOLE), MT_OK);
            CHECK_EQUAL(transaction.rct_type, type);
            CHECK_EQUAL(transaction.fee, 30720000);
            CHECK_EQUAL(transaction.weight, written.size);
            CHECK_EQUAL(transaction.base_size, written.base_end);
            mt_keccak256(written.bytes, written.prefix_end, parts[0]);
            mt_keccak256(written.bytes + written.prefix_end, written.base_end - written.prefix_end,
                         parts[1]);
            mt_keccak256(written.bytes + written.base_end, written.size - written.base_end,
                         parts[2]);
            mt_keccak256(parts, sizeof parts, wanted);
            CHECK_EQUAL(mt_transaction_id(written.bytes, &transaction, NULL, id), MT_OK);
            CHECK(memcmp(id, wanted, sizeof id) == 0);
            CHECK_EQUAL(parse(written.size - 1, WHOLE), MT_MALFORMED);
            written.bytes[written.size++] = 0;
            CHECK_EQUAL(parse(written.size, WHOLE), MT_MALFORMED);
            CHECK(is_zero());
            shape.rounds = 7; /* each for two outputs */
            build(&shape);
            CHECK_EQUAL(parse(written.size, WHOLE), MT_MALFORMED);
            shape.rounds = 6;
            shape.gen = 1;
            build(&shape);
            CHECK_EQUAL(parse(written.size, WHOLE), inputs == 1 ? MT_MALFORMED : MT_OK);
        }
    }
    early = 0;
}

/* A first input with no ring leaves its signatures no size; in the pruned form there are none. */
static void test_no_ring(void)
{
    for (uint8_t type = 1; type <= 6; type++) {
        struct shape shape = usual;
        shape.type = type;
        shape.ring = 0;
        build(&shape);
        check_refused(written.size, WHOLE, "first input without a ring");
        CHECK_EQUAL(parse(written.base_end, PRUNED), MT_OK);
        CHECK(transaction.present & MT_TX_RING_SIZE);
        CHECK_EQUAL(transaction.ring_size, 0);
    }
}

static void test_no_inputs(void)
{
    struct shape shape = {.version = 2, .outputs = 2, .extra = 5};
    uint8_t id[MT_HASH_SIZE];
    build(&shape);
    check_refused(written.size, WHOLE, "version 2 without inputs");
    check_refused(written.size, FIRST, "version 2 without inputs");
    CHECK_EQUAL(parse(written.size, PRUNED), MT_OK);
    CHECK_EQUAL(transaction.base_size, written.size);
    CHECK_EQUAL(transaction.inputs, 0);
    CHECK_EQUAL(transaction.outputs, 2);
    CHECK_EQUAL(transaction.present, 0);
    CHECK_EQUAL(mt_transaction_id(written.bytes, &transaction, NULL, id), MT_OK);
    CHECK_TEXT(hex(id), "379d218ee258cc2859c7a50e0889afed91481eb3af43f1306d24214675b552f1");
}

/* ---- amounts of version 1 ---- */

static void amounts(uint64_t in, uint64_t in_too, uint64_t out, uint64_t out_too, uint64_t fee)
{
    written.size = 0;
    varint(1);
    varint(0);
    varint(2);
    to_key(in, 1);
    to_key(in_too, 1);
    varint(2);
    varint(out);
    byte(2);
    fill(32);
    varint(out_too);
    byte(2);
    fill(32);
    varint(0);
    fill(128);
    CHECK_EQUAL(parse(written.size, WHOLE), MT_OK);
    CHECK(optional(transaction.fee, MT_TX_FEE) == fee);
}

static void test_amounts(void)
{
    amounts(70, 30, 60, 39, 1);
    amounts(70, 30, 70, 30, 0);
    amounts(70, 30, 71, 30, NONE);
    amounts(UINT64_MAX, 0, 0, 1, UINT64_MAX - 1);
    amounts(UINT64_MAX, 1, 0, 0, NONE);
    amounts(1, UINT64_MAX, 0, 0, NONE);
    amounts(UINT64_MAX, 0, UINT64_MAX, 1, NONE);
    amounts(UINT64_MAX, 1, UINT64_MAX, 1, NONE); /* the sums are the same, and none */
    amounts(UINT64_MAX - 1, 1, UINT64_MAX, 0, 0);
}

/* ---- anything ---- */

static uint32_t seed = 1;

static uint32_t next(void)
{
    seed = seed * 1664525 + 1013904223;
    return seed >> 8;
}

/* Bytes changed at random, in the prefix mostly, where the counts are: whatever is taken has parts
 * in order that end where it does. */
static void test_changed(void)
{
    int right = 1, taken = 0;
    for (int round = 0; round < 40; round++) {
        for (size_t i = 0; i < KNOWN; i++) {
            build(&known[i].shape);
            size_t within = round % 4 == 0                        ? written.size
                            : written.base_end + 8 < written.size ? written.base_end + 8
                                                                  : written.size;
            for (uint32_t changes = 1 + next() % 3; changes > 0; changes--)
                written.bytes[next() % within] = (uint8_t)(next() % 3 == 0 ? 0xff : next());
            for (enum form form = WHOLE; form <= FIRST; form++) {
                size_t size = form == PRUNED ? written.base_end : written.size;
                if (parse(size, form) != MT_OK) {
                    right &= is_zero() && why != NULL;
                    continue;
                }
                taken++;
                right &= transaction.prefix_size <= transaction.base_size &&
                         transaction.base_size <= transaction.size;
                right &= form == FIRST ? transaction.size <= size : transaction.size == size;
                right &= transaction.inputs < size && transaction.outputs < size &&
                         transaction.ring_size < size;
            }
        }
    }
    CHECK(right);
    CHECK(taken > 1000);
}

int main(void)
{
    test_known();
    test_versions();
    test_types();
    test_tags();
    test_counts();
    test_many();
    test_proofs();
    test_proof_counts();
    test_early_bulletproofs();
    test_no_ring();
    test_no_inputs();
    test_amounts();
    test_changed();
    FINISH("test_transaction");
}
