#include "unit/store/temporary_store.h"

#include <sys/stat.h>
#include <sys/wait.h>

#include "store/backup.h"

struct backup_case {
    struct temporary_path path;
    char copy[128];
    gate_store *store;
};

static gate_store *open_store(const char *path) {
    struct gate_error error = {0};
    gate_store *store = NULL;
    const struct gate_store_options options = {
        .path = path, .readers_max = 1, .lock_wait_ms = 20, .check_content = true};
    if (gate_store_open(&options, &error, &store) != GATE_OK) {
        fail_msg("%s", error.message);
    }
    return store;
}

static int set_up(void **state) {
    struct backup_case *c = calloc(1, sizeof *c);
    assert_non_null(c);
    make_path(&c->path);
    snprintf(c->copy, sizeof c->copy, "%s/copy.db", c->path.directory);
    c->store = open_store(c->path.database);
    *state = c;
    return 0;
}

static int tear_down(void **state) {
    struct backup_case *c = *state;
    gate_store_close(c->store);
    unlink(c->copy);
    char name[160];
    snprintf(name, sizeof name, "%s.damaged", c->path.database);
    unlink(name);
    remove_path(&c->path);
    free(c);
    return 0;
}

static enum gate_err add_person(struct gate_ctx *ctx, gate_store_tx *tx, void *identifier) {
    struct gate_user user;
    return gate_store_user_ensure(ctx, tx, identifier, NOW, &user);
}

static void write_person(struct backup_case *c, const char *identifier) {
    struct gate_ctx *ctx = gate_ctx_new(&gate_clock_system, NULL, "test");
    char *copy = gate_arena_strdup(ctx->arena, identifier);
    assert_int_equal(gate_store_write_now(ctx, c->store, add_person, copy), GATE_OK);
    gate_ctx_free(ctx);
}

static bool has_person(gate_store *store, const char *identifier) {
    struct gate_ctx *ctx = gate_ctx_new(&gate_clock_system, NULL, "test");
    struct gate_user user;
    gate_store_tx *tx = gate_store_read_begin(store);
    enum gate_err err = gate_store_user_find_by_identifier(ctx, tx, identifier, &user);
    gate_store_read_end(store, tx);
    gate_ctx_free(ctx);
    return err == GATE_OK;
}

static void must_back_up(struct backup_case *c) {
    struct gate_error error = {0};
    struct gate_store_copy copy = {0};
    if (gate_store_backup(c->path.database, c->copy, &error, &copy) != GATE_OK) {
        fail_msg("%s", error.message);
    }
    assert_int_equal(copy.schema_version, GATE_SQL_MIGRATION_COUNT);
    assert_true(copy.bytes > 0);
}

/* Restoring in a process of its own, as the command does: locks are between processes. */
static enum gate_err restore_from(const struct backup_case *c, const char *copy_path,
                                  struct gate_error *ret_error) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct gate_error error = {0};
        struct gate_store_copy copy;
        enum gate_err err = gate_store_restore(c->path.database, copy_path, &error, &copy);
        bool told = write(ends[1], &error, sizeof error) == (ssize_t)sizeof error;
        _exit(told ? (int)err : 99);
    }
    assert_int_equal(read(ends[0], ret_error, sizeof *ret_error), sizeof *ret_error);
    close(ends[0]);
    close(ends[1]);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return (enum gate_err)WEXITSTATUS(status);
}

static void must_restore(struct backup_case *c) {
    struct gate_error error;
    if (restore_from(c, c->copy, &error) != GATE_OK) {
        fail_msg("%s", error.message);
    }
}

static void close_store(struct backup_case *c) {
    gate_store_close(c->store);
    c->store = NULL;
}

static void write_file(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void test_backup__of_a_store_in_use_and_back(void **state) {
    struct backup_case *c = *state;
    write_person(c, "ada");
    must_back_up(c);
    struct stat file;
    assert_int_equal(stat(c->copy, &file), 0);
    assert_int_equal(file.st_mode & 0777, 0600);
    write_person(c, "eve"); /* the store goes on */
    close_store(c);
    must_restore(c);
    c->store = open_store(c->path.database);
    assert_true(has_person(c->store, "ada"));
    assert_false(has_person(c->store, "eve"));
    write_person(c, "eve");
}

static void test_backup__overwrites_nothing(void **state) {
    struct backup_case *c = *state;
    struct gate_error error = {0};
    struct gate_store_copy copy;
    write_file(c->copy, "mine");
    assert_int_equal(gate_store_backup(c->path.database, c->copy, &error, &copy),
                     GATE_ERR_CONFLICT);
    struct stat file;
    assert_int_equal(stat(c->copy, &file), 0);
    assert_int_equal(file.st_size, 4);
}

static void test_backup__where_it_cannot_be(void **state) {
    struct backup_case *c = *state;
    struct gate_error error = {0};
    struct gate_store_copy copy;
    assert_int_equal(gate_store_backup(c->path.database, "/nowhere/copy.db", &error, &copy),
                     GATE_ERR_INPUT);
    gate_error_clear(&error);
    assert_int_not_equal(gate_store_backup("/nowhere/gate.db", c->copy, &error, &copy), GATE_OK);
    assert_int_not_equal(access(c->copy, F_OK), 0);
}

static void test_restore__refuses_while_somebody_serves(void **state) {
    struct backup_case *c = *state;
    write_person(c, "ada");
    must_back_up(c);
    write_person(c, "eve");
    struct gate_error error;
    assert_int_equal(restore_from(c, c->copy, &error), GATE_ERR_CONFLICT);
    assert_non_null(strstr(error.message, "in use"));
    assert_true(has_person(c->store, "eve"));
    write_person(c, "bob");
}

static void test_restore__takes_only_what_is_whole_and_ours(void **state) {
    struct backup_case *c = *state;
    write_person(c, "ada");
    close_store(c);
    struct gate_error error;
    assert_int_equal(restore_from(c, "/nowhere/copy.db", &error), GATE_ERR_INPUT);
    assert_int_equal(restore_from(c, c->path.database, &error), GATE_ERR_INPUT);
    write_file(c->copy, "no database at all, but long enough to be looked at as one");
    assert_int_equal(restore_from(c, c->copy, &error), GATE_ERR_CONFIG);
    assert_non_null(strstr(error.message, "not a database"));
    unlink(c->copy);

    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(c->copy, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "CREATE TABLE t (x)", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(restore_from(c, c->copy, &error), GATE_ERR_CONFIG);
    assert_int_equal(sqlite3_exec(db,
                                  "PRAGMA application_id = 1195463749; PRAGMA user_version = 999",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(restore_from(c, c->copy, &error), GATE_ERR_CONFIG);
    assert_non_null(strstr(error.message, "newer version"));
    sqlite3_close(db);
    c->store = open_store(c->path.database);
    assert_true(has_person(c->store, "ada"));
}

static void damage(const char *path) {
    FILE *file = fopen(path, "r+");
    assert_non_null(file);
    char rubbish[4096];
    memset(rubbish, 0xA5, sizeof rubbish);
    for (long page = 2; page < 6; page++) {
        assert_int_equal(fseek(file, page * 4096, SEEK_SET), 0);
        assert_int_equal(fwrite(rubbish, 1, sizeof rubbish, file), sizeof rubbish);
    }
    fclose(file);
}

static void test_restore__refuses_a_damaged_copy(void **state) {
    struct backup_case *c = *state;
    write_person(c, "ada");
    must_back_up(c);
    damage(c->copy);
    close_store(c);
    struct gate_error error;
    assert_int_equal(restore_from(c, c->copy, &error), GATE_ERR_STORE);
    assert_non_null(strstr(error.message, "damaged"));
    c->store = open_store(c->path.database);
    assert_true(has_person(c->store, "ada"));
}

static void test_restore__over_what_is_damaged_or_gone(void **state) {
    struct backup_case *c = *state;
    write_person(c, "ada");
    must_back_up(c);
    close_store(c);

    damage(c->path.database);
    struct gate_error error = {0};
    const struct gate_store_options options = {.path = c->path.database, .check_content = true};
    assert_int_equal(gate_store_open(&options, &error, &c->store), GATE_ERR_STORE);
    assert_non_null(strstr(error.message, "damaged"));
    must_restore(c);
    c->store = open_store(c->path.database);
    assert_true(has_person(c->store, "ada"));
    close_store(c);

    write_file(c->path.database,
               "a database no more, and not even a header of one is left here...");
    must_restore(c);
    c->store = open_store(c->path.database);
    assert_true(has_person(c->store, "ada"));
    close_store(c);

    unlink(c->path.database);
    const uid_t owner = geteuid() == 0 ? 65534 : geteuid(); /* the service's, where root restores */
    assert_int_equal(chown(c->path.directory, owner, (gid_t)-1), 0);
    must_restore(c);
    struct stat file;
    assert_int_equal(stat(c->path.database, &file), 0);
    assert_int_equal(file.st_uid, owner);
    assert_int_equal(file.st_mode & 0777, 0600);
    c->store = open_store(c->path.database);
    assert_true(has_person(c->store, "ada"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
        CASE(test_backup__of_a_store_in_use_and_back),
        CASE(test_backup__overwrites_nothing),
        CASE(test_backup__where_it_cannot_be),
        CASE(test_restore__refuses_while_somebody_serves),
        CASE(test_restore__takes_only_what_is_whole_and_ours),
        CASE(test_restore__refuses_a_damaged_copy),
        CASE(test_restore__over_what_is_damaged_or_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
