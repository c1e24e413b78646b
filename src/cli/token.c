#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "core/number.h"
#include "core/timestamp.h"
#include "portal/token.h"
#include "store/user.h"

#define DAY_MS (24LL * 60 * 60 * 1000)
#define LIST_PAGE 100

struct wish {
    struct gate_token_wish token;
    const char *owner; /* identifier of a personal token's owner */
    bool is_service;
    bool is_quiet;
};

static int complain_usage(const char *what, const char *option) {
    fprintf(stderr, "gatehousectl: token create: %s %s\n", what, option);
    return 2;
}

/* Where an option's value goes; NULL for one that is not known. */
static const char **find_target(struct wish *wish, const char *option) {
    const struct {
        const char *name;
        const char **target;
    } targets[] = {
        {"--label", &wish->token.label},   {"--users", &wish->token.identifiers},
        {"--tools", &wish->token.tools},   {"--connections", &wish->token.connections},
        {"--scopes", &wish->token.scopes}, {"--personal", &wish->owner},
    };
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        if (strcmp(targets[i].name, option) == 0) {
            return targets[i].target;
        }
    }
    return NULL;
}

static int read_days(struct gate_cli *cli, const char *text, struct wish *wish) {
    int64_t days;
    if (gate_number_parse(text, 1, 3650, &days) != GATE_OK) {
        return complain_usage("--days takes a number from 1 to 3650, not", text);
    }
    wish->token.expires_at = gate_ctx_now_ms(cli->ctx) + days * DAY_MS;
    return 0;
}

static int read_rate(const char *text, struct wish *wish) {
    if (gate_number_parse(text, 1, GATE_CALLS_PER_MINUTE_MAX, &wish->token.calls_per_minute) !=
        GATE_OK) {
        return complain_usage("--rate takes calls per minute, from 1 to 1000000, not", text);
    }
    return 0;
}

static int read_option(struct gate_cli *cli, struct wish *wish, const char *option,
                       const char *value) {
    if (strcmp(option, "--days") == 0) {
        return read_days(cli, value, wish);
    }
    if (strcmp(option, "--rate") == 0) {
        return read_rate(value, wish);
    }
    const char **target = find_target(wish, option);
    if (target == NULL) {
        return complain_usage("unknown option", option);
    }
    *target = value;
    return 0;
}

static int read_wish(struct gate_cli *cli, char **arguments, struct wish *wish) {
    for (char **argument = arguments; *argument != NULL; argument++) {
        if (strcmp(*argument, "--service") == 0) {
            wish->is_service = true;
        } else if (strcmp(*argument, "--quiet") == 0) {
            wish->is_quiet = true;
        } else if (argument[1] == NULL) {
            return complain_usage("a value is missing after", *argument);
        } else {
            int status = read_option(cli, wish, *argument, argument[1]);
            if (status != 0) {
                return status;
            }
            argument++;
        }
    }
    if (wish->is_service == (wish->owner != NULL)) {
        return complain_usage("choose one of", "--service and --personal IDENTIFIER");
    }
    if (wish->token.label == NULL) {
        return complain_usage("missing option", "--label");
    }
    if (wish->is_service && wish->token.identifiers == NULL) {
        return complain_usage("a service token acts for nobody without", "--users");
    }
    return 0;
}

static enum gate_err find_owner(struct gate_cli *cli, struct wish *wish) {
    struct gate_user user;
    gate_store_tx *tx = gate_store_read_begin(cli->store);
    enum gate_err err = gate_store_user_find_by_identifier(cli->ctx, tx, wish->owner, &user);
    gate_store_read_end(cli->store, tx);
    if (err == GATE_ERR_NOT_FOUND) {
        return gate_fail(cli->ctx, err, "Nobody with that identifier has signed in yet.");
    }
    wish->token.owner_user_id = err == GATE_OK ? user.id : 0;
    return err;
}

/* Ready to be put where Scalekit's SDKs and clients of its REST API look. */
static void print_client(const struct gate_cli *cli, const char *text, const char *public_id) {
    printf("\nSend it as Authorization: Bearer. Software written for Scalekit uses it so:\n"
           "SCALEKIT_ENVIRONMENT_URL=%s\nSCALEKIT_CLIENT_ID=%s\nSCALEKIT_CLIENT_SECRET=%s\n",
           cli->config->public_url, public_id, text);
}

int gate_cli_token_create_run(struct gate_cli *cli, char **arguments) {
    struct wish wish = {
        .token = {.scopes = GATE_SCOPE_READ " " GATE_SCOPE_EXECUTE},
    };
    const char *text;
    const char *public_id;
    int status = read_wish(cli, arguments, &wish);
    if (status != 0) {
        return status;
    }
    wish.token.kind = wish.is_service ? GATE_TOKEN_SERVICE : GATE_TOKEN_PERSONAL;
    enum gate_err err = wish.is_service ? GATE_OK : find_owner(cli, &wish);
    cli->act.user_id = wish.token.owner_user_id;
    if (err == GATE_OK) {
        struct gate_cli_wait wait = {0};
        gate_portal_token_make(cli->ctx, cli->portal, &wish.token, &text, &public_id, gate_cli_done,
                               &wait);
        err = gate_cli_wait(cli, &wait);
    }
    if (err != GATE_OK) {
        return gate_cli_complain(cli, "token create", err);
    }
    cli->act.subject = public_id;
    if (wish.is_quiet) {
        printf("%s\n", text);
    } else {
        printf("%s\n%s\nThe token is shown this once only. Keep it like a password.\n", public_id,
               text);
    }
    if (wish.is_service && !wish.is_quiet) {
        print_client(cli, text, public_id);
    }
    return 0;
}

static const char *describe_state(struct gate_cli *cli, const struct gate_token *token) {
    if (token->revoked_at != 0) {
        return "revoked";
    }
    bool expired = token->expires_at != 0 && token->expires_at <= gate_ctx_now_ms(cli->ctx);
    return expired ? "expired" : "active";
}

static const char *describe_time(struct gate_cli *cli, int64_t wall_ms) {
    return wall_ms == 0 ? "never" : gate_timestamp_format(cli->ctx->arena, wall_ms);
}

static void print_token(struct gate_cli *cli, const struct gate_token *token) {
    printf("%s\t%s…\t%s\t%s\texpires %s\tlast used %s\t%s\n", token->public_id, token->prefix,
           token->kind == GATE_TOKEN_SERVICE ? "service" : "personal", describe_state(cli, token),
           describe_time(cli, token->expires_at), describe_time(cli, token->last_used_at),
           token->label);
}

static const char *describe_rules(const char *list) {
    return list == NULL || list[strspn(list, " ")] == '\0' ? "(nothing)" : list;
}

/* On a line of their own, indented, so that a token's first line begins with its id and ends with
 * its label. */
static void print_rules(const struct gate_token *token) {
    printf("\tscopes %s\tconnections %s\ttools %s", describe_rules(token->scopes),
           describe_rules(token->connections), describe_rules(token->tools));
    if (token->kind == GATE_TOKEN_SERVICE) {
        printf("\tusers %s", describe_rules(token->identifiers));
    }
    if (token->calls_per_minute != 0) {
        printf("\trate %lld a minute", (long long)token->calls_per_minute);
    }
    printf("\n");
}

int gate_cli_token_list_run(struct gate_cli *cli) {
    struct gate_token *tokens;
    size_t count;
    int64_t after_id = 0;
    do {
        gate_store_tx *tx = gate_store_read_begin(cli->store);
        enum gate_err err =
            gate_store_token_list(cli->ctx, tx, after_id, LIST_PAGE, &tokens, &count);
        gate_store_read_end(cli->store, tx);
        if (err != GATE_OK) {
            return gate_cli_complain(cli, "token list", err);
        }
        for (size_t i = 0; i < count; i++) {
            print_token(cli, &tokens[i]);
            print_rules(&tokens[i]);
            after_id = tokens[i].id;
        }
    } while (count == LIST_PAGE);
    return 0;
}

static enum gate_err revoke(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    return gate_store_token_revoke(ctx, tx, state, 0, gate_ctx_now_ms(ctx));
}

int gate_cli_token_revoke_run(struct gate_cli *cli, char **arguments) {
    if (arguments[0] == NULL || arguments[1] != NULL) {
        fprintf(stderr,
                "gatehousectl: token revoke takes one id (tok_…), as token list shows it\n");
        return 2;
    }
    enum gate_err err = gate_store_write_now(cli->ctx, cli->store, revoke, arguments[0]);
    if (err == GATE_ERR_NOT_FOUND) {
        (void)gate_fail(cli->ctx, err, "There is no token with that id.");
    }
    if (err != GATE_OK) {
        return gate_cli_complain(cli, "token revoke", err);
    }
    cli->act.subject = arguments[0]; /* an id, now that it has been found; not a token by mistake */
    return 0;
}
