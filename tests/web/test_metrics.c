/* /metrics in process: who may see it, and what it counts. */
#include "web/exchange.h"

#include "web/route.h"

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

static const struct answer *get_metrics(const char *param) {
    return send_request(&w, &(struct sending){.target = "/metrics", .headers = {param}});
}

static const char *read_metrics(void) {
    const struct answer *answer = get_metrics("GATEHOUSE_DOOR=operator");
    assert_int_equal(answer->status, 200);
    assert_string_equal(find_header(answer, "Content-Type"),
                        "text/plain; version=0.0.4; charset=utf-8");
    return gate_arena_strndup(arena_of(&w), answer->body, answer->body_length);
}

static void expect_sample(const char *text, const char *sample) {
    const char *line = gate_arena_printf(arena_of(&w), "\n%s\n", sample);
    if (strstr(text, line) == NULL) {
        fail_msg("no %s in %s", sample, text);
    }
}

static void test_metrics__at_the_operators_door_alone(void **state) {
    (void)state;
    static const char *const doors[] = {
        NULL,
        "GATEHOUSE_DOOR=",
        "GATEHOUSE_DOOR=public",
        "HTTP_GATEHOUSE_DOOR=operator",
        "GATEHOUSE_DOOR=operator2",
    };
    for (size_t i = 0; i < sizeof doors / sizeof doors[0]; i++) {
        (void)expect_problem(&w, get_metrics(doors[i]), 404, "not-found");
    }
    (void)read_metrics();
}

static void test_requests__by_route_and_status(void **state) {
    (void)state;
    assert_int_equal(get(&w, BROWSER, "/")->status, 200);
    assert_int_equal(get(&w, BROWSER, "/")->status, 200);
    assert_int_equal(get(&w, NOBODY, "/")->status, 303);
    assert_int_equal(get(&w, PERSONAL, "/api/v1/connections/gmail")->status, 200);
    assert_int_equal(get(&w, PERSONAL, "/nothing")->status, 404);
    const char *text = read_metrics();
    expect_sample(text,
                  "gatehouse_http_requests_total{method=\"GET\",route=\"/\",status=\"200\"} 2");
    expect_sample(text,
                  "gatehouse_http_requests_total{method=\"GET\",route=\"/\",status=\"303\"} 1");
    expect_sample(text, "gatehouse_http_requests_total{method=\"GET\",route=\"/api/v1/connections/"
                        "{connection}\",status=\"200\"} 1");
    expect_sample(text, "gatehouse_http_requests_total{method=\"-\",route=\"-\",status=\"404\"} 1");
    expect_sample(text,
                  "gatehouse_http_request_duration_seconds_count{method=\"GET\",route=\"/\"} 3");
    expect_sample(text, "gatehouse_http_requests_in_flight 1");
    expect_sample(text, "gatehouse_build_info{version=\"" GATE_VERSION "\"} 1");
}

static void test_upstream__by_kind_and_outcome(void **state) {
    (void)state;
    const struct sending order = {
        .who = PERSONAL,
        .method = "POST",
        .target = "/api/v1/execute_tool",
        .content_type = "application/json",
        .body = "{\"tool_name\":\"gmail_send_email\",\"connector\":\"gmail\",\"params\":{}}",
    };
    assert_int_equal(send_request(&w, &order)->status, 200);
    const char *text = read_metrics();
    expect_sample(text, "gatehouse_upstream_requests_total{kind=\"tool\",outcome=\"ok\"} 1");
    expect_sample(text, "gatehouse_upstream_requests_total{kind=\"connect\",outcome=\"ok\"} 0");
    expect_sample(text, "gatehouse_upstream_request_duration_seconds_count{kind=\"tool\"} 1");
    expect_sample(text, "gatehouse_upstream_breaker_state{kind=\"tool\"} 0");
    expect_sample(text, "gatehouse_token_refreshes_total{outcome=\"ok\"} 1");
    expect_sample(text, "gatehouse_store_writable 1");
    expect_sample(text, "gatehouse_queue_length{queue=\"store_writes\"} 0");
    assert_non_null(strstr(text, "gatehouse_store_writes_total{outcome=\"done\"} "));
}

/* Persons, connections and tokens are in no label, so that the sets stay as small as the program.
 */
static void test_labels__name_nobody(void **state) {
    (void)state;
    assert_int_equal(get(&w, PERSONAL, "/api/v1/connections/gmail")->status, 200);
    assert_int_equal(get(&w, SERVICE_ANN, "/api/v1/connections?identifier=ann")->status, 200);
    const char *text = read_metrics();
    static const char *const words[] = {"ann", "gmail", "laptop", "agent", "tok_"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        for (const char *at = text; (at = strstr(at, words[i])) != NULL; at++) {
            if (at[-1] == '"') {
                fail_msg("%.60s", at);
            }
        }
    }
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_metrics__at_the_operators_door_alone),
        CASE(test_requests__by_route_and_status),
        CASE(test_upstream__by_kind_and_outcome),
        CASE(test_labels__name_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
