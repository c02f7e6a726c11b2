/* Owns the type Reader, one run of the core. Used by module.c. */
#ifndef MT_PYTHON_READER_H
#define MT_PYTHON_READER_H

#include <Python.h>

/* Creates the type for this module: returns a new reference, or NULL with an exception set. */
PyObject *mt_py_reader_type(PyObject *module);

#endif
