#include "net/read_ahead.h"

#include "net/decapsulation.h"
#include "net/tcp_checksum.h"

int mt_net_read_ahead(const struct mt_packet *packet, const struct mt_payload_key *key,
                      struct mt_segment *segment)
{
    if (!mt_net_plain_segment(packet, segment))
        return 0;
    if (segment->length == 0)
        return 1;
    segment->checksum = (uint8_t)mt_tcp_checksum(segment);
    segment->digest = mt_payload_digest(key, segment->payload, segment->captured);
    segment->has_sums = 1;
    return 1;
}
