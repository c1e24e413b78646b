#include "unit/web/bare_request.h"

#include "web/route.h"

static char remote_user[] = "REMOTE_USERS=x";
static char user[] = "REMOTE_USER=ann=1";
static char empty[] = "HTTP_ORIGIN=";
static char no_equals[] = "HTTP_COOKIE";
static char cookie[] = "HTTP_COOKIE=a=1";
static char second_cookie[] = "HTTP_COOKIE=b=1";

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

static void test_param__by_its_whole_name(void **state) {
    struct bare_request *bare = *state;
    char *params[] = {remote_user, user, empty, no_equals, cookie, second_cookie, NULL};
    bare->request.params = params;
    assert_string_equal(gate_request_param(&bare->request, "REMOTE_USER"), "ann=1");
    assert_string_equal(gate_request_param(&bare->request, "HTTP_ORIGIN"), "");
    assert_string_equal(gate_request_header(&bare->request, "HTTP_COOKIE"), "a=1");
    assert_null(gate_request_param(&bare->request, "REMOTE"));
    assert_null(gate_request_param(&bare->request, "remote_user"));
    assert_null(gate_request_param(&bare->request, "HTTP_ACCEPT"));
}

static bool wants_json(struct bare_request *bare, const char *path, char *accept) {
    char *params[] = {accept, NULL};
    bare->request.params = params;
    bare->request.path = path;
    return gate_request_wants_json(&bare->request);
}

static void test_wants_json__without_a_route(void **state) {
    struct bare_request *bare = *state;
    char browser[] = "HTTP_ACCEPT=text/html,application/xhtml+xml,*/*;q=0.8";
    char program[] = "HTTP_ACCEPT=*/*";
    assert_false(wants_json(bare, "/nothing", browser));
    assert_true(wants_json(bare, "/nothing", program));
    assert_true(wants_json(bare, "/nothing", NULL));
    assert_true(wants_json(bare, "/api/v1/nothing", browser));
    assert_true(wants_json(bare, "/proxy/x", browser));
    assert_false(wants_json(bare, "/apiary", browser));
    assert_false(wants_json(bare, NULL, browser));
    assert_true(wants_json(bare, NULL, program));
}

static void test_wants_json__the_route_decides(void **state) {
    struct bare_request *bare = *state;
    static const struct gate_route page = {.method = "GET", .pattern = "/x"};
    static const struct gate_route api = {
        .method = "GET", .pattern = "/x", .flags = GATE_ROUTE_JSON};
    char browser[] = "HTTP_ACCEPT=text/html";
    char program[] = "HTTP_ACCEPT=application/json";
    bare->request.route = &page;
    assert_false(wants_json(bare, "/x", program));
    bare->request.route = &api;
    assert_true(wants_json(bare, "/x", browser));
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_param__by_its_whole_name),
        CASE(test_wants_json__without_a_route),
        CASE(test_wants_json__the_route_decides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
