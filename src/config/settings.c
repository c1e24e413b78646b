#include "config/settings.h"

#include <stdlib.h>
#include <string.h>

#include "config/setting_value.h"
#include "config/sources.h"
#include "core/buffer.h"
#include "core/text.h"

#define HOUR (60 * 60)
#define DAY (24 * HOUR)
#define SOCKET_PATH_MAX_BYTES 107 /* sockaddr_un */
#define SECRET_MIN_BYTES 32
#define FIELD(name) .offset = offsetof(struct gate_config, name)

/* The one list of settings: reading, --help and deploy/gatehouse.conf all go by it. */
const struct gate_setting gate_settings[] = {
    {.name = "GATEHOUSE_PUBLIC_URL",
     .kind = GATE_SETTING_URL,
     .required = true,
     FIELD(public_url),
     .help = "Where people reach the portal: scheme, host and port, such as "
             "https://portal.example.com."},
    {.name = "GATEHOUSE_SOCKET",
     .kind = GATE_SETTING_PATH,
     .max = SOCKET_PATH_MAX_BYTES,
     FIELD(socket_path),
     .help = "The unix socket nginx talks to; leave it out when systemd hands the socket over."},
    {.name = "GATEHOUSE_DATABASE",
     .kind = GATE_SETTING_PATH,
     .fallback = "/var/lib/gatehouse/gatehouse.db",
     FIELD(database_path),
     .help = "The SQLite file; two more files appear beside it."},
    {.name = "GATEHOUSE_TEMPLATES_DIR",
     .kind = GATE_SETTING_PATH,
     .fallback = "/usr/share/gatehouse/templates",
     FIELD(templates_dir),
     .help = "The folder of the page templates."},
    {.name = "GATEHOUSE_RETURN_ORIGINS",
     .kind = GATE_SETTING_ORIGINS,
     .fallback = "",
     FIELD(return_origins),
     .help = "Further origins, with spaces between them, that return_to may lead back to after "
             "connecting."},
    {.name = "GATEHOUSE_LOG_LEVEL",
     .kind = GATE_SETTING_LEVEL,
     .fallback = "info",
     FIELD(log_level),
     .help = "The lowest level that is logged: debug, info, warn or error."},
    {.name = "GATEHOUSE_WORKERS",
     .kind = GATE_SETTING_NUMBER,
     .fallback = "4",
     .min = 1,
     .max = 64,
     FIELD(workers),
     .help = "Threads that run requests; a request that waits for the network holds none."},
    {.name = "GATEHOUSE_IN_FLIGHT_MAX",
     .kind = GATE_SETTING_NUMBER,
     .fallback = "2000",
     .min = 1,
     .max = 20000,
     FIELD(in_flight_max),
     .help = "Requests that may wait for the network at a time; beyond it the answer is 503 at "
             "once."},
    {.name = "GATEHOUSE_USER_IN_FLIGHT_MAX",
     .kind = GATE_SETTING_NUMBER,
     .fallback = "64",
     .min = 0,
     .max = 20000,
     FIELD(user_in_flight_max),
     .help = "Calls of the JSON endpoint that may be under way in one person's name; beyond it the "
             "answer is 429; 0 for no limit."},
    {.name = "GATEHOUSE_USER_CALLS_PER_MINUTE",
     .kind = GATE_SETTING_NUMBER,
     .fallback = "6000",
     .min = 0,
     .max = GATE_CALLS_PER_MINUTE_MAX,
     FIELD(user_calls_per_minute),
     .help =
         "Calls of the JSON endpoint in one person's name per minute; a minute's worth may come "
         "at once; 0 for no limit."},
    {.name = "GATEHOUSE_TOKEN_IN_FLIGHT_MAX",
     .kind = GATE_SETTING_NUMBER,
     .fallback = "1000",
     .min = 0,
     .max = 20000,
     FIELD(token_in_flight_max),
     .help = "Calls of the JSON endpoint that one service token may have under way for all its "
             "users together; beyond it the answer is 429; 0 for no limit."},
    {.name = "GATEHOUSE_TOKEN_NEW_USERS_PER_HOUR",
     .kind = GATE_SETTING_NUMBER,
     .fallback = "1000",
     .min = 0,
     .max = 1000000,
     FIELD(token_new_users_per_hour),
     .help = "Users whom one service token may name per hour and who were never seen before; an "
             "hour's worth may come at once; beyond it the answer is 429; 0 for no limit."},
    {.name = "GATEHOUSE_PROXY_IN_FLIGHT_MAX",
     .kind = GATE_SETTING_NUMBER,
     .fallback = "256",
     .min = 1,
     .max = 4096,
     FIELD(proxy_in_flight_max),
     .help = "Proxied REST calls that may be under way at a time; each has a connection of its own "
             "to Scalekit; beyond it the answer is 503 at once. One service token, or one user "
             "with keys of theirs, may have half of them; beyond that it is 429."},
    {.name = "GATEHOUSE_KEEP_CONNECTIONS",
     .kind = GATE_SETTING_SWITCH,
     .fallback = "yes",
     FIELD(keep_connections),
     .help = "Keep connections from nginx open between requests: yes or no."},
    {.name = "GATEHOUSE_SHUTDOWN_TIMEOUT",
     .kind = GATE_SETTING_SECONDS,
     .fallback = "70",
     .min = 1,
     .max = HOUR,
     FIELD(shutdown_timeout_ms),
     .help = "Seconds that requests under way are given when the service is told to stop."},
    {.name = "GATEHOUSE_UPSTREAM_CONNECTIONS_MAX",
     .kind = GATE_SETTING_NUMBER,
     .fallback = "1024",
     .min = 1,
     .max = 4096,
     FIELD(upstream_connections_max),
     .help = "Connections to one upstream host; over HTTP/1.1 each call in flight needs its own."},
    {.name = "GATEHOUSE_UPSTREAM_CA_FILE",
     .kind = GATE_SETTING_PATH,
     FIELD(upstream_ca_file),
     .help = "A PEM file of the authorities to trust upstream, instead of the system's."},
    {.name = "SCALEKIT_ENVIRONMENT_URL",
     .alias = "SCALEKIT_ENV_URL",
     .kind = GATE_SETTING_URL,
     .required = true,
     FIELD(scalekit_url),
     .help = "The Scalekit environment, such as https://example.scalekit.com; SCALEKIT_ENV_URL is "
             "another name for it."},
    {.name = "SCALEKIT_CLIENT_ID",
     .kind = GATE_SETTING_TEXT,
     .required = true,
     FIELD(scalekit_client_id),
     .help = "The client id of the environment's API credentials."},
    {.name = "SCALEKIT_CLIENT_SECRET",
     .kind = GATE_SETTING_SECRET,
     .required = true,
     FIELD(scalekit_client_secret),
     .help = "The secret to that client id; SCALEKIT_CLIENT_SECRET_FILE names a file that holds "
             "it."},
    {.name = "SCALEKIT_WEBHOOK_SECRET",
     .kind = GATE_SETTING_WEBHOOK_SECRETS,
     FIELD(scalekit_webhook_keys),
     .help =
         "The whsec_ secret that Scalekit signs webhooks with, several with spaces between them "
         "while one is replaced; left out, webhooks are not taken; SCALEKIT_WEBHOOK_SECRET_FILE "
         "names a file that holds it."},
    {.name = "GATEHOUSE_CATALOGUE_MAX_AGE",
     .kind = GATE_SETTING_SECONDS,
     .fallback = "60",
     .min = 1,
     .max = DAY,
     FIELD(catalogue_max_age_ms),
     .help = "Seconds until the recorded list of connections is read again."},
    {.name = "GATEHOUSE_ACCOUNT_MAX_AGE",
     .kind = GATE_SETTING_SECONDS,
     .fallback = "5",
     .min = 0,
     .max = DAY,
     FIELD(account_max_age_ms),
     .help = "Seconds until a person's recorded accounts are read again."},
    {.name = "GATEHOUSE_SWEEP_AGE",
     .kind = GATE_SETTING_SECONDS,
     .fallback = "3600",
     .min = 1,
     .max = 365 * DAY,
     FIELD(sweep_age_ms),
     .help = "Seconds until the accounts of a person who does not look at them are read again."},
    {.name = "GATEHOUSE_SWEEPS_PER_MINUTE",
     .kind = GATE_SETTING_NUMBER,
     .fallback = "60",
     .min = 0,
     .max = 6000,
     FIELD(sweeps_per_minute),
     .help = "How many persons' accounts are read for that per minute at most; 0 for none."},
    {.name = "OIDC_ISSUER",
     .kind = GATE_SETTING_URL,
     FIELD(oidc_issuer),
     .help = "The OpenID Connect provider people sign in with; left out, it is the Scalekit "
             "environment."},
    {.name = "OIDC_CLIENT_ID",
     .kind = GATE_SETTING_TEXT,
     .required = true,
     FIELD(oidc_client_id),
     .help = "The portal's client id at that provider."},
    {.name = "OIDC_CLIENT_SECRET",
     .kind = GATE_SETTING_SECRET,
     FIELD(oidc_client_secret),
     .help = "The secret to it, left out for a public client; OIDC_CLIENT_SECRET_FILE names a file "
             "that holds it."},
    {.name = "OIDC_SCOPES",
     .kind = GATE_SETTING_TEXT,
     .fallback = "openid email profile",
     FIELD(oidc_scopes),
     .help = "The scopes asked for at sign-in."},
    {.name = "OIDC_IDENTIFIER_CLAIM",
     .kind = GATE_SETTING_TEXT,
     .fallback = "sub",
     FIELD(oidc_identifier_claim),
     .help = "The ID token's claim that is the person's identifier at Scalekit."},
    {.name = "GATEHOUSE_WEBHOOK_URLS",
     .kind = GATE_SETTING_URLS,
     .fallback = "",
     .max = GATE_NOTICE_TARGETS_MAX,
     FIELD(webhook_urls),
     .help = "Services of yours, with spaces between them, that are told when somebody's account "
             "becomes active, expires, is disconnected or removed."},
    {.name = "GATEHOUSE_WEBHOOK_SECRET",
     .kind = GATE_SETTING_WEBHOOK_SECRETS,
     FIELD(webhook_keys),
     .help = "The whsec_ secret that those notices are signed with, several with spaces between "
             "them while one is replaced; GATEHOUSE_WEBHOOK_SECRET_FILE names a file that holds "
             "it."},
    {.name = "GATEHOUSE_WEBHOOK_ALLOW_PRIVATE",
     .kind = GATE_SETTING_SWITCH,
     .fallback = "no",
     FIELD(webhook_allow_private),
     .help = "Let those services have addresses of this machine or of a private network: yes or "
             "no."},
    {.name = "GATEHOUSE_TRAIL_DAYS",
     .kind = GATE_SETTING_NUMBER,
     .fallback = "365",
     .min = 0,
     .max = 36500,
     FIELD(trail_days),
     .help = "Days for which the trail is kept: tool calls, and changes of accounts; 0 for ever."},
    {.name = "GATEHOUSE_DELIVERY_DAYS",
     .kind = GATE_SETTING_NUMBER,
     .fallback = "30",
     .min = 3,
     .max = 3650,
     FIELD(delivery_days),
     .help = "Days for which webhooks that came in are known again, and notices wait for a service "
             "of yours that does not take them any more."},
    {.name = "GATEHOUSE_SECRET",
     .kind = GATE_SETTING_SECRET,
     .required = true,
     .min = SECRET_MIN_BYTES,
     FIELD(secret),
     .help = "At least 32 random characters from which the portal derives its own keys; "
             "GATEHOUSE_SECRET_FILE names a file that holds them."},
    {.name = "GATEHOUSE_SESSION_IDLE",
     .kind = GATE_SETTING_SECONDS,
     .fallback = "28800",
     .min = 60,
     .max = 365 * DAY,
     FIELD(session_idle_ms),
     .help = "Seconds without a request after which a session ends."},
    {.name = "GATEHOUSE_SESSION_MAX",
     .kind = GATE_SETTING_SECONDS,
     .fallback = "604800",
     .min = 60,
     .max = 365 * DAY,
     FIELD(session_max_ms),
     .help = "Seconds after which a session ends in any case."},
    {.name = "GATEHOUSE_AUTHORIZATION_TTL",
     .kind = GATE_SETTING_SECONDS,
     .fallback = "600",
     .min = 60,
     .max = DAY,
     FIELD(authorization_ttl_ms),
     .help = "Seconds in which an attempt to connect an app has to be finished."},
};
const size_t gate_setting_count = sizeof gate_settings / sizeof gate_settings[0];

/* The configuration and what it is made of. */
struct owned_config {
    struct gate_config config; /* first, so that a pointer to it is a pointer to this */
    gate_arena *arena;
};

#define config_error(error, ...)                                                                   \
    gate_error_set_at((error), __FILE__, __LINE__, GATE_ERR_CONFIG, __VA_ARGS__)

/* Read the secret a `…_FILE` setting points to; one newline at the end is an editor's, not the
 * secret's. */
static enum gate_err load_secret_file(struct owned_config *owned,
                                      const struct gate_setting *setting,
                                      const struct gate_given *given, struct gate_error *error) {
    char *bytes;
    size_t length;
    if (*given->value != '/') {
        return config_error(error, "%s is no absolute path", given->name);
    }
    enum gate_err err = gate_sources_read_file(given->value, GATE_SETTING_VALUE_MAX_BYTES,
                                               given->name, error, &bytes, &length);
    if (err != GATE_OK) {
        return err;
    }
    size_t used = length > 0 && bytes[length - 1] == '\n' ? length - 1 : length;
    err = used == 0 ? config_error(error, "%s names an empty file", given->name)
                    : gate_setting_value_parse(owned->arena, setting, given->name, bytes, used,
                                               error, &owned->config);
    gate_sources_wipe(bytes, length);
    return err;
}

static enum gate_err load_setting(struct owned_config *owned, const struct gate_setting *setting,
                                  const gate_sources *sources, struct gate_error *error,
                                  struct gate_buffer *missing) {
    struct gate_given given;
    enum gate_err err = gate_sources_find(sources, setting, error, &given);
    if (err != GATE_OK) {
        return err;
    }
    if (given.value != NULL && given.is_file) {
        return load_secret_file(owned, setting, &given, error);
    }
    if (given.value == NULL && setting->required) {
        gate_buffer_printf(missing, " %s", setting->name);
        return GATE_OK;
    }
    const char *value = given.value == NULL ? setting->fallback : given.value;
    if (value == NULL) {
        return GATE_OK;
    }
    const char *name = given.value == NULL ? setting->name : given.name;
    return gate_setting_value_parse(owned->arena, setting, name, value, strlen(value), error,
                                    &owned->config);
}

static enum gate_err load_all(struct owned_config *owned, const gate_sources *sources,
                              struct gate_error *error) {
    struct gate_buffer missing;
    enum gate_err err = GATE_OK;
    gate_buffer_init(&missing, GATE_ERROR_MESSAGE_MAX_BYTES);
    for (size_t i = 0; err == GATE_OK && i < gate_setting_count; i++) {
        err = load_setting(owned, &gate_settings[i], sources, error, &missing);
    }
    if (err == GATE_OK && missing.length > 0) {
        err = config_error(error, "not set:%s", gate_buffer_text(&missing));
    }
    gate_buffer_done(&missing);
    return err;
}

/* What no setting says alone. */
static enum gate_err complete(struct gate_config *config, struct gate_error *error) {
    if (config->session_idle_ms > config->session_max_ms) {
        return config_error(error, "GATEHOUSE_SESSION_IDLE is longer than GATEHOUSE_SESSION_MAX");
    }
    if (config->oidc_issuer == NULL) {
        config->oidc_issuer = config->scalekit_url;
    }
    if (config->webhook_urls != NULL && *config->webhook_urls == NULL) {
        config->webhook_urls = NULL;
    }
    if (config->webhook_urls != NULL && config->webhook_keys == NULL) {
        return config_error(error, "GATEHOUSE_WEBHOOK_URLS needs GATEHOUSE_WEBHOOK_SECRET");
    }
    config->public_is_https = gate_text_starts_with(config->public_url, "https:");
    return GATE_OK;
}

enum gate_err gate_config_load(char **environment, const char *file_path, struct gate_error *error,
                               struct gate_config **ret_config) {
    gate_sources *sources;
    enum gate_err err = gate_sources_load(environment, file_path, error, &sources);
    if (err != GATE_OK) {
        return err;
    }
    struct owned_config *owned = calloc(1, sizeof *owned);
    if (owned == NULL) {
        abort();
    }
    owned->arena = gate_arena_new();
    err = load_all(owned, sources, error);
    if (err == GATE_OK) {
        err = complete(&owned->config, error);
    }
    gate_sources_free(sources);
    if (err != GATE_OK) {
        gate_config_free(&owned->config);
        return err;
    }
    *ret_config = &owned->config;
    return GATE_OK;
}

/* Readers see it const; here is the owner. */
static void free_secret(const gate_secret *secret) {
    gate_secret_free((gate_secret *)(uintptr_t)secret);
}

static void free_keys(const gate_secret *const *keys) {
    while (keys != NULL && *keys != NULL) {
        free_secret(*keys++);
    }
}

void gate_config_free(struct gate_config *config) {
    if (config == NULL) {
        return;
    }
    for (size_t i = 0; i < gate_setting_count; i++) {
        if (gate_settings[i].kind == GATE_SETTING_SECRET) {
            const char *field = (const char *)config + gate_settings[i].offset;
            free_secret(*(const gate_secret *const *)field);
        }
    }
    free_keys(config->scalekit_webhook_keys);
    free_keys(config->webhook_keys);
    struct owned_config *owned = (struct owned_config *)config;
    gate_arena_free(owned->arena);
    free(owned);
}
