#include "support/scripted_portal.h"

#include "portal/connector_wait.h"

#define ACCOUNTS "GET /api/v1/connected_accounts?"
#define CALLERS_MAX (GATE_WAITS_PER_USER_MAX + 1)

/* Ann's Gmail is active, her Slack has expired. */
static struct scripted_portal p;
static struct gate_caller ann;

/* One who waits. */
struct waiter {
    struct gate_ctx *ctx;
    struct gate_connector_wait wish;
    struct gate_connector_details details;
    struct waited waited;
};
static struct waiter waiters[CALLERS_MAX];

static int set_up(void **state) {
    (void)state;
    scripted_portal_open(&p, "https://portal.example.com");
    ann = (struct gate_caller){
        .kind = GATE_CALLER_BROWSER,
        .has_user = true,
        .user = add_person(&p, "ann"),
    };
    record_catalogue(&p);
    record_accounts(&p, &ann.user);
    memset(waiters, 0, sizeof waiters);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    for (size_t i = 0; i < CALLERS_MAX; i++) {
        gate_ctx_free(waiters[i].ctx);
    }
    scripted_portal_close(&p);
    return 0;
}

static struct waiter *start(size_t index, const char *connection_name,
                            const struct gate_connector_wait *wish) {
    struct waiter *waiter = &waiters[index];
    waiter->ctx = gate_ctx_new(&p.clock.clock, p.runqueue, NULL);
    waiter->wish = *wish;
    gate_portal_connector_wait(waiter->ctx, p.portal, &ann, connection_name, &waiter->wish,
                               &waiter->details, note_end, &waiter->waited);
    return waiter;
}

static enum gate_account_status status_of(const struct waiter *waiter) {
    return waiter->details.connector.account.status;
}

static const struct gate_connector_wait half_a_minute = {.wait_ms = 30000};

static enum gate_err activate_slack(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    (void)state;
    const struct gate_account account = {
        .user_id = ann.user.id,
        .connection_name = "slack",
        .scalekit_id = "ca_ann_slack",
        .status = GATE_ACCOUNT_ACTIVE,
    };
    return gate_store_account_save(ctx, tx, &account, GATE_ACCOUNT_SAVE_ALWAYS,
                                   gate_ctx_now_ms(ctx), NULL);
}

static void test_wait__none_wanted(void **state) {
    (void)state;
    struct waiter *waiter = start(0, "slack", &(struct gate_connector_wait){0});
    assert_true(waiter->waited.is_done);
    assert_int_equal(waiter->waited.err, GATE_OK);
    assert_int_equal(status_of(waiter), GATE_ACCOUNT_EXPIRED);
}

static void test_wait__status_differs_already(void **state) {
    (void)state;
    struct gate_connector_wait wish = half_a_minute;
    wish.has_status = true;
    wish.status = "PENDING_AUTH";
    assert_true(start(0, "slack", &wish)->waited.is_done);
    wish.status = NULL; /* "no account" */
    assert_true(start(1, "slack", &wish)->waited.is_done);
    wish.status = "EXPIRED";
    struct waiter *waiter = start(2, "slack", &wish);
    assert_false(waiter->waited.is_done);
    gate_portal_waits_end(p.portal);
    assert_int_equal(wait_for_end(&p, &waiter->waited), GATE_OK);
}

static void test_wait__for_a_change_of_the_record(void **state) {
    (void)state;
    struct waiter *waiter = start(0, "slack", &half_a_minute);
    assert_false(waiter->waited.is_done);
    assert_int_equal(gate_store_write_now(p.ctx, p.store, activate_slack, NULL), GATE_OK);
    assert_int_equal(wait_for_end(&p, &waiter->waited), GATE_OK);
    assert_int_equal(status_of(waiter), GATE_ACCOUNT_ACTIVE);
}

static void test_wait__until_the_time_is_up(void **state) {
    (void)state;
    struct waiter *waiter = start(0, "slack", &half_a_minute);
    gate_test_clock_advance(&p.clock, 30000);
    assert_int_equal(wait_for_end(&p, &waiter->waited), GATE_OK);
    assert_int_equal(status_of(waiter), GATE_ACCOUNT_EXPIRED);
    assert_int_equal(waiter->ctx->error.kind, GATE_OK);
}

static void test_wait__scalekit_is_asked_once_for_all(void **state) {
    (void)state;
    script(&p, ACCOUNTS, 200,
           "{\"connected_accounts\":[" ACCOUNT_TEXT("ann", "gmail", "ACTIVE") "," ACCOUNT_TEXT(
               "ann", "slack", "ACTIVE") "]}");
    gate_test_clock_advance(&p.clock, 5000); /* the record is older than it may get */
    for (size_t i = 0; i < 4; i++) {
        assert_false(start(i, "slack", &half_a_minute)->waited.is_done);
    }
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(wait_for_end(&p, &waiters[i].waited), GATE_OK);
        assert_int_equal(status_of(&waiters[i]), GATE_ACCOUNT_ACTIVE);
    }
    assert_int_equal(count_seen(&p, ACCOUNTS), 1);
}

static void test_wait__scalekit_is_away(void **state) {
    (void)state;
    script(&p, ACCOUNTS, 500, "");
    gate_test_clock_advance(&p.clock, 5000);
    struct waiter *waiter = start(0, "slack", &half_a_minute);
    assert_int_equal(gate_store_write_now(p.ctx, p.store, activate_slack, NULL), GATE_OK);
    assert_int_equal(wait_for_end(&p, &waiter->waited), GATE_OK);
    assert_int_equal(status_of(waiter), GATE_ACCOUNT_ACTIVE);
}

static void test_wait__only_so_many_places(void **state) {
    (void)state;
    for (size_t i = 0; i < GATE_WAITS_PER_USER_MAX; i++) {
        assert_false(start(i, "gmail", &half_a_minute)->waited.is_done);
    }
    struct waiter *last = start(GATE_WAITS_PER_USER_MAX, "gmail", &half_a_minute);
    assert_int_equal(last->waited.err, GATE_ERR_BUSY);
    gate_portal_waits_end(p.portal);
    for (size_t i = 0; i < GATE_WAITS_PER_USER_MAX; i++) {
        assert_int_equal(wait_for_end(&p, &waiters[i].waited), GATE_OK);
    }
    gate_ctx_free(last->ctx);
    memset(last, 0, sizeof *last);
    assert_true(start(GATE_WAITS_PER_USER_MAX, "gmail", &half_a_minute)->waited.is_done);
    assert_int_equal(last->waited.err, GATE_OK); /* places were given back, and it is stopping */
}

static void test_wait__no_such_connection(void **state) {
    (void)state;
    assert_int_equal(start(0, "none", &half_a_minute)->waited.err, GATE_ERR_NOT_FOUND);
    ann.kind = GATE_CALLER_PERSONAL_TOKEN;
    ann.token = (struct gate_token){.connections = "slack", .scopes = GATE_SCOPE_READ};
    assert_int_equal(start(1, "gmail", &half_a_minute)->waited.err, GATE_ERR_NOT_FOUND);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_wait__none_wanted),
        CASE(test_wait__status_differs_already),
        CASE(test_wait__for_a_change_of_the_record),
        CASE(test_wait__until_the_time_is_up),
        CASE(test_wait__scalekit_is_asked_once_for_all),
        CASE(test_wait__scalekit_is_away),
        CASE(test_wait__only_so_many_places),
        CASE(test_wait__no_such_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
