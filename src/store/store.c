#include "store/store.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/metrics.h"
#include "store/database.h"
#include "store/writer.h"

#define READERS_DEFAULT 4
#define LOCK_WAIT_DEFAULT_MS 5000

struct gate_store {
    struct gate_writer *writer; /* NULL: opened read-only */
    const struct gate_clock *clock;
    struct gate_histogram reads;
    pthread_mutex_t lock; /* guards idle_readers */
    pthread_cond_t reader_back;
    gate_store_tx *idle_readers;
};

#define fail_open(error, ...) gate_error_set_at((error), __FILE__, __LINE__, __VA_ARGS__)

/* Make an empty file that nobody else may read; SQLite gives its companions the same mode. An
 * existing file is left alone: opening and closing it here would drop SQLite's locks on it. */
static enum gate_err create_file(const char *path, struct gate_error *error) {
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0) {
        close(fd);
        return GATE_OK;
    }
    switch (errno) {
    case EEXIST:
        return GATE_OK;
    case ENOENT:
    case ENOTDIR:
        return fail_open(error, GATE_ERR_CONFIG, "the directory of %s does not exist", path);
    case ENOSPC:
    case EDQUOT:
        return fail_open(error, GATE_ERR_STORE, "%s cannot be created: the disk is full", path);
    default:
        return fail_open(error, GATE_ERR_CONFIG, "%s cannot be created: %s", path, strerror(errno));
    }
}

static enum gate_err require_path(const struct gate_store_options *options,
                                  struct gate_error *error) {
    const char *path = options->path;
    /* Each connection to ":memory:" would be a database of its own. */
    if (path == NULL || path[0] == '\0' || path[0] == ':') {
        return fail_open(error, GATE_ERR_CONFIG, "the database needs a file path");
    }
    if (!options->read_only) {
        return create_file(path, error);
    }
    if (access(path, R_OK) != 0) {
        return fail_open(error, GATE_ERR_CONFIG, "%s cannot be read: %s", path, strerror(errno));
    }
    return GATE_OK;
}

static int64_t lock_wait_ms(const struct gate_store_options *options) {
    return options->lock_wait_ms > 0 ? options->lock_wait_ms : LOCK_WAIT_DEFAULT_MS;
}

/* Fast enough to be done at every start, or not done: what is damaged and large shows when it is
 * read. */
static enum gate_err check_content(gate_store_tx *tx, const struct gate_store_options *options,
                                   struct gate_error *error) {
    struct stat file;
    if (!options->check_content || stat(options->path, &file) != 0 ||
        file.st_size > GATE_STORE_CHECKED_MAX_BYTES) {
        return GATE_OK;
    }
    return gate_database_look_through(tx, options->path, false, error);
}

static enum gate_err open_writer(gate_store *store, const struct gate_store_options *options,
                                 struct gate_error *error) {
    if (options->read_only) {
        return GATE_OK;
    }
    gate_store_tx *tx = NULL;
    enum gate_err err =
        gate_database_open(options->path, GATE_DATABASE_WRITE, lock_wait_ms(options), error, &tx);
    if (err == GATE_OK) {
        err = gate_database_prepare(tx, options->path, error);
    }
    if (err == GATE_OK) {
        err = check_content(tx, options, error);
    }
    if (err == GATE_OK) {
        err = gate_writer_new(tx, store->clock,
                              options->log_max_bytes > 0 ? options->log_max_bytes
                                                         : GATE_STORE_LOG_MAX_BYTES,
                              error, &store->writer);
    }
    if (err != GATE_OK) {
        gate_database_close(tx);
    }
    return err;
}

static enum gate_err open_readers(gate_store *store, const struct gate_store_options *options,
                                  struct gate_error *error) {
    unsigned count = options->readers_max > 0 ? options->readers_max : READERS_DEFAULT;
    for (unsigned i = 0; i < count; i++) {
        gate_store_tx *tx = NULL;
        enum gate_err err = gate_database_open(options->path, GATE_DATABASE_READ,
                                               lock_wait_ms(options), error, &tx);
        if (err != GATE_OK) {
            return err;
        }
        tx->next = store->idle_readers;
        store->idle_readers = tx;
    }
    return GATE_OK;
}

enum gate_err gate_store_open(const struct gate_store_options *options, struct gate_error *error,
                              gate_store **ret_store) {
    enum gate_err err = require_path(options, error);
    if (err != GATE_OK) {
        return err;
    }
    /* SQLite would count its memory under one lock for all threads. Has no effect on a second
     * store of the same process. */
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    gate_store *store = calloc(1, sizeof *store);
    if (store == NULL) {
        abort();
    }
    store->clock = options->clock != NULL ? options->clock : &gate_clock_system;
    pthread_mutex_init(&store->lock, NULL);
    pthread_cond_init(&store->reader_back, NULL);
    err = open_writer(store, options, error);
    if (err == GATE_OK) {
        err = open_readers(store, options, error);
    }
    if (err == GATE_OK) {
        err = gate_database_require_current(store->idle_readers, options->path, error);
    }
    if (err != GATE_OK) {
        gate_store_close(store);
        return err;
    }
    *ret_store = store;
    return GATE_OK;
}

void gate_store_close(gate_store *store) {
    if (store == NULL) {
        return;
    }
    /* Readers first: the last connection to close cleans the write-ahead log up, and must be able
     * to write. */
    gate_store_tx *next;
    for (gate_store_tx *tx = store->idle_readers; tx != NULL; tx = next) {
        next = tx->next;
        gate_database_close(tx);
    }
    gate_writer_free(store->writer);
    pthread_cond_destroy(&store->reader_back);
    pthread_mutex_destroy(&store->lock);
    free(store);
}

gate_store_tx *gate_store_read_begin(gate_store *store) {
    int64_t began_ms = gate_clock_monotonic_ms(store->clock);
    pthread_mutex_lock(&store->lock);
    while (store->idle_readers == NULL) {
        pthread_cond_wait(&store->reader_back, &store->lock);
    }
    gate_store_tx *tx = store->idle_readers;
    store->idle_readers = tx->next;
    pthread_mutex_unlock(&store->lock);
    tx->began_ms = began_ms;
    struct gate_error ignored = {0};
    if (gate_database_run(tx, GATE_SQL_DATABASE_BEGIN_READ, &ignored) != GATE_OK) {
        /* Touches no file, so it does not fail; and if it did, the statements themselves would say
         * why. */
        return tx;
    }
    return tx;
}

void gate_store_read_end(gate_store *store, gate_store_tx *tx) {
    struct gate_error ignored = {0};
    if (gate_database_run(tx, GATE_SQL_DATABASE_COMMIT, &ignored) != GATE_OK) {
        gate_database_rollback(tx);
    }
    gate_histogram_add(&store->reads, gate_clock_monotonic_ms(store->clock) - tx->began_ms);
    pthread_mutex_lock(&store->lock);
    tx->next = store->idle_readers;
    store->idle_readers = tx;
    pthread_cond_signal(&store->reader_back);
    pthread_mutex_unlock(&store->lock);
}

static enum gate_err fail_read_only(struct gate_ctx *ctx) {
    return gate_fail(ctx, GATE_ERR_STORE, "the database was opened for reading only");
}

void gate_store_write(struct gate_ctx *ctx, gate_store *store, gate_store_work_fn *work,
                      void *work_state, gate_then_fn *then, void *then_state) {
    if (store->writer == NULL) {
        then(ctx, fail_read_only(ctx), then_state);
        return;
    }
    gate_writer_queue(store->writer, ctx, work, work_state, then, then_state);
}

enum gate_err gate_store_write_now(struct gate_ctx *ctx, gate_store *store,
                                   gate_store_work_fn *work, void *state) {
    if (store->writer == NULL) {
        return fail_read_only(ctx);
    }
    return gate_writer_run(store->writer, ctx, work, state);
}

void gate_store_write_later(gate_store *store, gate_store_work_fn *work, const void *state,
                            size_t bytes) {
    assert(bytes <= GATE_STORE_LATER_MAX_BYTES);
    if (store->writer != NULL) {
        gate_writer_queue_later(store->writer, work, state, bytes);
    }
}

enum gate_err gate_store_check(gate_store *store, struct gate_error *error,
                               struct gate_store_health *ret_health) {
    *ret_health = (struct gate_store_health){.schema_version = GATE_SQL_MIGRATION_COUNT};
    if (store->writer == NULL) {
        return GATE_OK;
    }
    return gate_writer_check(store->writer, error, ret_health);
}

enum gate_err gate_store_look_through(gate_store *store, struct gate_error *error) {
    gate_store_tx *tx = gate_store_read_begin(store);
    enum gate_err err = gate_database_look_through(tx, "the database", true, error);
    gate_store_read_end(store, tx);
    return err;
}

void gate_store_metrics_write(gate_store *store, struct gate_buffer *buffer) {
    struct gate_metric_family family =
        gate_metric_family_write(buffer, "gatehouse_store_read_duration_seconds",
                                 GATE_METRIC_HISTOGRAM, "Snapshots, with the wait for a reader.");
    gate_metric_histogram_write(&family, NULL, 0, &store->reads);
    if (store->writer != NULL) {
        gate_writer_metrics_write(store->writer, buffer);
    }
}
