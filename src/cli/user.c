#include <stdio.h>

#include "cli/cli.h"
#include "core/timestamp.h"
#include "store/user.h"

#define LIST_PAGE 100

static const char *show(const char *text) {
    return text == NULL || *text == '\0' ? "-" : text;
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
            printf("%s\t%s\t%s\tlast seen %s\t%s\n", users[i].identifier, show(users[i].email),
                   show(users[i].name),
                   users[i].last_seen_at == 0
                       ? "never"
                       : gate_timestamp_format(cli->ctx->arena, users[i].last_seen_at),
                   users[i].issuer);
            after_id = users[i].id;
        }
    } while (count == LIST_PAGE);
    return 0;
}
