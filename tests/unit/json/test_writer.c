#include "support/cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json/writer.h"

struct written {
    struct gate_buffer buffer;
    struct gate_json_writer writer;
    struct gate_ctx *ctx;
};

static int start(void **state) {
    struct written *written = calloc(1, sizeof *written);
    gate_buffer_init(&written->buffer, 100000);
    gate_json_writer_init(&written->writer, &written->buffer);
    written->ctx = gate_ctx_new(&gate_clock_system, NULL, "test");
    *state = written;
    return 0;
}

static int stop(void **state) {
    struct written *written = *state;
    gate_buffer_done(&written->buffer);
    gate_ctx_free(written->ctx);
    free(written);
    return 0;
}

static void test_writer__commas_and_nesting(void **state) {
    struct written *written = *state;
    struct gate_json_writer *writer = &written->writer;
    gate_json_open_object(writer, NULL);
    gate_json_write_text(writer, "name", "slack");
    gate_json_write_integer(writer, "n", INT64_MIN);
    gate_json_open_array(writer, "list");
    gate_json_open_object(writer, NULL);
    gate_json_close_object(writer);
    gate_json_open_array(writer, NULL);
    gate_json_close_array(writer);
    gate_json_write_bool(writer, NULL, true);
    gate_json_write_null(writer, NULL);
    gate_json_close_array(writer);
    gate_json_write_bool(writer, "off", false);
    gate_json_write_text(writer, "nothing", NULL);
    gate_json_close_object(writer);
    assert_string_equal(gate_buffer_text(&written->buffer),
                        "{\"name\":\"slack\",\"n\":-9223372036854775808,"
                        "\"list\":[{},[],true,null],\"off\":false,\"nothing\":null}");
}

static void test_text__escaped(void **state) {
    struct written *written = *state;
    gate_json_write_text(&written->writer, NULL, "\"\\/\n\r\t\b\x01\x7F<\xC3\xA9\xF0\x9F\x98\x80");
    assert_string_equal(gate_buffer_text(&written->buffer),
                        "\"\\\"\\\\/\\n\\r\\t\\u0008\\u0001\\u007f<\xC3\xA9\xF0\x9F\x98\x80\"");
}

static void test_text__bad_bytes_are_replaced(void **state) {
    struct written *written = *state;
    gate_json_write_text(&written->writer, NULL,
                         "a\xFF"
                         "b\xC3");
    assert_string_equal(gate_buffer_text(&written->buffer), "\"a\xEF\xBF\xBD"
                                                            "b\xEF\xBF\xBD\"");
}

static void test_text__any_byte_reads_back(void **state) {
    struct written *written = *state;
    char text[128];
    for (int i = 0; i < 127; i++) {
        text[i] = (char)(i + 1);
    }
    text[127] = '\0';
    gate_json_write_text(&written->writer, NULL, text);
    const gate_json *json;
    assert_int_equal(
        gate_json_parse(written->ctx, written->buffer.data, written->buffer.length, &json),
        GATE_OK);
    assert_string_equal(gate_json_text(json), text);
}

static void test_time(void **state) {
    struct written *written = *state;
    gate_json_open_array(&written->writer, NULL);
    gate_json_write_time(&written->writer, NULL, 1772366400123);
    gate_json_write_time(&written->writer, NULL, 0);
    gate_json_close_array(&written->writer);
    assert_string_equal(gate_buffer_text(&written->buffer), "[\"2026-03-01T12:00:00.123Z\",null]");
}

static void test_value__digits_and_order_stay(void **state) {
    struct written *written = *state;
    const char *text = "{\"z\":1.10,\"big\":123456789012345678901234567890,\"neg\":-0,\"e\":1E400,"
                       "\"a\":[null,true,\"\\u0000/\xC3\xA9\"],\"i\":7}";
    const gate_json *json;
    assert_int_equal(gate_json_parse(written->ctx, text, strlen(text), &json), GATE_OK);
    gate_json_open_object(&written->writer, NULL);
    gate_json_write_value(&written->writer, "data", json);
    gate_json_write_value(&written->writer, "none", NULL);
    gate_json_close_object(&written->writer);
    char expected[512];
    snprintf(expected, sizeof expected, "{\"data\":%s,\"none\":null}", text);
    assert_string_equal(gate_buffer_text(&written->buffer), expected);
}

static void test_raw__as_it_is(void **state) {
    struct written *written = *state;
    gate_json_open_object(&written->writer, NULL);
    gate_json_write_raw(&written->writer, "data", "{ \"a\" : 1 }  ", 11);
    gate_json_write_raw(&written->writer, "b", "1.0", 3);
    gate_json_close_object(&written->writer);
    assert_string_equal(gate_buffer_text(&written->buffer), "{\"data\":{ \"a\" : 1 },\"b\":1.0}");
}

static void test_writer__beyond_the_maximum(void **state) {
    (void)state;
    struct gate_buffer buffer;
    struct gate_json_writer writer;
    gate_buffer_init(&buffer, 10);
    gate_json_writer_init(&writer, &buffer);
    gate_json_open_object(&writer, NULL);
    gate_json_write_text(&writer, "name", "a long value");
    gate_json_close_object(&writer);
    assert_true(buffer.overflowed);
    gate_buffer_done(&buffer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_writer__commas_and_nesting, start, stop),
        cmocka_unit_test_setup_teardown(test_text__escaped, start, stop),
        cmocka_unit_test_setup_teardown(test_text__bad_bytes_are_replaced, start, stop),
        cmocka_unit_test_setup_teardown(test_text__any_byte_reads_back, start, stop),
        cmocka_unit_test_setup_teardown(test_time, start, stop),
        cmocka_unit_test_setup_teardown(test_value__digits_and_order_stay, start, stop),
        cmocka_unit_test_setup_teardown(test_raw__as_it_is, start, stop),
        cmocka_unit_test(test_writer__beyond_the_maximum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
