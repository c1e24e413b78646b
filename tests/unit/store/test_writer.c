#include "unit/store/temporary_store.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>

#include "core/log.h"

struct writer_case {
    struct temporary_path path;
    struct gate_test_clock clock;
    gate_runqueue *queue;
    gate_store *store;
};

static int set_up(void **state) {
    struct writer_case *c = calloc(1, sizeof *c);
    assert_non_null(c);
    make_path(&c->path);
    gate_test_clock_init(&c->clock);
    c->queue = gate_runqueue_new();
    struct gate_error error = {0};
    struct gate_store_options options = {
        .path = c->path.database, .readers_max = 2, .clock = &c->clock.clock, .lock_wait_ms = 20};
    assert_int_equal(gate_store_open(&options, &error, &c->store), GATE_OK);
    *state = c;
    return 0;
}

static int tear_down(void **state) {
    struct writer_case *c = *state;
    gate_store_close(c->store);
    gate_runqueue_free(c->queue);
    remove_path(&c->path);
    free(c);
    return 0;
}

static struct gate_ctx *make_ctx(struct writer_case *c) {
    return gate_ctx_new(&c->clock.clock, c->queue, "test");
}

static bool has_person(struct writer_case *c, const char *identifier) {
    struct gate_ctx *ctx = make_ctx(c);
    struct gate_user user;
    gate_store_tx *tx = gate_store_read_begin(c->store);
    enum gate_err err = gate_store_user_find_by_identifier(ctx, tx, identifier, &user);
    gate_store_read_end(c->store, tx);
    gate_ctx_free(ctx);
    return err == GATE_OK;
}

static struct gate_store_health check(struct writer_case *c, enum gate_err expected) {
    struct gate_store_health health;
    struct gate_error error = {0};
    assert_int_equal(gate_store_check(c->store, &error, &health), expected);
    assert_int_equal(error.kind, expected);
    return health;
}

static enum gate_err add_person(struct gate_ctx *ctx, gate_store_tx *tx, void *identifier) {
    struct gate_user user;
    return gate_store_user_ensure(ctx, tx, identifier, NOW, &user);
}

static enum gate_err add_person_and_fail(struct gate_ctx *ctx, gate_store_tx *tx,
                                         void *identifier) {
    enum gate_err err = add_person(ctx, tx, identifier);
    return err == GATE_OK ? GATE_ERR_CONFLICT : err;
}

static enum gate_err write_person(struct writer_case *c, const char *identifier) {
    struct gate_ctx *ctx = make_ctx(c);
    char *copy = gate_arena_strdup(ctx->arena, identifier);
    enum gate_err err = gate_store_write_now(ctx, c->store, add_person, copy);
    assert_true(err == GATE_OK || ctx->error.kind == err);
    gate_ctx_free(ctx);
    return err;
}

/* Holds the writer thread until told to go on, so that what is queued meanwhile lands in one
 * commit. */
struct gate_stop {
    sem_t reached;
    sem_t go_on;
};

static enum gate_err stop_here(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    (void)ctx;
    (void)tx;
    struct gate_stop *stop = *(struct gate_stop **)state;
    sem_post(&stop->reached);
    sem_wait(&stop->go_on);
    return GATE_OK;
}

static void stop_writer(struct writer_case *c, struct gate_stop *stop) {
    sem_init(&stop->reached, 0, 0);
    sem_init(&stop->go_on, 0, 0);
    gate_store_write_later(c->store, stop_here, &stop, sizeof stop);
    sem_wait(&stop->reached);
}

static void let_writer_go(struct gate_stop *stop) {
    sem_post(&stop->go_on);
}

struct answer {
    enum gate_err err;
    bool done;
};

static void note_answer(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct answer *answer = state;
    answer->err = err;
    answer->done = true;
    gate_ctx_free(ctx);
}

static void queue_person(struct writer_case *c, gate_store_work_fn *work, const char *identifier,
                         struct answer *answer) {
    struct gate_ctx *ctx = make_ctx(c);
    answer->done = false;
    gate_store_write(ctx, c->store, work, gate_arena_strdup(ctx->arena, identifier), note_answer,
                     answer);
}

static void test_write__answers_on_a_worker_when_durable(void **state) {
    struct writer_case *c = *state;
    struct answer answer;
    queue_person(c, add_person, "ada", &answer);
    gate_runqueue_run_until(c->queue, &answer.done);
    assert_int_equal(answer.err, GATE_OK);
    assert_true(has_person(c, "ada"));
}

static void test_write__commits_a_group_and_undoes_the_failed_alone(void **state) {
    struct writer_case *c = *state;
    struct gate_stop stop;
    struct answer answers[5];
    stop_writer(c, &stop);
    uint64_t before = check(c, GATE_OK).commits;
    queue_person(c, add_person, "a", &answers[0]);
    queue_person(c, add_person_and_fail, "b", &answers[1]);
    queue_person(c, add_person, "c", &answers[2]);
    queue_person(c, add_person_and_fail, "a2", &answers[3]);
    queue_person(c, add_person, "e", &answers[4]);
    assert_int_equal(check(c, GATE_OK).writes_queued, 5);
    let_writer_go(&stop);
    for (int i = 0; i < 5; i++) {
        gate_runqueue_run_until(c->queue, &answers[i].done);
        assert_int_equal(answers[i].err, i % 2 == 0 ? GATE_OK : GATE_ERR_CONFLICT);
    }
    /* The stop's own commit and one for all five. */
    assert_int_equal(check(c, GATE_OK).commits, before + 2);
    assert_true(has_person(c, "a") && has_person(c, "c") && has_person(c, "e"));
    assert_false(has_person(c, "b") || has_person(c, "a2"));
}

static void test_write__is_refused_beyond_the_queue(void **state) {
    struct writer_case *c = *state;
    struct gate_stop stop;
    struct answer answer;
    stop_writer(c, &stop);
    for (int i = 0; i < GATE_STORE_WRITE_QUEUE_MAX; i++) {
        gate_store_write_later(c->store, add_person, "late", sizeof "late");
    }
    queue_person(c, add_person, "ada", &answer);
    assert_true(answer.done); /* at once, on this thread */
    assert_int_equal(answer.err, GATE_ERR_BUSY);
    assert_int_equal(write_person(c, "ada"), GATE_ERR_BUSY);
    gate_store_write_later(c->store, add_person, "dropped", sizeof "dropped");
    assert_int_equal(check(c, GATE_OK).writes_queued, GATE_STORE_WRITE_QUEUE_MAX);
    let_writer_go(&stop);
    while (check(c, GATE_OK).writes_queued > 0) {
        sched_yield();
    }
    assert_int_equal(write_person(c, "ada"), GATE_OK);
    assert_true(has_person(c, "late"));
    assert_false(has_person(c, "dropped"));
}

static void test_close__waits_for_what_is_queued(void **state) {
    struct writer_case *c = *state;
    for (int i = 0; i < 2000; i++) {
        char name[GATE_STORE_LATER_MAX_BYTES];
        snprintf(name, sizeof name, "later-%d", i);
        gate_store_write_later(c->store, add_person, name, strlen(name) + 1);
    }
    gate_store_close(c->store);
    struct gate_error error = {0};
    struct gate_store_options options = {.path = c->path.database, .clock = &c->clock.clock};
    assert_int_equal(gate_store_open(&options, &error, &c->store), GATE_OK);
    assert_true(has_person(c, "later-0") && has_person(c, "later-1999"));
}

static void test_write_later__survives_a_failing_step(void **state) {
    struct writer_case *c = *state;
    gate_store_write_later(c->store, add_person_and_fail, "lost", sizeof "lost");
    assert_int_equal(write_person(c, "ada"), GATE_OK);
    assert_false(has_person(c, "lost"));
}

static void test_write__fails_while_another_process_writes(void **state) {
    struct writer_case *c = *state;
    sqlite3 *other = NULL;
    assert_int_equal(sqlite3_open(c->path.database, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(write_person(c, "ada"), GATE_ERR_STORE);
    check(c, GATE_ERR_STORE);
    assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(other);
    assert_int_equal(write_person(c, "ada"), GATE_OK);
    check(c, GATE_OK);
}

/* Lets the database file grow no further, or to any size. */
static enum gate_err limit_pages(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    (void)ctx;
    const bool *limit = state;
    const char *sql = *limit ? "PRAGMA max_page_count = 1" : "PRAGMA max_page_count = 1000000";
    return sqlite3_exec(tx->handle, sql, NULL, NULL, NULL) == SQLITE_OK ? GATE_OK
                                                                        : GATE_ERR_INTERNAL;
}

static void set_full(struct writer_case *c, bool full) {
    struct gate_ctx *ctx = make_ctx(c);
    assert_int_equal(gate_store_write_now(ctx, c->store, limit_pages, &full), GATE_OK);
    gate_ctx_free(ctx);
}

static enum gate_err add_long_person(struct gate_ctx *ctx, gate_store_tx *tx, void *identifier) {
    char *name = gate_arena_alloc(ctx->arena, 20001);
    memset(name, 'x', 20000);
    struct gate_user user = {
        .issuer = "i", .subject = identifier, .identifier = identifier, .name = name};
    return gate_store_user_save(ctx, tx, &user, NOW, &user);
}

static void test_write__recovers_from_a_full_disk(void **state) {
    struct writer_case *c = *state;
    struct gate_stop stop;
    struct answer answers[3];
    set_full(c, true);
    stop_writer(c, &stop);
    queue_person(c, add_person, "before", &answers[0]);
    queue_person(c, add_long_person, "long", &answers[1]);
    queue_person(c, add_person, "behind", &answers[2]);
    let_writer_go(&stop);
    for (int i = 0; i < 3; i++) {
        gate_runqueue_run_until(c->queue, &answers[i].done);
    }
    assert_int_equal(answers[1].err, GATE_ERR_STORE);
    assert_int_equal(answers[0].err == GATE_OK, has_person(c, "before"));
    assert_int_equal(answers[2].err == GATE_OK, has_person(c, "behind"));
    assert_false(has_person(c, "long"));
    set_full(c, false);
    queue_person(c, add_long_person, "long", &answers[1]);
    gate_runqueue_run_until(c->queue, &answers[1].done);
    assert_int_equal(answers[1].err, GATE_OK);
    assert_true(has_person(c, "long"));
}

/* Files of this process may not grow beyond `bytes`: what a disk does that fills up under the log.
 */
static void limit_file_size(rlim_t bytes) {
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void test_check__sees_the_disk_fail_and_come_back(void **state) {
    struct writer_case *c = *state;
    signal(SIGXFSZ, SIG_IGN);
    struct gate_stop stop;
    struct answer answers[2];
    limit_file_size(100 * 1024);
    stop_writer(c, &stop);
    for (int i = 0; i < 2; i++) {
        queue_person(c, i == 0 ? add_person : add_long_person, i == 0 ? "ada" : "eve", &answers[i]);
    }
    let_writer_go(&stop);
    for (int i = 0; i < 2; i++) {
        gate_runqueue_run_until(c->queue, &answers[i].done);
    }
    int failures = 0;
    while (failures == 0) {
        char name[32];
        static int number;
        snprintf(name, sizeof name, "filler-%d", number++);
        failures += write_person(c, name) != GATE_OK;
        assert_true(number < 1000);
    }
    assert_false(check(c, GATE_ERR_STORE).can_write);
    limit_file_size(RLIM_INFINITY);
    /* The check before has queued a probe; another is queued with each, and one of them gets
     * through. */
    struct gate_store_health health;
    struct gate_error error = {0};
    while (gate_store_check(c->store, &error, &health) != GATE_OK) {
        sched_yield();
    }
    assert_true(health.can_write);
    assert_int_equal(health.schema_version, GATE_SQL_MIGRATION_COUNT);
    assert_int_equal(write_person(c, "after"), GATE_OK);
    assert_int_equal(has_person(c, "ada"), answers[0].err == GATE_OK);
    assert_true(has_person(c, "after"));
}

static enum gate_err take_handle(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    (void)ctx;
    sqlite3 **handle = state;
    *handle = tx->handle;
    return GATE_OK;
}

/* SQLite says the same when the file system was made read-only. The writer is idle meanwhile. */
static void set_read_only(sqlite3 *handle, bool read_only) {
    const char *sql = read_only ? "PRAGMA query_only = ON" : "PRAGMA query_only = OFF";
    assert_int_equal(sqlite3_exec(handle, sql, NULL, NULL, NULL), SQLITE_OK);
}

static void test_write__recovers_from_a_read_only_disk(void **state) {
    struct writer_case *c = *state;
    struct gate_ctx *ctx = make_ctx(c);
    sqlite3 *handle = NULL;
    assert_int_equal(gate_store_write_now(ctx, c->store, take_handle, &handle), GATE_OK);
    gate_ctx_free(ctx);
    assert_int_equal(write_person(c, "ada"), GATE_OK);
    set_read_only(handle, true);
    assert_int_equal(write_person(c, "eve"), GATE_ERR_STORE);
    assert_true(has_person(c, "ada"));
    assert_false(has_person(c, "eve"));
    set_read_only(handle, false);
    assert_int_equal(write_person(c, "eve"), GATE_OK);
    assert_true(has_person(c, "eve"));
}

static void test_check__probes_an_idle_store(void **state) {
    struct writer_case *c = *state;
    uint64_t before = check(c, GATE_OK).commits;
    assert_int_equal(check(c, GATE_OK).commits, before);
    gate_test_clock_advance(&c->clock, 10000);
    check(c, GATE_OK);
    while (check(c, GATE_OK).commits == before) {
        sched_yield();
    }
}

#define THREADS 8
#define WRITES_PER_THREAD 100

struct crowd_member {
    pthread_t thread;
    struct writer_case *c;
    int number;
    int failures;
};

static void *write_and_read(void *argument) {
    struct crowd_member *member = argument;
    for (int i = 0; i < WRITES_PER_THREAD; i++) {
        char name[32];
        snprintf(name, sizeof name, "p-%d-%d", member->number, i);
        struct gate_ctx *ctx = make_ctx(member->c);
        struct gate_user user;
        enum gate_err err = gate_store_write_now(ctx, member->c->store, add_person, name);
        gate_store_tx *tx = gate_store_read_begin(member->c->store);
        enum gate_err found = gate_store_user_find_by_identifier(ctx, tx, name, &user);
        gate_store_read_end(member->c->store, tx);
        member->failures += err != GATE_OK || found != GATE_OK;
        gate_ctx_free(ctx);
    }
    return NULL;
}

static void test_write__from_many_threads(void **state) {
    struct writer_case *c = *state;
    struct crowd_member crowd[THREADS];
    for (int i = 0; i < THREADS; i++) {
        crowd[i] = (struct crowd_member){.c = c, .number = i};
        assert_int_equal(pthread_create(&crowd[i].thread, NULL, write_and_read, &crowd[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(crowd[i].thread, NULL);
        assert_int_equal(crowd[i].failures, 0);
    }
    struct gate_store_health health = check(c, GATE_OK);
    assert_true(health.writes_done >= THREADS * WRITES_PER_THREAD);
    assert_true(health.commits <= health.writes_done);
}

#define writer_test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    gate_log_open(GATE_LOG_ERROR, STDERR_FILENO);
    const struct CMUnitTest tests[] = {
        writer_test(test_write__answers_on_a_worker_when_durable),
        writer_test(test_write__commits_a_group_and_undoes_the_failed_alone),
        writer_test(test_write__is_refused_beyond_the_queue),
        writer_test(test_close__waits_for_what_is_queued),
        writer_test(test_write_later__survives_a_failing_step),
        writer_test(test_write__fails_while_another_process_writes),
        writer_test(test_write__recovers_from_a_full_disk),
        writer_test(test_write__recovers_from_a_read_only_disk),
        writer_test(test_check__sees_the_disk_fail_and_come_back),
        writer_test(test_check__probes_an_idle_store),
        writer_test(test_write__from_many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
