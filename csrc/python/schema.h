/* Owns the field table, the limits and the command names as Python objects. Used by module.c and
 * reader.c. */
#ifndef MT_PYTHON_SCHEMA_H
#define MT_PYTHON_SCHEMA_H

#include <Python.h>

#include "core.h"

#include <stdint.h>

/* Returns the number of the table with this name, or -1 with ValueError (which lists the valid
 * names) or another exception set. */
int mt_py_table_id(PyObject *name);

/* Sets the limit with this name. Returns 0, or -1 with ValueError (unknown name, value negative or
 * too large) or TypeError set. */
int mt_py_set_limit(struct mt_limits *limits, PyObject *name, PyObject *value);

/* Returns a dict from the name of each limit to how often it was reached, or NULL with an exception
 * set. */
PyObject *mt_py_reached(const struct mt_core *core);

/* Module functions: METH_NOARGS, the last one METH_O. */
PyObject *mt_py_schema(PyObject *module, PyObject *ignored);
PyObject *mt_py_limits(PyObject *module, PyObject *ignored);
PyObject *mt_py_command_names(PyObject *module, PyObject *ignored);
PyObject *mt_py_command_name(PyObject *module, PyObject *command);

#endif
