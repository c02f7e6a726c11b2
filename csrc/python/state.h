/* Owns the state of the module. There is no other static state, so that every interpreter that
 * loads the module has its own. */
#ifndef MT_PYTHON_STATE_H
#define MT_PYTHON_STATE_H

#include <Python.h>

#include "core.h"

struct mt_py_state {
    PyObject *reader_type;
    PyObject *capture_error;
    PyObject *dtypes[MT_TABLE_COUNT]; /* numpy dtype of every table's rows */
};

#endif
