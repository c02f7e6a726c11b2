/* The first bytes of every epee payload. Used by epee, which reads the payload, and by levin, which
 * recognises a message by them where the stream is out of step. */
#ifndef MT_BASE_EPEE_SIGNATURE_H
#define MT_BASE_EPEE_SIGNATURE_H

#include <stdint.h>

enum { MT_EPEE_HEADER = 9 };

static const uint8_t mt_epee_header[MT_EPEE_HEADER] = {0x01, 0x11, 0x01, 0x01, 0x01,
                                                       0x01, 0x02, 0x01, 0x01};

#endif
