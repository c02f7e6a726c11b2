/* Decoders of xz, bzip2 and lz4: Python's modules lzma and bz2 and, where it is installed,
 * lz4.frame, for the input of captures. Must not know what the bytes mean. Used by module.c. */
#ifndef MT_PYTHON_CODECS_H
#define MT_PYTHON_CODECS_H

#include "capture/input.h"

/* To be set as mt_input_codecs. Its functions take the GIL, which the reading thread does not
 * hold. */
extern const struct mt_codecs mt_py_codecs;

/* Imports the modules, so that a thread with a small stack need not. Modules that are missing are
 * left out. */
void mt_py_import_codecs(void);

#endif
