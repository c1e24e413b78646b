#include "support/cases.h"

#include "scalekit/breaker.h"

#define FAILURES_TO_OPEN 3

/* One event at a time, and how the breaker stands afterwards. */
enum event { BEGINS, ANSWERED, FAILED, NOTHING, PROBE_ANSWERED, PROBE_FAILED, PROBE_NOTHING };

struct row {
    int64_t at_ms;
    enum event event;
    int expected; /* of BEGINS: the turn; of the others: the change */
    int state;
    int64_t wait_ms; /* told to whom is refused */
    uint64_t who;
};

enum {
    GOES = GATE_BREAKER_GOES,
    PROBES = GATE_BREAKER_PROBES,
    REFUSES = GATE_BREAKER_REFUSES,
    SAME = GATE_BREAKER_SAME,
    OPENED = GATE_BREAKER_OPENED,
    CLOSED_AGAIN = GATE_BREAKER_CLOSED,
    CLOSED = GATE_BREAKER_STATE_CLOSED,
    HALF_OPEN = GATE_BREAKER_STATE_HALF_OPEN,
    OPEN = GATE_BREAKER_STATE_OPEN,
};

static void play(const struct row *rows, size_t count) {
    static const enum gate_breaker_evidence evidence[] = {
        [ANSWERED] = GATE_BREAKER_ANSWERED,   [FAILED] = GATE_BREAKER_FAILED,
        [NOTHING] = GATE_BREAKER_NOTHING,     [PROBE_ANSWERED] = GATE_BREAKER_ANSWERED,
        [PROBE_FAILED] = GATE_BREAKER_FAILED, [PROBE_NOTHING] = GATE_BREAKER_NOTHING,
    };
    struct gate_breaker breaker;
    gate_breaker_init(&breaker, FAILURES_TO_OPEN);
    for (size_t i = 0; i < count; i++) {
        const struct row *row = &rows[i];
        int64_t wait_ms = 0;
        struct gate_breaker_pass pass = {.who = row->who, .is_probe = row->event >= PROBE_ANSWERED};
        int got = row->event == BEGINS
                      ? (int)gate_breaker_begin(&breaker, row->at_ms, &pass, &wait_ms)
                      : (int)gate_breaker_note(&breaker, evidence[row->event], &pass, row->at_ms);
        assert_int_equal(pass.is_probe, row->event == BEGINS ? got == GATE_BREAKER_PROBES
                                                             : row->event >= PROBE_ANSWERED);
        if (got != row->expected || wait_ms != row->wait_ms ||
            (int)gate_breaker_state_get(&breaker) != row->state) {
            fail_msg("row %zu: got %d, state %d, wait %lld", i, got,
                     (int)gate_breaker_state_get(&breaker), (long long)wait_ms);
        }
    }
    gate_breaker_done(&breaker);
}

#define PLAY(rows) play((rows), sizeof(rows) / sizeof(rows)[0])

static void test_breaker__failures_in_a_row_open_it(void **state) {
    (void)state;
    static const struct row rows[] = {
        {0, BEGINS, GOES, CLOSED, 0, 0},     {1, FAILED, SAME, CLOSED, 0, 0},
        {2, FAILED, SAME, CLOSED, 0, 0},     {3, BEGINS, GOES, CLOSED, 0, 0},
        {4, FAILED, OPENED, OPEN, 0, 0},     {4, BEGINS, REFUSES, OPEN, 1000, 0},
        {1003, BEGINS, REFUSES, OPEN, 1, 0},
    };
    PLAY(rows);
}

static void test_breaker__an_answer_between_failures_keeps_it_closed(void **state) {
    (void)state;
    static const struct row rows[] = {
        {0, FAILED, SAME, CLOSED, 0, 0},   {0, FAILED, SAME, CLOSED, 0, 0},
        {0, ANSWERED, SAME, CLOSED, 0, 0}, {0, FAILED, SAME, CLOSED, 0, 0},
        {0, FAILED, SAME, CLOSED, 0, 0},   {0, BEGINS, GOES, CLOSED, 0, 0},
    };
    PLAY(rows);
}

static void test_breaker__what_says_nothing_neither_counts_nor_clears(void **state) {
    (void)state;
    static const struct row rows[] = {
        {0, NOTHING, SAME, CLOSED, 0, 0}, {0, NOTHING, SAME, CLOSED, 0, 0},
        {0, NOTHING, SAME, CLOSED, 0, 0}, {0, NOTHING, SAME, CLOSED, 0, 0},
        {0, FAILED, SAME, CLOSED, 0, 0},  {0, NOTHING, SAME, CLOSED, 0, 0},
        {0, FAILED, SAME, CLOSED, 0, 0},  {0, FAILED, OPENED, OPEN, 0, 0},
        {0, NOTHING, SAME, OPEN, 0, 0},
    };
    PLAY(rows);
}

static void test_breaker__one_probe_at_a_time_closes_it(void **state) {
    (void)state;
    static const struct row rows[] = {
        {0, FAILED, SAME, CLOSED, 0, 0},
        {0, FAILED, SAME, CLOSED, 0, 0},
        {0, FAILED, OPENED, OPEN, 0, 0},
        {1000, BEGINS, PROBES, HALF_OPEN, 0, 0},
        {1001, BEGINS, REFUSES, HALF_OPEN, 999, 0},
        {1500, PROBE_ANSWERED, CLOSED_AGAIN, CLOSED, 0, 0},
        {1500, BEGINS, GOES, CLOSED, 0, 0},
        {1500, FAILED, SAME, CLOSED, 0, 0}, /* it counts from the beginning */
    };
    PLAY(rows);
}

static void test_breaker__failed_probes_are_further_and_further_apart(void **state) {
    (void)state;
    static const struct row rows[] = {
        {0, FAILED, SAME, CLOSED, 0, 0},
        {0, FAILED, SAME, CLOSED, 0, 0},
        {0, FAILED, OPENED, OPEN, 0, 0},
        {1000, BEGINS, PROBES, HALF_OPEN, 0, 0},
        {1100, PROBE_FAILED, SAME, OPEN, 0, 0},
        {1100, BEGINS, REFUSES, OPEN, 2000, 0},
        {3100, BEGINS, PROBES, HALF_OPEN, 0, 0},
        {3100, PROBE_FAILED, SAME, OPEN, 0, 0},
        {7100, BEGINS, PROBES, HALF_OPEN, 0, 0},
        {7100, PROBE_FAILED, SAME, OPEN, 0, 0},
        {15100, BEGINS, PROBES, HALF_OPEN, 0, 0},
        {15100, PROBE_FAILED, SAME, OPEN, 0, 0},
        {15100, BEGINS, REFUSES, OPEN, GATE_BREAKER_WAIT_MAX_MS, 0},
        {25100, BEGINS, PROBES, HALF_OPEN, 0, 0},
        {25100, PROBE_FAILED, SAME, OPEN, 0, 0},
        {25100, BEGINS, REFUSES, OPEN, GATE_BREAKER_WAIT_MAX_MS, 0},
        {25200, ANSWERED, CLOSED_AGAIN, CLOSED, 0, 0},
        {25200, FAILED, SAME, CLOSED, 0, 0},
        {25200, FAILED, SAME, CLOSED, 0, 0},
        {25200, FAILED, OPENED, OPEN, 0, 0},
        {25200, BEGINS, REFUSES, OPEN, GATE_BREAKER_WAIT_MIN_MS, 0},
    };
    PLAY(rows);
}

static void test_breaker__a_probe_that_hangs_keeps_nobody_out(void **state) {
    (void)state;
    static const struct row rows[] = {
        {0, FAILED, SAME, CLOSED, 0, 0},
        {0, FAILED, SAME, CLOSED, 0, 0},
        {0, FAILED, OPENED, OPEN, 0, 0},
        {1000, BEGINS, PROBES, HALF_OPEN, 0, 0}, /* and is not heard of again for a long time */
        {2000, BEGINS, PROBES, HALF_OPEN, 0, 0},
        {2010, PROBE_ANSWERED, CLOSED_AGAIN, CLOSED, 0, 0},
        {61000, PROBE_FAILED, SAME, CLOSED, 0, 0},
    };
    PLAY(rows);
}

static void test_breaker__a_probe_that_says_nothing_is_followed_by_another(void **state) {
    (void)state;
    static const struct row rows[] = {
        {0, FAILED, SAME, CLOSED, 0, 0},
        {0, FAILED, SAME, CLOSED, 0, 0},
        {0, FAILED, OPENED, OPEN, 0, 0},
        {1000, BEGINS, PROBES, HALF_OPEN, 0, 0},
        {1001, PROBE_NOTHING, SAME, HALF_OPEN, 0, 0},
        {2000, BEGINS, PROBES, HALF_OPEN, 0, 0},
    };
    PLAY(rows);
}

static void test_breaker__late_failures_of_work_begun_before_change_nothing(void **state) {
    (void)state;
    static const struct row rows[] = {
        {0, FAILED, SAME, CLOSED, 0, 0},
        {0, FAILED, SAME, CLOSED, 0, 0},
        {0, FAILED, OPENED, OPEN, 0, 0},
        {500, FAILED, SAME, OPEN, 0, 0},
        {600, FAILED, SAME, OPEN, 0, 0},
        {600, BEGINS, REFUSES, OPEN, 400, 0},
        {700, ANSWERED, CLOSED_AGAIN, CLOSED, 0, 0},
    };
    PLAY(rows);
}

/* Who keeps asking for what never answers is refused; the others go on, and show that it is there.
 */
static void test_breaker__shuts_out_only_whose_work_fails(void **state) {
    (void)state;
    static const struct row rows[] = {
        {0, FAILED, SAME, CLOSED, 0, 7},
        {0, FAILED, SAME, CLOSED, 0, 7},
        {0, FAILED, OPENED, OPEN, 0, 7},
        {10, BEGINS, REFUSES, OPEN, 990, 7},
        {10, BEGINS, PROBES, OPEN, 0, 8},
        {10, BEGINS, PROBES, OPEN, 0, 9},
        {20, PROBE_FAILED, SAME, OPEN, 0, 8},
        {20, BEGINS, REFUSES, OPEN, 2000, 8},
        {30, PROBE_ANSWERED, CLOSED_AGAIN, CLOSED, 0, 9},
        {30, BEGINS, GOES, CLOSED, 0, 7},
    };
    PLAY(rows);
}

/* Then it is not theirs. */
static void test_breaker__shuts_out_all_when_many_have_seen_it(void **state) {
    (void)state;
    struct row rows[GATE_BREAKER_WITNESSES_MAX + 3];
    for (size_t i = 0; i <= GATE_BREAKER_WITNESSES_MAX; i++) {
        rows[i] = (struct row){0,
                               FAILED,
                               i == FAILURES_TO_OPEN - 1 ? OPENED : SAME,
                               i < FAILURES_TO_OPEN - 1 ? CLOSED : OPEN,
                               0,
                               100 + i};
    }
    rows[GATE_BREAKER_WITNESSES_MAX + 1] = (struct row){10, BEGINS, REFUSES, OPEN, 990, 99};
    rows[GATE_BREAKER_WITNESSES_MAX + 2] = (struct row){1000, BEGINS, PROBES, HALF_OPEN, 0, 99};
    PLAY(rows);
}

/* What is nobody's is everybody's. */
static void test_breaker__shuts_out_all_when_nobodys_work_fails(void **state) {
    (void)state;
    static const struct row rows[] = {
        {0, FAILED, SAME, CLOSED, 0, 7},
        {0, FAILED, SAME, CLOSED, 0, 0},
        {0, FAILED, OPENED, OPEN, 0, 7},
        {10, BEGINS, REFUSES, OPEN, 990, 8},
    };
    PLAY(rows);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_breaker__failures_in_a_row_open_it),
        cmocka_unit_test(test_breaker__an_answer_between_failures_keeps_it_closed),
        cmocka_unit_test(test_breaker__what_says_nothing_neither_counts_nor_clears),
        cmocka_unit_test(test_breaker__one_probe_at_a_time_closes_it),
        cmocka_unit_test(test_breaker__failed_probes_are_further_and_further_apart),
        cmocka_unit_test(test_breaker__a_probe_that_hangs_keeps_nobody_out),
        cmocka_unit_test(test_breaker__a_probe_that_says_nothing_is_followed_by_another),
        cmocka_unit_test(test_breaker__late_failures_of_work_begun_before_change_nothing),
        cmocka_unit_test(test_breaker__shuts_out_only_whose_work_fails),
        cmocka_unit_test(test_breaker__shuts_out_all_when_many_have_seen_it),
        cmocka_unit_test(test_breaker__shuts_out_all_when_nobodys_work_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
