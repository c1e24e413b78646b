#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cli.h"

extern char **environ;

static void print_help(void) {
    printf("gatehousectl [--config FILE] COMMAND\n\n"
           "  check [--deep]        configuration, store, Scalekit, sign-in provider, clock;\n"
           "                        deep: also looks through the whole database for damage\n"
           "  migrate               bring the database to this version's schema\n"
           "  backup FILE           copy the database into a new file, while the service runs\n"
           "  restore FILE          put such a copy in the database's place, while it does not\n"
           "  token create --service --label TEXT --users PATTERNS [options]\n"
           "  token create --personal IDENTIFIER --label TEXT [options]\n"
           "      --users PATTERNS        for whom a service token acts: '*@example.com'\n"
           "      --connections PATTERNS  which connections (none without it)\n"
           "      --tools PATTERNS        which tools (none without it)\n"
           "      --scopes WORDS          tools:read to look, tools:execute to run tools,\n"
           "                              accounts:write to disconnect and delete accounts,\n"
           "                              proxy:read and proxy:write for REST calls to apps;\n"
           "                              default: the first two\n"
           "      --days N                expire after N days\n"
           "      --rate N                at most N calls per minute\n"
           "      --quiet                 print the token alone\n"
           "  token list                 each with its rules\n"
           "  token revoke ID\n"
           "  webhooks list              whom the portal tells of changes, and how that goes\n"
           "  webhooks retry [URL]       try those that fail now instead of later\n"
           "  webhooks resume [URL]      the same for those that were disabled\n"
           "  audit [--limit N]          what was done with this program, by whom, newest first\n"
           "  user list\n"
           "  user show IDENTIFIER\n"
           "  user suspend IDENTIFIER    out at once: sessions end, nothing is done in their name\n"
           "  user resume IDENTIFIER\n"
           "  user forget IDENTIFIER [--delete-accounts]\n"
           "                             remove all that is personal, and at Scalekit as well;\n"
           "                             the trail stays, as nobody's\n\n"
           "PATTERNS are separated by spaces; * stands for anything. One that begins with !\n"
           "denies, and wins over the others: 'gmail_* !gmail_send_*'. Settings come from\n"
           "the environment or from FILE, as for gatehouse.\n");
}

struct command {
    const char *first;
    const char *second; /* NULL: the command is one word */
    int (*run)(struct gate_cli *cli, char **arguments);
    bool needs_settings_only;
    const char *action; /* NULL: it only looks; otherwise what the audit calls it */
};

static int run_migrate(struct gate_cli *cli, char **arguments) {
    (void)cli;
    (void)arguments;
    printf("The database is at this version's schema.\n"); /* opening it migrated it */
    return 0;
}

static int run_token_list(struct gate_cli *cli, char **arguments) {
    (void)arguments;
    return gate_cli_token_list_run(cli);
}

static int run_user_list(struct gate_cli *cli, char **arguments) {
    (void)arguments;
    return gate_cli_user_list_run(cli);
}

static const struct command commands[] = {
    {"check", NULL, gate_cli_check_run, false, NULL},
    {"migrate", NULL, run_migrate, false, NULL},
    {"backup", NULL, gate_cli_backup_run, true, NULL},
    {"restore", NULL, gate_cli_restore_run, true, NULL},
    {"token", "create", gate_cli_token_create_run, false, "token create"},
    {"token", "list", run_token_list, false, NULL},
    {"token", "revoke", gate_cli_token_revoke_run, false, "token revoke"},
    {"webhooks", "list", gate_cli_webhooks_list_run, false, NULL},
    {"webhooks", "retry", gate_cli_webhooks_retry_run, false, "webhooks retry"},
    {"webhooks", "resume", gate_cli_webhooks_resume_run, false, "webhooks resume"},
    {"audit", NULL, gate_cli_audit_run, false, NULL},
    {"user", "list", run_user_list, false, NULL},
    {"user", "show", gate_cli_user_show_run, false, NULL},
    {"user", "suspend", gate_cli_user_suspend_run, false, "user suspend"},
    {"user", "resume", gate_cli_user_resume_run, false, "user resume"},
    {"user", "forget", gate_cli_user_forget_run, false, "user forget"},
};

/* The command's words, matched as a whole; what is left are its arguments. */
static const struct command *find_command(char **words) {
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        const struct command *command = &commands[i];
        if (strcmp(words[0], command->first) == 0 &&
            (command->second == NULL ||
             (words[1] != NULL && strcmp(words[1], command->second) == 0))) {
            return command;
        }
    }
    return NULL;
}

/* What cannot be recorded is not done. */
static int run_recorded(struct gate_cli *cli, const struct command *command, char **arguments) {
    if (command->action == NULL) {
        return command->run(cli, arguments);
    }
    int status = gate_cli_act_begin(cli, command->action);
    return status != 0 ? status : gate_cli_act_end(cli, command->run(cli, arguments));
}

static int run_command(char **words, const char *config_path) {
    const struct command *command = find_command(words);
    if (command == NULL) {
        fprintf(stderr, "gatehousectl: unknown command; see gatehousectl --help\n");
        return 2;
    }
    struct gate_cli cli;
    int status = gate_cli_open(&cli, environ, config_path, command->needs_settings_only)
                     ? run_recorded(&cli, command, words + (command->second == NULL ? 1 : 2))
                     : 1;
    gate_cli_close(&cli);
    return status;
}

int main(int argc, char **argv) {
    const char *config_path = NULL;
    int at = 1;
    umask(077);
    if (argc > 2 && strcmp(argv[1], "--config") == 0) {
        config_path = argv[2];
        at = 3;
    }
    if (at >= argc || strcmp(argv[at], "--help") == 0) {
        print_help();
        return at >= argc ? 2 : 0;
    }
    if (strcmp(argv[at], "--version") == 0) {
        printf("gatehousectl %s\n", GATE_VERSION);
        return 0;
    }
    return run_command(argv + at, config_path);
}
