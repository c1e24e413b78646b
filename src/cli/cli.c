#include "cli/cli.h"

#include <stdio.h>

static bool complain_start(const struct gate_error *error) {
    fprintf(stderr, "gatehousectl: %s\n", error->message);
    return false;
}

static bool open_parts(struct gate_cli *cli, struct gate_error *error) {
    const struct gate_net_options net_options = {
        .connections_max = 4,
        .in_flight_max = 16,
        .ca_file = cli->config->upstream_ca_file,
        .clock = &gate_clock_system,
    };
    const struct gate_store_options store_options = {
        .path = cli->config->database_path,
        .readers_max = 1,
        .clock = &gate_clock_system,
    };
    if (gate_net_new(&net_options, error, &cli->net) != GATE_OK ||
        gate_store_open(&store_options, error, &cli->store) != GATE_OK) {
        return false;
    }
    cli->scalekit = gate_scalekit_new(&(struct gate_scalekit_options){
        .url = cli->config->scalekit_url,
        .client_id = cli->config->scalekit_client_id,
        .client_secret = cli->config->scalekit_client_secret,
        .net = cli->net,
        .clock = &gate_clock_system,
        .runqueue = cli->runqueue,
    });
    cli->portal = gate_portal_new(&(struct gate_portal_parts){
        .config = cli->config,
        .store = cli->store,
        .net = cli->net,
        .scalekit = cli->scalekit,
        .clock = &gate_clock_system,
        .runqueue = cli->runqueue,
    });
    return true;
}

bool gate_cli_open(struct gate_cli *cli, char **environment, const char *config_path,
                   bool settings_only) {
    struct gate_error error = {0};
    *cli = (struct gate_cli){.runqueue = gate_runqueue_new()};
    cli->ctx = gate_ctx_new(&gate_clock_system, cli->runqueue, NULL);
    if (gate_config_load(environment, config_path, &error, &cli->config) != GATE_OK) {
        return complain_start(&error);
    }
    gate_log_open(GATE_LOG_WARN, 2);
    return settings_only || open_parts(cli, &error) || complain_start(&error);
}

void gate_cli_close(struct gate_cli *cli) {
    gate_net_free(cli->net);
    while (gate_runqueue_run_one(cli->runqueue)) {
    }
    gate_portal_free(cli->portal);
    gate_scalekit_free(cli->scalekit);
    gate_store_close(cli->store);
    gate_ctx_free(cli->ctx);
    gate_runqueue_free(cli->runqueue);
    gate_config_free(cli->config);
}

void gate_cli_done(struct gate_ctx *ctx, enum gate_err err, void *state) {
    (void)ctx;
    struct gate_cli_wait *wait = state;
    wait->err = err;
    wait->done = true;
}

enum gate_err gate_cli_wait(struct gate_cli *cli, struct gate_cli_wait *wait) {
    gate_runqueue_run_until(cli->runqueue, &wait->done);
    return wait->err;
}

int gate_cli_complain(const struct gate_cli *cli, const char *what, enum gate_err err) {
    const struct gate_error *error = &cli->ctx->error;
    fprintf(stderr, "gatehousectl: %s: %s\n", what,
            error->kind == GATE_OK ? gate_err_name(err) : error->message);
    return 1;
}
