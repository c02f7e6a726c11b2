#include "levin/session.h"

#include "base/error.h"
#include "base/mem.h"
#include "levin/header.h"

#include <string.h>

enum { LEAST_REQUESTS = 4 };

struct mt_dialog *mt_dialog_open(struct mt_output *output, int64_t connection, int32_t client,
                                 int32_t server, int monero)
{
    struct mt_dialog *dialog = mt_alloc(1, sizeof *dialog);
    if (dialog == NULL)
        return NULL;
    dialog->output = output;
    dialog->buffered =
        (struct mt_budget){.limit = &output->limits->connection_bytes,
                           .limit_hits = &output->limit_hits[MT_LIMIT_connection_bytes],
                           .whole = &output->buffered};
    dialog->connection = connection;
    dialog->client = client;
    dialog->server = server;
    dialog->monero = monero != 0;
    mt_levin_init(&dialog->ways[0], dialog, 0);
    mt_levin_init(&dialog->ways[1], dialog, 1);
    return dialog;
}

static void forget_early(struct mt_output *output, const struct mt_requests *requests)
{
    for (size_t i = output->early_count; requests->early != 0 && i-- > 0;) {
        if (output->early[i].waiting == &requests->early)
            mt_output_forget(output, i);
    }
}

/* What a ring takes beyond the few requests that any connection may have. */
static int64_t ring_bytes(uint32_t capacity)
{
    return capacity > LEAST_REQUESTS ? (int64_t)(capacity * sizeof(struct mt_request)) : 0;
}

void mt_dialog_close(struct mt_dialog *dialog)
{
    if (dialog == NULL)
        return;
    for (int way = 0; way < 2; way++) {
        forget_early(dialog->output, &dialog->requests[way]);
        mt_levin_free(&dialog->ways[way]);
        mt_budget_use(&dialog->buffered, -ring_bytes(dialog->requests[way].capacity));
        mt_free(dialog->requests[way].ring);
    }
    mt_free(dialog);
}

static int grow(struct mt_dialog *dialog, struct mt_requests *requests)
{
    uint32_t capacity = requests->capacity != 0 ? requests->capacity * 2 : LEAST_REQUESTS;
    struct mt_request *ring = mt_alloc(capacity, sizeof *ring);
    if (ring == NULL)
        return MT_NOMEM;
    for (uint32_t i = 0; i < requests->count; i++)
        ring[i] = requests->ring[(requests->first + i) % requests->capacity];
    mt_free(requests->ring);
    mt_budget_use(&dialog->buffered, ring_bytes(capacity) - ring_bytes(requests->capacity));
    requests->ring = ring;
    requests->first = 0;
    requests->capacity = capacity;
    return MT_OK;
}

/* Whether the oldest request has to be forgotten for a new one. A few are always remembered,
 * whatever the budget. */
static int is_full(struct mt_dialog *dialog, const struct mt_requests *requests)
{
    if (requests->count == 0)
        return 0;
    if (requests->count >= (uint64_t)dialog->output->limits->requests) {
        dialog->output->limit_hits[MT_LIMIT_requests]++;
        return 1;
    }
    return requests->count == requests->capacity &&
           mt_budget_is_full(&dialog->buffered,
                             ring_bytes(2 * requests->capacity) - ring_bytes(requests->capacity));
}

static int push(struct mt_dialog *dialog, struct mt_requests *requests, struct mt_request request)
{
    if (is_full(dialog, requests)) {
        requests->first = (requests->first + 1) % requests->capacity;
        requests->count--;
        dialog->lossy = 1;
    }
    if (requests->count == requests->capacity && grow(dialog, requests) != MT_OK)
        return MT_NOMEM;
    requests->ring[(requests->first + requests->count) % requests->capacity] = request;
    requests->count++;
    return MT_OK;
}

static void pop(struct mt_requests *requests, uint32_t count)
{
    requests->first = (requests->first + count) % requests->capacity;
    requests->count -= count;
}

/* The row of an earlier message, if it is still in the table. */
static struct mt_message_row *earlier_row(struct mt_output *output, int64_t message)
{
    struct mt_table *table = &output->tables[MT_TABLE_messages];
    int64_t index = message - (output->messages_given - (int64_t)table->count);
    if (index < 0 || index >= (int64_t)table->count)
        return NULL;
    return (struct mt_message_row *)table->rows + index;
}

/* A request that comes, in the capture, after the response to it. */
static int answered_before(struct mt_dialog *dialog, const struct mt_requests *requests,
                           const struct mt_request *request)
{
    struct mt_output *output = dialog->output;
    for (size_t i = 0; requests->early != 0 && i < output->early_count; i++) {
        struct mt_early_response early = output->early[i];
        if (early.waiting != &requests->early || early.command != request->command ||
            early.acknowledged < request->end)
            continue;
        struct mt_message_row *row = earlier_row(output, early.message);
        if (row != NULL)
            row->reply_to = request->message;
        mt_output_forget(output, i);
        return 1;
    }
    return 0;
}

static int remember_early(struct mt_dialog *dialog, struct mt_requests *requests,
                          const struct mt_message_row *row, int64_t acknowledged)
{
    if (acknowledged == INT64_MIN)
        return MT_OK;
    struct mt_early_response early = {&requests->early, row->message, acknowledged, row->command};
    return mt_output_remember(dialog->output, &early);
}

static struct mt_request *outstanding(const struct mt_requests *requests, uint32_t index)
{
    return &requests->ring[(requests->first + index) % requests->capacity];
}

/* Index of the oldest outstanding request that a response of this command may answer, `count` if
 * none. Its sender must have had it; a doubtful one only if there is no other. */
static uint32_t answered(const struct mt_requests *requests, uint32_t command, int64_t acknowledged,
                         int doubtful)
{
    for (uint32_t i = 0; i < requests->count; i++) {
        const struct mt_request *request = outstanding(requests, i);
        if (acknowledged != INT64_MIN && acknowledged < request->end)
            break;
        if (request->command == command && (doubtful || !request->doubtful))
            return i;
    }
    return requests->count;
}

/* In step, a response goes to the oldest request, as monerod has it; with another command it is no
 * answer, but the request is over all the same. Where bytes were lost, it goes to the oldest of its
 * command. */
static int pair(struct mt_dialog *dialog, struct mt_requests *requests, struct mt_message_row *row,
                int64_t acknowledged)
{
    uint32_t index = answered(requests, row->command, acknowledged, 0);
    if (dialog->lossy && index == requests->count)
        index = answered(requests, row->command, acknowledged, 1);
    if (!dialog->lossy && index != 0 && requests->count != 0 &&
        (acknowledged == INT64_MIN || acknowledged >= outstanding(requests, 0)->end)) {
        pop(requests, 1);
        return MT_OK;
    }
    if (index == requests->count)
        return remember_early(dialog, requests, row, acknowledged);
    row->reply_to = outstanding(requests, index)->message;
    pop(requests, index + 1);
    return MT_OK;
}

void mt_dialog_hole(struct mt_dialog *dialog, int from_client, int64_t end)
{
    struct mt_requests *requests = &dialog->requests[!from_client];
    dialog->lossy = 1;
    for (uint32_t i = 0; i < requests->count; i++) {
        struct mt_request *request = outstanding(requests, i);
        request->doubtful |= request->acknowledged < end;
    }
}

int mt_dialog_message(struct mt_dialog *dialog, struct mt_message_row *row, int64_t end,
                      int64_t acknowledged)
{
    row->reply_to = -1;
    if (row->kind == MT_KIND_REQUEST) {
        struct mt_requests *requests = &dialog->requests[row->from_client];
        struct mt_request request = {row->message, end, acknowledged, row->command, 0};
        return answered_before(dialog, requests, &request) ? MT_OK
                                                           : push(dialog, requests, request);
    }
    if (row->kind == MT_KIND_RESPONSE)
        return pair(dialog, &dialog->requests[!row->from_client], row, acknowledged);
    return MT_OK;
}
