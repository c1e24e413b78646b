#include "support/cases.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "web/grpc/struct.h"
#include "web/grpc/wire.h"

static struct gate_ctx *ctx;

static int set_up(void **state) {
    (void)state;
    ctx = gate_ctx_new(&gate_clock_system, NULL, "struct");
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    gate_ctx_free(ctx);
    return 0;
}

static void release(void *buffer) {
    gate_buffer_done(buffer);
}

static struct gate_buffer *make_buffer(size_t max_bytes) {
    struct gate_buffer *buffer = gate_arena_make(ctx->arena, struct gate_buffer);
    gate_buffer_init(buffer, max_bytes);
    gate_arena_defer(ctx->arena, release, buffer);
    return buffer;
}

static struct gate_buffer *to_struct(const char *json) {
    struct gate_buffer *buffer = make_buffer(1 << 20);
    gate_error_clear(&ctx->error);
    if (gate_struct_parse_json(ctx, json, strlen(json), buffer) != GATE_OK) {
        fail_msg("%s: %s", json, ctx->error.message);
    }
    return buffer;
}

static enum gate_err to_json(const void *bytes, size_t length, struct gate_buffer *buffer) {
    gate_error_clear(&ctx->error);
    return gate_struct_format_json(ctx, bytes, length, buffer);
}

static void expect_bytes(const char *json, const char *bytes, size_t length) {
    const struct gate_buffer *buffer = to_struct(json);
    assert_int_equal(buffer->length, length);
    if (length > 0) {
        assert_memory_equal(buffer->data, bytes, length);
    }
}

/* There and back again. */
static void expect_same(const char *json, const char *expected) {
    const struct gate_buffer *bytes = to_struct(json);
    struct gate_buffer *text = make_buffer(1 << 20);
    if (to_json(bytes->data, bytes->length, text) != GATE_OK) {
        fail_msg("%s: %s", json, ctx->error.message);
    }
    assert_string_equal(gate_buffer_text(text), expected);
}

/* The bytes that any other implementation writes. */
static void test_parse__exact_bytes(void **state) {
    (void)state;
    expect_bytes("{}", "", 0);
    expect_bytes("{\"a\":null}",
                 "\x0A\x07\x0A\x01"
                 "a\x12\x02\x08\x00",
                 9);
    expect_bytes("{\"a\":true}",
                 "\x0A\x07\x0A\x01"
                 "a\x12\x02\x20\x01",
                 9);
    expect_bytes("{\"a\":\"hi\"}",
                 "\x0A\x09\x0A\x01"
                 "a\x12\x04\x1A\x02hi",
                 11);
    expect_bytes("{\"a\":1}",
                 "\x0A\x0E\x0A\x01"
                 "a\x12\x09\x11\0\0\0\0\0\0\xF0\x3F",
                 16);
    expect_bytes("{\"a\":[]}",
                 "\x0A\x07\x0A\x01"
                 "a\x12\x02\x32\x00",
                 9);
    expect_bytes("{\"a\":{\"b\":[false]}}",
                 "\x0A\x14\x0A\x01"
                 "a\x12\x0F\x2A\x0D\x0A\x0B\x0A\x01"
                 "b\x12\x06\x32\x04\x0A\x02\x20\x00",
                 22);
}

static void test_there_and_back(void **state) {
    (void)state;
    static const char *const texts[] = {
        "{}",
        "{\"a\":null,\"b\":true,\"c\":false,\"d\":\"\",\"e\":[],\"f\":{}}",
        "{\"\":{\"\":[[],[{}],\"x\"]}}",
        ("{\"n\":[0,1,-1,0.5,0.1,1e+300,2.2250738585072014e-308,9007199254740991,"
         "1.7976931348623157e+308]}"),
        "{\"text\":\"\\\"\\\\\\n\\u0001 \xC3\xA9 \xF0\x9F\x98\x80\",\"nul\":\"a\\u0000b\"}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        expect_same(texts[i], texts[i]);
    }
}

static void test_numbers__are_doubles(void **state) {
    (void)state;
    expect_same("{\"n\":9007199254740993}", "{\"n\":9007199254740992}");
    expect_same("{\"n\":1.0000000000000000001}", "{\"n\":1}");
    expect_same("{\"n\":-0}", "{\"n\":-0}");
    expect_same("{\"n\":0.1000000000000000055511151231257827021181583404541015625000000000001}",
                "{\"n\":0.1}");
    const struct gate_buffer *bytes = to_struct("{\"n\":1e999}");
    struct gate_buffer *text = make_buffer(1000);
    assert_int_equal(to_json(bytes->data, bytes->length, text), GATE_ERR_INPUT); /* infinite */
}

static void test_large_lengths(void **state) {
    (void)state;
    struct gate_buffer *json = make_buffer(1 << 20);
    gate_buffer_append_text(json, "{\"list\":[");
    for (int i = 0; i < 3000; i++) {
        gate_buffer_printf(json, "%s{\"name_%d\":\"%0*d\"}", i == 0 ? "" : ",", i, i % 200, i);
    }
    gate_buffer_append_text(json, "]}");
    expect_same(gate_buffer_text(json), gate_buffer_text(json));
}

static void nest(struct gate_buffer *json, int depth) {
    gate_buffer_append_text(json, "{\"a\":");
    for (int i = 1; i < depth; i++) {
        gate_buffer_append_text(json, "[");
    }
    gate_buffer_append_text(json, "1");
    for (int i = 1; i < depth; i++) {
        gate_buffer_append_text(json, "]");
    }
    gate_buffer_append_text(json, "}");
}

static void test_depth__ends_for_what_is_sent_to_us(void **state) {
    (void)state;
    for (int depth = GATE_GRPC_STRUCT_DEPTH_MAX; depth <= GATE_GRPC_STRUCT_DEPTH_MAX + 1; depth++) {
        struct gate_buffer *json = make_buffer(10000);
        nest(json, depth);
        const struct gate_buffer *bytes = to_struct(gate_buffer_text(json));
        enum gate_err err = to_json(bytes->data, bytes->length, make_buffer(10000));
        assert_int_equal(err, depth <= GATE_GRPC_STRUCT_DEPTH_MAX ? GATE_OK : GATE_ERR_INPUT);
    }
    struct gate_buffer *deepest = make_buffer(10000);
    nest(deepest, GATE_UPSTREAM_JSON_DEPTH_MAX); /* an answer, which is taken as far as it can be */
    assert_true(to_struct(gate_buffer_text(deepest))->length > 0);
}

/* A megabyte of nothing but depth must not take the stack. */
static void test_depth__of_a_bomb(void **state) {
    (void)state;
    enum { SIZE = 200000 };
    unsigned char *end = (unsigned char *)gate_arena_alloc(ctx->arena, SIZE) + SIZE;
    unsigned char *at = end;
    size_t length = 0;
    while (length < SIZE - 16) { /* a ListValue with one Value that is a ListValue … */
        struct gate_buffer *head = make_buffer(16);
        gate_wire_write_key(head, at == end ? 6 : 1, GATE_WIRE_BYTES);
        gate_wire_write_varint(head, length);
        at -= head->length;
        memcpy(at, head->data, head->length);
        length = (size_t)(end - at);
        gate_buffer_done(head);
    }
    assert_int_equal(to_json(at, length, make_buffer(1 << 20)), GATE_ERR_INPUT);
}

static void test_format__hostile(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t length;
    } cases[] = {
        {"\x0A", 1}, /* truncated */
        {"\x0A\x05\x0A\x01"
         "a",
         5},
        {"\x08\x01", 2}, /* fields is no number */
        {"\x0A\x03\x0A\x01"
         "a",
         5}, /* no value */
        {"\x0A\x05\x0A\x01"
         "a\x12\x00",
         7}, /* of no kind */
        {"\x0A\x09\x0A\x01"
         "a\x12\x04\x20\x01\x08\x00",
         11}, /* of two kinds */
        {"\x0A\x09\x0A\x01"
         "a\x12\x04\x20\x01\x20\x00",
         11}, /* of one, twice */
        {"\x0A\x07\x0A\x01"
         "a\x12\x02\x10\x01",
         9},                                         /* a number as a varint */
        {"\x0A\x07\x0A\x01\xFF\x12\x02\x20\x01", 9}, /* a name not in UTF-8 */
        {"\x0A\x07\x0A\x01\0\x12\x02\x20\x01", 9},   /* NUL for a name */
        {"\x0A\x08\x0A\x01"
         "a\x12\x03\x1A\x01\xC0",
         10}, /* a text not in UTF-8 */
        {"\x0A\x0E\x0A\x01"
         "a\x12\x09\x11\0\0\0\0\0\0\xF0\x7F",
         16}, /* infinity */
        {"\x0A\x0E\x0A\x01"
         "a\x12\x09\x11\1\0\0\0\0\0\xF0\x7F",
         16}, /* no number */
        {"\x0A\x07\x0A\x01"
         "a\x12\x02\x20\x01\x0A\x07\x0A\x01"
         "a\x12\x02\x20\x00",
         18},            /* a: twice */
        {"\x0B\x0C", 2}, /* a group */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct gate_buffer *text = make_buffer(1000);
        if (to_json(cases[i].bytes, cases[i].length, text) != GATE_ERR_INPUT) {
            fail_msg("case %zu became %s", i, gate_buffer_text(text));
        }
        assert_true(ctx->error.message[0] != '\0');
    }
}

/* Fields that a later Struct may come to have are passed over, like everywhere else. */
static void test_format__unknown_fields(void **state) {
    (void)state;
    static const char bytes[] = "\x78\x05\x0A\x09\x0A\x01"
                                "a\x12\x02\x20\x01\x78\x05";
    struct gate_buffer *text = make_buffer(1000);
    assert_int_equal(to_json(bytes, sizeof bytes - 1, text), GATE_OK);
    assert_string_equal(gate_buffer_text(text), "{\"a\":true}");
}

static void test_limits__of_both_buffers(void **state) {
    (void)state;
    static const char json[] = "{\"a\":\"0123456789\"}";
    const struct gate_buffer *bytes = to_struct(json);
    assert_int_equal(to_json(bytes->data, bytes->length, make_buffer(sizeof json - 1)), GATE_OK);
    assert_int_equal(to_json(bytes->data, bytes->length, make_buffer(sizeof json - 2)),
                     GATE_ERR_TOO_LARGE);
    gate_error_clear(&ctx->error);
    assert_int_equal(gate_struct_parse_json(ctx, json, sizeof json - 1, make_buffer(bytes->length)),
                     GATE_OK);
    struct gate_buffer *small = make_buffer(bytes->length - 1);
    assert_int_equal(gate_struct_parse_json(ctx, json, sizeof json - 1, small), GATE_ERR_TOO_LARGE);
    assert_int_equal(small->length, 0);
}

static void test_parse__what_is_no_object(void **state) {
    (void)state;
    static const char *const texts[] = {"[]", "[{}]", "1", "\"x\"", "null", "true"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        gate_error_clear(&ctx->error);
        assert_int_equal(gate_struct_parse_json(ctx, texts[i], strlen(texts[i]), make_buffer(100)),
                         GATE_ERR_UPSTREAM);
    }
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_parse__exact_bytes),
        CASE(test_there_and_back),
        CASE(test_numbers__are_doubles),
        CASE(test_large_lengths),
        CASE(test_depth__ends_for_what_is_sent_to_us),
        CASE(test_depth__of_a_bomb),
        CASE(test_format__hostile),
        CASE(test_format__unknown_fields),
        CASE(test_limits__of_both_buffers),
        CASE(test_parse__what_is_no_object),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
