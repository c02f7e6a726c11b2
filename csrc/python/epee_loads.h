/* Owns _core.epee_loads, which decodes one epee payload to Python objects. Independent of captures,
 * messages and tables. Used by module.c. */
#ifndef MT_PYTHON_EPEE_LOADS_H
#define MT_PYTHON_EPEE_LOADS_H

#include <Python.h>

/* epee_loads(payload, types) returns a dict of the entries of the root section in their order.
 * `payload` is any contiguous buffer. `types` is a tuple of 16 callables or None, by epee type. A
 * scalar `value` of type t becomes types[t](value), also in arrays, or stays an int, float, bytes
 * or bool if types[t] is None. An array becomes types[13](list, type of its elements), or stays a
 * list. An object is a dict. Keys are str, decoded as UTF-8 with surrogateescape. Raises ValueError
 * with reason and byte offset where monerod's reader would reject the payload. Exceptions of the
 * callables are passed on. */
PyObject *mt_py_epee_loads(PyObject *module, PyObject *args);

#endif
