#include "support/cases.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/encoding.h"
#include "portal/session.h"

#define MINUTE_MS ((int64_t)60 * 1000)
#define COOKIE "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ"
#define OTHER_COOKIE "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPq"

static struct gate_test_clock test_clock;
static gate_runqueue *runqueue;
static gate_store *store;
static gate_portal *portal;
static gate_secret *own_secret;
static struct gate_config config;
static struct gate_ctx *ctx;
static char folder[64]; /* holds the database */

static gate_portal *make_portal(void) {
    return gate_portal_new(&(struct gate_portal_parts){
        .config = &config,
        .store = store,
        .clock = &test_clock.clock,
        .runqueue = runqueue,
    });
}

static const char *database_file(const char *suffix) {
    return gate_arena_printf(ctx->arena, "%s/test.db%s", folder, suffix);
}

static int set_up(void **state) {
    (void)state;
    gate_test_clock_init(&test_clock);
    runqueue = gate_runqueue_new();
    ctx = gate_ctx_new(&test_clock.clock, runqueue, NULL);
    own_secret = gate_secret_new("0123456789abcdef0123456789abcdef", 32);
    config = (struct gate_config){
        .public_url = "https://portal.example.com",
        .oidc_issuer = "https://id.example.com",
        .secret = own_secret,
        .session_idle_ms = 30 * MINUTE_MS,
        .session_max_ms = 100 * MINUTE_MS,
    };
    strcpy(folder, "/tmp/gatehouse-session-XXXXXX");
    assert_non_null(mkdtemp(folder));
    const struct gate_store_options options = {
        .path = database_file(""),
        .clock = &test_clock.clock,
    };
    if (gate_store_open(&options, &ctx->error, &store) != GATE_OK) {
        fail_msg("%s", ctx->error.message);
    }
    portal = make_portal();
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    gate_portal_free(portal);
    gate_store_close(store);
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        (void)unlink(database_file(suffixes[i]));
    }
    assert_int_equal(rmdir(folder), 0);
    gate_ctx_free(ctx);
    gate_secret_free(own_secret);
    gate_runqueue_free(runqueue);
    return 0;
}

static enum gate_err insert_session(struct gate_ctx *work_ctx, gate_store_tx *tx, void *state) {
    const char *cookie = state;
    int64_t now = gate_ctx_now_ms(work_ctx);
    struct gate_user user = {
        .issuer = "https://id.example.com",
        .subject = cookie,
        .identifier = cookie,
    };
    enum gate_err err = gate_store_user_save(work_ctx, tx, &user, now, &user);
    struct gate_session session = {
        .hash = gate_digest_make(cookie, strlen(cookie)),
        .user_id = user.id,
        .created_at = now,
        .last_seen_at = now,
        .idle_expires_at = now + config.session_idle_ms,
        .expires_at = now + config.session_max_ms,
    };
    int64_t id;
    return err == GATE_OK ? gate_store_session_insert(work_ctx, tx, &session, &id) : err;
}

static void begin_session(const char *cookie) {
    char copy[64];
    strcpy(copy, cookie);
    assert_int_equal(gate_store_write_now(ctx, store, insert_session, copy), GATE_OK);
}

static enum gate_err do_nothing(struct gate_ctx *work_ctx, gate_store_tx *tx, void *state) {
    (void)work_ctx;
    (void)tx;
    (void)state;
    return GATE_OK;
}

/* Writes are made in order, so one that was waited for comes after all earlier ones. */
static void settle_writes(void) {
    assert_int_equal(gate_store_write_now(ctx, store, do_nothing, NULL), GATE_OK);
}

static enum gate_err find(const char *cookie, struct gate_caller *ret_caller) {
    enum gate_err err = gate_portal_session_find(ctx, portal, cookie, ret_caller);
    settle_writes();
    assert_int_equal(ctx->error.kind, GATE_OK);
    return err;
}

static void test_find__the_person_behind_a_cookie(void **state) {
    (void)state;
    begin_session(COOKIE);
    begin_session(OTHER_COOKIE);
    struct gate_caller caller;
    assert_int_equal(find(COOKIE, &caller), GATE_OK);
    assert_int_equal(caller.kind, GATE_CALLER_BROWSER);
    assert_true(caller.has_user);
    assert_string_equal(caller.user.subject, COOKIE);
    assert_int_equal(find(OTHER_COOKIE, &caller), GATE_OK);
    assert_string_equal(caller.user.subject, OTHER_COOKIE);
}

static void test_find__what_is_no_session(void **state) {
    (void)state;
    begin_session(COOKIE);
    static const char *const cookies[] = {
        NULL,
        "",
        "x",
        OTHER_COOKIE,
        COOKIE "x",
        COOKIE "=",
        "' OR 1=1 --",
        "\xff\xfe",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    };
    for (size_t i = 0; i < sizeof cookies / sizeof cookies[0]; i++) {
        struct gate_caller caller = {.kind = GATE_CALLER_NOBODY};
        assert_int_equal(find(cookies[i], &caller), GATE_ERR_UNAUTHENTICATED);
        assert_int_equal(caller.kind, GATE_CALLER_NOBODY);
    }
}

static void test_find__the_hash_is_no_cookie(void **state) {
    (void)state;
    begin_session(COOKIE);
    struct gate_digest hash = gate_digest_make(COOKIE, strlen(COOKIE));
    struct gate_caller caller;
    const char *hex = gate_hex_format(ctx->arena, hash.bytes, GATE_DIGEST_BYTES);
    const char *coded = gate_base64url_format(ctx->arena, hash.bytes, GATE_DIGEST_BYTES);
    assert_int_equal(find(hex, &caller), GATE_ERR_UNAUTHENTICATED);
    assert_int_equal(find(coded, &caller), GATE_ERR_UNAUTHENTICATED);
}

static void test_find__after_being_idle(void **state) {
    (void)state;
    begin_session(COOKIE);
    struct gate_caller caller;
    gate_test_clock_advance(&test_clock, 30 * MINUTE_MS);
    assert_int_equal(find(COOKIE, &caller), GATE_ERR_UNAUTHENTICATED);
}

static void test_find__use_keeps_it_alive_up_to_its_end(void **state) {
    (void)state;
    begin_session(COOKIE);
    struct gate_caller caller;
    for (int i = 0; i < 4; i++) {
        gate_test_clock_advance(&test_clock, 24 * MINUTE_MS);
        assert_int_equal(find(COOKIE, &caller), GATE_OK);
    }
    gate_test_clock_advance(&test_clock, 4 * MINUTE_MS - 1);
    assert_int_equal(find(COOKIE, &caller), GATE_OK);
    assert_true(caller.session.idle_expires_at <= caller.session.expires_at);
    gate_test_clock_advance(&test_clock, 1);
    assert_int_equal(find(COOKIE, &caller), GATE_ERR_UNAUTHENTICATED);
}

static void test_find__notes_use_once_a_minute(void **state) {
    (void)state;
    begin_session(COOKIE);
    struct gate_caller caller;
    int64_t start = gate_ctx_now_ms(ctx);
    gate_test_clock_advance(&test_clock, MINUTE_MS - 1);
    assert_int_equal(find(COOKIE, &caller), GATE_OK);
    assert_int_equal(find(COOKIE, &caller), GATE_OK);
    assert_int_equal(caller.session.last_seen_at, start);
    gate_test_clock_advance(&test_clock, 1);
    assert_int_equal(find(COOKIE, &caller), GATE_OK);
    assert_int_equal(find(COOKIE, &caller), GATE_OK);
    assert_int_equal(caller.session.last_seen_at, start + MINUTE_MS);
    assert_int_equal(caller.session.idle_expires_at, start + 31 * MINUTE_MS);
    assert_int_equal(caller.user.last_seen_at, start + MINUTE_MS);
}

static void test_csrf__holds_for_its_session_only(void **state) {
    (void)state;
    begin_session(COOKIE);
    begin_session(OTHER_COOKIE);
    struct gate_caller one;
    struct gate_caller two;
    assert_int_equal(find(COOKIE, &one), GATE_OK);
    assert_int_equal(find(OTHER_COOKIE, &two), GATE_OK);
    const char *token = gate_portal_csrf_make(ctx->arena, portal, &one);
    assert_int_equal(strlen(token), 43);
    assert_true(gate_portal_csrf_check(portal, &one, token));
    assert_false(gate_portal_csrf_check(portal, &two, token));
    assert_false(gate_portal_csrf_check(portal, &one, NULL));
    assert_false(gate_portal_csrf_check(portal, &one, ""));
    assert_false(gate_portal_csrf_check(portal, &one, COOKIE));
    assert_false(gate_portal_csrf_check(portal, &one, gate_arena_printf(ctx->arena, "%sx", token)));
    assert_false(gate_portal_csrf_check(portal, &one,
                                        gate_arena_strndup(ctx->arena, token, strlen(token) - 1)));
    one.kind = GATE_CALLER_NOBODY;
    assert_false(gate_portal_csrf_check(portal, &one, token));
}

static void test_csrf__depends_on_the_secret(void **state) {
    (void)state;
    begin_session(COOKIE);
    struct gate_caller caller;
    assert_int_equal(find(COOKIE, &caller), GATE_OK);
    const char *token = gate_portal_csrf_make(ctx->arena, portal, &caller);
    gate_secret *secret = gate_secret_new("another secret of at least 32 byt", 33);
    config.secret = secret;
    gate_portal *other = make_portal();
    assert_false(gate_portal_csrf_check(other, &caller, token));
    gate_portal_free(other);
    gate_secret_free(secret);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_find__the_person_behind_a_cookie),
        CASE(test_find__what_is_no_session),
        CASE(test_find__the_hash_is_no_cookie),
        CASE(test_find__after_being_idle),
        CASE(test_find__use_keeps_it_alive_up_to_its_end),
        CASE(test_find__notes_use_once_a_minute),
        CASE(test_csrf__holds_for_its_session_only),
        CASE(test_csrf__depends_on_the_secret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
