#include "support/scripted_portal.h"

#include <sqlite3.h>

#include "portal/idempotency.h"
#include "store/idempotency.h"

#define DAY_MS (24 * HOUR_MS)
#define ANSWER "{\"data\":{\"n\":1.0000000000000000001}}"

static struct scripted_portal p;
static struct gate_caller ann;

/* What a beginning came to. */
static struct gate_keyed_start start;
static struct gate_ctx *ctx;

static int set_up(void **state) {
    (void)state;
    scripted_portal_open(&p, "https://portal.example.com");
    ann = (struct gate_caller){
        .kind = GATE_CALLER_PERSONAL_TOKEN,
        .has_user = true,
        .user = add_person(&p, "ann"),
        .token = {.id = 7},
    };
    ctx = gate_ctx_new(&p.clock.clock, p.runqueue, "fedcba9876543210");
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    gate_ctx_free(ctx);
    scripted_portal_close(&p);
    return 0;
}

static enum gate_err begin_as(const struct gate_caller *caller, const char *key, const char *body) {
    const struct gate_keyed_request request = {
        .key = key,
        .operation = "POST /api/v1/execute_tool?",
        .body_hash = gate_digest_make(body, strlen(body)),
    };
    struct waited waited = {0};
    gate_error_clear(&ctx->error);
    start = (struct gate_keyed_start){0};
    gate_portal_idempotency_begin(ctx, p.portal, caller, &request, &start, note_end, &waited);
    enum gate_err err = wait_for_end(&p, &waited);
    assert_int_equal(err, ctx->error.kind);
    return err;
}

static enum gate_err begin(const char *key) {
    return begin_as(&ann, key, "{}");
}

static void expect_run(enum gate_err err) {
    assert_int_equal(err, GATE_OK);
    assert_non_null(start.call);
}

static void end_with(enum gate_keyed_end end, const struct gate_keyed_answer *answer) {
    struct waited waited = {0};
    gate_portal_idempotency_end(ctx, p.portal, start.call, end, answer, note_end, &waited);
    assert_int_equal(wait_for_end(&p, &waited), GATE_OK);
}

static void keep(const char *body, size_t length) {
    end_with(GATE_KEYED_KEEP, &(struct gate_keyed_answer){
                                  .status = 200,
                                  .content_type = "application/json",
                                  .body = body,
                                  .body_length = length,
                              });
}

static void expect_replay(enum gate_err err) {
    assert_int_equal(err, GATE_OK);
    assert_null(start.call);
    assert_int_equal(start.answer.status, 200);
    assert_string_equal(start.answer.content_type, "application/json");
    assert_int_equal(start.answer.body_length, strlen(ANSWER));
    assert_memory_equal(start.answer.body, ANSWER, strlen(ANSWER));
}

/* The next process on the same database. */
static void restart(void) {
    close_net(&p);
    open_net(&p, 100);
}

static void test_answer__is_repeated_byte_for_byte(void **state) {
    (void)state;
    expect_run(begin("k"));
    keep(ANSWER, strlen(ANSWER));
    expect_replay(begin("k"));
    expect_replay(begin("k"));
    restart();
    expect_replay(begin("k"));
}

static void test_answer__empty_and_with_nul_bytes(void **state) {
    (void)state;
    expect_run(begin("empty"));
    keep("", 0);
    assert_int_equal(begin("empty"), GATE_OK);
    assert_null(start.call);
    assert_int_equal(start.answer.body_length, 0);
    expect_run(begin("nul"));
    keep("a\0b", 3);
    assert_int_equal(begin("nul"), GATE_OK);
    assert_int_equal(start.answer.body_length, 3);
    assert_memory_equal(start.answer.body, "a\0b", 3);
}

static void test_key__with_another_request(void **state) {
    (void)state;
    expect_run(begin("k"));
    gate_keyed_call *call = start.call;
    assert_int_equal(begin_as(&ann, "k", "{} "), GATE_ERR_KEY_REUSED);
    start.call = call;
    keep(ANSWER, strlen(ANSWER));
    assert_int_equal(begin_as(&ann, "k", "{} "), GATE_ERR_KEY_REUSED);
    expect_replay(begin("k"));
}

static void test_key__while_running(void **state) {
    (void)state;
    expect_run(begin("k"));
    assert_int_equal(begin("k"), GATE_ERR_KEY_RUNNING);
    gate_test_clock_advance(&p.clock, GATE_IDEMPOTENCY_RUN_MAX_MS - 1);
    assert_int_equal(begin("k"), GATE_ERR_KEY_RUNNING);
    gate_test_clock_advance(&p.clock, 1);
    assert_int_equal(begin("k"), GATE_ERR_KEY_OUTCOME_UNKNOWN);
}

static void test_key__of_a_process_that_died(void **state) {
    (void)state;
    expect_run(begin("k"));
    restart();
    assert_int_equal(begin("k"), GATE_ERR_KEY_OUTCOME_UNKNOWN);
    assert_int_equal(begin_as(&ann, "k", "{} "), GATE_ERR_KEY_REUSED);
}

static void test_key__outcome_unknown_stays_so(void **state) {
    (void)state;
    expect_run(begin("k"));
    end_with(GATE_KEYED_UNKNOWN, NULL);
    assert_int_equal(begin("k"), GATE_ERR_KEY_OUTCOME_UNKNOWN);
    gate_test_clock_advance(&p.clock, DAY_MS - 1);
    assert_int_equal(begin("k"), GATE_ERR_KEY_OUTCOME_UNKNOWN);
}

static void test_key__released(void **state) {
    (void)state;
    expect_run(begin("k"));
    end_with(GATE_KEYED_RELEASE, NULL);
    expect_run(begin_as(&ann, "k", "another"));
}

static void test_key__belongs_to_token_and_user(void **state) {
    (void)state;
    struct gate_caller others[] = {ann, ann, ann};
    others[0].token.id = 8;
    others[1].user = add_person(&p, "bob");
    others[2].kind = GATE_CALLER_BROWSER;
    others[2].token.id = 0;
    expect_run(begin("k"));
    for (size_t i = 0; i < 3; i++) {
        expect_run(begin_as(&others[i], "k", "{}"));
        keep("theirs", 6);
    }
    assert_int_equal(begin("k"), GATE_ERR_KEY_RUNNING);
}

static void test_key__needs_a_user(void **state) {
    (void)state;
    ann.has_user = false;
    assert_int_equal(begin("k"), GATE_ERR_FORBIDDEN);
}

static void test_key__syntax(void **state) {
    (void)state;
    char longest[GATE_IDEMPOTENCY_KEY_MAX_BYTES + 2];
    memset(longest, '~', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    const char *const bad[] = {"", longest, "a\tb", "a\nb", "a\x7f", "\xc3\xa9", "\x01"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(begin(bad[i]), GATE_ERR_INPUT);
    }
    longest[GATE_IDEMPOTENCY_KEY_MAX_BYTES] = '\0';
    const char *const good[] = {longest, "\"8e03978e-40d5\"", " ", "a b", "!"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        expect_run(begin(good[i]));
    }
}

static void test_key__expires(void **state) {
    (void)state;
    expect_run(begin("k"));
    keep(ANSWER, strlen(ANSWER));
    gate_test_clock_advance(&p.clock, DAY_MS - 1);
    expect_replay(begin("k"));
    gate_test_clock_advance(&p.clock, 1);
    expect_run(begin_as(&ann, "k", "another"));
}

static void expect_usage(int64_t owner, int64_t keys) {
    struct gate_idempotency_usage usage;
    gate_store_tx *tx = gate_store_read_begin(p.store);
    assert_int_equal(gate_store_idempotency_usage(p.ctx, tx, owner, &usage), GATE_OK);
    gate_store_read_end(p.store, tx);
    assert_int_equal(usage.keys, keys);
}

static void test_expired__is_swept_by_whoever_comes(void **state) {
    (void)state;
    for (int i = 0; i < 5; i++) {
        expect_run(begin(gate_arena_printf(ctx->arena, "k%d", i)));
        keep(ANSWER, strlen(ANSWER));
    }
    expect_usage(7, 5);
    gate_test_clock_advance(&p.clock, DAY_MS);
    struct gate_caller bob = ann;
    bob.user = add_person(&p, "bob");
    bob.token.id = 9;
    expect_run(begin_as(&bob, "k", "{}"));
    expect_usage(7, 0);
    expect_usage(0, 1);
}

static void test_answer__too_large_or_none_is_not_kept_but_not_run_again(void **state) {
    (void)state;
    size_t length = GATE_IDEMPOTENCY_ANSWER_MAX_BYTES + 1;
    char *body = gate_arena_alloc(ctx->arena, length);
    expect_run(begin("just"));
    keep(body, length - 1);
    assert_int_equal(begin("just"), GATE_OK);
    assert_null(start.call);
    expect_run(begin("large"));
    keep(body, length);
    assert_int_equal(begin("large"), GATE_ERR_KEY_ANSWER_GONE);
    expect_run(begin("none"));
    keep(NULL, 0);
    assert_int_equal(begin("none"), GATE_ERR_KEY_ANSWER_GONE);
}

/* As if there were so many keys. */
static void set_keys(int64_t owner, int64_t keys) {
    sqlite3 *db = NULL;
    char sql[100];
    snprintf(sql, sizeof sql, "UPDATE idempotency_usage SET keys = %lld WHERE owner = %lld",
             (long long)keys, (long long)owner);
    assert_int_equal(sqlite3_open(database_path(&p, ""), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void test_limit__too_many_keys(void **state) {
    (void)state;
    expect_run(begin("first"));
    keep(ANSWER, strlen(ANSWER));
    set_keys(7, GATE_IDEMPOTENCY_KEYS_PER_CALLER_MAX);
    assert_int_equal(begin("one too many"), GATE_ERR_BUSY);
    expect_replay(begin("first"));
    struct gate_caller other = ann;
    other.token.id = 8;
    expect_run(begin_as(&other, "k", "{}"));
    set_keys(0, GATE_IDEMPOTENCY_KEYS_MAX);
    assert_int_equal(begin_as(&other, "k2", "{}"), GATE_ERR_BUSY);
}

static void test_limit__a_refused_call_still_sweeps(void **state) {
    (void)state;
    expect_run(begin("first"));
    gate_test_clock_advance(&p.clock, DAY_MS);
    set_keys(7, GATE_IDEMPOTENCY_KEYS_PER_CALLER_MAX + 5);
    assert_int_equal(begin("second"), GATE_ERR_BUSY);
    expect_usage(7, GATE_IDEMPOTENCY_KEYS_PER_CALLER_MAX + 4);
}

static void test_stored__nothing_of_it_can_be_read(void **state) {
    (void)state;
    static const char secret[] = "a very private message body";
    expect_run(begin_as(&ann, "plain-key-text", "request words"));
    keep(secret, strlen(secret));
    struct gate_idempotency row;
    struct gate_digest key_hash = gate_digest_make("plain-key-text", strlen("plain-key-text"));
    struct gate_digest plain = gate_digest_make("request words", strlen("request words"));
    gate_store_tx *tx = gate_store_read_begin(p.store);
    assert_int_equal(gate_store_idempotency_find(p.ctx, tx, ann.user.id, 7, &key_hash, &row),
                     GATE_OK);
    gate_store_read_end(p.store, tx);
    assert_null(strstr(row.sealed_answer, "private"));
    /* Who has the file cannot try out what the request was. */
    assert_memory_not_equal(row.request_hash.bytes, plain.bytes, sizeof plain.bytes);
}

static enum gate_err swap_answers(struct gate_ctx *write_ctx, gate_store_tx *tx, void *state) {
    (void)state;
    struct gate_digest one = gate_digest_make("one", 3), two = gate_digest_make("two", 3);
    struct gate_idempotency from, to;
    enum gate_err err = gate_store_idempotency_find(write_ctx, tx, ann.user.id, 7, &one, &from);
    if (err == GATE_OK) {
        err = gate_store_idempotency_find(write_ctx, tx, ann.user.id, 7, &two, &to);
    }
    to.state = GATE_IDEMPOTENCY_ANSWERED;
    to.status = from.status;
    to.content_type = from.content_type;
    to.sealed_answer = from.sealed_answer;
    return err == GATE_OK ? gate_store_idempotency_end(write_ctx, tx, &to) : err;
}

static void test_stored__an_answer_does_not_open_in_another_row(void **state) {
    (void)state;
    expect_run(begin("one"));
    keep(ANSWER, strlen(ANSWER));
    expect_run(begin("two"));
    assert_int_equal(gate_store_write_now(p.ctx, p.store, swap_answers, NULL), GATE_OK);
    assert_int_equal(begin("two"), GATE_ERR_KEY_ANSWER_GONE);
    expect_replay(begin("one"));
}

static void test_choose__every_outcome(void **state) {
    (void)state;
    static const struct {
        enum gate_err outcome;
        enum gate_keyed_end before;
        enum gate_keyed_end after;
    } rows[] = {
        {GATE_OK, GATE_KEYED_KEEP, GATE_KEYED_KEEP},
        {GATE_ERR_PROVIDER, GATE_KEYED_KEEP, GATE_KEYED_KEEP},
        {GATE_ERR_NOT_FOUND, GATE_KEYED_KEEP, GATE_KEYED_KEEP},
        {GATE_ERR_INPUT, GATE_KEYED_KEEP, GATE_KEYED_KEEP},
        {GATE_ERR_CONFLICT, GATE_KEYED_KEEP, GATE_KEYED_KEEP},
        {GATE_ERR_TOO_LARGE, GATE_KEYED_KEEP, GATE_KEYED_KEEP},
        {GATE_ERR_OUTCOME_UNKNOWN, GATE_KEYED_UNKNOWN, GATE_KEYED_UNKNOWN},
        {GATE_ERR_UNAUTHENTICATED, GATE_KEYED_RELEASE, GATE_KEYED_RELEASE},
        {GATE_ERR_FORBIDDEN, GATE_KEYED_RELEASE, GATE_KEYED_RELEASE},
        {GATE_ERR_NEEDS_AUTHORIZATION, GATE_KEYED_RELEASE, GATE_KEYED_RELEASE},
        {GATE_ERR_BUSY, GATE_KEYED_RELEASE, GATE_KEYED_RELEASE},
        {GATE_ERR_RATE_LIMITED, GATE_KEYED_RELEASE, GATE_KEYED_RELEASE},
        {GATE_ERR_UNAVAILABLE, GATE_KEYED_RELEASE, GATE_KEYED_RELEASE},
        {GATE_ERR_TIMEOUT, GATE_KEYED_RELEASE, GATE_KEYED_RELEASE},
        {GATE_ERR_UPSTREAM, GATE_KEYED_RELEASE, GATE_KEYED_UNKNOWN},
        {GATE_ERR_STORE, GATE_KEYED_RELEASE, GATE_KEYED_UNKNOWN},
        {GATE_ERR_INTERNAL, GATE_KEYED_RELEASE, GATE_KEYED_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(gate_portal_idempotency_choose(rows[i].outcome, false), rows[i].before);
        assert_int_equal(gate_portal_idempotency_choose(rows[i].outcome, true), rows[i].after);
    }
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_answer__is_repeated_byte_for_byte),
        CASE(test_answer__empty_and_with_nul_bytes),
        CASE(test_answer__too_large_or_none_is_not_kept_but_not_run_again),
        CASE(test_key__with_another_request),
        CASE(test_key__while_running),
        CASE(test_key__of_a_process_that_died),
        CASE(test_key__outcome_unknown_stays_so),
        CASE(test_key__released),
        CASE(test_key__belongs_to_token_and_user),
        CASE(test_key__needs_a_user),
        CASE(test_key__syntax),
        CASE(test_key__expires),
        CASE(test_expired__is_swept_by_whoever_comes),
        CASE(test_limit__too_many_keys),
        CASE(test_limit__a_refused_call_still_sweeps),
        CASE(test_stored__nothing_of_it_can_be_read),
        CASE(test_stored__an_answer_does_not_open_in_another_row),
        CASE(test_choose__every_outcome),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
