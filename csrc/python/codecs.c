/* Owns the objects LZMADecompressor, BZ2Decompressor and LZ4FrameDecompressor of the inputs that
 * are open. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "python/codecs.h"

#include <string.h>

enum { FORMAT_XZ = 1 }; /* lzma.FORMAT_XZ */

static const char *const modules[] = {
    [MT_CODEC_XZ] = "lzma", [MT_CODEC_BZIP2] = "bz2", [MT_CODEC_LZ4] = "lz4.frame"};

/* A decompressor of one of the modules. NULL with an exception set. */
static PyObject *make_decompressor(enum mt_codec codec, int64_t memory)
{
    PyObject *module = PyImport_ImportModule(modules[codec]), *object;
    if (module == NULL)
        return NULL;
    if (codec == MT_CODEC_XZ)
        object =
            PyObject_CallMethod(module, "LZMADecompressor", "iL", FORMAT_XZ, (long long)memory);
    else if (codec == MT_CODEC_BZIP2)
        object = PyObject_CallMethod(module, "BZ2Decompressor", NULL);
    else
        object = PyObject_CallMethod(module, "LZ4FrameDecompressor", NULL);
    Py_DECREF(module);
    return object;
}

static void *open_decoder(enum mt_codec codec, int64_t memory)
{
    PyGILState_STATE gil = PyGILState_Ensure();
    PyObject *decoder = make_decompressor(codec, memory);
    if (decoder == NULL)
        PyErr_Clear(); /* the caller reports that there is no decoder */
    PyGILState_Release(gil);
    return decoder;
}

/* The truth of an attribute. -1 with an exception set. */
static int read_flag(PyObject *decoder, const char *name)
{
    PyObject *value = PyObject_GetAttrString(decoder, name);
    int flag = value != NULL ? PyObject_IsTrue(value) : -1;
    Py_XDECREF(value);
    return flag;
}

/* The size of the bytes after the end of the stream, for which lz4 has None if nothing follows. -1
 * with an exception set. */
static Py_ssize_t read_unused(PyObject *decoder)
{
    PyObject *value = PyObject_GetAttrString(decoder, "unused_data");
    Py_ssize_t size = value == NULL ? -1 : value == Py_None ? 0 : PyObject_Length(value);
    Py_XDECREF(value);
    return size;
}

/* Reads the state of the decoder into the step. -1 with an exception set. */
static int read_state(PyObject *decoder, struct mt_codec_step *step)
{
    step->ended = read_flag(decoder, "eof");
    if (step->ended < 0)
        return -1;
    if (!step->ended) {
        step->needs_input = read_flag(decoder, "needs_input");
        return step->needs_input < 0 ? -1 : 0;
    }
    Py_ssize_t unused = read_unused(decoder);
    if (unused < 0)
        return -1;
    step->unused = (size_t)unused;
    return 0;
}

/* Decodes one step. Returns the bytes at step->output, or -1 with an exception set. */
static int64_t run_step(PyObject *decoder, struct mt_codec_step *step)
{
    Py_ssize_t most =
        step->output_size < PY_SSIZE_T_MAX ? (Py_ssize_t)step->output_size : PY_SSIZE_T_MAX;
    PyObject *object = PyObject_CallMethod(decoder, "decompress", "y#n", (const char *)step->input,
                                           (Py_ssize_t)step->input_size, most);
    char *bytes;
    Py_ssize_t size = -1;
    if (object != NULL && PyBytes_AsStringAndSize(object, &bytes, &size) == 0 && size <= most)
        memcpy(step->output, bytes, (size_t)size);
    Py_XDECREF(object);
    return size < 0 || read_state(decoder, step) < 0 ? -1 : (int64_t)size;
}

/* Turns the exception that is set into a result with the reason in `failure`. */
static int64_t take_exception(struct mt_failure *failure)
{
    if (PyErr_ExceptionMatches(PyExc_MemoryError)) {
        PyErr_Clear();
        return MT_NOMEM;
    }
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    PyObject *text = value != NULL ? PyObject_Str(value) : NULL;
    PyObject *bytes = text != NULL ? PyUnicode_AsUTF8String(text) : NULL;
    const char *reason = bytes != NULL ? PyBytes_AsString(bytes) : NULL;
    (void)mt_fail(failure, MT_DAMAGED, "%s", reason != NULL ? reason : "cannot be decoded");
    Py_XDECREF(bytes);
    Py_XDECREF(text);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(trace);
    PyErr_Clear();
    return MT_DAMAGED;
}

static int64_t decode(void *decoder, struct mt_codec_step *step, struct mt_failure *failure)
{
    PyGILState_STATE gil = PyGILState_Ensure();
    int64_t result = run_step(decoder, step);
    if (result < 0)
        result = take_exception(failure);
    PyGILState_Release(gil);
    return result;
}

static void close_decoder(void *decoder)
{
    PyGILState_STATE gil = PyGILState_Ensure();
    Py_DECREF((PyObject *)decoder);
    PyGILState_Release(gil);
}

void mt_py_import_codecs(void)
{
    for (size_t i = 0; i < sizeof modules / sizeof modules[0]; i++) {
        PyObject *module = PyImport_ImportModule(modules[i]);
        if (module == NULL)
            PyErr_Clear();
        Py_XDECREF(module);
    }
}

const struct mt_codecs mt_py_codecs = {open_decoder, decode, close_decoder};
