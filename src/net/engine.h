/* The engine behind net.h: its state, the jobs it works on, and what its files do for each other.
 *
 * Owner: gate_net_new. Threads: the fields say which are locked; everything else belongs to the
 * engine's thread. A job belongs to the context's arena; from gate_net_job_submit until its context
 * is resumed the engine holds both, and so may use the arena and the error record.
 */
#ifndef GATE_NET_ENGINE_H
#define GATE_NET_ENGINE_H

#include <curl/curl.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdatomic.h>

#include "core/buffer.h"
#include "net/net.h"
#include "net/timers.h"

#define GATE_NET_IDLE_HANDLES_MAX 64

/* One transfer, or, without a request, one delay. */
struct gate_net_job {
    struct gate_net_timer timer; /* first, so that a pointer to it is a pointer to this */
    struct gate_net_job *next;
    struct gate_net_job *previous;
    gate_net *net;
    struct gate_ctx *ctx;
    gate_then_fn *then;
    void *state;

    const struct gate_net_request *request; /* NULL: a delay */
    struct gate_net_response *ret_response;
    const char *host;
    int64_t started_ms;
    bool is_https;
    CURL *easy;
    struct curl_slist *request_headers;
    bool was_sent; /* libcurl began to send it */
    int status;
    struct gate_net_header *headers;
    size_t header_count;
    size_t header_bytes; /* of all answers, interim ones too */
    bool headers_ended;
    struct gate_buffer body;
    const char *refusal; /* why we broke the answer off, or NULL */
    char *detail;        /* CURLOPT_ERRORBUFFER */
};

struct gate_net {
    const struct gate_clock *clock;
    int connections_max;
    int in_flight_max;
    X509_STORE *trust;
    atomic_int in_flight;
    pthread_t thread;
    int event_fd;

    pthread_mutex_t lock; /* for the next three */
    struct gate_net_job *arrived;
    struct gate_net_job **arrived_last;
    bool stopping;

    /* The engine's thread only. */
    int epoll_fd;
    CURLM *multi;
    int64_t curl_due_ms; /* when libcurl wants to be called, on the system's clock; -1: not */
    struct gate_net_timers timers;
    struct gate_net_job *active;
    CURL *idle_handles[GATE_NET_IDLE_HANDLES_MAX];
    size_t idle_handle_count;
};

/* engine.c */
enum gate_err gate_net_engine_open(gate_net *net, struct gate_error *error) GATE_MUST_CHECK;
void gate_net_engine_close(gate_net *net);
void *gate_net_engine_run(void *net);
void gate_net_job_submit(struct gate_net_job *job);

/* transfer.c: check what can be checked without waiting; records the failure. */
enum gate_err gate_net_transfer_check(struct gate_net_job *job) GATE_MUST_CHECK;
/* Give job->easy its options. */
enum gate_err gate_net_transfer_prepare(struct gate_net_job *job) GATE_MUST_CHECK;
/* Say how a finished transfer ended; fills the response when well, records the failure otherwise.
 */
enum gate_err gate_net_transfer_judge(struct gate_net_job *job, CURLcode code);
/* Say how a transfer ended that was broken off by its deadline or by the engine's end. */
enum gate_err gate_net_transfer_abandon(struct gate_net_job *job, enum gate_err reason);
/* Free what is not the arena's. */
void gate_net_transfer_done(struct gate_net_job *job);

#endif
