#include "support/cases.h"

#include <string.h>

#include "web/route.h"

static int set_up(void **state) {
    *state = gate_arena_new();
    return 0;
}

static int tear_down(void **state) {
    gate_arena_free(*state);
    return 0;
}

static void expect_route(gate_arena *arena, const char *method, const char *path,
                         const char *pattern, const char *value) {
    const char *found_value = "untouched";
    char allow[64];
    const struct gate_route *route = gate_route_find(arena, method, path, &found_value, allow);
    if (route == NULL) {
        fail_msg("no route: %s %s", method, path);
        return;
    }
    assert_string_equal(route->pattern, pattern);
    assert_string_equal(allow, "");
    if (value == NULL) {
        assert_null(found_value);
    } else {
        assert_string_equal(found_value, value);
    }
}

static void expect_none(gate_arena *arena, const char *method, const char *path,
                        const char *allowed) {
    const char *value = NULL;
    char allow[64] = "untouched";
    if (gate_route_find(arena, method, path, &value, allow) != NULL) {
        fail_msg("a route: %s %s", method, path);
    }
    assert_string_equal(allow, allowed);
}

static void test_find__literal_paths(void **state) {
    expect_route(*state, "GET", "/", "/", NULL);
    expect_route(*state, "GET", "/signin", "/signin", NULL);
    expect_route(*state, "POST", "/api/v1/execute_tool", "/api/v1/execute_tool", NULL);
}

static void test_find__head_wherever_get_is(void **state) {
    expect_route(*state, "HEAD", "/", "/", NULL);
    expect_route(*state, "HEAD", "/connectors/gmail", "/connectors/{connection}", "gmail");
    expect_none(*state, "HEAD", "/signout", "POST");
}

static void test_find__placeholder(void **state) {
    expect_route(*state, "GET", "/connectors/gmail", "/connectors/{connection}", "gmail");
    expect_route(*state, "POST", "/connectors/my mail/connect", "/connectors/{connection}/connect",
                 "my mail");
    expect_route(*state, "GET", "/connectors/a}b{c/disconnect",
                 "/connectors/{connection}/disconnect", "a}b{c");
    expect_route(*state, "GET", "/connectors/connect", "/connectors/{connection}", "connect");
    expect_none(*state, "GET", "/connectors/", "");
    expect_none(*state, "POST", "/connectors//connect", "");
    expect_none(*state, "GET", "/connectors/gmail/", "");
    expect_none(*state, "GET", "/connectors/gmail/more", "");
    expect_none(*state, "GET", "/connectors/gmail/connect/x", "");
}

static void test_find__a_literal_comes_before_a_placeholder(void **state) {
    expect_route(*state, "GET", "/connect/callback", "/connect/callback", NULL);
    expect_route(*state, "GET", "/connect/callback2", "/connect/{connection}", "callback2");
    expect_route(*state, "GET", "/signin/callback", "/signin/callback", NULL);
}

static void test_find__placeholder_before_a_verb(void **state) {
    static const char base[] = "/api/v1/connected_accounts";
    static const char pattern[] = "/api/v1/connected_accounts/{id}:disconnect";
    const struct {
        const char *rest;
        const char *id;
    } cases[] = {
        {"/ca_1:disconnect", "ca_1"},
        {"/-:disconnect", "-"},
        {"/a b%:disconnect", "a b%"},
        {"/details:disconnect", "details"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        expect_route(*state, "POST", gate_arena_printf(*state, "%s%s", base, cases[i].rest),
                     pattern, cases[i].id);
    }
    static const char *const none[] = {
        "/:disconnect",
        "/ca_1:disconnec",
        "/ca_1:disconnects",
        "/ca_1:disconnect/",
        "/ca_1::disconnect",
        "/ca:1:disconnect",
        "/ca_1/x:disconnect",
        "/ca_1:DISCONNECT",
        "/ca_1",
        "/ca_1:disconnect:disconnect",
        "/auth",
        ":disconnect",
        "/ca_1:delete",
    };
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        expect_none(*state, "POST", gate_arena_printf(*state, "%s%s", base, none[i]), "");
    }
    expect_none(*state, "GET", "/api/v1/connected_accounts/ca_1:disconnect", "POST");
    expect_none(*state, "GET", "/api/v1/connected_accounts:delete", "POST");
    expect_none(*state, "POST", "/api/v1/connected_accounts/details", "GET, HEAD");
    expect_none(*state, "GET", "/api/v1/connected_accounts/auth", "");
    expect_none(*state, "PUT", base, "GET, HEAD, POST");
    expect_route(*state, "POST", "/api/v1/connected_accounts:delete",
                 "/api/v1/connected_accounts:delete", NULL);
    expect_route(*state, "GET", "/api/v1/connected_accounts/details",
                 "/api/v1/connected_accounts/details", NULL);
    expect_route(*state, "GET", "/api/v1/connections/app", "/api/v1/connections/app", NULL);
}

static void test_find__no_such_path(void **state) {
    static const char *const paths[] = {
        "/signi", "/signin/", "/signinn", "/SIGNIN", "/api/v1", "/api/v1/me/", "/api", "", "x",
    };
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        expect_none(*state, "GET", paths[i], "");
    }
}

static void test_find__other_methods(void **state) {
    expect_none(*state, "POST", "/signin", "GET, HEAD");
    expect_none(*state, "GET", "/signout", "POST");
    expect_none(*state, "PUT", "/connectors/gmail/disconnect", "GET, HEAD, POST");
    expect_none(*state, "OPTIONS", "/api/v1/me", "GET, HEAD");
    expect_none(*state, "get", "/api/v1/me", "GET, HEAD");
    expect_none(*state, "", "/api/v1/me", "GET, HEAD");
    /* Two patterns match; each method is named once. */
    expect_none(*state, "POST", "/connect/callback", "GET");
    /* A GET that has an effect is not for HEAD. */
    expect_none(*state, "HEAD", "/signin/callback", "GET");
}

static void test_find__any_method_and_all_that_follows(void **state) {
    static const char *const methods[] = {"GET", "HEAD", "POST", "DELETE", "PROPFIND", "M-SEARCH"};
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        expect_route(*state, methods[i], "/proxy/a/b c/", "/proxy/{path...}", "a/b c/");
    }
    expect_route(*state, "GET", "/proxy/", "/proxy/{path...}", "");
    expect_none(*state, "GET", "/proxy", "");
    static const char *const refused[] = {
        "TRACE", "CONNECT", "get", "", "GET /x", "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG",
    };
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        expect_none(*state, refused[i], "/proxy/a", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
    }
}

/* ---- the table itself ---- */

static void test_table__rows_make_sense(void **state) {
    (void)state;
    for (size_t i = 0; i < gate_route_count; i++) {
        const struct gate_route *route = &gate_routes[i];
        assert_int_equal(route->pattern[0], '/');
        assert_non_null(route->handle);
        bool is_any = strcmp(route->method, GATE_METHOD_ANY) == 0;
        assert_true(is_any || strcmp(route->method, "GET") == 0 ||
                    strcmp(route->method, "POST") == 0);
        /* What passes through is for tokens alone: a browser would take an app's page for ours. */
        assert_int_equal(is_any, (route->flags & GATE_ROUTE_STREAM) != 0);
        assert_false(is_any && (route->flags & GATE_ROUTE_BROWSER) != 0);
        assert_false(is_any && (route->flags & GATE_ROUTE_TOKEN) == 0);
        const char *open = strchr(route->pattern, '{');
        if (open != NULL) {
            assert_int_equal(open[-1], '/');
            assert_non_null(strchr(open, '}'));
            assert_null(strchr(open + 1, '{'));
        }
    }
}

static void test_table__what_changes_something_is_guarded(void **state) {
    (void)state;
    for (size_t i = 0; i < gate_route_count; i++) {
        const struct gate_route *route = &gate_routes[i];
        bool changes = strcmp(route->method, "GET") != 0;
        if (changes && (route->flags & GATE_ROUTE_BROWSER) != 0) {
            assert_true((route->flags & GATE_ROUTE_CSRF) != 0);
        }
        assert_int_equal(changes, route->max_body_bytes > 0);
        if ((route->flags & GATE_ROUTE_TOKEN) != 0) {
            assert_true((route->flags & (GATE_ROUTE_JSON | GATE_ROUTE_GRPC)) != 0);
        }
        if ((route->flags & GATE_ROUTE_PUBLIC_CACHE) != 0) {
            assert_int_equal(route->flags & (GATE_ROUTE_BROWSER | GATE_ROUTE_TOKEN), 0);
        }
    }
}

static void test_table__every_row_can_be_reached(void **state) {
    for (size_t i = 0; i < gate_route_count; i++) {
        const struct gate_route *route = &gate_routes[i];
        const char *open = strchr(route->pattern, '{');
        const char *path =
            open == NULL ? route->pattern
                         : gate_arena_printf(*state, "%.*svalue%s", (int)(open - route->pattern),
                                             route->pattern, strchr(open, '}') + 1);
        bool is_any = strcmp(route->method, GATE_METHOD_ANY) == 0;
        expect_route(*state, is_any ? "PATCH" : route->method, path, route->pattern,
                     open == NULL ? NULL : "value");
    }
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_find__literal_paths),
        CASE(test_find__head_wherever_get_is),
        CASE(test_find__placeholder),
        CASE(test_find__a_literal_comes_before_a_placeholder),
        CASE(test_find__placeholder_before_a_verb),
        CASE(test_find__no_such_path),
        CASE(test_find__other_methods),
        CASE(test_find__any_method_and_all_that_follows),
        CASE(test_table__rows_make_sense),
        CASE(test_table__what_changes_something_is_guarded),
        CASE(test_table__every_row_can_be_reached),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
