#include "unit/portal/scripted_scalekit.h"

static struct gate_connection *list_offered(struct world *world, size_t *ret_count) {
    struct gate_connection *connections = NULL;
    gate_store_tx *tx = gate_store_read_begin(world->store);
    assert_int_equal(gate_store_connection_list(world->ctx, tx, &connections, ret_count), GATE_OK);
    gate_store_read_end(world->store, tx);
    return connections;
}

static void test_catalogue_need__reads_what_was_never_read(void **state) {
    struct world *world = *state;
    size_t count = 0;
    assert_int_equal(need_catalogue(world), GATE_OK);
    struct gate_connection *connections = list_offered(world, &count);
    assert_int_equal(count, 5);
    assert_string_equal(connections[0].name, "gmail");
    assert_string_equal(connections[0].display_name, "Gmail");
    assert_string_equal(connections[1].display_name, "Slack (slack-a)");
    assert_string_equal(connections[2].display_name, "Slack (slack-b)");
    assert_string_equal(connections[3].display_name, "Acme Crm");
    assert_string_equal(connections[4].name, "free");
}

static void test_catalogue_need__asks_again_only_when_it_is_old(void **state) {
    struct world *world = *state;
    assert_int_equal(need_catalogue(world), GATE_OK);
    assert_int_equal(need_catalogue(world), GATE_OK);
    settle(world);
    assert_int_equal(count_of(world, &world->count_catalogue), 1);
    advance(world, 60000);
    pthread_mutex_lock(&world->lock);
    world->catalogue = "{\"connections\":[]}";
    pthread_mutex_unlock(&world->lock);
    assert_int_equal(need_catalogue(world), GATE_OK);
    settle(world);
    assert_int_equal(count_of(world, &world->count_catalogue), 2);
    size_t count = 9;
    list_offered(world, &count);
    assert_int_equal(count, 0);
}

static void test_catalogue_need__fails_without_a_record(void **state) {
    struct world *world = *state;
    fails(world, "/connections/app", 400);
    assert_int_equal(need_catalogue(world), GATE_ERR_UPSTREAM);
    assert_int_equal(need_catalogue(world), GATE_ERR_UPSTREAM); /* remembered */
    assert_int_equal(count_of(world, &world->count_catalogue), 1);
    heal(world);
    advance(world, 2000);
    assert_int_equal(need_catalogue(world), GATE_OK);
}

static void test_catalogue_need__goes_on_with_an_old_record(void **state) {
    struct world *world = *state;
    assert_int_equal(need_catalogue(world), GATE_OK);
    assert_false(gate_portal_refresh_is_failing(world->portal, 0));
    fails(world, "/connections/app", 400);
    advance(world, 60000);
    assert_int_equal(need_catalogue(world), GATE_OK);
    settle(world);
    assert_int_equal(need_catalogue(world), GATE_OK);
    settle(world);
    assert_int_equal(count_of(world, &world->count_catalogue), 2);
    assert_true(gate_portal_refresh_is_failing(world->portal, 0));
    heal(world);
    advance(world, 2000);
    assert_int_equal(need_catalogue(world), GATE_OK);
    settle(world);
    assert_false(gate_portal_refresh_is_failing(world->portal, 0));
}

static void test_accounts_need__reads_and_reconciles(void **state) {
    struct world *world = *state;
    has_account(world, "gmail", "ACTIVE");
    has_account(world, "acme", "EXPIRED");
    assert_int_equal(need_accounts(world), GATE_OK);
    assert_string_equal(recorded(world, "gmail"), "ACTIVE");
    assert_string_equal(recorded(world, "acme"), "EXPIRED");
    lose_account(world, "acme");
    has_account(world, "gmail", "EXPIRED");
    assert_int_equal(need_accounts(world), GATE_OK); /* fresh: not asked */
    settle(world);
    assert_string_equal(recorded(world, "gmail"), "ACTIVE");
    advance(world, 5000);
    assert_int_equal(need_accounts(world), GATE_OK);
    settle(world);
    assert_string_equal(recorded(world, "gmail"), "EXPIRED");
    assert_null(recorded(world, "acme"));
    assert_int_equal(count_of(world, &world->count_list), 2);
}

static enum gate_err read_in_an_hour(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    const struct world *world = state;
    return gate_store_user_save_accounts_read_at(ctx, tx, world->caller.user.id,
                                                 gate_ctx_now_ms(ctx) + 3600000);
}

static void test_accounts_need__reads_again_when_the_clock_was_set_back(void **state) {
    struct world *world = *state;
    assert_int_equal(need_accounts(world), GATE_OK);
    assert_int_equal(gate_store_write_now(world->ctx, world->store, read_in_an_hour, world),
                     GATE_OK);
    has_account(world, "gmail", "ACTIVE");
    assert_int_equal(need_accounts(world), GATE_OK);
    settle(world);
    assert_string_equal(recorded(world, "gmail"), "ACTIVE");
    reread_user(world);
    assert_true(world->caller.user.accounts_read_at <= gate_ctx_now_ms(world->ctx));
}

static void test_accounts_need__asks_once_for_all_who_wait(void **state) {
    struct world *world = *state;
    struct work works[4];
    add_fault(world, "/connected_accounts?", (struct gate_test_http_answer){.is_held = true});
    for (int i = 0; i < 4; i++) {
        begin_work(world, &works[i]);
        gate_portal_accounts_need(works[i].ctx, world->portal, &world->caller.user, note_end,
                                  &works[i]);
    }
    gate_test_server_release(world->server);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(wait_for(world, &works[i]), GATE_OK);
        end_work(&works[i]);
    }
    assert_int_equal(count_of(world, &world->count_list), 1);
}

static void test_accounts_need__counts_the_wait_for_all_who_wait(void **state) {
    struct world *world = *state;
    struct work works[2];
    /* The token's fetch is on a context of its own, as is the refresh that waits for it. */
    add_fault(world, "/oauth/token", (struct gate_test_http_answer){.is_held = true});
    for (int i = 0; i < 2; i++) {
        begin_work(world, &works[i]);
        gate_portal_accounts_need(works[i].ctx, world->portal, &world->caller.user, note_end,
                                  &works[i]);
        gate_test_server_wait_requests(world->server, 1);
        advance(world, 1000);
    }
    gate_test_server_release(world->server);
    for (int i = 0; i < 2; i++) {
        wait_for(world, &works[i]);
        assert_int_equal(works[i].ctx->waited.pause_ms, 0);
    }
    assert_true(works[0].ctx->waited.upstream_ms >= 2000);
    assert_true(works[1].ctx->waited.upstream_ms >= 1000);
    assert_true(works[1].ctx->waited.upstream_ms <= works[0].ctx->waited.upstream_ms - 500);
    end_work(&works[0]);
    end_work(&works[1]);
}

static void test_accounts_need__tells_all_who_wait_of_a_failure(void **state) {
    struct world *world = *state;
    struct work works[2];
    fails(world, "/connected_accounts?", 400);
    for (int i = 0; i < 2; i++) {
        begin_work(world, &works[i]);
        gate_portal_accounts_need(works[i].ctx, world->portal, &world->caller.user, note_end,
                                  &works[i]);
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(wait_for(world, &works[i]), GATE_ERR_UPSTREAM);
        assert_int_equal(works[i].ctx->error.kind, GATE_ERR_UPSTREAM);
        end_work(&works[i]);
    }
    assert_true(gate_portal_refresh_is_failing(world->portal, world->caller.user.id));
    assert_false(gate_portal_refresh_is_failing(world->portal, world->caller.user.id + 256));
    advance(world, 30000);
    assert_false(gate_portal_refresh_is_failing(world->portal, world->caller.user.id));
}

static void test_accounts_need__is_bounded(void **state) {
    struct world *world = *state;
    enum { MORE = GATE_REFRESHES_MAX + 3 };
    static struct work works[MORE];
    static struct gate_user users[MORE];
    add_fault(world, "/connected_accounts?", (struct gate_test_http_answer){.is_held = true});
    int refused = 0;
    for (int i = 0; i < MORE; i++) {
        users[i] = (struct gate_user){.id = 1000 + i, .identifier = "nobody"};
        begin_work(world, &works[i]);
        gate_portal_accounts_need(works[i].ctx, world->portal, &users[i], note_end, &works[i]);
        refused += works[i].is_done && works[i].err == GATE_ERR_BUSY;
    }
    assert_int_equal(refused, 3);
    gate_test_server_release(world->server);
    for (int i = 0; i < MORE; i++) {
        wait_for(world, &works[i]);
        end_work(&works[i]);
    }
}

static void test_free__waits_for_what_is_under_way(void **state) {
    struct world *world = *state;
    assert_int_equal(need_accounts(world), GATE_OK);
    advance(world, 5000);
    add_fault(world, "/connected_accounts?", (struct gate_test_http_answer){.is_held = true});
    assert_int_equal(need_accounts(world), GATE_OK);
    gate_test_server_wait_requests(world->server, 3);
    gate_test_server_release(world->server);
    gate_portal_free(world->portal);
    world->portal = NULL;
}

/* ---- one account ---- */

static enum gate_err ask(struct world *world, const char *connection,
                         enum gate_account_status *ret_status) {
    struct work work;
    struct gate_account account;
    begin_work(world, &work);
    gate_portal_account_ask(work.ctx, world->portal, &world->caller.user, connection,
                            GATE_ACCOUNT_SOURCE_PAGE, &account, note_end, &work);
    enum gate_err err = wait_for(world, &work);
    if (err == GATE_OK) {
        *ret_status = account.status;
    }
    end_work(&work);
    return err;
}

static void test_account_ask__records_what_it_hears(void **state) {
    struct world *world = *state;
    enum gate_account_status status = GATE_ACCOUNT_UNKNOWN;
    assert_int_equal(ask(world, "gmail", &status), GATE_ERR_NOT_FOUND);
    has_account(world, "gmail", "PENDING_AUTH");
    assert_int_equal(ask(world, "gmail", &status), GATE_OK);
    assert_int_equal(status, GATE_ACCOUNT_PENDING_AUTH);
    has_account(world, "gmail", "ACTIVE");
    assert_int_equal(ask(world, "gmail", &status), GATE_OK);
    assert_int_equal(status, GATE_ACCOUNT_ACTIVE);
    assert_string_equal(recorded(world, "gmail"), "ACTIVE");
    advance(world, 1000);
    lose_account(world, "gmail");
    assert_int_equal(ask(world, "gmail", &status), GATE_ERR_NOT_FOUND);
    assert_null(recorded(world, "gmail"));
}

static void test_account_ask__leaves_the_record_on_failure(void **state) {
    struct world *world = *state;
    enum gate_account_status status = GATE_ACCOUNT_UNKNOWN;
    has_account(world, "gmail", "ACTIVE");
    assert_int_equal(ask(world, "gmail", &status), GATE_OK);
    fails(world, "/details", 400);
    assert_int_equal(ask(world, "gmail", &status), GATE_ERR_INPUT);
    assert_string_equal(recorded(world, "gmail"), "ACTIVE");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        world_test(test_catalogue_need__reads_what_was_never_read),
        world_test(test_catalogue_need__asks_again_only_when_it_is_old),
        world_test(test_catalogue_need__fails_without_a_record),
        world_test(test_catalogue_need__goes_on_with_an_old_record),
        world_test(test_accounts_need__reads_and_reconciles),
        world_test(test_accounts_need__reads_again_when_the_clock_was_set_back),
        world_test(test_accounts_need__asks_once_for_all_who_wait),
        world_test(test_accounts_need__counts_the_wait_for_all_who_wait),
        world_test(test_accounts_need__tells_all_who_wait_of_a_failure),
        world_test(test_accounts_need__is_bounded),
        world_test(test_free__waits_for_what_is_under_way),
        world_test(test_account_ask__records_what_it_hears),
        world_test(test_account_ask__leaves_the_record_on_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
