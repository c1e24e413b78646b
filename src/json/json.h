/* Reading JSON: strict (RFC 8259), bounded, without surprises.
 *
 * The only place for json-c. A `gate_json` is a borrowed node: the document belongs to the arena it
 * was parsed into. Threads: confined (json-c's counts are not atomic). Errors: GATE_ERR_INPUT with
 * a sentence and the place ("line 3: …") for text that is no JSON, is not UTF-8, repeats a key, or
 * is nested deeper than GATE_JSON_DEPTH_MAX. Never logs.
 */
#ifndef GATE_JSON_JSON_H
#define GATE_JSON_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/context.h"

typedef struct gate_json gate_json;

/* Parse a whole text. The bytes are not kept. */
enum gate_err gate_json_parse(struct gate_ctx *ctx, const char *text, size_t length,
                              const gate_json **ret_json) GATE_MUST_CHECK;

/* The same checks, but arrays and objects inside the root are kept empty, for payloads that are
 * passed on by gate_json_raw_member: a megabyte of small values would otherwise become tens of
 * megabytes for as long as the request lives. `depth_max` takes the place of GATE_JSON_DEPTH_MAX.
 */
enum gate_err gate_json_parse_envelope(struct gate_ctx *ctx, const char *text, size_t length,
                                       int depth_max, const gate_json **ret_json) GATE_MUST_CHECK;

/* The same checks alone, for a text of which nothing is kept. */
enum gate_err gate_json_check(struct gate_ctx *ctx, const char *text, size_t length,
                              int depth_max) GATE_MUST_CHECK;

bool gate_json_is_object(const gate_json *json);
bool gate_json_is_array(const gate_json *json);
bool gate_json_is_text(const gate_json *json);
bool gate_json_is_number(const gate_json *json);
bool gate_json_is_null(const gate_json *json); /* also true for an absent member (NULL) */

/* All getters accept NULL and nodes of another type, and then give the "absent" answer. */
const gate_json *gate_json_member(const gate_json *object, const char *name); /* NULL if absent */
bool gate_json_has_member(const gate_json *object, const char *name); /* true also for null */
const char *
gate_json_text(const gate_json *json); /* NULL if no text; text with a NUL inside counts as none */
const char *gate_json_member_text(const gate_json *object, const char *name);
bool gate_json_member_bool(const gate_json *object, const char *name); /* false if absent */
/* An integer, also one written as text (protojson's int64). */
bool gate_json_member_integer(const gate_json *object, const char *name, int64_t *ret_number);
size_t gate_json_length(const gate_json *array);
const gate_json *gate_json_element(const gate_json *array, size_t index);

/* Walk the members of an object in order; false from `visit` stops. */
void gate_json_each(const gate_json *object,
                    bool (*visit)(const char *name, const gate_json *value, void *state),
                    void *state);

/* The first member whose name is not in the NULL-terminated list, or NULL. */
const char *gate_json_unknown_member(const gate_json *object, const char *const *known);

/* Find the exact bytes of a top-level member's value in a text that gate_json_parse accepted, so
 * that it can be passed on with every digit as it came. GATE_ERR_NOT_FOUND when absent. */
enum gate_err gate_json_raw_member(const char *text, size_t length, const char *name,
                                   const char **ret_value, size_t *ret_length) GATE_MUST_CHECK;

/* Walk the elements of a top-level array value the same way: `array`/`array_length` are the exact
 * bytes of an array as gate_json_raw_member gave them. false from `visit` stops. */
void gate_json_raw_elements(const char *array, size_t array_length,
                            bool (*visit)(const char *value, size_t length, void *state),
                            void *state);

#endif
