/* Slices of the original text: how a payload passes through with every digit as it came. */
#include <stdlib.h>
#include <string.h>

#include "json/json.h"
#include "json/reader.h"

static void skip_space(struct gate_json_reader *reader) {
    (void)gate_json_reader_at_end(reader);
}

/* Step over a value and give its exact bytes. `depth` as in gate_json_reader_value. */
static bool slice_value(struct gate_json_reader *reader, int depth, const char **ret_value,
                        size_t *ret_length) {
    skip_space(reader);
    size_t from = reader->at;
    if (!gate_json_reader_value(reader, depth, NULL)) {
        return false;
    }
    *ret_value = reader->text + from;
    *ret_length = reader->at - from;
    return true;
}

/* Read `"name":` and say whether it is the one looked for. */
static bool read_name(struct gate_json_reader *reader, const char *wanted, bool *ret_matches) {
    char *name;
    size_t length;
    if (!gate_json_reader_string(reader, &name, &length)) {
        return false;
    }
    *ret_matches = strlen(wanted) == length && memcmp(wanted, name, length) == 0;
    free(name);
    return gate_json_reader_take(reader, ':');
}

enum gate_err gate_json_raw_member(const char *text, size_t length, const char *name,
                                   const char **ret_value, size_t *ret_length) {
    struct gate_json_reader reader;
    gate_json_reader_init(&reader, text, length);
    reader.depth_max =
        GATE_UPSTREAM_JSON_DEPTH_MAX; /* whoever accepted the text had the stricter say */
    if (!gate_json_reader_take(&reader, '{') || gate_json_reader_take(&reader, '}')) {
        return GATE_ERR_NOT_FOUND;
    }
    do {
        bool matches;
        const char *value;
        size_t value_length;
        if (!read_name(&reader, name, &matches) ||
            !slice_value(&reader, 1, &value, &value_length)) {
            return GATE_ERR_NOT_FOUND;
        }
        if (matches) {
            *ret_value = value;
            *ret_length = value_length;
            return GATE_OK;
        }
    } while (gate_json_reader_take(&reader, ','));
    return GATE_ERR_NOT_FOUND;
}

void gate_json_raw_elements(const char *array, size_t array_length,
                            bool (*visit)(const char *value, size_t length, void *state),
                            void *state) {
    struct gate_json_reader reader;
    gate_json_reader_init(&reader, array, array_length);
    if (!gate_json_reader_take(&reader, '[') || gate_json_reader_take(&reader, ']')) {
        return;
    }
    const char *value;
    size_t length;
    do {
        /* The array may have been anywhere in a document that was within the limit. */
        if (!slice_value(&reader, 0, &value, &length) || !visit(value, length, state)) {
            return;
        }
    } while (gate_json_reader_take(&reader, ','));
}
