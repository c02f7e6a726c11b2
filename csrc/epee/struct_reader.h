/* A payload read as monerod's structs: known fields are handed out one by one, and on the way it is
 * noted how far the sender's writer is from monerod's (docs/fingerprint.md).
 *
 * Results of all functions, and of those that take fields: MT_OK, MT_MALFORMED (monerod refuses the
 * payload; payload->epee.why says why) or MT_NOMEM. */
#ifndef MT_EPEE_STRUCT_READER_H
#define MT_EPEE_STRUCT_READER_H

#include "epee/epee.h"
#include "epee/message_schema.h"
#include "tables/rows.h"

#include <stdint.h>

struct mt_fingerprint {
    uint64_t skeleton; /* of the section being read, so far */
    uint64_t odd;      /* skeletons of elements of arrays that are not as monerod's */
    uint32_t unknown_keys, other_types, default_fields;
};

struct mt_payload {
    struct mt_epee epee;
    struct mt_fingerprint fingerprint;
};

/* Takes one field of a section, whose value must be read, entered or skipped when it returns.
 * `context` is the caller's. */
typedef int mt_take_field(void *context, const struct mt_shape_field *field,
                          const struct mt_epee_entry *entry);

/* Reads a whole payload, which begins at `bytes` and must stay there. `payload` needs no beginning.
 */
int mt_section_payload(struct mt_payload *payload, const uint8_t *bytes, size_t size,
                       const struct mt_epee_limits *limits, uint32_t command, int response,
                       mt_take_field *take, void *context);

/* Reads the object that mt_epee_next just gave to its end, as a struct of that shape. */
int mt_section_object(struct mt_payload *payload, const struct mt_epee_entry *object,
                      const struct mt_shape *shape, mt_take_field *take, void *context);

/* Reads the next element of the array of objects that mt_epee_next just gave. */
int mt_section_element(struct mt_payload *payload, const struct mt_epee_entry *list,
                       const struct mt_shape *shape, mt_take_field *take, void *context);

/* Reads a field that nobody asks for: only whether monerod would take it. */
int mt_section_check(struct mt_payload *payload, const struct mt_shape_field *field,
                     const struct mt_epee_entry *entry);

/* The fingerprint columns of the message's row, after mt_section_payload gave `result`. */
void mt_section_fingerprint(const struct mt_payload *payload, int result,
                            struct mt_message_row *row);

#endif
