/* Owns the use of numpy: array.c is the only file that includes numpy's C API. Used by the other
 * files of the binding. */
#ifndef MT_PYTHON_ARRAY_H
#define MT_PYTHON_ARRAY_H

#include <Python.h>

#include "core.h"

#include <stddef.h>

/* Loads numpy's C API; has to be called before the other functions. Returns 0, or -1 with an
 * exception set. */
int mt_py_import_numpy(void);

/* Returns the numpy dtype of a table's rows, with names, offsets and item size of the C struct: a
 * new reference, or NULL with an exception set. */
PyObject *mt_py_dtype(const struct mt_schema *schema);

/* Returns a writable one-dimensional structured array over `count` rows: a new reference, or NULL
 * with an exception set. Owns `rows` from then on, also on failure, and releases them with mt_free.
 * With `rows` NULL the array is empty. */
PyObject *mt_py_array(PyObject *dtype, void *rows, size_t count);

#endif
