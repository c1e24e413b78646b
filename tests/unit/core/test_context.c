#include "support/cases.h"

#include <string.h>

#include "core/context.h"

static void test_new__request_id(void **state) {
    (void)state;
    struct gate_test_clock clock;
    gate_test_clock_init(&clock);
    struct gate_ctx *given = gate_ctx_new(&clock.clock, NULL, "req-1");
    assert_string_equal(given->request_id, "req-1");
    struct gate_ctx *first = gate_ctx_new(&clock.clock, NULL, NULL);
    struct gate_ctx *second = gate_ctx_new(&clock.clock, NULL, NULL);
    assert_int_equal(strlen(first->request_id), 32);
    assert_string_not_equal(first->request_id, second->request_id);
    char long_id[2 * GATE_REQUEST_ID_MAX_BYTES];
    memset(long_id, 'x', sizeof long_id - 1);
    long_id[sizeof long_id - 1] = '\0';
    struct gate_ctx *cut = gate_ctx_new(&clock.clock, NULL, long_id);
    assert_int_equal(strlen(cut->request_id), GATE_REQUEST_ID_MAX_BYTES);
    gate_ctx_free(given);
    gate_ctx_free(first);
    gate_ctx_free(second);
    gate_ctx_free(cut);
    gate_ctx_free(NULL);
}

static void test_waited_share__is_bounded_by_both(void **state) {
    (void)state;
    struct gate_test_clock clock;
    gate_test_clock_init(&clock);
    struct gate_ctx *other = gate_ctx_new(&clock.clock, NULL, NULL);
    other->waited = (struct gate_waited){.upstream_ms = 300, .pause_ms = 100};
    static const struct {
        int64_t passed_ms;
        int64_t upstream_ms;
        int64_t pause_ms;
    } cases[] = {{0, 0, 0}, {200, 200, 0}, {350, 300, 50}, {400, 300, 100}, {900, 300, 100}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct gate_ctx *ctx = gate_ctx_new(&clock.clock, NULL, NULL);
        ctx->waited.upstream_ms = 7;
        int64_t since_ms = gate_clock_monotonic_ms(ctx->clock);
        gate_test_clock_advance(&clock, cases[i].passed_ms);
        gate_ctx_waited_share(ctx, other, since_ms);
        assert_int_equal(ctx->waited.upstream_ms, 7 + cases[i].upstream_ms);
        assert_int_equal(ctx->waited.pause_ms, cases[i].pause_ms);
        gate_ctx_free(ctx);
    }
    gate_ctx_free(other);
}

static void test_fail__first_wins(void **state) {
    (void)state;
    struct gate_test_clock clock;
    gate_test_clock_init(&clock);
    struct gate_ctx *ctx = gate_ctx_new(&clock.clock, NULL, "r");
    assert_int_equal(gate_fail(ctx, GATE_ERR_NOT_FOUND, "no %s here", "row"), GATE_ERR_NOT_FOUND);
    int line = ctx->error.line;
    assert_int_equal(gate_fail(ctx, GATE_ERR_STORE, "later"), GATE_ERR_STORE);
    assert_int_equal(ctx->error.kind, GATE_ERR_NOT_FOUND);
    assert_string_equal(ctx->error.message, "no row here");
    assert_int_equal(ctx->error.line, line);
    assert_non_null(strstr(ctx->error.file, "test_context.c"));
    gate_error_clear(&ctx->error);
    assert_int_equal(ctx->error.kind, GATE_OK);
    assert_string_equal(ctx->error.message, "");
    assert_int_equal(gate_fail(ctx, GATE_ERR_STORE, "now"), GATE_ERR_STORE);
    assert_string_equal(ctx->error.message, "now");
    gate_ctx_free(ctx);
}

static void test_fail__long_message_is_cut(void **state) {
    (void)state;
    struct gate_error error = {.kind = GATE_OK};
    gate_error_set_at(&error, "f", 1, GATE_ERR_INTERNAL, "%1000d", 1);
    assert_int_equal(strlen(error.message), GATE_ERROR_MESSAGE_MAX_BYTES - 1);
}

static void test_err_name__every_kind(void **state) {
    (void)state;
    for (int kind = GATE_OK; kind < GATE_ERR_COUNT_; kind++) {
        assert_non_null(gate_err_name((enum gate_err)kind));
    }
    assert_string_equal(gate_err_name(GATE_ERR_NOT_FOUND), "not_found");
}

static void test_time_left__deadline_and_cap(void **state) {
    (void)state;
    struct gate_test_clock clock;
    gate_test_clock_init(&clock);
    struct gate_ctx *ctx = gate_ctx_new(&clock.clock, NULL, "r");
    assert_int_equal(gate_ctx_time_left_ms(ctx, 500), 500);
    ctx->deadline_ms = clock.monotonic_ms + 100;
    assert_int_equal(gate_ctx_time_left_ms(ctx, 500), 100);
    assert_int_equal(gate_ctx_time_left_ms(ctx, 50), 50);
    gate_test_clock_advance(&clock, 100);
    assert_int_equal(gate_ctx_time_left_ms(ctx, 500), 0);
    gate_test_clock_advance(&clock, 1);
    assert_int_equal(gate_ctx_time_left_ms(ctx, 500), 0);
    assert_true(gate_ctx_now_ms(ctx) == 1772366400101);
    gate_ctx_free(ctx);
}

struct outcome {
    enum gate_err err;
    int calls;
};

static void note_outcome(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct outcome *outcome = state;
    assert_string_equal(ctx->request_id, "r");
    outcome->err = err;
    outcome->calls++;
}

static void test_resume__runs_once_on_the_queue(void **state) {
    (void)state;
    struct gate_test_clock clock;
    gate_test_clock_init(&clock);
    gate_runqueue *queue = gate_runqueue_new();
    struct gate_ctx *ctx = gate_ctx_new(&clock.clock, queue, "r");
    struct outcome outcome = {GATE_OK, 0};
    gate_ctx_resume(ctx, GATE_ERR_TIMEOUT, note_outcome, &outcome);
    assert_int_equal(outcome.calls, 0);
    assert_true(gate_runqueue_run_one(queue));
    assert_false(gate_runqueue_run_one(queue));
    assert_int_equal(outcome.calls, 1);
    assert_int_equal(outcome.err, GATE_ERR_TIMEOUT);
    gate_ctx_free(ctx);
    gate_runqueue_free(queue);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new__request_id),
        cmocka_unit_test(test_waited_share__is_bounded_by_both),
        cmocka_unit_test(test_fail__first_wins),
        cmocka_unit_test(test_fail__long_message_is_cut),
        cmocka_unit_test(test_err_name__every_kind),
        cmocka_unit_test(test_time_left__deadline_and_cap),
        cmocka_unit_test(test_resume__runs_once_on_the_queue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
