#include "python/request.h"

#include "python/schema.h"

#include "base/mem.h"

#include <string.h>

/* Returns a sequence as a new tuple, or NULL with an exception set. Rejects a single str or bytes,
 * which is a sequence of characters. */
static PyObject *sequence(PyObject *object, const char *name)
{
    if (PyUnicode_Check(object) || PyBytes_Check(object)) {
        PyErr_Format(PyExc_TypeError, "%s is a sequence, not a single %R", name, object);
        return NULL;
    }
    return PySequence_Tuple(object);
}

void mt_py_request_free(struct mt_py_request *request)
{
    Py_CLEAR(request->encoded);
    mt_free(request->paths);
    mt_free(request->ports);
    mt_free(request->tunnel_ports);
    mt_free(request->trusted_ends);
}

static int parse_path(struct mt_py_request *request, PyObject *item)
{
    PyObject *bytes = NULL;
    if (!PyUnicode_FSConverter(item, &bytes)) /* also rejects embedded zeros */
        return -1;
    int result = PyList_Append(request->encoded, bytes);
    if (result == 0) {
        request->paths[request->paths_count] =
            PyBytes_AsString(bytes); /* valid while the list refers to the object */
        result = request->paths[request->paths_count++] != NULL ? 0 : -1;
    }
    Py_DECREF(bytes);
    return result;
}

static int parse_paths(struct mt_py_request *request, PyObject *paths)
{
    Py_ssize_t count = PyTuple_Size(paths);
    if (count == 0) {
        PyErr_SetString(PyExc_ValueError, "paths is empty: there is nothing to read");
        return -1;
    }
    request->encoded = PyList_New(0);
    request->paths = mt_alloc((size_t)count, sizeof *request->paths);
    if (request->paths == NULL)
        PyErr_NoMemory();
    if (request->encoded == NULL || request->paths == NULL)
        return -1;
    for (Py_ssize_t i = 0; i < count; i++)
        if (parse_path(request, PyTuple_GetItem(paths, i)) < 0)
            return -1;
    return 0;
}

/* 0, or -1 with an exception set. */
static int parse_port(PyObject *item, uint16_t *port)
{
    PyObject *index = PyNumber_Index(item);
    if (index == NULL)
        return -1;
    int overflow = 0;
    long number = PyLong_AsLongAndOverflow(index, &overflow);
    Py_DECREF(index);
    if (overflow != 0 || number < 1 || number > UINT16_MAX) {
        PyErr_Format(PyExc_ValueError, "port %R: ports are from 1 to 65535", item);
        return -1;
    }
    *port = (uint16_t)number;
    return 0;
}

/* An array of the ports in a tuple; NULL with an exception set. */
static uint16_t *parse_port_list(PyObject *ports)
{
    Py_ssize_t count = PyTuple_Size(ports);
    uint16_t *list = mt_alloc((size_t)count, sizeof *list);
    if (list == NULL)
        PyErr_NoMemory();
    for (Py_ssize_t i = 0; i < count && list != NULL; i++) {
        if (parse_port(PyTuple_GetItem(ports, i), &list[i]) < 0) {
            mt_free(list);
            list = NULL;
        }
    }
    return list;
}

static int parse_ports(struct mt_py_request *request, PyObject *ports)
{
    request->ports = parse_port_list(ports);
    request->options.ports = request->ports;
    request->options.ports_count = (size_t)PyTuple_Size(ports);
    return request->ports != NULL ? 0 : -1;
}

static int parse_tunnel_ports(struct mt_py_request *request, PyObject *ports)
{
    request->tunnel_ports = parse_port_list(ports);
    request->options.tunnel_ports = request->tunnel_ports;
    request->options.tunnel_ports_count = (uint32_t)PyTuple_Size(ports);
    return request->tunnel_ports != NULL ? 0 : -1;
}

/* An address as its 4 or 16 bytes. 0, or -1 with an exception set. */
static int parse_address(PyObject *item, struct mt_ip *ip)
{
    Py_ssize_t size = PyBytes_Check(item) ? PyBytes_Size(item) : 0;
    if (size != 4 && size != 16) {
        PyErr_Format(PyExc_ValueError,
                     "trusted_tunnels: %R must be the 4 or 16 bytes of an IP address", item);
        return -1;
    }
    *ip = (struct mt_ip){.version = size == 4 ? 4 : 6};
    memcpy(ip->bytes, PyBytes_AsString(item), (size_t)size);
    return 0;
}

static int parse_trusted_tunnels(struct mt_py_request *request, PyObject *addresses)
{
    Py_ssize_t count = PyTuple_Size(addresses);
    request->trusted_ends = mt_alloc((size_t)count, sizeof *request->trusted_ends);
    if (request->trusted_ends == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++)
        if (parse_address(PyTuple_GetItem(addresses, i), &request->trusted_ends[i]) < 0)
            return -1;
    request->options.trusted_ends = request->trusted_ends;
    request->options.trusted_ends_count = (size_t)count;
    return 0;
}

static int parse_tunnels(struct mt_py_request *request, const char *tunnels)
{
    request->options.outer = strcmp(tunnels, "outer") == 0;
    if (request->options.outer || strcmp(tunnels, "inner") == 0)
        return 0;
    PyErr_Format(PyExc_ValueError, "tunnels='%.100s': must be 'inner' or 'outer'", tunnels);
    return -1;
}

static int parse_tables(struct mt_py_request *request, PyObject *tables)
{
    Py_ssize_t count = PyTuple_Size(tables);
    request->options.tables = 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        int id = mt_py_table_id(PyTuple_GetItem(tables, i));
        if (id < 0)
            return -1;
        request->options.tables |= UINT32_C(1) << id;
    }
    return 0;
}

static int parse_limits(struct mt_py_request *request, PyObject *limits)
{
    PyObject *items = PyMapping_Items(limits); /* a new list */
    if (items == NULL)
        return -1;
    int result = 0;
    Py_ssize_t count = PyList_Size(items);
    for (Py_ssize_t i = 0; i < count && result == 0; i++) {
        PyObject *name, *value;
        result = PyArg_ParseTuple(PyList_GetItem(items, i), "OO;limits is a mapping", &name, &value)
                     ? mt_py_set_limit(&request->options.limits, name, value)
                     : -1;
    }
    Py_DECREF(items);
    return result;
}

/* Parses one argument that is a sequence with its function. */
static int parse_sequence(struct mt_py_request *request, PyObject *object, const char *name,
                          int (*parse)(struct mt_py_request *, PyObject *))
{
    PyObject *tuple = sequence(object, name);
    if (tuple == NULL)
        return -1;
    int result = parse(request, tuple);
    Py_DECREF(tuple);
    return result;
}

int mt_py_request_parse(struct mt_py_request *request, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"paths",        "ports",           "tables",  "limits", "tunnels",
                            "tunnel_ports", "trusted_tunnels", "threads", NULL};
    PyObject *paths, *ports = NULL, *tables = Py_None, *limits = Py_None, *tunnel_ports = NULL,
                     *trusted_tunnels = NULL;
    const char *tunnels = "inner";
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|$OOOsOOi:Reader", names, &paths, &ports,
                                     &tables, &limits, &tunnels, &tunnel_ports, &trusted_tunnels,
                                     &request->options.threads))
        return -1;
    if (ports == NULL) {
        PyErr_SetString(PyExc_TypeError,
                        "Reader() missing required keyword-only argument: 'ports'");
        return -1;
    }
    request->options.limits = mt_default_limits;
    request->options.tables = (UINT32_C(1) << MT_TABLE_COUNT) - 1;
    if (parse_sequence(request, paths, "paths", parse_paths) < 0 ||
        parse_sequence(request, ports, "ports", parse_ports) < 0 ||
        parse_tunnels(request, tunnels) < 0)
        return -1;
    if (tunnel_ports != NULL &&
        parse_sequence(request, tunnel_ports, "tunnel_ports", parse_tunnel_ports) < 0)
        return -1;
    if (trusted_tunnels != NULL &&
        parse_sequence(request, trusted_tunnels, "trusted_tunnels", parse_trusted_tunnels) < 0)
        return -1;
    if (tables != Py_None && parse_sequence(request, tables, "tables", parse_tables) < 0)
        return -1;
    return limits != Py_None ? parse_limits(request, limits) : 0;
}
