#include "decoder.h"

#include "conversation.h"

/* Messages after which hashes are computed: a scan holds back the rows of so many. */
enum { MOST_PENDING = 1024 };

void mt_decoder_init(struct mt_decoder *decoder, const struct mt_limits *limits, uint32_t tables)
{
    struct mt_output *output = &decoder->output;
    mt_output_init(output, limits, tables);
    mt_p2p_init(&decoder->p2p, &output->addresses, &output->strings, output->tables, limits,
                output->limit_hits);
    mt_payload_key_init(&decoder->payload_key);
    decoder->buffers = (struct mt_buffer_pool){.spare_count = 0};
    mt_early_responses_init(&decoder->early, limits, output->limit_hits);
    decoder->unacknowledged = (struct mt_unacknowledged){.items = NULL};
    decoder->levin = (struct mt_levin_shared){.sink = &mt_conversation_sink,
                                              .limits = limits,
                                              .limit_hits = output->limit_hits,
                                              .buffers = &decoder->buffers,
                                              .all_bodies = output->tables[MT_TABLE_fields].wanted};
}

void mt_decoder_free(struct mt_decoder *decoder)
{
    mt_early_responses_free(&decoder->early);
    mt_unacknowledged_free(&decoder->unacknowledged);
    mt_buffer_pool_free(&decoder->buffers);
    mt_p2p_free(&decoder->p2p);
    mt_output_free(&decoder->output);
}

struct mt_tcp *mt_decoder_open_tcp(struct mt_decoder *decoder, const uint16_t *ports,
                                   size_t ports_count, int64_t *monero_packets)
{
    struct mt_tcp_options options = {.shared = {.callbacks = &mt_conversation_callbacks,
                                                .context = decoder,
                                                .limits = decoder->output.limits,
                                                .limit_hits = decoder->output.limit_hits,
                                                .key = &decoder->payload_key,
                                                .buffered = &decoder->output.buffered},
                                     .ports = ports,
                                     .ports_count = ports_count,
                                     .monero_packets = monero_packets};
    return mt_tcp_open(&options);
}

uint64_t mt_decoder_limit_hits(const struct mt_decoder *decoder, enum mt_limit_id limit)
{
    switch (limit) {
    case MT_LIMIT_addresses:
        return decoder->output.addresses.names.refused;
    case MT_LIMIT_strings:
        return decoder->output.strings.refused;
    case MT_LIMIT_blobs:
        return decoder->p2p.blob_cache.refused;
    default:
        return decoder->output.limit_hits[limit];
    }
}

void mt_decoder_count_message(struct mt_decoder *decoder)
{
    int64_t next = ++decoder->output.messages_given;
    if (next - mt_p2p_settled(&decoder->p2p, next) >= MOST_PENDING)
        mt_p2p_resolve(&decoder->p2p);
}

int64_t mt_decoder_settled(struct mt_decoder *decoder)
{
    int64_t next = decoder->output.messages_given,
            early = mt_early_responses_settled(&decoder->early, next),
            oldest = mt_unacknowledged_oldest(&decoder->unacknowledged, next);
    if (oldest < next - MT_HELD_BACK)
        oldest = next - MT_HELD_BACK; /* its row is given away as it is */
    if (early < oldest)
        oldest = early;
    next = mt_p2p_settled(&decoder->p2p, next);
    return next < oldest ? next : oldest;
}
