#include "levin/beginning.h"

#include "base/error.h"
#include "base/mem.h"
#include "levin/prefix.h"
#include "levin/resync.h"

void mt_beginning_free(struct mt_levin_stream *stream)
{
    if (stream->prefix == NULL)
        return;
    mt_free(stream->prefix);
    stream->prefix = NULL;
    mt_budget_use(stream->levin->buffered, -(int64_t)sizeof *stream->prefix);
}

/* How many prefixes it had; all that there may be if the client asked no proxy, so that a server's
 * bytes are no answer. */
static int chain_of(const struct mt_levin_stream *stream)
{
    const struct mt_levin_stream *client = &stream->levin->directions[1];
    int asked = client->prefixes != 0 || client->state == MT_LEVIN_BEGIN;
    return stream->from_client || asked ? stream->prefixes : MT_PREFIX_CHAIN;
}

/* MT_OK; MT_END if the byte begins no prefix, or the budget is full; MT_NOMEM. */
static int begin(struct mt_levin_stream *stream, uint8_t byte)
{
    struct mt_levin *levin = stream->levin;
    int chain = chain_of(stream);
    if (stream->prefix != NULL)
        return MT_OK;
    if (!mt_prefix_may_begin(byte, stream->from_client, chain) ||
        mt_budget_is_full(levin->buffered, sizeof *stream->prefix))
        return MT_END;
    stream->prefix = mt_alloc(1, sizeof *stream->prefix);
    if (stream->prefix == NULL)
        return MT_NOMEM;
    mt_budget_use(levin->buffered, sizeof *stream->prefix);
    mt_prefix_init(stream->prefix, stream->from_client, chain);
    return MT_OK;
}

/* No header is expected here. */
static void fall_out_of_step(struct mt_levin_stream *stream)
{
    struct mt_levin *levin = stream->levin;
    stream->state = levin->monero ? MT_LEVIN_SEEK : MT_LEVIN_NOT_LEVIN;
    levin->lossy |= levin->monero;
}

/* The bytes so far are prefixes: reported, or noted while it is not known whether the connection is
 * Monero's. */
static int claim(struct mt_levin_stream *stream, int cut)
{
    stream->prefix_bytes = stream->run_bytes;
    stream->prefix_why = mt_prefix_text(stream->prefix, cut);
    return stream->levin->monero ? mt_resync_report_prefix(stream) : MT_OK;
}

static int finish_prefix(struct mt_levin_stream *stream)
{
    struct mt_levin *levin = stream->levin;
    const struct mt_prefix *prefix = stream->prefix;
    int refused = !stream->from_client && prefix->kind == MT_PROXY_CONNECT && !prefix->granted;
    int result = levin->shared->sink->prefix(levin->context, prefix);
    if (result == MT_OK)
        result = claim(stream, 0);
    stream->prefixes =
        (uint8_t)(mt_prefix_is_header(prefix->kind) ? MT_PREFIX_CHAIN : stream->prefixes + 1);
    mt_beginning_free(stream);
    if (refused) { /* the proxy's explanation follows */
        stream->outside = MT_OUTSIDE_REFUSAL;
        fall_out_of_step(stream);
    }
    return result;
}

int mt_beginning_read(struct mt_levin_stream *stream, const struct mt_stream_data *data,
                      const uint8_t **at, const uint8_t *end)
{
    const uint8_t *first = *at;
    enum mt_prefix_verdict verdict = MT_PREFIX_MORE;
    int result = begin(stream, *first);
    if (result == MT_END)
        stream->state = MT_LEVIN_HEADER;
    if (result != MT_OK)
        return result == MT_END ? MT_OK : result;
    while (*at < end && verdict == MT_PREFIX_MORE)
        verdict = mt_prefix_read(stream->prefix, *(*at)++);
    *at -= verdict == MT_PREFIX_NONE;
    mt_resync_add_run(stream, data, stream->at, *at - first);
    stream->at += *at - first;
    if (verdict == MT_PREFIX_WHOLE)
        return finish_prefix(stream);
    if (verdict == MT_PREFIX_MORE)
        return MT_OK;
    if (verdict == MT_PREFIX_TLS)
        stream->outside = MT_OUTSIDE_TLS;
    mt_beginning_free(stream);
    fall_out_of_step(stream);
    return MT_OK;
}

int mt_beginning_cut(struct mt_levin_stream *stream)
{
    int result = MT_OK;
    if (stream->prefix != NULL && stream->prefix->committed)
        result = claim(stream, 1);
    mt_beginning_free(stream);
    return result;
}
