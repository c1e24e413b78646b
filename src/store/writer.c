#include "store/writer.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "core/metrics.h"
#include "store/statement.h"
#include "store/write_log.h"

/* Bounds how long the first of a commit waits for the last. */
#define STEPS_PER_COMMIT_MAX 512

/* An idle store is probed when its last commit is older than this. */
#define PROBE_AGE_MS 5000

/* One step of writing on its way through the queue. Lives in its context's arena, or, for a caller
 * who blocks, on that caller's stack. */
struct job {
    struct job *next;
    struct gate_ctx *ctx;
    gate_store_work_fn *work;
    void *work_state;
    gate_then_fn *then; /* NULL: the context is the job's own, or somebody blocks on `done` */
    void *then_state;
    int64_t queued_ms; /* monotonic */
    enum gate_err err;
    bool owns_ctx;
    bool done; /* under the lock */
};

struct gate_writer {
    gate_store_tx *tx; /* the thread's; so the log */
    struct gate_write_log log;
    const struct gate_clock *clock;
    pthread_t thread;
    struct gate_histogram commits; /* how long they took */
    struct gate_histogram waits;   /* from the queue to the outcome */
    struct gate_counter steps_done;
    struct gate_counter steps_failed;
    struct gate_counter steps_refused; /* the queue was full */

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t queue_changed;
    pthread_cond_t jobs_done;
    struct job *first;
    struct job **last;
    size_t queued;
    bool stopping;
    bool probing;
    struct gate_error failure; /* of the last commit; kind GATE_OK when it went well */
    int64_t committed_at;      /* monotonic */
    uint64_t jobs_count;
    uint64_t commits_count;
};

/* Wait for work and take up to one commit's worth; NULL when stopping with nothing left. */
static struct job *take_batch(struct gate_writer *writer) {
    pthread_mutex_lock(&writer->lock);
    while (writer->first == NULL && !writer->stopping) {
        pthread_cond_wait(&writer->queue_changed, &writer->lock);
    }
    struct job *batch = writer->first;
    struct job **end = &batch;
    size_t count = 0;
    while (*end != NULL && count < STEPS_PER_COMMIT_MAX) {
        end = &(*end)->next;
        count++;
    }
    writer->first = *end;
    if (writer->first == NULL) {
        writer->last = &writer->first;
    }
    *end = NULL;
    writer->queued -= count;
    pthread_mutex_unlock(&writer->lock);
    return batch;
}

/* Run one step in its own savepoint. The result says whether the transaction as a whole still
 * stands. */
static enum gate_err run_job(gate_store_tx *tx, struct job *job, struct gate_error *error) {
    enum gate_err err = gate_database_run(tx, GATE_SQL_DATABASE_SAVEPOINT, error);
    if (err != GATE_OK) {
        return err;
    }
    job->err = job->work(job->ctx, tx, job->work_state);
    if (!gate_database_in_transaction(tx)) {
        /* SQLite gives the whole transaction up on a full disk or a failing one. */
        return gate_error_set_at(error, __FILE__, __LINE__, GATE_ERR_STORE, "%s",
                                 job->err != GATE_OK && job->ctx->error.kind != GATE_OK
                                     ? job->ctx->error.message
                                     : "the transaction was lost");
    }
    if (job->err != GATE_OK) {
        err = gate_database_run(tx, GATE_SQL_DATABASE_SAVEPOINT_ROLLBACK, error);
    }
    if (err == GATE_OK) {
        err = gate_database_run(tx, GATE_SQL_DATABASE_SAVEPOINT_RELEASE, error);
    }
    return err;
}

static void fail_batch(struct job *batch, const struct gate_error *error) {
    for (struct job *job = batch; job != NULL; job = job->next) {
        job->err = GATE_ERR_STORE;
        gate_error_clear(&job->ctx->error);
        gate_error_set_at(&job->ctx->error, error->file, error->line, GATE_ERR_STORE, "%s",
                          error->message);
    }
}

static void commit_batch(struct gate_writer *writer, struct job *batch, struct gate_error *error) {
    gate_store_tx *tx = writer->tx;
    enum gate_err err = gate_write_log_check(&writer->log, error);
    if (err == GATE_OK) {
        err = gate_database_run(tx, GATE_SQL_DATABASE_BEGIN_WRITE, error);
    }
    for (struct job *job = batch; job != NULL && err == GATE_OK; job = job->next) {
        err = run_job(tx, job, error);
    }
    if (err == GATE_OK) {
        err = gate_database_run(tx, GATE_SQL_DATABASE_COMMIT, error);
    }
    if (err != GATE_OK) {
        gate_database_rollback(tx);
        fail_batch(batch, error);
    }
}

static void note_outcome(struct gate_writer *writer, const struct job *batch, int64_t began_ms,
                         const struct gate_error *error) {
    uint64_t count = 0;
    int64_t now_ms = gate_clock_monotonic_ms(writer->clock);
    for (const struct job *job = batch; job != NULL; job = job->next) {
        count++;
        gate_histogram_add(&writer->waits, now_ms - job->queued_ms);
    }
    gate_histogram_add(&writer->commits, now_ms - began_ms);
    gate_counter_add(error->kind == GATE_OK ? &writer->steps_done : &writer->steps_failed, count);
    pthread_mutex_lock(&writer->lock);
    writer->failure = *error;
    writer->jobs_count += count;
    writer->probing = false;
    if (error->kind == GATE_OK) {
        writer->commits_count++;
        writer->committed_at = now_ms;
    }
    pthread_mutex_unlock(&writer->lock);
}

static void end_own_job(struct job *job) {
    if (job->err != GATE_OK) {
        gate_log_write(GATE_LOG_WARN, "store_write_lost",
                       GATE_LOG_TEXT("kind", gate_err_name(job->err)),
                       GATE_LOG_TEXT("detail", job->ctx->error.message));
    }
    gate_ctx_free(job->ctx);
}

/* Tell everybody. A job is gone as soon as its owner may go on, so its link is read first. */
static void finish_batch(struct gate_writer *writer, struct job *batch) {
    struct job *next;
    for (struct job *job = batch; job != NULL; job = next) {
        next = job->next;
        if (job->owns_ctx) {
            end_own_job(job);
        } else if (job->then != NULL) {
            gate_ctx_resume(job->ctx, job->err, job->then, job->then_state);
        } else {
            pthread_mutex_lock(&writer->lock);
            job->done = true;
            pthread_cond_broadcast(&writer->jobs_done);
            pthread_mutex_unlock(&writer->lock);
        }
    }
}

static void *run_writer(void *argument) {
    struct gate_writer *writer = argument;
    struct job *batch;
    while ((batch = take_batch(writer)) != NULL) {
        struct gate_error error = {0};
        int64_t began_ms = gate_clock_monotonic_ms(writer->clock);
        commit_batch(writer, batch, &error);
        note_outcome(writer, batch, began_ms, &error);
        finish_batch(writer, batch);
        gate_write_log_tend(&writer->log);
    }
    return NULL;
}

enum gate_err gate_writer_new(gate_store_tx *tx, const struct gate_clock *clock,
                              int64_t log_max_bytes, struct gate_error *error,
                              struct gate_writer **ret_writer) {
    struct gate_writer *writer = calloc(1, sizeof *writer);
    if (writer == NULL) {
        abort();
    }
    writer->tx = tx;
    writer->clock = clock;
    gate_write_log_init(&writer->log, tx, clock, log_max_bytes);
    writer->last = &writer->first;
    writer->committed_at = gate_clock_monotonic_ms(clock);
    pthread_mutex_init(&writer->lock, NULL);
    pthread_cond_init(&writer->queue_changed, NULL);
    pthread_cond_init(&writer->jobs_done, NULL);
    /* Signals are for the main thread. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&writer->thread, NULL, run_writer, writer);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed != 0) {
        free(writer);
        return gate_error_set_at(error, __FILE__, __LINE__, GATE_ERR_INTERNAL,
                                 "the writer thread cannot be started: %s", strerror(failed));
    }
    *ret_writer = writer;
    return GATE_OK;
}

void gate_writer_free(struct gate_writer *writer) {
    if (writer == NULL) {
        return;
    }
    pthread_mutex_lock(&writer->lock);
    writer->stopping = true;
    pthread_cond_signal(&writer->queue_changed);
    pthread_mutex_unlock(&writer->lock);
    pthread_join(writer->thread, NULL);
    if (writer->tx->erases) {
        gate_write_log_cut(&writer->log);
    }
    gate_database_close(writer->tx);
    pthread_cond_destroy(&writer->jobs_done);
    pthread_cond_destroy(&writer->queue_changed);
    pthread_mutex_destroy(&writer->lock);
    free(writer);
}

/* Add a job; false when the queue is full. Call with the lock held. */
static bool add_job(struct gate_writer *writer, struct job *job) {
    if (writer->queued >= GATE_STORE_WRITE_QUEUE_MAX) {
        gate_counter_add(&writer->steps_refused, 1);
        return false;
    }
    job->queued_ms = gate_clock_monotonic_ms(writer->clock);
    *writer->last = job;
    writer->last = &job->next;
    writer->queued++;
    pthread_cond_signal(&writer->queue_changed);
    return true;
}

static enum gate_err fail_full_queue(struct gate_ctx *ctx) {
    return gate_fail(ctx, GATE_ERR_BUSY, "%d writes are waiting already",
                     GATE_STORE_WRITE_QUEUE_MAX);
}

void gate_writer_queue(struct gate_writer *writer, struct gate_ctx *ctx, gate_store_work_fn *work,
                       void *work_state, gate_then_fn *then, void *then_state) {
    assert(then != NULL);
    struct job *job = gate_arena_make(ctx->arena, struct job);
    *job = (struct job){
        .ctx = ctx, .work = work, .work_state = work_state, .then = then, .then_state = then_state};
    pthread_mutex_lock(&writer->lock);
    bool added = add_job(writer, job);
    pthread_mutex_unlock(&writer->lock);
    if (!added) {
        then(ctx, fail_full_queue(ctx), then_state);
    }
}

enum gate_err gate_writer_run(struct gate_writer *writer, struct gate_ctx *ctx,
                              gate_store_work_fn *work, void *state) {
    assert(!pthread_equal(pthread_self(), writer->thread));
    struct job job = {.ctx = ctx, .work = work, .work_state = state};
    pthread_mutex_lock(&writer->lock);
    bool added = add_job(writer, &job);
    while (added && !job.done) {
        pthread_cond_wait(&writer->jobs_done, &writer->lock);
    }
    pthread_mutex_unlock(&writer->lock);
    return added ? job.err : fail_full_queue(ctx);
}

static struct job *make_own_job(struct gate_writer *writer, gate_store_work_fn *work,
                                const void *state, size_t bytes) {
    assert(bytes <= GATE_STORE_LATER_MAX_BYTES);
    struct gate_ctx *ctx = gate_ctx_new(writer->clock, NULL, "store");
    struct job *job = gate_arena_make(ctx->arena, struct job);
    job->ctx = ctx;
    job->work = work;
    job->owns_ctx = true;
    job->work_state = gate_arena_alloc(ctx->arena, bytes);
    if (bytes > 0) {
        memcpy(job->work_state, state, bytes);
    }
    return job;
}

void gate_writer_queue_later(struct gate_writer *writer, gate_store_work_fn *work,
                             const void *state, size_t bytes) {
    struct job *job = make_own_job(writer, work, state, bytes);
    pthread_mutex_lock(&writer->lock);
    bool added = add_job(writer, job);
    pthread_mutex_unlock(&writer->lock);
    if (!added) {
        gate_ctx_free(job->ctx);
    }
}

static enum gate_err write_probe(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    (void)state;
    struct gate_statement statement = gate_statement_open(ctx, tx, GATE_SQL_DATABASE_PROBE);
    gate_bind_number(&statement, gate_ctx_now_ms(ctx));
    return gate_statement_run(&statement);
}

enum gate_err gate_writer_check(struct gate_writer *writer, struct gate_error *error,
                                struct gate_store_health *ret_health) {
    int64_t now_ms = gate_clock_monotonic_ms(writer->clock);
    pthread_mutex_lock(&writer->lock);
    struct gate_error failure = writer->failure;
    bool stale = failure.kind != GATE_OK || now_ms - writer->committed_at >= PROBE_AGE_MS;
    bool probe = stale && !writer->probing;
    writer->probing = writer->probing || probe;
    ret_health->can_write = failure.kind == GATE_OK;
    ret_health->writes_queued = writer->queued;
    ret_health->writes_done = writer->jobs_count;
    ret_health->commits = writer->commits_count;
    pthread_mutex_unlock(&writer->lock);
    if (probe) {
        gate_writer_queue_later(writer, write_probe, NULL, 0);
    }
    if (failure.kind == GATE_OK) {
        return GATE_OK;
    }
    return gate_error_set_at(error, failure.file, failure.line, GATE_ERR_STORE, "%s",
                             failure.message);
}

void gate_writer_metrics_write(struct gate_writer *writer, struct gate_buffer *buffer) {
    const struct {
        const char *outcome;
        struct gate_counter *counter;
    } outcomes[] = {
        {"done", &writer->steps_done},
        {"failed", &writer->steps_failed},
        {"refused", &writer->steps_refused},
    };
    struct gate_metric_family family =
        gate_metric_family_write(buffer, "gatehouse_store_writes_total", GATE_METRIC_COUNTER,
                                 "Steps of writing; refused ones met a full queue.");
    for (size_t i = 0; i < sizeof outcomes / sizeof outcomes[0]; i++) {
        const struct gate_metric_label label = {"outcome", outcomes[i].outcome};
        gate_metric_value_write(&family, &label, 1, (int64_t)gate_counter_get(outcomes[i].counter));
    }
    family = gate_metric_family_write(buffer, "gatehouse_store_commit_duration_seconds",
                                      GATE_METRIC_HISTOGRAM, "Commits, each of many steps.");
    gate_metric_histogram_write(&family, NULL, 0, &writer->commits);
    family = gate_metric_family_write(buffer, "gatehouse_store_write_duration_seconds",
                                      GATE_METRIC_HISTOGRAM,
                                      "Steps of writing, from the queue until durable.");
    gate_metric_histogram_write(&family, NULL, 0, &writer->waits);
}
