/* Owns the exchange of interned addresses with Python: as texts, and packed, to become texts later.
 * Used by reader.c and module.c. */
#ifndef MT_PYTHON_ADDRESSES_H
#define MT_PYTHON_ADDRESSES_H

#include <Python.h>

#include "core.h"

/* A new reference to the text of a code that was given; NULL with an exception set. */
PyObject *mt_py_address(const struct mt_addresses *addresses, int32_t code);

/* A new tuple of the packed addresses of the codes from `start` on, as bytes, and a list of the
 * texts of the host names among them; NULL with an exception set. */
PyObject *mt_py_packed_addresses(const struct mt_addresses *addresses, size_t start);

/* The method address_texts of the module. */
PyObject *mt_py_address_texts(PyObject *module, PyObject *args);

#endif
