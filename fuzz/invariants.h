/* What must hold of the tables, whatever the bytes were. */
#ifndef FUZZ_INVARIANTS_H
#define FUZZ_INVARIANTS_H

#include "tables/address.h"
#include "tables/intern.h"
#include "tables/table.h"

/* A sentence on stderr and abort() unless `condition`. */
#define MUST(condition, text) ((condition) ? (void)0 : fuzz_fail(__FILE__, __LINE__, text))
void fuzz_fail(const char *file, int line, const char *text) __attribute__((noreturn));

/* Tables of a run that is over: ids in order, rows of tables below `messages` belong to one, codes
 * stand for something, and every byte of every stream is accounted for (architecture.md: the
 * tiling), if `messages` is wanted. Aborts otherwise. */
void check_tables(const struct mt_table tables[MT_TABLE_COUNT],
                  const struct mt_addresses *addresses, const struct mt_intern *strings);

#endif
