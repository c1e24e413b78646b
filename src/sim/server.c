#define _GNU_SOURCE
#include "sim/server.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/encoding.h"
#include "core/log.h"
#include "core/text.h"
#include "sim/answer.h"
#include "sim/routes.h"
#include "sim/stream.h"
#include "sim/world.h"

#define LISTEN_BACKLOG 4096

struct gate_sim_server {
    struct gate_sim_world *world;
    struct MHD_Daemon *daemon;
    char public_url[64];
    int socket_fd; /* -1: none, or the daemon's */
    int port;
};

/* How far a request is. */
enum stage { STAGE_READING, STAGE_WAITED, STAGE_ANSWERED };

struct request {
    struct gate_sim_exchange exchange;
    struct MHD_Connection *connection;
    enum stage stage;
    const struct gate_sim_fault *fault; /* NULL: none */
    int64_t journal_number;             /* -1: not noted */
    int64_t started_ms;
};

/* The request target as it came; what is returned here is the handler's state from then on. */
static void *begin_request(void *state, const char *uri, struct MHD_Connection *connection) {
    gate_sim_server *server = state;
    struct request *request = calloc(1, sizeof *request);
    if (request == NULL) {
        abort();
    }
    struct gate_sim_exchange *exchange = &request->exchange;
    exchange->ctx = gate_ctx_new(server->world->clock, NULL, NULL);
    exchange->world = server->world;
    exchange->uri = gate_arena_strdup(exchange->ctx->arena, uri);
    gate_buffer_init(&exchange->body, GATE_SIM_PROXY_BODY_MAX_BYTES);
    gate_buffer_init(&exchange->answer.body, GATE_SIM_ANSWER_MAX_BYTES);
    request->connection = connection;
    request->journal_number = -1;
    return request;
}

static void end_request(void *state, struct MHD_Connection *connection, void **request_state,
                        enum MHD_RequestTerminationCode code) {
    (void)connection;
    (void)code;
    gate_sim_server *server = state;
    struct request *request = *request_state;
    if (request == NULL) {
        return;
    }
    struct gate_sim_exchange *exchange = &request->exchange;
    if (request->journal_number >= 0) {
        gate_sim_journal_complete(server->world->journal, request->journal_number, exchange);
    }
    gate_buffer_done(&exchange->body);
    gate_buffer_done(&exchange->answer.body);
    gate_ctx_free(exchange->ctx);
    free(request);
    *request_state = NULL;
}

static enum MHD_Result add_header(void *state, enum MHD_ValueKind kind, const char *name,
                                  const char *value) {
    (void)kind;
    struct gate_sim_exchange *exchange = state;
    if (exchange->headers.count == GATE_SIM_FIELDS_MAX) {
        return MHD_NO;
    }
    exchange->headers.items[exchange->headers.count++] =
        (struct gate_sim_pair){name, value == NULL ? "" : value};
    return MHD_YES;
}

static bool is_loopback(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (info == NULL || info->client_addr->sa_family != AF_INET) {
        return false;
    }
    struct sockaddr_in address;
    memcpy(&address, info->client_addr, sizeof address);
    return ntohl(address.sin_addr.s_addr) >> 24 == 127;
}

/* Fill in what the headers brought, once they are all there. */
static void take_head(struct request *request, const char *method) {
    struct gate_sim_exchange *exchange = &request->exchange;
    gate_arena *arena = exchange->ctx->arena;
    const char *question = strchr(exchange->uri, '?');
    size_t length = question == NULL ? strlen(exchange->uri) : (size_t)(question - exchange->uri);
    char *path = NULL;
    exchange->method = gate_arena_strdup(arena, method);
    exchange->raw_path = gate_arena_strndup(arena, exchange->uri, length);
    exchange->query_text = question == NULL ? NULL : question + 1;
    if (exchange->uri[0] == '/' &&
        gate_percent_parse(arena, exchange->uri, length, 0, &path) == GATE_OK) {
        exchange->path = path;
    }
    exchange->headers.items =
        gate_arena_alloc_array(arena, GATE_SIM_FIELDS_MAX, sizeof *exchange->headers.items);
    MHD_get_connection_values(request->connection, MHD_HEADER_KIND, add_header, exchange);
    exchange->from_loopback = is_loopback(request->connection);
    request->started_ms = gate_clock_monotonic_ms(exchange->world->clock);
}

/* The body is in: note the request and see what shall go wrong with it. */
static void choose_fault(struct request *request) {
    struct gate_sim_exchange *exchange = &request->exchange;
    struct gate_sim_world *world = exchange->world;
    if (gate_sim_routes_is_control(exchange)) {
        return;
    }
    exchange->keeps_secrets = gate_text_equal(exchange->raw_path, "/oauth/token") ||
                              gate_text_starts_with(exchange->raw_path, "/magicLink/");
    request->journal_number = gate_sim_journal_begin(
        world->journal, exchange, gate_sim_token_describe(world->tokens, exchange));
    request->fault = gate_sim_faults_take(&world->faults, exchange);
}

static void run_request(struct request *request) {
    struct gate_sim_exchange *exchange = &request->exchange;
    if (gate_sim_fault_lets_run(request->fault)) {
        gate_sim_routes_dispatch(exchange);
    }
    if (request->fault != NULL) {
        gate_sim_fault_apply(request->fault, exchange);
    }
    if (exchange->answer.body.overflowed) {
        gate_sim_answer_error(exchange, 500, "INTERNAL", "the answer is too large");
    }
    bool hangs = request->fault != NULL && request->fault->kind == GATE_SIM_FAULT_HANG;
    if (hangs && request->fault->latency_ms == 0) {
        exchange->delay_ms = GATE_SIM_WAIT_MAX_MS;
        exchange->waits_for_ever = true;
    }
}

/* On Linux, connecting to nowhere drops the connection with a reset. */
static void reset_connection(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
    if (info != NULL && connect(info->connect_fd, &nowhere, sizeof nowhere) != 0) {
        gate_log_write(GATE_LOG_WARN, "reset_failed", GATE_LOG_NUMBER("fd", info->connect_fd));
    }
}

static void log_request(const struct request *request) {
    const struct gate_sim_exchange *exchange = &request->exchange;
    gate_log_write(GATE_LOG_INFO, "request", GATE_LOG_TEXT("method", exchange->method),
                   GATE_LOG_TEXT("path", exchange->raw_path),
                   GATE_LOG_NUMBER("status", exchange->answer.status),
                   GATE_LOG_NUMBER("ms", gate_clock_monotonic_ms(exchange->world->clock) -
                                             request->started_ms));
}

static struct MHD_Response *make_response(struct request *request) {
    struct gate_sim_exchange *exchange = &request->exchange;
    struct gate_sim_answer *answer = &exchange->answer;
    if (answer->ending == GATE_SIM_ENDING_CUT || answer->stream.kind != GATE_SIM_STREAM_NONE) {
        return gate_sim_stream_make(exchange, request->connection);
    }
    return MHD_create_response_from_buffer(answer->body.length, answer->body.data,
                                           MHD_RESPMEM_MUST_COPY);
}

/* MHD_NO closes the connection at once. */
static enum MHD_Result send_answer(struct request *request) {
    struct gate_sim_answer *answer = &request->exchange.answer;
    log_request(request);
    if (answer->ending == GATE_SIM_ENDING_RESET) {
        reset_connection(request->connection);
    }
    if (answer->ending == GATE_SIM_ENDING_RESET || answer->ending == GATE_SIM_ENDING_CLOSE) {
        answer->status = 0;
        return MHD_NO;
    }
    struct MHD_Response *response = make_response(request);
    if (response == NULL) {
        return MHD_NO;
    }
    for (size_t i = 0; i < answer->header_count; i++) {
        MHD_add_response_header(response, answer->headers[i].name, answer->headers[i].value);
    }
    enum MHD_Result queued =
        MHD_queue_response(request->connection, (unsigned)answer->status, response);
    MHD_destroy_response(response);
    return queued;
}

/* Called again after every sleep. */
static enum MHD_Result continue_request(struct request *request) {
    struct gate_sim_exchange *exchange = &request->exchange;
    gate_sim_timer *timer = exchange->world->timer;
    if (request->stage == STAGE_READING) {
        choose_fault(request);
        request->stage = STAGE_WAITED;
        if (request->fault != NULL && request->fault->latency_ms > 0) {
            gate_sim_timer_sleep(timer, request->connection, request->fault->latency_ms, true);
            return MHD_YES;
        }
    }
    if (request->stage == STAGE_WAITED) {
        run_request(request);
        request->stage = STAGE_ANSWERED;
        if (exchange->delay_ms > 0) {
            gate_sim_timer_sleep(timer, request->connection, exchange->delay_ms,
                                 exchange->waits_for_ever);
            return MHD_YES;
        }
    }
    return send_answer(request);
}

static enum MHD_Result handle_access(void *state, struct MHD_Connection *connection,
                                     const char *path, const char *method, const char *version,
                                     const char *upload, size_t *upload_length,
                                     void **request_state) {
    (void)state;
    (void)connection;
    (void)path;
    (void)version;
    struct request *request = *request_state;
    if (request->exchange.method == NULL) {
        take_head(request, method);
        return MHD_YES;
    }
    if (*upload_length > 0) {
        gate_buffer_append(&request->exchange.body, upload, *upload_length);
        *upload_length = 0;
        return MHD_YES;
    }
    return continue_request(request);
}

/* Paths and queries are taken apart from the raw target; microhttpd shall leave them alone. */
static size_t leave_escaped(void *state, struct MHD_Connection *connection, char *text) {
    (void)state;
    (void)connection;
    return strlen(text);
}

/* Bind before anything runs, so that the public URL is known to the first request. */
static enum gate_err open_socket(gate_sim_server *server, const struct gate_sim_options *options,
                                 struct gate_error *error) {
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)options->port)};
    socklen_t length = sizeof address;
    int on = 1;
    if (inet_pton(AF_INET, options->host, &address.sin_addr) != 1) {
        return gate_error_set_at(error, __FILE__, __LINE__, GATE_ERR_CONFIG,
                                 "--host wants an IPv4 address");
    }
    server->socket_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (server->socket_fd < 0 ||
        setsockopt(server->socket_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(server->socket_fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(server->socket_fd, LISTEN_BACKLOG) != 0 ||
        getsockname(server->socket_fd, (struct sockaddr *)&address, &length) != 0) {
        return gate_error_set_at(error, __FILE__, __LINE__, GATE_ERR_CONFIG,
                                 "cannot listen on %s:%d", options->host, options->port);
    }
    server->port = ntohs(address.sin_port);
    snprintf(server->public_url, sizeof server->public_url, "http://%s:%d", options->host,
             server->port);
    if (server->world->public_url == NULL) {
        server->world->public_url = server->public_url;
    }
    return GATE_OK;
}

static enum gate_err start_daemon(gate_sim_server *server, struct gate_error *error) {
    server->daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, handle_access,
        server, MHD_OPTION_LISTEN_SOCKET, server->socket_fd, MHD_OPTION_URI_LOG_CALLBACK,
        begin_request, server, MHD_OPTION_NOTIFY_COMPLETED, end_request, server,
        MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)GATE_SIM_HTTP_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)GATE_SIM_HTTP_CONNECTION_BYTES, MHD_OPTION_CONNECTION_TIMEOUT, 120U,
        MHD_OPTION_END);
    if (server->daemon == NULL) {
        return gate_error_set_at(error, __FILE__, __LINE__, GATE_ERR_INTERNAL,
                                 "the HTTP server does not start");
    }
    server->socket_fd = -1; /* the daemon's now */
    return GATE_OK;
}

enum gate_err gate_sim_server_new(struct gate_sim_world *world, struct gate_error *error,
                                  gate_sim_server **ret_server) {
    gate_sim_server *server = calloc(1, sizeof *server);
    if (server == NULL) {
        abort();
    }
    server->world = world;
    server->socket_fd = -1;
    world->timer = gate_sim_timer_new();
    enum gate_err err = open_socket(server, world->options, error);
    if (err == GATE_OK) {
        err = start_daemon(server, error);
    }
    if (err != GATE_OK) {
        gate_sim_server_free(server);
        return err;
    }
    *ret_server = server;
    return GATE_OK;
}

int gate_sim_server_port(const gate_sim_server *server) {
    return server->port;
}

void gate_sim_server_free(gate_sim_server *server) {
    if (server == NULL) {
        return;
    }
    gate_sim_timer_stop(server->world->timer);
    if (server->daemon != NULL) {
        MHD_stop_daemon(server->daemon);
    }
    if (server->socket_fd >= 0) {
        close(server->socket_fd);
    }
    gate_sim_timer_free(server->world->timer);
    server->world->timer = NULL;
    free(server);
}
