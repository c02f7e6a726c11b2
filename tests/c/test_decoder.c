/* What all conversations share. */
#include "support/stream_help.h"

static struct mt_decoder decoder;
static struct mt_limits limits;

static void test_parts(void)
{
    limits = mt_default_limits;
    mt_decoder_init(&decoder, &limits, ALL_TABLES);
    CHECK(decoder.p2p.tables == decoder.output.tables);
    CHECK(decoder.p2p.strings == &decoder.output.strings);
    CHECK(decoder.p2p.addresses == &decoder.output.addresses);
    CHECK_EQUAL(decoder.levin.all_bodies, 1);
    mt_decoder_free(&decoder);
    mt_decoder_init(&decoder, &limits, 1u << MT_TABLE_messages);
    CHECK_EQUAL(decoder.levin.all_bodies, 0);
    mt_decoder_free(&decoder);
}

/* Limits that count for themselves are reported like the others. */
static void test_limit_hits(void)
{
    int32_t code;
    uint32_t waiting = 0;
    limits = mt_default_limits;
    limits.addresses = limits.strings = 1;
    limits.blobs = limits.early_responses = 0;
    mt_decoder_init(&decoder, &limits, ALL_TABLES);
    for (int i = 0; i < MT_LIMIT_COUNT; i++)
        CHECK_EQUAL(mt_decoder_limit_hits(&decoder, (enum mt_limit_id)i), 0);
    for (uint8_t i = 0; i < 3; i++) {
        CHECK_EQUAL(mt_address_ipv4(&decoder.output.addresses, (uint8_t[]){10, 0, 0, i}, &code),
                    MT_OK);
        CHECK_EQUAL(code, i == 0 ? 0 : MT_NO_CODE);
        CHECK_EQUAL(mt_intern_put(&decoder.output.strings, &i, 1, &code), MT_OK);
    }
    struct mt_blob_key blob = {.kind = MT_BLOB_BLOCK};
    CHECK_EQUAL(mt_blob_cache_add(&decoder.p2p.blob_cache, &blob, NULL), MT_OK);
    CHECK_EQUAL(
        mt_early_responses_add(&decoder.early, &(struct mt_early_response){.waiting = &waiting}),
        MT_OK);
    CHECK_EQUAL(waiting, 0);
    CHECK_EQUAL(mt_decoder_limit_hits(&decoder, MT_LIMIT_addresses), 2);
    CHECK_EQUAL(mt_decoder_limit_hits(&decoder, MT_LIMIT_strings), 2);
    CHECK_EQUAL(mt_decoder_limit_hits(&decoder, MT_LIMIT_blobs), 1);
    CHECK_EQUAL(mt_decoder_limit_hits(&decoder, MT_LIMIT_early_responses), 1);
    CHECK_EQUAL(mt_decoder_limit_hits(&decoder, MT_LIMIT_problems), 0);
    mt_decoder_free(&decoder);
}

int main(void)
{
    test_parts();
    test_limit_hits();
    FINISH("test_decoder");
}
