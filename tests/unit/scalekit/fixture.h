/* A scripted Scalekit with a client for it, for the tests of this folder. */
#ifndef GATE_TESTS_SCALEKIT_FIXTURE_H
#define GATE_TESTS_SCALEKIT_FIXTURE_H

#include "support/cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scalekit/scalekit.h"
#include "support/http_server.h"

#define SEEN_MAX 16

/* A scripted Scalekit, a client, and what the server saw apart from token requests. */
struct fixture {
    gate_test_server *server;
    gate_net *net;
    gate_runqueue *queue;
    struct gate_test_clock clock;
    gate_secret *secret;
    gate_scalekit *scalekit;

    /* The script: what the API answers, the last one again and again. */
    struct gate_test_http_answer answers[SEEN_MAX];
    int answer_count;
    struct gate_test_http_answer token_answer; /* status 0: a good one */
    int life_s;
    const char *refused; /* an Authorization value that gets 401 */

    /* Written under the server's lock. */
    int token_count;
    int api_count;
    char token_form[512];
    char token_bodies[SEEN_MAX][128];
    char seen_target[SEEN_MAX][1024];
    char seen_body[SEEN_MAX][2048];
    char seen_authorization[SEEN_MAX][64];
    char seen_traceparent[SEEN_MAX][64];
    char seen_tracestate[SEEN_MAX][64];
    char seen_head[SEEN_MAX][2048];
    char token_traceparent[64];
    const char *expected_body; /* what each body must begin with; NULL: anything */
    int wrong_bodies;
};

static inline void answer_token(struct fixture *fixture,
                                const struct gate_test_http_request *request,
                                struct gate_test_http_answer *answer) {
    snprintf(fixture->token_form, sizeof fixture->token_form, "%s %.*s", request->method,
             (int)request->body_length, request->body);
    gate_test_http_header(request, "traceparent", fixture->token_traceparent,
                          sizeof fixture->token_traceparent);
    char *body = fixture->token_bodies[fixture->token_count % SEEN_MAX];
    fixture->token_count++;
    if (fixture->token_answer.status != 0) {
        *answer = fixture->token_answer;
        return;
    }
    snprintf(body, sizeof fixture->token_bodies[0],
             "{\"access_token\":\"t%d\",\"token_type\":\"Bearer\",\"expires_in\":%d}",
             fixture->token_count, fixture->life_s);
    answer->body = body;
    answer->is_held = fixture->token_answer.is_held;
}

static inline void answer_as_scripted(const struct gate_test_http_request *request,
                                      struct gate_test_http_answer *answer, void *state) {
    struct fixture *fixture = state;
    if (strcmp(request->target, "/oauth/token") == 0) {
        answer_token(fixture, request, answer);
        return;
    }
    int number = fixture->api_count++;
    int place = number % SEEN_MAX;
    snprintf(fixture->seen_target[place], sizeof fixture->seen_target[0], "%s %s", request->method,
             request->target);
    snprintf(fixture->seen_body[place], sizeof fixture->seen_body[0], "%.*s",
             (int)request->body_length, request->body);
    snprintf(fixture->seen_head[place], sizeof fixture->seen_head[0], "%s", request->head);
    if (fixture->expected_body != NULL) {
        fixture->wrong_bodies +=
            memcmp(request->body, fixture->expected_body, request->body_length) != 0;
    }
    gate_test_http_header(request, "Authorization", fixture->seen_authorization[place],
                          sizeof fixture->seen_authorization[0]);
    gate_test_http_header(request, "traceparent", fixture->seen_traceparent[place],
                          sizeof fixture->seen_traceparent[0]);
    gate_test_http_header(request, "tracestate", fixture->seen_tracestate[place],
                          sizeof fixture->seen_tracestate[0]);
    if (fixture->refused != NULL &&
        strcmp(fixture->seen_authorization[place], fixture->refused) == 0) {
        answer->status = 401;
        return;
    }
    if (fixture->answer_count > 0) {
        *answer =
            fixture->answers[number < fixture->answer_count ? number : fixture->answer_count - 1];
    }
}

static inline int open_fixture(void **state) {
    static struct fixture fixture;
    memset(&fixture, 0, sizeof fixture);
    fixture.life_s = 3600;
    fixture.server = gate_test_server_new(answer_as_scripted, &fixture);
    fixture.queue = gate_runqueue_new();
    gate_test_clock_init(&fixture.clock);
    struct gate_net_options net_options = {.ca_file = GATE_TEST_AUTHORITY,
                                           .connections_max = 8,
                                           .in_flight_max = 1000,
                                           .clock = &gate_clock_system};
    struct gate_error error = {0};
    assert_int_equal(gate_net_new(&net_options, &error, &fixture.net), GATE_OK);
    fixture.secret = gate_secret_new("s&cret+", 7);
    char url[128];
    snprintf(url, sizeof url, "%s/", gate_test_server_url(fixture.server));
    fixture.scalekit = gate_scalekit_new(&(const struct gate_scalekit_options){
        .url = url,
        .client_id = "skc_1",
        .client_secret = fixture.secret,
        .net = fixture.net,
        .stream_net = fixture.net,
        .clock = &fixture.clock.clock,
        .runqueue = fixture.queue,
    });
    *state = &fixture;
    return 0;
}

static inline int close_fixture(void **state) {
    struct fixture *fixture = *state;
    gate_net_free(fixture->net);
    while (gate_runqueue_run_one(fixture->queue)) {
    }
    gate_scalekit_free(fixture->scalekit);
    gate_secret_free(fixture->secret);
    gate_runqueue_free(fixture->queue);
    gate_test_server_free(fixture->server);
    return 0;
}

static inline void script(struct fixture *fixture, int status, const char *body) {
    fixture->answers[fixture->answer_count++] =
        (struct gate_test_http_answer){.status = status, .body = body};
}

/* Taking the server's lock makes what its threads wrote before visible here. */
static inline void look(struct fixture *fixture) {
    assert_true(gate_test_server_request_count(fixture->server) >= 0);
}

static inline int count_api(struct fixture *fixture) {
    look(fixture);
    return fixture->api_count;
}

static inline int count_tokens(struct fixture *fixture) {
    look(fixture);
    return fixture->token_count;
}

/* One operation and everything it may answer with. */
struct call {
    struct gate_ctx *ctx;
    enum gate_err err;
    bool is_done;
    struct gate_scalekit_connection *connections;
    struct gate_scalekit_account *accounts;
    size_t count;
    struct gate_scalekit_account account;
    struct gate_scalekit_reply reply;
    const char *link;
};

static inline void note_end(struct gate_ctx *ctx, enum gate_err err, void *state) {
    (void)ctx;
    struct call *call = state;
    assert_false(call->is_done);
    call->err = err;
    call->is_done = true;
}

static inline void begin(struct fixture *fixture, struct call *call) {
    *call = (struct call){.ctx = gate_ctx_new(&fixture->clock.clock, fixture->queue, NULL)};
}

static inline enum gate_err finish(struct fixture *fixture, struct call *call) {
    gate_runqueue_run_until(fixture->queue, &call->is_done);
    assert_int_equal(call->err, call->ctx->error.kind);
    return call->err;
}

static inline enum gate_err end(struct fixture *fixture, struct call *call) {
    enum gate_err err = finish(fixture, call);
    gate_ctx_free(call->ctx);
    return err;
}

static inline void start_accounts(struct fixture *fixture, struct call *call) {
    begin(fixture, call);
    gate_scalekit_accounts_fetch(call->ctx, fixture->scalekit, "u1", &call->accounts, &call->count,
                                 note_end, call);
}

static const struct gate_scalekit_tool_call send_mail = {
    .tool_name = "gmail_send_email",
    .identifier = "u1",
    .connection_name = "gmail",
    .params_json = "{\"n\": 1.0000000000000000001}",
    .params_length = 28,
};

static inline void start_tool(struct fixture *fixture, struct call *call) {
    begin(fixture, call);
    gate_scalekit_tool_execute(call->ctx, fixture->scalekit, &send_mail, &call->reply, note_end,
                               call);
}

static inline enum gate_err run_accounts(struct fixture *fixture) {
    struct call call;
    start_accounts(fixture, &call);
    return end(fixture, &call);
}

static inline enum gate_err run_tool(struct fixture *fixture) {
    struct call call;
    start_tool(fixture, &call);
    return end(fixture, &call);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, open_fixture, close_fixture)

#endif
