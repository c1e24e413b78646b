#include "support/cases.h"

#include <string.h>

#include "web/grpc/status.h"

static gate_arena *arena;

static int set_up(void **state) {
    (void)state;
    arena = gate_arena_new();
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    gate_arena_free(arena);
    return 0;
}

static void test_code__every_kind_is_a_failure(void **state) {
    (void)state;
    for (int kind = 1; kind < GATE_ERR_COUNT_; kind++) {
        assert_in_range(gate_grpc_code_get((enum gate_err)kind), 1, 16);
    }
    assert_int_equal(gate_grpc_code_get(GATE_ERR_INTERNAL), GATE_GRPC_INTERNAL);
    assert_int_equal(gate_grpc_code_get(GATE_ERR_NEEDS_AUTHORIZATION),
                     GATE_GRPC_FAILED_PRECONDITION);
    assert_int_equal(gate_grpc_code_get(GATE_ERR_HEADER_TOO_LARGE), GATE_GRPC_RESOURCE_EXHAUSTED);
}

/* The SDKs repeat what is UNAVAILABLE. */
static void test_code__nothing_that_may_have_happened_is_repeated(void **state) {
    (void)state;
    assert_int_not_equal(gate_grpc_code_get(GATE_ERR_OUTCOME_UNKNOWN), GATE_GRPC_UNAVAILABLE);
    assert_int_not_equal(gate_grpc_code_get(GATE_ERR_UPSTREAM), GATE_GRPC_UNAVAILABLE);
    assert_int_not_equal(gate_grpc_code_get(GATE_ERR_TIMEOUT), GATE_GRPC_UNAVAILABLE);
}

static void test_code__of_tools(void **state) {
    (void)state;
    assert_int_equal(gate_grpc_code_of_tool(401), GATE_GRPC_UNAUTHENTICATED);
    assert_int_equal(gate_grpc_code_of_tool(403), GATE_GRPC_PERMISSION_DENIED);
    assert_int_equal(gate_grpc_code_of_tool(429), GATE_GRPC_RESOURCE_EXHAUSTED);
    assert_int_equal(gate_grpc_code_of_tool(500), GATE_GRPC_INTERNAL);
    assert_int_equal(gate_grpc_code_of_tool(599), GATE_GRPC_INTERNAL);
    assert_int_equal(gate_grpc_code_of_tool(418), GATE_GRPC_UNKNOWN);
    assert_int_equal(gate_grpc_code_of_tool(0), GATE_GRPC_UNKNOWN);
}

static void test_message__percent_encoded(void **state) {
    (void)state;
    assert_string_equal(gate_grpc_message_format(arena, "plain ~ text"), "plain ~ text");
    assert_string_equal(gate_grpc_message_format(arena, "50% \xC3\xA9\r\n\x7F"),
                        "50%25 %C3%A9%0D%0A%7F");
    assert_string_equal(gate_grpc_message_format(arena, ""), "");
}

static void test_message__cut_between_characters(void **state) {
    (void)state;
    char text[GATE_GRPC_MESSAGE_MAX_BYTES + 8];
    memset(text, 'x', sizeof text);
    memcpy(text + GATE_GRPC_MESSAGE_MAX_BYTES - 1, "\xC3\xA9", 3);
    assert_int_equal(strlen(gate_grpc_message_format(arena, text)),
                     GATE_GRPC_MESSAGE_MAX_BYTES - 1);
    assert_string_equal(gate_grpc_text_cut(arena, "ab\xF0\x9F\x98\x80", 5), "ab");
    assert_string_equal(gate_grpc_text_cut(arena, "ab\xFFz", 5), "ab");
    assert_string_equal(gate_grpc_text_cut(arena, "ab", 2), "ab");
}

static void test_error_code__cannot_be_one_of_scalekits(void **state) {
    (void)state;
    assert_string_equal(gate_grpc_error_code_format(arena, "authorization-required"),
                        "GATEHOUSE_AUTHORIZATION_REQUIRED");
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_code__every_kind_is_a_failure),
        CASE(test_code__nothing_that_may_have_happened_is_repeated),
        CASE(test_code__of_tools),
        CASE(test_message__percent_encoded),
        CASE(test_message__cut_between_characters),
        CASE(test_error_code__cannot_be_one_of_scalekits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
