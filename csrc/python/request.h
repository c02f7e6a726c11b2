/* The arguments of Reader: parsed and checked, as options of the core. Knows nothing of readers.
 * Used by reader.c. */
#ifndef MT_PYTHON_REQUEST_H
#define MT_PYTHON_REQUEST_H

#include "python/state.h"

#include "core.h"

/* Zeroed, nothing is owned. `paths` point into `encoded`. */
struct mt_py_request {
    PyObject *encoded; /* list of bytes */
    const char **paths;
    size_t paths_count;
    uint16_t *ports, *tunnel_ports;
    struct mt_ip *trusted_ends;
    struct mt_core_options options;
};

/* Parses the arguments of Reader(). 0, or -1 with an exception set; mt_py_request_free must follow
 * in either case. */
int mt_py_request_parse(struct mt_py_request *request, PyObject *args, PyObject *kwargs);

/* Frees what the request owns. */
void mt_py_request_free(struct mt_py_request *request);

#endif
