/* The gatehouse program: settings, the parts in their order, signals, and the end in reverse order.
 */
#include <getopt.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/settings.h"
#include "core/log.h"
#include "core/text.h"
#include "fcgi/listener.h"
#include "fcgi/server.h"
#include "net/net.h"
#include "net/stream.h"
#include "portal/connector_wait.h"
#include "portal/notices.h"
#include "portal/portal.h"
#include "portal/upkeep.h"
#include "scalekit/scalekit.h"
#include "store/store.h"
#include "view/view.h"
#include "web/web.h"

extern char **environ;

enum { EXIT_USAGE = 2, HELP_NAME_COLUMNS = 36 };

/* Room for connections that get a 503 while as many as allowed are in flight, and for nginx's idle
 * ones. */
enum { CONNECTIONS_BEYOND_IN_FLIGHT = 1024, DESCRIPTORS_FOR_OURSELVES = 128 };

/* Work nobody waits for (a refresh after a page) gets this long at the end. */
enum { BACKGROUND_GRACE_MS = 2000 };

struct program {
    struct gate_config *config;
    gate_runqueue *runqueue;
    gate_store *store;
    gate_net *net;
    gate_net *stream_net;
    gate_scalekit *scalekit;
    gate_view *view;
    gate_portal *portal;
    gate_web *web;
    struct gate_fcgi_listener listener;
    gate_fcgi *fcgi;
};

static int print_help(void) {
    printf("Usage: gatehouse [--config FILE] [--check-config] [--version] [--help]\n\n"
           "  --config FILE   read settings from FILE as well; the environment comes first\n"
           "  --check-config  check the settings and the templates, say so, and end\n"
           "  --version       print the version\n"
           "  --help          print this\n\n"
           "SIGTERM and SIGINT stop after answering what is under way; SIGHUP reads the templates "
           "again.\n\nSettings:\n");
    for (size_t i = 0; i < gate_setting_count; i++) {
        const struct gate_setting *setting = &gate_settings[i];
        printf("  %-*s", HELP_NAME_COLUMNS, setting->name);
        if (setting->required) {
            printf("required\n");
        } else if (gate_text_is_empty(setting->fallback)) {
            printf("optional\n");
        } else {
            printf("default %s\n", setting->fallback);
        }
        printf("      %s\n", setting->help);
    }
    return EXIT_SUCCESS;
}

static int report_failure(const struct gate_error *error) {
    fprintf(stderr, "gatehouse: %s\n", error->message);
    return EXIT_FAILURE;
}

/* glibc would keep a heap of its own for each thread, and a request wanders from thread to thread:
 * with a thousand in flight that was 8 MB of holes. */
static void share_heaps(void) {
#ifdef M_ARENA_MAX
    mallopt(M_ARENA_MAX, 2);
#endif
}

/* Secrets are in this memory: it is neither dumped nor open to other processes of the same user. */
static void close_off_memory(void) {
    const struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    umask(077);
}

/* Raise the descriptor limit as far as the settings need; how many connections may then be open. */
static int allow_connections(const struct gate_config *config) {
    const rlim_t upstream =
        (rlim_t)config->upstream_connections_max + (rlim_t)config->proxy_in_flight_max;
    const rlim_t others = DESCRIPTORS_FOR_OURSELVES + 2 * upstream;
    rlim_t connections = (rlim_t)config->in_flight_max + CONNECTIONS_BEYOND_IN_FLIGHT;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return (int)connections;
    }
    if (limit.rlim_cur < connections + others) {
        limit.rlim_cur =
            limit.rlim_max < connections + others ? limit.rlim_max : connections + others;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    if (limit.rlim_cur < connections + others) {
        connections = limit.rlim_cur > 2 * others ? limit.rlim_cur - others : limit.rlim_cur / 2;
        gate_log_write(GATE_LOG_WARN, "few_descriptors",
                       GATE_LOG_NUMBER("limit", (int64_t)limit.rlim_cur),
                       GATE_LOG_NUMBER("connections_max", (int64_t)connections));
    }
    return (int)connections;
}

static sigset_t handled_signals(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    return set;
}

/* Before any thread exists, so that all of them inherit it. SIGUSR1, because libfcgi takes it as an
 * order to drop everything. */
static void block_signals(void) {
    sigset_t set = handled_signals();
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    /* A file that may not grow is the store's matter, which says so, and no reason to die. */
    signal(SIGXFSZ, SIG_IGN);
}

static enum gate_err open_store_and_net(struct program *program, struct gate_error *error) {
    const struct gate_config *config = program->config;
    enum gate_err err =
        gate_store_open(&(struct gate_store_options){.path = config->database_path,
                                                     .readers_max = (unsigned)config->workers,
                                                     .clock = &gate_clock_system,
                                                     .check_content = true},
                        error, &program->store);
    if (err != GATE_OK) {
        return err;
    }
    struct gate_net_options options = {
        .connections_max = config->upstream_connections_max,
        .in_flight_max = config->in_flight_max,
        .ca_file = config->upstream_ca_file,
        .clock = &gate_clock_system,
    };
    err = gate_net_new(&options, error, &program->net);
    if (err != GATE_OK) {
        return err;
    }
    /* Bodies that pass through may be large and last: their connections, and the thread that moves
     * their bytes, are none that anything else waits for. */
    options.connections_max = config->proxy_in_flight_max;
    options.in_flight_max = config->proxy_in_flight_max;
    options.trust_of = program->net;
    return gate_net_new(&options, error, &program->stream_net);
}

static enum gate_err make_product(struct program *program, struct gate_error *error) {
    const struct gate_config *config = program->config;
    const enum gate_err err = gate_view_new(config->templates_dir, error, &program->view);
    if (err != GATE_OK) {
        return err;
    }
    program->scalekit = gate_scalekit_new(
        &(struct gate_scalekit_options){.url = config->scalekit_url,
                                        .client_id = config->scalekit_client_id,
                                        .client_secret = config->scalekit_client_secret,
                                        .net = program->net,
                                        .stream_net = program->stream_net,
                                        .clock = &gate_clock_system,
                                        .runqueue = program->runqueue});
    program->portal = gate_portal_new(&(struct gate_portal_parts){.config = config,
                                                                  .store = program->store,
                                                                  .net = program->net,
                                                                  .scalekit = program->scalekit,
                                                                  .clock = &gate_clock_system,
                                                                  .runqueue = program->runqueue});
    return gate_web_new(&(struct gate_web_options){.config = config,
                                                   .portal = program->portal,
                                                   .view = program->view,
                                                   .clock = &gate_clock_system,
                                                   .runqueue = program->runqueue},
                        error, &program->web);
}

static enum gate_err begin_notices(struct program *program, struct gate_error *error) {
    struct gate_ctx *ctx = gate_ctx_new(&gate_clock_system, program->runqueue, "start");
    const enum gate_err err = gate_portal_notices_begin(ctx, program->portal);
    *error = ctx->error;
    gate_ctx_free(ctx);
    return err;
}

/* Last: whoever can connect is answered. */
static enum gate_err open_front(struct program *program, struct gate_error *error) {
    const struct gate_config *config = program->config;
    enum gate_err err = gate_fcgi_listen(config->socket_path, getenv("LISTEN_PID"),
                                         getenv("LISTEN_FDS"), error, &program->listener);
    if (err != GATE_OK) {
        return err;
    }
    err = gate_fcgi_new(&(struct gate_fcgi_options){.web = program->web,
                                                    .runqueue = program->runqueue,
                                                    .listener = &program->listener,
                                                    .workers = config->workers,
                                                    .in_flight_max = config->in_flight_max,
                                                    .connections_max = allow_connections(config),
                                                    .peer_timeout_ms = GATE_FCGI_PEER_TIMEOUT_MS,
                                                    .keep_connections = config->keep_connections},
                        error, &program->fcgi);
    return err == GATE_OK ? gate_fcgi_start(program->fcgi, error) : err;
}

static enum gate_err start(struct program *program, struct gate_error *error) {
    program->runqueue = gate_runqueue_new();
    enum gate_err err = open_store_and_net(program, error);
    if (err == GATE_OK) {
        err = make_product(program, error);
    }
    if (err == GATE_OK) {
        err = begin_notices(program, error);
    }
    if (err == GATE_OK) {
        err = open_front(program, error);
    }
    if (err != GATE_OK) {
        return err;
    }
    const char *socket = program->listener.is_ours ? program->listener.path : "handed over";
    const char *version = GATE_VERSION;
    gate_log_write(GATE_LOG_INFO, "started", GATE_LOG_TEXT("version", version),
                   GATE_LOG_TEXT("socket", socket),
                   GATE_LOG_NUMBER("workers", program->config->workers),
                   GATE_LOG_TEXT("public_url", program->config->public_url));
    return GATE_OK;
}

/* Free the parts that were made, those that use others first. */
static void tear_down(struct program *program) {
    gate_fcgi_free(program->fcgi);
    gate_fcgi_listener_close(&program->listener);
    gate_web_free(program->web);
    gate_portal_free(program->portal);
    gate_net_free(program->stream_net);
    gate_net_free(program->net);
    while (program->runqueue != NULL && gate_runqueue_run_one(program->runqueue)) {
    } /* limits to waits for Scalekit's token may be left */
    gate_scalekit_free(program->scalekit);
    gate_view_free(program->view);
    gate_store_close(program->store);
    gate_runqueue_free(program->runqueue);
    gate_config_free(program->config);
}

static void reload_templates(struct program *program) {
    struct gate_error error = {0};
    if (gate_view_reload(program->view, &error) == GATE_OK) {
        const char *directory = program->config->templates_dir;
        gate_log_write(GATE_LOG_INFO, "templates_reloaded", GATE_LOG_TEXT("dir", directory));
        return;
    }
    const char *reason = error.message;
    gate_log_write(GATE_LOG_ERROR, "templates_kept", GATE_LOG_TEXT("reason", reason));
}

/* Returns when told to stop. */
static void wait_for_stop(struct program *program) {
    const struct timespec tick = {GATE_PORTAL_TICK_MS / 1000, GATE_PORTAL_TICK_MS % 1000 * 1000000};
    const sigset_t set = handled_signals();
    for (;;) {
        const int number = sigtimedwait(&set, NULL, &tick);
        if (number < 0) {
            gate_portal_tick(program->portal);
        } else if (number == SIGHUP) {
            reload_templates(program);
        } else if (number > 0) {
            gate_log_write(GATE_LOG_INFO, "stopping", GATE_LOG_NUMBER("signal", number));
            return;
        }
    }
}

/* Whoever asks twice does not want to wait. */
static void let_second_signal_kill(void) {
    const struct sigaction fall_back = {.sa_handler = SIG_DFL};
    sigaction(SIGTERM, &fall_back, NULL);
    sigaction(SIGINT, &fall_back, NULL);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

/* Do the workers' part for work that no request waits for; false when it takes too long. */
static bool finish_background_work(struct program *program) {
    const int64_t end_ms = gate_clock_monotonic_ms(&gate_clock_system) + BACKGROUND_GRACE_MS;
    struct pollfd steps = {.fd = gate_runqueue_fd(program->runqueue), .events = POLLIN};
    for (;;) {
        bool has_run = false;
        gate_runqueue_settle(program->runqueue);
        while (gate_runqueue_run_one(program->runqueue)) {
            has_run = true;
        }
        if (gate_net_in_flight(program->net) == 0 && !has_run) {
            return true;
        }
        const int64_t left_ms = end_ms - gate_clock_monotonic_ms(&gate_clock_system);
        if (left_ms <= 0) {
            return false;
        }
        if (!has_run) {
            poll(&steps, 1, (int)left_ms);
        }
    }
}

static int stop(struct program *program) {
    let_second_signal_kill();
    gate_portal_waits_end(program->portal);
    gate_portal_notices_end(program->portal);
    gate_net_streams_end_events(program->stream_net);
    const bool all_answered = gate_fcgi_stop(program->fcgi, GATE_FCGI_IDLE_GRACE_MS,
                                             program->config->shutdown_timeout_ms);
    if (!all_answered || !finish_background_work(program)) {
        /* Transfers still hold on to everything but the store, and end with the process. What was
         * queued for the store is committed. */
        gate_log_write(GATE_LOG_WARN, "stopped_early",
                       GATE_LOG_NUMBER("upstream_in_flight", gate_net_in_flight(program->net)));
        gate_fcgi_listener_close(&program->listener);
        gate_store_close(program->store);
        _exit(EXIT_SUCCESS);
    }
    tear_down(program);
    const char *version = GATE_VERSION;
    gate_log_write(GATE_LOG_INFO, "stopped", GATE_LOG_TEXT("version", version));
    return EXIT_SUCCESS;
}

static int check_config(struct program *program) {
    struct gate_error error = {0};
    if (gate_view_new(program->config->templates_dir, &error, &program->view) != GATE_OK) {
        const int status = report_failure(&error);
        gate_config_free(program->config);
        return status;
    }
    printf("gatehouse: the settings and the templates are fine\n");
    gate_view_free(program->view);
    gate_config_free(program->config);
    return EXIT_SUCCESS;
}

static int run(struct program *program) {
    struct gate_error error = {0};
    gate_log_open(program->config->log_level, STDERR_FILENO);
    block_signals();
    if (start(program, &error) != GATE_OK) {
        const int status = report_failure(&error);
        tear_down(program);
        return status;
    }
    wait_for_stop(program);
    return stop(program);
}

struct arguments {
    const char *config_path;
    bool checks_only;
    bool has_ended; /* everything asked for was done */
    int status;
};

static struct arguments parse_arguments(int count, char **words) {
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"check-config", no_argument, NULL, 'k'},
        {"version", no_argument, NULL, 'V'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    struct arguments arguments = {0};
    int option;
    while ((option = getopt_long(count, words, "c:hV", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            arguments.config_path = optarg;
            break;
        case 'k':
            arguments.checks_only = true;
            break;
        case 'V':
            printf("gatehouse %s\n", GATE_VERSION);
            return (struct arguments){.has_ended = true, .status = EXIT_SUCCESS};
        case 'h':
            return (struct arguments){.has_ended = true, .status = print_help()};
        default:
            fprintf(stderr, "Try gatehouse --help.\n");
            return (struct arguments){.has_ended = true, .status = EXIT_USAGE};
        }
    }
    if (optind < count) {
        fprintf(stderr, "gatehouse: \"%s\" is not an option\nTry gatehouse --help.\n",
                words[optind]);
        return (struct arguments){.has_ended = true, .status = EXIT_USAGE};
    }
    return arguments;
}

int main(int argc, char **argv) {
    const struct arguments arguments = parse_arguments(argc, argv);
    if (arguments.has_ended) {
        return arguments.status;
    }
    share_heaps();
    close_off_memory();
    struct gate_error error = {0};
    struct program program = {.listener.fd = -1};
    if (gate_config_load(environ, arguments.config_path, &error, &program.config) != GATE_OK) {
        return report_failure(&error);
    }
    return arguments.checks_only ? check_config(&program) : run(&program);
}
