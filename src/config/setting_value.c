#include "config/setting_value.h"

#include <inttypes.h>
#include <string.h>

#include "config/url_rules.h"
#include "core/encoding.h"
#include "core/number.h"
#include "core/text.h"

#define ORIGINS_MAX 64
#define WEBHOOK_KEY_MIN_BYTES 24 /* Standard Webhooks */

/* One value on its way into its field. */
struct pending {
    gate_arena *arena;
    const struct gate_setting *setting;
    const char *name;
    const char *value;
    size_t length;
    struct gate_error *error;
    void *field;
};

#define refuse(pending, ...)                                                                       \
    gate_error_set_at((pending)->error, __FILE__, __LINE__, GATE_ERR_CONFIG, __VA_ARGS__)

static enum gate_err parse_text(const struct pending *pending) {
    *(const char **)pending->field = gate_arena_strdup(pending->arena, pending->value);
    return GATE_OK;
}

static enum gate_err parse_secret(const struct pending *pending) {
    if (pending->length < (size_t)pending->setting->min) {
        return refuse(pending, "%s is shorter than %" PRId64 " bytes", pending->name,
                      pending->setting->min);
    }
    *(const gate_secret **)pending->field = gate_secret_new(pending->value, pending->length);
    return GATE_OK;
}

/* The portal's own address is an origin: pages live at fixed paths below it. */
static bool is_origin(const struct gate_setting *setting) {
    return setting->offset == offsetof(struct gate_config, public_url);
}

static enum gate_err parse_url(const struct pending *pending) {
    bool origin = is_origin(pending->setting);
    const char *problem = origin ? gate_config_origin_problem(pending->value)
                                 : gate_config_url_problem(pending->value);
    if (problem != NULL) {
        return refuse(pending, "%s %s", pending->name, problem);
    }
    *(const char **)pending->field = origin
                                         ? gate_config_origin_make(pending->arena, pending->value)
                                         : gate_config_url_make(pending->arena, pending->value);
    return GATE_OK;
}

static enum gate_err parse_path(const struct pending *pending) {
    if (*pending->value != '/') {
        return refuse(pending, "%s is no absolute path", pending->name);
    }
    if (pending->setting->max > 0 && pending->length > (size_t)pending->setting->max) {
        return refuse(pending, "%s is longer than %" PRId64 " bytes", pending->name,
                      pending->setting->max);
    }
    return parse_text(pending);
}

static enum gate_err parse_integer(const struct pending *pending, int64_t *ret_number) {
    const struct gate_setting *setting = pending->setting;
    if (gate_number_parse(pending->value, setting->min, setting->max, ret_number) != GATE_OK) {
        return refuse(pending, "%s is no whole number from %" PRId64 " to %" PRId64, pending->name,
                      setting->min, setting->max);
    }
    return GATE_OK;
}

static enum gate_err parse_number(const struct pending *pending) {
    int64_t number;
    enum gate_err err = parse_integer(pending, &number);
    if (err == GATE_OK) {
        *(int *)pending->field = (int)number;
    }
    return err;
}

static enum gate_err parse_seconds(const struct pending *pending) {
    int64_t seconds;
    enum gate_err err = parse_integer(pending, &seconds);
    if (err == GATE_OK) {
        *(int64_t *)pending->field = seconds * 1000;
    }
    return err;
}

static enum gate_err parse_switch(const struct pending *pending) {
    bool yes = strcmp(pending->value, "yes") == 0;
    if (!yes && strcmp(pending->value, "no") != 0) {
        return refuse(pending, "%s is neither yes nor no", pending->name);
    }
    *(bool *)pending->field = yes;
    return GATE_OK;
}

static enum gate_err parse_level(const struct pending *pending) {
    static const char *const names[] = {
        [GATE_LOG_DEBUG] = "debug",
        [GATE_LOG_INFO] = "info",
        [GATE_LOG_WARN] = "warn",
        [GATE_LOG_ERROR] = "error",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(pending->value, names[i]) == 0) {
            *(enum gate_log_level *)pending->field = (enum gate_log_level)i;
            return GATE_OK;
        }
    }
    return refuse(pending, "%s is none of debug, info, warn, error", pending->name);
}

static enum gate_err parse_origins(const struct pending *pending) {
    const char **origins = gate_arena_alloc_array(pending->arena, ORIGINS_MAX + 1, sizeof *origins);
    char *rest = gate_arena_strdup(pending->arena, pending->value);
    size_t count = 0;
    char *state = NULL;
    for (const char *origin = strtok_r(rest, " ", &state); origin != NULL;
         origin = strtok_r(NULL, " ", &state)) {
        const char *problem = gate_config_origin_problem(origin);
        if (problem != NULL) {
            return refuse(pending, "%s: number %zu %s", pending->name, count + 1, problem);
        }
        if (count == ORIGINS_MAX) {
            return refuse(pending, "%s has more than %d origins", pending->name, ORIGINS_MAX);
        }
        origins[count++] = gate_config_origin_make(pending->arena, origin);
    }
    *(const char *const **)pending->field = origins;
    return GATE_OK;
}

static enum gate_err parse_urls(const struct pending *pending) {
    size_t max = (size_t)pending->setting->max;
    const char **urls = gate_arena_alloc_array(pending->arena, max + 1, sizeof *urls);
    char *rest = gate_arena_strdup(pending->arena, pending->value);
    size_t count = 0;
    char *state = NULL;
    for (const char *url = strtok_r(rest, " ", &state); url != NULL;
         url = strtok_r(NULL, " ", &state)) {
        const char *problem = gate_config_url_problem(url);
        if (problem != NULL) {
            return refuse(pending, "%s: number %zu %s", pending->name, count + 1, problem);
        }
        if (count == max) {
            return refuse(pending, "%s has more than %zu URLs", pending->name, max);
        }
        urls[count++] = url;
    }
    *(const char *const **)pending->field = urls;
    return GATE_OK;
}

static gate_secret *parse_webhook_secret(gate_arena *arena, const char *text) {
    static const char prefix[] = "whsec_";
    unsigned char *bytes;
    size_t length;
    if (!gate_text_starts_with(text, prefix)) {
        return NULL;
    }
    const char *encoded = text + sizeof prefix - 1;
    if (gate_base64_parse(arena, encoded, strlen(encoded), &bytes, &length) != GATE_OK) {
        return NULL;
    }
    gate_secret *key = length < WEBHOOK_KEY_MIN_BYTES ? NULL : gate_secret_new(bytes, length);
    gate_secret_wipe(bytes, length);
    return key;
}

/* The list is in the configuration from the start, so that its owner frees what was taken before an
 * error, too. */
static enum gate_err parse_webhook_secrets(const struct pending *pending) {
    const gate_secret **keys =
        gate_arena_alloc_array(pending->arena, GATE_WEBHOOK_SECRETS_MAX + 1, sizeof *keys);
    *(const gate_secret *const **)pending->field = keys;
    gate_arena *scratch = gate_arena_new();
    char *rest = gate_arena_strndup(scratch, pending->value, pending->length);
    size_t count = 0;
    char *state = NULL;
    enum gate_err err = GATE_OK;
    for (const char *text = strtok_r(rest, " ", &state); text != NULL && err == GATE_OK;
         text = strtok_r(NULL, " ", &state)) {
        gate_secret *key =
            count < GATE_WEBHOOK_SECRETS_MAX ? parse_webhook_secret(scratch, text) : NULL;
        if (count == GATE_WEBHOOK_SECRETS_MAX) {
            err = refuse(pending, "%s has more than %d secrets", pending->name,
                         GATE_WEBHOOK_SECRETS_MAX);
        } else if (key == NULL) {
            err = refuse(pending, "%s: number %zu is not whsec_ and base64 of at least %d bytes",
                         pending->name, count + 1, WEBHOOK_KEY_MIN_BYTES);
        } else {
            keys[count++] = key;
        }
    }
    gate_secret_wipe(rest, pending->length);
    gate_arena_free(scratch);
    return err;
}

static enum gate_err parse_by_kind(const struct pending *pending) {
    switch (pending->setting->kind) {
    case GATE_SETTING_TEXT:
        return parse_text(pending);
    case GATE_SETTING_SECRET:
        return parse_secret(pending);
    case GATE_SETTING_URL:
        return parse_url(pending);
    case GATE_SETTING_PATH:
        return parse_path(pending);
    case GATE_SETTING_NUMBER:
        return parse_number(pending);
    case GATE_SETTING_SECONDS:
        return parse_seconds(pending);
    case GATE_SETTING_SWITCH:
        return parse_switch(pending);
    case GATE_SETTING_LEVEL:
        return parse_level(pending);
    case GATE_SETTING_ORIGINS:
        return parse_origins(pending);
    case GATE_SETTING_WEBHOOK_SECRETS:
        return parse_webhook_secrets(pending);
    case GATE_SETTING_URLS:
        return parse_urls(pending);
    }
    return refuse(pending, "%s is of no known kind", pending->name);
}

enum gate_err gate_setting_value_parse(gate_arena *arena, const struct gate_setting *setting,
                                       const char *name, const char *value, size_t length,
                                       struct gate_error *error, struct gate_config *config) {
    const struct pending pending = {
        .arena = arena,
        .setting = setting,
        .name = name,
        .value = value,
        .length = length,
        .error = error,
        .field = (char *)config + setting->offset,
    };
    if (length > GATE_SETTING_VALUE_MAX_BYTES) {
        return refuse(&pending, "%s is longer than %d bytes", name, GATE_SETTING_VALUE_MAX_BYTES);
    }
    /* Also for secrets: they travel in forms and headers, and a random binary file would break one
     * day. */
    if (!gate_text_is_one_line(value, length) || !gate_text_is_utf8(value, length)) {
        return refuse(&pending, "%s is not one line of UTF-8 text", name);
    }
    return parse_by_kind(&pending);
}
