/* What a URL in a setting may look like: https, or http on a loopback host; no user, query or
 * fragment.
 *
 * Threads: immutable. Errors: a sentence fragment that says what is wrong, without the URL.
 */
#ifndef GATE_CONFIG_URL_RULES_H
#define GATE_CONFIG_URL_RULES_H

#include <stdbool.h>

#include "core/arena.h"

/* Check `url`. NULL when it is fine, else why not ("has a query"). Static string. */
const char *gate_config_url_problem(const char *url);

/* The same, and nothing may follow host and port but one slash. */
const char *gate_config_origin_problem(const char *origin);

/* Drop the slash at the end. */
char *gate_config_url_make(gate_arena *arena, const char *url);

/* The spelling a browser uses (RFC 6454 section 6.1): lower case, no slash, no default port. */
char *gate_config_origin_make(gate_arena *arena, const char *origin);

#endif
