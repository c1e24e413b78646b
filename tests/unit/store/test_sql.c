#include "unit/store/temporary_store.h"

#include <sqlite3.h>

#include "store/sql.gen.h"

static sqlite3 *open_migrated(void) {
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    for (int i = 0; i < GATE_SQL_MIGRATION_COUNT; i++) {
        char *message = NULL;
        if (sqlite3_exec(db, gate_sql_migrations[i].text, NULL, NULL, &message) != SQLITE_OK) {
            fail_msg("%s: %s", gate_sql_migrations[i].name, message);
        }
    }
    return db;
}

static void test_statements__all_prepare(void **state) {
    (void)state;
    sqlite3 *db = open_migrated();
    for (int i = 0; i < GATE_SQL_COUNT_; i++) {
        const char *rest = gate_sql_statements[i].text;
        while (*rest != '\0') {
            sqlite3_stmt *statement = NULL;
            if (sqlite3_prepare_v2(db, rest, -1, &statement, &rest) != SQLITE_OK) {
                fail_msg("%s: %s", gate_sql_statements[i].name, sqlite3_errmsg(db));
            }
            sqlite3_finalize(statement);
            rest += strspn(rest, " \n");
        }
    }
    sqlite3_close(db);
}

/* Plans that walk or sort a whole table on purpose. */
static const struct allowed {
    const char *statement;
    const char *step;
} allowed[] = {
    {"connection_note_offered", "SCAN connection"},   /* the same as next */
    {"connection_record_changes", "SCAN connection"}, /* the same */
    {"admin_event_list", "SCAN e"},              /* backwards by id, as far as its LIMIT says */
    {"connection_mark_gone", "SCAN connection"}, /* changes every row of the catalogue */
    {"tool_call_last_list",
     "SCAN connection"},                  /* the whole catalogue, of which the page shows all */
    {"tool_call_last_list", "SCAN used"}, /* the query's own rows, one per connection */
    {"tool_call_last_list", "USE TEMP B-TREE FOR ORDER BY"},
    {"tool_call_delete_older", "SCAN tool_call"}, /* the first few by rowid, and no further */
    {"account_event_delete_older", "SCAN account_event"}, /* likewise */
    {"notice_delete_older", "SCAN notice_target"},        /* a handful */
};

static bool is_allowed(const char *statement, const char *step) {
    for (unsigned i = 0; i < sizeof allowed / sizeof allowed[0]; i++) {
        if (strcmp(allowed[i].statement, statement) == 0 &&
            strncmp(step, allowed[i].step, strlen(allowed[i].step)) == 0) {
            return true;
        }
    }
    return false;
}

static void check_plan(sqlite3 *db, const struct gate_sql_text *sql) {
    char *explain = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", sql->text);
    sqlite3_stmt *statement = NULL;
    assert_int_equal(sqlite3_prepare_v2(db, explain, -1, &statement, NULL), SQLITE_OK);
    while (sqlite3_step(statement) == SQLITE_ROW) {
        const char *step = (const char *)sqlite3_column_text(statement, 3);
        bool slow = (strncmp(step, "SCAN ", 5) == 0 && strcmp(step, "SCAN CONSTANT ROW") != 0) ||
                    strncmp(step, "USE TEMP B-TREE", 15) == 0 || strstr(step, "AUTOMATIC") != NULL;
        if (slow && !is_allowed(sql->name, step)) {
            fail_msg("%s: %s", sql->name, step);
        }
    }
    sqlite3_finalize(statement);
    sqlite3_free(explain);
}

static void test_statements__use_indexes(void **state) {
    (void)state;
    sqlite3 *db = open_migrated();
    for (int i = 0; i < GATE_SQL_COUNT_; i++) {
        if (strncmp(gate_sql_statements[i].name, "database_", 9) != 0) {
            check_plan(db, &gate_sql_statements[i]);
        }
    }
    sqlite3_close(db);
}

static int count_row(void *count, int columns, char **values, char **names) {
    (void)columns;
    (void)names;
    (*(int *)count)++;
    print_error("%s\n", values[0]);
    return 0;
}

static void test_schema__has_strict_tables_only(void **state) {
    (void)state;
    sqlite3 *db = open_migrated();
    int loose = 0;
    assert_int_equal(sqlite3_exec(db,
                                  "SELECT name FROM pragma_table_list WHERE schema = 'main' "
                                  "AND type = 'table' AND NOT strict AND name NOT LIKE 'sqlite_%'",
                                  count_row, &loose, NULL),
                     SQLITE_OK);
    assert_int_equal(loose, 0);
    sqlite3_close(db);
}

/* A child row's key without an index makes each deletion of a parent walk the child's table. */
static void test_schema__indexes_every_foreign_key(void **state) {
    (void)state;
    sqlite3 *db = open_migrated();
    int bare = 0;
    assert_int_equal(
        sqlite3_exec(
            db,
            "SELECT t.name || '.' || f.\"from\" FROM pragma_table_list AS t "
            "JOIN pragma_foreign_key_list(t.name) AS f WHERE NOT EXISTS ("
            "SELECT 1 FROM pragma_index_list(t.name) AS i "
            "JOIN pragma_index_info(i.name) AS c WHERE c.seqno = 0 AND c.name = f.\"from\")",
            count_row, &bare, NULL),
        SQLITE_OK);
    assert_int_equal(bare, 0);
    sqlite3_close(db);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_statements__all_prepare),
        cmocka_unit_test(test_statements__use_indexes),
        cmocka_unit_test(test_schema__has_strict_tables_only),
        cmocka_unit_test(test_schema__indexes_every_foreign_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
