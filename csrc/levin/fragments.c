#include "levin/fragments.h"

#include "base/error.h"
#include "base/mem.h"
#include "levin/session.h"

#include <string.h>

void mt_assembly_free(struct mt_levin *levin)
{
    if (levin->assembly == NULL)
        return;
    mt_output_release(levin->dialog->output, &levin->dialog->buffered, &levin->assembly->inner);
    mt_free(levin->assembly);
    levin->assembly = NULL;
}

void mt_assembly_doubt(struct mt_levin *levin)
{
    if (levin->assembly != NULL)
        levin->assembly->gap = 1;
}

/* Makes the row of the assembly, done or not, and forgets it. `payload` NULL unless it is whole. */
static int close_assembly(struct mt_levin *levin, const struct mt_header *header, int kind,
                          int status, int64_t captured, const uint8_t *payload, const char *why)
{
    struct mt_assembly *assembly = levin->assembly;
    int result = mt_levin_row(levin, &assembly->extent, header, kind, status, captured,
                              assembly->fragments, assembly->end, assembly->wire, payload, why);
    mt_assembly_free(levin);
    return result;
}

/* A row for an assembly that is not whole: the inner header's values if it is there, else those of
 * the first bucket. */
static int close_broken(struct mt_levin *levin, int status, const char *why)
{
    struct mt_assembly *assembly = levin->assembly;
    struct mt_header header = assembly->outer;
    int64_t captured = assembly->captured;
    int kind = -1;
    if (assembly->inner.count >= MT_HEADER_SIZE &&
        mt_signature_matches(assembly->inner.bytes, MT_HEADER_SIZE)) {
        header = mt_header_read(assembly->inner.bytes);
        kind = mt_header_kind(&header);
        captured -= MT_HEADER_SIZE;
        if ((uint64_t)captured > header.length)
            captured = (int64_t)header.length; /* the rest is padding */
    }
    return close_assembly(levin, &header, kind, status, captured, NULL, why);
}

int mt_assembly_abandon(struct mt_levin *levin, const char *why)
{
    if (levin->assembly == NULL)
        return MT_OK;
    if (levin->assembly->gap)
        return close_broken(levin, MT_STATUS_GAP,
                            "bytes were lost between or inside its Levin fragments");
    return close_broken(levin, levin->assembly->snapped ? MT_STATUS_SNAPPED : MT_STATUS_TRUNCATED,
                        why);
}

/* The END bucket is there: the inner bucket, if it is one. monerod does not look at the inner
 * signature, we do where no BEGIN vouches for it. */
static int complete(struct mt_levin *levin)
{
    struct mt_assembly *assembly = levin->assembly;
    if (assembly->refused)
        return close_broken(levin, MT_STATUS_OVERSIZE, "Levin fragments over the limit");
    if (assembly->gap || assembly->snapped)
        return mt_assembly_abandon(levin, "the snap length cut its Levin fragments");
    const struct mt_buffer *inner = &assembly->inner;
    int vouched = assembly->begun || (inner->count >= MT_HEADER_SIZE &&
                                      mt_signature_matches(inner->bytes, MT_HEADER_SIZE));
    if (!vouched && levin->resumed)
        return close_broken(levin, MT_STATUS_GAP, "the first Levin fragment was not captured");
    if (!vouched || inner->count < MT_HEADER_SIZE)
        return close_broken(levin, MT_STATUS_MALFORMED, "Levin fragments that hold no header");
    struct mt_header header = mt_header_read(inner->bytes);
    if (header.length > inner->count - MT_HEADER_SIZE)
        return close_broken(levin, MT_STATUS_MALFORMED,
                            "Levin fragments shorter than their inner length");
    int kind = mt_header_kind(&header);
    if (kind < 0 || kind == MT_KIND_NOISE)
        kind = header.expects_response != 0 ? MT_KIND_REQUEST
                                            : MT_KIND_NOTIFICATION; /* monerod asks no further */
    int oversize = header.length > mt_command_limit(header.command);
    return close_assembly(levin, &header, kind, oversize ? MT_STATUS_OVERSIZE : MT_STATUS_COMPLETE,
                          (int64_t)header.length, inner->bytes + MT_HEADER_SIZE,
                          "inner length over monerod's limit");
}

static int open_assembly(struct mt_levin *levin, const struct mt_message *bucket)
{
    levin->assembly = mt_alloc(1, sizeof *levin->assembly);
    if (levin->assembly == NULL)
        return MT_NOMEM;
    levin->assembly->outer = bucket->header;
    levin->assembly->extent = bucket->extent;
    levin->assembly->extent.shared &= MT_SHARED_BEFORE;
    return MT_OK;
}

static void extend(struct mt_assembly *assembly, const struct mt_message *bucket)
{
    struct mt_extent *extent = &assembly->extent;
    int same_segment = extent->last.arrival == bucket->extent.first.arrival;
    extent->segments += bucket->extent.segments - (same_segment ? 1 : 0);
    if (bucket->extent.first.arrival < extent->first.arrival)
        extent->first = bucket->extent.first;
    if (bucket->extent.last.arrival > extent->last.arrival) {
        extent->last = bucket->extent.last;
        extent->last_length = bucket->extent.last_length;
    }
    extent->acknowledged = bucket->extent.acknowledged;
}

int mt_assembly_add(struct mt_levin *levin, const struct mt_message *bucket, const uint8_t *body,
                    int64_t end)
{
    uint32_t flags = bucket->header.flags;
    int begins = (flags & MT_FLAG_BEGIN) != 0, ends = (flags & MT_FLAG_END) != 0,
        whole = bucket->captured == (int64_t)bucket->header.length;
    if (levin->assembly == NULL && !begins && !ends &&
        bucket->header.length == 0) /* adds nothing to nothing */
        return mt_levin_row(levin, &bucket->extent, &bucket->header, -1, MT_STATUS_COMPLETE, 0, 1,
                            end, MT_HEADER_SIZE, NULL, "");
    int result = MT_OK;
    if (levin->assembly != NULL && begins)
        result = mt_assembly_abandon(levin, "another Levin fragment with BEGIN came");
    int first = levin->assembly == NULL;
    if (result == MT_OK && first)
        result = open_assembly(levin, bucket);
    if (result != MT_OK)
        return result;
    struct mt_assembly *assembly = levin->assembly;
    if (!first)
        extend(assembly, bucket);
    assembly->begun = assembly->begun || begins;
    assembly->fragments++;
    assembly->captured += bucket->captured;
    assembly->wire += MT_HEADER_SIZE + bucket->captured;
    assembly->end = end;
    assembly->gap |= bucket->gap;
    assembly->snapped |= bucket->snapped;
    if (body != NULL && bucket->header.length != 0 && !assembly->refused) {
        result = mt_output_store(
            levin->dialog->output, &levin->dialog->buffered, &assembly->inner, body,
            (size_t)bucket->header.length,
            2 * (assembly->inner.count +
                 bucket->header.length)); /* more may follow: room for as much again */
        int too_long = assembly->inner.count >
                       (uint64_t)levin->dialog->output->limits->message_bytes + MT_HEADER_SIZE;
        levin->dialog->output->limit_hits[MT_LIMIT_message_bytes] += (uint64_t)too_long;
        assembly->refused = result == MT_MALFORMED || too_long;
        if (result == MT_NOMEM)
            return result;
    }
    if (!ends || (!whole && !assembly->gap && !assembly->snapped))
        return MT_OK; /* a last bucket that the end of the stream cut is told by mt_levin_end */
    assembly->extent.shared |= bucket->extent.shared & MT_SHARED_BEHIND;
    return complete(levin);
}
