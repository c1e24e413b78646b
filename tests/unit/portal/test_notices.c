/* The outbox and what is cleared away, by a clock that a test moves on: an hour passes in seconds.
 */
#include "support/scripted_portal.h"

#include <poll.h>

#include "crypto/webhook_signature.h"
#include "portal/notices.h"
#include "portal/retention.h"
#include "portal/session.h"
#include "portal/upkeep.h"
#include "store/session.h"
#include "json/json.h"

#define SECOND_MS INT64_C(1000)
#define MINUTE_MS INT64_C(60000)
#define DAY_MS (24 * HOUR_MS)
#define HEARD_MAX 4000
#define TARGETS 2
#define PEOPLE 5

/* What one target was told, and how it answers. */
struct target {
    const char *path;
    int status;      /* of the answers now */
    int fails_every; /* each so-manieth request fails as well; 0: none does */
    int requests;
    int heard_count;
    char heard[HEARD_MAX][160]; /* "type identifier connection", of what was answered with 2xx */
    char last_id[64];           /* webhook-id of the last request */
    int repeated;               /* requests with the id of the one before */
};

static struct scripted_portal p;
static gate_test_server *receiver;
static struct target targets[TARGETS]; /* guarded by the server, read when all is quiet */
static gate_secret *key;
static const gate_secret *keys[2];
static const char *urls[TARGETS + 1];

static void note_heard(struct target *target, const struct gate_test_http_request *request) {
    gate_arena *arena = gate_arena_new();
    struct gate_ctx *ctx = gate_ctx_new(&gate_clock_system, NULL, "receiver");
    const gate_json *body = NULL;
    assert_int_equal(gate_json_parse(ctx, request->body, request->body_length, &body), GATE_OK);
    const gate_json *data = gate_json_member(body, "data");
    assert_true(target->heard_count < HEARD_MAX);
    snprintf(target->heard[target->heard_count++], sizeof target->heard[0], "%s %s %s",
             gate_json_member_text(body, "type"), gate_json_member_text(data, "identifier"),
             gate_json_member_text(data, "connection"));
    gate_ctx_free(ctx);
    gate_arena_free(arena);
}

static bool is_signed(const struct gate_test_http_request *request, const char *id) {
    char timestamp[32];
    char signatures[128];
    gate_arena *arena = gate_arena_new();
    const struct gate_webhook_message message = {
        .id = id,
        .timestamp =
            gate_test_http_header(request, "webhook-timestamp", timestamp, sizeof timestamp),
        .body = request->body,
        .body_length = request->body_length,
    };
    bool fits = gate_webhook_signature_check(
        arena, keys, &message,
        gate_test_http_header(request, "webhook-signature", signatures, sizeof signatures));
    gate_arena_free(arena);
    return fits;
}

static void answer_notice(const struct gate_test_http_request *request,
                          struct gate_test_http_answer *answer, void *state) {
    (void)state;
    struct target *target =
        strcmp(request->target, targets[0].path) == 0 ? &targets[0] : &targets[1];
    char id[64];
    gate_test_http_header(request, "webhook-id", id, sizeof id);
    target->requests++;
    target->repeated += strcmp(id, target->last_id) == 0;
    strcpy(target->last_id, id);
    bool fails = target->fails_every != 0 && target->requests % target->fails_every == 0;
    answer->status = !is_signed(request, id) ? 401 : fails ? 500 : target->status;
    if (answer->status < 300) {
        note_heard(target, request);
    }
}

static int set_up(void **state) {
    (void)state;
    scripted_portal_open(&p, "https://portal.example.com");
    memset(targets, 0, sizeof targets);
    targets[0] = (struct target){.path = "/one", .status = 204};
    targets[1] = (struct target){.path = "/two", .status = 204};
    receiver = gate_test_server_new(answer_notice, NULL);
    for (int i = 0; i < TARGETS; i++) {
        urls[i] = gate_arena_printf(p.ctx->arena, "%s%s", gate_test_server_url(receiver),
                                    targets[i].path);
    }
    key = gate_secret_new("0123456789abcdef0123456789abcdef", 32);
    keys[0] = key;
    p.config.webhook_urls = urls;
    p.config.webhook_keys = keys;
    p.config.webhook_allow_private = true;
    p.config.trail_days = 1;
    p.config.delivery_days = 10;
    assert_int_equal(gate_portal_notices_begin(p.ctx, p.portal), GATE_OK);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    scripted_portal_close(&p);
    gate_test_server_free(receiver);
    gate_secret_free(key);
    return 0;
}

/* Until nothing is under way. */
static void settle(void) {
    bool has_run = true;
    while (has_run || gate_net_in_flight(p.net) > 0) {
        struct pollfd steps = {.fd = gate_runqueue_fd(p.runqueue), .events = POLLIN};
        if (gate_net_in_flight(p.net) > 0) {
            poll(&steps, 1, 100);
        }
        settle_writes(&p);
        gate_runqueue_settle(p.runqueue);
        has_run = false;
        while (gate_runqueue_run_one(p.runqueue)) {
            has_run = true;
        }
    }
}

static void let_pass(int64_t ms) {
    gate_test_clock_advance(&p.clock, ms);
    gate_portal_tick(p.portal);
    settle();
}

static struct gate_notice_target find_target(int number) {
    struct gate_notice_target *found = NULL;
    size_t count = 0;
    gate_store_tx *tx = gate_store_read_begin(p.store);
    assert_int_equal(gate_store_notice_target_list(p.ctx, tx, &found, &count), GATE_OK);
    gate_store_read_end(p.store, tx);
    assert_true((size_t)number < count);
    return found[number];
}

static enum gate_err save_account(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    return gate_store_account_save(ctx, tx, state, GATE_ACCOUNT_SAVE_ALWAYS, gate_ctx_now_ms(ctx),
                                   NULL);
}

static void change(int64_t user_id, const char *connection, enum gate_account_status status) {
    struct gate_account account = {.user_id = user_id,
                                   .connection_name = connection,
                                   .scalekit_id = "ca_1",
                                   .status = status,
                                   .learned_from = GATE_ACCOUNT_SOURCE_SWEEP};
    assert_int_equal(gate_store_write_now(p.ctx, p.store, save_account, &account), GATE_OK);
}

static void test_delay__grows_up_to_an_hour_and_is_spread(void **state) {
    (void)state;
    assert_int_equal(gate_notice_delay_ms(0, 0), 800);
    assert_int_equal(gate_notice_delay_ms(0, 1023), 1200);
    int64_t last = 0;
    for (int attempts = 0; attempts < 40; attempts++) {
        int64_t middle = gate_notice_delay_ms(attempts, 512);
        assert_true(middle >= last);
        assert_in_range(middle, 1, HOUR_MS + HOUR_MS / 5);
        last = middle;
    }
    assert_true(gate_notice_delay_ms(INT64_MAX, 1023) == HOUR_MS + HOUR_MS / 5);
}

static void test_body__says_what_has_changed(void **state) {
    (void)state;
    const struct gate_notice notice = {.identifier = "ann",
                                       .connection_name = "gmail",
                                       .old_status = "ACTIVE",
                                       .at = INT64_C(1772366400000)};
    assert_string_equal(
        gate_notice_body_make(p.ctx->arena, &notice),
        "{\"type\":\"connected_account.removed\",\"timestamp\":\"2026-03-01T12:00:00Z\",\"data\":{"
        "\"identifier\":\"ann\",\"connection\":\"gmail\",\"connected_account_id\":null,"
        "\"status\":null,\"previous_status\":\"ACTIVE\"}}");
}

static void test_target__is_disabled_after_lasting_failure_and_resumed(void **state) {
    (void)state;
    struct gate_user ann = add_person(&p, "ann");
    targets[0].status = 500;
    change(ann.id, "gmail", GATE_ACCOUNT_ACTIVE);
    int hours = 0;
    while (find_target(0).disabled_at == 0 && hours < 100) {
        let_pass(HOUR_MS);
        hours++;
    }
    assert_in_range(hours, 72, 80);
    assert_int_equal(targets[1].heard_count, 1);
    int requests = targets[0].requests;
    for (int i = 0; i < 10; i++) {
        let_pass(HOUR_MS);
    }
    assert_int_equal(targets[0].requests, requests);
    assert_int_equal(find_target(0).pending, 1);
    assert_string_equal(find_target(0).last_error, "HTTP 500");

    /* Long enough after, what it was not told is of no use any more; new things are. */
    for (int i = 0; i < 40; i++) {
        let_pass(12 * HOUR_MS);
    }
    assert_int_equal(find_target(0).pending, 0);
    change(ann.id, "gmail", GATE_ACCOUNT_EXPIRED);
    assert_int_equal(find_target(0).pending, 1);
}

static void test_target__is_tried_again_when_the_clock_was_set_back(void **state) {
    (void)state;
    struct gate_user ann = add_person(&p, "ann");
    targets[0].status = 500;
    change(ann.id, "gmail", GATE_ACCOUNT_ACTIVE);
    let_pass(SECOND_MS);
    assert_int_equal(targets[0].requests, 1);
    gate_test_clock_set_back(&p.clock, DAY_MS);
    targets[0].status = 204;
    let_pass(2 * SECOND_MS);
    assert_int_equal(targets[0].heard_count, 1);
    assert_int_equal(find_target(0).pending, 0);
}

static void test_target__only_notable_changes_and_each_once(void **state) {
    (void)state;
    struct gate_user ann = add_person(&p, "ann");
    change(ann.id, "gmail", GATE_ACCOUNT_PENDING_AUTH);
    change(ann.id, "gmail", GATE_ACCOUNT_ACTIVE);
    change(ann.id, "gmail", GATE_ACCOUNT_ACTIVE);
    change(ann.id, "gmail", GATE_ACCOUNT_EXPIRED);
    let_pass(SECOND_MS);
    assert_int_equal(targets[0].heard_count, 2);
    assert_string_equal(targets[0].heard[0], "connected_account.activated ann gmail");
    assert_string_equal(targets[0].heard[1], "connected_account.expired ann gmail");
    assert_int_equal(find_target(0).pending, 0);
}

/* ---- an hour in a minute ---- */

static enum gate_err add_old_rows(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    const struct gate_user *user = state;
    enum gate_err err = GATE_OK;
    for (int i = 0; err == GATE_OK && i < 2300; i++) {
        const struct gate_tool_call call = {
            .user_id = user->id,
            .connection_name = "gmail",
            .tool_name = "t",
            .outcome = "ok",
            .at = gate_ctx_now_ms(ctx) - (i < 2250 ? 2 * DAY_MS : 0),
        };
        err = gate_store_tool_call_insert(ctx, tx, &call, NULL);
    }
    return err;
}

static enum gate_err add_session(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    const struct gate_session *wanted = state;
    struct gate_session session = *wanted;
    int64_t id;
    session.created_at = session.last_seen_at = gate_ctx_now_ms(ctx);
    session.idle_expires_at = session.created_at + p.config.session_idle_ms;
    session.expires_at = session.created_at + p.config.session_max_ms;
    return gate_store_session_insert(ctx, tx, &session, &id);
}

static void begin_session_of(int64_t user_id, const char *cookie) {
    struct gate_session session = {.user_id = user_id,
                                   .hash = gate_digest_make(cookie, strlen(cookie))};
    assert_int_equal(gate_store_write_now(p.ctx, p.store, add_session, &session), GATE_OK);
}

static struct gate_user_holdings count_all(int64_t user_id) {
    struct gate_user_holdings holdings = {0};
    gate_store_tx *tx = gate_store_read_begin(p.store);
    assert_int_equal(gate_store_user_count_holdings(p.ctx, tx, user_id, 0, &holdings), GATE_OK);
    gate_store_read_end(p.store, tx);
    return holdings;
}

/* A sequence that is the same at every run. */
static uint32_t draw(uint32_t *seed, uint32_t bound) {
    *seed = *seed * 1664525 + 1013904223;
    return (*seed >> 8) % bound;
}

static char expected[HEARD_MAX][160];

static void test_soak__an_hour_in_a_minute_loses_and_keeps_nothing(void **state) {
    (void)state;
    static const struct {
        enum gate_account_status status;
        const char *type; /* NULL: nothing to tell */
    } changes[] = {
        {GATE_ACCOUNT_ACTIVE, "connected_account.activated"},
        {GATE_ACCOUNT_EXPIRED, "connected_account.expired"},
        {GATE_ACCOUNT_DISCONNECTED, "connected_account.disconnected"},
        {GATE_ACCOUNT_PENDING_AUTH, NULL},
    };
    static const char cookie[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ";
    struct gate_user people[PEOPLE];
    int last[PEOPLE];
    uint32_t seed = 7;
    int count = 0;
    p.config.session_idle_ms = 10 * MINUTE_MS;
    p.config.session_max_ms = 30 * MINUTE_MS;
    for (int i = 0; i < PEOPLE; i++) {
        people[i] = add_person(&p, gate_arena_printf(p.ctx->arena, "person-%d", i));
        last[i] = -1;
    }
    assert_int_equal(gate_store_write_now(p.ctx, p.store, add_old_rows, &people[0]), GATE_OK);
    begin_session_of(people[0].id, cookie);
    targets[0].fails_every = 7;
    for (int second = 0; second < 3600; second++) {
        targets[1].status = second >= 600 && second < 1800 ? 503 : 204;
        if (draw(&seed, 8) == 0) {
            int who = (int)draw(&seed, PEOPLE);
            int what = (int)draw(&seed, 4);
            change(people[who].id, "gmail", changes[what].status);
            if (what != last[who] && changes[what].type != NULL) {
                snprintf(expected[count++], sizeof expected[0], "%s person-%d gmail",
                         changes[what].type, who);
            }
            last[who] = what;
        }
        if (second % 60 == 30) { /* one session is used all the time, others are left alone */
            struct gate_caller caller;
            enum gate_err err = gate_portal_session_find(p.ctx, p.portal, cookie, &caller);
            assert_int_equal(err, second < 1800 ? GATE_OK : GATE_ERR_UNAUTHENTICATED);
            begin_session_of(people[1].id, gate_arena_printf(p.ctx->arena, "cookie %d", second));
        }
        let_pass(SECOND_MS);
    }
    for (int i = 0; i < 40; i++) {
        let_pass(MINUTE_MS);
    }
    assert_true(count > 200);
    for (int i = 0; i < TARGETS; i++) {
        assert_int_equal(targets[i].heard_count, count);
        for (int j = 0; j < count; j++) {
            assert_string_equal(targets[i].heard[j], expected[j]);
        }
        assert_int_equal(find_target(i).pending, 0);
        assert_int_equal(find_target(i).dropped, 0);
        /* What failed came again under the same id, before anything else. */
        assert_int_equal(targets[i].requests - targets[i].heard_count, targets[i].repeated);
        assert_true(targets[i].repeated > 0);
    }
    assert_true(targets[1].repeated < 40); /* twenty minutes of failure do not mean a storm */
    assert_int_equal(count_all(people[0].id).calls, 50);
    assert_int_equal(count_all(people[0].id).sessions + count_all(people[1].id).sessions, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
        CASE(test_delay__grows_up_to_an_hour_and_is_spread),
        CASE(test_body__says_what_has_changed),
        CASE(test_target__is_disabled_after_lasting_failure_and_resumed),
        CASE(test_target__is_tried_again_when_the_clock_was_set_back),
        CASE(test_target__only_notable_changes_and_each_once),
        CASE(test_soak__an_hour_in_a_minute_loses_and_keeps_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
