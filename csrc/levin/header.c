#include "levin/header.h"

#include "base/bytes.h"
#include "base/command.h"
#include "base/epee_signature.h"
#include "base/vocabulary.h"

const uint8_t mt_signature[MT_SIGNATURE_SIZE] = {0x01, 0x21, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01};

struct mt_header mt_header_read(const uint8_t *bytes)
{
    uint32_t code = mt_le32(bytes + 21);
    struct mt_header header = {
        .length = mt_le64(bytes + 8),
        .expects_response = bytes[16],
        .command = mt_le32(bytes + 17),
        .flags = mt_le32(bytes + 25),
        .version = mt_le32(bytes + 29),
    };
    memcpy(&header.return_code, &code, sizeof code);
    return header;
}

int mt_header_kind(const struct mt_header *header)
{
    if ((header->flags & (MT_FLAG_REQUEST | MT_FLAG_RESPONSE)) == 0)
        return (header->flags & MT_FLAG_BEGIN) != 0 && (header->flags & MT_FLAG_END) != 0
                   ? MT_KIND_NOISE
                   : -1;
    if ((header->flags & MT_FLAG_RESPONSE) != 0 && header->version == 1)
        return MT_KIND_RESPONSE;
    return header->expects_response != 0 ? MT_KIND_REQUEST : MT_KIND_NOTIFICATION;
}

int mt_header_has_payload(const struct mt_header *header, int kind)
{
    return kind >= 0 && kind != MT_KIND_NOISE && mt_command_known(header->command) &&
           !(kind == MT_KIND_RESPONSE && header->return_code < 0);
}

int mt_signature_matches(const uint8_t *bytes, size_t size)
{
    return memcmp(bytes, mt_signature, size < MT_SIGNATURE_SIZE ? size : MT_SIGNATURE_SIZE) == 0;
}

static int plausible(const struct mt_header *header, uint64_t limit)
{
    static const uint32_t known_flags = 1u << 0 | 1u << 1 | 1u << 2 | 1u << 4 | 1u << 8 | 1u << 12;
    if (header->version != 1 || header->expects_response > 1 || header->flags > 12 ||
        (known_flags >> header->flags & 1) == 0)
        return 0;
    if (header->length > limit || header->length > mt_command_limit(header->command))
        return 0;
    if (header->flags != MT_FLAG_REQUEST && header->flags != MT_FLAG_RESPONSE)
        return header->command == 0; /* fragments and noise */
    if (!mt_command_known(header->command))
        return 0;
    return header->length > MT_EPEE_HEADER ||
           (header->length == 0 && header->flags == MT_FLAG_RESPONSE && header->return_code < 0);
}

enum mt_verdict mt_header_sound(const uint8_t *bytes, size_t size, uint64_t limit)
{
    if (!mt_signature_matches(bytes, size))
        return MT_UNSOUND;
    if (size < MT_HEADER_SIZE)
        return MT_UNDECIDED;
    struct mt_header header = mt_header_read(bytes);
    if (!plausible(&header, limit))
        return MT_UNSOUND;
    if (header.length == 0 || (header.flags != MT_FLAG_REQUEST && header.flags != MT_FLAG_RESPONSE))
        return MT_SOUND;
    size_t body = size - MT_HEADER_SIZE < MT_EPEE_HEADER ? size - MT_HEADER_SIZE : MT_EPEE_HEADER;
    if (memcmp(bytes + MT_HEADER_SIZE, mt_epee_header, body) != 0)
        return MT_UNSOUND;
    return body == MT_EPEE_HEADER ? MT_SOUND : MT_UNDECIDED;
}
