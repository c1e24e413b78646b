/* scalekit-sim: plays Scalekit on one machine, for demos and tests. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/log.h"
#include "sim/options.h"
#include "sim/server.h"
#include "sim/world.h"

/* Every slow request holds a descriptor. */
static void raise_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static enum gate_err open_log(const char *path, struct gate_error *error) {
    if (path == NULL) {
        gate_log_open(GATE_LOG_WARN, STDERR_FILENO);
        return GATE_OK;
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (fd < 0) {
        return gate_error_set_at(error, __FILE__, __LINE__, GATE_ERR_CONFIG, "cannot write %s",
                                 path);
    }
    gate_log_open(GATE_LOG_INFO, fd);
    return GATE_OK;
}

/* Signals come to the main thread only; all others are made after this. */
static void block_signals(sigset_t *ret_signals) {
    sigemptyset(ret_signals);
    sigaddset(ret_signals, SIGTERM);
    sigaddset(ret_signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, ret_signals, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static enum gate_err serve(struct gate_sim_world *world, const sigset_t *signals,
                           struct gate_error *error) {
    const struct gate_sim_options *options = world->options;
    gate_sim_server *server = NULL;
    if (options->webhook_url != NULL) {
        enum gate_err err = gate_sim_webhooks_new(options->webhook_url, options->webhook_secret,
                                                  error, &world->webhooks);
        if (err != GATE_OK) {
            return err;
        }
    }
    enum gate_err err = gate_sim_server_new(world, error, &server);
    if (err == GATE_OK) {
        printf("scalekit-sim: listening on http://%s:%d as %s\n", options->host,
               gate_sim_server_port(server), world->public_url);
        fflush(stdout);
        int signal_number = 0;
        sigwait(signals, &signal_number);
    }
    gate_sim_server_free(server);
    gate_sim_webhooks_free(world->webhooks);
    world->webhooks = NULL;
    return err;
}

static enum gate_err run(gate_arena *arena, int argc, char **argv, struct gate_error *error) {
    struct gate_sim_options options;
    struct gate_sim_world world;
    sigset_t signals;
    enum gate_err err = gate_sim_options_parse(arena, argc, argv, error, &options);
    if (err != GATE_OK) {
        return err;
    }
    if (options.help) {
        fputs(gate_sim_options_help, stdout);
        return GATE_OK;
    }
    err = open_log(options.log_file, error);
    if (err != GATE_OK) {
        return err;
    }
    block_signals(&signals);
    raise_descriptor_limit();
    gate_sim_world_init(&world, &options);
    err = serve(&world, &signals, error);
    gate_sim_world_done(&world);
    return err;
}

int main(int argc, char **argv) {
    struct gate_error error = {0};
    gate_arena *arena = gate_arena_new();
    enum gate_err err = run(arena, argc, argv, &error);
    if (err != GATE_OK) {
        fprintf(stderr, "scalekit-sim: %s\n", error.message);
    }
    gate_arena_free(arena);
    return err == GATE_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
