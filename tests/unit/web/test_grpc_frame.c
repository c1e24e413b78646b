#include "support/cases.h"

#include <string.h>

#include "web/grpc/frame.h"
#include "web/grpc/wire.h"

static struct gate_ctx *ctx;

static int set_up(void **state) {
    (void)state;
    ctx = gate_ctx_new(&gate_clock_system, NULL, "frame");
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    gate_ctx_free(ctx);
    return 0;
}

static enum gate_err parse(const char *body, size_t length, const void **ret_message,
                           size_t *ret_length) {
    gate_error_clear(&ctx->error);
    return gate_frame_parse(ctx, body, length, ret_message, ret_length);
}

static void test_frame__one_message(void **state) {
    (void)state;
    static const char body[] = "\0\0\0\0\3abc";
    const void *message;
    size_t length;
    assert_int_equal(parse(body, 8, &message, &length), GATE_OK);
    assert_ptr_equal(message, body + 5);
    assert_int_equal(length, 3);
    assert_int_equal(parse("\0\0\0\0\0", 5, &message, &length), GATE_OK);
    assert_int_equal(length, 0);
}

static void test_frame__hostile(void **state) {
    (void)state;
    static const struct {
        const char *body;
        size_t length;
        enum gate_err err;
    } cases[] = {
        {"", 0, GATE_ERR_INPUT},
        {"\0\0\0\0", 4, GATE_ERR_INPUT},
        {"\0\0\0\0\4abc", 8, GATE_ERR_INPUT},           /* truncated */
        {"\0\0\0\0\2abc", 8, GATE_ERR_INPUT},           /* more than its length */
        {"\0\0\0\0\1a\0\0\0\0\1b", 12, GATE_ERR_INPUT}, /* two messages */
        {"\0\xFF\xFF\xFF\xFF"
         "abc",
         8, GATE_ERR_INPUT}, /* nearly 4 GiB */
        {"\0\x80\0\0\0", 5, GATE_ERR_INPUT},
        {"\1\0\0\0\3abc", 8, GATE_ERR_MEDIA_TYPE}, /* compressed */
        {"\2\0\0\0\3abc", 8, GATE_ERR_INPUT},
        {"\x80\0\0\0\3abc", 8, GATE_ERR_INPUT}, /* gRPC-Web's trailers */
        {"{\"tool_name\":1}", 15, GATE_ERR_INPUT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const void *message = NULL;
        size_t length = 42;
        assert_int_equal(parse(cases[i].body, cases[i].length, &message, &length), cases[i].err);
        assert_null(message);
        assert_int_equal(length, 42);
        assert_true(ctx->error.message[0] != '\0');
    }
}

static void test_frame__prefix_is_big_endian(void **state) {
    (void)state;
    struct gate_buffer buffer;
    gate_buffer_init(&buffer, 100);
    gate_frame_write_prefix(&buffer, 0x01020304);
    assert_int_equal(buffer.length, 5);
    assert_memory_equal(buffer.data, "\0\1\2\3\4", 5);
    gate_buffer_done(&buffer);
}

/* ---- fields ---- */

static void test_field__kinds(void **state) {
    (void)state;
    static const char bytes[] = "\x08\x96\x01"            /* 1: 150 */
                                "\x11\1\2\3\4\5\6\7\x08"  /* 2: eight bytes */
                                "\x1A\2hi"                /* 3: "hi" */
                                "\x25\1\0\0\0"            /* 4: four bytes */
                                "\xF8\xFF\xFF\xFF\x0F\0"; /* the largest number: 0 */
    struct gate_wire_reader reader = gate_wire_reader_make(bytes, sizeof bytes - 1);
    struct gate_wire_field field;
    assert_true(gate_wire_read_field(&reader, &field));
    assert_int_equal(field.number, 1);
    assert_int_equal(field.value, 150);
    assert_true(gate_wire_read_field(&reader, &field));
    assert_int_equal(field.type, GATE_WIRE_FIXED64);
    assert_true(field.value == UINT64_C(0x0807060504030201));
    assert_true(gate_wire_read_field(&reader, &field));
    assert_int_equal(field.length, 2);
    assert_memory_equal(field.bytes, "hi", 2);
    assert_true(gate_wire_read_field(&reader, &field));
    assert_int_equal(field.value, 1);
    assert_true(gate_wire_read_field(&reader, &field));
    assert_int_equal(field.number, 536870911);
    assert_true(gate_wire_at_end(&reader));
}

static void test_field__not_well_formed(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t length;
    } cases[] = {
        {"\x08", 1},                                          /* no value */
        {"\x08\x80", 2},                                      /* half a varint */
        {"\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02", 11}, /* more than 64 bits */
        {"\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 12},
        {"\x11\1\2\3\4\5\6\7", 8},
        {"\x25\1\2\3", 4},
        {"\x1A\3hi", 4}, /* longer than there is */
        {"\x1A\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01hi", 13},
        {"\x0B", 1}, /* a group begins, and ends */
        {"\x0C", 1},
        {"\x0E", 1}, /* types that there are not */
        {"\x0F", 1},
        {"\x00\x00", 2},                 /* number 0 */
        {"\x80\x80\x80\x80\x10\x00", 6}, /* a number beyond 2^29 */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct gate_wire_reader reader = gate_wire_reader_make(cases[i].bytes, cases[i].length);
        struct gate_wire_field field;
        if (gate_wire_read_field(&reader, &field)) {
            fail_msg("case %zu", i);
        }
    }
}

static void test_varint__written_and_measured(void **state) {
    (void)state;
    static const uint64_t values[] = {0, 1, 127, 128, 300, 16383, 16384, UINT32_MAX, UINT64_MAX};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        struct gate_buffer buffer;
        gate_buffer_init(&buffer, 100);
        gate_wire_write_key(&buffer, 5, GATE_WIRE_VARINT);
        gate_wire_write_varint(&buffer, values[i]);
        assert_int_equal(buffer.length, 1 + gate_wire_varint_bytes(values[i]));
        struct gate_wire_reader reader = gate_wire_reader_make(buffer.data, buffer.length);
        struct gate_wire_field field;
        assert_true(gate_wire_read_field(&reader, &field));
        assert_int_equal(field.number, 5);
        assert_true(field.value == values[i]);
        gate_buffer_done(&buffer);
    }
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_frame__one_message),          CASE(test_frame__hostile),
        CASE(test_frame__prefix_is_big_endian), CASE(test_field__kinds),
        CASE(test_field__not_well_formed),      CASE(test_varint__written_and_measured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
