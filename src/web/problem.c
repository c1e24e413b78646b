#include "web/problem.h"

#include <string.h>

#include "core/encoding.h"
#include "core/text.h"
#include "web/grpc/grpc.h"
#include "web/oauth_error.h"
#include "web/page.h"
#include "web/route.h"
#include "web/state.h"

/* What each kind means to those outside. `page_heading` and `page_text` are for people. */
struct kind_row {
    int status;
    const char *slug; /* last part of the problem's type */
    const char *title;
    const char *source;
    bool shows_message; /* the recorded sentence was written for the caller */
    int64_t retry_after_s;
    const char *page_heading;
    const char *page_text;
};

static const struct kind_row kind_rows[GATE_ERR_COUNT_] = {
    [GATE_ERR_INPUT] = {400, "invalid-request", "The request is not valid", "gatehouse", true, 0,
                        "That link or form did not work",
                        "Something in it was missing or not understood. Nothing was changed."},
    [GATE_ERR_UNAUTHENTICATED] =
        {401, "unauthenticated", "Not signed in", "gatehouse", true, 0, "Please sign in",
         "You are signed out, or were away for a while. Nothing was lost."},
    [GATE_ERR_FORBIDDEN] = {403, "forbidden", "Not allowed", "gatehouse", true, 0,
                            "That was not carried out",
                            "The page may have been open for too long, or this is not yours to "
                            "change. Go back and try again."},
    [GATE_ERR_NOT_FOUND] = {404, "not-found", "Not found", "gatehouse", true, 0,
                            "There is nothing here",
                            "The link may be old, or this connector is no longer offered."},
    [GATE_ERR_CONFLICT] = {409, "conflict", "Conflict", "gatehouse", true, 0,
                           "That was done already",
                           "This step can only be done once. Look at your connectors to see how "
                           "things stand."},
    [GATE_ERR_EXPIRED] = {410, "expired", "Expired", "gatehouse", true, 0, "That took too long",
                          "For your safety this step only works for a short time. Please start it "
                          "again."},
    [GATE_ERR_MEDIA_TYPE] = {415, "unsupported-media-type", "Unsupported media type", "gatehouse",
                             true, 0, "That form did not work",
                             "It was sent in a way we do not understand. Nothing was changed."},
    [GATE_ERR_TOO_LARGE] = {413, "too-large", "Too large", "gatehouse", true, 0,
                            "That is too large", "Send less at a time. Nothing was changed."},
    [GATE_ERR_HEADER_TOO_LARGE] = {431, "header-too-large", "The request's header is too large",
                                   "gatehouse", true, 0, "Your browser sent too much",
                                   "Delete the cookies of this site, then try again."},
    [GATE_ERR_NEEDS_AUTHORIZATION] = {409, "authorization-required", "Authorization required",
                                      "gatehouse", true, 0, "This connector needs you",
                                      "Connect it first, then try again."},
    [GATE_ERR_BUSY] = {503, "busy", "Too busy", "gatehouse", true, 1, "Very busy right now",
                       "Nothing was changed. Please try again in a moment."},
    [GATE_ERR_OVER_QUOTA] = {429, "too-many-calls", "Too many calls", "gatehouse", true, 1,
                             "Too much at once", "Please try again in a moment."},
    [GATE_ERR_RATE_LIMITED] = {429, "rate-limited", "Rate limited", "scalekit", true, 5,
                               "Too much at once", "Please try again in a moment."},
    [GATE_ERR_UNAVAILABLE] = {503, "upstream-unavailable", "Scalekit cannot be reached", "scalekit",
                              false, 5, "That did not work just now",
                              "A service we depend on is not answering. Nothing was changed. "
                              "Please try again in a moment."},
    [GATE_ERR_TIMEOUT] = {504, "upstream-timeout", "No answer in time", "scalekit", false, 5,
                          "That took too long",
                          "A service we depend on did not answer in time. Nothing was changed. "
                          "Please try again in a moment."},
    [GATE_ERR_OUTCOME_UNKNOWN] = {502, "outcome-unknown", "The outcome is not known", "scalekit",
                                  false, 0, "We could not see whether that worked",
                                  "The answer got lost on the way. Look at your connectors to see "
                                  "how things stand before you try again."},
    [GATE_ERR_UPSTREAM] = {502, "upstream-invalid", "An answer that makes no sense", "scalekit",
                           false, 0, "That did not work just now",
                           "A service we depend on gave an answer that we could not use. Please "
                           "try again later."},
    [GATE_ERR_PROVIDER] = {422, "provider-error", "The app behind the tool refused", "provider",
                           true, 0, "The other app refused",
                           "The app that you connected did not carry this out."},
    [GATE_ERR_KEY_REUSED] = {422, "idempotency-key-reused", "The key belongs to another request",
                             "gatehouse", true, 0, "That form did not work",
                             "Something else was sent in its place before. Nothing was changed."},
    [GATE_ERR_KEY_RUNNING] = {409, "idempotency-key-running", "Still running", "gatehouse", true, 1,
                              "That is still under way", "Please look again in a moment."},
    /* Another status than above for the same type: this request has done nothing by itself. */
    [GATE_ERR_KEY_OUTCOME_UNKNOWN] = {409, "outcome-unknown", "The outcome is not known",
                                      "gatehouse", true, 0, "We could not see whether that worked",
                                      "Look at how things stand before you try again."},
    [GATE_ERR_KEY_ANSWER_GONE] = {409, "answer-not-kept", "Done before, the answer was not kept",
                                  "gatehouse", true, 0, "That was done already",
                                  "Look at how things stand before you try again."},
    [GATE_ERR_STORE] = {503, "storage-unavailable", "Storage unavailable", "gatehouse", false, 5,
                        "That could not be saved",
                        "Nothing was changed. Please try again in a moment."},
    [GATE_ERR_CONFIG] = {500, "misconfigured", "Misconfigured", "gatehouse", false, 0,
                         "Something is set up wrong here",
                         "This is not your fault. Please tell whoever runs this portal."},
    [GATE_ERR_INTERNAL] = {500, "internal", "Internal error", "gatehouse", false, 0,
                           "Something went wrong here",
                           "This is not your fault. Please try again; if it stays, tell whoever "
                           "runs this portal."},
};

static const struct kind_row *find_row(enum gate_err kind) {
    const struct kind_row *row = kind < GATE_ERR_COUNT_ ? &kind_rows[kind] : NULL;
    return row == NULL || row->status == 0 ? &kind_rows[GATE_ERR_INTERNAL] : row;
}

static bool is_method_not_allowed(const struct gate_request *request, enum gate_err kind) {
    return kind == GATE_ERR_NOT_FOUND && request->allow != NULL;
}

int gate_problem_status(enum gate_err kind) {
    return find_row(kind)->status;
}

static void add_allow(struct gate_request *request) {
    gate_response_header_add(&request->response, request->ctx->arena, "Allow", request->allow);
}

static void add_retry_after(struct gate_request *request, int64_t seconds) {
    if (seconds > 0) {
        gate_response_header_add(
            &request->response, request->ctx->arena, "Retry-After",
            gate_arena_printf(request->ctx->arena, "%lld", (long long)seconds));
    }
}

static void write_known(struct gate_json_writer *writer, const char *name, const char *text) {
    if (text != NULL) {
        gate_json_write_text(writer, name, text);
    }
}

static void write_known_list(struct gate_json_writer *writer, const char *name,
                             const char *const *texts) {
    if (texts == NULL) {
        return;
    }
    gate_json_open_array(writer, name);
    for (; *texts != NULL; texts++) {
        gate_json_write_text(writer, NULL, *texts);
    }
    gate_json_close_array(writer);
}

static const char *choose_detail(const struct gate_request *request,
                                 const struct gate_problem *problem, const struct kind_row *row) {
    const struct gate_error *error = &request->ctx->error;
    if (problem->detail != NULL || !row->shows_message || error->kind != problem->kind) {
        return problem->detail;
    }
    return error->message;
}

struct gate_problem_words gate_problem_words_get(const struct gate_request *request,
                                                 const struct gate_problem *problem) {
    const struct kind_row *row = find_row(problem->kind);
    struct gate_problem_words words = {
        .slug = row->slug,
        .title = row->title,
        .detail = choose_detail(request, problem, row),
        .source = problem->source != NULL ? problem->source : row->source,
        .retry_after_s = problem->retry_after_s > 0 ? problem->retry_after_s : row->retry_after_s,
    };
    if (is_method_not_allowed(request, problem->kind)) {
        words.slug = "method-not-allowed";
        words.title = "Method not allowed";
        words.detail = "This address does not take that method.";
    }
    return words;
}

void gate_problem_write(struct gate_request *request, struct gate_json_writer *writer,
                        const char *name, const struct gate_problem *problem) {
    const struct gate_problem_words words = gate_problem_words_get(request, problem);
    bool wrong_method = is_method_not_allowed(request, problem->kind);
    gate_json_open_object(writer, name);
    gate_json_write_text(writer, "type",
                         gate_arena_printf(request->ctx->arena, "%s/problems/%s",
                                           request->web->options.config->public_url, words.slug));
    gate_json_write_text(writer, "title", words.title);
    gate_json_write_integer(writer, "status",
                            wrong_method ? 405 : gate_problem_status(problem->kind));
    write_known(writer, "detail", words.detail);
    gate_json_write_text(writer, "instance", request->ctx->request_id);
    gate_json_write_text(writer, "source", words.source);
    write_known(writer, "error_code", problem->error_code);
    write_known(writer, "provider_error_code", problem->provider_error_code);
    write_known(writer, "execution_id", problem->execution_id);
    write_known(writer, "connection", problem->connection);
    write_known_list(writer, "connections", problem->connections);
    write_known(writer, "account_status", problem->account_status);
    write_known(writer, "authorization_url", problem->authorization_url);
    if (words.retry_after_s > 0) {
        gate_json_write_integer(writer, "retry_after_s", words.retry_after_s);
    }
    gate_json_close_object(writer);
}

void gate_problem_finish(struct gate_request *request, const struct gate_problem *problem) {
    if (gate_request_is_grpc(request)) {
        gate_grpc_problem_finish(request, problem);
        return;
    }
    gate_arena *arena = request->ctx->arena;
    bool wrong_method = is_method_not_allowed(request, problem->kind);
    int status = wrong_method ? 405 : gate_problem_status(problem->kind);
    gate_response_begin(&request->response, arena, status, "application/problem+json");
    if (status == 401) {
        gate_response_header_add(&request->response, arena, "WWW-Authenticate",
                                 "Bearer realm=\"gatehouse\"");
    }
    if (wrong_method) {
        add_allow(request);
    }
    add_retry_after(request, gate_problem_words_get(request, problem).retry_after_s);
    struct gate_json_writer writer;
    gate_json_writer_init(&writer, &request->response.body);
    gate_problem_write(request, &writer, NULL, problem);
    gate_request_finish(request);
}

/* Only what was asked for by GET can be asked for again after signing in. */
static void send_to_signin(struct gate_request *request) {
    gate_arena *arena = request->ctx->arena;
    const char *uri = gate_request_param(request, "REQUEST_URI");
    bool returns = uri != NULL && strcmp(request->method, "GET") == 0 && strcmp(uri, "/") != 0 &&
                   strlen(uri) <= GATE_RETURN_TO_MAX_BYTES;
    const char *location =
        returns ? gate_arena_printf(arena, "/signin?return_to=%s", gate_percent_format(arena, uri))
                : "/signin";
    gate_response_redirect(&request->response, arena, location);
    gate_request_finish(request);
}

void gate_request_fail(struct gate_request *request, enum gate_err err) {
    if (request->route != NULL && (request->route->flags & GATE_ROUTE_OAUTH) != 0) {
        gate_oauth_error_finish(request, err, NULL);
        return;
    }
    if (gate_request_wants_json(request)) {
        gate_problem_finish(request, &(struct gate_problem){.kind = err});
        return;
    }
    if (err == GATE_ERR_UNAUTHENTICATED) {
        send_to_signin(request);
        return;
    }
    const struct kind_row *row = find_row(err);
    bool wrong_method = is_method_not_allowed(request, err);
    int status = wrong_method ? 405 : row->status;
    if (wrong_method) {
        add_allow(request);
    }
    add_retry_after(request, row->retry_after_s);
    gate_page_problem(request, status, row->page_heading, row->page_text, "/",
                      "See your connectors");
}
