#include "levin/prefix.h"

#include <arpa/inet.h>
#include <string.h>

enum { LINE_MOST = 107 /* of PROXY 1, with CR LF */, USER_MOST = 255 };

static const char connect_word[] = "CONNECT ", header_word[] = "PROXY ", http_word[] = "HTTP/1.";
static const uint8_t header_signature[12] = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d,
                                             0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};

/* ---- parts ---- */

/* Stores the byte. 0 if there is no room. */
static int keep(struct mt_prefix *prefix, uint8_t byte)
{
    if (prefix->kept == MT_PREFIX_KEPT)
        return 0;
    prefix->bytes[prefix->kept++] = byte;
    return 1;
}

/* Goes on with another step. */
static enum mt_prefix_verdict go_on(struct mt_prefix *prefix, mt_prefix_step step)
{
    prefix->step = step;
    return MT_PREFIX_MORE;
}

static uint16_t be16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static void set_ip(struct mt_prefix *prefix, int version, const uint8_t *bytes)
{
    prefix->ip = (struct mt_ip){.version = (uint8_t)version};
    memcpy(prefix->ip.bytes, bytes, version == 4 ? 4 : 16);
}

/* Reads `size` bytes of a terminated text as an IP address of that version (0: any). */
static int set_ip_text(struct mt_prefix *prefix, const char *text, int version)
{
    uint8_t bytes[16];
    if (version != 6 && inet_pton(AF_INET, text, bytes) == 1)
        set_ip(prefix, 4, bytes);
    else if (version != 4 && inet_pton(AF_INET6, text, bytes) == 1)
        set_ip(prefix, 6, bytes);
    else
        return 0;
    return 1;
}

/* A host is a name, or an IP address in text. 0 if it is neither. */
static int set_host(struct mt_prefix *prefix, const uint8_t *bytes, size_t size)
{
    char text[MT_PREFIX_HOST + 1];
    if (size == 0 || size > MT_PREFIX_HOST)
        return 0;
    for (size_t i = 0; i < size; i++)
        if (bytes[i] <= ' ' || bytes[i] >= 0x7f)
            return 0;
    memcpy(text, bytes, size);
    text[size] = '\0';
    if (set_ip_text(prefix, text, 0))
        return 1;
    memcpy(prefix->host, bytes, size);
    prefix->host_size = (uint16_t)size;
    return 1;
}

/* Digits up to 65535 at `at`, moved to the byte after them. -1 without digits. */
static int read_port(const char **at)
{
    int port = 0, digits = 0;
    for (; **at >= '0' && **at <= '9' && digits < 6; ++*at, digits++)
        port = port * 10 + (**at - '0');
    return digits != 0 && port <= UINT16_MAX ? port : -1;
}

/* ---- SOCKS 4 and 4a ---- */

static enum mt_prefix_verdict socks4_host(struct mt_prefix *prefix, uint8_t byte)
{
    if (byte == 0)
        return set_host(prefix, prefix->bytes, prefix->kept) ? MT_PREFIX_WHOLE : MT_PREFIX_NONE;
    return prefix->kept < MT_PREFIX_HOST && keep(prefix, byte) ? MT_PREFIX_MORE : MT_PREFIX_NONE;
}

static enum mt_prefix_verdict socks4_user(struct mt_prefix *prefix, uint8_t byte)
{
    if (byte != 0)
        return ++prefix->left <= USER_MOST ? MT_PREFIX_MORE : MT_PREFIX_NONE;
    if (prefix->kind == MT_PROXY_SOCKS4)
        return MT_PREFIX_WHOLE;
    prefix->kept = 0;
    return go_on(prefix, socks4_host);
}

/* 4, 1, port, address: 0.0.0.x says that a host name follows. */
static enum mt_prefix_verdict socks4_request(struct mt_prefix *prefix, uint8_t byte)
{
    if (!keep(prefix, byte) || (prefix->kept == 2 && byte != 1))
        return MT_PREFIX_NONE;
    if (prefix->kept < 8)
        return MT_PREFIX_MORE;
    const uint8_t *address = prefix->bytes + 4;
    int named = address[0] == 0 && address[1] == 0 && address[2] == 0 && address[3] != 0;
    prefix->kind = named ? MT_PROXY_SOCKS4A : MT_PROXY_SOCKS4;
    prefix->port = be16(prefix->bytes + 2);
    prefix->committed = 1;
    if (!named)
        set_ip(prefix, 4, address);
    return go_on(prefix, socks4_user);
}

/* 0, code, port, address. */
static enum mt_prefix_verdict socks4_answer(struct mt_prefix *prefix, uint8_t byte)
{
    if (!keep(prefix, byte) || (prefix->kept == 2 && (byte < 0x5a || byte > 0x5d)))
        return MT_PREFIX_NONE;
    prefix->kind = MT_PROXY_SOCKS4;
    prefix->granted = prefix->kept >= 2 && prefix->bytes[1] == 0x5a;
    return prefix->kept < 8 ? MT_PREFIX_MORE : MT_PREFIX_WHOLE;
}

/* ---- SOCKS 5 ---- */

/* 5, command or reply, 0, type, address, port. */
static enum mt_prefix_verdict socks5_message(struct mt_prefix *prefix, uint8_t byte)
{
    uint8_t *bytes = prefix->bytes;
    if (!keep(prefix, byte))
        return MT_PREFIX_NONE;
    int wrong = (prefix->kept == 1 && byte != 5) ||
                (prefix->kept == 2 && prefix->from_client && byte != 1) ||
                (prefix->kept == 3 && byte != 0) ||
                (prefix->kept == 4 && byte != 1 && byte != 3 && byte != 4) ||
                (prefix->kept == 5 && prefix->from_client && bytes[3] == 3 && byte == 0);
    if (wrong)
        return MT_PREFIX_NONE;
    if (prefix->kept < 5)
        return MT_PREFIX_MORE;
    uint32_t begin = bytes[3] == 3 ? 5 : 4, size = bytes[3] == 1   ? 4
                                                   : bytes[3] == 4 ? 16
                                                                   : bytes[4];
    if (prefix->kept < begin + size + 2)
        return MT_PREFIX_MORE;
    prefix->granted = bytes[1] == 0;
    if (!prefix->from_client)
        return MT_PREFIX_WHOLE;
    prefix->port = be16(bytes + begin + size);
    if (bytes[3] != 3)
        set_ip(prefix, bytes[3] == 1 ? 4 : 6, bytes + begin);
    else if (!set_host(prefix, bytes + begin, size))
        return MT_PREFIX_NONE;
    return MT_PREFIX_WHOLE;
}

/* 1, user and password, each after its length. */
static enum mt_prefix_verdict socks5_password(struct mt_prefix *prefix, uint8_t byte)
{
    if (prefix->left != 0) {
        if (--prefix->left != 0 || prefix->kept < 3)
            return MT_PREFIX_MORE;
        prefix->kept = 0;
        return go_on(prefix, socks5_message);
    }
    (void)keep(prefix, byte); /* the version and two lengths */
    prefix->left = prefix->kept > 1 ? byte : 0;
    if (prefix->kept < 3 || byte != 0)
        return MT_PREFIX_MORE;
    prefix->kept = 0;
    return go_on(prefix, socks5_message);
}

/* After the greeting: a password, or the request at once. */
static enum mt_prefix_verdict socks5_greeted(struct mt_prefix *prefix, uint8_t byte)
{
    prefix->kept = 0;
    prefix->left = 0;
    (void)go_on(prefix, byte == 1 ? socks5_password : socks5_message);
    return prefix->step(prefix, byte);
}

/* 5, number of methods, methods. */
static enum mt_prefix_verdict socks5_greeting(struct mt_prefix *prefix, uint8_t byte)
{
    if (!keep(prefix, byte) || (prefix->kept == 2 && byte == 0))
        return MT_PREFIX_NONE;
    prefix->kind = MT_PROXY_SOCKS5;
    if (prefix->kept < 2 || prefix->kept < 2 + prefix->bytes[1])
        return MT_PREFIX_MORE;
    prefix->committed = 1;
    return go_on(prefix, socks5_greeted);
}

/* 1, status. */
static enum mt_prefix_verdict socks5_status(struct mt_prefix *prefix, uint8_t byte)
{
    if (!keep(prefix, byte) || (prefix->kept == 1 && byte != 1))
        return MT_PREFIX_NONE;
    if (prefix->kept < 2)
        return MT_PREFIX_MORE;
    prefix->kept = 0;
    return byte == 0 ? go_on(prefix, socks5_message) : MT_PREFIX_WHOLE;
}

/* 5, method: 0 none, 2 password, 255 no acceptable one. */
static enum mt_prefix_verdict socks5_method(struct mt_prefix *prefix, uint8_t byte)
{
    prefix->kind = MT_PROXY_SOCKS5;
    if (!keep(prefix, byte) || (prefix->kept == 2 && byte != 0 && byte != 2 && byte != 0xff))
        return MT_PREFIX_NONE;
    if (prefix->kept < 2)
        return MT_PREFIX_MORE;
    prefix->committed = 1;
    prefix->kept = 0;
    if (byte == 0xff)
        return MT_PREFIX_WHOLE;
    return go_on(prefix, byte == 2 ? socks5_status : socks5_message);
}

/* ---- HTTP ---- */

/* Bytes of a line: text, ended by LF. 0 for a control character or too many of them. */
static int is_http_text(const struct mt_prefix *prefix, uint8_t byte)
{
    return prefix->count <= MT_PREFIX_HTTP_MOST && byte != 0x7f &&
           (byte >= ' ' || byte == '\t' || byte == '\r' || byte == '\n');
}

static enum mt_prefix_verdict http_fields(struct mt_prefix *prefix, uint8_t byte)
{
    if (!is_http_text(prefix, byte))
        return MT_PREFIX_NONE;
    if (byte == '\n') {
        int empty = prefix->left == 0;
        prefix->left = 0;
        return empty ? MT_PREFIX_WHOLE : MT_PREFIX_MORE;
    }
    prefix->left += byte != '\r';
    return MT_PREFIX_MORE;
}

/* Reads host:port or [host]:port, then " HTTP/1." of a request line. */
static int read_authority(struct mt_prefix *prefix)
{
    const char *line = (const char *)prefix->bytes, *at = line + sizeof connect_word - 1;
    int bracket = *at == '[';
    at += bracket;
    const char *end = at + strcspn(at, bracket ? "] " : ": "), *next = end + bracket;
    if (bracket && *end != ']')
        return 0;
    if (*next++ != ':' || !set_host(prefix, (const uint8_t *)at, (size_t)(end - at)))
        return 0;
    int port = read_port(&next);
    prefix->port = (uint16_t)port;
    return port >= 0 && strncmp(next, " HTTP/1.", 8) == 0;
}

/* The first line of a request or of a response; its word was read. */
static enum mt_prefix_verdict http_line(struct mt_prefix *prefix, uint8_t byte)
{
    if (!is_http_text(prefix, byte))
        return MT_PREFIX_NONE;
    if (byte != '\n' || prefix->kept == MT_PREFIX_KEPT)
        return keep(prefix, byte) ? MT_PREFIX_MORE : MT_PREFIX_NONE;
    prefix->bytes[prefix->kept] = '\0';
    prefix->left = 0;
    if (prefix->from_client)
        return read_authority(prefix) ? go_on(prefix, http_fields) : MT_PREFIX_NONE;
    const uint8_t *status = prefix->bytes + sizeof http_word; /* after the minor version */
    if (prefix->kept < sizeof http_word + 4 || status[0] != ' ' || status[1] < '1' ||
        status[1] > '5')
        return MT_PREFIX_NONE;
    prefix->granted = status[1] == '2';
    return go_on(prefix, http_fields);
}

static enum mt_prefix_verdict http_begin(struct mt_prefix *prefix, uint8_t byte)
{
    const char *word = prefix->from_client ? connect_word : http_word;
    if (byte != (uint8_t)word[prefix->kept] || !keep(prefix, byte))
        return MT_PREFIX_NONE;
    prefix->kind = MT_PROXY_CONNECT;
    if (word[prefix->kept] != '\0')
        return MT_PREFIX_MORE;
    prefix->committed = 1;
    return go_on(prefix, http_line);
}

/* ---- the PROXY protocol ---- */

/* The address and port of the source in "TCP4 source destination port port", or UNKNOWN. */
static int read_header_line(struct mt_prefix *prefix)
{
    char *line = (char *)prefix->bytes + sizeof header_word - 1;
    if (strncmp(line, "UNKNOWN", 7) == 0)
        return line[7] == '\0' || line[7] == ' ';
    int version = strncmp(line, "TCP4 ", 5) == 0 ? 4 : strncmp(line, "TCP6 ", 5) == 0 ? 6 : 0;
    char *source = line + 5, *space = version != 0 ? strchr(source, ' ') : NULL;
    if (space == NULL)
        return 0;
    *space = '\0';
    const char *at = strchr(space + 1, ' ');
    if (at == NULL || !set_ip_text(prefix, source, version))
        return 0;
    at++;
    int port = read_port(&at);
    prefix->port = (uint16_t)port;
    if (port < 0 || *at++ != ' ')
        return 0;
    return read_port(&at) >= 0 && *at == '\0';
}

static enum mt_prefix_verdict header1_line(struct mt_prefix *prefix, uint8_t byte)
{
    if (prefix->kept == LINE_MOST || !keep(prefix, byte) ||
        (byte != '\r' && byte != '\n' && (byte < ' ' || byte >= 0x7f)))
        return MT_PREFIX_NONE;
    if (prefix->kept <= sizeof header_word - 1) {
        prefix->kind = MT_PROXY_HEADER1;
        prefix->committed = prefix->kept == sizeof header_word - 1;
        return byte == (uint8_t)header_word[prefix->kept - 1] ? MT_PREFIX_MORE : MT_PREFIX_NONE;
    }
    int after_return = prefix->bytes[prefix->kept - 2] == '\r';
    if (after_return != (byte == '\n'))
        return MT_PREFIX_NONE;
    if (byte != '\n')
        return MT_PREFIX_MORE;
    prefix->bytes[prefix->kept - 2] = '\0';
    return read_header_line(prefix) ? MT_PREFIX_WHOLE : MT_PREFIX_NONE;
}

/* Further fields (TLV) after the addresses. */
static enum mt_prefix_verdict header2_rest(struct mt_prefix *prefix, uint8_t byte)
{
    (void)byte;
    return --prefix->left != 0 ? MT_PREFIX_MORE : MT_PREFIX_WHOLE;
}

/* Addresses of the families of IP over a stream; 0: others, which say nothing. */
static uint16_t header2_addresses(const uint8_t *bytes)
{
    int is_proxied = bytes[12] == 0x21;
    return !is_proxied ? 0 : bytes[13] == 0x11 ? 12 : bytes[13] == 0x21 ? 36 : 0;
}

/* Signature, version and command, family, length, source, destination, ports. */
static enum mt_prefix_verdict header2(struct mt_prefix *prefix, uint8_t byte)
{
    const uint8_t *bytes = prefix->bytes;
    uint16_t at = prefix->kept;
    if (!keep(prefix, byte) || (at < sizeof header_signature && byte != header_signature[at]) ||
        (at == 12 && byte != 0x20 && byte != 0x21) ||
        (at == 13 && ((byte & 15) > 2 || byte >> 4 > 3)))
        return MT_PREFIX_NONE;
    prefix->kind = MT_PROXY_HEADER2;
    prefix->committed = prefix->kept >= sizeof header_signature;
    if (prefix->kept < 16)
        return MT_PREFIX_MORE;
    uint16_t size = be16(bytes + 14), addresses = header2_addresses(bytes);
    if (size < addresses)
        return MT_PREFIX_NONE;
    if (prefix->kept < 16 + addresses)
        return MT_PREFIX_MORE;
    if (addresses != 0) {
        set_ip(prefix, addresses == 12 ? 4 : 6, bytes + 16);
        prefix->port = be16(bytes + 16 + addresses - 4);
    }
    prefix->left = (uint32_t)(size - addresses);
    return prefix->left != 0 ? go_on(prefix, header2_rest) : MT_PREFIX_WHOLE;
}

/* ---- TLS ---- */

/* A record with the beginning of a handshake (ClientHello, ServerHello), or an alert. */
static enum mt_prefix_verdict tls_record(struct mt_prefix *prefix, uint8_t byte)
{
    const uint8_t *bytes = prefix->bytes;
    uint16_t at = prefix->kept;
    int alert = at != 0 && bytes[0] == 0x15;
    if (!keep(prefix, byte) || (at == 1 && byte != 3) || (at == 2 && byte > 4) ||
        (at == 5 && byte != 1 && byte != 2))
        return MT_PREFIX_NONE;
    if (at == 4 && (alert ? be16(bytes + 3) != 2 : be16(bytes + 3) < 4 || bytes[3] > 0x48))
        return MT_PREFIX_NONE;
    return at < 5 ? MT_PREFIX_MORE : MT_PREFIX_TLS;
}

/* ---- all ---- */

static mt_prefix_step step_of(uint8_t byte, int from_client, int chain)
{
    if (chain >= MT_PREFIX_CHAIN && byte != 0x15 && byte != 0x16)
        return NULL;
    switch (byte) {
    case 0x00:
        return from_client ? NULL : socks4_answer;
    case 0x04:
        return from_client ? socks4_request : NULL;
    case 0x05:
        return from_client ? socks5_greeting : socks5_method;
    case 'C':
        return from_client ? http_begin : NULL;
    case 'H':
        return from_client ? NULL : http_begin;
    case 'P':
        return from_client && chain == 0 ? header1_line : NULL;
    case 0x0d:
        return from_client && chain == 0 ? header2 : NULL;
    case 0x15:
    case 0x16:
        return tls_record;
    default:
        return NULL;
    }
}

int mt_prefix_may_begin(uint8_t byte, int from_client, int chain)
{
    return step_of(byte, from_client, chain) != NULL;
}

static enum mt_prefix_verdict first_byte(struct mt_prefix *prefix, uint8_t byte)
{
    prefix->step = step_of(byte, prefix->from_client, prefix->chain);
    return prefix->step != NULL ? prefix->step(prefix, byte) : MT_PREFIX_NONE;
}

void mt_prefix_init(struct mt_prefix *prefix, int from_client, int chain)
{
    *prefix = (struct mt_prefix){
        .step = first_byte, .from_client = from_client != 0, .chain = (uint16_t)chain};
}

enum mt_prefix_verdict mt_prefix_read(struct mt_prefix *prefix, uint8_t byte)
{
    prefix->count++;
    return prefix->step(prefix, byte);
}

int mt_prefix_is_header(enum mt_proxy kind)
{
    return kind == MT_PROXY_HEADER1 || kind == MT_PROXY_HEADER2;
}

const char *mt_prefix_text(const struct mt_prefix *prefix, int cut)
{
    static const char *const texts[MT_PROXY_COUNT][2] = {
        [MT_PROXY_SOCKS4] = {"SOCKS4 answer", "SOCKS4 request"},
        [MT_PROXY_SOCKS4A] = {"SOCKS4 answer", "SOCKS4a request"},
        [MT_PROXY_SOCKS5] = {"SOCKS5 answer", "SOCKS5 request"},
        [MT_PROXY_CONNECT] = {"HTTP CONNECT response", "HTTP CONNECT request"},
        [MT_PROXY_HEADER1] = {"PROXY header, version 1", "PROXY header, version 1"},
        [MT_PROXY_HEADER2] = {"PROXY header, version 2", "PROXY header, version 2"},
    };
    return cut ? "the beginning of a proxy's prefix" : texts[prefix->kind][prefix->from_client];
}
