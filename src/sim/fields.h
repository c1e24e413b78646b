/* The fields a call takes, declared with the rules of Scalekit's protobuf descriptors, and the
 * strict reading of bodies and queries against them (protojson: unknown fields are refused; names
 * in snake_case or lowerCamelCase; null means absent).
 *
 * Owner: values live in the exchange's arena. Threads: confined. Errors: false, and the 400 has
 * been answered.
 */
#ifndef GATE_SIM_FIELDS_H
#define GATE_SIM_FIELDS_H

#include "sim/exchange.h"
#include "json/json.h"

enum gate_sim_field_kind {
    GATE_SIM_FIELD_TEXT,
    GATE_SIM_FIELD_NAME,   /* text of letters, digits, "_: -" */
    GATE_SIM_FIELD_NAMES,  /* list of those, one character at least, `max_items` */
    GATE_SIM_FIELD_TEXTS,  /* list of any text */
    GATE_SIM_FIELD_NUMBER, /* uint32, at most `max` */
    GATE_SIM_FIELD_SIGNED, /* int64, bodies only */
    GATE_SIM_FIELD_BOOL,
    GATE_SIM_FIELD_STRUCT,  /* any JSON object */
    GATE_SIM_FIELD_MESSAGE, /* an object with `members` */
};

struct gate_sim_field {
    const char *name;
    enum gate_sim_field_kind kind;
    bool required;
    int64_t min; /* characters, when there are any */
    int64_t max; /* characters or number; 0: no limit */
    const char *prefix;
    const struct gate_sim_field *members; /* ends with a nameless one */
};

struct gate_sim_value {
    const char *text; /* NULL: absent or empty */
    int64_t number;
    const char **texts;
    size_t text_count;
    const gate_json *json;
};

struct gate_sim_input {
    const struct gate_sim_field *fields;
    struct gate_sim_value *values;
};

/* Read the JSON body; an empty one counts as {}. `fields` ends with a nameless one. */
bool gate_sim_input_read_body(struct gate_sim_exchange *exchange,
                              const struct gate_sim_field *fields,
                              struct gate_sim_input *ret_input) GATE_MUST_CHECK;

/* Read the query the way grpc-gateway maps it; names may have dots. */
bool gate_sim_input_read_query(struct gate_sim_exchange *exchange,
                               const struct gate_sim_field *fields,
                               struct gate_sim_input *ret_input) GATE_MUST_CHECK;

/* A declared field's value; asking for an undeclared one is a bug. */
const struct gate_sim_value *gate_sim_input_get(const struct gate_sim_input *input,
                                                const char *name);
const char *gate_sim_input_text(const struct gate_sim_input *input, const char *name);

/* True when the list is empty or has `text` in it. */
bool gate_sim_value_allows(const struct gate_sim_value *value, const char *text);

/* What `query` fields mean: a part of `text` equals `part` when case is ignored. NULL is in
 * everything. */
bool gate_sim_text_contains(const char *text, const char *part);

#endif
