/* Answers in parts and bodies in pieces, through running workers. */
#include "support/cases.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/log.h"
#include "core/text.h"
#include "fcgi/server.h"
#include "support/fcgi_client.h"

enum { PART_BYTES = 100000, PARTS = 80, WHOLE_BYTES = 3000000 };

/* A web/ of the test's own, in place of the library's: it answers by path. */
struct gate_web {
    gate_runqueue *runqueue;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int begun;
    int ended;
    int parts; /* that were written, of all answers */
    int readers_gone;
    int left; /* how often a watched reader was said to have left */
    struct gate_request *waiting;
    int waiting_count; /* requests that came to wait, so far */
    char *part;        /* PART_BYTES, each telling its place */
};

/* What lives in a request's arena. */
struct answering {
    struct gate_request *request;
    long left; /* of the request's body, or parts still to be written */
    char room[5000];
    bool is_gone;
};

static void count(struct gate_web *web, int *counter) {
    pthread_mutex_lock(&web->lock);
    (*counter)++;
    pthread_cond_broadcast(&web->changed);
    pthread_mutex_unlock(&web->lock);
}

static int look_at(struct gate_web *web, const int *counter) {
    pthread_mutex_lock(&web->lock);
    const int value = *counter;
    pthread_mutex_unlock(&web->lock);
    return value;
}

static void wait_until(struct gate_web *web, const int *counter, int target) {
    pthread_mutex_lock(&web->lock);
    while (*counter < target) {
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
    count(web, &web->begun);
    *ret_max_body_bytes = 1000;
    return request;
}

bool gate_web_leaves_body_open(const struct gate_request *request) {
    return gate_text_starts_with(request->path, "/open/");
}

static void answer(struct gate_request *request, int status) {
    gate_response_begin(&request->response, request->ctx->arena, status, "text/plain");
    request->calls->respond(request);
}

/* ---- the body, given back ---- */

static void echo_next(struct gate_ctx *ctx, enum gate_err err, void *state) {
    (void)ctx;
    struct answering *answering = state;
    struct gate_request *request = answering->request;
    size_t length = 0;
    if (err != GATE_OK || answering->left == 0) {
        request->calls->end(request, err == GATE_OK);
        return;
    }
    err = request->calls->read_body(request, answering->room, sizeof answering->room, &length);
    if (err != GATE_OK) {
        request->calls->end(request, false);
        return;
    }
    answering->left -= (long)length;
    if (answering->left > 0) { /* as the product does: nginx stops sending once it has the head */
        gate_buffer_append(&request->response.body, answering->room, length);
        echo_next(request->ctx, GATE_OK, answering);
        return;
    }
    gate_buffer_append(&request->response.body, answering->room, length);
    request->calls->write(request, request->response.body.data, request->response.body.length,
                          echo_next, answering);
}

/* ---- many parts ---- */

static void write_next(struct gate_ctx *ctx, enum gate_err err, void *state) {
    (void)ctx;
    struct answering *answering = state;
    struct gate_request *request = answering->request;
    struct gate_web *web = request->web;
    if (err != GATE_OK) {
        assert_false(answering->is_gone); /* told once */
        answering->is_gone = true;
        count(web, &web->readers_gone);
        request->calls->end(request, false);
    } else if (answering->left == 0) {
        request->calls->end(request, !gate_text_equal(request->path, "/open/cut"));
    } else {
        answering->left--;
        count(web, &web->parts);
        request->calls->write(request, web->part, PART_BYTES, write_next, answering);
    }
}

static void answer_at_length(struct gate_request *request) {
    gate_response_begin(&request->response, request->ctx->arena, 200, "text/plain");
    while (request->response.body.length < WHOLE_BYTES) {
        gate_buffer_append(&request->response.body, request->web->part, PART_BYTES);
    }
    request->calls->respond(request);
}

/* ---- a reader that is watched while nothing happens ---- */

static void note_left(void *object, uint64_t id) {
    struct gate_web *web = object;
    assert_true(id != 0);
    count(web, &web->left);
}

static void wait_watched(struct gate_request *request) {
    struct gate_web *web = request->web;
    const uint64_t id = request->calls->watch(request, note_left, web);
    assert_true(id != 0);
    pthread_mutex_lock(&web->lock);
    web->waiting = request;
    web->waiting_count++;
    pthread_cond_broadcast(&web->changed);
    pthread_mutex_unlock(&web->lock);
}

static void answer_late(struct gate_ctx *ctx, enum gate_err err, void *state) {
    (void)ctx;
    (void)err;
    answer(state, 200);
}

static void resume_waiting(struct gate_web *web) {
    pthread_mutex_lock(&web->lock);
    struct gate_request *request = web->waiting;
    web->waiting = NULL;
    pthread_mutex_unlock(&web->lock);
    gate_ctx_resume(request->ctx, GATE_OK, answer_late, request);
}

void gate_web_dispatch(struct gate_request *request, enum gate_body_state state, const char *body,
                       size_t body_length) {
    (void)body;
    (void)body_length;
    struct answering *answering = gate_arena_make(request->ctx->arena, struct answering);
    answering->request = request;
    request->response.status = 200;
    if (!gate_text_starts_with(request->path, "/open/")) {
        answer(request, state == GATE_BODY_WHOLE ? 200 : 400);
        return;
    }
    assert_int_equal(state, GATE_BODY_OPEN);
    if (gate_text_equal(request->path, "/open/echo")) {
        const char *length = find_param(request, "CONTENT_LENGTH");
        answering->left = length == NULL ? 0 : atol(length);
        if (answering->left == 0) {
            request->calls->write(request, "", 0, echo_next, answering);
        } else {
            echo_next(request->ctx, GATE_OK, answering);
        }
    } else if (gate_text_equal(request->path, "/open/whole")) {
        answer_at_length(request);
    } else if (gate_text_equal(request->path, "/open/watched")) {
        wait_watched(request);
    } else if (gate_text_equal(request->path, "/open/ignored")) {
        answer(request, 403);
    } else {
        answering->left = gate_text_equal(request->path, "/open/cut") ? 1 : PARTS;
        write_next(request->ctx, GATE_OK, answering);
    }
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
    count(web, &web->ended);
}

/* ---- the scene ---- */

struct scene {
    char directory[64];
    char path[96];
    struct gate_error error;
    struct gate_web web;
    struct gate_fcgi_listener listener;
    gate_fcgi *fcgi;
};

static int make_scene(void **state) {
    static struct scene scene;
    memset(&scene, 0, sizeof scene);
    gate_log_open(GATE_LOG_ERROR, 2);
    snprintf(scene.directory, sizeof scene.directory, "/tmp/gate-pool-XXXXXX");
    assert_non_null(mkdtemp(scene.directory));
    snprintf(scene.path, sizeof scene.path, "%s/fcgi.sock", scene.directory);
    pthread_mutex_init(&scene.web.lock, NULL);
    pthread_cond_init(&scene.web.changed, NULL);
    scene.web.runqueue = gate_runqueue_new();
    scene.web.part = malloc(PART_BYTES);
    for (size_t i = 0; i < PART_BYTES; i++) {
        scene.web.part[i] = (char)(i * 31 % 251);
    }
    assert_int_equal(gate_fcgi_listen(scene.path, NULL, NULL, &scene.error, &scene.listener),
                     GATE_OK);
    const struct gate_fcgi_options options = {
        .web = &scene.web,
        .runqueue = scene.web.runqueue,
        .listener = &scene.listener,
        .workers = 1, /* whom nothing may hold */
        .in_flight_max = 8,
        .connections_max = 100,
        .peer_timeout_ms = 10000,
        .keep_connections = true,
    };
    assert_int_equal(gate_fcgi_new(&options, &scene.error, &scene.fcgi), GATE_OK);
    assert_int_equal(gate_fcgi_start(scene.fcgi, &scene.error), GATE_OK);
    *state = &scene;
    return 0;
}

static int remove_scene(void **state) {
    struct scene *scene = *state;
    assert_true(gate_fcgi_stop(scene->fcgi, 0, 10000));
    gate_fcgi_free(scene->fcgi);
    assert_int_equal(scene->web.begun, scene->web.ended); /* each exactly once */
    gate_fcgi_listener_close(&scene->listener);
    gate_runqueue_free(scene->web.runqueue);
    pthread_cond_destroy(&scene->web.changed);
    pthread_mutex_destroy(&scene->web.lock);
    free(scene->web.part);
    rmdir(scene->directory);
    return 0;
}

static int connect_to(struct scene *scene) {
    const int peer = gate_test_fcgi_connect(scene->path);
    assert_true(peer >= 0);
    return peer;
}

static void send_to(int peer, const char *path) {
    gate_test_fcgi_request_send(
        peer, &(struct gate_test_fcgi_request){.path = path, .declared_length = -2, .keep = true});
}

static void require_answer(int peer, int status) {
    struct gate_test_fcgi_answer got = gate_test_fcgi_answer_read(peer);
    assert_true(got.is_whole);
    assert_int_equal(got.status, status);
    gate_test_fcgi_answer_done(&got);
}

static size_t body_length_of(const struct gate_test_fcgi_answer *got) {
    assert_non_null(got->body);
    return got->output.length - (size_t)(got->body - got->output.data);
}

/* Everything that write_next writes. */
static void require_parts(struct scene *scene, int peer) {
    struct gate_test_fcgi_answer got = gate_test_fcgi_answer_read(peer);
    assert_true(got.is_whole);
    assert_int_equal(got.status, 200);
    assert_int_equal(body_length_of(&got), (size_t)PART_BYTES * PARTS);
    for (size_t i = 0; i < PARTS; i++) {
        assert_memory_equal(got.body + i * PART_BYTES, scene->web.part, PART_BYTES);
    }
    gate_test_fcgi_answer_done(&got);
}

/* ---- bodies ---- */

static void test_read_body__comes_back_and_the_connection_stays(void **state) {
    struct scene *scene = *state;
    const int peer = connect_to(scene);
    static const size_t lengths[] = {0, 1, 4999, 5000, 5001, 99999, 100000};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        gate_test_fcgi_request_send(peer, &(struct gate_test_fcgi_request){
                                              .method = "POST",
                                              .path = "/open/echo",
                                              .body = scene->web.part,
                                              .body_length = lengths[i],
                                              .declared_length = -1,
                                              .keep = true,
                                          });
        struct gate_test_fcgi_answer got = gate_test_fcgi_answer_read(peer);
        assert_true(got.is_whole);
        assert_int_equal(body_length_of(&got), lengths[i]);
        assert_memory_equal(got.body, scene->web.part, lengths[i]);
        gate_test_fcgi_answer_done(&got);
    }
    close(peer);
}

static void test_read_body__longer_or_shorter_than_declared__ends_the_connection(void **state) {
    struct scene *scene = *state;
    static const long declared[] = {99, 101, 100000};
    for (size_t i = 0; i < sizeof declared / sizeof declared[0]; i++) {
        const int peer = connect_to(scene);
        gate_test_fcgi_request_send(peer, &(struct gate_test_fcgi_request){
                                              .method = "POST",
                                              .path = "/open/echo",
                                              .body = scene->web.part,
                                              .body_length = 100,
                                              .declared_length = declared[i],
                                              .keep = true,
                                          });
        send_to(peer, "/"); /* must not be answered as if nothing had been */
        assert_true(gate_test_fcgi_is_closed(peer)); /* not a byte, which is 502 to nginx */
        close(peer);
    }
    assert_int_equal(look_at(&scene->web, &scene->web.begun), 3);
}

static void test_respond__drops_a_body_that_nobody_read(void **state) {
    struct scene *scene = *state;
    const int peer = connect_to(scene);
    char *body = test_calloc(1, WHOLE_BYTES);
    for (int i = 0; i < 2; i++) {
        gate_test_fcgi_request_send(peer, &(struct gate_test_fcgi_request){
                                              .method = "POST",
                                              .path = "/open/ignored",
                                              .body = body,
                                              .body_length = WHOLE_BYTES,
                                              .declared_length = -1,
                                              .keep = true,
                                          });
        require_answer(peer, 403);
    }
    test_free(body);
    close(peer);
}

static void test_serve__too_many_parameters_are_refused_also_where_bodies_pass(void **state) {
    struct scene *scene = *state;
    const int peer = connect_to(scene);
    gate_test_fcgi_request_send(peer, &(struct gate_test_fcgi_request){
                                          .path = "/open/echo",
                                          .declared_length = -2,
                                          .extra_params = GATE_REQUEST_PARAMS_MAX,
                                          .keep = true,
                                      });
    require_answer(peer, 431);
    close(peer);
}

/* ---- answers ---- */

static void test_write__slow_reader_holds_no_worker(void **state) {
    struct scene *scene = *state;
    const int slow = connect_to(scene);
    send_to(slow, "/open/parts");
    wait_until(&scene->web, &scene->web.parts, 1);
    const int other = connect_to(scene);
    for (int i = 0; i < 3; i++) {
        send_to(other, "/");
        require_answer(other, 200);
    }
    assert_true(look_at(&scene->web, &scene->web.parts) < PARTS); /* the rest is not made yet */
    require_parts(scene, slow);
    send_to(slow, "/"); /* kept */
    require_answer(slow, 200);
    close(slow);
    close(other);
}

static void test_respond__large_answer_to_a_slow_reader_holds_no_worker(void **state) {
    struct scene *scene = *state;
    const int slow = connect_to(scene);
    send_to(slow, "/open/whole");
    wait_until(&scene->web, &scene->web.begun, 1);
    const int other = connect_to(scene);
    send_to(other, "/");
    require_answer(other, 200);
    wait_until(&scene->web, &scene->web.ended, 1);
    assert_int_equal(look_at(&scene->web, &scene->web.ended), 1);
    struct gate_test_fcgi_answer got = gate_test_fcgi_answer_read(slow);
    assert_true(got.is_whole);
    assert_int_equal(body_length_of(&got), WHOLE_BYTES);
    gate_test_fcgi_answer_done(&got);
    send_to(slow, "/");
    require_answer(slow, 200);
    close(slow);
    close(other);
}

static void test_write__reader_that_leaves_is_told_once(void **state) {
    struct scene *scene = *state;
    for (int i = 0; i < 4; i++) {
        const int peer = connect_to(scene);
        send_to(peer, "/open/parts");
        wait_until(&scene->web, &scene->web.parts, 1);
        if (i % 2 == 1) {
            char bytes[10000];
            assert_true(read(peer, bytes, sizeof bytes) > 0);
        }
        close(peer);
        wait_until(&scene->web, &scene->web.ended, i + 1);
        assert_int_equal(look_at(&scene->web, &scene->web.readers_gone), i + 1);
    }
}

static void test_end__what_is_not_whole_is_seen_to_be_cut(void **state) {
    struct scene *scene = *state;
    const int peer = connect_to(scene);
    send_to(peer, "/open/cut");
    struct gate_test_fcgi_answer got = gate_test_fcgi_answer_read(peer);
    assert_true(got.is_aborted);
    assert_false(got.is_whole);
    assert_int_equal(body_length_of(&got), PART_BYTES);
    gate_test_fcgi_answer_done(&got);
    assert_true(gate_test_fcgi_is_closed(peer));
    close(peer);
}

static void test_write__answer_to_head_is_its_head(void **state) {
    struct scene *scene = *state;
    const int peer = connect_to(scene);
    static const char *const paths[] = {"/open/parts", "/open/whole"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        gate_test_fcgi_request_send(peer, &(struct gate_test_fcgi_request){
                                              .method = "HEAD",
                                              .path = paths[i],
                                              .declared_length = -2,
                                              .keep = true,
                                          });
        struct gate_test_fcgi_answer got = gate_test_fcgi_answer_read(peer);
        assert_true(got.is_whole);
        assert_int_equal(got.status, 200);
        assert_int_equal(body_length_of(&got), 0);
        gate_test_fcgi_answer_done(&got);
    }
    close(peer);
}

static void test_watch__reader_that_leaves_in_silence_is_noticed(void **state) {
    struct scene *scene = *state;
    for (int i = 0; i < 3; i++) {
        const int peer = connect_to(scene);
        send_to(peer, "/open/watched");
        wait_until(&scene->web, &scene->web.waiting_count, i + 1);
        close(peer);
        wait_until(&scene->web, &scene->web.left, i + 1);
        assert_int_equal(look_at(&scene->web, &scene->web.ended),
                         i); /* it is still the handler's */
        resume_waiting(&scene->web);
        wait_until(&scene->web, &scene->web.ended, i + 1);
    }
    assert_int_equal(look_at(&scene->web, &scene->web.left), 3);
}

static void test_watch__ends_with_the_request(void **state) {
    struct scene *scene = *state;
    const int peer = connect_to(scene);
    for (int i = 0; i < 3; i++) {
        send_to(peer, "/open/watched");
        wait_until(&scene->web, &scene->web.waiting_count, i + 1);
        resume_waiting(&scene->web);
        require_answer(peer, 200);
        send_to(peer, "/"); /* nobody watches this one */
        require_answer(peer, 200);
    }
    close(peer);
    const int other = connect_to(scene);
    send_to(other, "/"); /* by the one worker, who has seen the other leave by now */
    require_answer(other, 200);
    close(other);
    assert_int_equal(look_at(&scene->web, &scene->web.left), 0);
}

enum { PEERS = 3, ROUNDS = 5 };

static void *read_slowly(void *state) {
    struct scene *scene = state;
    const int peer = gate_test_fcgi_connect(scene->path);
    for (int i = 0; i < ROUNDS; i++) {
        send_to(peer, "/open/parts");
        require_parts(scene, peer);
    }
    close(peer);
    return NULL;
}

static void test_write__to_many_at_a_time(void **state) {
    struct scene *scene = *state;
    pthread_t threads[PEERS];
    for (int i = 0; i < PEERS; i++) {
        pthread_create(&threads[i], NULL, read_slowly, scene);
    }
    for (int i = 0; i < PEERS; i++) {
        pthread_join(threads[i], NULL);
    }
    wait_until(&scene->web, &scene->web.ended, PEERS * ROUNDS);
    assert_int_equal(scene->web.parts, PEERS * ROUNDS * PARTS);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, make_scene, remove_scene)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_read_body__comes_back_and_the_connection_stays),
        CASE(test_read_body__longer_or_shorter_than_declared__ends_the_connection),
        CASE(test_respond__drops_a_body_that_nobody_read),
        CASE(test_serve__too_many_parameters_are_refused_also_where_bodies_pass),
        CASE(test_write__slow_reader_holds_no_worker),
        CASE(test_respond__large_answer_to_a_slow_reader_holds_no_worker),
        CASE(test_write__reader_that_leaves_is_told_once),
        CASE(test_end__what_is_not_whole_is_seen_to_be_cut),
        CASE(test_write__answer_to_head_is_its_head),
        CASE(test_watch__reader_that_leaves_in_silence_is_noticed),
        CASE(test_watch__ends_with_the_request),
        CASE(test_write__to_many_at_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
