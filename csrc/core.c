#include "core.h"

#include "base/mem.h"
#include "capture/capture_set.h"
#include "net/ip.h"
#include "net/link.h"
#include "tables/output.h"
#include "tcp/tcp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINKS_PER_FILE = 8, UNREADABLE_PACKETS = 1000 };
#define ALWAYS_WANTED (1u << MT_TABLE_connections | 1u << MT_TABLE_problems | 1u << MT_TABLE_files)

/* What a file's row is made of while it is read. */
struct file_state {
    struct mt_file_row row;
    uint32_t links[LINKS_PER_FILE]; /* link types seen, in order */
    int64_t link_packets[LINKS_PER_FILE];
    int64_t link_bytes[LINKS_PER_FILE];
    int64_t link_frame[LINKS_PER_FILE]; /* first packet of that type */
    int64_t link_time[LINKS_PER_FILE];
    int64_t other_bytes; /* packets of unread link types beyond these */
    int links_count;
    int last_index;     /* of the last packet's link type, */
    uint32_t last_link; /* which was this, */
    uint8_t last_known; /* and whether we read it */
    uint8_t readable;   /* a packet of a known link type was there */
};

struct mt_core {
    struct mt_limits limits;
    struct mt_output output;
    struct mt_capture_set *capture_set;
    struct mt_ip_reader *ip;
    struct mt_tcp *tcp;
    struct file_state *files;
    int64_t *monero_packets; /* by file, counted by tcp */
    size_t files_count;
    int state;                 /* MT_OK while there is more, else what every further step returns */
    int problem_result;        /* MT_NOMEM if a callback could not make its row */
    size_t connections_sorted; /* rows of connections that are in order of id already */
};

/* ---- telling ---- */

static int tell(struct mt_core *core, enum mt_problem kind, const struct mt_packet_ref *place,
                int64_t offset, int64_t bytes, const char *why)
{
    struct mt_problem_row row = {.frame = place->frame,
                                 .time = place->time,
                                 .file = place->file,
                                 .connection = -1,
                                 .client = MT_NO_CODE,
                                 .server = MT_NO_CODE,
                                 .from_client = -1,
                                 .offset = offset,
                                 .bytes = bytes,
                                 .kind = (int8_t)kind};
    return mt_output_problem(&core->output, &row, why);
}

static void on_lost_datagram(void *context, const struct mt_packet_ref *first, uint32_t bytes,
                             const char *why)
{
    struct mt_core *core = context;
    if (tell(core, MT_PROBLEM_FRAGMENT, first, -1, bytes, why) != MT_OK)
        core->problem_result = MT_NOMEM;
}

/* ---- opening ---- */

static int open_rooms(struct mt_core *core, const struct mt_core_options *options)
{
    core->ip = mt_ip_open(&core->limits, core->output.limit_hits, on_lost_datagram, core);
    core->files_count = mt_capture_set_files(core->capture_set);
    core->files = mt_alloc(core->files_count, sizeof *core->files);
    core->monero_packets = mt_alloc(core->files_count, sizeof *core->monero_packets);
    core->tcp =
        mt_tcp_open(&core->output, options->ports, options->ports_count, core->monero_packets);
    if (core->ip == NULL || core->tcp == NULL || core->files == NULL ||
        core->monero_packets == NULL)
        return MT_NOMEM;
    for (size_t i = 0; i < core->files_count; i++) {
        core->files[i].row.file = (int32_t)i;
        core->files[i].row.first_time = core->files[i].row.last_time = MT_NO_TIME;
    }
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
    mt_output_init(&core->output, &core->limits, options->tables | ALWAYS_WANTED);
    core->capture_set = mt_capture_set_open(paths, count, &core->limits, result, failure);
    if (core->capture_set != NULL) {
        *result = open_rooms(core, options);
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
    mt_tcp_close(core->tcp);
    if (core->ip != NULL)
        mt_ip_close(core->ip);
    if (core->capture_set != NULL)
        mt_capture_set_close(core->capture_set);
    mt_output_free(&core->output);
    mt_free(core->files);
    mt_free(core->monero_packets);
    mt_free(core);
}

/* ---- packets ---- */

/* Index of a packet's link type among its file's, -1 if there are too many to tell them apart. */
static int link_index(struct file_state *file, const struct mt_packet *packet)
{
    int index = 0;
    while (index < file->links_count && file->links[index] != packet->link)
        index++;
    if (index == file->links_count) {
        if (index == LINKS_PER_FILE)
            return -1;
        file->links[index] = packet->link;
        file->link_frame[index] = packet->ref.frame;
        file->link_time[index] = packet->ref.time;
        file->links_count++;
    }
    return index;
}

static void count_packet(struct file_state *file, const struct mt_packet *packet)
{
    int64_t time = packet->ref.time;
    file->row.packets++;
    file->row.bytes += packet->length;
    if (time == MT_NO_TIME)
        return;
    if (file->row.first_time == MT_NO_TIME || time < file->row.first_time)
        file->row.first_time = time;
    if (file->row.last_time == MT_NO_TIME || time > file->row.last_time)
        file->row.last_time = time;
}

static int refuse_link(const struct mt_core *core, size_t file, uint32_t link,
                       struct mt_failure *failure)
{
    char name[64];
    return mt_fail(failure, MT_LINK_TYPE, "%s: link type %s (%u) is not one we read",
                   mt_capture_set_path(core->capture_set, file),
                   mt_link_name(link, name, sizeof name), link);
}

/* A packet whose link type we do not read: counted, told once per file and type at the end; a file
 * that has nothing else is refused. */
static int unknown_link(struct mt_core *core, struct file_state *file,
                        const struct mt_packet *packet, int index, struct mt_failure *failure)
{
    if (index >= 0) {
        file->link_packets[index]++;
        file->link_bytes[index] += packet->length;
    } else {
        file->other_bytes += packet->length;
    }
    file->row.skipped_packets++;
    if (!file->readable && file->row.packets >= UNREADABLE_PACKETS)
        return refuse_link(core, (size_t)packet->ref.file, packet->link, failure);
    return MT_OK;
}

static int take_packet(struct mt_core *core, const struct mt_packet *packet,
                       struct mt_failure *failure)
{
    struct file_state *file = &core->files[packet->ref.file];
    count_packet(file, packet);
    if (file->row.packets == 1 || packet->link != file->last_link) {
        file->last_index = link_index(file, packet);
        file->last_link = packet->link;
        file->last_known = mt_link_known(packet->link) != 0;
        file->readable |= file->last_known;
    }
    if (!file->last_known)
        return unknown_link(core, file, packet, file->last_index, failure);
    uint32_t offset;
    int result = mt_link_ip(packet, &offset);
    const char *why = "cut before its IP header";
    if (result == MT_OK) {
        struct mt_segment segment;
        enum mt_ip_result found = mt_ip_segment(core->ip, packet, offset, &segment, &why);
        if (core->problem_result != MT_OK)
            return core->problem_result;
        switch (found) {
        case MT_IP_SEGMENT:
            file->row.tcp_packets++;
            return mt_tcp_segment(core->tcp, &segment, &packet->ref);
        case MT_IP_OTHER:
            result = MT_END;
            break;
        case MT_IP_FRAGMENT:
            file->row.skipped_packets++;
            return MT_OK;
        case MT_IP_BAD:
            result = MT_MALFORMED;
            break;
        default:
            return MT_NOMEM;
        }
    }
    file->row.skipped_packets++;
    if (result == MT_MALFORMED)
        return tell(core, MT_PROBLEM_PACKET, &packet->ref, -1, packet->length, why);
    return MT_OK;
}

/* ---- the end ---- */

static int on_file_event(struct mt_core *core, const struct mt_file_event *event)
{
    struct mt_packet_ref place = {.file = event->file, .frame = event->frame, .time = event->time};
    core->files[event->file].row.truncated = 1;
    if (event->result == MT_TOO_MUCH)
        core->output.limit_hits[event->limit]++;
    return tell(core, MT_PROBLEM_FILE, &place, event->offset, 0, event->failure.text);
}

static int close_file(struct mt_core *core, size_t index)
{
    struct file_state *file = &core->files[index];
    char names[LINKS_PER_FILE * 64], name[64];
    size_t used = 0;
    names[0] = '\0';
    for (int i = 0; i < file->links_count; i++) {
        int written = snprintf(names + used, sizeof names - used, "%s%s", i != 0 ? "," : "",
                               mt_link_name(file->links[i], name, sizeof name));
        used += written > 0 && (size_t)written < sizeof names - used ? (size_t)written : 0;
        if (file->link_packets[i] == 0)
            continue;
        struct mt_packet_ref place = {
            .file = (int32_t)index, .frame = file->link_frame[i], .time = file->link_time[i]};
        char why[128];
        (void)snprintf(why, sizeof why, "packets of link type %s (%u), which is not one we read",
                       name, file->links[i]);
        if (tell(core, MT_PROBLEM_LINK_TYPE, &place, -1, file->link_bytes[i], why) != MT_OK)
            return MT_NOMEM;
    }
    struct mt_packet_ref nowhere = {.file = (int32_t)index, .time = MT_NO_TIME};
    if (file->other_bytes != 0 &&
        tell(core, MT_PROBLEM_LINK_TYPE, &nowhere, -1, file->other_bytes,
             "packets of still other link types that we do not read") != MT_OK)
        return MT_NOMEM;
    if (file->links_count == 0 && mt_capture_set_link(core->capture_set, index) >= 0)
        used = strlen(mt_link_name((uint32_t)mt_capture_set_link(core->capture_set, index), names,
                                   sizeof name)); /* a file without packets */
    const char *path = mt_capture_set_path(core->capture_set, index);
    if (mt_intern_put(&core->output.strings, path, strlen(path), &file->row.path) != MT_OK ||
        mt_intern_put(&core->output.strings, names, used, &file->row.link_type) != MT_OK)
        return MT_NOMEM;
    struct mt_file_row *row = mt_table_append(&core->output.tables[MT_TABLE_files]);
    if (row == NULL)
        return MT_NOMEM;
    *row = file->row;
    row->monero_packets = core->monero_packets[index];
    return MT_OK;
}

static int finish(struct mt_core *core, struct mt_failure *failure)
{
    mt_ip_finish(core->ip);
    int result = core->problem_result == MT_OK ? mt_tcp_finish(core->tcp) : core->problem_result;
    for (size_t i = 0; i < core->files_count && result == MT_OK; i++)
        result = close_file(core, i);
    if (result == MT_OK)
        result = mt_output_close_problems(&core->output);
    for (size_t i = 0; i < core->files_count && result == MT_OK; i++) {
        if (!core->files[i].readable && core->files[i].links_count != 0)
            return refuse_link(core, i, core->files[i].links[0], failure);
    }
    return result == MT_OK ? MT_END : result;
}

static uint64_t rows_made(const struct mt_core *core)
{
    uint64_t rows = 0;
    for (int id = 0; id < MT_TABLE_COUNT; id++)
        rows += mt_table_of_messages((enum mt_table_id)id) ? core->output.tables[id].count : 0;
    return rows;
}

int mt_core_step(struct mt_core *core, uint64_t bytes, uint64_t rows, struct mt_failure *failure)
{
    struct mt_packet packet;
    struct mt_file_event event;
    uint64_t done = 0, rows_before = rows_made(core);
    while (core->state == MT_OK) {
        int result = mt_capture_set_next(core->capture_set, &packet, &event);
        if (result == MT_OK) {
            result = take_packet(core, &packet, failure);
            done += packet.captured + 16u; /* a record's header, nearly */
        } else if (result == MT_END) {
            result = finish(core, failure);
        } else if (result != MT_NOMEM) {
            result = on_file_event(core, &event);
        }
        core->state = result;
        if ((bytes != 0 && done >= bytes) || (rows != 0 && rows_made(core) - rows_before >= rows))
            break;
    }
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
    struct mt_table *table = &core->output.tables[MT_TABLE_connections];
    if (core->connections_sorted != table->count && table->count != 0)
        qsort(table->rows, table->count, table->row_size, by_connection);
    core->connections_sorted = table->count;
}

struct mt_table *mt_core_table(struct mt_core *core, enum mt_table_id id)
{
    if (id == MT_TABLE_connections)
        sort_connections(core);
    return &core->output.tables[id];
}

/* Rows at the beginning of a table of messages (or of what they say) that are final: an early
 * response may yet be paired. */
static size_t final_rows(struct mt_core *core, const struct mt_table *table)
{
    if (core->state != MT_OK)
        return table->count;
    int64_t settled = mt_output_settled(&core->output), message;
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
    if (id == MT_TABLE_connections)
        core->connections_sorted = 0;
    return mt_table_take(table, mt_table_of_messages(id) ? final_rows(core, table) : table->count,
                         count);
}

const struct mt_addresses *mt_core_addresses(const struct mt_core *core)
{
    return &core->output.addresses;
}

const struct mt_intern *mt_core_strings(const struct mt_core *core)
{
    return &core->output.strings;
}

int64_t mt_core_position(const struct mt_core *core)
{
    return mt_capture_set_position(core->capture_set);
}

int64_t mt_core_size(const struct mt_core *core)
{
    return mt_capture_set_size(core->capture_set);
}

uint64_t mt_core_limit_hits(const struct mt_core *core, enum mt_limit_id limit)
{
    return mt_output_limit_hits(&core->output, limit);
}
