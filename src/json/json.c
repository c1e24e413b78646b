#include "json/json.h"

#include <string.h>

#include "core/number.h"
#include "json/node.h"
#include "json/reader.h"

static size_t count_lines(const char *text, size_t length) {
    size_t lines = 1;
    for (size_t i = 0; i < length; i++) {
        lines += text[i] == '\n';
    }
    return lines;
}

static void release_tree(void *root) {
    json_object_put(root);
}

/* `ret_root` NULL: only look. */
static enum gate_err read_whole(struct gate_ctx *ctx, struct gate_json_reader *reader,
                                struct json_object **ret_root) {
    bool ok = gate_json_reader_value(reader, 0, ret_root);
    if (ok && !gate_json_reader_at_end(reader)) {
        json_object_put(ret_root == NULL ? NULL : *ret_root);
        reader->problem = "something follows the value";
        reader->problem_at = reader->at;
        ok = false;
    }
    return ok ? GATE_OK
              : gate_fail(ctx, GATE_ERR_INPUT, "line %zu: %s",
                          count_lines(reader->text, reader->problem_at), reader->problem);
}

static enum gate_err parse(struct gate_ctx *ctx, struct gate_json_reader *reader,
                           const gate_json **ret_json) {
    struct json_object *root = NULL;
    enum gate_err err = read_whole(ctx, reader, &root);
    if (err != GATE_OK) {
        return err;
    }
    if (root != NULL) {
        gate_arena_defer(ctx->arena, release_tree, root);
    }
    *ret_json = (const gate_json *)root;
    return GATE_OK;
}

enum gate_err gate_json_parse(struct gate_ctx *ctx, const char *text, size_t length,
                              const gate_json **ret_json) {
    struct gate_json_reader reader;
    gate_json_reader_init(&reader, text, length);
    return parse(ctx, &reader, ret_json);
}

enum gate_err gate_json_parse_envelope(struct gate_ctx *ctx, const char *text, size_t length,
                                       int depth_max, const gate_json **ret_json) {
    struct gate_json_reader reader;
    gate_json_reader_init(&reader, text, length);
    reader.depth_max = depth_max;
    reader.tree_depth = 1;
    reader.checks_names = true;
    return parse(ctx, &reader, ret_json);
}

enum gate_err gate_json_check(struct gate_ctx *ctx, const char *text, size_t length,
                              int depth_max) {
    struct gate_json_reader reader;
    gate_json_reader_init(&reader, text, length);
    reader.depth_max = depth_max;
    reader.checks_names = true;
    return read_whole(ctx, &reader, NULL);
}

static bool is_type(const gate_json *json, enum json_type type) {
    return json != NULL && json_object_is_type(gate_json_node(json), type);
}

bool gate_json_is_object(const gate_json *json) {
    return is_type(json, json_type_object);
}

bool gate_json_is_array(const gate_json *json) {
    return is_type(json, json_type_array);
}

bool gate_json_is_text(const gate_json *json) {
    return is_type(json, json_type_string);
}

bool gate_json_is_number(const gate_json *json) {
    return is_type(json, json_type_int) || is_type(json, json_type_double);
}

bool gate_json_is_null(const gate_json *json) {
    return json == NULL;
}

const gate_json *gate_json_member(const gate_json *object, const char *name) {
    struct json_object *value;
    if (!gate_json_is_object(object) ||
        !json_object_object_get_ex(gate_json_node(object), name, &value)) {
        return NULL;
    }
    return (const gate_json *)value;
}

bool gate_json_has_member(const gate_json *object, const char *name) {
    return gate_json_is_object(object) &&
           json_object_object_get_ex(gate_json_node(object), name, NULL);
}

const char *gate_json_text(const gate_json *json) {
    if (!gate_json_is_text(json)) {
        return NULL;
    }
    const char *text = json_object_get_string(gate_json_node(json));
    size_t length = (size_t)json_object_get_string_len(gate_json_node(json));
    return strlen(text) == length ? text : NULL;
}

const char *gate_json_member_text(const gate_json *object, const char *name) {
    return gate_json_text(gate_json_member(object, name));
}

bool gate_json_member_bool(const gate_json *object, const char *name) {
    const gate_json *value = gate_json_member(object, name);
    return is_type(value, json_type_boolean) && json_object_get_boolean(gate_json_node(value));
}

bool gate_json_member_integer(const gate_json *object, const char *name, int64_t *ret_number) {
    const gate_json *value = gate_json_member(object, name);
    if (is_type(value, json_type_int)) {
        *ret_number = json_object_get_int64(gate_json_node(value));
        return true;
    }
    const char *text = gate_json_text(value);
    return text != NULL && gate_number_parse(text, INT64_MIN, INT64_MAX, ret_number) == GATE_OK;
}

size_t gate_json_length(const gate_json *array) {
    return gate_json_is_array(array) ? json_object_array_length(gate_json_node(array)) : 0;
}

const gate_json *gate_json_element(const gate_json *array, size_t index) {
    if (index >= gate_json_length(array)) {
        return NULL;
    }
    return (const gate_json *)json_object_array_get_idx(gate_json_node(array), index);
}

void gate_json_each(const gate_json *object,
                    bool (*visit)(const char *name, const gate_json *value, void *state),
                    void *state) {
    if (!gate_json_is_object(object)) {
        return;
    }
    struct json_object_iterator at = json_object_iter_begin(gate_json_node(object));
    struct json_object_iterator end = json_object_iter_end(gate_json_node(object));
    while (!json_object_iter_equal(&at, &end)) {
        const gate_json *value = (const gate_json *)json_object_iter_peek_value(&at);
        if (!visit(json_object_iter_peek_name(&at), value, state)) {
            return;
        }
        json_object_iter_next(&at);
    }
}

struct unknown_search {
    const char *const *known;
    const char *found;
};

static bool note_unknown(const char *name, const gate_json *value, void *state) {
    struct unknown_search *search = state;
    (void)value;
    for (const char *const *known = search->known; *known != NULL; known++) {
        if (strcmp(*known, name) == 0) {
            return true;
        }
    }
    search->found = name;
    return false;
}

const char *gate_json_unknown_member(const gate_json *object, const char *const *known) {
    struct unknown_search search = {.known = known};
    gate_json_each(object, note_unknown, &search);
    return search.found;
}
