#include "web/oauth_error.h"

#include <string.h>

#include "web/problem.h"
#include "web/route.h"
#include "json/writer.h"

/* What a kind is called. The last two are section 4.1.2.1's, for want of others. */
static const char *name_of(enum gate_err err) {
    switch (err) {
    case GATE_ERR_UNAUTHENTICATED:
        return "invalid_client";
    case GATE_ERR_OVER_QUOTA:
    case GATE_ERR_BUSY:
    case GATE_ERR_STORE:
        return "temporarily_unavailable";
    default:
        return gate_problem_status(err) >= 500 ? "server_error" : "invalid_request";
    }
}

/* Section 5.2: 400 for whatever the client got wrong, but 401 for who it is. What HTTP itself has
 * to say about a message keeps its own status. */
static int status_of(enum gate_err err) {
    switch (err) {
    case GATE_ERR_UNAUTHENTICATED:
    case GATE_ERR_TOO_LARGE:
    case GATE_ERR_OVER_QUOTA:
        return gate_problem_status(err);
    default:
        return gate_problem_status(err) >= 500 ? gate_problem_status(err) : 400;
    }
}

/* Section 5.2: printable ASCII without quotation marks and backslashes. */
static const char *make_description(gate_arena *arena, const char *sentence) {
    char *description = gate_arena_strdup(arena, sentence);
    for (char *at = description; *at != '\0'; at++) {
        bool is_allowed = *at >= ' ' && *at <= '~' && *at != '"' && *at != '\\';
        *at = is_allowed ? *at : '?';
    }
    return description;
}

static void add_headers(struct gate_request *request, int status) {
    gate_arena *arena = request->ctx->arena;
    if (status == 401) {
        /* Whichever way the client tried, this is the scheme it could use. */
        gate_response_header_add(&request->response, arena, "WWW-Authenticate",
                                 "Basic realm=\"gatehouse\", charset=\"UTF-8\"");
    }
    if (status == 429 || status == 503) {
        int64_t seconds = request->quota.retry_after_s > 0 ? request->quota.retry_after_s : 1;
        gate_response_header_add(&request->response, arena, "Retry-After",
                                 gate_arena_printf(arena, "%lld", (long long)seconds));
    }
}

void gate_oauth_error_finish(struct gate_request *request, enum gate_err err, const char *error) {
    const struct gate_error *recorded = &request->ctx->error;
    int status = status_of(err);
    struct gate_json_writer writer;
    gate_response_begin(&request->response, request->ctx->arena, status, "application/json");
    add_headers(request, status);
    gate_json_writer_init(&writer, &request->response.body);
    gate_json_open_object(&writer, NULL);
    gate_json_write_text(&writer, "error", error == NULL ? name_of(err) : error);
    /* Beyond 499 the sentence is for the log. */
    if (recorded->kind == err && status < 500) {
        gate_json_write_text(&writer, "error_description",
                             make_description(request->ctx->arena, recorded->message));
    }
    gate_json_close_object(&writer);
    gate_request_finish(request);
}
