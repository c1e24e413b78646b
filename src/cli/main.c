#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cli.h"

extern char **environ;

static void print_help(void) {
    printf("gatehousectl [--config FILE] COMMAND\n\n"
           "  check                 configuration, store, Scalekit, sign-in provider, clock\n"
           "  migrate               bring the database to this version's schema\n"
           "  token create --service --label TEXT --users PATTERNS [options]\n"
           "  token create --personal IDENTIFIER --label TEXT [options]\n"
           "      --users PATTERNS        for whom a service token acts: '*@example.com'\n"
           "      --connections PATTERNS  which connections (none without it)\n"
           "      --tools PATTERNS        which tools (none without it)\n"
           "      --scopes WORDS          tools:read to look, tools:execute to run tools;\n"
           "                              default: both\n"
           "      --days N                expire after N days\n"
           "      --rate N                at most N calls per minute\n"
           "      --quiet                 print the token alone\n"
           "  token list                 each with its rules\n"
           "  token revoke ID\n"
           "  user list\n\n"
           "PATTERNS are separated by spaces; * stands for anything. One that begins with !\n"
           "denies, and wins over the others: 'gmail_* !gmail_send_*'. Settings come from\n"
           "the environment or from FILE, as for gatehouse.\n");
}

/* The command's words, matched as a whole; what is left are its arguments. */
static int run_command(struct gate_cli *cli, char **words) {
    const char *first = words[0];
    const char *second = words[1] == NULL ? "" : words[1];
    if (strcmp(first, "check") == 0) {
        return gate_cli_check_run(cli);
    }
    if (strcmp(first, "migrate") == 0) {
        printf("The database is at this version's schema.\n"); /* opening it migrated it */
        return 0;
    }
    if (strcmp(first, "user") == 0 && strcmp(second, "list") == 0) {
        return gate_cli_user_list_run(cli);
    }
    if (strcmp(first, "token") == 0 && strcmp(second, "create") == 0) {
        return gate_cli_token_create_run(cli, words + 2);
    }
    if (strcmp(first, "token") == 0 && strcmp(second, "list") == 0) {
        return gate_cli_token_list_run(cli);
    }
    if (strcmp(first, "token") == 0 && strcmp(second, "revoke") == 0) {
        return gate_cli_token_revoke_run(cli, words + 2);
    }
    fprintf(stderr, "gatehousectl: unknown command; see gatehousectl --help\n");
    return 2;
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
    struct gate_cli cli;
    int status = gate_cli_open(&cli, environ, config_path) ? run_command(&cli, argv + at) : 1;
    gate_cli_close(&cli);
    return status;
}
