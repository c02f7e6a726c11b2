#include "python/reader.h"

#include "python/addresses.h"
#include "python/array.h"
#include "python/request.h"
#include "python/schema.h"
#include "python/state.h"

#include "base/mem.h"
#include "core.h"

#include <stdatomic.h>
#include <string.h>

/* Bytes of packets after which an unbounded step checks for signals such as Ctrl-C. */
enum { SLICE = 16 << 20 };

struct reader {
    PyObject_HEAD
    struct mt_core *core; /* NULL after close() */
    atomic_flag busy; /* set while a call is inside the core: step and close run without the GIL */
};

/* Reserves the core, which supports one thread at a time: `busy` stays set until leave(). Returns
 * 0, or -1 with RuntimeError or ValueError set. */
static int enter(struct reader *self)
{
    if (atomic_flag_test_and_set(&self->busy)) {
        PyErr_SetString(PyExc_RuntimeError, "this Reader is in use by another thread");
        return -1;
    }
    if (self->core == NULL) {
        atomic_flag_clear(&self->busy);
        PyErr_SetString(PyExc_ValueError, "this Reader is closed");
        return -1;
    }
    return 0;
}

static void leave(struct reader *self)
{
    atomic_flag_clear(&self->busy);
}

static const struct mt_py_state *state_of(struct reader *self)
{
    return PyType_GetModuleState(Py_TYPE((PyObject *)self)); /* the type has no subclasses */
}

/* Sets the exception for a negative result of the core. Returns NULL. */
static PyObject *raise_failure(const struct mt_py_state *state, int result,
                               const struct mt_failure *failure)
{
    if (result == MT_NOMEM)
        return PyErr_NoMemory();
    size_t size = strnlen(failure->text, sizeof failure->text);
    PyObject *text = size != 0
                         ? PyUnicode_DecodeUTF8(failure->text, (Py_ssize_t)size,
                                                "backslashreplace") /* paths can be any bytes */
                         : PyUnicode_FromFormat("the capture cannot be read (result %d)", result);
    if (text != NULL)
        PyErr_SetObject(state->capture_error, text);
    Py_XDECREF(text);
    return NULL;
}

/* ---- opening ---- */

static PyObject *reader_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    struct mt_py_request request = {0};
    if (mt_py_request_parse(&request, args, kwargs) < 0) {
        mt_py_request_free(&request);
        return NULL;
    }
    struct reader *self = (struct reader *)PyType_GenericAlloc(type, 0);
    if (self == NULL) {
        mt_py_request_free(&request);
        return NULL;
    }
    (void)atomic_flag_test_and_set(
        &self->busy); /* the garbage collector can already return the object to other threads */
    int result = MT_OK;
    struct mt_failure failure = {{0}};
    Py_BEGIN_ALLOW_THREADS
    self->core =
        mt_core_open(request.paths, request.paths_count, &request.options, &result, &failure);
    Py_END_ALLOW_THREADS
    mt_py_request_free(&request);
    if (self->core == NULL || PyErr_Occurred() != NULL) {
        if (PyErr_Occurred() == NULL) /* otherwise a signal handler raised during a wait */
            raise_failure(state_of(self), result, &failure);
        Py_DECREF((PyObject *)self);
        return NULL;
    }
    leave(self);
    return (PyObject *)self;
}

/* ---- reading ---- */

/* Calls the core once without the GIL. */
static int step_once(struct reader *self, uint64_t bytes, uint64_t rows, struct mt_failure *failure)
{
    int result;
    Py_BEGIN_ALLOW_THREADS
    result = mt_core_step(self->core, bytes, rows, failure);
    Py_END_ALLOW_THREADS
    return result;
}

/* Continues reading. Without a bound on rows it reads in slices and checks for signals between
 * them. Returns -1 with an exception set, 0 at the end, 1 if there is more. */
static int step(struct reader *self, uint64_t bytes, uint64_t rows)
{
    struct mt_failure failure = {{0}};
    uint64_t left = bytes;
    for (;;) {
        uint64_t now = rows == 0 && (bytes == 0 || left > SLICE) ? SLICE : left;
        int result = step_once(self, now, rows, &failure);
        if (PyErr_Occurred() != NULL)
            return -1; /* a signal handler raised while the core waited for bytes */
        if (result < 0) {
            raise_failure(state_of(self), result, &failure);
            return -1;
        }
        if (result == MT_END)
            return 0;
        left -= bytes != 0 ? now : 0;
        if (rows != 0 || (bytes != 0 && left == 0))
            return 1;
        if (PyErr_CheckSignals() < 0)
            return -1;
    }
}

static PyObject *reader_step(PyObject *object, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"bytes", "rows", NULL};
    struct reader *self = (struct reader *)object;
    long long bytes = 0, rows = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|LL:step", names, &bytes, &rows))
        return NULL;
    if (bytes < 0 || rows < 0)
        return PyErr_Format(PyExc_ValueError, "%s is negative", bytes < 0 ? "bytes" : "rows");
    if (enter(self) < 0)
        return NULL;
    int more = step(self, (uint64_t)bytes, (uint64_t)rows);
    leave(self);
    return more < 0 ? NULL : PyBool_FromLong(more);
}

static PyObject *reader_take(PyObject *object, PyObject *name)
{
    struct reader *self = (struct reader *)object;
    int id = mt_py_table_id(name);
    if (id < 0 || enter(self) < 0)
        return NULL;
    size_t count = 0;
    void *rows = mt_core_take(self->core, (enum mt_table_id)id, &count);
    leave(self);
    if (rows == NULL && count != 0)
        return PyErr_NoMemory();
    return mt_py_array(state_of(self)->dtypes[id], rows, count);
}

/* ---- texts of codes ---- */

/* Returns a list of the items from `start` to `count`, each created by `make`. */
static PyObject *list_from(struct reader *self, Py_ssize_t start, size_t count,
                           PyObject *(*make)(const struct mt_core *, int32_t))
{
    PyObject *list = PyList_New((size_t)start < count ? (Py_ssize_t)count - start : 0);
    for (size_t code = (size_t)start; code < count && list != NULL; code++) {
        PyObject *item = make(self->core, (int32_t)code);
        if (item == NULL ||
            PyList_SetItem(list, (Py_ssize_t)code - start, item) < 0) /* SetItem steals `item` */
            Py_CLEAR(list);
    }
    return list;
}

static PyObject *make_address(const struct mt_core *core, int32_t code)
{
    return mt_py_address(mt_core_addresses(core), code);
}

static PyObject *make_string(const struct mt_core *core, int32_t code)
{
    size_t size = 0;
    const uint8_t *bytes = mt_intern_get(mt_core_strings(core), code, &size);
    return PyBytes_FromStringAndSize((const char *)bytes, (Py_ssize_t)size);
}

static int parse_start(PyObject *args, PyObject *kwargs, const char *format, Py_ssize_t *start)
{
    static char *names[] = {"start", NULL};
    *start = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, format, names, start))
        return -1;
    if (*start < 0) {
        PyErr_SetString(PyExc_ValueError, "start is negative");
        return -1;
    }
    return 0;
}

static PyObject *reader_addresses(PyObject *object, PyObject *args, PyObject *kwargs)
{
    struct reader *self = (struct reader *)object;
    Py_ssize_t start;
    if (parse_start(args, kwargs, "|n:addresses", &start) < 0 || enter(self) < 0)
        return NULL;
    PyObject *list =
        list_from(self, start, mt_addresses_count(mt_core_addresses(self->core)), make_address);
    leave(self);
    return list;
}

static PyObject *reader_packed_addresses(PyObject *object, PyObject *args, PyObject *kwargs)
{
    struct reader *self = (struct reader *)object;
    Py_ssize_t start;
    if (parse_start(args, kwargs, "|n:packed_addresses", &start) < 0 || enter(self) < 0)
        return NULL;
    PyObject *packed = mt_py_packed_addresses(mt_core_addresses(self->core), (size_t)start);
    leave(self);
    return packed;
}

static PyObject *reader_strings(PyObject *object, PyObject *args, PyObject *kwargs)
{
    struct reader *self = (struct reader *)object;
    Py_ssize_t start;
    if (parse_start(args, kwargs, "|n:strings", &start) < 0 || enter(self) < 0)
        return NULL;
    PyObject *list = list_from(self, start, mt_core_strings(self->core)->count, make_string);
    leave(self);
    return list;
}

/* ---- progress ---- */

static PyObject *reader_position(PyObject *object, void *closure)
{
    (void)closure;
    struct reader *self = (struct reader *)object;
    if (enter(self) < 0)
        return NULL;
    int64_t position = mt_core_position(self->core);
    leave(self);
    return PyLong_FromLongLong(position);
}

static PyObject *reader_size(PyObject *object, void *closure)
{
    (void)closure;
    struct reader *self = (struct reader *)object;
    if (enter(self) < 0)
        return NULL;
    int64_t size = mt_core_size(self->core);
    leave(self);
    return PyLong_FromLongLong(size);
}

static PyObject *reader_limits_reached(PyObject *object, void *closure)
{
    (void)closure;
    struct reader *self = (struct reader *)object;
    if (enter(self) < 0)
        return NULL;
    PyObject *reached = mt_py_reached(self->core);
    leave(self);
    return reached;
}

/* ---- closing ---- */

static PyObject *reader_close(PyObject *object, PyObject *ignored)
{
    (void)ignored;
    struct reader *self = (struct reader *)object;
    if (atomic_flag_test_and_set(&self->busy)) {
        PyErr_SetString(PyExc_RuntimeError, "this Reader is in use by another thread");
        return NULL;
    }
    struct mt_core *core = self->core;
    self->core = NULL;
    if (core != NULL) {
        Py_BEGIN_ALLOW_THREADS
        mt_core_close(core); /* may free gigabytes */
        Py_END_ALLOW_THREADS
    }
    leave(self);
    return Py_BuildValue("");
}

static PyObject *reader_enter(PyObject *object, PyObject *ignored)
{
    (void)ignored;
    struct reader *self = (struct reader *)object;
    if (enter(self) < 0)
        return NULL;
    leave(self);
    Py_INCREF(object);
    return object;
}

static PyObject *reader_exit(PyObject *object, PyObject *args)
{
    (void)args;
    return reader_close(object, NULL);
}

static int reader_traverse(PyObject *object, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(object)); /* a heap type is owned by its instances */
    return 0;
}

/* No other thread uses the object: every call holds a reference. */
static void reader_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    struct mt_core *core = ((struct reader *)object)->core;
    if (core != NULL) {
        Py_BEGIN_ALLOW_THREADS
        mt_core_close(core);
        Py_END_ALLOW_THREADS
    }
    PyObject_GC_Del(object);
    Py_DECREF((PyObject *)type);
}

/* ---- the type ---- */

PyDoc_STRVAR(
    reader_doc,
    "Reader(paths, *, ports, tables=None, limits=None, tunnels='inner', tunnel_ports=(), "
    "trusted_tunnels=(), threads=1)\n--\n\n"
    "Reads capture files as one stream into tables.\n\n"
    "paths: files in any order, or \"-\" alone for standard input. ports: TCP ports whose\n"
    "connections are Monero connections, whatever they carry. tables: names of the tables\n"
    "to decode, see schema(), None for all; connections, files and problems are always\n"
    "decoded. limits: values other than those of limits(). tunnels: \"inner\" reads TCP in\n"
    "the innermost IP packet, \"outer\" in the outermost. tunnel_ports: UDP ports of tunnels\n"
    "in addition to the standard ones. trusted_tunnels: ends of tunnels whose messages count\n"
    "as accepted, each as the 4 or 16 bytes of an IP address. threads: with 2 or more, files\n"
    "are read and decompressed in a thread of their own, which ends with close().\n\n"
    "Raises CaptureError if a file cannot be read at all, and RuntimeError if two threads\n"
    "use it at the same time. After close(), everything except close() raises ValueError.");
PyDoc_STRVAR(
    step_doc,
    "step($self, /, bytes=0, rows=0)\n--\n\n"
    "Continues reading for about this number of bytes of packets, or rows of messages and\n"
    "peer_lists (0: unlimited).\n\n"
    "Returns True if there is more, False if everything is read and every table is final.\n"
    "Releases the GIL, and checks for Ctrl-C every 16 MiB unless `rows` is given. After\n"
    "CaptureError or MemoryError, take() still returns what was read before.");
PyDoc_STRVAR(
    take_doc,
    "take($self, table, /)\n--\n\n"
    "Moves the finished rows of a table to a structured array over the memory of the core.\n\n"
    "`connections` has those that ended since the last call; `files` is empty before\n"
    "everything is read. peer_lists is empty: take peer_runs, peer_codes, peer_entries, in\n"
    "this order and without a step between. Raises MemoryError when memory is short. The\n"
    "rows can be taken later, unless Python cannot allocate the array object: then they\n"
    "are freed.");
PyDoc_STRVAR(
    addresses_doc,
    "addresses($self, /, start=0)\n--\n\nReturns the texts of the address codes from `start` on.");
PyDoc_STRVAR(packed_addresses_doc,
             "packed_addresses($self, /, start=0)\n--\n\n"
             "Returns the address codes from `start` on as 17 bytes each, and a list of the host\n"
             "names among them. address_texts() makes the texts of them.");
PyDoc_STRVAR(strings_doc, "strings($self, /, start=0)\n--\n\n"
                          "Returns the bytes of the string codes (hashes, texts) from `start` on.");
PyDoc_STRVAR(close_doc,
             "close($self, /)\n--\n\nFrees everything that was not taken. Can be called again.");
PyDoc_STRVAR(enter_doc, "__enter__($self, /)\n--\n\nReturns the Reader.");
PyDoc_STRVAR(exit_doc, "__exit__($self, /, *args)\n--\n\nCloses the Reader.");

/* A method with keywords has another type than its slot. CPython documents this cast. */
#define WITH_KEYWORDS(function) ((PyCFunction)(void (*)(void))(function))

static PyMethodDef reader_methods[] = {
    {"step", WITH_KEYWORDS(reader_step), METH_VARARGS | METH_KEYWORDS, step_doc},
    {"take", reader_take, METH_O, take_doc},
    {"addresses", WITH_KEYWORDS(reader_addresses), METH_VARARGS | METH_KEYWORDS, addresses_doc},
    {"packed_addresses", WITH_KEYWORDS(reader_packed_addresses), METH_VARARGS | METH_KEYWORDS,
     packed_addresses_doc},
    {"strings", WITH_KEYWORDS(reader_strings), METH_VARARGS | METH_KEYWORDS, strings_doc},
    {"close", reader_close, METH_NOARGS, close_doc},
    {"__enter__", reader_enter, METH_NOARGS, enter_doc},
    {"__exit__", reader_exit, METH_VARARGS, exit_doc},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef reader_properties[] = {
    {"position", reader_position, NULL, "Bytes of the files read so far, as on disk.", NULL},
    {"size", reader_size, NULL, "Bytes of all files, -1 if unknown.", NULL},
    {"limits_reached", reader_limits_reached, NULL, "How often each limit was reached so far.",
     NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot reader_slots[] = {
    {Py_tp_doc, (void *)reader_doc},
    {Py_tp_new, reader_new},
    {Py_tp_dealloc, reader_dealloc},
    {Py_tp_traverse, reader_traverse},
    {Py_tp_methods, reader_methods},
    {Py_tp_getset, reader_properties},
    {0, NULL},
};

static PyType_Spec reader_spec = {
    .name = "monerotraffic._core.Reader",
    .basicsize = sizeof(struct reader),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = reader_slots,
};

PyObject *mt_py_reader_type(PyObject *module)
{
    return PyType_FromModuleAndSpec(module, &reader_spec, NULL);
}
