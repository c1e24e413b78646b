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
#include "net/stream.h"
#include "net/timers.h"

#define GATE_NET_IDLE_HANDLES_MAX 64
/* In one turn of the engine; a reader beyond is found to have left when its answer is written. */
#define GATE_NET_CANCELLED_MAX 64

/* One transfer, or, without a request, one delay. */
struct gate_net_job {
    struct gate_net_timer timer; /* first, so that a pointer to it is a pointer to this */
    struct gate_net_job *next;   /* the active ones, the engine's */
    struct gate_net_job *previous;
    struct gate_net_job *next_arrived; /* under the engine's lock */
    gate_net *net;
    struct gate_ctx *ctx;
    gate_arena *arena;        /* the context's, or the stream's own */
    struct gate_error *error; /* the same */
    gate_then_fn *then;
    void *state;

    const struct gate_net_request *request; /* NULL: a delay */
    struct gate_net_response *ret_response;
    gate_net_stream *stream; /* NULL: the answer is kept whole */
    const char *host;
    int64_t started_ms;
    int64_t ends_ms; /* an exchange's deadline; its timer is set to an earlier moment at first */
    bool lacked_connection;
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

/* A job in pieces. While the context is not waiting, the engine must not touch it, hence the arena
 * and the error of the stream's own; `taken` and the piece that was given are then the context's.
 */
struct gate_net_stream {
    struct gate_net_job job; /* first, so that a pointer to it is a pointer to this */
    struct gate_net_request request;
    struct gate_net_response head;
    struct gate_net_piece *ret_piece;
    gate_arena *arena;
    struct gate_error error;
    struct gate_buffer taken;   /* the piece the context has */
    struct gate_buffer filling; /* the piece that comes in meanwhile */
    const char *given;          /* what is left of the body's piece */
    size_t given_length;
    bool is_closing; /* set by the context */

    bool is_started;
    bool is_awaited; /* the context waits for a piece */
    bool has_head;   /* all of it has come */
    bool told_head;
    bool wants_body; /* libcurl asked for more than was given */
    bool is_over;    /* libcurl is done with it */
    bool was_cancelled;
    enum gate_err outcome;
    uint64_t cancel_id;
    int64_t silence_max_ms;
    int64_t ends_ms;    /* the context's deadline; 0: none */
    int64_t moved_ms;   /* when a byte last went either way */
    int64_t awaited_ms; /* since when the context waits */
    bool has_news;
    gate_net_stream *next_news;
};

struct gate_net {
    const struct gate_clock *clock;
    int connections_max;
    int in_flight_max;
    X509_STORE *trust;
    atomic_int in_flight;
    pthread_t thread;
    int event_fd;

    pthread_mutex_t lock; /* for the next six */
    struct gate_net_job *arrived;
    struct gate_net_job **arrived_last;
    uint64_t cancelled[GATE_NET_CANCELLED_MAX];
    size_t cancelled_count;
    bool ends_events;
    bool stopping;

    /* The engine's thread only. */
    int epoll_fd;
    CURLM *multi;
    int64_t curl_due_ms; /* when libcurl wants to be called, on the system's clock; -1: not */
    struct gate_net_timers timers;
    struct gate_net_job *active;
    gate_net_stream *news; /* streams of which something may be told */
    CURL *idle_handles[GATE_NET_IDLE_HANDLES_MAX];
    size_t idle_handle_count;
};

/* engine.c */
enum gate_err gate_net_engine_open(gate_net *net, struct gate_error *error) GATE_MUST_CHECK;
void gate_net_engine_close(gate_net *net);
void *gate_net_engine_run(void *net);
void gate_net_job_submit(struct gate_net_job *job);
/* Note which streams to cancel in the engine's next turn. */
void gate_net_cancel_submit(gate_net *net, uint64_t cancel_id);
void gate_net_ring(gate_net *net);
/* The engine lets go of the job and of its context. */
void gate_net_job_end(struct gate_net_job *job, enum gate_err err);
/* Take the job's handle away from libcurl, if it has one. */
void gate_net_job_release_handle(struct gate_net_job *job);

/* net.c: a job of this context's, not submitted yet. */
void gate_net_job_init(struct gate_net_job *job, struct gate_ctx *ctx, gate_net *net);
/* Count a transfer in; false when there are too many. */
bool gate_net_admit(gate_net *net);

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

/* stream.c, for the engine: what libcurl's callbacks come to when the body passes through. */
size_t gate_net_stream_take(gate_net_stream *stream, const char *bytes, size_t length);
size_t gate_net_stream_supply(char *room, size_t size, size_t count, void *stream);
void gate_net_stream_end_head(gate_net_stream *stream);
/* The context is back, with a wish. */
void gate_net_stream_resume(gate_net_stream *stream);
/* Its reader has left. */
void gate_net_stream_take_cancel(gate_net_stream *stream);
bool gate_net_stream_is_events(const gate_net_stream *stream);
/* libcurl is done with it, or the engine is. */
void gate_net_stream_finish(gate_net_stream *stream, enum gate_err outcome);
/* Its timer is due: whether that is the end of it; else the timer is to be set anew. */
bool gate_net_stream_is_overdue(gate_net_stream *stream, int64_t now_ms);
/* Hand over what has come to the contexts that wait. */
void gate_net_stream_tell_all(gate_net *net);

#endif
