#include "unit/portal/scripted_scalekit.h"

#include "portal/connecting.h"
#include "store/token.h"

static const struct gate_connector *find(const struct gate_connector_list *list, const char *name) {
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i].name, name) == 0) {
            return &list->items[i];
        }
    }
    return NULL;
}

static void check_order(const struct gate_connector_list *list, const char *const *names) {
    size_t count = 0;
    for (; names[count] != NULL; count++) {
        assert_true(count < list->count);
        assert_string_equal(list->items[count].name, names[count]);
    }
    assert_int_equal(list->count, count);
}

static enum gate_err insert_calls(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    struct world *world = state;
    static const char *const used[] = {"slack-b", "acme", "gone"};
    enum gate_err err = GATE_OK;
    for (size_t i = 0; i < 3 && err == GATE_OK; i++) {
        const struct gate_tool_call call = {
            .user_id = world->caller.user.id,
            .connection_name = used[i],
            .tool_name = "some_tool",
            .outcome = "ok",
            .at = gate_ctx_now_ms(ctx) + (int64_t)i,
        };
        err = gate_store_tool_call_insert(ctx, tx, &call, NULL);
    }
    return err;
}

static void test_list__joins_and_orders(void **state) {
    struct world *world = *state;
    has_account(world, "slack-b", "ACTIVE");
    has_account(world, "gmail", "ACTIVE");
    has_account(world, "acme", "EXPIRED");
    has_account(world, "gone", "ACTIVE");
    assert_int_equal(gate_store_write_now(world->ctx, world->store, insert_calls, world), GATE_OK);
    struct work work;
    struct gate_connector_list list;
    assert_int_equal(list_connectors(world, &work, &list), GATE_OK);
    check_order(&list,
                (const char *const[]){"acme", "slack-b", "gmail", "free", "slack-a", "gone", NULL});
    assert_int_equal(list.stale_since, 0);
    assert_int_equal(find(&list, "acme")->state, GATE_CONNECTOR_NEEDS_RECONNECT);
    assert_int_equal(find(&list, "slack-b")->state, GATE_CONNECTOR_CONNECTED);
    assert_true(find(&list, "slack-b")->last_used_at > 0);
    assert_int_equal(find(&list, "free")->state, GATE_CONNECTOR_NEVER);
    assert_false(find(&list, "free")->has_account);
    assert_int_equal(find(&list, "gone")->state, GATE_CONNECTOR_NOT_OFFERED);
    assert_true(find(&list, "gone")->has_account);
    assert_string_equal(find(&list, "gmail")->purpose, "Read and send e-mail");
    end_work(&work);
}

static void test_list__names_every_status(void **state) {
    struct world *world = *state;
    static const struct {
        const char *status;
        enum gate_connector_state expected;
        enum gate_connector_group group;
    } rows[] = {
        {"ACTIVE", GATE_CONNECTOR_CONNECTED, GATE_CONNECTOR_GROUP_CONNECTED},
        {"EXPIRED", GATE_CONNECTOR_NEEDS_RECONNECT, GATE_CONNECTOR_GROUP_NEEDS_YOU},
        {"PENDING_AUTH", GATE_CONNECTOR_WAITING, GATE_CONNECTOR_GROUP_NEEDS_YOU},
        {"PENDING_VERIFICATION", GATE_CONNECTOR_NEEDS_VERIFICATION, GATE_CONNECTOR_GROUP_NEEDS_YOU},
        {"DISCONNECTED", GATE_CONNECTOR_DISCONNECTED, GATE_CONNECTOR_GROUP_AVAILABLE},
        {"REVOKED", GATE_CONNECTOR_NEEDS_ATTENTION, GATE_CONNECTOR_GROUP_NEEDS_YOU},
        {"CONNECTION_STATUS_UNSPECIFIED", GATE_CONNECTOR_NEEDS_ATTENTION,
         GATE_CONNECTOR_GROUP_NEEDS_YOU},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct work work;
        struct gate_connector_list list;
        has_account(world, "gmail", rows[i].status);
        advance(world, 6000);
        assert_int_equal(need_accounts(world), GATE_OK);
        settle(world);
        assert_int_equal(list_connectors(world, &work, &list), GATE_OK);
        assert_int_equal(find(&list, "gmail")->state, rows[i].expected);
        assert_int_equal(gate_connector_group_get(rows[i].expected), rows[i].group);
        end_work(&work);
    }
}

static void test_list__answers_from_the_record_when_scalekit_is_down(void **state) {
    struct world *world = *state;
    struct work work;
    struct gate_connector_list list;
    has_account(world, "gmail", "ACTIVE");
    assert_int_equal(list_connectors(world, &work, &list), GATE_OK);
    end_work(&work);
    reread_user(world);
    int64_t read_at = world->caller.user.accounts_read_at;
    fails(world, "/connected_accounts?", 400);
    advance(world, 6000);
    assert_int_equal(list_connectors(world, &work, &list), GATE_OK);
    end_work(&work);
    settle(world);
    assert_int_equal(list_connectors(world, &work, &list), GATE_OK);
    assert_int_equal(find(&list, "gmail")->state, GATE_CONNECTOR_CONNECTED);
    assert_int_equal(list.stale_since, read_at);
    end_work(&work);
}

static void test_list__fails_without_any_record(void **state) {
    struct world *world = *state;
    struct work work;
    struct gate_connector_list list;
    fails(world, "/connected_accounts?", 400);
    assert_int_equal(list_connectors(world, &work, &list), GATE_ERR_UPSTREAM);
    end_work(&work);
}

static void test_list__keeps_to_the_rules_of_a_token(void **state) {
    struct world *world = *state;
    struct work work;
    struct gate_connector_list list;
    has_account(world, "gmail", "ACTIVE");
    world->caller.kind = GATE_CALLER_PERSONAL_TOKEN;
    world->caller.token = (struct gate_token){.connections = "slack-*"};
    assert_int_equal(list_connectors(world, &work, &list), GATE_OK);
    check_order(&list, (const char *const[]){"slack-a", "slack-b", NULL});
    end_work(&work);
}

/* ---- what is just being connected ---- */

static void begin_connecting(struct world *world, const char *connection) {
    struct work work;
    struct gate_connecting_start start;
    begin_work(world, &work);
    gate_portal_connecting_begin(work.ctx, world->portal, &world->caller, connection, NULL, NULL,
                                 &start, note_end, &work);
    assert_int_equal(wait_for(world, &work), GATE_OK);
    end_work(&work);
}

static void test_list__asks_about_what_is_being_connected(void **state) {
    struct world *world = *state;
    struct work work;
    struct gate_connector_list list;
    assert_int_equal(list_connectors(world, &work, &list), GATE_OK);
    end_work(&work);
    begin_connecting(world, "acme");
    has_account(world, "acme", "ACTIVE");
    assert_int_equal(list_connectors(world, &work, &list), GATE_OK);
    assert_int_equal(find(&list, "acme")->state, GATE_CONNECTOR_CONNECTED);
    end_work(&work);
    settle(world);
    int asked = count_of(world, &world->count_details);
    advance(world, 2000);
    assert_int_equal(list_connectors(world, &work, &list), GATE_OK);
    end_work(&work);
    assert_int_equal(count_of(world, &world->count_details), asked); /* it is finished */
}

static void test_list__does_not_depend_on_asking(void **state) {
    struct world *world = *state;
    struct work work;
    struct gate_connector_list list;
    assert_int_equal(list_connectors(world, &work, &list), GATE_OK);
    end_work(&work);
    begin_connecting(world, "acme");
    fails(world, "/details", 400);
    assert_int_equal(list_connectors(world, &work, &list), GATE_OK);
    assert_int_equal(find(&list, "acme")->state, GATE_CONNECTOR_NEVER);
    assert_int_equal(work.ctx->error.kind, GATE_OK);
    assert_int_equal(work.ctx->deadline_ms, 0);
    end_work(&work);
}

/* ---- one connector ---- */

static enum gate_err find_connector(struct world *world, struct work *work, const char *name,
                                    struct gate_connector_details *ret_details) {
    reread_user(world);
    begin_work(world, work);
    gate_portal_connector_find(work->ctx, world->portal, &world->caller, name, ret_details,
                               note_end, work);
    return wait_for(world, work);
}

static void test_find__gives_history_and_calls(void **state) {
    struct world *world = *state;
    struct work work;
    struct gate_connector_details details;
    has_account(world, "acme", "ACTIVE");
    assert_int_equal(gate_store_write_now(world->ctx, world->store, insert_calls, world), GATE_OK);
    assert_int_equal(find_connector(world, &work, "acme", &details), GATE_OK);
    assert_string_equal(details.connector.display_name, "Acme Crm");
    assert_int_equal(details.connector.state, GATE_CONNECTOR_CONNECTED);
    assert_int_equal(details.event_count, 1);
    assert_string_equal(details.events[0].new_status, "ACTIVE");
    assert_int_equal(details.call_count, 1);
    assert_int_equal(details.connector.last_used_at, details.calls[0].at);
    end_work(&work);
}

static void test_find__knows_what_is_not_offered(void **state) {
    struct world *world = *state;
    struct work work;
    struct gate_connector_details details;
    has_account(world, "off", "ACTIVE");
    has_account(world, "gone", "ACTIVE");
    assert_int_equal(find_connector(world, &work, "off", &details), GATE_OK);
    assert_int_equal(details.connector.state, GATE_CONNECTOR_NOT_OFFERED);
    assert_string_equal(details.connector.display_name, "Jira");
    end_work(&work);
    assert_int_equal(find_connector(world, &work, "gone", &details), GATE_OK);
    assert_int_equal(details.connector.state, GATE_CONNECTOR_NOT_OFFERED);
    assert_string_equal(details.connector.display_name, "Gone");
    end_work(&work);
    assert_int_equal(find_connector(world, &work, "draft", &details), GATE_ERR_NOT_FOUND);
    end_work(&work);
    assert_int_equal(find_connector(world, &work, "no/such", &details), GATE_ERR_NOT_FOUND);
    end_work(&work);
}

static void test_find__keeps_to_the_rules_of_a_token(void **state) {
    struct world *world = *state;
    struct work work;
    struct gate_connector_details details;
    world->caller.kind = GATE_CALLER_PERSONAL_TOKEN;
    world->caller.token = (struct gate_token){.connections = "slack-*"};
    assert_int_equal(find_connector(world, &work, "gmail", &details), GATE_ERR_NOT_FOUND);
    end_work(&work);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        world_test(test_list__joins_and_orders),
        world_test(test_list__names_every_status),
        world_test(test_list__answers_from_the_record_when_scalekit_is_down),
        world_test(test_list__fails_without_any_record),
        world_test(test_list__keeps_to_the_rules_of_a_token),
        world_test(test_list__asks_about_what_is_being_connected),
        world_test(test_list__does_not_depend_on_asking),
        world_test(test_find__gives_history_and_calls),
        world_test(test_find__knows_what_is_not_offered),
        world_test(test_find__keeps_to_the_rules_of_a_token),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
