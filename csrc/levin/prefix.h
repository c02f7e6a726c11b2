/* What proxies write before the first Levin message of a direction: SOCKS 4, 4a and 5 (RFC 1928,
 * RFC 1929), HTTP CONNECT (RFC 9110) and the PROXY protocol 1 and 2; and the beginning of TLS. It
 * reads byte by byte, so that results do not depend on segments; it knows nothing of streams and
 * problems. Used by beginning.c. */
#ifndef MT_LEVIN_PREFIX_H
#define MT_LEVIN_PREFIX_H

#include "base/ip.h"
#include "base/vocabulary.h"

#include <stdint.h>

enum {
    MT_PREFIX_HOST = 255,      /* longest host name */
    MT_PREFIX_KEPT = 300,      /* bytes that are stored of a part of a prefix */
    MT_PREFIX_CHAIN = 4,       /* requests (or answers) of proxies in a row */
    MT_PREFIX_HTTP_MOST = 4096 /* bytes of an HTTP request or response */
};

enum mt_prefix_verdict {
    MT_PREFIX_MORE,  /* as far as it goes it is one */
    MT_PREFIX_WHOLE, /* the byte was its last */
    MT_PREFIX_TLS,   /* it is a TLS record: of a handshake or an alert */
    MT_PREFIX_NONE   /* the byte belongs to no prefix, nor to TLS */
};

struct mt_prefix;
typedef enum mt_prefix_verdict (*mt_prefix_step)(struct mt_prefix *prefix, uint8_t byte);

struct mt_prefix {
    mt_prefix_step step; /* what the next byte is given to */
    uint32_t left;       /* bytes to skip, or line length so far */
    uint32_t count;      /* bytes read */
    uint16_t kept;       /* bytes of the part that is read */
    uint16_t chain;      /* prefixes of this direction before this one */
    uint8_t from_client;
    uint8_t committed; /* enough was read that it cannot be anything else */
    uint8_t granted;   /* an answer: the proxy connected */
    uint8_t authenticates;
    enum mt_proxy kind;
    /* What it names: the target of a request, the source in a PROXY header. */
    struct mt_ip ip; /* version 0: none */
    uint16_t port;
    uint16_t host_size; /* 0: no host name */
    char host[MT_PREFIX_HOST];
    uint8_t bytes[MT_PREFIX_KEPT];
};

/* 1 if that direction may go on with a prefix or with TLS that begins with this byte. `chain` is
 * how many prefixes it already had: after MT_PREFIX_CHAIN of them it may only go on with TLS, and a
 * PROXY header is always the first. */
int mt_prefix_may_begin(uint8_t byte, int from_client, int chain);

/* Begins to read a prefix; the parameters as above. */
void mt_prefix_init(struct mt_prefix *prefix, int from_client, int chain);

/* Reads one byte. After a verdict other than MT_PREFIX_MORE only mt_prefix_init may follow. */
enum mt_prefix_verdict mt_prefix_read(struct mt_prefix *prefix, uint8_t byte);

/* 1 if it is the header of the PROXY protocol, which describes the client, and not a request. */
int mt_prefix_is_header(enum mt_proxy kind);

/* Static text of what it is, whole or cut. */
const char *mt_prefix_text(const struct mt_prefix *prefix, int cut);

#endif
