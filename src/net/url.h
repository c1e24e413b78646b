/* Taking URLs apart for policy decisions (RFC 3986), by libcurl's own parser.
 *
 * Owner: parts live in the arena. Threads: immutable. Errors: GATE_ERR_INPUT, nothing recorded.
 */
#ifndef GATE_NET_URL_H
#define GATE_NET_URL_H

#include <stdbool.h>

#include "core/arena.h"

struct gate_url {
    const char *scheme; /* lower case */
    const char *host;   /* lower case, IPv6 in brackets */
    int port;           /* explicit or the scheme's */
    const char *path;   /* at least "/" */
    const char *query;  /* NULL if absent */
    const char *origin; /* scheme://host[:port], port only if not the scheme's */
};

/* Parse an absolute http or https URL without user info and without fragment; control characters,
 * backslashes and spaces are refused. */
enum gate_err gate_url_parse(gate_arena *arena, const char *text,
                             struct gate_url *ret_url) GATE_MUST_CHECK;

/* 127.0.0.0/8, ::1 or localhost. */
bool gate_url_is_loopback(const struct gate_url *url);

#endif
