#define _GNU_SOURCE /* memmem */
#include "levin/levin.h"

#include "base/error.h"
#include "levin/fragments.h"
#include "levin/session.h"
#include "p2p/fields.h"

#include <stdio.h>
#include <string.h>

#define LONGEST (INT64_MAX / 2) /* whatever the limits allow, stream offsets must not overflow */

void mt_levin_init(struct mt_levin *levin, struct mt_dialog *dialog, int from_client)
{
    *levin = (struct mt_levin){
        .dialog = dialog, .from_client = from_client != 0, .message_end = INT64_MIN};
}

void mt_levin_free(struct mt_levin *levin)
{
    mt_output_release(levin->dialog->output, &levin->dialog->buffered, &levin->body);
    mt_assembly_free(levin);
    mt_carry_free(&levin->carry);
}

void mt_levin_midstream(struct mt_levin *levin)
{
    levin->state = MT_LEVIN_SEEK;
    levin->dialog->lossy = 1;
}

/* ---- rows ---- */

int mt_levin_stray(struct mt_levin *levin, enum mt_problem kind, int64_t offset, int64_t bytes,
                   const char *why, const struct mt_packet_ref *place)
{
    const struct mt_dialog *dialog = levin->dialog;
    struct mt_problem_row row = {
        .frame = place->frame,
        .time = place->time,
        .file = place->file,
        .connection = dialog->connection,
        .client = dialog->client,
        .server = dialog->server,
        .from_client = (int8_t)levin->from_client,
        .offset = offset,
        .bytes = bytes,
        .kind =
            (int8_t)(kind == MT_PROBLEM_UNFRAMED && !dialog->monero ? MT_PROBLEM_NOT_LEVIN : kind),
    };
    return mt_output_problem(dialog->output, &row, why);
}

int mt_levin_conflict(struct mt_levin *levin, int64_t offset, int64_t count,
                      const struct mt_packet_ref *place)
{
    return mt_levin_stray(levin, MT_PROBLEM_CONFLICT, offset, count,
                          "repeated with other bytes; the first copy was taken", place);
}

static enum mt_problem problem_of(int status)
{
    switch (status) {
    case MT_STATUS_TRUNCATED:
        return MT_PROBLEM_TRUNCATED;
    case MT_STATUS_GAP:
        return MT_PROBLEM_GAP;
    case MT_STATUS_SNAPPED:
        return MT_PROBLEM_SNAPPED;
    case MT_STATUS_OVERSIZE:
        return MT_PROBLEM_OVERSIZE;
    default:
        return MT_PROBLEM_MALFORMED;
    }
}

static void set_last(struct mt_extent *extent, const struct mt_piece *piece)
{
    extent->last = piece->ref;
    extent->last_length = (uint32_t)(piece->segment_end - piece->segment_begin);
}

void mt_extent_touch(struct mt_extent *extent, const struct mt_piece *piece, int64_t previous_end)
{
    if (extent->counted == UINT64_MAX) {
        extent->first = piece->ref;
        set_last(extent, piece);
        extent->first_end = piece->segment_end;
        if (piece->segment_begin < extent->begin && previous_end > piece->segment_begin)
            extent->shared |= MT_SHARED_BEFORE;
    }
    if (extent->counted != piece->ref.arrival && piece->prior_end <= extent->begin) {
        extent->segments++;
        extent->counted = piece->ref.arrival;
    }
    if (piece->ref.arrival < extent->first.arrival)
        extent->first = piece->ref; /* it overtook the one with the first byte */
    if (piece->ref.arrival > extent->last.arrival)
        set_last(extent, piece);
    extent->acknowledged = piece->acknowledged;
}

/* Whether the body of a whole message is for monerod's reader: an error response has none. */
static int has_payload(const struct mt_header *header, int kind)
{
    return kind >= 0 && kind != MT_KIND_NOISE && mt_command_known(header->command) &&
           !(kind == MT_KIND_RESPONSE && header->return_code < 0);
}

/* Whether somebody looks at the body of a whole message: `fields` shows what any may hold. */
static int is_kept(const struct mt_levin *levin, const struct mt_header *header, int kind)
{
    return has_payload(header, kind) || (kind >= 0 && kind != MT_KIND_NOISE &&
                                         levin->dialog->output->tables[MT_TABLE_fields].wanted);
}

/* What a whole message says: rows of the tables below `messages`, and columns of its own. A payload
 * that monerod refuses makes it malformed, and *why says why. MT_OK or MT_NOMEM. */
static int decode(struct mt_levin *levin, const struct mt_extent *extent,
                  const struct mt_header *header, struct mt_message_row *row,
                  const uint8_t *payload, const char **why)
{
    struct mt_output *output = levin->dialog->output;
    struct mt_table *fields = &output->tables[MT_TABLE_fields];
    int cut = 0, result = MT_OK;
    if (has_payload(header, row->kind))
        result = mt_p2p_decode(&output->p2p, row, payload, (size_t)header->length, why);
    if (result == MT_MALFORMED)
        row->status = MT_STATUS_MALFORMED;
    if (result != MT_NOMEM && fields->wanted)
        result =
            mt_fields_append(&(struct mt_field_writer){fields, &output->strings, &output->p2p.epee,
                                                       (uint64_t)output->limits->message_fields},
                             row->message, payload, (size_t)header->length, &cut);
    if (result == MT_NOMEM)
        return MT_NOMEM;
    output->limit_hits[MT_LIMIT_message_fields] += cut != 0;
    return cut ? mt_levin_stray(levin, MT_PROBLEM_LIMIT, extent->begin, 0,
                                "further fields of a message: limit on message_fields",
                                &extent->first)
               : MT_OK;
}

/* Rows of problems for parts of a payload that are not decoded. Their bytes are those of a whole
 * message and counted there. */
static int tell_complaints(struct mt_levin *levin, const struct mt_extent *extent)
{
    const struct mt_decode_defects *defects = &levin->dialog->output->p2p.defects;
    char why[128];
    int result = MT_OK;
    for (size_t i = 0; i < defects->count && result == MT_OK; i++) {
        (void)snprintf(why, sizeof why, "%s: %s", defects->list[i].part, defects->list[i].why);
        result = mt_levin_stray(levin, MT_PROBLEM_BLOB, extent->begin, 0, why, &extent->first);
    }
    return result;
}

int mt_levin_row(struct mt_levin *levin, const struct mt_extent *extent,
                 const struct mt_header *header, int kind, int status, int64_t captured,
                 uint32_t fragments, int64_t end, int64_t wire, const uint8_t *payload,
                 const char *why)
{
    struct mt_dialog *dialog = levin->dialog;
    struct mt_output *output = dialog->output;
    struct mt_table *table = &output->tables[MT_TABLE_messages];
    if (mt_table_reserve(table, 1) != MT_OK)
        return MT_NOMEM;
    int64_t first_end = extent->first_end < end ? extent->first_end : end;
    struct mt_message_row row = {
        .message = output->messages_given,
        .connection = dialog->connection,
        .client = dialog->client,
        .server = dialog->server,
        .time = extent->first.time,
        .frame = extent->first.frame,
        .file = extent->first.file,
        .end_time = extent->last.time,
        .end_frame = extent->last.frame,
        .end_length = extent->last_length,
        .length = header->length,
        .captured = captured,
        .wire = wire,
        .command = header->command,
        .levin_flags = header->flags,
        .return_code = header->return_code,
        .version = header->version,
        .segments = extent->segments,
        .first_segment = (uint32_t)(first_end - extent->begin),
        .fragments = fragments,
        .from_client = levin->from_client,
        .expects_response = header->expects_response,
        .shared = extent->shared != 0,
        .kind = (int8_t)kind,
        .status = (int8_t)status,
    };
    mt_defects_clear(&output->p2p.defects);
    int result = MT_OK;
    if (status == MT_STATUS_COMPLETE && is_kept(levin, header, kind))
        result = decode(levin, extent, header, &row, payload, &why);
    if (result == MT_OK)
        result = mt_dialog_message(dialog, &row, end, extent->acknowledged);
    if (result != MT_OK) {
        mt_tables_take_back(output->tables, row.message); /* no rows without their message */
        return MT_NOMEM;
    }
    if (table->wanted)
        *(struct mt_message_row *)mt_table_append(table) = row;
    output->messages_given++;
    levin->messages++;
    if (tell_complaints(levin, extent) != MT_OK)
        return MT_NOMEM;
    return row.status == MT_STATUS_COMPLETE
               ? MT_OK
               : mt_levin_stray(levin, problem_of(row.status), extent->begin, wire, why,
                                &extent->first);
}

/* ---- bytes outside messages ---- */

/* Tells the run of bytes that no header owns; behind a header that was not believed they are its
 * body. */
static int flush_run(struct mt_levin *levin)
{
    int64_t bytes = levin->run_bytes;
    levin->run_bytes = 0;
    if (levin->disbelieved) {
        struct mt_message *message = &levin->message;
        levin->disbelieved = 0;
        levin->message_end = message->body_end = levin->at;
        return mt_levin_row(levin, &message->extent, &message->header,
                            mt_header_kind(&message->header), MT_STATUS_OVERSIZE, bytes, 1,
                            levin->at, MT_HEADER_SIZE + bytes, NULL,
                            "declared length over any limit");
    }
    if (bytes == 0)
        return MT_OK;
    const char *why = !levin->dialog->monero            ? "not a Levin connection"
                      : levin->state == MT_LEVIN_HEADER ? "a header that was cut"
                                                        : "no sound Levin header";
    return mt_levin_stray(levin, MT_PROBLEM_UNFRAMED, levin->run_begin, bytes, why,
                          &levin->run_ref);
}

static void add_run(struct mt_levin *levin, const struct mt_piece *piece, int64_t offset,
                    int64_t bytes)
{
    if (bytes == 0)
        return;
    if (levin->run_bytes == 0) {
        levin->run_begin = offset;
        levin->run_ref = piece->ref;
    }
    levin->run_bytes += bytes;
    if (levin->disbelieved)
        mt_extent_touch(&levin->message.extent, piece, levin->message_end);
}

/* Moves `count` carried bytes to the run. */
static void carry_to_run(struct mt_levin *levin, uint32_t count)
{
    const struct mt_carry *carry = &levin->carry;
    uint32_t left = count;
    for (uint32_t i = 0; i < carry->pieces_count && left != 0; i++) {
        uint32_t part = carry->pieces[i].size < left ? carry->pieces[i].size : left;
        add_run(levin, &carry->pieces[i], carry->pieces[i].offset, part);
        left -= part;
    }
    mt_carry_drop(&levin->carry, count);
}

static int tell_lost(struct mt_levin *levin, int64_t offset, int64_t size, const char *why,
                     const struct mt_packet_ref *place)
{
    return mt_levin_stray(levin, MT_PROBLEM_LOST, offset, size, why, place);
}

/* The signature was seen on a connection that no port had made Monero's: what was only counted is
 * now told. */
static int recognise(struct mt_levin *levin)
{
    struct mt_dialog *dialog = levin->dialog;
    if (dialog->monero)
        return MT_OK;
    dialog->monero = 1;
    for (int way = 0; way < 2; way++) {
        struct mt_levin *each = &dialog->ways[way];
        int64_t lost = each->foreign_lost;
        each->foreign_lost = 0;
        if (lost != 0 &&
            tell_lost(each, -1, lost, "lost before the connection was known to be Monero's",
                      &each->run_ref) != MT_OK)
            return MT_NOMEM;
    }
    return MT_OK;
}

/* ---- messages ---- */

static int finish(struct mt_levin *levin, const uint8_t *body, int cut)
{
    struct mt_message *message = &levin->message;
    int kind = mt_header_kind(&message->header);
    int64_t end = cut ? levin->at : message->body_end;
    int result;
    levin->state = MT_LEVIN_HEADER;
    levin->message_end = end;
    if (kind < 0 && !message->oversize) {
        result = mt_assembly_add(levin, message,
                                 cut || message->gap || message->snapped ? NULL : body, end);
    } else {
        int status = message->oversize  ? MT_STATUS_OVERSIZE
                     : message->gap     ? MT_STATUS_GAP
                     : message->snapped ? MT_STATUS_SNAPPED
                     : cut              ? MT_STATUS_TRUNCATED
                                        : MT_STATUS_COMPLETE;
        const char *why = message->oversize  ? "declared length over monerod's limit"
                          : message->gap     ? "bytes were lost inside the message"
                          : message->snapped ? "the snap length cut it"
                                             : "the capture or the connection ended";
        result =
            mt_levin_row(levin, &message->extent, &message->header, kind, status, message->captured,
                         1, end, MT_HEADER_SIZE + message->captured, body, why);
    }
    mt_output_release(levin->dialog->output, &levin->dialog->buffered, &levin->body);
    return result;
}

static uint64_t length_limit(const struct mt_levin *levin)
{
    return (uint64_t)levin->dialog->output->limits->message_bytes;
}

/* A header was read: decides what its body is. */
static int begin_body(struct mt_levin *levin, const uint8_t *header)
{
    struct mt_message *message = &levin->message;
    message->header = mt_header_read(header);
    message->captured = 0;
    message->gap = message->snapped = 0;
    int kind = mt_header_kind(&message->header);
    uint64_t limit = length_limit(levin);
    if (kind >= 0 && kind != MT_KIND_NOISE && mt_command_limit(message->header.command) < limit)
        limit = mt_command_limit(message->header.command);
    message->oversize = message->header.length > limit;
    if (message->header.length > length_limit(levin) || message->header.length > LONGEST) {
        levin->disbelieved = 1;
        levin->state = MT_LEVIN_SEEK;
        levin->dialog->output->limit_hits[MT_LIMIT_message_bytes]++;
        return MT_OK;
    }
    message->body_end = message->extent.begin + MT_HEADER_SIZE + (int64_t)message->header.length;
    message->keep = !message->oversize && (kind < 0 || is_kept(levin, &message->header, kind));
    levin->state = MT_LEVIN_BODY;
    return MT_OK;
}

static void begin_message(struct mt_levin *levin, int64_t offset)
{
    levin->message.extent =
        (struct mt_extent){.begin = offset, .counted = UINT64_MAX, .acknowledged = INT64_MIN};
}

/* A bucket of `bytes` is whole: do other messages share its last segment? */
static void note_behind(struct mt_levin *levin, const struct mt_piece *piece, const uint8_t *at,
                        const uint8_t *end)
{
    if (piece->segment_end > levin->message.body_end &&
        mt_signature_matches(at, (size_t)(end - at)))
        levin->message.extent.shared |= MT_SHARED_BEHIND;
}

static int store(struct mt_levin *levin, const uint8_t *bytes, size_t size)
{
    struct mt_message *message = &levin->message;
    int result = mt_output_store(levin->dialog->output, &levin->dialog->buffered, &levin->body,
                                 bytes, size, message->header.length);
    if (result != MT_MALFORMED)
        return result;
    message->oversize = 1; /* as monerod would, if its own buffers were that small */
    message->keep = 0;
    return mt_levin_stray(levin, MT_PROBLEM_LIMIT, message->extent.begin, 0,
                          "a message was not kept: limit on buffered bytes", &message->extent.last);
}

static int take_body(struct mt_levin *levin, const struct mt_piece *piece, const uint8_t **at,
                     const uint8_t *end)
{
    struct mt_message *message = &levin->message;
    int64_t missing = message->body_end - levin->at;
    size_t size = end - *at < missing ? (size_t)(end - *at) : (size_t)missing;
    const uint8_t *body = *at;
    if (size != 0) {
        mt_extent_touch(&message->extent, piece, levin->message_end);
        if (message->keep && size != message->header.length) {
            if (store(levin, *at, size) != MT_OK)
                return MT_NOMEM;
            body = levin->body.bytes;
        }
        message->captured += (int64_t)size;
        levin->at += (int64_t)size;
        *at += size;
    }
    if (levin->at < message->body_end)
        return MT_OK;
    note_behind(levin, piece, *at, end);
    return finish(levin, message->keep ? body : NULL, 0);
}

/* In step: the header in place, or put together from the carry. A wrong signature puts the stream
 * out of step. */
static int take_header(struct mt_levin *levin, const struct mt_piece *piece, const uint8_t **at,
                       const uint8_t *end)
{
    struct mt_carry *carry = &levin->carry;
    size_t there = (size_t)(end - *at);
    if (carry->count == 0 && there >= MT_HEADER_SIZE && mt_signature_matches(*at, there)) {
        const uint8_t *header = *at;
        begin_message(levin, levin->at);
        mt_extent_touch(&levin->message.extent, piece, levin->message_end);
        *at += MT_HEADER_SIZE;
        levin->at += MT_HEADER_SIZE;
        return recognise(levin) == MT_OK ? begin_body(levin, header) : MT_NOMEM;
    }
    uint32_t wanted = MT_HEADER_SIZE - carry->count, taken;
    if (mt_carry_add(carry, piece, *at, there < wanted ? (uint32_t)there : wanted, &taken) != MT_OK)
        return MT_NOMEM;
    *at += taken;
    levin->at += taken;
    if (!mt_signature_matches(carry->bytes, carry->count)) {
        levin->state = levin->dialog->monero ? MT_LEVIN_SEEK : MT_LEVIN_FOREIGN;
        levin->dialog->lossy |= levin->dialog->monero;
        return MT_OK;
    }
    if (carry->count >= MT_SIGNATURE_SIZE && recognise(levin) != MT_OK)
        return MT_NOMEM;
    if (carry->count < MT_HEADER_SIZE)
        return MT_OK;
    begin_message(levin, carry->pieces[0].offset);
    for (uint32_t i = 0; i < carry->pieces_count; i++)
        mt_extent_touch(&levin->message.extent, &carry->pieces[i], levin->message_end);
    uint8_t header[MT_HEADER_SIZE];
    memcpy(header, carry->bytes, sizeof header);
    mt_carry_drop(carry, MT_HEADER_SIZE);
    return begin_body(levin, header);
}

/* ---- out of step ---- */

static int back_in_step(struct mt_levin *levin)
{
    if (recognise(levin) != MT_OK)
        return MT_NOMEM;
    levin->dialog->lossy = 1;
    levin->resumed = 1;
    int result = flush_run(levin);
    levin->state = MT_LEVIN_HEADER;
    return result;
}

/* The carried bytes begin a message: reads them again, in step. */
static int replay(struct mt_levin *levin)
{
    struct mt_carry carry = levin->carry;
    levin->carry = (struct mt_carry){0};
    levin->at -= carry.count;
    int result = back_in_step(levin);
    const uint8_t *data = carry.bytes;
    for (uint32_t i = 0; i < carry.pieces_count && result == MT_OK; i++) {
        carry.pieces[i].data = data;
        data += carry.pieces[i].size;
        result = mt_levin_data(levin, &carry.pieces[i]);
    }
    mt_carry_free(&carry);
    return result;
}

/* Tops the carry up and decides on it as far as its bytes go. */
static int seek_in_carry(struct mt_levin *levin, const struct mt_piece *piece, const uint8_t **at,
                         const uint8_t *end)
{
    uint32_t taken;
    if (mt_carry_add(&levin->carry, piece, *at, (uint32_t)(end - *at), &taken) != MT_OK)
        return MT_NOMEM;
    *at += taken;
    levin->at += taken;
    while (levin->carry.count != 0) {
        enum mt_verdict verdict =
            mt_header_sound(levin->carry.bytes, levin->carry.count, length_limit(levin));
        if (verdict == MT_SOUND)
            return replay(levin);
        if (verdict == MT_UNDECIDED)
            return MT_OK;
        carry_to_run(levin, mt_carry_next(&levin->carry));
    }
    return MT_OK;
}

/* First byte in [at, end) that may begin a signature, or end. */
static const uint8_t *candidate(const uint8_t *at, const uint8_t *end)
{
    const uint8_t *found = end - at >= MT_SIGNATURE_SIZE
                               ? memmem(at, (size_t)(end - at), mt_signature, MT_SIGNATURE_SIZE)
                               : NULL;
    if (found != NULL)
        return found;
    const uint8_t *tail = end - at >= MT_SIGNATURE_SIZE ? end - MT_SIGNATURE_SIZE + 1 : at;
    while (tail < end && !mt_signature_matches(tail, (size_t)(end - tail)))
        tail++;
    return tail;
}

static int seek(struct mt_levin *levin, const struct mt_piece *piece, const uint8_t **at,
                const uint8_t *end)
{
    if (levin->carry.count != 0)
        return seek_in_carry(levin, piece, at, end);
    const uint8_t *found = candidate(*at, end);
    add_run(levin, piece, levin->at, found - *at);
    levin->at += found - *at;
    *at = found;
    if (found == end)
        return MT_OK;
    switch (mt_header_sound(found, (size_t)(end - found), length_limit(levin))) {
    case MT_SOUND:
        return back_in_step(levin);
    case MT_UNDECIDED:
        return seek_in_carry(levin, piece, at, end);
    default:
        add_run(levin, piece, levin->at, 1);
        levin->at++;
        *at += 1;
        return MT_OK;
    }
}

static void count_foreign(struct mt_levin *levin, const struct mt_piece *piece, const uint8_t **at,
                          const uint8_t *end)
{
    carry_to_run(levin, levin->carry.count);
    add_run(levin, piece, levin->at, end - *at);
    levin->at += end - *at;
    *at = end;
}

/* ---- the stream ---- */

int mt_levin_data(struct mt_levin *levin, const struct mt_piece *piece)
{
    const uint8_t *at = piece->data, *end = piece->data + piece->size;
    int result = MT_OK;
    if (levin->state == MT_LEVIN_FOREIGN && levin->dialog->monero)
        levin->state = MT_LEVIN_SEEK; /* the other direction was recognised meanwhile */
    levin->at = piece->offset;
    while (result == MT_OK &&
           (at < end || (levin->state == MT_LEVIN_BODY && levin->at == levin->message.body_end))) {
        switch (levin->state) {
        case MT_LEVIN_HEADER:
            result = take_header(levin, piece, &at, end);
            break;
        case MT_LEVIN_BODY:
            result = take_body(levin, piece, &at, end);
            break;
        case MT_LEVIN_SEEK:
            result = seek(levin, piece, &at, end);
            break;
        case MT_LEVIN_FOREIGN:
            count_foreign(levin, piece, &at, end);
            break;
        }
    }
    return result;
}

static const char *hole_text(enum mt_hole why)
{
    switch (why) {
    case MT_HOLE_SNAPPED:
        return "cut by the snap length";
    case MT_HOLE_LIMIT:
        return "given up: too much or too long behind it";
    case MT_HOLE_ACKED:
        return "acknowledged by the receiver, not captured";
    default:
        return "still missing at the end";
    }
}

/* A hole in a body whose end is known: the message is broken; the stream stays in step unless the
 * hole goes beyond it. */
static int hole_in_body(struct mt_levin *levin, int64_t end, enum mt_hole why)
{
    struct mt_message *message = &levin->message;
    *(why == MT_HOLE_SNAPPED ? &message->snapped : &message->gap) = 1;
    message->keep = 0;
    mt_output_release(levin->dialog->output, &levin->dialog->buffered, &levin->body);
    if (end < message->body_end)
        return MT_OK;
    int inside = end == message->body_end;
    int result = finish(levin, NULL, 0);
    if (!inside)
        levin->state = MT_LEVIN_SEEK;
    return result;
}

int mt_levin_hole(struct mt_levin *levin, int64_t offset, int64_t size, enum mt_hole why,
                  const struct mt_packet_ref *place)
{
    int result = MT_OK;
    mt_dialog_hole(levin->dialog, levin->from_client, offset + size);
    if (levin->dialog->monero) {
        result = tell_lost(levin, offset, size, hole_text(why), place);
    } else {
        if (levin->run_bytes == 0)
            levin->run_ref = *place; /* nothing else tells when */
        levin->foreign_lost += size;
    }
    if (result != MT_OK || levin->state == MT_LEVIN_FOREIGN)
        return result;
    carry_to_run(levin, levin->carry.count);
    if (levin->state == MT_LEVIN_BODY) {
        levin->at = offset + size;
        result = hole_in_body(levin, offset + size, why);
    } else {
        if (levin->dialog->monero)
            result = flush_run(levin);
        levin->at = offset + size;
        levin->state = MT_LEVIN_SEEK;
    }
    if (levin->state == MT_LEVIN_SEEK)
        mt_assembly_doubt(levin);
    return result;
}

int mt_levin_repeated(struct mt_levin *levin, const uint8_t *data, int64_t offset, int64_t size,
                      const struct mt_packet_ref *place)
{
    int64_t held_from = levin->message.extent.begin + MT_HEADER_SIZE,
            held_to = held_from + (int64_t)levin->body.count;
    int64_t from = offset > held_from ? offset : held_from,
            to = offset + size < held_to ? offset + size : held_to;
    if (levin->state != MT_LEVIN_BODY || from >= to)
        return MT_OK;
    const uint8_t *first = levin->body.bytes + (from - held_from), *again = data + (from - offset);
    int64_t count = 0, at = -1;
    for (int64_t i = 0; i < to - from; i++) {
        if (first[i] != again[i] && count++ == 0)
            at = from + i;
    }
    return count == 0 ? MT_OK : mt_levin_conflict(levin, at, count, place);
}

int mt_levin_end(struct mt_levin *levin)
{
    int result = MT_OK;
    carry_to_run(levin, levin->carry.count);
    if (levin->state == MT_LEVIN_BODY)
        result = finish(levin, NULL, 1);
    if (result == MT_OK)
        result = flush_run(levin);
    if (result == MT_OK)
        result = mt_assembly_abandon(levin, "the capture or the connection ended");
    if (result == MT_OK && levin->foreign_lost != 0) {
        result =
            tell_lost(levin, -1, levin->foreign_lost, "not a Levin connection", &levin->run_ref);
        levin->foreign_lost = 0;
    }
    return result;
}
