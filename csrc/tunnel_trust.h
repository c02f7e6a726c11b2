/* Whether what came through a tunnel can be believed: anyone can send both sides of a conversation
 * within packets of one's own. Knows nothing of messages. Part of the core. */
#ifndef MT_TUNNEL_TRUST_H
#define MT_TUNNEL_TRUST_H

#include "net/packet.h"

#include <stddef.h>
#include <stdint.h>

/* Zeroed, no tunnel is trusted by its ends. */
struct mt_tunnel_trust {
    const struct mt_ip *ends; /* ends of trusted tunnels; the caller's */
    size_t ends_count;
    uint64_t first;   /* key of the tunnel of the first message, 0 for none */
    uint8_t any;      /* there was a message */
    uint8_t believed; /* messages were believed because all came through one tunnel */
    uint8_t several;  /* messages came through different tunnels, or through one and through none */
};

/* Notes that a message came through a tunnel with that key (0: none). Returns 1, once, if messages
 * were believed because all came through one tunnel, and this one did not. */
int mt_tunnel_trust_note(struct mt_tunnel_trust *trust, uint64_t key);

/* 1 if the tunnel has no IP addresses, if both of its ends are trusted, or if all messages so far
 * came through it: a mirror port. */
int mt_tunnel_is_trusted(struct mt_tunnel_trust *trust, const struct mt_tunnel *tunnel);

#endif
