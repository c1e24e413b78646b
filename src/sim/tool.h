/* The tools that connectors offer: a fixed catalogue.
 *
 * Threads: immutable. Errors: none.
 */
#ifndef GATE_SIM_TOOL_H
#define GATE_SIM_TOOL_H

#include <stdbool.h>
#include <stddef.h>

#include "json/writer.h"

#define GATE_SIM_TOOL_PARAMS_MAX 5

struct gate_sim_tool_param {
    const char *name; /* NULL ends the list */
    const char *type; /* JSON Schema type; an array is one of strings */
    const char *description;
    bool required;
};

struct gate_sim_tool {
    const char *provider;
    const char *name;
    const char *display_name;
    const char *description;
    const char *result; /* the member of `data` that holds the outcome */
    bool gives_list;
    bool writes;
    struct gate_sim_tool_param params[GATE_SIM_TOOL_PARAMS_MAX + 1];
};

extern const struct gate_sim_tool gate_sim_tools[];
extern const size_t gate_sim_tool_count;

const struct gate_sim_tool *gate_sim_tool_find(const char *name);

/* Write the members of scalekit.v1.tools.Tool into an open object. */
void gate_sim_tool_write(struct gate_json_writer *writer, const struct gate_sim_tool *tool);

#endif
