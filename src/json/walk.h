/* Going through JSON text value by value, without making a tree of it.
 *
 * For texts that were accepted before (gate_json_parse, gate_json_parse_envelope). Threads:
 * confined. Errors: false from gate_json_walk when `visit` stopped it.
 */
#ifndef GATE_JSON_WALK_H
#define GATE_JSON_WALK_H

#include <stdbool.h>
#include <stddef.h>

enum gate_json_step_kind {
    GATE_JSON_STEP_OBJECT, /* begins; its members follow */
    GATE_JSON_STEP_ARRAY,  /* begins; its elements follow */
    GATE_JSON_STEP_END,    /* of the object or array that began last and has not ended */
    GATE_JSON_STEP_TEXT,
    GATE_JSON_STEP_NUMBER,
    GATE_JSON_STEP_TRUE,
    GATE_JSON_STEP_FALSE,
    GATE_JSON_STEP_NULL,
};

struct gate_json_step {
    enum gate_json_step_kind kind;
    const char *name; /* of a member; NULL for an element, the root and an end */
    size_t name_length;
    const char *text; /* unescaped, or a number as it is spelled; borrowed until `visit` returns */
    size_t length;
};

/* Call `visit` for every step, in order; false from it stops. */
bool gate_json_walk(const char *text, size_t length,
                    bool (*visit)(const struct gate_json_step *step, void *state), void *state)
    __attribute__((warn_unused_result));

#endif
