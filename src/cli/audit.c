/* Who did what: recorded around every command that acts, and listed. */
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "core/number.h"
#include "core/text.h"
#include "core/timestamp.h"

#define LIST_DEFAULT 50
#define LIST_MAX 10000
#define NO_LOGIN 4294967295LL /* what the kernel says before anybody has logged in */

/* ---- who ---- */

static const char *find_name(struct gate_cli *cli, uid_t uid) {
    const struct passwd *entry = getpwuid(uid);
    return entry == NULL ? NULL : gate_arena_strdup(cli->ctx->arena, entry->pw_name);
}

/* sudo changes the user, not this; unlike SUDO_USER nobody can set it for themselves. */
static const char *find_login(struct gate_cli *cli) {
    char text[32] = "";
    FILE *file = fopen("/proc/self/loginuid", "re");
    if (file == NULL) {
        return NULL;
    }
    const char *line = fgets(text, sizeof text, file);
    fclose(file);
    int64_t uid;
    if (line == NULL || gate_number_parse(text, 0, NO_LOGIN - 1, &uid) != GATE_OK) {
        return NULL;
    }
    const char *name = find_name(cli, (uid_t)uid);
    return name != NULL ? name : gate_arena_printf(cli->ctx->arena, "uid %lld", (long long)uid);
}

/* ---- recording ---- */

static enum gate_err insert_event(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    struct gate_admin_event *act = state;
    return gate_store_admin_event_insert(ctx, tx, act, &act->id);
}

static enum gate_err finish_event(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    return gate_store_admin_event_finish(ctx, tx, state);
}

int gate_cli_act_begin(struct gate_cli *cli, const char *action) {
    cli->act = (struct gate_admin_event){
        .at = gate_ctx_now_ms(cli->ctx),
        .uid = (int64_t)getuid(),
        .os_user = find_name(cli, getuid()),
        .login_user = find_login(cli),
        .action = action,
    };
    enum gate_err err = gate_store_write_now(cli->ctx, cli->store, insert_event, &cli->act);
    return err == GATE_OK ? 0 : gate_cli_complain(cli, "nothing was done: audit", err);
}

int gate_cli_act_end(struct gate_cli *cli, int status) {
    gate_error_clear(&cli->ctx->error); /* it was told */
    cli->act.outcome = status == 0 ? "done" : "failed";
    enum gate_err err = gate_store_write_now(cli->ctx, cli->store, finish_event, &cli->act);
    return err == GATE_OK ? status : gate_cli_complain(cli, "audit", err);
}

/* ---- listing ---- */

static const char *describe_who(struct gate_cli *cli, const struct gate_admin_event *event) {
    const char *name = event->os_user == NULL ? "?" : event->os_user;
    gate_arena *arena = cli->ctx->arena;
    if (event->login_user == NULL || gate_text_equal(event->login_user, name)) {
        return gate_arena_printf(arena, "%s (uid %lld)", name, (long long)event->uid);
    }
    return gate_arena_printf(arena, "%s (uid %lld), logged in as %s", name, (long long)event->uid,
                             event->login_user);
}

static const char *describe_person(struct gate_cli *cli, const struct gate_admin_event *event) {
    if (event->user_id == 0) {
        return "";
    }
    return event->identifier != NULL
               ? event->identifier
               : gate_arena_printf(cli->ctx->arena, "(somebody forgotten, %lld)",
                                   (long long)event->user_id);
}

static int complain_usage(void) {
    fprintf(stderr, "gatehousectl: audit takes --limit N, from 1 to %d\n", LIST_MAX);
    return 2;
}

int gate_cli_audit_run(struct gate_cli *cli, char **arguments) {
    int64_t max = LIST_DEFAULT;
    bool has_limit = arguments[0] != NULL;
    if (has_limit &&
        (strcmp(arguments[0], "--limit") != 0 || arguments[1] == NULL || arguments[2] != NULL ||
         gate_number_parse(arguments[1], 1, LIST_MAX, &max) != GATE_OK)) {
        return complain_usage();
    }
    struct gate_admin_event *events;
    size_t count;
    gate_store_tx *tx = gate_store_read_begin(cli->store);
    enum gate_err err = gate_store_admin_event_list(cli->ctx, tx, (size_t)max, &events, &count);
    gate_store_read_end(cli->store, tx);
    if (err != GATE_OK) {
        return gate_cli_complain(cli, "audit", err);
    }
    for (size_t i = 0; i < count; i++) {
        const struct gate_admin_event *event = &events[i];
        printf("%s\t%s\t%s\t%s\t%s\t%s\t%s\n", gate_timestamp_format(cli->ctx->arena, event->at),
               describe_who(cli, event), event->action,
               event->outcome == NULL ? "not finished" : event->outcome,
               describe_person(cli, event), event->subject == NULL ? "" : event->subject,
               event->token_label == NULL ? "" : event->token_label);
    }
    return 0;
}
