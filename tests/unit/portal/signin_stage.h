/* A portal with a store of its own and a sign-in provider in place of the network: the stage of the
 * tests of sign-in. Included once per program. */
#ifndef GATE_TESTS_SIGNIN_STAGE_H
#define GATE_TESTS_SIGNIN_STAGE_H

#include "support/cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/encoding.h"
#include "core/text.h"
#include "crypto/signing_key.h"
#include "portal/session.h"
#include "portal/signin.h"
#include "portal/state.h"

#define ISSUER "https://id.example.com"
#define PORTAL "https://portal.example.com"
#define CLIENT "gate house"
#define SECRET "s3cr:t&%"
#define USER_AGENT "Browser/1.0"

/* ---- a sign-in provider in place of the network; must define all of net/net.h, or the real
 * one is linked as well ---- */

struct parked {
    struct gate_ctx *ctx;
    struct gate_net_response *ret_response;
    gate_then_fn *then;
    void *state;
    const char *url;
};

static struct {
    gate_arena *arena;
    gate_signing_key *key;   /* published */
    gate_signing_key *other; /* same kid, not published */
    gate_signing_key *next;  /* another kid */

    const char *discovery;
    const char *keys;
    const char *token_answer; /* NULL: made from `claims` */
    const char *userinfo;
    int discovery_status;
    int keys_status;
    int token_status;
    int userinfo_status;
    enum gate_err net_err; /* for the token endpoint */
    enum gate_err discovery_err;

    const gate_signing_key *signer;
    const char *id_token; /* NULL: signed from `claims` */
    const char *claims;   /* printf format for the nonce */
    const char *nonce;    /* of the last start */
    const char *access_token;

    int discovery_fetches;
    int keys_fetches;
    int token_fetches;
    int userinfo_fetches;
    const char *token_body;
    const char *token_authorization;
    const char *userinfo_authorization;

    bool holds; /* park fetches instead of answering */
    struct parked parked[8];
    int parked_count;
} fake;

static gate_signing_key *shared_keys[3];
static struct gate_test_clock test_clock;
static gate_runqueue *runqueue;
static gate_store *store;
static gate_portal *portal;
static gate_secret *own_secret;
static gate_secret *client_secret;
static struct gate_config config;
static char folder[64]; /* holds the database */

static inline const char *header_of(const struct gate_net_request *request, const char *name) {
    for (size_t i = 0; i < request->header_count; i++) {
        if (gate_text_equal_ignoring_case(request->headers[i].name, name)) {
            return gate_arena_strdup(fake.arena, request->headers[i].value);
        }
    }
    return NULL;
}

static inline const char *sign_claims(void) {
    if (fake.id_token != NULL) {
        return fake.id_token;
    }
    const char *hole = strstr(fake.claims, "%s");
    const char *payload = hole == NULL
                              ? fake.claims
                              : gate_arena_printf(fake.arena, "%.*s%s%s", (int)(hole - fake.claims),
                                                  fake.claims, fake.nonce, hole + 2);
    return gate_signing_key_sign(fake.arena, fake.signer, payload);
}

static inline const char *make_token_answer(void) {
    return fake.token_answer != NULL
               ? fake.token_answer
               : gate_arena_printf(fake.arena,
                                   "{\"access_token\":\"%s\",\"token_type\":\"Bearer\","
                                   "\"id_token\":\"%s\"}",
                                   fake.access_token, sign_claims());
}

static inline void answer(struct gate_ctx *ctx, struct gate_net_response *ret_response, int status,
                          const char *body, enum gate_err err, gate_then_fn *then, void *state) {
    if (err == GATE_OK) {
        *ret_response = (struct gate_net_response){
            .status = status,
            .body = gate_arena_strdup(ctx->arena, body),
            .body_length = strlen(body),
        };
    } else {
        (void)gate_fail(ctx, err, "the network failed");
    }
    gate_ctx_resume(ctx, err, then, state);
}

static inline void answer_document(struct gate_ctx *ctx, const char *url,
                                   struct gate_net_response *ret_response, gate_then_fn *then,
                                   void *state) {
    if (strstr(url, "/.well-known/") != NULL) {
        answer(ctx, ret_response, fake.discovery_status, fake.discovery, fake.discovery_err, then,
               state);
    } else {
        answer(ctx, ret_response, fake.keys_status, fake.keys, GATE_OK, then, state);
    }
}

void gate_net_fetch(struct gate_ctx *ctx, gate_net *net, const struct gate_net_request *request,
                    struct gate_net_response *ret_response, gate_then_fn *then, void *state) {
    (void)net;
    assert_true(request->timeout_ms > 0);
    assert_true(request->max_response_bytes > 0);
    if (strcmp(request->url, ISSUER "/token") == 0) {
        assert_string_equal(request->method, "POST");
        assert_false(request->is_read);
        fake.token_fetches++;
        fake.token_body = gate_arena_strndup(fake.arena, request->body, request->body_length);
        fake.token_authorization = header_of(request, "authorization");
        answer(ctx, ret_response, fake.token_status, make_token_answer(), fake.net_err, then,
               state);
        return;
    }
    assert_string_equal(request->method, "GET");
    if (strcmp(request->url, ISSUER "/userinfo") == 0) {
        fake.userinfo_fetches++;
        fake.userinfo_authorization = header_of(request, "authorization");
        answer(ctx, ret_response, fake.userinfo_status, fake.userinfo, GATE_OK, then, state);
        return;
    }
    bool is_discovery = strcmp(request->url, ISSUER "/.well-known/openid-configuration") == 0;
    assert_true(is_discovery || strcmp(request->url, ISSUER "/keys") == 0);
    fake.discovery_fetches += is_discovery;
    fake.keys_fetches += !is_discovery;
    if (fake.holds) {
        assert_true(fake.parked_count < 8);
        fake.parked[fake.parked_count++] =
            (struct parked){ctx, ret_response, then, state, request->url};
        return;
    }
    answer_document(ctx, request->url, ret_response, then, state);
}

static inline void let_parked_go(void) {
    fake.holds = false;
    for (int i = 0; i < fake.parked_count; i++) {
        struct parked *parked = &fake.parked[i];
        answer_document(parked->ctx, parked->url, parked->ret_response, parked->then,
                        parked->state);
    }
    fake.parked_count = 0;
}

enum gate_err gate_net_new(const struct gate_net_options *options, struct gate_error *error,
                           gate_net **ret_net) {
    (void)options;
    (void)ret_net;
    return gate_error_set_at(error, __FILE__, __LINE__, GATE_ERR_INTERNAL, "not in this test");
}

void gate_net_free(gate_net *net) {
    (void)net;
}

const char *gate_net_header_find(const struct gate_net_response *response, const char *name) {
    (void)response;
    (void)name;
    return NULL;
}

int gate_net_in_flight(gate_net *net) {
    (void)net;
    return 0;
}

void gate_net_delay(struct gate_ctx *ctx, gate_net *net, int64_t delay_ms, gate_then_fn *then,
                    void *state) {
    (void)net;
    (void)delay_ms;
    gate_ctx_resume(ctx, GATE_OK, then, state);
}

/* ---- the portal, and what a browser keeps ---- */

#define DISCOVERY                                                                                  \
    "{\"issuer\":\"" ISSUER "\",\"authorization_endpoint\":\"" ISSUER "/authorize\","              \
    "\"token_endpoint\":\"" ISSUER "/token\",\"jwks_uri\":\"" ISSUER "/keys\","                    \
    "\"userinfo_endpoint\":\"" ISSUER "/userinfo\","                                               \
    "\"end_session_endpoint\":\"" ISSUER "/logout?x=1\"}"

#define DOCUMENT(issuer, authorization, token, keys, more)                                         \
    "{\"issuer\":" issuer ",\"authorization_endpoint\":" authorization                             \
    ",\"token_endpoint\":" token ",\"jwks_uri\":" keys more "}"
#define I "\"" ISSUER "\""
#define E "\"" ISSUER "/x\""

#define CLAIMS                                                                                     \
    "{\"iss\":\"" ISSUER "\",\"aud\":\"" CLIENT "\",\"sub\":\"ann-1\",\"exp\":1772369999,"         \
    "\"iat\":1772366400,\"nonce\":\"%s\",\"email\":\"ann@example.com\",\"email_verified\":true,"   \
    "\"name\":\"Ann\"}"

static inline const char *publish(const gate_signing_key *key) {
    return gate_arena_printf(fake.arena, "{\"keys\":[%s]}",
                             gate_signing_key_public_jwk_format(fake.arena, key));
}

static inline int set_up(void **state) {
    (void)state;
    gate_test_clock_init(&test_clock);
    memset(&fake, 0, sizeof fake);
    fake.arena = gate_arena_new();
    fake.key = shared_keys[0];
    fake.other = shared_keys[1];
    fake.next = shared_keys[2];
    fake.signer = fake.key;
    fake.discovery = DISCOVERY;
    fake.keys = publish(fake.key);
    fake.discovery_status = fake.keys_status = fake.token_status = fake.userinfo_status = 200;
    fake.claims = CLAIMS;
    fake.access_token = "at-1";
    fake.userinfo = "{}";

    runqueue = gate_runqueue_new();
    own_secret = gate_secret_new("0123456789abcdef0123456789abcdef", 32);
    client_secret = gate_secret_new(SECRET, strlen(SECRET));
    config = (struct gate_config){
        .public_url = PORTAL,
        .public_is_https = true,
        .oidc_issuer = ISSUER,
        .oidc_client_id = CLIENT,
        .oidc_client_secret = client_secret,
        .oidc_scopes = "openid email profile",
        .oidc_identifier_claim = "email",
        .secret = own_secret,
        .session_idle_ms = 3600 * 1000,
        .session_max_ms = 8 * 3600 * 1000,
    };
    struct gate_error error = {0};
    strcpy(folder, "/tmp/gatehouse-signin-XXXXXX");
    assert_non_null(mkdtemp(folder));
    const char *path = gate_arena_printf(fake.arena, "%s/test.db", folder);
    const struct gate_store_options options = {.path = path, .clock = &test_clock.clock};
    if (gate_store_open(&options, &error, &store) != GATE_OK) {
        fail_msg("%s", error.message);
    }
    portal = gate_portal_new(&(struct gate_portal_parts){
        .config = &config,
        .store = store,
        .clock = &test_clock.clock,
        .runqueue = runqueue,
    });
    return 0;
}

static inline int tear_down(void **state) {
    (void)state;
    gate_portal_free(portal);
    gate_store_close(store);
    gate_runqueue_free(runqueue);
    gate_secret_free(own_secret);
    gate_secret_free(client_secret);
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        (void)unlink(gate_arena_printf(fake.arena, "%s/test.db%s", folder, suffixes[i]));
    }
    assert_int_equal(rmdir(folder), 0);
    gate_arena_free(fake.arena);
    return 0;
}

struct outcome {
    bool done;
    int calls;
    enum gate_err err;
};

static inline void note(struct gate_ctx *ctx, enum gate_err err, void *state) {
    (void)ctx;
    struct outcome *outcome = state;
    outcome->calls++;
    outcome->err = err;
    outcome->done = true;
}

static inline void wait_for(struct outcome *outcome) {
    gate_runqueue_run_until(runqueue, &outcome->done);
    assert_int_equal(outcome->calls, 1);
}

static inline struct gate_ctx *make_ctx(void) {
    return gate_ctx_new(&test_clock.clock, runqueue, NULL);
}

/* What one attempt leaves in a browser; strings in fake.arena. */
struct attempt {
    enum gate_err err;
    const char *url;
    const char *suffix;
    const char *cookie;
    const char *state;
    const char *challenge;
};

static inline const char *url_value(const char *url, const char *name) {
    const char *at = strstr(url, gate_arena_printf(fake.arena, "%s=", name));
    if (at == NULL) {
        return NULL;
    }
    at += strlen(name) + 1;
    char *value;
    assert_int_equal(gate_percent_parse(fake.arena, at, strcspn(at, "&"), 1, &value), GATE_OK);
    return value;
}

static inline struct attempt begin(const char *return_to) {
    struct gate_ctx *ctx = make_ctx();
    struct gate_signin_start start = {0};
    struct outcome outcome = {0};
    gate_portal_signin_begin(ctx, portal, return_to, &start, note, &outcome);
    wait_for(&outcome);
    struct attempt attempt = {.err = outcome.err};
    if (outcome.err == GATE_OK) {
        attempt.url = gate_arena_strdup(fake.arena, start.redirect_url);
        attempt.suffix = gate_arena_strdup(fake.arena, start.cookie_suffix);
        attempt.cookie = gate_arena_strdup(fake.arena, start.sealed_cookie_value);
        attempt.state = url_value(attempt.url, "&state");
        attempt.challenge = url_value(attempt.url, "code_challenge");
        fake.nonce = url_value(attempt.url, "nonce");
    } else {
        assert_null(start.redirect_url);
        assert_int_equal(ctx->error.kind, outcome.err);
    }
    gate_ctx_free(ctx);
    return attempt;
}

struct finish {
    enum gate_err err;
    const char *session;
    const char *return_to;
    const char *message;
};

static inline struct finish finish_answer(const struct gate_signin_answer *given) {
    struct gate_ctx *ctx = make_ctx();
    struct gate_signin_result result = {0};
    struct outcome outcome = {0};
    gate_portal_signin_finish(ctx, portal, given, &result, note, &outcome);
    wait_for(&outcome);
    struct finish finish = {
        .err = outcome.err,
        .session = gate_arena_strdup(fake.arena, result.session_cookie_value),
        .return_to = gate_arena_strdup(fake.arena, result.return_to),
        .message = gate_arena_strdup(fake.arena, ctx->error.message),
    };
    assert_int_equal(outcome.err == GATE_OK, finish.session != NULL);
    if (outcome.err != GATE_OK) {
        assert_int_equal(ctx->error.kind, outcome.err);
    }
    gate_ctx_free(ctx);
    return finish;
}

static inline struct gate_signin_answer good_answer(const struct attempt *attempt) {
    return (struct gate_signin_answer){
        .state = attempt->state,
        .code = "code-1",
        .sealed_cookie_value = attempt->cookie,
        .user_agent = USER_AGENT,
    };
}

static inline struct finish sign_in(const char *return_to) {
    struct attempt attempt = begin(return_to);
    assert_int_equal(attempt.err, GATE_OK);
    struct gate_signin_answer given = good_answer(&attempt);
    return finish_answer(&given);
}

static inline enum gate_err find_caller(const char *cookie, struct gate_ctx *ctx,
                                        struct gate_caller *ret_caller) {
    return gate_portal_session_find(ctx, portal, cookie, ret_caller);
}

static inline bool is_signed_in(const char *cookie) {
    struct gate_ctx *ctx = make_ctx();
    struct gate_caller caller;
    bool found = find_caller(cookie, ctx, &caller) == GATE_OK;
    gate_ctx_free(ctx);
    return found;
}

static inline int make_keys(void **state) {
    (void)state;
    shared_keys[0] = gate_signing_key_new("k1");
    shared_keys[1] = gate_signing_key_new("k1");
    shared_keys[2] = gate_signing_key_new("k2");
    return 0;
}

static inline int free_keys(void **state) {
    (void)state;
    for (int i = 0; i < 3; i++) {
        gate_signing_key_free(shared_keys[i]);
    }
    return 0;
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

#endif
