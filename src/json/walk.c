#include "json/walk.h"

#include <stdlib.h>
#include <string.h>

#include "core/limits.h"
#include "json/reader.h"

struct walk {
    struct gate_json_reader reader;
    bool (*visit)(const struct gate_json_step *step, void *state);
    void *state;
};

/* A text's bytes: the document's own where nothing in it is escaped, else a copy to free. */
struct chars {
    const char *bytes;
    size_t length;
    char *copy;
};

static bool read_chars(struct gate_json_reader *reader, struct chars *ret_chars) {
    const char *from = reader->text + reader->at + 1;
    size_t left = reader->length - reader->at - 1;
    const char *quote = memchr(from, '"', left);
    if (quote != NULL && memchr(from, '\\', (size_t)(quote - from)) == NULL) {
        *ret_chars = (struct chars){from, (size_t)(quote - from), NULL};
        reader->at = (size_t)(quote - reader->text) + 1;
        return true;
    }
    struct chars chars;
    if (!gate_json_reader_string(reader, &chars.copy, &chars.length)) {
        return false;
    }
    chars.bytes = chars.copy;
    *ret_chars = chars;
    return true;
}

static bool walk_value(struct walk *walk, int depth, const char *name, size_t name_length);

static bool walk_members(struct walk *walk, int depth) {
    struct gate_json_reader *reader = &walk->reader;
    if (gate_json_reader_take(reader, '}')) {
        return true;
    }
    do {
        struct chars name;
        (void)gate_json_reader_at_end(reader); /* steps over white space */
        if (reader->at >= reader->length || !read_chars(reader, &name)) {
            return false;
        }
        bool ok =
            gate_json_reader_take(reader, ':') && walk_value(walk, depth, name.bytes, name.length);
        free(name.copy);
        if (!ok) {
            return false;
        }
    } while (gate_json_reader_take(reader, ','));
    return gate_json_reader_take(reader, '}');
}

static bool walk_elements(struct walk *walk, int depth) {
    struct gate_json_reader *reader = &walk->reader;
    if (gate_json_reader_take(reader, ']')) {
        return true;
    }
    do {
        if (!walk_value(walk, depth, NULL, 0)) {
            return false;
        }
    } while (gate_json_reader_take(reader, ','));
    return gate_json_reader_take(reader, ']');
}

static bool walk_container(struct walk *walk, int depth, struct gate_json_step *step) {
    static const struct gate_json_step end = {.kind = GATE_JSON_STEP_END};
    bool is_object = walk->reader.text[walk->reader.at++] == '{';
    step->kind = is_object ? GATE_JSON_STEP_OBJECT : GATE_JSON_STEP_ARRAY;
    return depth < GATE_UPSTREAM_JSON_DEPTH_MAX && walk->visit(step, walk->state) &&
           (is_object ? walk_members(walk, depth + 1) : walk_elements(walk, depth + 1)) &&
           walk->visit(&end, walk->state);
}

static bool walk_text(struct walk *walk, struct gate_json_step *step) {
    struct chars chars;
    if (!read_chars(&walk->reader, &chars)) {
        return false;
    }
    step->kind = GATE_JSON_STEP_TEXT;
    step->text = chars.bytes;
    step->length = chars.length;
    bool goes_on = walk->visit(step, walk->state);
    free(chars.copy);
    return goes_on;
}

static enum gate_json_step_kind scalar_kind(char first) {
    switch (first) {
    case 't':
        return GATE_JSON_STEP_TRUE;
    case 'f':
        return GATE_JSON_STEP_FALSE;
    case 'n':
        return GATE_JSON_STEP_NULL;
    default:
        return GATE_JSON_STEP_NUMBER;
    }
}

static bool walk_value(struct walk *walk, int depth, const char *name, size_t name_length) {
    struct gate_json_reader *reader = &walk->reader;
    struct gate_json_step step = {.name = name, .name_length = name_length};
    if (gate_json_reader_at_end(reader)) {
        return false;
    }
    const char *from = reader->text + reader->at;
    if (*from == '{' || *from == '[') {
        return walk_container(walk, depth, &step);
    }
    if (*from == '"') {
        return walk_text(walk, &step);
    }
    if (!gate_json_reader_value(reader, depth, NULL)) {
        return false;
    }
    step.kind = scalar_kind(*from);
    step.text = from;
    step.length = (size_t)(reader->text + reader->at - from);
    return walk->visit(&step, walk->state);
}

bool gate_json_walk(const char *text, size_t length,
                    bool (*visit)(const struct gate_json_step *step, void *state), void *state) {
    struct walk walk = {.visit = visit, .state = state};
    gate_json_reader_init(&walk.reader, text, length);
    return walk_value(&walk, 0, NULL, 0);
}
