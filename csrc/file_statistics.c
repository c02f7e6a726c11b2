#include "file_statistics.h"

#include "base/error.h"
#include "base/mem.h"
#include "net/link.h"
#include "tables/problems.h"

#include <stdio.h>
#include <string.h>

enum { LINK_NAME = 64 };

struct mt_file_statistics mt_file_statistics_of(int32_t file)
{
    return (struct mt_file_statistics){
        .clock = mt_clock_start(),
        .row = {.file = file, .first_time = MT_NO_TIME, .last_time = MT_NO_TIME}};
}

/* Returns the index of a packet's link type among those of its file, -1 if there are too many. */
static int link_index(struct mt_file_statistics *file, const struct mt_packet *packet)
{
    int index = 0;
    while (index < file->links_count && file->links[index].link != packet->link)
        index++;
    if (index == file->links_count) {
        if (index == MT_LINKS_PER_FILE)
            return -1;
        file->links[index].link = packet->link;
        file->links[index].first = packet->ref;
        file->links_count++;
    }
    return index;
}

static void count_time(struct mt_file_row *row, int64_t time)
{
    if (time == MT_NO_TIME)
        return;
    if (time >= row->first_time && row->first_time != MT_NO_TIME) {
        row->last_time = time > row->last_time ? time : row->last_time;
        return;
    }
    if (row->first_time == MT_NO_TIME)
        row->last_time = time;
    row->first_time = time;
}

/* Reported once per file and type at the end. */
static void count_unread(struct mt_file_statistics *file, const struct mt_packet *packet)
{
    file->row.skipped_packets++;
    if (file->last_index >= 0) {
        file->links[file->last_index].unread_packets++;
        file->links[file->last_index].unread_bytes += packet->length;
    } else {
        file->other_bytes += packet->length;
    }
}

static void count_copy(struct mt_file_statistics *file, const struct mt_packet *packet)
{
    file->row.skipped_packets++;
    file->copied_bytes += packet->length;
    if (file->copies++ == 0)
        file->first_copy = packet->ref;
}

int mt_file_statistics_count(struct mt_file_statistics *file, const struct mt_packet *packet)
{
    file->row.packets++;
    file->row.bytes += packet->length;
    count_time(&file->row, packet->ref.time);
    if (file->row.packets == 1 || packet->link != file->last_link) {
        file->last_index = link_index(file, packet);
        file->last_link = packet->link;
        file->last_known = mt_link_known(packet->link) != 0;
        file->readable |= file->last_known;
    }
    if (!file->last_known)
        count_unread(file, packet);
    else if (packet->copy)
        count_copy(file, packet);
    return file->last_known && !packet->copy;
}

/* ---- skipped packets ---- */

/* The statistics of a reason. NULL if there are too many reasons, or if memory is out (*result). */
static struct mt_skip_statistics *skips_of(struct mt_file_statistics *file,
                                           const struct mt_skip *skip, int *result)
{
    *result = MT_OK;
    for (size_t i = 0; i < file->skips_count; i++)
        if (mt_skip_equal(&file->skips[i].skip, skip))
            return &file->skips[i];
    if (file->skips_count == MT_SKIPS_PER_FILE)
        return NULL;
    void *grown = file->skips;
    *result = mt_reserve(&grown, &file->skips_capacity, file->skips_count + 1, sizeof *file->skips);
    if (*result != MT_OK)
        return NULL;
    file->skips = grown;
    struct mt_skip_statistics *added = &file->skips[file->skips_count++];
    *added = (struct mt_skip_statistics){.skip = *skip};
    return added;
}

int mt_file_statistics_skip(struct mt_file_statistics *file, const struct mt_packet_ref *ref,
                            const struct mt_skip *skip, int64_t bytes)
{
    int result;
    struct mt_skip_statistics *skips = skips_of(file, skip, &result);
    if (skips == NULL) {
        file->other_skipped++;
        file->other_skipped_bytes += bytes;
        return result;
    }
    if (skips->packets++ == 0)
        skips->first = *ref;
    skips->bytes += bytes;
    return MT_OK;
}

void mt_file_statistics_free(struct mt_file_statistics *file)
{
    mt_free(file->skips);
    file->skips = NULL;
}

/* ---- the end ---- */

static int report_unread(struct mt_output *output, int64_t bytes, const char *why,
                         const struct mt_packet_ref *ref)
{
    struct mt_problem problem = {MT_PROBLEM_LINK_TYPE, -1, bytes, why, ref};
    return mt_report_problem(output, &mt_no_connection, &problem);
}

static int report_links(const struct mt_file_statistics *file, struct mt_output *output)
{
    char name[LINK_NAME], why[128];
    for (int i = 0; i < file->links_count; i++) {
        const struct mt_link_statistics *link = &file->links[i];
        if (link->unread_packets == 0)
            continue;
        (void)snprintf(why, sizeof why, "packets of link type %s (%u), which is not one we read",
                       mt_link_name(link->link, name, sizeof name), link->link);
        if (report_unread(output, link->unread_bytes, why, &link->first) != MT_OK)
            return MT_NOMEM;
    }
    struct mt_packet_ref nowhere = {.file = file->row.file, .time = MT_NO_TIME};
    return file->other_bytes == 0
               ? MT_OK
               : report_unread(output, file->other_bytes,
                               "packets of still other link types that we do not read", &nowhere);
}

static int report_copies(const struct mt_file_statistics *file, struct mt_output *output)
{
    char why[96];
    if (file->copies == 0)
        return MT_OK;
    (void)snprintf(why, sizeof why, "%lld packets that another file has too: read once",
                   (long long)file->copies);
    struct mt_problem problem = {MT_PROBLEM_DUPLICATE, -1, file->copied_bytes, why,
                                 &file->first_copy};
    return mt_report_problem(output, &mt_no_connection, &problem);
}

static int report_skip(struct mt_output *output, const struct mt_skip_statistics *skips,
                       const char *reason)
{
    char why[224];
    (void)snprintf(why, sizeof why, "%lld %s without TCP: %s", (long long)skips->packets,
                   skips->packets == 1 ? "packet" : "packets", reason);
    struct mt_problem problem = {MT_PROBLEM_SKIPPED, -1, skips->bytes, why, &skips->first};
    return mt_report_problem(output, &mt_no_connection, &problem);
}

static int report_skips(const struct mt_file_statistics *file, struct mt_output *output)
{
    char reason[160];
    for (size_t i = 0; i < file->skips_count; i++) {
        (void)mt_skip_text(&file->skips[i].skip, reason, sizeof reason);
        if (report_skip(output, &file->skips[i], reason) != MT_OK)
            return MT_NOMEM;
    }
    struct mt_skip_statistics others = {.packets = file->other_skipped,
                                        .bytes = file->other_skipped_bytes,
                                        .first = {.file = file->row.file, .time = MT_NO_TIME}};
    return others.packets == 0 ? MT_OK : report_skip(output, &others, "other reasons");
}

int mt_file_statistics_report_step(struct mt_output *output, const struct mt_clock_step *step)
{
    char why[96];
    long long milliseconds = (step->by < 0 ? -step->by : step->by) / 1000000;
    (void)snprintf(why, sizeof why, "the clock goes %s by %lld.%03lld s",
                   step->by < 0 ? "back" : "forward", milliseconds / 1000, milliseconds % 1000);
    struct mt_problem problem = {MT_PROBLEM_CLOCK_STEP, -1, 0, why, &step->ref};
    return mt_report_problem(output, &mt_no_connection, &problem);
}

static int report_last_step(struct mt_file_statistics *file, struct mt_output *output)
{
    struct mt_clock_step step;
    return mt_clock_end(&file->clock, &step) ? mt_file_statistics_report_step(output, &step)
                                             : MT_OK;
}

/* The names of the link types, joined by commas, and their length. */
static size_t join_names(const struct mt_file_statistics *file, char *names, size_t size)
{
    char name[LINK_NAME];
    size_t used = 0;
    names[0] = '\0';
    for (int i = 0; i < file->links_count; i++) {
        int written = snprintf(names + used, size - used, "%s%s", i != 0 ? "," : "",
                               mt_link_name(file->links[i].link, name, sizeof name));
        used += written > 0 && (size_t)written < size - used ? (size_t)written : 0;
    }
    return used;
}

int mt_file_statistics_close(struct mt_file_statistics *file, struct mt_output *output,
                             const char *path, int64_t link)
{
    char names[MT_LINKS_PER_FILE * LINK_NAME];
    size_t used = join_names(file, names, sizeof names);
    if (file->links_count == 0 && link >= 0) /* a file without packets */
        used = strlen(mt_link_name((uint32_t)link, names, LINK_NAME));
    if (report_links(file, output) != MT_OK || report_copies(file, output) != MT_OK ||
        report_skips(file, output) != MT_OK || report_last_step(file, output) != MT_OK ||
        mt_intern_put(&output->strings, path, strlen(path), &file->row.path) != MT_OK ||
        mt_intern_put(&output->strings, names, used, &file->row.link_type) != MT_OK)
        return MT_NOMEM;
    struct mt_file_row *row = mt_table_append(&output->tables[MT_TABLE_files]);
    if (row == NULL)
        return MT_NOMEM;
    *row = file->row;
    return MT_OK;
}
