#include "fixture.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

#define CROWD 300
#define WORKERS 4

static void test_token__a_crowd_makes_one_request(void **state) {
    struct fixture *fixture = *state;
    fixture->token_answer.is_held = true;
    script(fixture, 200, "{}");
    static struct call calls[CROWD];
    for (int i = 0; i < CROWD; i++) {
        start_accounts(fixture, &calls[i]);
    }
    gate_test_server_wait_requests(fixture->server, 1);
    assert_int_equal(count_api(fixture), 0);
    gate_test_server_release(fixture->server);
    for (int i = 0; i < CROWD; i++) {
        assert_int_equal(end(fixture, &calls[i]), GATE_OK);
    }
    assert_int_equal(count_tokens(fixture), 1);
    assert_int_equal(count_api(fixture), CROWD);
    assert_string_equal(fixture->token_form, "POST grant_type=client_credentials&client_id=skc_1"
                                             "&client_secret=s%26cret%2B");
    assert_string_equal(fixture->seen_authorization[0], "Bearer t1");
}

static void test_token__is_renewed_early_while_the_old_one_serves(void **state) {
    struct fixture *fixture = *state;
    script(fixture, 200, "{}");
    assert_int_equal(run_accounts(fixture), GATE_OK);
    gate_test_clock_advance(&fixture->clock, 2879 * 1000);
    assert_int_equal(run_accounts(fixture), GATE_OK);
    assert_int_equal(count_tokens(fixture), 1);
    gate_test_clock_advance(&fixture->clock, 1000);
    assert_int_equal(run_accounts(fixture), GATE_OK);
    assert_string_equal(fixture->seen_authorization[2], "Bearer t1");
    int last;
    do { /* the renewal ends between two of these */
        assert_int_equal(run_accounts(fixture), GATE_OK);
        last = (count_api(fixture) - 1) % SEEN_MAX;
    } while (strcmp(fixture->seen_authorization[last], "Bearer t1") == 0);
    assert_string_equal(fixture->seen_authorization[last], "Bearer t2");
    assert_int_equal(count_tokens(fixture), 2);
}

static void test_token__is_waited_for_when_the_old_one_has_ended(void **state) {
    struct fixture *fixture = *state;
    fixture->life_s = 30;
    script(fixture, 200, "{}");
    assert_int_equal(run_accounts(fixture), GATE_OK);
    gate_test_clock_advance(&fixture->clock, 30 * 1000);
    assert_int_equal(run_accounts(fixture), GATE_OK);
    assert_string_equal(fixture->seen_authorization[1], "Bearer t2");
}

static void test_token__failure_is_shared_and_kept_for_a_second(void **state) {
    struct fixture *fixture = *state;
    fixture->token_answer = (struct gate_test_http_answer){
        .status = 401, .body = "{\"error\":\"invalid_client\"}", .is_held = true};
    struct call calls[3];
    for (int i = 0; i < 3; i++) {
        start_accounts(fixture, &calls[i]);
    }
    gate_test_server_release(fixture->server);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(finish(fixture, &calls[i]), GATE_ERR_UPSTREAM);
        assert_non_null(strstr(calls[i].ctx->error.message, "client id and secret"));
        gate_ctx_free(calls[i].ctx);
    }
    assert_int_equal(run_accounts(fixture), GATE_ERR_UPSTREAM);
    assert_int_equal(count_tokens(fixture), 1);
    gate_test_clock_advance(&fixture->clock, 1000);
    fixture->token_answer.status = 0;
    assert_int_equal(run_accounts(fixture),
                     GATE_ERR_UPSTREAM); /* "{}" is missing: an empty answer */
    assert_int_equal(count_tokens(fixture), 2);
    assert_int_equal(count_api(fixture), 1);
}

static void test_token__failed_renewal_leaves_the_old_one_in_use(void **state) {
    struct fixture *fixture = *state;
    script(fixture, 200, "{}");
    assert_int_equal(run_accounts(fixture), GATE_OK);
    fixture->token_answer = (struct gate_test_http_answer){.status = 400, .body = "{}"};
    gate_test_clock_advance(&fixture->clock, 3000 * 1000);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(run_accounts(fixture), GATE_OK);
    }
    gate_test_server_wait_requests(fixture->server, 23);
    assert_int_equal(count_tokens(fixture), 2);
}

static void test_token__answers_that_make_no_sense(void **state) {
    struct fixture *fixture = *state;
    static const char *const bodies[] = {
        "",
        "<html>",
        "[]",
        "{}",
        "{\"access_token\":\"\"}",
        "{\"access_token\":7}",
        "{\"access_token\":\"a\\r\\nX: b\"}",
        "{\"access_token\":\"a\",\"token_type\":\"mac\"}",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        fixture->token_answer = (struct gate_test_http_answer){.status = 200, .body = bodies[i]};
        assert_int_equal(run_accounts(fixture), GATE_ERR_UPSTREAM);
        gate_test_clock_advance(&fixture->clock, 1000);
    }
    assert_int_equal(count_api(fixture), 0);
}

static void test_token__endpoint_that_is_down_is_asked_three_times(void **state) {
    struct fixture *fixture = *state;
    fixture->token_answer = (struct gate_test_http_answer){.status = 503};
    assert_int_equal(run_tool(fixture), GATE_ERR_UNAVAILABLE);
    assert_int_equal(count_tokens(fixture), GATE_UPSTREAM_ATTEMPTS_MAX);
}

struct workers {
    gate_runqueue *queue;
    atomic_int well;
    atomic_int ended;
};

static void count_end(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct workers *workers = state;
    atomic_fetch_add(&workers->well, err == GATE_OK);
    gate_ctx_free(ctx);
    atomic_fetch_add(&workers->ended, 1);
}

static void *work(void *state) {
    struct workers *workers = state;
    while (atomic_load(&workers->ended) < CROWD) {
        if (!gate_runqueue_run_one(workers->queue)) {
            struct pollfd waiting = {.fd = gate_runqueue_fd(workers->queue), .events = POLLIN};
            poll(&waiting, 1, 5);
            gate_runqueue_settle(workers->queue);
        }
    }
    return NULL;
}

static void test_token__refused_to_a_crowd_on_many_workers__is_renewed_once(void **state) {
    struct fixture *fixture = *state;
    script(fixture, 200, "{}");
    assert_int_equal(run_accounts(fixture), GATE_OK);
    look(fixture);
    fixture->refused = "Bearer t1";
    struct workers workers = {.queue = fixture->queue};
    pthread_t threads[WORKERS];
    for (int i = 0; i < WORKERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers), 0);
    }
    for (int i = 0; i < CROWD; i++) {
        struct gate_ctx *ctx = gate_ctx_new(&fixture->clock.clock, fixture->queue, NULL);
        struct call *call = gate_arena_make(ctx->arena, struct call);
        gate_scalekit_accounts_fetch(ctx, fixture->scalekit, "u1", &call->accounts, &call->count,
                                     count_end, &workers);
    }
    for (int i = 0; i < WORKERS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(workers.well, CROWD);
    assert_int_equal(count_tokens(fixture), 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_token__a_crowd_makes_one_request),
        CASE(test_token__is_renewed_early_while_the_old_one_serves),
        CASE(test_token__is_waited_for_when_the_old_one_has_ended),
        CASE(test_token__failure_is_shared_and_kept_for_a_second),
        CASE(test_token__failed_renewal_leaves_the_old_one_in_use),
        CASE(test_token__answers_that_make_no_sense),
        CASE(test_token__endpoint_that_is_down_is_asked_three_times),
        CASE(test_token__refused_to_a_crowd_on_many_workers__is_renewed_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
