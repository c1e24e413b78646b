#include "store/user.h"

#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "core/timestamp.h"
#include "store/account.h"

#define LIST_PAGE 100

static const char *show(const char *text) {
    return text == NULL || *text == '\0' ? "-" : text;
}

static const char *show_time(struct gate_cli *cli, int64_t at_ms) {
    return at_ms == 0 ? "never" : gate_timestamp_format(cli->ctx->arena, at_ms);
}

int gate_cli_user_list_run(struct gate_cli *cli) {
    struct gate_user *users;
    size_t count;
    int64_t after_id = 0;
    do {
        gate_store_tx *tx = gate_store_read_begin(cli->store);
        enum gate_err err = gate_store_user_list(cli->ctx, tx, after_id, LIST_PAGE, &users, &count);
        gate_store_read_end(cli->store, tx);
        if (err != GATE_OK) {
            return gate_cli_complain(cli, "user list", err);
        }
        for (size_t i = 0; i < count; i++) {
            printf("%s\t%s\t%s\tlast seen %s\t%s%s\n", users[i].identifier, show(users[i].email),
                   show(users[i].name), show_time(cli, users[i].last_seen_at), users[i].issuer,
                   users[i].suspended_at == 0 ? "" : "\tsuspended");
            after_id = users[i].id;
        }
    } while (count == LIST_PAGE);
    return 0;
}

enum gate_err gate_cli_user_find(struct gate_cli *cli, const char *identifier,
                                 struct gate_user *ret_user) {
    gate_store_tx *tx = gate_store_read_begin(cli->store);
    enum gate_err err = gate_store_user_find_by_identifier(cli->ctx, tx, identifier, ret_user);
    gate_store_read_end(cli->store, tx);
    return err;
}

/* The one person that the arguments name; prints why there is none, and gives the exit status. */
static int require_user(struct gate_cli *cli, const char *what, char **arguments,
                        struct gate_user *ret_user) {
    if (arguments[0] == NULL || arguments[1] != NULL) {
        fprintf(stderr, "gatehousectl: %s takes one identifier, as user list shows it\n", what);
        return 2;
    }
    enum gate_err err = gate_cli_user_find(cli, arguments[0], ret_user);
    if (err == GATE_ERR_NOT_FOUND) {
        (void)gate_fail(cli->ctx, err, "nobody here has the identifier %s", arguments[0]);
    }
    cli->act.user_id = err == GATE_OK ? ret_user->id : 0;
    return err == GATE_OK ? 0 : gate_cli_complain(cli, what, err);
}

/* ---- show ---- */

static void print_accounts(const struct gate_account *accounts, size_t count) {
    for (size_t i = 0; i < count; i++) {
        printf("account\t%s\t%s\n", accounts[i].connection_name,
               gate_account_status_name(accounts[i].status));
    }
}

int gate_cli_user_show_run(struct gate_cli *cli, char **arguments) {
    struct gate_user user;
    struct gate_user_holdings holdings = {0};
    struct gate_account *accounts = NULL;
    size_t count = 0;
    int status = require_user(cli, "user show", arguments, &user);
    if (status != 0) {
        return status;
    }
    gate_store_tx *tx = gate_store_read_begin(cli->store);
    enum gate_err err =
        gate_store_user_count_holdings(cli->ctx, tx, user.id, gate_ctx_now_ms(cli->ctx), &holdings);
    if (err == GATE_OK) {
        err = gate_store_account_list(cli->ctx, tx, user.id, &accounts, &count);
    }
    gate_store_read_end(cli->store, tx);
    if (err != GATE_OK) {
        return gate_cli_complain(cli, "user show", err);
    }
    printf("identifier\t%s\nemail\t%s\nname\t%s\norganization\t%s\nissuer\t%s\nsubject\t%s\n",
           user.identifier, show(user.email), show(user.name), show(user.organization), user.issuer,
           user.subject);
    printf("known since\t%s\nlast seen\t%s\nsuspended\t%s\n", show_time(cli, user.created_at),
           show_time(cli, user.last_seen_at),
           user.suspended_at == 0 ? "no" : show_time(cli, user.suspended_at));
    printf("sessions\t%lld\naccess keys\t%lld\ntool calls\t%lld\nchanges of accounts\t%lld\n",
           (long long)holdings.sessions, (long long)holdings.tokens, (long long)holdings.calls,
           (long long)holdings.events);
    print_accounts(accounts, count);
    return 0;
}

/* ---- suspend, resume ---- */

struct suspending {
    int64_t user_id;
    int64_t at_ms;
    size_t sessions;
    bool changed;
};

static enum gate_err suspend(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    struct suspending *suspending = state;
    return gate_store_user_suspend(ctx, tx, suspending->user_id, suspending->at_ms,
                                   &suspending->sessions, &suspending->changed);
}

int gate_cli_user_suspend_run(struct gate_cli *cli, char **arguments) {
    struct gate_user user;
    int status = require_user(cli, "user suspend", arguments, &user);
    if (status != 0) {
        return status;
    }
    struct suspending suspending = {.user_id = user.id, .at_ms = gate_ctx_now_ms(cli->ctx)};
    enum gate_err err = gate_store_write_now(cli->ctx, cli->store, suspend, &suspending);
    if (err != GATE_OK) {
        return gate_cli_complain(cli, "user suspend", err);
    }
    if (!suspending.changed) {
        printf("%s has been suspended since %s; nothing was changed.\n", user.identifier,
               show_time(cli, user.suspended_at));
        return 0;
    }
    printf("%s is suspended. Sessions ended: %zu. Signing in, access keys, and services acting for "
           "this person are refused from now on.\n",
           user.identifier, suspending.sessions);
    return 0;
}

int gate_cli_user_resume_run(struct gate_cli *cli, char **arguments) {
    struct gate_user user;
    int status = require_user(cli, "user resume", arguments, &user);
    if (status != 0) {
        return status;
    }
    struct suspending suspending = {.user_id = user.id};
    enum gate_err err = gate_store_write_now(cli->ctx, cli->store, suspend, &suspending);
    if (err != GATE_OK) {
        return gate_cli_complain(cli, "user resume", err);
    }
    if (!suspending.changed) {
        printf("%s is not suspended; nothing was changed.\n", user.identifier);
        return 0;
    }
    printf("%s is no longer suspended: access keys work again, and signing in is possible.\n",
           user.identifier);
    return 0;
}
