/* Requests to the whole product in process: a list of FastCGI parameters in, an answer out.
 *
 * Owner: portal_web_open … portal_web_close around everything; answers live in `p.ctx`'s arena.
 * Threads: confined. Errors: fail the test. Every answer is held against what all answers must
 * have.
 */
#ifndef GATE_TESTS_EXCHANGE_H
#define GATE_TESTS_EXCHANGE_H

#include "support/scripted_portal.h"

#include "portal/session.h"
#include "store/session.h"
#include "web/web.h"
#include "json/json.h"

#define HTTPS_URL "https://portal.example.com"
#define HTTP_URL "http://127.0.0.1:8080"

enum who {
    NOBODY,
    BROWSER, /* Ann's, but without proof that our own page sent it */
    BROWSER_CSRF,
    PERSONAL,    /* Ann's token, which may do everything */
    SERVICE,     /* a service's, which may act for ann and carl, but names nobody */
    SERVICE_ANN, /* the same, for Ann */
    WHO_COUNT_,
};

#define HEADERS_MAX 8

struct sending {
    enum who who;
    const char *method; /* NULL: GET */
    const char *target;
    const char *body;
    size_t body_length;               /* 0: up to the NUL */
    const char *content_type;         /* NULL: none */
    const char *headers[HEADERS_MAX]; /* further parameters, "NAME=value" */
    enum gate_body_state body_state;
    size_t piece_bytes; /* of a body that is read in pieces; 0: as much as is asked for */
    int reads_parts;    /* of an answer in parts, then the reader leaves; 0: all */
    bool is_busy;
    bool has_large_header;
    bool lacks_uri;
};

struct answer {
    int status;
    struct gate_response_header headers[GATE_RESPONSE_HEADERS_MAX];
    size_t header_count;
    const char *body;
    size_t body_length;
    size_t max_body_bytes; /* what gate_web_begin said */
    bool is_done;
    bool is_in_parts;
    bool is_cut; /* the front was told that it is not whole */
    int parts;
};

struct portal_web {
    struct scripted_portal p;
    gate_view *view;
    gate_web *web;
    struct gate_user ann;
    const char *personal; /* tokens */
    const char *service;
    char cookie[44]; /* of Ann's session */
    int cookie_count;
    struct answer answer; /* the one being made */
    const struct sending *sending;
    size_t body_given;
};

static inline gate_arena *arena_of(struct portal_web *w) {
    return w->p.ctx->arena;
}

/* ---- Ann's session ---- */

static inline enum gate_err save_session(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    const struct portal_web *w = state;
    int64_t now = gate_ctx_now_ms(ctx);
    const struct gate_session session = {
        .hash = gate_digest_make(w->cookie, strlen(w->cookie)),
        .user_id = w->ann.id,
        .created_at = now,
        .last_seen_at = now,
        .idle_expires_at = now + HOUR_MS,
        .expires_at = now + 8 * HOUR_MS,
    };
    int64_t id;
    return gate_store_session_insert(ctx, tx, &session, &id);
}

/* Sign Ann in anew; what the test did to the old session does not matter. */
static inline void begin_session(struct portal_web *w) {
    snprintf(w->cookie, sizeof w->cookie, "session-%035d", w->cookie_count++);
    assert_int_equal(gate_store_write_now(w->p.ctx, w->p.store, save_session, w), GATE_OK);
}

static inline const char *csrf_of(struct portal_web *w, const char *cookie) {
    struct gate_caller caller;
    assert_int_equal(gate_portal_session_find(w->p.ctx, w->p.portal, cookie, &caller), GATE_OK);
    return gate_portal_csrf_make(arena_of(w), w->p.portal, &caller);
}

/* ---- opening and closing ---- */

static inline void add_tokens(struct portal_web *w) {
    w->personal = add_token(&w->p, &(struct gate_token_wish){
                                       .kind = GATE_TOKEN_PERSONAL,
                                       .owner_user_id = w->ann.id,
                                       .label = "laptop",
                                       .scopes = GATE_SCOPE_READ " " GATE_SCOPE_EXECUTE,
                                       .connections = "*",
                                       .tools = "*",
                                   });
    w->service = add_token(&w->p, &(struct gate_token_wish){
                                      .kind = GATE_TOKEN_SERVICE,
                                      .label = "agent",
                                      .scopes = GATE_SCOPE_READ " " GATE_SCOPE_EXECUTE,
                                      .connections = "*",
                                      .tools = "*",
                                      .identifiers = "ann carl",
                                  });
}

/* Ann is signed in; her Gmail is active, her Slack has expired. */
static inline void portal_web_open(struct portal_web *w, const char *public_url) {
    memset(w, 0, sizeof *w);
    scripted_portal_open(&w->p, public_url);
    if (gate_view_new(GATE_SOURCE_DIR "/templates", &w->p.ctx->error, &w->view) != GATE_OK) {
        fail_msg("%s", w->p.ctx->error.message);
    }
    const struct gate_web_options options = {
        .config = &w->p.config,
        .portal = w->p.portal,
        .view = w->view,
        .clock = &w->p.clock.clock,
        .runqueue = w->p.runqueue,
    };
    assert_int_equal(gate_web_new(&options, &w->p.ctx->error, &w->web), GATE_OK);
    w->ann = add_person(&w->p, "ann");
    record_catalogue(&w->p);
    record_accounts(&w->p, &w->ann);
    add_tokens(w);
    begin_session(w);
}

static inline void portal_web_close(struct portal_web *w) {
    gate_web_free(w->web);
    gate_view_free(w->view);
    scripted_portal_close(&w->p);
}

/* ---- one exchange ---- */

static inline void take_head(struct portal_web *w, const struct gate_response *response) {
    gate_arena *arena = arena_of(w);
    struct answer *answer = &w->answer;
    assert_false(answer->is_done);
    answer->status = response->status;
    answer->header_count = response->header_count;
    for (size_t i = 0; i < response->header_count; i++) {
        answer->headers[i] = (struct gate_response_header){
            gate_arena_strdup(arena, response->headers[i].name),
            gate_arena_strdup(arena, response->headers[i].value),
        };
    }
}

static inline void add_to_body(struct portal_web *w, const char *bytes, size_t length) {
    struct answer *answer = &w->answer;
    char *body = gate_arena_alloc(arena_of(w), answer->body_length + length + 1);
    if (answer->body_length > 0) {
        memcpy(body, answer->body, answer->body_length);
    }
    if (length > 0) {
        memcpy(body + answer->body_length, bytes, length);
    }
    answer->body = body;
    answer->body_length += length;
}

/* As the real front does: write it, and free the request at once. */
static inline void take_answer(struct gate_request *request) {
    struct portal_web *w = request->front;
    const struct gate_buffer *body = &request->response.body;
    take_head(w, &request->response);
    add_to_body(w, gate_buffer_text(body), body->length);
    w->answer.is_done = true;
    gate_web_end(request);
}

static inline void take_part(struct gate_request *request, const char *bytes, size_t length,
                             gate_then_fn *then, void *state) {
    struct portal_web *w = request->front;
    if (w->answer.status == 0) {
        take_head(w, &request->response);
        w->answer.is_in_parts = true;
    }
    const bool leaves = w->sending->reads_parts > 0 && w->answer.parts == w->sending->reads_parts;
    w->answer.parts++;
    add_to_body(w, bytes, leaves ? 0 : length);
    then(request->ctx, leaves ? GATE_ERR_UNAVAILABLE : GATE_OK, state);
}

static inline void take_end(struct gate_request *request, bool is_whole) {
    struct portal_web *w = request->front;
    w->answer.is_cut = !is_whole;
    w->answer.is_done = true;
    gate_web_end(request);
}

/* From the body that is sent, in pieces of at most `piece_bytes`. */
static inline enum gate_err give_body(struct gate_request *request, char *room, size_t max_bytes,
                                      size_t *ret_length) {
    struct portal_web *w = request->front;
    const struct sending *sending = w->sending;
    const char *rest = sending->body == NULL ? "" : sending->body + w->body_given;
    size_t length = strlen(rest);
    length = length < max_bytes ? length : max_bytes;
    if (sending->piece_bytes > 0 && length > sending->piece_bytes) {
        length = sending->piece_bytes;
    }
    memcpy(room, rest, length);
    w->body_given += length;
    *ret_length = length;
    return length > 0 ? GATE_OK : GATE_ERR_INPUT;
}

/* Readers here leave between two parts, never in silence. */
static inline uint64_t watch_reader(struct gate_request *request,
                                    void (*left)(void *object, uint64_t id), void *object) {
    (void)object;
    const struct portal_web *w = request->front;
    assert_false(w->answer.is_done);
    assert_non_null(left);
    return 1;
}

static const struct gate_front_calls exchange_calls = {
    .respond = take_answer,
    .read_body = give_body,
    .watch = watch_reader,
    .write = take_part,
    .end = take_end,
};

static inline char *make_param(struct portal_web *w, const char *name, const char *value) {
    return gate_arena_printf(arena_of(w), "%s=%s", name, value);
}

/* What shows who is calling. */
static inline size_t add_credentials(struct portal_web *w, const struct sending *sending,
                                     char **params) {
    size_t count = 0;
    gate_arena *arena = arena_of(w);
    const char *cookie_name = w->p.config.public_is_https ? "__Host-session" : "gatehouse-session";
    switch (sending->who) {
    case BROWSER_CSRF:
        params[count++] = make_param(w, "HTTP_GATEHOUSE_CSRF", csrf_of(w, w->cookie));
        /* fall through */
    case BROWSER:
        params[count++] =
            gate_arena_printf(arena, "HTTP_COOKIE=other=1; %s=%s", cookie_name, w->cookie);
        break;
    case PERSONAL:
        params[count++] = gate_arena_printf(arena, "HTTP_AUTHORIZATION=Bearer %s", w->personal);
        break;
    case SERVICE_ANN:
        params[count++] = make_param(w, "HTTP_GATEHOUSE_USER", "ann");
        /* fall through */
    case SERVICE:
        params[count++] = gate_arena_printf(arena, "HTTP_AUTHORIZATION=bearer %s", w->service);
        break;
    case NOBODY:
    case WHO_COUNT_:
        break;
    }
    return count;
}

static inline const char *find_header(const struct answer *answer, const char *name) {
    for (size_t i = 0; i < answer->header_count; i++) {
        if (strcmp(answer->headers[i].name, name) == 0) {
            return answer->headers[i].value;
        }
    }
    return NULL;
}

static inline size_t count_headers(const struct answer *answer, const char *name) {
    size_t count = 0;
    for (size_t i = 0; i < answer->header_count; i++) {
        count += strcmp(answer->headers[i].name, name) == 0;
    }
    return count;
}

/* What every answer has, once. */
static inline void check_answer(struct portal_web *w, const struct sending *sending) {
    static const char *const names[] = {
        "X-Request-Id",           "Content-Security-Policy",    "Referrer-Policy",
        "X-Content-Type-Options", "Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy",
        "Cache-Control",
    };
    const struct answer *answer = &w->answer;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (count_headers(answer, names[i]) != 1) {
            fail_msg("%s: %s", sending->target, names[i]);
        }
    }
    assert_string_equal(find_header(answer, "Cache-Control"),
                        count_headers(answer, "ETag") == 1 ? "private, no-cache" : "no-store");
    assert_string_equal(find_header(answer, "X-Content-Type-Options"), "nosniff");
    assert_int_equal(count_headers(answer, "Strict-Transport-Security"),
                     w->p.config.public_is_https ? 1 : 0);
    bool is_head = sending->method != NULL && strcmp(sending->method, "HEAD") == 0;
    bool has_content = answer->status != 304;
    has_content = has_content && answer->status != 204;
    if (answer->is_in_parts) {
        assert_true(count_headers(answer, "Content-Length") <= 1);
        return;
    }
    assert_int_equal(count_headers(answer, "Content-Length"), has_content ? 1 : 0);
    size_t length = has_content ? strtoul(find_header(answer, "Content-Length"), NULL, 10) : 0;
    assert_int_equal(answer->body_length, is_head ? 0 : length);
    if (count_headers(answer, "Gatehouse-Source") == 1) { /* the rest is the app's to say */
        return;
    }
    assert_int_equal(count_headers(answer, "Content-Type"),
                     answer->status == 303 || !has_content ? 0 : 1);
    assert_int_equal(count_headers(answer, "Location"), answer->status == 303 ? 1 : 0);
    assert_int_equal(count_headers(answer, "Allow"), answer->status == 405 ? 1 : 0);
}

static inline const struct answer *send_request(struct portal_web *w,
                                                const struct sending *sending) {
    char *params[HEADERS_MAX + 8] = {NULL};
    size_t count = add_credentials(w, sending, params);
    const char *method = sending->method == NULL ? "GET" : sending->method;
    params[count++] = make_param(w, "REQUEST_METHOD", method);
    if (!sending->lacks_uri) {
        params[count++] = make_param(w, "REQUEST_URI", sending->target);
    }
    if (sending->content_type != NULL) {
        params[count++] = make_param(w, "CONTENT_TYPE", sending->content_type);
    }
    for (size_t i = 0; i < HEADERS_MAX && sending->headers[i] != NULL; i++) {
        params[count++] = gate_arena_strdup(arena_of(w), sending->headers[i]);
    }
    w->answer = (struct answer){.body = ""};
    w->sending = sending;
    w->body_given = 0;
    struct gate_request *request =
        gate_web_begin(w->web, params, w, &exchange_calls, &w->answer.max_body_bytes);
    const char *body = sending->body == NULL ? "" : sending->body;
    if (sending->is_busy) {
        gate_web_refuse_busy(request);
    } else if (sending->has_large_header) {
        gate_web_refuse_header(request);
    } else {
        const bool is_open = gate_web_leaves_body_open(request);
        const size_t length = sending->body_length > 0 ? sending->body_length : strlen(body);
        gate_web_dispatch(request, is_open ? GATE_BODY_OPEN : sending->body_state,
                          is_open ? "" : body, is_open ? 0 : length);
    }
    gate_runqueue_run_until(w->p.runqueue, &w->answer.is_done);
    check_answer(w, sending);
    struct answer *answer = gate_arena_make(arena_of(w), struct answer);
    *answer = w->answer;
    return answer;
}

static inline const struct answer *get(struct portal_web *w, enum who who, const char *target) {
    return send_request(w, &(struct sending){.who = who, .target = target});
}

static inline const struct answer *post_form(struct portal_web *w, enum who who, const char *target,
                                             const char *body) {
    return send_request(w, &(struct sending){
                               .who = who,
                               .method = "POST",
                               .target = target,
                               .body = body,
                               .content_type = "application/x-www-form-urlencoded",
                           });
}

static inline const struct answer *post_json(struct portal_web *w, enum who who, const char *target,
                                             const char *body) {
    return send_request(w, &(struct sending){
                               .who = who,
                               .method = "POST",
                               .target = target,
                               .body = body,
                               .content_type = "application/json",
                           });
}

/* ---- what came back ---- */

static inline const gate_json *read_json(struct portal_web *w, const struct answer *answer) {
    const gate_json *json = NULL;
    gate_error_clear(&w->p.ctx->error);
    if (gate_json_parse(w->p.ctx, answer->body, answer->body_length, &json) != GATE_OK) {
        fail_msg("no JSON: %s", answer->body);
    }
    return json;
}

static inline void expect_member(const gate_json *json, const char *name, const char *value) {
    const char *text = gate_json_member_text(json, name);
    if (value == NULL) {
        assert_null(text);
    } else {
        assert_non_null(text);
        assert_string_equal(text, value);
    }
}

/* A problem of this kind (the last part of its type), with this status. Returns it. */
static inline const gate_json *expect_problem(struct portal_web *w, const struct answer *answer,
                                              int status, const char *slug) {
    assert_int_equal(answer->status, status);
    assert_string_equal(find_header(answer, "Content-Type"), "application/problem+json");
    const gate_json *json = read_json(w, answer);
    expect_member(json, "type",
                  gate_arena_printf(arena_of(w), "%s/problems/%s", w->p.config.public_url, slug));
    expect_member(json, "instance", find_header(answer, "X-Request-Id"));
    return json;
}

static inline void expect_page(const struct answer *answer, int status, const char *text) {
    assert_int_equal(answer->status, status);
    assert_string_equal(find_header(answer, "Content-Type"), "text/html; charset=utf-8");
    if (strstr(answer->body, text) == NULL) {
        fail_msg("no \"%s\" in: %s", text, answer->body);
    }
}

static inline void expect_redirect(const struct answer *answer, const char *beginning) {
    assert_int_equal(answer->status, 303);
    const char *location = find_header(answer, "Location");
    if (!gate_text_starts_with(location, beginning)) {
        fail_msg("to %s", location);
    }
}

/* The Set-Cookie header for a name that begins so, or NULL. */
static inline const char *find_set_cookie(const struct answer *answer, const char *beginning) {
    for (size_t i = 0; i < answer->header_count; i++) {
        if (strcmp(answer->headers[i].name, "Set-Cookie") == 0 &&
            gate_text_starts_with(answer->headers[i].value, beginning)) {
            return answer->headers[i].value;
        }
    }
    return NULL;
}

#endif
