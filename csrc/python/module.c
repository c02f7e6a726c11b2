/* Owns the extension module monerotraffic._core: its functions, its exception and its types. */
#include <Python.h>

#include "python/addresses.h"
#include "python/array.h"
#include "python/codecs.h"
#include "python/epee_loads.h"
#include "python/reader.h"
#include "python/schema.h"
#include "python/state.h"

#include "base/mem.h"
#include "capture/input.h"

#include <pcap/pcap.h>

/* Runs Python's signal handlers after a signal interrupted a read in a thread without the GIL.
 * Returns nonzero if a handler raised, as that of Ctrl-C does; the exception stays set. */
static int run_signal_handlers(void)
{
    PyGILState_STATE gil = PyGILState_Ensure();
    int raised = PyErr_CheckSignals() < 0;
    PyGILState_Release(gil);
    return raised;
}

static PyObject *libpcap_version(PyObject *module, PyObject *ignored)
{
    (void)module, (void)ignored;
    return PyUnicode_FromString(pcap_lib_version());
}

static PyObject *fail_after(PyObject *module, PyObject *calls)
{
    (void)module;
    long n = PyLong_AsLong(calls);
    if (n == -1 && PyErr_Occurred() != NULL)
        return NULL;
    if (n < 0)
        return PyErr_Format(PyExc_ValueError, "calls is %ld, which is negative", n);
    return PyLong_FromLong(mt_fail_after(n));
}

static PyObject *trim_memory(PyObject *module, PyObject *Py_UNUSED(nothing))
{
    (void)module;
    mt_trim();
    Py_RETURN_NONE;
}

PyDoc_STRVAR(module_doc, "The C core: capture files in, numpy structured arrays out.");
PyDoc_STRVAR(capture_error_doc,
             "A capture cannot be read; the text names the file and the cause.\n\n"
             ">>> import monerotraffic as mt\n"
             ">>> try:\n"
             "...     mt.read(\"tests/data/make.py\")\n"
             "... except mt.CaptureError as error:\n"
             "...     print(error)\n"
             "tests/data/make.py: not a capture file (begins with 22 22 22 4d): text");
PyDoc_STRVAR(
    schema_doc,
    "schema()\n--\n\n"
    "Returns every table: the description of its rows (\"text\"), their dtype, and its\n"
    "fields in order as (name, role, categories, present_bit, text).\n\n"
    "role: number, optional, truth, optional_truth, time, span, enum, address, bytes, text,\n"
    "raw or hidden. present_bit: number of the bit of the field `present` that states\n"
    "whether an optional field is present.");
PyDoc_STRVAR(limits_doc, "limits()\n--\n\n"
                         "Returns the default and the description of every limit.\n\n"
                         ">>> import monerotraffic as mt\n"
                         ">>> mt.limits()[\"open_files\"][0]\n"
                         "256");
PyDoc_STRVAR(command_names_doc,
             "command_names()\n--\n\nReturns monerod's names of the Levin commands that it knows.");
PyDoc_STRVAR(command_name_doc, "command_name(command, /)\n--\n\n"
                               "Returns monerod's name of a Levin command, or UNKNOWN.");
PyDoc_STRVAR(libpcap_version_doc,
             "libpcap_version()\n--\n\nReturns the version string of libpcap.\n\n"
             ">>> import monerotraffic as mt\n"
             ">>> mt.libpcap_version().startswith(\"libpcap version 1.\")\n"
             "True");
PyDoc_STRVAR(
    epee_loads_doc,
    "epee_loads(payload, types, /)\n--\n\n"
    "Decodes one epee payload, see monerotraffic.epee.loads. `types` are the classes that\n"
    "keep the epee type, which plain Python values would lose.");
PyDoc_STRVAR(
    address_texts_doc,
    "address_texts(packed, names, /)\n--\n\n"
    "Returns the texts of packed addresses, see Reader.packed_addresses; `names` are those of\n"
    "the host names among them.\n\n"
    "Raises ValueError unless `packed` has 17 bytes for each, IndexError if a name is missing.");
PyDoc_STRVAR(
    fail_after_doc,
    "fail_after(calls, /)\n--\n\n"
    "For tests: lets the allocations of the core fail in this thread from a call on (1 is\n"
    "the next), as if memory were exhausted. 0 ends this.\n\n"
    "Returns the number of calls that were left of the previous setting.");

PyDoc_STRVAR(trim_memory_doc,
             "trim_memory()\n--\n\n"
             "Returns freed memory of the process to the system, where the C library can (glibc).");

static PyMethodDef functions[] = {
    {"schema", mt_py_schema, METH_NOARGS, schema_doc},
    {"limits", mt_py_limits, METH_NOARGS, limits_doc},
    {"command_names", mt_py_command_names, METH_NOARGS, command_names_doc},
    {"command_name", mt_py_command_name, METH_O, command_name_doc},
    {"libpcap_version", libpcap_version, METH_NOARGS, libpcap_version_doc},
    {"epee_loads", mt_py_epee_loads, METH_VARARGS, epee_loads_doc},
    {"address_texts", mt_py_address_texts, METH_VARARGS, address_texts_doc},
    {"fail_after", fail_after, METH_O, fail_after_doc},
    {"trim_memory", trim_memory, METH_NOARGS, trim_memory_doc},
    {NULL, NULL, 0, NULL},
};

static int execute(PyObject *module)
{
    struct mt_py_state *state = PyModule_GetState(module);
    if (mt_py_import_numpy() < 0)
        return -1;
    if (mt_input_interrupted ==
        NULL) /* otherwise an earlier copy of the module may be reading in other threads */
        mt_input_interrupted = run_signal_handlers;
    mt_py_import_codecs();
    if (mt_input_codecs == NULL)
        mt_input_codecs = &mt_py_codecs;
    for (int i = 0; i < MT_TABLE_COUNT; i++)
        if ((state->dtypes[i] = mt_py_dtype(&mt_schemas[i])) == NULL)
            return -1;
    state->reader_type = mt_py_reader_type(module);
    if (state->reader_type == NULL ||
        PyModule_AddObjectRef(module, "Reader", state->reader_type) < 0)
        return -1;
    state->capture_error = PyErr_NewExceptionWithDoc("monerotraffic.CaptureError",
                                                     capture_error_doc, PyExc_OSError, NULL);
    if (state->capture_error == NULL ||
        PyModule_AddObjectRef(module, "CaptureError", state->capture_error) < 0)
        return -1;
    return 0;
}

static int traverse(PyObject *module, visitproc visit, void *arg)
{
    const struct mt_py_state *state = PyModule_GetState(module);
    Py_VISIT(state->reader_type);
    Py_VISIT(state->capture_error);
    for (int i = 0; i < MT_TABLE_COUNT; i++)
        Py_VISIT(state->dtypes[i]);
    return 0;
}

static int clear(PyObject *module)
{
    struct mt_py_state *state = PyModule_GetState(module);
    Py_CLEAR(state->reader_type);
    Py_CLEAR(state->capture_error);
    for (int i = 0; i < MT_TABLE_COUNT; i++)
        Py_CLEAR(state->dtypes[i]);
    return 0;
}

static void release(void *module)
{
    clear(module);
}

/* No Py_mod_multiple_interpreters and no Py_mod_gil: numpy does not support interpreters with their
 * own GIL, and CPython 3.11, whose stable ABI the extension uses, rejects later slots. Without
 * them, later versions use the safe default: one GIL. */
static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, execute},
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,  .m_name = "monerotraffic._core",
    .m_doc = module_doc,    .m_size = sizeof(struct mt_py_state),
    .m_methods = functions, .m_slots = slots,
    .m_traverse = traverse, .m_clear = clear,
    .m_free = release,
};

PyMODINIT_FUNC PyInit__core(void);
PyMODINIT_FUNC PyInit__core(void)
{
    return PyModuleDef_Init(&definition);
}
