/* Starting and ending the engine, and what callers see of it. */
#include "net/net.h"

#include <openssl/err.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/text.h"
#include "net/engine.h"

/* What is not on its way by then finds nobody to talk to, or stands behind others that do not. */
#define SEND_MAX_MS 10000

/* Reading the system's takes tens of milliseconds and about a megabyte. */
static enum gate_err load_trust(gate_net *net, const struct gate_net_options *options,
                                struct gate_error *error) {
    const char *ca_file = options->ca_file;
    if (options->trust_of != NULL) {
        net->trust = options->trust_of->trust;
        X509_STORE_up_ref(net->trust);
        return GATE_OK;
    }
    net->trust = X509_STORE_new();
    if (net->trust == NULL) {
        abort();
    }
    int loaded = ca_file == NULL ? X509_STORE_set_default_paths(net->trust)
                                 : X509_STORE_load_file(net->trust, ca_file);
    ERR_clear_error();
    if (loaded != 1) {
        return gate_error_set_at(error, __FILE__, __LINE__, GATE_ERR_CONFIG,
                                 "certificates cannot be read from %s",
                                 ca_file == NULL ? "the system's store" : ca_file);
    }
    return GATE_OK;
}

/* The shared certificate store is OpenSSL's; with another TLS library it would silently not be
 * used. */
static enum gate_err require_openssl(struct gate_error *error) {
    const curl_version_info_data *version = curl_version_info(CURLVERSION_NOW);
    if (version->ssl_version == NULL || strstr(version->ssl_version, "OpenSSL") == NULL) {
        return gate_error_set_at(error, __FILE__, __LINE__, GATE_ERR_CONFIG,
                                 "this libcurl was not built with OpenSSL");
    }
    return GATE_OK;
}

/* Signals are for the main thread; the threads that libcurl starts for name lookups inherit the
 * mask. */
static int start_thread(gate_net *net) {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&net->thread, NULL, gate_net_engine_run, net);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed;
}

static void release(gate_net *net) {
    gate_net_engine_close(net);
    X509_STORE_free(net->trust);
    pthread_mutex_destroy(&net->lock);
    free(net);
    curl_global_cleanup();
}

enum gate_err gate_net_new(const struct gate_net_options *options, struct gate_error *error,
                           gate_net **ret_net) {
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return gate_error_set_at(error, __FILE__, __LINE__, GATE_ERR_INTERNAL,
                                 "libcurl does not start");
    }
    gate_net *net = calloc(1, sizeof *net);
    if (net == NULL) {
        abort();
    }
    net->clock = options->clock;
    net->connections_max = options->connections_max;
    net->in_flight_max = options->in_flight_max;
    net->event_fd = -1;
    net->epoll_fd = -1;
    atomic_init(&net->in_flight, 0);
    pthread_mutex_init(&net->lock, NULL);
    enum gate_err err = require_openssl(error);
    if (err == GATE_OK) {
        err = load_trust(net, options, error);
    }
    if (err == GATE_OK) {
        err = gate_net_engine_open(net, error);
    }
    if (err == GATE_OK && start_thread(net) != 0) {
        err = gate_error_set_at(error, __FILE__, __LINE__, GATE_ERR_INTERNAL,
                                "no thread for the network engine");
    }
    if (err != GATE_OK) {
        release(net);
        return err;
    }
    *ret_net = net;
    return GATE_OK;
}

void gate_net_free(gate_net *net) {
    if (net == NULL) {
        return;
    }
    pthread_mutex_lock(&net->lock);
    net->stopping = true;
    pthread_mutex_unlock(&net->lock);
    eventfd_write(net->event_fd, 1);
    pthread_join(net->thread, NULL);
    release(net);
}

void gate_net_job_init(struct gate_net_job *job, struct gate_ctx *ctx, gate_net *net) {
    job->net = net;
    job->ctx = ctx;
    job->arena = ctx->arena;
    job->error = &ctx->error;
    job->started_ms = gate_clock_monotonic_ms(net->clock);
}

static struct gate_net_job *make_job(struct gate_ctx *ctx, gate_net *net, gate_then_fn *then,
                                     void *state) {
    struct gate_net_job *job = gate_arena_make(ctx->arena, struct gate_net_job);
    gate_net_job_init(job, ctx, net);
    job->then = then;
    job->state = state;
    return job;
}

bool gate_net_admit(gate_net *net) {
    if (atomic_fetch_add(&net->in_flight, 1) < net->in_flight_max) {
        return true;
    }
    atomic_fetch_sub(&net->in_flight, 1);
    return false;
}

void gate_net_fetch(struct gate_ctx *ctx, gate_net *net, const struct gate_net_request *request,
                    struct gate_net_response *ret_response, gate_then_fn *then, void *state) {
    struct gate_net_job *job = make_job(ctx, net, then, state);
    job->request = request;
    job->ret_response = ret_response;
    enum gate_err err = gate_net_transfer_check(job);
    if (err != GATE_OK) {
        then(ctx, err, state);
        return;
    }
    int64_t left_ms = gate_ctx_time_left_ms(ctx, request->timeout_ms);
    if (left_ms <= 0) {
        then(ctx, gate_fail(ctx, GATE_ERR_TIMEOUT, "%s: no time left to ask", job->host), state);
        return;
    }
    if (!gate_net_admit(net)) {
        then(ctx, gate_fail(ctx, GATE_ERR_BUSY, "%d calls are in flight", net->in_flight_max),
             state);
        return;
    }
    job->ends_ms = job->started_ms + left_ms;
    job->timer.due_ms = job->started_ms + (left_ms < SEND_MAX_MS ? left_ms : SEND_MAX_MS);
    gate_net_job_submit(job);
}

void gate_net_delay(struct gate_ctx *ctx, gate_net *net, int64_t delay_ms, gate_then_fn *then,
                    void *state) {
    if (gate_ctx_time_left_ms(ctx, delay_ms) < delay_ms) {
        then(ctx, gate_fail(ctx, GATE_ERR_TIMEOUT, "no time left to wait"), state);
        return;
    }
    struct gate_net_job *job = make_job(ctx, net, then, state);
    job->timer.due_ms = job->started_ms + delay_ms;
    gate_net_job_submit(job);
}

const char *gate_net_header_find(const struct gate_net_response *response, const char *name) {
    for (size_t i = 0; i < response->header_count; i++) {
        if (gate_text_equal(response->headers[i].name, name)) {
            return response->headers[i].value;
        }
    }
    return NULL;
}

int gate_net_in_flight(gate_net *net) {
    return atomic_load(&net->in_flight);
}
