/* Files of NAME=value lines, read the way systemd reads an EnvironmentFile (systemd.exec(5)).
 *
 * Comments start with '#' or ';'. A value may stand in single quotes (nothing is special inside) or
 * double quotes (backslash escapes '"', '\', '`', '$' and the end of a line); outside quotes a
 * backslash takes the next byte as it is, and before the end of a line it joins the next one.
 * Stricter than systemd: a line that is no assignment, a name set twice, a quote left open, a
 * comment that ends in a backslash and bytes that are no UTF-8 are errors, because each of them is
 * a mistake that would otherwise go unseen.
 *
 * Owner: names and values are borrowed from the caller's scratch space. Threads: immutable.
 * Errors: GATE_ERR_CONFIG with the line, never with its text, which may be a secret.
 */
#ifndef GATE_CONFIG_ENVFILE_H
#define GATE_CONFIG_ENVFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/error.h"

/* One assignment. Borrowed from the scratch space. */
struct gate_assignment {
    const char *name;
    const char *value;
};

/* Read `text` into at most `max` assignments. `scratch` has room for length + 2 bytes and receives
 * every name and value, so that the caller can wipe it. */
enum gate_err gate_envfile_parse(const char *text, size_t length, char *scratch,
                                 struct gate_error *error, struct gate_assignment *assignments,
                                 size_t max, size_t *ret_count) GATE_MUST_CHECK;

#endif
