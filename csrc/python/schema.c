#include "python/schema.h"

#include "python/state.h"

#include "base/command.h"

#include <stddef.h>

/* ---- names ---- */

struct limit {
    const char *name, *text;
    int64_t value, most;
    size_t offset; /* in struct mt_limits */
};

#define LIMIT_ENTRY(name, value, most, text) \
    {#name, text, value, most, offsetof(struct mt_limits, name)},
static const struct limit limit_list[MT_LIMIT_COUNT] = {
    MT_LIMITS(LIMIT_ENTRY)}; /* by mt_limit_id */
#undef LIMIT_ENTRY

static const char *table_name(int i)
{
    return mt_schemas[i].name;
}

static const char *limit_name(int i)
{
    return limit_list[i].name;
}

/* Sets ValueError "unknown <what> <name>: must be one of a, b, c". */
static void unknown(const char *what, PyObject *name, const char *(*name_of)(int), int count)
{
    PyObject *known = PyUnicode_FromString(name_of(0));
    for (int i = 1; i < count && known != NULL; i++) {
        PyObject *longer = PyUnicode_FromFormat("%U, %s", known, name_of(i));
        Py_DECREF(known);
        known = longer;
    }
    if (known != NULL)
        PyErr_Format(PyExc_ValueError, "unknown %s %R: must be one of %U", what, name, known);
    Py_XDECREF(known);
}

/* Returns the index of a name among `count` names, or -1 with an exception set. */
static int find_name(const char *what, PyObject *name, const char *(*name_of)(int), int count)
{
    if (!PyUnicode_Check(name)) {
        PyErr_Format(PyExc_TypeError, "the name of a %s must be a str, not %R", what, name);
        return -1;
    }
    for (int i = 0; i < count; i++)
        if (PyUnicode_CompareWithASCIIString(name, name_of(i)) == 0)
            return i;
    unknown(what, name, name_of, count);
    return -1;
}

int mt_py_table_id(PyObject *name)
{
    return find_name("table", name, table_name, MT_TABLE_COUNT);
}

/* ---- limits ---- */

int mt_py_set_limit(struct mt_limits *limits, PyObject *name, PyObject *value)
{
    int i = find_name("limit", name, limit_name, MT_LIMIT_COUNT);
    if (i < 0)
        return -1;
    PyObject *index = PyNumber_Index(value);
    if (index == NULL)
        return -1;
    int overflow = 0;
    long long number = PyLong_AsLongLongAndOverflow(index, &overflow);
    Py_DECREF(index);
    if (number == -1 && overflow == 0 && PyErr_Occurred() != NULL)
        return -1;
    if (number < 0 || overflow != 0 || number > limit_list[i].most) {
        PyErr_Format(PyExc_ValueError, "limit %s is %R: must be from 0 to %lld", limit_list[i].name,
                     value, (long long)limit_list[i].most);
        return -1;
    }
    *(int64_t *)(void *)((char *)limits + limit_list[i].offset) = number;
    return 0;
}

/* Sets dict[key] = value and steals both. Returns 0, or -1 with an exception set. Either may be
 * NULL after an exception. */
static int put(PyObject *dict, PyObject *key, PyObject *value)
{
    int result = key != NULL && value != NULL ? PyDict_SetItem(dict, key, value) : -1;
    Py_XDECREF(key);
    Py_XDECREF(value);
    return result;
}

PyObject *mt_py_limits(PyObject *module, PyObject *ignored)
{
    (void)module, (void)ignored;
    PyObject *dict = PyDict_New();
    for (int i = 0; i < MT_LIMIT_COUNT && dict != NULL; i++) {
        PyObject *value = Py_BuildValue("(Ls)", (long long)limit_list[i].value, limit_list[i].text);
        if (put(dict, PyUnicode_FromString(limit_list[i].name), value) < 0)
            Py_CLEAR(dict);
    }
    return dict;
}

PyObject *mt_py_reached(const struct mt_core *core)
{
    PyObject *dict = PyDict_New();
    for (int i = 0; i < MT_LIMIT_COUNT && dict != NULL; i++)
        if (put(dict, PyUnicode_FromString(limit_list[i].name),
                PyLong_FromUnsignedLongLong(mt_core_limit_hits(core, (enum mt_limit_id)i))) < 0)
            Py_CLEAR(dict);
    return dict;
}

/* ---- tables ---- */

static const char *const role_names[] = {
    [MT_ROLE_NUMBER] = "number", [MT_ROLE_OPTIONAL] = "optional",
    [MT_ROLE_TRUTH] = "truth",   [MT_ROLE_OPTIONAL_TRUTH] = "optional_truth",
    [MT_ROLE_TIME] = "time",     [MT_ROLE_SPAN] = "span",
    [MT_ROLE_ENUM] = "enum",     [MT_ROLE_ADDRESS] = "address",
    [MT_ROLE_BYTES] = "bytes",   [MT_ROLE_TEXT] = "text",
    [MT_ROLE_RAW] = "raw",       [MT_ROLE_HIDDEN] = "hidden",
};

static PyObject *none(void)
{
    return Py_BuildValue("");
}

/* Returns the names of an enumeration as a tuple, or None without an enumeration. */
static PyObject *categories_tuple(const struct mt_categories *categories)
{
    if (categories == NULL)
        return none();
    PyObject *tuple = PyTuple_New(categories->count);
    for (int i = 0; i < categories->count && tuple != NULL; i++) {
        PyObject *name = PyUnicode_FromString(categories->names[i]);
        if (name == NULL || PyTuple_SetItem(tuple, i, name) < 0) /* SetItem steals `name` */
            Py_CLEAR(tuple);
    }
    return tuple;
}

/* (name, role, categories, present_bit, text) */
static PyObject *field_tuple(const struct mt_field *field, int optional)
{
    PyObject *categories = categories_tuple(field->categories);
    PyObject *bit = mt_field_optional(field) ? PyLong_FromLong(optional) : none();
    PyObject *tuple = NULL;
    if (categories != NULL && bit != NULL)
        tuple = Py_BuildValue("(ssOOs)", field->name, role_names[field->role], categories, bit,
                              field->text);
    Py_XDECREF(categories);
    Py_XDECREF(bit);
    return tuple;
}

static PyObject *field_list(const struct mt_schema *schema)
{
    PyObject *list = PyList_New(0);
    int optional = 0; /* index among the optional fields, which is the bit of `present` */
    for (int i = 0; i < schema->count && list != NULL; i++) {
        PyObject *tuple = field_tuple(&schema->fields[i], optional);
        optional += mt_field_optional(&schema->fields[i]);
        if (tuple == NULL || PyList_Append(list, tuple) < 0)
            Py_CLEAR(list);
        Py_XDECREF(tuple);
    }
    return list;
}

PyObject *mt_py_schema(PyObject *module, PyObject *ignored)
{
    (void)ignored;
    const struct mt_py_state *state = PyModule_GetState(module);
    PyObject *dict = PyDict_New();
    for (int i = 0; i < MT_TABLE_COUNT && dict != NULL; i++) {
        PyObject *fields = field_list(&mt_schemas[i]);
        PyObject *table = NULL;
        if (fields != NULL)
            table = Py_BuildValue("{s:s,s:O,s:O}", "text", mt_schemas[i].text, "dtype",
                                  state->dtypes[i], "fields", fields);
        Py_XDECREF(fields);
        if (put(dict, PyUnicode_FromString(mt_schemas[i].name), table) < 0)
            Py_CLEAR(dict);
    }
    return dict;
}

/* ---- commands ---- */

PyObject *mt_py_command_names(PyObject *module, PyObject *ignored)
{
    (void)module, (void)ignored;
    enum {
        FIRST = 1000,
        LAST = 2999
    }; /* monerod numbers its commands from 1000 (P2P_COMMANDS_POOL_BASE) and from 2000
          (BC_COMMANDS_POOL_BASE) */
    PyObject *dict = PyDict_New();
    for (uint32_t command = FIRST; command <= LAST && dict != NULL; command++)
        if (mt_command_known(command) && put(dict, PyLong_FromUnsignedLong(command),
                                             PyUnicode_FromString(mt_command_name(command))) < 0)
            Py_CLEAR(dict);
    return dict;
}

PyObject *mt_py_command_name(PyObject *module, PyObject *command)
{
    (void)module;
    PyObject *index = PyNumber_Index(command);
    if (index == NULL)
        return NULL;
    int overflow = 0;
    long long number = PyLong_AsLongLongAndOverflow(index, &overflow);
    Py_DECREF(index);
    if (number == -1 && overflow == 0 && PyErr_Occurred() != NULL)
        return NULL;
    if (overflow != 0 || number < 0 || number > UINT32_MAX)
        return PyErr_Format(PyExc_ValueError, "command %R: must be from 0 to 2**32 - 1", command);
    return PyUnicode_FromString(mt_command_name((uint32_t)number));
}
