#include "levin/session.h"

#include "base/error.h"
#include "base/mem.h"

struct mt_session *mt_session_open(const struct mt_levin_shared *shared,
                                   struct mt_early_responses *early, struct mt_budget *buffered,
                                   void *context, int monero)
{
    struct mt_session *session = mt_alloc(1, sizeof *session);
    if (session == NULL)
        return NULL;
    session->early = early;
    mt_levin_init(&session->levin, shared, buffered, context, monero);
    return session;
}

void mt_session_close(struct mt_session *session)
{
    if (session == NULL)
        return;
    for (int direction = 0; direction < 2; direction++) {
        struct mt_request_queue *requests = &session->requests[direction];
        mt_early_responses_forget_all(session->early, &requests->early);
        mt_request_queue_free(requests, session->levin.buffered);
    }
    mt_levin_free(&session->levin);
    mt_free(session);
}

void mt_session_hole(struct mt_session *session, int from_client, int64_t end)
{
    struct mt_request_queue *requests = &session->requests[!from_client];
    session->levin.lossy = 1;
    for (uint32_t i = 0; i < requests->count; i++) {
        struct mt_request *request = mt_request_queue_at(requests, i);
        request->doubtful |= request->acknowledged < end;
    }
}

/* ---- requests ---- */

/* Id of an earlier response to this request, which came before it in the capture; -1 if none. */
static int64_t find_early(struct mt_session *session, const struct mt_request_queue *requests,
                          const struct mt_request *request)
{
    struct mt_early_responses *early = session->early;
    for (size_t i = 0; requests->early != 0 && i < early->count; i++) {
        struct mt_early_response response = early->items[i];
        if (response.waiting != &requests->early || response.command != request->command ||
            response.acknowledged < request->end)
            continue;
        mt_early_responses_forget(early, i);
        return response.message;
    }
    return -1;
}

static int push(struct mt_session *session, struct mt_request_queue *requests,
                const struct mt_request *request)
{
    const struct mt_levin_shared *shared = session->levin.shared;
    uint64_t most = (uint64_t)shared->limits->requests;
    if (mt_request_queue_is_full(requests, session->levin.buffered, most)) {
        shared->limit_hits[MT_LIMIT_requests] += requests->count >= most;
        mt_request_queue_pop(requests, 1);
        session->levin.lossy = 1;
    }
    return mt_request_queue_push(requests, session->levin.buffered, request);
}

/* ---- responses ---- */

static int remember_early(struct mt_session *session, struct mt_request_queue *requests,
                          const struct mt_message *message, int64_t id)
{
    int64_t acknowledged = message->span.acknowledged;
    if (acknowledged == INT64_MIN)
        return MT_OK;
    struct mt_early_response response = {&requests->early, id, acknowledged,
                                         message->header.command};
    return mt_early_responses_add(session->early, &response);
}

/* In step, a response goes to the oldest request, as in monerod; with another command it is no
 * answer, but the request is over all the same. Where bytes were lost, it goes to the oldest of its
 * command. */
static int pair_response(struct mt_session *session, const struct mt_message *message, int64_t id,
                         int64_t *reply_to)
{
    struct mt_request_queue *requests = &session->requests[!message->from_client];
    uint32_t command = message->header.command;
    int64_t acknowledged = message->span.acknowledged;
    int lossy = session->levin.lossy;
    uint32_t index = mt_request_queue_find(requests, command, acknowledged, 0);
    if (lossy && index == requests->count)
        index = mt_request_queue_find(requests, command, acknowledged, 1);
    if (!lossy && index != 0 && requests->count != 0 &&
        (acknowledged == INT64_MIN || acknowledged >= mt_request_queue_at(requests, 0)->end)) {
        mt_request_queue_pop(requests, 1);
        return MT_OK;
    }
    if (index == requests->count)
        return remember_early(session, requests, message, id);
    *reply_to = mt_request_queue_at(requests, index)->message;
    mt_request_queue_pop(requests, index + 1);
    return MT_OK;
}

int mt_session_pair(struct mt_session *session, const struct mt_message *message, int64_t id,
                    struct mt_pairing *pairing)
{
    *pairing = (struct mt_pairing){.reply_to = -1, .answered_by = -1};
    if (message->kind == MT_KIND_RESPONSE)
        return pair_response(session, message, id, &pairing->reply_to);
    if (message->kind != MT_KIND_REQUEST)
        return MT_OK;
    struct mt_request_queue *requests = &session->requests[message->from_client];
    struct mt_request request = {id, message->end, message->span.acknowledged,
                                 message->header.command, 0};
    pairing->answered_by = find_early(session, requests, &request);
    return pairing->answered_by >= 0 ? MT_OK : push(session, requests, &request);
}
