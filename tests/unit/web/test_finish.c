#include "unit/web/bare_request.h"

#include "web/route.h"

static int set_up(void **state) {
    static struct bare_request bare;
    bare_request_make(&bare);
    *state = &bare;
    return 0;
}

static int tear_down(void **state) {
    bare_request_done(*state);
    return 0;
}

static void begin(struct bare_request *bare, const char *text) {
    struct gate_request *request = &bare->request;
    gate_response_begin(&request->response, request->ctx->arena, 200, "text/plain");
    gate_buffer_append_text(&request->response.body, text);
}

static void test_finish__headers_of_every_answer(void **state) {
    struct bare_request *bare = *state;
    begin(bare, "hello");
    gate_request_finish(&bare->request);
    assert_int_equal(bare->answers, 1);
    assert_string_equal(find_header(bare, "X-Request-Id"), "0123456789abcdef");
    assert_string_equal(find_header(bare, "Content-Security-Policy"), "default-src 'none'");
    assert_string_equal(find_header(bare, "Referrer-Policy"), "same-origin");
    assert_string_equal(find_header(bare, "X-Content-Type-Options"), "nosniff");
    assert_string_equal(find_header(bare, "Cross-Origin-Opener-Policy"), "same-origin");
    assert_string_equal(find_header(bare, "Cross-Origin-Resource-Policy"), "same-origin");
    assert_string_equal(find_header(bare, "Cache-Control"), "no-store");
    assert_string_equal(find_header(bare, "Strict-Transport-Security"), "max-age=31536000");
    assert_string_equal(find_header(bare, "Content-Length"), "5");
}

static void test_finish__no_hsts_on_loopback_http(void **state) {
    struct bare_request *bare = *state;
    bare->config.public_is_https = false;
    begin(bare, "hello");
    gate_request_finish(&bare->request);
    assert_null(find_header(bare, "Strict-Transport-Security"));
}

static void test_finish__what_may_be_cached(void **state) {
    struct bare_request *bare = *state;
    static const struct gate_route route = {.method = "GET", .flags = GATE_ROUTE_PUBLIC_CACHE};
    bare->request.route = &route;
    begin(bare, "hello");
    gate_request_finish(&bare->request);
    assert_null(find_header(bare, "Cache-Control"));
}

static void test_finish__head_has_the_length_but_no_body(void **state) {
    struct bare_request *bare = *state;
    bare->request.method = "HEAD";
    begin(bare, "hello");
    gate_request_finish(&bare->request);
    assert_string_equal(find_header(bare, "Content-Length"), "5");
    assert_int_equal(bare->request.response.body.length, 0);
}

static void test_finish__a_body_that_did_not_fit(void **state) {
    struct bare_request *bare = *state;
    bare->request.response.body.max_bytes = 4;
    begin(bare, "hello");
    gate_request_finish(&bare->request);
    assert_int_equal(bare->request.response.status, 500);
    assert_string_equal(find_header(bare, "Content-Length"), "0");
    assert_int_equal(bare->request.response.body.length, 0);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_finish__headers_of_every_answer),
        CASE(test_finish__no_hsts_on_loopback_http),
        CASE(test_finish__what_may_be_cached),
        CASE(test_finish__head_has_the_length_but_no_body),
        CASE(test_finish__a_body_that_did_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
