#include "unit/store/temporary_store.h"

#include <sqlite3.h>
#include <sys/stat.h>

static enum gate_err try_open(const char *path, bool read_only, struct gate_error *error,
                              gate_store **ret_store) {
    struct gate_store_options options = {
        .path = path, .readers_max = 2, .read_only = read_only, .lock_wait_ms = 20};
    gate_error_clear(error);
    return gate_store_open(&options, error, ret_store);
}

static gate_store *must_open(const char *path, bool read_only) {
    struct gate_error error = {0};
    gate_store *store = NULL;
    if (try_open(path, read_only, &error, &store) != GATE_OK) {
        fail_msg("%s", error.message);
    }
    return store;
}

/* Expect a refusal of that kind, whose sentence holds `words`. */
static void expect_refusal(const char *path, bool read_only, enum gate_err kind,
                           const char *words) {
    struct gate_error error = {0};
    gate_store *store = NULL;
    assert_int_equal(try_open(path, read_only, &error, &store), kind);
    assert_null(store);
    assert_int_equal(error.kind, kind);
    if (strstr(error.message, words) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", error.message, words);
    }
}

static void run_sql(const char *path, const char *sql) {
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void write_bytes_at(const char *path, long offset, const char *bytes, size_t length) {
    FILE *file = fopen(path, offset == 0 ? "w" : "r+");
    assert_non_null(file);
    assert_int_equal(fseek(file, offset, SEEK_SET), 0);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    fclose(file);
}

static enum gate_err add_person(struct gate_ctx *ctx, gate_store_tx *tx, void *identifier) {
    struct gate_user user;
    return gate_store_user_ensure(ctx, tx, identifier, NOW, &user);
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

static enum gate_err write_person(gate_store *store, char *identifier) {
    struct gate_ctx *ctx = gate_ctx_new(&gate_clock_system, NULL, "test");
    enum gate_err err = gate_store_write_now(ctx, store, add_person, identifier);
    gate_ctx_free(ctx);
    return err;
}

static void test_open__creates_a_private_file_and_keeps_it(void **state) {
    (void)state;
    struct temporary_path path;
    make_path(&path);
    gate_store *store = must_open(path.database, false);
    struct stat status;
    assert_int_equal(stat(path.database, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    char ada[] = "ada";
    assert_int_equal(write_person(store, ada), GATE_OK);
    gate_store_close(store);
    store = must_open(path.database, false);
    assert_true(has_person(store, "ada"));
    assert_false(has_person(store, "eve"));
    gate_store_close(store);
    remove_path(&path);
}

static void test_open__refuses_bad_paths(void **state) {
    (void)state;
    struct temporary_path path;
    make_path(&path);
    char inner[160];
    snprintf(inner, sizeof inner, "%s/none/gate.db", path.directory);
    expect_refusal(inner, false, GATE_ERR_CONFIG, "directory");
    expect_refusal(path.directory, false, GATE_ERR_STORE, "cannot be");
    expect_refusal(path.database, true, GATE_ERR_CONFIG, "cannot be read");
    expect_refusal("", false, GATE_ERR_CONFIG, "file path");
    expect_refusal(NULL, false, GATE_ERR_CONFIG, "file path");
    expect_refusal(":memory:", false, GATE_ERR_CONFIG, "file path");
    remove_path(&path);
}

static void test_open__refuses_what_is_not_ours(void **state) {
    (void)state;
    struct temporary_path path;
    make_path(&path);
    static const char letter[] =
        "Dear reader, this is no database at all, but it is long enough.\n"
        "Dear reader, this is no database at all, but it is long enough.\n";
    write_bytes_at(path.database, 0, letter, sizeof letter);
    expect_refusal(path.database, false, GATE_ERR_CONFIG, "not a database");
    unlink(path.database);
    run_sql(path.database, "CREATE TABLE recipe (id INTEGER PRIMARY KEY)");
    expect_refusal(path.database, false, GATE_ERR_CONFIG, "not a Gatehouse database");
    remove_path(&path);
}

static void test_open__refuses_a_newer_version(void **state) {
    (void)state;
    struct temporary_path path;
    make_path(&path);
    gate_store_close(must_open(path.database, false));
    run_sql(path.database, "PRAGMA user_version = 999");
    expect_refusal(path.database, false, GATE_ERR_CONFIG, "newer version");
    expect_refusal(path.database, true, GATE_ERR_CONFIG, "newer version");
    remove_path(&path);
}

static void test_open__refuses_a_damaged_file(void **state) {
    (void)state;
    struct temporary_path path;
    make_path(&path);
    gate_store_close(must_open(path.database, false));
    char rubbish[600];
    memset(rubbish, 0xee, sizeof rubbish);
    write_bytes_at(path.database, 100, rubbish, sizeof rubbish);
    expect_refusal(path.database, false, GATE_ERR_STORE, "damaged");
    remove_path(&path);
}

static void test_open__says_when_another_process_has_it(void **state) {
    (void)state;
    struct temporary_path path;
    make_path(&path);
    gate_store_close(must_open(path.database, false));
    sqlite3 *other = NULL;
    assert_int_equal(sqlite3_open(path.database, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other,
                                  "PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE;"
                                  "DELETE FROM probe; COMMIT",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    expect_refusal(path.database, false, GATE_ERR_STORE, "locked");
    sqlite3_close(other);
    gate_store_close(must_open(path.database, false));
    remove_path(&path);
}

static void test_open__refuses_a_file_it_may_not_write(void **state) {
    (void)state;
    struct temporary_path path;
    make_path(&path);
    gate_store_close(must_open(path.database, false));
    assert_int_equal(chmod(path.database, 0444), 0);
    assert_int_equal(chmod(path.directory, 0755), 0);
    /* Permissions do not bind root. */
    bool was_root = geteuid() == 0;
    if (was_root) {
        assert_int_equal(seteuid(65534), 0);
    }
    expect_refusal(path.database, false, GATE_ERR_CONFIG, "may not be written");
    if (was_root) {
        assert_int_equal(seteuid(0), 0);
    }
    remove_path(&path);
}

static void test_open__reading_only_refuses_writes(void **state) {
    (void)state;
    struct temporary_path path;
    make_path(&path);
    gate_store *writing = must_open(path.database, false);
    char ada[] = "ada", eve[] = "eve";
    assert_int_equal(write_person(writing, ada), GATE_OK);
    gate_store *reading = must_open(path.database, true);
    assert_true(has_person(reading, "ada"));
    assert_int_equal(write_person(reading, eve), GATE_ERR_STORE);
    assert_int_equal(write_person(writing, eve), GATE_OK);
    assert_true(has_person(reading, "eve"));
    gate_store_close(reading);
    gate_store_close(writing);
    remove_path(&path);
}

static void test_read__sees_one_snapshot(void **state) {
    (void)state;
    struct temporary_path path;
    make_path(&path);
    gate_store *store = must_open(path.database, false);
    struct gate_ctx *ctx = gate_ctx_new(&gate_clock_system, NULL, "test");
    struct gate_user user;
    char ada[] = "ada";
    gate_store_tx *tx = gate_store_read_begin(store);
    assert_int_equal(gate_store_user_find(ctx, tx, 1, &user), GATE_ERR_NOT_FOUND);
    assert_int_equal(write_person(store, ada), GATE_OK);
    assert_int_equal(gate_store_user_find(ctx, tx, 1, &user), GATE_ERR_NOT_FOUND);
    gate_store_read_end(store, tx);
    assert_true(has_person(store, "ada"));
    gate_ctx_free(ctx);
    gate_store_close(store);
    remove_path(&path);
}

static void test_read__cannot_write(void **state) {
    (void)state;
    struct temporary_path path;
    make_path(&path);
    gate_store *store = must_open(path.database, false);
    struct gate_ctx *ctx = gate_ctx_new(&gate_clock_system, NULL, "test");
    struct gate_user user;
    gate_store_tx *tx = gate_store_read_begin(store);
    assert_int_equal(gate_store_user_ensure(ctx, tx, "ada", NOW, &user), GATE_ERR_STORE);
    gate_store_read_end(store, tx);
    gate_ctx_free(ctx);
    gate_store_close(store);
    remove_path(&path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open__creates_a_private_file_and_keeps_it),
        cmocka_unit_test(test_open__refuses_bad_paths),
        cmocka_unit_test(test_open__refuses_what_is_not_ours),
        cmocka_unit_test(test_open__refuses_a_newer_version),
        cmocka_unit_test(test_open__refuses_a_damaged_file),
        cmocka_unit_test(test_open__says_when_another_process_has_it),
        cmocka_unit_test(test_open__refuses_a_file_it_may_not_write),
        cmocka_unit_test(test_open__reading_only_refuses_writes),
        cmocka_unit_test(test_read__sees_one_snapshot),
        cmocka_unit_test(test_read__cannot_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
