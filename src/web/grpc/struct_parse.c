/* JSON as a Struct. Every length stands before what it measures, so the text is gone through twice:
 * first for the sizes of its objects and arrays, then to write. */
#include <stdlib.h>
#include <string.h>

#include "web/grpc/struct.h"
#include "web/grpc/struct_fields.h"
#include "web/grpc/wire.h"
#include "json/walk.h"

/* An object or array that is open. */
struct level {
    bool is_object;
    size_t index; /* in `sizes` */
    uint64_t size;
    bool is_member;
    size_t name_length;
};

struct parsing {
    struct gate_buffer sizes;   /* uint32_t each, in the order in which objects and arrays begin */
    size_t next;                /* the one that begins next, while writing */
    struct gate_buffer *output; /* while writing */
    struct level levels[GATE_UPSTREAM_JSON_DEPTH_MAX];
    size_t depth;
    uint64_t whole; /* size of the outermost object */
};

/* A length and so many bytes, behind a key of one byte. */
static uint64_t size_delimited(uint64_t length) {
    return 1 + gate_wire_varint_bytes(length) + length;
}

static uint64_t size_scalar(const struct gate_json_step *step) {
    switch (step->kind) {
    case GATE_JSON_STEP_TEXT:
        return size_delimited(step->length);
    case GATE_JSON_STEP_NUMBER:
        return 1 + sizeof(double);
    default:
        return 2;
    }
}

static uint64_t size_entry(size_t name_length, uint64_t value_size) {
    return size_delimited(name_length) + size_delimited(value_size);
}

/* What a Value takes in its list, or with its name in its struct. */
static uint64_t size_item(bool is_member, size_t name_length, uint64_t value_size) {
    return size_delimited(is_member ? size_entry(name_length, value_size) : value_size);
}

/* ---- first: sizes ---- */

static void begin_level(struct parsing *parsing, const struct gate_json_step *step) {
    const uint32_t unknown = 0;
    parsing->levels[parsing->depth++] = (struct level){
        .is_object = step->kind == GATE_JSON_STEP_OBJECT,
        .index = parsing->sizes.length / sizeof unknown,
        .is_member = step->name != NULL,
        .name_length = step->name_length,
    };
    gate_buffer_append(&parsing->sizes, &unknown, sizeof unknown);
}

static void end_level(struct parsing *parsing) {
    const struct level *level = &parsing->levels[--parsing->depth];
    const uint32_t size = (uint32_t)level->size;
    memcpy(parsing->sizes.data + level->index * sizeof size, &size, sizeof size);
    if (parsing->depth == 0) {
        parsing->whole = level->size;
        return;
    }
    parsing->levels[parsing->depth - 1].size +=
        size_item(level->is_member, level->name_length, size_delimited(level->size));
}

static bool measure(const struct gate_json_step *step, void *state) {
    struct parsing *parsing = state;
    switch (step->kind) {
    case GATE_JSON_STEP_OBJECT:
    case GATE_JSON_STEP_ARRAY:
        begin_level(parsing, step);
        return !parsing->sizes.overflowed;
    case GATE_JSON_STEP_END:
        end_level(parsing);
        break;
    default:
        if (parsing->depth == 0) {
            return false; /* no object at all */
        }
        parsing->levels[parsing->depth - 1].size +=
            size_item(step->name != NULL, step->name_length, size_scalar(step));
    }
    /* Far beyond what any answer may have, and before a size would be too large for its type. */
    return parsing->depth == 0 || parsing->levels[parsing->depth - 1].size <= INT32_MAX;
}

/* ---- then: bytes ---- */

static void write_prefix(struct gate_buffer *output, uint32_t number, uint64_t length) {
    gate_wire_write_key(output, number, GATE_WIRE_BYTES);
    gate_wire_write_varint(output, length);
}

/* Everything in front of a Value's own bytes. */
static void begin_item(struct gate_buffer *output, const struct gate_json_step *step,
                       uint64_t value_size) {
    if (step->name == NULL) {
        write_prefix(output, LIST_VALUES, value_size);
        return;
    }
    write_prefix(output, STRUCT_FIELDS, size_entry(step->name_length, value_size));
    write_prefix(output, ENTRY_KEY, step->name_length);
    gate_buffer_append(output, step->name, step->name_length);
    write_prefix(output, ENTRY_VALUE, value_size);
}

static void write_container(struct parsing *parsing, const struct gate_json_step *step) {
    uint32_t size;
    bool is_root = parsing->next == 0;
    memcpy(&size, parsing->sizes.data + parsing->next++ * sizeof size, sizeof size);
    if (!is_root) {
        begin_item(parsing->output, step, size_delimited(size));
        write_prefix(parsing->output,
                     step->kind == GATE_JSON_STEP_OBJECT ? VALUE_STRUCT : VALUE_LIST, size);
    }
}

static void write_number(struct gate_buffer *output, const struct gate_json_step *step) {
    char digits[64];
    char *copy = NULL;
    if (step->length >= sizeof digits) { /* all of them count for rounding */
        copy = strndup(step->text, step->length);
        if (copy == NULL) {
            abort();
        }
    } else {
        memcpy(digits, step->text, step->length);
        digits[step->length] = '\0';
    }
    const double number = strtod(copy == NULL ? digits : copy, NULL);
    free(copy);
    uint64_t bits;
    unsigned char bytes[sizeof bits];
    memcpy(&bits, &number, sizeof bits);
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (unsigned char)(bits >> (8 * i));
    }
    gate_wire_write_key(output, VALUE_NUMBER, GATE_WIRE_FIXED64);
    gate_buffer_append(output, bytes, sizeof bytes);
}

static void write_flag(struct gate_buffer *output, uint32_t number, bool value) {
    gate_wire_write_key(output, number, GATE_WIRE_VARINT);
    gate_wire_write_varint(output, value);
}

static bool write_step(const struct gate_json_step *step, void *state) {
    struct parsing *parsing = state;
    struct gate_buffer *output = parsing->output;
    if (step->kind == GATE_JSON_STEP_END) {
        return true;
    }
    if (step->kind == GATE_JSON_STEP_OBJECT || step->kind == GATE_JSON_STEP_ARRAY) {
        write_container(parsing, step);
        return true;
    }
    begin_item(output, step, size_scalar(step));
    switch (step->kind) {
    case GATE_JSON_STEP_TEXT:
        write_prefix(output, VALUE_TEXT, step->length);
        gate_buffer_append(output, step->text, step->length);
        break;
    case GATE_JSON_STEP_NUMBER:
        write_number(output, step);
        break;
    case GATE_JSON_STEP_NULL:
        write_flag(output, VALUE_NULL, false);
        break;
    default:
        write_flag(output, VALUE_BOOL, step->kind == GATE_JSON_STEP_TRUE);
    }
    return true;
}

enum gate_err gate_struct_parse_json(struct gate_ctx *ctx, const char *text, size_t length,
                                     struct gate_buffer *buffer) {
    struct parsing parsing = {.output = buffer};
    gate_buffer_init(&parsing.sizes, 2 * (length + sizeof(uint32_t)));
    bool is_measured = gate_json_walk(text, length, measure, &parsing);
    enum gate_err err = GATE_OK;
    if (!parsing.levels[0].is_object) {
        err = gate_fail(ctx, GATE_ERR_UPSTREAM, "an object was expected for a Struct");
    } else if (!is_measured || parsing.whole > buffer->max_bytes - buffer->length) {
        err = gate_fail(ctx, GATE_ERR_TOO_LARGE, "An object is too long as a Struct.");
    } else if (!gate_json_walk(text, length, write_step, &parsing)) {
        err = gate_fail(ctx, GATE_ERR_INTERNAL, "a text that was measured could not be written");
    }
    gate_buffer_done(&parsing.sizes);
    return err;
}
