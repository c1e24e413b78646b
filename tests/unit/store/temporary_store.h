/* A database in a directory of its own, for the tests of store/. Each test removes what it made. */
#ifndef GATE_TESTS_TEMPORARY_STORE_H
#define GATE_TESTS_TEMPORARY_STORE_H

#include "support/cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/database.h"
#include "store/user.h"

#define NOW INT64_C(1772366400000)

struct temporary_path {
    char directory[64];
    char database[96];
};

static inline void make_path(struct temporary_path *path) {
    snprintf(path->directory, sizeof path->directory, "/tmp/gate-store-XXXXXX");
    assert_non_null(mkdtemp(path->directory));
    snprintf(path->database, sizeof path->database, "%s/gate.db", path->directory);
}

static inline void remove_path(const struct temporary_path *path) {
    static const char *const endings[] = {"", "-wal", "-shm", "-journal"};
    for (unsigned i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        char name[128];
        snprintf(name, sizeof name, "%s%s", path->database, endings[i]);
        unlink(name);
    }
    rmdir(path->directory);
}

/* A context and one writing connection without the writer thread: for testing aggregates directly.
 */
struct aggregate_case {
    struct temporary_path path;
    struct gate_test_clock clock;
    struct gate_ctx *ctx;
    gate_store_tx *tx;
};

static inline int set_up_aggregate(void **state) {
    struct aggregate_case *c = calloc(1, sizeof *c);
    assert_non_null(c);
    make_path(&c->path);
    gate_test_clock_init(&c->clock);
    c->ctx = gate_ctx_new(&c->clock.clock, NULL, "test");
    FILE *file = fopen(c->path.database, "w");
    assert_non_null(file);
    fclose(file);
    assert_int_equal(
        gate_database_open(c->path.database, GATE_DATABASE_WRITE, 1000, &c->ctx->error, &c->tx),
        GATE_OK);
    assert_int_equal(gate_database_prepare(c->tx, c->path.database, &c->ctx->error), GATE_OK);
    *state = c;
    return 0;
}

static inline int tear_down_aggregate(void **state) {
    struct aggregate_case *c = *state;
    gate_database_close(c->tx);
    gate_ctx_free(c->ctx);
    remove_path(&c->path);
    free(c);
    return 0;
}

#define aggregate_test(function)                                                                   \
    cmocka_unit_test_setup_teardown(function, set_up_aggregate, tear_down_aggregate)

/* Record a person with this identifier and return the id. */
static inline int64_t add_user(struct aggregate_case *c, const char *identifier) {
    struct gate_user user = {0};
    assert_int_equal(gate_store_user_ensure(c->ctx, c->tx, identifier, NOW, &user), GATE_OK);
    return user.id;
}

#endif
