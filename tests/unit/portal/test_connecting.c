#include "unit/portal/scripted_scalekit.h"

#include "portal/connecting.h"

/* A well-formed value that no random one will be. */
#define OTHER_TOKEN "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

struct begun {
    struct work work;
    struct gate_connecting_start start;
};

static enum gate_err begin(struct world *world, const char *connection, const char *return_to,
                           const char *cookie, struct begun *begun) {
    memset(begun, 0, sizeof *begun);
    begin_work(world, &begun->work);
    gate_portal_connecting_begin(begun->work.ctx, world->portal, &world->caller, connection,
                                 return_to, cookie, &begun->start, note_end, &begun->work);
    return wait_for(world, &begun->work);
}

static void test_begin__records_before_it_makes_the_link(void **state) {
    struct world *world = *state;
    struct begun begun;
    assert_int_equal(begin(world, "gmail", "https://agent.example/x", NULL, &begun), GATE_OK);
    assert_string_equal(begun.start.link, "https://scalekit.example/magic/1");
    assert_string_equal(begun.start.return_to, "https://agent.example/x");
    assert_string_equal(begun.start.display_name, "Gmail");
    assert_int_equal(strlen(begun.start.browser_cookie_value), 43);
    assert_int_equal(strlen(seen(world, world->state_text)), 43);
    assert_non_null(strstr(seen(world, world->link_body), "\"identifier\":\"ada\""));
    assert_non_null(strstr(seen(world, world->link_body), "portal.example"));
    assert_non_null(strstr(seen(world, world->link_body), "connect"));
    struct gate_authorization attempt;
    struct gate_digest hash = gate_digest_make(seen(world, world->state_text), 43);
    gate_store_tx *tx = gate_store_read_begin(world->store);
    assert_int_equal(gate_store_authorization_find(world->ctx, tx, &hash, &attempt), GATE_OK);
    gate_store_read_end(world->store, tx);
    struct gate_digest browser = gate_digest_make(begun.start.browser_cookie_value, 43);
    assert_memory_equal(browser.bytes, attempt.browser_hash.bytes, sizeof browser.bytes);
    assert_int_equal(attempt.user_id, world->caller.user.id);
    assert_string_equal(attempt.connection_name, "gmail");
    assert_string_equal(attempt.return_to, "https://agent.example/x");
    assert_int_equal(attempt.expires_at - attempt.created_at, 600000);
    end_work(&begun.work);
}

static void test_begin__keeps_a_browser_cookie_that_can_be_ours(void **state) {
    struct world *world = *state;
    struct begun begun;
    assert_int_equal(begin(world, "gmail", "", OTHER_TOKEN, &begun), GATE_OK);
    assert_string_equal(begun.start.browser_cookie_value, OTHER_TOKEN);
    assert_null(begun.start.return_to);
    end_work(&begun.work);
    assert_int_equal(begin(world, "gmail", NULL, "short", &begun), GATE_OK);
    assert_int_equal(strlen(begun.start.browser_cookie_value), 43);
    end_work(&begun.work);
}

static void test_begin__refuses(void **state) {
    struct world *world = *state;
    struct begun begun;
    static const char *const absent[] = {"nothing", "draft", "off", ""};
    for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++) {
        assert_int_equal(begin(world, absent[i], NULL, NULL, &begun), GATE_ERR_NOT_FOUND);
        end_work(&begun.work);
    }
    assert_int_equal(begin(world, "gmail", "https://evil.example/", NULL, &begun), GATE_ERR_INPUT);
    end_work(&begun.work);
    assert_int_equal(count_of(world, &world->count_link), 0);
    fails(world, "/magic_link", 400);
    assert_int_equal(begin(world, "gmail", NULL, NULL, &begun), GATE_ERR_UPSTREAM);
    end_work(&begun.work);
}

static void test_begin__needs_no_link_without_credentials(void **state) {
    struct world *world = *state;
    struct begun begun;
    set_status(world, &world->status_after_link, "ACTIVE");
    assert_int_equal(begin(world, "free", NULL, NULL, &begun), GATE_OK);
    assert_null(begun.start.link);
    assert_string_equal(recorded(world, "free"), "ACTIVE");
    end_work(&begun.work);
}

/* ---- finishing ---- */

struct finished {
    struct work work;
    struct gate_connecting_result result;
};

static enum gate_connecting_outcome finish(struct world *world,
                                           const struct gate_connecting_answer *answer,
                                           struct finished *finished) {
    memset(finished, 0, sizeof *finished);
    begin_work(world, &finished->work);
    gate_portal_connecting_finish(finished->work.ctx, world->portal, &world->caller, answer,
                                  &finished->result, note_end, &finished->work);
    assert_int_equal(wait_for(world, &finished->work), GATE_OK);
    return finished->result.outcome;
}

/* Begin on gmail, then come back as the answer says; what it leaves out is as it should be. */
static enum gate_connecting_outcome go_round(struct world *world,
                                             struct gate_connecting_answer answer) {
    struct begun begun;
    struct finished finished;
    assert_int_equal(begin(world, "gmail", "/after?x=1", NULL, &begun), GATE_OK);
    answer.state = answer.state != NULL ? answer.state : seen(world, world->state_text);
    if (answer.browser_cookie_value == NULL) {
        answer.browser_cookie_value = begun.start.browser_cookie_value;
    }
    enum gate_connecting_outcome outcome = finish(world, &answer, &finished);
    bool is_named = outcome != GATE_CONNECTING_UNKNOWN && outcome != GATE_CONNECTING_OTHER_USER;
    if (is_named) {
        assert_string_equal(finished.result.connection_name, "gmail");
        assert_string_equal(finished.result.display_name, "Gmail");
        assert_string_equal(finished.result.return_to, "/after?x=1");
    } else {
        assert_null(finished.result.connection_name);
        assert_null(finished.result.return_to);
    }
    end_work(&finished.work);
    end_work(&begun.work);
    return outcome;
}

static const struct gate_connecting_answer allowed = {.auth_request_id = "ar_1"};

static void test_finish__connects(void **state) {
    struct world *world = *state;
    assert_int_equal(go_round(world, allowed), GATE_CONNECTING_CONNECTED);
    assert_string_equal(recorded(world, "gmail"), "ACTIVE");
    assert_non_null(strstr(seen(world, world->verify_body), "\"identifier\":\"ada\""));
    assert_non_null(strstr(seen(world, world->verify_body), "\"auth_request_id\":\"ar_1\""));
}

static void test_finish__is_connected_only_if_scalekit_says_so(void **state) {
    struct world *world = *state;
    set_status(world, &world->status_after_verify, "PENDING_VERIFICATION");
    assert_int_equal(go_round(world, allowed), GATE_CONNECTING_WAITING);
    set_status(world, &world->status_after_verify, "BRAND_NEW_STATUS");
    assert_int_equal(go_round(world, allowed), GATE_CONNECTING_WAITING);
    assert_string_equal(recorded(world, "gmail"), "UNKNOWN");
}

static void test_finish__refused_by_the_person(void **state) {
    struct world *world = *state;
    struct gate_connecting_answer answer = {.error = "access_denied", .auth_request_id = "ar_1"};
    assert_int_equal(go_round(world, answer), GATE_CONNECTING_REFUSED);
    answer.error = "";
    assert_int_equal(go_round(world, answer), GATE_CONNECTING_REFUSED);
    assert_int_equal(count_of(world, &world->count_verify), 0);
    assert_string_equal(recorded(world, "gmail"), "PENDING_AUTH");
}

static void test_finish__counts_once(void **state) {
    struct world *world = *state;
    struct begun begun;
    struct finished finished;
    assert_int_equal(begin(world, "gmail", NULL, NULL, &begun), GATE_OK);
    const struct gate_connecting_answer answer = {.state = seen(world, world->state_text),
                                                  .auth_request_id = "ar_1",
                                                  .browser_cookie_value =
                                                      begun.start.browser_cookie_value};
    assert_int_equal(finish(world, &answer, &finished), GATE_CONNECTING_CONNECTED);
    end_work(&finished.work);
    assert_int_equal(finish(world, &answer, &finished), GATE_CONNECTING_REPLAYED);
    end_work(&finished.work);
    end_work(&begun.work);
    assert_int_equal(count_of(world, &world->count_verify), 1);
}

static void test_finish__expires(void **state) {
    struct world *world = *state;
    struct begun begun;
    struct finished finished;
    assert_int_equal(begin(world, "gmail", NULL, NULL, &begun), GATE_OK);
    advance(world, 600000);
    const struct gate_connecting_answer answer = {.state = seen(world, world->state_text),
                                                  .auth_request_id = "ar_1",
                                                  .browser_cookie_value =
                                                      begun.start.browser_cookie_value};
    assert_int_equal(finish(world, &answer, &finished), GATE_CONNECTING_EXPIRED);
    end_work(&finished.work);
    end_work(&begun.work);
    assert_int_equal(count_of(world, &world->count_verify), 0);
}

static void test_finish__only_in_the_same_browser(void **state) {
    struct world *world = *state;
    struct gate_connecting_answer answer = allowed;
    answer.browser_cookie_value = OTHER_TOKEN;
    assert_int_equal(go_round(world, answer), GATE_CONNECTING_OTHER_BROWSER);
    answer.browser_cookie_value = "";
    assert_int_equal(go_round(world, answer), GATE_CONNECTING_OTHER_BROWSER);
    assert_int_equal(count_of(world, &world->count_verify), 0);
}

static enum gate_err write_eve(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    struct world *world = state;
    return gate_store_user_ensure(ctx, tx, "eve", gate_ctx_now_ms(ctx), &world->caller.user);
}

static void test_finish__only_for_the_same_person(void **state) {
    struct world *world = *state;
    struct begun begun;
    struct finished finished;
    assert_int_equal(begin(world, "gmail", "/x", NULL, &begun), GATE_OK);
    assert_int_equal(gate_store_write_now(world->ctx, world->store, write_eve, world), GATE_OK);
    const struct gate_connecting_answer answer = {.state = seen(world, world->state_text),
                                                  .auth_request_id = "ar_1",
                                                  .browser_cookie_value =
                                                      begun.start.browser_cookie_value};
    assert_int_equal(finish(world, &answer, &finished), GATE_CONNECTING_OTHER_USER);
    assert_null(finished.result.connection_name);
    assert_null(finished.result.return_to);
    end_work(&finished.work);
    end_work(&begun.work);
    assert_int_equal(count_of(world, &world->count_verify), 0);
}

static void test_finish__knows_nothing_of_made_up_states(void **state) {
    struct world *world = *state;
    static const char *const made_up[] = {OTHER_TOKEN, "", "x",
                                          "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'"};
    for (size_t i = 0; i < sizeof made_up / sizeof made_up[0]; i++) {
        struct gate_connecting_answer answer = allowed;
        answer.state = made_up[i];
        assert_int_equal(go_round(world, answer), GATE_CONNECTING_UNKNOWN);
    }
    struct finished finished;
    const struct gate_connecting_answer nothing = {0};
    assert_int_equal(finish(world, &nothing, &finished), GATE_CONNECTING_UNKNOWN);
    end_work(&finished.work);
    assert_int_equal(count_of(world, &world->count_verify), 0);
}

static void test_finish__takes_scalekits_refusals_apart(void **state) {
    struct world *world = *state;
    static const struct {
        int status;
        enum gate_connecting_outcome expected;
    } rows[] = {
        {403, GATE_CONNECTING_MISMATCH},    {404, GATE_CONNECTING_GONE},
        {400, GATE_CONNECTING_GONE},        {503, GATE_CONNECTING_UNREACHABLE},
        {429, GATE_CONNECTING_UNREACHABLE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        heal(world);
        fails(world, "/user/verify", rows[i].status);
        assert_int_equal(go_round(world, allowed), rows[i].expected);
        settle(world);
        const char *status = recorded(world, "gmail");
        assert_true(status == NULL || strcmp(status, "PENDING_AUTH") == 0);
    }
}

static void test_finish__asks_when_the_answer_was_lost(void **state) {
    struct world *world = *state;
    add_fault(world, "/user/verify", (struct gate_test_http_answer){.is_silent = true});
    assert_int_equal(go_round(world, allowed), GATE_CONNECTING_CONNECTED);
    assert_string_equal(recorded(world, "gmail"), "ACTIVE");
    assert_int_equal(count_of(world, &world->count_verify), 1); /* never sent twice */
    fails(world, "/details", 400);
    assert_int_equal(go_round(world, allowed), GATE_CONNECTING_UNCONFIRMED);
}

static void test_finish__without_a_request_to_verify(void **state) {
    struct world *world = *state;
    const struct gate_connecting_answer bare = {0};
    assert_int_equal(go_round(world, bare), GATE_CONNECTING_WAITING);
    has_account(world, "gmail", "ACTIVE");
    assert_int_equal(go_round(world, bare), GATE_CONNECTING_CONNECTED);
    assert_int_equal(count_of(world, &world->count_verify), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        world_test(test_begin__records_before_it_makes_the_link),
        world_test(test_begin__keeps_a_browser_cookie_that_can_be_ours),
        world_test(test_begin__refuses),
        world_test(test_begin__needs_no_link_without_credentials),
        world_test(test_finish__connects),
        world_test(test_finish__is_connected_only_if_scalekit_says_so),
        world_test(test_finish__refused_by_the_person),
        world_test(test_finish__counts_once),
        world_test(test_finish__expires),
        world_test(test_finish__only_in_the_same_browser),
        world_test(test_finish__only_for_the_same_person),
        world_test(test_finish__knows_nothing_of_made_up_states),
        world_test(test_finish__takes_scalekits_refusals_apart),
        world_test(test_finish__asks_when_the_answer_was_lost),
        world_test(test_finish__without_a_request_to_verify),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
