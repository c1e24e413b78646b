#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "store/token.h"
#include "store/user.h"

/* Rows of each kind that one transaction gives to nobody; the service waits for no longer one. */
#define TRAIL_STEP 1000
#define LIST_PAGE 100

struct forgetting {
    const char *identifier;
    int64_t user_id; /* 0: nobody here has the identifier */
    struct gate_user_holdings holdings;
    size_t step;  /* rows in the last transaction */
    size_t trail; /* rows altogether */
    size_t sessions;
    bool changed;
};

static enum gate_err suspend(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    struct forgetting *forgetting = state;
    return gate_store_user_suspend(ctx, tx, forgetting->user_id, gate_ctx_now_ms(ctx),
                                   &forgetting->sessions, &forgetting->changed);
}

static enum gate_err unname_step(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    struct forgetting *forgetting = state;
    return gate_store_user_unname_trail(ctx, tx, forgetting->user_id, TRAIL_STEP,
                                        gate_ctx_now_ms(ctx), &forgetting->step);
}

static enum gate_err delete_user(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    struct forgetting *forgetting = state;
    return gate_store_user_delete(ctx, tx, forgetting->user_id, gate_ctx_now_ms(ctx));
}

/* ---- at Scalekit ---- */

static enum gate_err delete_account(struct gate_cli *cli, const char *connection_name,
                                    const char *identifier) {
    struct gate_cli_wait wait = {0};
    gate_scalekit_account_delete(cli->ctx, cli->scalekit, connection_name, identifier,
                                 gate_cli_done, &wait);
    enum gate_err err = gate_cli_wait(cli, &wait);
    if (err == GATE_ERR_NOT_FOUND) { /* somebody was faster */
        gate_error_clear(&cli->ctx->error);
        return GATE_OK;
    }
    return err;
}

static enum gate_err delete_accounts(struct gate_cli *cli, const char *identifier) {
    struct gate_scalekit_account *accounts = NULL;
    size_t count = 0;
    struct gate_cli_wait wait = {0};
    gate_scalekit_accounts_fetch(cli->ctx, cli->scalekit, identifier, &accounts, &count,
                                 gate_cli_done, &wait);
    enum gate_err err = gate_cli_wait(cli, &wait);
    for (size_t i = 0; err == GATE_OK && i < count; i++) {
        err = delete_account(cli, accounts[i].connection_name, identifier);
        if (err == GATE_OK) {
            printf("Scalekit deleted the account on %s.\n", accounts[i].connection_name);
        }
    }
    if (err == GATE_OK && count == 0) {
        printf("Scalekit has no account of %s.\n", identifier);
    }
    return err;
}

/* ---- here ---- */

static enum gate_err count_holdings(struct gate_cli *cli, struct forgetting *forgetting) {
    gate_store_tx *tx = gate_store_read_begin(cli->store);
    enum gate_err err = gate_store_user_count_holdings(
        cli->ctx, tx, forgetting->user_id, gate_ctx_now_ms(cli->ctx), &forgetting->holdings);
    gate_store_read_end(cli->store, tx);
    return err;
}

static enum gate_err forget(struct gate_cli *cli, struct forgetting *forgetting) {
    enum gate_err err;
    do {
        err = gate_store_write_now(cli->ctx, cli->store, unname_step, forgetting);
        forgetting->trail += err == GATE_OK ? forgetting->step : 0;
    } while (err == GATE_OK && forgetting->step > 0);
    return err == GATE_OK ? gate_store_write_now(cli->ctx, cli->store, delete_user, forgetting)
                          : err;
}

static bool names_person(const char *rules, const char *identifier) {
    size_t length = strlen(identifier);
    for (const char *at = rules; at != NULL && *at != '\0'; at += strcspn(at, " ")) {
        at += strspn(at, " ");
        const char *word = *at == '!' ? at + 1 : at;
        if (strncmp(word, identifier, length) == 0 &&
            (word[length] == ' ' || word[length] == '\0')) {
            return true;
        }
    }
    return false;
}

/* Rules are the operator's own words, so they are not changed here, but the operator wants to know.
 */
static enum gate_err point_out_rules(struct gate_cli *cli, const char *identifier) {
    struct gate_token *tokens;
    size_t count;
    int64_t after_id = 0;
    do {
        gate_store_tx *tx = gate_store_read_begin(cli->store);
        enum gate_err err =
            gate_store_token_list(cli->ctx, tx, after_id, LIST_PAGE, &tokens, &count);
        gate_store_read_end(cli->store, tx);
        if (err != GATE_OK) {
            return err;
        }
        for (size_t i = 0; i < count; i++) {
            after_id = tokens[i].id;
            if (names_person(tokens[i].identifiers, identifier)) {
                printf("The rules of the service token %s (%s) still name %s.\n",
                       tokens[i].public_id, tokens[i].label, identifier);
            }
        }
    } while (count == LIST_PAGE);
    return GATE_OK;
}

static void print_outcome(const struct forgetting *forgetting) {
    const struct gate_user_holdings *gone = &forgetting->holdings;
    printf(
        "%s is forgotten. Gone: sessions: %lld, access keys: %lld, recorded accounts: %lld. Kept "
        "as nobody's: rows of the trail: %zu.\n",
        forgetting->identifier, (long long)gone->sessions, (long long)gone->tokens,
        (long long)gone->accounts, forgetting->trail);
}

static int complain(struct gate_cli *cli, const struct forgetting *forgetting, enum gate_err err) {
    if (forgetting->user_id != 0) {
        printf("%s is suspended, but not yet forgotten; run the same command again.\n",
               forgetting->identifier);
    }
    return gate_cli_complain(cli, "user forget", err);
}

static int complain_usage(void) {
    fprintf(stderr, "gatehousectl: user forget takes one identifier, as user list shows it, and "
                    "may take --delete-accounts\n");
    return 2;
}

/* First out, so that nothing new comes meanwhile; then Scalekit, which needs the identifier; and
 * last what is here. */
static int run(struct gate_cli *cli, struct forgetting *forgetting, bool with_accounts) {
    enum gate_err err = GATE_OK;
    if (forgetting->user_id != 0) {
        err = count_holdings(cli, forgetting);
    }
    if (err == GATE_OK && forgetting->user_id != 0) {
        err = gate_store_write_now(cli->ctx, cli->store, suspend, forgetting);
    }
    if (err == GATE_OK && with_accounts) {
        err = delete_accounts(cli, forgetting->identifier);
    }
    if (err == GATE_OK && forgetting->user_id != 0) {
        err = forget(cli, forgetting);
    }
    if (err != GATE_OK) {
        return complain(cli, forgetting, err);
    }
    if (forgetting->user_id != 0) {
        print_outcome(forgetting);
    } else {
        printf("Nobody here has the identifier %s; there was nothing to forget.\n",
               forgetting->identifier);
    }
    err = point_out_rules(cli, forgetting->identifier);
    return err == GATE_OK ? 0 : gate_cli_complain(cli, "user forget", err);
}

int gate_cli_user_forget_run(struct gate_cli *cli, char **arguments) {
    struct forgetting forgetting = {0};
    bool with_accounts = false;
    for (; *arguments != NULL; arguments++) {
        if (strcmp(*arguments, "--delete-accounts") == 0) {
            with_accounts = true;
        } else if (forgetting.identifier == NULL && **arguments != '-') {
            forgetting.identifier = *arguments;
        } else {
            return complain_usage();
        }
    }
    if (forgetting.identifier == NULL) {
        return complain_usage();
    }
    struct gate_user user;
    enum gate_err err = gate_cli_user_find(cli, forgetting.identifier, &user);
    if (err != GATE_OK && err != GATE_ERR_NOT_FOUND) {
        return gate_cli_complain(cli, "user forget", err);
    }
    forgetting.user_id = err == GATE_OK ? user.id : 0;
    cli->act.user_id = forgetting.user_id;
    return run(cli, &forgetting, with_accounts);
}
