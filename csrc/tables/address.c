#include "tables/address.h"

#include "base/mem.h"

#include <arpa/inet.h>
#include <string.h>

enum { MANY_SLOTS = 1 << 16 }; /* below that, a table grows by 4 */
enum { IP_TEXT = 64 };         /* the longest, ffff:…:ffff, has 39 characters */

static struct mt_ipv4_slot free_slots[2] = {{0, MT_NO_CODE}, {0, MT_NO_CODE}}; /* never written */

void mt_addresses_init(struct mt_addresses *addresses, size_t limit)
{
    *addresses = (struct mt_addresses){
        .ipv4 = free_slots, .key = mt_hash_key(), .ipv4_mask = 1, .ipv4_shift = 63};
    mt_intern_init(&addresses->names, limit);
}

void mt_addresses_free(struct mt_addresses *addresses)
{
    mt_intern_free(&addresses->names);
    if (addresses->ipv4 != free_slots)
        mt_free(addresses->ipv4);
    mt_free(addresses->ipv6);
    *addresses = (struct mt_addresses){.ipv4 = free_slots, .ipv4_mask = 1, .ipv4_shift = 63};
}

size_t mt_addresses_count(const struct mt_addresses *addresses)
{
    return addresses->names.count;
}

/* ---- codes ---- */

/* Interns an IP address that is not in the table of its version. */
static int append_ip(struct mt_addresses *addresses, char kind, const uint8_t *bytes, size_t size,
                     int32_t *code)
{
    char tagged[1 + 16];
    tagged[0] = kind;
    memcpy(tagged + 1, bytes, size);
    return mt_intern_append(&addresses->names, tagged, 1 + size, code);
}

static int put_name(struct mt_addresses *addresses, const void *name, size_t size, int32_t *code)
{
    char tagged[1 + MT_ADDRESS_TEXT];
    tagged[0] = 'n';
    if (size != 0)
        memcpy(tagged + 1, name, size);
    return mt_intern_put(&addresses->names, tagged, 1 + size, code);
}

/* Puts an address that is not in the table, and has a slot, into it. */
static void place(struct mt_addresses *addresses, uint32_t address, int32_t code)
{
    size_t slot = (size_t)(mt_hash_mix(addresses->key, address) >> addresses->ipv4_shift);
    while (addresses->ipv4[slot].code >= 0)
        slot = (slot + 1) & addresses->ipv4_mask;
    addresses->ipv4[slot] = (struct mt_ipv4_slot){address, code};
}

static size_t grown_count(size_t count)
{
    if (count == 0)
        return 64;
    return count < MANY_SLOTS ? count * 4 : count * 2;
}

static int grow(struct mt_addresses *addresses)
{
    struct mt_ipv4_slot *old = addresses->ipv4;
    size_t old_count = old != free_slots ? addresses->ipv4_mask + 1 : 0;
    size_t count = grown_count(old_count);
    struct mt_ipv4_slot *slots = mt_resize(NULL, count, sizeof *slots);
    if (slots == NULL)
        return MT_NOMEM;
    for (size_t slot = 0; slot < count; slot++)
        slots[slot] = (struct mt_ipv4_slot){0, MT_NO_CODE};
    addresses->ipv4 = slots;
    addresses->ipv4_mask = count - 1;
    addresses->ipv4_shift = (unsigned)(64 - __builtin_ctzll(count));
    for (size_t slot = 0; slot < old_count; slot++)
        if (old[slot].code >= 0)
            place(addresses, old[slot].address, old[slot].code);
    if (old_count != 0)
        mt_free(old);
    return MT_OK;
}

int mt_address_ipv4_new(struct mt_addresses *addresses, const uint8_t bytes[4], int32_t *code)
{
    /* Room first: an address must never be interned and not be in the table. */
    if ((addresses->ipv4 == free_slots ||
         addresses->ipv4_count >= (addresses->ipv4_mask + 1) / 2) &&
        grow(addresses) != MT_OK)
        return MT_NOMEM;
    int result = append_ip(addresses, '4', bytes, 4, code);
    if (result == MT_OK && *code != MT_NO_CODE) {
        place(addresses, mt_le32(bytes), *code);
        addresses->ipv4_count++;
    }
    return result;
}

/* Slot of an IPv6 address, or the free slot where it belongs. There must be slots. */
static struct mt_ipv6_slot *find_ipv6(const struct mt_addresses *addresses, uint64_t low,
                                      uint64_t high)
{
    size_t slot = (size_t)mt_hash_ipv6(addresses->key, low, high, 0);
    for (;; slot++) {
        struct mt_ipv6_slot *known = &addresses->ipv6[slot & addresses->ipv6_mask];
        if (known->code < 0 || (known->low == low && known->high == high))
            return known;
    }
}

static int grow_ipv6(struct mt_addresses *addresses)
{
    struct mt_ipv6_slot *old = addresses->ipv6;
    size_t old_count = old != NULL ? addresses->ipv6_mask + 1 : 0, count = grown_count(old_count);
    struct mt_ipv6_slot *slots = mt_resize(NULL, count, sizeof *slots);
    if (slots == NULL)
        return MT_NOMEM;
    for (size_t slot = 0; slot < count; slot++)
        slots[slot] = (struct mt_ipv6_slot){.code = MT_NO_CODE};
    addresses->ipv6 = slots;
    addresses->ipv6_mask = count - 1;
    for (size_t slot = 0; slot < old_count; slot++)
        if (old[slot].code >= 0)
            *find_ipv6(addresses, old[slot].low, old[slot].high) = old[slot];
    mt_free(old);
    return MT_OK;
}

int mt_address_ipv6(struct mt_addresses *addresses, const uint8_t bytes[16], int32_t *code)
{
    if ((addresses->ipv6 == NULL || addresses->ipv6_count > addresses->ipv6_mask / 2) &&
        grow_ipv6(addresses) != MT_OK)
        return MT_NOMEM;
    uint64_t low = mt_le64(bytes), high = mt_le64(bytes + 8);
    struct mt_ipv6_slot *slot = find_ipv6(addresses, low, high);
    if (slot->code >= 0) {
        *code = slot->code;
        return MT_OK;
    }
    int result = append_ip(addresses, '6', bytes, 16, code);
    if (result == MT_OK && *code != MT_NO_CODE) {
        *slot = (struct mt_ipv6_slot){low, high, *code};
        addresses->ipv6_count++;
    }
    return result;
}

int mt_address_ip(struct mt_addresses *addresses, const struct mt_ip *ip, int32_t *code)
{
    return ip->version == 4 ? mt_address_ipv4(addresses, ip->bytes, code)
                            : mt_address_ipv6(addresses, ip->bytes, code);
}

/* ---- text ---- */

static char *write_decimal(char *at, uint8_t value)
{
    if (value >= 100)
        *at++ = (char)('0' + value / 100);
    if (value >= 10)
        *at++ = (char)('0' + value / 10 % 10);
    *at++ = (char)('0' + value % 10);
    return at;
}

static char *write_ipv4(char *at, const uint8_t bytes[4])
{
    for (int i = 0; i < 4; i++) {
        if (i > 0)
            *at++ = '.';
        at = write_decimal(at, bytes[i]);
    }
    return at;
}

/* A group without leading zeros. */
static char *write_group(char *at, unsigned group)
{
    int digits = group > 0xfff ? 4 : group > 0xff ? 3 : group > 0xf ? 2 : 1;
    for (int digit = digits - 1; digit >= 0; digit--)
        *at++ = "0123456789abcdef"[group >> 4 * digit & 15];
    return at;
}

/* Finds the longest run of zero groups, the first of equal ones: returns its start (8 without a
 * run) and its length in *length. A single zero group is not a run (RFC 5952, 4.2.2). */
static int longest_zeros(const uint8_t bytes[16], int *length)
{
    int best = 0, begin = 0;
    *length = 0;
    for (int group = 0; group < 8; group++) {
        if (mt_be16(bytes + 2 * group) != 0)
            begin = group + 1;
        else if (group + 1 - begin > *length) {
            best = begin;
            *length = group + 1 - begin;
        }
    }
    if (*length >= 2)
        return best;
    *length = 0;
    return 8;
}

static char *write_ipv6(char *at, const uint8_t bytes[16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (memcmp(bytes, mapped, sizeof mapped) == 0) {
        memcpy(at, "::ffff:", 7);
        return write_ipv4(at + 7, bytes + 12);
    }
    int zeros, zeros_begin = longest_zeros(bytes, &zeros);
    for (int group = 0; group < 8;) {
        if (group == zeros_begin) {
            *at++ = ':';
            *at++ = ':';
            group += zeros;
            continue;
        }
        if (group != 0 && group != zeros_begin + zeros)
            *at++ = ':';
        at = write_group(at, mt_be16(bytes + 2 * group));
        group++;
    }
    return at;
}

size_t mt_address_text(const struct mt_addresses *addresses, int32_t code, char *text, size_t room)
{
    if (code < 0 || (size_t)code >= addresses->names.count)
        return 0;
    char buffer[IP_TEXT];
    size_t size;
    const uint8_t *known = mt_intern_get(&addresses->names, code, &size);
    const char *from = buffer;
    if (known[0] == '4')
        size = (size_t)(write_ipv4(buffer, known + 1) - buffer);
    else if (known[0] == '6')
        size = (size_t)(write_ipv6(buffer, known + 1) - buffer);
    else {
        from = (const char *)known + 1;
        size--;
    }
    if (size > room)
        size = room;
    if (size != 0)
        memcpy(text, from, size);
    return size;
}

void mt_address_pack(const struct mt_addresses *addresses, int32_t code,
                     uint8_t packed[MT_PACKED_ADDRESS])
{
    size_t size;
    const uint8_t *known = mt_intern_get(&addresses->names, code, &size);
    memset(packed, 0, MT_PACKED_ADDRESS);
    memcpy(packed, known, known[0] == 'n' ? 1 : size);
}

size_t mt_packed_address_text(const uint8_t packed[MT_PACKED_ADDRESS], char *text)
{
    char *end = packed[0] == '4'   ? write_ipv4(text, packed + 1)
                : packed[0] == '6' ? write_ipv6(text, packed + 1)
                                   : text;
    return (size_t)(end - text);
}

/* ---- host names ---- */

/* Returns the IP version of the address whose canonical text is the name, with its bytes in
 * `bytes`; 0 if the name is not an address. */
static int spelt_address(const char *name, size_t size, uint8_t bytes[16])
{
    char text[IP_TEXT], canonical[IP_TEXT];
    if (size >= sizeof text)
        return 0;
    memcpy(text, name, size);
    text[size] = '\0';
    int version = 0;
    char *end = canonical;
    if (inet_pton(AF_INET, text, bytes) == 1) {
        version = 4;
        end = write_ipv4(canonical, bytes);
    } else if (inet_pton(AF_INET6, text, bytes) == 1) {
        version = 6;
        end = write_ipv6(canonical, bytes);
    }
    return (size_t)(end - canonical) == size && memcmp(canonical, text, size) == 0 ? version : 0;
}

int mt_address_name(struct mt_addresses *addresses, const void *name, size_t size, int32_t *code)
{
    uint8_t bytes[16];
    if (size > MT_ADDRESS_TEXT)
        size = MT_ADDRESS_TEXT;
    switch (size != 0 ? spelt_address(name, size, bytes) : 0) {
    case 4:
        return mt_address_ipv4(addresses, bytes, code);
    case 6:
        return mt_address_ipv6(addresses, bytes, code);
    default:
        return put_name(addresses, name, size, code);
    }
}
