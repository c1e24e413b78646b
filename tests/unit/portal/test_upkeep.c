#include "unit/portal/scripted_scalekit.h"

#include "portal/upkeep.h"

static void tick(struct world *world) {
    gate_portal_tick(world->portal);
    settle(world);
}

struct wanted {
    int64_t user_id;
    int64_t at;
};

static enum gate_err want_recheck(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    const struct wanted *wanted = state;
    return gate_store_account_want_recheck(ctx, tx, wanted->user_id, wanted->at);
}

static void test_tick__reads_the_catalogue_when_it_is_old(void **state) {
    struct world *world = *state;
    tick(world);
    assert_int_equal(count_of(world, &world->count_catalogue), 1);
    tick(world);
    advance(world, 30000);
    tick(world);
    assert_int_equal(count_of(world, &world->count_catalogue), 1);
    advance(world, 30000);
    tick(world);
    assert_int_equal(count_of(world, &world->count_catalogue), 2);
}

static void test_tick__goes_on_asking_while_scalekit_is_down(void **state) {
    struct world *world = *state;
    fails(world, "/connections/app", 400);
    tick(world);
    tick(world); /* not at once again */
    assert_int_equal(count_of(world, &world->count_catalogue), 1);
    heal(world);
    advance(world, 10000);
    tick(world);
    assert_int_equal(need_catalogue(world), GATE_OK);
    assert_int_equal(count_of(world, &world->count_catalogue), 2);
}

static void test_tick__reads_what_a_webhook_left_open(void **state) {
    struct world *world = *state;
    const struct wanted wanted = {world->caller.user.id, gate_ctx_now_ms(world->ctx)};
    assert_int_equal(need_catalogue(world), GATE_OK);
    has_account(world, "gmail", "ACTIVE");
    assert_int_equal(
        gate_store_write_now(world->ctx, world->store, want_recheck, (void *)(uintptr_t)&wanted),
        GATE_OK);
    fails(world, "/connected_accounts?", 400);
    advance(world, 10);
    tick(world);
    assert_null(recorded(world, "gmail"));
    heal(world);
    advance(world, 5000);
    tick(world);
    assert_string_equal(recorded(world, "gmail"), "ACTIVE");
    int lists = count_of(world, &world->count_list);
    advance(world, 10000);
    tick(world); /* done with */
    assert_int_equal(count_of(world, &world->count_list), lists);
}

/* ---- the sweep ---- */

enum { PEOPLE = 20 };

static enum gate_err add_people(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    int64_t *ids = state;
    for (int i = 0; i < PEOPLE; i++) {
        struct gate_user user;
        const char *identifier = gate_arena_printf(ctx->arena, "person-%d", i);
        enum gate_err err =
            gate_store_user_ensure(ctx, tx, identifier, gate_ctx_now_ms(ctx), &user);
        if (err == GATE_OK) {
            err = gate_store_user_save_accounts_read_at(ctx, tx, user.id, gate_ctx_now_ms(ctx) + i);
        }
        if (err != GATE_OK) {
            return err;
        }
        ids[i] = user.id;
    }
    return GATE_OK;
}

static void make_people(struct world *world, int64_t ids[PEOPLE]) {
    assert_int_equal(need_catalogue(world), GATE_OK);
    assert_int_equal(gate_store_write_now(world->ctx, world->store, add_people, ids), GATE_OK);
}

static int64_t read_at(struct world *world, int64_t user_id) {
    struct gate_user user;
    gate_store_tx *tx = gate_store_read_begin(world->store);
    assert_int_equal(gate_store_user_find(world->ctx, tx, user_id, &user), GATE_OK);
    gate_store_read_end(world->store, tx);
    return user.accounts_read_at;
}

static int count_read_since(struct world *world, const int64_t ids[PEOPLE], int64_t at) {
    int count = 0;
    for (int i = 0; i < PEOPLE; i++) {
        count += read_at(world, ids[i]) >= at;
    }
    return count;
}

static void test_sweep__reads_those_nobody_looked_at_at_its_pace(void **state) {
    struct world *world = *state;
    int64_t ids[PEOPLE];
    make_people(world, ids);
    world->config.sweep_age_ms = 3600000;
    world->config.sweeps_per_minute = 60;
    advance(world, 1800000);
    tick(world);
    assert_int_equal(count_of(world, &world->count_list), 0); /* not old enough */
    advance(world, 1800000 + PEOPLE);
    int64_t start = gate_ctx_now_ms(world->ctx);
    int ticks = 0;
    while (count_read_since(world, ids, start) < PEOPLE) {
        int before = count_of(world, &world->count_list);
        tick(world);
        assert_in_range(count_of(world, &world->count_list) - before, 0, 4);
        advance(world, 1000);
        assert_true(++ticks < 2 * PEOPLE);
    }
    /* What it saved up may come at once, and after that one a second. */
    assert_in_range(ticks, 12, 22);
    advance(world, 1000);
    tick(world);
    tick(world);
    assert_int_equal(count_of(world, &world->count_list), PEOPLE);
}

static void test_sweep__records_its_source_and_what_is_gone(void **state) {
    struct world *world = *state;
    struct gate_account_event *events = NULL;
    size_t count = 0;
    has_account(world, "gmail", "ACTIVE");
    assert_int_equal(need_catalogue(world), GATE_OK);
    assert_int_equal(need_accounts(world), GATE_OK);
    lose_account(world, "gmail");
    world->config.sweep_age_ms = 1000;
    world->config.sweeps_per_minute = 60;
    advance(world, 2000);
    tick(world);
    assert_null(recorded(world, "gmail"));
    gate_store_tx *tx = gate_store_read_begin(world->store);
    assert_int_equal(gate_store_account_event_list(world->ctx, tx, world->caller.user.id, "gmail",
                                                   10, &events, &count),
                     GATE_OK);
    gate_store_read_end(world->store, tx);
    assert_int_equal(count, 2);
    assert_null(events[0].new_status);
    assert_int_equal(events[0].source, GATE_ACCOUNT_SOURCE_SWEEP);
}

static void test_sweep__is_held_up_by_nobody(void **state) {
    struct world *world = *state;
    int64_t ids[PEOPLE];
    make_people(world, ids);
    world->config.sweep_age_ms = 1000;
    world->config.sweeps_per_minute = 6000;
    fails(world, "identifier=person-0&", 400); /* the first in the row */
    advance(world, 60000);
    int64_t start = gate_ctx_now_ms(world->ctx);
    tick(world);
    int after_failure = count_of(world, &world->count_list);
    advance(world, 1000);
    tick(world); /* Scalekit is left alone for a while */
    assert_int_equal(count_of(world, &world->count_list), after_failure);
    for (int i = 0; i < 10; i++) {
        advance(world, 31000);
        world->config.sweep_age_ms += 31000;
        tick(world);
    }
    assert_int_equal(count_read_since(world, ids, start), PEOPLE - 1);
}

static enum gate_err read_tomorrow(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    const int64_t *ids = state;
    enum gate_err err = GATE_OK;
    for (int i = 0; err == GATE_OK && i < PEOPLE; i++) {
        err = gate_store_user_save_accounts_read_at(ctx, tx, ids[i],
                                                    gate_ctx_now_ms(ctx) + 24 * 3600000);
    }
    return err;
}

static void test_sweep__reads_also_those_read_before_the_clock_was_set_back(void **state) {
    struct world *world = *state;
    int64_t ids[PEOPLE];
    make_people(world, ids);
    world->config.sweep_age_ms = 3600000;
    world->config.sweeps_per_minute = 600;
    assert_int_equal(gate_store_write_now(world->ctx, world->store, read_tomorrow, ids), GATE_OK);
    int64_t start = gate_ctx_now_ms(world->ctx);
    for (int i = 0; i < PEOPLE; i++) {
        advance(world, 1000);
        tick(world);
    }
    assert_int_equal(count_of(world, &world->count_list), PEOPLE);
    for (int i = 0; i < PEOPLE; i++) {
        assert_in_range(read_at(world, ids[i]), start, gate_ctx_now_ms(world->ctx));
    }
}

static void test_sweep__can_be_switched_off(void **state) {
    struct world *world = *state;
    int64_t ids[PEOPLE];
    make_people(world, ids);
    world->config.sweep_age_ms = 1000;
    world->config.sweeps_per_minute = 0;
    advance(world, 3600000);
    tick(world);
    assert_int_equal(count_of(world, &world->count_list), 0);
}

static void test_sweep__goes_on_after_a_restart(void **state) {
    struct world *world = *state;
    int64_t ids[PEOPLE];
    make_people(world, ids);
    world->config.sweep_age_ms = 60000;
    world->config.sweeps_per_minute = 60;
    advance(world, 61000);
    int64_t start = gate_ctx_now_ms(world->ctx);
    tick(world);
    int done = count_read_since(world, ids, start);
    assert_in_range(done, 1, 4);
    gate_portal_free(world->portal);
    world->portal = gate_portal_new(&(struct gate_portal_parts){.config = &world->config,
                                                                .store = world->store,
                                                                .net = world->net,
                                                                .scalekit = world->scalekit,
                                                                .clock = &world->clock.clock,
                                                                .runqueue = world->queue});
    advance(world, 2000);
    tick(world);
    assert_int_equal(count_read_since(world, ids, start), done + 2);
    assert_true(read_at(world, ids[done]) >= start); /* the next in the row, nobody twice */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        world_test(test_tick__reads_the_catalogue_when_it_is_old),
        world_test(test_tick__goes_on_asking_while_scalekit_is_down),
        world_test(test_tick__reads_what_a_webhook_left_open),
        world_test(test_sweep__reads_those_nobody_looked_at_at_its_pace),
        world_test(test_sweep__records_its_source_and_what_is_gone),
        world_test(test_sweep__is_held_up_by_nobody),
        world_test(test_sweep__reads_also_those_read_before_the_clock_was_set_back),
        world_test(test_sweep__can_be_switched_off),
        world_test(test_sweep__goes_on_after_a_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
