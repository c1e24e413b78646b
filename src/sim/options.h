/* What the simulator was told on its command line.
 *
 * Owner: gate_sim_options_parse's caller hands in the arena everything lives in. Threads: immutable
 * after start. Errors: GATE_ERR_CONFIG with a sentence; secrets come from files and are never
 * repeated.
 */
#ifndef GATE_SIM_OPTIONS_H
#define GATE_SIM_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/arena.h"

#define GATE_SIM_REDIRECT_URIS_MAX 8

struct gate_sim_options {
    const char *host;
    int port;               /* 0: any free one */
    const char *public_url; /* no trailing slash; NULL: http://host:port */
    const char *client_id;
    const char *client_secret;
    const char *oidc_client_id;
    const char *oidc_client_secret;
    const char *redirect_uris[GATE_SIM_REDIRECT_URIS_MAX]; /* none: any on a loopback host */
    size_t redirect_uri_count;
    const char *webhook_url;    /* NULL: no webhooks */
    const char *webhook_secret; /* "whsec_…" */
    const char *log_file;       /* NULL: no request log */
    int connections;            /* fill the catalogue up to so many */
    bool control;
    bool help;
};

extern const char gate_sim_options_help[];

/* Read the arguments into `ret_options`, with defaults where nothing was said. */
enum gate_err gate_sim_options_parse(gate_arena *arena, int argc, char **argv,
                                     struct gate_error *error,
                                     struct gate_sim_options *ret_options) GATE_MUST_CHECK;

#endif
