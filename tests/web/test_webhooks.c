/* Webhooks of Scalekit's through the whole product: what is taken, what is refused, and what is
 * kept of either. */
#include "web/exchange.h"

#include "core/timestamp.h"
#include "crypto/webhook_signature.h"
#include "portal/webhook.h"
#include "store/webhook_delivery.h"

#define TARGET "/webhooks/scalekit"

static struct portal_web w;
static int sent; /* numbers the deliveries of a test */

static int set_up(void **state) {
    (void)state;
    portal_web_open(&w, HTTPS_URL);
    sent = 0;
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    portal_web_close(&w);
    return 0;
}

/* ---- sending ---- */

struct delivery {
    const char *id;
    const char *timestamp;
    const char *signature; /* NULL: the right one */
    const char *body;
    const char *signed_body; /* NULL: the body */
    enum gate_body_state body_state;
};

static const char *print_now(int64_t shift_ms) {
    int64_t at_s = (gate_clock_wall_ms(&w.p.clock.clock) + shift_ms) / 1000;
    return gate_arena_printf(arena_of(&w), "%lld", (long long)at_s);
}

static const char *make_header(const char *name, const char *value) {
    return value == NULL ? "HTTP_X_NONE=" : gate_arena_printf(arena_of(&w), "%s=%s", name, value);
}

static const struct answer *deliver(const struct delivery *delivery) {
    const char *body = delivery->signed_body != NULL ? delivery->signed_body : delivery->body;
    const struct gate_webhook_message message = {
        .id = delivery->id == NULL ? "" : delivery->id,
        .timestamp = delivery->timestamp == NULL ? "" : delivery->timestamp,
        .body = body,
        .body_length = strlen(body),
    };
    const char *signature =
        delivery->signature != NULL
            ? delivery->signature
            : gate_webhook_signature_make(arena_of(&w), w.p.webhook_key, &message);
    return send_request(&w,
                        &(struct sending){
                            .method = "POST",
                            .target = TARGET,
                            .content_type = "application/json",
                            .body = delivery->body,
                            .body_state = delivery->body_state,
                            .headers = {make_header("HTTP_WEBHOOK_ID", delivery->id),
                                        make_header("HTTP_WEBHOOK_TIMESTAMP", delivery->timestamp),
                                        make_header("HTTP_WEBHOOK_SIGNATURE", signature)},
                        });
}

static int deliver_body(const char *body) {
    const char *id = gate_arena_printf(arena_of(&w), "msg_%d", ++sent);
    return deliver(&(struct delivery){.id = id, .timestamp = print_now(0), .body = body})->status;
}

/* An event about Ann's account, that occurred `ago_ms` before now. */
static const char *make_event(const char *type, const char *connection, const char *status,
                              int64_t ago_ms) {
    gate_arena *arena = arena_of(&w);
    return gate_arena_printf(
        arena,
        "{\"spec_version\":\"1\",\"id\":\"evt_1\",\"type\":\"%s\",\"object\":\"ConnectedAccount\","
        "\"occurred_at\":\"%s\",\"environment_id\":\"env_1\",\"data\":{\"id\":\"ca_ann_%s\","
        "\"identifier\":\"ann\",\"connection_id\":\"conn_1\",\"connection_name\":\"%s\","
        "\"provider\":\"X\",\"authorization_type\":\"OAUTH\",\"status\":\"%s\"}}",
        type, gate_timestamp_format(arena, gate_clock_wall_ms(&w.p.clock.clock) - ago_ms),
        connection, connection, status);
}

/* ---- what is on record ---- */

static const char *status_of(const char *connection) {
    struct gate_account account;
    gate_store_tx *tx = gate_store_read_begin(w.p.store);
    enum gate_err err = gate_store_account_find(w.p.ctx, tx, w.ann.id, connection, &account);
    gate_store_read_end(w.p.store, tx);
    return err == GATE_OK ? gate_account_status_name(account.status) : "none";
}

/* What became of a delivery; NULL when it is not known. */
static const char *result_of(const char *id) {
    struct gate_webhook_delivery delivery;
    gate_store_tx *tx = gate_store_read_begin(w.p.store);
    enum gate_err err = gate_store_webhook_delivery_find(w.p.ctx, tx, id, &delivery);
    gate_store_read_end(w.p.store, tx);
    return err == GATE_OK ? delivery.result : NULL;
}

static int count_of(enum gate_webhook_result result) {
    return (int)gate_portal_webhook_count_get(w.p.portal, result);
}

static uint64_t count_writes(void) {
    struct gate_store_health health;
    struct gate_error error = {0};
    settle_writes(&w.p);
    assert_int_equal(gate_store_check(w.p.store, &error, &health), GATE_OK);
    return health.writes_done;
}

static void pass(int64_t ms) {
    gate_test_clock_advance(&w.p.clock, ms);
}

/* ---- what is taken ---- */

static void test_take__changes_the_record_before_the_answer(void **state) {
    (void)state;
    pass(10000);
    assert_string_equal(status_of("gmail"), "ACTIVE");
    assert_int_equal(
        deliver_body(make_event("connected_account.status_updated", "gmail", "EXPIRED", 10)), 200);
    assert_string_equal(status_of("gmail"), "EXPIRED");
    assert_string_equal(result_of("msg_1"), "applied");
    /* An agent hears of it at once, without a question to Scalekit before. */
    expect_member(read_json(&w, get(&w, PERSONAL, "/api/v1/connections/gmail")), "status",
                  "EXPIRED");
}

static void test_take__all_nine_types(void **state) {
    (void)state;
    static const char *const types[] = {"created",
                                        "updated",
                                        "status_updated",
                                        "magic_link_generated",
                                        "oauth_tokens_fetched",
                                        "token_refresh_succeeded",
                                        "token_refresh_failed",
                                        "oauth_succeeded"};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        const char *status = i % 2 == 0 ? "EXPIRED" : "ACTIVE";
        pass(10000);
        const char *type = gate_arena_printf(arena_of(&w), "connected_account.%s", types[i]);
        assert_int_equal(deliver_body(make_event(type, "gmail", status, 0)), 200);
        assert_string_equal(status_of("gmail"), status);
    }
    pass(10000);
    assert_int_equal(deliver_body(make_event("connected_account.deleted", "gmail", "ACTIVE", 0)),
                     200);
    assert_string_equal(status_of("gmail"), "none");
    assert_int_equal(count_of(GATE_WEBHOOK_APPLIED), 9);
}

static void test_take__unknown_types_are_counted_and_change_nothing(void **state) {
    (void)state;
    assert_int_equal(deliver_body(make_event("organization.created", "gmail", "EXPIRED", 0)), 200);
    assert_int_equal(deliver_body("{}"), 200);
    assert_int_equal(deliver_body("{\"type\":7,\"data\":[]}"), 200);
    assert_string_equal(status_of("gmail"), "ACTIVE");
    assert_int_equal(count_of(GATE_WEBHOOK_IGNORED), 3);
    assert_string_equal(result_of("msg_1"), "ignored");
}

static void test_take__nobody_we_know(void **state) {
    (void)state;
    const char *event = make_event("connected_account.created", "gmail", "ACTIVE", 0);
    char *other = gate_arena_strdup(arena_of(&w), event);
    memcpy(strstr(other, "\"identifier\":\"ann\""), "\"identifier\":\"zoe\"", 18);
    assert_int_equal(deliver_body(other), 200);
    assert_string_equal(result_of("msg_1"), "unknown_user");
    struct gate_user user;
    gate_store_tx *tx = gate_store_read_begin(w.p.store);
    assert_int_equal(gate_store_user_find_by_identifier(w.p.ctx, tx, "zoe", &user),
                     GATE_ERR_NOT_FOUND);
    gate_store_read_end(w.p.store, tx);
}

static void test_take__what_leaves_it_open_is_asked_for(void **state) {
    (void)state;
    int asked = count_seen(&w.p, "GET /api/v1/connected_accounts?");
    assert_int_equal(
        deliver_body(make_event("connected_account.created", "unheard-of", "ACTIVE", 0)), 200);
    assert_string_equal(result_of("msg_1"), "unclear");
    gate_test_server_wait_requests(w.p.server, 1);
    while (count_seen(&w.p, "GET /api/v1/connected_accounts?") == asked) {
        gate_runqueue_run_one(w.p.runqueue);
    }
    assert_string_equal(status_of("unheard-of"), "none");
}

static void test_take__late_ones_change_nothing(void **state) {
    (void)state;
    pass(10000);
    assert_int_equal(
        deliver_body(make_event("connected_account.updated", "gmail", "EXPIRED", 1000)), 200);
    assert_int_equal(deliver_body(make_event("connected_account.updated", "gmail", "ACTIVE", 1001)),
                     200);
    assert_string_equal(status_of("gmail"), "EXPIRED");
    assert_string_equal(result_of("msg_2"), "old");
}

static void test_take__again_is_taken_once(void **state) {
    (void)state;
    pass(10000);
    const struct delivery delivery = {
        .id = "msg_again",
        .timestamp = print_now(0),
        .body = make_event("connected_account.updated", "gmail", "EXPIRED", 0),
    };
    assert_int_equal(deliver(&delivery)->status, 200);
    uint64_t writes = count_writes();
    assert_int_equal(deliver(&delivery)->status, 200);
    assert_int_equal(count_writes(), writes + 1); /* the settling's own */
    assert_int_equal(count_of(GATE_WEBHOOK_DUPLICATE), 1);
    assert_int_equal(count_of(GATE_WEBHOOK_APPLIED), 1);
}

static void test_take__signed_rubbish(void **state) {
    (void)state;
    static const char *const bodies[] = {"",    "{", "[]", "null", "\"x\"", "{\"a\":1,\"a\":2}",
                                         "\xff"};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        assert_int_equal(deliver_body(bodies[i]), 400);
    }
    assert_int_equal(count_of(GATE_WEBHOOK_MALFORMED), 7);
    assert_null(result_of("msg_1"));
}

/* ---- what is refused ---- */

static void test_refuse__says_the_same_whatever_is_wrong(void **state) {
    (void)state;
    const char *body = make_event("connected_account.updated", "gmail", "EXPIRED", 0);
    char long_id[GATE_WEBHOOK_ID_MAX_BYTES + 2];
    memset(long_id, 'x', sizeof long_id - 1);
    long_id[sizeof long_id - 1] = '\0';
    const char *now = print_now(0);
    const struct delivery wrong[] = {
        {.timestamp = now, .body = body},
        {.id = "msg_1", .body = body},
        {.id = "msg_1", .timestamp = now, .signature = "", .body = body},
        {.id = "", .timestamp = now, .body = body},
        {.id = long_id, .timestamp = now, .body = body},
        {.id = "msg_1", .timestamp = "", .body = body},
        {.id = "msg_1", .timestamp = "yesterday", .body = body},
        {.id = "msg_1", .timestamp = gate_arena_printf(arena_of(&w), "%s.0", now), .body = body},
        {.id = "msg_1", .timestamp = gate_arena_printf(arena_of(&w), " %s", now), .body = body},
        {.id = "msg_1", .timestamp = "99999999999999999999", .body = body},
        {.id = "msg_1", .timestamp = print_now(-301000), .body = body},
        {.id = "msg_1", .timestamp = print_now(301000), .body = body},
        {.id = "msg_1", .timestamp = now, .signature = "v1,AAAA", .body = body},
        {.id = "msg_1", .timestamp = now, .body = body, .signed_body = "{}"},
    };
    size_t length = 0;
    uint64_t writes = count_writes();
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        const struct answer *answer = deliver(&wrong[i]);
        const gate_json *problem = expect_problem(&w, answer, 401, "unauthenticated");
        expect_member(problem, "detail", "The signature does not hold.");
        length = i == 0 ? answer->body_length : length; /* all but the request's id */
        assert_int_equal(answer->body_length, length);
    }
    assert_int_equal(count_writes(), writes + 1);
    assert_int_equal(count_of(GATE_WEBHOOK_FORGED), sizeof wrong / sizeof wrong[0]);
    assert_string_equal(status_of("gmail"), "ACTIVE");
}

static void test_refuse__at_the_edges_of_time(void **state) {
    (void)state;
    const char *body = "{}";
    assert_int_equal(
        deliver(&(struct delivery){.id = "a", .timestamp = print_now(-300000), .body = body})
            ->status,
        200);
    assert_int_equal(
        deliver(&(struct delivery){.id = "b", .timestamp = print_now(300000), .body = body})
            ->status,
        200);
}

static void test_refuse__without_a_secret(void **state) {
    (void)state;
    w.p.config.scalekit_webhook_keys = NULL;
    const struct delivery delivery = {.id = "a", .timestamp = print_now(0), .body = "{}"};
    (void)expect_problem(&w, deliver(&delivery), 404, "not-found");
    assert_null(result_of("a"));
}

static void test_refuse__looks_at_no_cookie_and_no_token(void **state) {
    (void)state;
    const struct sending sending = {.who = BROWSER,
                                    .method = "POST",
                                    .target = TARGET,
                                    .body = "{}",
                                    .headers = {"HTTP_AUTHORIZATION=Bearer x"}};
    (void)expect_problem(&w, send_request(&w, &sending), 401, "unauthenticated");
}

/* ---- how much at a time ---- */

struct held {
    pthread_mutex_t lock;
};

static enum gate_err hold_writer(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    (void)ctx;
    (void)tx;
    struct held *const *held = state;
    pthread_mutex_lock(&(*held)->lock);
    pthread_mutex_unlock(&(*held)->lock);
    return GATE_OK;
}

static void test_flood__is_held_to_a_number(void **state) {
    (void)state;
    static struct waited works[GATE_WEBHOOKS_UNDER_WAY_MAX + 5];
    static struct held held = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct held *pointer = &held;
    struct gate_ctx *contexts[GATE_WEBHOOKS_UNDER_WAY_MAX + 5];
    enum { ALL = GATE_WEBHOOKS_UNDER_WAY_MAX + 5 };
    memset(works, 0, sizeof works);
    pthread_mutex_lock(&held.lock);
    gate_store_write_later(w.p.store, hold_writer, &pointer, sizeof pointer);
    int refused = 0;
    for (int i = 0; i < ALL; i++) {
        const struct gate_webhook_message message = {gate_arena_printf(arena_of(&w), "msg_%d", i),
                                                     print_now(0), "{}", 2};
        const struct gate_webhook webhook = {
            .id = message.id,
            .timestamp = message.timestamp,
            .signatures = gate_webhook_signature_make(arena_of(&w), w.p.webhook_key, &message),
            .body = "{}",
            .body_length = 2,
        };
        contexts[i] = gate_ctx_new(&w.p.clock.clock, w.p.runqueue, "test");
        gate_portal_webhook_take(contexts[i], w.p.portal, &webhook, note_end, &works[i]);
        refused += works[i].is_done && works[i].err == GATE_ERR_BUSY;
    }
    assert_int_equal(refused, 5);
    pthread_mutex_unlock(&held.lock);
    for (int i = 0; i < ALL; i++) {
        enum gate_err err = wait_for_end(&w.p, &works[i]);
        assert_int_equal(err, i < GATE_WEBHOOKS_UNDER_WAY_MAX ? GATE_OK : GATE_ERR_BUSY);
        gate_ctx_free(contexts[i]);
    }
    /* There is room again. */
    assert_int_equal(deliver_body("{}"), 200);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_take__changes_the_record_before_the_answer, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_take__all_nine_types, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_take__unknown_types_are_counted_and_change_nothing,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_take__nobody_we_know, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_take__what_leaves_it_open_is_asked_for, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_take__late_ones_change_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_take__again_is_taken_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_take__signed_rubbish, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refuse__says_the_same_whatever_is_wrong, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_refuse__at_the_edges_of_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refuse__without_a_secret, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refuse__looks_at_no_cookie_and_no_token, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_flood__is_held_to_a_number, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
