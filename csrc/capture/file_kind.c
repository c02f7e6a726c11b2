/* Kinds of files that people give in place of captures, by their magic. */
#include "capture/file_kind.h"

#include <string.h>

static const struct {
    const char *magic;
    size_t size;
    const char *name;
} kinds[] = {
    {"\xfd\x37\x7a\x58\x5a", 5, "xz-compressed data, for which there is no decoder"},
    {"\x1f\x8b", 2, "gzip-compressed data within compressed data: decompress it once (gzip -d)"},
    {"\x28\xb5\x2f\xfd", 4, "zstd-compressed data within compressed data: decompress it once"},
    {"BZh", 3, "bzip2-compressed data, for which there is no decoder"},
    {"\x04\x22\x4d\x18", 4, "lz4-compressed data, for which there is no decoder"},
    {"\x02\x21\x4c\x18", 4,
     "lz4-compressed data of the legacy format: decompress it first (lz4 -d)"},
    {"LZIP", 4, "lzip-compressed data: decompress it first (lzip -d)"},
    {"\x1f\x9d", 2, "data of compress: decompress it first (uncompress)"},
    {"PK\x03\x04", 4, "a zip archive: extract the captures first"},
    {"7z\xbc\xaf\x27\x1c", 6, "a 7z archive: extract the captures first"},
    {"Rar!", 4, "a rar archive: extract the captures first"},
    {"SQLite format 3", 15, "an SQLite database"},
    {"PAR1", 4, "a Parquet file"},
    {"%PDF", 4, "a PDF document"},
    {"\x7f\x45\x4c\x46", 4, "a program"},
    {"snoop\0\0\0", 8, "a snoop capture: convert it first (editcap -F pcapng)"},
    {"GMBU", 4, "a Network Monitor capture: convert it first (editcap -F pcapng)"},
    {"RTSS", 4, "a Network Monitor capture: convert it first (editcap -F pcapng)"},
    {"TRSNIFF data", 12, "a Sniffer capture: convert it first (editcap -F pcapng)"},
    {"XCP\0", 4, "a NetXRay capture: convert it first (editcap -F pcapng)"},
    {"<?xml", 5, "an XML document"},
    {"\xff\xfe", 2, "text in UTF-16"},
    {"\xfe\xff", 2, "text in UTF-16"},
};
enum { TAR_MAGIC = 257 };

static int is_space(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static int is_text(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if ((bytes[i] < ' ' && !is_space(bytes[i])) || bytes[i] == 0x7f)
            return 0;
    return 1;
}

static int is_html(const uint8_t *bytes, size_t size)
{
    size_t at = 0;
    while (at < size && is_space(bytes[at]))
        at++;
    return size - at > 5 && (memcmp(bytes + at, "<!", 2) == 0 || memcmp(bytes + at, "<h", 2) == 0 ||
                             memcmp(bytes + at, "<H", 2) == 0);
}

const char *mt_file_kind(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (size >= kinds[i].size && memcmp(bytes, kinds[i].magic, kinds[i].size) == 0)
            return kinds[i].name;
    if (size > TAR_MAGIC + 5 && memcmp(bytes + TAR_MAGIC, "ustar", 5) == 0)
        return "a tar archive: extract the captures first";
    if (!is_text(bytes, size))
        return NULL;
    return is_html(bytes, size) ? "an HTML page" : "text";
}
