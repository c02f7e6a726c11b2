/* _core.epee_loads: one epee payload as Python objects. */
#ifndef MT_PYTHON_EPEE_LOADS_H
#define MT_PYTHON_EPEE_LOADS_H

#include <Python.h>

/* epee_loads(payload, types): a dict of the root section's entries in their order. `payload` is any
 * contiguous buffer. `types` is a tuple of 16, by epee type: a scalar `value` of type t is
 * types[t](value), or the value itself (int, float, bytes, bool) where that is None, in arrays,
 * too; an array is types[13](list, type of its elements), or the list; an object is a dict. Keys
 * are str, decoded as UTF-8 with surrogateescape. ValueError where monerod's reader would refuse
 * the payload, saying why and at which byte; what types[...] raise passes through. */
PyObject *mt_py_epee_loads(PyObject *module, PyObject *args);

#endif
