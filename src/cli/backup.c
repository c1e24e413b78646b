#include "store/backup.h"

#include <stdio.h>

#include "cli/cli.h"

static int complain(const char *what, const struct gate_error *error) {
    fprintf(stderr, "gatehousectl: %s: %s\n", what, error->message);
    return 1;
}

static int complain_usage(const char *what, const char *meaning) {
    fprintf(stderr, "gatehousectl: %s takes the name of %s\n", what, meaning);
    return 2;
}

int gate_cli_backup_run(struct gate_cli *cli, char **arguments) {
    if (arguments[0] == NULL || arguments[1] != NULL) {
        return complain_usage("backup", "a file that is not there yet");
    }
    struct gate_error error = {0};
    struct gate_store_copy copy;
    if (gate_store_backup(cli->config->database_path, arguments[0], &error, &copy) != GATE_OK) {
        return complain("backup", &error);
    }
    printf(
        "%s holds the database as it was just now: %lld bytes, schema %d. It is as secret as the "
        "database itself.\n",
        arguments[0], (long long)copy.bytes, copy.schema_version);
    return 0;
}

int gate_cli_restore_run(struct gate_cli *cli, char **arguments) {
    if (arguments[0] == NULL || arguments[1] != NULL) {
        return complain_usage("restore", "a file that backup made");
    }
    struct gate_error error = {0};
    struct gate_store_copy copy;
    if (gate_store_restore(cli->config->database_path, arguments[0], &error, &copy) != GATE_OK) {
        return complain("restore", &error);
    }
    printf("%s is as %s has it: %lld bytes, schema %d. Start the service.\n",
           cli->config->database_path, arguments[0], (long long)copy.bytes, copy.schema_version);
    return 0;
}
