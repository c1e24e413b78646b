#include "config/sources.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/envfile.h"
#include "core/arena.h"
#include "core/text.h"

#define ASSIGNMENTS_MAX 256

struct source {
    struct gate_assignment assignments[ASSIGNMENTS_MAX];
    size_t count;
};

struct gate_sources {
    gate_arena *arena; /* names from the environment */
    struct source environment;
    struct source file;
    char *scratch; /* names and values from the file */
    size_t scratch_length;
};

#define config_error(error, ...)                                                                   \
    gate_error_set_at((error), __FILE__, __LINE__, GATE_ERR_CONFIG, __VA_ARGS__)

static void *must_alloc(size_t bytes) {
    void *memory = calloc(1, bytes);
    if (memory == NULL) {
        abort();
    }
    return memory;
}

void gate_sources_wipe(char *bytes, size_t length) {
    if (bytes != NULL) {
        gate_secret_wipe(bytes, length);
        free(bytes);
    }
}

void gate_sources_free(gate_sources *sources) {
    if (sources != NULL) {
        gate_sources_wipe(sources->scratch, sources->scratch_length);
        gate_arena_free(sources->arena);
        free(sources);
    }
}

/* Read until the end or until `max_bytes` are there; -1 on failure. */
static ssize_t read_up_to(int fd, char *bytes, size_t max_bytes) {
    size_t length = 0;
    while (length < max_bytes) {
        ssize_t got = read(fd, bytes + length, max_bytes - length);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return -1;
        }
        if (got == 0) {
            break;
        }
        length += (size_t)got;
    }
    return (ssize_t)length;
}

enum gate_err gate_sources_read_file(const char *path, size_t max_bytes, const char *name,
                                     struct gate_error *error, char **ret_bytes,
                                     size_t *ret_length) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        return config_error(error, "%s: %s cannot be opened: %s", name, path, strerror(errno));
    }
    char *bytes = must_alloc(max_bytes + 2);
    ssize_t length = read_up_to(fd, bytes, max_bytes + 1);
    int read_errno = errno;
    close(fd);
    if (length >= 0 && (size_t)length <= max_bytes) {
        *ret_bytes = bytes;
        *ret_length = (size_t)length;
        return GATE_OK;
    }
    gate_sources_wipe(bytes, max_bytes + 1);
    if (length < 0) {
        return config_error(error, "%s: %s cannot be read: %s", name, path, strerror(read_errno));
    }
    return config_error(error, "%s: %s is larger than %zu bytes", name, path, max_bytes);
}

/* True when `given` is `name`, or `name` with _FILE behind it where that is a spelling, too. */
static bool is_spelling(const char *given, const char *name, bool is_secret) {
    if (name == NULL || !gate_text_starts_with(given, name)) {
        return false;
    }
    const char *rest = given + strlen(name);
    return *rest == '\0' || (is_secret && strcmp(rest, "_FILE") == 0);
}

static bool is_for(const char *given, const struct gate_setting *setting) {
    bool is_secret = gate_setting_is_secret(setting);
    return is_spelling(given, setting->name, is_secret) ||
           is_spelling(given, setting->alias, is_secret);
}

static bool is_known(const char *given) {
    for (size_t i = 0; i < gate_setting_count; i++) {
        if (is_for(given, &gate_settings[i])) {
            return true;
        }
    }
    return false;
}

static bool is_ours(const char *name) {
    return gate_text_starts_with(name, "GATEHOUSE_") || gate_text_starts_with(name, "SCALEKIT_") ||
           gate_text_starts_with(name, "OIDC_");
}

static enum gate_err read_environment(gate_sources *sources, char **environment,
                                      struct gate_error *error) {
    struct source *source = &sources->environment;
    for (char **entry = environment; entry != NULL && *entry != NULL; entry++) {
        const char *equals = strchr(*entry, '=');
        if (equals == NULL || !is_ours(*entry)) {
            continue;
        }
        char *name = gate_arena_strndup(sources->arena, *entry, (size_t)(equals - *entry));
        if (!is_known(name)) {
            return config_error(error, "%s in the environment is no setting of ours", name);
        }
        if (source->count == ASSIGNMENTS_MAX) {
            return config_error(error, "there are too many settings in the environment");
        }
        source->assignments[source->count++] = (struct gate_assignment){name, equals + 1};
    }
    return GATE_OK;
}

static enum gate_err read_settings_file(gate_sources *sources, const char *path,
                                        struct gate_error *error) {
    struct source *source = &sources->file;
    char *text;
    size_t length;
    enum gate_err err = gate_sources_read_file(path, GATE_SETTINGS_FILE_MAX_BYTES, "settings file",
                                               error, &text, &length);
    if (err != GATE_OK) {
        return err;
    }
    sources->scratch_length = length + 2;
    sources->scratch = must_alloc(sources->scratch_length);
    err = gate_envfile_parse(text, length, sources->scratch, error, source->assignments,
                             ASSIGNMENTS_MAX, &source->count);
    gate_sources_wipe(text, length);
    for (size_t i = 0; err == GATE_OK && i < source->count; i++) {
        if (!is_known(source->assignments[i].name)) {
            err = config_error(error, "%s in the settings file is no setting of ours",
                               source->assignments[i].name);
        }
    }
    return err;
}

enum gate_err gate_sources_load(char **environment, const char *file_path, struct gate_error *error,
                                gate_sources **ret_sources) {
    gate_sources *sources = must_alloc(sizeof *sources);
    sources->arena = gate_arena_new();
    enum gate_err err = read_environment(sources, environment, error);
    if (err == GATE_OK && file_path != NULL) {
        err = read_settings_file(sources, file_path, error);
    }
    if (err != GATE_OK) {
        gate_sources_free(sources);
        return err;
    }
    *ret_sources = sources;
    return GATE_OK;
}

static enum gate_err find_in(const struct source *source, const struct gate_setting *setting,
                             struct gate_error *error, struct gate_given *given) {
    for (size_t i = 0; i < source->count; i++) {
        const struct gate_assignment *assignment = &source->assignments[i];
        if (!is_for(assignment->name, setting) || *assignment->value == '\0') {
            continue;
        }
        bool is_file =
            gate_setting_is_secret(setting) && gate_text_ends_with(assignment->name, "_FILE");
        if (given->value != NULL &&
            (is_file != given->is_file || strcmp(given->value, assignment->value) != 0)) {
            return config_error(error, "%s and %s are both set, and differ", given->name,
                                assignment->name);
        }
        *given = (struct gate_given){assignment->name, assignment->value, is_file};
    }
    return GATE_OK;
}

enum gate_err gate_sources_find(const gate_sources *sources, const struct gate_setting *setting,
                                struct gate_error *error, struct gate_given *ret_given) {
    struct gate_given given = {0};
    enum gate_err err = find_in(&sources->environment, setting, error, &given);
    if (err == GATE_OK && given.value == NULL) {
        err = find_in(&sources->file, setting, error, &given);
    }
    if (err == GATE_OK) {
        *ret_given = given;
    }
    return err;
}
