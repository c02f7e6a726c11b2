#include "python/array.h"

/* numpy accesses its C API through one static pointer per C file that includes this header. It is
 * the only static variable of the binding that is written, once, at import. */
#define NPY_NO_DEPRECATED_API NPY_2_0_API_VERSION
#define NPY_TARGET_VERSION NPY_2_0_API_VERSION
#include <numpy/arrayobject.h>

#include "base/mem.h"

#define CAPSULE_NAME "monerotraffic.rows"

int mt_py_import_numpy(void)
{
    return PyArray_ImportNumPyAPI();
}

/* Fills the three lists that describe a struct to numpy. Returns 0, or -1 with an exception set. */
static int describe(const struct mt_schema *schema, PyObject *names, PyObject *formats,
                    PyObject *offsets)
{
    for (int i = 0; i < schema->count; i++) {
        const struct mt_field *field = &schema->fields[i];
        PyObject *name = PyUnicode_FromString(field->name);
        PyObject *format = PyUnicode_FromFormat("<%c%d", field->code, (int)field->size);
        PyObject *offset = PyLong_FromLong(field->offset);
        int failed = name == NULL || format == NULL || offset == NULL ||
                     PyList_Append(names, name) < 0 || PyList_Append(formats, format) < 0 ||
                     PyList_Append(offsets, offset) < 0;
        Py_XDECREF(name);
        Py_XDECREF(format);
        Py_XDECREF(offset);
        if (failed)
            return -1;
    }
    return 0;
}

PyObject *mt_py_dtype(const struct mt_schema *schema)
{
    PyObject *names = PyList_New(0), *formats = PyList_New(0), *offsets = PyList_New(0);
    PyObject *description = NULL;
    if (names != NULL && formats != NULL && offsets != NULL &&
        describe(schema, names, formats, offsets) == 0)
        description = Py_BuildValue("{s:O,s:O,s:O,s:i}", "names", names, "formats", formats,
                                    "offsets", offsets, "itemsize", (int)schema->row_size);
    Py_XDECREF(names);
    Py_XDECREF(formats);
    Py_XDECREF(offsets);
    if (description == NULL)
        return NULL;
    PyArray_Descr *dtype = NULL;
    int converted = PyArray_DescrConverter(description, &dtype);
    Py_DECREF(description);
    return converted ? (PyObject *)dtype : NULL;
}

static void free_rows(PyObject *capsule)
{
    mt_free(PyCapsule_GetPointer(capsule, CAPSULE_NAME));
}

PyObject *mt_py_array(PyObject *dtype, void *rows, size_t count)
{
    PyObject *owner = NULL;
    if (rows != NULL) {
        owner = PyCapsule_New(rows, CAPSULE_NAME, free_rows);
        if (owner == NULL) {
            mt_free(rows);
            return NULL;
        }
    }
    npy_intp length = rows != NULL ? (npy_intp)count : 0;
    Py_INCREF(dtype); /* numpy steals this reference, even on failure */
    PyObject *array = PyArray_NewFromDescr(&PyArray_Type, (PyArray_Descr *)dtype, 1, &length, NULL,
                                           rows, rows != NULL ? NPY_ARRAY_CARRAY : 0, NULL);
    if (array == NULL || owner == NULL) {
        Py_XDECREF(owner);
        return array;
    }
    if (PyArray_SetBaseObject((PyArrayObject *)array, owner) < 0) { /* steals too */
        Py_DECREF(array);
        return NULL;
    }
    return array;
}
