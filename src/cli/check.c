#define _GNU_SOURCE /* timegm, strptime */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"

/* ID tokens are allowed a minute of difference; so much is worth a word. */
#define CLOCK_TOLERANCE_S 30

static int say(const char *what, bool good, const char *detail) {
    printf("%-14s %s%s%s\n", what, good ? "ok" : "FAILED", *detail == '\0' ? "" : ": ", detail);
    return good ? 0 : 1;
}

static int check_store(struct gate_cli *cli) {
    struct gate_error error = {0};
    struct gate_store_health health;
    enum gate_err err = gate_store_check(cli->store, &error, &health);
    return say("store", err == GATE_OK,
               err == GATE_OK ? cli->config->database_path : error.message);
}

static int check_scalekit(struct gate_cli *cli) {
    struct gate_scalekit_connection *connections;
    size_t count = 0;
    struct gate_cli_wait wait = {0};
    gate_scalekit_connections_fetch(cli->ctx, cli->scalekit, &connections, &count, gate_cli_done,
                                    &wait);
    enum gate_err err = gate_cli_wait(cli, &wait);
    const char *detail = err == GATE_OK
                             ? gate_arena_printf(cli->ctx->arena, "%zu connections", count)
                             : cli->ctx->error.message;
    int status = say("scalekit", err == GATE_OK, detail);
    gate_error_clear(&cli->ctx->error);
    return status;
}

/* Compare our clock with the Date header (RFC 9110 section 6.6.1) of the sign-in provider. */
static int check_clock(struct gate_cli *cli, const struct gate_net_response *response) {
    const char *date = gate_net_header_find(response, "date");
    struct tm parts = {0};
    if (date == NULL || strptime(date, "%a, %d %b %Y %H:%M:%S GMT", &parts) == NULL) {
        return say("clock", true, "not compared; the sign-in provider sends no date");
    }
    int64_t difference = llabs(gate_ctx_now_ms(cli->ctx) / 1000 - (int64_t)timegm(&parts));
    return say("clock", difference <= CLOCK_TOLERANCE_S,
               gate_arena_printf(cli->ctx->arena, "%lld s from the sign-in provider's",
                                 (long long)difference));
}

static int check_provider(struct gate_cli *cli) {
    struct gate_net_response response;
    struct gate_net_request request = {
        .method = "GET",
        .url = gate_arena_printf(cli->ctx->arena, "%s/.well-known/openid-configuration",
                                 cli->config->oidc_issuer),
        .timeout_ms = GATE_CONTROL_TIMEOUT_MS,
        .max_response_bytes = GATE_UPSTREAM_CONTROL_MAX_BYTES,
        .is_read = true,
    };
    struct gate_cli_wait wait = {0};
    gate_net_fetch(cli->ctx, cli->net, &request, &response, gate_cli_done, &wait);
    enum gate_err err = gate_cli_wait(cli, &wait);
    if (err != GATE_OK) {
        return say("sign-in", false, cli->ctx->error.message);
    }
    const char *status = gate_arena_printf(cli->ctx->arena, "HTTP %d", response.status);
    return say("sign-in", response.status == 200, status) | check_clock(cli, &response);
}

static int check_database(struct gate_cli *cli) {
    struct gate_error error = {0};
    enum gate_err err = gate_store_look_through(cli->store, &error);
    return say("database", err == GATE_OK, err == GATE_OK ? "looked through" : error.message);
}

int gate_cli_check_run(struct gate_cli *cli, char **arguments) {
    bool is_deep = arguments[0] != NULL && strcmp(arguments[0], "--deep") == 0;
    if (arguments[0] != NULL && (!is_deep || arguments[1] != NULL)) {
        fprintf(stderr, "gatehousectl: check takes nothing but --deep\n");
        return 2;
    }
    int failed = say("configuration", true, "");
    failed |= check_store(cli);
    failed |= is_deep ? check_database(cli) : 0;
    failed |= check_scalekit(cli);
    failed |= check_provider(cli);
    return failed;
}
