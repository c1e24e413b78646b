#include "fixture.h"

static void test_connections_fetch__follows_all_pages(void **state) {
    struct fixture *fixture = *state;
    script(fixture, 200,
           "{\"connections\":[{\"id\":\"conn_1\",\"key_id\":\"slack-prod\",\"provider_key\":"
           "\"SLACK\",\"type\":\"OAUTH\",\"status\":\"COMPLETED\",\"enabled\":true,"
           "\"created_at\":\"2026-03-01T12:00:00Z\",\"later\":{\"more\":1}},{\"id\":\"nameless\"}],"
           "\"next_page_token\":\"p/2\",\"total_size\":\"3\"}");
    script(fixture, 200,
           "{\"connections\":[{\"id\":\"conn_2\",\"key_id\":\"n\"}],"
           "\"next_page_token\":\"p3\"}");
    script(fixture, 200, "{\"next_page_token\":\"\"}");
    struct call call;
    begin(fixture, &call);
    gate_scalekit_connections_fetch(call.ctx, fixture->scalekit, &call.connections, &call.count,
                                    note_end, &call);
    assert_int_equal(finish(fixture, &call), GATE_OK);
    assert_int_equal(call.count, 2);
    assert_string_equal(call.connections[0].id, "conn_1");
    assert_string_equal(call.connections[0].name, "slack-prod");
    assert_string_equal(call.connections[0].provider, "SLACK");
    assert_string_equal(call.connections[0].type, "OAUTH");
    assert_string_equal(call.connections[0].status, "COMPLETED");
    assert_true(call.connections[0].enabled);
    assert_int_equal(call.connections[0].created_at_ms, 1772366400000);
    assert_string_equal(call.connections[1].name, "n");
    assert_string_equal(call.connections[1].provider, "");
    assert_false(call.connections[1].enabled);
    assert_int_equal(call.connections[1].created_at_ms, 0);
    gate_ctx_free(call.ctx);
    look(fixture);
    assert_string_equal(fixture->seen_target[0], "GET /api/v1/connections/app?page_size=30");
    assert_string_equal(fixture->seen_target[1],
                        "GET /api/v1/connections/app?page_size=30&page_token=p%2F2");
    assert_string_equal(fixture->seen_target[2],
                        "GET /api/v1/connections/app?page_size=30&page_token=p3");
}

static void test_connections_fetch__list_without_end(void **state) {
    struct fixture *fixture = *state;
    script(fixture, 200, "{\"connections\":[],\"next_page_token\":\"same\"}");
    struct call call;
    begin(fixture, &call);
    gate_scalekit_connections_fetch(call.ctx, fixture->scalekit, &call.connections, &call.count,
                                    note_end, &call);
    assert_int_equal(end(fixture, &call), GATE_ERR_UPSTREAM);
    assert_int_equal(count_api(fixture), 2);
}

static void test_accounts_fetch__gives_only_the_users_own(void **state) {
    struct fixture *fixture = *state;
    script(fixture, 200,
           "{\"connected_accounts\":["
           "{\"id\":\"ca_1\",\"identifier\":\"u 1&x\",\"connector\":\"gmail\",\"provider\":"
           "\"GMAIL\",\"connection_id\":\"conn_1\",\"status\":\"ACTIVE\",\"authorization_type\":"
           "\"OAUTH\",\"token_expires_at\":\"2026-03-01T12:00:01Z\",\"updated_at\":"
           "\"2026-03-01T12:00:00.5Z\",\"last_used_at\":null},"
           "{\"id\":\"ca_2\",\"identifier\":\"somebody else\",\"status\":\"ACTIVE\"}],"
           "\"next_page_token\":\"2\"}");
    script(fixture, 200,
           "{\"connected_accounts\":["
           "{\"id\":\"ca_3\",\"identifier\":\"u 1&x\",\"status\":\"REVOKED\"}]}");
    struct call call;
    begin(fixture, &call);
    gate_scalekit_accounts_fetch(call.ctx, fixture->scalekit, "u 1&x", &call.accounts, &call.count,
                                 note_end, &call);
    assert_int_equal(finish(fixture, &call), GATE_OK);
    assert_int_equal(call.count, 2);
    assert_string_equal(call.accounts[0].id, "ca_1");
    assert_string_equal(call.accounts[0].connection_name, "gmail");
    assert_string_equal(call.accounts[0].connection_id, "conn_1");
    assert_string_equal(call.accounts[0].provider, "GMAIL");
    assert_string_equal(call.accounts[0].authorization_type, "OAUTH");
    assert_int_equal(call.accounts[0].status, GATE_ACCOUNT_ACTIVE);
    assert_int_equal(call.accounts[0].token_expires_at_ms, 1772366401000);
    assert_int_equal(call.accounts[0].updated_at_ms, 1772366400500);
    assert_int_equal(call.accounts[0].last_used_at_ms, 0);
    assert_string_equal(call.accounts[1].id, "ca_3");
    assert_int_equal(call.accounts[1].status, GATE_ACCOUNT_UNKNOWN);
    gate_ctx_free(call.ctx);
    look(fixture);
    assert_string_equal(fixture->seen_target[0],
                        "GET /api/v1/connected_accounts?identifier=u%201%26x&page_size=99");
}

static enum gate_err run_account(struct fixture *fixture, struct gate_scalekit_account *ret) {
    struct call call;
    begin(fixture, &call);
    gate_scalekit_account_fetch(call.ctx, fixture->scalekit, "gmail", "u1", &call.account, note_end,
                                &call);
    enum gate_err err = finish(fixture, &call);
    *ret = (struct gate_scalekit_account){.status = call.account.status};
    gate_ctx_free(call.ctx);
    return err;
}

static void test_account_fetch(void **state) {
    struct fixture *fixture = *state;
    script(fixture, 200,
           "{\"connected_account\":{\"id\":\"ca_1\",\"identifier\":\"u1\",\"connector\":\"gmail\","
           "\"status\":\"PENDING_VERIFICATION\"}}");
    script(fixture, 404, "{\"code\":5,\"message\":\"not found\"}");
    script(fixture, 200,
           "{\"connected_account\":{\"id\":\"ca_1\",\"identifier\":\"u2\",\"connector\":\"gmail\","
           "\"status\":\"ACTIVE\"}}");
    script(fixture, 200,
           "{\"connected_account\":{\"id\":\"ca_1\",\"identifier\":\"u1\",\"connector\":\"slack\","
           "\"status\":\"ACTIVE\"}}");
    script(fixture, 200, "{}");
    struct gate_scalekit_account account;
    assert_int_equal(run_account(fixture, &account), GATE_OK);
    assert_int_equal(account.status, GATE_ACCOUNT_PENDING_VERIFICATION);
    look(fixture);
    assert_string_equal(fixture->seen_target[0],
                        "GET /api/v1/connected_accounts/details?connector=gmail&identifier=u1");
    assert_int_equal(run_account(fixture, &account), GATE_ERR_NOT_FOUND);
    assert_int_equal(run_account(fixture, &account), GATE_ERR_UPSTREAM);
    assert_int_equal(run_account(fixture, &account), GATE_ERR_UPSTREAM);
    assert_int_equal(run_account(fixture, &account), GATE_ERR_UPSTREAM);
}

static void test_magic_link_make(void **state) {
    struct fixture *fixture = *state;
    static const struct {
        const char *body;
        enum gate_err err;
    } cases[] = {
        {"{\"link\":\"https://env.example/magic?x=1\",\"expiry\":\"x\"}", GATE_OK},
        {"{\"link\":\"http://127.0.0.1:9/magic\"}", GATE_OK},
        {"{\"link\":\"http://env.example/magic\"}", GATE_ERR_UPSTREAM},
        {"{\"link\":\"javascript:alert(1)\"}", GATE_ERR_UPSTREAM},
        {"{\"link\":\"/magic\"}", GATE_ERR_UPSTREAM},
        {"{\"link\":\"\"}", GATE_ERR_UPSTREAM},
        {"{\"link\":5}", GATE_ERR_UPSTREAM},
        {"{}", GATE_ERR_UPSTREAM},
    };
    int count = sizeof cases / sizeof cases[0];
    for (int i = 0; i < count; i++) {
        script(fixture, 200, cases[i].body);
    }
    for (int i = 0; i < count; i++) {
        struct call call;
        begin(fixture, &call);
        gate_scalekit_magic_link_make(call.ctx, fixture->scalekit, "gmail", "u\"1",
                                      "https://portal.example/connect/callback", "st4te",
                                      &call.link, note_end, &call);
        assert_int_equal(finish(fixture, &call), cases[i].err);
        if (i == 0) {
            assert_string_equal(call.link, "https://env.example/magic?x=1");
        }
        gate_ctx_free(call.ctx);
    }
    look(fixture);
    assert_string_equal(fixture->seen_target[0], "POST /api/v1/connected_accounts/magic_link");
    assert_string_equal(fixture->seen_body[0],
                        "{\"connector\":\"gmail\",\"identifier\":\"u\\\"1\",\"user_verify_url\":"
                        "\"https://portal.example/connect/callback\",\"state\":\"st4te\"}");
}

static void test_user_verify(void **state) {
    struct fixture *fixture = *state;
    static const struct {
        int status;
        enum gate_err err;
    } cases[] = {{200, GATE_OK},
                 {403, GATE_ERR_FORBIDDEN},
                 {404, GATE_ERR_NOT_FOUND},
                 {500, GATE_ERR_OUTCOME_UNKNOWN}};
    for (int i = 0; i < 4; i++) {
        script(fixture, cases[i].status, "{\"code\":1,\"message\":\"m\"}");
    }
    for (int i = 0; i < 4; i++) {
        struct call call;
        begin(fixture, &call);
        gate_scalekit_user_verify(call.ctx, fixture->scalekit, "req_1", "u1", note_end, &call);
        assert_int_equal(end(fixture, &call), cases[i].err);
    }
    look(fixture);
    assert_string_equal(fixture->seen_target[0], "POST /api/v1/connected_accounts/user/verify");
    assert_string_equal(fixture->seen_body[0],
                        "{\"auth_request_id\":\"req_1\",\"identifier\":\"u1\"}");
}

static void test_account_disconnect__and_delete(void **state) {
    struct fixture *fixture = *state;
    script(fixture, 200,
           "{\"connected_account\":{\"id\":\"ca/1\",\"identifier\":\"u1\",\"connector\":\"gmail\","
           "\"status\":\"DISCONNECTED\"}}");
    script(fixture, 200, "{}");
    struct call call;
    begin(fixture, &call);
    gate_scalekit_account_disconnect(call.ctx, fixture->scalekit, "ca/1", &call.account, note_end,
                                     &call);
    assert_int_equal(finish(fixture, &call), GATE_OK);
    assert_int_equal(call.account.status, GATE_ACCOUNT_DISCONNECTED);
    gate_ctx_free(call.ctx);
    begin(fixture, &call);
    gate_scalekit_account_delete(call.ctx, fixture->scalekit, "gmail", "u1", note_end, &call);
    assert_int_equal(end(fixture, &call), GATE_OK);
    look(fixture);
    assert_string_equal(fixture->seen_target[0],
                        "POST /api/v1/connected_accounts/ca%2F1:disconnect");
    assert_string_equal(fixture->seen_body[0], "{}");
    assert_string_equal(fixture->seen_target[1], "POST /api/v1/connected_accounts:delete");
    assert_string_equal(fixture->seen_body[1], "{\"connector\":\"gmail\",\"identifier\":\"u1\"}");
}

static void test_operations__without_an_identifier_are_not_sent(void **state) {
    struct fixture *fixture = *state;
    struct call calls[6];
    for (int i = 0; i < 6; i++) {
        begin(fixture, &calls[i]);
    }
    struct gate_scalekit_tools_query query = {.identifier = ""};
    struct gate_scalekit_tool_call wanted = {.tool_name = "t", .identifier = "u1"};
    gate_scalekit_accounts_fetch(calls[0].ctx, fixture->scalekit, "", &calls[0].accounts,
                                 &calls[0].count, note_end, &calls[0]);
    gate_scalekit_account_fetch(calls[1].ctx, fixture->scalekit, "gmail", NULL, &calls[1].account,
                                note_end, &calls[1]);
    gate_scalekit_tools_fetch(calls[2].ctx, fixture->scalekit, &query, &calls[2].reply, note_end,
                              &calls[2]);
    gate_scalekit_tool_execute(calls[3].ctx, fixture->scalekit, &wanted, &calls[3].reply, note_end,
                               &calls[3]);
    gate_scalekit_account_delete(calls[4].ctx, fixture->scalekit, "", "u1", note_end, &calls[4]);
    gate_scalekit_user_verify(calls[5].ctx, fixture->scalekit, "req", "", note_end, &calls[5]);
    for (int i = 0; i < 6; i++) {
        assert_true(calls[i].is_done);
        assert_int_equal(end(fixture, &calls[i]), GATE_ERR_INPUT);
    }
    assert_int_equal(gate_test_server_request_count(fixture->server), 0);
}

static void test_account_status__names(void **state) {
    (void)state;
    for (int i = GATE_ACCOUNT_ACTIVE; i < GATE_ACCOUNT_STATUS_COUNT_; i++) {
        const char *name = gate_account_status_name((enum gate_account_status)i);
        assert_int_equal(gate_account_status_parse(name), i);
    }
    static const char *const unknown[] = {
        NULL,      "",        "active",  "ACTIVE ",
        "REVOKED", "PENDING", "UNKNOWN", "CONNECTION_STATUS_UNSPECIFIED"};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        assert_int_equal(gate_account_status_parse(unknown[i]), GATE_ACCOUNT_UNKNOWN);
    }
}

static enum gate_err run_create(struct fixture *fixture, struct call *call) {
    begin(fixture, call);
    gate_scalekit_account_create(call->ctx, fixture->scalekit, "gmail", "u\"1", &call->account,
                                 note_end, call);
    return finish(fixture, call);
}

static void test_account_create(void **state) {
    struct fixture *fixture = *state;
    struct call call;
    script(fixture, 201,
           "{\"connected_account\":{\"id\":\"ca_1\",\"identifier\":\"u\\\"1\",\"connector\":"
           "\"gmail\",\"status\":\"PENDING_AUTH\",\"authorization_details\":{\"oauth_token\":"
           "{\"access_token\":\"never looked at\"}}}}");
    assert_int_equal(run_create(fixture, &call), GATE_OK);
    assert_string_equal(call.account.id, "ca_1");
    assert_int_equal(call.account.status, GATE_ACCOUNT_PENDING_AUTH);
    gate_ctx_free(call.ctx);
    look(fixture);
    assert_string_equal(fixture->seen_target[0], "POST /api/v1/connected_accounts");
    assert_string_equal(
        fixture->seen_body[0],
        "{\"connector\":\"gmail\",\"identifier\":\"u\\\"1\",\"connected_account\":{}}");
}

/* It is a write: what may have been carried out is never sent again. */
static void test_account_create__refusals(void **state) {
    struct fixture *fixture = *state;
    static const struct {
        int status;
        const char *body;
        enum gate_err err;
    } cases[] = {
        {400, "{\"code\":3,\"message\":\"no\"}", GATE_ERR_INPUT},
        {403, "{\"code\":7,\"message\":\"no\"}", GATE_ERR_FORBIDDEN},
        {404, "{\"code\":5,\"message\":\"no\"}", GATE_ERR_NOT_FOUND},
        {409, "{\"code\":6,\"message\":\"no\"}", GATE_ERR_CONFLICT},
        {429, "{\"code\":8,\"message\":\"no\"}", GATE_ERR_RATE_LIMITED},
        {500, "{\"code\":13,\"message\":\"no\"}", GATE_ERR_OUTCOME_UNKNOWN},
        {503, "{\"code\":14,\"message\":\"no\"}", GATE_ERR_UNAVAILABLE},
        {200, "rubbish", GATE_ERR_OUTCOME_UNKNOWN},
        {200, "{\"connected_account\":{\"id\":\"ca_1\",\"identifier\":\"u2\"}}",
         GATE_ERR_OUTCOME_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct call call;
        script(fixture, cases[i].status, cases[i].body);
        assert_int_equal(run_create(fixture, &call), cases[i].err);
        gate_ctx_free(call.ctx);
        assert_int_equal(count_api(fixture), i + 1);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_account_create),
        CASE(test_account_create__refusals),
        CASE(test_connections_fetch__follows_all_pages),
        CASE(test_connections_fetch__list_without_end),
        CASE(test_accounts_fetch__gives_only_the_users_own),
        CASE(test_account_fetch),
        CASE(test_magic_link_make),
        CASE(test_user_verify),
        CASE(test_account_disconnect__and_delete),
        CASE(test_operations__without_an_identifier_are_not_sent),
        cmocka_unit_test(test_account_status__names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
