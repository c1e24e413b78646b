#include "support/cases.h"

#include <string.h>
#include <unistd.h>

#include "core/log.h"
#include "core/text.h"

static int pipe_fds[2];
static char written[4 * GATE_LOG_LINE_MAX_BYTES];

static int start(void **state) {
    (void)state;
    assert_int_equal(pipe(pipe_fds), 0);
    gate_log_open(GATE_LOG_INFO, pipe_fds[1]);
    return 0;
}

static int stop(void **state) {
    (void)state;
    gate_log_open(GATE_LOG_INFO, STDERR_FILENO);
    close(pipe_fds[0]);
    return 0;
}

/* All that was logged; "" when nothing was. */
static const char *read_log(void) {
    close(pipe_fds[1]);
    ssize_t length = read(pipe_fds[0], written, sizeof written - 1);
    assert_true(length >= 0);
    written[length] = '\0';
    return written;
}

static void assert_logged(const char *expected) {
    const char *level = strstr(read_log(), " level=");
    assert_non_null(level);
    assert_string_equal(level, expected);
}

static void test_log__fields_in_order(void **state) {
    (void)state;
    gate_log_write(GATE_LOG_WARN, "upstream.slow", GATE_LOG_TEXT("host", "example.com"),
                   GATE_LOG_NUMBER("ms", -12));
    const char *line = read_log();
    assert_memory_equal(line, "time=20", 7);
    assert_memory_equal(line + strlen("time=2026-03-01T12:00:00.000"), "Z level=", 8);
    assert_string_equal(strstr(line, " level="),
                        " level=warn event=upstream.slow host=example.com ms=-12\n");
}

static void test_log__below_the_level(void **state) {
    (void)state;
    gate_log_write(GATE_LOG_DEBUG, "noise", GATE_LOG_NUMBER("n", 1));
    assert_string_equal(read_log(), "");
}

static void test_log__no_fields(void **state) {
    (void)state;
    gate_log(GATE_LOG_ERROR, "bare", NULL, 0);
    assert_logged(" level=error event=bare\n");
}

static void test_log__hostile_values_stay_values(void **state) {
    (void)state;
    gate_log_write(GATE_LOG_INFO, "e", GATE_LOG_TEXT("a", "x\nlevel=error event=forged"),
                   GATE_LOG_TEXT("b", "say \"hi\" \\"), GATE_LOG_TEXT("c", "k=v"));
    assert_logged(" level=info event=e a=\"x\\x0alevel=error event=forged\" "
                  "b=\"say \\\"hi\\\" \\\\\" c=\"k=v\"\n");
}

static void test_log__terminal_controls_and_bad_bytes(void **state) {
    (void)state;
    gate_log_write(GATE_LOG_INFO, "e", GATE_LOG_TEXT("a", "\x1B[2J\x7F"),
                   GATE_LOG_TEXT("b", "\xC2\x9B"
                                      "2J"),
                   GATE_LOG_TEXT("c", "\xFFz"), GATE_LOG_TEXT("d", "caf\xC3\xA9"));
    assert_logged(" level=info event=e a=\"\\x1b[2J\\x7f\" b=\"\\u009b2J\" c=\"\\xffz\" "
                  "d=\"caf\xC3\xA9\"\n");
}

static void test_log__empty_and_null_values(void **state) {
    (void)state;
    const char *nothing = NULL;
    gate_log_write(GATE_LOG_INFO, "e", GATE_LOG_TEXT("a", ""), GATE_LOG_TEXT("b", nothing));
    assert_logged(" level=info event=e a=\"\" b=\"\"\n");
}

static void test_log__long_plain_value_is_cut(void **state) {
    (void)state;
    char value[2 * GATE_LOG_LINE_MAX_BYTES];
    memset(value, 'a', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    gate_log_write(GATE_LOG_INFO, "e", GATE_LOG_TEXT("a", value), GATE_LOG_NUMBER("n", 7));
    const char *line = read_log();
    assert_int_equal(strlen(line), GATE_LOG_LINE_MAX_BYTES);
    assert_int_equal(line[GATE_LOG_LINE_MAX_BYTES - 1], '\n');
}

/* Whatever the offset, a cut value keeps whole characters, whole escapes and its closing quote. */
static void test_log__long_quoted_value_is_cut_whole(void **state) {
    (void)state;
    char value[GATE_LOG_LINE_MAX_BYTES + 16];
    for (size_t shift = 0; shift < 4; shift++) {
        memset(value, ' ', shift);
        for (size_t i = shift; i + 2 < sizeof value; i += 2) {
            memcpy(value + i, i % 4 < 2 ? "\xC3\xA9" : "\n\"", 2);
            value[i + 2] = '\0';
        }
        if (shift > 0) {
            start(NULL);
        }
        gate_log_write(GATE_LOG_INFO, "e", GATE_LOG_TEXT("a", value));
        const char *line = read_log();
        size_t length = strlen(line);
        assert_true(length <= GATE_LOG_LINE_MAX_BYTES && length > GATE_LOG_LINE_MAX_BYTES - 8);
        assert_string_equal(line + length - 2, "\"\n");
        assert_true(gate_text_is_utf8(line, length));
        assert_ptr_equal(strchr(line, '\n'), line + length - 1);
        if (shift < 3) {
            close(pipe_fds[0]);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_log__fields_in_order, start, stop),
        cmocka_unit_test_setup_teardown(test_log__below_the_level, start, stop),
        cmocka_unit_test_setup_teardown(test_log__no_fields, start, stop),
        cmocka_unit_test_setup_teardown(test_log__hostile_values_stay_values, start, stop),
        cmocka_unit_test_setup_teardown(test_log__terminal_controls_and_bad_bytes, start, stop),
        cmocka_unit_test_setup_teardown(test_log__empty_and_null_values, start, stop),
        cmocka_unit_test_setup_teardown(test_log__long_plain_value_is_cut, start, stop),
        cmocka_unit_test_setup_teardown(test_log__long_quoted_value_is_cut_whole, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
