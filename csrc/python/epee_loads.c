#define PY_SSIZE_T_CLEAN
#include "python/epee_loads.h"

#include "base/bytes.h"
#include "epee/epee.h"

enum { TYPES = 16 };

struct loading {
    PyObject *types; /* borrowed */
    struct mt_epee reader;
};

static PyObject *refused(const struct loading *loading)
{
    const struct mt_epee *reader = &loading->reader;
    return PyErr_Format(PyExc_ValueError, "%s (at byte %zd)", reader->why,
                        (Py_ssize_t)(reader->at - reader->begin));
}

static PyObject *plain_scalar(const struct mt_epee_entry *entry)
{
    const uint8_t *p = entry->value;
    double number;
    switch (entry->type) {
    case MT_EPEE_INT64:
        return PyLong_FromLongLong((int64_t)mt_le64(p));
    case MT_EPEE_INT32:
        return PyLong_FromLong((int32_t)mt_le32(p));
    case MT_EPEE_INT16:
        return PyLong_FromLong((int16_t)mt_le16(p));
    case MT_EPEE_INT8:
        return PyLong_FromLong((int8_t)*p);
    case MT_EPEE_UINT64:
        return PyLong_FromUnsignedLongLong(mt_le64(p));
    case MT_EPEE_UINT32:
        return PyLong_FromUnsignedLong(mt_le32(p));
    case MT_EPEE_UINT16:
        return PyLong_FromUnsignedLong(mt_le16(p));
    case MT_EPEE_UINT8:
        return PyLong_FromUnsignedLong(*p);
    case MT_EPEE_DOUBLE:
        memcpy(&number, p, sizeof number);
        return PyFloat_FromDouble(number);
    case MT_EPEE_BOOL:
        return PyBool_FromLong(*p);
    default:
        return PyBytes_FromStringAndSize((const char *)p, (Py_ssize_t)entry->size);
    }
}

static PyObject *scalar(struct loading *loading, const struct mt_epee_entry *entry)
{
    PyObject *value = plain_scalar(entry);
    PyObject *type = PyTuple_GetItem(loading->types, entry->type);
    if (value == NULL || type == NULL || type == Py_None)
        return value;
    PyObject *object = PyObject_CallFunctionObjArgs(type, value, NULL);
    Py_DECREF(value);
    return object;
}

static PyObject *section(struct loading *loading);

static PyObject *object(struct loading *loading, const struct mt_epee_entry *entry)
{
    return mt_epee_enter(&loading->reader, entry) == MT_OK ? section(loading) : refused(loading);
}

static PyObject *element(struct loading *loading, const struct mt_epee_entry *array)
{
    struct mt_epee_entry entry;
    if (array->type == MT_EPEE_OBJECT)
        return object(loading, array);
    return mt_epee_element(&loading->reader, array, &entry) == MT_OK ? scalar(loading, &entry)
                                                                     : refused(loading);
}

static PyObject *plain_list(struct loading *loading, const struct mt_epee_entry *entry)
{
    PyObject *list = PyList_New(0);
    for (uint64_t i = 0; list != NULL && i < entry->count; i++) {
        PyObject *item = element(loading, entry);
        if (item == NULL || PyList_Append(list, item) < 0)
            Py_CLEAR(list);
        Py_XDECREF(item);
    }
    return list;
}

static PyObject *array(struct loading *loading, const struct mt_epee_entry *entry)
{
    PyObject *list = plain_list(loading, entry);
    PyObject *type = PyTuple_GetItem(loading->types, MT_EPEE_ARRAY);
    if (list == NULL || type == NULL || type == Py_None)
        return list;
    PyObject *code = PyLong_FromLong(entry->type);
    PyObject *object = code != NULL ? PyObject_CallFunctionObjArgs(type, list, code, NULL) : NULL;
    Py_XDECREF(code);
    Py_DECREF(list);
    return object;
}

static PyObject *value_of(struct loading *loading, const struct mt_epee_entry *entry)
{
    if (entry->is_array)
        return array(loading, entry);
    return entry->type == MT_EPEE_OBJECT ? object(loading, entry) : scalar(loading, entry);
}

static int add_entry(struct loading *loading, PyObject *dict, const struct mt_epee_entry *entry)
{
    PyObject *key =
        PyUnicode_DecodeUTF8((const char *)entry->key, entry->key_size, "surrogateescape");
    PyObject *value = key != NULL ? value_of(loading, entry) : NULL;
    int failed = value == NULL || PyDict_SetItem(dict, key, value) < 0;
    Py_XDECREF(key);
    Py_XDECREF(value);
    return failed ? -1 : 0;
}

/* Reads the innermost open section to its end. The reader limits the recursion to 32 sections. */
static PyObject *section(struct loading *loading)
{
    struct mt_epee_entry entry;
    PyObject *dict = PyDict_New();
    if (dict == NULL)
        return NULL;
    int result;
    while ((result = mt_epee_next(&loading->reader, &entry)) == MT_OK) {
        if (add_entry(loading, dict, &entry) < 0) {
            Py_DECREF(dict);
            return NULL;
        }
    }
    if (result == MT_END)
        return dict;
    Py_DECREF(dict);
    return refused(loading);
}

static PyObject *load(PyObject *types, const void *payload, Py_ssize_t size)
{
    struct loading loading; /* the reader is large and initializes itself */
    loading.types = types;
    if (mt_epee_open(&loading.reader, payload, (size_t)size, &mt_epee_monerod) != MT_OK)
        return refused(&loading);
    return section(&loading);
}

/* The callables in `types` may run any code, and other threads may run: a buffer that they could
 * write to is copied first. */
static PyObject *load_copy(PyObject *types, const void *payload, Py_ssize_t size)
{
    PyObject *copy = PyBytes_FromStringAndSize(payload, size);
    if (copy == NULL)
        return NULL;
    char *bytes = PyBytes_AsString(copy);
    PyObject *loaded = bytes != NULL ? load(types, bytes, size) : NULL;
    Py_DECREF(copy);
    return loaded;
}

PyObject *mt_py_epee_loads(PyObject *module, PyObject *args)
{
    (void)module;
    Py_buffer view;
    PyObject *types;
    if (!PyArg_ParseTuple(args, "y*O!:epee_loads", &view, &PyTuple_Type, &types))
        return NULL;
    PyObject *loaded = NULL;
    if (PyTuple_Size(types) != TYPES)
        PyErr_Format(PyExc_TypeError, "types must be a tuple of %d, by epee type, not of %zd",
                     TYPES, PyTuple_Size(types));
    else /* a read-only view can be a view of a writable object: only bytes never change */
        loaded = view.obj != NULL && PyBytes_CheckExact(view.obj)
                     ? load(types, view.buf, view.len)
                     : load_copy(types, view.buf, view.len);
    PyBuffer_Release(&view);
    return loaded;
}
