/* From TCP connections to rows: what all conversations share, and the callbacks that tie tcp, levin
 * and p2p to the tables. Part of the core; knows nothing of capture files. */
#ifndef MT_DECODER_H
#define MT_DECODER_H

#include "base/buffer_pool.h"
#include "levin/early_responses.h"
#include "levin/levin.h"
#include "net/payload_digest.h"
#include "p2p/p2p.h"
#include "tables/output.h"
#include "tcp/tcp.h"
#include "tunnel_trust.h"
#include "unacknowledged.h"

#include <stddef.h>
#include <stdint.h>

struct mt_decoder {
    struct mt_output output;
    struct mt_p2p p2p;
    struct mt_buffer_pool buffers;
    struct mt_early_responses early;
    struct mt_unacknowledged unacknowledged;
    struct mt_levin_shared levin;
    struct mt_tunnel_trust tunnels;
    struct mt_payload_key payload_key; /* of digests of payloads */
};

/* `tables`: bit i = table i of mt_table_id is wanted. `limits` must live as long. Allocates
 * nothing. */
void mt_decoder_init(struct mt_decoder *decoder, const struct mt_limits *limits, uint32_t tables);

/* Frees all; TCP must have been closed before. */
void mt_decoder_free(struct mt_decoder *decoder);

/* TCP whose connections become rows of this decoder; the parameters are those of mt_tcp_options.
 * NULL if memory is out. The caller owns it: mt_tcp_close. */
struct mt_tcp *mt_decoder_open_tcp(struct mt_decoder *decoder, const uint16_t *ports,
                                   size_t ports_count, int64_t *monero_packets);

/* How often a limit was reached. */
uint64_t mt_decoder_limit_hits(const struct mt_decoder *decoder, enum mt_limit_id limit);

/* A message got its row, and the next one the next id. Completes rows that have waited long. */
void mt_decoder_count_message(struct mt_decoder *decoder);

/* Id of the first message whose rows may still change. */
int64_t mt_decoder_settled(struct mt_decoder *decoder);

#endif
