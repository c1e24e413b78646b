#include "unit/store/temporary_store.h"

#include <sys/stat.h>

#define LOG_MAX_BYTES (256 * 1024)

struct log_case {
    struct temporary_path path;
    struct gate_test_clock clock;
    gate_store *store;
};

static struct log_case *open_case(int64_t log_max_bytes) {
    struct log_case *c = calloc(1, sizeof *c);
    assert_non_null(c);
    make_path(&c->path);
    gate_test_clock_init(&c->clock);
    struct gate_error error = {0};
    const struct gate_store_options options = {
        .path = c->path.database,
        .readers_max = 1,
        .clock = &c->clock.clock,
        .lock_wait_ms = 20,
        .log_max_bytes = log_max_bytes,
    };
    assert_int_equal(gate_store_open(&options, &error, &c->store), GATE_OK);
    return c;
}

static void close_case(struct log_case *c) {
    gate_store_close(c->store);
    remove_path(&c->path);
    free(c);
}

static int64_t log_bytes(const struct log_case *c) {
    char name[128];
    struct stat file;
    snprintf(name, sizeof name, "%s-wal", c->path.database);
    return stat(name, &file) == 0 ? (int64_t)file.st_size : 0;
}

/* Changes many pages, and always the same ones. */
static enum gate_err fill_pages(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    (void)state;
    static const char sql[] =
        "REPLACE INTO user (id, issuer, subject, identifier, created_at, name) "
        "VALUES (1, 'x', 'x', 'x', 1, hex(randomblob(40000)))";
    if (sqlite3_exec(tx->handle, sql, NULL, NULL, NULL) == SQLITE_OK) {
        return GATE_OK;
    }
    return gate_fail(ctx, GATE_ERR_STORE, "%s", sqlite3_errmsg(tx->handle));
}

static enum gate_err write_much(struct log_case *c, struct gate_error *ret_error) {
    struct gate_ctx *ctx = gate_ctx_new(&c->clock.clock, NULL, "test");
    enum gate_err err = gate_store_write_now(ctx, c->store, fill_pages, NULL);
    *ret_error = ctx->error;
    gate_ctx_free(ctx);
    return err;
}

/* Another program that looks at the database and does not stop. */
static sqlite3 *start_reading(const struct log_case *c) {
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(c->path.database, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN; SELECT count(*) FROM user", NULL, NULL, NULL),
                     SQLITE_OK);
    return db;
}

static void test_log__stays_short_with_readers_that_come_and_go(void **state) {
    (void)state;
    struct log_case *c = open_case(0);
    struct gate_error error;
    for (int i = 0; i < 260; i++) { /* 20 MB of changes */
        gate_store_tx *tx = gate_store_read_begin(c->store);
        assert_int_equal(write_much(c, &error), GATE_OK);
        gate_store_read_end(c->store, tx);
    }
    assert_true(log_bytes(c) < 18L * 1024 * 1024);
    close_case(c);
}

static void test_log__does_not_grow_without_end_under_a_long_reader(void **state) {
    (void)state;
    struct log_case *c = open_case(LOG_MAX_BYTES);
    struct gate_error error = {0};
    sqlite3 *reader = start_reading(c);
    int written = 0;
    while (write_much(c, &error) == GATE_OK && written < 100) {
        written++;
    }
    assert_in_range(written, 1, 50);
    assert_int_equal(error.kind, GATE_ERR_STORE);
    assert_non_null(strstr(error.message, "reading the database for long"));
    assert_true(log_bytes(c) < 2 * LOG_MAX_BYTES);

    /* Reading goes on, and readiness says why writing does not. */
    gate_store_tx *tx = gate_store_read_begin(c->store);
    gate_store_read_end(c->store, tx);
    struct gate_store_health health;
    struct gate_error said = {0};
    assert_int_equal(gate_store_check(c->store, &said, &health), GATE_ERR_STORE);
    assert_non_null(strstr(said.message, "reading the database for long"));

    /* Without anything being restarted. */
    sqlite3_close(reader);
    gate_test_clock_advance(&c->clock, 1000);
    assert_int_equal(write_much(c, &error), GATE_OK);
    assert_int_equal(write_much(c, &error), GATE_OK);
    assert_true(log_bytes(c) < LOG_MAX_BYTES);
    close_case(c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_log__stays_short_with_readers_that_come_and_go),
        cmocka_unit_test(test_log__does_not_grow_without_end_under_a_long_reader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
