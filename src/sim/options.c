#include "sim/options.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "core/number.h"
#include "core/text.h"
#include "sim/sim_limits.h"

const char gate_sim_options_help[] =
    "Usage: scalekit-sim --port N [options]\n"
    "Plays Scalekit on loopback: tokens, sign-in, connections, magic links, tools, proxy.\n"
    "\n"
    "  --host ADDRESS               address to listen on (127.0.0.1)\n"
    "  --port N                     port to listen on; 0 takes a free one\n"
    "  --public-url URL             issuer and base of links (http://HOST:PORT)\n"
    "  --client-id ID               API client (skc_simulator)\n"
    "  --client-secret-file FILE    its secret (simulator-secret)\n"
    "  --oidc-client-id ID          sign-in client (the API client)\n"
    "  --oidc-client-secret-file FILE\n"
    "  --redirect-uri URL           registered sign-in callback; repeatable (any on loopback)\n"
    "  --connections N              fill the catalogue up to N connections\n"
    "  --webhook-url URL            where signed events go\n"
    "  --webhook-secret-file FILE   whsec_... key to sign them with\n"
    "  --log FILE                   append one line per request\n"
    "  --control                    serve /sim/... to loopback callers\n";

enum option_kind { OPTION_TEXT, OPTION_SECRET, OPTION_NUMBER, OPTION_FLAG, OPTION_URI };

struct option {
    const char *name;
    enum option_kind kind;
    size_t offset;
    int max;
};

#define FIELD(name) offsetof(struct gate_sim_options, name)

static const struct option known_options[] = {
    {"--host", OPTION_TEXT, FIELD(host), 0},
    {"--port", OPTION_NUMBER, FIELD(port), 65535},
    {"--public-url", OPTION_TEXT, FIELD(public_url), 0},
    {"--client-id", OPTION_TEXT, FIELD(client_id), 0},
    {"--client-secret-file", OPTION_SECRET, FIELD(client_secret), 0},
    {"--oidc-client-id", OPTION_TEXT, FIELD(oidc_client_id), 0},
    {"--oidc-client-secret-file", OPTION_SECRET, FIELD(oidc_client_secret), 0},
    {"--redirect-uri", OPTION_URI, 0, 0},
    {"--connections", OPTION_NUMBER, FIELD(connections), GATE_SIM_CONNECTIONS_MAX},
    {"--webhook-url", OPTION_TEXT, FIELD(webhook_url), 0},
    {"--webhook-secret-file", OPTION_SECRET, FIELD(webhook_secret), 0},
    {"--log", OPTION_TEXT, FIELD(log_file), 0},
    {"--control", OPTION_FLAG, FIELD(control), 0},
    {"--help", OPTION_FLAG, FIELD(help), 0},
};

static const struct option *find_option(const char *name) {
    for (size_t i = 0; i < sizeof known_options / sizeof known_options[0]; i++) {
        if (gate_text_equal(known_options[i].name, name)) {
            return &known_options[i];
        }
    }
    return NULL;
}

/* A file's first line, without its end. */
static const char *read_secret_file(gate_arena *arena, const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return NULL;
    }
    char *text = gate_arena_alloc(arena, GATE_SIM_SECRET_MAX_BYTES + 1);
    ssize_t length = read(fd, text, GATE_SIM_SECRET_MAX_BYTES);
    close(fd);
    if (length <= 0) {
        return NULL;
    }
    text[strcspn(text, "\r\n")] = '\0';
    return *text == '\0' ? NULL : text;
}

static enum gate_err set_option(gate_arena *arena, const struct option *option, const char *value,
                                struct gate_error *error, struct gate_sim_options *options) {
    void *field = (char *)options + option->offset;
    int64_t number = 0;
    switch (option->kind) {
    case OPTION_FLAG:
        *(bool *)field = true;
        return GATE_OK;
    case OPTION_NUMBER:
        if (gate_number_parse(value, 0, option->max, &number) != GATE_OK) {
            return gate_error_set_at(error, __FILE__, __LINE__, GATE_ERR_CONFIG,
                                     "%s wants a number up to %d", option->name, option->max);
        }
        *(int *)field = (int)number;
        return GATE_OK;
    case OPTION_SECRET:
        *(const char **)field = read_secret_file(arena, value);
        if (*(const char **)field == NULL) {
            return gate_error_set_at(error, __FILE__, __LINE__, GATE_ERR_CONFIG,
                                     "%s: no secret in %s", option->name, value);
        }
        return GATE_OK;
    case OPTION_URI:
        if (options->redirect_uri_count == GATE_SIM_REDIRECT_URIS_MAX) {
            return gate_error_set_at(error, __FILE__, __LINE__, GATE_ERR_CONFIG,
                                     "too many --redirect-uri");
        }
        options->redirect_uris[options->redirect_uri_count++] = value;
        return GATE_OK;
    case OPTION_TEXT:
        break;
    }
    *(const char **)field = value;
    return GATE_OK;
}

static void set_defaults(struct gate_sim_options *options) {
    memset(options, 0, sizeof *options);
    options->host = "127.0.0.1";
    options->port = -1;
    options->client_id = "skc_simulator";
    options->client_secret = "simulator-secret";
}

static enum gate_err check_options(gate_arena *arena, struct gate_error *error,
                                   struct gate_sim_options *options) {
    if (options->port < 0 && !options->help) {
        return gate_error_set_at(error, __FILE__, __LINE__, GATE_ERR_CONFIG, "--port is missing");
    }
    if ((options->webhook_url == NULL) != (options->webhook_secret == NULL)) {
        return gate_error_set_at(error, __FILE__, __LINE__, GATE_ERR_CONFIG,
                                 "--webhook-url and --webhook-secret-file go together");
    }
    if (options->oidc_client_id == NULL) {
        options->oidc_client_id = options->client_id;
    }
    if (options->oidc_client_secret == NULL) {
        options->oidc_client_secret = options->client_secret;
    }
    if (options->public_url != NULL && gate_text_ends_with(options->public_url, "/")) {
        options->public_url =
            gate_arena_strndup(arena, options->public_url, strlen(options->public_url) - 1);
    }
    return GATE_OK;
}

enum gate_err gate_sim_options_parse(gate_arena *arena, int argc, char **argv,
                                     struct gate_error *error,
                                     struct gate_sim_options *ret_options) {
    set_defaults(ret_options);
    for (int i = 1; i < argc; i++) {
        const struct option *option = find_option(argv[i]);
        if (option == NULL) {
            return gate_error_set_at(error, __FILE__, __LINE__, GATE_ERR_CONFIG,
                                     "unknown option %s", argv[i]);
        }
        const char *value = NULL;
        if (option->kind != OPTION_FLAG && (value = argv[++i]) == NULL) {
            return gate_error_set_at(error, __FILE__, __LINE__, GATE_ERR_CONFIG, "%s wants a value",
                                     option->name);
        }
        enum gate_err err = set_option(arena, option, value, error, ret_options);
        if (err != GATE_OK) {
            return err;
        }
    }
    return check_options(arena, error, ret_options);
}
