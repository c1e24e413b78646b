#include "support/scripted_portal.h"

#include "portal/admission.h"

static struct scripted_portal p;

static int set_up(void **state) {
    (void)state;
    scripted_portal_open(&p, "https://portal.example.com");
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    scripted_portal_close(&p);
    return 0;
}

static struct gate_caller token_caller(int64_t id, int64_t rate) {
    return (struct gate_caller){
        .kind = GATE_CALLER_SERVICE_TOKEN,
        .token = {.id = id, .calls_per_minute = rate},
    };
}

static struct gate_caller user_caller(int64_t id) {
    return (struct gate_caller){
        .kind = GATE_CALLER_PERSONAL_TOKEN,
        .has_user = true,
        .user = {.id = id},
    };
}

static enum gate_err admit_token(const struct gate_caller *caller, struct gate_quota *ret_quota) {
    gate_error_clear(&p.ctx->error);
    *ret_quota = (struct gate_quota){0};
    return gate_portal_admit_token(p.ctx, p.portal, caller, ret_quota);
}

/* A call of its own, which is under way until its context is freed. */
static enum gate_err begin_call(const struct gate_caller *caller, struct gate_ctx **ret_ctx) {
    struct gate_quota quota = {0};
    *ret_ctx = gate_ctx_new(&p.clock.clock, p.runqueue, NULL);
    return gate_portal_admit_user(*ret_ctx, p.portal, caller, &quota);
}

static enum gate_err make_call(const struct gate_caller *caller) {
    struct gate_ctx *ctx;
    enum gate_err err = begin_call(caller, &ctx);
    gate_ctx_free(ctx);
    return err;
}

/* ---- proxied calls ---- */

static enum gate_err begin_proxied(const struct gate_caller *caller, struct gate_ctx **ret_ctx,
                                   struct gate_quota *ret_quota) {
    *ret_quota = (struct gate_quota){0};
    *ret_ctx = gate_ctx_new(&p.clock.clock, p.runqueue, NULL);
    return gate_portal_admit_proxied(*ret_ctx, p.portal, caller, ret_quota);
}

static void test_proxied__one_caller_has_half_of_the_places(void **state) {
    (void)state;
    static const enum gate_caller_kind kinds[] = {GATE_CALLER_SERVICE_TOKEN,
                                                  GATE_CALLER_PERSONAL_TOKEN};
    p.config.proxy_in_flight_max = 5;
    struct gate_ctx *calls[8];
    size_t count = 0;
    for (size_t i = 0; i < 2; i++) {
        /* The token's id and the user's are the same number on purpose. */
        struct gate_caller caller = {
            .kind = kinds[i], .has_user = true, .token = {.id = 7}, .user = {.id = 7}};
        struct gate_quota quota;
        struct gate_ctx *refused;
        for (int j = 0; j < 3; j++) {
            assert_int_equal(begin_proxied(&caller, &calls[count++], &quota), GATE_OK);
            assert_int_equal(quota.in_flight, j + 1);
        }
        /* The users of one service are one; so are the keys of one person. */
        bool is_service = kinds[i] == GATE_CALLER_SERVICE_TOKEN;
        *(is_service ? &caller.user.id : &caller.token.id) = 8;
        assert_int_equal(begin_proxied(&caller, &refused, &quota), GATE_ERR_OVER_QUOTA);
        assert_string_equal(quota.limit_name, is_service ? "token_in_flight" : "user_in_flight");
        gate_ctx_free(refused);
        gate_ctx_free(calls[--count]);
        assert_int_equal(begin_proxied(&caller, &calls[count++], &quota), GATE_OK);
    }
    while (count > 0) {
        gate_ctx_free(calls[--count]);
    }
}

/* ---- calls per minute ---- */

static void test_rate__a_minutes_worth_and_then_one_at_a_time(void **state) {
    (void)state;
    struct gate_caller caller = token_caller(1, 3);
    struct gate_quota quota;
    for (int left = 2; left >= 0; left--) {
        assert_int_equal(admit_token(&caller, &quota), GATE_OK);
        assert_int_equal(quota.limit, 3);
        assert_int_equal(quota.remaining, left);
        assert_int_equal(quota.full_in_s, 20 * (3 - left));
        assert_int_equal(quota.retry_after_s, 0);
    }
    assert_int_equal(admit_token(&caller, &quota), GATE_ERR_OVER_QUOTA);
    assert_int_equal(quota.remaining, 0);
    assert_int_equal(quota.retry_after_s, 20);
    assert_non_null(strstr(p.ctx->error.message, "3 calls in a minute (limit: rate)"));
    gate_test_clock_advance(&p.clock, 19999);
    assert_int_equal(admit_token(&caller, &quota), GATE_ERR_OVER_QUOTA);
    assert_int_equal(quota.retry_after_s, 1);
    gate_test_clock_advance(&p.clock, 1);
    assert_int_equal(admit_token(&caller, &quota), GATE_OK);
    assert_int_equal(admit_token(&caller, &quota), GATE_ERR_OVER_QUOTA);
    gate_test_clock_advance(&p.clock, HOUR_MS); /* no more than a minute's worth gathers */
    for (int i = 0; i < 3; i++) {
        assert_int_equal(admit_token(&caller, &quota), GATE_OK);
    }
    assert_int_equal(admit_token(&caller, &quota), GATE_ERR_OVER_QUOTA);
}

static void test_rate__is_each_tokens_own(void **state) {
    (void)state;
    struct gate_caller one = token_caller(1, 1);
    struct gate_caller other = token_caller(2, 1);
    struct gate_quota quota;
    assert_int_equal(admit_token(&one, &quota), GATE_OK);
    assert_int_equal(admit_token(&one, &quota), GATE_ERR_OVER_QUOTA);
    assert_int_equal(admit_token(&other, &quota), GATE_OK);
}

static void test_rate__none(void **state) {
    (void)state;
    struct gate_caller caller = token_caller(1, 0);
    struct gate_caller browser = {.kind = GATE_CALLER_BROWSER, .token = {.calls_per_minute = 1}};
    struct gate_quota quota;
    for (int i = 0; i < 100; i++) {
        assert_int_equal(admit_token(&caller, &quota), GATE_OK);
        assert_int_equal(quota.limit, 0);
        assert_int_equal(admit_token(&browser, &quota), GATE_OK);
    }
}

static void test_rate__of_a_user_is_counted_over_all_tokens(void **state) {
    (void)state;
    p.config.user_calls_per_minute = 2;
    struct gate_caller by_token = user_caller(7);
    struct gate_caller by_browser = {.kind = GATE_CALLER_BROWSER, .user = {.id = 7}};
    struct gate_caller other = user_caller(8);
    assert_int_equal(make_call(&by_token), GATE_OK);
    assert_int_equal(make_call(&by_browser), GATE_OK);
    assert_int_equal(make_call(&by_token), GATE_ERR_OVER_QUOTA);
    assert_int_equal(make_call(&by_browser), GATE_ERR_OVER_QUOTA);
    assert_int_equal(make_call(&other), GATE_OK);
}

static void test_rate__the_tighter_limit_is_told(void **state) {
    (void)state;
    p.config.user_calls_per_minute = 100;
    struct gate_caller caller = user_caller(1);
    caller.token = (struct gate_token){.id = 1, .calls_per_minute = 10};
    struct gate_ctx *ctx = gate_ctx_new(&p.clock.clock, p.runqueue, NULL);
    struct gate_quota quota;
    assert_int_equal(admit_token(&caller, &quota), GATE_OK);
    assert_int_equal(gate_portal_admit_user(ctx, p.portal, &caller, &quota), GATE_OK);
    assert_int_equal(quota.limit, 10);
    assert_int_equal(quota.remaining, 9);
    p.config.user_calls_per_minute = 5;
    assert_int_equal(gate_portal_admit_user(ctx, p.portal, &caller, &quota), GATE_OK);
    assert_int_equal(quota.limit, 5);
    assert_int_equal(quota.remaining, 4);
    gate_ctx_free(ctx);
}

/* ---- calls at a time ---- */

static void test_in_flight__until_the_context_is_freed(void **state) {
    (void)state;
    p.config.user_in_flight_max = 2;
    struct gate_caller caller = user_caller(1);
    struct gate_caller other = user_caller(2);
    struct gate_ctx *first;
    struct gate_ctx *second;
    assert_int_equal(begin_call(&caller, &first), GATE_OK);
    assert_int_equal(begin_call(&caller, &second), GATE_OK);
    struct gate_quota quota = {0};
    assert_int_equal(gate_portal_admit_user(p.ctx, p.portal, &caller, &quota), GATE_ERR_OVER_QUOTA);
    assert_non_null(strstr(p.ctx->error.message, "2 calls under way"));
    assert_int_equal(quota.retry_after_s, 1);
    assert_int_equal(make_call(&other), GATE_OK);
    gate_ctx_free(first);
    assert_int_equal(make_call(&caller), GATE_OK);
    assert_int_equal(make_call(&caller), GATE_OK);
    gate_ctx_free(second);
}

static void test_in_flight__a_refused_call_costs_nothing(void **state) {
    (void)state;
    p.config.user_in_flight_max = 1;
    p.config.user_calls_per_minute = 2;
    struct gate_caller caller = user_caller(1);
    struct gate_ctx *ctx;
    assert_int_equal(begin_call(&caller, &ctx), GATE_OK);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(make_call(&caller), GATE_ERR_OVER_QUOTA);
    }
    gate_ctx_free(ctx);
    assert_int_equal(make_call(&caller), GATE_OK);
}

static void test_in_flight__nobody_is_not_counted(void **state) {
    (void)state;
    p.config.user_in_flight_max = 1;
    struct gate_caller nobody = {.kind = GATE_CALLER_NOBODY};
    struct gate_caller service = token_caller(1, 0); /* which named nobody */
    struct gate_ctx *ctx[4];
    for (int i = 0; i < 4; i++) {
        assert_int_equal(begin_call(i % 2 == 0 ? &nobody : &service, &ctx[i]), GATE_OK);
    }
    for (int i = 0; i < 4; i++) {
        gate_ctx_free(ctx[i]);
    }
}

static enum gate_err begin_for(int64_t token_id, int64_t user_id, struct gate_ctx **ret_ctx) {
    struct gate_caller caller = token_caller(token_id, 0);
    struct gate_quota quota = {0};
    *ret_ctx = gate_ctx_new(&p.clock.clock, p.runqueue, NULL);
    enum gate_err err = gate_portal_admit_token(*ret_ctx, p.portal, &caller, &quota);
    caller.has_user = true;
    caller.user.id = user_id;
    return err == GATE_OK ? gate_portal_admit_user(*ret_ctx, p.portal, &caller, &quota) : err;
}

static void test_in_flight__of_a_service_token_over_all_users(void **state) {
    (void)state;
    p.config.token_in_flight_max = 3;
    p.config.user_in_flight_max = 2;
    struct gate_ctx *ctx[5];
    for (int i = 0; i < 3; i++) {
        assert_int_equal(begin_for(1, i, &ctx[i]), GATE_OK);
    }
    assert_int_equal(begin_for(1, 4, &ctx[3]), GATE_ERR_OVER_QUOTA);
    assert_non_null(strstr(ctx[3]->error.message, "This token has 3 calls under way"));
    gate_ctx_free(ctx[3]);
    assert_int_equal(begin_for(2, 4, &ctx[3]), GATE_OK); /* another token's are its own */
    gate_ctx_free(ctx[0]);
    assert_int_equal(begin_for(1, 1, &ctx[0]), GATE_OK);
    gate_ctx_free(ctx[0]);
    /* A call refused for its user's sake keeps no place of the token's. */
    assert_int_equal(begin_for(1, 1, &ctx[0]), GATE_OK);
    assert_int_equal(begin_for(2, 1, &ctx[4]), GATE_ERR_OVER_QUOTA);
    for (int i = 0; i < 5; i++) {
        gate_ctx_free(ctx[i]);
    }
    for (int i = 0; i < 3; i++) {
        assert_int_equal(begin_for(2, i, &ctx[i]), GATE_OK);
    }
    for (int i = 0; i < 3; i++) {
        gate_ctx_free(ctx[i]);
    }
}

static void test_in_flight__of_a_personal_token_is_its_owners(void **state) {
    (void)state;
    p.config.token_in_flight_max = 1;
    struct gate_caller caller = user_caller(1);
    struct gate_quota quota = {0};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(gate_portal_admit_token(p.ctx, p.portal, &caller, &quota), GATE_OK);
    }
}

/* ---- so many that not all can be kept ---- */

/* How many rows the trail gets from this refusal. */
static size_t record_refusal(const struct gate_caller *caller, const struct gate_quota *quota) {
    static const struct gate_refused_call call = {.tool_name = "gmail_send_email"};
    struct gate_tool_call *calls;
    struct waited waited = {0};
    size_t before = list_calls(&p, caller->user.id, &calls);
    gate_portal_refusal_record(p.ctx, p.portal, caller, quota, &call, note_end, &waited);
    assert_int_equal(wait_for_end(&p, &waited), GATE_OK);
    size_t count = list_calls(&p, caller->user.id, &calls);
    if (count > before) {
        assert_string_equal(calls[0].outcome, "over_quota");
        assert_string_equal(calls[0].error_code, quota->limit_name);
    }
    return count - before;
}

static size_t refuse_call(const struct gate_caller *caller) {
    struct gate_quota quota;
    assert_int_equal(admit_token(caller, &quota), GATE_ERR_OVER_QUOTA);
    assert_string_equal(quota.limit_name, "token_rate");
    return record_refusal(caller, &quota);
}

static void test_refusal__is_on_the_trail_once_a_minute_for_each(void **state) {
    (void)state;
    struct gate_user ann = add_person(&p, "ann"); /* to whose trail the rows go */
    struct gate_caller one = token_caller(1, 1);
    struct gate_caller two = token_caller(2, 1);
    one.user = two.user = ann;
    struct gate_quota quota;
    assert_int_equal(admit_token(&one, &quota), GATE_OK);
    assert_null(quota.limit_name);
    assert_int_equal(admit_token(&two, &quota), GATE_OK);
    assert_int_equal(refuse_call(&one), 1);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(refuse_call(&one), 0);
    }
    assert_int_equal(refuse_call(&two), 1);
    gate_test_clock_advance(&p.clock, GATE_OVER_QUOTA_TRAIL_EVERY_MS - 1);
    assert_int_equal(refuse_call(&one), 0);
    gate_test_clock_advance(&p.clock, 1);
    assert_int_equal(admit_token(&one, &quota), GATE_OK);
    assert_int_equal(refuse_call(&one), 1);
}

static void test_refusal__by_a_users_limit_is_the_users(void **state) {
    (void)state;
    p.config.user_in_flight_max = 1;
    struct gate_caller caller = user_caller(add_person(&p, "ann").id);
    struct gate_ctx *ctx;
    assert_int_equal(begin_call(&caller, &ctx), GATE_OK);
    for (size_t i = 0; i < 2; i++) {
        struct gate_quota quota = {0};
        gate_error_clear(&p.ctx->error);
        assert_int_equal(gate_portal_admit_user(p.ctx, p.portal, &caller, &quota),
                         GATE_ERR_OVER_QUOTA);
        assert_string_equal(quota.limit_name, "user_in_flight");
        assert_int_equal(record_refusal(&caller, &quota), i == 0 ? 1 : 0);
    }
    gate_ctx_free(ctx);
}

static void test_seats__the_longest_unused_are_forgotten(void **state) {
    (void)state;
    struct gate_caller first = token_caller(1, 1);
    struct gate_quota quota;
    assert_int_equal(admit_token(&first, &quota), GATE_OK);
    for (int64_t id = 2; id <= GATE_ADMISSION_SEATS_MAX; id++) {
        struct gate_caller caller = token_caller(id, 1);
        assert_int_equal(admit_token(&caller, &quota), GATE_OK);
    }
    assert_int_equal(admit_token(&first, &quota), GATE_ERR_OVER_QUOTA); /* and is the newest now */
    struct gate_caller more = token_caller(GATE_ADMISSION_SEATS_MAX + 1, 1);
    assert_int_equal(admit_token(&more, &quota), GATE_OK);
    assert_int_equal(admit_token(&more, &quota), GATE_ERR_OVER_QUOTA);
    struct gate_caller second = token_caller(2, 1);
    assert_int_equal(admit_token(&second, &quota), GATE_OK); /* was forgotten */
    assert_int_equal(admit_token(&first, &quota), GATE_ERR_OVER_QUOTA);
}

static void test_seats__calls_under_way_are_not_forgotten(void **state) {
    (void)state;
    p.config.user_in_flight_max = 1;
    struct gate_caller busy = user_caller(1);
    struct gate_ctx *ctx;
    assert_int_equal(begin_call(&busy, &ctx), GATE_OK);
    struct gate_quota quota;
    for (int64_t id = 1; id <= 2 * GATE_ADMISSION_SEATS_MAX; id++) {
        struct gate_caller caller = token_caller(id, 1);
        assert_int_equal(admit_token(&caller, &quota), GATE_OK);
    }
    assert_int_equal(make_call(&busy), GATE_ERR_OVER_QUOTA);
    gate_ctx_free(ctx);
    assert_int_equal(make_call(&busy), GATE_OK);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_proxied__one_caller_has_half_of_the_places),
        CASE(test_rate__a_minutes_worth_and_then_one_at_a_time),
        CASE(test_rate__is_each_tokens_own),
        CASE(test_rate__none),
        CASE(test_rate__of_a_user_is_counted_over_all_tokens),
        CASE(test_rate__the_tighter_limit_is_told),
        CASE(test_in_flight__until_the_context_is_freed),
        CASE(test_in_flight__a_refused_call_costs_nothing),
        CASE(test_in_flight__nobody_is_not_counted),
        CASE(test_in_flight__of_a_service_token_over_all_users),
        CASE(test_in_flight__of_a_personal_token_is_its_owners),
        CASE(test_refusal__is_on_the_trail_once_a_minute_for_each),
        CASE(test_refusal__by_a_users_limit_is_the_users),
        CASE(test_seats__the_longest_unused_are_forgotten),
        CASE(test_seats__calls_under_way_are_not_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
