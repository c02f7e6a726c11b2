#define PY_SSIZE_T_CLEAN
#include "python/addresses.h"

PyObject *mt_py_address(const struct mt_addresses *addresses, int32_t code)
{
    char text[MT_ADDRESS_TEXT];
    size_t size = mt_address_text(addresses, code, text, sizeof text);
    return PyUnicode_DecodeUTF8(text, (Py_ssize_t)size,
                                "backslashreplace"); /* a peer can send any bytes as a host name */
}

PyObject *mt_py_packed_addresses(const struct mt_addresses *addresses, size_t start)
{
    size_t count = mt_addresses_count(addresses), packed = start < count ? count - start : 0;
    PyObject *names = PyList_New(0);
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)packed * MT_PACKED_ADDRESS);
    uint8_t *at = bytes != NULL ? (uint8_t *)PyBytes_AsString(bytes) : NULL;
    int failed = names == NULL || bytes == NULL;
    for (size_t code = start; code < count && !failed; code++, at += MT_PACKED_ADDRESS) {
        mt_address_pack(addresses, (int32_t)code, at);
        if (*at != 'n')
            continue;
        PyObject *name = mt_py_address(addresses, (int32_t)code);
        failed = name == NULL || PyList_Append(names, name) < 0;
        Py_XDECREF(name);
    }
    PyObject *both = failed ? NULL : PyTuple_Pack(2, bytes, names);
    Py_XDECREF(names);
    Py_XDECREF(bytes);
    return both;
}

/* A new reference to the text of a packed address; the next of `names` if it is a host name. NULL
 * with an exception set. */
static PyObject *make_text(const uint8_t *packed, PyObject *names, Py_ssize_t *name)
{
    char text[MT_ADDRESS_TEXT];
    size_t size = mt_packed_address_text(packed, text);
    if (size != 0)
        return PyUnicode_DecodeUTF8(text, (Py_ssize_t)size, NULL);
    PyObject *item = PyList_GetItem(names, *name); /* borrowed */
    (*name)++;
    Py_XINCREF(item);
    return item;
}

PyObject *mt_py_address_texts(PyObject *module, PyObject *args)
{
    (void)module;
    const char *packed;
    Py_ssize_t size, name = 0;
    PyObject *names;
    if (!PyArg_ParseTuple(args, "y#O:address_texts", &packed, &size, &names))
        return NULL;
    if (!PyList_Check(names) || size % MT_PACKED_ADDRESS != 0)
        return PyErr_Format(PyExc_ValueError, "no packed addresses and list of names");
    PyObject *list = PyList_New(size / MT_PACKED_ADDRESS);
    for (Py_ssize_t i = 0; i < size / MT_PACKED_ADDRESS && list != NULL; i++) {
        PyObject *text = make_text((const uint8_t *)packed + i * MT_PACKED_ADDRESS, names, &name);
        if (text == NULL || PyList_SetItem(list, i, text) < 0) /* SetItem steals `text` */
            Py_CLEAR(list);
    }
    return list;
}
