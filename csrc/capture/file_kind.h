/* Names what a file is that is not a capture, for the message that refuses it. Must not know how
 * captures are read. Used by libpcap.c. */
#ifndef MT_CAPTURE_FILE_KIND_H
#define MT_CAPTURE_FILE_KIND_H

#include <stddef.h>
#include <stdint.h>

/* The kind of a file by its first `size` bytes ("a zip archive: …", "text"); NULL if it is
 * unknown. */
const char *mt_file_kind(const uint8_t *bytes, size_t size);

#endif
