/* A whole portal on a database of its own, with the real client and network engine, against a
 * scripted Scalekit that is also the sign-in provider.
 *
 * Owner: scripted_portal_close frees what scripted_portal_open made. Threads: the script runs on
 * the server's threads, under a lock; everything else is confined to the test. Errors:
 * fail the test.
 */
#ifndef GATE_TESTS_SCRIPTED_PORTAL_H
#define GATE_TESTS_SCRIPTED_PORTAL_H

#include "support/cases.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/text.h"
#include "portal/portal.h"
#include "portal/token.h"
#include "store/account.h"
#include "store/connection.h"
#include "store/tool_call.h"
#include "support/http_server.h"

#define SCRIPT_MAX 16
#define SEEN_MAX 128
#define HOUR_MS INT64_C(3600000)

/* What is answered to requests whose "METHOD target" begins so. */
struct scripted_answer {
    const char *target;
    struct gate_test_http_answer answer;
};

struct scripted_portal {
    char folder[64]; /* holds the database */
    struct gate_test_clock clock;
    gate_runqueue *runqueue;
    gate_secret *secret;
    gate_secret *webhook_key;
    const gate_secret *webhook_keys[2];
    struct gate_config config;
    gate_test_server *server;
    gate_store *store;
    gate_net *net;
    gate_scalekit *scalekit;
    gate_portal *portal;
    struct gate_ctx *ctx; /* for what lives as long as the test */

    pthread_mutex_t lock;                      /* for the rest, which the server's threads see */
    struct scripted_answer script[SCRIPT_MAX]; /* the last one that fits counts */
    int script_count;
    const char *discovery;

    /* Requests other than for tokens. */
    int seen_count;
    char seen_target[SEEN_MAX][512];
    char seen_body[SEEN_MAX][1024];
    char seen_head[SEEN_MAX][2048];
    char seen_traceparent[SEEN_MAX][64];
    char seen_tracestate[SEEN_MAX][64];
};

/* ---- Scalekit ---- */

#define CONNECTIONS_ANSWER                                                                         \
    "{\"connections\":[{\"id\":\"conn_1\",\"key_id\":\"gmail\",\"provider_key\":\"GMAIL\","        \
    "\"type\":\"OAUTH\",\"status\":\"COMPLETED\",\"enabled\":true},{\"id\":\"conn_2\","            \
    "\"key_id\":\"slack\",\"provider_key\":\"SLACK\",\"type\":\"OAUTH\",\"status\":\"COMPLETED\"," \
    "\"enabled\":true},{\"id\":\"conn_3\",\"key_id\":\"notion\",\"provider_key\":\"NOTION\","      \
    "\"type\":\"OAUTH\",\"status\":\"COMPLETED\",\"enabled\":false}],\"total_size\":3}"

#define ACCOUNT_TEXT(identifier, connection, status)                                               \
    "{\"id\":\"ca_" identifier "_" connection "\",\"identifier\":\"" identifier                    \
    "\",\"connector\":\"" connection "\",\"provider\":\"X\",\"authorization_type\":\"OAUTH\","     \
    "\"status\":\"" status "\"}"
#define ACCOUNT_ANSWER(identifier, connection, status)                                             \
    "{\"connected_account\":" ACCOUNT_TEXT(identifier, connection, status) "}"

#define TOOL_ANSWER "{\"data\":{\"n\":1.0000000000000000001},\"execution_id\":\"ex_1\"}"

#define SCOPED_TEXT(name, account)                                                                 \
    "{\"tool\":{\"id\":\"t_" name "\",\"definition\":{\"name\":\"" name                            \
    "\",\"n\":1.0000000000000000001}},\"connected_account_id\":\"" account "\"}"

#define AVAILABLE_TEXT(name, provider)                                                             \
    "{\"id\":\"t_" name "\",\"provider\":\"" provider "\",\"definition\":{\"name\":\"" name        \
    "\",\"n\":1.0000000000000000001}}"

static const struct scripted_answer default_answers[] = {
    {"POST /oauth/token",
     {200, .body = "{\"access_token\":\"t\",\"token_type\":\"Bearer\",\"expires_in\":3600}"}},
    {"GET /api/v1/connections/app", {200, .body = CONNECTIONS_ANSWER}},
    {"GET /api/v1/connected_accounts?identifier=ann&",
     {200, .body = "{\"connected_accounts\":[" ACCOUNT_TEXT(
               "ann", "gmail", "ACTIVE") "," ACCOUNT_TEXT("ann", "slack", "EXPIRED") "]}"}},
    {"GET /api/v1/connected_accounts?", {200, .body = "{\"connected_accounts\":[]}"}},
    {"POST /api/v1/connected_accounts/magic_link",
     {200, .body = "{\"link\":\"https://scalekit.example.com/magic/1\"}"}},
    {"POST /api/v1/connected_accounts/ca_ann_gmail:disconnect",
     {200, .body = ACCOUNT_ANSWER("ann", "gmail", "DISCONNECTED")}},
    {"POST /api/v1/connected_accounts:delete", {200, .body = "{}"}},
    {"POST /api/v1/connected_accounts",
     {201, .body = ACCOUNT_ANSWER("ann", "gmail", "PENDING_AUTH")}},
    {"POST /api/v1/execute_tool", {200, .body = TOOL_ANSWER}},
    {"GET /api/v1/tools/scoped",
     {200, .body = "{\"tools\":[" SCOPED_TEXT("gmail_send_email", "ca_ann_gmail") "," SCOPED_TEXT(
               "gmail_search", "ca_ann_gmail") "],\"total_size\":2}"}},
    {"GET /api/v1/tools/available",
     {200, .body = "{\"tools\":[" AVAILABLE_TEXT("gmail_search", "GMAIL") "," AVAILABLE_TEXT(
               "slack_post", "SLACK") "," AVAILABLE_TEXT("notion_search",
                                                         "NOTION") "],\"next_page_token\":\"p2\","
                                                                   "\"total_size\":9}"}},
    {"GET /api/v1/tools?filter.tool_name=", {404, .body = "{\"code\":5,\"message\":\"none\"}"}},
    {"GET /api/v1/tools",
     {200, .body = "{\"tools\":[" AVAILABLE_TEXT("gmail_search", "GMAIL") "]}"}},
};

static inline bool answer_by(const struct scripted_answer *answers, int count, const char *target,
                             struct gate_test_http_answer *ret_answer) {
    for (int i = count - 1; i >= 0; i--) {
        if (gate_text_starts_with(target, answers[i].target)) {
            *ret_answer = answers[i].answer;
            return true;
        }
    }
    return false;
}

/* The default table is read from its beginning: the longer targets stand first. */
static inline bool answer_by_default(const char *target, struct gate_test_http_answer *ret_answer) {
    for (size_t i = 0; i < sizeof default_answers / sizeof default_answers[0]; i++) {
        if (answer_by(&default_answers[i], 1, target, ret_answer)) {
            return true;
        }
    }
    return false;
}

static inline void note_seen(struct scripted_portal *p, const char *target,
                             const struct gate_test_http_request *request) {
    if (gate_text_starts_with(target, "POST /oauth/token") || p->seen_count == SEEN_MAX) {
        return;
    }
    snprintf(p->seen_target[p->seen_count], sizeof p->seen_target[0], "%s", target);
    snprintf(p->seen_body[p->seen_count], sizeof p->seen_body[0], "%.*s", (int)request->body_length,
             request->body);
    snprintf(p->seen_head[p->seen_count], sizeof p->seen_head[0], "%s", request->head);
    gate_test_http_header(request, "traceparent", p->seen_traceparent[p->seen_count],
                          sizeof p->seen_traceparent[0]);
    gate_test_http_header(request, "tracestate", p->seen_tracestate[p->seen_count],
                          sizeof p->seen_tracestate[0]);
    p->seen_count++;
}

static inline void answer_scripted(const struct gate_test_http_request *request,
                                   struct gate_test_http_answer *answer, void *state) {
    struct scripted_portal *p = state;
    char target[512];
    snprintf(target, sizeof target, "%s %s", request->method, request->target);
    pthread_mutex_lock(&p->lock);
    bool is_known =
        answer_by(p->script, p->script_count, target, answer) || answer_by_default(target, answer);
    if (!is_known && gate_text_starts_with(target, "GET /.well-known/")) {
        answer->body = p->discovery;
    } else if (!is_known) {
        answer->status = 404;
        answer->body = "{\"code\":5,\"message\":\"nothing there\"}";
    }
    note_seen(p, target, request);
    pthread_mutex_unlock(&p->lock);
}

/* Script an answer from now on; its texts must outlive the test. */
static inline void script_answer(struct scripted_portal *p, const char *target,
                                 struct gate_test_http_answer answer) {
    pthread_mutex_lock(&p->lock);
    bool fits = p->script_count < SCRIPT_MAX;
    if (fits) {
        p->script[p->script_count++] = (struct scripted_answer){target, answer};
    }
    pthread_mutex_unlock(&p->lock);
    assert_true(fits);
}

static inline void script(struct scripted_portal *p, const char *target, int status,
                          const char *body) {
    script_answer(p, target, (struct gate_test_http_answer){.status = status, .body = body});
}

/* How many requests began so; "" counts all. */
static inline int count_seen(struct scripted_portal *p, const char *target) {
    int count = 0;
    pthread_mutex_lock(&p->lock);
    for (int i = 0; i < p->seen_count; i++) {
        count += gate_text_starts_with(p->seen_target[i], target);
    }
    pthread_mutex_unlock(&p->lock);
    return count;
}

/* The body of the last request that began so; NULL if there was none. */
static inline const char *find_seen_body(struct scripted_portal *p, const char *target) {
    const char *body = NULL;
    pthread_mutex_lock(&p->lock);
    for (int i = 0; i < p->seen_count; i++) {
        body = gate_text_starts_with(p->seen_target[i], target) ? p->seen_body[i] : body;
    }
    pthread_mutex_unlock(&p->lock);
    return body;
}

/* The request line and header of the last request that began so; NULL if there was none. */
static inline const char *find_seen_head(struct scripted_portal *p, const char *target) {
    const char *head = NULL;
    pthread_mutex_lock(&p->lock);
    for (int i = 0; i < p->seen_count; i++) {
        head = gate_text_starts_with(p->seen_target[i], target) ? p->seen_head[i] : head;
    }
    pthread_mutex_unlock(&p->lock);
    return head;
}

/* ---- opening and closing ---- */

static inline const char *database_path(struct scripted_portal *p, const char *suffix) {
    return gate_arena_printf(p->ctx->arena, "%s/test.db%s", p->folder, suffix);
}

static inline void fill_config(struct scripted_portal *p, const char *public_url) {
    const char *url = gate_test_server_url(p->server);
    p->secret = gate_secret_new("0123456789abcdef0123456789abcdef", 32);
    p->webhook_key = gate_secret_new("fedcba9876543210fedcba9876543210", 32);
    p->webhook_keys[0] = p->webhook_key;
    p->config = (struct gate_config){
        .public_url = public_url,
        .public_is_https = gate_text_starts_with(public_url, "https:"),
        .scalekit_url = url,
        .scalekit_client_id = "skc_1",
        .scalekit_client_secret = p->secret,
        .scalekit_webhook_keys = p->webhook_keys,
        .catalogue_max_age_ms = HOUR_MS,
        .account_max_age_ms = HOUR_MS,
        .oidc_issuer = url,
        .oidc_client_id = "gatehouse",
        .oidc_client_secret = p->secret,
        .oidc_scopes = "openid email",
        .oidc_identifier_claim = "email",
        .secret = p->secret,
        .session_idle_ms = HOUR_MS,
        .session_max_ms = 8 * HOUR_MS,
        .authorization_ttl_ms = HOUR_MS / 6,
    };
    pthread_mutex_lock(&p->lock);
    p->discovery = gate_arena_printf(
        p->ctx->arena,
        "{\"issuer\":\"%s\",\"authorization_endpoint\":\"%s/oauth/authorize\","
        "\"token_endpoint\":\"%s/oidc/token\",\"jwks_uri\":\"%s/keys\","
        "\"end_session_endpoint\":\"%s/oidc/logout\",\"response_types_supported\":[\"code\"],"
        "\"subject_types_supported\":[\"public\"],"
        "\"id_token_signing_alg_values_supported\":[\"RS256\"]}",
        url, url, url, url, url);
    pthread_mutex_unlock(&p->lock);
}

static inline void open_net(struct scripted_portal *p, int in_flight_max) {
    const struct gate_net_options options = {
        .ca_file = GATE_TEST_AUTHORITY,
        .connections_max = 8,
        .in_flight_max = in_flight_max,
        .clock = &gate_clock_system,
    };
    if (gate_net_new(&options, &p->ctx->error, &p->net) != GATE_OK) {
        fail_msg("%s", p->ctx->error.message);
    }
    p->scalekit = gate_scalekit_new(&(struct gate_scalekit_options){
        .url = p->config.scalekit_url,
        .client_id = p->config.scalekit_client_id,
        .client_secret = p->secret,
        .net = p->net,
        .stream_net = p->net,
        .clock = &p->clock.clock,
        .runqueue = p->runqueue,
    });
    p->portal = gate_portal_new(&(struct gate_portal_parts){
        .config = &p->config,
        .store = p->store,
        .net = p->net,
        .scalekit = p->scalekit,
        .clock = &p->clock.clock,
        .runqueue = p->runqueue,
    });
}

/* Let what goes on behind an answer end, unless it waits for something that a test withholds. */
static inline void finish_background(struct scripted_portal *p) {
    for (int looks = 0; looks < 100; looks++) {
        bool has_run = false;
        while (gate_runqueue_run_one(p->runqueue)) {
            has_run = true;
        }
        if (!has_run && gate_net_in_flight(p->net) == 0) {
            return;
        }
        struct pollfd steps = {.fd = gate_runqueue_fd(p->runqueue), .events = POLLIN};
        poll(&steps, 1, has_run ? 0 : 10);
        gate_runqueue_settle(p->runqueue);
    }
}

static inline void close_net(struct scripted_portal *p) {
    finish_background(p);
    gate_net_free(p->net);
    while (gate_runqueue_run_one(p->runqueue)) {
    }
    gate_portal_free(p->portal);
    gate_scalekit_free(p->scalekit);
}

static inline void open_store(struct scripted_portal *p) {
    const struct gate_store_options options = {
        .path = database_path(p, ""),
        .clock = &p->clock.clock,
    };
    if (gate_store_open(&options, &p->ctx->error, &p->store) != GATE_OK) {
        fail_msg("%s", p->ctx->error.message);
    }
}

static inline void scripted_portal_open(struct scripted_portal *p, const char *public_url) {
    memset(p, 0, sizeof *p);
    gate_log_open(GATE_LOG_ERROR, -1); /* what is refused here on purpose is no news */
    gate_test_clock_init(&p->clock);
    pthread_mutex_init(&p->lock, NULL);
    p->runqueue = gate_runqueue_new();
    p->ctx = gate_ctx_new(&p->clock.clock, p->runqueue, "0123456789abcdef");
    p->server = gate_test_server_new(answer_scripted, p);
    /* In memory where there is a place for that: so many new databases would wait for the disk. */
    bool has_memory = access("/dev/shm", W_OK) == 0;
    strcpy(p->folder,
           has_memory ? "/dev/shm/gatehouse-portal-XXXXXX" : "/tmp/gatehouse-portal-XXXXXX");
    assert_non_null(mkdtemp(p->folder));
    fill_config(p, public_url);
    open_store(p);
    open_net(p, 100);
}

static inline void scripted_portal_close(struct scripted_portal *p) {
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
    close_net(p);
    gate_store_close(p->store);
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        (void)unlink(database_path(p, suffixes[i]));
    }
    assert_int_equal(rmdir(p->folder), 0);
    gate_test_server_free(p->server); /* it may still be reading a scripted text */
    gate_ctx_free(p->ctx);
    gate_secret_free(p->secret);
    gate_secret_free(p->webhook_key);
    gate_runqueue_free(p->runqueue);
    pthread_mutex_destroy(&p->lock);
}

/* ---- an operation that waits ---- */

struct waited {
    bool is_done;
    enum gate_err err;
};

static inline void note_end(struct gate_ctx *ctx, enum gate_err err, void *state) {
    (void)ctx;
    struct waited *waited = state;
    assert_false(waited->is_done);
    *waited = (struct waited){true, err};
}

static inline enum gate_err wait_for_end(struct scripted_portal *p, struct waited *waited) {
    gate_runqueue_run_until(p->runqueue, &waited->is_done);
    return waited->err;
}

/* ---- what is on record ---- */

static inline enum gate_err do_nothing(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    (void)ctx;
    (void)tx;
    (void)state;
    return GATE_OK;
}

/* Writes are made in order, so one that was waited for comes after all earlier ones. */
static inline void settle_writes(struct scripted_portal *p) {
    assert_int_equal(gate_store_write_now(p->ctx, p->store, do_nothing, NULL), GATE_OK);
}

static inline enum gate_err save_person(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    struct gate_user *user = state;
    user->issuer = "https://id.example.com";
    user->subject = user->identifier;
    user->email = gate_arena_printf(ctx->arena, "%s@example.com", user->identifier);
    return gate_store_user_save(ctx, tx, user, gate_ctx_now_ms(ctx), user);
}

/* Record a person who has signed in. */
static inline struct gate_user add_person(struct scripted_portal *p, const char *identifier) {
    struct gate_user user = {.identifier = identifier};
    assert_int_equal(gate_store_write_now(p->ctx, p->store, save_person, &user), GATE_OK);
    return user;
}

static inline enum gate_err save_catalogue(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    (void)state;
    static const struct gate_connection connections[] = {
        {.name = "gmail",
         .provider = "GMAIL",
         .type = "OAUTH",
         .display_name = "Gmail",
         .enabled = true},
        {.name = "slack",
         .provider = "SLACK",
         .type = "OAUTH",
         .display_name = "Slack",
         .enabled = true},
        {.name = "notion", .provider = "NOTION", .type = "OAUTH", .display_name = "Notion"},
    };
    return gate_store_connection_catalogue_replace(ctx, tx, connections, 3, gate_ctx_now_ms(ctx));
}

static inline enum gate_err save_accounts(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    struct gate_user *user = state;
    const struct gate_account accounts[] = {
        {.connection_name = "gmail",
         .scalekit_id = gate_arena_printf(ctx->arena, "ca_%s_gmail", user->identifier),
         .status = GATE_ACCOUNT_ACTIVE},
        {.connection_name = "slack",
         .scalekit_id = gate_arena_printf(ctx->arena, "ca_%s_slack", user->identifier),
         .status = GATE_ACCOUNT_EXPIRED},
    };
    struct gate_account_reading reading = {
        .accounts = accounts, .count = 2, .asked_at = gate_ctx_now_ms(ctx)};
    enum gate_err err =
        gate_store_account_reconcile(ctx, tx, user->id, &reading, gate_ctx_now_ms(ctx), NULL);
    return err == GATE_OK ? gate_store_user_find(ctx, tx, user->id, user) : err;
}

/* Gmail and Slack are offered, Notion is switched off. */
static inline void record_catalogue(struct scripted_portal *p) {
    assert_int_equal(gate_store_write_now(p->ctx, p->store, save_catalogue, NULL), GATE_OK);
}

/* The person's Gmail is active and Slack has expired; both were read just now. */
static inline void record_accounts(struct scripted_portal *p, struct gate_user *user) {
    assert_int_equal(gate_store_write_now(p->ctx, p->store, save_accounts, user), GATE_OK);
}

/* Make a token and return its text. */
static inline const char *add_token(struct scripted_portal *p, const struct gate_token_wish *wish) {
    const char *text = NULL;
    const char *public_id = NULL;
    struct waited waited = {0};
    gate_portal_token_make(p->ctx, p->portal, wish, &text, &public_id, note_end, &waited);
    if (wait_for_end(p, &waited) != GATE_OK) {
        fail_msg("%s", p->ctx->error.message);
    }
    return text;
}

/* The person's trail, newest first. */
static inline size_t list_calls(struct scripted_portal *p, int64_t user_id,
                                struct gate_tool_call **ret_calls) {
    size_t count = 0;
    gate_store_tx *tx = gate_store_read_begin(p->store);
    assert_int_equal(
        gate_store_tool_call_list(p->ctx, tx,
                                  &(struct gate_tool_call_filter){.user_id = user_id, .max = 100},
                                  ret_calls, &count),
        GATE_OK);
    gate_store_read_end(p->store, tx);
    return count;
}

#endif
