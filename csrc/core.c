#include "core.h"

#include "base/mem.h"
#include "base/noinline.h"
#include "capture/capture_set.h"
#include "capture/pipeline.h"
#include "conversation.h"
#include "decoder.h"
#include "file_statistics.h"
#include "net/decapsulation.h"
#include "net/link.h"
#include "tables/peer_entries.h"
#include "tables/problems.h"
#include "tcp/tcp.h"

#include <stdlib.h>
#include <string.h>

enum {
    UNREADABLE_PACKETS = 1000,
    FREE_ROW_BYTES = 512 << 20,      /* of rows, whatever the size of the files */
    COUNT_PACKETS = MT_PIPELINE_STEP /* between two counts of the rows: the position is known */
};
#define ALWAYS_WANTED (1u << MT_TABLE_connections | 1u << MT_TABLE_problems | 1u << MT_TABLE_files)

/* On the way of every packet, and in a slow path too. */
#define INLINE inline __attribute__((always_inline))

struct mt_core {
    struct mt_limits limits;
    struct mt_decoder decoder;
    struct mt_capture_set *capture_set;
    mt_limit_hits capture_hits;   /* of the set */
    struct mt_pipeline *pipeline; /* NULL: the set is read in the caller's thread */
    int is_cut;                   /* a limit on rows ended the read */
    int reads_ahead;              /* a pipeline is still to be started */
    struct mt_net *net;
    struct mt_ip *trusted_ends;
    struct mt_tcp *tcp;
    struct mt_file_statistics *files;
    int64_t *monero_packets; /* by file, counted by tcp */
    size_t files_count;
    uint64_t packets;          /* read so far */
    int state;                 /* MT_OK while there is more, else what every further step returns */
    int problem_result;        /* MT_NOMEM if a callback could not make its row */
    size_t connections_sorted; /* rows of connections that are in order of id already */
};

/* A problem below TCP. */
static int report(struct mt_core *core, enum mt_problem_kind kind, const struct mt_packet_ref *ref,
                  int64_t bytes, const char *why)
{
    struct mt_problem problem = {kind, -1, bytes, why, ref};
    return mt_report_problem(&core->decoder.output, &mt_no_connection, &problem);
}

static void on_lost_datagram(void *context, const struct mt_packet_ref *first, uint32_t bytes,
                             const char *why)
{
    struct mt_core *core = context;
    if (core->problem_result == MT_OK) /* no row follows one that could not be made */
        core->problem_result = report(core, MT_PROBLEM_FRAGMENT, first, bytes, why);
}

/* Most of them are not a tunnel's: they are counted with the skipped packets. */
static void on_lost_udp(void *context, const struct mt_packet_ref *first, uint32_t bytes,
                        const char *why)
{
    static const struct mt_skip skip = {.kind = MT_SKIP_FRAGMENT, .number = 17};
    struct mt_core *core = context;
    (void)why;
    if (core->problem_result == MT_OK &&
        mt_file_statistics_skip(&core->files[first->file], first, &skip, bytes) != MT_OK)
        core->problem_result = MT_NOMEM;
}

/* ---- opening ---- */

/* Copies the ends of trusted tunnels. MT_OK or MT_NOMEM. */
static int set_trusted_ends(struct mt_core *core, const struct mt_core_options *options)
{
    size_t count = options->trusted_ends_count;
    if (count == 0)
        return MT_OK;
    core->trusted_ends = mt_alloc(count, sizeof *core->trusted_ends);
    if (core->trusted_ends == NULL)
        return MT_NOMEM;
    memcpy(core->trusted_ends, options->trusted_ends, count * sizeof *core->trusted_ends);
    core->decoder.tunnels =
        (struct mt_tunnel_trust){.ends = core->trusted_ends, .ends_count = count};
    return MT_OK;
}

static int open_layers(struct mt_core *core, const struct mt_core_options *options)
{
    core->net = mt_net_open(&(struct mt_net_options){
        .limits = &core->limits,
        .limit_hits = core->decoder.output.limit_hits,
        .outer = options->outer,
        .ports = options->tunnel_ports,
        .ports_count = options->tunnel_ports_count,
        .callbacks = {.lost = on_lost_datagram, .lost_udp = on_lost_udp, .context = core}});
    core->files_count = mt_capture_set_files(core->capture_set);
    core->files = mt_alloc(core->files_count, sizeof *core->files);
    core->monero_packets = mt_alloc(core->files_count, sizeof *core->monero_packets);
    core->tcp = mt_decoder_open_tcp(&core->decoder, options->ports, options->ports_count,
                                    core->monero_packets);
    if (core->net == NULL || core->tcp == NULL || core->files == NULL ||
        core->monero_packets == NULL)
        return MT_NOMEM;
    for (size_t i = 0; i < core->files_count; i++)
        core->files[i] = mt_file_statistics_of((int32_t)i);
    return MT_OK;
}

struct mt_core *mt_core_open(const char *const *paths, size_t count,
                             const struct mt_core_options *options, int *result,
                             struct mt_failure *failure)
{
    struct mt_core *core = mt_alloc(1, sizeof *core);
    if (core == NULL) {
        *result = MT_NOMEM;
        return NULL;
    }
    core->limits = options->limits;
    core->reads_ahead = options->threads > 1;
    mt_decoder_init(&core->decoder, &core->limits, options->tables | ALWAYS_WANTED);
    core->capture_set =
        mt_capture_set_open(paths, count, &core->limits, core->capture_hits, result, failure);
    if (core->capture_set != NULL) {
        *result = open_layers(core, options);
        if (*result == MT_OK)
            *result = set_trusted_ends(core, options);
        if (*result == MT_OK)
            return core;
    }
    mt_core_close(core);
    return NULL;
}

void mt_core_close(struct mt_core *core)
{
    if (core == NULL)
        return;
    if (!mt_pipeline_close(core->pipeline))
        core->capture_set = NULL; /* its memory is left as it is */
    mt_tcp_close(core->tcp);
    mt_net_close(core->net);
    if (core->capture_set != NULL)
        mt_capture_set_close(core->capture_set);
    mt_decoder_free(&core->decoder);
    for (size_t i = 0; core->files != NULL && i < core->files_count; i++)
        mt_file_statistics_free(&core->files[i]);
    mt_free(core->files);
    mt_free(core->monero_packets);
    mt_free(core->trusted_ends);
    mt_free(core);
}

/* ---- packets ---- */

static int refuse_link(const struct mt_core *core, size_t file, uint32_t link,
                       struct mt_failure *failure)
{
    char name[64];
    return mt_fail(failure, MT_LINK_TYPE, "%s: link type %s (%u) is not one we read",
                   mt_capture_set_path(core->capture_set, file),
                   mt_link_name(link, name, sizeof name), link);
}

/* A segment after a possible step of the clock forward: it confirms the step if it continues a
 * message whose beginning came before. */
static int check_step(struct mt_core *core, struct mt_clock *clock,
                      const struct mt_segment *segment)
{
    int from_client;
    struct mt_clock_step step;
    const struct mt_conversation *conversation = mt_tcp_continued(core->tcp, segment, &from_client);
    int goes_on = conversation != NULL && mt_conversation_is_in_message(conversation, from_client);
    return mt_clock_segment(clock, goes_on, &step)
               ? mt_file_statistics_report_step(&core->decoder.output, &step)
               : MT_OK;
}

static INLINE int read_segment(struct mt_core *core, struct mt_file_statistics *file,
                               const struct mt_segment *segment, const struct mt_packet_ref *ref)
{
    file->row.tcp_packets++;
    if (file->clock.ahead_segments > 0 && check_step(core, &file->clock, segment) != MT_OK)
        return MT_NOMEM;
    return mt_tcp_segment(core->tcp, segment, ref);
}

/* Counts a packet in which no segment was read. */
static MT_NOINLINE int skip_packet(struct mt_core *core, struct mt_file_statistics *file,
                                   const struct mt_packet *packet, enum mt_net_result result,
                                   const struct mt_net_report *net_report)
{
    if (result == MT_NET_NOMEM)
        return MT_NOMEM;
    file->row.skipped_packets++;
    switch (result) {
    case MT_NET_SKIPPED:
        return mt_file_statistics_skip(file, &packet->ref, &net_report->skip, packet->length);
    case MT_NET_BAD:
        return report(core, MT_PROBLEM_PACKET, &packet->ref, packet->length, net_report->why);
    default: /* MT_NET_FRAGMENT: its datagram yields a segment, or is reported when it is lost */
        return MT_OK;
    }
}

static INLINE int read_one(struct mt_core *core, struct mt_file_statistics *file,
                           const struct mt_packet *packet)
{
    struct mt_segment segment;
    struct mt_net_report net_report;
    const struct mt_segment *ahead =
        core->pipeline != NULL ? mt_pipeline_segment(core->pipeline) : NULL;
    if (ahead != NULL)
        return read_segment(core, file, ahead, &packet->ref);
    enum mt_net_result result = mt_net_segment(core->net, packet, &segment, &net_report);
    if (core->problem_result != MT_OK)
        return core->problem_result;
    return result == MT_NET_SEGMENT ? read_segment(core, file, &segment, &packet->ref)
                                    : skip_packet(core, file, packet, result, &net_report);
}

/* The packets that an 802.11 frame holds in addition to the first one. `tcp` and `others`: what was
 * counted before the frame, which counts once. */
static MT_NOINLINE int read_further(struct mt_core *core, struct mt_file_statistics *file,
                                    const struct mt_packet *packet, int64_t tcp, int64_t others)
{
    struct mt_packet further;
    struct mt_file_row *row = &file->row;
    int result = MT_OK;
    while (result == MT_OK && mt_net_further_packet(core->net, packet, &further)) {
        result = read_one(core, file, &further);
        int has_tcp = row->tcp_packets > tcp;
        row->tcp_packets = tcp + has_tcp;
        row->skipped_packets = others + !has_tcp;
    }
    return result;
}

/* A packet of a link type that is read. */
static inline int read_known(struct mt_core *core, struct mt_file_statistics *file,
                             const struct mt_packet *packet)
{
    int64_t tcp = file->row.tcp_packets, others = file->row.skipped_packets;
    int result = read_one(core, file, packet);
    return result == MT_OK && mt_net_may_aggregate(packet)
               ? read_further(core, file, packet, tcp, others)
               : result;
}

/* A single file that has nothing but packets of unread link types is refused. */
static int read_packet(struct mt_core *core, const struct mt_packet *packet,
                       struct mt_failure *failure)
{
    struct mt_file_statistics *file = &core->files[packet->ref.file];
    struct mt_clock_step step;
    if (mt_clock_observe(&file->clock, &packet->ref, &step) &&
        mt_file_statistics_report_step(&core->decoder.output, &step) != MT_OK)
        return MT_NOMEM;
    if (mt_file_statistics_count(file, packet))
        return read_known(core, file, packet);
    if (core->files_count == 1 && !file->readable && file->row.packets >= UNREADABLE_PACKETS)
        return refuse_link(core, (size_t)packet->ref.file, packet->link, failure);
    return MT_OK;
}

/* ---- the end ---- */

static int on_file_event(struct mt_core *core, const struct mt_file_event *event)
{
    struct mt_packet_ref ref = {.file = event->file, .frame = event->frame, .time = event->time};
    struct mt_problem problem = {MT_PROBLEM_FILE, event->offset, event->bytes, event->failure.text,
                                 &ref};
    if (event->result != MT_SKIPPED)
        core->files[event->file].row.truncated = 1;
    if (event->result == MT_TOO_MUCH)
        core->decoder.output.limit_hits[event->limit]++;
    return mt_report_problem(&core->decoder.output, &mt_no_connection, &problem);
}

static int close_file(struct mt_core *core, size_t index)
{
    struct mt_file_row *row = &core->files[index].row;
    /* Of a read that a limit ended, the files may be read further than the packets. */
    int64_t dropped = core->is_cut ? -1 : mt_capture_set_dropped(core->capture_set, index);
    row->monero_packets = core->monero_packets[index];
    row->dropped = dropped >= 0 ? dropped : 0;
    row->present = dropped >= 0 ? MT_FILE_DROPPED : 0;
    return mt_file_statistics_close(&core->files[index], &core->decoder.output,
                                    mt_capture_set_path(core->capture_set, index),
                                    mt_capture_set_link(core->capture_set, index));
}

/* Refuses the files if the link type of every packet is one that is not read. MT_END otherwise. */
static int refuse_unread(const struct mt_core *core, struct mt_failure *failure)
{
    size_t refused = core->files_count;
    for (size_t i = core->files_count; i-- > 0;) {
        if (core->files[i].readable)
            return MT_END;
        if (core->files[i].links_count != 0)
            refused = i;
    }
    return refused < core->files_count
               ? refuse_link(core, refused, core->files[refused].links[0].link, failure)
               : MT_END;
}

static int finish(struct mt_core *core, struct mt_failure *failure)
{
    mt_net_finish(core->net);
    int result = core->problem_result == MT_OK ? mt_tcp_finish(core->tcp) : core->problem_result;
    for (size_t i = 0; i < core->files_count && result == MT_OK; i++)
        result = close_file(core, i);
    if (result == MT_OK)
        result = mt_close_problems(&core->decoder.output);
    return result == MT_OK ? refuse_unread(core, failure) : result;
}

/* Rows that a caller will see of a stored table: an entry of a peer list is one row. */
static size_t shown_rows(const struct mt_core *core, enum mt_table_id id)
{
    return id != MT_TABLE_peer_runs && id != MT_TABLE_peer_entries
               ? core->decoder.output.tables[id].count
               : 0;
}

static uint64_t rows_written(const struct mt_core *core)
{
    uint64_t rows = shown_rows(core, MT_TABLE_peer_codes);
    for (int id = 0; id < MT_TABLE_COUNT; id++)
        rows +=
            mt_table_of_messages((enum mt_table_id)id) ? shown_rows(core, (enum mt_table_id)id) : 0;
    return rows;
}

/* The limit that the rows in memory exceed, MT_LIMIT_COUNT if they exceed none. A capture that
 * compresses well may have many more bytes of rows than of files. */
static enum mt_limit_id exceeded_by_rows(const struct mt_core *core)
{
    int64_t rows = 0, bytes = 0;
    for (int id = 0; id < MT_TABLE_COUNT; id++) {
        const struct mt_table *table = &core->decoder.output.tables[id];
        rows += (int64_t)shown_rows(core, (enum mt_table_id)id);
        bytes += (int64_t)(table->count * table->row_size);
    }
    if (rows > core->limits.rows)
        return MT_LIMIT_rows;
    if (bytes > FREE_ROW_BYTES &&
        (core->limits.row_ratio == 0 ||
         (bytes - FREE_ROW_BYTES) / core->limits.row_ratio > mt_core_position(core)))
        return MT_LIMIT_row_ratio;
    return MT_LIMIT_COUNT;
}

/* Counts the rows after some packets. Past a limit the rest of the files is not read: a problem of
 * the file of this packet, and the end. MT_OK, or a result that ends the read. */
static int check_rows(struct mt_core *core, const struct mt_packet_ref *ref,
                      struct mt_failure *failure)
{
    if (++core->packets % COUNT_PACKETS != 0)
        return MT_OK;
    enum mt_limit_id limit = exceeded_by_rows(core);
    if (limit == MT_LIMIT_COUNT)
        return MT_OK;
    core->decoder.output.limit_hits[limit]++;
    core->files[ref->file].row.truncated = 1;
    core->is_cut = 1;
    int result = report(core, MT_PROBLEM_FILE, ref, 0,
                        limit == MT_LIMIT_rows
                            ? "too many rows (limit rows): nothing more is read"
                            : "too many rows for the size of the files (limit row_ratio): "
                              "nothing more is read");
    return result == MT_OK ? finish(core, failure) : result;
}

/* A thread that cannot be started costs time only. */
static void start_pipeline(struct mt_core *core)
{
    core->reads_ahead = 0;
    if (mt_capture_set_is_independent(core->capture_set))
        core->pipeline =
            mt_pipeline_open(core->capture_set, core->capture_hits, &core->decoder.payload_key);
}

static inline int next_packet(struct mt_core *core, struct mt_packet *packet,
                              struct mt_file_event *event)
{
    return core->pipeline != NULL ? mt_pipeline_next(core->pipeline, packet, event)
                                  : mt_capture_set_next(core->capture_set, packet, event);
}

int mt_core_step(struct mt_core *core, uint64_t bytes, uint64_t rows, struct mt_failure *failure)
{
    struct mt_packet packet;
    struct mt_file_event event;
    uint64_t done = 0, rows_before = rows_written(core);
    if (core->reads_ahead)
        start_pipeline(core);
    while (core->state == MT_OK) {
        int result = next_packet(core, &packet, &event);
        if (result == MT_OK) {
            result = read_packet(core, &packet, failure);
            if (result == MT_OK)
                result = check_rows(core, &packet.ref, failure);
            done += packet.captured + 16u; /* a record's header, nearly */
        } else if (result == MT_END) {
            result = finish(core, failure);
        } else if (result != MT_NOMEM && result != MT_INTERRUPTED) {
            result = on_file_event(core, &event);
        }
        core->state = result;
        if ((bytes != 0 && done >= bytes) ||
            (rows != 0 && rows_written(core) - rows_before >= rows))
            break;
    }
    if (core->state != MT_OK)
        mt_p2p_resolve(&core->decoder.p2p);
    return core->state;
}

/* ---- tables ---- */

static int by_connection(const void *a, const void *b)
{
    const struct mt_connection_row *left = a, *right = b;
    return (left->connection > right->connection) - (left->connection < right->connection);
}

/* Rows of connections are made as they end; they are shown in order of id. */
static void sort_connections(struct mt_core *core)
{
    struct mt_table *table = &core->decoder.output.tables[MT_TABLE_connections];
    if (core->connections_sorted != table->count && table->count != 0)
        qsort(table->rows, table->count, table->row_size, by_connection);
    core->connections_sorted = table->count;
}

struct mt_table *mt_core_table(struct mt_core *core, enum mt_table_id id)
{
    if (id == MT_TABLE_connections)
        sort_connections(core);
    return &core->decoder.output.tables[id];
}

/* Rows at the beginning of a table of messages (or of what they say) that are final: an early
 * response may yet be paired. */
static size_t final_rows(struct mt_core *core, const struct mt_table *table)
{
    if (core->state != MT_OK)
        return table->count;
    int64_t settled = mt_decoder_settled(&core->decoder), message;
    size_t low = 0, high = table->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        memcpy(&message, (const char *)table->rows + middle * table->row_size,
               sizeof message); /* their first field */
        if (message < settled)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void *mt_core_take(struct mt_core *core, enum mt_table_id id, size_t *count)
{
    struct mt_table *table = mt_core_table(core, id);
    size_t rows = mt_table_of_messages(id) ? final_rows(core, table) : table->count;
    if (id == MT_TABLE_connections)
        core->connections_sorted = 0;
    if (id == MT_TABLE_peer_codes)
        rows -= mt_peer_codes_kept(mt_core_table(core, MT_TABLE_peer_runs));
    if (id == MT_TABLE_peer_entries) {
        mt_known_entries_clear(&core->decoder.p2p.known_entries);
        return mt_peer_entries_take(table, mt_core_table(core, MT_TABLE_peer_codes), count);
    }
    return mt_table_take(table, rows, count);
}

const struct mt_addresses *mt_core_addresses(const struct mt_core *core)
{
    return &core->decoder.output.addresses;
}

const struct mt_intern *mt_core_strings(const struct mt_core *core)
{
    return &core->decoder.output.strings;
}

int64_t mt_core_position(const struct mt_core *core)
{
    return core->pipeline != NULL ? mt_pipeline_position(core->pipeline)
                                  : mt_capture_set_position(core->capture_set);
}

int64_t mt_core_size(const struct mt_core *core)
{
    return mt_capture_set_size(core->capture_set);
}

uint64_t mt_core_limit_hits(const struct mt_core *core, enum mt_limit_id limit)
{
    uint64_t hits = core->pipeline != NULL ? mt_pipeline_limit_hits(core->pipeline, limit)
                                           : core->capture_hits[limit];
    return hits + mt_decoder_limit_hits(&core->decoder, limit);
}
