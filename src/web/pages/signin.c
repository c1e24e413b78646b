#include <string.h>

#include "core/encoding.h"
#include "core/text.h"
#include "portal/return_target.h"
#include "portal/signin.h"
#include "view/templates.gen.h"
#include "web/page.h"
#include "web/pages/pages.h"
#include "web/route.h"
#include "web/state.h"

#define COOKIE_PREFIX "signin-"
/* All attempts of one browser together: the Cookie header must stay within what servers take, or a
 * few long links would lock the browser out. */
#define COOKIES_MAX_BYTES 6000
#define COOKIES_FORGOTTEN_MAX 12

/* Why a sign-in did not come about, in words for the person who tried. */
struct refusal {
    int status;
    const char *heading;
    const char *what_it_means;
};

static const struct refusal refusals[GATE_ERR_COUNT_] = {
    [GATE_ERR_INPUT] = {400, "That link does not work",
                        "It asks to send you to an address that this portal does not send people "
                        "to. Nothing was changed. You can sign in and go on from here."},
    [GATE_ERR_CONFLICT] = {409, "This sign-in was not started here",
                           "It was finished before, or started in another browser. Nothing was "
                           "changed. Please start again."},
    [GATE_ERR_EXPIRED] = {410, "That took too long",
                          "For your safety a sign-in only stays open for ten minutes. Please start "
                          "again."},
    [GATE_ERR_PROVIDER] = {403, "You were not signed in",
                           "The sign-in was cancelled or not allowed. Nothing was changed. You can "
                           "try again whenever you like."},
    [GATE_ERR_NOT_FOUND] = {403, "Your account cannot be used here yet",
                            "The sign-in service did not tell us a confirmed e-mail address or "
                            "name by which to know you. Confirm your address there, or ask whoever "
                            "runs this portal, then try again."},
    [GATE_ERR_FORBIDDEN] = {403, "Your account cannot be used here",
                            "It is suspended, or somebody else is already known here by its "
                            "address or name. Please ask whoever runs this portal."},
    [GATE_ERR_UNAUTHENTICATED] = {403, "We could not confirm who you are",
                                  "The answer of the sign-in service did not hold up to our "
                                  "checks, so you were not signed in. Please try again."},
    [GATE_ERR_CONFIG] = {500, "Sign-in is not set up right",
                         "This is not your fault. Please tell whoever runs this portal."},
    [GATE_ERR_UNAVAILABLE] = {503, "Sign-in is not available just now",
                              "The sign-in service is not answering. Nothing was changed. Please "
                              "try again in a moment."},
    [GATE_ERR_TIMEOUT] = {504, "Sign-in is slow just now",
                          "The sign-in service did not answer in time. Nothing was changed. Please "
                          "try again in a moment."},
    [GATE_ERR_OUTCOME_UNKNOWN] = {504, "Sign-in is slow just now",
                                  "The answer of the sign-in service did not arrive. You were not "
                                  "signed in. Please try again in a moment."},
    [GATE_ERR_UPSTREAM] = {502, "Sign-in is not working just now",
                           "The sign-in service gave an answer that we could not use. Please try "
                           "again; if it stays, tell whoever runs this portal."},
    [GATE_ERR_BUSY] = {503, "Very busy right now",
                       "Nothing was changed. Please try again in a moment."},
    [GATE_ERR_STORE] = {503, "That could not be saved",
                        "You were not signed in. Please try again in a moment."},
    [GATE_ERR_INTERNAL] = {500, "Something went wrong here",
                           "This is not your fault. Please try again; if it stays, tell whoever "
                           "runs this portal."},
};

static void refuse(struct gate_request *request, enum gate_err err) {
    const struct refusal *refusal = &refusals[err];
    if (refusal->status == 0) {
        refusal = &refusals[GATE_ERR_INTERNAL];
    }
    bool is_signed_in = request->caller.kind == GATE_CALLER_BROWSER;
    gate_page_problem(request, refusal->status, refusal->heading, refusal->what_it_means,
                      is_signed_in ? "/" : "/signin?go=1",
                      is_signed_in ? "See your connectors" : "Try again");
}

/* ---- GET /signin ---- */

struct signin {
    struct gate_request *request;
    struct gate_signin_start start;
    struct gate_signin_answer answer;
    struct gate_signin_result result;
};

static size_t pair_bytes(const char *name, const char *value) {
    return strlen(name) + strlen(value) + 3; /* "; " and '=' */
}

/* Names come from outside and go into Set-Cookie: only those that can be ours count. */
static bool is_attempt(const char *name, const char *prefix) {
    static const char hex[] = "0123456789abcdef";
    return gate_text_starts_with(name, prefix) &&
           strlen(name + strlen(prefix)) == GATE_SIGNIN_SUFFIX_LENGTH &&
           strspn(name + strlen(prefix), hex) == GATE_SIGNIN_SUFFIX_LENGTH;
}

/* Browsers send the oldest cookie of a path first (RFC 6265 section 5.4), so the first ones go. */
static void make_room(struct gate_request *request, size_t wanted_bytes) {
    const char *prefix = gate_cookie_name(request, COOKIE_PREFIX);
    const struct gate_fields *cookies = &request->cookies;
    size_t count = 1;
    size_t bytes = wanted_bytes;
    for (size_t i = 0; i < cookies->count; i++) {
        if (is_attempt(cookies->items[i].name, prefix)) {
            count++;
            bytes += pair_bytes(cookies->items[i].name, cookies->items[i].value);
        }
    }
    int forgotten = 0;
    for (size_t i = 0; i < cookies->count && forgotten < COOKIES_FORGOTTEN_MAX; i++) {
        const struct gate_field *cookie = &cookies->items[i];
        if (count <= GATE_SIGNINS_PENDING_MAX && bytes <= COOKIES_MAX_BYTES) {
            return;
        }
        if (is_attempt(cookie->name, prefix)) {
            gate_cookie_set(request, cookie->name, "", -1);
            bytes -= pair_bytes(cookie->name, cookie->value);
            count--;
            forgotten++;
        }
    }
}

static const char *make_cookie_name(struct gate_request *request, const char *suffix) {
    return gate_cookie_name(request,
                            gate_arena_printf(request->ctx->arena, COOKIE_PREFIX "%s", suffix));
}

static void send_to_provider(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct signin *signin = state;
    struct gate_request *request = signin->request;
    if (err != GATE_OK) {
        refuse(request, err);
        return;
    }
    const char *name = make_cookie_name(request, signin->start.cookie_suffix);
    make_room(request, pair_bytes(name, signin->start.sealed_cookie_value));
    gate_cookie_set(request, name, signin->start.sealed_cookie_value, GATE_SIGNIN_TTL_MS / 1000);
    gate_response_redirect(&request->response, ctx->arena, signin->start.redirect_url);
    gate_request_finish(request);
}

static struct signin *make_signin(struct gate_request *request) {
    struct signin *signin = gate_arena_make(request->ctx->arena, struct signin);
    signin->request = request;
    return signin;
}

static void show_welcome(struct gate_request *request) {
    struct gate_page page = gate_page_begin(request, GATE_TPL_SIGNIN, "Sign in");
    gate_view_set(page.body, GATE_M_SIGNIN_SIGNIN_URL, "/signin?go=1");
    gate_page_finish(request, &page, 200);
}

/* Somebody who is signed in already only wants to go on. */
static void go_on(struct gate_request *request, const char *return_to) {
    const char *target = "/";
    if (return_to != NULL &&
        gate_portal_return_target_check(request->ctx->arena, request->web->options.config,
                                        return_to, &target) != GATE_OK) {
        refuse(request, GATE_ERR_INPUT);
        return;
    }
    gate_response_redirect(&request->response, request->ctx->arena, target);
    gate_request_finish(request);
}

void gate_page_signin_handle(struct gate_request *request) {
    const char *return_to = gate_request_query(request, "return_to");
    if (gate_text_is_empty(return_to)) {
        return_to = NULL;
    }
    bool goes = gate_text_equal(gate_request_query(request, "go"), "1");
    if (request->caller.kind == GATE_CALLER_BROWSER) {
        go_on(request, return_to);
        return;
    }
    if (!goes && (return_to == NULL || strcmp(return_to, "/") == 0)) {
        show_welcome(request);
        return;
    }
    struct signin *signin = make_signin(request);
    gate_portal_signin_begin(request->ctx, request->web->options.portal, return_to, &signin->start,
                             send_to_provider, signin);
}

/* ---- GET /signin/callback ---- */

static void welcome_back(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct signin *signin = state;
    struct gate_request *request = signin->request;
    if (err != GATE_OK) {
        refuse(request, err);
        return;
    }
    gate_cookie_set(request, gate_cookie_name(request, "session"),
                    signin->result.session_cookie_value,
                    request->web->options.config->session_max_ms / 1000);
    gate_response_redirect(&request->response, ctx->arena, signin->result.return_to);
    gate_request_finish(request);
}

void gate_page_signin_callback_handle(struct gate_request *request) {
    struct signin *signin = make_signin(request);
    signin->answer = (struct gate_signin_answer){
        .state = gate_request_query(request, "state"),
        .code = gate_request_query(request, "code"),
        .error = gate_request_query(request, "error"),
        .issuer = gate_request_query(request, "iss"),
        .user_agent = gate_request_header(request, "HTTP_USER_AGENT"),
        .old_session_cookie_value =
            gate_request_cookie(request, gate_cookie_name(request, "session")),
    };
    if (signin->answer.state != NULL) {
        const char *suffix =
            gate_portal_signin_cookie_suffix_make(request->ctx->arena, signin->answer.state);
        const char *name = make_cookie_name(request, suffix);
        signin->answer.sealed_cookie_value = gate_request_cookie(request, name);
        if (signin->answer.sealed_cookie_value != NULL) {
            gate_cookie_set(request, name, "", -1); /* however this ends, the attempt is spent */
        }
    }
    gate_portal_signin_finish(request->ctx, request->web->options.portal, &signin->answer,
                              &signin->result, welcome_back, signin);
}
