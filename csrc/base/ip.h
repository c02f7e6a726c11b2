/* An IP address. Knows nothing of packets or text. Used by net and tcp (who sent it) and by tables
 * (interned addresses). */
#ifndef MT_BASE_IP_H
#define MT_BASE_IP_H

#include <stdint.h>

/* An IP address as on the wire. IPv4 uses the first 4 bytes and leaves the rest zero. */
struct mt_ip {
    uint8_t bytes[16];
    uint8_t version; /* 4 or 6 */
};

#endif
