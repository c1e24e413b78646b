#include "sim/fields.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "core/number.h"
#include "core/text.h"
#include "sim/answer.h"

/* What a reader carries from field to field. */
struct reading {
    struct gate_sim_exchange *exchange;
    const struct gate_sim_field *fields;
    struct gate_sim_value *values; /* NULL inside nested messages */
    bool failed;
};

static int64_t count_characters(const char *text) {
    int64_t count = 0;
    for (; *text != '\0'; text++) {
        count += ((unsigned char)*text & 0xC0) != 0x80;
    }
    return count;
}

static bool is_name(const char *text) {
    for (; *text != '\0'; text++) {
        if (!isalnum((unsigned char)*text) && strchr("_: -", *text) == NULL) {
            return false;
        }
    }
    return true;
}

/* Does `given` name the field, as written in the schema or in lowerCamelCase? */
static bool names_field(const char *given, const char *name) {
    if (gate_text_equal(given, name)) {
        return true;
    }
    while (*name != '\0') {
        bool raised = *name == '_' && name[1] != '\0';
        int wanted = raised ? toupper((unsigned char)name[1]) : (unsigned char)*name;
        if ((unsigned char)*given != wanted) {
            return false;
        }
        given++;
        name += raised ? 2 : 1;
    }
    return *given == '\0';
}

static const struct gate_sim_field *find_field(const struct gate_sim_field *fields,
                                               const char *given) {
    for (; fields->name != NULL; fields++) {
        if (names_field(given, fields->name)) {
            return fields;
        }
    }
    return NULL;
}

static bool check_text(struct reading *reading, const struct gate_sim_field *field,
                       const char *text) {
    struct gate_sim_exchange *exchange = reading->exchange;
    int64_t length = count_characters(text);
    if (field->max > 0 && length > field->max) {
        gate_sim_answer_violation(exchange, field->name, "string.max_len",
                                  "%s must be at most %d characters", field->name, (int)field->max);
        return false;
    }
    if (length > 0 && length < field->min) {
        gate_sim_answer_violation(exchange, field->name, "string.min_len",
                                  "%s must be at least %d characters", field->name,
                                  (int)field->min);
        return false;
    }
    bool named = field->kind == GATE_SIM_FIELD_NAME || field->kind == GATE_SIM_FIELD_NAMES;
    if (named && !is_name(text)) {
        gate_sim_answer_violation(exchange, field->name, "string.pattern",
                                  "%s does not match ^[a-zA-Z0-9_: -]*$", field->name);
        return false;
    }
    if (length > 0 && field->prefix != NULL && !gate_text_starts_with(text, field->prefix)) {
        gate_sim_answer_violation(exchange, field->name, "string.prefix",
                                  "%s does not have prefix %s", field->name, field->prefix);
        return false;
    }
    return true;
}

static bool refuse_type(struct reading *reading, const struct gate_sim_field *field) {
    gate_sim_answer_error(reading->exchange, 400, "INVALID_ARGUMENT", "invalid value for field %s",
                          field->name);
    return false;
}

static bool add_text(struct reading *reading, const struct gate_sim_field *field,
                     struct gate_sim_value *value, const char *text) {
    bool listed = field->kind == GATE_SIM_FIELD_NAMES || field->kind == GATE_SIM_FIELD_TEXTS;
    if (!check_text(reading, field, text)) {
        return false;
    }
    gate_arena *arena = reading->exchange->ctx->arena;
    if (!listed) {
        value->text = *text == '\0' ? NULL : gate_arena_strdup(arena, text);
        return true;
    }
    if (field->kind == GATE_SIM_FIELD_NAMES && (*text == '\0' || value->text_count >= 20)) {
        gate_sim_answer_violation(reading->exchange, field->name, "repeated.max_items",
                                  "%s takes up to 20 names of one character or more", field->name);
        return false;
    }
    if (value->texts == NULL) {
        value->texts = gate_arena_alloc_array(arena, GATE_SIM_FIELDS_MAX, sizeof *value->texts);
    }
    if (value->text_count == GATE_SIM_FIELDS_MAX) {
        return refuse_type(reading, field);
    }
    value->texts[value->text_count++] = gate_arena_strdup(arena, text);
    return true;
}

static bool set_number(struct reading *reading, const struct gate_sim_field *field,
                       struct gate_sim_value *value, int64_t number) {
    if (number < 0 || number > UINT32_MAX) {
        return refuse_type(reading, field);
    }
    if (field->max > 0 && number > field->max) {
        gate_sim_answer_violation(reading->exchange, field->name, "uint32.lte",
                                  "%s must be at most %d", field->name, (int)field->max);
        return false;
    }
    value->number = number;
    return true;
}

static bool check_message(struct gate_sim_exchange *exchange, const gate_json *json,
                          const struct gate_sim_field *fields, struct gate_sim_value *values);

static bool read_json_list(struct reading *reading, const struct gate_sim_field *field,
                           const gate_json *json, struct gate_sim_value *value) {
    if (!gate_json_is_array(json)) {
        return refuse_type(reading, field);
    }
    for (size_t i = 0; i < gate_json_length(json); i++) {
        const char *text = gate_json_text(gate_json_element(json, i));
        if (text == NULL) {
            return refuse_type(reading, field);
        }
        if (!add_text(reading, field, value, text)) {
            return false;
        }
    }
    return true;
}

static bool read_json_value(struct reading *reading, const struct gate_sim_field *field,
                            const gate_json *object, const char *given, const gate_json *json,
                            struct gate_sim_value *value) {
    int64_t number = 0;
    value->json = json;
    switch (field->kind) {
    case GATE_SIM_FIELD_TEXT:
    case GATE_SIM_FIELD_NAME:
        return gate_json_text(json) == NULL ? refuse_type(reading, field)
                                            : add_text(reading, field, value, gate_json_text(json));
    case GATE_SIM_FIELD_NAMES:
    case GATE_SIM_FIELD_TEXTS:
        return read_json_list(reading, field, json, value);
    case GATE_SIM_FIELD_NUMBER:
        return gate_json_member_integer(object, given, &number)
                   ? set_number(reading, field, value, number)
                   : refuse_type(reading, field);
    case GATE_SIM_FIELD_SIGNED:
        return gate_json_member_integer(object, given, &value->number) ||
               refuse_type(reading, field);
    case GATE_SIM_FIELD_BOOL:
        if (gate_json_is_text(json) || gate_json_is_number(json) || gate_json_is_object(json) ||
            gate_json_is_array(json)) {
            return refuse_type(reading, field);
        }
        value->number = gate_json_member_bool(object, given);
        return true;
    case GATE_SIM_FIELD_STRUCT:
        return gate_json_is_object(json) || refuse_type(reading, field);
    case GATE_SIM_FIELD_MESSAGE:
        break;
    }
    return gate_json_is_object(json) ? check_message(reading->exchange, json, field->members, NULL)
                                     : refuse_type(reading, field);
}

struct member_visit {
    struct reading reading;
    const gate_json *object;
    bool seen[GATE_SIM_FIELDS_MAX];
};

static bool visit_member(const char *name, const gate_json *json, void *state) {
    struct member_visit *visit = state;
    struct reading *reading = &visit->reading;
    const struct gate_sim_field *field = find_field(reading->fields, name);
    if (field == NULL) {
        gate_sim_answer_error(reading->exchange, 400, "INVALID_ARGUMENT",
                              "proto: (line 1): unknown field \"%s\"", name);
        reading->failed = true;
        return false;
    }
    size_t index = (size_t)(field - reading->fields);
    if (visit->seen[index]) { /* the same field in both spellings */
        reading->failed = !refuse_type(reading, field);
        return false;
    }
    visit->seen[index] = true;
    if (gate_json_is_null(json)) {
        return true;
    }
    struct gate_sim_value unkept = {0};
    struct gate_sim_value *value = reading->values == NULL ? &unkept : &reading->values[index];
    reading->failed = !read_json_value(reading, field, visit->object, name, json, value);
    return !reading->failed;
}

static bool check_message(struct gate_sim_exchange *exchange, const gate_json *json,
                          const struct gate_sim_field *fields, struct gate_sim_value *values) {
    struct member_visit visit = {{exchange, fields, values, false}, json, {false}};
    gate_json_each(json, visit_member, &visit);
    return !visit.reading.failed;
}

static bool is_present(const struct gate_sim_value *value) {
    return value->text != NULL || value->text_count > 0 || value->json != NULL ||
           value->number != 0;
}

static bool check_required(struct gate_sim_exchange *exchange, const struct gate_sim_input *input) {
    for (size_t i = 0; input->fields[i].name != NULL; i++) {
        const struct gate_sim_field *field = &input->fields[i];
        bool textual = field->kind == GATE_SIM_FIELD_TEXT || field->kind == GATE_SIM_FIELD_NAME;
        bool present = textual ? input->values[i].text != NULL : is_present(&input->values[i]);
        if (field->required && !present) {
            gate_sim_answer_violation(exchange, field->name, "required", "%s: value is required",
                                      field->name);
            return false;
        }
    }
    return true;
}

static void start_input(struct gate_sim_exchange *exchange, const struct gate_sim_field *fields,
                        struct gate_sim_input *input) {
    input->fields = fields;
    input->values =
        gate_arena_alloc_array(exchange->ctx->arena, GATE_SIM_FIELDS_MAX, sizeof *input->values);
}

bool gate_sim_input_read_body(struct gate_sim_exchange *exchange,
                              const struct gate_sim_field *fields,
                              struct gate_sim_input *ret_input) {
    start_input(exchange, fields, ret_input);
    const gate_json *json = NULL;
    if (exchange->body.length > 0) {
        enum gate_err err = gate_json_parse(exchange->ctx, gate_buffer_text(&exchange->body),
                                            exchange->body.length, &json);
        if (err != GATE_OK || !gate_json_is_object(json)) {
            gate_sim_answer_error(exchange, 400, "INVALID_ARGUMENT", "proto: syntax error: %s",
                                  err == GATE_OK ? "unexpected token"
                                                 : exchange->ctx->error.message);
            return false;
        }
        if (!check_message(exchange, json, fields, ret_input->values)) {
            return false;
        }
    }
    return check_required(exchange, ret_input);
}

static bool read_query_value(struct reading *reading, const struct gate_sim_field *field,
                             const char *text, struct gate_sim_value *value) {
    int64_t number = 0;
    if (field->kind == GATE_SIM_FIELD_NUMBER) {
        return gate_number_parse(text, 0, UINT32_MAX, &number) == GATE_OK
                   ? set_number(reading, field, value, number)
                   : refuse_type(reading, field);
    }
    if (field->kind == GATE_SIM_FIELD_BOOL) {
        value->number = gate_text_equal(text, "true");
        return value->number || gate_text_equal(text, "false") || refuse_type(reading, field);
    }
    if (field->kind == GATE_SIM_FIELD_STRUCT || field->kind == GATE_SIM_FIELD_MESSAGE ||
        field->kind == GATE_SIM_FIELD_SIGNED) {
        return refuse_type(reading, field);
    }
    return add_text(reading, field, value, text);
}

bool gate_sim_input_read_query(struct gate_sim_exchange *exchange,
                               const struct gate_sim_field *fields,
                               struct gate_sim_input *ret_input) {
    start_input(exchange, fields, ret_input);
    struct reading reading = {exchange, fields, ret_input->values, false};
    for (size_t i = 0; i < exchange->query.count; i++) {
        const struct gate_sim_pair *pair = &exchange->query.items[i];
        const struct gate_sim_field *field = find_field(fields, pair->name);
        if (field == NULL) {
            gate_sim_answer_error(exchange, 400, "INVALID_ARGUMENT", "unknown field \"%s\"",
                                  pair->name);
            return false;
        }
        struct gate_sim_value *value = &ret_input->values[field - fields];
        if (!read_query_value(&reading, field, pair->value, value)) {
            return false;
        }
    }
    return check_required(exchange, ret_input);
}

const struct gate_sim_value *gate_sim_input_get(const struct gate_sim_input *input,
                                                const char *name) {
    size_t i = 0;
    while (input->fields[i].name != NULL && !gate_text_equal(input->fields[i].name, name)) {
        i++;
    }
    assert(input->fields[i].name != NULL);
    return &input->values[i];
}

const char *gate_sim_input_text(const struct gate_sim_input *input, const char *name) {
    return gate_sim_input_get(input, name)->text;
}

bool gate_sim_value_allows(const struct gate_sim_value *value, const char *text) {
    if (value->text_count == 0) {
        return true;
    }
    for (size_t i = 0; i < value->text_count; i++) {
        if (gate_text_equal(value->texts[i], text)) {
            return true;
        }
    }
    return false;
}

bool gate_sim_text_contains(const char *text, const char *part) {
    if (part == NULL) {
        return true;
    }
    size_t length = strlen(part);
    for (; strlen(text) >= length; text++) {
        if (strncasecmp(text, part, length) == 0) {
            return true;
        }
    }
    return false;
}
