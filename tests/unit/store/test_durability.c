/* What was answered as done survives kill -9. */
#include "unit/store/temporary_store.h"

#include <signal.h>
#include <sys/wait.h>

#define ACKNOWLEDGED_BEFORE_THE_KILL 150

static enum gate_err add_person(struct gate_ctx *ctx, gate_store_tx *tx, void *identifier) {
    struct gate_user user;
    return gate_store_user_ensure(ctx, tx, identifier, NOW, &user);
}

static gate_store *open_store(const char *path) {
    struct gate_error error = {0};
    gate_store *store = NULL;
    struct gate_store_options options = {.path = path, .readers_max = 1};
    return gate_store_open(&options, &error, &store) == GATE_OK ? store : NULL;
}

/* Write persons and say so, one number each, until killed. */
static void write_until_killed(const char *path, int pipe_out) {
    gate_store *store = open_store(path);
    for (int i = 0; store != NULL; i++) {
        char name[32];
        snprintf(name, sizeof name, "person-%d", i);
        struct gate_ctx *ctx = gate_ctx_new(&gate_clock_system, NULL, "test");
        enum gate_err err = gate_store_write_now(ctx, store, add_person, name);
        gate_ctx_free(ctx);
        if (err != GATE_OK || write(pipe_out, &i, sizeof i) != sizeof i) {
            break;
        }
    }
    _exit(1);
}

static void test_acknowledged_writes__survive_a_kill(void **state) {
    (void)state;
    struct temporary_path path;
    make_path(&path);
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(ends[0]);
        write_until_killed(path.database, ends[1]);
    }
    close(ends[1]);
    int last = -1, number;
    while (read(ends[0], &number, sizeof number) == sizeof number) {
        assert_int_equal(number, last + 1);
        last = number;
        if (last == ACKNOWLEDGED_BEFORE_THE_KILL) {
            kill(child, SIGKILL);
        }
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_true(last >= ACKNOWLEDGED_BEFORE_THE_KILL);

    gate_store *store = open_store(path.database);
    assert_non_null(store);
    struct gate_ctx *ctx = gate_ctx_new(&gate_clock_system, NULL, "test");
    gate_store_tx *tx = gate_store_read_begin(store);
    for (int i = 0; i <= last; i++) {
        char name[32];
        struct gate_user user;
        snprintf(name, sizeof name, "person-%d", i);
        assert_int_equal(gate_store_user_find_by_identifier(ctx, tx, name, &user), GATE_OK);
    }
    gate_store_read_end(store, tx);
    gate_ctx_free(ctx);
    gate_store_close(store);
    close(ends[0]);
    remove_path(&path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_acknowledged_writes__survive_a_kill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
