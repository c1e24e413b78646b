/* Where settings come from: the environment and one file, each as a list of assignments.
 *
 * Owner: gate_sources_new's caller frees, which wipes what was read. Threads: startup. Errors:
 * GATE_ERR_CONFIG with a sentence that names the setting and never holds a value.
 */
#ifndef GATE_CONFIG_SOURCES_H
#define GATE_CONFIG_SOURCES_H

#include "config/settings.h"

typedef struct gate_sources gate_sources;

/* What one setting was given as. Borrowed from the sources. */
struct gate_given {
    const char *name;  /* as it was spelt: the setting's name, its alias, or either with _FILE */
    const char *value; /* NULL: not set */
    bool is_file;      /* `value` is the path of a file that holds the secret */
};

/* Read the environment and, if not NULL, the file; refuse names that no setting has. */
enum gate_err gate_sources_load(char **environment, const char *file_path, struct gate_error *error,
                                gate_sources **ret_sources) GATE_MUST_CHECK;
void gate_sources_free(gate_sources *sources);

/* Look a setting up: environment before file; an empty value counts as not set. Two spellings with
 * different values in one source are an error. */
enum gate_err gate_sources_find(const gate_sources *sources, const struct gate_setting *setting,
                                struct gate_error *error,
                                struct gate_given *ret_given) GATE_MUST_CHECK;

/* Read a file of at most `max_bytes` into bytes with a NUL behind; gate_sources_wipe frees them.
 * `name` says in errors what the file is. */
enum gate_err gate_sources_read_file(const char *path, size_t max_bytes, const char *name,
                                     struct gate_error *error, char **ret_bytes,
                                     size_t *ret_length) GATE_MUST_CHECK;
void gate_sources_wipe(char *bytes, size_t length);

#endif
