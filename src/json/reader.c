#include "json/reader.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/limits.h"
#include "core/text.h"

void gate_json_reader_init(struct gate_json_reader *reader, const char *text, size_t length) {
    *reader = (struct gate_json_reader){
        .text = text,
        .length = length,
        .depth_max = GATE_JSON_DEPTH_MAX,
        .tree_depth = INT_MAX,
    };
}

static bool refuse_at(struct gate_json_reader *reader, size_t at, const char *problem) {
    if (reader->problem == NULL) {
        reader->problem = problem;
        reader->problem_at = at;
    }
    return false;
}

static bool refuse(struct gate_json_reader *reader, const char *problem) {
    return refuse_at(reader, reader->at, problem);
}

/* The next byte, or -1 at the end. */
static int peek(const struct gate_json_reader *reader) {
    return reader->at < reader->length ? (unsigned char)reader->text[reader->at] : -1;
}

static void skip_space(struct gate_json_reader *reader) {
    for (int byte = peek(reader); byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
         byte = peek(reader)) {
        reader->at++;
    }
}

bool gate_json_reader_take(struct gate_json_reader *reader, char byte) {
    skip_space(reader);
    if (peek(reader) != (unsigned char)byte) {
        return false;
    }
    reader->at++;
    return true;
}

bool gate_json_reader_at_end(struct gate_json_reader *reader) {
    skip_space(reader);
    return reader->at == reader->length;
}

static int hex_value(int digit) {
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    if (digit >= 'a' && digit <= 'f') {
        return digit - 'a' + 10;
    }
    return digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

/* The value of four hex digits at `at`, or -1. */
static int32_t read_hex4(const char *at, const char *end) {
    int32_t value = 0;
    if (end - at < 4) {
        return -1;
    }
    for (int i = 0; i < 4; i++) {
        int digit = hex_value((unsigned char)at[i]);
        if (digit < 0) {
            return -1;
        }
        value = value << 4 | digit;
    }
    return value;
}

/* Step over a string token, opening quote included, and leave its inside in [*ret_from, *ret_to).
 */
static bool skip_string(struct gate_json_reader *reader, size_t *ret_from, size_t *ret_to) {
    if (!gate_json_reader_take(reader, '"')) {
        return refuse(reader, "a text in double quotes was expected");
    }
    size_t from = reader->at;
    const char *end = reader->text + reader->length;
    for (int byte = peek(reader); byte != '"'; byte = peek(reader)) {
        if (byte < 0) {
            return refuse_at(reader, from, "a text has no closing quote");
        }
        if (byte < 0x20) {
            return refuse(reader, "a control character inside a text is not escaped");
        }
        reader->at++;
        if (byte != '\\') {
            continue;
        }
        int escape = peek(reader);
        if (escape <= 0 || strchr("\"\\/bfnrtu", escape) == NULL) {
            return refuse(reader, "an escape sequence is not known");
        }
        if (escape == 'u' && read_hex4(reader->text + reader->at + 1, end) < 0) {
            return refuse(reader, "an escape sequence lacks its four hex digits");
        }
        reader->at++;
    }
    if (!gate_text_is_utf8(reader->text + from, reader->at - from)) {
        return refuse_at(reader, from, "a text is not UTF-8");
    }
    *ret_from = from;
    *ret_to = reader->at++;
    return true;
}

static char *write_utf8(char *out, int32_t point) {
    if (point < 0x80) {
        *out++ = (char)point;
    } else if (point < 0x800) {
        *out++ = (char)(0xC0 | point >> 6);
        *out++ = (char)(0x80 | (point & 0x3F));
    } else if (point < 0x10000) {
        *out++ = (char)(0xE0 | point >> 12);
        *out++ = (char)(0x80 | (point >> 6 & 0x3F));
        *out++ = (char)(0x80 | (point & 0x3F));
    } else {
        *out++ = (char)(0xF0 | point >> 18);
        *out++ = (char)(0x80 | (point >> 12 & 0x3F));
        *out++ = (char)(0x80 | (point >> 6 & 0x3F));
        *out++ = (char)(0x80 | (point & 0x3F));
    }
    return out;
}

static bool is_surrogate(int32_t unit, int32_t first) {
    return unit >= first && unit < first + 0x400;
}

/* Decode \uXXXX, `*in` behind the 'u'. Half a surrogate pair (JavaScript cuts emoji that way)
 * becomes U+FFFD rather than the end of an otherwise good answer. */
static int32_t read_code_point(const char **in, const char *end) {
    int32_t unit = read_hex4(*in, end);
    *in += 4;
    if (is_surrogate(unit, 0xDC00)) {
        return 0xFFFD;
    }
    if (!is_surrogate(unit, 0xD800)) {
        return unit;
    }
    int32_t low =
        end - *in >= 6 && (*in)[0] == '\\' && (*in)[1] == 'u' ? read_hex4(*in + 2, end) : -1;
    if (!is_surrogate(low, 0xDC00)) {
        return 0xFFFD;
    }
    *in += 6;
    return 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
}

static char unescape_byte(char escape) {
    switch (escape) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return escape; /* '"', '\\' and '/' stand for themselves */
    }
}

/* An unescaped text is never longer than its escaped form. */
static size_t unescape(char *out, const char *in, size_t length) {
    const char *start = out;
    const char *end = in + length;
    while (in < end) {
        if (*in != '\\') {
            *out++ = *in++;
            continue;
        }
        char escape = in[1];
        in += 2;
        if (escape == 'u') {
            out = write_utf8(out, read_code_point(&in, end));
        } else {
            *out++ = unescape_byte(escape);
        }
    }
    *out = '\0';
    return (size_t)(out - start);
}

bool gate_json_reader_string(struct gate_json_reader *reader, char **ret_bytes,
                             size_t *ret_length) {
    size_t from;
    size_t to;
    if (!skip_string(reader, &from, &to)) {
        return false;
    }
    char *bytes = malloc(to - from + 1);
    if (bytes == NULL) {
        abort();
    }
    *ret_length = unescape(bytes, reader->text + from, to - from);
    *ret_bytes = bytes;
    return true;
}

static bool read_string(struct gate_json_reader *reader, struct json_object **ret_value) {
    size_t from;
    size_t to;
    if (ret_value == NULL) {
        return skip_string(reader, &from, &to);
    }
    char *bytes;
    size_t length;
    if (!gate_json_reader_string(reader, &bytes, &length)) {
        return false;
    }
    /* Texts are far below json-c's limit of INT_MAX: every body has a smaller maximum. */
    *ret_value = json_object_new_string_len(bytes, (int)length);
    free(bytes);
    return true;
}

static bool skip_digits(struct gate_json_reader *reader) {
    size_t from = reader->at;
    while (peek(reader) >= '0' && peek(reader) <= '9') {
        reader->at++;
    }
    return reader->at > from;
}

/* Step over a number token and say whether it is an integer. */
static bool skip_number(struct gate_json_reader *reader, bool *ret_is_integer) {
    size_t from = reader->at;
    bool is_integer = true;
    if (peek(reader) == '-') {
        reader->at++;
    }
    bool leading_zero = peek(reader) == '0';
    size_t digits = reader->at;
    if (!skip_digits(reader) || (leading_zero && reader->at > digits + 1)) {
        return refuse_at(reader, from, "a number is not well formed");
    }
    if (peek(reader) == '.') {
        is_integer = false;
        reader->at++;
        if (!skip_digits(reader)) {
            return refuse_at(reader, from, "a number is not well formed");
        }
    }
    if (peek(reader) == 'e' || peek(reader) == 'E') {
        is_integer = false;
        reader->at++;
        if (peek(reader) == '+' || peek(reader) == '-') {
            reader->at++;
        }
        if (!skip_digits(reader)) {
            return refuse_at(reader, from, "a number is not well formed");
        }
    }
    *ret_is_integer = is_integer;
    return true;
}

/* An int64 is kept as such; every other number keeps its spelling beside its approximate value, so
 * that it is written again with the digits it came with. */
static struct json_object *make_number(const char *spelling, bool is_integer) {
    errno = 0;
    long long integer = strtoll(spelling, NULL, 10);
    if (is_integer && errno == 0 && strcmp(spelling, "-0") != 0) {
        return json_object_new_int64(integer);
    }
    return json_object_new_double_s(strtod(spelling, NULL), spelling);
}

static bool read_number(struct gate_json_reader *reader, struct json_object **ret_value) {
    size_t from = reader->at;
    bool is_integer;
    if (!skip_number(reader, &is_integer)) {
        return false;
    }
    if (ret_value == NULL) {
        return true;
    }
    char *spelling = strndup(reader->text + from, reader->at - from);
    if (spelling == NULL) {
        abort();
    }
    *ret_value = make_number(spelling, is_integer);
    free(spelling);
    return true;
}

static bool skip_word(struct gate_json_reader *reader, const char *word) {
    size_t length = strlen(word);
    if (reader->length - reader->at < length ||
        memcmp(reader->text + reader->at, word, length) != 0) {
        return refuse(reader, "a value was expected");
    }
    reader->at += length;
    return true;
}

static bool read_bool(struct gate_json_reader *reader, struct json_object **ret_value) {
    bool value = peek(reader) == 't';
    if (!skip_word(reader, value ? "true" : "false")) {
        return false;
    }
    if (ret_value != NULL) {
        *ret_value = json_object_new_boolean(value);
    }
    return true;
}

static bool read_null(struct gate_json_reader *reader, struct json_object **ret_value) {
    if (!skip_word(reader, "null")) {
        return false;
    }
    if (ret_value != NULL) {
        *ret_value = NULL;
    }
    return true;
}

static bool read_member_value(struct gate_json_reader *reader, int depth,
                              struct json_object **ret_value) {
    if (!gate_json_reader_take(reader, ':')) {
        return refuse(reader, "a colon was expected");
    }
    return gate_json_reader_value(reader, depth, ret_value);
}

/* Read a member into `object`, or with `keeps_value` false only its name. */
static bool add_member(struct gate_json_reader *reader, int depth, struct json_object *object,
                       bool keeps_value) {
    char *name;
    size_t name_length;
    skip_space(reader);
    size_t name_at = reader->at;
    if (!gate_json_reader_string(reader, &name, &name_length)) {
        return false;
    }
    struct json_object *value = NULL;
    bool ok = true;
    if (strlen(name) != name_length) {
        ok = refuse_at(reader, name_at, "a member name holds a NUL character");
    } else if (json_object_object_get_ex(object, name, NULL)) {
        ok = refuse_at(reader, name_at, "a member name is repeated");
    } else if (read_member_value(reader, depth, keeps_value ? &value : NULL)) {
        json_object_object_add(object, name, value);
    } else {
        ok = false;
    }
    free(name);
    return ok;
}

static bool skip_member(struct gate_json_reader *reader, int depth) {
    size_t from;
    size_t to;
    return skip_string(reader, &from, &to) && read_member_value(reader, depth, NULL);
}

/* `object` NULL: step over. */
static bool read_members(struct gate_json_reader *reader, int depth, struct json_object *object,
                         bool keeps_values) {
    reader->at++; /* '{' */
    if (gate_json_reader_take(reader, '}')) {
        return true;
    }
    do {
        if (object == NULL ? !skip_member(reader, depth)
                           : !add_member(reader, depth, object, keeps_values)) {
            return false;
        }
    } while (gate_json_reader_take(reader, ','));
    return gate_json_reader_take(reader, '}') ||
           refuse(reader, "a comma or the end of the object was expected");
}

static bool read_elements(struct gate_json_reader *reader, int depth, struct json_object *array) {
    reader->at++; /* '[' */
    if (gate_json_reader_take(reader, ']')) {
        return true;
    }
    do {
        struct json_object *element = NULL;
        if (!gate_json_reader_value(reader, depth, array == NULL ? NULL : &element)) {
            return false;
        }
        if (array != NULL) {
            json_object_array_add(array, element);
        }
    } while (gate_json_reader_take(reader, ','));
    return gate_json_reader_take(reader, ']') ||
           refuse(reader, "a comma or the end of the array was expected");
}

/* json-c makes room for sixteen members (640 bytes), and an envelope stays for as long as its
 * request waits. */
static void trim(struct json_object *object) {
    const int members = json_object_object_length(object);
    (void)lh_table_resize(json_object_get_object(object), members + members / 2 + 1);
}

static bool read_object(struct gate_json_reader *reader, int depth,
                        struct json_object **ret_value) {
    bool is_kept = ret_value != NULL && depth < reader->tree_depth;
    struct json_object *object = is_kept || reader->checks_names ? json_object_new_object() : NULL;
    if (!read_members(reader, depth + 1, object, is_kept)) {
        json_object_put(object);
        return false;
    }
    if (!is_kept) {
        json_object_put(object); /* held the names only */
        object = ret_value == NULL ? NULL : json_object_new_object();
    }
    if (object != NULL && reader->checks_names) {
        trim(object);
    }
    if (ret_value != NULL) {
        *ret_value = object;
    }
    return true;
}

static bool read_array(struct gate_json_reader *reader, int depth, struct json_object **ret_value) {
    struct json_object *array = ret_value == NULL ? NULL : json_object_new_array();
    if (!read_elements(reader, depth + 1, depth < reader->tree_depth ? array : NULL)) {
        json_object_put(array);
        return false;
    }
    if (ret_value != NULL) {
        *ret_value = array;
    }
    return true;
}

bool gate_json_reader_value(struct gate_json_reader *reader, int depth,
                            struct json_object **ret_value) {
    skip_space(reader);
    int byte = peek(reader);
    if ((byte == '{' || byte == '[') && depth >= reader->depth_max) {
        return refuse(reader, "arrays and objects are nested too deeply");
    }
    switch (byte) {
    case '{':
        return read_object(reader, depth, ret_value);
    case '[':
        return read_array(reader, depth, ret_value);
    case '"':
        return read_string(reader, ret_value);
    case 't':
    case 'f':
        return read_bool(reader, ret_value);
    case 'n':
        return read_null(reader, ret_value);
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
        return read_number(reader, ret_value);
    default:
        return refuse(reader, "a value was expected");
    }
}
