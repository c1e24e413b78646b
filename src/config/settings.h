/* Every setting of the service, read once at start from the environment or a KEY=value file.
 *
 * Owner: gate_config_new's caller frees with gate_config_free after everything that borrows it.
 * Threads: immutable after start. Errors: GATE_ERR_CONFIG, with a sentence that names the setting
 * and never repeats a secret. Precedence: environment over file over default. A secret `X` may also
 * come as `X_FILE`, the path of a file that holds it (one trailing newline is dropped).
 * File syntax: that of systemd's EnvironmentFile (systemd.exec(5)).
 */
#ifndef GATE_CONFIG_SETTINGS_H
#define GATE_CONFIG_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/log.h"
#include "core/secret.h"

struct gate_config {
    /* where we are */
    const char *public_url; /* origin only, no trailing slash: "https://portal.example.com" */
    bool public_is_https;
    const char *socket_path; /* NULL when systemd hands the socket over */
    const char *database_path;
    const char *templates_dir;
    const char *const *return_origins; /* NULL-terminated list of further origins for return_to */
    enum gate_log_level log_level;

    /* how much at a time */
    int workers;
    int in_flight_max;      /* requests waiting for the network */
    int user_in_flight_max; /* calls of the JSON endpoint in one user's name at a time; 0: no limit
                             */
    int user_calls_per_minute;    /* the same per minute */
    int token_new_users_per_hour; /* whom a token names first of all; 0: no limit */
    int token_in_flight_max;      /* calls of one service token at a time; 0: no limit */
    int proxy_in_flight_max;      /* calls whose bodies pass through */
    bool keep_connections;
    int64_t shutdown_timeout_ms;
    int upstream_connections_max;
    const char *upstream_ca_file; /* NULL: the system's */

    /* Scalekit */
    const char *scalekit_url; /* no trailing slash */
    const char *scalekit_client_id;
    const gate_secret *scalekit_client_secret;
    /* What webhooks are signed with: HMAC keys as decoded from whsec_…, NULL-terminated, several
     * while one takes the other's place. NULL: webhooks are not taken. */
    const gate_secret *const *scalekit_webhook_keys;
    int64_t catalogue_max_age_ms; /* how old the recorded connections may be before a re-read */
    int64_t account_max_age_ms;   /* the same for one user's accounts */
    int64_t sweep_age_ms;         /* the same for accounts that nobody looks at */
    int sweeps_per_minute;        /* how many users' accounts are read for that; 0: none */

    /* sign-in (OpenID Connect) */
    const char *oidc_issuer;
    const char *oidc_client_id;
    const gate_secret *oidc_client_secret;
    const char *oidc_scopes;
    const char *oidc_identifier_claim; /* which claim is the person's identifier at Scalekit */

    /* notices for services of the operator's */
    const char *const *webhook_urls;        /* NULL-terminated; NULL: nobody is told */
    const gate_secret *const *webhook_keys; /* HMAC keys as decoded from whsec_…, NULL-terminated;
                                               every one signs */
    bool webhook_allow_private;

    /* how long what is kept */
    int trail_days;    /* tool calls and changes of accounts; 0: for ever */
    int delivery_days; /* webhooks that came in, and notices for a target that is disabled */

    /* sessions and secrets of ours */
    const gate_secret *secret; /* at least 32 bytes; every key of ours derives from it */
    int64_t session_idle_ms;
    int64_t session_max_ms;
    int64_t authorization_ttl_ms;
};

enum gate_setting_kind {
    GATE_SETTING_TEXT,
    GATE_SETTING_SECRET,
    GATE_SETTING_URL,             /* https, or http on a loopback host */
    GATE_SETTING_PATH,            /* absolute */
    GATE_SETTING_NUMBER,          /* min..max */
    GATE_SETTING_SECONDS,         /* min..max, kept in milliseconds */
    GATE_SETTING_SWITCH,          /* yes/no */
    GATE_SETTING_LEVEL,           /* debug, info, warn, error */
    GATE_SETTING_ORIGINS,         /* space-separated origins */
    GATE_SETTING_WEBHOOK_SECRETS, /* space-separated whsec_…; as secret as a GATE_SETTING_SECRET */
    GATE_SETTING_URLS,            /* space-separated, each as a GATE_SETTING_URL */
};

/* One row of the table; what --help, the reference file and the test against it read. */
struct gate_setting {
    const char *name;
    const char *alias; /* another accepted name, or NULL */
    enum gate_setting_kind kind;
    const char *fallback; /* default as text; NULL: none */
    bool required;
    int64_t min;
    int64_t max;
    size_t offset;    /* into struct gate_config */
    const char *help; /* one sentence */
};

/* May the setting come as `…_FILE`, and is it wiped at the end? */
static inline bool gate_setting_is_secret(const struct gate_setting *setting) {
    return setting->kind == GATE_SETTING_SECRET || setting->kind == GATE_SETTING_WEBHOOK_SECRETS;
}

extern const struct gate_setting gate_settings[];
extern const size_t gate_setting_count;

/* Read settings from `environment` (a NULL-terminated "NAME=value" list) and, if not NULL, the
 * file. Names in the file that no row has, and GATEHOUSE_…, SCALEKIT_… or OIDC_… names in the
 * environment that no row has, are errors. */
enum gate_err gate_config_load(char **environment, const char *file_path, struct gate_error *error,
                               struct gate_config **ret_config) GATE_MUST_CHECK;

/* Free and wipe the secrets. NULL is fine. */
void gate_config_free(struct gate_config *config);

#endif
