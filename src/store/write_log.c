#include "store/write_log.h"

/* From here on the log is copied into the database after a commit. */
#define COPY_PAGES 1000
#define PAGE_BYTES_MAX 65536
/* From here on readers are waited for, so that the log can be cut. */
#define CUT_PAGES 4000
/* How long at a time, and how long not again when that was in vain. */
#define CUT_WAIT_MS 50
#define CUT_EVERY_MS 1000

static int note_pages(void *state, sqlite3 *handle, const char *schema, int pages) {
    (void)handle;
    (void)schema;
    struct gate_write_log *log = state;
    log->pages = pages;
    return SQLITE_OK;
}

void gate_write_log_init(struct gate_write_log *log, gate_store_tx *tx,
                         const struct gate_clock *clock, int64_t max_bytes) {
    struct gate_error ignored = {0};
    int64_t page_bytes = PAGE_BYTES_MAX;
    if (gate_database_page_bytes(tx, &ignored, &page_bytes) != GATE_OK) {
        page_bytes = PAGE_BYTES_MAX; /* on the safe side */
    }
    *log = (struct gate_write_log){.tx = tx, .clock = clock, .max_pages = max_bytes / page_bytes};
    /* In place of SQLite's own, which only ever copies. */
    sqlite3_wal_hook(tx->handle, note_pages, log);
}

void gate_write_log_cut(struct gate_write_log *log) {
    sqlite3 *handle = log->tx->handle;
    sqlite3_busy_timeout(handle, CUT_WAIT_MS);
    int result = sqlite3_wal_checkpoint_v2(handle, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    sqlite3_busy_timeout(handle, (int)log->tx->lock_wait_ms);
    if (result == SQLITE_OK) {
        log->pages = 0;
        log->cut_at_ms = 0;
    }
}

/* Whether anybody reads an older state is not known beforehand: it is tried, now and then. */
static void try_to_cut(struct gate_write_log *log) {
    int64_t now_ms = gate_clock_monotonic_ms(log->clock);
    if (log->cut_at_ms == 0 || now_ms - log->cut_at_ms >= CUT_EVERY_MS) {
        log->cut_at_ms = now_ms;
        gate_write_log_cut(log);
    }
}

enum gate_err gate_write_log_check(struct gate_write_log *log, struct gate_error *error) {
    if (log->pages < log->max_pages) {
        return GATE_OK;
    }
    try_to_cut(log);
    if (log->pages < log->max_pages) {
        return GATE_OK;
    }
    return gate_error_set_at(error, __FILE__, __LINE__, GATE_ERR_STORE,
                             "the write-ahead log is as long as it may be, because another program "
                             "has been reading the database for long (a shell, a backup)");
}

void gate_write_log_tend(struct gate_write_log *log) {
    if (log->pages >= CUT_PAGES) {
        try_to_cut(log);
    } else if (log->pages >= COPY_PAGES) {
        (void)sqlite3_wal_checkpoint_v2(log->tx->handle, "main", SQLITE_CHECKPOINT_PASSIVE, NULL,
                                        NULL);
    }
}
