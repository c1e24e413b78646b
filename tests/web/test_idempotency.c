/* Idempotency-Key on the JSON endpoint, and the trail of those who may not act for whom they name.
 */
#include "web/exchange.h"

#include <sqlite3.h>

#include "store/idempotency.h"

#define EXECUTE_URL "/api/v1/execute_tool"
#define EXECUTE "POST /api/v1/execute_tool"
#define DETAILS "GET /api/v1/connected_accounts/details"
#define ORDER(connector) "{\"tool_name\":\"gmail_send_email\",\"connector\":\"" connector "\"}"
#define KEY "HTTP_IDEMPOTENCY_KEY=k-1"

static struct portal_web w;

static int set_up(void **state) {
    (void)state;
    portal_web_open(&w, HTTPS_URL);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    portal_web_close(&w);
    return 0;
}

static const struct answer *send_as(enum who who, const char *key, const char *body) {
    return send_request(&w, &(struct sending){
                                .who = who,
                                .method = "POST",
                                .target = EXECUTE_URL,
                                .body = body,
                                .content_type = "application/json",
                                .headers = {key},
                            });
}

static const struct answer *execute(const char *body) {
    return send_as(PERSONAL, KEY, body);
}

static void expect_replay(const struct answer *again, const struct answer *first) {
    assert_string_equal(find_header(again, "Idempotent-Replayed"), "true");
    assert_null(find_header(first, "Idempotent-Replayed"));
    assert_int_equal(again->status, first->status);
    assert_string_equal(find_header(again, "Content-Type"), find_header(first, "Content-Type"));
    assert_int_equal(again->body_length, first->body_length);
    assert_memory_equal(again->body, first->body, first->body_length);
}

/* One text of the first row of a query; NULL without a row. */
static const char *query(const char *sql) {
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;
    assert_int_equal(sqlite3_open(database_path(&w.p, ""), &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    const char *text = NULL;
    if (sqlite3_step(statement) == SQLITE_ROW) {
        text = gate_arena_strdup(arena_of(&w), (const char *)sqlite3_column_text(statement, 0));
    }
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return text;
}

/* ---- final answers ---- */

static void test_final__success(void **state) {
    (void)state;
    const struct answer *first = execute(ORDER("gmail"));
    assert_int_equal(first->status, 200);
    script(&w.p, EXECUTE, 500, "{}");
    expect_replay(execute(ORDER("gmail")), first);
    expect_replay(execute(ORDER("gmail")), first);
    assert_int_equal(count_seen(&w.p, EXECUTE), 1);
}

static void test_final__the_app_refused(void **state) {
    (void)state;
    script(&w.p, EXECUTE, 403,
           "{\"code\":7,\"message\":\"tool failed\",\"details\":[{\"error_code\":\"TOOL_ERROR\","
           "\"tool_error_info\":{\"execution_id\":\"ex_9\",\"tool_error_message\":\"No\"}}]}");
    const struct answer *first = execute(ORDER("gmail"));
    const gate_json *json = expect_problem(&w, first, 422, "provider-error");
    script(&w.p, EXECUTE, 200, TOOL_ANSWER);
    const struct answer *again = execute(ORDER("gmail"));
    expect_replay(again, first);
    /* The document is the first one's; the header is this request's. */
    expect_member(read_json(&w, again), "instance", gate_json_member_text(json, "instance"));
    assert_int_equal(count_seen(&w.p, EXECUTE), 1);
}

static void test_final__no_such_connection(void **state) {
    (void)state;
    const struct answer *first = execute(ORDER("no-such"));
    (void)expect_problem(&w, first, 404, "not-found");
    expect_replay(execute(ORDER("no-such")), first);
}

static void test_final__for_a_day(void **state) {
    (void)state;
    const struct answer *first = execute(ORDER("gmail"));
    gate_test_clock_advance(&w.p.clock, GATE_IDEMPOTENCY_LIFE_MS - 1);
    record_accounts(&w.p, &w.ann);
    record_catalogue(&w.p);
    expect_replay(execute(ORDER("gmail")), first);
    gate_test_clock_advance(&w.p.clock, 1);
    assert_null(find_header(execute(ORDER("gmail")), "Idempotent-Replayed"));
    assert_int_equal(count_seen(&w.p, EXECUTE), 2);
}

/* ---- nothing was done: the key is free again ---- */

static void test_free__after_refusals_that_pass(void **state) {
    (void)state;
    static const struct {
        int status;
        const char *body;
        int answered;
        const char *slug;
    } rows[] = {
        {503, "{\"code\":14,\"message\":\"down\"}", 503, "upstream-unavailable"},
        {429, "{\"code\":8,\"message\":\"slow\"}", 429, "rate-limited"},
        {401, "{\"code\":16,\"message\":\"token\"}", 502, "upstream-invalid"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        script(&w.p, EXECUTE, rows[i].status, rows[i].body);
        (void)expect_problem(&w, execute(ORDER("gmail")), rows[i].answered, rows[i].slug);
        assert_null(query("SELECT 1 FROM idempotency"));
    }
    script(&w.p, EXECUTE, 200, TOOL_ANSWER);
    assert_int_equal(execute(ORDER("gmail"))->status, 200);
}

static void test_free__until_the_user_has_connected(void **state) {
    (void)state;
    script(&w.p, DETAILS, 200, ACCOUNT_ANSWER("ann", "slack", "EXPIRED"));
    (void)expect_problem(&w, execute(ORDER("slack")), 409, "authorization-required");
    script(&w.p, DETAILS, 200, ACCOUNT_ANSWER("ann", "slack", "ACTIVE"));
    const struct answer *answer = execute(ORDER("slack"));
    assert_int_equal(answer->status, 200);
    assert_null(find_header(answer, "Idempotent-Replayed"));
}

static void test_free__after_bodies_that_are_wrong(void **state) {
    (void)state;
    (void)expect_problem(&w, execute("{}"), 400, "invalid-request");
    assert_null(query("SELECT 1 FROM idempotency"));
    assert_int_equal(execute(ORDER("gmail"))->status, 200);
}

/* ---- not a second time ---- */

static void test_unknown__the_answer_was_lost(void **state) {
    (void)state;
    script_answer(&w.p, EXECUTE, (struct gate_test_http_answer){.is_silent = true});
    (void)expect_problem(&w, execute(ORDER("gmail")), 502, "outcome-unknown");
    script(&w.p, EXECUTE, 200, TOOL_ANSWER);
    const gate_json *json = expect_problem(&w, execute(ORDER("gmail")), 409, "outcome-unknown");
    expect_member(json, "source", "gatehouse");
    assert_non_null(strstr(gate_json_member_text(json, "detail"), "another key"));
    assert_int_equal(count_seen(&w.p, EXECUTE), 1);
}

/* A row as it is while its call runs. */
static void undo_end(void) {
    (void)query("UPDATE idempotency SET state = 'started', sealed_answer = NULL");
}

static void test_running__is_told_when_to_come_back(void **state) {
    (void)state;
    (void)execute(ORDER("gmail"));
    undo_end();
    const struct answer *answer = execute(ORDER("gmail"));
    (void)expect_problem(&w, answer, 409, "idempotency-key-running");
    assert_string_equal(find_header(answer, "Retry-After"), "1");
    assert_int_equal(count_seen(&w.p, EXECUTE), 1);
}

static void test_running__in_a_process_that_is_gone(void **state) {
    (void)state;
    (void)execute(ORDER("gmail"));
    undo_end();
    (void)query("UPDATE idempotency SET instance = zeroblob(32)");
    (void)expect_problem(&w, execute(ORDER("gmail")), 409, "outcome-unknown");
    assert_int_equal(count_seen(&w.p, EXECUTE), 1);
}

static void test_reused__with_another_body(void **state) {
    (void)state;
    const struct answer *first = execute(ORDER("gmail"));
    (void)expect_problem(&w, execute(ORDER("gmail") " "), 422, "idempotency-key-reused");
    (void)expect_problem(&w, execute(ORDER("slack")), 422, "idempotency-key-reused");
    expect_replay(execute(ORDER("gmail")), first);
    assert_int_equal(count_seen(&w.p, EXECUTE), 1);
}

static void test_large__is_answered_once_and_not_run_again(void **state) {
    (void)state;
    static char text[GATE_IDEMPOTENCY_ANSWER_MAX_BYTES + 100];
    int length = snprintf(text, sizeof text, "{\"data\":{\"t\":\"");
    memset(text + length, 'x', GATE_IDEMPOTENCY_ANSWER_MAX_BYTES);
    strcpy(text + length + GATE_IDEMPOTENCY_ANSWER_MAX_BYTES, "\"},\"execution_id\":\"e\"}");
    script(&w.p, EXECUTE, 200, text);
    assert_string_equal(execute(ORDER("gmail"))->body, text);
    (void)expect_problem(&w, execute(ORDER("gmail")), 409, "answer-not-kept");
    assert_int_equal(count_seen(&w.p, EXECUTE), 1);
}

/* ---- whose key ---- */

static void test_key__of_each_caller_by_itself(void **state) {
    (void)state;
    static const enum who callers[] = {PERSONAL, SERVICE_ANN, BROWSER_CSRF};
    for (size_t i = 0; i < sizeof callers / sizeof callers[0]; i++) {
        const struct answer *first = send_as(callers[i], KEY, ORDER("gmail"));
        assert_int_equal(first->status, 200);
        expect_replay(send_as(callers[i], KEY, ORDER("gmail")), first);
    }
    assert_int_equal(count_seen(&w.p, EXECUTE), 3);
}

static void test_key__is_of_no_use_to_whom_the_rules_shut_out(void **state) {
    (void)state;
    (void)execute(ORDER("gmail"));
    (void)query("UPDATE api_token SET connections = 'slack'");
    (void)expect_problem(&w, execute(ORDER("gmail")), 403, "forbidden");
    assert_string_equal(query("SELECT outcome FROM tool_call ORDER BY id DESC"), "denied");
}

static void test_key__syntax(void **state) {
    (void)state;
    static const char *const bad[] = {
        "HTTP_IDEMPOTENCY_KEY=",
        "HTTP_IDEMPOTENCY_KEY=a\tb",
        "HTTP_IDEMPOTENCY_KEY=\xc3\xa9",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        (void)expect_problem(&w, send_as(PERSONAL, bad[i], ORDER("gmail")), 400, "invalid-request");
    }
    const struct sending twice = {
        .who = PERSONAL,
        .method = "POST",
        .target = EXECUTE_URL,
        .body = ORDER("gmail"),
        .content_type = "application/json",
        .headers = {KEY, KEY},
    };
    (void)expect_problem(&w, send_request(&w, &twice), 400, "invalid-request");
    assert_int_equal(count_seen(&w.p, ""), 0);
}

static void test_key__too_many(void **state) {
    (void)state;
    (void)execute(ORDER("gmail"));
    (void)query("UPDATE idempotency_usage SET keys = 100000000");
    const struct answer *answer = send_as(PERSONAL, "HTTP_IDEMPOTENCY_KEY=k-2", ORDER("gmail"));
    (void)expect_problem(&w, answer, 503, "busy");
    assert_non_null(find_header(answer, "Retry-After"));
    assert_int_equal(count_seen(&w.p, EXECUTE), 1);
}

/* ---- looking at a key ---- */

/* Ask what would become of the key: neither it nor anything at Scalekit is touched. */
static const gate_json *expect_look(const char *key, const char *body, const char *state,
                                    bool would_run, const char *problem) {
    int calls = count_seen(&w.p, EXECUTE);
    const char *before = query("SELECT count(*) || group_concat(state) FROM idempotency");
    const struct answer *answer = send_request(&w, &(struct sending){
                                                       .who = PERSONAL,
                                                       .method = "POST",
                                                       .target = EXECUTE_URL "?explain=1",
                                                       .body = body,
                                                       .content_type = "application/json",
                                                       .headers = {key},
                                                   });
    assert_int_equal(answer->status, 200);
    const gate_json *json = read_json(&w, answer);
    expect_member(json, "idempotency_key", state);
    assert_int_equal(gate_json_member_bool(json, "would_run"), would_run);
    const char *type = gate_json_member_text(gate_json_member(json, "problem"), "type");
    if (problem == NULL) {
        assert_null(type);
    } else {
        assert_non_null(type);
        assert_string_equal(strrchr(type, '/') + 1, problem);
    }
    assert_int_equal(count_seen(&w.p, EXECUTE), calls);
    const char *after = query("SELECT count(*) || group_concat(state) FROM idempotency");
    assert_true((before == NULL && after == NULL) || strcmp(before, after) == 0);
    return json;
}

static void test_look__tells_what_a_key_would_come_to(void **state) {
    (void)state;
    (void)expect_look(NULL, ORDER("gmail"), NULL, true, NULL);
    (void)expect_look(KEY, ORDER("gmail"), "would_run", true, NULL);
    (void)expect_look(KEY, ORDER("gmail"), "would_run", true, NULL);
    const struct answer *first = execute(ORDER("gmail"));
    assert_int_equal(first->status, 200);
    (void)expect_look(KEY, ORDER("gmail"), "would_replay", false, NULL);
    const gate_json *json =
        expect_look(KEY, ORDER("slack"), "reused", false, "idempotency-key-reused");
    assert_non_null(gate_json_member_text(gate_json_member(json, "problem"), "detail"));
    expect_replay(execute(ORDER("gmail")), first);
    (void)query("UPDATE idempotency SET state = 'not_kept', sealed_answer = NULL");
    (void)expect_look(KEY, ORDER("gmail"), "answer_not_kept", false, "answer-not-kept");
    undo_end();
    (void)expect_look(KEY, ORDER("gmail"), "running", false, "idempotency-key-running");
    (void)query("UPDATE idempotency SET instance = zeroblob(32)");
    (void)expect_look(KEY, ORDER("gmail"), "outcome_unknown", false, "outcome-unknown");
    (void)query("UPDATE idempotency_usage SET keys = 100000000");
    (void)expect_look("HTTP_IDEMPOTENCY_KEY=k-2", ORDER("gmail"), "no_room", false, "busy");
    (void)expect_look(NULL, ORDER("gmail"), NULL, true, NULL);
}

static void test_look__behind_the_rules_and_before_the_account(void **state) {
    (void)state;
    (void)execute(ORDER("gmail"));
    script(&w.p, "GET /api/v1/connected_accounts/details", 200,
           ACCOUNT_ANSWER("ann", "slack", "EXPIRED"));
    /* As the call itself: a key that says no comes before a user who has to connect. */
    (void)expect_look(KEY, ORDER("slack"), "reused", false, "idempotency-key-reused");
    (void)expect_look("HTTP_IDEMPOTENCY_KEY=k-2", ORDER("slack"), "would_run", false,
                      "authorization-required");
    (void)query("UPDATE api_token SET connections = 'slack'");
    (void)expect_look(KEY, ORDER("gmail"), "would_replay", false, "forbidden");
}

static void test_look__keys_that_are_none(void **state) {
    (void)state;
    struct sending sending = {
        .who = PERSONAL,
        .method = "POST",
        .target = EXECUTE_URL "?explain=1",
        .body = ORDER("gmail"),
        .content_type = "application/json",
        .headers = {"HTTP_IDEMPOTENCY_KEY="},
    };
    (void)expect_problem(&w, send_request(&w, &sending), 400, "invalid-request");
    sending.headers[0] = sending.headers[1] = KEY;
    (void)expect_problem(&w, send_request(&w, &sending), 400, "invalid-request");
}

/* ---- the trail of those who may not act for whom they name ---- */

#define NAMED(connector)                                                                           \
    "{\"tool_name\":\"gmail_send_email\",\"connector\":\"" connector                               \
    "\",\"identifier\":\"bob\",\"agent_run_id\":\"r\"}"

static void test_trail__a_user_outside_the_rules(void **state) {
    (void)state;
    const gate_json *json =
        expect_problem(&w, send_as(SERVICE, KEY, NAMED("gmail")), 403, "forbidden");
    assert_non_null(strstr(gate_json_member_text(json, "detail"), "rule: users"));
    assert_string_equal(query("SELECT words FROM (SELECT outcome || ' ' || error_source || ' ' "
                              "|| connection_name || ' ' || tool_name || ' ' || agent_run_id || "
                              "' ' || ifnull(user_id, 'nobody') || ' ' || label AS words "
                              "FROM tool_call JOIN api_token AS t ON t.id = token_id)"),
                        "denied gatehouse gmail gmail_send_email r nobody agent");
    assert_null(query("SELECT 1 FROM user WHERE identifier = 'bob'"));
    assert_null(query("SELECT 1 FROM idempotency"));
    assert_int_equal(count_seen(&w.p, ""), 0);
}

static void test_trail__holds_nothing_that_is_not_well_formed(void **state) {
    (void)state;
    const struct sending sending = {
        .who = SERVICE,
        .method = "POST",
        .target = EXECUTE_URL,
        .body = "{\"tool_name\":\"a\\nb\",\"connector\":\"gmail\"}",
        .content_type = "application/json",
        .headers = {"HTTP_GATEHOUSE_USER=bob"},
    };
    (void)expect_problem(&w, send_request(&w, &sending), 403, "forbidden");
    assert_string_equal(query("SELECT outcome || ifnull(tool_name, '-') FROM tool_call"),
                        "denied-");
    assert_int_equal(count_seen(&w.p, ""), 0);
}

static void test_trail__other_addresses_leave_none(void **state) {
    (void)state;
    (void)expect_problem(&w, get(&w, SERVICE, "/api/v1/connections?identifier=bob"), 403,
                         "forbidden");
    assert_null(query("SELECT 1 FROM tool_call"));
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_final__success),
        CASE(test_final__the_app_refused),
        CASE(test_final__no_such_connection),
        CASE(test_final__for_a_day),
        CASE(test_free__after_refusals_that_pass),
        CASE(test_free__until_the_user_has_connected),
        CASE(test_free__after_bodies_that_are_wrong),
        CASE(test_unknown__the_answer_was_lost),
        CASE(test_running__is_told_when_to_come_back),
        CASE(test_running__in_a_process_that_is_gone),
        CASE(test_reused__with_another_body),
        CASE(test_large__is_answered_once_and_not_run_again),
        CASE(test_key__of_each_caller_by_itself),
        CASE(test_key__is_of_no_use_to_whom_the_rules_shut_out),
        CASE(test_key__syntax),
        CASE(test_key__too_many),
        CASE(test_look__tells_what_a_key_would_come_to),
        CASE(test_look__behind_the_rules_and_before_the_account),
        CASE(test_look__keys_that_are_none),
        CASE(test_trail__a_user_outside_the_rules),
        CASE(test_trail__holds_nothing_that_is_not_well_formed),
        CASE(test_trail__other_addresses_leave_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
