/* numpy: array.c is the only file that knows its C API. */
#ifndef MT_PYTHON_ARRAY_H
#define MT_PYTHON_ARRAY_H

#include <Python.h>

#include "core.h"

#include <stddef.h>

/* Loads numpy's C API; before anything else here. 0, or -1 with an exception set. */
int mt_py_import_numpy(void);

/* The numpy dtype of a table's rows: names, offsets and item size of the C struct. A new reference,
 * or NULL with an exception set. */
PyObject *mt_py_dtype(const struct mt_schema *schema);

/* A writable one-dimensional structured array over `count` rows, which it takes over whether it
 * succeeds or not (mt_free); `rows` NULL: an empty array. A new reference, or NULL with an
 * exception set. */
PyObject *mt_py_array(PyObject *dtype, void *rows, size_t count);

#endif
