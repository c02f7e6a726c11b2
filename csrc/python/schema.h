/* The field table, the limits and the command names, told to Python. */
#ifndef MT_PYTHON_SCHEMA_H
#define MT_PYTHON_SCHEMA_H

#include <Python.h>

#include "core.h"

#include <stdint.h>

/* Number of the table of that name, -1 with ValueError (naming those there are) or another
 * exception set. */
int mt_py_table_id(PyObject *name);

/* Sets the limit of that name. 0, or -1 with ValueError (unknown name, value negative or too large)
 * or TypeError set. */
int mt_py_set_limit(struct mt_limits *limits, PyObject *name, PyObject *value);

/* dict of the limits' names and how often each was reached. NULL with an exception set. */
PyObject *mt_py_reached(const struct mt_core *core);

/* Module functions, METH_NOARGS but for the last, METH_O. */
PyObject *mt_py_schema(PyObject *module, PyObject *ignored);
PyObject *mt_py_limits(PyObject *module, PyObject *ignored);
PyObject *mt_py_command_names(PyObject *module, PyObject *ignored);
PyObject *mt_py_command_name(PyObject *module, PyObject *command);

#endif
