#include "epee/epee_value.h"

#include "base/bytes.h"

static const char wrong_type[] = "field of a wrong type";
static const char out_of_range[] = "number out of its field's range";

/* The bits of an integer entry as two's complement of 64 bits; *is_signed says that its type has a
 * sign. 0 if the entry is not an integer. */
static int integer_bits(const struct mt_epee_entry *entry, uint64_t *bits, int *is_signed)
{
    const uint8_t *p = entry->value;
    *is_signed = 0;
    switch (entry->type) {
    case MT_EPEE_UINT64:
        *bits = mt_le64(p);
        return 1;
    case MT_EPEE_UINT32:
        *bits = mt_le32(p);
        return 1;
    case MT_EPEE_UINT16:
        *bits = mt_le16(p);
        return 1;
    case MT_EPEE_UINT8:
        *bits = *p;
        return 1;
    default:
        break;
    }
    *is_signed = 1;
    switch (entry->type) {
    case MT_EPEE_INT64:
        *bits = mt_le64(p);
        return 1;
    case MT_EPEE_INT32:
        *bits = (uint64_t)(int32_t)mt_le32(p);
        return 1;
    case MT_EPEE_INT16:
        *bits = (uint64_t)(int16_t)mt_le16(p);
        return 1;
    case MT_EPEE_INT8:
        *bits = (uint64_t)(int8_t)*p;
        return 1;
    default:
        return 0;
    }
}

/* A number of any integer type: `bits` as two's complement, `negative` if it is below 0. */
static int integer(struct mt_epee *reader, const struct mt_epee_entry *entry, uint64_t *bits,
                   int *negative)
{
    int is_signed;
    if (entry->is_array || !integer_bits(entry, bits, &is_signed))
        return mt_epee_refuse(reader, wrong_type);
    *negative = is_signed && *bits >> 63 != 0;
    return MT_OK;
}

static int unsigned_up_to(struct mt_epee *reader, const struct mt_epee_entry *entry, uint64_t most,
                          uint64_t *value)
{
    int negative;
    if (integer(reader, entry, value, &negative) != MT_OK)
        return MT_MALFORMED;
    if (negative || *value > most)
        return mt_epee_refuse(reader, out_of_range);
    return MT_OK;
}

int mt_epee_u8(struct mt_epee *reader, const struct mt_epee_entry *entry, uint8_t *value)
{
    uint64_t wide;
    if (unsigned_up_to(reader, entry, UINT8_MAX, &wide) != MT_OK)
        return MT_MALFORMED;
    *value = (uint8_t)wide;
    return MT_OK;
}

int mt_epee_u16(struct mt_epee *reader, const struct mt_epee_entry *entry, uint16_t *value)
{
    uint64_t wide;
    if (unsigned_up_to(reader, entry, UINT16_MAX, &wide) != MT_OK)
        return MT_MALFORMED;
    *value = (uint16_t)wide;
    return MT_OK;
}

int mt_epee_u32(struct mt_epee *reader, const struct mt_epee_entry *entry, uint32_t *value)
{
    uint64_t wide;
    if (unsigned_up_to(reader, entry, UINT32_MAX, &wide) != MT_OK)
        return MT_MALFORMED;
    *value = (uint32_t)wide;
    return MT_OK;
}

int mt_epee_i64(struct mt_epee *reader, const struct mt_epee_entry *entry, int64_t *value)
{
    uint64_t bits;
    int negative;
    if (integer(reader, entry, &bits, &negative) != MT_OK)
        return MT_MALFORMED;
    if (!negative && bits > INT64_MAX)
        return mt_epee_refuse(reader, out_of_range);
    *value = (int64_t)bits;
    return MT_OK;
}

/* ---- numbers in text ---- */

static int digits_only(const uint8_t *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9')
            return 0;
    }
    return 1;
}

static int decimal(struct mt_epee *reader, const uint8_t *text, uint64_t size, uint64_t *value)
{
    if (size == 0)
        return mt_epee_refuse(reader, wrong_type);
    *value = 0;
    for (uint64_t i = 0; i < size; i++) {
        if (__builtin_mul_overflow(*value, (uint64_t)10, value) ||
            __builtin_add_overflow(*value, (uint64_t)(text[i] - '0'), value))
            return mt_epee_refuse(reader, out_of_range);
    }
    return MT_OK;
}

static int64_t number_at(const uint8_t *text, size_t size)
{
    int64_t number = 0;
    for (size_t i = 0; i < size; i++)
        number = number * 10 + (text[i] - '0');
    return number;
}

/* Days from 1970-01-01 to a date of the Gregorian calendar; the year is taken to begin in March, so
 * that the leap day is its last. */
static int64_t days_to(int64_t year, int64_t month, int64_t day)
{
    if (month <= 2)
        year--;
    int64_t cycle = (year >= 0 ? year : year - 399) / 400;
    int64_t in_cycle = year - cycle * 400;
    int64_t in_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return cycle * 146097 + in_cycle * 365 + in_cycle / 4 - in_cycle / 100 + in_year - 719468;
}

/* YYYY-MM-DDThh:mm:ssZ as monerod's pattern has it: [01], [0-3], [0-2], [0-5], [0-5] as first
 * digits after the year. */
static int looks_like_time(const uint8_t *text, uint64_t size)
{
    static const char pattern[] =
        "9999-19-39T29:59:59Z"; /* the greatest character allowed where a digit stands */
    if (size != sizeof pattern - 1)
        return 0;
    for (size_t i = 0; i < sizeof pattern - 1; i++) {
        int digit = pattern[i] >= '0' && pattern[i] <= '9';
        if (digit ? text[i] < '0' || text[i] > (uint8_t)pattern[i] : text[i] != (uint8_t)pattern[i])
            return 0;
    }
    return 1;
}

static uint64_t time_in(const uint8_t *text)
{
    int64_t month = number_at(text + 5, 2), day = number_at(text + 8, 2),
            hour = number_at(text + 11, 2);
    if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23)
        return 0;
    int64_t days = days_to(number_at(text, 4), month, day);
    return (uint64_t)(days * 86400 + hour * 3600 + number_at(text + 14, 2) * 60 +
                      number_at(text + 17, 2));
}

int mt_epee_u64(struct mt_epee *reader, const struct mt_epee_entry *entry, uint64_t *value)
{
    if (entry->type != MT_EPEE_STRING || entry->is_array)
        return unsigned_up_to(reader, entry, UINT64_MAX, value);
    if (digits_only(entry->value, (size_t)entry->size))
        return decimal(reader, entry->value, entry->size, value);
    if (!looks_like_time(entry->value, entry->size))
        return mt_epee_refuse(reader, wrong_type);
    *value = time_in(entry->value);
    return MT_OK;
}

/* ---- the rest ---- */

int mt_epee_bool(struct mt_epee *reader, const struct mt_epee_entry *entry, uint8_t *value)
{
    if (entry->type != MT_EPEE_BOOL || entry->is_array)
        return mt_epee_refuse(reader, wrong_type);
    *value = *entry->value;
    return MT_OK;
}

int mt_epee_string(struct mt_epee *reader, const struct mt_epee_entry *entry)
{
    if (entry->type != MT_EPEE_STRING || entry->is_array)
        return mt_epee_refuse(reader, wrong_type);
    return MT_OK;
}

int mt_epee_strings(struct mt_epee *reader, const struct mt_epee_entry *entry)
{
    if (entry->is_array && entry->count != 0 && entry->type != MT_EPEE_STRING)
        return mt_epee_refuse(reader, "array of another type than strings");
    return MT_OK;
}

int mt_epee_blob(struct mt_epee *reader, const struct mt_epee_entry *entry, size_t size,
                 const uint8_t **value)
{
    if (mt_epee_string(reader, entry) != MT_OK)
        return MT_MALFORMED;
    *value = entry->size == size ? entry->value : NULL;
    return MT_OK;
}
