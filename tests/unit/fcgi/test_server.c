#include "support/cases.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/log.h"
#include "core/text.h"
#include "fcgi/server.h"
#include "support/fcgi_client.h"

/* A web/ of the test's own, in place of the library's: it answers by path. "/later" waits until the
 * test lets it go on, as a request that waits for the network would. */
struct gate_web {
    gate_runqueue *runqueue;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct gate_request *waiting[8];
    int waiting_count;
    int begun;
    int ended;
    int forged; /* requests for "/forged" */
    int is_over;
};

enum { BODY_MAX = 1000, LONG_ANSWER_BYTES = 300000 };

static void change_count(struct gate_web *web, int *count) {
    pthread_mutex_lock(&web->lock);
    (*count)++;
    pthread_cond_broadcast(&web->changed);
    pthread_mutex_unlock(&web->lock);
}

static void wait_until(struct gate_web *web, const int *count, int target) {
    pthread_mutex_lock(&web->lock);
    while (*count < target) {
        pthread_cond_wait(&web->changed, &web->lock);
    }
    pthread_mutex_unlock(&web->lock);
}

static const char *find_param(const struct gate_request *request, const char *name) {
    const size_t length = strlen(name);
    for (char **param = request->params; *param != NULL; param++) {
        if (strncmp(*param, name, length) == 0 && (*param)[length] == '=') {
            return *param + length + 1;
        }
    }
    return NULL;
}

struct gate_request *gate_web_begin(gate_web *web, char **params, void *front,
                                    const struct gate_front_calls *calls,
                                    size_t *ret_max_body_bytes) {
    struct gate_ctx *ctx = gate_ctx_new(&gate_clock_system, web->runqueue, NULL);
    struct gate_request *request = gate_arena_make(ctx->arena, struct gate_request);
    request->ctx = ctx;
    request->web = web;
    request->params = params;
    request->front = front;
    request->calls = calls;
    request->method = find_param(request, "REQUEST_METHOD");
    request->path = find_param(request, "REQUEST_URI");
    gate_response_init(&request->response, ctx->arena);
    change_count(web, &web->begun);
    if (gate_text_equal(request->path, "/forged")) {
        change_count(web, &web->forged);
    }
    *ret_max_body_bytes = BODY_MAX;
    return request;
}

bool gate_web_leaves_body_open(const struct gate_request *request) {
    return gate_text_equal(request->path, "/open");
}

static void answer(struct gate_request *request, int status) {
    gate_response_begin(&request->response, request->ctx->arena, status, "text/plain");
    gate_buffer_printf(&request->response.body, "%s %zu", request->path, request->body_length);
    request->calls->respond(request);
}

static void answer_at_length(struct gate_request *request) {
    gate_response_begin(&request->response, request->ctx->arena, 200, "text/plain");
    char *text = gate_arena_alloc(request->ctx->arena, LONG_ANSWER_BYTES);
    memset(text, 'z', LONG_ANSWER_BYTES);
    gate_buffer_append(&request->response.body, text, LONG_ANSWER_BYTES);
    request->calls->respond(request);
}

static void go_on(struct gate_ctx *ctx, enum gate_err err, void *state) {
    (void)ctx;
    (void)err;
    answer(state, 200);
}

void gate_web_dispatch(struct gate_request *request, enum gate_body_state state, const char *body,
                       size_t body_length) {
    struct gate_web *web = request->web;
    static const int statuses[] = {
        [GATE_BODY_WHOLE] = 200, [GATE_BODY_TOO_LARGE] = 413, [GATE_BODY_TRUNCATED] = 400};
    request->body = body;
    request->body_length = body_length;
    if (gate_text_equal(request->path, "/long")) {
        answer_at_length(request);
        return;
    }
    if (!gate_text_equal(request->path, "/later")) {
        answer(request, statuses[state]);
        return;
    }
    pthread_mutex_lock(&web->lock);
    web->waiting[web->waiting_count++] = request;
    pthread_cond_broadcast(&web->changed);
    pthread_mutex_unlock(&web->lock);
}

void gate_web_refuse_busy(struct gate_request *request) {
    answer(request, 503);
}

void gate_web_refuse_header(struct gate_request *request) {
    answer(request, 431);
}

void gate_web_end(struct gate_request *request) {
    struct gate_web *web = request->web;
    gate_ctx_free(request->ctx);
    change_count(web, &web->ended);
}

/* Let the requests that wait go on, from this thread, as the network engine would. */
static void resume_waiting(struct gate_web *web) {
    pthread_mutex_lock(&web->lock);
    for (int i = 0; i < web->waiting_count; i++) {
        struct gate_request *request = web->waiting[i];
        gate_ctx_resume(request->ctx, GATE_OK, go_on, request);
    }
    web->waiting_count = 0;
    pthread_mutex_unlock(&web->lock);
}

/* A running server on a socket of its own. */
struct scene {
    char directory[64];
    char path[96];
    struct gate_error error;
    struct gate_web web;
    struct gate_fcgi_listener listener;
    struct gate_fcgi_options options;
    gate_fcgi *fcgi; /* NULL once stopped */
};

static int make_scene(void **state) {
    struct scene *scene = calloc(1, sizeof *scene);
    if (scene == NULL) {
        return -1;
    }
    snprintf(scene->directory, sizeof scene->directory, "/tmp/gate-server-XXXXXX");
    if (mkdtemp(scene->directory) == NULL) {
        return -1;
    }
    snprintf(scene->path, sizeof scene->path, "%s/fcgi.sock", scene->directory);
    pthread_mutex_init(&scene->web.lock, NULL);
    pthread_cond_init(&scene->web.changed, NULL);
    scene->web.runqueue = gate_runqueue_new();
    scene->options = (struct gate_fcgi_options){
        .web = &scene->web,
        .runqueue = scene->web.runqueue,
        .listener = &scene->listener,
        .workers = 2,
        .in_flight_max = 8,
        .connections_max = 100,
        .peer_timeout_ms = 10000,
        .keep_connections = true,
    };
    *state = scene;
    return gate_fcgi_listen(scene->path, NULL, NULL, &scene->error, &scene->listener) == GATE_OK
               ? 0
               : -1;
}

static void start(struct scene *scene) {
    assert_int_equal(gate_fcgi_new(&scene->options, &scene->error, &scene->fcgi), GATE_OK);
    assert_int_equal(gate_fcgi_start(scene->fcgi, &scene->error), GATE_OK);
}

static bool stop(struct scene *scene, int64_t idle_grace_ms, int64_t timeout_ms) {
    if (!gate_fcgi_stop(scene->fcgi, idle_grace_ms, timeout_ms)) {
        return false;
    }
    gate_fcgi_free(scene->fcgi);
    scene->fcgi = NULL;
    return true;
}

static int remove_scene(void **state) {
    struct scene *scene = *state;
    if (scene->fcgi != NULL && !stop(scene, 0, 10000)) {
        return -1;
    }
    const bool all_ended = scene->web.begun == scene->web.ended;
    gate_fcgi_listener_close(&scene->listener);
    gate_runqueue_free(scene->web.runqueue);
    pthread_cond_destroy(&scene->web.changed);
    pthread_mutex_destroy(&scene->web.lock);
    rmdir(scene->directory);
    free(scene);
    return all_ended ? 0 : -1;
}

static int connect_to(struct scene *scene) {
    const int peer = gate_test_fcgi_connect(scene->path);
    assert_true(peer >= 0);
    return peer;
}

static void send_to(int peer, const char *path) {
    gate_test_fcgi_request_send(peer, &(struct gate_test_fcgi_request){.path = path, .keep = true});
}

/* Read one answer; a whole one has this status. */
static void require_answer(int peer, int status) {
    struct gate_test_fcgi_answer got = gate_test_fcgi_answer_read(peer);
    assert_true(got.is_whole);
    assert_int_equal(got.status, status);
    gate_test_fcgi_answer_done(&got);
}

static void test_server__answers_many_requests_on_one_kept_connection(void **state) {
    struct scene *scene = *state;
    start(scene);
    const int peer = connect_to(scene);
    for (int i = 0; i < 20; i++) {
        send_to(peer, "/");
        require_answer(peer, 200);
    }
    close(peer);
}

static void test_server__closes_after_each_request_when_keeping_is_off(void **state) {
    struct scene *scene = *state;
    scene->options.keep_connections = false;
    start(scene);
    for (int i = 0; i < 2; i++) {
        const int peer = connect_to(scene);
        send_to(peer, "/");
        require_answer(peer, 200);
        assert_true(gate_test_fcgi_is_closed(peer));
        close(peer);
    }
}

static void test_server__delivers_a_long_answer(void **state) {
    struct scene *scene = *state;
    start(scene);
    const int peer = connect_to(scene);
    send_to(peer, "/long");
    struct gate_test_fcgi_answer got = gate_test_fcgi_answer_read(peer);
    assert_true(got.is_whole);
    assert_int_equal(strlen(got.body), LONG_ANSWER_BYTES);
    gate_test_fcgi_answer_done(&got);
    close(peer);
}

static void send_body(int peer, const char *body, size_t length, long declared) {
    gate_test_fcgi_request_send(peer, &(struct gate_test_fcgi_request){.method = "POST",
                                                                       .path = "/",
                                                                       .body = body,
                                                                       .body_length = length,
                                                                       .declared_length = declared,
                                                                       .keep = true});
}

static void test_server__drains_a_body_beyond_its_limit(void **state) {
    struct scene *scene = *state;
    start(scene);
    const int peer = connect_to(scene);
    char *body = test_calloc(1, 100000);
    send_body(peer, body, 100000, -1);
    require_answer(peer, 413);
    send_body(peer, body, 10, -1);
    require_answer(peer, 200);
    test_free(body);
    close(peer);
}

static void test_server__closes_when_a_body_is_beyond_draining(void **state) {
    struct scene *scene = *state;
    start(scene);
    const int peer = connect_to(scene);
    const size_t length = GATE_DRAIN_MAX_BYTES + 1024 * 1024;
    char *body = test_calloc(1, length);
    send_body(peer, body, length, -1);
    struct gate_test_fcgi_answer got = gate_test_fcgi_answer_read(peer);
    assert_int_equal(got.status, 413);
    gate_test_fcgi_answer_done(&got);
    assert_true(gate_test_fcgi_is_closed(peer));
    test_free(body);
    close(peer);
}

/* nginx takes a body from a stranger. Bytes of it that were left on a kept connection would be read
 * as records, so the stranger could make requests of any kind. Whatever is wrong with a body, that
 * must not happen. */
static void test_server__never_runs_a_request_smuggled_in_a_body(void **state) {
    struct scene *scene = *state;
    start(scene);
    struct gate_buffer forged;
    gate_buffer_init(&forged, 1024 * 1024);
    for (int i = 0; i < 400; i++) {
        gate_test_fcgi_request_write(
            &forged, &(struct gate_test_fcgi_request){.path = "/forged", .keep = true});
    }
    const long declared[] = {-1, -2, 10, (long)forged.length + 1};
    for (size_t i = 0; i < sizeof declared / sizeof declared[0]; i++) {
        const int peer = connect_to(scene);
        send_body(peer, forged.data, forged.length, declared[i]);
        require_answer(peer, declared[i] < 0 ? 413 : 400);
        send_to(peer, "/"); /* on the connections that are still open */
        struct gate_test_fcgi_answer got = gate_test_fcgi_answer_read(peer);
        assert_int_equal(got.is_whole, declared[i] < 0);
        gate_test_fcgi_answer_done(&got);
        close(peer);
    }
    assert_true(stop(scene, 0, 10000));
    assert_int_equal(scene->web.forged, 0);
    gate_buffer_done(&forged);
}

static void test_server__refuses_too_many_parameters(void **state) {
    struct scene *scene = *state;
    start(scene);
    const int peer = connect_to(scene);
    gate_test_fcgi_request_send(
        peer, &(struct gate_test_fcgi_request){
                  .path = "/", .extra_params = GATE_REQUEST_PARAMS_MAX, .keep = true});
    require_answer(peer, 431);
    send_to(peer, "/");
    require_answer(peer, 200);
    close(peer);
}

static void test_server__gives_up_a_peer_that_stalls(void **state) {
    struct scene *scene = *state;
    scene->options.workers = 1;
    scene->options.peer_timeout_ms = 50;
    start(scene);
    const int stalled = connect_to(scene);
    gate_test_fcgi_send(stalled, "\1\1\0", 3); /* three bytes of a begin record */
    const int peer = connect_to(scene);
    send_to(peer, "/");
    require_answer(peer, 200);
    assert_true(gate_test_fcgi_is_closed(stalled));
    close(stalled);
    close(peer);
}

static void test_server__holds_no_worker_while_a_request_waits(void **state) {
    struct scene *scene = *state;
    scene->options.workers = 1;
    start(scene);
    int waiting[3];
    for (int i = 0; i < 3; i++) {
        waiting[i] = connect_to(scene);
        send_to(waiting[i], "/later");
    }
    wait_until(&scene->web, &scene->web.waiting_count, 3);
    const int peer = connect_to(scene);
    send_to(peer, "/");
    require_answer(peer, 200);
    resume_waiting(&scene->web);
    for (int i = 0; i < 3; i++) {
        require_answer(waiting[i], 200);
        send_to(waiting[i], "/"); /* parked again */
        require_answer(waiting[i], 200);
        close(waiting[i]);
    }
    close(peer);
}

static void test_server__finds_a_request_sent_while_another_waits(void **state) {
    struct scene *scene = *state;
    start(scene);
    const int peer = connect_to(scene);
    send_to(peer, "/later");
    wait_until(&scene->web, &scene->web.waiting_count, 1);
    send_to(peer, "/");
    resume_waiting(&scene->web);
    require_answer(peer, 200);
    require_answer(peer, 200);
    close(peer);
}

static void test_server__refuses_beyond_what_may_be_in_flight(void **state) {
    struct scene *scene = *state;
    scene->options.in_flight_max = 1;
    start(scene);
    const int first = connect_to(scene);
    const int second = connect_to(scene);
    send_to(first, "/later");
    wait_until(&scene->web, &scene->web.waiting_count, 1);
    send_to(second, "/");
    require_answer(second, 503);
    resume_waiting(&scene->web);
    require_answer(first, 200);
    wait_until(&scene->web, &scene->web.ended, 2);
    assert_true(stop(scene, 0, 10000));
    close(first);
    close(second);
}

static void test_server__survives_a_peer_that_left_before_its_answer(void **state) {
    struct scene *scene = *state;
    start(scene);
    const int gone = connect_to(scene);
    send_to(gone, "/later");
    wait_until(&scene->web, &scene->web.waiting_count, 1);
    close(gone);
    resume_waiting(&scene->web);
    wait_until(&scene->web, &scene->web.ended, 1);
    const int peer = connect_to(scene);
    send_to(peer, "/");
    require_answer(peer, 200);
    close(peer);
}

static void test_server__leaves_peers_in_the_backlog_when_full(void **state) {
    struct scene *scene = *state;
    scene->options.connections_max = 1;
    start(scene);
    const int first = connect_to(scene);
    send_to(first, "/");
    require_answer(first, 200);
    const int second = connect_to(scene);
    send_to(second, "/");
    close(first);
    require_answer(second, 200);
    close(second);
}

static void test_server__pauses_when_descriptors_run_out(void **state) {
    struct scene *scene = *state;
    int log[2];
    assert_int_equal(pipe(log), 0);
    gate_log_open(GATE_LOG_WARN, log[1]);
    start(scene);
    struct rlimit before;
    getrlimit(RLIMIT_NOFILE, &before);
    const int next = dup(0);
    close(next);
    /* The peer's own descriptor is the last one there is. */
    const struct rlimit tight = {.rlim_cur = (rlim_t)next + 1, .rlim_max = before.rlim_max};
    setrlimit(RLIMIT_NOFILE, &tight);
    const int peer = connect_to(scene);
    send_to(peer, "/");
    char line[256] = "";
    assert_true(read(log[0], line, sizeof line - 1) > 0);
    assert_non_null(strstr(line, "accept_paused"));
    setrlimit(RLIMIT_NOFILE, &before);
    require_answer(peer, 200);
    close(peer);
    assert_true(stop(scene, 0, 10000));
    gate_log_open(GATE_LOG_WARN, 2);
    close(log[0]);
    close(log[1]);
}

struct stopping {
    struct scene *scene;
    int64_t idle_grace_ms;
    bool is_clean;
};

static void *stop_in_thread(void *argument) {
    struct stopping *stopping = argument;
    stopping->is_clean = stop(stopping->scene, stopping->idle_grace_ms, 10000);
    return NULL;
}

/* Wait for the first thing the order to stop does. */
static void wait_until_retired(struct scene *scene) {
    while (access(scene->path, F_OK) == 0) {
        sched_yield();
    }
}

static void test_stop__answers_what_is_in_flight(void **state) {
    struct scene *scene = *state;
    start(scene);
    const int peer = connect_to(scene);
    send_to(peer, "/later");
    wait_until(&scene->web, &scene->web.waiting_count, 1);
    struct stopping stopping = {.scene = scene};
    pthread_t thread;
    pthread_create(&thread, NULL, stop_in_thread, &stopping);
    wait_until_retired(scene);
    resume_waiting(&scene->web);
    require_answer(peer, 200);
    assert_true(gate_test_fcgi_is_closed(peer));
    pthread_join(thread, NULL);
    assert_true(stopping.is_clean);
    close(peer);
}

static void test_stop__serves_kept_connections_until_peers_close(void **state) {
    struct scene *scene = *state;
    start(scene);
    const int peer = connect_to(scene);
    send_to(peer, "/");
    require_answer(peer, 200);
    struct stopping stopping = {.scene = scene, .idle_grace_ms = 10000};
    pthread_t thread;
    pthread_create(&thread, NULL, stop_in_thread, &stopping);
    wait_until_retired(scene);
    send_to(peer, "/");
    require_answer(peer, 200);
    close(peer);
    pthread_join(thread, NULL);
    assert_true(stopping.is_clean);
}

static void test_stop__serves_who_was_in_the_backlog(void **state) {
    struct scene *scene = *state;
    const int peer = connect_to(scene);
    send_to(peer, "/");
    start(scene);
    struct stopping stopping = {.scene = scene, .idle_grace_ms = 10000};
    pthread_t thread;
    pthread_create(&thread, NULL, stop_in_thread, &stopping);
    require_answer(peer, 200);
    close(peer);
    pthread_join(thread, NULL);
    assert_true(stopping.is_clean);
}

static void test_stop__leaves_the_backlog_of_a_shared_socket_to_others(void **state) {
    struct scene *scene = *state;
    scene->listener.is_ours = false;
    char path[96];
    memcpy(path, scene->listener.path, sizeof path);
    scene->listener.path[0] = '\0';
    start(scene);
    assert_true(stop(scene, 0, 10000));
    const int peer = connect_to(scene);
    send_to(peer, "/");
    start(scene); /* a successor on the same socket */
    require_answer(peer, 200);
    close(peer);
    memcpy(scene->listener.path, path, sizeof path);
}

static void test_stop__gives_up_when_the_time_is_over(void **state) {
    struct scene *scene = *state;
    start(scene);
    const int peer = connect_to(scene);
    send_to(peer, "/later");
    wait_until(&scene->web, &scene->web.waiting_count, 1);
    assert_false(gate_fcgi_stop(scene->fcgi, 0, 20));
    resume_waiting(&scene->web);
    assert_true(gate_runqueue_run_one(scene->web.runqueue));
    gate_fcgi_free(scene->fcgi);
    scene->fcgi = NULL;
    require_answer(peer, 200);
    close(peer);
}

/* Lets whatever waits go on, until told to end. */
static void *resume_all(void *argument) {
    struct scene *scene = argument;
    struct gate_web *web = &scene->web;
    pthread_mutex_lock(&web->lock);
    while (!web->is_over) {
        if (web->waiting_count > 0) {
            pthread_mutex_unlock(&web->lock);
            resume_waiting(web);
            pthread_mutex_lock(&web->lock);
        } else {
            pthread_cond_wait(&web->changed, &web->lock);
        }
    }
    pthread_mutex_unlock(&web->lock);
    return NULL;
}

enum { PEERS = 4, REQUESTS_PER_PEER = 60 };

struct peer {
    pthread_t thread;
    struct scene *scene;
    int answers;
};

static void *make_requests(void *argument) {
    struct peer *peer = argument;
    const int fd = gate_test_fcgi_connect(peer->scene->path);
    for (int i = 0; i < REQUESTS_PER_PEER; i++) {
        send_to(fd, i % 3 == 0 ? "/later" : "/");
        struct gate_test_fcgi_answer got = gate_test_fcgi_answer_read(fd);
        peer->answers += got.is_whole && got.status == 200;
        gate_test_fcgi_answer_done(&got);
    }
    close(fd);
    return NULL;
}

static void test_server__serves_peers_at_the_same_time(void **state) {
    struct scene *scene = *state;
    start(scene);
    pthread_t resumer;
    pthread_create(&resumer, NULL, resume_all, scene);
    struct peer peers[PEERS];
    for (int i = 0; i < PEERS; i++) {
        peers[i] = (struct peer){.scene = scene};
        pthread_create(&peers[i].thread, NULL, make_requests, &peers[i]);
    }
    for (int i = 0; i < PEERS; i++) {
        pthread_join(peers[i].thread, NULL);
        assert_int_equal(peers[i].answers, REQUESTS_PER_PEER);
    }
    change_count(&scene->web, &scene->web.is_over);
    pthread_join(resumer, NULL);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, make_scene, remove_scene)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_server__answers_many_requests_on_one_kept_connection),
        CASE(test_server__closes_after_each_request_when_keeping_is_off),
        CASE(test_server__delivers_a_long_answer),
        CASE(test_server__drains_a_body_beyond_its_limit),
        CASE(test_server__closes_when_a_body_is_beyond_draining),
        CASE(test_server__never_runs_a_request_smuggled_in_a_body),
        CASE(test_server__refuses_too_many_parameters),
        CASE(test_server__gives_up_a_peer_that_stalls),
        CASE(test_server__holds_no_worker_while_a_request_waits),
        CASE(test_server__finds_a_request_sent_while_another_waits),
        CASE(test_server__refuses_beyond_what_may_be_in_flight),
        CASE(test_server__survives_a_peer_that_left_before_its_answer),
        CASE(test_server__leaves_peers_in_the_backlog_when_full),
        CASE(test_server__pauses_when_descriptors_run_out),
        CASE(test_stop__answers_what_is_in_flight),
        CASE(test_stop__serves_kept_connections_until_peers_close),
        CASE(test_stop__serves_who_was_in_the_backlog),
        CASE(test_stop__leaves_the_backlog_of_a_shared_socket_to_others),
        CASE(test_stop__gives_up_when_the_time_is_over),
        CASE(test_server__serves_peers_at_the_same_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
