/* A gate_json is json-c's object under another name; only json/ knows. Threads: confined. */
#ifndef GATE_JSON_NODE_H
#define GATE_JSON_NODE_H

#include <json-c/json.h>
#include <stdint.h>

#include "json/json.h"

/* json-c takes non-const objects even for reading; nothing here changes one. */
static inline struct json_object *gate_json_node(const gate_json *json) {
    return (struct json_object *)(uintptr_t)json;
}

#endif
