#include "fcgi/pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "core/log.h"
#include "core/text.h"
#include "fcgi/exchange.h"

/* An answer on its way to a peer that may be slow. */
struct sending {
    struct gate_request *request; /* NULL: nothing is on its way */
    struct gate_buffer records;
    size_t sent;
    bool was_blocked;
    bool has_begun; /* the answer's head is in what was put here so far */
    gate_then_fn *then;
    void *state;
};

/* Who wants to know when the reader leaves; under the pool's lock. */
struct watch {
    uint64_t id; /* 0: nobody */
    void (*left)(void *object, uint64_t id);
    void *object;
};

struct gate_fcgi_connection {
    struct gate_fcgi_exchange exchange;
    struct gate_buffer body;
    struct sending sending;
    struct watch watch;
    gate_fcgi_pool *pool;
    gate_fcgi_connection *next; /* the pool's list, under its lock */
    gate_fcgi_connection *previous;
    /* Held while the connection is given to epoll: whoever gets it from there comes after whoever
     * gave it. */
    pthread_mutex_t handover;
};

/* What a socket's buffer has room for in any case. */
enum { AT_ONCE_MAX_BYTES = 64 * 1024 };

struct gate_fcgi_pool {
    struct gate_fcgi_pool_options options;
    atomic_bool keeps;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    gate_fcgi_connection *first;
    int connections;
    int in_flight;
    uint64_t watches; /* so far */
};

gate_fcgi_pool *gate_fcgi_pool_new(const struct gate_fcgi_pool_options *options) {
    gate_fcgi_pool *pool = calloc(1, sizeof *pool);
    if (pool == NULL) {
        abort();
    }
    pool->options = *options;
    atomic_init(&pool->keeps, options->keep_connections);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&pool->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    return pool;
}

static void free_connection(gate_fcgi_connection *connection) {
    pthread_mutex_destroy(&connection->handover);
    free(connection);
}

void gate_fcgi_pool_free(gate_fcgi_pool *pool) {
    if (pool == NULL) {
        return;
    }
    while (pool->first != NULL) {
        gate_fcgi_connection *connection = pool->first;
        pool->first = connection->next;
        gate_fcgi_exchange_close(&connection->exchange);
        free_connection(connection);
    }
    pthread_cond_destroy(&pool->changed);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

bool gate_fcgi_pool_is_full(gate_fcgi_pool *pool) {
    pthread_mutex_lock(&pool->lock);
    const bool is_full = pool->connections >= pool->options.connections_max;
    pthread_mutex_unlock(&pool->lock);
    return is_full;
}

int gate_fcgi_pool_in_flight(gate_fcgi_pool *pool) {
    pthread_mutex_lock(&pool->lock);
    const int in_flight = pool->in_flight;
    pthread_mutex_unlock(&pool->lock);
    return in_flight;
}

void gate_fcgi_pool_stop_keeping(gate_fcgi_pool *pool) {
    atomic_store(&pool->keeps, false);
}

/* Take a connection that is already closed off the list. */
static void forget_connection(gate_fcgi_connection *connection) {
    gate_fcgi_pool *pool = connection->pool;
    pthread_mutex_lock(&pool->lock);
    if (connection->previous != NULL) {
        connection->previous->next = connection->next;
    } else {
        pool->first = connection->next;
    }
    if (connection->next != NULL) {
        connection->next->previous = connection->previous;
    }
    pool->connections--;
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
    free_connection(connection);
}

/* Give a connection to epoll, for one event. It may be with another worker before this returns.
 * Readiness is level-triggered: what is there already is found at once. */
static bool arm(gate_fcgi_connection *connection, int epoll_operation, uint32_t events) {
    const int epoll_fd = connection->pool->options.epoll_fd;
    const int fd = gate_fcgi_exchange_fd(&connection->exchange);
    struct epoll_event interest = {.events = events | EPOLLONESHOT, .data.ptr = connection};
    pthread_mutex_lock(&connection->handover);
    const int rc = epoll_ctl(epoll_fd, epoll_operation, fd, &interest);
    pthread_mutex_unlock(&connection->handover);
    return rc == 0;
}

/* Connections are never at odd addresses. */
bool gate_fcgi_pool_is_watch_tag(uint64_t tag) {
    return (tag & 1) != 0;
}

/* While a request waits, its connection can only end. By number and not by pointer: the connection
 * stays with the request, which may be over before a worker comes to this event. */
static void arm_watch(const gate_fcgi_connection *connection) {
    struct epoll_event interest = {.events = EPOLLRDHUP | EPOLLONESHOT,
                                   .data.u64 = connection->watch.id << 1 | 1};
    (void)epoll_ctl(connection->pool->options.epoll_fd, EPOLL_CTL_MOD,
                    gate_fcgi_exchange_fd(&connection->exchange), &interest);
}

static uint64_t watch_reader(struct gate_request *request, void (*left)(void *object, uint64_t id),
                             void *object) {
    gate_fcgi_connection *connection = request->front;
    gate_fcgi_pool *pool = connection->pool;
    pthread_mutex_lock(&pool->lock);
    connection->watch = (struct watch){.id = ++pool->watches, .left = left, .object = object};
    pthread_mutex_unlock(&pool->lock);
    arm_watch(connection);
    return connection->watch.id;
}

static void end_watch(gate_fcgi_connection *connection) {
    pthread_mutex_lock(&connection->pool->lock);
    connection->watch = (struct watch){0};
    pthread_mutex_unlock(&connection->pool->lock);
}

void gate_fcgi_pool_reader_left(gate_fcgi_pool *pool, uint64_t tag) {
    struct watch watch = {0};
    pthread_mutex_lock(&pool->lock);
    for (const gate_fcgi_connection *connection = pool->first; connection != NULL;
         connection = connection->next) {
        if (connection->watch.id == tag >> 1) {
            watch = connection->watch;
        }
    }
    pthread_mutex_unlock(&pool->lock);
    if (watch.left != NULL) {
        watch.left(watch.object, watch.id);
    }
}

/* Wait for the next request. */
static void park(gate_fcgi_connection *connection, int epoll_operation) {
    if (!arm(connection, epoll_operation, EPOLLIN | EPOLLRDHUP)) {
        gate_fcgi_exchange_close(&connection->exchange);
        forget_connection(connection);
    }
}

static void set_peer_timeouts(int fd, int timeout_ms) {
    /* A worker inside a read or a write of libfcgi cannot be called back, only timed out. */
    const struct timeval timeout = {.tv_sec = timeout_ms / 1000,
                                    .tv_usec = timeout_ms % 1000 * 1000};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
}

void gate_fcgi_pool_add(gate_fcgi_pool *pool, int fd) {
    gate_fcgi_connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL) {
        abort();
    }
    set_peer_timeouts(fd, pool->options.peer_timeout_ms);
    gate_fcgi_exchange_init(&connection->exchange, fd);
    connection->pool = pool;
    pthread_mutex_init(&connection->handover, NULL);
    pthread_mutex_lock(&pool->lock);
    connection->next = pool->first;
    if (pool->first != NULL) {
        pool->first->previous = connection;
    }
    pool->first = connection;
    pool->connections++;
    pthread_mutex_unlock(&pool->lock);
    park(connection, EPOLL_CTL_ADD);
}

/* Count a request in; false when there are too many already (it is counted all the same). */
static bool admit_request(gate_fcgi_pool *pool) {
    pthread_mutex_lock(&pool->lock);
    pool->in_flight++;
    const bool is_admitted = pool->in_flight <= pool->options.in_flight_max;
    pthread_mutex_unlock(&pool->lock);
    return is_admitted;
}

static void count_out(gate_fcgi_pool *pool) {
    pthread_mutex_lock(&pool->lock);
    pool->in_flight--;
    if (pool->in_flight == 0) {
        pthread_cond_broadcast(&pool->changed);
    }
    pthread_mutex_unlock(&pool->lock);
}

/* The request was answered, or given up: ready the connection for the next one, or be rid of it. */
static void finish_request(gate_fcgi_connection *connection) {
    gate_fcgi_pool *pool = connection->pool;
    gate_buffer_done(&connection->body);
    gate_buffer_done(&connection->sending.records);
    connection->sending = (struct sending){0};
    if (connection->watch.id != 0) {
        end_watch(connection);
    }
    if (!atomic_load(&pool->keeps)) {
        gate_fcgi_exchange_doom(&connection->exchange);
    }
    if (gate_fcgi_exchange_finish(&connection->exchange)) {
        park(connection, EPOLL_CTL_MOD);
    } else {
        forget_connection(connection);
    }
    count_out(pool);
}

static void log_peer_gone(const struct gate_request *request) {
    gate_log_write(GATE_LOG_DEBUG, "peer_gone",
                   GATE_LOG_TEXT("request_id", request->ctx->request_id));
}

/* ---- answers in parts, or too large for what the kernel takes at once ---- */

/* Until the peer has it all, is gone, or is to be waited for, which no thread does. */
static void go_on_sending(gate_fcgi_connection *connection) {
    struct sending *sending = &connection->sending;
    struct gate_request *request = sending->request;
    const int fd = gate_fcgi_exchange_fd(&connection->exchange);
    const enum gate_fcgi_sent result = gate_fcgi_record_send(fd, &sending->records, &sending->sent);
    if (result == GATE_FCGI_BLOCKED) {
        sending->was_blocked = true;
        if (arm(connection, EPOLL_CTL_MOD, EPOLLOUT)) {
            return;
        }
    }
    sending->records.length = 0;
    sending->sent = 0;
    sending->request = NULL;
    if (result == GATE_FCGI_SENT) {
        if (sending->was_blocked && connection->watch.id != 0) {
            arm_watch(connection);
        }
        sending->was_blocked = false;
        sending->then(request->ctx, GATE_OK, sending->state);
        return;
    }
    log_peer_gone(request);
    gate_fcgi_exchange_doom(&connection->exchange);
    sending->then(request->ctx, gate_fail(request->ctx, GATE_ERR_UNAVAILABLE, "the reader is gone"),
                  sending->state);
}

/* Start sending what has been put behind `records`. */
static void send_records(struct gate_request *request, gate_then_fn *then, void *state) {
    gate_fcgi_connection *connection = request->front;
    struct sending *sending = &connection->sending;
    sending->request = request;
    sending->then = then;
    sending->state = state;
    go_on_sending(connection);
}

static void send_part(struct gate_request *request, struct gate_fcgi_span part, bool is_last,
                      gate_then_fn *then, void *state) {
    gate_fcgi_connection *connection = request->front;
    struct sending *sending = &connection->sending;
    const bool is_head = gate_text_equal(request->method, "HEAD");
    if (!sending->has_begun) {
        gate_fcgi_exchange_body_drop(&connection->exchange, GATE_PROXY_BODY_MAX_BYTES);
        gate_buffer_init(&sending->records, SIZE_MAX / 2); /* no part is without a limit */
    }
    gate_fcgi_exchange_append(&connection->exchange, &sending->records,
                              sending->has_begun ? NULL : &request->response,
                              is_head ? (struct gate_fcgi_span){NULL, 0} : part, is_last);
    sending->has_begun = true;
    send_records(request, then, state);
}

static void end_request(struct gate_ctx *ctx, enum gate_err err, void *state) {
    (void)ctx;
    (void)err;
    struct gate_request *request = state;
    gate_fcgi_connection *connection = request->front;
    gate_web_end(request);
    finish_request(connection);
}

static void write_part(struct gate_request *request, const char *bytes, size_t length,
                       gate_then_fn *then, void *state) {
    send_part(request, (struct gate_fcgi_span){bytes, length}, false, then, state);
}

static void end_parts(struct gate_request *request, bool is_whole) {
    gate_fcgi_connection *connection = request->front;
    if (is_whole) {
        send_part(request, (struct gate_fcgi_span){NULL, 0}, true, end_request, request);
        return;
    }
    gate_fcgi_exchange_append_abort(&connection->exchange, &connection->sending.records);
    send_records(request, end_request, request);
}

static enum gate_err read_body(struct gate_request *request, char *room, size_t max_bytes,
                               size_t *ret_length) {
    gate_fcgi_connection *connection = request->front;
    return gate_fcgi_exchange_piece_read(&connection->exchange, room, max_bytes, ret_length);
}

/* web/ has an answer. On whatever worker that came about. */
static void respond(struct gate_request *request) {
    gate_fcgi_connection *connection = request->front;
    const struct gate_buffer *body = &request->response.body;
    gate_fcgi_exchange_body_drop(&connection->exchange, GATE_PROXY_BODY_MAX_BYTES);
    if (gate_web_leaves_body_open(request) && body->length > AT_ONCE_MAX_BYTES) {
        /* nginx hands these on as they come, so that a slow reader would hold up this thread. */
        send_part(request, (struct gate_fcgi_span){body->data, body->length}, true, end_request,
                  request);
        return;
    }
    const bool is_head = gate_text_equal(request->method, "HEAD");
    if (!gate_fcgi_exchange_write(&connection->exchange, &request->response, is_head)) {
        log_peer_gone(request);
    }
    end_request(request->ctx, GATE_OK, request);
}

static const struct gate_front_calls calls = {
    .respond = respond,
    .read_body = read_body,
    .watch = watch_reader,
    .write = write_part,
    .end = end_parts,
};

static bool has_too_many_params(char **params) {
    size_t count = 0;
    while (params[count] != NULL) {
        count++;
        if (count > GATE_REQUEST_PARAMS_MAX) {
            return true;
        }
    }
    return false;
}

void gate_fcgi_pool_serve(gate_fcgi_pool *pool, gate_fcgi_connection *connection) {
    pthread_mutex_lock(&connection->handover);
    pthread_mutex_unlock(&connection->handover);
    if (connection->sending.request != NULL) {
        go_on_sending(connection);
        return;
    }
    if (!gate_fcgi_exchange_read(&connection->exchange, atomic_load(&pool->keeps))) {
        forget_connection(connection);
        return;
    }
    const bool is_admitted = admit_request(pool);
    char **params = gate_fcgi_exchange_params(&connection->exchange);
    const bool is_header_too_large = has_too_many_params(params);
    const bool is_refused = is_header_too_large || !is_admitted;
    size_t max_bytes = 0;
    struct gate_request *request =
        gate_web_begin(pool->options.web, params, connection, &calls, &max_bytes);
    struct gate_buffer *body = &connection->body;
    if (!is_refused && gate_web_leaves_body_open(request)) {
        gate_web_dispatch(request, GATE_BODY_OPEN, "", 0);
        return;
    }
    const enum gate_body_state state =
        gate_fcgi_exchange_body_read(&connection->exchange, is_refused ? 0 : max_bytes, body);
    if (is_header_too_large) {
        gate_web_refuse_header(request);
    } else if (!is_admitted) {
        gate_web_refuse_busy(request);
    } else {
        gate_web_dispatch(request, state, gate_buffer_text(body), body->length);
    }
}

enum awaited { AWAITED_EMPTY, AWAITED_IDLE };

static bool wait_for(gate_fcgi_pool *pool, enum awaited awaited, int64_t until_ms) {
    const int *count = awaited == AWAITED_EMPTY ? &pool->connections : &pool->in_flight;
    const struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
    int rc = 0;
    pthread_mutex_lock(&pool->lock);
    while (*count > 0 && rc == 0) {
        rc = pthread_cond_timedwait(&pool->changed, &pool->lock, &until);
    }
    const bool is_done = *count == 0;
    pthread_mutex_unlock(&pool->lock);
    return is_done;
}

bool gate_fcgi_pool_wait_empty(gate_fcgi_pool *pool, int64_t until_ms) {
    return wait_for(pool, AWAITED_EMPTY, until_ms);
}

bool gate_fcgi_pool_wait_idle(gate_fcgi_pool *pool, int64_t until_ms) {
    return wait_for(pool, AWAITED_IDLE, until_ms);
}
