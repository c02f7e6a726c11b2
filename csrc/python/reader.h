/* The type Reader: one run of the core. */
#ifndef MT_PYTHON_READER_H
#define MT_PYTHON_READER_H

#include <Python.h>

/* Makes the type for this module. A new reference, or NULL with an exception set. */
PyObject *mt_py_reader_type(PyObject *module);

#endif
