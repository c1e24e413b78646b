/* One strict reading of JSON text (RFC 8259): what both the tree and the raw slices are made from.
 *
 * Internal to json/. Names are unique within their object, text is UTF-8, nesting ends at
 * `depth_max`; there is no second grammar that could see another document in the same
 * bytes. Owner: the struct is the caller's and borrows the text. Threads: confined. Errors: false,
 * and the first problem stays in `problem` and `problem_at`.
 */
#ifndef GATE_JSON_READER_H
#define GATE_JSON_READER_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

struct gate_json_reader {
    const char *text;
    size_t length;
    size_t at;
    const char *problem; /* static sentence; NULL: none */
    size_t problem_at;
    int depth_max;     /* GATE_JSON_DEPTH_MAX unless the caller changes it */
    int tree_depth;    /* arrays and objects with so many around them are kept empty in the tree */
    bool checks_names; /* look for repeated names also in what is only stepped over */
};

void gate_json_reader_init(struct gate_json_reader *reader, const char *text, size_t length);

/* Step over white space; true when `byte` comes next, which is then stepped over, too. */
bool gate_json_reader_take(struct gate_json_reader *reader, char byte);

/* Read a value that begins at the next byte that is no white space. `ret_value` NULL only steps
 * over it, without looking for repeated names; otherwise the caller frees with json_object_put.
 * JSON's null is json-c's NULL. `depth` is how many arrays and objects are open around it. */
bool gate_json_reader_value(struct gate_json_reader *reader, int depth,
                            struct json_object **ret_value);

/* Read a string as unescaped bytes with a NUL behind them; free(3) it. */
bool gate_json_reader_string(struct gate_json_reader *reader, char **ret_bytes, size_t *ret_length);

/* True when nothing but white space is left. */
bool gate_json_reader_at_end(struct gate_json_reader *reader);

#endif
