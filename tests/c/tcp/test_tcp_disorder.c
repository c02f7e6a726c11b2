/* Whole streams whose segments come in any order, or not at all. */
#include "support/tcp_help.h"

/* Three messages in five segments, in every order, some twice: the same rows. */
static void test_permutations(void)
{
    struct wire wire = {0};
    wire_request(&wire, MT_TIMED_SYNC, 50);
    wire_notify(&wire, MT_NEW_TRANSACTIONS, 100);
    wire_request(&wire, MT_PING, 10);
    uint32_t size = (uint32_t)wire.size, cuts[6] = {0, 20, 90, 95, 220, size};
    int tried = 0;
    for (int code = 0; code < 3125; code++) {
        int order[5], used = 0;
        for (int i = 0, rest = code; i < 5; i++, rest /= 5) {
            order[i] = rest % 5;
            used |= 1 << order[i];
        }
        if (used != 31)
            continue;
        open_world();
        struct flow flow = flow_of(1, 40000, 2, 18080);
        flow.next[1] = 0xffffff80u; /* the numbers wrap in the middle */
        CHECK(shake_hands(&flow) == MT_OK);
        for (int i = 0; i < 5; i++) {
            uint32_t begin = cuts[order[i]], end = cuts[order[i] + 1];
            CHECK(send_at(&flow, 1, ACK, flow.next[1] + begin, wire.bytes + begin, end - begin,
                          end - begin) == MT_OK);
            if ((code + i) % 3 == 0)
                CHECK(send_at(&flow, 1, ACK, flow.next[1] + begin, wire.bytes + begin, end - begin,
                              end - begin) == MT_OK);
        }
        finish();
        CHECK_EQUAL(messages_count(&decoder.output), 3);
        for (size_t i = 0; i < 3; i++) {
            CHECK_EQUAL(message_row(&decoder.output, i)->status, MT_STATUS_COMPLETE);
            CHECK_EQUAL(message_row(&decoder.output, i)->shared, i != 3);
        }
        CHECK_EQUAL(message_row(&decoder.output, 0)->segments, 2);
        CHECK_EQUAL(message_row(&decoder.output, 1)->segments, 3);
        CHECK_EQUAL(message_row(&decoder.output, 2)->segments, 2);
        CHECK_EQUAL(message_row(&decoder.output, 0)->first_segment, 20);
        CHECK_EQUAL(message_row(&decoder.output, 1)->first_segment, 7);
        CHECK_EQUAL(problems_count(&decoder.output), 0);
        CHECK_EQUAL(connection_row(&decoder.output, 0)->client_bytes, size);
        close_world();
        tried++;
    }
    CHECK_EQUAL(tried, 120);
    wire_free(&wire);
}

/* Random segments of two random streams, cut, doubled, snapped, lost and shuffled: the sums hold,
 * and what is told to be complete is. */
static void test_disorder(void)
{
    uint64_t random = 11;
    for (int round = 0; round < 400; round++) {
        struct wire wires[2] = {{0}, {0}};
        uint64_t messages = 0;
        for (int way = 0; way < 2; way++) {
            for (uint32_t i = next_random(&random) % 12; i > 0; i--) {
                size_t size = LEAST_BODY + next_random(&random) % 300;
                messages++;
                switch (next_random(&random) % 4) {
                case 0:
                    wire_request(&wires[way], MT_TIMED_SYNC, size);
                    break;
                case 1:
                    wire_response(&wires[way], MT_REQUEST_CHAIN, size);
                    break;
                case 2:
                    wire_error(&wires[way], MT_PING);
                    break;
                default:
                    wire_notify(&wires[way], MT_NEW_TRANSACTIONS, size);
                }
            }
        }
        open_world();
        if (round % 3 == 0)
            limits.hole_segments = next_random(&random) % 5;
        struct flow flow = flow_of(1, 40000, 2, round % 2 == 0 ? 18080 : 5555);
        uint32_t lossless = round % 4 == 0;
        if (round % 5 != 0 || lossless)
            CHECK_EQUAL(shake_hands(&flow), MT_OK);
        if (lossless)
            limits = mt_default_limits;
        size_t at[2] = {0, 0};
        while (at[0] < wires[0].size || at[1] < wires[1].size) {
            int way = (int)(next_random(&random) % 2);
            if (at[way] == wires[way].size)
                way = !way;
            size_t left = wires[way].size - at[way], size = 1 + next_random(&random) % 200,
                   back = next_random(&random) % 4 == 0 ? next_random(&random) % 300 : 0;
            size = size < left ? size : left;
            uint32_t fate = next_random(&random) % 20;
            size_t begin = at[way] > back ? at[way] - back : 0,
                   captured = fate == 0 && !lossless ? next_random(&random) % (size + 1) : size;
            if (begin != at[way]) /* again, or beyond the end of what was sent before */
                captured = size;
            else
                at[way] += size;
            if (fate == 1 && !lossless)
                continue; /* lost */
            if (fate == 2 && begin + 2 * size <= wires[way].size)
                CHECK_EQUAL(send_at(&flow, way, ACK, flow.next[way] + (uint32_t)(begin + size),
                                    wires[way].bytes + begin + size, size, size),
                            MT_OK);
            CHECK_EQUAL(send_at(&flow, way, ACK, flow.next[way] + (uint32_t)begin,
                                wires[way].bytes + begin, captured, size),
                        MT_OK);
        }
        finish();
        if (lossless) {
            CHECK_EQUAL(messages_count(&decoder.output), messages);
            CHECK_EQUAL(problems_count(&decoder.output), 0);
        }
        uint64_t complete = 0;
        for (size_t i = 0; i < messages_count(&decoder.output); i++)
            complete += message_row(&decoder.output, i)->status == MT_STATUS_COMPLETE;
        CHECK(complete <= messages);
        CHECK_EQUAL(problem_rows(&decoder.output, MT_PROBLEM_CONFLICT), 0);
        close_world();
        wire_free(&wires[0]);
        wire_free(&wires[1]);
    }
}

int main(void)
{
    wire_request(&ping, MT_PING, 10);
    test_permutations();
    test_disorder();
    wire_free(&ping);
    FINISH("test_tcp_disorder");
}
