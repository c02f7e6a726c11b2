/* Invariants of the tables that hold for every input. */
#ifndef FUZZ_INVARIANTS_H
#define FUZZ_INVARIANTS_H

#include "tables/address.h"
#include "tables/intern.h"
#include "tables/table.h"

/* Prints `text` to stderr and aborts unless `condition`. */
#define MUST(condition, text) ((condition) ? (void)0 : fuzz_fail(__FILE__, __LINE__, text))
void fuzz_fail(const char *file, int line, const char *text) __attribute__((noreturn));

/* Checks the tables of a completed run: ids are in order, rows of content tables belong to a
 * message, codes are valid, and, if `messages` is decoded, every byte of every stream is accounted
 * for (architecture.md, accounting). Aborts otherwise. */
void check_tables(const struct mt_table tables[MT_TABLE_COUNT],
                  const struct mt_addresses *addresses, const struct mt_intern *strings);

#endif
