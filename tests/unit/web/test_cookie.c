#include "unit/web/bare_request.h"

#include "web/page.h"

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

static void test_name__https_and_loopback(void **state) {
    struct bare_request *bare = *state;
    assert_string_equal(gate_cookie_name(&bare->request, "session"), "__Host-session");
    bare->config.public_is_https = false;
    assert_string_equal(gate_cookie_name(&bare->request, "session"), "gatehouse-session");
}

static void test_set__on_https(void **state) {
    struct bare_request *bare = *state;
    gate_cookie_set(&bare->request, "__Host-session", "abc", 600);
    assert_string_equal(find_header(bare, "Set-Cookie"),
                        "__Host-session=abc; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=600");
}

static void test_set__on_loopback_http(void **state) {
    struct bare_request *bare = *state;
    bare->config.public_is_https = false;
    gate_cookie_set(&bare->request, "gatehouse-session", "abc", 600);
    assert_string_equal(find_header(bare, "Set-Cookie"),
                        "gatehouse-session=abc; Path=/; HttpOnly; SameSite=Lax; Max-Age=600");
}

static void test_set__until_the_browser_ends(void **state) {
    struct bare_request *bare = *state;
    gate_cookie_set(&bare->request, "__Host-a", "1", 0);
    assert_string_equal(find_header(bare, "Set-Cookie"),
                        "__Host-a=1; Path=/; HttpOnly; SameSite=Lax; Secure");
}

static void test_set__delete(void **state) {
    struct bare_request *bare = *state;
    gate_cookie_set(&bare->request, "__Host-a", "still here", -1);
    assert_string_equal(find_header(bare, "Set-Cookie"),
                        "__Host-a=; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=0");
}

static void test_notice__is_escaped(void **state) {
    struct bare_request *bare = *state;
    gate_page_leave_notice(&bare->request, GATE_NOTICE_NONE, "gmail");
    assert_null(find_header(bare, "Set-Cookie"));
    gate_page_leave_notice(&bare->request, GATE_NOTICE_CONNECTED, "a; b=\r\nc");
    assert_string_equal(find_header(bare, "Set-Cookie"),
                        "__Host-notice=connected.a%3B%20b%3D%0D%0Ac; Path=/; HttpOnly; "
                        "SameSite=Lax; Secure; Max-Age=60");
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_name__https_and_loopback),
        CASE(test_set__on_https),
        CASE(test_set__on_loopback_http),
        CASE(test_set__until_the_browser_ends),
        CASE(test_set__delete),
        CASE(test_notice__is_escaped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
