#include "support/cases.h"

#include <string.h>

#include "web/grpc/message.h"

#define ORDER_TYPE scalekit__v1__tools__execute_tool_request__descriptor
#define LIST_TYPE scalekit__v1__tools__list_tools_request__descriptor

static struct gate_ctx *ctx;

static int set_up(void **state) {
    (void)state;
    ctx = gate_ctx_new(&gate_clock_system, NULL, "message");
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    gate_ctx_free(ctx);
    return 0;
}

static enum gate_err parse(const ProtobufCMessageDescriptor *type, const char *bytes, size_t length,
                           const ProtobufCMessage **ret_message) {
    gate_error_clear(&ctx->error);
    return gate_message_parse(ctx, type, bytes, length, ret_message);
}

static const pb_execute_tool_request *parse_order(const char *bytes, size_t length) {
    const ProtobufCMessage *message;
    if (parse(&ORDER_TYPE, bytes, length, &message) != GATE_OK) {
        fail_msg("%s", ctx->error.message);
    }
    return (const pb_execute_tool_request *)message;
}

static void test_parse__fields(void **state) {
    (void)state;
    static const char bytes[] = "\x0A\4tool\x12\3ann\x1A\2\x0A\0\x2A\5gmail";
    const pb_execute_tool_request *order = parse_order(bytes, sizeof bytes - 1);
    assert_string_equal(order->tool_name, "tool");
    assert_string_equal(order->connector, "gmail");
    assert_string_equal(order->agent_run_id, "");
    assert_int_equal(order->params.len, 2);
    assert_memory_equal(order->params.data, "\x0A\0", 2);
    assert_string_equal(gate_message_find_text(&order->base, "identifier"), "ann");
}

static void test_parse__nothing_at_all(void **state) {
    (void)state;
    const pb_execute_tool_request *order = parse_order("", 0);
    assert_string_equal(order->tool_name, "");
    assert_null(gate_message_find_text(&order->base, "identifier"));
    assert_null(gate_message_sent(order->connector));
}

static void test_parse__unknown_fields_are_passed_over(void **state) {
    (void)state;
    static const char bytes[] = "\xF8\x07\x01\x0A\1t\xFA\x07\2xy\xF5\x07\1\2\3\4";
    assert_string_equal(parse_order(bytes, sizeof bytes - 1)->tool_name, "t");
}

static void test_parse__hostile(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t length;
    } cases[] = {
        {"\x0A\5tool", 6},     /* truncated */
        {"\x0A\2\xC3\x28", 4}, /* not UTF-8 */
        {"\x12\4ann\0", 6},    /* two names in one, for whoever stops at NUL */
        {"\x08\1", 2},         /* a text as a number */
        {"\x0B\x0C", 2},       /* a group */
        {"\xF8\x07", 2},       /* an unknown field without its value */
        {"tool_name", 9},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const ProtobufCMessage *message = NULL;
        assert_int_equal(parse(&ORDER_TYPE, cases[i].bytes, cases[i].length, &message),
                         GATE_ERR_INPUT);
        assert_null(message);
        assert_true(ctx->error.message[0] != '\0');
    }
}

static void test_parse__looks_into_messages_inside(void **state) {
    (void)state;
    const ProtobufCMessage *message;
    assert_int_equal(parse(&LIST_TYPE, "\x0A\5\x1A\3ann", 7, &message), GATE_OK);
    assert_string_equal(gate_message_find_text(message, "identifier"), "ann");
    assert_int_equal(parse(&LIST_TYPE, "\x0A\5\x1A\3a\0n", 7, &message), GATE_ERR_INPUT);
    assert_int_equal(parse(&LIST_TYPE, "\x0A\3\x1A\3ann", 7, &message), GATE_ERR_INPUT);
}

static void test_parse__a_number_of_fields(void **state) {
    (void)state;
    char bytes[2 * (GATE_GRPC_FIELDS_MAX + 1)];
    const ProtobufCMessage *message;
    for (size_t i = 0; i < sizeof bytes; i += 2) {
        memcpy(bytes + i, "\x0A\0", 2);
    }
    assert_int_equal(parse(&ORDER_TYPE, bytes, sizeof bytes - 2, &message), GATE_OK);
    assert_int_equal(parse(&ORDER_TYPE, bytes, sizeof bytes, &message), GATE_ERR_INPUT);
}

static void test_write__what_was_parsed(void **state) {
    (void)state;
    static const char bytes[] = "\x0A\4tool\x12\3ann\x1A\2\x0A\0\x2A\5gmail";
    const pb_execute_tool_request *order = parse_order(bytes, sizeof bytes - 1);
    struct gate_buffer buffer;
    gate_buffer_init(&buffer, 1000);
    gate_message_write(&buffer, &order->base);
    assert_int_equal(buffer.length, sizeof bytes - 1);
    assert_memory_equal(buffer.data, bytes, sizeof bytes - 1);
    gate_buffer_done(&buffer);
}

static void test_enum__by_name(void **state) {
    (void)state;
    const ProtobufCEnumDescriptor *type =
        &scalekit__v1__connected_accounts__connector_status__descriptor;
    assert_int_equal(gate_message_find_enum(type, "DISCONNECTED"), 5);
    assert_int_equal(gate_message_find_enum(type, "REVOKED"), 0);
    assert_int_equal(gate_message_find_enum(type, ""), 0);
    assert_int_equal(gate_message_find_enum(type, NULL), 0);
}

static void test_time(void **state) {
    (void)state;
    assert_null(gate_message_make_time(ctx->arena, 0));
    const pb_timestamp *time = gate_message_make_time(ctx->arena, 1772366400123);
    assert_int_equal(time->seconds, 1772366400);
    assert_int_equal(time->nanos, 123000000);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_parse__fields),
        CASE(test_parse__nothing_at_all),
        CASE(test_parse__unknown_fields_are_passed_over),
        CASE(test_parse__hostile),
        CASE(test_parse__looks_into_messages_inside),
        CASE(test_parse__a_number_of_fields),
        CASE(test_write__what_was_parsed),
        CASE(test_enum__by_name),
        CASE(test_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
