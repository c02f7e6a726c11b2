/* Reads a payload as monerod's structs: passes the known fields to a callback one by one, and notes
 * on the way how the writer differs from monerod's (docs/fingerprint.md). Knows the schema, but not
 * what a field means. Used by the decoders of p2p.
 *
 * Results of all functions and callbacks: MT_OK, MT_MALFORMED (monerod refuses the payload;
 * reader->epee.why is the reason) or MT_NOMEM. */
#ifndef MT_P2P_STRUCT_READER_H
#define MT_P2P_STRUCT_READER_H

#include "epee/epee.h"
#include "p2p/message_schema.h"
#include "tables/rows.h"

#include <stdint.h>

struct mt_fingerprint {
    uint64_t skeleton; /* of the section being read, so far */
    uint64_t odd;      /* skeletons of elements of arrays that are not as monerod's */
    uint32_t unknown_keys, other_types, default_fields;
};

struct mt_payload_reader {
    struct mt_epee epee;
    struct mt_fingerprint fingerprint;
};

/* A payload and which struct of the schema it holds. `bytes` must outlive the reader. */
struct mt_payload {
    const uint8_t *bytes;
    size_t size;
    uint32_t command;
    int response; /* 0: a request or notification */
};

/* Reads one field of a section: its value must be read, entered or skipped when the callback
 * returns. `context` is the caller's. */
typedef int mt_read_field(void *context, const struct mt_schema_field *field,
                          const struct mt_epee_entry *entry);

/* Reads a whole payload. `reader` needs no initialisation. */
int mt_read_payload(struct mt_payload_reader *reader, const struct mt_payload *payload,
                    const struct mt_epee_limits *limits, mt_read_field *read_field, void *context);

/* Reads the object that mt_epee_next just returned, to its end, as a struct of that schema. */
int mt_read_object(struct mt_payload_reader *reader, const struct mt_epee_entry *object,
                   const struct mt_message_schema *schema, mt_read_field *read_field,
                   void *context);

/* Reads the next element of the array of objects that mt_epee_next just returned. */
int mt_read_element(struct mt_payload_reader *reader, const struct mt_epee_entry *list,
                    const struct mt_message_schema *schema, mt_read_field *read_field,
                    void *context);

/* Skips a field without a column, after the check whether monerod would accept its value. */
int mt_check_field(struct mt_payload_reader *reader, const struct mt_schema_field *field,
                   const struct mt_epee_entry *entry);

/* Sets the fingerprint columns of the message's row. `result` is that of mt_read_payload. */
void mt_set_fingerprint(const struct mt_payload_reader *reader, int result,
                        struct mt_message_row *row);

#endif
