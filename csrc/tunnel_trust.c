#include "tunnel_trust.h"

#include <string.h>

int mt_tunnel_trust_note(struct mt_tunnel_trust *trust, uint64_t key)
{
    if (!trust->any)
        trust->first = key;
    trust->several |= trust->any && trust->first != key;
    trust->any = 1;
    int withdrawn = trust->several && trust->believed;
    if (withdrawn)
        trust->believed = 0;
    return withdrawn;
}

static int is_end(const struct mt_tunnel_trust *trust, const struct mt_ip *ip)
{
    for (size_t i = 0; i < trust->ends_count; i++)
        if (trust->ends[i].version == ip->version &&
            memcmp(trust->ends[i].bytes, ip->bytes, sizeof ip->bytes) == 0)
            return 1;
    return 0;
}

int mt_tunnel_is_trusted(struct mt_tunnel_trust *trust, const struct mt_tunnel *tunnel)
{
    if (tunnel->key == 0)
        return 1;
    if (is_end(trust, &tunnel->source) && is_end(trust, &tunnel->destination))
        return 1;
    if (!trust->any || trust->several || trust->first != tunnel->key)
        return 0;
    trust->believed = 1;
    return 1;
}
