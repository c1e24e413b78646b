/* One HTTP exchange: the options of its handle, its callbacks, and what its end means. */
#include "net/engine.h"

#include <ctype.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "core/secret.h"
#include "core/text.h"
#include "net/address.h"
#include "net/url.h"

#define CONNECT_TIMEOUT_MS 10000L
/* Kept connections older than this are not used again: most servers close idle ones after a minute,
 * and a write that meets a closing connection ends as "outcome unknown". */
#define IDLE_CONNECTION_MAX_S 30L
/* Bytes that nobody has acknowledged for so long are lost, and the connection with them; the kernel
 * alone would go on for a quarter of an hour, and so would every transfer that shares it. */
#define UNACKNOWLEDGED_MAX_MS 15000
/* A peer that is gone while we wait for its answer is noticed within a minute or so. */
#define PEER_IDLE_S 20L
#define PEER_ASK_EVERY_S 5L
#define PRIVATE_ADDRESS "its address is not one of the internet, and only those are allowed here"
/* Per transfer in flight: libcurl's minimum each, because thousands wait at a time. */
#define RECEIVE_BUFFER_BYTES 1024L
#define STREAM_RECEIVE_BUFFER_BYTES (32L * 1024)
#define SEND_BUFFER_BYTES (16L * 1024)

#define fail_job(job, ...) gate_error_set_at((job)->error, __FILE__, __LINE__, __VA_ARGS__)

static bool is_header_name(const char *name) {
    static const char token[] = "!#$%&'*+-.^_`|~0123456789"
                                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    return !gate_text_is_empty(name) && strspn(name, token) == strlen(name);
}

/* Where a message ends is libcurl's business; a caller's word on it would be a smuggling hole. */
static bool is_framing(const char *name) {
    static const char *const framing[] = {"host",       "content-length", "transfer-encoding",
                                          "connection", "upgrade",        "te",
                                          "trailer",    "expect"};
    for (size_t i = 0; i < sizeof framing / sizeof framing[0]; i++) {
        if (gate_text_equal_ignoring_case(name, framing[i])) {
            return true;
        }
    }
    return false;
}

enum gate_err gate_net_transfer_check(struct gate_net_job *job) {
    const struct gate_net_request *request = job->request;
    struct gate_url url;
    if (gate_url_parse(job->ctx->arena, request->url, &url) != GATE_OK) {
        return gate_fail(job->ctx, GATE_ERR_INPUT, "not a URL that is called from here");
    }
    job->host = url.host;
    job->is_https = gate_text_equal(url.scheme, "https");
    if (!job->is_https && !gate_url_is_loopback(&url)) {
        return gate_fail(job->ctx, GATE_ERR_INPUT, "%s: plain http is for this machine only",
                         url.host);
    }
    if (!is_header_name(request->method)) {
        return gate_fail(job->ctx, GATE_ERR_INPUT, "not a request method");
    }
    for (size_t i = 0; i < request->header_count; i++) {
        const struct gate_net_header *header = &request->headers[i];
        if (!is_header_name(header->name) || is_framing(header->name) || header->value == NULL ||
            !gate_text_is_one_line(header->value, strlen(header->value))) {
            return gate_fail(job->ctx, GATE_ERR_INPUT, "%s: a header that cannot be sent",
                             url.host);
        }
    }
    return GATE_OK;
}

/* Runs each time that libcurl is about to send the request. When a kept connection dies before an
 * answer, libcurl sends again on a new one, silently: right for a read, wrong for a write, which
 * may have been carried out. */
static int allow_sending(void *state, char *remote_address, char *local_address, int remote_port,
                         int local_port) {
    (void)local_address;
    (void)remote_port;
    (void)local_port;
    struct gate_net_job *job = state;
    if (job->was_sent && !job->request->is_read) {
        return CURL_PREREQFUNC_ABORT;
    }
    if (job->request->is_public_only && !gate_address_text_is_public(remote_address)) {
        job->refusal = PRIVATE_ADDRESS; /* a connection that somebody else made */
        return CURL_PREREQFUNC_ABORT;
    }
    if (!job->was_sent) { /* a stream's context may be looking */
        job->was_sent = true;
    }
    return CURL_PREREQFUNC_OK;
}

/* libcurl goes on to the name's next address, if there is one. */
static curl_socket_t open_public_socket(void *state, curlsocktype purpose,
                                        struct curl_sockaddr *address) {
    (void)purpose;
    struct gate_net_job *job = state;
    if (!gate_address_is_public(&address->addr)) {
        job->refusal = PRIVATE_ADDRESS;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static size_t write_body(char *bytes, size_t size, size_t count, void *state) {
    struct gate_net_job *job = state;
    if (job->stream != NULL) {
        return gate_net_stream_take(job->stream, bytes, size * count);
    }
    gate_buffer_append(&job->body, bytes, size * count);
    if (job->body.overflowed) {
        job->refusal = "the answer is too large";
        return 0;
    }
    return size * count;
}

static void keep_header(struct gate_net_job *job, const char *line, size_t length) {
    const char *colon = memchr(line, ':', length);
    if (colon == NULL || colon == line || job->refusal != NULL) {
        return;
    }
    const char *value = colon + 1;
    const char *end = line + length;
    while (value < end && (*value == ' ' || *value == '\t')) {
        value++;
    }
    while (end > value && isspace((unsigned char)end[-1])) {
        end--;
    }
    gate_arena *arena = job->arena;
    if (job->headers == NULL) { /* not before an answer comes: thousands wait for one */
        job->headers = gate_arena_alloc_array(arena, GATE_UPSTREAM_HEADERS_MAX,
                                              sizeof(struct gate_net_header));
    }
    char *name = gate_arena_strndup(arena, line, (size_t)(colon - line));
    for (char *letter = name; *letter != '\0'; letter++) {
        *letter = (char)tolower((unsigned char)*letter);
    }
    job->headers[job->header_count].name = name;
    job->headers[job->header_count].value = gate_arena_strndup(arena, value, (size_t)(end - value));
    job->header_count++;
}

static size_t write_header(char *line, size_t size, size_t count, void *state) {
    struct gate_net_job *job = state;
    size_t length = size * count;
    job->header_bytes += length;
    if (length >= 5 && memcmp(line, "HTTP/", 5) == 0) {
        job->header_count = 0; /* what came before was an interim answer */
        job->headers_ended = false;
        return length;
    }
    if (job->header_bytes > GATE_UPSTREAM_HEADERS_MAX_BYTES ||
        job->header_count == GATE_UPSTREAM_HEADERS_MAX) {
        job->refusal = "the answer's header is too large";
        return 0;
    }
    if (length <= 2 && (line[0] == '\r' || line[0] == '\n')) {
        job->headers_ended = true;
        if (job->stream != NULL) {
            gate_net_stream_end_head(job->stream);
        }
    }
    if (!job->headers_ended) { /* afterwards come trailers, which nobody here trusts */
        keep_header(job, line, length);
    }
    return length;
}

static CURLcode use_shared_trust(CURL *easy, void *ssl_ctx, void *state) {
    (void)easy;
    gate_net *net = state;
    SSL_CTX_set1_cert_store(ssl_ctx, net->trust);
    return CURLE_OK;
}

static int limit_silence(void *state, curl_socket_t fd, curlsocktype purpose) {
    (void)state;
    (void)purpose;
    const unsigned max_ms = UNACKNOWLEDGED_MAX_MS;
    /* Without it everything works, only slower when a network breaks. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &max_ms, sizeof max_ms);
    return CURL_SOCKOPT_OK;
}

static void append_header(struct gate_net_job *job, const char *line) {
    struct curl_slist *longer = curl_slist_append(job->request_headers, line);
    if (longer == NULL) {
        abort();
    }
    job->request_headers = longer;
}

static void set_headers(struct gate_net_job *job) {
    struct gate_buffer line;
    gate_buffer_init(&line, SIZE_MAX / 2);
    bool has_type = false;
    for (size_t i = 0; i < job->request->header_count; i++) {
        const struct gate_net_header *header = &job->request->headers[i];
        has_type = has_type || gate_text_equal_ignoring_case(header->name, "content-type");
        line.length = 0;
        /* "Name;" is libcurl's way to send a header without value; "Name:" would remove it. */
        gate_buffer_printf(&line, header->value[0] == '\0' ? "%s;" : "%s: %s", header->name,
                           header->value);
        append_header(job, gate_buffer_text(&line));
    }
    append_header(job, "Expect:");
    if (!has_type) {
        append_header(job, "Content-Type:");
    }
    if (line.data != NULL) {
        gate_secret_wipe(line.data, line.capacity);
    }
    gate_buffer_done(&line);
    curl_easy_setopt(job->easy, CURLOPT_HTTPHEADER, job->request_headers);
}

static void set_method_and_body(struct gate_net_job *job) {
    const struct gate_net_request *request = job->request;
    CURL *easy = job->easy;
    bool wants_body = gate_text_equal(request->method, "POST") ||
                      gate_text_equal(request->method, "PUT") ||
                      gate_text_equal(request->method, "PATCH");
    if (request->body_length > 0 || wants_body) {
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_length);
    }
    if (request->body_length > 0 && job->stream != NULL) {
        /* Without a function to rewind it, which is what sending it again would need. */
        curl_easy_setopt(easy, CURLOPT_READFUNCTION, gate_net_stream_supply);
        curl_easy_setopt(easy, CURLOPT_READDATA, job->stream);
    } else if (request->body_length > 0 || wants_body) {
        /* Not copied, and sent together with the header: no upload buffer of 16 kB for each call in
         * flight. */
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body_length == 0 ? "" : request->body);
    } else if (gate_text_equal(request->method, "HEAD")) {
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    } else {
        curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, allow_sending);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, job);
}

static void set_connection(struct gate_net_job *job) {
    CURL *easy = job->easy;
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
    curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, IDLE_CONNECTION_MAX_S);
    curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, limit_silence);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, PEER_IDLE_S);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, PEER_ASK_EVERY_S);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE,
                     job->stream != NULL ? STREAM_RECEIVE_BUFFER_BYTES : RECEIVE_BUFFER_BYTES);
    curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, SEND_BUFFER_BYTES);
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
#if LIBCURL_VERSION_NUM >= 0x075700
    /* Else a cancelled transfer would hold the engine until its name lookup ends. */
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#endif
    if (job->request->is_public_only) {
        curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_public_socket);
        curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, job);
        curl_easy_setopt(easy, CURLOPT_NOPROXY,
                         "*"); /* or the proxy's address would be looked at */
    }
    if (!job->is_https) {
        curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
        curl_easy_setopt(easy, CURLOPT_NOPROXY, "*"); /* loopback stays on this machine */
        return;
    }
    bool is_shared = job->stream == NULL; /* see net/stream.h */
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                     (long)(is_shared ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
    curl_easy_setopt(easy, CURLOPT_PIPEWAIT, is_shared ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    /* libcurl would read all certificates again for every connection (27-40 ms). */
    curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
    curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, use_shared_trust);
    curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, job->net);
}

enum gate_err gate_net_transfer_prepare(struct gate_net_job *job) {
    CURL *easy = job->easy;
    job->detail = gate_arena_alloc(job->arena, CURL_ERROR_SIZE);
    gate_buffer_init(&job->body, job->request->max_response_bytes);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, job->detail);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, job);
    if (curl_easy_setopt(easy, CURLOPT_URL, job->request->url) != CURLE_OK) {
        return fail_job(job, GATE_ERR_INTERNAL, "%s: libcurl has no memory", job->host);
    }
    set_connection(job);
    set_method_and_body(job);
    set_headers(job);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, write_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, job);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, write_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, job);
    return GATE_OK;
}

/* Whether the other side may have carried the request out. */
static bool may_have_left(const struct gate_net_job *job) {
    return job->easy != NULL && job->was_sent;
}

static enum gate_err choose_kind(const struct gate_net_job *job, enum gate_err harmless) {
    return !job->request->is_read && may_have_left(job) ? GATE_ERR_OUTCOME_UNKNOWN : harmless;
}

static void hand_over(struct gate_net_job *job) {
    gate_buffer_append(&job->body, "", 0); /* makes the NUL exist also behind an empty body */
    gate_arena_defer(job->arena, free, job->body.data);
    *job->ret_response = (struct gate_net_response){
        .status = job->status,
        .headers = job->headers,
        .header_count = job->header_count,
        .body = job->body.data,
        .body_length = job->body.length,
    };
    job->body.data = NULL;
}

enum gate_err gate_net_transfer_judge(struct gate_net_job *job, CURLcode code) {
    long status = 0;
    curl_easy_getinfo(job->easy, CURLINFO_RESPONSE_CODE, &status);
    job->status = (int)status;
    if (code == CURLE_OK && (!job->headers_ended || status < 200)) {
        /* libcurl takes a connection that ends inside the head for the end of an answer without
         * body. */
        return fail_job(job, choose_kind(job, GATE_ERR_UNAVAILABLE), "%s: the answer has no head",
                        job->host);
    }
    if (code == CURLE_OK) {
        if (job->stream == NULL) {
            hand_over(job);
        }
        return GATE_OK;
    }
    if (job->refusal != NULL) {
        if (job->stream == NULL) {
            job->ret_response->was_refused = true;
        }
        return fail_job(job, choose_kind(job, GATE_ERR_UPSTREAM), "%s: %s", job->host,
                        job->refusal);
    }
    bool is_no_http = code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_WEIRD_SERVER_REPLY;
    const char *reason = job->detail[0] == '\0' ? curl_easy_strerror(code) : job->detail;
    return fail_job(job, choose_kind(job, is_no_http ? GATE_ERR_UPSTREAM : GATE_ERR_UNAVAILABLE),
                    "%s: %s (libcurl %d)", job->host, reason, (int)code);
}

enum gate_err gate_net_transfer_abandon(struct gate_net_job *job, enum gate_err reason) {
    /* What kept silent once is not asked again when the last transfer has left it (HTTP/2). */
    if (job->easy != NULL) {
        curl_easy_setopt(job->easy, CURLOPT_FORBID_REUSE, 1L);
    }
    const char *what = reason == GATE_ERR_TIMEOUT ? "no answer in time"
                       : job->lacked_connection   ? "no connection in time"
                                                  : "shutting down";
    return fail_job(job, choose_kind(job, reason), "%s: %s", job->host, what);
}

void gate_net_transfer_done(struct gate_net_job *job) {
    for (struct curl_slist *header = job->request_headers; header != NULL; header = header->next) {
        gate_secret_wipe(header->data, strlen(header->data));
    }
    curl_slist_free_all(job->request_headers);
    job->request_headers = NULL;
    gate_buffer_done(&job->body);
}
