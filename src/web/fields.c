#include "web/fields.h"

#include <string.h>

#include "core/encoding.h"
#include "core/number.h"
#include "core/text.h"

const char *gate_fields_find(const struct gate_fields *fields, const char *name) {
    for (size_t i = 0; i < fields->count; i++) {
        if (strcmp(fields->items[i].name, name) == 0) {
            return fields->items[i].value;
        }
    }
    return NULL;
}

const char *const *gate_fields_collect(gate_arena *arena, const struct gate_fields *fields,
                                       const char *name) {
    const char **values = gate_arena_alloc_array(arena, fields->count + 1, sizeof *values);
    size_t count = 0;
    for (size_t i = 0; i < fields->count; i++) {
        if (strcmp(fields->items[i].name, name) == 0) {
            values[count++] = fields->items[i].value;
        }
    }
    return count == 0 ? NULL : (const char *const *)values;
}

static size_t count_pieces(const char *text, size_t length, char separator) {
    size_t count = length > 0 ? 1 : 0;
    for (size_t i = 0; i < length; i++) {
        count += text[i] == separator;
    }
    return count;
}

static enum gate_err parse_pair(struct gate_ctx *ctx, const char *pair, size_t length,
                                struct gate_field *ret_field) {
    const char *equals = memchr(pair, '=', length);
    size_t name_length = equals == NULL ? length : (size_t)(equals - pair);
    const char *value = equals == NULL ? "" : equals + 1;
    size_t value_length = equals == NULL ? 0 : length - name_length - 1;
    char *name_text;
    char *value_text;
    if (gate_percent_parse(ctx->arena, pair, name_length, 1, &name_text) != GATE_OK ||
        gate_percent_parse(ctx->arena, value, value_length, 1, &value_text) != GATE_OK) {
        return gate_fail(ctx, GATE_ERR_INPUT,
                         "A field is not valid percent-encoded UTF-8 text without NUL bytes.");
    }
    *ret_field = (struct gate_field){name_text, value_text};
    return GATE_OK;
}

enum gate_err gate_fields_parse(struct gate_ctx *ctx, const char *text, size_t length,
                                struct gate_fields *ret_fields) {
    size_t pieces = count_pieces(text, length, '&');
    if (pieces > GATE_REQUEST_FIELDS_MAX) {
        return gate_fail(ctx, GATE_ERR_INPUT, "More than %d fields.", GATE_REQUEST_FIELDS_MAX);
    }
    struct gate_fields fields = {
        .items = gate_arena_alloc_array(ctx->arena, pieces, sizeof(struct gate_field)),
    };
    const char *end = text + length;
    while (text < end) {
        const char *ampersand = memchr(text, '&', (size_t)(end - text));
        const char *stop = ampersand == NULL ? end : ampersand;
        if (stop > text) {
            enum gate_err err =
                parse_pair(ctx, text, (size_t)(stop - text), &fields.items[fields.count]);
            if (err != GATE_OK) {
                return err;
            }
            fields.count++;
        }
        text = stop + 1;
    }
    *ret_fields = fields;
    return GATE_OK;
}

static const char *skip_spaces(const char *at) {
    return at + strspn(at, " \t");
}

void gate_fields_parse_cookies(gate_arena *arena, const char *header,
                               struct gate_fields *ret_fields) {
    *ret_fields = (struct gate_fields){0};
    if (header == NULL) {
        return;
    }
    size_t pieces = count_pieces(header, strlen(header), ';');
    if (pieces > GATE_REQUEST_COOKIES_MAX) {
        pieces = GATE_REQUEST_COOKIES_MAX;
    }
    ret_fields->items = gate_arena_alloc_array(arena, pieces, sizeof(struct gate_field));
    for (size_t i = 0; i < pieces; i++) {
        header = skip_spaces(header);
        size_t length = strcspn(header, ";");
        const char *equals = memchr(header, '=', length);
        if (equals != NULL && equals > header) {
            size_t name_length = (size_t)(equals - header);
            ret_fields->items[ret_fields->count++] = (struct gate_field){
                gate_arena_strndup(arena, header, name_length),
                gate_arena_strndup(arena, equals + 1, length - name_length - 1),
            };
        }
        header += length;
        header += *header == ';';
    }
}

static const struct gate_field_spec *find_spec(const struct gate_field_spec *specs,
                                               const char *name) {
    static const struct gate_field_spec csrf = {GATE_CSRF_FIELD, GATE_FIELD_TEXT, 128, false};
    for (; specs != NULL && specs->name != NULL; specs++) {
        if (specs->kind != GATE_FIELD_OTHERS && strcmp(specs->name, name) == 0) {
            return specs;
        }
    }
    return strcmp(name, GATE_CSRF_FIELD) == 0 ? &csrf : NULL;
}

static enum gate_err check_value(struct gate_ctx *ctx, const struct gate_field_spec *spec,
                                 const char *value) {
    int64_t number;
    size_t length = strlen(value);
    if (spec->kind == GATE_FIELD_NUMBER) {
        return gate_number_parse(value, 0, spec->max, &number) == GATE_OK
                   ? GATE_OK
                   : gate_fail(ctx, GATE_ERR_INPUT, "%s must be a whole number from 0 to %lld.",
                               spec->name, (long long)spec->max);
    }
    if (length > (size_t)spec->max) {
        return gate_fail(ctx, GATE_ERR_INPUT, "%s is longer than %lld bytes.", spec->name,
                         (long long)spec->max);
    }
    if (!gate_text_is_one_line(value, length)) {
        return gate_fail(ctx, GATE_ERR_INPUT, "%s holds a control character.", spec->name);
    }
    return GATE_OK;
}

static bool is_repeated(const struct gate_fields *fields, size_t index) {
    for (size_t i = 0; i < index; i++) {
        if (strcmp(fields->items[i].name, fields->items[index].name) == 0) {
            return true;
        }
    }
    return false;
}

/* A field's name comes from outside: quote it only when it is short and plain. */
static const char *quote_name(const char *name) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    size_t length = strlen(name);
    return length > 0 && length <= 40 && strspn(name, plain) == length ? name : "(unprintable)";
}

static bool ignores_unknown(const struct gate_field_spec *specs) {
    while (specs != NULL && specs->name != NULL && specs->kind != GATE_FIELD_OTHERS) {
        specs++;
    }
    return specs != NULL && specs->name != NULL;
}

enum gate_err gate_fields_check(struct gate_ctx *ctx, const struct gate_fields *fields,
                                const struct gate_field_spec *specs) {
    bool is_open = ignores_unknown(specs);
    for (size_t i = 0; i < fields->count; i++) {
        const struct gate_field_spec *spec = find_spec(specs, fields->items[i].name);
        if (spec == NULL && is_open) {
            continue;
        }
        if (spec == NULL) {
            return gate_fail(ctx, GATE_ERR_INPUT, "Unknown field %s.",
                             quote_name(fields->items[i].name));
        }
        if (spec->kind != GATE_FIELD_LIST && is_repeated(fields, i)) {
            return gate_fail(ctx, GATE_ERR_INPUT, "%s is given more than once.", spec->name);
        }
        enum gate_err err = check_value(ctx, spec, fields->items[i].value);
        if (err != GATE_OK) {
            return err;
        }
    }
    for (; specs != NULL && specs->name != NULL; specs++) {
        if (specs->required && gate_text_is_empty(gate_fields_find(fields, specs->name))) {
            return gate_fail(ctx, GATE_ERR_INPUT, "%s is missing.", specs->name);
        }
    }
    return GATE_OK;
}
