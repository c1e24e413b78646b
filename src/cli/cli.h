/* gatehousectl: what the operator does from a shell. One function per command.
 *
 * Threads: confined to the main thread; work that waits is run to its end by gate_cli_wait. Errors:
 * each command prints one sentence on standard error and returns the exit status: 0 done, 1 failed,
 * 2 wrong usage.
 */
#ifndef GATE_CLI_CLI_H
#define GATE_CLI_CLI_H

#include <stdbool.h>

#include "config/settings.h"
#include "net/net.h"
#include "portal/portal.h"
#include "scalekit/scalekit.h"
#include "store/admin_event.h"
#include "store/store.h"
#include "store/user.h"

/* The product's parts, opened for one command. */
struct gate_cli {
    struct gate_config *config;
    struct gate_ctx *ctx;
    gate_runqueue *runqueue;
    gate_net *net;
    gate_store *store;
    gate_scalekit *scalekit;
    gate_portal *portal;
    struct gate_admin_event act; /* the command's entry in the audit, for those that act */
};

/* Open the settings, or everything; prints the reason and returns false when it cannot. Close in
 * either case. */
bool gate_cli_open(struct gate_cli *cli, char **environment, const char *config_path,
                   bool settings_only);
void gate_cli_close(struct gate_cli *cli);

/* Where a command's waiting work ends: hand gate_cli_done and the struct as `then` and `state`. */
struct gate_cli_wait {
    bool done;
    enum gate_err err;
};
void gate_cli_done(struct gate_ctx *ctx, enum gate_err err, void *state);
enum gate_err gate_cli_wait(struct gate_cli *cli, struct gate_cli_wait *wait);

/* Print "gatehousectl: <what>: <the recorded sentence>" and return 1. */
int gate_cli_complain(const struct gate_cli *cli, const char *what, enum gate_err err);

/* Record that a command begins to act (printing why it must not, and giving the exit status), and
 * how it ended. In between the command says in cli->act what and whom it is about: a token by its
 * public id, a person by id, never a secret. */
int gate_cli_act_begin(struct gate_cli *cli, const char *action);
int gate_cli_act_end(struct gate_cli *cli, int status);

/* Commands; `arguments` ends with NULL and starts behind the command's own words. */
int gate_cli_check_run(struct gate_cli *cli, char **arguments);
int gate_cli_backup_run(struct gate_cli *cli, char **arguments);
int gate_cli_restore_run(struct gate_cli *cli, char **arguments);
int gate_cli_token_create_run(struct gate_cli *cli, char **arguments);
int gate_cli_token_list_run(struct gate_cli *cli);
int gate_cli_token_revoke_run(struct gate_cli *cli, char **arguments);
int gate_cli_webhooks_list_run(struct gate_cli *cli, char **arguments);
int gate_cli_webhooks_retry_run(struct gate_cli *cli, char **arguments);
int gate_cli_webhooks_resume_run(struct gate_cli *cli, char **arguments);
int gate_cli_audit_run(struct gate_cli *cli, char **arguments);
int gate_cli_user_list_run(struct gate_cli *cli);
int gate_cli_user_show_run(struct gate_cli *cli, char **arguments);
int gate_cli_user_suspend_run(struct gate_cli *cli, char **arguments);
int gate_cli_user_resume_run(struct gate_cli *cli, char **arguments);
int gate_cli_user_forget_run(struct gate_cli *cli, char **arguments);

/* Find a person by identifier; GATE_ERR_NOT_FOUND for nobody. */
enum gate_err gate_cli_user_find(struct gate_cli *cli, const char *identifier,
                                 struct gate_user *ret_user) GATE_MUST_CHECK;

#endif
